//! SCTP (RFC 9260) over DTLS (RFC 8261): an association; sans-IO.
//!
//! Problem: one encrypted datagram flow has to carry many independent streams of messages, each reliable or not,
//! ordered or not, as fast as the path allows and no faster.
//!
//! How: an [`Association`] takes packets and calls, and gives packets, messages and events. It has no clock, no
//! socket and no randomness of its own.
//! ```text
//!   application -> send() --.                          .-- poll_message() -> application -> release()
//!                           v                          |
//!                         Association  --poll_transmit--> DTLS -> UDP
//!                           ^                          <-- handle_datagram -- DTLS
//!   clock -> handle_timeout()   poll_timeout() -> when
//! ```
//! The loop below is all that a driver does: after every change drain what can be polled, then read the timeout.
//! ```
//! use plywood_sctp::{Association, Config, Event, Ppid, SendOptions, StreamId};
//! # #[expect(clippy::disallowed_methods, reason = "a starting point")]
//! # fn start() -> std::time::Instant { std::time::Instant::now() }
//!
//! let now = start();
//! let mut a = Association::new(Config::default(), [1; 32], now);
//! let mut b = Association::new(Config::default(), [2; 32], now);
//! a.connect(now);
//! b.connect(now); // both at once, as in WebRTC
//! a.send(now, StreamId(0), Ppid(51), "ply".into(), SendOptions::default())?;
//!
//! let mut packet = Vec::new();
//! loop {
//!     let mut quiet = true;
//!     for (from, to) in [(0, 1), (1, 0)] {
//!         let ends = [&mut a, &mut b];
//!         let [a, b] = ends;
//!         let (from, to) = if from < to { (a, b) } else { (b, a) };
//!         packet.clear();
//!         while from.poll_transmit(now, 1200, &mut packet).is_some() {
//!             let _ = to.handle_datagram(now, &packet);
//!             packet.clear();
//!             quiet = false;
//!         }
//!     }
//!     if quiet {
//!         break;
//!     }
//! }
//! assert_eq!(b.poll_event(), Some(Event::Connected));
//! let message = b.poll_message().unwrap();
//! assert_eq!(message.data, "ply");
//! b.release(now, message.data.len());
//! # Ok::<(), plywood_sctp::SendError>(())
//! ```
//! More: docs/sctp.md.

mod association;
mod checksum;
mod config;
pub mod congestion;
mod error;
mod event;
mod numbers;
mod receive;
mod ring;
mod rto;
mod send;
mod stats;
mod stream_map;
mod timers;
pub mod wire;

pub use association::{Association, PacketSizes};
pub use checksum::{Crc, fill_in as fill_in_checksum, is_valid as checksum_is_valid};
pub use config::Config;
pub use error::{Discard, ParseError, ResetError, SendError};
pub use event::{CloseReason, Event, Message, Ppid, Reliability, SendOptions, StreamId, Violation};
pub use send::scheduler::Scheduler;
pub use stats::Stats;
