//! RE-CONFIG: stream resets and their answers (RFC 6525 §3.1, §4).
//! ```text
//!  chunk 0x82: one or two parameters
//!  13 outgoing SSN reset   request seq | response seq | sender's last TSN | streams ... (none: all)
//!  14 incoming SSN reset   request seq | streams ...
//!  15 SSN/TSN reset        request seq
//!  16 response             response seq | result [| sender's next TSN | receiver's next TSN]
//!  17 add outgoing streams request seq | count | reserved
//!  18 add incoming streams request seq | count | reserved
//! ```

use super::parameter::{ParameterType, Parameters, RawParameter};
use super::{ChunkType, RawChunk, finish_tlv};
use crate::error::ParseError;
use plywood_octets::{Put, Reader};

/// The result in a Re-configuration Response (RFC 6525 §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResetResult(pub u32);

impl ResetResult {
    /// Success, nothing to do.
    pub const NOTHING_TO_DO: Self = Self(0);
    /// Success, performed.
    pub const PERFORMED: Self = Self(1);
    /// Denied.
    pub const DENIED: Self = Self(2);
    /// Error: wrong SSN.
    pub const WRONG_SSN: Self = Self(3);
    /// Error: a request is already in progress.
    pub const ALREADY_IN_PROGRESS: Self = Self(4);
    /// Error: bad sequence number.
    pub const BAD_SEQUENCE_NUMBER: Self = Self(5);
    /// In progress: ask again.
    pub const IN_PROGRESS: Self = Self(6);
}

/// A row of stream identifiers in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamList<'a>(&'a [u8]);

impl<'a> StreamList<'a> {
    /// The identifiers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u16> + use<'a> {
        self.0.chunks_exact(2).map(|id| u16::from_be_bytes([id[0], id[1]]))
    }

    /// Whether none is listed, which means all streams.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One parameter of a RE-CONFIG chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconfigParameter<'a> {
    /// The sender starts its SSNs again (RFC 6525 §4.1).
    OutgoingReset {
        /// Number of this request.
        request: u32,
        /// The request that this answers, or one less than the next expected.
        response: u32,
        /// The last TSN that the sender assigned before the reset.
        last_tsn: u32,
        /// The streams; none means all.
        streams: StreamList<'a>,
    },
    /// The receiver is asked to reset its outgoing streams (RFC 6525 §4.2).
    IncomingReset {
        /// Number of this request.
        request: u32,
        /// The streams; none means all.
        streams: StreamList<'a>,
    },
    /// Everything starts again (RFC 6525 §4.3), TSNs too.
    SsnTsnReset {
        /// Number of this request.
        request: u32,
    },
    /// More streams, in either direction (RFC 6525 §4.5, §4.6).
    AddStreams {
        /// Number of this request.
        request: u32,
        /// How many.
        count: u16,
        /// True: streams that the sender sends on.
        outgoing: bool,
    },
    /// The answer to a request (RFC 6525 §4.4).
    Response {
        /// Number of the request.
        response: u32,
        /// What came of it.
        result: ResetResult,
    },
}

impl<'a> ReconfigParameter<'a> {
    fn parse(raw: &RawParameter<'a>) -> Result<Option<Self>, ParseError> {
        let mut reader = Reader::new(raw.value);
        Ok(Some(match raw.kind {
            ParameterType::OUTGOING_SSN_RESET => Self::OutgoingReset {
                request: reader.u32()?,
                response: reader.u32()?,
                last_tsn: reader.u32()?,
                streams: StreamList(reader.rest()),
            },
            ParameterType::INCOMING_SSN_RESET => {
                Self::IncomingReset { request: reader.u32()?, streams: StreamList(reader.rest()) }
            }
            ParameterType::SSN_TSN_RESET => Self::SsnTsnReset { request: reader.u32()? },
            ParameterType::RECONFIGURATION_RESPONSE => {
                Self::Response { response: reader.u32()?, result: ResetResult(reader.u32()?) }
            }
            ParameterType::ADD_OUTGOING_STREAMS | ParameterType::ADD_INCOMING_STREAMS => Self::AddStreams {
                request: reader.u32()?,
                count: reader.u16()?,
                outgoing: raw.kind == ParameterType::ADD_OUTGOING_STREAMS,
            },
            _ => return Ok(None),
        }))
    }
}

/// The parameters of a RE-CONFIG chunk; unknown ones are skipped, at most two are read (RFC 6525 §3.1).
///
/// # Errors
/// [`ParseError`] if one is cut short, before any is acted upon.
pub fn parse_reconfig<'a>(chunk: &RawChunk<'a>) -> Result<[Option<ReconfigParameter<'a>>; 2], ParseError> {
    let mut found = [None, None];
    let mut count = 0;
    for raw in Parameters::new(chunk.value) {
        if let Some(parameter) = ReconfigParameter::parse(&raw?)? {
            if count == found.len() {
                return Err(ParseError::TooManyParameters);
            }
            found[count] = Some(parameter);
            count += 1;
        }
    }
    Ok(found)
}

/// Appends a RE-CONFIG chunk with an Outgoing SSN Reset Request.
pub fn put_outgoing_reset(out: &mut Vec<u8>, request: u32, response: u32, last_tsn: u32, streams: &[u16]) {
    let chunk = begin_chunk(out);
    let parameter = begin_parameter(out, ParameterType::OUTGOING_SSN_RESET);
    out.put_u32(request);
    out.put_u32(response);
    out.put_u32(last_tsn);
    for stream in streams {
        out.put_u16(*stream);
    }
    finish_both(out, chunk, parameter);
}

/// Appends a RE-CONFIG chunk with a Re-configuration Response.
pub fn put_response(out: &mut Vec<u8>, response: u32, result: ResetResult) {
    let chunk = begin_chunk(out);
    let parameter = begin_parameter(out, ParameterType::RECONFIGURATION_RESPONSE);
    out.put_u32(response);
    out.put_u32(result.0);
    finish_both(out, chunk, parameter);
}

fn begin_chunk(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.put_slice(&[ChunkType::RE_CONFIG.0, 0, 0, 0]);
    start
}

fn begin_parameter(out: &mut Vec<u8>, kind: ParameterType) -> usize {
    let start = out.len();
    out.put_u16(kind.0);
    out.put_u16(0);
    start
}

fn finish_both(out: &mut Vec<u8>, chunk: usize, parameter: usize) {
    finish_tlv(out, parameter);
    finish_tlv(out, chunk);
}
