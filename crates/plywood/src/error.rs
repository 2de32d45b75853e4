//! Errors, small and by call.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::certificate::CertificateError;
use crate::message::Message;
use crate::peer::{CandidateError, CloseReason, NegotiationError, OpenError};

/// Why a connection could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum NewError {
    /// Called outside a tokio runtime, or one without I/O and time.
    NoRuntime,
    /// The operating system gave no randomness.
    NoRandomness,
    /// No certificate could be made.
    Certificate(CertificateError),
    /// The certificate or key in the configuration is not one that DTLS can use.
    Identity(crate::peer::plies::dtls::identity::IdentityError),
    /// The machine's interfaces could not be listed.
    Interfaces(io::Error),
    /// There is no address to bind to, not even loopback.
    NoAddress,
    /// An address could not be bound: not ours, or the port is busy.
    Bind {
        /// The address.
        address: SocketAddr,
        /// The operating system's reason.
        source: io::Error,
    },
}

impl fmt::Display for NewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRuntime => f.write_str("not inside a tokio runtime with I/O and time enabled"),
            Self::NoRandomness => f.write_str("the operating system gave no randomness"),
            Self::Certificate(error) => write!(f, "{error}"),
            Self::Identity(error) => write!(f, "the certificate cannot be used: {error}"),
            Self::Interfaces(error) => write!(f, "the network interfaces cannot be listed: {error}"),
            Self::NoAddress => f.write_str("this machine has no usable network address, not even loopback"),
            Self::Bind { address, source } => write!(f, "cannot bind UDP {address}: {source}"),
        }
    }
}

impl std::error::Error for NewError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Interfaces(source) | Self::Bind { source, .. } => Some(source),
            Self::Certificate(source) => Some(source),
            _ => None,
        }
    }
}

/// Why a call on a connection was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The connection has ended.
    Closed,
    /// The connection failed, and why, where that is known.
    Failed(Option<CloseReason>),
    /// The description does not fit the state, or is not one this stack can use.
    Negotiation(NegotiationError),
    /// The candidate does not parse, or came too early and too many.
    Candidate(CandidateError),
    /// The channel was refused.
    Channel(OpenError),
    /// `max_packet_life_time` and `max_retransmits` exclude each other.
    TwoReliabilities,
    /// A negotiated channel needs an `id`.
    NegotiatedWithoutId,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection is closed"),
            Self::Failed(None) => f.write_str("the connection failed: no path answers"),
            Self::Failed(Some(reason)) => write!(f, "the connection failed: {reason}"),
            Self::Negotiation(error) => write!(f, "{error}"),
            Self::Candidate(error) => write!(f, "{error}"),
            Self::Channel(error) => write!(f, "{error}"),
            Self::TwoReliabilities => {
                f.write_str("max_packet_life_time and max_retransmits exclude each other")
            }
            Self::NegotiatedWithoutId => f.write_str("a negotiated channel needs an id"),
        }
    }
}

impl std::error::Error for Error {}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The channel is closing or closed, or its connection has ended.
    Closed,
    /// Longer than the peer takes (`a=max-message-size`).
    TooLarge {
        /// Its length, in bytes.
        len: usize,
        /// What the peer takes, in bytes.
        limit: usize,
    },
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the channel is closed"),
            Self::TooLarge { len, limit } => {
                write!(f, "a message of {len} bytes, and the peer takes {limit} at most")
            }
        }
    }
}

impl std::error::Error for SendError {}

/// Why [`try_send`](crate::DataChannel::try_send) did not take a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrySendError {
    /// The channel's buffer is full, or the channel is not open yet: here is the message back.
    NotNow(Message),
    /// It never will.
    Never(SendError),
}

impl fmt::Display for TrySendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNow(_) => f.write_str("the channel takes no message at the moment"),
            Self::Never(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for TrySendError {}
