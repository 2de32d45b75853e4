//! How a record is sealed: the nonce, and what is authenticated beside the payload.
//!
//! Problem: an AEAD that sees one nonce twice under one key gives everything away.
//! How: the nonce *is* the record number, which is never used twice.
//!
//! ```text
//!   1.2, AES-GCM    header 13 | explicit nonce 8 | ciphertext | tag 16     (RFC 5288 §3)
//!                   nonce = fixed IV 4 | epoch 2 | sequence 6  (the explicit part of our own records)
//!   1.2, ChaCha20   header 13 | ciphertext | tag 16                        (RFC 7905 §2)
//!                   nonce = fixed IV 12 XOR (0 4 | epoch 2 | sequence 6)
//!   additional data epoch 2 | sequence 6 | type 1 | version 2 | plaintext length 2   (RFC 5246 §6.2.3.3)
//! ```

use super::RecordNumber;
use super::unified::Aead13;
use crate::key_schedule::RecordKeys;
use crate::prf::fixed_iv_length;
use crate::provider::{Aead, AeadKey, CryptoError, NONCE_LENGTH, Provider, TAG_LENGTH};
use crate::wire::PlaintextHeader;

/// Bytes of the nonce that stand in each AES-GCM record of 1.2.
pub(super) const EXPLICIT_NONCE_LENGTH: usize = 8;

/// What one epoch does to its records.
#[derive(Debug)]
pub(crate) enum Protection {
    /// Epoch 0.
    None,
    /// An AEAD suite of 1.2.
    Aead12(Aead12),
    /// An AEAD suite of 1.3; see unified.rs.
    Aead13(Aead13),
}

/// The keys of one direction and epoch of 1.2.
#[derive(Debug)]
pub(crate) struct Aead12 {
    key: Box<dyn AeadKey>,
    /// AES-GCM: the first four bytes of every nonce, then zeros. ChaCha20: all twelve.
    iv: [u8; NONCE_LENGTH],
    explicit_nonce: bool,
}

impl Protection {
    /// Keys of 1.2 out of the key block.
    pub(crate) fn dtls12(
        provider: &dyn Provider,
        aead: Aead,
        key: &[u8],
        iv: &[u8],
    ) -> Result<Self, CryptoError> {
        let mut whole = [0; NONCE_LENGTH];
        whole.get_mut(..iv.len()).ok_or(CryptoError::InvalidKey)?.copy_from_slice(iv);
        Ok(Self::Aead12(Aead12 {
            key: provider.aead(aead, key)?,
            iv: whole,
            explicit_nonce: fixed_iv_length(aead) < NONCE_LENGTH,
        }))
    }

    /// Keys of 1.3 out of a traffic secret.
    pub(crate) fn dtls13(aead: Aead, keys: RecordKeys) -> Self {
        Self::Aead13(Aead13::new(aead, keys))
    }

    /// Whether there is any.
    pub(crate) fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Bytes between header and payload.
    #[inline]
    pub(super) fn prefix(&self) -> usize {
        match self {
            Self::Aead12(Aead12 { explicit_nonce: true, .. }) => EXPLICIT_NONCE_LENGTH,
            Self::None | Self::Aead12(_) | Self::Aead13(_) => 0,
        }
    }

    /// Bytes behind the payload.
    pub(super) fn tag(&self) -> usize {
        if self.is_some() { TAG_LENGTH } else { 0 }
    }

    /// Bytes that are added to a payload, without the header.
    #[inline]
    pub(super) fn expansion(&self) -> usize {
        self.prefix() + self.tag()
    }

    /// Seals `body`, which begins with room for the prefix and ends with room for the tag.
    #[inline]
    pub(super) fn seal(
        &self,
        number: RecordNumber,
        header: &PlaintextHeader,
        body: &mut [u8],
    ) -> Result<(), CryptoError> {
        let length = body.len().checked_sub(self.expansion()).ok_or(CryptoError::BadRecord)?;
        self.seal_with(number, &additional_data(number, header, length), body)
    }

    /// The same with any additional data.
    #[inline]
    pub(super) fn seal_with(
        &self,
        number: RecordNumber,
        aad: &[u8],
        body: &mut [u8],
    ) -> Result<(), CryptoError> {
        let Self::Aead12(aead) = self else { return Ok(()) };
        let (prefix, payload) = body.split_at_mut_checked(self.prefix()).ok_or(CryptoError::BadRecord)?;
        let number = number64(number);
        if aead.explicit_nonce {
            prefix.copy_from_slice(&number.to_be_bytes());
        }
        aead.key.seal_in_place(&nonce(&aead.iv, number), aad, payload)
    }

    /// Opens `body` where it stands, and tells the length of the plaintext, which begins behind the prefix.
    #[inline]
    pub(super) fn open(
        &self,
        number: RecordNumber,
        header: &PlaintextHeader,
        body: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let length = body.len().checked_sub(self.expansion()).ok_or(CryptoError::BadRecord)?;
        self.open_with(number, &additional_data(number, header, length), body)
    }

    /// The same with any additional data.
    #[inline]
    pub(super) fn open_with(
        &self,
        number: RecordNumber,
        aad: &[u8],
        body: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let Self::Aead12(aead) = self else { return Ok(body.len()) };
        let (prefix, sealed) = body.split_at_mut_checked(self.prefix()).ok_or(CryptoError::BadRecord)?;
        // The peer may count its nonces as it likes (RFC 5288 §3).
        let explicit = prefix.first_chunk().map(|prefix| u64::from_be_bytes(*prefix));
        let nonce = nonce(&aead.iv, explicit.unwrap_or(number64(number)));
        aead.key.open_in_place(&nonce, aad, sealed)
    }
}

/// The IV with `number` XORed into its last eight bytes. For AES-GCM in 1.2 these are zero in the IV, so that the
/// number stands there as it is.
///
/// Written in halves of eight and four bytes, as ciphers read it: a read that spans two recent writes waits for
/// both to leave the processor, on every record.
#[inline]
pub(super) fn nonce(iv: &[u8; NONCE_LENGTH], number: u64) -> [u8; NONCE_LENGTH] {
    let [a, b, c, d, tail @ ..] = *iv;
    let head = u32::from_be_bytes([a, b, c, d]);
    let tail = u64::from_be_bytes(tail) ^ number;
    let mut nonce = [0; NONCE_LENGTH];
    nonce[..8].copy_from_slice(&(u64::from(head) << 32 | tail >> 32).to_be_bytes());
    nonce[8..].copy_from_slice(&tail.to_be_bytes()[4..]);
    nonce
}

/// Epoch and sequence number as 64 bits, as 1.2 counts them.
#[inline]
fn number64(number: RecordNumber) -> u64 {
    number.epoch << 48 | number.sequence
}

#[inline]
fn additional_data(number: RecordNumber, header: &PlaintextHeader, plaintext_length: usize) -> [u8; 13] {
    let [n0, n1, n2, n3, n4, n5, n6, n7] = number64(number).to_be_bytes();
    let [v0, v1] = header.version.0.to_be_bytes();
    let [.., l0, l1] = plaintext_length.to_be_bytes();
    [n0, n1, n2, n3, n4, n5, n6, n7, header.content_type.0, v0, v1, l0, l1]
}
