//! Certificate fingerprints: how a WebRTC peer knows whom it talks to (RFC 8122 §5).
//!
//! Problem: certificates here are self-signed, so a chain proves nothing. What is trusted is the signalling
//! channel, which carries the hash of the certificate to come.
//! How: `a=fingerprint:sha-256 3F:89:...` is parsed, and the certificate of the handshake must hash to it.
//!
//! ```text
//!   description: sha-1 .., sha-256 A, sha-256 B, sha-512 C       only our most preferred hash counts:
//!   certificate: hash with sha-512, equal to C?                  a forger must not choose the weakest
//! ```
//! SHA-1, MD5 and unknown names are ignored; if nothing is left, the description cannot be used.
//! More: RFC 8122 §5.1 (several fingerprints), RFC 8827 §6.5; docs/dtls-crypto.md, "Who is it".

use std::fmt;
use std::str::FromStr;

use subtle::{Choice, ConstantTimeEq};

use crate::provider::Provider;
pub use crate::wire::codes::HashAlgorithm;

/// Hashes that identify a certificate, the most preferred first.
pub const PREFERENCE: [HashAlgorithm; 3] =
    [HashAlgorithm::SHA512, HashAlgorithm::SHA384, HashAlgorithm::SHA256];

/// A hash function and the hash of a certificate's DER bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Which hash; also those that we ignore can be named here.
    pub algorithm: HashAlgorithm,
    /// The hash.
    pub value: Vec<u8>,
}

/// Why a text is not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FingerprintError {
    /// No space between the name and the value.
    NoValue,
    /// A hash function that we have no number for; such a line is to be ignored (RFC 8122 §5).
    UnknownHash,
    /// Not pairs of hexadecimal digits with colons between.
    BadHex,
    /// Not as many bytes as the hash has.
    WrongLength {
        /// Bytes of the hash.
        expected: usize,
        /// Bytes of the value.
        found: usize,
    },
    /// None of the fingerprints uses a hash that we accept.
    NoneUsable,
}

impl fmt::Display for FingerprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValue => f.write_str("a fingerprint is a hash name, a space and a value"),
            Self::UnknownHash => f.write_str("the hash function is unknown"),
            Self::BadHex => f.write_str("the value is not pairs of hexadecimal digits with colons between"),
            Self::WrongLength { expected, found } => write!(f, "{found} bytes where the hash has {expected}"),
            Self::NoneUsable => f.write_str("no fingerprint uses SHA-256, SHA-384 or SHA-512"),
        }
    }
}

impl std::error::Error for FingerprintError {}

impl Fingerprint {
    /// From the name of the hash and the bytes of the value, as a session description has them.
    ///
    /// # Errors
    /// [`FingerprintError::UnknownHash`], or [`FingerprintError::WrongLength`] for a hash that we accept.
    pub fn new(name: &str, value: Vec<u8>) -> Result<Self, FingerprintError> {
        let algorithm = HashAlgorithm::from_text_name(name).ok_or(FingerprintError::UnknownHash)?;
        match algorithm.hash() {
            Some(hash) if hash.length() != value.len() => {
                Err(FingerprintError::WrongLength { expected: hash.length(), found: value.len() })
            }
            _ => Ok(Self { algorithm, value }),
        }
    }

    /// Of a certificate in DER; `None` if the hash is not one that we accept.
    #[must_use]
    pub fn of(provider: &dyn Provider, algorithm: HashAlgorithm, certificate: &[u8]) -> Option<Self> {
        let mut context = provider.hash(algorithm.hash()?);
        context.update(certificate);
        Some(Self { algorithm, value: context.fork_finish().to_vec() })
    }
}

/// `sha-256 3F:89:..`: what follows `a=fingerprint:`. Lower-case digits are accepted too.
impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let (name, digits) = text.trim().split_once(' ').ok_or(FingerprintError::NoValue)?;
        let value = digits.trim().split(':').map(byte).collect::<Option<_>>();
        Self::new(name, value.ok_or(FingerprintError::BadHex)?)
    }
}

fn byte(pair: &str) -> Option<u8> {
    // from_str_radix alone would accept "+1".
    let digits = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
    if digits { u8::from_str_radix(pair, 16).ok() } else { None }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm.text_name().unwrap_or("unknown"))?;
        for (index, byte) in self.value.iter().enumerate() {
            write!(f, "{}{byte:02X}", if index == 0 { ' ' } else { ':' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Whether one of the fingerprints of our most preferred hash is that of `certificate` (DER). Values are
/// compared in constant time.
///
/// # Errors
/// [`FingerprintError::NoneUsable`] if none uses a hash that we accept.
pub fn matches(
    provider: &dyn Provider,
    fingerprints: &[Fingerprint],
    certificate: &[u8],
) -> Result<bool, FingerprintError> {
    let algorithm = preferred_algorithm(fingerprints).ok_or(FingerprintError::NoneUsable)?;
    let own = Fingerprint::of(provider, algorithm, certificate).ok_or(FingerprintError::NoneUsable)?;
    let mut found = Choice::from(0);
    for candidate in fingerprints.iter().filter(|candidate| candidate.algorithm == algorithm) {
        found |= candidate.value.ct_eq(&own.value);
    }
    Ok(found.into())
}

/// The hash that will count among these fingerprints (RFC 8122 §5.1); `None`: the description is unusable.
#[must_use]
pub fn preferred_algorithm(fingerprints: &[Fingerprint]) -> Option<HashAlgorithm> {
    PREFERENCE.into_iter().find(|&algorithm| fingerprints.iter().any(|one| one.algorithm == algorithm))
}

#[cfg(all(test, any(feature = "ring", feature = "rustcrypto", feature = "aws-lc-rs")))]
mod tests {
    use super::*;
    use crate::provider::test_providers;
    use proptest::prelude::*;

    const CERTIFICATE: &[u8] = b"any bytes: only their hash counts";

    fn own(algorithm: HashAlgorithm) -> Fingerprint {
        Fingerprint::of(&*test_providers()[0], algorithm, CERTIFICATE).expect("an accepted hash")
    }

    fn matching(fingerprints: &[Fingerprint]) -> Result<bool, FingerprintError> {
        matches(&*test_providers()[0], fingerprints, CERTIFICATE)
    }

    fn foreign(algorithm: HashAlgorithm) -> Fingerprint {
        let mut one = own(algorithm);
        one.value[0] ^= 1;
        one
    }

    #[test]
    fn text_is_read_in_either_case_and_written_in_upper_case() {
        let fingerprint = own(HashAlgorithm::SHA256);
        let text = fingerprint.to_string();
        assert!(text.starts_with("sha-256 ") && !text[8..].contains(char::is_lowercase));
        assert_eq!(text.parse(), Ok(fingerprint.clone()));
        assert_eq!(text.to_lowercase().parse(), Ok(fingerprint.clone()));
        assert_eq!(text.to_uppercase().parse(), Ok(fingerprint));
    }

    #[test]
    fn what_is_not_a_fingerprint_is_refused_with_the_reason() {
        let parse = |text: &str| text.parse::<Fingerprint>();
        assert_eq!(parse("sha-256"), Err(FingerprintError::NoValue));
        assert_eq!(parse("sha-257 AB"), Err(FingerprintError::UnknownHash));
        assert_eq!(parse("sha-256 AB:C"), Err(FingerprintError::BadHex));
        assert_eq!(parse("sha-256 AB:+1"), Err(FingerprintError::BadHex));
        assert_eq!(parse("sha-256 AB:CD"), Err(FingerprintError::WrongLength { expected: 32, found: 2 }));
        assert!(parse("sha-1 AB:CD").is_ok(), "ignored hashes may have any length");
    }

    #[test]
    fn one_of_several_of_the_same_hash_suffices() {
        let (good, bad) = (own(HashAlgorithm::SHA256), foreign(HashAlgorithm::SHA256));
        assert_eq!(matching(&[bad.clone(), good]), Ok(true));
        assert_eq!(matching(&[bad]), Ok(false));
    }

    #[test]
    fn only_the_most_preferred_hash_counts() {
        let weaker = own(HashAlgorithm::SHA256);
        assert_eq!(matching(&[weaker.clone(), foreign(HashAlgorithm::SHA512)]), Ok(false));
        assert_eq!(matching(&[weaker, own(HashAlgorithm::SHA384)]), Ok(true));
    }

    #[test]
    fn weak_hashes_never_make_a_match() {
        let sha1 = Fingerprint { algorithm: HashAlgorithm::SHA1, value: vec![0; 20] };
        assert_eq!(matching(std::slice::from_ref(&sha1)), Err(FingerprintError::NoneUsable));
        assert_eq!(matching(&[]), Err(FingerprintError::NoneUsable));
        assert_eq!(matching(&[sha1, own(HashAlgorithm::SHA256)]), Ok(true));
    }

    #[test]
    fn a_value_of_another_length_does_not_match() {
        let mut short = own(HashAlgorithm::SHA256);
        short.value.truncate(31);
        assert_eq!(matching(&[short]), Ok(false));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text: String) {
            let _ = text.parse::<Fingerprint>();
        }
    }
}
