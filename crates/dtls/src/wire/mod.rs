//! Bytes on the wire: one file a structure, no state, no time.
//!
//! Problem: a parser that also decides is hard to read and harder to fuzz.
//! How: every structure here is either located (`parse` gives a borrowed view) or typed (`parse` gives a value
//! that holds only what can be legal). Whoever can construct a value can encode it.
//!
//! ```text
//!  datagram = record record ..        record.rs     13-byte header (1.2, and plaintext in 1.3), unified header (1.3)
//!    record = fragment fragment ..    handshake.rs  12-byte header: type, length, message_seq, offset, length
//!   message = hello, certificate ..   one file each, extensions in extension.rs
//!     alert = level, description      alert.rs
//! ```

#[macro_use]
pub mod codes;
pub mod ack;
pub mod alert;
pub mod certificate;
pub mod certificate13;
pub mod certificate_request;
pub mod certificate_verify;
pub mod client_hello;
pub mod client_key_exchange;
pub mod connection_id;
pub mod extension;
pub mod extension13;
pub mod finished;
pub mod handshake;
pub mod hello_retry_request;
pub mod hello_verify_request;
pub mod key_update;
pub mod record;
pub mod server_hello;
pub mod server_key_exchange;

pub use self::alert::{Alert, AlertDescription, AlertLevel};
pub use self::client_hello::ClientHello;
pub use self::extension::{Extension, ExtensionType, Extensions};
pub use self::handshake::{Fragment, HandshakeHeader, HandshakeType};
pub use self::hello_verify_request::HelloVerifyRequest;
pub use self::record::{ContentType, PlaintextHeader, ProtocolVersion, UnifiedHeader};
pub use self::server_hello::ServerHello;
