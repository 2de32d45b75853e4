//! CertificateRequest of 1.2 (RFC 5246 §7.4.4): "show me who you are".

use plywood_octets::{Put, Reader};

use super::codes::SignatureScheme;
use super::extension::parse_u16_list;
use crate::error::ParseError;

/// `rsa_sign` among certificate types.
pub const RSA_SIGN: u8 = 1;
/// `ecdsa_sign` among certificate types (RFC 8422 §5.5).
pub const ECDSA_SIGN: u8 = 64;

/// What the server would accept.
///
/// ```text
/// +------------------+----------------------------+-------------------------+
/// | types 1+n        | signature algorithms 2+2n  | authorities 2+..        |
/// +------------------+----------------------------+-------------------------+
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    /// Kinds of keys.
    pub certificate_types: Vec<u8>,
    /// Schemes for CertificateVerify.
    pub signature_schemes: Vec<SignatureScheme>,
}

impl CertificateRequest {
    /// Reads the body of the message. Names of authorities mean nothing between self-signed peers, but must
    /// be well-formed.
    ///
    /// # Errors
    /// A [`ParseError`] for whatever is cut short, left over or empty.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let certificate_types = reader.u8_prefixed()?.rest().to_vec();
        if certificate_types.is_empty() {
            return Err(ParseError::EmptyList);
        }
        let signature_schemes = parse_u16_list(reader.u16_prefixed()?, SignatureScheme)?;
        let mut authorities = reader.u16_prefixed()?;
        ParseError::require_end(&reader)?;
        while !authorities.is_empty() {
            authorities.u16_prefixed()?;
        }
        Ok(Self { certificate_types, signature_schemes })
    }

    /// Appends the body of the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let types = out.begin_u8_length();
        out.put_slice(&self.certificate_types);
        types.finish(out);
        let schemes = out.begin_u16_length();
        self.signature_schemes.iter().for_each(|scheme| out.put_u16(scheme.0));
        schemes.finish(out);
        out.put_u16(0); // no authorities: any certificate whose fingerprint is known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_key_types_and_schemes() {
        let request = CertificateRequest {
            certificate_types: vec![ECDSA_SIGN],
            signature_schemes: vec![SignatureScheme::ECDSA_SECP256R1_SHA256],
        };
        let mut out = Vec::new();
        request.encode(&mut out);
        assert_eq!(out, [1, 64, 0, 2, 4, 3, 0, 0]);
        assert_eq!(CertificateRequest::parse(&out), Ok(request));
        for end in 0..out.len() {
            assert!(CertificateRequest::parse(&out[..end]).is_err());
        }
        assert!(CertificateRequest::parse(&[1, 64, 0, 2, 4, 3, 0, 3, 0, 2, 9]).is_err());
    }
}
