//! ClientKeyExchange for ECDHE (RFC 8422 §5.7): the client's key share.

use plywood_octets::{Put, Reader};

use crate::error::ParseError;

/// The client's share: one length byte, then the public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientKeyExchange<'a> {
    /// The client's public key.
    pub share: &'a [u8],
}

impl<'a> ClientKeyExchange<'a> {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// A [`ParseError`] if it is cut short, too long or empty.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let share = reader.u8_prefixed()?.rest();
        ParseError::require_end(&reader)?;
        if share.is_empty() { Err(ParseError::EmptyList) } else { Ok(Self { share }) }
    }

    /// Appends the body of the message. A share is at most 255 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let length = out.begin_u8_length();
        out.put_slice(self.share);
        length.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_not_empty() {
        assert_eq!(ClientKeyExchange::parse(&[2, 7, 8]).unwrap().share, [7, 8]);
        assert_eq!(ClientKeyExchange::parse(&[0]), Err(ParseError::EmptyList));
        assert!(ClientKeyExchange::parse(&[2, 7]).is_err());
        assert!(ClientKeyExchange::parse(&[1, 7, 8]).is_err());
    }
}
