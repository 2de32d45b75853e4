//! WebRTC data channels (RFC 8831) and the protocol that opens them, DCEP (RFC 8832); sans-IO.
//!
//! Problem: an application wants many named, bidirectional channels, each with its own order and
//! reliability. SCTP offers numbered one-way streams, and the order and reliability of single messages.
//! How: a channel is the pair of streams with one number. A message says by its payload protocol identifier
//! (PPID) what it is: text, binary, or DCEP, whose OPEN carries a channel's properties to the other side and
//! whose ACK confirms them. A channel closes when both streams were reset.
//!
//! ```text
//!   opener, DTLS client: even stream ids                    acceptor, DTLS server: odd stream ids
//!     |--- OPEN "chat", stream 0, PPID 50 (ordered) ----------->|  Opened { remote: true }
//!     |--- data, PPID 51 (ordered until something comes back) ->|
//!     |<-- ACK, PPID 50 ----------------------------------------|
//!     |<== data both ways, as ordered and as reliable as OPEN said =======>|
//!     |--- reset of outgoing stream 0 ------------------------->|  Closing
//!     |<-- reset of outgoing stream 0 --------------------------|
//!   Closed                                                    Closed: the id is free again
//! ```
//!
//! [`Channels`] holds the channels of one association. It has no timers and draws no random numbers, so it
//! takes neither time nor seed. Bytes pass through it by reference count.
//!
//! ```
//! use bytes::Bytes;
//! use plywood_datachannel::{ChannelConfig, Channels, Config, DtlsRole, Event, Kind};
//!
//! let mut client = Channels::new(Config::default());
//! let mut server = Channels::new(Config::default());
//! client.set_dtls_role(DtlsRole::Client);
//! server.set_dtls_role(DtlsRole::Server);
//! let id = client.open(ChannelConfig { label: "chat".into(), ..ChannelConfig::default() })?;
//! client.set_connected();
//! server.set_connected();
//!
//! // Whoever owns the association drains poll_outgoing into it, then poll_reset, then the events.
//! while let Some(out) = client.poll_outgoing() {
//!     server.handle_message(out.stream, out.ppid, out.data)?;
//! }
//! assert_eq!(client.poll_event(), Some(Event::Opened { id, remote: false }));
//! assert!(matches!(server.poll_event(), Some(Event::Opened { remote: true, .. })));
//!
//! let out = client.send(id, Kind::Text, Bytes::from_static(b"hello"))?; // no need to wait for the ACK
//! let received = server.handle_message(out.stream, out.ppid, out.data)?;
//! assert_eq!(received.map(|message| message.data), Some(Bytes::from_static(b"hello")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! More: RFC 8831, RFC 8832; docs/datachannel.md.

mod channels;
mod config;
mod error;
mod event;
mod stats;
pub mod wire;

pub use channels::Channels;
pub use config::{ChannelConfig, Config, DtlsRole, Reliability};
pub use error::{ChannelError, CloseError, Discard, OpenError, SendError};
pub use event::{ChannelId, Event, Kind, Outgoing, Received};
pub use stats::{ChannelStats, Stats};
