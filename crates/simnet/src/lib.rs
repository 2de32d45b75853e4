//! A deterministic network in virtual time: hosts, links, NATs, and a recording of every datagram.
//!
//! Problem: a protocol is proven by what it does when datagrams are lost, late, doubled or damaged, and a
//! failure that cannot be played again is worth little.
//! How: a [`Network`] holds datagrams in a queue ordered by virtual time. Whoever drives it jumps from one
//! deadline to the next, so that an hour of silence costs nothing; everything random comes from one seed,
//! so that equal seeds and equal calls give equal deliveries. It knows bytes and addresses, no protocol.
//!
//! ```text
//!  send(now, from, to) --> NAT of the sender --> link --> link .. --> NAT of the receiver --> poll_delivery
//!                          new source address    MTU, queue, rate,     filter, new              (now)
//!                          (RFC 4787)            loss, delay, copies   destination
//! ```
//!
//! The loop of every test:
//!
//! ```
//! use plywood_simnet::{LinkConfig, Network, start};
//! use std::{net::SocketAddr, time::Duration};
//!
//! let a: SocketAddr = "10.0.0.1:1000".parse()?;
//! let b: SocketAddr = "10.0.0.2:2000".parse()?;
//! let begin = start();
//! let mut now = begin;
//! let mut network = Network::new(7);
//! network.connect(a.ip(), b.ip(), LinkConfig { delay: Duration::from_millis(25), ..LinkConfig::default() });
//!
//! network.send(now, a, b, b"ping");
//! while let Some(next) = network.poll_timeout() {
//!     now = next; // with endpoints: the earliest of the network's timeout and theirs
//!     while let Some(delivery) = network.poll_delivery(now) {
//!         if delivery.to == b {
//!             network.send(now, b, delivery.from, b"pong");
//!         }
//!         network.recycle(delivery.bytes); // optional: no allocation in the steady state
//!     }
//! }
//! assert_eq!(now - begin, Duration::from_millis(50));
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! More: docs/simnet.md; RFC 4787 (what NATs do).

mod clock;
mod link;
mod nat;
mod network;
mod record;
mod stats;

pub use clock::{seed_for, start};
pub use link::{LinkConfig, Loss};
pub use nat::{Behaviour, NatConfig, PortAssignment};
pub use network::{Delivery, HostId, LinkId, NatId, Network};
pub use record::{Fate, Record, Recording};
pub use stats::{DropReason, Drops, LinkStats, Stats};
