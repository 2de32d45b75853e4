//! FORWARD-TSN and I-FORWARD-TSN: "do not wait for these any longer" (RFC 3758 §3.2, RFC 8260 §2.3.1).
//! ```text
//!  FORWARD-TSN (0xc0)                       I-FORWARD-TSN (0xc2)
//! +-------------------------------+        +-------------------------------+
//! |      new cumulative TSN       |        |      new cumulative TSN       |
//! +---------------+---------------+        +---------------+-------------+-+
//! |  stream id    |     SSN       | x N    |  stream id    |  reserved   |U| x N
//! +---------------+---------------+        +---------------+-------------+-+
//!                                          |            MID                |
//!                                          +-------------------------------+
//! ```

use super::{ChunkType, RawChunk, put_chunk};
use crate::error::ParseError;
use plywood_octets::{Put, Reader};

/// One skipped message: the largest of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// Stream identifier.
    pub stream: u16,
    /// Unordered (I-FORWARD-TSN only; FORWARD-TSN lists no unordered messages).
    pub unordered: bool,
    /// The SSN (16 bits) or MID.
    pub number: u32,
}

/// A received FORWARD-TSN or I-FORWARD-TSN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardTsn<'a> {
    /// Up to here, all TSNs count as received.
    pub new_cumulative_tsn: u32,
    interleaved: bool,
    streams: &'a [u8],
}

impl<'a> ForwardTsn<'a> {
    /// Reads the value of either chunk.
    ///
    /// # Errors
    /// [`ParseError`] if the TSN is cut short or the list is not a whole number of entries.
    pub fn parse(chunk: &RawChunk<'a>) -> Result<Self, ParseError> {
        let mut reader = Reader::new(chunk.value);
        let new_cumulative_tsn = reader.u32()?;
        let streams = reader.rest();
        let interleaved = chunk.kind == ChunkType::I_FORWARD_TSN;
        let entry = if interleaved { 8 } else { 4 };
        if !streams.len().is_multiple_of(entry) {
            return Err(ParseError::Truncated { needed: entry, available: streams.len() % entry });
        }
        Ok(Self { new_cumulative_tsn, interleaved, streams })
    }

    /// The skipped messages.
    pub fn skipped(&self) -> impl Iterator<Item = Skipped> + use<'a> {
        let interleaved = self.interleaved;
        self.streams.chunks_exact(if interleaved { 8 } else { 4 }).map(move |entry| Skipped {
            stream: u16::from_be_bytes([entry[0], entry[1]]),
            unordered: interleaved && entry[3] & 1 != 0,
            number: match *entry {
                [_, _, _, _, a, b, c, d] => u32::from_be_bytes([a, b, c, d]),
                _ => u32::from(u16::from_be_bytes([entry[2], entry[3]])),
            },
        })
    }
}

/// Appends a FORWARD-TSN, or an I-FORWARD-TSN if `interleaved`.
pub fn put_forward_tsn(out: &mut Vec<u8>, interleaved: bool, new_cumulative_tsn: u32, skipped: &[Skipped]) {
    let kind = if interleaved { ChunkType::I_FORWARD_TSN } else { ChunkType::FORWARD_TSN };
    put_chunk(out, kind, 0, |out| {
        out.put_u32(new_cumulative_tsn);
        for message in skipped {
            out.put_u16(message.stream);
            if interleaved {
                out.put_u16(u16::from(message.unordered));
                out.put_u32(message.number);
            } else {
                out.put_u16(crate::numbers::wire_16(u64::from(message.number)));
            }
        }
    });
}
