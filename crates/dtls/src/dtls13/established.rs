//! Behind the handshake: key updates, tickets, exporters (RFC 9147 §8, RFC 8446 §4.6).
//!
//! Problem: an AEAD key wears out (RFC 9147 §4.5.3), and datagrams under the old and the new one are mixed on the
//! way.
//! How: whoever writes announces new keys and goes on under the old ones until the announcement is acknowledged;
//! nothing stalls. Whoever reads has the new keys before it acknowledges, and keeps the old ones for stragglers.
//!
//! ```text
//!   writer   epoch 3 ..........KeyUpdate....data 3......  |  epoch 4 ....
//!                                  \              ACK /
//!   reader   reads 3 ............... reads 3 and 4 .......  3 is forgotten four minutes after the first record of 4
//! ```
//! At most one update of ours is under way; a peer that asks for ours meanwhile is served by it.

use std::time::Instant;

use super::secrets::{install_read, install_write};
use super::{APPLICATION_EPOCH, Agreed, decode};
use crate::config::Role;
use crate::connection::Engine;
use crate::connection_id;
use crate::error::HandshakeError;
use crate::key_schedule::{ApplicationSecrets, ExporterSecret, Hkdf, TrafficSecret};
use crate::proof::{FinishedVerified, VerifiedPeer};
use crate::reassembly::Message;
use crate::wire::HandshakeType;
use crate::wire::codes::{CipherSuite, NamedGroup};
use crate::wire::key_update::KeyUpdate;

/// What is left of a handshake that succeeded. It cannot be made without the two proofs.
#[derive(Debug)]
pub(crate) struct Established {
    /// `None` only where the configuration lets clients in without a certificate.
    pub peer: Option<VerifiedPeer>,
    agreed: Agreed,
    hkdf: Hkdf,
    exporter: ExporterSecret,
    read: Direction,
    write: Direction,
    /// An update of ours that waits for its turn.
    wanted: Option<KeyUpdate>,
    /// Whether an update of ours waits for its ACK.
    under_way: bool,
    /// KeyUpdates of the peer since its last data.
    updates_without_data: u32,
}

/// What became of an update that was to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Update {
    /// None is wanted, or another one is under way, or it has begun.
    Done,
    /// There is no epoch or no message number left for it.
    Exhausted,
}

/// The last epoch: one that every reader can count (RFC 9147, erratum 8050).
const LAST_EPOCH: u64 = 0xffff;

/// So many updates in a row are taken without data between them: a peer that wants more wants our time.
const MAX_UPDATES_WITHOUT_DATA: u32 = 32;

#[derive(Debug)]
struct Direction {
    epoch: u64,
    secret: TrafficSecret,
}

impl Established {
    pub(super) fn new(
        agreed: Agreed,
        hkdf: Hkdf,
        secrets: ApplicationSecrets,
        role: Role,
        peer: Option<VerifiedPeer>,
        _: FinishedVerified,
    ) -> Box<Self> {
        let ApplicationSecrets { client, server, exporter } = secrets;
        let direction = |secret| Direction { epoch: APPLICATION_EPOCH, secret };
        let (read, write) = match role {
            Role::Client => (direction(server), direction(client)),
            Role::Server => (direction(client), direction(server)),
        };
        Box::new(Self {
            peer,
            agreed,
            hkdf,
            exporter,
            read,
            write,
            wanted: None,
            under_way: false,
            updates_without_data: 0,
        })
    }

    pub(crate) fn suite(&self) -> CipherSuite {
        self.agreed.suite.id
    }

    pub(crate) fn group(&self) -> NamedGroup {
        self.agreed.group
    }

    pub(crate) fn srtp_profile(&self) -> Option<u16> {
        self.agreed.srtp_profile
    }

    /// RFC 8446 §7.5. No context and an empty one are the same.
    pub(crate) fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) {
        self.exporter.export(&self.hkdf, label.as_bytes(), context.unwrap_or_default(), out);
    }

    /// Messages behind the handshake. Each is acknowledged by the record that carried it.
    pub(crate) fn on_message(
        &mut self,
        engine: &mut Engine,
        message: &Message,
    ) -> Result<(), HandshakeError> {
        // A KeyUpdate ends its epoch, and the handshake ended epoch 2 (RFC 9147 §8).
        if message.epoch != self.read.epoch {
            return Err(HandshakeError::ExcessHandshakeData);
        }
        match message.message_type {
            HandshakeType::KEY_UPDATE => self.on_key_update(engine, message),
            HandshakeType::NEW_CONNECTION_ID => connection_id::on_new(engine, message),
            HandshakeType::REQUEST_CONNECTION_ID => connection_id::on_request(engine, message),
            // No session is resumed.
            HandshakeType::NEW_SESSION_TICKET if engine.config.role == Role::Client => Ok(()),
            received => {
                Err(HandshakeError::UnexpectedMessage { received, expected: HandshakeType::KEY_UPDATE })
            }
        }
    }

    fn on_key_update(&mut self, engine: &mut Engine, message: &Message) -> Result<(), HandshakeError> {
        let update = KeyUpdate::parse(&message.body).map_err(decode(HandshakeType::KEY_UPDATE))?;
        self.updates_without_data += 1;
        if self.updates_without_data > MAX_UPDATES_WITHOUT_DATA || self.read.epoch == LAST_EPOCH {
            return Err(HandshakeError::TooManyKeyUpdates);
        }
        // Stragglers of the epoch that ends here are still read; those before it are not.
        engine.records.drop_read_epochs_before(self.read.epoch);
        engine.old_keys_until = None;
        self.read = Direction { epoch: self.read.epoch + 1, secret: self.read.secret.next(&self.hkdf) };
        install_read(engine, self.read.epoch, &self.hkdf, self.agreed.suite, &self.read.secret)?;
        if update.update_requested && !self.under_way && self.wanted.is_none() {
            self.wanted = Some(KeyUpdate { update_requested: false });
        }
        Ok(())
    }

    /// The peer has a use for its keys.
    pub(crate) fn data_arrived(&mut self) {
        self.updates_without_data = 0;
    }

    /// We want to write under new keys, and perhaps the peer too.
    pub(crate) fn want_update(&mut self, update: KeyUpdate) {
        let update_requested =
            update.update_requested || self.wanted.is_some_and(|wanted| wanted.update_requested);
        if !self.under_way || update_requested {
            self.wanted = Some(KeyUpdate { update_requested });
        }
    }

    /// Whether keys that are worn are about to be changed.
    pub(crate) fn is_updating(&self) -> bool {
        self.under_way || self.wanted.is_some()
    }

    /// Begins the update that is wanted, once nothing else waits for an ACK (RFC 9147 §8).
    pub(crate) fn begin_update(&mut self, engine: &mut Engine, now: Instant) -> Update {
        if self.under_way || !engine.flight.is_empty() {
            return Update::Done;
        }
        let Some(update) = self.wanted.take() else { return Update::Done };
        if self.write.epoch == LAST_EPOCH || engine.messages_are_exhausted() {
            return Update::Exhausted;
        }
        self.under_way = true;
        engine.say_late(HandshakeType::KEY_UPDATE, update.encode().to_vec());
        engine.await_answer(now);
        Update::Done
    }

    /// All that we said is acknowledged: if it was an update, the new keys are taken into use.
    pub(crate) fn on_acknowledged(&mut self, engine: &mut Engine) -> Result<(), HandshakeError> {
        if !std::mem::take(&mut self.under_way) {
            return Ok(());
        }
        self.write = Direction { epoch: self.write.epoch + 1, secret: self.write.secret.next(&self.hkdf) };
        install_write(engine, self.write.epoch, &self.hkdf, self.agreed.suite, &self.write.secret)?;
        engine.records.drop_write_epochs_before(self.write.epoch);
        tracing::debug!(epoch = self.write.epoch, "writing under new keys");
        Ok(())
    }
}
