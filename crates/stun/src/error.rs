//! What can be wrong with a STUN message, by who is to blame.

use std::fmt;

/// Bytes that are no STUN message, or one that must be dropped whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// Fewer than the 20 bytes of a header (RFC 8489 §5).
    Short {
        /// Bytes that there were.
        length: usize,
    },
    /// The two most significant bits are not zero: another protocol (RFC 8489 §5).
    NotStun {
        /// The first byte.
        first_byte: u8,
    },
    /// The magic cookie 0x2112A442 is missing (RFC 8489 §5).
    MagicCookie {
        /// What stood in its place.
        found: u32,
    },
    /// The length field is not a multiple of four, or not what the datagram holds (RFC 8489 §5).
    Length {
        /// The header's length field.
        declared: usize,
        /// Bytes behind the header.
        actual: usize,
    },
    /// An attribute reaches past the end of the message (RFC 8489 §14).
    AttributeOverrun {
        /// Where in the message the attribute begins.
        offset: usize,
        /// The length it claims.
        length: usize,
    },
    /// MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 or FINGERPRINT of an impossible size (RFC 8489 §14.5-14.7).
    IntegrityLength {
        /// The attribute's type.
        attribute: u16,
        /// The length it claims.
        length: usize,
    },
    /// FINGERPRINT does not match the message (RFC 8489 §14.7).
    Fingerprint {
        /// The value carried.
        carried: u32,
        /// The value computed.
        computed: u32,
    },
    /// An attribute stands behind FINGERPRINT, which must be the last (RFC 8489 §14.7).
    AfterFingerprint {
        /// The attribute's type.
        attribute: u16,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Short { length } => write!(f, "{length} bytes, but a STUN header has 20"),
            Self::NotStun { first_byte } => write!(f, "first byte {first_byte:#04x} is not that of STUN"),
            Self::MagicCookie { found } => write!(f, "magic cookie {found:#010x} instead of 0x2112a442"),
            Self::Length { declared, actual } => {
                write!(f, "length field says {declared}, {actual} bytes follow the header")
            }
            Self::AttributeOverrun { offset, length } => {
                write!(f, "attribute at offset {offset} claims {length} bytes, past the end")
            }
            Self::IntegrityLength { attribute, length } => {
                write!(f, "attribute {attribute:#06x} cannot be {length} bytes long")
            }
            Self::Fingerprint { carried, computed } => {
                write!(f, "FINGERPRINT {carried:#010x}, but {computed:#010x} computed")
            }
            Self::AfterFingerprint { attribute } => {
                write!(f, "attribute {attribute:#06x} stands behind FINGERPRINT")
            }
        }
    }
}

impl std::error::Error for ParseError {}

/// One attribute's value is not what its type demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttributeError {
    /// The value has the wrong size.
    Length {
        /// Bytes that there were.
        length: usize,
    },
    /// An address family other than 1 (IPv4) and 2 (IPv6) (RFC 8489 §14.1).
    Family {
        /// The family byte.
        family: u8,
    },
    /// An error code outside 300..=699 (RFC 8489 §14.8).
    Code {
        /// Class times 100 plus number.
        code: u16,
    },
    /// Text that is not UTF-8.
    Utf8,
}

impl fmt::Display for AttributeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length { length } => write!(f, "a value of {length} bytes has the wrong size"),
            Self::Family { family } => write!(f, "unknown address family {family}"),
            Self::Code { code } => write!(f, "error code {code} is outside 300..=699"),
            Self::Utf8 => f.write_str("text is not UTF-8"),
        }
    }
}

impl std::error::Error for AttributeError {}

/// The sender did not prove that it knows the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IntegrityError {
    /// The message carries no such attribute.
    Missing,
    /// The HMAC differs: wrong key, or bytes changed on the way.
    Mismatch,
}

impl fmt::Display for IntegrityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no message integrity attribute",
            Self::Mismatch => "message integrity does not match",
        })
    }
}

impl std::error::Error for IntegrityError {}

/// A message that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// Attributes longer than the 16-bit length field can count.
    TooLong {
        /// Bytes behind the header.
        length: usize,
    },
    /// An attribute added behind MESSAGE-INTEGRITY would not be protected (RFC 8489 §14.5), behind
    /// FINGERPRINT it would break the message (§14.7).
    AfterIntegrity {
        /// The attribute's type.
        attribute: u16,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooLong { length } => write!(f, "{length} bytes of attributes do not fit a message"),
            Self::AfterIntegrity { attribute } => {
                write!(f, "attribute {attribute:#06x} cannot stand behind message integrity")
            }
        }
    }
}

impl std::error::Error for BuildError {}
