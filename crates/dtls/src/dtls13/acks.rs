//! Which records of the peer we will acknowledge, and when (RFC 9147 §7.1).
//!
//! Problem: the peer should repeat what was lost, and only that, without waiting for its timer; yet most flights
//! are answered at once, and an answer says the same as an ACK.
//! How: the numbers of all records of the peer's present flight are kept. An ACK goes out
//!
//! ```text
//!   at once         when the client's last flight is complete: nothing else answers it
//!   after timeout/4 when part of a flight has come and the rest has not; for messages behind the handshake, one
//!                   ACK for all that came meanwhile; for what comes again
//!   never           when our answering flight begins: it acknowledges the whole flight
//! ```
//! In the clear anyone could have written what a server acknowledges, from an address that is not its own: there its ACK is
//! never longer than the records that came since the one before it.
//!
//! The timeout is that of the retransmission timer at this moment: where it changes, an ACK that waits moves too.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::records::RecordNumber;

/// As many as fit into one small datagram; peers send fewer in a flight.
const MAX_NUMBERS: usize = 64;

/// An ACK waits for this part of the retransmission timeout (RFC 9147 §7.1).
const DIVISOR: u32 = 4;

/// The records that will be acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    numbers: VecDeque<RecordNumber>,
    /// Since when something waits to be acknowledged.
    waiting: Option<Instant>,
    now: bool,
    /// Bytes of the records that came since the last ACK.
    heard_bytes: usize,
}

impl Acks {
    /// A record of `bytes` with handshake messages was processed or buffered.
    pub(crate) fn note(&mut self, number: RecordNumber, bytes: usize) {
        self.heard_bytes += bytes;
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

    /// An ACK after a while, unless one waits already.
    pub(crate) fn schedule(&mut self, now: Instant) {
        if !self.numbers.is_empty() && self.waiting.is_none() && !self.now {
            self.waiting = Some(now);
        }
    }

    /// An ACK at once.
    pub(crate) fn send_now(&mut self) {
        self.now = true;
        self.waiting = None;
    }

    /// When an ACK is due, given the present retransmission timeout.
    pub(crate) fn deadline(&self, timeout: Duration) -> Option<Instant> {
        self.waiting?.checked_add(timeout / DIVISOR)
    }

    /// The time has come, or not.
    pub(crate) fn handle_timeout(&mut self, now: Instant, timeout: Duration) {
        if self.deadline(timeout).is_some_and(|due| due <= now) {
            self.send_now();
        }
    }

    /// What is to be acknowledged now, in increasing order, if anything is.
    pub(crate) fn take(&mut self) -> Option<Vec<RecordNumber>> {
        // An empty ACK would ask for everything again.
        if !std::mem::take(&mut self.now) || self.numbers.is_empty() {
            return None;
        }
        let mut numbers: Vec<_> = self.numbers.iter().copied().collect();
        numbers.sort_unstable();
        Some(numbers)
    }

    /// How long an ACK of a server in the clear may be; asked once for each.
    pub(crate) fn take_heard_bytes(&mut self) -> usize {
        std::mem::take(&mut self.heard_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_increasing_order_and_once() {
        let mut acks = Acks::default();
        for (epoch, sequence) in [(2, 1), (0, 3), (2, 0), (2, 1)] {
            acks.note(RecordNumber { epoch, sequence }, 50);
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
            acks.note(RecordNumber { epoch: 2, sequence }, 50);
        }
        acks.send_now();
        let numbers = acks.take().unwrap();
        assert_eq!((numbers.len(), numbers[0].sequence), (MAX_NUMBERS, 1000 - MAX_NUMBERS as u64));
    }
}
