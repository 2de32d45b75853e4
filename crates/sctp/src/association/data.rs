//! Receiving: DATA, I-DATA, FORWARD-TSN.
//!
//! Problem: every field of a chunk may be hostile, and most chunks are simply the next one.
//! How: one comparison finds the next in order; all else is classified before anything is stored.
//! ```text
//!   DATA -> stream known? -> TSN new? -> room? -> Tracker.record -> Reassembly.insert -> ready messages
//!              | no            | dup      | no, and above the highest: dropped, SACK at once
//!              v ERROR         v SACK
//! ```
//! More: RFC 9260 §6.2, §6.5; RFC 3758 §3.6; RFC 8260 §2.

use super::{Association, State};
use crate::error::{Discard, ParseError};
use crate::event::{CloseReason, Violation};
use crate::numbers::unwrap_near;
use crate::receive::reassembly::Fragment;
use crate::receive::tracker::Arrival;
use crate::timers::Timer;
use crate::wire::cause::CauseCode;
use crate::wire::data::{Data, DataFlags};
use crate::wire::forward_tsn::ForwardTsn;
use crate::wire::i_data::IData;
use crate::wire::{ChunkType, RawChunk};
use std::time::Instant;

impl Association {
    #[inline]
    pub(super) fn on_data(&mut self, now: Instant, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        match self.state {
            State::Established | State::ShutdownPending => {}
            State::ShutdownSent => {
                // §9.2: data that was on its way is answered with SHUTDOWN at once, and with SACK around holes.
                self.control.shutdown = true;
                self.timers.set(Timer::T2Shutdown, now + self.rto.current());
            }
            _ => return Err(Discard::Unexpected),
        }
        let interleaved = chunk.kind == ChunkType::I_DATA;
        if interleaved != self.capabilities.interleaving {
            self.abort_for(Violation::WrongDataChunk, CauseCode::PROTOCOL_VIOLATION, b"wrong kind of DATA");
            return Err(Discard::Unexpected);
        }
        if interleaved { self.on_i_data(chunk) } else { self.on_plain_data(chunk) }
    }

    #[inline]
    fn on_plain_data(&mut self, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        let data = Data::parse(chunk).map_err(Discard::MalformedChunk)?;
        let index = unwrap_near(self.tracker.cumulative(), data.tsn);
        let fragment = Fragment {
            message: 0,
            place: index,
            begin: data.flags.is_beginning(),
            end: data.flags.is_end(),
            unordered: data.flags.is_unordered(),
            stream: data.stream,
            number: u32::from(data.ssn),
            ppid: data.ppid,
            payload: data.payload,
        };
        self.receive(data.tsn, index, data.flags, &fragment)
    }

    fn on_i_data(&mut self, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        let data = IData::parse(chunk).map_err(Discard::MalformedChunk)?;
        let index = unwrap_near(self.tracker.cumulative(), data.tsn);
        let begin = data.flags.is_beginning();
        let fragment = Fragment {
            message: Fragment::i_data_message(data.stream, data.flags.is_unordered(), data.mid),
            place: if begin { 0 } else { u64::from(data.ppid_or_fsn) },
            begin,
            end: data.flags.is_end(),
            unordered: data.flags.is_unordered(),
            stream: data.stream,
            number: data.mid,
            ppid: data.ppid_or_fsn,
            payload: data.payload,
        };
        self.receive(data.tsn, index, data.flags, &fragment)
    }

    #[inline]
    fn receive(
        &mut self,
        tsn: u32,
        index: u64,
        flags: DataFlags,
        fragment: &Fragment<'_>,
    ) -> Result<(), Discard> {
        if fragment.payload.is_empty() {
            self.abort_for(Violation::NoUserData, CauseCode::NO_USER_DATA, &tsn.to_be_bytes());
            return Err(Discard::MalformedChunk(ParseError::ZeroField));
        }
        if flags.is_immediate() {
            self.acknowledging.now();
        }
        match self.tracker.classify(index) {
            Arrival::InOrder | Arrival::OutOfOrder => {}
            Arrival::Duplicate => {
                self.tracker.note_duplicate(tsn);
                self.acknowledging.disturbed();
                return Err(Discard::Duplicate);
            }
            Arrival::OutOfReach => {
                self.acknowledging.disturbed();
                return Err(Discard::OutsideWindow);
            }
        }
        if !self.has_room(index, fragment) {
            self.acknowledging.now();
            return if self.ended { Ok(()) } else { Err(Discard::OutsideWindow) };
        }
        self.tracker.record(index);
        self.stats.data_chunks_received += 1;
        self.stats.bytes_received += fragment.payload.len() as u64;
        if fragment.stream >= self.inbound_streams {
            // §6.5: acknowledged, reported, and not delivered.
            let [a, b] = fragment.stream.to_be_bytes();
            self.control.report(CauseCode::INVALID_STREAM, &[a, b, 0, 0]);
            return Err(Discard::InvalidStream);
        }
        if self.reassembly.insert(fragment).is_err() {
            self.abort_for(
                Violation::Fragments,
                CauseCode::PROTOCOL_VIOLATION,
                b"fragments contradict each other",
            );
            return Err(Discard::Unexpected);
        }
        self.stats.messages_received = self.reassembly.ready_count();
        Ok(())
    }

    /// What extends the highest TSN needs room, or the hard bound for a message that alone fills the window. What fills a
    /// hole needs none, for all behind it waits; but a peer that leaves holes and keeps to its window stays under twice
    /// the hard bound.
    #[inline]
    fn has_room(&mut self, index: u64, fragment: &Fragment<'_>) -> bool {
        let held = self.reassembly.held_bytes();
        let window = self.acknowledging.window;
        if held < window {
            return true;
        }
        let hard = self.config.max_reassembly_bytes.max(window);
        if self.reassembly.incomplete_bytes() + fragment.payload.len() > hard {
            let limit = self.config.max_reassembly_bytes;
            let tag = self.remote_tag;
            self.reply_abort(tag, |out| crate::wire::cause::put_cause(out, CauseCode::OUT_OF_RESOURCE, &[]));
            self.close(CloseReason::ReassemblyLimit { limit });
            return false;
        }
        if index < self.tracker.highest() {
            return held < 2 * hard;
        }
        self.reassembly.is_only_incomplete() && held < hard
    }

    pub(super) fn on_forward_tsn(&mut self, _now: Instant, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        if self.state < State::Established {
            return Err(Discard::Unexpected);
        }
        let interleaved = chunk.kind == ChunkType::I_FORWARD_TSN;
        let misplaced = !interleaved && self.capabilities.interleaving;
        if !misplaced && (!self.capabilities.forward_tsn || interleaved != self.capabilities.interleaving) {
            // RFC 3758 §3.3.1: as if we had never heard of it.
            self.control.report_unknown_chunk(chunk.whole);
            return Err(Discard::UnknownChunk);
        }
        // RFC 8260 §2.3.1: FORWARD-TSN has no place beside I-DATA.
        if misplaced {
            self.abort_for(
                Violation::ForwardTsn,
                CauseCode::PROTOCOL_VIOLATION,
                b"FORWARD-TSN beside I-DATA",
            );
            return Err(Discard::Unexpected);
        }
        let forward = ForwardTsn::parse(chunk).map_err(Discard::MalformedChunk)?;
        let cumulative = self.tracker.cumulative();
        let new = unwrap_near(cumulative, forward.new_cumulative_tsn);
        // RFC 3758 §3.6: an old one is answered with a SACK, for ours was lost.
        self.acknowledging.now();
        if new <= cumulative {
            return Err(Discard::OldAcknowledgement);
        }
        self.tracker.forward(new);
        let streams = self.inbound_streams;
        self.reassembly.forward(new, forward.skipped().filter(|skipped| skipped.stream < streams));
        self.stats.messages_received = self.reassembly.ready_count();
        self.perform_deferred_reset();
        Ok(())
    }
}
