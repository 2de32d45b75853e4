//! The messages that were begun and are not over: whose bytes chunks are read from, the first time and again.
//!
//! Problem: a chunk names its message for as long as it may be repeated, and messages end in any order where they are
//! interleaved (RFC 8260).
//! How: they are numbered as they begin, in a row whose front leaves when it is over; one behind gives its bytes back and
//! waits there for those before it.
//! ```text
//!   base -> [begun][over, no bytes][begun] <- next
//! ```
//! More: RFC 3758 §3.5; docs/sctp.md, "Outstanding data".

use crate::ring::Ring;
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
    /// All of it is acknowledged cumulatively or given up: it waits for those before it.
    pub(crate) over: bool,
}

/// The row of them.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    base: u64,
    row: Ring<OutMessage>,
}

impl Messages {
    #[inline]
    pub(crate) fn get(&self, id: u64) -> Option<&OutMessage> {
        self.row.get(usize::try_from(id.checked_sub(self.base)?).ok()?)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut OutMessage> {
        self.row.get_mut(usize::try_from(id.checked_sub(self.base)?).ok()?)
    }

    /// The number that the next message will have.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        self.base + self.row.len() as u64
    }

    /// Begins a message; the result is in its place.
    #[inline]
    pub(super) fn begin(&mut self, message: OutMessage) -> &OutMessage {
        self.row.push_back(message)
    }

    /// The last chunk of a message is acknowledged, or given up, with all before it: its bytes are given back.
    #[inline]
    pub(super) fn end(&mut self, id: u64) {
        if id == self.base {
            self.drop_finished();
        } else if let Some(message) = self.get_mut(id) {
            message.over = true;
            message.data = Bytes::new();
        }
    }

    /// The first is over, and maybe those after it.
    #[inline]
    fn drop_finished(&mut self) {
        while self.row.pop_front().is_some() {
            self.base += 1;
            if self.row.front().is_none_or(|next| !next.over) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(data: &Bytes) -> OutMessage {
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
            over: false,
        }
    }

    #[test]
    fn a_message_that_is_over_gives_its_bytes_back_and_keeps_its_place_behind_others() {
        let (first, second) = (Bytes::from(vec![1; 100]), Bytes::from(vec![2; 100]));
        let mut messages = Messages::default();
        messages.begin(message(&first));
        messages.begin(message(&second));
        messages.begin(message(&first));
        messages.end(1);
        assert!(second.is_unique() && messages.get(1).is_some_and(|message| message.over));
        messages.end(0);
        assert!(messages.get(0).is_none() && messages.get(1).is_none() && messages.get(2).is_some());
        assert_eq!(messages.next(), 3);
        messages.end(2);
        assert!(first.is_unique() && messages.row.is_empty());
        // What was never begun does not move the row.
        messages.end(3);
        assert_eq!(messages.next(), 3);
    }
}
