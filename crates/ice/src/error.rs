//! Commands that cannot be done, and datagrams that were dropped.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use plywood_stun::ParseError;

/// Why a datagram changed nothing (but counters).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discard {
    /// The agent was closed, or failed and was not restarted.
    Ended,
    /// It came in on a socket that was never added, or was removed.
    UnknownLocal,
    /// No STUN message, or a broken one.
    Malformed(ParseError),
    /// A method other than Binding.
    Method(u16),
    /// The request has no USERNAME of the form `ours:theirs` (RFC 8445 §7.3).
    Username,
    /// The username fragment is of no generation in use.
    UnknownUfrag,
    /// FINGERPRINT is missing, which ICE demands of every message (RFC 8445 §7.1, RFC 8489 §6.3).
    Fingerprint,
    /// MESSAGE-INTEGRITY is missing or wrong (RFC 8489 §9.1.3, §9.1.4).
    Integrity,
    /// Attributes that must be understood were not; a request was answered by 420 (RFC 8489 §6.3.1).
    UnknownRequired,
    /// The request has no PRIORITY, or one of the wrong size; answered by 400 (RFC 8445 §7.1.1).
    Priority,
    /// An attribute of the response is missing or malformed.
    Attribute,
    /// An answer to nothing we asked, or too late.
    UnknownTransaction,
    /// The answer came from another address than the request went to (RFC 8445 §7.2.5.2.1).
    Asymmetric,
    /// [`Config::remote_addresses`](crate::Config::remote_addresses) refuses the source.
    RefusedAddress(IpAddr),
    /// Both have the same role and ours stays; answered by 487 (RFC 8445 §7.3.1.1).
    RoleConflict,
    /// Too many answers wait already.
    ResponseQueueFull,
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the agent has ended"),
            Self::UnknownLocal => f.write_str("no such local socket"),
            Self::Malformed(error) => write!(f, "malformed: {error}"),
            Self::Method(method) => write!(f, "method {method:#05x} is not Binding"),
            Self::Username => f.write_str("no USERNAME of the form ours:theirs"),
            Self::UnknownUfrag => f.write_str("username fragment of no generation in use"),
            Self::Fingerprint => f.write_str("no FINGERPRINT"),
            Self::Integrity => f.write_str("message integrity missing or wrong"),
            Self::UnknownRequired => f.write_str("unknown comprehension-required attribute"),
            Self::Priority => f.write_str("PRIORITY missing or malformed"),
            Self::Attribute => f.write_str("response attribute missing or malformed"),
            Self::UnknownTransaction => f.write_str("answer to no outstanding request"),
            Self::Asymmetric => f.write_str("answer from another address than asked"),
            Self::RefusedAddress(ip) => write!(f, "the configuration refuses {ip}"),
            Self::RoleConflict => f.write_str("role conflict, kept our role"),
            Self::ResponseQueueFull => f.write_str("too many answers wait"),
        }
    }
}

impl std::error::Error for Discard {}

/// A local candidate that was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalCandidateError {
    /// The agent was closed.
    Closed,
    /// After the end of candidates only a restart allows more (RFC 8838 §13).
    Ended,
    /// Port zero, unspecified, multicast: nobody could send there.
    Address(SocketAddr),
    /// That number or address was added before.
    Duplicate,
    /// [`Config::max_local_candidates`](crate::Config::max_local_candidates) is reached.
    TooMany {
        /// The bound.
        limit: usize,
    },
}

impl fmt::Display for LocalCandidateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the agent is closed"),
            Self::Ended => f.write_str("the end of candidates was signalled already"),
            Self::Address(address) => write!(f, "{address} cannot be a candidate"),
            Self::Duplicate => f.write_str("socket number or address was added before"),
            Self::TooMany { limit } => write!(f, "more than {limit} local candidates"),
        }
    }
}

impl std::error::Error for LocalCandidateError {}

/// A remote candidate that was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteCandidateError {
    /// The agent was closed.
    Closed,
    /// The other side had said that there are no more (RFC 8838 §14).
    Ended,
    /// Only component 1 is used.
    Component(u16),
    /// Port zero, unspecified, multicast.
    Address(SocketAddr),
    /// Refused by [`Config::remote_addresses`](crate::Config::remote_addresses).
    Refused(IpAddr),
    /// Its username fragment is not that of the current generation (RFC 8838 §9).
    WrongGeneration,
    /// A bound of [`Config`](crate::Config) is reached.
    TooMany {
        /// The bound.
        limit: usize,
    },
}

impl fmt::Display for RemoteCandidateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the agent is closed"),
            Self::Ended => f.write_str("the peer had ended its candidates"),
            Self::Component(component) => write!(f, "component {component} is not used"),
            Self::Address(address) => write!(f, "{address} cannot be a candidate"),
            Self::Refused(ip) => write!(f, "the configuration refuses {ip}"),
            Self::WrongGeneration => f.write_str("username fragment of another generation"),
            Self::TooMany { limit } => write!(f, "more than {limit} remote candidates"),
        }
    }
}

impl std::error::Error for RemoteCandidateError {}

/// A command that cannot be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// The agent was closed.
    Closed,
    /// Username fragment or password of a length or alphabet that RFC 8839 §5.4 forbids.
    Credentials,
    /// We restarted and these are the other side's credentials from before: it has not (RFC 8445 §9).
    StaleCredentials,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the agent is closed",
            Self::Credentials => "username fragment or password has a forbidden length or character",
            Self::StaleCredentials => "credentials of the generation before the restart",
        })
    }
}

impl std::error::Error for CommandError {}
