//! The secrets of a handshake: from the key exchange to record keys and Finished values.
//!
//! ```text
//!   key exchange --+-- session hash (all messages up to ClientKeyExchange, RFC 7627 §4)
//!                  v
//!            master secret --> key block --> epoch 1, both directions
//!                  |---------> verify_data of both Finished
//!                  `---------> exporter
//! ```

use super::suite::Suite;
use crate::config::Role;
use crate::connection::Engine;
use crate::error::HandshakeError;
use crate::prf::{self, MasterSecret};
use crate::provider::SharedSecret;
use crate::records::Protection;

/// Labels that TLS uses itself, not to be exported (RFC 5705 §4).
pub(super) const RESERVED_LABELS: [&str; 5] =
    ["client finished", "server finished", "master secret", "extended master secret", "key expansion"];

/// The master secret, with the randoms that go into everything made of it.
#[derive(Debug)]
pub(super) struct Secrets {
    master: MasterSecret,
    suite: Suite,
    client_random: [u8; 32],
    server_random: [u8; 32],
}

impl Secrets {
    /// Binds the key exchange to the transcript as it stands: its last message must be ClientKeyExchange.
    pub(super) fn derive(
        engine: &mut Engine,
        suite: Suite,
        shared: &SharedSecret,
        randoms: ([u8; 32], [u8; 32]),
    ) -> Self {
        let provider = &*engine.config.provider;
        let session_hash = engine.transcript.hash_12(provider, suite.hash);
        let master = prf::extended_master_secret(provider, suite.hash, shared.as_ref(), &session_hash);
        let (client_random, server_random) = randoms;
        let secrets = Self { master, suite, client_random, server_random };
        engine.log_secret("CLIENT_RANDOM", &client_random, secrets.master.bytes());
        secrets
    }

    /// Makes epoch 1 ready in both directions. Reading begins at once: the epoch in each record says which
    /// keys it needs. Writing begins behind our ChangeCipherSpec.
    pub(super) fn install(&self, engine: &mut Engine) -> Result<(), HandshakeError> {
        let keys = self.master.key_block(self.suite.aead, &self.client_random, &self.server_random);
        let provider = &*engine.config.provider;
        let client = Protection::dtls12(provider, self.suite.aead, keys.client_key(), keys.client_iv())?;
        let server = Protection::dtls12(provider, self.suite.aead, keys.server_key(), keys.server_iv())?;
        let (read, write) = match engine.config.role {
            Role::Client => (server, client),
            Role::Server => (client, server),
        };
        engine.records.add_read_epoch(1, read);
        engine.records.add_write_epoch(1, write);
        Ok(())
    }

    /// What the Finished of `sender` must hold, given the transcript as it stands.
    pub(super) fn verify_data(&self, engine: &Engine, sender: Role) -> [u8; prf::VERIFY_DATA_LENGTH] {
        let hash = engine.transcript.hash_12(&*engine.config.provider, self.suite.hash);
        self.master.verify_data(sender == Role::Client, &hash)
    }

    pub(super) fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> bool {
        self.master.export(label.as_bytes(), context, &self.client_random, &self.server_random, out)
    }
}
