//! Handshake messages out of fragments (RFC 6347 §4.2.3), in the order of their numbers.
//!
//! Problem: a browser's first message comes in two datagrams, in either order; and anyone may send fragments,
//! for before the key exchange nothing is authenticated.
//! How: a slot for each message from the next one on, filled in any order. What limits it:
//!
//! ```text
//!   next = 4        slot 4: 0110 of a ClientHello        a message is at most max_message bytes
//!                   slot 5: -                            all slots together at most max_total
//!                   slot 6: 1111 complete, waiting       at most AHEAD numbers beyond `next`
//! ```
//!
//! A forged fragment must not block the peer's honest ones for longer than a retransmission: where two
//! fragments of a message disagree two versions are kept, and the first to be whole counts; where memory runs out the
//! slot furthest ahead is given up for one nearer to `next`.
//! More: LESSONS in docs/dtls.md, "Fragments".

use std::collections::BTreeMap;

use crate::error::Discard;
use crate::wire::{Fragment, HandshakeType};

/// How many messages beyond the next one are buffered: more than any flight has.
const AHEAD: u32 = 10;

/// How many versions of a message are kept where fragments disagree: the peer's, and a forger's.
const MAX_VERSIONS: usize = 2;

/// A whole handshake message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub message_type: HandshakeType,
    pub message_seq: u16,
    /// The epoch of the records that carried it.
    pub epoch: u64,
    pub body: Vec<u8>,
}

/// What became of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It was put in its place.
    Kept,
    /// Its message was handed out already: the peer repeats itself.
    Old,
}

/// The slots.
#[derive(Debug)]
pub(crate) struct Reassembly {
    /// The number of the message that comes next; 2^16 behind the last there is.
    next: u32,
    /// New messages from older epochs are not taken.
    lowest_epoch: u64,
    /// Versions of each message, the oldest first; never none.
    slots: BTreeMap<u16, Vec<Slot>>,
    bytes: usize,
    max_message: usize,
    max_total: usize,
}

/// One version of a message, with what is there of it.
#[derive(Debug)]
pub(crate) struct Slot {
    message_type: HandshakeType,
    epoch: u64,
    body: Vec<u8>,
    filled: Filled,
}

impl Reassembly {
    pub(crate) fn new(max_message: usize, max_total: usize) -> Self {
        Self {
            next: 0,
            lowest_epoch: 0,
            slots: BTreeMap::new(),
            bytes: 0,
            max_message,
            max_total: max_total.max(max_message),
        }
    }

    /// The number of the message that comes next.
    pub(crate) fn next_seq(&self) -> u32 {
        self.next
    }

    /// The first message has this number.
    pub(crate) fn begin_at(&mut self, message_seq: u16) {
        self.next = u32::from(message_seq);
    }

    /// Puts a fragment that came under `epoch` in its place.
    pub(crate) fn insert(&mut self, epoch: u64, fragment: &Fragment<'_>) -> Result<Inserted, Discard> {
        let header = &fragment.header;
        let Some(ahead) = u32::from(header.message_seq).checked_sub(self.next) else {
            return Ok(Inserted::Old);
        };
        if epoch < self.lowest_epoch {
            return Err(Discard::PlaintextHandshake);
        }
        if ahead > AHEAD {
            return Err(Discard::FragmentTooFarAhead);
        }
        let length = header.length as usize;
        if length > self.max_message {
            return Err(Discard::MessageTooLong);
        }
        if fragment.body.is_empty() && length > 0 {
            return Err(Discard::EmptyFragment);
        }
        let versions = self.slots.entry(header.message_seq).or_default();
        // Bytes on which both agree belong to both.
        let mut fits = false;
        for slot in versions.iter_mut() {
            fits |= slot.put(epoch, fragment);
        }
        if fits {
            return Ok(Inserted::Kept);
        }
        // The first fragment of its message, or one that disagrees with those before.
        let conflict = !versions.is_empty();
        if versions.len() == MAX_VERSIONS {
            self.bytes -= versions.remove(0).body.len();
        }
        if !self.make_room(header.message_seq, length) {
            self.slots.retain(|_, versions| !versions.is_empty());
            return Err(Discard::BufferFull);
        }
        let mut slot = Slot::new(epoch, fragment);
        slot.put(epoch, fragment);
        self.bytes += length;
        self.slots.entry(header.message_seq).or_default().push(slot);
        if conflict { Err(Discard::ConflictingFragments) } else { Ok(Inserted::Kept) }
    }

    /// The next message, once it is complete.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        // 65536 messages in one connection: numbers do not begin again (RFC 9147 §5.2).
        let message_seq = u16::try_from(self.next).ok()?;
        let at = self.slots.get(&message_seq)?.iter().position(|slot| slot.filled.is_full())?;
        let slot = self.remove(message_seq).into_iter().nth(at)?;
        self.next += 1;
        Some(Message { message_type: slot.message_type, message_seq, epoch: slot.epoch, body: slot.body })
    }

    /// Whether anything is held that came under keys.
    pub(crate) fn holds_authenticated(&self) -> bool {
        self.slots.values().flatten().any(|slot| slot.epoch > 0)
    }

    /// Whether any fragment of a message that was not handed out is held.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The peer has keys now: what is not under them is not from the peer, also what is held already.
    pub(crate) fn require_epoch(&mut self, epoch: u64) {
        self.lowest_epoch = epoch;
        let mut bytes = 0;
        self.slots.retain(|_, versions| {
            versions.retain(|slot| slot.epoch >= epoch);
            bytes += versions.iter().map(|slot| slot.body.len()).sum::<usize>();
            !versions.is_empty()
        });
        self.bytes = bytes;
    }

    /// Forgets everything but the number of the next message: the handshake is over.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.bytes = 0;
    }

    fn remove(&mut self, message_seq: u16) -> Vec<Slot> {
        let versions = self.slots.remove(&message_seq).unwrap_or_default();
        self.bytes -= versions.iter().map(|slot| slot.body.len()).sum::<usize>();
        versions
    }

    fn make_room(&mut self, message_seq: u16, length: usize) -> bool {
        while self.bytes + length > self.max_total {
            match self.slots.last_key_value() {
                Some((&last, _)) if last > message_seq => drop(self.remove(last)),
                _ => return false,
            }
        }
        true
    }
}

impl Slot {
    /// For the message of a fragment that came under `epoch`; nothing of it is there yet.
    pub(crate) fn new(epoch: u64, fragment: &Fragment<'_>) -> Self {
        let length = fragment.header.length as usize;
        let message_type = fragment.header.message_type;
        Self { message_type, epoch, body: vec![0; length], filled: Filled::new(length) }
    }

    /// Bytes of the whole message.
    pub(crate) fn length(&self) -> usize {
        self.body.len()
    }

    /// Whether the message is whole.
    pub(crate) fn is_full(&self) -> bool {
        self.filled.is_full()
    }

    /// The message, or what is there of it.
    pub(crate) fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// Copies the fragment in; `false` if it disagrees with what is known of the message.
    pub(crate) fn put(&mut self, epoch: u64, fragment: &Fragment<'_>) -> bool {
        let header = &fragment.header;
        if header.message_type != self.message_type
            || header.length as usize != self.body.len()
            || epoch != self.epoch
        {
            return false;
        }
        let start = header.fragment_offset as usize;
        let Some(place) = self.body.get_mut(start..start + fragment.body.len()) else { return false };
        let differs = place.iter().zip(fragment.body).enumerate();
        let conflict = differs
            .filter(|(_, (known, new))| known != new)
            .any(|(offset, _)| self.filled.contains(start + offset));
        if conflict {
            return false;
        }
        place.copy_from_slice(fragment.body);
        self.filled.add(start, start + fragment.body.len());
        true
    }
}

/// Which bytes of a message are there: one bit each.
#[derive(Debug)]
struct Filled {
    words: Vec<u64>,
    missing: usize,
}

impl Filled {
    fn new(length: usize) -> Self {
        Self { words: vec![0; length.div_ceil(64)], missing: length }
    }

    fn contains(&self, index: usize) -> bool {
        self.words.get(index / 64).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    fn add(&mut self, start: usize, end: usize) {
        let mut index = start;
        while index < end {
            let (word, bit) = (index / 64, index % 64);
            let count = (64 - bit).min(end - index);
            let mask = (u64::MAX >> (64 - count)) << bit;
            let fresh = mask & !self.words[word];
            self.words[word] |= mask;
            self.missing -= fresh.count_ones() as usize;
            index += count;
        }
    }

    fn is_full(&self) -> bool {
        self.missing == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HandshakeHeader;
    use proptest::prelude::*;

    fn fragment(message_seq: u16, length: u32, offset: u32, body: &[u8]) -> Fragment<'_> {
        let fragment_length = u32::try_from(body.len()).unwrap();
        let header = HandshakeHeader {
            message_type: HandshakeType::CLIENT_HELLO,
            length,
            message_seq,
            fragment_offset: offset,
            fragment_length,
        };
        Fragment { header, body }
    }

    fn reassembly() -> Reassembly {
        Reassembly::new(1000, 2000)
    }

    #[test]
    fn fragments_may_come_in_any_order_overlap_and_repeat() {
        let mut reassembly = reassembly();
        for (offset, body) in [(3, &b"def"[..]), (3, b"def"), (1, b"bcd"), (0, b"ab")] {
            assert_eq!(reassembly.pop(), None);
            assert_eq!(reassembly.insert(0, &fragment(0, 6, offset, body)), Ok(Inserted::Kept));
        }
        assert_eq!(reassembly.pop().unwrap().body, b"abcdef");
        assert_eq!(reassembly.insert(0, &fragment(0, 6, 0, b"ab")), Ok(Inserted::Old));
        assert!(reassembly.is_empty());
    }

    #[test]
    fn messages_are_handed_out_in_the_order_of_their_numbers() {
        let mut reassembly = reassembly();
        reassembly.insert(0, &fragment(1, 1, 0, b"b")).unwrap();
        assert_eq!(reassembly.pop(), None);
        reassembly.insert(0, &fragment(0, 0, 0, b"")).unwrap();
        assert_eq!(reassembly.pop().unwrap().message_seq, 0);
        assert_eq!(reassembly.pop().unwrap().body, b"b");
        assert_eq!(reassembly.next_seq(), 2);
    }

    #[test]
    fn a_fragment_without_bytes_is_dropped() {
        let mut reassembly = reassembly();
        assert_eq!(reassembly.insert(0, &fragment(0, 4, 0, b"")), Err(Discard::EmptyFragment));
        assert_eq!(reassembly.insert(0, &fragment(0, 4, 4, b"")), Err(Discard::EmptyFragment));
        assert_eq!(reassembly.pop(), None);
    }

    #[test]
    fn of_fragments_that_disagree_two_versions_are_kept_and_the_first_to_be_whole_counts() {
        let conflict = Err(Discard::ConflictingFragments);
        let kept = Ok(Inserted::Kept);
        let mut reassembly = reassembly();
        // A forger in the middle of an honest message.
        assert_eq!(reassembly.insert(0, &fragment(0, 4, 0, b"ab")), kept);
        assert_eq!(reassembly.insert(0, &fragment(0, 4, 0, b"xx")), conflict);
        assert_eq!(reassembly.insert(0, &fragment(0, 4, 2, b"cd")), kept);
        assert_eq!(reassembly.pop().unwrap().body, b"abcd");
        // A forger before it: another length, then another epoch; the oldest gives way.
        assert_eq!(reassembly.insert(0, &fragment(1, 9, 0, b"forged")), kept);
        assert_eq!(reassembly.insert(0, &fragment(1, 2, 0, b"x")), conflict);
        assert_eq!(reassembly.insert(1, &fragment(1, 2, 0, b"ab")), conflict);
        assert_eq!(reassembly.pop().unwrap().body, b"ab");
        assert!(reassembly.is_empty());
        assert_eq!(reassembly.bytes, 0);
    }

    #[test]
    fn numbers_far_ahead_and_messages_too_long_are_dropped() {
        let mut reassembly = reassembly();
        let far = u16::try_from(AHEAD).unwrap() + 1;
        assert_eq!(reassembly.insert(0, &fragment(far, 1, 0, b"x")), Err(Discard::FragmentTooFarAhead));
        assert_eq!(reassembly.insert(0, &fragment(u16::MAX, 1, 0, b"x")), Err(Discard::FragmentTooFarAhead));
        assert_eq!(reassembly.insert(0, &fragment(0, 1001, 0, b"x")), Err(Discard::MessageTooLong));
        assert_eq!(reassembly.insert(0, &fragment(0, 0xff_ffff, 0, b"x")), Err(Discard::MessageTooLong));
    }

    #[test]
    fn the_last_number_of_all_is_used_once() {
        let mut reassembly = reassembly();
        reassembly.begin_at(u16::MAX);
        assert_eq!(reassembly.insert(0, &fragment(u16::MAX, 1, 0, b"x")), Ok(Inserted::Kept));
        assert_eq!(reassembly.pop().unwrap().message_seq, u16::MAX);
        assert_eq!(reassembly.insert(0, &fragment(u16::MAX, 1, 0, b"x")), Ok(Inserted::Old));
        assert_eq!(reassembly.pop(), None);
    }

    #[test]
    fn a_full_buffer_gives_way_to_the_message_that_comes_next() {
        let mut reassembly = reassembly();
        reassembly.insert(0, &fragment(5, 1000, 0, b"x")).unwrap();
        reassembly.insert(0, &fragment(6, 1000, 0, b"x")).unwrap();
        assert_eq!(reassembly.insert(0, &fragment(7, 1, 0, b"x")), Err(Discard::BufferFull));
        assert_eq!(reassembly.insert(0, &fragment(0, 500, 0, b"x")), Ok(Inserted::Kept));
        assert_eq!(reassembly.bytes, 1500);
        assert!(!reassembly.slots.contains_key(&6));
    }

    proptest! {
        #[test]
        fn any_cut_in_any_order_gives_the_message_back(
            body in proptest::collection::vec(any::<u8>(), 1..600),
            cuts in proptest::collection::vec((0usize..600, 1usize..200), 0..40),
        ) {
            let mut reassembly = reassembly();
            let length = u32::try_from(body.len()).unwrap();
            for (start, count) in cuts {
                let start = start % body.len();
                let end = (start + count).min(body.len());
                let offset = u32::try_from(start).unwrap();
                reassembly.insert(0, &fragment(0, length, offset, &body[start..end])).unwrap();
            }
            reassembly.insert(0, &fragment(0, length, 0, &body)).unwrap();
            prop_assert_eq!(reassembly.pop().unwrap().body, body);
            prop_assert_eq!(reassembly.bytes, 0);
        }

        #[test]
        fn arbitrary_fragments_stay_within_the_bound(
            fragments in proptest::collection::vec((0u16..20, 0u32..1200, 0u32..1200, 0usize..50), 0..200),
        ) {
            let mut reassembly = reassembly();
            for (seq, length, offset, count) in fragments {
                let count = u32::try_from(count).unwrap().min(length.saturating_sub(offset));
                let body = vec![1; count as usize];
                if offset + count <= length {
                    let _ = reassembly.insert(0, &fragment(seq, length, offset, &body));
                }
                prop_assert!(reassembly.bytes <= 2000);
                let _ = reassembly.pop();
            }
        }
    }
}
