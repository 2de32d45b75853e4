//! dimpl, the DTLS of str0m: 1.2 and 1.3.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use dimpl::{Config, Dtls, DtlsCertificate, NamedGroup, Output};

use super::{Judge, is_13, is_client};
use crate::cell::{Cell, Offer};
use crate::subject::Certificate;

/// The adapter.
#[derive(Debug)]
pub(crate) struct Dimpl {
    dtls: Dtls,
    connected: bool,
    received: Vec<u8>,
    timeout: Option<Instant>,
    buffer: Vec<u8>,
}

impl Judge for Dimpl {
    fn new(cell: &Cell, certificate: &Certificate, now: Instant) -> Result<Self> {
        let mut config = Config::builder()
            .mtu(cell.scenario.mtu())
            .flight_retries(20)
            .flight_start_rto(Duration::from_millis(200));
        if matches!(cell.offer, Offer::Retry(_)) {
            config = config.kx_groups(&[NamedGroup::Secp256r1]);
        }
        let config = Arc::new(config.build().map_err(|error| anyhow!("{error}"))?);
        let certificate =
            DtlsCertificate { certificate: certificate.der.clone(), private_key: certificate.key.clone() };
        let mut dtls = if is_13(cell) {
            Dtls::new_13(config, certificate, now)
        } else {
            Dtls::new_12(config, certificate, now)
        };
        dtls.set_active(is_client(cell));
        dtls.handle_timeout(now).map_err(|error| anyhow!("{error}"))?;
        Ok(Self { dtls, connected: false, received: Vec::new(), timeout: None, buffer: vec![0; 4096] })
    }

    fn receive(&mut self, _now: Instant, datagram: &[u8]) -> Result<()> {
        self.dtls.handle_packet(datagram).map_err(|error| anyhow!("it gave up: {error}"))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        loop {
            match self.dtls.poll_output(&mut self.buffer) {
                Output::Packet(packet) => return Some(packet.to_vec()),
                Output::Timeout(at) => {
                    self.timeout = Some(at);
                    return None;
                }
                Output::Connected => self.connected = true,
                Output::ApplicationData(data) => self.received.extend_from_slice(data),
                Output::BufferTooSmall { .. } | Output::CloseNotify => return None,
                _ => {}
            }
        }
    }

    fn is_connected(&self) -> bool {
        self.connected
    }

    fn send(&mut self, _now: Instant, data: &[u8]) {
        let _ = self.dtls.send_application_data(data);
    }

    fn received(&self) -> &[u8] {
        &self.received
    }

    fn timeout(&self) -> Option<Instant> {
        self.timeout
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<()> {
        self.timeout = None;
        self.dtls.handle_timeout(now).map_err(|error| anyhow!("it gave up: {error}"))
    }
}
