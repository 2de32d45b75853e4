//! The peers behind one interface, each used as an application would use it.

mod dcsctp;
mod plywood;
mod rtc_sctp;
mod sctp_proto;

use std::time::Instant;

pub(crate) use self::plywood::Plywood;

/// How a peer is set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    /// It sends the first INIT; both may.
    pub(crate) initiates: bool,
    /// It offers I-DATA.
    pub(crate) interleaving: bool,
}

/// How hard a message is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    Reliable,
    /// Unordered, sent again at most so often.
    Retransmits(u16),
    /// Unordered, for so many milliseconds.
    Lifetime(u16),
}

/// One side of an association.
pub(crate) trait Peer {
    fn handle(&mut self, now: Instant, packet: &[u8]);
    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>>;
    fn poll_timeout(&self) -> Option<Instant>;
    fn timeout(&mut self, now: Instant);
    fn is_connected(&self) -> bool;
    fn is_closed(&self) -> bool;
    /// False: there is no room.
    fn send(&mut self, now: Instant, stream: u16, message: &[u8], promise: Promise) -> bool;
    fn recv(&mut self, now: Instant) -> Option<(u16, Vec<u8>)>;
    /// Resets the outgoing direction; a peer that is asked to by the other side does so by itself.
    fn reset(&mut self, now: Instant, stream: u16);
    /// Streams that the other side has reset so far.
    fn resets_seen(&self) -> usize;
    fn shutdown(&mut self, now: Instant);
    /// Whether I-DATA is used, if the peer tells.
    fn interleaves(&self) -> Option<bool>;
}

/// A peer by name.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// It can do I-DATA.
    pub(crate) interleaves: bool,
    pub(crate) make: fn(Instant, Setup) -> Box<dyn Peer>,
}

/// All of them.
pub(crate) const ALL: &[Kind] = &[
    Kind { name: "dcsctp", interleaves: true, make: |now, setup| Box::new(dcsctp::DcSctp::new(now, setup)) },
    Kind {
        name: "sctp-proto",
        interleaves: false,
        make: |now, setup| Box::new(sctp_proto::SctpProto::new(now, setup)),
    },
    Kind {
        name: "rtc-sctp",
        interleaves: false,
        make: |now, setup| Box::new(rtc_sctp::RtcSctp::new(now, setup)),
    },
];

/// The largest SCTP packet of every peer, and the largest message of any scenario.
pub(crate) const MTU: usize = 1172;
pub(crate) const LARGEST_MESSAGE: usize = 65536;
