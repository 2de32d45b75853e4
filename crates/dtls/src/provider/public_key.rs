//! The public key of a certificate, and which signatures it may make.
//!
//! ```text
//! SubjectPublicKeyInfo  SEQUENCE { SEQUENCE { OID algorithm, curve | NULL | - }, BIT STRING key }
//! ```
//! More: RFC 5480 §2 (elliptic curves), RFC 3279 §2.3.1 (RSA), RFC 8410 §4 (Ed25519).

use plywood_octets::Reader;

use super::CryptoError;
use super::der::{self, Malformed};
use super::private_key::Curve;
use crate::wire::codes::SignatureScheme;

/// The kinds of key that a peer may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// RSA, for PKCS#1 v1.5 and PSS alike.
    Rsa,
}

impl KeyKind {
    /// Whether such a key may sign so in DTLS 1.2, where an ECDSA scheme names a hash only
    /// (RFC 5246 §7.4.1.4.1, RFC 8422 §5.10).
    #[must_use]
    pub fn fits_1_2(self, scheme: SignatureScheme) -> bool {
        match scheme {
            SignatureScheme::ECDSA_SECP256R1_SHA256 | SignatureScheme::ECDSA_SECP384R1_SHA384 => {
                matches!(self, Self::P256 | Self::P384)
            }
            SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512 => self == Self::Rsa,
            _ => self.fits_1_3(scheme),
        }
    }

    /// Whether such a key may sign a handshake so in DTLS 1.3: the curve must fit, and PKCS#1 v1.5 is gone
    /// (RFC 8446 §4.2.3).
    #[must_use]
    pub fn fits_1_3(self, scheme: SignatureScheme) -> bool {
        match scheme {
            SignatureScheme::ECDSA_SECP256R1_SHA256 => self == Self::P256,
            SignatureScheme::ECDSA_SECP384R1_SHA384 => self == Self::P384,
            SignatureScheme::ED25519 => self == Self::Ed25519,
            SignatureScheme::RSA_PSS_RSAE_SHA256
            | SignatureScheme::RSA_PSS_RSAE_SHA384
            | SignatureScheme::RSA_PSS_RSAE_SHA512 => self == Self::Rsa,
            _ => false,
        }
    }
}

/// A public key, located in its `SubjectPublicKeyInfo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey<'a> {
    /// What kind it is.
    pub kind: KeyKind,
    /// The content of the bit string: a point, 32 bytes, or an `RSAPublicKey`.
    pub bytes: &'a [u8],
}

impl<'a> PublicKey<'a> {
    /// Locates the key in a DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`] if it cannot be read or is of another kind.
    pub fn parse(spki: &'a [u8]) -> Result<Self, CryptoError> {
        let parts = || -> Result<_, Malformed> {
            let mut outer = Reader::new(spki);
            let mut fields = der::element(&mut outer, der::SEQUENCE)?;
            let mut algorithm = der::element(&mut fields, der::SEQUENCE)?;
            let oid = der::element(&mut algorithm, der::OBJECT_IDENTIFIER)?.rest();
            let curve = der::optional(&mut algorithm, der::OBJECT_IDENTIFIER)?.map(|mut curve| curve.rest());
            let bytes = der::bit_string(&mut fields)?;
            if !fields.is_empty() || !outer.is_empty() {
                return Err(Malformed);
            }
            Ok((oid, curve, bytes))
        };
        let (oid, curve, bytes) = parts().map_err(|Malformed| CryptoError::InvalidPublicKey)?;
        let kind = match (oid, curve.and_then(Curve::from_oid)) {
            (der::EC_PUBLIC_KEY, Some(Curve::P256)) => KeyKind::P256,
            (der::EC_PUBLIC_KEY, Some(Curve::P384)) => KeyKind::P384,
            (der::ED25519, _) => KeyKind::Ed25519,
            (der::RSA_ENCRYPTION, _) => KeyKind::Rsa,
            _ => return Err(CryptoError::InvalidPublicKey),
        };
        Ok(Self { kind, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p256_spki() -> Vec<u8> {
        let mut algorithm = Vec::new();
        der::put(&mut algorithm, der::OBJECT_IDENTIFIER, der::EC_PUBLIC_KEY);
        der::put(&mut algorithm, der::OBJECT_IDENTIFIER, der::SECP256R1);
        let mut fields = Vec::new();
        der::put(&mut fields, der::SEQUENCE, &algorithm);
        der::put(&mut fields, der::BIT_STRING, &[0, 4, 1, 2]);
        let mut spki = Vec::new();
        der::put(&mut spki, der::SEQUENCE, &fields);
        spki
    }

    #[test]
    fn a_p256_key_is_located() {
        let spki = p256_spki();
        assert_eq!(PublicKey::parse(&spki), Ok(PublicKey { kind: KeyKind::P256, bytes: &[4, 1, 2] }));
    }

    #[test]
    fn every_truncation_and_any_trailing_byte_is_an_error() {
        let mut spki = p256_spki();
        for length in 0..spki.len() {
            assert_eq!(PublicKey::parse(&spki[..length]), Err(CryptoError::InvalidPublicKey));
        }
        spki.push(0);
        assert_eq!(PublicKey::parse(&spki), Err(CryptoError::InvalidPublicKey));
    }

    #[test]
    fn only_1_3_binds_the_hash_to_the_curve() {
        assert!(KeyKind::P256.fits_1_2(SignatureScheme::ECDSA_SECP384R1_SHA384));
        assert!(!KeyKind::P256.fits_1_3(SignatureScheme::ECDSA_SECP384R1_SHA384));
        assert!(KeyKind::Rsa.fits_1_2(SignatureScheme::RSA_PKCS1_SHA256));
        assert!(!KeyKind::Rsa.fits_1_3(SignatureScheme::RSA_PKCS1_SHA256));
    }
}
