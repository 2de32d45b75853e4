//! One chunk on its way, and what its acknowledgement changes.
//!
//! Problem: a SACK acknowledges chunks by the hundred, and most were sent once and lost nothing on the way.
//! How: what a window holds by the thousand is small and has no bytes of its own; neighbours of that kind are accounted for
//! together, and only the last of them is looked at closely.
//! ```text
//!   acknowledged:   [I I I I I I] [L] [I I] [A] [I]        I sent once and in flight, L taken for lost, A by a gap block before
//!                    one run       1   a run     one
//! ```
//! More: RFC 9260 §6.2.1, §6.3.1 C4 and C5; RFC 8985 §6.2; docs/sctp.md, "Outstanding data".

use super::messages::Slot;
use crate::congestion::{Sampler, Stamp};
use crate::wire::data::DATA_HEADER_BYTES;
use crate::wire::padded;
use std::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChunkState {
    InFlight,
    /// Found lost, waits to be sent again.
    Lost,
    /// Reported by a gap block.
    Acked,
    /// Its message was given up (RFC 3758 §3.5).
    Abandoned,
}

/// One chunk. Its bytes stay in the message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk {
    /// Number of the packet that carried it last.
    pub(crate) packet: u64,
    pub(crate) sent_at: Instant,
    pub(crate) stamp: Stamp,
    pub(crate) message: Slot,
    pub(crate) offset: u32,
    /// Number of the fragment in its message (RFC 8260 FSN).
    pub(crate) fragment: u32,
    pub(crate) length: u16,
    pub(crate) transmissions: u16,
    pub(crate) state: ChunkState,
    /// B and E; U is the message's. [`BEYOND_BASE`] is ours.
    pub(crate) flags: u8,
}

/// In [`Chunk::flags`], never on the wire: its last transmission stood where only a packet above the base size reaches.
pub(crate) const BEYOND_BASE: u8 = 0x80;

impl Chunk {
    /// Bytes on the wire, header and padding included: the unit of flight and window (RFC 9260 §7.2).
    #[inline]
    pub(crate) fn wire_bytes(&self) -> usize {
        DATA_HEADER_BYTES + padded(usize::from(self.length))
    }

    /// It was sent once, and nobody has said anything about it.
    #[inline]
    pub(super) fn is_simply_in_flight(&self) -> bool {
        self.state == ChunkState::InFlight && self.transmissions == 1
    }
}

/// What a SACK newly acknowledged.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Acked {
    pub(crate) chunks: usize,
    pub(crate) cumulative_moved: bool,
    /// Sent time and packet number of the newest delivered transmission.
    pub(crate) newest: Option<(Instant, u64)>,
    /// Something arrived behind what was sent after it: the path reorders.
    pub(crate) reordered: bool,
    /// A chunk was acknowledged that had been sent again, sooner than its repetition can have arrived.
    pub(crate) retransmitted: bool,
    /// A packet above the base size arrived.
    pub(crate) beyond_base: bool,
}

/// What each newly acknowledged chunk changes.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) bytes: usize,
    /// User bytes in flight or lost: what the peer's window has to hold.
    pub(super) payload: usize,
    pub(super) highest_acked: u64,
}

/// Neighbours that were sent once each, are in flight, and are acknowledged together: what the last of them says of the
/// path, the others say too, only less recently.
#[derive(Debug, Default)]
pub(super) struct Run {
    chunks: usize,
    bytes: usize,
    payload: usize,
    beyond_base: bool,
}

impl Run {
    #[inline]
    pub(super) fn add(&mut self, chunk: &Chunk) {
        self.chunks += 1;
        self.bytes += chunk.wire_bytes();
        self.payload += usize::from(chunk.length);
        self.beyond_base |= chunk.flags & BEYOND_BASE != 0;
    }
}

impl Flight {
    /// `run`, if it has any chunk, is acknowledged: it ends before the index `end`, with the chunk `last`.
    #[inline]
    pub(super) fn account_run(
        &mut self,
        now: Instant,
        run: &mut Run,
        (last, end): (Option<&Chunk>, u64),
        sampler: &mut Sampler,
        acked: &mut Acked,
    ) {
        let Some(last) = last.filter(|_| run.chunks > 0) else { return };
        let run = std::mem::take(run);
        self.bytes -= run.bytes;
        self.payload -= run.payload;
        sampler.acked(now, &last.stamp, run.bytes, true);
        acked.chunks += run.chunks;
        acked.beyond_base |= run.beyond_base;
        acked.note_newest(last);
        // Whether its first is behind what was acknowledged.
        acked.reordered |= self.highest_acked >= end - run.chunks as u64;
        self.highest_acked = self.highest_acked.max(end - 1);
    }

    /// A chunk in flight, or taken for lost, is acknowledged.
    pub(super) fn account(
        &mut self,
        now: Instant,
        chunk: &Chunk,
        index: u64,
        sampler: &mut Sampler,
        acked: &mut Acked,
    ) {
        if chunk.state == ChunkState::InFlight {
            self.bytes -= chunk.wire_bytes();
        }
        self.payload -= usize::from(chunk.length);
        let once = chunk.transmissions == 1;
        // What was taken for lost and proves to be there was reported late: its age is no round trip.
        let timed = once && chunk.state == ChunkState::InFlight;
        sampler.acked(now, &chunk.stamp, chunk.wire_bytes(), timed);
        acked.chunks += 1;
        acked.retransmitted |= !once;
        acked.beyond_base |= chunk.flags & BEYOND_BASE != 0;
        acked.note_newest(chunk);
        if index > self.highest_acked {
            self.highest_acked = index;
        } else if once {
            acked.reordered = true;
        }
    }
}

impl Acked {
    fn note_newest(&mut self, chunk: &Chunk) {
        if self.newest.is_none_or(|(_, packet)| packet < chunk.packet) {
            self.newest = Some((chunk.sent_at, chunk.packet));
        }
    }
}
