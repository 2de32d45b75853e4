//! Just enough DER (X.690 §10) to find the keys inside PKCS#8, SEC 1 and SPKI documents.
//!
//! Each value is a tag, a length and that many bytes: `30 0b` is a SEQUENCE of 11. Certificates themselves are
//! read by a library; these documents are too small to deserve one.

use plywood_octets::{Put, Reader, Truncated};

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;
/// `[1]`, constructed.
pub(crate) const CONTEXT_1: u8 = 0xa1;

/// 1.2.840.10045.2.1, ecPublicKey (RFC 5480 §2.1.1).
pub(crate) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7, secp256r1 (RFC 5480 §2.1.1.1).
pub(crate) const SECP256R1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.132.0.34, secp384r1.
pub(crate) const SECP384R1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// 1.2.840.113549.1.1.1, rsaEncryption (RFC 3279 §2.3.1).
pub(crate) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.3.101.112, Ed25519 (RFC 8410 §3).
pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Not the expected element, or a length past the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<Truncated> for Malformed {
    fn from(_: Truncated) -> Self {
        Self
    }
}

/// Reads one element with this tag and gives back what it contains.
pub(crate) fn element<'a>(reader: &mut Reader<'a>, tag: u8) -> Result<Reader<'a>, Malformed> {
    optional(reader, tag)?.ok_or(Malformed)
}

/// Reads one element if the next tag is this one.
pub(crate) fn optional<'a>(reader: &mut Reader<'a>, tag: u8) -> Result<Option<Reader<'a>>, Malformed> {
    if reader.peek().first() != Some(&tag) {
        return Ok(None);
    }
    reader.u8()?;
    let length = match reader.u8()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(reader.u8()?),
        0x82 => usize::from(reader.u16()?),
        _ => return Err(Malformed), // indefinite, or longer than any certificate here
    };
    Ok(Some(Reader::new(reader.bytes(length)?)))
}

/// A bit string of whole bytes.
pub(crate) fn bit_string<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let mut content = element(reader, BIT_STRING)?;
    if content.u8()? != 0 {
        return Err(Malformed); // unused bits
    }
    Ok(content.rest())
}

/// Appends one element. Content longer than 65535 bytes does not occur in keys; its length would be cut.
pub(crate) fn put(out: &mut impl Put, tag: u8, content: &[u8]) {
    out.put_u8(tag);
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    match length {
        0..=0x7f => out.put_u8(low),
        0x80..=0xff => out.put_slice(&[0x81, low]),
        _ => out.put_slice(&[0x82, high, low]),
    }
    out.put_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_their_three_forms() {
        for length in [0_usize, 5, 0x7f, 0x80, 0xff, 0x100, 0x1234] {
            let mut out = Vec::new();
            put(&mut out, OCTET_STRING, &vec![7; length]);
            let mut reader = Reader::new(&out);
            assert_eq!(element(&mut reader, OCTET_STRING).map(|content| content.remaining()), Ok(length));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn another_tag_or_a_length_past_the_end_is_malformed() {
        assert_eq!(element(&mut Reader::new(&[0x30, 0x00]), INTEGER).map(drop), Err(Malformed));
        assert_eq!(element(&mut Reader::new(&[0x02, 0x02, 0x00]), INTEGER).map(drop), Err(Malformed));
        assert_eq!(element(&mut Reader::new(&[0x30, 0x80, 0x00, 0x00]), SEQUENCE).map(drop), Err(Malformed));
        assert_eq!(bit_string(&mut Reader::new(&[0x03, 0x02, 0x01, 0x80])), Err(Malformed));
    }
}
