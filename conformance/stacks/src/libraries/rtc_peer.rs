//! rtc-dtls, the DTLS of webrtc-rs: 1.2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use bytes::BytesMut;
use plywood_dtls::wire::codes::CipherSuite;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType};
use rtc_dtls::crypto::Certificate as Pair;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_shared::TransportProtocol;

use super::{Judge, is_client};
use crate::cell::Cell;
use crate::subject::Certificate;

/// Its suites of our kind.
pub(crate) const SUITES: &[CipherSuite] = &[
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// The adapter.
pub(crate) struct RtcDtls {
    endpoint: Endpoint,
    connected: bool,
    received: Vec<u8>,
}

/// Addresses mean nothing here; each side sees the other at this one.
fn remote() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5000))
}

impl Judge for RtcDtls {
    fn new(cell: &Cell, certificate: &Certificate, now: Instant) -> Result<Self> {
        let provider = rtc_crypto::default_provider().map_err(|error| anyhow!("{error}"))?;
        // It reads another label than everybody writes.
        let key = certificate.key_pem.replace("PRIVATE KEY", "PRIVATE_KEY");
        let pair = Pair::from_pem(&(key + &certificate.pem), provider.crypto());
        let config = ConfigBuilder::default()
            .with_certificates(vec![pair.map_err(|error| anyhow!("{error}"))?])
            .with_crypto_provider(provider)
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_insecure_skip_verify(true)
            .with_flight_interval(Duration::from_millis(200))
            // Its MTU is that of the fragment: the headers of record and handshake, 13 and 12 bytes, come on top.
            .with_mtu(cell.scenario.mtu() - 25)
            .build(is_client(cell), Some(remote()));
        let config = Arc::new(config.map_err(|error| anyhow!("{error}"))?);
        let server = (!is_client(cell)).then(|| config.clone());
        let mut endpoint = Endpoint::new(remote(), TransportProtocol::UDP, server);
        if is_client(cell) {
            endpoint.connect(now, remote(), config, None).map_err(|error| anyhow!("{error}"))?;
        }
        Ok(Self { endpoint, connected: false, received: Vec::new() })
    }

    fn receive(&mut self, now: Instant, datagram: &[u8]) -> Result<()> {
        let events = self.endpoint.read(now, remote(), None, BytesMut::from(datagram));
        for event in events.map_err(|error| anyhow!("{error}")).context("it gave up")? {
            match event {
                EndpointEvent::HandshakeComplete => self.connected = true,
                EndpointEvent::ApplicationData(data) => self.received.extend_from_slice(&data),
                _ => {}
            }
        }
        Ok(())
    }

    fn transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        Some(self.endpoint.poll_transmit()?.message.to_vec())
    }

    fn is_connected(&self) -> bool {
        self.connected
    }

    fn send(&mut self, now: Instant, data: &[u8]) {
        let _ = self.endpoint.write(now, remote(), data);
    }

    fn received(&self) -> &[u8] {
        &self.received
    }

    fn timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&remote())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<()> {
        self.endpoint.handle_timeout(remote(), now).map_err(|error| anyhow!("it gave up: {error}"))
    }
}
