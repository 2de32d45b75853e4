//! Plain counters.

use crate::error::Discard;

/// What happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records sealed or written in the clear.
    pub records_sent: u64,
    /// Records opened and used.
    pub records_received: u64,
    /// Bytes of application data sealed.
    pub application_bytes_sent: u64,
    /// Bytes of application data opened.
    pub application_bytes_received: u64,
    /// Datagrams of handshake flights and alerts handed out.
    pub handshake_datagrams_sent: u64,
    /// Times that a flight was started again, by the timer or because the peer repeated itself.
    pub flights_resent: u64,
    /// Handshake messages that were complete already when a fragment of them came again.
    pub duplicate_fragments: u64,
    discarded: [u64; Discard::ALL.len()],
}

impl Stats {
    /// Records and fragments dropped for `reason`.
    #[must_use]
    pub fn discarded(&self, reason: Discard) -> u64 {
        self.discarded[reason.index()]
    }

    /// Records and fragments dropped for any reason.
    #[must_use]
    pub fn discarded_total(&self) -> u64 {
        self.discarded.iter().sum()
    }

    pub(crate) fn count(&mut self, reason: Discard) {
        self.discarded[reason.index()] += 1;
    }
}
