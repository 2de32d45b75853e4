//! A WebRTC peer connection for data channels, sans-IO.
//!
//! Problem: six protocols have to share one socket and start one another in the right order, and a bug in
//! that order is a deadlock that no layer can see.
//! How: [`PeerConnection`] owns one object of each ply and moves bytes between them in one loop, the pump.
//! Whoever owns the sockets hands datagrams in, and takes datagrams, events and messages out.
//!
//! ```text
//!            handle_datagram                                  poll_event, poll_message
//!                  |                                                     ^
//!                  v   first byte (RFC 9443)                             |
//!            +-- demux --+                                               |
//!      0..=3 |           | 20..=63                                       |
//!            v           v                                               |
//!          [ice]      [dtls] --plaintext--> [sctp] --messages--> [datachannel]
//!            |           |                     |                         |
//!            +-----------+---------+-----------+----- DCEP, resets ------+
//!                                  v
//!                            poll_transmit: a batch of equal datagrams
//! ```
//!
//! The loop that every driver runs is the example of [`PeerConnection`].
//!
//! More: `docs/peer.md`; RFC 8825 (overview), RFC 9429 (offer and answer), RFC 9443 (first bytes).

mod config;
mod connection;
mod demux;
mod endpoint;
mod error;
mod event;
mod stats;
mod trace;

pub use config::Config;
pub use connection::negotiation::{LocalDescription, SdpKind, SignalingState};
pub use connection::{ChannelMessage, LocalId, PeerConnection, Transmit};
pub use demux::Protocol;
pub use endpoint::{Endpoint, EndpointError, PeerId};
pub use error::{CandidateError, CloseReason, Discard, LocalCandidateError, NegotiationError, SendError};
pub use event::{ConnectionState, Event, Path};
pub use plywood_datachannel::{ChannelConfig, ChannelId, CloseError, Kind, OpenError, Reliability};
pub use stats::Stats;
pub use trace::{Direction, Trace, TraceSink};

/// The plies, for their configurations and statistics.
pub mod plies {
    pub use plywood_datachannel as datachannel;
    pub use plywood_dtls as dtls;
    pub use plywood_ice as ice;
    pub use plywood_sctp as sctp;
    pub use plywood_sdp as sdp;
}
