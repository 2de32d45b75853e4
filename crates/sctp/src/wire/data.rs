//! DATA: one fragment of one user message (RFC 9260 §3.3.1).
//! ```text
//! +---------------+-------+-+-+-+-+-------------------------------+
//! |   type = 0    |  res  |I|U|B|E|            length             |
//! +---------------+-------+-+-+-+-+-------------------------------+
//! |                              TSN                              |
//! +-------------------------------+-------------------------------+
//! |           stream id           |      stream sequence number   |
//! +-------------------------------+-------------------------------+
//! |                   payload protocol identifier                 |
//! +---------------------------------------------------------------+
//! |  user data, at least one byte                                 |
//! ```

use super::{ChunkType, RawChunk, put_data};
use crate::error::ParseError;

/// Bytes of a DATA chunk before its user data.
pub const DATA_HEADER_BYTES: usize = 16;

/// Flags of DATA and I-DATA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DataFlags(pub u8);

impl DataFlags {
    /// E: the last fragment.
    pub const END: u8 = 0x01;
    /// B: the first fragment.
    pub const BEGINNING: u8 = 0x02;
    /// U: unordered.
    pub const UNORDERED: u8 = 0x04;
    /// I: acknowledge without delay (RFC 7053).
    pub const IMMEDIATE: u8 = 0x08;

    /// Whether this is the first fragment.
    #[must_use]
    pub fn is_beginning(self) -> bool {
        self.0 & Self::BEGINNING != 0
    }
    /// Whether this is the last fragment.
    #[must_use]
    pub fn is_end(self) -> bool {
        self.0 & Self::END != 0
    }
    /// Whether the message is unordered.
    #[must_use]
    pub fn is_unordered(self) -> bool {
        self.0 & Self::UNORDERED != 0
    }
    /// Whether the sender asks for a SACK at once (RFC 7053).
    #[must_use]
    pub fn is_immediate(self) -> bool {
        self.0 & Self::IMMEDIATE != 0
    }
}

/// A DATA chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data<'a> {
    /// I, U, B and E.
    pub flags: DataFlags,
    /// Transmission sequence number.
    pub tsn: u32,
    /// Stream identifier.
    pub stream: u16,
    /// Stream sequence number; no meaning if unordered.
    pub ssn: u16,
    /// Payload protocol identifier, passed through.
    pub ppid: u32,
    /// User data. Empty only in a received chunk, which is a protocol error (RFC 9260 §6.2).
    pub payload: &'a [u8],
}

impl<'a> Data<'a> {
    /// Reads the value of a DATA chunk.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] if the fields are cut short. Empty user data is not an error here: the answer
    /// needs the TSN.
    #[inline]
    pub fn parse(chunk: &RawChunk<'a>) -> Result<Self, ParseError> {
        let Some((&[t1, t2, t3, t4, s1, s2, n1, n2, p1, p2, p3, p4], payload)) =
            chunk.value.split_first_chunk()
        else {
            return Err(ParseError::Truncated { needed: DATA_HEADER_BYTES, available: chunk.whole.len() });
        };
        Ok(Self {
            flags: DataFlags(chunk.flags),
            tsn: u32::from_be_bytes([t1, t2, t3, t4]),
            stream: u16::from_be_bytes([s1, s2]),
            ssn: u16::from_be_bytes([n1, n2]),
            ppid: u32::from_be_bytes([p1, p2, p3, p4]),
            payload,
        })
    }

    /// Appends the chunk, padded.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut header = [0; DATA_HEADER_BYTES];
        header[0] = ChunkType::DATA.0;
        header[1] = self.flags.0;
        header[4..8].copy_from_slice(&self.tsn.to_be_bytes());
        header[8..10].copy_from_slice(&self.stream.to_be_bytes());
        header[10..12].copy_from_slice(&self.ssn.to_be_bytes());
        header[12..16].copy_from_slice(&self.ppid.to_be_bytes());
        put_data(out, header, self.payload);
    }
}
