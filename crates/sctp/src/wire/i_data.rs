//! I-DATA: a fragment that may be interleaved with fragments of other messages (RFC 8260 §2.1).
//! ```text
//! +---------------+-------+-+-+-+-+-------------------------------+
//! |  type = 0x40  |  res  |I|U|B|E|            length             |
//! +---------------+-------+-+-+-+-+-------------------------------+
//! |                              TSN                              |
//! +-------------------------------+-------------------------------+
//! |           stream id           |            reserved           |
//! +-------------------------------+-------------------------------+
//! |                   message identifier (MID)                    |
//! +---------------------------------------------------------------+
//! |     PPID if B is set, else fragment sequence number (FSN)     |
//! +---------------------------------------------------------------+
//! |  user data, at least one byte                                 |
//! ```

use super::data::DataFlags;
use super::{ChunkType, RawChunk, put_data};
use crate::error::ParseError;

/// Bytes of an I-DATA chunk before its user data.
pub const I_DATA_HEADER_BYTES: usize = 20;

/// An I-DATA chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IData<'a> {
    /// I, U, B and E, as in DATA.
    pub flags: DataFlags,
    /// Transmission sequence number.
    pub tsn: u32,
    /// Stream identifier.
    pub stream: u16,
    /// Message identifier: counts ordered and unordered messages of a stream apart.
    pub mid: u32,
    /// The payload protocol identifier in the first fragment, the fragment sequence number in the others.
    pub ppid_or_fsn: u32,
    /// User data.
    pub payload: &'a [u8],
}

impl<'a> IData<'a> {
    /// Reads the value of an I-DATA chunk.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] if the fields are cut short.
    #[inline]
    pub fn parse(chunk: &RawChunk<'a>) -> Result<Self, ParseError> {
        let Some((&[t1, t2, t3, t4, s1, s2, _, _, m1, m2, m3, m4, p1, p2, p3, p4], payload)) =
            chunk.value.split_first_chunk()
        else {
            return Err(ParseError::Truncated { needed: I_DATA_HEADER_BYTES, available: chunk.whole.len() });
        };
        Ok(Self {
            flags: DataFlags(chunk.flags),
            tsn: u32::from_be_bytes([t1, t2, t3, t4]),
            stream: u16::from_be_bytes([s1, s2]),
            mid: u32::from_be_bytes([m1, m2, m3, m4]),
            ppid_or_fsn: u32::from_be_bytes([p1, p2, p3, p4]),
            payload,
        })
    }

    /// Appends the chunk, padded.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut header = [0; I_DATA_HEADER_BYTES];
        header[0] = ChunkType::I_DATA.0;
        header[1] = self.flags.0;
        header[4..8].copy_from_slice(&self.tsn.to_be_bytes());
        header[8..10].copy_from_slice(&self.stream.to_be_bytes());
        header[12..16].copy_from_slice(&self.mid.to_be_bytes());
        header[16..20].copy_from_slice(&self.ppid_or_fsn.to_be_bytes());
        put_data(out, header, self.payload);
    }
}
