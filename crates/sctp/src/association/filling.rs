//! What goes into the rest of a packet: all of a message, a piece, or nothing.
//!
//! Problem: packets of a backlog should be of one size, so that the kernel takes many at once, and full, for each costs its
//! headers; but each cut through a message costs one more chunk, and with partial reliability a second chance to lose it.
//! How: large messages and messages of mixed lengths are cut to fill a packet exactly; small ones of one length are not, if
//! whole ones leave little of a packet empty (docs/adr/0006).
//! ```text
//!   16 KiB    | ........ fragment ........ | tail of 1 | head of 2 .... |   all are as large as the budget
//!   1 KiB     | whole 1 .............. | (a tenth)                          all are as large as each other
//!   a tail that would leave a hole too small for another chunk gives up a few bytes to the next packet
//! ```
//! More: RFC 9260 §6.9, §6.10; docs/sctp.md, "Sending".

use super::Association;
use crate::send::stream::{RestOfMessage, Waiting};
use crate::wire::i_data::I_DATA_HEADER_BYTES;
use crate::wire::{CHUNK_HEADER_BYTES, COMMON_HEADER_BYTES, padded};
use std::collections::VecDeque;

/// The smallest user data of a fragment that another one follows in the same packet.
pub(super) const LEAST_FRAGMENT: usize = 4;
/// The share of a packet that may stay empty where a small message would have to be cut. A cut costs a chunk header (16
/// bytes); a packet costs some 80 bytes of headers from Ethernet to SCTP, of which that share is lost: 1/5 is even.
const MAY_STAY_EMPTY: usize = 5;

impl Association {
    /// Whether the message that would be begun now has to wait, unnumbered, so that it leaves no trace should its
    /// time pass: the peer's window has no room, or `room` would cut in two what an empty packet would not. That is for
    /// partial reliability (of two chunks either may be lost), and where no message of this length needs to be cut.
    pub(super) fn must_wait(&self, next: &Waiting, rest: Rest) -> bool {
        let first = next.length.min(rest.room);
        let most = self.max_data_bytes.saturating_sub(rest.header);
        let cut = next.length > rest.room && next.length <= most;
        (first > self.peer_window() && !self.may_probe_window())
            || !rest.takes(next.length)
            || (rest.shared && cut && (next.worth.is_limited() || self.is_steady(next.length, rest)))
    }

    /// Whether messages of `length` follow each other, packets of whole ones leave little empty, and this packet, with
    /// this rest, too.
    fn is_steady(&self, length: usize, rest: Rest) -> bool {
        let little = self.max_data_bytes / MAY_STAY_EMPTY;
        length == self.last_begun_bytes
            && rest.room + rest.header <= little
            && self.max_data_bytes % (rest.header + padded(length)) <= little
    }

    /// With DATA a message must be finished before another begins (RFC 9260 §6.9). With I-DATA it goes on, too, if one
    /// more packet finishes it (many streams of small messages would else leave half of them open at the receiver),
    /// and while those that were begun may fill half of the peer's window (a window full of beginnings is closed).
    #[inline]
    pub(super) fn may_interleave(&self, rest: usize) -> bool {
        let packet = self.max_data_bytes.saturating_sub(I_DATA_HEADER_BYTES);
        let window = self.peer_window_seen.max(self.peer_a_rwnd);
        rest > packet && self.queues.next_may_cut_in(packet, window / 2)
    }

    /// How much of what is left of a message goes into the next chunk.
    #[inline]
    pub(super) fn fragment_length(&self, message: RestOfMessage, rest: Rest) -> usize {
        let Rest { header, room, .. } = rest;
        // While the path is probed, no chunk is larger than the base size takes.
        let most = room.min(self.path_mtu.largest_chunk() - header);
        let left = message.bytes;
        let cut = left > most;
        let more = cut || self.queues.have_more_than(message);
        let left = left.min(most);
        let hole = room - padded(left);
        // The hole is too small for another chunk: give up what makes it large enough (not from a message that
        // one lost chunk of two would spoil).
        if hole > 0 && hole < header + LEAST_FRAGMENT && more && (cut || !message.partial) {
            let shorter = room.saturating_sub(header + LEAST_FRAGMENT);
            let steady = message.is_whole && !cut && self.is_steady(left, Rest { room: hole, ..rest });
            if shorter > 0 && shorter < left && !steady {
                return shorter;
            }
        }
        left
    }
}

/// What is left of a packet for the next message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    /// What a chunk needs beside its user data.
    pub(super) header: usize,
    /// For user data.
    pub(super) room: usize,
    /// Data of others stands in the packet already.
    pub(super) shared: bool,
    /// The packet joins a batch of shorter ones: nothing is cut to fit in.
    pub(super) uncut: bool,
}

impl Rest {
    /// Whether `left` bytes of a message may go, all or the first of them.
    #[inline]
    pub(super) fn takes(self, left: usize) -> bool {
        left <= self.room || !self.uncut
    }
}

/// Where a packet begins and may end in the caller's buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) start: usize,
    pub(super) end: usize,
    /// What a packet of a batch of its own may hold.
    pub(super) largest: usize,
}

impl Room {
    /// It joins a batch of shorter packets.
    #[inline]
    pub(super) fn is_limited(&self) -> bool {
        self.end - self.start < self.largest
    }

    #[inline]
    pub(super) fn left(&self, out: &[u8]) -> usize {
        self.end.saturating_sub(out.len())
    }

    /// The next value of `waiting` whose chunk fits. One that no packet could hold is dropped: it must not stand before
    /// the others for ever.
    pub(super) fn take_fitting(&self, out: &[u8], waiting: &mut VecDeque<Vec<u8>>) -> Option<Vec<u8>> {
        let largest = self.largest - COMMON_HEADER_BYTES;
        loop {
            let bytes = padded(CHUNK_HEADER_BYTES + waiting.front()?.len());
            if bytes <= self.left(out) {
                return waiting.pop_front();
            }
            if bytes <= largest {
                return None;
            }
            waiting.pop_front();
        }
    }
}
