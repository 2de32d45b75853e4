//! Bounds-checked reading and writing of network byte order.
//!
//! Problem: every parser of the stack walks bytes that an attacker chose, and a single slice index
//! out of range would be a panic from the network.
//! How: a [`Reader`] hands out fields from the front of a slice and fails with [`Truncated`] instead
//! of panicking; [`Put`] appends fields to a `Vec<u8>`; a [`LengthMark`] fills a length in afterwards.
//!
//! ```
//! use plywood_octets::{Put, Reader};
//!
//! let mut out = Vec::new();
//! out.put_u8(1);
//! let length = out.begin_u16_length();
//! out.put_slice(b"ply");
//! length.finish(&mut out);
//! assert_eq!(out, [1, 0, 3, b'p', b'l', b'y']);
//!
//! let mut reader = Reader::new(&out);
//! assert_eq!(reader.u8()?, 1);
//! let mut body = reader.u16_prefixed()?;
//! assert_eq!(body.rest(), b"ply");
//! assert!(reader.is_empty());
//! # Ok::<(), plywood_octets::Truncated>(())
//! ```

use std::fmt;

/// A field reached past the end of its slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncated {
    /// Bytes that the field needs.
    pub needed: usize,
    /// Bytes that were left.
    pub available: usize,
}

impl fmt::Display for Truncated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a field of {} bytes, but {} left", self.needed, self.available)
    }
}

impl std::error::Error for Truncated {}

/// Reads fields from the front of a slice.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader over all of `bytes`.
    #[must_use]
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Bytes not yet read.
    #[must_use]
    #[inline]
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Whether all bytes were read.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes not yet read, without reading them.
    #[must_use]
    pub fn peek(&self) -> &'a [u8] {
        self.bytes
    }

    /// Reads the next `length` bytes.
    ///
    /// # Errors
    /// [`Truncated`] if fewer are left; nothing is read then.
    #[inline]
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], Truncated> {
        let Some((head, tail)) = self.bytes.split_at_checked(length) else {
            return Err(Truncated { needed: length, available: self.bytes.len() });
        };
        self.bytes = tail;
        Ok(head)
    }

    /// Reads the next `N` bytes into an array.
    ///
    /// # Errors
    /// [`Truncated`] if fewer are left.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let Some((head, tail)) = self.bytes.split_first_chunk::<N>() else {
            return Err(Truncated { needed: N, available: self.bytes.len() });
        };
        self.bytes = tail;
        Ok(*head)
    }

    /// Reads an unsigned 8-bit number.
    ///
    /// # Errors
    /// [`Truncated`] at the end.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, Truncated> {
        self.array().map(u8::from_be_bytes)
    }

    /// Reads an unsigned 16-bit number, most significant byte first, as all below.
    ///
    /// # Errors
    /// [`Truncated`] at the end.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, Truncated> {
        self.array().map(u16::from_be_bytes)
    }

    /// Reads an unsigned 24-bit number (lengths in DTLS).
    ///
    /// # Errors
    /// [`Truncated`] at the end.
    pub fn u24(&mut self) -> Result<u32, Truncated> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    /// Reads an unsigned 32-bit number.
    ///
    /// # Errors
    /// [`Truncated`] at the end.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, Truncated> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads an unsigned 48-bit number (sequence numbers in DTLS).
    ///
    /// # Errors
    /// [`Truncated`] at the end.
    pub fn u48(&mut self) -> Result<u64, Truncated> {
        let [a, b, c, d, e, f] = self.array()?;
        Ok(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// Reads an unsigned 64-bit number.
    ///
    /// # Errors
    /// [`Truncated`] at the end.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, Truncated> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads an 8-bit length and that many bytes, as a reader of their own.
    ///
    /// # Errors
    /// [`Truncated`] if the length or the bytes are cut short.
    pub fn u8_prefixed(&mut self) -> Result<Self, Truncated> {
        let length = self.u8()?;
        self.bytes(usize::from(length)).map(Self::new)
    }

    /// Reads a 16-bit length and that many bytes, as a reader of their own.
    ///
    /// # Errors
    /// [`Truncated`] if the length or the bytes are cut short.
    pub fn u16_prefixed(&mut self) -> Result<Self, Truncated> {
        let length = self.u16()?;
        self.bytes(usize::from(length)).map(Self::new)
    }

    /// Reads a 24-bit length and that many bytes, as a reader of their own.
    ///
    /// # Errors
    /// [`Truncated`] if the length or the bytes are cut short.
    pub fn u24_prefixed(&mut self) -> Result<Self, Truncated> {
        let length = self.u24()?;
        self.bytes(length as usize).map(Self::new)
    }

    /// Reads all that is left.
    #[inline]
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }
}

/// Appends fields, most significant byte first.
pub trait Put {
    /// Appends `bytes` as they are.
    fn put_slice(&mut self, bytes: &[u8]);
    /// How many bytes stand already: where the next field will begin.
    fn position(&self) -> usize;

    /// Appends an 8-bit number.
    fn put_u8(&mut self, value: u8) {
        self.put_slice(&[value]);
    }
    /// Appends a 16-bit number.
    fn put_u16(&mut self, value: u16) {
        self.put_slice(&value.to_be_bytes());
    }
    /// Appends the low 24 bits of `value`.
    fn put_u24(&mut self, value: u32) {
        let [_, a, b, c] = value.to_be_bytes();
        self.put_slice(&[a, b, c]);
    }
    /// Appends a 32-bit number.
    fn put_u32(&mut self, value: u32) {
        self.put_slice(&value.to_be_bytes());
    }
    /// Appends the low 48 bits of `value`.
    fn put_u48(&mut self, value: u64) {
        let [_, _, a, b, c, d, e, f] = value.to_be_bytes();
        self.put_slice(&[a, b, c, d, e, f]);
    }
    /// Appends a 64-bit number.
    fn put_u64(&mut self, value: u64) {
        self.put_slice(&value.to_be_bytes());
    }

    /// Leaves room for an 8-bit length of what follows.
    fn begin_u8_length(&mut self) -> LengthMark {
        self.begin_length(1)
    }
    /// Leaves room for a 16-bit length of what follows.
    fn begin_u16_length(&mut self) -> LengthMark {
        self.begin_length(2)
    }
    /// Leaves room for a 24-bit length of what follows.
    fn begin_u24_length(&mut self) -> LengthMark {
        self.begin_length(3)
    }
    /// Leaves room for a length of `width` bytes (at most 8).
    fn begin_length(&mut self, width: usize) -> LengthMark {
        let mark = LengthMark { at: self.position(), width: width.min(8) };
        self.put_slice(&[0; 8][..mark.width]);
        mark
    }
}

impl Put for Vec<u8> {
    #[inline]
    fn put_slice(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    fn position(&self) -> usize {
        self.len()
    }
}

/// Room for a length, filled in once what it counts has been written.
#[derive(Debug)]
#[must_use = "an unfinished mark leaves a zero length behind"]
pub struct LengthMark {
    at: usize,
    width: usize,
}

impl LengthMark {
    /// Writes how many bytes followed the mark. A body too long for the field keeps the low bytes of its
    /// length: writers bound their fields before they start. A mark past the end of `out` does nothing.
    pub fn finish(self, out: &mut [u8]) {
        let end = self.at + self.width;
        let length = out.len().saturating_sub(end) as u64;
        if let Some(field) = out.get_mut(self.at..end) {
            field.copy_from_slice(&length.to_be_bytes()[8 - self.width..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_most_significant_byte_first() {
        let mut reader =
            Reader::new(&[1, 0, 2, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6]);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(2));
        assert_eq!(reader.u24(), Ok(3));
        assert_eq!(reader.u32(), Ok(4));
        assert_eq!(reader.u48(), Ok(5));
        assert_eq!(reader.u64(), Ok(6));
        assert_eq!(reader.u8(), Err(Truncated { needed: 1, available: 0 }));
    }

    #[test]
    fn a_short_field_reads_nothing() {
        let mut reader = Reader::new(&[9, 9, 9]);
        assert_eq!(reader.u32(), Err(Truncated { needed: 4, available: 3 }));
        assert_eq!(reader.rest(), [9, 9, 9]);
    }

    #[test]
    fn nested_lengths_are_filled_in() {
        let mut out = Vec::new();
        let outer = out.begin_u24_length();
        let inner = out.begin_u8_length();
        out.put_u16(0xabcd);
        inner.finish(&mut out);
        outer.finish(&mut out);
        assert_eq!(out, [0, 0, 3, 2, 0xab, 0xcd]);
    }

    proptest! {
        #[test]
        fn what_is_put_is_read_back(a: u8, b: u16, c in 0u32..1 << 24, d: u32, e in 0u64..1 << 48, f: u64, tail: Vec<u8>) {
            let mut out = Vec::new();
            out.put_u8(a);
            out.put_u16(b);
            out.put_u24(c);
            out.put_u32(d);
            out.put_u48(e);
            out.put_u64(f);
            out.put_slice(&tail);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.u8(), Ok(a));
            prop_assert_eq!(reader.u16(), Ok(b));
            prop_assert_eq!(reader.u24(), Ok(c));
            prop_assert_eq!(reader.u32(), Ok(d));
            prop_assert_eq!(reader.u48(), Ok(e));
            prop_assert_eq!(reader.u64(), Ok(f));
            prop_assert_eq!(reader.rest(), &tail[..]);
        }

        #[test]
        fn a_prefix_never_reaches_past_its_slice(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while let Ok(body) = reader.u16_prefixed() {
                prop_assert!(body.remaining() <= bytes.len());
            }
        }
    }
}
