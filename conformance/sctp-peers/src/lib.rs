//! Implementations of SCTP behind one interface, so that one driver serves them all.
//!
//! ```text
//!   benches: sctp       two ends of one kind, two queues          --.
//!   benches: sctp-net   ends of one kind over a simulated link    --+--> Endpoint --> plywood-sctp, dcsctp,
//!   interop: stacks     plywood and a peer over a lossy link      --'                 sctp-proto, rtc-sctp
//! ```
//!
//! The interface is the common part of sans-IO stacks: packets in, packets out, timers, messages. Each adapter
//! uses its crate as an application would, and adds nothing that costs: packets are handed on in the type that
//! the crate makes them in, and messages are read where they lie, so nobody pays for a copy that the others do not need.

mod dcsctp;
mod plywood;
mod rtc_sctp;
mod sctp_proto;

use std::time::{Duration, Instant};

use bytes::Bytes;

pub use self::dcsctp::DcSctp;
pub use self::plywood::{BBR, CUBIC, NEW_RENO, Plywood};
pub use self::rtc_sctp::RtcSctp;
pub use self::sctp_proto::SctpProto;

/// What an endpoint is set up with.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// It sends the first INIT; both ends may.
    pub initiates: bool,
    /// It offers I-DATA; `None`: if its crate does by itself.
    pub interleaving: Option<bool>,
    /// The largest SCTP packet, bytes.
    pub mtu: usize,
    /// The receive window, bytes.
    pub window: usize,
    /// What may be queued to be sent, bytes, about; streams share it evenly.
    pub send_queue: usize,
    /// How many streams are used, from 0.
    pub streams: u16,
    /// The largest message, bytes.
    pub message: usize,
    /// Makes equal runs equal, where the crate lets us.
    pub seed: u64,
}

impl Setup {
    /// What may be queued on one stream, bytes; one message always may.
    fn queue_of_a_stream(&self) -> usize {
        (self.send_queue / usize::from(self.streams.max(1))).max(self.message)
    }
}

/// How hard a message is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// In order, until it is there.
    Reliable,
    /// Unordered, sent again at most so often.
    Retransmits(u16),
    /// Unordered, for so many milliseconds.
    Lifetime(u16),
}

/// What an endpoint knows of its path.
#[derive(Debug, Clone, Copy, Default)]
pub struct Insight {
    /// Congestion window, bytes.
    pub cwnd: usize,
    /// Bytes outstanding.
    pub in_flight: usize,
}

/// One side of an association.
pub trait Endpoint: Sized {
    /// A packet as the crate makes it.
    type Packet: AsRef<[u8]> + From<Vec<u8>> + Into<Vec<u8>>;
    /// Which of several kinds of this implementation; `()` where there is one.
    type Kind: Copy;

    /// A side that connects, or one that waits.
    fn new(now: Instant, setup: &Setup, kind: Self::Kind) -> Self;
    /// Takes a packet; gives its memory back where it has no more use for it.
    fn handle(&mut self, now: Instant, packet: Self::Packet) -> Option<Self::Packet>;
    /// The next packet to be sent.
    fn poll_transmit(&mut self, now: Instant) -> Option<Self::Packet>;
    /// A packet that was lost or read comes back to its sender, should the memory be of use.
    fn recycle(&mut self, packet: Self::Packet) {
        drop(packet);
    }
    /// When `timeout` is to be called.
    fn poll_timeout(&self) -> Option<Instant>;
    /// The time has come.
    fn timeout(&mut self, now: Instant);
    /// What the checks of the layer below measured, for whoever can use it.
    fn round_trip(&mut self, _minimum: Duration) {}
    /// May data be sent?
    fn is_connected(&self) -> bool;
    /// Has the association ended?
    fn is_closed(&self) -> bool;
    /// Is I-DATA used?
    fn interleaves(&self) -> bool;
    /// Sends a message; `false` if there is no room, or the stream is just being reset.
    fn send(&mut self, now: Instant, stream: u16, message: &Bytes, promise: Promise) -> bool;
    /// Shows the next message, and its stream, to `read`; to be called until there is none.
    fn recv<T>(&mut self, now: Instant, read: impl FnOnce(u16, &[u8]) -> T) -> Option<T>;
    /// Resets the outgoing direction; an endpoint whose peer does that first answers by itself, as data channels do.
    fn reset(&mut self, now: Instant, stream: u16);
    /// Streams that the other side has reset so far.
    fn resets_seen(&self) -> usize;
    /// Ends the association in order.
    fn shutdown(&mut self, now: Instant);
    /// For plots; `None` if the crate does not tell.
    fn insight(&self) -> Option<Insight> {
        None
    }
}
