//! What can be wrong with bytes, and what does not exist yet.

use plywood_octets::Truncated;
use std::fmt;

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// A field is cut short.
    Truncated(Truncated),
    /// Not from 0x4000 to 0x4fff (RFC 8656 §12).
    ChannelNumber(u16),
    /// An attribute of another length than its format has.
    Length {
        /// What the format has.
        expected: usize,
        /// What was found.
        found: usize,
    },
    /// An address family that is neither IPv4 nor IPv6.
    Family(u8),
}

impl From<Truncated> for ParseError {
    fn from(truncated: Truncated) -> Self {
        Self::Truncated(truncated)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(truncated) => truncated.fmt(f),
            Self::ChannelNumber(number) => write!(f, "{number:#06x} is no channel number"),
            Self::Length { expected, found } => write!(f, "{found} bytes where there must be {expected}"),
            Self::Family(family) => write!(f, "address family {family} is unknown"),
        }
    }
}

impl std::error::Error for ParseError {}

/// More data than a 16-bit length can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong(
    /// Bytes of data.
    pub usize,
);

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of data; 65535 at most", self.0)
    }
}

impl std::error::Error for TooLong {}

/// Planned and not there: see docs/roadmap.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotYet;

impl fmt::Display for NotYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the TURN client is on the roadmap")
    }
}

impl std::error::Error for NotYet {}
