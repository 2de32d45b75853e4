//! SCTP implementations behind one interface, so that the same loop drives each.
//!
//! The interface is the common part of sans-IO stacks: packets in, packets out, timers, messages. Each adapter
//! uses its crate as an application would, and adds nothing that costs: packets are handed on in the type that
//! the crate makes them in, so nobody pays for a copy that the others do not need.

mod dcsctp;
pub mod memory;
mod plywood;
mod rtc_sctp;
mod sctp_proto;
pub mod usrsctp;

use std::time::{Duration, Instant};

use bytes::Bytes;

pub use self::dcsctp::DcSctp;
pub use self::plywood::{BBR, CUBIC, NEW_RENO, Plywood};
pub use self::rtc_sctp::RtcSctp;
pub use self::sctp_proto::SctpProto;
pub use self::usrsctp::Usrsctp;

/// What a pair of endpoints is set up with.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// The largest SCTP packet, bytes.
    pub mtu: usize,
    /// The receive window, bytes.
    pub window: usize,
    /// What may be queued to be sent, bytes, about.
    pub send_queue: usize,
    /// How many streams are used, from 0.
    pub streams: u16,
    /// The largest message.
    pub message: usize,
    /// Makes equal runs equal, where the crate lets us.
    pub seed: u64,
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
    type Packet: AsRef<[u8]>;
    /// Which of several kinds of this subject; `()` where there is one.
    type Kind: Copy;

    /// A side that connects, or one that waits.
    fn new(now: Instant, setup: &Setup, initiates: bool, kind: Self::Kind) -> Self;
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
    /// Sends a message, reliable and in order; `false` if the queue is full.
    fn send(&mut self, now: Instant, stream: u16, message: &Bytes) -> bool;
    /// Reads the next message: its length.
    fn recv(&mut self, now: Instant) -> Option<usize>;
    /// For plots; `None` if the crate does not tell.
    fn insight(&self) -> Option<Insight> {
        None
    }
}
