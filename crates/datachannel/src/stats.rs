//! Counters: of one channel, and of all.

use crate::error::Discard;

/// Counters of one channel, of the application's messages only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelStats {
    /// Messages handed over for sending.
    pub messages_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
}

/// Counters of all channels of an association.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Channels opened, by either side.
    pub opened: u64,
    /// Channels closed, among those opened.
    pub closed: u64,
    /// Streams of the peer that were refused.
    pub refused: u64,
    discards: [u64; Discard::KINDS],
}

impl Stats {
    /// Messages discarded for the reason of `discard`; its values do not matter.
    #[must_use]
    pub fn discarded(&self, discard: Discard) -> u64 {
        self.discards[discard.index()]
    }

    pub(crate) fn count(&mut self, discard: Discard) {
        self.discards[discard.index()] += 1;
    }
}
