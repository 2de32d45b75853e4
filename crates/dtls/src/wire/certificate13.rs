//! Certificate and CertificateRequest of 1.3 (RFC 8446 §4.4.2, §4.3.2).
//!
//! ```text
//! Certificate          context length 1 | context | list length 3 | DER length 3 | DER | extensions 2+ | next ..
//! CertificateRequest   context length 1 | context | extensions 2+ (signature_algorithms must be there)
//! ```
//! The context is empty during the handshake.

use plywood_octets::{Put, Reader};

use super::certificate::Certificate;
use super::codes::SignatureScheme;
use super::extension::{Extension, ExtensionType, Extensions};
use crate::error::ParseError;

/// Reads the body of a Certificate of the handshake.
///
/// # Errors
/// A [`ParseError`] for what is cut short or left over, for an empty certificate, and for a context.
pub fn parse_certificate(body: &[u8]) -> Result<Certificate<'_>, ParseError> {
    let mut reader = Reader::new(body);
    require_no_context(&mut reader)?;
    let mut list = reader.u24_prefixed()?;
    ParseError::require_end(&reader)?;
    let mut certificate = Certificate { end_entity: None, others: 0, extension: None };
    while !list.is_empty() {
        let der = list.u24_prefixed()?.rest();
        if der.is_empty() {
            return Err(ParseError::EmptyList);
        }
        // Extensions such as OCSP answers are not looked at, but must be well formed.
        let extensions = parse_extensions(&mut list)?;
        match certificate.end_entity {
            None => {
                certificate.end_entity = Some(der);
                certificate.extension = extensions.iter().next().map(|extension| extension.extension_type);
            }
            Some(_) => certificate.others += 1,
        }
    }
    Ok(certificate)
}

/// Appends the body of a Certificate: one certificate without extensions, or none.
pub fn encode_certificate(end_entity: Option<&[u8]>, out: &mut Vec<u8>) {
    out.put_u8(0);
    let list = out.begin_u24_length();
    if let Some(der) = end_entity {
        let length = out.begin_u24_length();
        out.put_slice(der);
        length.finish(out);
        out.put_u16(0);
    }
    list.finish(out);
}

/// Reads the body of a CertificateRequest of the handshake: the schemes that the server verifies.
///
/// # Errors
/// A [`ParseError`] for what is cut short or left over, for a context, and without schemes.
pub fn parse_certificate_request(body: &[u8]) -> Result<Vec<SignatureScheme>, ParseError> {
    let mut reader = Reader::new(body);
    require_no_context(&mut reader)?;
    let extensions = parse_extensions(&mut reader)?;
    ParseError::require_end(&reader)?;
    extensions.check_names()?;
    extensions
        .signature_algorithms()?
        .ok_or(ParseError::MissingExtension(ExtensionType::SIGNATURE_ALGORITHMS))
}

/// Appends the body of a CertificateRequest.
pub fn encode_certificate_request(schemes: &[SignatureScheme], out: &mut Vec<u8>) {
    out.put_u8(0);
    let mut extensions = Extensions::new();
    extensions.push(Extension::signature_algorithms(schemes));
    extensions.encode(out);
}

/// Reads the body of EncryptedExtensions: nothing but the block, which must be there even if it is empty.
///
/// # Errors
/// A [`ParseError`] for what is cut short, left over or there twice.
pub fn parse_encrypted_extensions(body: &[u8]) -> Result<Extensions, ParseError> {
    let mut reader = Reader::new(body);
    let extensions = parse_extensions(&mut reader)?;
    ParseError::require_end(&reader)?;
    Ok(extensions)
}

/// Appends the body of EncryptedExtensions.
pub fn encode_encrypted_extensions(extensions: &Extensions, out: &mut Vec<u8>) {
    if extensions.iter().next().is_none() {
        out.put_u16(0);
    } else {
        extensions.encode(out);
    }
}

/// In 1.3 a block may be empty, but not missing.
fn parse_extensions(reader: &mut Reader<'_>) -> Result<Extensions, ParseError> {
    // The length is peeked at: `Extensions::parse` would take nothing at all for no extensions.
    if reader.is_empty() {
        reader.u16()?;
    }
    Extensions::parse(reader)
}

fn require_no_context(reader: &mut Reader<'_>) -> Result<(), ParseError> {
    let context = reader.u8_prefixed()?;
    if context.is_empty() { Ok(()) } else { Err(ParseError::InvalidLength { length: context.remaining() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_certificate_is_written_and_read_back() {
        let mut out = Vec::new();
        encode_certificate(Some(&[0xaa, 0xbb]), &mut out);
        assert_eq!(out, [0, 0, 0, 7, 0, 0, 2, 0xaa, 0xbb, 0, 0]);
        let certificate = parse_certificate(&out).unwrap();
        assert_eq!(certificate, Certificate { end_entity: Some(&[0xaa, 0xbb]), others: 0, extension: None });
        for end in 0..out.len() {
            assert!(parse_certificate(&out[..end]).is_err());
        }
    }

    #[test]
    fn an_empty_list_is_no_certificate_and_a_context_is_an_error() {
        assert_eq!(parse_certificate(&[0, 0, 0, 0]).unwrap().end_entity, None);
        assert_eq!(parse_certificate(&[1, 9, 0, 0, 0]), Err(ParseError::InvalidLength { length: 1 }));
    }

    #[test]
    fn a_request_must_name_schemes() {
        let mut out = Vec::new();
        encode_certificate_request(&[SignatureScheme::ECDSA_SECP256R1_SHA256], &mut out);
        assert_eq!(parse_certificate_request(&out), Ok(vec![SignatureScheme::ECDSA_SECP256R1_SHA256]));
        for end in 0..out.len() {
            assert!(parse_certificate_request(&out[..end]).is_err());
        }
        let missing = ParseError::MissingExtension(ExtensionType::SIGNATURE_ALGORITHMS);
        assert_eq!(parse_certificate_request(&[0, 0, 0]), Err(missing));
    }

    #[test]
    fn encrypted_extensions_are_never_missing() {
        let mut out = Vec::new();
        encode_encrypted_extensions(&Extensions::new(), &mut out);
        assert_eq!(out, [0, 0]);
        assert_eq!(parse_encrypted_extensions(&out), Ok(Extensions::new()));
        assert!(parse_encrypted_extensions(&[]).is_err());
    }
}
