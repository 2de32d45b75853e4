//! Reading somebody's records with the keys out of a key log: for tools that explain a capture.
//!
//! Problem: a capture of DTLS shows headers and noise; who has the secrets should see what the ends saw.
//! How: one direction is a read side without a handshake. Secrets come from a key log instead of a key exchange,
//! and give the same keys in the same way.
//!
//! ```text
//!   CLIENT_RANDOM .. master secret   --key expansion--------> epoch 1, both directions       (1.2)
//!   CLIENT_HANDSHAKE_TRAFFIC_SECRET  --"key" | "iv" | "sn"--> epoch 2 of the client          (1.3)
//!   CLIENT_TRAFFIC_SECRET_0          --                   --> epoch 3, then --"traffic upd"--> epoch 4 ..
//! ```
//! It authenticates like an end, so what it shows is what the peer said. More: RFC 9147 §6.1; docs/inspect.md.

use std::ops::Range;
use std::sync::Arc;

use crate::Discarded;
use crate::config::Role;
use crate::error::Discard;
use crate::key_schedule::{Hkdf, TrafficSecret};
use crate::prf::{MASTER_SECRET_LENGTH, MasterSecret};
use crate::provider::{CryptoError, Provider};
use crate::records::{Protection, RecordNumber, Records, Unopened};
use crate::wire::ContentType;
use crate::wire::codes::CipherSuite;

/// Opens the records of one direction.
#[derive(Debug)]
pub struct Eavesdropper {
    provider: Arc<dyn Provider>,
    records: Records,
    /// 1.3: the newest secret, its epoch and its suite, from which a key update goes on.
    newest: Option<(u64, TrafficSecret, CipherSuite)>,
}

/// A record in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overheard {
    /// Where the next record begins.
    pub next: usize,
    /// What it is known by; all bits of it.
    pub number: RecordNumber,
    /// What it holds: in 1.3 this was encrypted too.
    pub content_type: ContentType,
    /// Where the content stands in the datagram now.
    pub plaintext: Range<usize>,
}

impl Eavesdropper {
    /// Without keys: it opens what is in the clear.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>) -> Self {
        Self { provider, records: Records::new(), newest: None }
    }

    /// 1.2: what `speaker` says under epoch 1.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] for a suite that is not of 1.2, or that we do not speak.
    pub fn add_master_secret(
        &mut self,
        suite: CipherSuite,
        master_secret: [u8; MASTER_SECRET_LENGTH],
        randoms: [&[u8; 32]; 2],
        speaker: Role,
    ) -> Result<(), CryptoError> {
        let (Some(aead), Some(hash)) = (suite.aead(), suite.hash()) else {
            return Err(CryptoError::InvalidKey);
        };
        let [client_random, server_random] = randoms;
        let master = MasterSecret::from_key_log(&*self.provider, hash, master_secret);
        let block = master.key_block(aead, client_random, server_random);
        let (key, iv) = match speaker {
            Role::Client => (block.client_key(), block.client_iv()),
            Role::Server => (block.server_key(), block.server_iv()),
        };
        self.records.add_read_epoch(1, Protection::dtls12(&*self.provider, aead, key, iv)?);
        Ok(())
    }

    /// 1.3: what is said under `epoch` with this traffic secret: 2 in the handshake, 3 behind it.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] for a suite that we do not speak, or a secret of another length than its hash.
    pub fn add_traffic_secret(
        &mut self,
        suite: CipherSuite,
        epoch: u64,
        secret: &[u8],
    ) -> Result<(), CryptoError> {
        if suite.hash().is_none_or(|hash| hash.length() != secret.len()) {
            return Err(CryptoError::InvalidKey);
        }
        self.add_epoch(suite, epoch, TrafficSecret::from_key_log(secret))
    }

    /// 1.3: a KeyUpdate was said; the next epoch can be opened too.
    ///
    /// # Errors
    /// Those of the provider.
    pub fn update_keys(&mut self) -> Result<(), CryptoError> {
        let Some((epoch, secret, suite)) = &self.newest else { return Ok(()) };
        let Some(hash) = suite.hash() else { return Ok(()) };
        let next = secret.next(&Hkdf::new(self.provider.clone(), hash));
        self.add_epoch(*suite, *epoch + 1, next)
    }

    fn add_epoch(
        &mut self,
        suite: CipherSuite,
        epoch: u64,
        secret: TrafficSecret,
    ) -> Result<(), CryptoError> {
        let (Some(aead), Some(hash)) = (suite.aead(), suite.hash()) else {
            return Err(CryptoError::InvalidKey);
        };
        let keys = secret.record_keys(&Hkdf::new(self.provider.clone(), hash), aead)?;
        // Two bits of the epoch stand in a record: an older one with the same bits is over.
        self.records.drop_read_epochs_before(epoch.saturating_sub(3));
        self.records.add_read_epoch(epoch, Protection::dtls13(aead, keys));
        self.newest = Some((epoch, secret, suite));
        Ok(())
    }

    /// Opens the record that begins at `at`, in place.
    ///
    /// # Errors
    /// Why not, and where the next one begins.
    pub fn open(&mut self, datagram: &mut [u8], at: usize) -> Result<Overheard, Discarded> {
        match self.records.open(datagram, at) {
            Ok(record) => Ok(Overheard {
                next: record.next,
                number: record.number,
                content_type: record.content_type,
                plaintext: record.plaintext,
            }),
            Err(Unopened::Discarded(discarded)) => Err(discarded),
            Err(Unopened::Early { next }) => Err(Discarded { next, reason: Discard::UnknownEpoch }),
        }
    }
}
