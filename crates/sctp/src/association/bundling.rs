//! New data into a packet: whose turn it is, how much of its message, and the chunk.
//!
//! Problem: a message may be a thousandth of a packet or a thousand packets long, and each chunk costs the same.
//! How: one loop, until the packet is full or nothing may go. A message that goes in one chunk is never begun: it moves from
//! its queue into the ring of outstanding chunks in one step.
//! ```text
//!   turns -> head of its queue --fits whole--> [header | bytes] -> Outstanding        Queues::take_whole
//!                 |
//!                 '-- else, or begun --> [header | piece] -> Outstanding, the rest is begun    Queues::begun
//! ```
//! More: RFC 9260 §6.1, §6.9, §6.10; `filling.rs`; docs/sctp.md, "Sending".

use super::Association;
use super::filling::{LEAST_FRAGMENT, Rest, Room};
use crate::numbers::{wire, wire_16};
use crate::send::chunk::{BEYOND_BASE, Chunk, ChunkState};
use crate::send::messages::{OutMessage, Slot};
use crate::send::stream::Head;
use crate::wire::data::{DATA_HEADER_BYTES, Data, DataFlags};
use crate::wire::i_data::{I_DATA_HEADER_BYTES, IData};
use crate::wire::padded;
use std::time::Instant;

impl Association {
    #[inline]
    pub(super) fn data_header_bytes(&self) -> usize {
        if self.capabilities.interleaving { I_DATA_HEADER_BYTES } else { DATA_HEADER_BYTES }
    }

    /// Fills the packet from the queues; with `once`, with one chunk. True if anything was written.
    pub(super) fn write_new(
        &mut self,
        now: Instant,
        out: &mut Vec<u8>,
        packet: &mut Room,
        once: bool,
    ) -> bool {
        let header = self.data_header_bytes();
        let mut written = false;
        while let Some(id) = self.queues.current() {
            let room = packet.left(out);
            if room < header + LEAST_FRAGMENT
                || self.outstanding.len() >= self.config.max_outstanding_chunks
                || self.outstanding.held() >= self.config.max_outstanding_bytes
            {
                break;
            }
            let rest = Rest { header, room: room - header, shared: written, uncut: packet.is_limited() };
            let (length, left) = match self.next_piece(now, id, rest) {
                Turn::Whole(length) => (length, None),
                Turn::Piece(length, left) => (length, Some(left)),
                Turn::Over => continue,
                Turn::Wait => break,
            };
            let beyond = self.path_mtu.is_beyond_base(out.len() - packet.start + header + padded(length));
            let flags = flag(beyond, BEYOND_BASE);
            let immediate = once || length > self.peer_window();
            match left {
                None => self.write_whole(now, id, flags, immediate, out),
                Some(left) => self.write_fragment(now, id, (length, left), flags, immediate, out),
            }
            written = true;
            if once {
                break;
            }
        }
        written
    }

    /// What a new chunk of `message` begins with: the next TSN, its place in the message, and what is remembered of it.
    #[inline]
    fn new_chunk(&mut self, now: Instant, message: Slot, length: usize, flags: u8) -> Chunk {
        Chunk {
            message,
            packet: self.packet_number,
            sent_at: now,
            stamp: self.sampler.stamp(now, self.outstanding.in_flight()),
            offset: 0,
            fragment: 0,
            length: u16::try_from(length).unwrap_or(u16::MAX),
            transmissions: 1,
            state: ChunkState::InFlight,
            flags,
        }
    }

    /// The next message of `id` goes in one chunk: the most frequent case of small messages, in as few steps as possible.
    #[inline]
    fn write_whole(&mut self, now: Instant, id: u16, flags: u8, immediate: bool, out: &mut Vec<u8>) {
        let interleaved = self.capabilities.interleaving;
        let first = self.outstanding.next();
        let Some(message) = self.queues.take_whole(id, first, interleaved, &mut self.events) else { return };
        let length = message.data.len();
        self.last_begun_bytes = length;
        let flags = flags | DataFlags::BEGINNING | DataFlags::END;
        let chunk = self.new_chunk(now, self.outstanding.messages.next(), length, flags);
        self.stats.count_data(length);
        let (chunk, message) = self.outstanding.push_whole(chunk, message);
        put_data_chunk(interleaved, first, chunk, message, immediate, out);
    }

    /// `length` bytes of the message that `id` has begun, or begins now, get the next TSN; `left` are left.
    #[inline(never)]
    fn write_fragment(
        &mut self,
        now: Instant,
        id: u16,
        (length, left): (usize, usize),
        flags: u8,
        immediate: bool,
        out: &mut Vec<u8>,
    ) {
        let interleaved = self.capabilities.interleaving;
        let Some(begun) = self.queues.begun(id, &mut self.outstanding, interleaved) else { return };
        let begin = flag(begun.offset == 0, DataFlags::BEGINNING);
        let end = flag(begun.offset + length == begun.length, DataFlags::END);
        if begin > 0 {
            self.last_begun_bytes = begun.length;
        }
        let mut chunk = self.new_chunk(now, begun.message, length, flags | begin | end);
        chunk.offset = u32::try_from(begun.offset).unwrap_or(u32::MAX);
        chunk.fragment = begun.fragment;
        let index = self.outstanding.next();
        self.outstanding.push(chunk);
        self.queues.fragment_left(id, index, length, &mut self.events);
        self.write_chunk(index, immediate, out);
        if left == 0 || (interleaved && self.may_interleave(left)) {
            self.queues.rotate();
        }
    }

    /// What `id` does with its turn, and with the rest of this packet.
    #[inline]
    fn next_piece(&mut self, now: Instant, id: u16, rest: Rest) -> Turn {
        let head = match self.queues.head(id) {
            Some(Head::Begun(begun)) if begun.partial && self.has_expired(now, begun.message) => {
                self.abandon(now, begun.message);
                return Turn::Over;
            }
            Some(Head::Begun(begun)) if !rest.takes(begun.left()) => return Turn::Wait,
            Some(Head::Waiting(next)) if self.must_wait(&next, rest) => return Turn::Wait,
            Some(Head::Waiting(next)) if next.worth.has_expired(now) => {
                self.drop_expired(id);
                return Turn::Over;
            }
            Some(head) => head.rest(),
            None => {
                self.queues.rotate();
                return Turn::Over;
            }
        };
        let length = self.fragment_length(head, rest);
        if length == 0 || (length > self.peer_window() && !self.may_probe_window()) {
            return Turn::Wait;
        }
        match head.bytes - length {
            0 if head.is_whole => Turn::Whole(length),
            left => Turn::Piece(length, left),
        }
    }

    /// Writes a chunk that is outstanding: header, then its bytes straight from the message.
    #[inline]
    pub(super) fn write_chunk(&mut self, index: u64, immediate: bool, out: &mut Vec<u8>) {
        let Some((chunk, message)) = self.outstanding.chunk_and_message(index) else { return };
        self.stats.count_data(usize::from(chunk.length));
        put_data_chunk(self.capabilities.interleaving, index, chunk, message, immediate, out);
    }
}

/// Appends a chunk of `message` as DATA or I-DATA.
#[inline]
fn put_data_chunk(
    interleaved: bool,
    index: u64,
    chunk: &Chunk,
    message: &OutMessage,
    immediate: bool,
    out: &mut Vec<u8>,
) {
    let offset = chunk.offset as usize;
    let payload = &message.data[offset..offset + usize::from(chunk.length)];
    let flags = DataFlags(
        (chunk.flags & !BEYOND_BASE)
            | flag(message.unordered, DataFlags::UNORDERED)
            | flag(immediate, DataFlags::IMMEDIATE),
    );
    if interleaved {
        let ppid_or_fsn = if flags.is_beginning() { message.ppid } else { chunk.fragment };
        let (stream, mid) = (message.stream, message.number);
        IData { flags, tsn: wire(index), stream, mid, ppid_or_fsn, payload }.encode(out);
    } else {
        let (stream, ssn) = (message.stream, wire_16(u64::from(message.number)));
        Data { flags, tsn: wire(index), stream, ssn, ppid: message.ppid, payload }.encode(out);
    }
}

fn flag(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}

/// What a stream does when its turn comes.
enum Turn {
    /// All of a message goes in one chunk.
    Whole(usize),
    /// So many bytes of a message go, and so many are left.
    Piece(usize, usize),
    /// Nothing: the queues moved on.
    Over,
    /// It has to wait, and the others with it.
    Wait,
}
