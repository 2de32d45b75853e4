//! The messages that were begun and are not over: whose bytes chunks are read from, the first time and again.
//!
//! Problem: a chunk names its message for as long as it may be repeated, and messages end in any order where they are
//! interleaved (RFC 8260): one that waits for its turn may outlive thousands that were begun after it.
//! How: a row of slots, of which the one that was free last is taken next. Each message has exactly one chunk with END, and it
//! is the last that names it; so when that chunk is over, nothing names the slot.
//! ```text
//!   slots [A][ ][C][ ]   free: 1 3     chunks  C A C A C(end)     at most one slot a chunk, and one a stream
//! ```
//! More: RFC 3758 §3.5; docs/sctp.md, "Outstanding data".

use bytes::Bytes;
use std::time::Instant;

/// How long, or how often, a message is worth sending (RFC 3758, RFC 7496 §3.1).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Worth {
    /// Until it has arrived.
    Always,
    Retransmits(u32),
    Until(Instant),
}

impl Worth {
    /// The message may be given up.
    #[inline]
    pub(crate) fn is_limited(self) -> bool {
        !matches!(self, Self::Always)
    }

    #[inline]
    pub(crate) fn has_expired(self, now: Instant) -> bool {
        matches!(self, Self::Until(at) if at <= now)
    }

    /// How often a chunk of it may be sent again, if that is counted.
    pub(crate) fn retransmits(self) -> Option<u32> {
        if let Self::Retransmits(most) = self { Some(most) } else { None }
    }
}

/// A message that was begun.
#[derive(Debug)]
pub(crate) struct OutMessage {
    pub(crate) data: Bytes,
    pub(crate) stream: u16,
    pub(crate) ppid: u32,
    /// SSN, or MID if interleaved.
    pub(crate) number: u32,
    pub(crate) unordered: bool,
    pub(crate) worth: Worth,
    /// Indices of its first and last chunk so far.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) abandoned: bool,
}

/// Where a message stands in [`Messages`].
pub(crate) type Slot = u32;

/// The slots.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    slots: Vec<Option<OutMessage>>,
    free: Vec<Slot>,
}

impl Messages {
    #[inline]
    pub(crate) fn get(&self, slot: Slot) -> Option<&OutMessage> {
        self.slots.get(slot as usize)?.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut OutMessage> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Where the next message will stand.
    #[inline]
    pub(crate) fn next(&self) -> Slot {
        self.free.last().copied().unwrap_or_else(|| Slot::try_from(self.slots.len()).unwrap_or(Slot::MAX))
    }

    /// Begins a message; the result is in its place.
    #[inline]
    pub(super) fn begin(&mut self, message: OutMessage) -> &OutMessage {
        let at = self.next() as usize;
        if self.free.pop().is_none() {
            self.slots.push(None);
        }
        self.slots[at].insert(message)
    }

    /// The last chunk of a message is acknowledged, or given up, with all before it: its bytes are given back.
    #[inline]
    pub(super) fn end(&mut self, slot: Slot) {
        if self.slots.get_mut(slot as usize).and_then(Option::take).is_some() {
            self.free.push(slot);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::send) fn message(data: &Bytes) -> OutMessage {
        OutMessage {
            data: data.clone(),
            stream: 0,
            ppid: 0,
            number: 0,
            unordered: false,
            worth: Worth::Always,
            first: 0,
            last: 0,
            abandoned: false,
        }
    }

    #[test]
    fn a_message_that_is_over_gives_its_bytes_and_its_slot_back() {
        let (first, second) = (Bytes::from(vec![1; 100]), Bytes::from(vec![2; 100]));
        let mut messages = Messages::default();
        messages.begin(message(&first));
        let slot = messages.next();
        messages.begin(message(&second));
        messages.end(slot);
        assert!(second.is_unique() && messages.get(slot).is_none() && messages.next() == slot);
        // Of one that is over nothing is left to end.
        messages.end(slot);
        messages.end(9);
        messages.begin(message(&second));
        messages.begin(message(&second));
        assert_eq!((messages.slots.len(), messages.free.len()), (3, 0));
        assert!(messages.get(0).is_some_and(|message| message.data == first));
    }

    #[test]
    fn a_message_that_never_gets_its_turn_keeps_no_slots_of_others() {
        let data = Bytes::from_static(b"x");
        let mut messages = Messages::default();
        messages.begin(message(&data));
        for _ in 0..10_000 {
            let slot = messages.next();
            messages.begin(message(&data));
            messages.end(slot);
        }
        assert_eq!((messages.slots.len(), messages.free.len()), (2, 1));
    }
}
