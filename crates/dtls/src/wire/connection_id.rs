//! Connection ids on the wire (RFC 9146 §3, §4; RFC 9147 §9).
//!
//! ```text
//! extension             id length 1 | id ..                         "write this to me"; empty: "I can write yours"
//! tls12_cid header      25 | version 2 | epoch 2 | sequence 6 | id .. | length 2
//! NewConnectionId       ids length 2 | id length 1 | id .. | ..     | usage 1
//! RequestConnectionId   how many 1
//! ```
//! No length stands in a record: who gave an id out knows how long it is.

use std::fmt;

use plywood_octets::{Put, Reader};

use super::extension::{Extension, ExtensionType, Extensions};
use super::record::{ContentType, ProtocolVersion, UnifiedHeader};
use crate::error::ParseError;

/// What a receiver knows a connection by when the address has changed: up to 255 bytes of its own choice.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ConnectionId(Box<[u8]>);

impl ConnectionId {
    /// The most bytes that an id can have.
    pub const MAX_LENGTH: usize = 255;

    /// `None` for more than [`ConnectionId::MAX_LENGTH`] bytes. An empty id asks for none in this direction.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= Self::MAX_LENGTH).then(|| Self(bytes.into()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the id that asks for none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self(reader.u8_prefixed()?.rest().into()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let length = out.begin_u8_length();
        out.put_slice(&self.0);
        length.finish(out);
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionId(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl Extension {
    /// `connection_id`: what the sender wants to be written to it.
    #[must_use]
    pub fn connection_id(id: &ConnectionId) -> Self {
        Self::new(ExtensionType::CONNECTION_ID, |out| id.encode(out))
    }
}

impl Extensions {
    /// `connection_id`, if it is there.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged.
    pub fn connection_id(&self) -> Result<Option<ConnectionId>, ParseError> {
        let Some(data) = self.find(ExtensionType::CONNECTION_ID) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let id = ConnectionId::parse(&mut reader)?;
        ParseError::require_end(&reader)?;
        Ok(Some(id))
    }
}

/// The header of a protected record of 1.2 with a connection id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tls12CidHeader<'a> {
    /// As in every record.
    pub version: ProtocolVersion,
    /// Counts key changes.
    pub epoch: u16,
    /// Counts records of the epoch; 48 bits.
    pub sequence: u64,
    /// The receiver's id.
    pub id: &'a [u8],
    /// Bytes behind the header.
    pub length: u16,
}

impl<'a> Tls12CidHeader<'a> {
    /// Bytes of the header without the id.
    pub const LENGTH: usize = 13;

    /// Reads the header; `id_length` is what the receiver gave out.
    ///
    /// # Errors
    /// [`ParseError::Truncated`], or [`ParseError::InvalidValue`] for another content type.
    pub fn parse(bytes: &'a [u8], id_length: usize) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let content_type = ContentType(reader.u8()?);
        if content_type != ContentType::TLS12_CID {
            return Err(ParseError::InvalidValue(u32::from(content_type.0)));
        }
        Ok(Self {
            version: ProtocolVersion(reader.u16()?),
            epoch: reader.u16()?,
            sequence: reader.u48()?,
            id: reader.bytes(id_length)?,
            length: reader.u16()?,
        })
    }

    /// Writes the header into `out`, which must have room for exactly that: [`Self::LENGTH`] and the id. With
    /// another room nothing is written.
    pub fn encode(&self, out: &mut [u8]) {
        let [_, _, s0, s1, s2, s3, s4, s5] = self.sequence.to_be_bytes();
        let ([v0, v1], [e0, e1]) = (self.version.0.to_be_bytes(), self.epoch.to_be_bytes());
        if out.len() != Self::LENGTH + self.id.len() {
            return;
        }
        let (front, rest) = out.split_at_mut(11);
        front.copy_from_slice(&[ContentType::TLS12_CID.0, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5]);
        let (id, length) = rest.split_at_mut(self.id.len());
        id.copy_from_slice(self.id);
        length.copy_from_slice(&self.length.to_be_bytes());
    }
}

/// The id at the head of a datagram, for a receiver that gives out ids of one length. `None`: the first record
/// carries none, so that only the address tells whose it is.
#[must_use]
pub fn of_datagram(datagram: &[u8], id_length: usize) -> Option<&[u8]> {
    if UnifiedHeader::is_unified(*datagram.first()?) {
        return UnifiedHeader::parse(datagram, id_length).ok()?.connection_id;
    }
    Tls12CidHeader::parse(datagram, id_length).ok().map(|header| header.id)
}

/// NewConnectionId: more ids of the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConnectionId {
    /// In the order in which they should be used.
    pub ids: Vec<ConnectionId>,
    /// Whether one of them is to be used from now on; else they are spare.
    pub immediate: bool,
}

impl NewConnectionId {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// A [`ParseError`] for what is cut short or left over, and for a usage that is neither 0 nor 1.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let mut list = reader.u16_prefixed()?;
        let immediate = match reader.u8()? {
            0 => true,
            1 => false,
            other => return Err(ParseError::InvalidValue(u32::from(other))),
        };
        ParseError::require_end(&reader)?;
        let mut ids = Vec::new();
        while !list.is_empty() {
            ids.push(ConnectionId::parse(&mut list)?);
        }
        Ok(Self { ids, immediate })
    }

    /// Appends the body of the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let list = out.begin_u16_length();
        self.ids.iter().for_each(|id| id.encode(out));
        list.finish(out);
        out.put_u8(u8::from(!self.immediate));
    }
}

/// RequestConnectionId: "give me that many of yours".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestConnectionId {
    /// How many are wanted.
    pub count: u8,
}

impl RequestConnectionId {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// A [`ParseError`] unless it is one byte.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let count = reader.u8()?;
        ParseError::require_end(&reader)?;
        Ok(Self { count })
    }

    /// The body of the message.
    #[must_use]
    pub fn encode(self) -> [u8; 1] {
        [self.count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(bytes: &[u8]) -> ConnectionId {
        ConnectionId::new(bytes).expect("short")
    }

    #[test]
    fn an_id_stands_behind_its_length() {
        let extension = Extension::connection_id(&id(&[7, 8]));
        assert_eq!(extension.data, [2, 7, 8]);
        let mut extensions = Extensions::new();
        assert_eq!(extensions.connection_id(), Ok(None));
        extensions.push(extension);
        assert_eq!(extensions.connection_id(), Ok(Some(id(&[7, 8]))));
        for damaged in [&[][..], &[1], &[1, 2, 3]] {
            extensions
                .push(Extension { extension_type: ExtensionType::CONNECTION_ID, data: damaged.to_vec() });
            assert!(extensions.connection_id().is_err(), "{damaged:?}");
        }
        assert_eq!(ConnectionId::new(&[0; 256]), None);
    }

    #[test]
    fn the_id_stands_between_number_and_length() {
        let bytes = [
            25, // tls12_cid
            0xfe, 0xfd, // version
            0, 1, // epoch
            0, 0, 0, 0, 0, 9, // sequence number
            0xaa, 0xbb, // the id
            0, 30, // length
        ];
        let header = Tls12CidHeader::parse(&bytes, 2).unwrap();
        assert_eq!((header.epoch, header.sequence, header.length), (1, 9, 30));
        assert_eq!(header.id, [0xaa, 0xbb]);
        let mut out = [0; 15];
        header.encode(&mut out);
        assert_eq!(out, bytes);
        for end in 0..bytes.len() {
            assert!(Tls12CidHeader::parse(&bytes[..end], 2).is_err());
        }
        assert_eq!(of_datagram(&bytes, 2), Some(&[0xaa, 0xbb][..]));
        assert_eq!(of_datagram(&[0x3c, 5, 6, 0, 1, 0, 9], 2), Some(&[5, 6][..]), "unified, with the C bit");
        assert_eq!(of_datagram(&[0x2c, 5, 6, 0, 1], 2), None, "unified, without");
        assert_eq!(of_datagram(&[22, 0xfe, 0xfd], 2), None);
        assert_eq!(of_datagram(&[], 2), None);
    }

    #[test]
    fn new_ids_are_listed_with_their_usage() {
        let bytes = [0, 5, 2, 1, 2, 1, 3, 1];
        let new = NewConnectionId::parse(&bytes).unwrap();
        assert_eq!(new, NewConnectionId { ids: vec![id(&[1, 2]), id(&[3])], immediate: false });
        let mut out = Vec::new();
        new.encode(&mut out);
        assert_eq!(out, bytes);
        for end in 0..bytes.len() {
            assert!(NewConnectionId::parse(&bytes[..end]).is_err());
        }
        assert_eq!(NewConnectionId::parse(&[0, 0, 2]), Err(ParseError::InvalidValue(2)));
        assert_eq!(RequestConnectionId::parse(&[4]), Ok(RequestConnectionId { count: 4 }));
        assert!(RequestConnectionId::parse(&[]).is_err() && RequestConnectionId::parse(&[1, 2]).is_err());
    }
}
