//! Record headers (RFC 6347 §4.1, RFC 9147 §4).
//!
//! Problem: a datagram may hold several records, and each must say how long it is and under which keys it
//! was sealed, for datagrams come in any order.
//! How: two headers. The first byte tells them apart:
//!
//! ```text
//!   20..=26   the 13-byte header: all of 1.2, and what 1.3 sends in plaintext
//!   001CSLEE  the unified header: 1.3 after the key change
//! ```

use plywood_octets::{Put, Reader};

use crate::error::ParseError;

registry! {
    /// What a record carries (RFC 5246 §6.2.1).
    ContentType(u8, "4") {
        /// Takes the new keys into use; one byte, no handshake message.
        CHANGE_CIPHER_SPEC = 20,
        /// Level and description.
        ALERT = 21,
        /// Fragments of handshake messages.
        HANDSHAKE = 22,
        /// What the layer above sends.
        APPLICATION_DATA = 23,
        /// RFC 9146 §3: a record with a connection id.
        TLS12_CID = 25,
        /// RFC 9147 §7: record numbers that arrived (1.3).
        ACK = 26,
    }
}

registry! {
    /// A version, one's complement of the TLS number it stands for: newer is smaller.
    ProtocolVersion(u16, "6") {
        /// Only in the record header of a first ClientHello, where every peer takes it.
        DTLS_1_0 = 0xfeff,
        /// RFC 6347.
        DTLS_1_2 = 0xfefd,
        /// RFC 9147; in `supported_versions` only, never in a header.
        DTLS_1_3 = 0xfefc,
    }
}

/// The most plaintext that one record may hold (RFC 5246 §6.2.1).
pub const MAX_PLAINTEXT: usize = 1 << 14;
/// The most that protection may add to it in 1.2 (RFC 5246 §6.2.3).
pub const MAX_EXPANSION: usize = 2048;

/// The header of a record in the clear, and of every record of 1.2.
///
/// ```text
///  0               1               2               3
/// +---------------+---------------+---------------+---------------+
/// |     type      |            version            |     epoch ..  |
/// +---------------+---------------+---------------+---------------+
/// | .. epoch      |           sequence_number (48 bits) ..        |
/// +---------------+---------------+---------------+---------------+
/// |                      .. sequence_number       |   length ..   |
/// +---------------+-----------------------------------------------+
/// | .. length     |  length bytes of fragment
/// +---------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaintextHeader {
    /// What the record carries.
    pub content_type: ContentType,
    /// 1.2, or 1.0 on a first ClientHello.
    pub version: ProtocolVersion,
    /// Counts key changes.
    pub epoch: u16,
    /// Counts records of the epoch; 48 bits.
    pub sequence: u64,
    /// Bytes behind the header.
    pub length: u16,
}

impl PlaintextHeader {
    /// Bytes of the header.
    pub const LENGTH: usize = 13;

    /// Reads the header; what follows it is not looked at.
    ///
    /// # Errors
    /// [`ParseError::Truncated`].
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        Ok(Self {
            content_type: ContentType(reader.u8()?),
            version: ProtocolVersion(reader.u16()?),
            epoch: reader.u16()?,
            sequence: reader.u48()?,
            length: reader.u16()?,
        })
    }

    /// The header as it stands in front of the record.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let [_, _, s0, s1, s2, s3, s4, s5] = self.sequence.to_be_bytes();
        let ([v0, v1], [e0, e1]) = (self.version.0.to_be_bytes(), self.epoch.to_be_bytes());
        let [l0, l1] = self.length.to_be_bytes();
        [self.content_type.0, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5, l0, l1]
    }
}

/// The header of a protected record of 1.3 (RFC 9147 §4).
///
/// ```text
///  0 1 2 3 4 5 6 7
/// +-+-+-+-+-+-+-+-+
/// |0|0|1|C|S|L|E E|   C: connection id follows; S: 16-bit sequence number (else 8); L: length follows;
/// +-+-+-+-+-+-+-+-+   EE: low bits of the epoch
/// | connection id |   as long as was negotiated
/// +---------------+
/// | 8 or 16 bits of the sequence number, encrypted
/// +---------------+
/// | 16-bit length |   absent: the record reaches to the end of the datagram
/// +---------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnifiedHeader<'a> {
    /// Low two bits of the epoch.
    pub epoch_bits: u8,
    /// The connection id, if there is one.
    pub connection_id: Option<&'a [u8]>,
    /// The sequence number as it stands there, that is encrypted.
    pub sequence_bits: u16,
    /// Whether the sequence number has 16 bits.
    pub long_sequence: bool,
    /// Bytes behind the header; `None`: to the end of the datagram.
    pub length: Option<u16>,
    /// Bytes of the header.
    pub header_length: usize,
}

impl<'a> UnifiedHeader<'a> {
    /// Whether a record that starts with `first` has a unified header.
    #[must_use]
    pub fn is_unified(first: u8) -> bool {
        first >> 5 == 0b001
    }

    /// Reads the header; `connection_id_length` is what was negotiated.
    ///
    /// # Errors
    /// [`ParseError::Truncated`], or [`ParseError::InvalidValue`] if the fixed bits are others.
    pub fn parse(bytes: &'a [u8], connection_id_length: usize) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8()?;
        if !Self::is_unified(first) {
            return Err(ParseError::InvalidValue(u32::from(first)));
        }
        let connection_id = if first & 0x10 == 0 { None } else { Some(reader.bytes(connection_id_length)?) };
        let long_sequence = first & 0x08 != 0;
        let sequence_bits = if long_sequence { reader.u16()? } else { u16::from(reader.u8()?) };
        let length = if first & 0x04 == 0 { None } else { Some(reader.u16()?) };
        Ok(Self {
            epoch_bits: first & 0x03,
            connection_id,
            sequence_bits,
            long_sequence,
            length,
            header_length: bytes.len() - reader.remaining(),
        })
    }

    /// Appends the header. `header_length` is not looked at.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let first = 0x20
            | flag(self.connection_id.is_some(), 0x10)
            | flag(self.long_sequence, 0x08)
            | flag(self.length.is_some(), 0x04)
            | (self.epoch_bits & 0x03);
        out.put_u8(first);
        out.put_slice(self.connection_id.unwrap_or_default());
        let [high, low] = self.sequence_bits.to_be_bytes();
        if self.long_sequence {
            out.put_u8(high);
        }
        out.put_u8(low);
        if let Some(length) = self.length {
            out.put_u16(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_fields_of_a_plaintext_header_stand_in_order() {
        let bytes = [
            22, // handshake
            0xfe, 0xff, // version 1.0, as browsers send it first
            0, 1, // epoch
            0, 0, 0, 0, 0, 7, // sequence number
            0x04, 0x0c, // length
        ];
        let header = PlaintextHeader::parse(&bytes).unwrap();
        assert_eq!(header.content_type, ContentType::HANDSHAKE);
        assert_eq!(header.version, ProtocolVersion::DTLS_1_0);
        assert_eq!((header.epoch, header.sequence, header.length), (1, 7, 1036));
        assert_eq!(header.encode(), bytes);
        for end in 0..bytes.len() {
            assert!(PlaintextHeader::parse(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn the_unified_header_of_browsers_is_read() {
        let header = UnifiedHeader::parse(&[0x2e, 0x12, 0x34, 0x00, 0x20, 0xff], 0).unwrap();
        assert_eq!((header.epoch_bits, header.sequence_bits, header.length), (2, 0x1234, Some(32)));
        assert_eq!(header.header_length, 5);
    }

    proptest! {
        #[test]
        fn a_unified_header_round_trips(epoch_bits in 0u8..4, sequence: u16, long: bool, length: Option<u16>,
                                        id in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20))) {
            let sequence_bits = if long { sequence } else { sequence & 0xff };
            let id_length = id.as_ref().map_or(0, Vec::len);
            let mut header = UnifiedHeader {
                epoch_bits, connection_id: id.as_deref(), sequence_bits, long_sequence: long, length, header_length: 0,
            };
            let mut out = Vec::new();
            header.encode(&mut out);
            header.header_length = out.len();
            prop_assert_eq!(UnifiedHeader::parse(&out, id_length), Ok(header));
            for end in 0..out.len() {
                prop_assert!(UnifiedHeader::parse(&out[..end], id_length).is_err());
            }
        }
    }
}
