//! ICE agent (RFC 8445): candidates, checks, nomination, consent; sans-IO.
//!
//! Problem: each of two hosts has several addresses, most of them useless to the other, and NATs between
//! them that let a packet in only after one went out.
//! How: both send authenticated STUN requests from every address to every address, at a measured pace; what
//! is answered is proven to work in both directions. One side, the controlling one, picks the pair to use.
//!
//! ```text
//!   L (controlling)                                   R (controlled)
//!     | check (L1 -> R1), lost in a NAT  --->X          |   Waiting -> InProgress
//!     |<------------------------------ check (R1 -> L1) |
//!     | success, and a triggered check on the same pair |
//!     |------------------------------------------------>|   R's pair is valid: data may flow
//!     |<------------------------------------- success   |   L's pair is valid
//!     | check with USE-CANDIDATE ---------------------->|   nominated: Completed
//!     | every 5 s +-20 %: consent check, 30 s of silence end the right to send (RFC 7675)
//! ```
//!
//! [`Agent`] has the six calls of every layer. The loop of its owner:
//! ```
//! use plywood_ice::{Agent, Config, Event, LocalId, Role};
//! # #[expect(clippy::disallowed_methods, reason = "a program owns the clock; layers do not")]
//! # let now = std::time::Instant::now();
//! let mut agents = [Agent::new(Config::default(), [1; 32], now), Agent::new(Config::default(), [2; 32], now)];
//! let addresses = ["192.0.2.1:1000".parse()?, "192.0.2.2:2000".parse()?];
//! agents[0].set_role(Role::Controlling);
//! for (agent, address) in agents.iter_mut().zip(addresses) {
//!     agent.add_local_host(now, LocalId(0), address)?;
//! }
//! // Signalling carries credentials and candidates to the other side.
//! for (me, other) in [(0, 1), (1, 0)] {
//!     let credentials = agents[other].local_credentials().clone();
//!     let candidates: Vec<_> = agents[other].local_candidates().cloned().collect();
//!     agents[me].set_remote_credentials(now, credentials)?;
//!     for candidate in candidates {
//!         agents[me].add_remote_candidate(now, candidate)?;
//!     }
//! }
//! // Drain transmits and events after every change, then wait for poll_timeout() or a datagram.
//! let mut out = Vec::new();
//! while agents.iter().any(|agent| agent.path().is_none()) {
//!     for me in [0, 1] {
//!         while let Some(transmit) = agents[me].poll_transmit(now, &mut out) {
//!             assert_eq!(transmit.destination, addresses[1 - me]);
//!             agents[1 - me].handle_datagram(now, LocalId(0), addresses[me], &out)?;
//!             out.clear();
//!         }
//!         while let Some(event) = agents[me].poll_event() {
//!             if let Event::PathChanged(path) = event {
//!                 assert_eq!(path.remote, addresses[1 - me]);
//!             }
//!         }
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! More: RFC 8445; trickle: RFC 8838; consent: RFC 7675; patience: RFC 8863; docs/ice.md.

mod addressee;
mod agent;
mod candidate;
mod config;
mod error;
mod event;
mod pair;
mod session;
mod stats;

pub use addressee::destination_ufrag;
pub use agent::Agent;
pub use candidate::{Candidate, CandidateKind, Credentials, LocalId};
pub use config::{Config, RemoteAddressPolicy};
pub use error::{CommandError, Discard, LocalCandidateError, RemoteCandidateError};
pub use event::{Event, Path, Role, State, Transmit};
pub use pair::{PairReport, PairState};
pub use stats::Stats;
