//! The one that is judged: a `plywood_dtls::Connection`, and what came of it.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use plywood_dtls::wire::codes::{CipherSuite, NamedGroup};
use plywood_dtls::{CloseReason, Config, Connection, Event, Identity, Role, Version, Versions, provider};

use crate::cell::{Cell, HYBRID, Offer};

/// A certificate and key in the forms that judges take.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) pem: String,
    pub(crate) key_pem: String,
}

impl Certificate {
    /// Self-signed, ECDSA P-256.
    pub(crate) fn generate() -> Result<Self> {
        let key = rcgen::KeyPair::generate()?;
        let made = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        Ok(Self {
            der: made.der().to_vec(),
            key: key.serialize_der(),
            pem: made.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    fn identity(&self) -> Result<Arc<Identity>> {
        let identity = Identity::from_der(&*provider::ring(), &self.der, &self.key);
        Ok(identity.ok().context("our own certificate cannot be used")?.into_shared())
    }
}

/// What was agreed on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Agreed {
    pub(crate) version: Version,
    pub(crate) suite: CipherSuite,
    pub(crate) group: NamedGroup,
}

impl std::fmt::Display for Agreed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let version = if self.version == Version::Dtls13 { "1.3" } else { "1.2" };
        write!(f, "DTLS {version}, {:?}, {:?}", self.group, self.suite)
    }
}

/// Our side.
#[derive(Debug)]
pub(crate) struct Subject {
    connection: Connection,
    pub(crate) agreed: Option<Agreed>,
    pub(crate) closed: Option<CloseReason>,
    pub(crate) received: Vec<u8>,
}

impl Subject {
    /// Our side of `cell`; it takes no other certificate than `theirs`.
    pub(crate) fn new(
        cell: &Cell,
        ours: &Certificate,
        theirs: &Certificate,
        seed: u64,
        now: Instant,
    ) -> Result<Self> {
        let known = vec![theirs.identity()?.fingerprint().clone()];
        let mut config = Config::new(cell.role, ours.identity()?, provider::ring(), known);
        config.mtu_bytes = cell.scenario.mtu();
        // A judge's machine may be slow, but a lost datagram should not cost a second each time.
        config.initial_timeout = std::time::Duration::from_millis(200);
        config.max_timeouts = 30;
        config.versions = match (cell.version, cell.offer) {
            (_, Offer::Both | Offer::BothShort) => Versions::default(),
            (Version::Dtls13, _) => Versions::ONLY_1_3,
            _ => Versions::ONLY_1_2,
        };
        match cell.offer {
            Offer::BothShort | Offer::Short => {
                config.groups = vec![NamedGroup::X25519, NamedGroup::SECP256R1];
            }
            // A share is sent of the first alone.
            Offer::Retry(HYBRID) => config.groups = vec![NamedGroup::SECP256R1, HYBRID],
            Offer::Retry(group) => config.groups = vec![NamedGroup::X25519, group],
            Offer::Group(group) => config.groups = vec![group],
            Offer::Suite(suite) => {
                config.cipher_suites = vec![suite];
                config.groups = vec![NamedGroup::X25519, NamedGroup::SECP256R1];
            }
            Offer::Only | Offer::Both => {}
        }
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let mut connection = Connection::new(config, bytes, now);
        if cell.role == Role::Client {
            connection.start(now);
        }
        Ok(Self { connection, agreed: None, closed: None, received: Vec::new() })
    }

    /// A datagram came.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &mut [u8]) {
        let mut at = 0;
        while at < datagram.len() {
            at = match self.connection.open_record(now, datagram, at) {
                Ok(opened) => {
                    let data = opened.plaintext.and_then(|range| datagram.get(range));
                    self.received.extend_from_slice(data.unwrap_or_default());
                    opened.next
                }
                Err(discarded) => discarded.next,
            };
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Connected { version, suite, group } => {
                    self.agreed = Some(Agreed { version, suite, group });
                }
                Event::Closed(reason) => self.closed = Some(reason),
                _ => {}
            }
        }
        while let Some(data) = self.connection.poll_early_data() {
            self.received.extend_from_slice(&data);
        }
    }

    /// The next datagram to be sent.
    pub(crate) fn transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.connection.poll_transmit(now, &mut out)?;
        Some(out)
    }

    /// Application data as a datagram.
    pub(crate) fn seal(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mark = self.connection.begin_record(&mut out).ok()?;
        out.extend_from_slice(data);
        self.connection.finish_record(&mut out, mark).ok()?;
        Some(out)
    }

    /// When it wants to be woken.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    /// Wakes it.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.connection.handle_timeout(now);
        self.drain();
    }

    /// What it counted, told where a cell fails.
    pub(crate) fn stats(&self) -> &plywood_dtls::Stats {
        self.connection.stats()
    }

    /// Says good-bye.
    pub(crate) fn close(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.connection.close(now);
        self.transmit(now)
    }
}
