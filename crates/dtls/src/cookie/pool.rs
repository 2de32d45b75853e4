//! Fragments of hellos from sources that have proven nothing: one bounded pool for all.
//!
//! Problem: a hello that does not fit a datagram must be held until its rest is there; but what is held for
//! strangers must not grow with their number.
//! How: the sources share a number of bytes. Where they run out the oldest give way, and all are forgotten after
//! a second: then the client repeats its hello anyway.
//!
//! ```text
//!   oldest -> [source A, message 0: 1100..][source B, message 1: ..0110] <- newest     bytes <= max
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::error::Discard;
use crate::reassembly::Slot;
use crate::wire::Fragment;

/// What a source counts for at least: its bookkeeping is not free, and the pool is searched from end to end.
const MIN_CHARGE: usize = 1024;
/// Versions of a hello that are kept where fragments disagree: the client's, and a forger's.
const MAX_VERSIONS: usize = 2;

/// A whole hello.
#[derive(Debug)]
pub(super) struct Hello {
    pub body: Vec<u8>,
    pub message_seq: u16,
    /// The highest number among the records that it came in.
    pub record_sequence: u64,
}

#[derive(Debug)]
struct Partial {
    source: Box<[u8]>,
    message_seq: u16,
    record_sequence: u64,
    versions: Vec<Slot>,
    expires: Instant,
}

impl Partial {
    fn charge(&self) -> usize {
        self.versions.iter().map(Slot::length).sum::<usize>().max(MIN_CHARGE)
    }
}

#[derive(Debug)]
pub(super) struct Pool {
    /// The oldest first.
    partials: VecDeque<Partial>,
    bytes: usize,
    max_bytes: usize,
    max_hello: usize,
    lifetime: Duration,
}

impl Pool {
    pub(super) fn new(max_bytes: usize, max_hello: usize, lifetime: Duration) -> Self {
        Self { partials: VecDeque::new(), bytes: 0, max_bytes, max_hello, lifetime }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.partials.front().map(|partial| partial.expires)
    }

    pub(super) fn expire(&mut self, now: Instant) {
        while self.partials.front().is_some_and(|partial| partial.expires <= now) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(partial) = self.partials.pop_front() {
            self.bytes -= partial.charge();
        }
    }

    /// Takes a fragment of a hello; gives the hello once it is whole, and forgets it.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        source: &[u8],
        record_sequence: u64,
        fragment: &Fragment<'_>,
    ) -> Result<Option<Hello>, Discard> {
        let message_seq = fragment.header.message_seq;
        let length = fragment.header.length as usize;
        if length > self.max_hello {
            return Err(Discard::MessageTooLong);
        }
        if fragment.body.is_empty() {
            return Err(Discard::EmptyFragment);
        }
        if fragment.body.len() == length {
            self.forget(source);
            return Ok(Some(Hello { body: fragment.body.to_vec(), message_seq, record_sequence }));
        }
        let known = self.take(source).filter(|partial| partial.message_seq == message_seq);
        let mut partial = known.unwrap_or_else(|| Partial {
            source: source.into(),
            message_seq,
            record_sequence,
            versions: Vec::new(),
            expires: now.checked_add(self.lifetime).unwrap_or(now),
        });
        partial.record_sequence = partial.record_sequence.max(record_sequence);
        let mut fits = false;
        for version in &mut partial.versions {
            fits |= version.put(0, fragment);
        }
        let conflict = !fits && !partial.versions.is_empty();
        if !fits {
            if partial.versions.len() == MAX_VERSIONS {
                partial.versions.remove(0);
            }
            let mut version = Slot::new(0, fragment);
            version.put(0, fragment);
            partial.versions.push(version);
        }
        if let Some(at) = partial.versions.iter().position(Slot::is_full) {
            let body = partial.versions.swap_remove(at).into_body();
            return Ok(Some(Hello { body, message_seq, record_sequence: partial.record_sequence }));
        }
        self.keep(partial)?;
        if conflict { Err(Discard::ConflictingFragments) } else { Ok(None) }
    }

    /// Puts it where its age belongs: fragments that follow give it no more time.
    fn keep(&mut self, partial: Partial) -> Result<(), Discard> {
        let charge = partial.charge();
        if charge > self.max_bytes {
            return Err(Discard::BufferFull);
        }
        while self.bytes + charge > self.max_bytes {
            self.drop_oldest();
        }
        self.bytes += charge;
        let at = self.partials.partition_point(|other| other.expires <= partial.expires);
        self.partials.insert(at, partial);
        Ok(())
    }

    fn take(&mut self, source: &[u8]) -> Option<Partial> {
        let at = self.partials.iter().position(|partial| *partial.source == *source)?;
        let partial = self.partials.remove(at)?;
        self.bytes -= partial.charge();
        Some(partial)
    }

    fn forget(&mut self, source: &[u8]) {
        drop(self.take(source));
    }
}
