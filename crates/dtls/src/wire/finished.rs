//! Finished (RFC 5246 §7.4.9): a MAC over the whole handshake. The body is nothing but `verify_data`.

use crate::error::ParseError;

/// Bytes of `verify_data` in 1.2; in 1.3 it is as long as the suite's hash.
pub const VERIFY_DATA_LENGTH: usize = 12;

/// The MAC of a Finished of 1.2.
///
/// # Errors
/// [`ParseError::InvalidLength`] if it is not twelve bytes.
pub fn parse(body: &[u8]) -> Result<[u8; VERIFY_DATA_LENGTH], ParseError> {
    body.try_into().map_err(|_| ParseError::InvalidLength { length: body.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verify_data_is_twelve_bytes() {
        assert_eq!(parse(&[1; 12]), Ok([1; 12]));
        assert_eq!(parse(&[1; 11]), Err(ParseError::InvalidLength { length: 11 }));
        assert_eq!(parse(&[1; 13]), Err(ParseError::InvalidLength { length: 13 }));
    }
}
