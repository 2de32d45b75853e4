//! Records of 1.3 after the key change: short headers, hidden numbers (RFC 9147 §4).
//!
//! Problem: a header that counts packets in the clear lets an observer follow a peer from network to network,
//! and thirteen bytes of it are many for a small packet.
//! How: the header keeps the low bits of epoch and number, and those of the number are XORed with a mask made
//! of the ciphertext. Type and padding are inside.
//!
//! ```text
//!            +----------+-----------+---------+-----------------------------------------+--------+
//!            |001 0 11EE| number 16 | len 16  | payload .. | type | zeros ..            | tag 16 |
//!            +----------+-----------+---------+-----------------------------------------+--------+
//!   AEAD     `-------- additional data -------' `------------- sealed --------------------------'
//!   mask                 ^^^^^^^^^ XOR mask(first 16 bytes of what was sealed)
//!   nonce    iv XOR number, 64 bits, without the epoch
//! ```
//!
//! With a connection id (C bit) the id stands behind the first byte. We write the form above, as browsers do; all forms
//! are read. The full number is the one nearest to what is expected next.
//! More: RFC 9147 §4.2.2 (reconstruction), §4.2.3 (mask), §4.5.3 (limits); docs/dtls13.md, "Records".

use super::protection::nonce;
use super::{
    OpenedRecord, Protection, ReadEpoch, RecordMark, RecordNumber, Records, ReplayWindow, Unopened,
    WriteEpoch,
};
use crate::error::{Discard, SealError};
use crate::key_schedule::RecordKeys;
use crate::provider::{Aead, CryptoError, NONCE_LENGTH, TAG_LENGTH};
use crate::wire::connection_id::ConnectionId;
use crate::wire::record::MAX_PLAINTEXT;
use crate::wire::{ContentType, UnifiedHeader};

/// Bytes of the header that we write.
pub(super) const HEADER_LENGTH: usize = 5;
/// Bytes behind the payload: the inner content type and the tag.
pub(super) const TRAILER_LENGTH: usize = 1 + TAG_LENGTH;
/// The most that protection may add in 1.3, padding included (RFC 8446 §5.2).
const MAX_EXPANSION: usize = 256;
/// The C bit of the header.
const CONNECTION_ID: u8 = 0b1_0000;
/// The S bit of the header.
const LONG_SEQUENCE: u8 = 0b1000;
/// What a mask is made of.
const SAMPLE_LENGTH: usize = 16;

/// Records that fail to authenticate under one key before it may no longer be trusted (RFC 9147 §4.5.3).
pub(super) const INTEGRITY_LIMIT: u64 = 1 << 36;

/// The keys of one direction and epoch of 1.3.
#[derive(Debug)]
pub(crate) struct Aead13 {
    keys: RecordKeys,
    limit: u64,
}

impl Aead13 {
    pub(super) fn new(aead: Aead, keys: RecordKeys) -> Self {
        // RFC 8446 §5.5: 2^24.5 records for AES-GCM; ChaCha20-Poly1305 runs out of numbers first.
        let limit = match aead {
            Aead::Aes128Gcm | Aead::Aes256Gcm => 23_726_566,
            Aead::ChaCha20Poly1305 => super::LAST_SEQUENCE + 1,
        };
        Self { keys, limit }
    }

    /// How many records may be sealed under these keys.
    pub(super) fn confidentiality_limit(&self) -> u64 {
        self.limit
    }

    fn nonce(&self, sequence: u64) -> [u8; NONCE_LENGTH] {
        nonce(&self.keys.iv, sequence)
    }

    /// Hides or shows the number: two bytes of mask from the first bytes of the ciphertext.
    fn mask(&self, ciphertext: &[u8]) -> Option<[u8; 2]> {
        let [high, low, ..] = self.keys.number.mask(ciphertext.first_chunk::<SAMPLE_LENGTH>()?);
        Some([high, low])
    }

    /// Seals what stands behind `mark` and appends type and tag. The caller has checked the lengths.
    pub(super) fn seal(
        &self,
        out: &mut Vec<u8>,
        mark: RecordMark,
        content_type: ContentType,
        number: RecordNumber,
        id: &[u8],
    ) -> Result<(), SealError> {
        let end = out.len();
        let mut trailer = [0; TRAILER_LENGTH];
        trailer[0] = content_type.0;
        out.extend_from_slice(&trailer);
        let length = u16::try_from(out.len() - mark.payload);
        let [l0, l1] = length.map_err(|_| SealError::BadMark)?.to_be_bytes();
        let [.., s0, s1] = number.sequence.to_be_bytes();
        let (head, body) = out.split_at_mut(mark.payload);
        let header = &mut head[mark.start..];
        let first = 0b0010_1100 | (number.epoch & 0b11) as u8;
        if id.is_empty() {
            header.copy_from_slice(&[first, s0, s1, l0, l1]);
        } else {
            header[0] = first | CONNECTION_ID;
            header[1..=id.len()].copy_from_slice(id);
            header[1 + id.len()..].copy_from_slice(&[s0, s1, l0, l1]);
        }
        if let Err(error) = self.keys.record.seal_in_place(&self.nonce(number.sequence), header, body) {
            out.truncate(end);
            return Err(SealError::Crypto(error));
        }
        // Tag and type are 17 bytes: there is always a sample.
        if let Some([high, low]) = self.mask(&out[mark.payload..]) {
            out[mark.start + id.len() + 1] ^= high;
            out[mark.start + id.len() + 2] ^= low;
        }
        Ok(())
    }

    /// Opens a record in place: number, inner type, and length of the plaintext. Only what authenticates
    /// moves the window.
    fn open(
        &self,
        header: &[u8],
        id: usize,
        window: &mut ReplayWindow,
        ciphertext: &mut [u8],
    ) -> Result<(u64, ContentType, usize), Discard> {
        let mask = self.mask(ciphertext).ok_or(Discard::NotAuthentic)?;
        let width = if header[0] & LONG_SEQUENCE == 0 { 1 } else { 2 };
        let (mut short, mut long);
        let aad: &mut [u8] = if id == 0 {
            short = [0; HEADER_LENGTH];
            &mut short
        } else {
            long = [0; HEADER_LENGTH + ConnectionId::MAX_LENGTH];
            &mut long
        };
        let aad = aad.get_mut(..header.len()).ok_or(Discard::UnknownEpoch)?;
        aad.copy_from_slice(header);
        let mut bits = 0;
        for (byte, mask) in aad[1 + id..=id + width].iter_mut().zip(mask) {
            *byte ^= mask;
            bits = bits << 8 | u64::from(*byte);
        }
        let sequence = reconstruct(window.expected(), bits, 8 * width);
        if !window.may_be_new(sequence) {
            return Err(Discard::Replayed);
        }
        let opened = self.keys.record.open_in_place(&self.nonce(sequence), aad, ciphertext);
        let length = opened.map_err(|_: CryptoError| Discard::NotAuthentic)?;
        window.mark(sequence);
        // RFC 8446 §5.4: zeros behind the type are padding.
        let inner = &ciphertext[..length];
        let last = inner.iter().rposition(|&byte| byte != 0);
        let content_type = last.map_or(ContentType(0), |last| ContentType(inner[last]));
        // Padding counts too: too much of it is an overflow, which the length tells (RFC 8446 §5.4).
        let overflows = length > MAX_PLAINTEXT + 1;
        Ok((sequence, content_type, if overflows { length } else { last.unwrap_or(0) }))
    }
}

/// The number with these low bits that is nearest to `expected` (RFC 9147 §4.2.2).
fn reconstruct(expected: u64, bits: u64, width: usize) -> u64 {
    let window = 1_u64 << width;
    let candidate = (expected & !(window - 1)) | bits;
    if candidate + window / 2 <= expected {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

impl WriteEpoch {
    /// How many records this epoch may have.
    pub(super) fn limit(&self) -> u64 {
        match &self.protection {
            Protection::Aead13(aead) => aead.confidentiality_limit(),
            _ => super::LAST_SEQUENCE + 1,
        }
    }
}

impl Records {
    /// Opens the record with a unified header that begins at `at`.
    pub(super) fn open_unified(&mut self, datagram: &mut [u8], at: usize) -> Result<OpenedRecord, Unopened> {
        let end = datagram.len();
        let discard = |next, reason| Err(Unopened::Discarded(crate::Discarded { next, reason }));
        let id_length = self.receive_id_length();
        let Ok(header) = UnifiedHeader::parse(&datagram[at..], id_length) else {
            return discard(end, Discard::Truncated);
        };
        let id = match header.connection_id {
            None if id_length == 0 => 0,
            // RFC 9147 §4: each datagram must have it; records behind the first may go without.
            None if at > 0 => 0,
            Some(id) if id_length > 0 && self.knows_id(id) => id_length,
            // Where the fields behind an id that is not ours stand, and whose the rest is, is anyone's guess.
            _ => return discard(end, Discard::UnknownConnectionId),
        };
        let (start, epoch_bits) = (at + header.header_length, header.epoch_bits);
        let next = header.length.map_or(end, |length| start + usize::from(length));
        if next > end {
            return discard(end, Discard::Truncated);
        }
        if next - start > MAX_PLAINTEXT + MAX_EXPANSION {
            return discard(next, Discard::TooLong);
        }
        let newest = self.newest_read_epoch();
        // Epochs that share bits are never kept side by side, but for epoch 0, which has no keys.
        let mut matching =
            self.read.iter_mut().rev().filter(|read| read.epoch & 0b11 == u64::from(epoch_bits));
        let Some(ReadEpoch { epoch, protection: Protection::Aead13(aead), window, forgeries }) =
            matching.next()
        else {
            // Handshake keys are epoch 2, the first application keys 3; others are never early, nor is anything where
            // the newest are 1.2's.
            return if matches!(newest, 0 | 2) && epoch_bits >= 2 {
                Err(Unopened::Early { next })
            } else {
                discard(next, Discard::UnknownEpoch)
            };
        };
        let (head, body) = datagram.split_at_mut(start);
        match aead.open(&head[at..], id, window, &mut body[..next - start]) {
            Ok((sequence, content_type, length)) => {
                let number = RecordNumber { epoch: *epoch, sequence };
                Ok(OpenedRecord { next, number, content_type, plaintext: start..start + length })
            }
            Err(reason) => {
                *forgeries += u64::from(reason == Discard::NotAuthentic);
                discard(next, reason)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_nearest_number_is_taken() {
        assert_eq!(reconstruct(0, 0, 8), 0);
        assert_eq!(reconstruct(0, 255, 8), 255);
        assert_eq!(reconstruct(256, 255, 8), 255);
        assert_eq!(reconstruct(255, 0, 8), 256);
        assert_eq!(reconstruct(0x1_0000, 0xffff, 16), 0xffff);
        assert_eq!(reconstruct(0xffff, 0, 16), 0x1_0000);
    }

    proptest! {
        #[test]
        fn a_number_within_half_a_window_is_found(expected in 0u64..1 << 48, offset in -32000i64..32000) {
            if let Some(actual) = expected.checked_add_signed(offset) {
                prop_assert_eq!(reconstruct(expected, actual & 0xffff, 16), actual);
            }
        }
    }
}
