//! SACK: what arrived, where the holes are, how much room is left (RFC 9260 §3.3.4).
//! ```text
//! +---------------+---------------+-------------------------------+
//! |   type = 3    |     flags     |            length             |
//! +---------------+---------------+-------------------------------+
//! |                      cumulative TSN ack                       |
//! +---------------------------------------------------------------+
//! |                            a_rwnd                             |
//! +-------------------------------+-------------------------------+
//! |      gap ack blocks = N       |      duplicate TSNs = X       |
//! +-------------------------------+-------------------------------+
//! |  block 1: start offset        |  end offset, both from cum. TSN|   x N
//! +-------------------------------+-------------------------------+
//! |  duplicate TSN 1                                              |   x X
//! ```

use super::{CHUNK_HEADER_BYTES, ChunkType, RawChunk};
use crate::error::ParseError;
use plywood_octets::Reader;

/// Bytes of a SACK without blocks and duplicates.
pub const SACK_BYTES: usize = CHUNK_HEADER_BYTES + 12;

/// A gap ack block: offsets from the cumulative TSN ack, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapBlock {
    /// First TSN of the block, as an offset.
    pub start: u16,
    /// Last TSN of the block, as an offset.
    pub end: u16,
}

/// A received SACK; blocks and duplicates stay in the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sack<'a> {
    /// The last TSN before the first hole.
    pub cumulative_tsn_ack: u32,
    /// Room in the receiver's window, in bytes.
    pub a_rwnd: u32,
    blocks: &'a [u8],
    duplicates: &'a [u8],
}

impl<'a> Sack<'a> {
    /// Reads the value of a SACK chunk.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] if the fields, or as many blocks and duplicates as they announce, are not there.
    #[inline]
    pub fn parse(chunk: &RawChunk<'a>) -> Result<Self, ParseError> {
        let mut reader = Reader::new(chunk.value);
        let (cumulative_tsn_ack, a_rwnd) = (reader.u32()?, reader.u32()?);
        let (blocks, duplicates) = (usize::from(reader.u16()?), usize::from(reader.u16()?));
        let (blocks, duplicates) = (reader.bytes(blocks * 4)?, reader.bytes(duplicates * 4)?);
        Ok(Self { cumulative_tsn_ack, a_rwnd, blocks, duplicates })
    }

    /// The gap ack blocks, as they stand: neither sorted nor checked.
    pub fn gap_blocks(&self) -> impl ExactSizeIterator<Item = GapBlock> + use<'a> {
        self.blocks.chunks_exact(4).map(|b| GapBlock {
            start: u16::from_be_bytes([b[0], b[1]]),
            end: u16::from_be_bytes([b[2], b[3]]),
        })
    }

    /// The duplicate TSNs.
    pub fn duplicates(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.duplicates.chunks_exact(4).map(|d| u32::from_be_bytes([d[0], d[1], d[2], d[3]]))
    }
}

/// Appends a SACK. No more than 2000 blocks and 2000 duplicates are written, so that the length fits.
pub fn put_sack(
    out: &mut Vec<u8>,
    cumulative_tsn_ack: u32,
    a_rwnd: u32,
    blocks: impl Iterator<Item = GapBlock>,
    duplicates: &[u32],
) {
    let start = out.len();
    let mut fixed = [0; SACK_BYTES];
    fixed[0] = ChunkType::SACK.0;
    fixed[4..8].copy_from_slice(&cumulative_tsn_ack.to_be_bytes());
    fixed[8..12].copy_from_slice(&a_rwnd.to_be_bytes());
    out.extend_from_slice(&fixed);
    let mut count: u16 = 0;
    for block in blocks.take(2000) {
        out.extend_from_slice(&block.start.to_be_bytes());
        out.extend_from_slice(&block.end.to_be_bytes());
        count += 1;
    }
    let duplicates = duplicates.get(..2000).unwrap_or(duplicates);
    for tsn in duplicates {
        out.extend_from_slice(&tsn.to_be_bytes());
    }
    let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
    out[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
    out[start + 12..start + 14].copy_from_slice(&count.to_be_bytes());
    let duplicates = u16::try_from(duplicates.len()).unwrap_or(u16::MAX);
    out[start + 14..start + 16].copy_from_slice(&duplicates.to_be_bytes());
}
