//! Writing packets: what goes first, and how the rest is filled.
//!
//! Problem: one packet has room for a dozen kinds of chunks, and on a backlog each packet has to be exactly as
//! large as the path allows, so that the driver can hand many to the kernel as one.
//! How: each chunk is written where it will leave from, straight from the application's bytes.
//! ```text
//!   | header | COOKIE ECHO.. | SACK | control | sent again | tail of message 1 | head of message 2 |
//!   '------------------------------------ budget & !3 bytes -----------------------------------'
//! ```
//! New data is written in `bundling.rs`; what is cut to fill a packet, and what is not, stands in `filling.rs`.
//! More: RFC 9260 §6.1, §6.10; docs/sctp.md, "Sending".

use super::filling::Room;
use super::reset::Reconfiguration;
use super::{Association, State};
use crate::checksum;
use crate::event::StreamId;
use crate::numbers::wire;
use crate::send::chunk::Chunk;
use crate::send::messages::{OutMessage, Slot};
use crate::send::stream::Head;
use crate::timers::Timer;
use crate::wire::cause::{CauseCode, put_cause};
use crate::wire::data::DATA_HEADER_BYTES;
use crate::wire::forward_tsn::{Skipped, put_forward_tsn};
use crate::wire::reconfig::{ResetResult, put_outgoing_reset, put_response};
use crate::wire::sack::{SACK_BYTES, put_sack};
use crate::wire::simple::{put_empty, put_heartbeat, put_shutdown};
use crate::wire::{COMMON_HEADER_BYTES, ChunkType, padded, put_chunk, put_header};
use plywood_octets::Put;
use std::collections::VecDeque;
use std::time::Instant;

/// Bounds on answers that wait for the next poll: a flood of requests is answered by few.
const MAX_PACKETS: usize = 8;
const MAX_ERRORS: usize = 8;
const MAX_HEARTBEAT_ACKS: usize = 4;
const MAX_RESPONSES: usize = 4;
/// No UDP datagram is larger, and chunks in it count their bytes with 16 bits.
const LARGEST_PACKET: usize = 65535;
/// A FORWARD-TSN or I-FORWARD-TSN with one entry.
const LEAST_FORWARD_TSN: usize = 16;

/// Chunks other than data that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// Whole packets, to tags of their own.
    packets: VecDeque<Vec<u8>>,
    pub(super) init: bool,
    pub(super) cookie_echo: bool,
    pub(super) cookie_ack: bool,
    pub(super) shutdown: bool,
    pub(super) shutdown_ack: bool,
    pub(super) forward_tsn: bool,
    pub(super) reconfig_request: bool,
    pub(super) heartbeat: Option<u64>,
    heartbeat_acks: VecDeque<Vec<u8>>,
    responses: VecDeque<(u32, ResetResult)>,
    /// Causes for an ERROR chunk.
    errors: VecDeque<Vec<u8>>,
}

impl Control {
    /// `write_control` has nothing to do, as nearly always. Each field is named, so that none can be forgotten.
    #[inline]
    fn is_quiet(&self) -> bool {
        let Self {
            packets: _, // these four are not its business
            init: _,
            cookie_echo: _,
            cookie_ack: _,
            shutdown,
            shutdown_ack,
            forward_tsn,
            reconfig_request,
            heartbeat,
            heartbeat_acks,
            responses,
            errors,
        } = self;
        !(shutdown | shutdown_ack | forward_tsn | reconfig_request)
            && heartbeat.is_none()
            && heartbeat_acks.is_empty()
            && responses.is_empty()
            && errors.is_empty()
    }

    pub(super) fn clear_all_but_packets(&mut self) {
        *self = Self { packets: std::mem::take(&mut self.packets), ..Self::default() };
    }

    /// A cause for the next ERROR chunk; too many at once are forgotten.
    pub(super) fn report(&mut self, code: CauseCode, info: &[u8]) {
        if self.errors.len() < MAX_ERRORS {
            let mut cause = Vec::new();
            put_cause(&mut cause, code, info.get(..256).unwrap_or(info));
            self.errors.push_back(cause);
        }
    }

    pub(super) fn report_unknown_chunk(&mut self, chunk: &[u8]) {
        self.report(CauseCode::UNRECOGNIZED_CHUNK, chunk);
    }

    pub(super) fn queue_heartbeat_ack(&mut self, value: &[u8]) {
        if self.heartbeat_acks.len() < MAX_HEARTBEAT_ACKS {
            self.heartbeat_acks.push_back(value.to_vec());
        }
    }

    pub(super) fn queue_response(&mut self, number: u32, result: ResetResult) {
        self.responses.retain(|response| response.0 != number);
        if self.responses.len() < MAX_RESPONSES {
            self.responses.push_back((number, result));
        }
    }
}

impl Association {
    /// Appends one packet of at most `budget` bytes to `out`; the result is its length, `None` if there is
    /// nothing to say. On a backlog every packet is exactly `budget & !3` bytes, or, with small messages of one length, as
    /// many of them as fit.
    ///
    /// The one exception to `budget`: a chunk that was sent under a larger budget keeps its size, for its TSN names
    /// exactly those bytes, and goes alone (RFC 9260 §6.9).
    pub fn poll_transmit(&mut self, now: Instant, budget: usize, out: &mut Vec<u8>) -> Option<usize> {
        self.poll_transmit_within(now, budget, budget, out)
    }

    /// As [`Self::poll_transmit`], for a packet that joins a batch whose packets are `limit` bytes long, at most `budget`.
    /// Nothing is cut to fit in, so `None` may also say that what is next wants a batch of its own: ask
    /// [`Self::poll_transmit`] before you believe that there is nothing to say.
    pub fn poll_transmit_within(
        &mut self,
        now: Instant,
        budget: usize,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Option<usize> {
        if let Some(packet) =
            self.control.packets.pop_front_if(|packet| limit >= budget || packet.len() <= limit)
        {
            out.extend_from_slice(&packet);
            self.stats.packets_sent += 1;
            return Some(packet.len());
        }
        // The lengths of chunks have 16 bits.
        let budget = budget.min(LARGEST_PACKET) & !3;
        let limit = limit.min(budget) & !3;
        if self.ended || limit < COMMON_HEADER_BYTES + DATA_HEADER_BYTES + 2 * SACK_BYTES {
            return None;
        }
        // These go whatever their size, or ask for a size of their own.
        let alone = self.control.init || self.control.cookie_echo || self.recovery.probe_due;
        if alone && limit < budget {
            return None;
        }
        let start = out.len();
        let tag = if self.control.init { 0 } else { self.remote_tag };
        put_header(out, self.config.local_port, self.config.remote_port, tag);
        let mut packet = Room { start, end: start + limit, largest: budget };
        if self.control.init {
            self.control.init = false;
            self.local_init().encode(out);
        } else if self.state > State::CookieWait {
            self.set_max_data(budget);
            self.write_chunks(now, out, &mut packet);
        }
        if out.len() == start + COMMON_HEADER_BYTES {
            out.truncate(start);
            return None;
        }
        self.finish_packet(&mut out[start..]);
        Some(out.len() - start)
    }

    #[inline]
    fn set_max_data(&mut self, budget: usize) {
        let data = budget - COMMON_HEADER_BYTES;
        if data != self.max_data_bytes {
            self.max_data_bytes = data;
            self.congestion.set_max_data_bytes(data);
        }
    }

    pub(super) fn finish_packet(&mut self, packet: &mut [u8]) {
        self.stats.packets_sent += 1;
        // RFC 9653 §5.2: INIT and COOKIE ECHO always carry the checksum.
        let may_be_zero = self.capabilities.zero_checksum && self.state >= State::Established;
        if may_be_zero && packet[COMMON_HEADER_BYTES] != ChunkType::COOKIE_ECHO.0 {
            return;
        }
        checksum::fill_in(packet);
    }

    fn write_chunks(&mut self, now: Instant, out: &mut Vec<u8>, packet: &mut Room) {
        let mut may_send_data =
            matches!(self.state, State::Established | State::ShutdownPending | State::ShutdownReceived);
        if self.control.cookie_echo {
            self.control.cookie_echo = false;
            put_chunk(out, ChunkType::COOKIE_ECHO, 0, |out| out.put_slice(&self.echoed_cookie));
            // §5.1 C: data may ride behind the COOKIE ECHO, and only there.
            may_send_data = true;
        } else if self.control.cookie_ack {
            self.control.cookie_ack = false;
            put_empty(out, ChunkType::COOKIE_ACK, 0);
        }
        let data_ready = may_send_data && self.can_send_data(now);
        if self.acknowledging.is_due() || (self.acknowledging.is_pending() && data_ready) {
            self.write_sack(out, packet);
        }
        if data_ready && self.queues.ever_partial() {
            self.give_up_first_lost(now);
            self.give_up_next(now);
        }
        if !self.control.is_quiet() {
            self.write_control(out, packet);
        }
        if data_ready {
            self.write_data(now, out, packet);
        } else if self.recovery.probe_due {
            self.recovery.probe_due = false;
        }
    }

    #[inline(never)]
    fn write_sack(&mut self, out: &mut Vec<u8>, packet: &Room) {
        let window = self.receive_window();
        let room = packet.left(out).saturating_sub(SACK_BYTES) / 4;
        let blocks = self.tracker.gap_count().min(room);
        let duplicates = self.tracker.duplicates();
        let duplicates = &duplicates[..duplicates.len().min(room - blocks)];
        let a_rwnd = u32::try_from(window).unwrap_or(u32::MAX);
        put_sack(
            out,
            self.tracker.cumulative_tsn(),
            a_rwnd,
            self.tracker.gap_blocks().take(blocks),
            duplicates,
        );
        self.tracker.clear_duplicates();
        self.acknowledging.sent(window);
        self.timers.stop(Timer::DelayedSack);
        self.stats.sacks_sent += 1;
    }

    #[inline(never)]
    fn write_control(&mut self, out: &mut Vec<u8>, packet: &Room) {
        // Where a SACK fills the packet, it is in the next one.
        if self.control.forward_tsn && packet.left(out) >= LEAST_FORWARD_TSN {
            self.control.forward_tsn = false;
            self.write_forward_tsn(out, packet);
        }
        while let Some(&(number, result)) = self.control.responses.front()
            && packet.left(out) >= 16
        {
            self.control.responses.pop_front();
            put_response(out, number, result);
        }
        if self.control.reconfig_request
            && let Some(request) = &self.reconfiguration.request
            && packet.left(out) >= padded(20 + 2 * request.streams.len())
        {
            self.control.reconfig_request = false;
            let response = Reconfiguration::response_number(&self.reconfiguration);
            put_outgoing_reset(out, request.number, response, request.last_tsn, &request.streams);
        }
        let acks = &mut self.control.heartbeat_acks;
        while let Some(value) = packet.take_fitting(out, acks) {
            put_chunk(out, ChunkType::HEARTBEAT_ACK, 0, |out| out.put_slice(&value));
        }
        if packet.left(out) >= 16
            && let Some(nonce) = self.control.heartbeat.take()
        {
            put_heartbeat(out, ChunkType::HEARTBEAT, &nonce.to_be_bytes());
        }
        while let Some(cause) = packet.take_fitting(out, &mut self.control.errors) {
            put_chunk(out, ChunkType::ERROR, 0, |out| out.put_slice(&cause));
        }
        if packet.left(out) >= 8 && std::mem::take(&mut self.control.shutdown) {
            put_shutdown(out, self.tracker.cumulative_tsn());
        }
        if packet.left(out) >= 4 && std::mem::take(&mut self.control.shutdown_ack) {
            put_empty(out, ChunkType::SHUTDOWN_ACK, 0);
        }
    }

    /// RFC 3758 §3.5 C3, C4: the largest skipped number of each stream; unordered ones of DATA are not listed. The packet
    /// has room for one at least.
    fn write_forward_tsn(&mut self, out: &mut Vec<u8>, packet: &Room) {
        let interleaved = self.capabilities.interleaving;
        let entry = if interleaved { 8 } else { 4 };
        let most = packet.left(out).saturating_sub(8) / entry;
        let mut until = self.outstanding.advanced();
        let mut skipped: Vec<Skipped> = Vec::new();
        for (index, message) in self.outstanding.skipped_messages() {
            if message.unordered && !interleaved {
                continue;
            }
            let same = |s: &&mut Skipped| s.stream == message.stream && s.unordered == message.unordered;
            if let Some(known) = skipped.iter_mut().find(same) {
                known.number = message.number;
            } else if skipped.len() < most {
                skipped.push(Skipped {
                    stream: message.stream,
                    unordered: message.unordered,
                    number: message.number,
                });
            } else {
                // C4: what has no room is for the next one, or its stream would wait for it for ever.
                until = index - 1;
                break;
            }
        }
        put_forward_tsn(out, interleaved, wire(until), &skipped);
    }

    /// One packet outside the association's own stream of packets.
    pub(super) fn reply(&mut self, tag: u32, chunk: impl FnOnce(&mut Vec<u8>)) {
        if self.control.packets.len() >= MAX_PACKETS {
            return;
        }
        let mut packet = Vec::with_capacity(256);
        put_header(&mut packet, self.config.local_port, self.config.remote_port, tag);
        chunk(&mut packet);
        checksum::fill_in(&mut packet);
        self.control.packets.push_back(packet);
    }

    // Data.

    /// Whether a data chunk could go out now.
    fn can_send_data(&mut self, now: Instant) -> bool {
        if self.recovery.probe_due {
            return true;
        }
        if !self.outstanding.has_lost() && self.queues.is_empty() {
            if self.cwnd_limited || self.outstanding.in_flight() < self.congestion.cwnd() {
                self.cwnd_limited = false;
                self.sampler.app_limited(self.outstanding.in_flight());
            }
            return false;
        }
        if self.outstanding.is_empty()
            && let Some(last) = self.last_data_at
        {
            let rto = self.rto.current().as_micros().max(1);
            let idle = now.saturating_duration_since(last).as_micros() / rto;
            if idle > 0 {
                self.congestion.on_idle(now, u32::try_from(idle).unwrap_or(u32::MAX));
            }
        }
        if !self.window_is_open() {
            return false;
        }
        if let Some(at) = self.pacer.wait_until(now) {
            self.timers.set(Timer::Pacing, at);
            // A window that is being spread is in use (RFC 9002 §7.8).
            self.cwnd_limited = true;
            return false;
        }
        true
    }

    #[inline]
    fn window_is_open(&mut self) -> bool {
        let open = self.flight() < self.congestion.cwnd();
        self.cwnd_limited = !open;
        open
    }

    fn write_data(&mut self, now: Instant, out: &mut Vec<u8>, packet: &mut Room) {
        let before = self.outstanding.in_flight();
        self.packet_number += 1;
        if std::mem::take(&mut self.recovery.probe_due) {
            self.write_probe(now, out, packet);
        } else {
            let blocked = self.write_lost(now, out, packet);
            if !blocked {
                self.write_new(now, out, packet, false);
            }
        }
        let sent = self.outstanding.in_flight().saturating_sub(before);
        if sent > 0 {
            self.congestion.on_sent(now, sent, self.outstanding.in_flight());
            self.pacer.on_sent(now, sent);
            if !self.timers.is_running(Timer::T3Rtx) && self.state != State::CookieEchoed {
                self.timers.set(Timer::T3Rtx, now + self.rto.current());
            }
            // The deadline is the same for all packets of one poll, once there is more than one of them.
            if self.last_data_at != Some(now) || before <= self.max_data_bytes {
                self.schedule_probe(now);
            }
            self.last_data_at = Some(now);
        } else if self.outstanding.advanced() > self.outstanding.cumulative()
            && !self.timers.is_running(Timer::T3Rtx)
        {
            self.timers.set(Timer::T3Rtx, now + self.rto.current());
        }
    }

    /// RFC 8985 §7.3: new data if there is some, else the newest chunk again; either asks for a SACK at once.
    #[cold]
    fn write_probe(&mut self, now: Instant, out: &mut Vec<u8>, packet: &mut Room) {
        if self.write_new(now, out, packet, true) {
            return;
        }
        if let Some(index) = self.outstanding.newest_in_flight()
            && let Some(chunk) = self.outstanding.chunk(index).filter(|chunk| !self.is_exhausted(chunk))
        {
            let bytes = self.data_header_bytes() + padded(usize::from(chunk.length));
            if packet.left(out) < bytes && out.len() > packet.start + COMMON_HEADER_BYTES {
                // Beside a SACK it does not fit: it is the next packet.
                self.recovery.probe_due = true;
                return;
            }
            self.write_again(now, index, out, true);
        }
    }

    /// Chunks that were lost, lowest first. True: the packet, or the window, has no room for the next one.
    fn write_lost(&mut self, now: Instant, out: &mut Vec<u8>, packet: &mut Room) -> bool {
        while let Some(index) = self.outstanding.next_lost() {
            if self.give_up(now, index) {
                continue;
            }
            let Some(chunk) = self.outstanding.chunk(index) else { continue };
            let bytes = self.data_header_bytes() + padded(usize::from(chunk.length));
            let empty = out.len() == packet.start + COMMON_HEADER_BYTES;
            if packet.left(out) < bytes && !(empty && bytes > packet.largest - COMMON_HEADER_BYTES) {
                return true;
            }
            let immediate = self.outstanding.in_flight() == 0;
            self.write_again(now, index, out, immediate);
            if self.path_mtu.is_beyond_base(out.len() - packet.start) {
                self.outstanding.set_beyond_base(index);
            }
        }
        false
    }

    #[inline(never)]
    fn write_again(&mut self, now: Instant, index: u64, out: &mut Vec<u8>, immediate: bool) {
        self.write_chunk(index, immediate, out);
        let stamp = self.sampler.stamp(now, self.outstanding.in_flight());
        self.outstanding.resent(index, self.packet_number, now, stamp);
        self.stats.retransmissions += 1;
        self.note_repeat();
    }

    /// What leads the lost and is not worth sending again is given up before the packet is filled, so that its
    /// FORWARD-TSN stands in this packet, or is all of it.
    #[inline(never)]
    fn give_up_first_lost(&mut self, now: Instant) {
        while let Some(index) = self.outstanding.next_lost()
            && self.give_up(now, index)
        {}
    }

    /// The same for what would be begun or gone on with now. Should nothing be left, what waited for that goes on.
    #[inline(never)]
    fn give_up_next(&mut self, now: Instant) {
        let before = self.stats.messages_abandoned;
        while let Some(id) = self.queues.current() {
            match self.queues.head(id) {
                Some(Head::Begun(begun)) if begun.partial && self.has_expired(now, begun.message) => {
                    self.abandon(now, begun.message);
                }
                Some(Head::Waiting(next)) if next.worth.has_expired(now) => {
                    self.drop_expired(id);
                }
                _ => break,
            }
        }
        if self.stats.messages_abandoned > before {
            if self.outstanding.is_empty() {
                self.advance_resets(now);
            }
            self.advance_shutdown(now);
        }
    }

    /// A SACK with holes: what leads the outstanding data and is past its time is not waited for (RFC 3758 §3.5 A2).
    pub(super) fn give_up_first(&mut self, now: Instant) {
        while let Some(chunk) = self.outstanding.first_unsettled()
            && self.has_expired(now, chunk.message)
        {
            self.abandon(now, chunk.message);
        }
    }

    /// Whether the lifetime of a begun message is over, and the peer can be told.
    pub(super) fn has_expired(&self, now: Instant, id: Slot) -> bool {
        let expired = |message: &OutMessage| message.abandoned || message.worth.has_expired(now);
        self.capabilities.forward_tsn && self.outstanding.messages.get(id).is_some_and(expired)
    }

    /// Whether a chunk may not be sent again (RFC 7496 §3.1).
    fn is_exhausted(&self, chunk: &Chunk) -> bool {
        let most =
            self.outstanding.messages.get(chunk.message).and_then(|message| message.worth.retransmits());
        self.capabilities.forward_tsn && most.is_some_and(|most| u32::from(chunk.transmissions) > most)
    }

    /// What the tail loss probe would repeat is given up if its time has passed. False: nothing may be repeated, and
    /// T3-rtx is waited for.
    pub(super) fn prepare_probe(&mut self, now: Instant) -> bool {
        while let Some(chunk) = self.newest_chunk() {
            if !self.has_expired(now, chunk.message) {
                return !self.is_exhausted(&chunk) || !self.queues.is_empty();
            }
            self.abandon(now, chunk.message);
        }
        false
    }

    /// Whether a probe would be one of the few retransmissions that its message has.
    pub(super) fn probe_spends(&self) -> bool {
        let of_newest = || self.outstanding.messages.get(self.newest_chunk()?.message);
        self.queues.is_empty() && of_newest().is_some_and(|message| message.worth.retransmits().is_some())
    }

    fn newest_chunk(&self) -> Option<Chunk> {
        self.outstanding.newest_in_flight().and_then(|index| self.outstanding.chunk(index)).copied()
    }

    /// Partial reliability at the moment of sending again (RFC 3758 §3.5 A, RFC 7496 §3).
    fn give_up(&mut self, now: Instant, index: u64) -> bool {
        let Some(chunk) = self.outstanding.chunk(index).copied() else { return false };
        if !self.has_expired(now, chunk.message) && !self.is_exhausted(&chunk) {
            return false;
        }
        self.abandon(now, chunk.message);
        true
    }

    #[inline(never)]
    pub(super) fn abandon(&mut self, now: Instant, id: Slot) {
        let advanced = self.outstanding.advanced().max(self.outstanding.cumulative());
        let Some(stream) = self.outstanding.messages.get(id).map(|message| message.stream) else { return };
        let begun = self.queues.streams.get(stream).and_then(|s| s.begun).filter(|begun| begun.message == id);
        let sent_bytes = begun.map(|begun| begun.offset);
        let Some(given_up) = self.outstanding.abandon(now, id, sent_bytes) else { return };
        if let Some((chunk, bytes)) = given_up.not_sent {
            self.queues.abandon_begun(stream, chunk, bytes, &mut self.events);
        }
        self.stats.messages_abandoned += 1;
        self.tell_abandoned(StreamId(stream));
        // Said already, unless the point moved.
        if self.outstanding.advanced() > advanced {
            self.control.forward_tsn = true;
        }
    }

    /// §6.1 A: one packet may be on its way into a closed window.
    pub(super) fn may_probe_window(&self) -> bool {
        self.outstanding.in_flight() == 0 && !self.outstanding.has_lost()
    }

    /// A message whose time passed before it was begun leaves no trace on the wire.
    #[inline(never)]
    pub(super) fn drop_expired(&mut self, id: u16) {
        if let Some(message) = self.queues.pop(id) {
            self.queues.consumed(id, message.data.len(), &mut self.events);
            self.queues.rotate();
            self.stats.messages_abandoned += 1;
            self.tell_abandoned(StreamId(id));
        }
    }
}
