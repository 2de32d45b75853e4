//! KeyUpdate (RFC 8446 §4.6.3): "I go on under new keys", and perhaps "so should you".

use plywood_octets::Reader;

use crate::error::ParseError;

/// The one byte of a KeyUpdate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUpdate {
    /// Whether the receiver is to change its keys too.
    pub update_requested: bool,
}

impl KeyUpdate {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// [`ParseError::InvalidValue`] for a byte that is neither 0 nor 1, and for a wrong length.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let update_requested = match reader.u8()? {
            0 => false,
            1 => true,
            other => return Err(ParseError::InvalidValue(u32::from(other))),
        };
        ParseError::require_end(&reader)?;
        Ok(Self { update_requested })
    }

    /// The body of the message.
    #[must_use]
    pub fn encode(self) -> [u8; 1] {
        [u8::from(self.update_requested)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zero_and_one_are_key_updates() {
        for update_requested in [false, true] {
            let update = KeyUpdate { update_requested };
            assert_eq!(KeyUpdate::parse(&update.encode()), Ok(update));
        }
        assert_eq!(KeyUpdate::parse(&[2]), Err(ParseError::InvalidValue(2)));
        assert!(KeyUpdate::parse(&[]).is_err());
        assert_eq!(KeyUpdate::parse(&[0, 0]), Err(ParseError::TrailingBytes { count: 1 }));
    }
}
