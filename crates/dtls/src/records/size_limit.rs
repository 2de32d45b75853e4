//! How long a record may be: 2^14 bytes of plaintext, or what the two sides agreed on (RFC 8449).
//!
//! ```text
//!   1.2                       | payload                    |   <= limit
//!   1.2 with an id, and 1.3   | payload | type | padding   |   <= limit
//! ```
//! Which limits were agreed on is the business of `crate::record_size_limit`.

use super::{OpenedRecord, Protection, Records};
use crate::provider::TAG_LENGTH;
use crate::wire::record::MAX_PLAINTEXT;

impl Records {
    /// From now on: `ours` is the longest plaintext that we take, `theirs` the longest that the peer takes.
    pub(crate) fn limit_plaintext(&mut self, ours: usize, theirs: usize) {
        (self.read_limit, self.write_limit) = (ours, theirs);
    }

    /// The most bytes that a record of `epoch` may carry (RFC 8449 §4).
    pub(crate) fn max_content(&self, epoch: u64) -> usize {
        let write = self.write.iter().rev().find(|write| write.epoch == epoch);
        write.map_or(MAX_PLAINTEXT, |write| self.max_content_of(&write.protection))
    }

    pub(super) fn max_content_of(&self, protection: &Protection) -> usize {
        match protection {
            Protection::None => MAX_PLAINTEXT,
            // RFC 9146 §5: with the type inside, not beyond 2^14 either.
            Protection::Aead12(_) => {
                let inner_type = usize::from(!self.send_id.is_empty());
                self.write_limit.min(MAX_PLAINTEXT).saturating_sub(inner_type)
            }
            // RFC 8446 §5.1: the payload alone may have 2^14.
            Protection::Aead13(_) => self.write_limit.saturating_sub(1).min(MAX_PLAINTEXT),
        }
    }

    /// Whether a protected record is longer than we said, its padding included.
    pub(crate) fn is_too_long(&self, record: &OpenedRecord) -> bool {
        let inner = record.next.saturating_sub(record.plaintext.start + TAG_LENGTH);
        record.plaintext.len() > MAX_PLAINTEXT || inner > self.read_limit
    }
}
