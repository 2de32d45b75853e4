//! WebRTC data channels for tokio: the whole stack in pure Rust.
//!
//! Problem: the protocols of this stack own no socket, no clock and no thread, so that they can be tested, replayed and
//! embedded; an application wants to say `send` and `recv`.
//! How: each [`PeerConnection`] is one task that owns a [`peer`] and its UDP sockets. Handles talk to it over queues,
//! and no lock stands around the protocol.
//!
//! ```text
//!   application        PeerConnection, DataChannel      (handles: cheap to clone, from any task)
//!                         | commands      ^ events, messages
//!                         v               |
//!   this crate          one task a connection  ----- timer, names of hidden addresses
//!                         | datagrams, in batches
//!                         v
//!                      UDP sockets, one a local address
//! ```
//!
//! Two peers in one process; in real life the two descriptions travel by whatever way you have:
//!
//! ```
//! use plywood::{Config, DataChannelInit, Message, PeerConnection, PeerEvent};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::loopback_only();
//! let (alice, bob) = (PeerConnection::new(&config)?, PeerConnection::new(&config)?);
//! let chat = alice.create_data_channel("chat", DataChannelInit::default()).await?;
//!
//! alice.set_local_description(alice.create_offer().await?).await?;
//! let offer = alice.local_description().await?.ok_or("no offer")?;
//! bob.set_remote_description(offer).await?;
//! bob.set_local_description(bob.create_answer().await?).await?;
//! let answer = bob.local_description().await?.ok_or("no answer")?;
//! alice.set_remote_description(answer).await?;
//!
//! chat.send("hello").await?; // waits until the channel is open
//! let channel = loop {
//!     match bob.next_event().await {
//!         Some(PeerEvent::DataChannel(channel)) => break channel,
//!         Some(_) => {}
//!         None => return Err("closed".into()),
//!     }
//! };
//! assert_eq!(channel.label(), "chat");
//! assert_eq!(channel.recv().await, Some(Message::from("hello")));
//! alice.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! More: `docs/driver.md`; the W3C WebRTC recommendation for the meaning of the names.

mod certificate;
mod channel;
mod command;
mod config;
mod connection;
mod description;
mod error;
mod event;
mod interfaces;
mod mdns;
mod message;
mod socket;
mod sockets;
mod stats;
mod task;
mod timeline;
mod timer;

pub use certificate::{Certificate, CertificateError};
pub use channel::{DataChannel, ReadyState};
pub use config::{Config, Trace};
pub use connection::PeerConnection;
pub use description::{DataChannelInit, IceCandidateInit, SessionDescription};
pub use error::{Error, NewError, SendError, TrySendError};
pub use event::{PeerEvent, Stage, StageName};
pub use message::{Message, Text};
pub use peer::plies::sctp::congestion::Algorithm as CongestionControl;
pub use peer::{ChannelId, CloseReason, ConnectionState, Path, SdpKind};
/// The sans-IO peer connection underneath, and through it every ply.
pub use plywood_peer as peer;
pub use stats::{ConnectionStats, DtlsStats, Endpoint, SocketStats};
