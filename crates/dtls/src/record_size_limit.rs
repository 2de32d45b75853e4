//! record_size_limit (RFC 8449): "no larger records to me, please".
//!
//! Problem: a record can be opened only as a whole, so a receiver with little memory must be able to say how long
//! records may be; and a path's MTU says nothing about memory.
//! How: each side names the longest plaintext that it takes, in the hellos of 1.2, and encrypted in 1.3.
//!
//! ```text
//!   1.2   limit >= payload                         1.2 with a connection id, and 1.3   limit >= payload + type + padding
//! ```
//! It counts for protected records only. Flights and ACKs are cut to it by themselves; for application data
//! [`crate::Connection::max_payload`] says it.
//! More: docs/dtls.md, "How long a record may be".

use crate::connection::Engine;
use crate::error::{HandshakeError, decode};
use crate::version::Version;
use crate::wire::record::MAX_PLAINTEXT;
use crate::wire::{Extension, Extensions, HandshakeType};

/// No limit may be smaller (RFC 8449 §4).
pub(crate) const SMALLEST: u16 = 64;

/// The largest that a version knows: 1.3 counts the inner content type (RFC 8449 §4).
fn largest(version: Version) -> u16 {
    let inner_type = u16::from(version == Version::Dtls13);
    u16::try_from(MAX_PLAINTEXT).unwrap_or(u16::MAX) + inner_type
}

/// What we say, where `version` is the newest that may come of it.
pub(crate) fn ours(engine: &Engine, version: Version) -> Option<u16> {
    engine.config.record_size_limit.map(|limit| limit.min(largest(version)))
}

/// The server's answer to a client that named a limit (RFC 8449 §4): its own.
pub(crate) fn answer(
    engine: &mut Engine,
    version: Version,
    theirs: Option<u16>,
    extensions: &mut Extensions,
) {
    if let (Some(theirs), Some(ours)) = (theirs, ours(engine, version)) {
        extensions.push(Extension::record_size_limit(ours));
        agree(engine, version, ours, theirs);
    }
}

/// What the server answered to ours.
pub(crate) fn answered(
    engine: &mut Engine,
    version: Version,
    answers: &Extensions,
    message: HandshakeType,
) -> Result<(), HandshakeError> {
    let theirs = answers.record_size_limit().map_err(decode(message))?;
    if let (Some(theirs), Some(ours)) = (theirs, ours(engine, version)) {
        agree(engine, version, ours, theirs);
    }
    Ok(())
}

/// A limit above what the version allows is no limit; we could refuse it, and need not (RFC 8449 §4).
fn agree(engine: &mut Engine, version: Version, ours: u16, theirs: u16) {
    engine.records.limit_plaintext(usize::from(ours), usize::from(theirs.min(largest(version))));
}
