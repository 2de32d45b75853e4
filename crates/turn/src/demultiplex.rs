//! The first look at a datagram that came from a relay (RFC 7983 §7, RFC 8656 §12).

use crate::wire::ChannelData;

/// What a datagram from a relay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incoming<'a> {
    /// A response, or a Data indication.
    Stun(&'a [u8]),
    /// Data from the peer of a channel.
    ChannelData(ChannelData<'a>),
    /// Nothing that a relay sends: to be discarded.
    Unknown,
}

/// Tells what a datagram from a relay is. From any other address ChannelData means nothing.
#[must_use]
pub fn classify(datagram: &[u8]) -> Incoming<'_> {
    match datagram.first() {
        Some(0..=3) => Incoming::Stun(datagram),
        Some(64..=79) => ChannelData::parse(datagram).map_or(Incoming::Unknown, Incoming::ChannelData),
        _ => Incoming::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_decides() {
        assert_eq!(classify(&[0, 1]), Incoming::Stun(&[0, 1]));
        assert!(matches!(classify(&[0x40, 0, 0, 1, 9]), Incoming::ChannelData(data) if data.data == [9]));
        for unknown in [&[][..], &[20], &[80, 0, 0, 0], &[0x40, 0, 0, 2, 9], &[0x4f]] {
            assert_eq!(classify(unknown), Incoming::Unknown);
        }
    }
}
