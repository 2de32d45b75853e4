//! What the agent tells its owner.

use std::net::SocketAddr;

use crate::{Candidate, LocalId};

/// Who picks the pair (RFC 8445 §6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// This agent nominates: the offerer, as a rule.
    Controlling,
    /// The other one does.
    Controlled,
}

impl Role {
    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Controlling => Self::Controlled,
            Self::Controlled => Self::Controlling,
        }
    }
}

/// The state of the whole agent, in the words of the W3C's `RTCIceTransportState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// The other side's credentials are not known yet.
    New,
    /// No pair works so far.
    Checking,
    /// A pair works; a better one may follow.
    Connected,
    /// The pair was nominated.
    Completed,
    /// The path went silent; all pairs are tried again.
    Disconnected,
    /// Nothing works and nothing more is tried: only a restart helps.
    Failed,
    /// Closed by the owner.
    Closed,
}

/// A datagram to be sent; its bytes were appended to the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// The socket to send from.
    pub source: LocalId,
    /// Where it goes.
    pub destination: SocketAddr,
    /// How many bytes were appended.
    pub len: usize,
}

/// Where data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// The socket to send from.
    pub source: LocalId,
    /// The address of that socket.
    pub local: SocketAddr,
    /// Where data goes.
    pub remote: SocketAddr,
    /// The generation whose checks proved it.
    pub generation: u32,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// To be signalled to the other side.
    LocalCandidate(Candidate),
    /// The agent's state changed.
    StateChanged(State),
    /// Where data goes from now on: the first valid pair, then the nominated one.
    PathChanged(Path),
    /// A check was answered: data from there may be taken.
    PairValidated {
        /// The local socket.
        source: LocalId,
        /// The remote address.
        remote: SocketAddr,
    },
    /// A bound of [`Config`](crate::Config) left candidates or pairs out.
    CandidatesDropped {
        /// How many since the last such event was taken.
        count: u64,
    },
    /// A role conflict was settled against us (RFC 8445 §7.3.1.1).
    RoleChanged(Role),
}
