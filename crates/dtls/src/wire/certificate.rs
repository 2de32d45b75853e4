//! Certificate of 1.2 (RFC 5246 §7.4.2): a chain, of which WebRTC uses the first and only.

use plywood_octets::{Put, Reader};

use super::extension::ExtensionType;
use crate::error::ParseError;

/// A list of certificates, the sender's own first.
///
/// ```text
/// +------------------+----------------------+----------------------+
/// | list length 3    | length 3 | DER ..    | length 3 | DER ..    | ..
/// +------------------+----------------------+----------------------+
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// The sender's own certificate; `None` if it has none to show.
    pub end_entity: Option<&'a [u8]>,
    /// How many more there are; we do not look at them.
    pub others: usize,
    /// 1.3: an extension of the sender's own certificate, such as the status that somebody else asked for.
    pub extension: Option<ExtensionType>,
}

impl<'a> Certificate<'a> {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// A [`ParseError`] for what is cut short or left over, and for an empty certificate.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let mut list = reader.u24_prefixed()?;
        ParseError::require_end(&reader)?;
        let mut certificate = Self { end_entity: None, others: 0, extension: None };
        while !list.is_empty() {
            let der = list.u24_prefixed()?.rest();
            if der.is_empty() {
                return Err(ParseError::EmptyList);
            }
            match certificate.end_entity {
                None => certificate.end_entity = Some(der),
                Some(_) => certificate.others += 1,
            }
        }
        Ok(certificate)
    }

    /// Appends the body of the message: one certificate, or none.
    pub fn encode(end_entity: Option<&[u8]>, out: &mut Vec<u8>) {
        let list = out.begin_u24_length();
        if let Some(der) = end_entity {
            let length = out.begin_u24_length();
            out.put_slice(der);
            length.finish(out);
        }
        list.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_is_the_senders_own() {
        let bytes = [0, 0, 9, 0, 0, 2, 0xaa, 0xbb, 0, 0, 1, 0xcc];
        let certificate = Certificate::parse(&bytes).unwrap();
        assert_eq!(certificate, Certificate { end_entity: Some(&[0xaa, 0xbb]), others: 1, extension: None });
        for end in 0..bytes.len() {
            assert!(Certificate::parse(&bytes[..end]).is_err());
        }
        assert_eq!(Certificate::parse(&[0, 0, 3, 0, 0, 0]), Err(ParseError::EmptyList));
        assert_eq!(Certificate::parse(&[0, 0, 0]).unwrap().end_entity, None);
    }

    #[test]
    fn one_certificate_is_written_with_both_lengths() {
        let mut out = Vec::new();
        Certificate::encode(Some(&[1, 2]), &mut out);
        assert_eq!(out, [0, 0, 5, 0, 0, 2, 1, 2]);
    }
}
