//! ServerKeyExchange for ECDHE (RFC 8422 §5.4): the server's key share, signed with its certificate's key.

use plywood_octets::{Put, Reader};

use super::certificate_verify::DigitallySigned;
use super::codes::NamedGroup;
use crate::error::ParseError;

/// `named_curve`: the only curve type left (RFC 8422 §5.4).
const NAMED_CURVE: u8 = 3;

/// The server's share.
///
/// ```text
/// +--------------+---------+-------------+ +----------+----------------+
/// | curve_type 1 | group 2 | share 1+..  | | scheme 2 | signature 2+.. |
/// +--------------+---------+-------------+ +----------+----------------+
/// |<---------- params: signed ---------->|
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerKeyExchange<'a> {
    /// The group.
    pub group: NamedGroup,
    /// The server's public key.
    pub share: &'a [u8],
    /// The bytes that were signed, behind the two randoms.
    pub params: &'a [u8],
    /// The signature.
    pub signed: DigitallySigned<'a>,
}

impl<'a> ServerKeyExchange<'a> {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// A [`ParseError`] for what is cut short or left over, [`ParseError::InvalidValue`] for another curve type.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let curve_type = reader.u8()?;
        if curve_type != NAMED_CURVE {
            return Err(ParseError::InvalidValue(u32::from(curve_type)));
        }
        let group = NamedGroup(reader.u16()?);
        let share = reader.u8_prefixed()?.rest();
        let params = &body[..body.len() - reader.remaining()];
        let signed = DigitallySigned::parse(reader.rest())?;
        Ok(Self { group, share, params, signed })
    }

    /// Appends the part that is signed. A share is at most 255 bytes.
    pub fn encode_params(group: NamedGroup, share: &[u8], out: &mut Vec<u8>) {
        out.put_u8(NAMED_CURVE);
        out.put_u16(group.0);
        let length = out.begin_u8_length();
        out.put_slice(share);
        length.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_part_ends_before_the_scheme() {
        let bytes = [3, 0, 29, 2, 7, 8, 4, 3, 0, 1, 0xaa];
        let exchange = ServerKeyExchange::parse(&bytes).unwrap();
        assert_eq!((exchange.group, exchange.share), (NamedGroup::X25519, &[7, 8][..]));
        assert_eq!(exchange.params, &bytes[..6]);
        assert_eq!(exchange.signed.signature, [0xaa]);
        let mut out = Vec::new();
        ServerKeyExchange::encode_params(NamedGroup::X25519, &[7, 8], &mut out);
        assert_eq!(out, exchange.params);
        for end in 0..bytes.len() {
            assert!(ServerKeyExchange::parse(&bytes[..end]).is_err());
        }
        assert_eq!(ServerKeyExchange::parse(&[1, 0]), Err(ParseError::InvalidValue(1)));
    }
}
