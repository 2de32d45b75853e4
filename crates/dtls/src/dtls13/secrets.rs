//! The secrets of a handshake of 1.3, and taking their keys into use.
//!
//! ```text
//!   key exchange + hash up to ServerHello      -> epoch 2, both directions     (Secrets)
//!                  hash up to server Finished  -> epoch 3, exporter            (ApplicationSecrets)
//! ```
//! A server writes epoch 3 right behind its Finished, but reads it only once the client has proved itself.

use super::{HANDSHAKE_EPOCH, Suite};
use crate::config::Role;
use crate::connection::Engine;
use crate::error::HandshakeError;
use crate::key_schedule::{ApplicationSecrets, HandshakeSecrets, Hkdf, TrafficSecret};
use crate::provider::{Digest, SharedSecret};
use crate::records::Protection;

/// What the hellos give.
#[derive(Debug)]
pub(super) struct Secrets {
    pub hkdf: Hkdf,
    pub suite: Suite,
    handshake: HandshakeSecrets,
    client_random: [u8; 32],
}

impl Secrets {
    /// From the key exchange and the transcript, whose last message must be ServerHello; epoch 2 is taken into
    /// use in both directions, and nothing else counts as the peer's from now on.
    pub(super) fn derive(
        engine: &mut Engine,
        suite: Suite,
        shared: &SharedSecret,
        client_random: [u8; 32],
    ) -> Result<Self, HandshakeError> {
        let hkdf = Hkdf::new(engine.config.provider.clone(), suite.hash);
        let hash = engine.transcript.hash_13();
        let handshake = HandshakeSecrets::derive(&hkdf, shared.as_ref(), &hash);
        let secrets = Self { hkdf, suite, handshake, client_random };
        let HandshakeSecrets { client, server, .. } = &secrets.handshake;
        engine.log_secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", &client_random, client.bytes());
        engine.log_secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", &client_random, server.bytes());
        let (read, write) = match engine.config.role {
            Role::Client => (server, client),
            Role::Server => (client, server),
        };
        install_read(engine, HANDSHAKE_EPOCH, &secrets.hkdf, suite, read)?;
        install_write(engine, HANDSHAKE_EPOCH, &secrets.hkdf, suite, write)?;
        engine.reassembly.require_epoch(HANDSHAKE_EPOCH);
        Ok(secrets)
    }

    /// What the Finished of `sender` must hold, given the transcript as it stands.
    pub(super) fn verify_data(&self, engine: &Engine, sender: Role) -> Digest {
        let secret = match sender {
            Role::Client => &self.handshake.client,
            Role::Server => &self.handshake.server,
        };
        secret.verify_data(&self.hkdf, &engine.transcript.hash_13())
    }

    /// The application secrets; the transcript must end with the server's Finished.
    pub(super) fn application(&self, engine: &mut Engine) -> ApplicationSecrets {
        let secrets = self.handshake.application(&self.hkdf, &engine.transcript.hash_13());
        engine.log_secret("CLIENT_TRAFFIC_SECRET_0", &self.client_random, secrets.client.bytes());
        engine.log_secret("SERVER_TRAFFIC_SECRET_0", &self.client_random, secrets.server.bytes());
        engine.log_secret("EXPORTER_SECRET", &self.client_random, secrets.exporter.bytes());
        secrets
    }
}

/// From now on records of `epoch` can be opened.
pub(super) fn install_read(
    engine: &mut Engine,
    epoch: u64,
    hkdf: &Hkdf,
    suite: Suite,
    secret: &TrafficSecret,
) -> Result<(), HandshakeError> {
    let keys = secret.record_keys(hkdf, suite.aead)?;
    engine.records.add_read_epoch(epoch, Protection::dtls13(suite.aead, keys));
    Ok(())
}

/// From now on we write under `epoch`.
pub(super) fn install_write(
    engine: &mut Engine,
    epoch: u64,
    hkdf: &Hkdf,
    suite: Suite,
    secret: &TrafficSecret,
) -> Result<(), HandshakeError> {
    let keys = secret.record_keys(hkdf, suite.aead)?;
    engine.records.add_write_epoch(epoch, Protection::dtls13(suite.aead, keys));
    engine.write_epoch = epoch;
    Ok(())
}
