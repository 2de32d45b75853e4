//! The record layer: numbers, keys and the replay window (RFC 6347 §4.1, RFC 9147 §4).
//!
//! Problem: datagrams are lost, repeated and reordered, and some are forged. Each record must say by itself
//! which keys and which nonce open it, and must count once.
//! How: a record is known by its number, (epoch, sequence number). Each direction keeps its epochs side by
//! side, for a flight may begin under one and end under the next.
//!
//! ```text
//!   write  epoch 0: plaintext, next 3      read  epoch 0: plaintext
//!          epoch 1: AEAD key,  next 1            epoch 1: AEAD key, window ..00110111
//! ```
//!
//! Sealing and opening happen where the bytes stand; nothing is allocated for a record.
//! More: protection.rs for the nonces, replay.rs for the window; docs/dtls.md, "Records".

mod connection_id;
mod protection;
mod replay;
mod size_limit;
mod unified;

use std::ops::Range;

use plywood_octets::Put;

pub(crate) use self::protection::Protection;
pub(crate) use self::replay::ReplayWindow;
use crate::error::{Discard, SealError};
use crate::provider::TAG_LENGTH;
use crate::wire::connection_id::ConnectionId;
use crate::wire::record::{MAX_EXPANSION, MAX_PLAINTEXT};
use crate::wire::{ContentType, PlaintextHeader, ProtocolVersion, UnifiedHeader};

/// What a record is known by. Epochs have 16 bits in 1.2 and 64 in 1.3 (RFC 9147 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordNumber {
    /// Counts key changes.
    pub epoch: u64,
    /// Counts records of the epoch.
    pub sequence: u64,
}

/// A record that was opened: where its plaintext stands, and where the next record begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenedRecord {
    pub next: usize,
    pub number: RecordNumber,
    pub content_type: ContentType,
    pub plaintext: Range<usize>,
}

/// A record that was not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// Dropped.
    Discarded(crate::Discarded),
    /// Its epoch is the one whose keys come next: worth keeping.
    Early { next: usize },
}

/// Where a record begins in a buffer, before it is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a record that is begun must be finished, or the buffer cut back to `start()`"]
pub struct RecordMark {
    start: usize,
    payload: usize,
    epoch: u64,
}

impl RecordMark {
    /// Where the record begins: truncating the buffer to it gives the record up, and no number is used.
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }

    /// Where the payload begins.
    #[must_use]
    pub fn payload(&self) -> usize {
        self.payload
    }
}

#[derive(Debug)]
struct ReadEpoch {
    epoch: u64,
    protection: Protection,
    window: ReplayWindow,
    /// Records that did not authenticate.
    forgeries: u64,
}

#[derive(Debug)]
struct WriteEpoch {
    epoch: u64,
    protection: Protection,
    next_sequence: u64,
}

impl WriteEpoch {
    /// Bytes in front of the payload, given those of the id that stands there.
    fn header_length(&self, id: usize) -> usize {
        match &self.protection {
            Protection::None => PlaintextHeader::LENGTH,
            Protection::Aead12(_) => PlaintextHeader::LENGTH + id + self.protection.prefix(),
            Protection::Aead13(_) => unified::HEADER_LENGTH + id,
        }
    }
}

/// All epochs of both directions.
#[derive(Debug)]
pub(crate) struct Records {
    read: Vec<ReadEpoch>,
    write: Vec<WriteEpoch>,
    /// The version in plaintext headers: 1.0 until the version is negotiated, as every peer takes it.
    pub version: ProtocolVersion,
    /// The id in front of what we protect; empty: none.
    send_id: ConnectionId,
    /// The ids that the peer may write to us, all of one length.
    receive_ids: Vec<ConnectionId>,
    /// The longest plaintexts that we take and that the peer takes (RFC 8449), inner type and padding included.
    read_limit: usize,
    write_limit: usize,
}

/// Record numbers end here (RFC 6347 §4.1: never wrap).
const LAST_SEQUENCE: u64 = (1 << 48) - 1;

impl Records {
    /// Epoch 0 in both directions, without protection.
    pub(crate) fn new() -> Self {
        let plaintext = || Protection::None;
        Self {
            read: vec![ReadEpoch {
                epoch: 0,
                protection: plaintext(),
                window: ReplayWindow::default(),
                forgeries: 0,
            }],
            write: vec![WriteEpoch { epoch: 0, protection: plaintext(), next_sequence: 0 }],
            version: ProtocolVersion::DTLS_1_0,
            send_id: ConnectionId::default(),
            receive_ids: Vec::new(),
            read_limit: usize::MAX,
            write_limit: usize::MAX,
        }
    }

    /// From now on records of `epoch` can be opened.
    pub(crate) fn add_read_epoch(&mut self, epoch: u64, protection: Protection) {
        self.read.push(ReadEpoch { epoch, protection, window: ReplayWindow::default(), forgeries: 0 });
    }

    /// From now on records of `epoch` can be sealed.
    pub(crate) fn add_write_epoch(&mut self, epoch: u64, protection: Protection) {
        self.write.push(WriteEpoch { epoch, protection, next_sequence: 0 });
    }

    /// Forgets the read epochs before `epoch`: what they authenticate is no longer taken.
    pub(crate) fn drop_read_epochs_before(&mut self, epoch: u64) {
        self.read.retain(|read| read.epoch >= epoch);
    }

    /// The newest epoch that can be sealed.
    pub(crate) fn newest_write_epoch(&self) -> u64 {
        self.write.last().map_or(0, |write| write.epoch)
    }

    /// Forgets the write epochs before `epoch`: nothing will be repeated under them.
    pub(crate) fn drop_write_epochs_before(&mut self, epoch: u64) {
        self.write.retain(|write| write.epoch >= epoch);
    }

    /// Whether so many records failed to authenticate under one key that the next may be a successful forgery
    /// (RFC 9147 §4.5.3).
    pub(crate) fn is_integrity_exhausted(&self) -> bool {
        self.read.iter().any(|read| read.forgeries >= unified::INTEGRITY_LIMIT)
    }

    /// The newest epoch that can be opened.
    pub(crate) fn newest_read_epoch(&self) -> u64 {
        self.read.last().map_or(0, |read| read.epoch)
    }

    fn write_epoch(&mut self, epoch: u64) -> Option<&mut WriteEpoch> {
        // The newest is used most, and there are never more than a handful.
        self.write.iter_mut().rev().find(|write| write.epoch == epoch)
    }

    /// Exact bytes around a payload under `epoch`.
    pub(crate) fn overhead(&self, epoch: u64) -> usize {
        let protection = self.write.iter().find(|write| write.epoch == epoch).map(|write| &write.protection);
        let id = self.send_id.as_bytes().len();
        match protection {
            Some(Protection::Aead13(_)) => unified::HEADER_LENGTH + id + unified::TRAILER_LENGTH,
            // With an id the content type stands inside.
            Some(Protection::Aead12(_)) if id > 0 => {
                PlaintextHeader::LENGTH + id + 1 + protection.map_or(0, Protection::expansion)
            }
            other => PlaintextHeader::LENGTH + other.map_or(0, Protection::expansion),
        }
    }

    /// Reserves the header of a record at the end of `out`.
    #[inline]
    pub(crate) fn begin(&mut self, epoch: u64, out: &mut Vec<u8>) -> Result<RecordMark, SealError> {
        let id = self.send_id.as_bytes().len();
        let write = self.write_epoch(epoch).ok_or(SealError::NotConnected)?;
        if write.next_sequence >= write.limit() {
            return Err(SealError::NumbersExhausted);
        }
        let start = out.len();
        let payload = start + write.header_length(id);
        // A length that the compiler knows takes two stores, any other a call.
        if id == 0 {
            out.put_slice(&[0; LONGEST_WITHOUT_ID]);
            out.truncate(payload);
        } else {
            out.put_slice(&RESERVED[..payload - start]);
        }
        Ok(RecordMark { start, payload, epoch })
    }

    /// Seals what stands behind `mark`, in place, and numbers it.
    pub(crate) fn finish(
        &mut self,
        out: &mut Vec<u8>,
        mark: RecordMark,
        content_type: ContentType,
    ) -> Result<RecordNumber, SealError> {
        let version = self.version;
        let at = self.write.iter().rposition(|write| write.epoch == mark.epoch).ok_or(SealError::BadMark)?;
        let max_content = self.max_content_of(&self.write[at].protection);
        let (write, id) = (&mut self.write[at], &self.send_id);
        let length = out.len().checked_sub(mark.payload).ok_or(SealError::BadMark)?;
        if mark.payload != mark.start + write.header_length(id.as_bytes().len()) {
            return Err(SealError::BadMark);
        }
        if length > max_content {
            return Err(SealError::TooLong { length });
        }
        if write.next_sequence >= write.limit() {
            return Err(SealError::NumbersExhausted);
        }
        let number = RecordNumber { epoch: mark.epoch, sequence: write.next_sequence };
        if let Protection::Aead13(aead) = &write.protection {
            aead.seal(out, mark, content_type, number, id.as_bytes())?;
            write.next_sequence += 1;
            return Ok(number);
        }
        if !id.is_empty() && write.protection.is_some() {
            let number = Self::seal_12(write, id, version, out, mark, content_type)?;
            write.next_sequence += 1;
            return Ok(number);
        }
        // Both fit: 2^14 and the expansion are below 2^16, and 1.2 has two epochs.
        let record_length = u16::try_from(length + write.protection.expansion());
        let epoch = u16::try_from(mark.epoch);
        let (Ok(record_length), Ok(epoch)) = (record_length, epoch) else {
            return Err(SealError::BadMark);
        };
        let header = PlaintextHeader {
            content_type,
            version,
            epoch,
            sequence: number.sequence,
            length: record_length,
        };
        out[mark.start..mark.start + PlaintextHeader::LENGTH].copy_from_slice(&header.encode());
        let body = mark.start + PlaintextHeader::LENGTH;
        let end = out.len();
        if write.protection.is_some() {
            out.put_slice(&[0; TAG_LENGTH]);
        }
        if let Err(error) = write.protection.seal(number, &header, &mut out[body..]) {
            out.truncate(end);
            return Err(SealError::Crypto(error));
        }
        // Only now the number is used: a failure above leaves it for the next record.
        write.next_sequence += 1;
        Ok(number)
    }

    /// Opens the record that begins at `at`, in place.
    pub(crate) fn open(&mut self, datagram: &mut [u8], at: usize) -> Result<OpenedRecord, Unopened> {
        let end = datagram.len();
        let discard = |next, reason| Err(Unopened::Discarded(crate::Discarded { next, reason }));
        let Some(bytes) = datagram.get_mut(at..).filter(|bytes| !bytes.is_empty()) else {
            return discard(end, Discard::Truncated);
        };
        if UnifiedHeader::is_unified(bytes[0]) {
            return self.open_unified(datagram, at);
        }
        if bytes[0] == ContentType::TLS12_CID.0 {
            return self.open_12(datagram, at);
        }
        if !matches!(ContentType(bytes[0]), ContentType(20..=23) | ContentType::ACK) {
            // Nothing behind it can be trusted to be a record either.
            return discard(end, Discard::UnknownContentType);
        }
        let Ok(header) = PlaintextHeader::parse(bytes) else {
            return discard(end, Discard::Truncated);
        };
        let length = usize::from(header.length);
        let Some(body) = bytes.get_mut(PlaintextHeader::LENGTH..PlaintextHeader::LENGTH + length) else {
            return discard(end, Discard::Truncated);
        };
        let start = at + PlaintextHeader::LENGTH;
        let next = start + length;
        // Lengths are sane: from here on the neighbours of this record can still be read.
        if length > MAX_PLAINTEXT + MAX_EXPANSION {
            return discard(next, Discard::TooLong);
        }
        if !matches!(header.version, ProtocolVersion::DTLS_1_0 | ProtocolVersion::DTLS_1_2) {
            return discard(next, Discard::WrongVersion);
        }
        let number = RecordNumber { epoch: u64::from(header.epoch), sequence: header.sequence };
        let newest = self.newest_read_epoch();
        let Some(read) = self.read.iter_mut().rev().find(|read| read.epoch == number.epoch) else {
            // 1.2 changes its keys once.
            return if (newest, number.epoch) == (0, 1) {
                Err(Unopened::Early { next })
            } else {
                discard(next, Discard::UnknownEpoch)
            };
        };
        if matches!(read.protection, Protection::Aead13(_)) {
            return discard(next, Discard::WrongVersion);
        }
        let protected = read.protection.is_some();
        // RFC 9146 §3: who was given an id must write it.
        if protected && !self.receive_ids.is_empty() {
            return discard(next, Discard::UnknownConnectionId);
        }
        if protected && !read.window.may_be_new(number.sequence) {
            return discard(next, Discard::Replayed);
        }
        let Ok(length) = read.protection.open(number, &header, body) else {
            return discard(next, Discard::NotAuthentic);
        };
        let start = start + read.protection.prefix();
        // RFC 6347 §4.1.2.6: only what authenticates moves the window. Plaintext has none, for whoever could
        // move it could make us drop the peer's records.
        if protected {
            read.window.mark(number.sequence);
        }
        let plaintext = start..start + length;
        Ok(OpenedRecord { next, number, content_type: header.content_type, plaintext })
    }

    /// Continues the newest epoch at `sequence`: behind a cookie exchange, that of the client (RFC 6347 §4.2.1).
    pub(crate) fn skip_to(&mut self, sequence: u64) {
        if let Some(write) = self.write.last_mut() {
            write.next_sequence = sequence;
        }
    }
}

/// Header, connection id and explicit nonce, to be overwritten.
const RESERVED: [u8; LONGEST_HEADER] = [0; LONGEST_HEADER];
const LONGEST_HEADER: usize = LONGEST_WITHOUT_ID + ConnectionId::MAX_LENGTH;
const LONGEST_WITHOUT_ID: usize = PlaintextHeader::LENGTH + protection::EXPLICIT_NONCE_LENGTH;

const _: () = assert!(TAG_LENGTH == 16, "the tag goes behind the payload");

#[cfg(test)]
#[cfg(feature = "rustcrypto")]
mod tests;
