//! Plain counters; reading them costs nothing and changes nothing.

use crate::error::Discard;
use std::time::Duration;

/// What an association counted since it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Packets written by `poll_transmit`.
    pub packets_sent: u64,
    /// Packets given to `handle_datagram`, discarded ones too.
    pub packets_received: u64,
    /// DATA and I-DATA chunks sent, repeated ones too.
    pub data_chunks_sent: u64,
    /// New DATA and I-DATA chunks received.
    pub data_chunks_received: u64,
    /// User bytes sent, repeated ones too.
    pub bytes_sent: u64,
    /// New user bytes received.
    pub bytes_received: u64,
    /// Messages handed to `send`.
    pub messages_sent: u64,
    /// Messages that became complete and deliverable.
    pub messages_received: u64,
    /// Messages given up by their reliability.
    pub messages_abandoned: u64,
    /// Events that were not told, for too many waited to be polled.
    pub events_dropped: u64,
    /// SACK chunks sent.
    pub sacks_sent: u64,
    /// SACK chunks received.
    pub sacks_received: u64,
    /// Chunks found lost from SACKs.
    pub chunks_lost: u64,
    /// Chunks sent again.
    pub retransmissions: u64,
    /// Recoveries that proved needless and were taken back.
    pub spurious_recoveries: u64,
    /// T3-rtx expiries.
    pub timeouts: u64,
    /// Tail loss probes sent.
    pub probes: u64,
    /// Probes of the packet size sent.
    pub mtu_probes: u64,
    /// How often large packets were suspected to vanish.
    pub black_holes: u64,
    /// The packet size that was found; 0 if it is not looked for.
    pub packet_bytes: usize,
    /// Congestion window in bytes.
    pub cwnd_bytes: usize,
    /// Slow start threshold in bytes.
    pub ssthresh_bytes: usize,
    /// Bytes outstanding.
    pub in_flight_bytes: usize,
    /// What the peer's window still takes.
    pub peer_window_bytes: usize,
    /// Smoothed round trip.
    pub srtt: Option<Duration>,
    /// Retransmission timeout.
    pub rto: Duration,
    discarded: [u64; Discard::COUNT],
}

impl Stats {
    /// A chunk with so many user bytes leaves.
    #[inline]
    pub(crate) fn count_data(&mut self, bytes: usize) {
        self.data_chunks_sent += 1;
        self.bytes_sent += bytes as u64;
    }

    /// How often packets or chunks were dropped for this reason; details inside the reason do not count apart.
    #[must_use]
    pub fn discarded(&self, reason: Discard) -> u64 {
        self.discarded[reason.index()]
    }

    /// How often packets or chunks were dropped, for all reasons together.
    #[must_use]
    pub fn discarded_total(&self) -> u64 {
        self.discarded.iter().sum()
    }

    pub(crate) fn count_discard(&mut self, reason: Discard) {
        self.discarded[reason.index()] += 1;
    }
}
