//! Alerts (RFC 5246 §7.2): how an end is announced, and what a peer holds against us.

use std::fmt;

use plywood_octets::Reader;

use crate::error::ParseError;

registry! {
    /// The level; 1.3 ignores it (RFC 8446 §6).
    AlertLevel(u8, "4") {
        /// The connection may go on.
        WARNING = 1,
        /// The connection is over.
        FATAL = 2,
    }
}

registry! {
    /// What happened (RFC 5246 §7.2, RFC 8446 §6).
    AlertDescription(u8, "4") {
        /// No more data will come: the orderly end.
        CLOSE_NOTIFY = 0,
        /// A message that the state does not allow.
        UNEXPECTED_MESSAGE = 10,
        /// A record that did not authenticate. We never send it: bad records are dropped.
        BAD_RECORD_MAC = 20,
        /// A record with more than 2^14 bytes of plaintext.
        RECORD_OVERFLOW = 22,
        /// No common parameters.
        HANDSHAKE_FAILURE = 40,
        /// A certificate that could not be read, or is not the one announced.
        BAD_CERTIFICATE = 42,
        /// A certificate of a kind that we cannot use.
        UNSUPPORTED_CERTIFICATE = 43,
        /// Some other problem with a certificate.
        CERTIFICATE_UNKNOWN = 46,
        /// A value that is inconsistent or out of range.
        ILLEGAL_PARAMETER = 47,
        /// A chain that ends in no trusted root.
        UNKNOWN_CA = 48,
        /// Authenticated, and refused.
        ACCESS_DENIED = 49,
        /// A message that could not be parsed.
        DECODE_ERROR = 50,
        /// A signature or Finished that does not verify.
        DECRYPT_ERROR = 51,
        /// RFC 9147 §9: a peer that asks for connection ids without end.
        TOO_MANY_CIDS_REQUESTED = 52,
        /// No common version.
        PROTOCOL_VERSION = 70,
        /// Parameters weaker than required.
        INSUFFICIENT_SECURITY = 71,
        /// A failure that is not the peer's fault.
        INTERNAL_ERROR = 80,
        /// The handshake was called off.
        USER_CANCELED = 90,
        /// Renegotiation is refused (RFC 5246 §7.2.2).
        NO_RENEGOTIATION = 100,
        /// An extension that must be there is not (RFC 8446 §6.2).
        MISSING_EXTENSION = 109,
        /// An extension that we did not offer.
        UNSUPPORTED_EXTENSION = 110,
        /// A client certificate is required (RFC 8446 §6.2).
        CERTIFICATE_REQUIRED = 116,
    }
}

impl fmt::Display for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(&name.to_ascii_lowercase()),
            None => write!(f, "alert {}", self.0),
        }
    }
}

/// An alert: two bytes, level and description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// How serious.
    pub level: AlertLevel,
    /// What happened.
    pub description: AlertDescription,
}

impl Alert {
    /// Bytes of an alert.
    pub const LENGTH: usize = 2;

    /// A fatal alert.
    #[must_use]
    pub fn fatal(description: AlertDescription) -> Self {
        Self { level: AlertLevel::FATAL, description }
    }

    /// A warning.
    #[must_use]
    pub fn warning(description: AlertDescription) -> Self {
        Self { level: AlertLevel::WARNING, description }
    }

    /// Reads one alert; several in one record are not legal (RFC 8446 §5.1).
    ///
    /// # Errors
    /// [`ParseError::Truncated`], [`ParseError::TrailingBytes`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let alert = Self { level: AlertLevel(reader.u8()?), description: AlertDescription(reader.u8()?) };
        ParseError::require_end(&reader)?;
        Ok(alert)
    }

    /// The two bytes.
    #[must_use]
    pub fn encode(self) -> [u8; Self::LENGTH] {
        [self.level.0, self.description.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_exactly_two_bytes() {
        let alert = Alert::fatal(AlertDescription::HANDSHAKE_FAILURE);
        assert_eq!(alert.encode(), [2, 40]);
        assert_eq!(Alert::parse(&[2, 40]), Ok(alert));
        assert!(Alert::parse(&[2]).is_err());
        assert_eq!(Alert::parse(&[2, 40, 0]), Err(ParseError::TrailingBytes { count: 1 }));
        assert_eq!(AlertDescription::HANDSHAKE_FAILURE.to_string(), "handshake_failure");
        assert_eq!(AlertDescription(200).to_string(), "alert 200");
    }
}
