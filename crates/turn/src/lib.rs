//! TURN (RFC 8656): what travels between a client and its relay; sans-IO.
//!
//! Problem: two peers behind strict NATs cannot reach each other; a relay lends one of them an address that
//! everybody can reach.
//! How: the client asks for that address with STUN messages that carry a few attributes of TURN's own. Data
//! then travels in indications (36 bytes around it and more) or, once a number is bound to a peer, in
//! ChannelData: 4 bytes.
//!
//! ```text
//!  client                              relay                            peer
//!    |--- Allocate (REQUESTED-TRANSPORT) -->|  lends an address
//!    |<-- XOR-RELAYED-ADDRESS, LIFETIME ----|
//!    |--- ChannelBind (CHANNEL-NUMBER, XOR-PEER-ADDRESS) -->|
//!    |=== ChannelData 0x4000 ==============>|=== UDP ========================>|
//! ```
//!
//! Here are the wire formats, and the first look at a datagram from a relay. The client and the server are
//! on the roadmap: [`Client::new`] says [`NotYet`].
//!
//! ```
//! use plywood_turn::{Incoming, classify, wire::{ChannelNumber, begin_channel_data}};
//!
//! let channel = ChannelNumber::new(0x4000).ok_or("a channel number")?;
//! let mut datagram = Vec::new();
//! let mark = begin_channel_data(channel, &mut datagram); // 4 bytes are reserved
//! datagram.extend_from_slice(b"sealed in place behind the header");
//! mark.finish(&mut datagram)?;
//! assert!(matches!(classify(&datagram), Incoming::ChannelData(data) if data.channel == channel));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! More: RFC 8656; docs/turn.md.

mod client;
mod demultiplex;
mod error;
pub mod wire;

pub use client::Client;
pub use demultiplex::{Incoming, classify};
pub use error::{NotYet, ParseError, TooLong};
