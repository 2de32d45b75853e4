//! ACK (RFC 9147 §7): which records with handshake messages have arrived.
//!
//! ```text
//! +----------+----------------+---------------------+
//! | length 2 | epoch 8        | sequence_number 8   |  .. 16 bytes a record, in increasing order
//! +----------+----------------+---------------------+
//! ```
//! An empty list says only "I am here, and I miss something".

use plywood_octets::{Put, Reader};

use crate::error::ParseError;
use crate::records::RecordNumber;

/// Bytes of one record number.
pub const ENTRY_LENGTH: usize = 16;

/// The record numbers of an ACK, where they stand.
#[derive(Debug, Clone, Copy)]
pub struct Ack<'a> {
    entries: &'a [u8],
}

impl<'a> Ack<'a> {
    /// Reads the content of an ACK record.
    ///
    /// # Errors
    /// A [`ParseError`] if it is not a whole list of whole numbers.
    pub fn parse(content: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(content);
        let entries = reader.u16_prefixed()?.rest();
        ParseError::require_end(&reader)?;
        if entries.len().is_multiple_of(ENTRY_LENGTH) {
            Ok(Self { entries })
        } else {
            Err(ParseError::InvalidLength { length: entries.len() })
        }
    }

    /// The numbers, in the order in which they stand there.
    pub fn numbers(&self) -> impl Iterator<Item = RecordNumber> {
        let (entries, _) = self.entries.as_chunks::<ENTRY_LENGTH>();
        entries.iter().map(|entry| {
            let whole = u128::from_be_bytes(*entry);
            // Both halves have 64 bits.
            #[expect(clippy::cast_possible_truncation, reason = "each is one half of the number")]
            RecordNumber { epoch: (whole >> 64) as u64, sequence: whole as u64 }
        })
    }

    /// Appends the content of an ACK record; at most 4095 numbers fit.
    pub fn encode(numbers: &[RecordNumber], out: &mut Vec<u8>) {
        let length = out.begin_u16_length();
        for number in numbers.iter().take(usize::from(u16::MAX) / ENTRY_LENGTH) {
            out.put_u64(number.epoch);
            out.put_u64(number.sequence);
        }
        length.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_an_epoch_and_a_sequence_number() {
        let bytes = [
            0, 16, // one number
            0, 0, 0, 0, 0, 0, 0, 2, // epoch
            0, 0, 0, 0, 0, 0, 1, 0, // sequence number
        ];
        let numbers: Vec<_> = Ack::parse(&bytes).unwrap().numbers().collect();
        assert_eq!(numbers, [RecordNumber { epoch: 2, sequence: 256 }]);
        let mut out = Vec::new();
        Ack::encode(&numbers, &mut out);
        assert_eq!(out, bytes);
        for end in 0..bytes.len() {
            assert!(Ack::parse(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn half_a_number_and_trailing_bytes_are_errors() {
        assert_eq!(Ack::parse(&[0, 1, 0]).map(drop), Err(ParseError::InvalidLength { length: 1 }));
        assert_eq!(Ack::parse(&[0, 0, 0]).map(drop), Err(ParseError::TrailingBytes { count: 1 }));
        assert_eq!(Ack::parse(&[0, 0]).map(|ack| ack.numbers().count()), Ok(0));
    }

    proptest! {
        #[test]
        fn lists_round_trip(numbers in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..50)) {
            let numbers: Vec<_> =
                numbers.into_iter().map(|(epoch, sequence)| RecordNumber { epoch, sequence }).collect();
            let mut out = Vec::new();
            Ack::encode(&numbers, &mut out);
            prop_assert_eq!(Ack::parse(&out).unwrap().numbers().collect::<Vec<_>>(), numbers);
        }
    }
}
