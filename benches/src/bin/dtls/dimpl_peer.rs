//! dimpl: the DTLS of str0m, over aws-lc-rs.

use std::sync::Arc;
use std::time::Instant;

use dimpl::crypto::{Dtls12CipherSuite, Dtls13CipherSuite};
use dimpl::{Config, Dtls, DtlsCertificate, NamedGroup, Output};

use crate::stack::{Endpoint, Group, MTU, Setup, Stack, Version, certificate};

pub(crate) struct Dimpl {
    version: Version,
    config: Arc<Config>,
    certificates: [DtlsCertificate; 2],
}

impl Stack for Dimpl {
    type End = DimplEnd;

    fn new(setup: Setup) -> Option<Self> {
        let group = match setup.group {
            Group::X25519 => NamedGroup::X25519,
            Group::P256 => NamedGroup::Secp256r1,
            Group::X25519MlKem768 => return None,
        };
        let config = Config::builder()
            .mtu(MTU)
            .kx_groups(&[group])
            .use_server_cookie(false)
            .dtls12_cipher_suites(&[Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256])
            .dtls13_cipher_suites(&[Dtls13CipherSuite::AES_128_GCM_SHA256])
            .build()
            .expect("a configuration of dimpl");
        let certificates = [(); 2].map(|()| {
            let (certificate, private_key) = certificate();
            DtlsCertificate { certificate, private_key }
        });
        Some(Self { version: setup.version, config: Arc::new(config), certificates })
    }

    fn pair(&self, now: Instant) -> (DimplEnd, DimplEnd) {
        let end = |index: usize| {
            let (config, certificate) = (self.config.clone(), self.certificates[index].clone());
            let mut dtls = match self.version {
                Version::V12 => Dtls::new_12(config, certificate, now),
                Version::V13 => Dtls::new_13(config, certificate, now),
            };
            dtls.set_active(index == 0);
            // Its server draws its random at the first timeout; its client says hello there, so it waits for `start`.
            if index == 1 {
                let _ = dtls.handle_timeout(now);
            }
            DimplEnd { dtls, connected: false, buffer: vec![0; 2048], opened: 0 }
        };
        (end(0), end(1))
    }
}

pub(crate) struct DimplEnd {
    dtls: Dtls,
    connected: bool,
    buffer: Vec<u8>,
    opened: usize,
}

impl Endpoint for DimplEnd {
    fn start(&mut self, now: Instant) {
        let _ = self.dtls.handle_timeout(now);
    }

    fn transmit(&mut self, _now: Instant, out: &mut Vec<u8>) -> bool {
        loop {
            match self.dtls.poll_output(&mut self.buffer) {
                Output::Packet(packet) => {
                    out.extend_from_slice(packet);
                    return true;
                }
                Output::Connected => self.connected = true,
                Output::ApplicationData(data) => self.opened = data.len(),
                Output::Timeout(_) | Output::CloseNotify | Output::BufferTooSmall { .. } => return false,
                _ => {}
            }
        }
    }

    fn receive(&mut self, _now: Instant, datagram: &mut Vec<u8>) {
        let _ = self.dtls.handle_packet(datagram);
    }

    fn is_connected(&self) -> bool {
        self.connected
    }

    fn seal(&mut self, now: Instant, payload: &[u8], out: &mut Vec<u8>) {
        let _ = self.dtls.send_application_data(payload);
        self.transmit(now, out);
    }

    fn open(&mut self, now: Instant, datagram: &mut Vec<u8>) -> usize {
        self.receive(now, datagram);
        self.opened = 0;
        let length = datagram.len();
        self.transmit(now, datagram);
        datagram.truncate(length);
        self.opened
    }
}
