//! From fragments to messages, and messages into their order (RFC 9260 §6.5, §6.6, §6.9).
//!
//! Problem: fragments come in any order, and a copy or an allocation for each would be the cost of the stack.
//! How: a *run* is a row of neighbouring fragments of one message. The run that was touched last stays open (with
//! I-DATA one for each stream, for streams take turns), so that a fragment in order is one append into a buffer of the
//! size that the stream's last message had. Other runs wait in a map; a fragment that fits between two joins them,
//! moving the shorter list of pieces only.
//! ```text
//!   fragments   B 1 2 3   5 6       8 E
//!   runs        [open]    [map]     [map]        4 joins two runs: pieces move, bytes stay
//!   complete:   one piece is handed out as it is; more are copied once into one
//! ```
//! With DATA a run's place is its TSN; with I-DATA it is (stream, U, MID) and the fragment number.
//! Longer than most files: runs, order and what was skipped are one bookkeeping of the same bytes.
//! More: RFC 9260 §6.9, RFC 8260 §2.2; docs/sctp.md, "Receiving".

use crate::event::{Message, Ppid, StreamId};
use crate::numbers::{unwrap_near, unwrap_near_16, wire_16};
use crate::receive::arena::Arena;
use crate::ring::Ring;
use crate::stream_map::{FirstUse, StreamMap};
use crate::wire::forward_tsn::Skipped;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};

/// What a run or a waiting message costs beside its bytes: counted against the window, so that many tiny ones
/// cannot pin more memory than the window says.
const ITEM_OVERHEAD: usize = 128;

/// What all incomplete messages together may reserve before their bytes come: a peer that begins many and ends none
/// gets no more memory in advance.
const MOST_IN_ADVANCE: usize = 2 << 20;

/// One DATA or I-DATA chunk, as far as reassembly needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fragment<'a> {
    /// Which message: 0 with DATA, stream, U and MID with I-DATA.
    pub(crate) message: u64,
    /// Where in it: the TSN index with DATA, the fragment number with I-DATA.
    pub(crate) place: u64,
    pub(crate) begin: bool,
    pub(crate) end: bool,
    pub(crate) unordered: bool,
    pub(crate) stream: u16,
    /// SSN or MID, as on the wire.
    pub(crate) number: u32,
    pub(crate) ppid: u32,
    pub(crate) payload: &'a [u8],
}

impl Fragment<'_> {
    pub(crate) fn i_data_message(stream: u16, unordered: bool, mid: u32) -> u64 {
        u64::from(stream) << 33 | u64::from(unordered) << 32 | u64::from(mid)
    }
}

/// Fragments that contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inconsistent;

#[derive(Debug)]
struct Run {
    last: u64,
    begin: bool,
    end: bool,
    unordered: bool,
    /// A FORWARD-TSN reached into this run: its rest may never come.
    skipped: bool,
    stream: u16,
    number: u32,
    ppid: u32,
    bytes: usize,
    /// Bytes reserved when it began.
    in_advance: usize,
    tail: BytesMut,
    /// Pieces before `tail`.
    before: VecDeque<BytesMut>,
}

/// A message whose fragments are all there.
struct Whole {
    stream: u16,
    number: u32,
    ppid: u32,
    unordered: bool,
    in_advance: usize,
    data: BytesMut,
}

/// Where a run begins: its message, and the place of its first fragment in it.
type Key = (u64, u64);

#[derive(Debug)]
struct Stream {
    /// The next SSN or MID of ordered messages, unwrapped.
    next: u64,
    /// With I-DATA: the run that was touched last.
    open: Option<(Key, Run)>,
    waiting: BTreeMap<u64, Message>,
    last_size: usize,
}

/// All incomplete, waiting and ready messages of an association.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    interleaving: bool,
    arena: Arena,
    /// With DATA: the run that was touched last.
    open: Option<(Key, Run)>,
    /// Runs that are open, of all streams.
    open_count: usize,
    runs: BTreeMap<Key, Run>,
    in_advance: usize,
    streams: StreamMap<Stream>,
    ready: Ring<Message>,
    /// How many messages ever became ready and were ever polled.
    ready_count: u64,
    polled_count: u64,
    incomplete_bytes: usize,
    waiting_bytes: usize,
    waiting_count: usize,
    ready_bytes: usize,
    delivered_bytes: usize,
}

impl Reassembly {
    /// Nothing has arrived; messages use the memory of `arena_bytes` again.
    pub(crate) fn new(arena_bytes: usize) -> Self {
        Self { arena: Arena::new(arena_bytes), ..Self::default() }
    }

    /// A new association begins; messages of one before it can still be polled.
    pub(crate) fn start(&mut self, interleaving: bool, first_number: u32) {
        let before = std::mem::take(self);
        *self = Self {
            interleaving,
            streams: StreamMap::starting_at(first_number),
            arena: before.arena,
            ready: before.ready,
            ready_count: before.ready_count,
            polled_count: before.polled_count,
            ready_bytes: before.ready_bytes,
            delivered_bytes: before.delivered_bytes,
            ..Self::default()
        };
    }

    /// It is quiet: memory that messages to come would use again is given back.
    pub(crate) fn shrink(&mut self) {
        self.arena.shrink();
    }

    /// Whether nothing but incomplete messages fills the window: no reading can open it.
    pub(crate) fn is_only_incomplete(&self) -> bool {
        self.application_bytes() == 0
    }

    /// Bytes of incomplete messages.
    pub(crate) fn incomplete_bytes(&self) -> usize {
        self.incomplete_bytes
    }

    /// Bytes that only the application can free: ready, or polled and not released.
    fn application_bytes(&self) -> usize {
        self.ready_bytes + self.delivered_bytes
    }

    /// What counts against the receive window.
    pub(crate) fn held_bytes(&self) -> usize {
        let runs = self.runs.len() + self.open_count;
        let items = runs + self.waiting_count + self.ready.len();
        self.incomplete_bytes
            + self.waiting_bytes
            + self.ready_bytes
            + self.delivered_bytes
            + items.saturating_sub(1) * ITEM_OVERHEAD
    }

    #[inline]
    pub(crate) fn release(&mut self, bytes: usize) {
        self.delivered_bytes = self.delivered_bytes.saturating_sub(bytes);
    }

    pub(crate) fn hold(&mut self, bytes: usize) {
        self.delivered_bytes = self.delivered_bytes.saturating_add(bytes);
    }

    #[inline]
    pub(crate) fn poll(&mut self) -> Option<Message> {
        let message = self.ready.pop_front()?;
        self.polled_count += 1;
        self.ready_bytes -= message.data.len();
        self.delivered_bytes += message.data.len();
        Some(message)
    }

    /// A mark that [`Self::is_polled`] once all that is ready now has been polled.
    pub(crate) fn mark(&self) -> u64 {
        self.ready_count
    }

    pub(crate) fn is_polled(&self, mark: u64) -> bool {
        self.polled_count >= mark
    }

    pub(crate) fn ready_count(&self) -> u64 {
        self.ready_count
    }

    /// Takes a fragment that was not seen before.
    #[inline]
    pub(crate) fn insert(&mut self, fragment: &Fragment<'_>) -> Result<(), Inconsistent> {
        if fragment.begin && fragment.end {
            if self.open_count > 0 || !self.runs.is_empty() {
                self.check_whole(fragment)?;
            }
            let data = self.arena.copy(fragment.payload);
            self.deliver(fragment.stream, fragment.number, fragment.ppid, fragment.unordered, data);
            return Ok(());
        }
        self.incomplete_bytes += fragment.payload.len();
        if !self.runs.is_empty() {
            return self.insert_apart(fragment);
        }
        let stream = self.streams.entry(fragment.stream);
        let slot = if self.interleaving { &mut stream.open } else { &mut self.open };
        let Some((key, run)) = slot else {
            let bytes = reserve(stream.last_size, self.in_advance);
            let run = Run::new(fragment, bytes, &mut self.arena);
            self.in_advance += run.in_advance;
            self.open_count += 1;
            *slot = Some(((fragment.message, fragment.place), run));
            return Ok(());
        };
        if key.0 != fragment.message || !run.is_followed_by(fragment) {
            return self.insert_apart(fragment);
        }
        if !(run.begin && fragment.end) {
            return run.append(fragment);
        }
        // Taken apart where it stands: a copy of the run would wait for what was written into it last.
        run.check(fragment)?;
        let whole = run.take_message(fragment.payload);
        *slot = None;
        self.open_count -= 1;
        self.finish(whole);
        Ok(())
    }

    fn take_open(&mut self, stream: u16) -> Option<(Key, Run)> {
        let open =
            if self.interleaving { self.streams.get_mut(stream)?.open.take() } else { self.open.take() };
        self.open_count -= usize::from(open.is_some());
        open
    }

    fn leave_open(&mut self, key: Key, run: Run) {
        let slot = if self.interleaving { &mut self.streams.entry(run.stream).open } else { &mut self.open };
        if let Some((key, run)) = slot.replace((key, run)) {
            self.runs.insert(key, run);
        } else {
            self.open_count += 1;
        }
    }

    /// A whole message must not stand where a neighbour says that a message goes on (DATA only).
    fn check_whole(&mut self, fragment: &Fragment<'_>) -> Result<(), Inconsistent> {
        self.park(fragment.stream);
        if self.runs.is_empty() {
            return Ok(());
        }
        if self.interleaving {
            let first = (fragment.message, 0);
            let any = self.runs.range(first..=(fragment.message, u64::MAX)).next().is_some();
            return if any { Err(Inconsistent) } else { Ok(()) };
        }
        self.check_neighbours(fragment)
    }

    /// RFC 9260 §6.9: B follows an end, and E is followed by a beginning. With I-DATA no fragment comes twice, for TSNs
    /// tell them apart, and none comes behind the end.
    fn check_neighbours(&mut self, fragment: &Fragment<'_>) -> Result<(), Inconsistent> {
        if self.interleaving
            && let Some((key, run)) = self.runs.range(..=(fragment.message, fragment.place)).next_back()
            && key.0 == fragment.message
            && (run.last >= fragment.place || run.end)
        {
            return Err(Inconsistent);
        }
        if fragment.begin
            && let Some((key, run)) = self.runs.range(..(fragment.message, fragment.place)).next_back()
            && key.0 == fragment.message
            && run.last + 1 == fragment.place
            && !run.end
        {
            if !run.skipped {
                return Err(Inconsistent);
            }
            let key = *key;
            self.drop_run(key);
        }
        if fragment.end
            && let Some(next) = self.runs.get(&(fragment.message, fragment.place + 1))
            && !next.begin
        {
            return Err(Inconsistent);
        }
        Ok(())
    }

    /// A fragment that is not the next of the only run.
    fn insert_apart(&mut self, fragment: &Fragment<'_>) -> Result<(), Inconsistent> {
        if let Some((key, mut run)) = self.take_open(fragment.stream) {
            if key.0 == fragment.message && run.is_followed_by(fragment) {
                if self.interleaving {
                    self.check_neighbours(fragment)?;
                }
                run.append(fragment)?;
                return self.join_next(key, run);
            }
            self.runs.insert(key, run);
        }
        self.check_neighbours(fragment)?;
        let before = (!fragment.begin)
            .then(|| self.runs.range(..(fragment.message, fragment.place)).next_back())
            .flatten()
            .filter(|(key, run)| key.0 == fragment.message && run.is_followed_by(fragment))
            .map(|(key, _)| *key);
        if let Some(key) = before
            && let Some(mut run) = self.runs.remove(&key)
        {
            run.append(fragment)?;
            return self.join_next(key, run);
        }
        let last_size = self.streams.get(fragment.stream).map_or(0, |stream| stream.last_size);
        let run = Run::new(fragment, reserve(last_size, self.in_advance), &mut self.arena);
        self.in_advance += run.in_advance;
        self.join_next((fragment.message, fragment.place), run)
    }

    /// Puts the open run back into the map.
    fn park(&mut self, stream: u16) {
        if let Some((key, run)) = self.take_open(stream) {
            self.runs.insert(key, run);
        }
    }

    /// Delivers `run` if it is whole, or joined with the run after it; else leaves it open.
    #[inline]
    fn join_next(&mut self, key: Key, mut run: Run) -> Result<(), Inconsistent> {
        let next_key = (key.0, run.last + 1);
        if !run.end && self.runs.get(&next_key).is_some_and(|next| !next.begin) {
            let next = self.runs.remove(&next_key).ok_or(Inconsistent)?;
            run.join(next)?;
        }
        if run.begin && run.end {
            self.finish(run.take_message(&[]));
        } else {
            self.leave_open(key, run);
        }
        Ok(())
    }

    /// The run of this message is gone.
    #[inline]
    fn finish(&mut self, whole: Whole) {
        let Whole { stream, number, ppid, unordered, in_advance, data } = whole;
        self.incomplete_bytes -= data.len();
        self.in_advance -= in_advance;
        let data = self.arena.hand_out(data);
        self.deliver(stream, number, ppid, unordered, data);
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as push_ready")]
    fn deliver(&mut self, id: u16, number: u32, ppid: u32, unordered: bool, data: Bytes) {
        let message = Message { stream: StreamId(id), ppid: Ppid(ppid), data };
        let stream = self.streams.entry(id);
        stream.last_size = message.data.len();
        if unordered {
            return self.push_ready(message);
        }
        let index = Stream::index(stream.next, number, self.interleaving);
        if index == stream.next {
            stream.next += 1;
            let drain = !stream.waiting.is_empty();
            self.push_ready(message);
            if drain {
                self.drain_waiting(id);
            }
        } else if index > stream.next {
            let bytes = message.data.len();
            if let std::collections::btree_map::Entry::Vacant(slot) = stream.waiting.entry(index) {
                slot.insert(message);
                self.waiting_bytes += bytes;
                self.waiting_count += 1;
            }
        }
        // An SSN that was delivered or skipped already: the message is dropped (RFC 3758 §3.6).
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a message must not go through memory on its way: see ring.rs")]
    fn push_ready(&mut self, message: Message) {
        self.ready_bytes += message.data.len();
        self.ready_count += 1;
        self.ready.push_back(message);
    }

    /// Delivers what became next in order.
    fn drain_waiting(&mut self, id: u16) {
        while let Some(stream) = self.streams.get_mut(id)
            && let Some(entry) = stream.waiting.first_entry()
            && *entry.key() <= stream.next
        {
            let message = entry.remove();
            stream.next += 1;
            self.waiting_count -= 1;
            self.waiting_bytes -= message.data.len();
            self.push_ready(message);
        }
    }

    fn drop_run(&mut self, key: Key) {
        if let Some(run) = self.runs.remove(&key) {
            self.incomplete_bytes -= run.bytes;
            self.in_advance -= run.in_advance;
        }
    }

    /// FORWARD-TSN: nothing up to `cumulative` will come any more, nor the listed messages (RFC 3758 §3.6,
    /// RFC 8260 §2.3.1). Work is bounded by what is held and what is listed.
    pub(crate) fn forward(&mut self, cumulative: u64, skipped: impl Iterator<Item = Skipped>) {
        if !self.interleaving {
            self.park(0);
            for (_, run) in self.runs.range_mut(..=(0, cumulative)) {
                run.skipped = true;
            }
            let gone = |key: &Key, run: &Run| {
                run.last < cumulative
                    || (run.last == cumulative && !run.begin)
                    || (key.1 <= cumulative && !run.begin)
            };
            let keys: Vec<_> =
                self.runs.range(..=(0, cumulative)).filter(|(k, r)| gone(k, r)).map(|(k, _)| *k).collect();
            for key in keys {
                self.drop_run(key);
            }
        }
        for message in skipped {
            self.skip_message(cumulative, message);
        }
    }

    fn skip_message(&mut self, cumulative: u64, skipped: Skipped) {
        let interleaving = self.interleaving;
        self.park(skipped.stream);
        let next = self.streams.entry(skipped.stream).next;
        let index = Stream::index(next, skipped.number, interleaving);
        if interleaving {
            self.drop_messages(&skipped);
        } else {
            // At most one run is left that reaches over the cumulative TSN.
            let keys = self.runs.range(..=(0, cumulative)).filter(|(_, run)| {
                run.stream == skipped.stream
                    && run.unordered == skipped.unordered
                    && Stream::index(next, run.number, false) <= index
            });
            let keys: Vec<_> = keys.map(|(key, _)| *key).collect();
            for key in keys {
                self.drop_run(key);
            }
        }
        if skipped.unordered || index < next {
            return;
        }
        // Complete messages before the skipped one were only waiting for it.
        while let Some(stream) = self.streams.get_mut(skipped.stream)
            && let Some(entry) = stream.waiting.first_entry()
            && *entry.key() <= index
        {
            let message = entry.remove();
            self.waiting_count -= 1;
            self.waiting_bytes -= message.data.len();
            self.push_ready(message);
        }
        self.streams.entry(skipped.stream).next = index + 1;
        self.drain_waiting(skipped.stream);
    }

    /// I-FORWARD-TSN: drops what is there of `skipped` and of the messages before it, the half of all MIDs.
    fn drop_messages(&mut self, skipped: &Skipped) {
        let (first, last) = (skipped.number.wrapping_sub(1 << 31), skipped.number);
        if first <= last {
            self.drop_mids(skipped, first, last);
        } else {
            self.drop_mids(skipped, 0, last);
            self.drop_mids(skipped, first, u32::MAX);
        }
    }

    fn drop_mids(&mut self, of: &Skipped, first: u32, last: u32) {
        let [first, last] = [first, last].map(|mid| Fragment::i_data_message(of.stream, of.unordered, mid));
        let keys: Vec<_> = self.runs.range((first, 0)..=(last, u64::MAX)).map(|(key, _)| *key).collect();
        for key in keys {
            self.drop_run(key);
        }
    }

    /// The peer's SSNs of these streams start again at 0 (RFC 6525 §5.2.2 E4).
    pub(crate) fn reset_stream(&mut self, id: u16) {
        if self.streams.first_number() != 0 {
            self.streams.entry(id);
        }
        if let Some(stream) = self.streams.get_mut(id) {
            stream.next = Stream::FIRST;
            let waiting = std::mem::take(&mut stream.waiting);
            self.waiting_count -= waiting.len();
            self.waiting_bytes -= waiting.values().map(|message| message.data.len()).sum::<usize>();
        }
    }

    /// As [`Self::reset_stream`], for all streams.
    pub(crate) fn reset_all(&mut self) {
        self.streams.forget_first_number();
        for (_, stream) in self.streams.iter_mut() {
            stream.next = Stream::FIRST;
            stream.waiting.clear();
        }
        self.waiting_count = 0;
        self.waiting_bytes = 0;
    }
}

impl FirstUse for Stream {
    fn starting_at(number: u32) -> Self {
        Self { next: Self::FIRST + u64::from(number), open: None, waiting: BTreeMap::new(), last_size: 0 }
    }
}

impl Stream {
    /// Number 0, with turns behind it: numbers before it stay apart from it.
    const FIRST: u64 = 1 << 33;

    fn index(next: u64, number: u32, interleaving: bool) -> u64 {
        if interleaving {
            return unwrap_near(next, number);
        }
        unwrap_near_16(next, wire_16(u64::from(number)))
    }
}

/// What a message reserves when it begins: the size of its stream's last one, as long as all that are incomplete have
/// not reserved too much.
fn reserve(last_size: usize, in_advance: usize) -> usize {
    if in_advance == 0 || in_advance + last_size <= MOST_IN_ADVANCE { last_size } else { 0 }
}

impl Run {
    /// Begins with `fragment`, and reserves `bytes` if it begins a message.
    #[inline]
    fn new(fragment: &Fragment<'_>, bytes: usize, arena: &mut Arena) -> Self {
        let in_advance = if fragment.begin { bytes } else { 0 };
        let mut tail = arena.buffer(in_advance.max(fragment.payload.len()));
        tail.extend_from_slice(fragment.payload);
        Self {
            last: fragment.place,
            begin: fragment.begin,
            end: fragment.end,
            unordered: fragment.unordered,
            skipped: false,
            stream: fragment.stream,
            number: fragment.number,
            ppid: fragment.ppid,
            bytes: fragment.payload.len(),
            in_advance,
            tail,
            before: VecDeque::new(),
        }
    }

    /// Whether `fragment`, if it is of the same message, goes on where this run ends.
    #[inline]
    fn is_followed_by(&self, fragment: &Fragment<'_>) -> bool {
        self.last + 1 == fragment.place && !self.end && !fragment.begin
    }

    /// Whether `fragment`, which follows, is of the same message.
    #[inline]
    fn check(&self, fragment: &Fragment<'_>) -> Result<(), Inconsistent> {
        let same = self.stream == fragment.stream
            && self.unordered == fragment.unordered
            && (self.unordered || self.number == fragment.number);
        if same { Ok(()) } else { Err(Inconsistent) }
    }

    #[inline]
    fn append(&mut self, fragment: &Fragment<'_>) -> Result<(), Inconsistent> {
        self.check(fragment)?;
        self.last = fragment.place;
        self.end = fragment.end;
        self.bytes += fragment.payload.len();
        self.tail.extend_from_slice(fragment.payload);
        Ok(())
    }

    fn join(&mut self, mut next: Self) -> Result<(), Inconsistent> {
        let same = self.stream == next.stream
            && self.unordered == next.unordered
            && (self.unordered || self.number == next.number);
        if !same {
            return Err(Inconsistent);
        }
        self.last = next.last;
        self.end = next.end;
        self.bytes += next.bytes;
        self.in_advance += next.in_advance;
        let tail = std::mem::replace(&mut self.tail, next.tail);
        // The shorter list moves: joining costs as much as its smaller side.
        if self.before.len() >= next.before.len() {
            self.before.push_back(tail);
            self.before.append(&mut next.before);
        } else {
            next.before.push_front(tail);
            while let Some(piece) = self.before.pop_back() {
                next.before.push_front(piece);
            }
            self.before = next.before;
        }
        Ok(())
    }

    /// The message of a whole run, with `last` at its end; the run keeps no bytes.
    #[inline]
    fn take_message(&mut self, last: &[u8]) -> Whole {
        let mut tail = std::mem::take(&mut self.tail);
        tail.extend_from_slice(last);
        Whole {
            stream: self.stream,
            number: self.number,
            ppid: self.ppid,
            unordered: self.unordered,
            in_advance: self.in_advance,
            data: if self.before.is_empty() { tail } else { self.join_pieces(&tail) },
        }
    }

    fn join_pieces(&self, tail: &[u8]) -> BytesMut {
        let before: usize = self.before.iter().map(BytesMut::len).sum();
        let mut whole = BytesMut::with_capacity(before + tail.len());
        for piece in &self.before {
            whole.extend_from_slice(piece);
        }
        whole.extend_from_slice(tail);
        whole
    }
}
