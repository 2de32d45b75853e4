//! Everything that can be refused: bytes, packets, calls.

use std::fmt;

/// Bytes that are not what the RFC's diagram says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// A field reached past the end of its packet, chunk or parameter.
    Truncated {
        /// Bytes that the field needs.
        needed: usize,
        /// Bytes that were left.
        available: usize,
    },
    /// A packet without a chunk (RFC 9260 §3).
    NoChunk,
    /// A chunk length below four (RFC 9260 §3.2).
    ChunkLength {
        /// The length field.
        length: usize,
    },
    /// A parameter length below four (RFC 9260 §3.2.1).
    ParameterLength {
        /// The length field.
        length: usize,
    },
    /// A tag or stream count of zero in INIT or INIT ACK (RFC 9260 §3.3.2).
    ZeroField,
    /// A receive window below 1500 bytes in INIT or INIT ACK (RFC 9260 §3.3.2, §3.3.3).
    SmallWindow {
        /// What was announced, in bytes.
        bytes: u32,
    },
    /// A parameter that the chunk must have is missing.
    MissingParameter,
    /// More parameters than the chunk may have (RFC 6525 §3.1).
    TooManyParameters,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, available } => write!(f, "{needed} bytes needed, {available} left"),
            Self::NoChunk => f.write_str("a packet without a chunk"),
            Self::ChunkLength { length } => write!(f, "a chunk length of {length}, below its header"),
            Self::ParameterLength { length } => write!(f, "a parameter length of {length}, below its header"),
            Self::ZeroField => f.write_str("a tag or stream count of zero"),
            Self::SmallWindow { bytes } => write!(f, "a receive window of {bytes} bytes, below 1500"),
            Self::MissingParameter => f.write_str("a mandatory parameter is missing"),
            Self::TooManyParameters => f.write_str("too many parameters in one chunk"),
        }
    }
}

impl std::error::Error for ParseError {}

/// Why a packet, or one chunk of it, was dropped. State is unchanged by what was dropped; each reason is counted
/// in [`crate::Stats::discarded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discard {
    /// The structure of the packet is broken.
    Malformed(ParseError),
    /// Ports that are not those of the association.
    WrongPorts,
    /// CRC32c does not match (RFC 9260 §6.8).
    BadChecksum,
    /// The verification tag is not ours (RFC 9260 §8.5).
    WrongTag,
    /// INIT not alone in its packet, or with a tag (RFC 9260 §3.1, §8.5.1).
    MisplacedInit,
    /// One chunk's fields are broken; the rest of the packet was processed.
    MalformedChunk(ParseError),
    /// A chunk that has no meaning in the present state.
    Unexpected,
    /// A chunk type that is not known.
    UnknownChunk,
    /// A State Cookie that we did not make, or made for other tags (RFC 9260 §5.2.4).
    BadCookie,
    /// A State Cookie older than its lifespan (RFC 9260 §5.2.6).
    StaleCookie,
    /// A DATA or I-DATA chunk beyond the window.
    OutsideWindow,
    /// A DATA or I-DATA chunk that was received before.
    Duplicate,
    /// A stream number above the agreed count (RFC 9260 §6.5).
    InvalidStream,
    /// A SACK or SHUTDOWN that acknowledges backwards: it was overtaken (RFC 9260 §6.2.1).
    OldAcknowledgement,
    /// A SACK that acknowledges what was never sent.
    ImpossibleAcknowledgement,
    /// A HEARTBEAT ACK that does not match an outstanding HEARTBEAT.
    UnknownHeartbeat,
    /// The association is closed.
    Closed,
}

impl Discard {
    /// How many reasons there are.
    pub(crate) const COUNT: usize = 17;

    /// Position in the table of counters.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Malformed(_) => 0,
            Self::WrongPorts => 1,
            Self::BadChecksum => 2,
            Self::WrongTag => 3,
            Self::MisplacedInit => 4,
            Self::MalformedChunk(_) => 5,
            Self::Unexpected => 6,
            Self::UnknownChunk => 7,
            Self::BadCookie => 8,
            Self::StaleCookie => 9,
            Self::OutsideWindow => 10,
            Self::Duplicate => 11,
            Self::InvalidStream => 12,
            Self::OldAcknowledgement => 13,
            Self::ImpossibleAcknowledgement => 14,
            Self::UnknownHeartbeat => 15,
            Self::Closed => 16,
        }
    }

    /// A short name for tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::WrongPorts => "wrong-ports",
            Self::BadChecksum => "bad-checksum",
            Self::WrongTag => "wrong-tag",
            Self::MisplacedInit => "misplaced-init",
            Self::MalformedChunk(_) => "malformed-chunk",
            Self::Unexpected => "unexpected",
            Self::UnknownChunk => "unknown-chunk",
            Self::BadCookie => "bad-cookie",
            Self::StaleCookie => "stale-cookie",
            Self::OutsideWindow => "outside-window",
            Self::Duplicate => "duplicate",
            Self::InvalidStream => "invalid-stream",
            Self::OldAcknowledgement => "old-acknowledgement",
            Self::ImpossibleAcknowledgement => "impossible-acknowledgement",
            Self::UnknownHeartbeat => "unknown-heartbeat",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) | Self::MalformedChunk(error) => write!(f, "{}: {error}", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

impl std::error::Error for Discard {}

/// Why [`crate::Association::send`] refused a message. Nothing was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// SCTP cannot carry an empty message (RFC 9260 §6.2); data channels have PPIDs for that.
    Empty,
    /// The message is larger than [`crate::Config::max_message_bytes`] allows.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A queue has no room; [`crate::Event::SendReady`] follows once it has.
    QueueFull {
        /// The limit in bytes that refused the message.
        limit: usize,
        /// Whether the stream's own queue is full; otherwise all streams together are.
        stream: bool,
    },
    /// The stream number is at or above the number of streams.
    InvalidStream {
        /// How many streams there are.
        streams: u16,
    },
    /// The association is shutting down or closed.
    Closed,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty message cannot be sent"),
            Self::TooLarge { limit } => write!(f, "the message is larger than {limit} bytes"),
            Self::QueueFull { limit, stream: true } => {
                write!(f, "the stream's queue is at its limit of {limit} bytes")
            }
            Self::QueueFull { limit, stream: false } => {
                write!(f, "the send queue is at its limit of {limit} bytes")
            }
            Self::InvalidStream { streams } => write!(f, "there are {streams} streams only"),
            Self::Closed => f.write_str("the association is shutting down or closed"),
        }
    }
}

impl std::error::Error for SendError {}

/// Why [`crate::Association::reset_stream`] refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetError {
    /// The peer does not support RE-CONFIG (RFC 6525).
    NotSupported,
    /// The stream number is at or above the number of streams.
    InvalidStream {
        /// How many streams there are.
        streams: u16,
    },
    /// The stream is already being reset.
    AlreadyResetting,
    /// Too many events wait to be polled for another one; nothing was asked of the peer.
    UnreadEvents {
        /// The limit: [`crate::Config::max_unread_events`].
        limit: usize,
    },
    /// The association is closed.
    Closed,
}

impl fmt::Display for ResetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSupported => f.write_str("the peer cannot reset streams"),
            Self::InvalidStream { streams } => write!(f, "there are {streams} streams only"),
            Self::AlreadyResetting => f.write_str("the stream is already being reset"),
            Self::UnreadEvents { limit } => write!(f, "{limit} events wait to be polled"),
            Self::Closed => f.write_str("the association is closed"),
        }
    }
}

impl std::error::Error for ResetError {}
