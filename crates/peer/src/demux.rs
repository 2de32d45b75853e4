//! Whose datagram is it? (RFC 9443 §3, which updates RFC 7983 §7.)
//!
//! Problem: STUN, DTLS and TURN channel data arrive on one socket.
//! How: the protocols chose their first bytes so that one look decides.
//!
//! ```text
//!    0..=3   STUN          (RFC 8489 §5: two zero bits)
//!   16..=19  ZRTP          discarded
//!   20..=63  DTLS          (20..=26 content types, 32..=63 the unified header of DTLS 1.3)
//!   64..=79  TURN channel  only from a TURN server's address
//!   the rest               discarded: no media and no QUIC here
//! ```

/// What the first byte of a datagram says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// 0..=3.
    Stun,
    /// 20..=63.
    Dtls,
    /// 64..=79.
    TurnChannel,
    /// Anything else, and the empty datagram.
    Unknown,
}

impl Protocol {
    /// Decides by the first byte.
    ///
    /// ```
    /// use plywood_peer::Protocol;
    /// assert_eq!(Protocol::of(&[0x00, 0x01]), Protocol::Stun);
    /// assert_eq!(Protocol::of(&[22, 0xfe, 0xfd]), Protocol::Dtls);
    /// assert_eq!(Protocol::of(&[]), Protocol::Unknown);
    /// ```
    #[must_use]
    pub fn of(datagram: &[u8]) -> Self {
        match datagram.first() {
            Some(0..=3) => Self::Stun,
            Some(20..=63) => Self::Dtls,
            Some(64..=79) => Self::TurnChannel,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_byte_has_one_owner() {
        for byte in 0..=u8::MAX {
            let expected = match byte {
                0..=3 => Protocol::Stun,
                20..=63 => Protocol::Dtls,
                64..=79 => Protocol::TurnChannel,
                _ => Protocol::Unknown,
            };
            assert_eq!(Protocol::of(&[byte, 0]), expected, "first byte {byte}");
        }
    }
}
