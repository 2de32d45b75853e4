//! The place of DTLS 1.3 (RFC 9147), beside `dtls12` and over the same machinery.
//!
//! What is ready for it, and where it plugs in:
//!
//! ```text
//!   version.rs          HAS_1_3: one line makes a ClientHello offer 1.3 and a server choose it; the downgrade
//!                       sentinel is written and checked from that moment
//!   connection.rs       Phase: variants Client13, Server13; the 1.2 states hand over in on_hello
//!   records/            RecordNumber has a 64-bit epoch; Protection gets a variant with the record-number key;
//!                       wire::UnifiedHeader is parsed and written
//!   reassembly.rs       slots know the epoch of their fragments; message_seq goes on over the whole connection
//!   flight.rs           Records::finish tells the number of each record: what an ACK names
//!   transcript.rs       keeps the ClientHello until the version is known; messages_13 drops the DTLS fields
//!   key_schedule.rs     HKDF-Expand-Label with the dtls13 prefix
//! ```
//!
//! Until it stands here, `Config::versions` without 1.2 gives `ConfigError::NoSupportedVersion`.
