//! Records with a connection id: which id stands in them, and the form that they have in 1.2 (RFC 9146 §4, §5).
//!
//! ```text
//!   25 | version 2 | epoch 2 | number 6 | id .. | length 2 | explicit nonce | sealed( payload | type | zeros .. )
//!   additional data   ff x 8 | 25 | id length 1 | 25 | version 2 | epoch 2 | number 6 | id .. | plaintext length 2
//! ```
//! Eight bytes of ff stand where other records have their number, and no record without an id has type 25 behind it:
//! what is sealed in one form never opens in the other. The form of 1.3 differs in its header only (unified.rs).

use plywood_octets::Put;

use super::{OpenedRecord, Protection, RecordMark, RecordNumber, Records, Unopened, WriteEpoch};
use crate::error::{Discard, SealError};
use crate::provider::TAG_LENGTH;
use crate::wire::connection_id::{ConnectionId, Tls12CidHeader};
use crate::wire::record::{MAX_EXPANSION, MAX_PLAINTEXT};
use crate::wire::{ContentType, ProtocolVersion};

/// The additional data without the id.
const FIXED_ADDITIONAL_DATA: usize = 8 + 1 + 1 + 1 + 2 + 2 + 6 + 2;

impl Records {
    /// The peer may write this id to us; an empty one: none.
    pub(crate) fn receive_with(&mut self, id: ConnectionId) {
        self.receive_ids.clear();
        if !id.is_empty() {
            self.receive_ids.push(id);
        }
    }

    /// From now on this id stands in what we protect; an empty one: none.
    pub(crate) fn send_with(&mut self, id: ConnectionId) {
        self.send_id = id;
    }

    pub(crate) fn send_id(&self) -> &ConnectionId {
        &self.send_id
    }

    pub(crate) fn receive_ids(&self) -> &[ConnectionId] {
        &self.receive_ids
    }

    pub(crate) fn receive_ids_mut(&mut self) -> &mut Vec<ConnectionId> {
        &mut self.receive_ids
    }

    /// Bytes of an id that the peer writes to us; all are alike.
    pub(super) fn receive_id_length(&self) -> usize {
        self.receive_ids.first().map_or(0, |id| id.as_bytes().len())
    }

    pub(super) fn knows_id(&self, id: &[u8]) -> bool {
        self.receive_ids.iter().any(|known| known.as_bytes() == id)
    }

    /// Seals what stands behind `mark` in the form of 1.2 with an id. The caller has checked the lengths.
    pub(super) fn seal_12(
        write: &WriteEpoch,
        id: &ConnectionId,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
        mark: RecordMark,
        content_type: ContentType,
    ) -> Result<RecordNumber, SealError> {
        let number = RecordNumber { epoch: mark.epoch, sequence: write.next_sequence };
        out.put_u8(content_type.0);
        let inner = out.len() - mark.payload;
        let epoch = u16::try_from(number.epoch).map_err(|_| SealError::BadMark)?;
        let length = u16::try_from(inner + write.protection.expansion()).map_err(|_| SealError::BadMark)?;
        let header = Tls12CidHeader { version, epoch, sequence: number.sequence, id: id.as_bytes(), length };
        let body = mark.start + Tls12CidHeader::LENGTH + id.as_bytes().len();
        header.encode(&mut out[mark.start..body]);
        let mut aad = [0; FIXED_ADDITIONAL_DATA + ConnectionId::MAX_LENGTH];
        let aad = additional_data(&header, inner, &mut aad);
        let end = out.len();
        out.put_slice(&[0; TAG_LENGTH]);
        match write.protection.seal_with(number, aad, &mut out[body..]) {
            Ok(()) => Ok(number),
            Err(error) => {
                out.truncate(end - 1);
                Err(SealError::Crypto(error))
            }
        }
    }

    /// Opens the record of 1.2 with an id that begins at `at`.
    pub(super) fn open_12(&mut self, datagram: &mut [u8], at: usize) -> Result<OpenedRecord, Unopened> {
        let end = datagram.len();
        let discard = |next, reason| Err(Unopened::Discarded(crate::Discarded { next, reason }));
        let id_length = self.receive_id_length();
        let (head, body) = datagram.split_at_mut((at + Tls12CidHeader::LENGTH + id_length).min(end));
        let Ok(header) = Tls12CidHeader::parse(&head[at..], id_length) else {
            return discard(end, Discard::Truncated);
        };
        // Without the right id nobody knows where it ends, nor whose the rest of the datagram is (RFC 9147 §4).
        if id_length == 0 || !self.knows_id(header.id) {
            return discard(end, Discard::UnknownConnectionId);
        }
        let (start, length) = (head.len(), usize::from(header.length));
        let Some(body) = body.get_mut(..length) else { return discard(end, Discard::Truncated) };
        let next = start + length;
        if length > MAX_PLAINTEXT + MAX_EXPANSION {
            return discard(next, Discard::TooLong);
        }
        if header.version != ProtocolVersion::DTLS_1_2 {
            return discard(next, Discard::WrongVersion);
        }
        let number = RecordNumber { epoch: u64::from(header.epoch), sequence: header.sequence };
        let newest = self.newest_read_epoch();
        let Some(read) = self.read.iter_mut().rev().find(|read| read.epoch == number.epoch) else {
            let early = (newest, number.epoch) == (0, 1);
            return if early { Err(Unopened::Early { next }) } else { discard(next, Discard::UnknownEpoch) };
        };
        if !matches!(read.protection, Protection::Aead12(_)) {
            return discard(next, Discard::WrongVersion);
        }
        if !read.window.may_be_new(number.sequence) {
            return discard(next, Discard::Replayed);
        }
        let Some(inner) = length.checked_sub(read.protection.expansion()) else {
            return discard(next, Discard::NotAuthentic);
        };
        let mut aad = [0; FIXED_ADDITIONAL_DATA + ConnectionId::MAX_LENGTH];
        let aad = additional_data(&header, inner, &mut aad);
        let prefix = read.protection.prefix();
        let Ok(length) = read.protection.open_with(number, aad, body) else {
            return discard(next, Discard::NotAuthentic);
        };
        read.window.mark(number.sequence);
        // Zeros behind the type are padding, as in 1.3.
        let content = &body[prefix..prefix + length];
        let Some(last) = content.iter().rposition(|&byte| byte != 0) else {
            return discard(next, Discard::UnknownContentType);
        };
        let content_type = ContentType(content[last]);
        let plaintext = start + prefix..start + prefix + last;
        Ok(OpenedRecord { next, number, content_type, plaintext })
    }
}

fn additional_data<'a>(header: &Tls12CidHeader<'_>, inner: usize, out: &'a mut [u8]) -> &'a [u8] {
    const TYPE: u8 = ContentType::TLS12_CID.0;
    let id = header.id;
    let [.., l0, l1] = inner.to_be_bytes();
    let ([v0, v1], [e0, e1]) = (header.version.0.to_be_bytes(), header.epoch.to_be_bytes());
    let [_, _, s0, s1, s2, s3, s4, s5] = header.sequence.to_be_bytes();
    let id_length = u8::try_from(id.len()).unwrap_or(u8::MAX); // an id has at most 255
    let front = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, TYPE, id_length, TYPE];
    let number = [v0, v1, e0, e1, s0, s1, s2, s3, s4, s5];
    let mut at = 0;
    for part in [&front[..], &number, id, &[l0, l1]] {
        out[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    &out[..at]
}
