//! How large a packet may be: probing the path, and noticing when it shrinks (RFC 8899, RFC 4820).
//!
//! Problem: 1200 bytes pass everywhere and waste a fifth of most paths; what passes today may vanish without a word
//! after a change of route, for routers' reports do not reach us through DTLS.
//! How: a HEARTBEAT with a PAD chunk behind it is as large as we like and carries nothing that could be missed. What
//! is answered passes. Data is never cut larger than the base size takes: larger packets hold several chunks, so that
//! all that is on the way survives a fall back to the base.
//! ```text
//!            base answered           largest answered, or nothing left between
//!   Base ------------------> Searching ------------------> Complete
//!     ^  '- no answer: search   |   ^                         |    |
//!     |     below the base      |   '---- 10 minutes ---------'    |
//!     '------- black hole: large packets vanish, small ones pass --'
//! ```
//! A probe is repeated [`MAX_PROBES`] times before its size counts as too large, and only while the path is alive. Its
//! loss is no congestion and no failure of the path (RFC 8899 §3, §6.2.2).
//! More: RFC 8899 §5.2 (states), §6.2 (SCTP); RFC 4820; docs/sctp.md, "Packet size".

use super::{Association, State};
use crate::timers::Timer;
use crate::wire::pad::put_pad;
use crate::wire::simple::put_heartbeat;
use crate::wire::{COMMON_HEADER_BYTES, ChunkType, put_header};
use rand_core::Rng;
use std::time::{Duration, Instant};

/// Probes of one size before it is given up (RFC 8899 §5.1.2).
const MAX_PROBES: u32 = 3;
/// PROBE_TIMER is the RTO, at least this (RFC 8899 §5.1.1).
const PROBE_TIMER_MIN: Duration = Duration::from_secs(1);
/// PMTU_RAISE_TIMER (RFC 8899 §5.1.1).
const RAISE_TIMER: Duration = Duration::from_secs(600);
/// The same while not even the base passes, which RFC 8899 §5.2 calls the error state.
const RAISE_TIMER_BELOW_BASE: Duration = Duration::from_secs(30);
/// The search ends when so little is left between what passes and what does not.
const CLOSE_ENOUGH: usize = 16;
/// Packets above the base that are lost in a row, with none delivered between, before a black hole is suspected.
const BLACK_HOLE_LOSSES: u32 = 8;
/// A packet holds at least its header, one fragment and a SACK; a probe its HEARTBEAT and a PAD.
const LEAST_PACKET: usize = 80;

/// Sizes of SCTP packets in bytes, DTLS and what is below not counted; only multiples of four are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketSizes {
    /// MIN_PLPMTU: what passes if the base does not.
    pub smallest: usize,
    /// BASE_PLPMTU: what is used until more is known; no chunk of data is larger than it takes.
    pub base: usize,
    /// MAX_PLPMTU: the largest worth trying.
    pub largest: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    /// No sizes were given: the budget of `poll_transmit` is all there is.
    #[default]
    Off,
    /// Does the base pass?
    Base,
    /// Something between what passes and what does not is being tried.
    Searching,
    /// The size was found; RFC 8899 asks again after a while.
    Complete,
}

/// The search for the packet size.
#[derive(Debug, Default)]
pub(super) struct PathMtu {
    phase: Phase,
    smallest: usize,
    base: usize,
    largest: usize,
    /// PLPMTU: what packets use.
    current: usize,
    /// What a chunk of data may fill: the base once it passed, the smallest before.
    chunk_packet: usize,
    /// The smallest size that did not pass in this search, or one step above the largest.
    ceiling: usize,
    /// PROBED_SIZE and PROBE_COUNT.
    probed: usize,
    count: u32,
    /// Probes that got no answer while nothing else was acknowledged either.
    silent: u32,
    /// A probe goes out at the next poll.
    due: bool,
    nonce: Option<u64>,
    /// The base was given up while nothing at all passed: tried again at the first sign of life.
    fell_in_silence: bool,
    losses: u32,
    last_lost_packet: u64,
}

impl PathMtu {
    /// User data and header of the largest chunk.
    #[inline]
    pub(super) fn largest_chunk(&self) -> usize {
        if self.phase == Phase::Off { usize::MAX } else { self.chunk_packet - COMMON_HEADER_BYTES }
    }

    /// Whether a packet of `bytes` would not pass if only the base does.
    #[inline]
    pub(super) fn is_beyond_base(&self, bytes: usize) -> bool {
        self.phase != Phase::Off && bytes > self.base
    }

    fn begin(&mut self) {
        self.phase = Phase::Base;
        self.current = self.current.min(self.base);
        self.ceiling = self.largest + CLOSE_ENOUGH;
        self.losses = 0;
        self.try_size(self.base);
    }

    fn try_size(&mut self, size: usize) {
        self.probed = size;
        self.count = 0;
        self.silent = 0;
        self.due = true;
        self.nonce = None;
    }

    /// What to try next; `None`: nothing is left to try.
    fn next_size(&self) -> Option<usize> {
        if self.ceiling > self.largest && self.current < self.largest {
            return Some(self.largest);
        }
        let between = self.ceiling.saturating_sub(self.current);
        (between > CLOSE_ENOUGH).then(|| (self.current + between / 2) & !3)
    }

    fn search_on(&mut self) {
        if let Some(size) = self.next_size() {
            self.phase = Phase::Searching;
            self.try_size(size);
        } else {
            self.phase = Phase::Complete;
            self.due = false;
            self.nonce = None;
        }
    }

    fn passed(&mut self) {
        self.current = self.probed;
        if self.current >= self.base {
            self.chunk_packet = self.base;
        }
        self.search_on();
    }

    fn failed(&mut self) {
        self.ceiling = self.probed;
        if self.phase == Phase::Base {
            self.current = self.smallest;
            self.chunk_packet = self.smallest;
        }
        self.search_on();
    }
}

impl Association {
    /// Looks for the largest packet that the path carries, between these sizes; called again, it begins anew: for a
    /// new path, or another overhead below. From then on [`Self::packet_bytes`] is the budget to poll with, and
    /// [`Self::poll_probe`] is to be polled too.
    pub fn set_packet_sizes(&mut self, now: Instant, sizes: PacketSizes) {
        let smallest = (sizes.smallest & !3).max(LEAST_PACKET);
        let base = (sizes.base & !3).max(smallest);
        let largest = (sizes.largest & !3).clamp(base, 65532.max(base));
        let is_new = self.path_mtu.phase == Phase::Off;
        self.path_mtu = PathMtu {
            smallest,
            base,
            largest,
            current: base,
            chunk_packet: if is_new { smallest } else { self.path_mtu.chunk_packet.clamp(smallest, base) },
            ..PathMtu::default()
        };
        self.path_mtu.begin();
        self.schedule_path_probe(now);
        self.stats.packet_bytes = self.path_mtu.current;
    }

    /// The largest packet that the path is known to carry: the budget for [`Self::poll_transmit`]. `None` before
    /// [`Self::set_packet_sizes`].
    #[must_use]
    pub fn packet_bytes(&self) -> Option<usize> {
        (self.path_mtu.phase != Phase::Off).then_some(self.path_mtu.current)
    }

    /// Whether [`Self::poll_probe`] has something to say.
    #[must_use]
    pub fn is_probe_due(&self) -> bool {
        self.path_mtu.due && self.state == State::Established
    }

    /// Appends a probe, if one is due, and says how long it is: a packet that is larger than the path is known to
    /// carry, so a batch of its own, and to be sent without being cut by IP.
    pub fn poll_probe(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<usize> {
        if !self.is_probe_due() {
            return None;
        }
        self.path_mtu.due = false;
        let nonce = self.rng.next_u64();
        self.path_mtu.nonce = Some(nonce);
        self.path_mtu.count += 1;
        self.stats.mtu_probes += 1;
        let start = out.len();
        put_header(out, self.config.local_port, self.config.remote_port, self.remote_tag);
        put_heartbeat(out, ChunkType::HEARTBEAT, &nonce.to_be_bytes());
        put_pad(out, self.path_mtu.probed - (out.len() - start));
        self.finish_packet(&mut out[start..]);
        self.timers.set(Timer::PathProbe, now + self.rto.current().max(PROBE_TIMER_MIN));
        Some(out.len() - start)
    }

    /// The peer began anew, and with it the path.
    pub(super) fn restart_path_probing(&mut self, now: Instant) {
        if self.path_mtu.phase != Phase::Off {
            self.path_mtu.begin();
            self.after_path_probe(now);
        }
    }

    /// A HEARTBEAT ACK: of a probe?
    pub(super) fn is_path_probe(&mut self, now: Instant, info: &[u8]) -> bool {
        if self.path_mtu.nonce.is_none_or(|nonce| info != nonce.to_be_bytes()) {
            return false;
        }
        self.path_mtu.passed();
        self.after_path_probe(now);
        true
    }

    /// PROBE_TIMER or PMTU_RAISE_TIMER.
    pub(super) fn on_path_probe_timeout(&mut self, now: Instant) {
        let mtu = &mut self.path_mtu;
        if mtu.phase == Phase::Complete {
            mtu.ceiling = mtu.largest + CLOSE_ENOUGH;
            mtu.search_on();
        } else if self.error_count > 0 {
            // Nothing passes: perhaps the path is down, perhaps it carries less than the base. Silence is no verdict.
            mtu.count = 0;
            mtu.silent += 1;
            mtu.due = true;
            if mtu.phase == Phase::Base && mtu.silent == MAX_PROBES {
                mtu.fell_in_silence = true;
                mtu.current = mtu.smallest;
                mtu.chunk_packet = mtu.smallest;
            }
        } else if mtu.count < MAX_PROBES {
            mtu.due = true;
        } else {
            mtu.failed();
        }
        self.after_path_probe(now);
    }

    fn after_path_probe(&mut self, now: Instant) {
        self.stats.packet_bytes = self.path_mtu.current;
        self.schedule_path_probe(now);
    }

    fn schedule_path_probe(&mut self, now: Instant) {
        match self.path_mtu.phase {
            Phase::Complete if self.path_mtu.current < self.path_mtu.base => {
                self.timers.set(Timer::PathProbe, now + RAISE_TIMER_BELOW_BASE);
            }
            Phase::Complete if self.path_mtu.current < self.path_mtu.largest => {
                self.timers.set(Timer::PathProbe, now + RAISE_TIMER);
            }
            // `poll_probe` starts the timer.
            _ => self.timers.stop(Timer::PathProbe),
        }
    }

    /// Something was acknowledged; `beyond_base`: of what only a large packet carried.
    pub(super) fn note_delivery(&mut self, now: Instant, beyond_base: bool) {
        if beyond_base {
            self.path_mtu.losses = 0;
        }
        if std::mem::take(&mut self.path_mtu.fell_in_silence) {
            self.path_mtu.begin();
            self.path_mtu.current = self.path_mtu.smallest;
            self.after_path_probe(now);
        }
    }

    /// What only a large packet carried was lost: many in a row are a black hole (RFC 8899 §4.3).
    pub(super) fn note_large_loss(&mut self, now: Instant, packet: u64) {
        let mtu = &mut self.path_mtu;
        if mtu.last_lost_packet != packet {
            mtu.last_lost_packet = packet;
            mtu.losses += 1;
        }
        if mtu.losses >= BLACK_HOLE_LOSSES {
            self.suspect_black_hole(now);
        }
    }

    /// Packets fall back to the base, which is probed. A suspicion costs little: if it was wrong, two round trips
    /// bring the size back.
    pub(super) fn suspect_black_hole(&mut self, now: Instant) {
        let mtu = &mut self.path_mtu;
        let searched = matches!(mtu.phase, Phase::Searching | Phase::Complete);
        // At the base already: only if twice nothing came back.
        let large = mtu.current > mtu.base || (mtu.current == mtu.base && self.error_count > 1);
        if !searched || !large {
            return;
        }
        tracing::debug!(packet_bytes = mtu.current, "black hole suspected");
        mtu.begin();
        self.stats.black_holes += 1;
        self.after_path_probe(now);
    }
}
