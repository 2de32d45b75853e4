//! Error causes: why an ABORT or ERROR was sent (RFC 9260 §3.3.10).
//! ```text
//! +-------------------------------+-------------------------------+
//! |          cause code           | length: header + value        |
//! +-------------------------------+-------------------------------+
//! |  cause-specific information, then padding                     |
//! ```

use super::finish_tlv;
use super::parameter::Parameters;
use plywood_octets::Put;

/// A cause code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CauseCode(pub u16);

impl CauseCode {
    /// Invalid Stream Identifier.
    pub const INVALID_STREAM: Self = Self(1);
    /// Missing Mandatory Parameter.
    pub const MISSING_PARAMETER: Self = Self(2);
    /// Stale Cookie.
    pub const STALE_COOKIE: Self = Self(3);
    /// Out of Resource.
    pub const OUT_OF_RESOURCE: Self = Self(4);
    /// Unresolvable Address.
    pub const UNRESOLVABLE_ADDRESS: Self = Self(5);
    /// Unrecognized Chunk Type.
    pub const UNRECOGNIZED_CHUNK: Self = Self(6);
    /// Invalid Mandatory Parameter.
    pub const INVALID_PARAMETER: Self = Self(7);
    /// Unrecognized Parameters.
    pub const UNRECOGNIZED_PARAMETERS: Self = Self(8);
    /// No User Data.
    pub const NO_USER_DATA: Self = Self(9);
    /// Cookie Received While Shutting Down.
    pub const COOKIE_WHILE_SHUTTING_DOWN: Self = Self(10);
    /// Restart of an Association with New Addresses.
    pub const RESTART_WITH_NEW_ADDRESSES: Self = Self(11);
    /// User-Initiated Abort.
    pub const USER_INITIATED_ABORT: Self = Self(12);
    /// Protocol Violation.
    pub const PROTOCOL_VIOLATION: Self = Self(13);
}

/// One cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause<'a> {
    /// The code.
    pub code: CauseCode,
    /// Cause-specific information.
    pub info: &'a [u8],
}

/// The causes in the value of an ABORT or ERROR; ends at the first broken length.
pub fn causes(value: &[u8]) -> impl Iterator<Item = Cause<'_>> {
    Parameters::new(value)
        .map_while(Result::ok)
        .map(|tlv| Cause { code: CauseCode(tlv.kind.0), info: tlv.value })
}

/// Appends one cause, padded. At most 1024 bytes of `info` are quoted.
pub fn put_cause(out: &mut Vec<u8>, code: CauseCode, info: &[u8]) {
    let start = out.len();
    out.put_u16(code.0);
    out.put_u16(0);
    out.put_slice(info.get(..1024).unwrap_or(info));
    finish_tlv(out, start);
}
