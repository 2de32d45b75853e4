//! Ours, with either provider.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use plywood_dtls::wire::codes::{CipherSuite, NamedGroup};
use plywood_dtls::{Config, Connection, Identity, Role, Versions, provider};

use crate::stack::{Endpoint, Group, MTU, Setup, Stack, Version, certificate};

/// Which library of primitives.
pub(crate) trait Primitives {
    fn provider() -> Arc<dyn provider::Provider>;
}

/// The default.
pub(crate) struct Ring;
/// The additive one.
pub(crate) struct AwsLc;

impl Primitives for Ring {
    fn provider() -> Arc<dyn provider::Provider> {
        provider::ring()
    }
}

impl Primitives for AwsLc {
    fn provider() -> Arc<dyn provider::Provider> {
        provider::aws_lc_rs()
    }
}

/// Plywood over `P`.
pub(crate) struct Plywood<P> {
    client: Config,
    server: Config,
    primitives: PhantomData<P>,
}

impl<P: Primitives> Stack for Plywood<P> {
    type End = Connection;

    fn new(setup: Setup) -> Option<Self> {
        if (setup.version, setup.group) == (Version::V12, Group::X25519MlKem768) {
            return None; // 1.2 has no hybrid groups
        }
        let provider = P::provider();
        let identity = || {
            let (certificate, key) = certificate();
            Identity::from_der(&*provider, &certificate, &key).expect("an identity").into_shared()
        };
        let (ours, theirs) = (identity(), identity());
        let config = |role, own: &Arc<Identity>, other: &Arc<Identity>| {
            let known = vec![other.fingerprint().clone()];
            let mut config = Config::new(role, own.clone(), provider.clone(), known);
            config.mtu_bytes = MTU;
            (config.versions, config.cipher_suites) = match setup.version {
                Version::V12 => {
                    (Versions::ONLY_1_2, vec![CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256])
                }
                Version::V13 => (Versions::ONLY_1_3, vec![CipherSuite::TLS_AES_128_GCM_SHA256]),
            };
            config.groups = vec![match setup.group {
                Group::X25519 => NamedGroup::X25519,
                Group::P256 => NamedGroup::SECP256R1,
                Group::X25519MlKem768 => NamedGroup::X25519_MLKEM768,
            }];
            config
        };
        let (client, server) = (config(Role::Client, &ours, &theirs), config(Role::Server, &theirs, &ours));
        Some(Self { client, server, primitives: PhantomData })
    }

    fn pair(&self, now: Instant) -> (Connection, Connection) {
        let client = Connection::new(self.client.clone(), [1; 32], now);
        (client, Connection::new(self.server.clone(), [2; 32], now))
    }
}

impl Endpoint for Connection {
    fn start(&mut self, now: Instant) {
        Self::start(self, now);
    }

    fn transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.poll_transmit(now, out).is_some()
    }

    fn receive(&mut self, now: Instant, datagram: &mut Vec<u8>) {
        let mut at = 0;
        while at < datagram.len() {
            at = match self.open_record(now, datagram, at) {
                Ok(opened) => opened.next,
                Err(discarded) => discarded.next,
            };
        }
    }

    fn is_connected(&self) -> bool {
        Self::is_connected(self)
    }

    fn seal(&mut self, _now: Instant, payload: &[u8], out: &mut Vec<u8>) {
        let Ok(mark) = self.begin_record(out) else { return };
        out.extend_from_slice(payload);
        let _ = self.finish_record(out, mark);
    }

    fn open(&mut self, now: Instant, datagram: &mut Vec<u8>) -> usize {
        match self.open_record(now, datagram, 0) {
            Ok(opened) => opened.plaintext.map_or(0, |range| range.len()),
            Err(_) => 0,
        }
    }
}
