//! What a learner, a capture or a failing test wants to see: every datagram before it is sealed and after it
//! is opened, and every change of state. Without a sink it costs one branch a datagram.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Instant;

use crate::connection::LocalId;
use crate::event::Event;

/// Which way a datagram went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From us.
    Out,
    /// To us.
    In,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Trace<'a> {
    /// A datagram as it stands on the wire.
    Datagram {
        /// Sent or received.
        direction: Direction,
        /// Our socket.
        source: LocalId,
        /// The other side.
        remote: SocketAddr,
        /// STUN or DTLS, still sealed.
        bytes: &'a [u8],
    },
    /// An SCTP packet: before sealing, or after opening.
    Sctp {
        /// Sent or received.
        direction: Direction,
        /// From the common header on (RFC 9260 §3.1).
        packet: &'a [u8],
    },
    /// A line of the key log in NSS format, where the configuration asks for it.
    KeyLog(&'a str),
    /// What the application is told.
    Event(&'a Event),
}

/// Receives the trace of one connection.
pub trait TraceSink: Debug + Send {
    /// Called in the order of events; must not call back.
    fn record(&mut self, now: Instant, trace: Trace<'_>);
}
