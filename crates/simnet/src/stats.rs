//! Counters: of the whole network, and of one link.

use std::time::Duration;

/// Why a datagram did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DropReason {
    /// The link's loss model.
    Loss,
    /// No room in the link's queue.
    QueueFull,
    /// Longer than the link's MTU; nothing is fragmented here.
    TooBig,
    /// The destination is a private address behind another NAT.
    NoRoute,
    /// The sender or the receiver was taken down.
    Down,
    /// The receiver's NAT has no mapping for the port.
    NatUnmapped,
    /// The receiver's NAT has a mapping, and its filter refused this sender (RFC 4787 §5).
    NatFiltered,
    /// The sender's NAT has no port or no room for another mapping.
    NatFull,
    /// The NAT does not send back inside what comes from inside (RFC 4787 §6).
    NatHairpin,
}

/// Datagrams lost, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drops([u64; 9]);

impl Drops {
    /// How many were lost for `reason`.
    #[must_use]
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }

    /// How many were lost.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn count(&mut self, reason: DropReason) {
        self.0[reason as usize] += 1;
    }
}

/// Counters of the whole network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Datagrams handed to [`send`](crate::Network::send).
    pub sent: u64,
    /// Their payload bytes.
    pub sent_bytes: u64,
    /// Datagrams handed out by [`poll_delivery`](crate::Network::poll_delivery), copies included.
    pub delivered: u64,
    /// Their payload bytes.
    pub delivered_bytes: u64,
    /// Second copies made by links.
    pub duplicated: u64,
    /// Datagrams held back so that later ones could pass.
    pub reordered: u64,
    /// Datagrams damaged.
    pub corrupted: u64,
    /// Datagrams lost.
    pub drops: Drops,
}

/// Counters of one link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Datagrams that entered.
    pub entered: u64,
    /// Bytes on the wire of those that were transmitted (IP and UDP headers included).
    pub wire_bytes: u64,
    /// Datagrams lost.
    pub drops: Drops,
    /// The longest wait for the transmitter.
    pub longest_queueing: Duration,
    /// The sum of all waits: divide by the datagrams transmitted for the mean.
    pub total_queueing: Duration,
}
