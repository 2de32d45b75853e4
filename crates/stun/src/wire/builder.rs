//! Writing a message behind what a buffer already holds.
//!
//! How: attributes are appended one by one and the header's length follows each, so the message is
//! well-formed after every call. The first mistake is remembered and [`MessageBuilder::finish`] reports
//! it, with the buffer cut back to where it was.

use std::net::SocketAddr;

use plywood_octets::Put;

use super::address::encode_xor;
use super::attribute::{AttributeType, ErrorCode};
use super::header::{Class, HEADER_LEN, MAGIC_COOKIE, Method, TransactionId, message_type};
use super::message::fingerprint;
use crate::{BuildError, IntegrityKey};

/// Appends one message to a buffer; see the crate's example.
#[derive(Debug)]
#[must_use = "finish() reports whether the message was written"]
pub struct MessageBuilder<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    transaction_id: TransactionId,
    sealed: Sealed,
    error: Option<BuildError>,
}

/// What may still be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sealed {
    Open,
    Integrity,
    IntegritySha256,
    Fingerprint,
}

impl<'o> MessageBuilder<'o> {
    /// Begins a message behind what `out` holds.
    pub fn new(out: &'o mut Vec<u8>, class: Class, method: Method, transaction_id: TransactionId) -> Self {
        let start = out.len();
        out.put_u16(message_type(class, method));
        out.put_u16(0);
        out.put_u32(MAGIC_COOKIE);
        out.put_slice(&transaction_id.0);
        Self { out, start, transaction_id, sealed: Sealed::Open, error: None }
    }

    /// Any attribute by its bytes: USERNAME, SOFTWARE, REALM, NONCE, or one of another protocol.
    pub fn bytes(mut self, kind: AttributeType, value: &[u8]) -> Self {
        if self.may_add(kind, Sealed::Open, value.len()) {
            self.append(kind, &[value]);
        }
        self
    }

    /// An attribute that is present or not, such as USE-CANDIDATE.
    pub fn flag(self, kind: AttributeType) -> Self {
        self.bytes(kind, &[])
    }

    /// A 32-bit number, such as PRIORITY.
    pub fn u32(self, kind: AttributeType, value: u32) -> Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// A 64-bit number, such as ICE-CONTROLLING.
    pub fn u64(self, kind: AttributeType, value: u64) -> Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    pub fn xor_mapped_address(self, address: SocketAddr) -> Self {
        let (value, length) = encode_xor(address, self.transaction_id);
        self.bytes(AttributeType::XOR_MAPPED_ADDRESS, value.get(..length).unwrap_or_default())
    }

    /// ERROR-CODE (RFC 8489 §14.8).
    pub fn error_code(mut self, error: ErrorCode<'_>) -> Self {
        let [class, number] = error.class_and_number();
        if self.may_add(AttributeType::ERROR_CODE, Sealed::Open, 4 + error.reason().len()) {
            let head = [0, 0, class, number];
            self.append(AttributeType::ERROR_CODE, &[&head, error.reason().as_bytes()]);
        }
        self
    }

    /// UNKNOWN-ATTRIBUTES, beside error 420 (RFC 8489 §14.13).
    pub fn unknown_attributes(mut self, kinds: &[AttributeType]) -> Self {
        let kind = AttributeType::UNKNOWN_ATTRIBUTES;
        if self.may_add(kind, Sealed::Open, 2 * kinds.len()) {
            let length = 2 * kinds.len();
            self.head(kind, length);
            for kind in kinds {
                self.out.put_u16(kind.0);
            }
            self.tail(length);
        }
        self
    }

    /// MESSAGE-INTEGRITY (HMAC-SHA1, RFC 8489 §14.5) over everything so far.
    pub fn integrity(mut self, key: &IntegrityKey) -> Self {
        if self.may_add(AttributeType::MESSAGE_INTEGRITY, Sealed::Open, 20) {
            let message = self.out.get(self.start..).unwrap_or_default();
            let value = key.sha1(message, message.len());
            self.append(AttributeType::MESSAGE_INTEGRITY, &[&value]);
            self.sealed = Sealed::Integrity;
        }
        self
    }

    /// MESSAGE-INTEGRITY-SHA256, not truncated (RFC 8489 §14.6); may follow MESSAGE-INTEGRITY.
    pub fn integrity_sha256(mut self, key: &IntegrityKey) -> Self {
        if self.may_add(AttributeType::MESSAGE_INTEGRITY_SHA256, Sealed::Integrity, 32) {
            let message = self.out.get(self.start..).unwrap_or_default();
            let value = key.sha256(message, message.len(), 32);
            self.append(AttributeType::MESSAGE_INTEGRITY_SHA256, &[&value]);
            self.sealed = Sealed::IntegritySha256;
        }
        self
    }

    /// FINGERPRINT, always the last (RFC 8489 §14.7).
    pub fn fingerprint(mut self) -> Self {
        if self.may_add(AttributeType::FINGERPRINT, Sealed::IntegritySha256, 4) {
            // The CRC covers the header with its final length, so the room comes first.
            self.append(AttributeType::FINGERPRINT, &[&[0; 4]]);
            let end = self.out.len();
            let covered = self.out.get(self.start..end - 8).unwrap_or_default();
            let value = fingerprint(covered).to_be_bytes();
            if let Some(field) = self.out.get_mut(end - 4..) {
                field.copy_from_slice(&value);
            }
            self.sealed = Sealed::Fingerprint;
        }
        self
    }

    /// Ends the message; how many bytes it has.
    ///
    /// # Errors
    /// The first mistake made, with the buffer as it was before [`new`](Self::new).
    pub fn finish(self) -> Result<usize, BuildError> {
        match self.error {
            None => Ok(self.out.len() - self.start),
            Some(error) => {
                self.out.truncate(self.start);
                Err(error)
            }
        }
    }

    /// Notes why the attribute cannot follow, if it cannot.
    fn may_add(&mut self, kind: AttributeType, at_most: Sealed, length: usize) -> bool {
        let total = self.out.len() - self.start - HEADER_LEN + 4 + length.next_multiple_of(4);
        let mistake = if self.sealed > at_most {
            Some(BuildError::AfterIntegrity { attribute: kind.0 })
        } else if total > usize::from(u16::MAX) {
            Some(BuildError::TooLong { length: total })
        } else {
            None
        };
        self.error = self.error.or(mistake);
        self.error.is_none()
    }

    fn append(&mut self, kind: AttributeType, parts: &[&[u8]]) {
        let length = parts.iter().map(|part| part.len()).sum();
        self.head(kind, length);
        for part in parts {
            self.out.put_slice(part);
        }
        self.tail(length);
    }

    fn head(&mut self, kind: AttributeType, length: usize) {
        self.out.put_u16(kind.0);
        // may_add bounded it.
        self.out.put_u16(u16::try_from(length).unwrap_or(u16::MAX));
    }

    /// Pads with zeros (RFC 8489 §14) and brings the header's length up to date.
    fn tail(&mut self, length: usize) {
        let padding = length.next_multiple_of(4) - length;
        self.out.put_slice([0; 3].get(..padding).unwrap_or_default());
        let total = u16::try_from(self.out.len() - self.start - HEADER_LEN).unwrap_or(u16::MAX);
        if let Some(field) = self.out.get_mut(self.start + 2..self.start + 4) {
            field.copy_from_slice(&total.to_be_bytes());
        }
    }
}
