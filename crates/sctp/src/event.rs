//! What the layer above sees: messages, events, the end.

use crate::wire::cause::CauseCode;
use bytes::Bytes;
use std::time::Duration;

/// A stream identifier (RFC 9260 §1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u16);

/// A payload protocol identifier, passed through to the peer (RFC 9260 §3.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ppid(pub u32);

/// How hard a message is tried (RFC 3758, RFC 7496).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Reliability {
    /// Until it is acknowledged or the association ends.
    #[default]
    Reliable,
    /// Abandoned when a fragment would be sent again more often than this (RFC 7496 §3.1).
    MaxRetransmits(u32),
    /// Abandoned when it is not acknowledged this long after `send` (RFC 3758 §4.1).
    MaxLifetime(Duration),
}

/// How a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendOptions {
    /// Delivered as soon as it is complete, past messages that are still missing.
    pub unordered: bool,
    /// How hard it is tried.
    pub reliability: Reliability,
}

/// A received message. Its bytes stay in the receive window until [`crate::Association::release`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The stream that it came on.
    pub stream: StreamId,
    /// Its payload protocol identifier.
    pub ppid: Ppid,
    /// Its bytes; never empty. Small messages share memory ([`crate::Config::message_arena_bytes`]): copy what is kept for
    /// long.
    pub data: Bytes,
}

/// What happened, to be drained with [`crate::Association::poll_event`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is done; messages flow.
    Connected,
    /// The peer lost its state and began anew (RFC 9260 §5.2.4, action A): what was in flight is lost, streams
    /// start again.
    Restarted,
    /// A stream that was refused for a full queue has room again.
    SendReady {
        /// The stream.
        stream: StreamId,
    },
    /// `buffered_amount` fell to the threshold of the stream.
    BufferedAmountLow {
        /// The stream.
        stream: StreamId,
    },
    /// The peer reset these streams; the last message of them has left `poll_message`. An empty list: all.
    IncomingStreamsReset {
        /// The streams.
        streams: Vec<StreamId>,
    },
    /// The peer performed our reset: SSNs start again at 0.
    OutgoingStreamsReset {
        /// The streams.
        streams: Vec<StreamId>,
    },
    /// The peer refused our reset.
    OutgoingResetRefused {
        /// The streams.
        streams: Vec<StreamId>,
    },
    /// A message was given up by its [`Reliability`], whole or in part.
    MessageAbandoned {
        /// Its stream.
        stream: StreamId,
    },
    /// The end; nothing follows.
    Closed(CloseReason),
}

/// Why an association ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// Both sides shut down; everything was delivered (RFC 9260 §9.2).
    Shutdown,
    /// [`crate::Association::abort`] was called.
    Aborted,
    /// The peer sent ABORT.
    AbortedByPeer {
        /// The first cause, if any.
        cause: Option<CauseCode>,
        /// Its text, if it is one (User-Initiated Abort, Protocol Violation), at most 256 bytes.
        reason: String,
    },
    /// INIT or COOKIE ECHO was not answered (RFC 9260 §4, T1).
    HandshakeTimeout,
    /// The peer stopped acknowledging (RFC 9260 §8.1).
    PeerUnreachable,
    /// The peer broke a rule that must end the association.
    ProtocolViolation(Violation),
    /// One incomplete message would need more memory than [`crate::Config::max_reassembly_bytes`].
    ReassemblyLimit {
        /// The limit in bytes.
        limit: usize,
    },
}

/// A rule whose breach ends the association, reported to the peer in an ABORT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// DATA without user data (RFC 9260 §6.2).
    NoUserData,
    /// DATA where I-DATA was agreed, or the reverse (RFC 8260 §2.2).
    WrongDataChunk,
    /// Fragments that cannot belong to one message.
    Fragments,
    /// FORWARD-TSN where I-DATA was agreed (RFC 8260 §2.3.1).
    ForwardTsn,
    /// INIT or INIT ACK with a forbidden value (RFC 9260 §3.3.2, §3.3.3).
    Init,
    /// SACK for data that was never sent (RFC 9260 §12.4).
    ImpossibleAcknowledgement,
}
