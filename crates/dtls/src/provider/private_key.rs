//! Reading private keys: PKCS#8 (RFC 5958), `ECPrivateKey` (RFC 5915), both also without the public half.
//!
//! ```text
//! PKCS#8   SEQUENCE { INTEGER 0|1, SEQUENCE { OID algorithm, curve | NULL }, OCTET STRING { inner key }, .. }
//! inner    EC:      SEQUENCE { INTEGER 1, OCTET STRING scalar, [0] curve?, [1] BIT STRING point? }
//!          Ed25519: OCTET STRING seed          RSA: RSAPrivateKey (RFC 8017 §A.1.2)
//! ```

use plywood_octets::Reader;
use zeroize::Zeroizing;

use super::CryptoError;
use super::der::{self, Malformed};

/// A private key, located in its document.
pub(crate) enum PrivateKey<'a> {
    /// An elliptic-curve scalar, and the point if the document holds it.
    Ec { curve: Curve, scalar: &'a [u8], point: Option<&'a [u8]> },
    /// The 32-byte seed (RFC 8032 §5.1.5).
    Ed25519 {
        #[cfg_attr(
            not(any(feature = "ring", feature = "rustcrypto", feature = "aws-lc-rs")),
            expect(dead_code, reason = "read by providers")
        )]
        seed: &'a [u8],
    },
    /// An `RSAPrivateKey`.
    Rsa {
        #[cfg_attr(
            not(any(feature = "ring", feature = "aws-lc-rs")),
            expect(dead_code, reason = "read by providers that sign with RSA")
        )]
        pkcs1: &'a [u8],
    },
}

/// The curves of ECDSA certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

impl Curve {
    fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => der::SECP256R1,
            Self::P384 => der::SECP384R1,
        }
    }

    pub(crate) fn from_oid(oid: &[u8]) -> Option<Self> {
        [Self::P256, Self::P384].into_iter().find(|curve| curve.oid() == oid)
    }

    fn scalar_length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

impl<'a> PrivateKey<'a> {
    /// Locates the key in a PKCS#8 document or a bare `ECPrivateKey`.
    pub(crate) fn parse(document: &'a [u8]) -> Result<Self, CryptoError> {
        let mut outer = Reader::new(document);
        let mut fields = der::element(&mut outer, der::SEQUENCE).map_err(invalid)?;
        if !outer.is_empty() {
            return Err(CryptoError::InvalidKey);
        }
        der::element(&mut fields, der::INTEGER).map_err(invalid)?;
        match der::optional(&mut fields, der::SEQUENCE).map_err(invalid)? {
            Some(algorithm) => Self::parse_pkcs8(algorithm, fields),
            None => parse_ec(document, None),
        }
    }

    fn parse_pkcs8(mut algorithm: Reader<'a>, mut fields: Reader<'a>) -> Result<Self, CryptoError> {
        let oid = der::element(&mut algorithm, der::OBJECT_IDENTIFIER).map_err(invalid)?.rest();
        let mut inner = der::element(&mut fields, der::OCTET_STRING).map_err(invalid)?;
        match oid {
            der::EC_PUBLIC_KEY => {
                let curve = der::element(&mut algorithm, der::OBJECT_IDENTIFIER).map_err(invalid)?.rest();
                parse_ec(inner.rest(), Some(Curve::from_oid(curve).ok_or(CryptoError::UnsupportedKey)?))
            }
            der::ED25519 => {
                let seed = der::element(&mut inner, der::OCTET_STRING).map_err(invalid)?.rest();
                Ok(Self::Ed25519 { seed })
            }
            der::RSA_ENCRYPTION => Ok(Self::Rsa { pkcs1: inner.rest() }),
            _ => Err(CryptoError::UnsupportedKey),
        }
    }
}

fn parse_ec(document: &[u8], curve: Option<Curve>) -> Result<PrivateKey<'_>, CryptoError> {
    let parts = || -> Result<_, Malformed> {
        let mut fields = der::element(&mut Reader::new(document), der::SEQUENCE)?;
        der::element(&mut fields, der::INTEGER)?;
        let scalar = der::element(&mut fields, der::OCTET_STRING)?.rest();
        let named = match der::optional(&mut fields, der::CONTEXT_0)? {
            Some(mut parameters) => Some(der::element(&mut parameters, der::OBJECT_IDENTIFIER)?.rest()),
            None => None,
        };
        let point = match der::optional(&mut fields, der::CONTEXT_1)? {
            Some(mut public) => Some(der::bit_string(&mut public)?),
            None => None,
        };
        Ok((scalar, named, point))
    };
    let (scalar, named, point) = parts().map_err(invalid)?;
    let named = named.map(|oid| Curve::from_oid(oid).ok_or(CryptoError::UnsupportedKey)).transpose()?;
    let curve = curve.or(named).ok_or(CryptoError::InvalidKey)?;
    if scalar.len() != curve.scalar_length() || named.is_some_and(|named| named != curve) {
        return Err(CryptoError::InvalidKey);
    }
    Ok(PrivateKey::Ec { curve, scalar, point })
}

fn invalid(_: Malformed) -> CryptoError {
    CryptoError::InvalidKey
}

/// Writes an elliptic-curve key as PKCS#8 with its public half: the one form that every provider reads.
pub(crate) fn ec_pkcs8(curve: Curve, scalar: &[u8], point: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bits = vec![0];
    bits.extend_from_slice(point);
    let mut public = Vec::new();
    der::put(&mut public, der::BIT_STRING, &bits);

    let mut inner = Zeroizing::new(Vec::with_capacity(256));
    der::put(&mut *inner, der::INTEGER, &[1]);
    der::put(&mut *inner, der::OCTET_STRING, scalar);
    der::put(&mut *inner, der::CONTEXT_1, &public);
    let mut key = Zeroizing::new(Vec::with_capacity(256));
    der::put(&mut *key, der::SEQUENCE, &inner);

    let mut algorithm = Vec::new();
    der::put(&mut algorithm, der::OBJECT_IDENTIFIER, der::EC_PUBLIC_KEY);
    der::put(&mut algorithm, der::OBJECT_IDENTIFIER, curve.oid());
    let mut fields = Zeroizing::new(Vec::with_capacity(512));
    der::put(&mut *fields, der::INTEGER, &[0]);
    der::put(&mut *fields, der::SEQUENCE, &algorithm);
    der::put(&mut *fields, der::OCTET_STRING, &key);
    let mut document = Zeroizing::new(Vec::with_capacity(512));
    der::put(&mut *document, der::SEQUENCE, &fields);
    document
}

/// Wraps an `RSAPrivateKey` (RFC 8017 §A.1.2) as PKCS#8.
pub(crate) fn rsa_pkcs8(pkcs1: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut algorithm = Vec::new();
    der::put(&mut algorithm, der::OBJECT_IDENTIFIER, der::RSA_ENCRYPTION);
    der::put(&mut algorithm, der::NULL, &[]);
    let mut fields = Zeroizing::new(Vec::with_capacity(pkcs1.len() + 64));
    der::put(&mut *fields, der::INTEGER, &[0]);
    der::put(&mut *fields, der::SEQUENCE, &algorithm);
    der::put(&mut *fields, der::OCTET_STRING, pkcs1);
    let mut document = Zeroizing::new(Vec::with_capacity(pkcs1.len() + 64));
    der::put(&mut *document, der::SEQUENCE, &fields);
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_key_is_read_back() {
        let document = ec_pkcs8(Curve::P384, &[3; 48], &[4; 97]);
        let Ok(PrivateKey::Ec { curve: Curve::P384, scalar, point: Some(point) }) =
            PrivateKey::parse(&document)
        else {
            panic!("an EC key with its point");
        };
        assert_eq!((scalar, point), (&[3; 48][..], &[4; 97][..]));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let document = ec_pkcs8(Curve::P256, &[3; 32], &[4; 65]);
        for length in 0..document.len() {
            assert!(PrivateKey::parse(&document[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_bare_ec_private_key_names_its_curve_itself() {
        let mut parameters = Vec::new();
        der::put(&mut parameters, der::OBJECT_IDENTIFIER, der::SECP256R1);
        let mut fields = Vec::new();
        der::put(&mut fields, der::INTEGER, &[1]);
        der::put(&mut fields, der::OCTET_STRING, &[9; 32]);
        der::put(&mut fields, der::CONTEXT_0, &parameters);
        let mut document = Vec::new();
        der::put(&mut document, der::SEQUENCE, &fields);
        assert!(matches!(
            PrivateKey::parse(&document),
            Ok(PrivateKey::Ec { curve: Curve::P256, point: None, .. })
        ));
    }
}
