//! Commands and questions about connection ids; see `crate::connection_id`.

use std::time::Instant;

use super::{Connection, Phase};
use crate::connection_id::ConnectionIdError;
use crate::wire::connection_id::ConnectionId;

impl Connection {
    /// The ids by which the peer may reach this connection, for a table that finds connections by them; none if
    /// none were agreed on. A client offers its own before it knows the answer, so the table may be filled then.
    pub fn connection_ids(&self) -> impl Iterator<Item = &ConnectionId> {
        self.engine.records.receive_ids().iter()
    }

    /// The id in front of what we send; empty if there is none.
    #[must_use]
    pub fn peer_connection_id(&self) -> &ConnectionId {
        self.engine.records.send_id()
    }

    /// Whether the record opened last was authentic and newer than all before it. Only then may its source be taken
    /// for the peer's new address, once something shows that the peer receives there (RFC 9146 §6).
    #[must_use]
    pub fn opened_newest_record(&self) -> bool {
        self.engine.opened_newest
    }

    /// 1.3: gives the peer more ids, all as long as the first; `immediate`: it is to use them from now on. Answers
    /// [`crate::Event::ConnectionIdsRequested`], where no ids at all are an answer too. The old ones stay good.
    ///
    /// # Errors
    /// A [`ConnectionIdError`]; then nothing has changed.
    pub fn provide_connection_ids(
        &mut self,
        now: Instant,
        ids: &[ConnectionId],
        immediate: bool,
    ) -> Result<(), ConnectionIdError> {
        self.require_13()?;
        self.engine.ids.provide(self.engine.records.receive_ids_mut(), ids, immediate)?;
        self.engine.say_waiting(now);
        Ok(())
    }

    /// 1.3: asks the peer for `count` more of its ids, for times when our address changes.
    ///
    /// # Errors
    /// A [`ConnectionIdError`]; then nothing has changed.
    pub fn request_connection_ids(&mut self, now: Instant, count: u8) -> Result<(), ConnectionIdError> {
        self.require_13()?;
        if self.engine.records.send_id().is_empty() {
            return Err(ConnectionIdError::NotNegotiated);
        }
        self.engine.ids.request(count)?;
        self.engine.say_waiting(now);
        Ok(())
    }

    /// 1.3: from now on writes the next id that the peer gave us, as should be done on a new path so that nobody
    /// follows us from one to the other (RFC 9147 §9). `false`: there is none to spare.
    pub fn use_next_connection_id(&mut self) -> bool {
        match self.engine.ids.take_spare() {
            Some(id) => {
                self.engine.records.send_with(id);
                true
            }
            None => false,
        }
    }

    /// How many ids the peer has given us for later.
    #[must_use]
    pub fn spare_connection_ids(&self) -> usize {
        self.engine.ids.spare()
    }

    fn require_13(&self) -> Result<(), ConnectionIdError> {
        if matches!(self.phase, Phase::Established13(_)) {
            Ok(())
        } else {
            Err(ConnectionIdError::NotNegotiated)
        }
    }
}
