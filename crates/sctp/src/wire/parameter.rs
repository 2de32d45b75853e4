//! Parameters: the optional fields of INIT, INIT ACK, HEARTBEAT and RE-CONFIG (RFC 9260 §3.2.1).
//! ```text
//! +-------------------------------+-------------------------------+
//! |        parameter type         | length: header + value        |
//! +-------------------------------+-------------------------------+
//! |  value, then 0 to 3 bytes of padding                          |
//! ```

use super::{WhenUnknown, finish_tlv, padded};
use crate::error::ParseError;
use plywood_octets::Put;

/// A parameter type; the upper two bits say what to do with an unknown one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParameterType(pub u16);

impl ParameterType {
    /// Heartbeat Info (RFC 9260 §3.3.5).
    pub const HEARTBEAT_INFO: Self = Self(1);
    /// IPv4 Address (RFC 9260 §3.3.2.1.1): ignored over DTLS.
    pub const IPV4_ADDRESS: Self = Self(5);
    /// IPv6 Address (RFC 9260 §3.3.2.1.2): ignored over DTLS.
    pub const IPV6_ADDRESS: Self = Self(6);
    /// State Cookie (RFC 9260 §3.3.3.1).
    pub const STATE_COOKIE: Self = Self(7);
    /// Unrecognized Parameter (RFC 9260 §3.3.3.1).
    pub const UNRECOGNIZED: Self = Self(8);
    /// Cookie Preservative (RFC 9260 §3.3.2.1.3).
    pub const COOKIE_PRESERVATIVE: Self = Self(9);
    /// Host Name Address: deprecated, refused (RFC 9260 §3.3.2.1.4).
    pub const HOST_NAME: Self = Self(11);
    /// Supported Address Types (RFC 9260 §3.3.2.1.5): ignored over DTLS.
    pub const SUPPORTED_ADDRESS_TYPES: Self = Self(12);
    /// Outgoing SSN Reset Request (RFC 6525 §4.1).
    pub const OUTGOING_SSN_RESET: Self = Self(13);
    /// Incoming SSN Reset Request (RFC 6525 §4.2).
    pub const INCOMING_SSN_RESET: Self = Self(14);
    /// SSN/TSN Reset Request (RFC 6525 §4.3).
    pub const SSN_TSN_RESET: Self = Self(15);
    /// Re-configuration Response (RFC 6525 §4.4).
    pub const RECONFIGURATION_RESPONSE: Self = Self(16);
    /// Add Outgoing Streams Request (RFC 6525 §4.5).
    pub const ADD_OUTGOING_STREAMS: Self = Self(17);
    /// Add Incoming Streams Request (RFC 6525 §4.6).
    pub const ADD_INCOMING_STREAMS: Self = Self(18);
    /// ECN Capable: reserved (RFC 9260 §3.3.2), tolerated.
    pub const ECN_CAPABLE: Self = Self(0x8000);
    /// Zero Checksum Acceptable (RFC 9653 §4).
    pub const ZERO_CHECKSUM_ACCEPTABLE: Self = Self(0x8001);
    /// Supported Extensions (RFC 5061 §4.2.7).
    pub const SUPPORTED_EXTENSIONS: Self = Self(0x8008);
    /// Forward-TSN-Supported (RFC 3758 §3.1).
    pub const FORWARD_TSN_SUPPORTED: Self = Self(0xc000);

    /// What a receiver does that does not know this type (RFC 9260 §3.2.1).
    #[must_use]
    pub fn when_unknown(self) -> WhenUnknown {
        WhenUnknown { stop: self.0 & 0x8000 == 0, report: self.0 & 0x4000 != 0 }
    }
}

/// One parameter, located and not yet understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawParameter<'a> {
    /// The type.
    pub kind: ParameterType,
    /// Header and value, without padding: what a report quotes.
    pub whole: &'a [u8],
    /// The value, without padding.
    pub value: &'a [u8],
}

/// The parameters in a slice; an `Err` is the last item.
#[derive(Debug, Clone)]
pub struct Parameters<'a> {
    rest: &'a [u8],
}

impl<'a> Parameters<'a> {
    /// Over the parameters in `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<RawParameter<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let available = self.rest.len();
        let Some(&[t1, t2, l1, l2]) = self.rest.first_chunk::<4>() else {
            self.rest = &[];
            return Some(Err(ParseError::Truncated { needed: 4, available }));
        };
        let length = usize::from(u16::from_be_bytes([l1, l2]));
        if length < 4 {
            self.rest = &[];
            return Some(Err(ParseError::ParameterLength { length }));
        }
        let Some(whole) = self.rest.get(..length) else {
            self.rest = &[];
            return Some(Err(ParseError::Truncated { needed: length, available }));
        };
        self.rest = self.rest.get(padded(length)..).unwrap_or_default();
        let kind = ParameterType(u16::from_be_bytes([t1, t2]));
        Some(Ok(RawParameter { kind, whole, value: &whole[4..] }))
    }
}

/// Appends one parameter, padded.
pub fn put_parameter(out: &mut Vec<u8>, kind: ParameterType, value: &[u8]) {
    let start = out.len();
    out.put_u16(kind.0);
    out.put_u16(0);
    out.put_slice(value);
    finish_tlv(out, start);
}
