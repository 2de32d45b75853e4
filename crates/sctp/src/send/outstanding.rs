//! The ring of chunks that are on the way, and what is known about each.
//!
//! Problem: a window holds tens of thousands of chunks, and each SACK speaks about few of them.
//! How: a ring indexed by TSN; the front leaves when it is acknowledged cumulatively. Gap blocks are kept as
//! ranges, so that a repeated report costs one comparison a block. Loss detection asks for the oldest *transmission*: the
//! first ones stand in the order of their TSNs, the repetitions in a row of their own, and the older of two fronts is it.
//! ```text
//!   TSN order     base -> [A][L][R][A][R][I][I][I] <- next      A acked by a gap block, L lost, I in flight,
//!   first sent              next_first ---^                     R in flight again
//!   sent again            oldest -> R R <- newest
//! ```
//! More: RFC 9260 §6.2.1, §7.2.4; RFC 8985 §5.2; docs/sctp.md, "Outstanding data".

use super::chunk::{Acked, BEYOND_BASE, Chunk, ChunkState, Flight, Run};
use super::messages::{Messages, OutMessage, Slot};
use crate::congestion::{Sampler, Stamp};
use crate::ring::Ring;
use crate::wire::data::DataFlags;
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Instant;

#[derive(Debug)]
pub(crate) struct Outstanding {
    base: u64,
    chunks: Ring<Chunk>,
    pub(crate) messages: Messages,
    /// Each chunk below it was heard of, or was sent again, or stands in `deferred`.
    next_first: u64,
    /// Chunks that were sent again, in the order of that, with the packets that carried them.
    repeats: VecDeque<(u64, u64)>,
    /// Transmissions above what SACKs had room to report.
    deferred: VecDeque<(u64, u64)>,
    lost: VecDeque<u64>,
    /// Gap blocks of the last SACK, ends included.
    gaps: Vec<(u64, u64)>,
    scratch: Vec<(u64, u64)>,
    pub(crate) gap_acked: usize,
    flight: Flight,
    /// Sum of the user bytes of all chunks in the ring.
    held: usize,
    /// RFC 3758: all up to here is acknowledged or given up.
    advanced: u64,
    /// A gap block was taken back by the peer since the last timeout.
    pub(crate) reneged: bool,
}

/// Where the oldest transmission stands.
enum Oldest {
    First(u64),
    Again(u64),
}

/// A message that was given up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct GivenUp {
    /// If its end was not sent: the index that stands for that, and how many bytes it were.
    pub(crate) not_sent: Option<(u64, usize)>,
}

impl Outstanding {
    pub(crate) fn new(first: u64) -> Self {
        Self {
            base: first,
            chunks: Ring::default(),
            messages: Messages::default(),
            next_first: first,
            repeats: VecDeque::new(),
            deferred: VecDeque::new(),
            lost: VecDeque::new(),
            gaps: Vec::new(),
            scratch: Vec::new(),
            gap_acked: 0,
            flight: Flight { bytes: 0, payload: 0, highest_acked: first - 1 },
            held: 0,
            advanced: first - 1,
            reneged: false,
        }
    }

    /// The index that the next new chunk will have.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        self.base + self.chunks.len() as u64
    }

    pub(crate) fn cumulative(&self) -> u64 {
        self.base - 1
    }

    pub(crate) fn advanced(&self) -> u64 {
        self.advanced
    }

    pub(crate) fn len(&self) -> usize {
        self.chunks.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Whether all there is was given up: the peer may hear of it or not, it misses nothing.
    pub(crate) fn is_settled(&self) -> bool {
        self.advanced + 1 == self.next()
    }

    #[inline]
    pub(crate) fn in_flight(&self) -> usize {
        self.flight.bytes
    }

    #[inline]
    pub(crate) fn payload(&self) -> usize {
        self.flight.payload
    }

    #[inline]
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    pub(crate) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    #[inline]
    pub(crate) fn chunk(&self, index: u64) -> Option<&Chunk> {
        self.chunks.get(usize::try_from(index.checked_sub(self.base)?).ok()?)
    }

    #[inline]
    fn chunk_mut(&mut self, index: u64) -> Option<&mut Chunk> {
        self.chunks.get_mut(usize::try_from(index.checked_sub(self.base)?).ok()?)
    }

    /// A chunk and the message that it is of.
    #[inline]
    pub(crate) fn chunk_and_message(&self, index: u64) -> Option<(&Chunk, &OutMessage)> {
        let chunk = self.chunk(index)?;
        Some((chunk, self.messages.get(chunk.message)?))
    }

    /// Begins a message; the result is where it stands.
    #[inline]
    pub(crate) fn begin_message(&mut self, message: OutMessage) -> Slot {
        let slot = self.messages.next();
        self.messages.begin(message);
        slot
    }

    /// A message leaves in one chunk; the result is both, in their places.
    #[inline]
    pub(crate) fn push_whole(&mut self, chunk: Chunk, message: OutMessage) -> (&Chunk, &OutMessage) {
        self.count(&chunk);
        let chunk = self.chunks.push_back(chunk);
        let message = self.messages.begin(message);
        (chunk, message)
    }

    /// A new chunk of a message that was begun leaves; its TSN is the next.
    #[inline]
    pub(crate) fn push(&mut self, chunk: Chunk) {
        let index = self.next();
        if let Some(message) = self.messages.get_mut(chunk.message) {
            message.last = index;
        }
        self.count(&chunk);
        self.chunks.push_back(chunk);
    }

    /// What is to be known of all chunks, of one that will be the next.
    #[inline]
    fn count(&mut self, chunk: &Chunk) {
        self.flight.bytes += chunk.wire_bytes();
        self.flight.payload += usize::from(chunk.length);
        self.held += usize::from(chunk.length);
    }

    /// The lowest lost chunk.
    pub(crate) fn next_lost(&mut self) -> Option<u64> {
        while let Some(&index) = self.lost.front() {
            if self.chunk(index).is_some_and(|chunk| chunk.state == ChunkState::Lost) {
                return Some(index);
            }
            self.lost.pop_front();
        }
        None
    }

    /// A chunk leaves again.
    pub(crate) fn resent(&mut self, index: u64, packet: u64, now: Instant, stamp: Stamp) {
        let Some(chunk) = self.chunk_mut(index) else { return };
        let was_lost = chunk.state == ChunkState::Lost;
        chunk.state = ChunkState::InFlight;
        chunk.flags &= !BEYOND_BASE;
        chunk.packet = packet;
        chunk.sent_at = now;
        chunk.stamp = stamp;
        chunk.transmissions = chunk.transmissions.saturating_add(1);
        let bytes = chunk.wire_bytes();
        if was_lost {
            self.flight.bytes += bytes;
        }
        if self.lost.front() == Some(&index) {
            self.lost.pop_front();
        }
        self.repeats.push_back((index, packet));
        self.bound_repeats();
    }

    /// Whether the last transmission of `index` stood beyond the base size of a packet.
    pub(crate) fn is_beyond_base(&self, index: u64) -> bool {
        self.chunk(index).is_some_and(|chunk| chunk.flags & BEYOND_BASE != 0)
    }

    pub(crate) fn set_beyond_base(&mut self, index: u64) {
        if let Some(chunk) = self.chunk_mut(index) {
            chunk.flags |= BEYOND_BASE;
        }
    }

    /// Stale entries behind a live front are dropped before the row could outgrow the ring.
    fn bound_repeats(&mut self) {
        if self.repeats.len() > 64 + 2 * self.chunks.len() {
            let mut repeats = std::mem::take(&mut self.repeats);
            repeats.retain(|&(index, packet)| self.is_in_flight_since(index, packet));
            self.repeats = repeats;
        }
    }

    /// Whether the last that was heard of `index` is that `packet` carried it.
    fn is_in_flight_since(&self, index: u64, packet: u64) -> bool {
        self.chunk(index).is_some_and(|chunk| chunk.packet == packet && chunk.state == ChunkState::InFlight)
    }

    /// The cumulative TSN ack moved to `cumulative` (at least the present one, below [`Self::next`]).
    pub(crate) fn acknowledge_cumulative(
        &mut self,
        now: Instant,
        cumulative: u64,
        sampler: &mut Sampler,
        acked: &mut Acked,
    ) {
        let count = usize::try_from((cumulative + 1).saturating_sub(self.base)).unwrap_or(usize::MAX);
        let count = count.min(self.chunks.len());
        let (mut run, mut last) = (Run::default(), None);
        for (index, at) in (self.base..).zip(0..count) {
            let Some(chunk) = self.chunks.get(at) else { break };
            self.held -= usize::from(chunk.length);
            if chunk.flags & DataFlags::END != 0 {
                self.messages.end(chunk.message);
            }
            if chunk.is_simply_in_flight() {
                run.add(chunk);
                last = Some(chunk);
                continue;
            }
            self.flight.account_run(now, &mut run, (last, index), sampler, acked);
            match chunk.state {
                ChunkState::InFlight | ChunkState::Lost => {
                    self.flight.account(now, chunk, index, sampler, acked);
                }
                ChunkState::Acked => self.gap_acked -= 1,
                ChunkState::Abandoned => {}
            }
        }
        self.flight.account_run(now, &mut run, (last, self.base + count as u64), sampler, acked);
        acked.cumulative_moved |= count > 0;
        self.chunks.drop_front(count);
        self.base += count as u64;
        self.advance();
        if self.chunks.is_empty() {
            self.repeats.clear();
            self.deferred.clear();
            self.lost.clear();
        }
    }

    /// Applies the gap blocks of a SACK, given as sorted or unsorted ranges of indices. Blocks that were
    /// reported before cost one comparison; only chunks that are new in a block are visited.
    pub(crate) fn acknowledge_gaps(
        &mut self,
        now: Instant,
        blocks: impl Iterator<Item = (u64, u64)>,
        sampler: &mut Sampler,
        acked: &mut Acked,
    ) {
        let mut new = std::mem::take(&mut self.scratch);
        new.clear();
        let (first, next) = (self.base, self.next());
        for (start, end) in blocks {
            // A block may not start at the cumulative ack + 1, nor reach past what was sent.
            if start <= end && start >= first && end < next {
                new.push((start, end));
            }
        }
        if !new.is_sorted_by(|a, b| a.1 < b.0) {
            new.sort_unstable();
            new.dedup_by(|b, a| {
                let overlaps = b.0 <= a.1 + 1;
                if overlaps {
                    a.1 = a.1.max(b.1);
                }
                overlaps
            });
        }
        let old = std::mem::take(&mut self.gaps);
        self.visit_new(now, &new, &old, sampler, acked);
        // Every range reported before and still above the cumulative ack must be inside a new one.
        self.reneged |= !old.iter().filter(|o| o.1 >= first).all(|o| {
            let at = new.partition_point(|n| n.1 < o.1);
            new.get(at).is_some_and(|n| n.0 <= o.0.max(first))
        });
        self.gaps = new;
        self.scratch = old;
    }

    /// Visits the indices that are in `new` and not in `old`; both are sorted.
    fn visit_new(
        &mut self,
        now: Instant,
        new: &[(u64, u64)],
        old: &[(u64, u64)],
        sampler: &mut Sampler,
        acked: &mut Acked,
    ) {
        let mut at = 0;
        for &(start, end) in new {
            let mut from = start;
            while from <= end {
                while old.get(at).is_some_and(|range| range.1 < from) {
                    at += 1;
                }
                let (until, resume) = match old.get(at) {
                    Some(range) if range.0 <= end => (range.0.max(from), range.1 + 1),
                    _ => (end + 1, end + 1),
                };
                for index in from..until {
                    self.acknowledge_one(now, index, sampler, acked);
                }
                from = resume.max(until);
            }
        }
    }

    fn acknowledge_one(&mut self, now: Instant, index: u64, sampler: &mut Sampler, acked: &mut Acked) {
        let at = usize::try_from(index.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        if !matches!(chunk.state, ChunkState::InFlight | ChunkState::Lost) {
            return;
        }
        self.flight.account(now, chunk, index, sampler, acked);
        chunk.state = ChunkState::Acked;
        self.gap_acked += 1;
    }

    /// The oldest transmission that is still in flight: its chunk, when it left and in which packet.
    pub(crate) fn oldest(&mut self) -> Option<(u64, Instant, u64)> {
        let (Oldest::First(index) | Oldest::Again(index)) = self.find_oldest()?;
        self.chunk(index).map(|chunk| (index, chunk.sent_at, chunk.packet))
    }

    /// The [oldest](Self::oldest) transmission is no loss yet, for the peer's SACKs have no room to report so far.
    pub(crate) fn defer_oldest(&mut self) {
        let entry = match self.find_oldest() {
            Some(Oldest::First(index)) => {
                self.next_first += 1;
                self.chunk(index).map(|chunk| (index, chunk.packet))
            }
            Some(Oldest::Again(_)) => self.repeats.pop_front(),
            None => None,
        };
        self.deferred.extend(entry);
    }

    fn find_oldest(&mut self) -> Option<Oldest> {
        let first = self.next_first_in_flight();
        while let Some(&(index, packet)) = self.repeats.front() {
            if self.is_in_flight_since(index, packet) {
                // What is sent again stands before what is new in a packet.
                return match first {
                    Some((first, sent)) if sent < packet => Some(Oldest::First(first)),
                    _ => Some(Oldest::Again(index)),
                };
            }
            self.repeats.pop_front();
        }
        first.map(|(index, _)| Oldest::First(index))
    }

    /// The lowest chunk that was sent once and is in flight, and its packet, as far as it was not deferred.
    fn next_first_in_flight(&mut self) -> Option<(u64, u64)> {
        self.next_first = self.next_first.max(self.base);
        while let Some(chunk) = self.chunk(self.next_first) {
            if chunk.is_simply_in_flight() {
                return Some((self.next_first, chunk.packet));
            }
            self.next_first += 1;
        }
        None
    }

    /// The first chunk that was neither acknowledged nor given up, if it stands right behind those.
    pub(crate) fn first_unsettled(&self) -> Option<Chunk> {
        let chunk = self.chunk(self.advanced.max(self.base - 1) + 1)?;
        matches!(chunk.state, ChunkState::InFlight | ChunkState::Lost).then_some(*chunk)
    }

    /// A transmission that was put off and that SACKs could report by now: they reach up to `horizon`.
    pub(crate) fn next_deferred(&mut self, horizon: u64) -> Option<u64> {
        while let Some((index, packet)) = self.deferred.pop_front_if(|(index, _)| *index <= horizon) {
            if self.is_in_flight_since(index, packet) {
                return Some(index);
            }
        }
        None
    }

    /// The highest chunk in flight: what a tail loss probe repeats.
    pub(crate) fn newest_in_flight(&self) -> Option<u64> {
        let in_flight = |index: &u64| self.chunk(*index).is_some_and(|c| c.state == ChunkState::InFlight);
        (self.base..self.next()).rev().find(in_flight)
    }

    /// A chunk is found lost; the result is its size on the wire.
    pub(crate) fn mark_lost(&mut self, index: u64) -> usize {
        let Some(chunk) = self.chunk_mut(index) else { return 0 };
        if chunk.state != ChunkState::InFlight {
            return 0;
        }
        chunk.state = ChunkState::Lost;
        let bytes = chunk.wire_bytes();
        self.flight.bytes -= bytes;
        match self.lost.back() {
            Some(&last) if last >= index => {
                let at = self.lost.partition_point(|other| *other < index);
                if self.lost.get(at) != Some(&index) {
                    self.lost.insert(at, index);
                }
            }
            _ => self.lost.push_back(index),
        }
        bytes
    }

    /// T3-rtx expired: everything in flight is taken for lost, and blocks that the peer took back are believed
    /// no longer. The result is how many bytes that were.
    pub(crate) fn mark_all_lost(&mut self) -> usize {
        let before = self.flight.bytes;
        if std::mem::take(&mut self.reneged) {
            self.unack_reneged();
        }
        self.lost.clear();
        for (at, chunk) in self.chunks.iter_mut().enumerate() {
            if chunk.state == ChunkState::InFlight {
                chunk.state = ChunkState::Lost;
            }
            if chunk.state == ChunkState::Lost {
                self.lost.push_back(self.base + at as u64);
            }
        }
        self.next_first = self.next();
        self.repeats.clear();
        self.deferred.clear();
        self.flight.bytes = 0;
        before
    }

    fn unack_reneged(&mut self) {
        for (at, chunk) in self.chunks.iter_mut().enumerate() {
            let index = self.base + at as u64;
            let reported = {
                let at = self.gaps.partition_point(|range| range.1 < index);
                self.gaps.get(at).is_some_and(|range| range.0 <= index)
            };
            if chunk.state == ChunkState::Acked && !reported {
                chunk.state = ChunkState::Lost;
                self.gap_acked -= 1;
                self.flight.payload += usize::from(chunk.length);
            }
        }
    }

    /// Gives a message up (RFC 3758 §3.5 A): its chunks need no acknowledgement any more, its bytes are given back. If its end
    /// was not sent, a TSN without a chunk stands for it, so that the peer hears of it by FORWARD-TSN.
    pub(crate) fn abandon(&mut self, now: Instant, slot: Slot, sent_bytes: Option<usize>) -> Option<GivenUp> {
        let message = self.messages.get_mut(slot)?;
        if message.abandoned {
            return None;
        }
        message.abandoned = true;
        let (first, last) = (message.first, message.last);
        let left = sent_bytes.map(|sent| message.data.len().saturating_sub(sent));
        message.data = Bytes::new();
        for index in first.max(self.base)..=last {
            let Some(chunk) = self.chunk_mut(index).filter(|chunk| chunk.message == slot) else { continue };
            let (state, bytes, length) = (chunk.state, chunk.wire_bytes(), usize::from(chunk.length));
            chunk.state = ChunkState::Abandoned;
            match state {
                ChunkState::InFlight => {
                    self.flight.bytes -= bytes;
                    self.flight.payload -= length;
                }
                ChunkState::Lost => self.flight.payload -= length,
                ChunkState::Acked => self.gap_acked -= 1,
                ChunkState::Abandoned => {}
            }
        }
        let not_sent = left.map(|bytes| (self.next(), bytes));
        if not_sent.is_some() {
            self.chunks.push_back(Chunk {
                message: slot,
                packet: 0,
                sent_at: now,
                stamp: Stamp::default(),
                offset: 0,
                fragment: 0,
                length: 0,
                transmissions: 0,
                state: ChunkState::Abandoned,
                flags: DataFlags::END,
            });
        }
        self.advance();
        Some(GivenUp { not_sent })
    }

    /// No more of a message will be sent, nor can the peer be told, for it has no such stream: with what was sent it is over.
    pub(crate) fn end_early(&mut self, slot: Slot) {
        let Some(last) = self.messages.get(slot).map(|message| message.last) else { return };
        if let Some(chunk) = self.chunk_mut(last) {
            chunk.flags |= DataFlags::END;
        } else {
            self.messages.end(slot);
        }
    }

    /// RFC 3758 §3.5 C1, C2: the Advanced.Peer.Ack.Point moves over chunks that were given up.
    pub(crate) fn advance(&mut self) {
        self.advanced = self.advanced.max(self.base - 1);
        while self.chunk(self.advanced + 1).is_some_and(|chunk| chunk.state == ChunkState::Abandoned) {
            self.advanced += 1;
        }
    }

    /// The messages between the cumulative ack and the Advanced.Peer.Ack.Point, each row of neighbouring chunks once, with
    /// the index of its first.
    pub(crate) fn skipped_messages(&self) -> impl Iterator<Item = (u64, &OutMessage)> {
        let end = usize::try_from(self.advanced + 1 - self.base).unwrap_or(0);
        let mut last = None;
        (self.base..).zip(self.chunks.iter().take(end)).filter_map(move |(index, chunk)| {
            if last == Some(chunk.message) {
                return None;
            }
            last = Some(chunk.message);
            Some((index, self.messages.get(chunk.message)?))
        })
    }
}

#[cfg(test)]
mod tests;
