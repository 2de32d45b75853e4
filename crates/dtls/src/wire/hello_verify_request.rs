//! HelloVerifyRequest (RFC 6347 §4.2.1): "show that you receive at the address you send from".

use plywood_octets::{Put, Reader};

use super::record::ProtocolVersion;
use crate::error::ParseError;

/// The cookie that the next ClientHello must carry.
///
/// ```text
/// +-----------+-------------+
/// | version 2 | cookie 1+.. |
/// +-----------+-------------+
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelloVerifyRequest {
    /// Says nothing about the version that will be chosen.
    pub server_version: ProtocolVersion,
    /// At most 255 bytes.
    pub cookie: Vec<u8>,
}

impl HelloVerifyRequest {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// A [`ParseError`] if it is cut short or too long.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let server_version = ProtocolVersion(reader.u16()?);
        let cookie = reader.u8_prefixed()?.rest().to_vec();
        ParseError::require_end(&reader)?;
        Ok(Self { server_version, cookie })
    }

    /// Appends the body of the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u16(self.server_version.0);
        let length = out.begin_u8_length();
        out.put_slice(&self.cookie);
        length.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_may_be_empty_or_255_bytes() {
        for length in [0, 1, 255] {
            let request =
                HelloVerifyRequest { server_version: ProtocolVersion::DTLS_1_0, cookie: vec![5; length] };
            let mut out = Vec::new();
            request.encode(&mut out);
            assert_eq!(HelloVerifyRequest::parse(&out), Ok(request));
        }
        assert!(HelloVerifyRequest::parse(&[0xfe, 0xff, 1]).is_err());
    }
}
