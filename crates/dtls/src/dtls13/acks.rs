//! Which records of the peer we will acknowledge, and when (RFC 9147 §7.1).
//!
//! Problem: the peer should repeat what was lost, and only that, without waiting for its timer; yet most flights
//! are answered at once, and an answer says the same as an ACK.
//! How: the numbers of all records of the peer's present flight are kept. An ACK goes out
//!
//! ```text
//!   at once         when a flight is complete that has no answer: the client's last, a KeyUpdate, a ticket
//!   after timeout/4 when part of a flight has come and the rest has not
//!   never           when our answering flight begins: it acknowledges the whole flight
//! ```

use std::collections::VecDeque;
use std::time::Instant;

use crate::records::RecordNumber;

/// As many as fit into one small datagram; peers send fewer in a flight.
const MAX_NUMBERS: usize = 64;

/// The records that will be acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    numbers: VecDeque<RecordNumber>,
    due: Option<Instant>,
    now: bool,
}

impl Acks {
    /// A record with handshake messages was processed or buffered.
    pub(crate) fn note(&mut self, number: RecordNumber) {
        if self.numbers.contains(&number) {
            return;
        }
        if self.numbers.len() == MAX_NUMBERS {
            self.numbers.pop_front();
        }
        self.numbers.push_back(number);
    }

    /// The peer's next flight begins, or our answer does.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// An ACK at `due`, unless one is due earlier.
    pub(crate) fn schedule(&mut self, due: Instant) {
        if !self.numbers.is_empty() && self.due.is_none() {
            self.due = Some(due);
        }
    }

    /// An ACK at once.
    pub(crate) fn send_now(&mut self) {
        self.now = true;
        self.due = None;
    }

    /// When an ACK is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// The time has come, or not.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.due.is_some_and(|due| due <= now) {
            self.send_now();
        }
    }

    /// What is to be acknowledged now, in increasing order, if anything is.
    pub(crate) fn take(&mut self) -> Option<Vec<RecordNumber>> {
        if !std::mem::take(&mut self.now) {
            return None;
        }
        let mut numbers: Vec<_> = self.numbers.iter().copied().collect();
        numbers.sort_unstable();
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_increasing_order_and_once() {
        let mut acks = Acks::default();
        for (epoch, sequence) in [(2, 1), (0, 3), (2, 0), (2, 1)] {
            acks.note(RecordNumber { epoch, sequence });
        }
        assert_eq!(acks.take(), None);
        acks.send_now();
        let numbers = acks.take().unwrap();
        let numbers: Vec<_> = numbers.iter().map(|number| (number.epoch, number.sequence)).collect();
        assert_eq!(numbers, [(0, 3), (2, 0), (2, 1)]);
        assert_eq!(acks.take(), None, "once");
    }

    #[test]
    fn only_the_newest_are_kept() {
        let mut acks = Acks::default();
        for sequence in 0..1000 {
            acks.note(RecordNumber { epoch: 2, sequence });
        }
        acks.send_now();
        let numbers = acks.take().unwrap();
        assert_eq!((numbers.len(), numbers[0].sequence), (MAX_NUMBERS, 1000 - MAX_NUMBERS as u64));
    }
}
