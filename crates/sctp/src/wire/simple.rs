//! Chunks that carry one field or none: HEARTBEAT, HEARTBEAT ACK, SHUTDOWN and its answers, COOKIE ECHO and ACK,
//! ABORT and ERROR as rows of causes (RFC 9260 §3.3.5 to §3.3.13).
//! ```text
//!  HEARTBEAT, HEARTBEAT ACK   one Heartbeat Info parameter, echoed as it is
//!  SHUTDOWN                   cumulative TSN ack
//!  COOKIE ECHO                the cookie
//!  ABORT, ERROR               causes (wire/cause.rs); T bit of ABORT: the tag is the sender's own, reflected
//!  SHUTDOWN ACK, SHUTDOWN COMPLETE (T bit), COOKIE ACK      nothing
//! ```

use super::parameter::{ParameterType, Parameters, put_parameter};
use super::{ChunkType, RawChunk, put_chunk};
use crate::error::ParseError;
use plywood_octets::{Put, Reader};

/// T bit of ABORT and SHUTDOWN COMPLETE: the verification tag is reflected (RFC 9260 §8.5.1).
pub const REFLECTED_TAG: u8 = 0x01;

/// The Heartbeat Info of a HEARTBEAT or HEARTBEAT ACK.
///
/// # Errors
/// [`ParseError`] if the parameter is missing or cut short.
pub fn heartbeat_info<'a>(chunk: &RawChunk<'a>) -> Result<&'a [u8], ParseError> {
    let parameter = Parameters::new(chunk.value).next().ok_or(ParseError::MissingParameter)??;
    if parameter.kind != ParameterType::HEARTBEAT_INFO {
        return Err(ParseError::MissingParameter);
    }
    Ok(parameter.value)
}

/// Appends a HEARTBEAT or HEARTBEAT ACK.
pub fn put_heartbeat(out: &mut Vec<u8>, kind: ChunkType, info: &[u8]) {
    put_chunk(out, kind, 0, |out| put_parameter(out, ParameterType::HEARTBEAT_INFO, info));
}

/// The cumulative TSN ack of a SHUTDOWN.
///
/// # Errors
/// [`ParseError::Truncated`] if it is cut short.
pub fn shutdown_tsn(chunk: &RawChunk<'_>) -> Result<u32, ParseError> {
    Ok(Reader::new(chunk.value).u32()?)
}

/// Appends a SHUTDOWN.
pub fn put_shutdown(out: &mut Vec<u8>, cumulative_tsn_ack: u32) {
    put_chunk(out, ChunkType::SHUTDOWN, 0, |out| out.put_u32(cumulative_tsn_ack));
}

/// Appends a chunk without a value.
pub fn put_empty(out: &mut Vec<u8>, kind: ChunkType, flags: u8) {
    put_chunk(out, kind, flags, |_| ());
}
