//! Errors, small and by call.

use std::fmt;

pub use plywood_ice::LocalCandidateError;

/// Why a datagram changed nothing. Counted in [`Stats`](crate::Stats).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discard {
    /// The first byte belongs to no protocol of this stack (RFC 9443 §3).
    UnknownProtocol {
        /// The byte; `None` for an empty datagram.
        first_byte: Option<u8>,
    },
    /// TURN channel data, but no relay is in use.
    TurnChannel,
    /// DTLS from an address that ICE neither validated nor is checking.
    NotValidated,
    /// The bounded queue for datagrams that came too early is full.
    EarlyQueueFull,
    /// The connection is closed.
    Closed,
    /// ICE refused it.
    Ice(plywood_ice::Discard),
    /// DTLS refused it.
    Dtls(plywood_dtls::Discard),
    /// SCTP refused it.
    Sctp(plywood_sctp::Discard),
}

/// Why the connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// We closed it.
    Local,
    /// The peer closed it in order (SCTP ABORT or SHUTDOWN, or DTLS close_notify).
    Remote,
    /// The DTLS handshake or connection failed.
    Dtls(plywood_dtls::CloseReason),
    /// The SCTP association failed.
    Sctp(plywood_sctp::CloseReason),
    /// The peer lost the state of its association and began anew (RFC 9260 §5.2.4 action A), under the same DTLS
    /// connection: it knows none of the channels any more, and what was on the way is lost.
    PeerRestarted,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("closed here"),
            Self::Remote => f.write_str("closed by the peer"),
            Self::Dtls(reason) => write!(f, "DTLS: {reason}"),
            Self::Sctp(reason) => write!(f, "SCTP: {reason:?}"),
            Self::PeerRestarted => f.write_str("the peer lost its channels and began anew"),
        }
    }
}

/// Why a description was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The call does not fit the signalling state (RFC 9429 §3.2).
    WrongState {
        /// The state it was in.
        state: crate::SignalingState,
    },
    /// The local description is not the one made last (RFC 9429 §5.4: it must not be altered).
    Altered,
    /// The text is not a description that this stack can use.
    Sdp(plywood_sdp::Error),
    /// No fingerprint in it uses a hash that is supported (RFC 8122 §5).
    NoUsableFingerprint,
    /// The ICE credentials are missing or out of bounds (RFC 8839 §5.4).
    BadCredentials,
    /// Fingerprint, DTLS role, SCTP port or the media section changed although this stack cannot follow that.
    UnsupportedChange {
        /// What changed.
        what: &'static str,
    },
    /// Provisional answers and rollback: not built yet (docs/roadmap.md).
    NotSupported {
        /// What was asked for.
        what: &'static str,
    },
    /// The connection is closed.
    Closed,
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongState { state } => write!(f, "not possible in signalling state {state:?}"),
            Self::Altered => f.write_str("a local description has to be set as it was made"),
            Self::Sdp(error) => write!(f, "{error}"),
            Self::NoUsableFingerprint => f.write_str("no a=fingerprint with a supported hash"),
            Self::BadCredentials => f.write_str("a=ice-ufrag or a=ice-pwd is missing or out of bounds"),
            Self::UnsupportedChange { what } => write!(f, "{what} cannot change in a running connection"),
            Self::NotSupported { what } => write!(f, "{what} is not supported yet"),
            Self::Closed => f.write_str("the connection is closed"),
        }
    }
}

impl std::error::Error for NegotiationError {}

/// Why a remote candidate was refused. Candidates that are well formed but of no use are skipped without an
/// error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CandidateError {
    /// The text does not parse.
    Sdp(plywood_sdp::CandidateError),
    /// More candidates wait for a description than the bound allows.
    TooManyEarly {
        /// The bound.
        limit: usize,
    },
    /// The connection is closed.
    Closed,
}

impl fmt::Display for CandidateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sdp(error) => write!(f, "{error}"),
            Self::TooManyEarly { limit } => {
                write!(f, "over {limit} candidates came before any description")
            }
            Self::Closed => f.write_str("the connection is closed"),
        }
    }
}

impl std::error::Error for CandidateError {}

/// Why a message was not taken. The message stays with the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The channel refused it: unknown, not open, or the message is too large.
    Channel(plywood_datachannel::SendError),
    /// The send queue is full; [`Event::SendReady`](crate::Event::SendReady) tells when to try again.
    QueueFull {
        /// The bound in bytes.
        limit: usize,
    },
    /// The association refused it for another reason.
    Sctp(plywood_sctp::SendError),
    /// There is no association yet, or not any more.
    NotConnected,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(error) => write!(f, "{error}"),
            Self::QueueFull { limit } => write!(f, "the send queue holds {limit} bytes already"),
            Self::Sctp(error) => write!(f, "{error}"),
            Self::NotConnected => f.write_str("the association is not up"),
        }
    }
}

impl std::error::Error for SendError {}
