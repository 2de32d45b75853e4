//! Before the peer is known: what may be sent, and what is kept of what comes.
//!
//! ```text
//!   server of 1.3    ServerHello .. Finished  |  [unverified]  |  client's Finished  |  everything
//!   all others       ..................................nothing |  peer's Finished    |  everything
//! ```
//! A server of 1.3 has its application keys as soon as its own flight is written. What it seals then reaches whoever
//! said hello: the right client, or somebody else. So it may say what gives nothing away, such as an SCTP INIT, and
//! save a round trip; the application's bytes wait for the client's certificate.

use std::collections::VecDeque;

use super::{Connection, Phase};
use crate::dtls13;
use crate::error::SealError;
use crate::records::RecordMark;

/// What may be sealed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MaySend {
    /// Nothing.
    Nothing,
    /// What an unknown peer may read: [`Connection::begin_unverified_record`]. Only on a server of 1.3, between its
    /// Finished and the client's.
    Unverified,
    /// Everything.
    Everything,
}

impl Connection {
    /// What may be sealed now.
    #[must_use]
    pub fn may_send(&self) -> MaySend {
        match self.phase {
            Phase::Established12(_) | Phase::Established13(_) => MaySend::Everything,
            Phase::Server13(_) if self.engine.write_epoch >= dtls13::APPLICATION_EPOCH => MaySend::Unverified,
            _ => MaySend::Nothing,
        }
    }

    /// Like [`Connection::begin_record`], and as early as [`Connection::may_send`] says `Unverified`: the caller
    /// answers for it that an unknown peer may read what follows.
    ///
    /// # Errors
    /// As [`Connection::begin_record`].
    pub fn begin_unverified_record(&mut self, out: &mut Vec<u8>) -> Result<RecordMark, SealError> {
        match self.may_send() {
            MaySend::Unverified => self.engine.records.begin(self.engine.write_epoch, out),
            MaySend::Nothing | MaySend::Everything => self.begin_record(out),
        }
    }
}

/// What came too early, the oldest first. Anyone may fill it, so an entry counts for what it costs to keep one.
#[derive(Debug, Default)]
pub(super) struct EarlyQueue {
    entries: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl EarlyQueue {
    /// An entry counts for so many bytes at least: its bookkeeping is not free.
    const MIN_CHARGE: usize = 64;

    /// Keeps a copy, unless that would make it more than `max_bytes` altogether; then `false`.
    pub(super) fn keep(&mut self, bytes: &[u8], max_bytes: usize) -> bool {
        let charge = bytes.len().max(Self::MIN_CHARGE);
        let fits = self.bytes + charge <= max_bytes;
        if fits {
            self.bytes += charge;
            self.entries.push_back(bytes.to_vec());
        }
        fits
    }

    /// Hands the oldest out.
    pub(super) fn pop(&mut self) -> Option<Vec<u8>> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.len().max(Self::MIN_CHARGE);
        Some(entry)
    }
}
