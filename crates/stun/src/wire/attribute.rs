//! Attribute types, and the values that need more than a slice.

use crate::AttributeError;

/// The type of an attribute (RFC 8489 §18.3). Below 0x8000 a receiver must understand it or refuse the
/// message; from there on it may skip it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u16);

impl AttributeType {
    /// MAPPED-ADDRESS: an address not XORed, for RFC 3489 clients only (RFC 8489 §14.1).
    pub const MAPPED_ADDRESS: Self = Self(0x0001);
    /// USERNAME (RFC 8489 §14.3).
    pub const USERNAME: Self = Self(0x0006);
    /// MESSAGE-INTEGRITY: HMAC-SHA1 (RFC 8489 §14.5).
    pub const MESSAGE_INTEGRITY: Self = Self(0x0008);
    /// ERROR-CODE (RFC 8489 §14.8).
    pub const ERROR_CODE: Self = Self(0x0009);
    /// UNKNOWN-ATTRIBUTES: which ones an error 420 is about (RFC 8489 §14.13).
    pub const UNKNOWN_ATTRIBUTES: Self = Self(0x000a);
    /// REALM (RFC 8489 §14.9).
    pub const REALM: Self = Self(0x0014);
    /// NONCE (RFC 8489 §14.10).
    pub const NONCE: Self = Self(0x0015);
    /// MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.6).
    pub const MESSAGE_INTEGRITY_SHA256: Self = Self(0x001c);
    /// PASSWORD-ALGORITHM (RFC 8489 §14.12).
    pub const PASSWORD_ALGORITHM: Self = Self(0x001d);
    /// USERHASH (RFC 8489 §14.4).
    pub const USERHASH: Self = Self(0x001e);
    /// XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    pub const XOR_MAPPED_ADDRESS: Self = Self(0x0020);
    /// PRIORITY: what a peer-reflexive candidate learned from this check would have (RFC 8445 §7.1.1).
    pub const PRIORITY: Self = Self(0x0024);
    /// USE-CANDIDATE: the controlling agent nominates this pair (RFC 8445 §7.1.2).
    pub const USE_CANDIDATE: Self = Self(0x0025);
    /// PASSWORD-ALGORITHMS (RFC 8489 §14.11).
    pub const PASSWORD_ALGORITHMS: Self = Self(0x8002);
    /// ALTERNATE-DOMAIN (RFC 8489 §14.16).
    pub const ALTERNATE_DOMAIN: Self = Self(0x8003);
    /// SOFTWARE (RFC 8489 §14.14).
    pub const SOFTWARE: Self = Self(0x8022);
    /// ALTERNATE-SERVER (RFC 8489 §14.15).
    pub const ALTERNATE_SERVER: Self = Self(0x8023);
    /// FINGERPRINT: CRC-32 of the message (RFC 8489 §14.7).
    pub const FINGERPRINT: Self = Self(0x8028);
    /// ICE-CONTROLLED: role and tie-breaker (RFC 8445 §7.1.3).
    pub const ICE_CONTROLLED: Self = Self(0x8029);
    /// ICE-CONTROLLING: role and tie-breaker (RFC 8445 §7.1.3).
    pub const ICE_CONTROLLING: Self = Self(0x802a);

    /// Whether a receiver that does not know it must refuse the message (RFC 8489 §14).
    #[must_use]
    pub const fn is_comprehension_required(self) -> bool {
        self.0 < 0x8000
    }
}

/// ERROR-CODE (RFC 8489 §14.8).
/// ```text
///   0                   1                   2                   3
///   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///  |            reserved, 21 bits              |class|  number     |
///  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///  |  reason phrase, UTF-8 ...
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode<'a> {
    code: u16,
    reason: &'a str,
}

impl<'a> ErrorCode<'a> {
    /// The request is malformed (RFC 8489 §14.8).
    pub const BAD_REQUEST: Self = Self { code: 400, reason: "Bad Request" };
    /// The credentials are missing or wrong (RFC 8489 §14.8).
    pub const UNAUTHENTICATED: Self = Self { code: 401, reason: "Unauthenticated" };
    /// Attributes that must be understood were not (RFC 8489 §14.8).
    pub const UNKNOWN_ATTRIBUTE: Self = Self { code: 420, reason: "Unknown Attribute" };
    /// Both agents believe to have the same role (RFC 8445 §7.3.1.1).
    pub const ROLE_CONFLICT: Self = Self { code: 487, reason: "Role Conflict" };

    /// An error of the given code.
    ///
    /// # Errors
    /// [`AttributeError::Code`] outside 300..=699; [`AttributeError::Length`] for a reason over 763 bytes
    /// (RFC 8489 §14.8: 127 characters).
    pub fn new(code: u16, reason: &'a str) -> Result<Self, AttributeError> {
        if !(300..700).contains(&code) {
            return Err(AttributeError::Code { code });
        }
        if reason.len() > 763 {
            return Err(AttributeError::Length { length: reason.len() });
        }
        Ok(Self { code, reason })
    }

    /// The code, 300..=699.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The reason, for people.
    #[must_use]
    pub fn reason(&self) -> &'a str {
        self.reason
    }

    /// Class and number, as the fourth word's bytes hold them.
    pub(crate) fn class_and_number(&self) -> [u8; 2] {
        // 300..=699 by construction: the class is 3 to 6, the number under 100.
        let number = self.code % 100;
        let class = self.code / 100;
        [class.to_be_bytes()[1], number.to_be_bytes()[1]]
    }

    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, AttributeError> {
        let Some((head, reason)) = value.split_first_chunk::<4>() else {
            return Err(AttributeError::Length { length: value.len() });
        };
        let code = u16::from(head[2] & 0x07) * 100 + u16::from(head[3]);
        if head[3] > 99 {
            return Err(AttributeError::Code { code });
        }
        Self::new(code, std::str::from_utf8(reason).map_err(|_| AttributeError::Utf8)?)
    }
}
