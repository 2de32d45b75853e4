//! ChannelData (RFC 8656 §12.4): four bytes before the data.

use crate::error::{ParseError, TooLong};
use plywood_octets::{Put, Reader};

/// A number bound to a peer: 0x4000 to 0x4fff (RFC 8656 §12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelNumber(u16);

impl ChannelNumber {
    /// The lowest.
    pub const FIRST: Self = Self(0x4000);
    /// The highest. RFC 5766 went on to 0x7fff; those first bytes belong to others now.
    pub const LAST: Self = Self(0x4fff);

    /// A channel number, if `number` is one.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (Self::FIRST.0..=Self::LAST.0).contains(&number).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// Reads the value of CHANNEL-NUMBER (RFC 8656 §18.1): the number and two bytes that do not count.
    ///
    /// # Errors
    /// [`ParseError`] if the length is wrong or the number is none.
    pub fn from_attribute(value: &[u8]) -> Result<Self, ParseError> {
        let &[high, low, _, _] = value else {
            return Err(ParseError::Length { expected: 4, found: value.len() });
        };
        let number = u16::from_be_bytes([high, low]);
        Self::new(number).ok_or(ParseError::ChannelNumber(number))
    }

    /// The value of CHANNEL-NUMBER.
    #[must_use]
    pub fn to_attribute(self) -> [u8; 4] {
        let [high, low] = self.0.to_be_bytes();
        [high, low, 0, 0]
    }
}

/// Data through a channel.
///
/// ```text
///  +-------------------------------+-------------------------------+
///  | channel number                | length of the data            |
///  +-------------------------------+-------------------------------+
///  | data .. over TCP and TLS then padding to a multiple of 4      |
///  +---------------------------------------------------------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelData<'a> {
    /// Stands for the peer.
    pub channel: ChannelNumber,
    /// What the peer sent or gets; may be empty.
    pub data: &'a [u8],
}

impl<'a> ChannelData<'a> {
    /// Bytes before the data.
    pub const HEADER_BYTES: usize = 4;

    /// Reads a datagram. Bytes behind the data are padding, which UDP may carry (RFC 8656 §12.5).
    ///
    /// # Errors
    /// [`ParseError`] if it is cut short or the number is none.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(datagram);
        let number = reader.u16()?;
        let channel = ChannelNumber::new(number).ok_or(ParseError::ChannelNumber(number))?;
        let data = reader.u16_prefixed()?.rest();
        Ok(Self { channel, data })
    }

    /// How many bytes the message at the front of a TCP or TLS stream has, padding included; `None` until its
    /// header is there.
    #[must_use]
    pub fn stream_length(bytes: &[u8]) -> Option<usize> {
        let length = bytes.get(2..4)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        Some((Self::HEADER_BYTES + length).next_multiple_of(4))
    }
}

/// Room for the header of ChannelData, before data that is written in place.
#[derive(Debug)]
#[must_use = "an unfinished header says that there is no data"]
pub struct ChannelDataMark {
    start: usize,
}

/// Appends the header of ChannelData. Append the data, then call [`ChannelDataMark::finish`].
pub fn begin_channel_data(channel: ChannelNumber, out: &mut Vec<u8>) -> ChannelDataMark {
    let start = out.len();
    out.put_u16(channel.0);
    out.put_u16(0);
    ChannelDataMark { start }
}

impl ChannelDataMark {
    /// Where the header begins: cut `out` back to here to give it up.
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }

    /// Fills in the length of what was appended since. Over UDP nothing else is needed.
    ///
    /// # Errors
    /// [`TooLong`] over 65535 bytes.
    pub fn finish(self, out: &mut [u8]) -> Result<(), TooLong> {
        let data = out.len().saturating_sub(self.start + ChannelData::HEADER_BYTES);
        let length = u16::try_from(data).map_err(|_| TooLong(data))?;
        if let Some(field) = out.get_mut(self.start + 2..self.start + 4) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }

    /// As [`finish`](Self::finish), with the padding that TCP and TLS need (RFC 8656 §12.5).
    ///
    /// # Errors
    /// [`TooLong`] over 65535 bytes.
    pub fn finish_in_stream(self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let start = self.start;
        self.finish(out)?;
        let padded = (out.len() - start).next_multiple_of(4);
        out.resize(start + padded, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_bytes_become_a_value_and_the_value_these_bytes() {
        let bytes = [
            0x40, 0x01, // channel
            0x00, 0x03, // length
            b'p', b'l', b'y', 0, // data, one byte of padding
        ];
        let channel = ChannelNumber::new(0x4001).unwrap();
        assert_eq!(ChannelData::parse(&bytes), Ok(ChannelData { channel, data: b"ply" }));
        assert_eq!(ChannelData::stream_length(&bytes), Some(8));
        let mut out = vec![9];
        let mark = begin_channel_data(channel, &mut out);
        out.extend_from_slice(b"ply");
        mark.finish_in_stream(&mut out).unwrap();
        assert_eq!(out[1..], bytes);
        for end in 0..7 {
            assert!(ChannelData::parse(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn only_numbers_from_0x4000_to_0x4fff_are_channels() {
        for number in [0, 0x3fff, 0x5000, 0x7fff, 0xffff] {
            assert_eq!(ChannelNumber::new(number), None);
            let [high, low] = number.to_be_bytes();
            assert_eq!(ChannelData::parse(&[high, low, 0, 0]), Err(ParseError::ChannelNumber(number)));
            assert_eq!(
                ChannelNumber::from_attribute(&[high, low, 0, 0]),
                Err(ParseError::ChannelNumber(number))
            );
        }
        assert_eq!(
            ChannelNumber::from_attribute(&ChannelNumber::LAST.to_attribute()),
            Ok(ChannelNumber::LAST)
        );
        assert!(ChannelNumber::from_attribute(&[0x40, 0]).is_err());
    }

    #[test]
    fn data_longer_than_its_length_field_is_an_error() {
        let mut out = Vec::new();
        let mark = begin_channel_data(ChannelNumber::FIRST, &mut out);
        out.resize(4 + 65_536, 0);
        assert_eq!(mark.finish(&mut out), Err(TooLong(65_536)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in 0x4000u16..=0x4fff, data: Vec<u8>, in_stream: bool) {
            let channel = ChannelNumber::new(number).unwrap();
            let mut out = Vec::new();
            let mark = begin_channel_data(channel, &mut out);
            out.extend_from_slice(&data);
            let done = if in_stream { mark.finish_in_stream(&mut out) } else { mark.finish(&mut out) };
            prop_assert!(done.is_ok());
            prop_assert_eq!(ChannelData::parse(&out), Ok(ChannelData { channel, data: &data }));
            prop_assert_eq!(out.len() % 4 == 0, in_stream || data.len() % 4 == 0);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            if let Ok(read) = ChannelData::parse(&bytes) {
                prop_assert!(read.data.len() + 4 <= bytes.len());
            }
            let _ = ChannelData::stream_length(&bytes);
        }
    }
}
