//! CertificateVerify (RFC 5246 §7.4.8): the sender holds the key of the certificate that it showed.

use plywood_octets::{Put, Reader};

use super::codes::SignatureScheme;
use crate::error::ParseError;

/// A signature and how it was made. ServerKeyExchange ends with the same two fields.
///
/// ```text
/// +----------+----------------+
/// | scheme 2 | signature 2+.. |
/// +----------+----------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigitallySigned<'a> {
    /// Hash and signature algorithm.
    pub scheme: SignatureScheme,
    /// DER for ECDSA.
    pub signature: &'a [u8],
}

impl<'a> DigitallySigned<'a> {
    /// Reads the body of a CertificateVerify, or the end of a ServerKeyExchange.
    ///
    /// # Errors
    /// A [`ParseError`] if it is cut short or too long.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let scheme = SignatureScheme(reader.u16()?);
        let signature = reader.u16_prefixed()?.rest();
        ParseError::require_end(&reader)?;
        Ok(Self { scheme, signature })
    }

    /// Appends the two fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u16(self.scheme.0);
        let length = out.begin_u16_length();
        out.put_slice(self.signature);
        length.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_says_how_it_was_made() {
        let bytes = [4, 3, 0, 2, 0xaa, 0xbb];
        let signed = DigitallySigned::parse(&bytes).unwrap();
        assert_eq!(signed.scheme, SignatureScheme::ECDSA_SECP256R1_SHA256);
        let mut out = Vec::new();
        signed.encode(&mut out);
        assert_eq!(out, bytes);
        for end in 0..bytes.len() {
            assert!(DigitallySigned::parse(&bytes[..end]).is_err());
        }
    }
}
