//! MESSAGE-INTEGRITY: proof that the sender knows the password (RFC 8489 §9, §14.5, §14.6).
//!
//! Problem: anyone can write a STUN packet, and ICE lets packets decide where data goes.
//! How: an HMAC over the message up to the attribute itself, with the header's length field set as if the
//! message ended right behind that attribute, so that what follows (FINGERPRINT) can be added later.
//! ```text
//!  | header: type, length* | attributes ... | MESSAGE-INTEGRITY | FINGERPRINT |
//!  |<------------- covered by the HMAC --->|
//!              * counts up to here ----------------------------^
//! ```
//! Computing the HMAC of a 100-byte check takes three SHA-1 blocks; expanding the key would take two more,
//! so an [`IntegrityKey`] does that once per credential.
//! More: RFC 8489 §14.5, RFC 2104; docs/stun.md, "Integrity".

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// A password or long-term key, ready to sign and verify.
///
/// Its states are wiped when it is dropped.
#[derive(Clone)]
pub struct IntegrityKey {
    sha1: Hmac<Sha1>,
    sha256: Hmac<Sha256>,
}

impl fmt::Debug for IntegrityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntegrityKey(..)")
    }
}

impl IntegrityKey {
    /// The short-term key: the password itself (RFC 8489 §9.1.1). ICE passwords are plain ASCII, for which
    /// the OpaqueString preparation changes nothing; prepare others before this call.
    #[must_use]
    pub fn from_password(password: &str) -> Self {
        Self::from_key(password.as_bytes())
    }

    /// A key that was derived elsewhere (RFC 8489 §9.2.2: long-term credentials).
    #[must_use]
    pub fn from_key(key: &[u8]) -> Self {
        // HMAC takes keys of any length (RFC 2104 §3); the zero-length fallback is never reached.
        let sha1 =
            Hmac::<Sha1>::new_from_slice(key).unwrap_or_else(|_| Hmac::<Sha1>::new(&Default::default()));
        let sha256 =
            Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
        Self { sha1, sha256 }
    }

    /// HMAC-SHA1 over a message whose integrity attribute begins at `end`.
    pub(crate) fn sha1(&self, message: &[u8], end: usize) -> [u8; 20] {
        let mut mac = self.sha1.clone();
        with_adjusted_length(message, end, 24, |part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    /// HMAC-SHA256 over a message whose integrity attribute begins at `end` and carries `length` bytes.
    pub(crate) fn sha256(&self, message: &[u8], end: usize, length: usize) -> [u8; 32] {
        let mut mac = self.sha256.clone();
        with_adjusted_length(message, end, 4 + length, |part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    pub(crate) fn verify_sha1(&self, message: &[u8], end: usize, carried: &[u8]) -> bool {
        self.sha1(message, end).ct_eq(carried).into()
    }

    pub(crate) fn verify_sha256(&self, message: &[u8], end: usize, carried: &[u8]) -> bool {
        let computed = self.sha256(message, end, carried.len());
        computed.get(..carried.len()).is_some_and(|computed| computed.ct_eq(carried).into())
    }
}

/// Feeds `message[..end]` with its length field replaced: it counts up to the end of an attribute of
/// `attribute_len` bytes at `end` (RFC 8489 §14.5).
fn with_adjusted_length(message: &[u8], end: usize, attribute_len: usize, mut feed: impl FnMut(&[u8])) {
    let (covered, _) = message.split_at(end.min(message.len()));
    let Some((header, body)) = covered.split_first_chunk::<20>() else { return };
    let mut header = *header;
    // A parsed message is under 64 KiB, so the conversion cannot fail; a length that did not fit would
    // only make the HMAC differ.
    let length = u16::try_from(body.len() + attribute_len).unwrap_or(u16::MAX);
    header[2..4].copy_from_slice(&length.to_be_bytes());
    feed(&header);
    feed(body);
}
