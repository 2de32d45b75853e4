//! A received message, read in place.
//!
//! Problem: most datagrams on the port are not STUN, some that are were forged, and each must be judged
//! without copying it and without ever reading past its end.
//! How: one walk over the attributes checks every length, finds the integrity attributes and compares the
//! FINGERPRINT; what the integrity does not cover is hidden from the reader.
//! ```text
//!  | USERNAME | PRIORITY | MESSAGE-INTEGRITY | anything | -SHA256 | anything | FINGERPRINT | end
//!  |<---- attributes() ----------------------|  hidden  |   seen  |  hidden  |    seen     |
//! ```
//! More: RFC 8489 §6.3 (receiving), §14.5-14.7; docs/stun.md, "Reading".

use std::net::SocketAddr;

use plywood_octets::Reader;

use super::address::decode_xor;
use super::attribute::{AttributeType, ErrorCode};
use super::header::{Class, HEADER_LEN, MAGIC_COOKIE, Method, TransactionId, split_message_type};
use crate::{AttributeError, IntegrityError, IntegrityKey, ParseError};

/// A STUN message that borrows the datagram it came in (RFC 8489 §5).
/// ```text
///   0                   1                   2                   3
///   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///  |0 0|   class and method        |   length without this header  |
///  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///  |                   magic cookie 0x2112A442                     |
///  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///  |                                                               |
///  |                   transaction id, 96 bits                     |
///  |                                                               |
///  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///  |  attributes: type (16), length (16), value, padding to 4 ...
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MessageView<'a> {
    bytes: &'a [u8],
    class: Class,
    method: Method,
    transaction_id: TransactionId,
    integrity: Option<Placed<'a>>,
    integrity_sha256: Option<Placed<'a>>,
    has_fingerprint: bool,
}

/// An integrity attribute: where it begins and what it carries.
#[derive(Debug, Clone, Copy)]
struct Placed<'a> {
    offset: usize,
    value: &'a [u8],
}

/// One attribute, its value not yet interpreted and without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// The type.
    pub kind: AttributeType,
    /// The value.
    pub value: &'a [u8],
    /// Where in the message the attribute's four-byte head begins.
    pub offset: usize,
}

impl<'a> MessageView<'a> {
    /// Whether a datagram may be STUN at all, by its first byte (RFC 7983 §7: 0 to 3).
    #[must_use]
    pub fn is_likely_stun(datagram: &[u8]) -> bool {
        datagram.first().is_some_and(|first| *first < 4) && datagram.len() >= HEADER_LEN
    }

    /// Reads a whole datagram as one message (RFC 8489 §6.3). A FINGERPRINT, if there is one, must match.
    ///
    /// # Errors
    /// [`ParseError`] says which rule the bytes break; they are then to be dropped (RFC 8489 §6.3).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let short = |_| ParseError::Short { length: bytes.len() };
        let message_type = reader.u16().map_err(short)?;
        let declared = usize::from(reader.u16().map_err(short)?);
        let cookie = reader.u32().map_err(short)?;
        let transaction_id = TransactionId(reader.array().map_err(short)?);
        if message_type & 0xc000 != 0 {
            return Err(ParseError::NotStun { first_byte: message_type.to_be_bytes()[0] });
        }
        if cookie != MAGIC_COOKIE {
            return Err(ParseError::MagicCookie { found: cookie });
        }
        if declared % 4 != 0 || declared != reader.remaining() {
            return Err(ParseError::Length { declared, actual: reader.remaining() });
        }
        let (class, method) = split_message_type(message_type);
        let mut view = Self {
            bytes,
            class,
            method,
            transaction_id,
            integrity: None,
            integrity_sha256: None,
            has_fingerprint: false,
        };
        view.locate()?;
        Ok(view)
    }

    /// Walks all attributes once: lengths, integrity, fingerprint.
    fn locate(&mut self) -> Result<(), ParseError> {
        let mut offset = HEADER_LEN;
        while offset < self.bytes.len() {
            let attribute = read_attribute(self.bytes, offset)?;
            let RawAttribute { kind, value, .. } = attribute;
            if self.has_fingerprint {
                return Err(ParseError::AfterFingerprint { attribute: kind.0 });
            }
            let placed = Some(Placed { offset, value });
            match kind {
                // Behind MESSAGE-INTEGRITY-SHA256 only FINGERPRINT counts (RFC 8489 §14.6).
                AttributeType::MESSAGE_INTEGRITY
                    if self.integrity.is_none() && self.integrity_sha256.is_none() =>
                {
                    require(value.len() == 20, kind, value)?;
                    self.integrity = placed;
                }
                AttributeType::MESSAGE_INTEGRITY_SHA256 if self.integrity_sha256.is_none() => {
                    // Truncation is allowed down to 16 bytes, in steps of four (RFC 8489 §14.6).
                    require((16..=32).contains(&value.len()) && value.len() % 4 == 0, kind, value)?;
                    self.integrity_sha256 = placed;
                }
                AttributeType::FINGERPRINT => {
                    self.check_fingerprint(offset, value)?;
                    self.has_fingerprint = true;
                }
                _ => {}
            }
            offset = attribute.end();
        }
        Ok(())
    }

    /// CRC-32 of everything before the attribute, XOR 0x5354554E (RFC 8489 §14.7).
    fn check_fingerprint(&self, offset: usize, value: &[u8]) -> Result<(), ParseError> {
        let kind = AttributeType::FINGERPRINT;
        let bytes = <[u8; 4]>::try_from(value)
            .map_err(|_| ParseError::IntegrityLength { attribute: kind.0, length: value.len() })?;
        let carried = u32::from_be_bytes(bytes);
        let computed = fingerprint(self.bytes.get(..offset).unwrap_or_default());
        if carried == computed { Ok(()) } else { Err(ParseError::Fingerprint { carried, computed }) }
    }

    /// Request, indication, success or error.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// What is asked for.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The id that ties answer to request.
    #[must_use]
    pub fn transaction_id(&self) -> TransactionId {
        self.transaction_id
    }

    /// Whether it carries a FINGERPRINT; it was compared by [`parse`](Self::parse).
    #[must_use]
    pub fn has_fingerprint(&self) -> bool {
        self.has_fingerprint
    }

    /// Whether it carries MESSAGE-INTEGRITY or its SHA-256 form.
    #[must_use]
    pub fn has_integrity(&self) -> bool {
        self.integrity.is_some() || self.integrity_sha256.is_some()
    }

    /// Compares MESSAGE-INTEGRITY (HMAC-SHA1, RFC 8489 §14.5), in constant time.
    ///
    /// # Errors
    /// [`IntegrityError`]: the sender did not prove that it knows the key.
    pub fn verify(&self, key: &IntegrityKey) -> Result<(), IntegrityError> {
        let Placed { offset, value } = self.integrity.ok_or(IntegrityError::Missing)?;
        if key.verify_sha1(self.bytes, offset, value) { Ok(()) } else { Err(IntegrityError::Mismatch) }
    }

    /// Compares MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.6), in constant time.
    ///
    /// # Errors
    /// [`IntegrityError`]: the sender did not prove that it knows the key.
    pub fn verify_sha256(&self, key: &IntegrityKey) -> Result<(), IntegrityError> {
        let Placed { offset, value } = self.integrity_sha256.ok_or(IntegrityError::Missing)?;
        if key.verify_sha256(self.bytes, offset, value) { Ok(()) } else { Err(IntegrityError::Mismatch) }
    }

    /// The attributes that count, in order: those behind an integrity attribute are left out, except for
    /// MESSAGE-INTEGRITY-SHA256 and FINGERPRINT (RFC 8489 §14.5, §14.6).
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes {
            bytes: self.bytes,
            offset: HEADER_LEN,
            integrity_at: self.integrity.map(|placed| placed.offset),
            sha256_at: self.integrity_sha256.map(|placed| placed.offset),
        }
    }

    /// The first attribute of that type: only the first counts (RFC 8489 §14).
    #[must_use]
    pub fn attribute(&self, kind: AttributeType) -> Option<&'a [u8]> {
        self.attributes().find(|attribute| attribute.kind == kind).map(|attribute| attribute.value)
    }

    /// The comprehension-required attributes that are not in `known`: with any of them a request is
    /// refused by error 420, a response is a failure, an indication is dropped (RFC 8489 §6.3.1-6.3.4).
    pub fn unknown_required(&self, known: &'a [AttributeType]) -> impl Iterator<Item = AttributeType> + 'a {
        self.attributes()
            .map(|attribute| attribute.kind)
            .filter(move |kind| kind.is_comprehension_required() && !known.contains(kind))
    }

    /// USERNAME, if present and UTF-8 (RFC 8489 §14.3).
    #[must_use]
    pub fn username(&self) -> Option<&'a str> {
        self.attribute(AttributeType::USERNAME).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    ///
    /// # Errors
    /// [`AttributeError`] if the value is malformed.
    pub fn xor_mapped_address(&self) -> Result<Option<SocketAddr>, AttributeError> {
        let value = self.attribute(AttributeType::XOR_MAPPED_ADDRESS);
        value.map(|value| decode_xor(value, self.transaction_id)).transpose()
    }

    /// ERROR-CODE (RFC 8489 §14.8).
    ///
    /// # Errors
    /// [`AttributeError`] if the value is malformed.
    pub fn error_code(&self) -> Result<Option<ErrorCode<'a>>, AttributeError> {
        self.attribute(AttributeType::ERROR_CODE).map(ErrorCode::parse).transpose()
    }
}

/// Iterates over the attributes that count; made by [`MessageView::attributes`].
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    bytes: &'a [u8],
    offset: usize,
    integrity_at: Option<usize>,
    sha256_at: Option<usize>,
}

impl Attributes<'_> {
    /// Whether the receiver may look at it (RFC 8489 §14.5, §14.6).
    fn counts(&self, attribute: &RawAttribute<'_>) -> bool {
        let behind = |at: Option<usize>| at.is_some_and(|at| attribute.offset > at);
        match attribute.kind {
            AttributeType::FINGERPRINT => true,
            AttributeType::MESSAGE_INTEGRITY_SHA256 => !behind(self.sha256_at),
            _ => !behind(self.integrity_at) && !behind(self.sha256_at),
        }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = RawAttribute<'a>;

    fn next(&mut self) -> Option<RawAttribute<'a>> {
        while self.offset < self.bytes.len() {
            let attribute = read_attribute(self.bytes, self.offset).ok()?;
            self.offset = attribute.end();
            if self.counts(&attribute) {
                return Some(attribute);
            }
        }
        None
    }
}

impl<'a> RawAttribute<'a> {
    /// Where the next attribute begins, behind the padding.
    fn end(&self) -> usize {
        self.offset + 4 + self.value.len().next_multiple_of(4)
    }

    /// The value as a 32-bit number, as PRIORITY has it.
    ///
    /// # Errors
    /// [`AttributeError::Length`] unless it is four bytes.
    pub fn u32(&self) -> Result<u32, AttributeError> {
        let wrong = AttributeError::Length { length: self.value.len() };
        self.value.try_into().map(u32::from_be_bytes).map_err(|_| wrong)
    }

    /// The value as a 64-bit number, as ICE-CONTROLLING has it.
    ///
    /// # Errors
    /// [`AttributeError::Length`] unless it is eight bytes.
    pub fn u64(&self) -> Result<u64, AttributeError> {
        let wrong = AttributeError::Length { length: self.value.len() };
        self.value.try_into().map(u64::from_be_bytes).map_err(|_| wrong)
    }
}

/// The attribute whose head begins at `offset`. Its value and padding lie inside the message.
fn read_attribute(bytes: &[u8], offset: usize) -> Result<RawAttribute<'_>, ParseError> {
    let rest = bytes.get(offset..).unwrap_or_default();
    let Some((head, body)) = rest.split_first_chunk::<4>() else {
        return Err(ParseError::AttributeOverrun { offset, length: 0 });
    };
    let kind = AttributeType(u16::from_be_bytes([head[0], head[1]]));
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let overrun = ParseError::AttributeOverrun { offset, length };
    if body.len() < length.next_multiple_of(4) {
        return Err(overrun);
    }
    let value = body.get(..length).ok_or(overrun)?;
    Ok(RawAttribute { kind, value, offset })
}

fn require(holds: bool, kind: AttributeType, value: &[u8]) -> Result<(), ParseError> {
    let wrong = ParseError::IntegrityLength { attribute: kind.0, length: value.len() };
    if holds { Ok(()) } else { Err(wrong) }
}

/// FINGERPRINT over `covered`. The length field already counts the attribute (RFC 8489 §14.7).
pub(crate) fn fingerprint(covered: &[u8]) -> u32 {
    crc32fast::hash(covered) ^ 0x5354_554e
}
