//! DTLS 1.2 (RFC 6347) and 1.3 (RFC 9147): records, handshakes, exporters; sans-IO.

pub mod fingerprint;
pub mod identity;
pub mod key_schedule;
pub mod prf;
pub mod provider;
pub mod wire;
