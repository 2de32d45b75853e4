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
//! | `version` | which version is spoken | RFC 8446 §4.2.1 |
//! | `dtls12`, `dtls13` | the handshakes, in flight order | RFC 5246 §7.3, RFC 9147 §5 |
//! | [`provider`], [`identity`], [`fingerprint`] | primitives, certificates | RFC 8122 |
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
mod dtls12;
mod dtls13;
mod error;
mod event;
mod flight;
mod hello;
mod peer_certificate;
mod reassembly;
mod records;
mod stats;
mod transcript;
mod version;

pub use self::config::{Config, Role};
pub use self::connection::{Connection, Discarded, Opened};
pub use self::error::{Blame, ConfigError, Discard, ExportError, HandshakeError, ParseError, SealError};
pub use self::event::{CloseReason, Event};
pub use self::fingerprint::Fingerprint;
pub use self::identity::Identity;
pub use self::records::{RecordMark, RecordNumber};
pub use self::stats::Stats;
pub use self::version::{Version, Versions};
