//! DTLS 1.2 (RFC 6347) and 1.3 (RFC 9147): records, handshakes, exporters; sans-IO.
//!
//! Problem: two peers that met over an untrusted network want the bytes between them secret, whole and from
//! whom the signalling said; over datagrams that are lost, repeated, reordered and forged.
//! How: a handshake of a few flights agrees on keys and shows both certificates, whose fingerprints came
//! with the signalling; then each record carries its own number and stands alone.
//!
//! ```text
//!   datagram in  -> open_record -> records -+-> plaintext of the application, in place
//!                                           +-> reassembly -> handshake (dtls12, dtls13) -> events
//!   datagram out <- poll_transmit <- flight <---------------------'
//!                <- begin_record, finish_record: application data, sealed in place
//! ```
//!
//! | module | what it does | read |
//! |---|---|---|
//! | [`wire`] | bytes to values and back | RFC 6347 §4.3 |
//! | `records` | numbers, nonces, replay window | RFC 6347 §4.1 |
//! | `reassembly`, `flight` | messages over lost and reordered datagrams | RFC 6347 §4.2 |
//! | [`CookieExchange`] | what a server that stands alone does before it has a connection | RFC 6347 §4.2.1 |
//! | `version` | which version is spoken | RFC 8446 §4.2.1 |
//! | `dtls12`, `dtls13` | the handshakes, in flight order | RFC 5246 §7.3, RFC 9147 §5 |
//! | [`provider`], [`identity`], [`fingerprint`] | primitives, certificates | RFC 8122 |
//! | `eavesdropper` | records opened with a key log, for tools | RFC 9147 §6.1 |
//!
//! # The loop
//!
//! Two connections in one process; the network is a pair of vectors.
//!
//! ```
//! # #[cfg(feature = "rustcrypto")] {
//! use plywood_dtls::{Config, Connection, Identity, Role, provider};
//!
//! let provider = provider::rustcrypto();
//! # let certificate = include_bytes!("../tests/data/a.cert.der");
//! # let key = include_bytes!("../tests/data/a.key.der");
//! let identity = Identity::from_der(&*provider, certificate, key).unwrap().into_shared();
//! let known = vec![identity.fingerprint().clone()]; // both have the same certificate here
//! # #[allow(clippy::disallowed_methods, reason = "the example stands where the driver would")]
//! let now = std::time::Instant::now();
//! let config = |role| Config::new(role, identity.clone(), provider.clone(), known.clone());
//! let mut client = Connection::new(config(Role::Client), [1; 32], now);
//! let mut server = Connection::new(config(Role::Server), [2; 32], now);
//!
//! /// Takes the datagrams of one side to the other; a datagram may hold several records.
//! fn carry(from: &mut Connection, to: &mut Connection, now: std::time::Instant) {
//!     let mut datagram = Vec::new();
//!     while let Some(length) = from.poll_transmit(now, &mut datagram) {
//!         let mut at = 0;
//!         while at < length {
//!             at = match to.open_record(now, &mut datagram, at) {
//!                 Ok(opened) => opened.next,          // opened.plaintext: application data, in place
//!                 Err(discarded) => discarded.next,   // counted; its neighbours may still be good
//!             };
//!         }
//!         datagram.clear();
//!     }
//! }
//! client.start(now);
//! while !(client.is_connected() && server.is_connected()) {
//!     carry(&mut client, &mut server, now);
//!     carry(&mut server, &mut client, now);
//! }
//!
//! let mut datagram = Vec::new();
//! let mark = client.begin_record(&mut datagram).unwrap(); // the header is reserved
//! datagram.extend_from_slice(b"hello");                   // the payload is written behind it
//! client.finish_record(&mut datagram, mark).unwrap();     // and sealed where it stands
//! let opened = server.open_record(now, &mut datagram, 0).unwrap();
//! assert_eq!(&datagram[opened.plaintext.unwrap()], b"hello");
//! # }
//! ```
//!
//! More: docs/dtls.md.

pub mod fingerprint;
pub mod identity;
pub mod key_schedule;
pub mod prf;
pub mod provider;
pub mod wire;

mod config;
mod connection;
mod connection_id;
mod cookie;
mod dtls12;
mod dtls13;
mod eavesdropper;
mod error;
mod event;
mod flight;
mod hello;
mod proof;
mod reassembly;
mod record_size_limit;
mod records;
mod stats;
mod transcript;
mod version;

pub use self::config::{ClientAuthentication, Config, PeerVerification, Role};
pub use self::connection::{Connection, Discarded, MaySend, Opened};
pub use self::connection_id::ConnectionIdError;
pub use self::cookie::{CookieAnswer, CookieExchange, CookieLimits, VerifiedHello};
pub use self::eavesdropper::{Eavesdropper, Overheard};
pub use self::error::{Blame, ConfigError, Discard, ExportError, HandshakeError, ParseError, SealError};
pub use self::event::{CloseReason, Event};
pub use self::fingerprint::Fingerprint;
pub use self::identity::Identity;
pub use self::records::{RecordMark, RecordNumber};
pub use self::stats::Stats;
pub use self::version::{Version, Versions};
pub use self::wire::connection_id::ConnectionId;
