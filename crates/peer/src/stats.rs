//! Plain counters of one connection; the plies keep their own beside these.

/// What passed through one [`PeerConnection`](crate::PeerConnection).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Datagrams handed in.
    pub datagrams_received: u64,
    /// Datagrams handed out.
    pub datagrams_sent: u64,
    /// Batches handed out: `datagrams_sent / batches_sent` is how well segmentation offload can work.
    pub batches_sent: u64,
    /// Bytes handed in.
    pub bytes_received: u64,
    /// Bytes handed out.
    pub bytes_sent: u64,
    /// Application messages received.
    pub messages_received: u64,
    /// Application messages taken for sending.
    pub messages_sent: u64,
    /// Discarded: the first byte belongs to no protocol here.
    pub discarded_unknown_protocol: u64,
    /// Discarded: TURN channel data although no relay is in use.
    pub discarded_turn_channel: u64,
    /// Discarded: DTLS from an address that ICE neither validated nor checks.
    pub discarded_not_validated: u64,
    /// Discarded: the bounded queue for early datagrams was full.
    pub discarded_early: u64,
    /// Discarded: the connection is closed.
    pub discarded_closed: u64,
    /// Discarded by ICE (its own statistics name the reasons).
    pub discarded_ice: u64,
    /// Records discarded by DTLS (its own statistics name the reasons).
    pub discarded_dtls: u64,
    /// Packets discarded by SCTP (its own statistics name the reasons).
    pub discarded_sctp: u64,
    /// Messages on streams that no channel owns, or malformed DCEP.
    pub discarded_messages: u64,
    /// Remote candidates that cannot be used here: TCP, unknown kinds, an older generation.
    pub candidates_skipped: u64,
}
