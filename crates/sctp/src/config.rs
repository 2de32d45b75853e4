//! Every tunable of an association: its unit, its default and where the default comes from.

use crate::congestion::Algorithm;
use crate::send::scheduler::Scheduler;
use std::time::Duration;

/// Settings of one association. `Config::default()` suits WebRTC.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// SCTP port of this side; both sides of WebRTC use 5000 (`a=sctp-port`).
    pub local_port: u16,
    /// SCTP port of the peer.
    pub remote_port: u16,
    /// Streams that we ask to send on; 65535 as browsers do (RFC 8831 §6.2).
    pub outbound_streams: u16,
    /// Streams that we accept; 65535 as browsers do.
    pub inbound_streams: u16,
    /// Bound of the receive window: bytes that may wait for the application, and arrive in advance of a hole.
    /// 4 MiB: 100 Mbit/s over 300 ms.
    pub receive_window_bytes: usize,
    /// The receive window at first. It follows twice what the application takes in a round trip, up to the bound;
    /// without a known round trip it is the bound. 512 KiB: twice the usual largest message.
    pub initial_receive_window_bytes: usize,
    /// Hard bound on incomplete messages, which alone may pass the receive window. 8 MiB. With messages that are whole
    /// and arrive in holes, all that is held may come to twice that.
    pub max_reassembly_bytes: usize,
    /// Memory of received messages that is used again once they are dropped, in bytes: half in slabs of 16 KiB that messages
    /// of up to 2 KiB share, half for larger ones. What is beyond, and with 0 each message, is allocated and freed. 2 MiB:
    /// for windows of 1 MiB; a larger window that is often full wants twice itself. One small message that is kept keeps
    /// its slab alive.
    pub message_arena_bytes: usize,
    /// Largest message that [`crate::Association::send`] takes, in bytes. 1 GiB, for the peer's limit is checked
    /// by the layer above.
    pub max_message_bytes: usize,
    /// Bound on bytes queued and not yet sent on one stream; a message may pass it if the queue is empty. 2 MiB.
    pub stream_queue_bytes: usize,
    /// Bound on bytes queued and not yet sent on all streams together. 16 MiB.
    pub total_queue_bytes: usize,
    /// Bound on bytes sent and not yet acknowledged. 32 MiB.
    pub max_outstanding_bytes: usize,
    /// Bound on chunks sent and not yet acknowledged; gap blocks reach 65535 (RFC 9260 §3.3.4). 65535.
    pub max_outstanding_chunks: usize,
    /// Bound on holes that are remembered at once on the receiving side. 4096.
    pub max_gaps: usize,
    /// Bound on events that nobody polled. Beyond it messages that were given up are only counted, resets by the peer
    /// are answered "in progress" until there is room, and [`crate::Association::reset_stream`] is refused; of each
    /// stream at most one [`crate::Event::SendReady`] and one [`crate::Event::BufferedAmountLow`] wait anyway. A reset
    /// counts as many events as it names streams. 4096.
    pub max_unread_events: usize,
    /// RTO.Initial. 1 s (RFC 9260 §16).
    pub rto_initial: Duration,
    /// RTO.Min. 300 ms: RFC 9260 §16 says 1 s; above the delayed acknowledgement of every stack in use, and tail
    /// losses are found by probes long before.
    pub rto_min: Duration,
    /// RTO.Max. 60 s (RFC 9260 §16).
    pub rto_max: Duration,
    /// Association.Max.Retrans. 10 (RFC 9260 §16).
    pub max_retransmits: u32,
    /// Max.Init.Retransmits. 8 (RFC 9260 §16).
    pub max_init_retransmits: u32,
    /// Valid.Cookie.Life. 60 s (RFC 9260 §16).
    pub cookie_life: Duration,
    /// HB.interval; `None` sends none (ICE consent watches the path too). 30 s (RFC 9260 §16).
    pub heartbeat_interval: Option<Duration>,
    /// Longest delay of a SACK. 20 ms; RFC 9260 §6.2 allows 500 ms, most stacks take 200 ms.
    pub sack_delay: Duration,
    /// Data packets from a peer before a lone one waits only a quarter of a round trip for its SACK. 300.
    pub early_packets: u64,
    /// What a timer of the driver can resolve: no timer is set nearer. 1 ms.
    pub timer_granularity: Duration,
    /// Congestion control.
    pub congestion: Algorithm,
    /// Where packets wait longer than this in a queue, CUBIC grows no faster than Reno, which RFC 9438 allows and does not
    /// ask for; `None` sets no limit. 1 s, RTO.Min of RFC 9260 §16: nobody gains by a longer queue, and a repair takes
    /// as long.
    pub standing_queue_limit: Option<Duration>,
    /// Find losses by time and probe a silent tail, as RACK-TLP does (RFC 8985). Without it three gap-acknowledged
    /// chunks or T3-rtx tell of a loss, as in RFC 9260 §7.2.4, which is what conformance scenarios expect. True.
    pub time_based_loss_detection: bool,
    /// Packets of the initial window; `None` is RFC 9260 §7.2.1 (about four). 10, as RFC 6928 measured to be safe:
    /// 12 kB, which the queue of any path that carries data channels holds.
    pub initial_packets: Option<u16>,
    /// Ask after two silent round trips what became of the end of a flight (RFC 8985 §7), instead of waiting for
    /// T3-rtx.
    pub tail_loss_probes: bool,
    /// Spread the congestion window over the round trip.
    pub pacing: bool,
    /// The least that leaves at once when paced, in bytes. 12000: ten packets, which the queue of any path holds.
    pub pacing_batch_bytes: usize,
    /// Offer partial reliability (RFC 3758).
    pub partial_reliability: bool,
    /// How streams share the association.
    pub scheduler: Scheduler,
    /// Offer message interleaving (RFC 8260).
    pub interleaving: bool,
    /// Accept packets with a zero checksum, and send them where the peer accepts them: DTLS protects the bytes
    /// already (RFC 9653).
    pub zero_checksum: bool,
    /// Our first TSN, for tests next to the wrap and for replaying captures; random else.
    pub initial_tsn: Option<u32>,
    /// The first SSN (its low 16 bits) and MID of every stream, for tests next to the wrap: both ends must have the same.
    /// `None`, which is 0, is what RFC 9260 §6.5 and RFC 8260 §2.1 ask for.
    pub initial_stream_numbers: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            local_port: 5000,
            remote_port: 5000,
            outbound_streams: 65535,
            inbound_streams: 65535,
            receive_window_bytes: 4 << 20,
            initial_receive_window_bytes: 512 << 10,
            max_reassembly_bytes: 8 << 20,
            message_arena_bytes: 2 << 20,
            max_message_bytes: 1 << 30,
            stream_queue_bytes: 2 << 20,
            total_queue_bytes: 16 << 20,
            max_outstanding_bytes: 32 << 20,
            max_outstanding_chunks: 65535,
            max_gaps: 4096,
            max_unread_events: 4096,
            rto_initial: Duration::from_secs(1),
            rto_min: Duration::from_millis(300),
            rto_max: Duration::from_secs(60),
            max_retransmits: 10,
            max_init_retransmits: 8,
            cookie_life: Duration::from_secs(60),
            heartbeat_interval: Some(Duration::from_secs(30)),
            sack_delay: Duration::from_millis(20),
            early_packets: 300,
            timer_granularity: Duration::from_millis(1),
            congestion: Algorithm::default(),
            standing_queue_limit: Some(Duration::from_secs(1)),
            time_based_loss_detection: true,
            initial_packets: Some(10),
            tail_loss_probes: true,
            pacing: true,
            pacing_batch_bytes: 12000,
            partial_reliability: true,
            scheduler: Scheduler::default(),
            interleaving: true,
            zero_checksum: true,
            initial_tsn: None,
            initial_stream_numbers: None,
        }
    }
}
