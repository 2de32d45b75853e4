//! rtc-dtls: the DTLS of webrtc-rs, over ring. 1.2 only; its client offers its groups in one fixed order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint as Demultiplexer, EndpointEvent};
use rtc_shared::TransportProtocol;

use crate::stack::{Endpoint, Group, MTU, Setup, Stack, Version};

pub(crate) struct RtcDtls {
    client: Arc<HandshakeConfig>,
    server: Arc<HandshakeConfig>,
}

/// Addresses mean nothing here; each side sees the other at this one.
fn remote() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5000))
}

impl Stack for RtcDtls {
    type End = RtcEnd;

    fn new(setup: Setup) -> Option<Self> {
        // Its server takes the first group of the client that it has, and its client offers P-256 first.
        if (setup.version, setup.group) != (Version::V12, Group::P256) {
            return None;
        }
        let provider = rtc_crypto::default_provider().ok()?;
        let config = |is_client| {
            let certificate =
                Certificate::generate_self_signed(vec!["bench".to_owned()], provider.crypto()).ok()?;
            let config = ConfigBuilder::default()
                .with_crypto_provider(provider.clone())
                .with_certificates(vec![certificate])
                .with_cipher_suites(vec![CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256])
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                .with_insecure_skip_verify(true)
                .with_mtu(MTU);
            config.build(is_client, Some(remote())).ok().map(Arc::new)
        };
        Some(Self { client: config(true)?, server: config(false)? })
    }

    fn pair(&self, _now: Instant) -> (RtcEnd, RtcEnd) {
        let end = |config: Option<&Arc<HandshakeConfig>>, client: Option<&Arc<HandshakeConfig>>| RtcEnd {
            endpoint: Demultiplexer::new(remote(), TransportProtocol::UDP, config.cloned()),
            client: client.cloned(),
            connected: false,
        };
        (end(None, Some(&self.client)), end(Some(&self.server), None))
    }
}

pub(crate) struct RtcEnd {
    endpoint: Demultiplexer,
    client: Option<Arc<HandshakeConfig>>,
    connected: bool,
}

impl RtcEnd {
    fn read(&mut self, now: Instant, datagram: &[u8]) -> usize {
        let mut opened = 0;
        // It takes the datagram as a buffer of its own.
        for event in self.endpoint.read(now, remote(), None, BytesMut::from(datagram)).unwrap_or_default() {
            match event {
                EndpointEvent::HandshakeComplete => self.connected = true,
                EndpointEvent::ApplicationData(data) => opened = data.len(),
                _ => {}
            }
        }
        opened
    }
}

impl Endpoint for RtcEnd {
    fn start(&mut self, now: Instant) {
        if let Some(config) = &self.client {
            let _ = self.endpoint.connect(now, remote(), config.clone(), None);
        }
    }

    fn transmit(&mut self, _now: Instant, out: &mut Vec<u8>) -> bool {
        let Some(datagram) = self.endpoint.poll_transmit() else { return false };
        out.extend_from_slice(&datagram.message);
        true
    }

    fn receive(&mut self, now: Instant, datagram: &mut Vec<u8>) {
        self.read(now, datagram);
    }

    fn is_connected(&self) -> bool {
        self.connected
    }

    fn seal(&mut self, now: Instant, payload: &[u8], out: &mut Vec<u8>) {
        let _ = self.endpoint.write(now, remote(), payload);
        self.transmit(now, out);
    }

    fn open(&mut self, now: Instant, datagram: &mut Vec<u8>) -> usize {
        self.read(now, datagram)
    }
}
