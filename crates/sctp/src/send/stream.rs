//! One stream that is sent on: its queue, the message that it is in the middle of, its numbers.
//!
//! Problem: the scheduler, the bounds, a reset and the packet writer all ask a stream something, each time a chunk leaves.
//! How: all that they ask stands in one row of [`StreamMap`](crate::stream_map::StreamMap).
//! ```text
//!   send -> [queue: whole messages] -> begun: offset, fragment -> (all of it sent)
//!           [held: sent during a reset, numbered after it]
//! ```
//! More: RFC 9260 §6.5 (SSN), RFC 8260 §2.1 (MID), RFC 6525 §5.1.2 (reset).

use crate::event::{Event, StreamId};
use crate::numbers::wire_16;
use crate::ring::Ring;
use crate::send::messages::{OutMessage, Slot, Worth};
use crate::send::scheduler::Share;
use crate::stream_map::FirstUse;
use bytes::Bytes;
use std::collections::VecDeque;

/// What a queued message costs beside its bytes.
pub(super) const MESSAGE_OVERHEAD: usize = 64;

/// A message that was not begun yet.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) data: Bytes,
    pub(crate) ppid: u32,
    pub(crate) unordered: bool,
    pub(crate) worth: Worth,
    /// Over all streams, in the order of `send`.
    pub(super) order: u64,
}

/// Where a stream stands in being reset (RFC 6525).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Resetting {
    #[default]
    No,
    /// Waits until its data is acknowledged.
    Draining,
    /// The request is on its way.
    Requested,
}

/// The message of a stream that was begun: where it stands, and how much of it was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    pub(crate) message: Slot,
    pub(crate) offset: usize,
    pub(crate) fragment: u32,
    /// Bytes of the whole message.
    pub(crate) length: usize,
    /// It may be given up.
    pub(crate) partial: bool,
}

impl Begun {
    /// Bytes that were not sent.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.length - self.offset
    }

    /// What it adds to the bytes that may have to wait at the receiver.
    pub(super) fn open_bytes(&self) -> usize {
        if self.offset == 0 { 0 } else { self.length }
    }
}

/// The message that a stream would begin next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) length: usize,
    pub(crate) worth: Worth,
}

/// What a stream would send next.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Head {
    Begun(Begun),
    Waiting(Waiting),
}

impl Head {
    /// What was not sent of it.
    #[inline]
    pub(crate) fn rest(&self) -> RestOfMessage {
        match self {
            Self::Begun(begun) => {
                RestOfMessage { bytes: begun.left(), is_whole: false, partial: begun.partial }
            }
            Self::Waiting(next) => {
                RestOfMessage { bytes: next.length, is_whole: true, partial: next.worth.is_limited() }
            }
        }
    }
}

/// What was not sent of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestOfMessage {
    pub(crate) bytes: usize,
    /// Nothing of it was sent.
    pub(crate) is_whole: bool,
    /// It may be given up.
    pub(crate) partial: bool,
}

#[derive(Debug, Default)]
pub(crate) struct SendStream {
    pub(super) queue: Ring<Queued>,
    /// What was sent while the stream is being reset: numbered when that is over (RFC 6525 §5.1.2 A1).
    pub(super) held: Ring<Queued>,
    pub(crate) begun: Option<Begun>,
    /// Bytes queued and not yet sent (W3C `bufferedAmount`).
    pub(super) buffered: usize,
    pub(super) low_threshold: usize,
    /// Events that wait to be polled.
    pub(super) told_low: bool,
    pub(super) told_ready: bool,
    /// The cost of the message that was refused.
    pub(super) refused: Option<usize>,
    /// It stands in line for room of all together.
    pub(super) in_line: bool,
    pub(super) in_turns: bool,
    pub(crate) share: Share,
    pub(crate) next_ssn: u16,
    pub(crate) next_mid: u32,
    pub(crate) next_unordered_mid: u32,
    /// Index of its last chunk so far.
    pub(crate) last_chunk: u64,
    pub(crate) resetting: Resetting,
}

impl FirstUse for SendStream {
    fn starting_at(number: u32) -> Self {
        let mut stream = Self::default();
        stream.number_from(number);
        stream
    }
}

impl SendStream {
    /// The numbers of the next messages: SSN, and both kinds of MID.
    pub(crate) fn number_from(&mut self, number: u32) {
        self.next_ssn = wire_16(u64::from(number));
        (self.next_mid, self.next_unordered_mid) = (number, number);
    }

    /// The number of a message that begins.
    #[inline]
    fn take_number(&mut self, interleaved: bool, unordered: bool) -> u32 {
        let mid = match (interleaved, unordered) {
            (true, true) => &mut self.next_unordered_mid,
            (true, false) => &mut self.next_mid,
            (false, true) => return 0,
            (false, false) => {
                let ssn = self.next_ssn;
                self.next_ssn = ssn.wrapping_add(1);
                return u32::from(ssn);
            }
        };
        std::mem::replace(mid, mid.wrapping_add(1))
    }

    pub(super) fn has_work(&self) -> bool {
        self.begun.is_some() || !self.queue.is_empty()
    }

    /// It was refused, and its own queue would take the message now.
    #[inline]
    pub(super) fn has_own_room_again(&self, limit: usize) -> bool {
        self.refused.is_some_and(|cost| {
            let used = self.buffered + self.waiting() * MESSAGE_OVERHEAD;
            used == 0 || used + cost <= limit
        })
    }

    /// As [`Self::has_own_room_again`], and it does not stand in line yet: now it does.
    #[inline]
    pub(super) fn steps_into_line(&mut self, limit: usize) -> bool {
        self.has_own_room_again(limit) && !std::mem::replace(&mut self.in_line, true)
    }

    /// Its next message begins, and gets its number; `chunk` is the index of its first chunk.
    #[inline]
    pub(super) fn begin(&mut self, id: u16, chunk: u64, interleaved: bool) -> Option<OutMessage> {
        let message = self.queue.pop_front()?;
        Some(OutMessage {
            data: message.data,
            stream: id,
            ppid: message.ppid,
            number: self.take_number(interleaved, message.unordered),
            unordered: message.unordered,
            worth: message.worth,
            first: chunk,
            last: chunk,
            abandoned: false,
        })
    }

    /// `bytes` of it left the queue.
    #[inline]
    pub(super) fn consumed(&mut self, id: u16, bytes: usize, events: &mut VecDeque<Event>) {
        let was_above = self.buffered > self.low_threshold;
        self.buffered -= bytes;
        self.share.served += bytes as u64;
        if was_above && self.buffered <= self.low_threshold && !std::mem::replace(&mut self.told_low, true) {
            events.push_back(Event::BufferedAmountLow { stream: StreamId(id) });
        }
    }

    /// Its turn is over: what the next one depends on, or `None` if it has nothing more to send.
    #[inline]
    pub(super) fn next_turn(&mut self) -> Option<&mut Share> {
        match self.queue.front() {
            Some(next) if self.begun.is_none() => self.share.oldest = next.order,
            None if self.begun.is_none() => {
                self.in_turns = false;
                return None;
            }
            _ => {}
        }
        Some(&mut self.share)
    }

    /// Messages that were not begun.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + self.held.len()
    }

    /// Nothing is queued before a reset, and nothing is on the way: all up to `cumulative` has arrived or was given up.
    pub(crate) fn is_drained(&self, cumulative: u64) -> bool {
        !self.has_work() && self.last_chunk <= cumulative
    }
}
