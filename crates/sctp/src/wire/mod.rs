//! The bytes of SCTP: one file per chunk, no state, no time.
//!
//! Problem: a packet is a common header and a row of chunks, each a type, flags, a length and a value padded to
//! four bytes; each number was chosen by somebody else.
//! How: [`Packet::parse`] finds the row, [`Chunks`] walks it once, checks each length on the way and ends where one is
//! wrong; [`RawChunk`] only locates fields; each chunk's file turns a value into what the RFC allows.
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------------------------------+-------------------------------+
//! |          source port          |       destination port        |
//! +-------------------------------+-------------------------------+
//! |                        verification tag                       |
//! +---------------------------------------------------------------+
//! |                  checksum (CRC32c, sent in the reflected order)|
//! +---------------+---------------+-------------------------------+
//! |  chunk type   |     flags     | length: header + value, unpadded|
//! +---------------+---------------+-------------------------------+
//! |  value, then 0 to 3 bytes of padding                          |
//! ```
//! More: RFC 9260 §3; docs/sctp.md, "Packets".

pub mod cause;
pub mod data;
pub mod forward_tsn;
pub mod i_data;
pub mod init;
pub mod pad;
pub mod parameter;
pub mod reconfig;
pub mod sack;
pub mod simple;

use crate::error::ParseError;
use plywood_octets::{Put, Truncated};

/// Bytes of the common header (RFC 9260 §3.1).
pub const COMMON_HEADER_BYTES: usize = 12;
/// Bytes of a chunk's type, flags and length.
pub const CHUNK_HEADER_BYTES: usize = 4;

impl From<Truncated> for ParseError {
    fn from(error: Truncated) -> Self {
        Self::Truncated { needed: error.needed, available: error.available }
    }
}

/// `length` rounded up to a multiple of four (RFC 9260 §3.2).
#[must_use]
#[inline]
pub const fn padded(length: usize) -> usize {
    (length + 3) & !3
}

/// A chunk type (RFC 9260 §3.2); the upper two bits say what to do with an unknown one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkType(pub u8);

impl ChunkType {
    /// DATA (RFC 9260 §3.3.1).
    pub const DATA: Self = Self(0x00);
    /// INIT (RFC 9260 §3.3.2).
    pub const INIT: Self = Self(0x01);
    /// INIT ACK (RFC 9260 §3.3.3).
    pub const INIT_ACK: Self = Self(0x02);
    /// SACK (RFC 9260 §3.3.4).
    pub const SACK: Self = Self(0x03);
    /// HEARTBEAT (RFC 9260 §3.3.5).
    pub const HEARTBEAT: Self = Self(0x04);
    /// HEARTBEAT ACK (RFC 9260 §3.3.6).
    pub const HEARTBEAT_ACK: Self = Self(0x05);
    /// ABORT (RFC 9260 §3.3.7).
    pub const ABORT: Self = Self(0x06);
    /// SHUTDOWN (RFC 9260 §3.3.8).
    pub const SHUTDOWN: Self = Self(0x07);
    /// SHUTDOWN ACK (RFC 9260 §3.3.9).
    pub const SHUTDOWN_ACK: Self = Self(0x08);
    /// ERROR (RFC 9260 §3.3.10).
    pub const ERROR: Self = Self(0x09);
    /// COOKIE ECHO (RFC 9260 §3.3.11).
    pub const COOKIE_ECHO: Self = Self(0x0a);
    /// COOKIE ACK (RFC 9260 §3.3.12).
    pub const COOKIE_ACK: Self = Self(0x0b);
    /// ECNE: reserved by RFC 9260 §3.2, tolerated and ignored.
    pub const ECNE: Self = Self(0x0c);
    /// CWR: reserved by RFC 9260 §3.2, tolerated and ignored.
    pub const CWR: Self = Self(0x0d);
    /// SHUTDOWN COMPLETE (RFC 9260 §3.3.13).
    pub const SHUTDOWN_COMPLETE: Self = Self(0x0e);
    /// I-DATA (RFC 8260 §2.1).
    pub const I_DATA: Self = Self(0x40);
    /// RE-CONFIG (RFC 6525 §3.1).
    pub const RE_CONFIG: Self = Self(0x82);
    /// PAD (RFC 4820 §3).
    pub const PAD: Self = Self(0x84);
    /// FORWARD-TSN (RFC 3758 §3.2).
    pub const FORWARD_TSN: Self = Self(0xc0);
    /// I-FORWARD-TSN (RFC 8260 §2.3.1).
    pub const I_FORWARD_TSN: Self = Self(0xc2);

    /// What a receiver does that does not know this type.
    #[must_use]
    pub fn when_unknown(self) -> WhenUnknown {
        WhenUnknown { stop: self.0 & 0x80 == 0, report: self.0 & 0x40 != 0 }
    }
}

/// The upper two bits of an unknown chunk or parameter type (RFC 9260 §3.2, §3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhenUnknown {
    /// Stop processing the packet (or the parameter list) here; otherwise skip this one and go on.
    pub stop: bool,
    /// Tell the sender, in an ERROR chunk or an Unrecognized Parameter.
    pub report: bool,
}

/// The common header (RFC 9260 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// The receiver's own tag; 0 in a packet with INIT.
    pub verification_tag: u32,
    /// The checksum field as it was received.
    pub checksum: [u8; 4],
}

/// A packet that begins with a whole chunk.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// The common header.
    pub header: Header,
    /// All bytes after the common header: what the checksum continues over.
    pub rest: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Locates the header and the first chunk.
    ///
    /// # Errors
    /// [`ParseError`] if the header is cut short, no chunk follows, or the first chunk's length is below four or
    /// reaches past the end.
    #[inline]
    pub fn parse(packet: &'a [u8]) -> Result<Self, ParseError> {
        let Some((&[s1, s2, d1, d2, t1, t2, t3, t4, checksum @ ..], rest)) =
            packet.split_first_chunk::<COMMON_HEADER_BYTES>()
        else {
            return Err(ParseError::Truncated { needed: COMMON_HEADER_BYTES, available: packet.len() });
        };
        let header = Header {
            source_port: u16::from_be_bytes([s1, s2]),
            destination_port: u16::from_be_bytes([d1, d2]),
            verification_tag: u32::from_be_bytes([t1, t2, t3, t4]),
            checksum,
        };
        if rest.is_empty() {
            return Err(ParseError::NoChunk);
        }
        RawChunk::length_at(rest)?;
        Ok(Self { header, rest })
    }

    /// Whether the first chunk has no company, which some chunks must not have (RFC 9260 §6.10).
    #[must_use]
    pub fn is_single(&self) -> bool {
        let mut chunks = self.chunks();
        chunks.next();
        chunks.rest.is_empty()
    }

    /// The chunks, in order.
    #[must_use]
    #[inline]
    pub fn chunks(&self) -> Chunks<'a> {
        Chunks { rest: self.rest }
    }
}

/// The chunks of a [`Packet`]; ends at the first broken length. A last chunk without its padding is accepted.
#[derive(Debug, Clone)]
pub struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Chunks<'a> {
    /// Over the chunks in `bytes` (no common header).
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is wrong behind the last whole chunk: a partial one is dropped, those before it count (RFC 9260 §6.10).
    #[must_use]
    #[inline]
    pub fn broken(mut self) -> Option<ParseError> {
        while self.next().is_some() {}
        if self.rest.is_empty() { None } else { RawChunk::length_at(self.rest).err() }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = RawChunk<'a>;

    #[inline]
    fn next(&mut self) -> Option<RawChunk<'a>> {
        let length = RawChunk::length_at(self.rest).ok()?;
        let whole = &self.rest[..length];
        self.rest = self.rest.get(padded(length)..).unwrap_or_default();
        Some(RawChunk {
            kind: ChunkType(whole[0]),
            flags: whole[1],
            whole,
            value: &whole[CHUNK_HEADER_BYTES..],
        })
    }
}

/// One chunk, located and not yet understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawChunk<'a> {
    /// The type.
    pub kind: ChunkType,
    /// The flags; their meaning depends on the type.
    pub flags: u8,
    /// Header and value, without padding: what an error report quotes.
    pub whole: &'a [u8],
    /// The value, without padding.
    pub value: &'a [u8],
}

impl RawChunk<'_> {
    #[inline]
    fn length_at(bytes: &[u8]) -> Result<usize, ParseError> {
        let Some(&[_, _, high, low]) = bytes.first_chunk::<CHUNK_HEADER_BYTES>() else {
            return Err(ParseError::Truncated { needed: CHUNK_HEADER_BYTES, available: bytes.len() });
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < CHUNK_HEADER_BYTES {
            return Err(ParseError::ChunkLength { length });
        }
        if length > bytes.len() {
            return Err(ParseError::Truncated { needed: length, available: bytes.len() });
        }
        Ok(length)
    }
}

/// Writes a packet's common header with a zero checksum; fill it in with [`crate::checksum::fill_in`].
#[inline]
pub fn put_header(out: &mut Vec<u8>, source_port: u16, destination_port: u16, verification_tag: u32) {
    let mut header = [0; COMMON_HEADER_BYTES];
    header[..2].copy_from_slice(&source_port.to_be_bytes());
    header[2..4].copy_from_slice(&destination_port.to_be_bytes());
    header[4..8].copy_from_slice(&verification_tag.to_be_bytes());
    out.put_slice(&header);
}

/// Writes one chunk: `value` writes what stands between header and padding.
pub fn put_chunk(out: &mut Vec<u8>, kind: ChunkType, flags: u8, value: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.put_slice(&[kind.0, flags, 0, 0]);
    value(out);
    finish_tlv(out, start);
}

/// Fills in the length of a chunk, parameter or cause that began at `start`, and pads it.
#[inline]
pub(crate) fn finish_tlv(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start;
    let field = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    out[start + 2..start + 4].copy_from_slice(&field);
    out.resize(start + padded(length), 0);
}

/// Appends a DATA or I-DATA chunk: `header` with its length filled in, then `payload` and the padding.
#[inline]
pub(crate) fn put_data<const N: usize>(out: &mut Vec<u8>, mut header: [u8; N], payload: &[u8]) {
    let length = u16::try_from(N + payload.len()).unwrap_or(u16::MAX);
    header[2..4].copy_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
    if !payload.len().is_multiple_of(4) {
        out.extend_from_slice(&[0; 3][..padded(payload.len()) - payload.len()]);
    }
}

#[cfg(test)]
mod tests;
