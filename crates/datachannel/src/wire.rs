//! DCEP's two messages and the PPIDs, as bytes (RFC 8832 §5, RFC 8831 §8). No state.

use crate::config::Reliability;
use plywood_octets::{Put, Reader, Truncated};
use std::fmt;

/// What the payload of an SCTP message is (RFC 8831 §8, RFC 8832 §8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ppid(pub u32);

impl Ppid {
    /// DCEP.
    pub const DCEP: Self = Self(50);
    /// Text, not empty; or the last fragment of text.
    pub const STRING: Self = Self(51);
    /// A fragment of binary that is not the last; deprecated, only received.
    pub const BINARY_PARTIAL: Self = Self(52);
    /// Binary, not empty; or the last fragment of binary.
    pub const BINARY: Self = Self(53);
    /// A fragment of text that is not the last; deprecated, only received.
    pub const STRING_PARTIAL: Self = Self(54);
    /// Empty text, as one byte that does not matter.
    pub const STRING_EMPTY: Self = Self(56);
    /// Empty binary, as one byte that does not matter.
    pub const BINARY_EMPTY: Self = Self(57);

    /// The registered name.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::DCEP => "WebRTC DCEP",
            Self::STRING => "WebRTC String",
            Self::BINARY_PARTIAL => "WebRTC Binary Partial (deprecated)",
            Self::BINARY => "WebRTC Binary",
            Self::STRING_PARTIAL => "WebRTC String Partial (deprecated)",
            Self::STRING_EMPTY => "WebRTC String Empty",
            Self::BINARY_EMPTY => "WebRTC Binary Empty",
            _ => return None,
        })
    }
}

/// The first byte of a DCEP message (RFC 8832 §8.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u8);

impl MessageType {
    /// DATA_CHANNEL_ACK.
    pub const ACK: Self = Self(0x02);
    /// DATA_CHANNEL_OPEN.
    pub const OPEN: Self = Self(0x03);
}

/// Order and reliability of a channel in one byte (RFC 8832 §8.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelType(pub u8);

impl ChannelType {
    /// DATA_CHANNEL_RELIABLE.
    pub const RELIABLE: Self = Self(0x00);
    /// DATA_CHANNEL_PARTIAL_RELIABLE_REXMIT.
    pub const REXMIT: Self = Self(0x01);
    /// DATA_CHANNEL_PARTIAL_RELIABLE_TIMED.
    pub const TIMED: Self = Self(0x02);
    /// The high bit: delivery without order.
    pub const UNORDERED: u8 = 0x80;

    /// The registered name.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x00 => "DATA_CHANNEL_RELIABLE",
            0x80 => "DATA_CHANNEL_RELIABLE_UNORDERED",
            0x01 => "DATA_CHANNEL_PARTIAL_RELIABLE_REXMIT",
            0x81 => "DATA_CHANNEL_PARTIAL_RELIABLE_REXMIT_UNORDERED",
            0x02 => "DATA_CHANNEL_PARTIAL_RELIABLE_TIMED",
            0x82 => "DATA_CHANNEL_PARTIAL_RELIABLE_TIMED_UNORDERED",
            _ => return None,
        })
    }
}

/// DCEP that cannot be read (RFC 8832 §6 calls for closing the channel).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// A field is cut short.
    Truncated(Truncated),
    /// A message type that is reserved or unassigned.
    UnknownMessage(MessageType),
    /// A channel type that is reserved or unassigned.
    UnknownChannelType(ChannelType),
    /// The label or the protocol is not UTF-8.
    InvalidUtf8,
    /// Bytes behind the end: the lengths disagree.
    TrailingBytes(usize),
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
            Self::UnknownMessage(kind) => write!(f, "message type {:#04x} is unknown", kind.0),
            Self::UnknownChannelType(kind) => write!(f, "channel type {:#04x} is unknown", kind.0),
            Self::InvalidUtf8 => write!(f, "label or protocol is not UTF-8"),
            Self::TrailingBytes(bytes) => write!(f, "{bytes} bytes behind the end"),
        }
    }
}

impl std::error::Error for ParseError {}

/// A text is longer than its 16-bit length can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextTooLong;

/// DATA_CHANNEL_OPEN (RFC 8832 §5.1).
///
/// ```text
///   0                   1                   2                   3
///  +---------------+---------------+-------------------------------+
///  | type = 0x03   | channel type  | priority                      |
///  +---------------+---------------+-------------------------------+
///  | reliability: retransmissions, or milliseconds                 |
///  +-------------------------------+-------------------------------+
///  | label length                  | protocol length               |
///  +-------------------------------+-------------------------------+
///  | label, UTF-8 .. then protocol, UTF-8                          |
///  +---------------------------------------------------------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open<'a> {
    /// Whether messages keep their order.
    pub ordered: bool,
    /// How long delivery is tried.
    pub reliability: Reliability,
    /// The scheduling weight.
    pub priority: u16,
    label: &'a str,
    protocol: &'a str,
}

impl<'a> Open<'a> {
    /// Bytes before the label.
    pub const HEADER_BYTES: usize = 12;

    /// An OPEN for a channel with these properties.
    ///
    /// # Errors
    /// [`TextTooLong`] if label or protocol is over 65535 bytes.
    pub fn new(
        ordered: bool,
        reliability: Reliability,
        priority: u16,
        label: &'a str,
        protocol: &'a str,
    ) -> Result<Self, TextTooLong> {
        if label.len().max(protocol.len()) > usize::from(u16::MAX) {
            return Err(TextTooLong);
        }
        Ok(Self { ordered, reliability, priority, label, protocol })
    }

    /// The channel's name.
    #[must_use]
    pub fn label(&self) -> &'a str {
        self.label
    }

    /// The subprotocol.
    #[must_use]
    pub fn protocol(&self) -> &'a str {
        self.protocol
    }

    /// Order and reliability as their byte.
    #[must_use]
    pub fn channel_type(&self) -> ChannelType {
        let ChannelType(base) = match self.reliability {
            Reliability::Reliable => ChannelType::RELIABLE,
            Reliability::MaxRetransmits(_) => ChannelType::REXMIT,
            Reliability::MaxPacketLifeTime(_) => ChannelType::TIMED,
        };
        ChannelType(if self.ordered { base } else { base | ChannelType::UNORDERED })
    }

    /// Reads what follows the message type.
    fn parse(mut reader: Reader<'a>) -> Result<Self, ParseError> {
        let channel_type = ChannelType(reader.u8()?);
        let priority = reader.u16()?;
        let parameter = reader.u32()?;
        let label_length = reader.u16()?;
        let protocol_length = reader.u16()?;
        let reliability = match ChannelType(channel_type.0 & !ChannelType::UNORDERED) {
            // The parameter of a reliable channel is ignored (RFC 8832 §5.1).
            ChannelType::RELIABLE => Reliability::Reliable,
            ChannelType::REXMIT => Reliability::MaxRetransmits(parameter),
            ChannelType::TIMED => Reliability::MaxPacketLifeTime(parameter),
            _ => return Err(ParseError::UnknownChannelType(channel_type)),
        };
        let label = text(reader.bytes(usize::from(label_length))?)?;
        let protocol = text(reader.bytes(usize::from(protocol_length))?)?;
        if !reader.is_empty() {
            return Err(ParseError::TrailingBytes(reader.remaining()));
        }
        let ordered = channel_type.0 & ChannelType::UNORDERED == 0;
        Ok(Self { ordered, reliability, priority, label, protocol })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let parameter = match self.reliability {
            Reliability::Reliable => 0,
            Reliability::MaxRetransmits(value) | Reliability::MaxPacketLifeTime(value) => value,
        };
        out.put_u8(MessageType::OPEN.0);
        out.put_u8(self.channel_type().0);
        out.put_u16(self.priority);
        out.put_u32(parameter);
        out.put_u16(u16::try_from(self.label.len()).unwrap_or(u16::MAX));
        out.put_u16(u16::try_from(self.protocol.len()).unwrap_or(u16::MAX));
        out.put_slice(self.label.as_bytes());
        out.put_slice(self.protocol.as_bytes());
    }
}

/// A DCEP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// A channel with these properties is wanted on the stream that this came on.
    Open(Open<'a>),
    /// The channel is agreed (RFC 8832 §5.2): one byte.
    Ack,
}

impl<'a> Message<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// [`ParseError`] tells which rule it breaks.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        match MessageType(reader.u8()?) {
            MessageType::OPEN => Open::parse(reader).map(Self::Open),
            MessageType::ACK if reader.is_empty() => Ok(Self::Ack),
            MessageType::ACK => Err(ParseError::TrailingBytes(reader.remaining())),
            unknown => Err(ParseError::UnknownMessage(unknown)),
        }
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Open(open) => open.encode(out),
            Self::Ack => out.put_u8(MessageType::ACK.0),
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(bytes).map_err(|_| ParseError::InvalidUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A Chromium OPEN: label "chat", protocol "v1", unordered, at most 3 retransmissions.
    const OPEN: [u8; 18] = [
        0x03, // DATA_CHANNEL_OPEN
        0x81, // partially reliable by retransmissions, unordered
        0x01, 0x00, // priority 256
        0, 0, 0, 3, // retransmissions
        0, 4, // label length
        0, 2, // protocol length
        b'c', b'h', b'a', b't', b'v', b'1',
    ];

    fn sample() -> Open<'static> {
        Open {
            ordered: false,
            reliability: Reliability::MaxRetransmits(3),
            priority: 256,
            label: "chat",
            protocol: "v1",
        }
    }

    #[test]
    fn known_bytes_become_a_value_and_the_value_these_bytes() {
        assert_eq!(Message::parse(&OPEN), Ok(Message::Open(sample())));
        let mut out = Vec::new();
        Message::Open(sample()).encode(&mut out);
        assert_eq!(out, OPEN);
        assert_eq!(Message::parse(&[0x02]), Ok(Message::Ack));
    }

    #[test]
    fn every_truncation_and_every_trailing_byte_is_an_error() {
        for end in 0..OPEN.len() {
            assert!(Message::parse(&OPEN[..end]).is_err(), "{end}");
        }
        let longer = [&OPEN[..], &[0]].concat();
        assert_eq!(Message::parse(&longer), Err(ParseError::TrailingBytes(1)));
        assert_eq!(Message::parse(&[2, 0]), Err(ParseError::TrailingBytes(1)));
    }

    #[test]
    fn only_the_six_registered_channel_types_are_accepted() {
        for kind in 0..=u8::MAX {
            let mut bytes = OPEN;
            bytes[1] = kind;
            let known = ChannelType(kind).name().is_some();
            assert_eq!(Message::parse(&bytes).is_ok(), known, "{kind:#x}");
            if let Ok(Message::Open(open)) = Message::parse(&bytes) {
                assert_eq!(open.channel_type(), ChannelType(kind));
            }
        }
    }

    #[test]
    fn unknown_message_types_are_named() {
        for kind in (0..=u8::MAX).filter(|kind| ![2, 3].contains(kind)) {
            assert_eq!(Message::parse(&[kind, 0, 0]), Err(ParseError::UnknownMessage(MessageType(kind))));
        }
    }

    #[test]
    fn the_parameter_of_a_reliable_channel_is_ignored_and_sent_as_zero() {
        let mut bytes = OPEN;
        bytes[1] = 0;
        let Ok(Message::Open(open)) = Message::parse(&bytes) else { panic!("a reliable channel") };
        assert_eq!((open.ordered, open.reliability), (true, Reliability::Reliable));
        let mut out = Vec::new();
        Message::Open(open).encode(&mut out);
        assert_eq!(out[4..8], [0; 4]);
    }

    #[test]
    fn texts_of_65535_bytes_pass_and_of_65536_do_not() {
        let longest = "x".repeat(65_535);
        let open = Open::new(true, Reliability::Reliable, 0, &longest, &longest).unwrap();
        let mut out = Vec::new();
        Message::Open(open).encode(&mut out);
        assert_eq!(Message::parse(&out), Ok(Message::Open(open)));
        assert_eq!(out.len(), 131_082);
        let longer = "é".repeat(32_768);
        assert_eq!(Open::new(true, Reliability::Reliable, 0, &longer, ""), Err(TextTooLong));
        assert_eq!(Open::new(true, Reliability::Reliable, 0, "", &longer), Err(TextTooLong));
    }

    #[test]
    fn names_that_are_not_utf_8_are_an_error() {
        for at in [12, 16] {
            let mut bytes = OPEN;
            bytes[at] = 0xff;
            assert_eq!(Message::parse(&bytes), Err(ParseError::InvalidUtf8));
        }
    }

    fn reliability() -> impl Strategy<Value = Reliability> {
        prop_oneof![
            Just(Reliability::Reliable),
            any::<u32>().prop_map(Reliability::MaxRetransmits),
            any::<u32>().prop_map(Reliability::MaxPacketLifeTime),
        ]
    }

    proptest! {
        #[test]
        fn every_open_is_read_back(
            ordered: bool, reliability in reliability(), priority: u16, label: String, protocol: String,
        ) {
            let open = Open::new(ordered, reliability, priority, &label, &protocol).unwrap();
            let mut out = Vec::new();
            Message::Open(open).encode(&mut out);
            prop_assert_eq!(Message::parse(&out), Ok(Message::Open(open)));
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_what_is_read_is_written_back(mut bytes: Vec<u8>, open: bool) {
            if open && bytes.len() > 2 {
                bytes[0] = 3;
                bytes[1] &= 0x83;
            }
            if let Ok(message) = Message::parse(&bytes) {
                let mut out = Vec::new();
                message.encode(&mut out);
                prop_assert_eq!(Message::parse(&out), Ok(message));
            }
        }
    }
}
