//! What can be chosen: for all channels of an association, and for one channel.

/// Bounds and choices for all channels of an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Channels at one time, ours and the peer's. Default 65535: all ids that RFC 8831 §6.2 wants negotiated;
    /// streams being refused take a few bytes each and are bounded by the same number.
    pub max_channels: usize,
    /// Bytes of labels and protocols that the peer's channels may hold together. Default 4 MiB: RFC 8832 §7
    /// wants both of 65535 bytes accepted, and all channels with such names would hold 8 GiB.
    pub max_remote_text_bytes: usize,
    /// The longest message that we accept, in bytes; 0: no limit here. Default 262144, as Chromium. This is
    /// what the session description should announce (RFC 8841 §6).
    pub max_message_size: u64,
    /// Bytes of unfinished messages in the deprecated fragmentation by PPID, of all channels. Default 1 MiB.
    pub max_partial_bytes: usize,
    /// Events that may wait to be polled before further channels of the peer are refused. Default 262144.
    pub max_pending_events: usize,
    /// Whether a channel of ours counts as open once its OPEN was handed out, so that data may follow at once
    /// (RFC 8832 §6), which saves a round trip; otherwise at its ACK. Default true, as Chromium.
    pub open_before_ack: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_channels: 65_535,
            max_remote_text_bytes: 4 << 20,
            max_message_size: 262_144,
            max_partial_bytes: 1 << 20,
            max_pending_events: 1 << 18,
            open_before_ack: true,
        }
    }
}

/// Our side of the DTLS connection. It decides whose stream ids are even (RFC 8832 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtlsRole {
    /// We sent the ClientHello: our channels take even ids.
    Client,
    /// We answered it: our channels take odd ids.
    Server,
}

impl DtlsRole {
    /// The lowest stream id that this side may choose.
    #[must_use]
    pub fn first_stream(self) -> u16 {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }

    /// The role of the other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// How long delivery of a message is tried (RFC 8832 §5.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Reliability {
    /// Until it arrived.
    #[default]
    Reliable,
    /// With at most so many retransmissions.
    MaxRetransmits(u32),
    /// For so many milliseconds after it was handed over.
    MaxPacketLifeTime(u32),
}

/// The properties of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelConfig {
    /// Its name: any text of at most 65535 bytes, not necessarily unique.
    pub label: String,
    /// The subprotocol, at most 65535 bytes; empty: unspecified.
    pub protocol: String,
    /// Whether messages arrive in the order sent.
    pub ordered: bool,
    /// How long delivery is tried.
    pub reliability: Reliability,
    /// Weight for scheduling (RFC 8831 §6.4): 128 below normal, 256 normal, 512 high, 1024 extra high.
    pub priority: u16,
    /// The stream id, 0 to 65534, if both applications agreed on the channel elsewhere: then no DCEP runs.
    pub negotiated: Option<u16>,
}

impl Default for ChannelConfig {
    /// Reliable, ordered, in-band, normal priority, without a name.
    fn default() -> Self {
        Self {
            label: String::new(),
            protocol: String::new(),
            ordered: true,
            reliability: Reliability::Reliable,
            priority: 256,
            negotiated: None,
        }
    }
}

impl ChannelConfig {
    /// The weight for weighted fair queueing (RFC 8260 §3.6), at least 1. Firefox sends priority 0 for
    /// channels that nobody gave one; Chromium sends 256 for the same, so 0 weighs as much.
    #[must_use]
    pub fn scheduling_weight(&self) -> u16 {
        if self.priority == 0 { 256 } else { self.priority }
    }
}
