//! What SACKs say: what arrived, what is lost, what to send again.
//!
//! Problem: three missing reports a hole (RFC 9260 §7.2.4) need luck at the tail of a flight and are fooled by
//! reordering, and a timeout costs a second.
//! How: time, as RACK-TLP does. What was sent a reordering window before something that has arrived is lost; when
//! the tail of a flight stays unanswered for two round trips, a probe makes the receiver speak, and if it is lost, the next.
//! ```text
//!   sent   1 2 3 4 5 6        SACK for 5 arrives:  1 .. 4 left before 5; after the reordering window, lost
//!                      |<--- 2 SRTT --->| probe: the last chunk again --> SACK shows the holes
//!                      |<------------------ RTO -------------->| T3-rtx: all in flight is lost, cwnd = 1 packet
//! ```
//! RFC 9260 §7.2.4: the count of missing reports is not kept, because the reordering window is zero from the third
//! gap-acked chunk on (while no reordering was seen), which finds the same losses by the same SACK.
//! A SACK has room for some holes only: about 290 in 1200 bytes, 20 by the choice of one widespread stack. What lies
//! above its last block may be there all the same, so it is neither lost nor surely in flight: each SACK that tells
//! nothing new still tells that one packet arrived somewhere up there, and makes room for a repair.
//! More: RFC 9260 §6.2.1, §6.3, §7.2.4; RFC 8985; docs/sctp.md, "Loss".

use super::{Association, State};
use crate::congestion::Loss;
use crate::error::Discard;
use crate::event::Violation;
use crate::numbers::unwrap_near;
use crate::send::chunk::Acked;
use crate::timers::Timer;
use crate::wire::RawChunk;
use crate::wire::cause::CauseCode;
use crate::wire::sack::{GapBlock, Sack};
use std::time::{Duration, Instant};

/// Gap-acked chunks after which a hole is a loss, as long as the path was not seen to reorder (RFC 8985 §6.2).
const DUPLICATE_THRESHOLD: usize = 3;

/// A SACK with this many gap blocks may have had no room for more.
const MANY_BLOCKS: usize = 20;

/// What loss detection remembers.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// In fast recovery until all up to here is acknowledged.
    pub(super) until: Option<u64>,
    /// When the newest delivered transmission left, and in which packet.
    newest: Option<(Instant, u64)>,
    /// Its round trip.
    newest_rtt: Duration,
    reordering_seen: bool,
    /// Reordering windows are this many quarters of the minimum round trip.
    window_quarters: u32,
    /// The window was widened in this recovery: once a round trip is enough.
    widened: bool,
    /// Chunks sent again in this recovery (or since the timeout) that no duplicate report has answered yet; `None`
    /// outside of one.
    unanswered_repeats: Option<u64>,
    /// Recoveries until the reordering window shrinks back.
    window_persists: u32,
    /// Probes since something was acknowledged, or since T3-rtx.
    probes: u32,
    /// A probe was sent, and no round trip was measured since.
    untimed: bool,
    /// The next poll sends one chunk whatever the window says.
    pub(super) probe_due: bool,
    /// The end of the last block of a SACK that may have had no room for more.
    horizon: Option<u64>,
    /// Bytes that arrived above the horizon, as far as the number of SACKs tells.
    unreported: usize,
    /// `delivered` of the sampler when the next round trip may be taken (RFC 9260 §6.3.1 C4).
    next_rtt_at: u64,
}

impl Association {
    /// Out of line, as all that is not data.
    #[inline(never)]
    pub(super) fn on_sack(&mut self, now: Instant, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        if self.state < State::Established {
            return Err(Discard::Unexpected);
        }
        let sack = Sack::parse(chunk).map_err(Discard::MalformedChunk)?;
        let known = self.outstanding.cumulative();
        let cumulative = unwrap_near(known, sack.cumulative_tsn_ack);
        if cumulative < known {
            return Err(Discard::OldAcknowledgement);
        }
        let next = self.outstanding.next();
        let is_sent = |block: GapBlock| block.start > block.end || cumulative + u64::from(block.end) < next;
        if cumulative >= next || !sack.gap_blocks().all(is_sent) {
            // RFC 9260 §12.4: who acknowledges what it cannot have got makes a sender flood.
            let info = b"SACK for what was never sent";
            self.abort_for(Violation::ImpossibleAcknowledgement, CauseCode::PROTOCOL_VIOLATION, info);
            return Err(Discard::ImpossibleAcknowledgement);
        }
        self.stats.sacks_received += 1;
        self.note_duplicates(now, sack.duplicates().len());
        self.peer_a_rwnd = usize::try_from(sack.a_rwnd).unwrap_or(usize::MAX);
        self.peer_window_seen = self.peer_window_seen.max(self.peer_a_rwnd);
        if self.peer_a_rwnd == 0 {
            // §6.1 A: a peer that answers probes of its closed window is alive.
            self.error_count = 0;
        }
        self.on_acknowledgement(now, cumulative, Some(&sack));
        Ok(())
    }

    /// Applies an acknowledgement: of SACK, or of SHUTDOWN without gap blocks.
    pub(super) fn on_acknowledgement(&mut self, now: Instant, cumulative: u64, sack: Option<&Sack<'_>>) {
        let prior_in_flight = self.outstanding.in_flight();
        let mut acked = Acked::default();
        self.outstanding.acknowledge_cumulative(now, cumulative, &mut self.sampler, &mut acked);
        if let Some(sack) = sack {
            let blocks = sack
                .gap_blocks()
                .map(|block| (cumulative + u64::from(block.start), cumulative + u64::from(block.end)));
            self.outstanding.acknowledge_gaps(now, blocks, &mut self.sampler, &mut acked);
        }
        let arrived = self.note_horizon(cumulative, sack, prior_in_flight);
        if acked.cumulative_moved {
            self.error_count = 0;
        }
        if acked.chunks > 0 {
            self.error_count = 0;
            self.recovery.probes = 0;
            self.note_newest(now, &acked);
            self.note_delivery(now, acked.beyond_base);
        }
        if self.recovery.until.is_some_and(|until| self.outstanding.cumulative() >= until) {
            self.recovery.until = None;
        }
        let loss = self.detect_losses(now);
        self.feed_congestion_control(now, prior_in_flight, &acked, arrived, loss);
        self.after_acknowledgement(now, &acked);
    }

    /// How far this SACK can report. The result is what it says to have arrived without saying where.
    fn note_horizon(&mut self, cumulative: u64, sack: Option<&Sack<'_>>, prior_in_flight: usize) -> usize {
        let last = sack.filter(|sack| sack.gap_blocks().len() >= MANY_BLOCKS);
        let last = last.and_then(|sack| sack.gap_blocks().last());
        self.recovery.horizon = last.map(|block| cumulative + u64::from(block.end));
        let in_flight = self.outstanding.in_flight();
        if last.is_none() || sack.is_none_or(|sack| sack.duplicates().len() > 0) {
            self.recovery.unreported =
                if last.is_none() { 0 } else { self.recovery.unreported.min(in_flight) };
            return 0;
        }
        let arrived = self.max_data_bytes;
        let reported = prior_in_flight - in_flight;
        let unreported = (self.recovery.unreported + arrived).saturating_sub(reported);
        self.recovery.unreported = unreported.min(in_flight);
        arrived
    }

    /// Bytes that are on the way, as far as SACKs tell.
    #[inline]
    pub(super) fn flight(&self) -> usize {
        self.outstanding.in_flight().saturating_sub(self.recovery.unreported)
    }

    fn feed_congestion_control(
        &mut self,
        now: Instant,
        prior_in_flight: usize,
        acked: &Acked,
        arrived: usize,
        loss: Option<Loss>,
    ) {
        let mut sample = self.sampler.finish(now);
        if let Some(rtt) = sample.rtt {
            self.recovery.untimed = false;
            let rtt = rtt.max(Duration::from_micros(1));
            self.rto.on_any_sample(rtt);
            if sample.prior_delivered >= self.recovery.next_rtt_at {
                self.rto.on_sample(rtt);
                self.recovery.next_rtt_at = sample.total_delivered;
            }
        }
        if acked.chunks > 0 || (arrived > 0 && self.recovery.until.is_some()) {
            if acked.chunks == 0 {
                // No round trip ends by what is not known.
                sample.prior_delivered = 0;
            }
            sample.acked_bytes = sample.acked_bytes.max(arrived);
            sample.srtt = self.rto.srtt();
            sample.prior_in_flight = prior_in_flight;
            sample.in_flight = self.flight();
            sample.cwnd_limited =
                self.cwnd_limited || prior_in_flight + self.max_data_bytes > self.congestion.cwnd();
            // What this SACK acknowledged counts before the recovery that it begins (§7.2.4, the note at the end).
            sample.in_recovery = self.recovery.until.is_some() && loss.is_none();
            self.congestion.on_ack(now, &sample);
        }
        if let Some(mut loss) = loss {
            loss.acked_bytes = sample.acked_bytes;
            self.congestion.on_loss(now, &loss);
        }
        if self.config.pacing {
            self.pacer.set_rate(now, self.congestion.pacing_rate(), self.rto.srtt());
        }
    }

    fn after_acknowledgement(&mut self, now: Instant, acked: &Acked) {
        if self.outstanding.gap_acked > 0 {
            self.give_up_first(now);
        }
        if self.outstanding.advanced() > self.outstanding.cumulative() {
            self.control.forward_tsn = true;
        }
        if self.outstanding.is_empty() {
            self.timers.stop(Timer::T3Rtx);
            self.timers.stop(Timer::TailLossProbe);
            self.timers.stop(Timer::Reordering);
            self.advance_resets(now);
            self.advance_shutdown(now);
        } else if acked.chunks > 0 || acked.cumulative_moved {
            // §6.3.2 R3 restarts it for the earliest chunk only; where losses are found by time, any delivery shows that
            // the path lives.
            if acked.cumulative_moved || self.config.time_based_loss_detection {
                self.timers.set(Timer::T3Rtx, now + self.rto.current());
            }
            self.schedule_probe(now);
            if self.reconfiguration.is_waiting() {
                self.advance_resets(now);
            }
        }
        self.update_gauges();
    }

    /// RFC 8985 §6.2 steps 1 to 3: the newest delivered transmission, and whether the path reorders.
    fn note_newest(&mut self, now: Instant, acked: &Acked) {
        let recovery = &mut self.recovery;
        if acked.reordered {
            recovery.reordering_seen = true;
        }
        let Some((sent_at, packet)) = acked.newest else { return };
        let rtt = now.saturating_duration_since(sent_at);
        // An acknowledgement that is too early for a repetition is for the first transmission.
        if acked.retransmitted && self.rto.minimum().is_some_and(|minimum| rtt < minimum) {
            return;
        }
        if recovery.newest.is_none_or(|(_, newest)| newest < packet) {
            recovery.newest = Some((sent_at, packet));
            recovery.newest_rtt = rtt;
        }
    }

    /// The peer got chunks twice: what was sent again had only been late. The reordering window widens for a
    /// while (RFC 8985 §6.2 step 4), and if every repetition of this recovery was needless, the reduction of the
    /// window is taken back (as RFC 3708 does with D-SACK).
    fn note_duplicates(&mut self, now: Instant, count: usize) {
        let recovery = &mut self.recovery;
        let Some(repeats) = recovery.unanswered_repeats.as_mut().filter(|repeats| count > 0 && **repeats > 0)
        else {
            return;
        };
        if !recovery.widened {
            recovery.widened = true;
            recovery.window_quarters += 1;
            recovery.window_persists = 16;
        }
        *repeats = repeats.saturating_sub(count as u64);
        if *repeats == 0 {
            recovery.unanswered_repeats = None;
            recovery.until = None;
            self.stats.spurious_recoveries += 1;
            self.congestion.on_spurious(now);
            tracing::debug!("spurious recovery");
        }
    }

    /// A chunk was sent again.
    pub(super) fn note_repeat(&mut self) {
        if let Some(repeats) = &mut self.recovery.unanswered_repeats {
            *repeats += 1;
        }
    }

    fn begin_recovery(&mut self) {
        let recovery = &mut self.recovery;
        recovery.unanswered_repeats = Some(0);
        recovery.widened = false;
        recovery.window_persists = recovery.window_persists.saturating_sub(1);
        if recovery.window_persists == 0 {
            recovery.window_quarters = 0;
        }
    }

    /// RFC 8985 §6.2 step 4.
    fn reordering_window(&self) -> Duration {
        if !self.recovery.reordering_seen
            && (self.recovery.until.is_some() || self.outstanding.gap_acked >= DUPLICATE_THRESHOLD)
        {
            return Duration::ZERO;
        }
        let minimum = self.rto.minimum().unwrap_or(self.recovery.newest_rtt);
        let window = minimum * (1 + self.recovery.window_quarters) / 4;
        window.min(self.rto.srtt().unwrap_or(minimum))
    }

    /// RFC 8985 §6.2 step 5: looks at the oldest transmissions until one is not lost yet. The result is the
    /// begin of a recovery, if this is one.
    fn detect_losses(&mut self, now: Instant) -> Option<Loss> {
        self.timers.stop(Timer::Reordering);
        let (_, newest) = self.recovery.newest?;
        let window = self.reordering_window();
        let mut lost_bytes = 0;
        let mut first_sent = None;
        let by_count = !self.config.time_based_loss_detection;
        if by_count && self.recovery.until.is_none() && self.outstanding.gap_acked < DUPLICATE_THRESHOLD {
            return None;
        }
        let horizon = self.recovery.horizon.unwrap_or(u64::MAX);
        while let Some(index) = self.outstanding.next_deferred(horizon) {
            lost_bytes += self.outstanding.mark_lost(index);
            self.stats.chunks_lost += 1;
        }
        while let Some((index, sent_at, packet)) = self.outstanding.oldest() {
            if packet >= newest {
                break;
            }
            if index > horizon {
                self.outstanding.defer_oldest();
                continue;
            }
            let at = sent_at + self.recovery.newest_rtt + window;
            if at > now {
                self.timers.set(Timer::Reordering, at.max(now + self.config.timer_granularity));
                break;
            }
            first_sent = first_sent.or(Some(sent_at));
            lost_bytes += self.outstanding.mark_lost(index);
            if self.outstanding.is_beyond_base(index) {
                self.note_large_loss(now, packet);
            }
            self.stats.chunks_lost += 1;
        }
        if lost_bytes == 0 {
            return None;
        }
        self.sampler.lost(lost_bytes);
        if self.recovery.until.is_some() {
            return None;
        }
        self.recovery.until = Some(self.outstanding.next() - 1);
        self.begin_recovery();
        tracing::debug!(lost_bytes, "fast recovery");
        Some(Loss {
            lost_bytes,
            in_flight: self.flight(),
            acked_bytes: 0,
            sent_at: first_sent.unwrap_or(now),
        })
    }

    pub(super) fn on_reordering_timeout(&mut self, now: Instant) {
        if let Some(loss) = self.detect_losses(now) {
            self.congestion.on_loss(now, &loss);
        }
        self.update_gauges();
    }

    /// RFC 8985 §7.2: two round trips after the last transmission, if that is before T3-rtx. RFC 8985 §7.3: one probe and no
    /// second is not done, because a burst of losses that lasts takes one probe as it took the flight; as long as T3-rtx
    /// has not come, each that nothing answers is followed by one at twice the distance (as RFC 9002 §6.2.1 does it, where
    /// §6.2.4 lets two packets go each time). Retransmissions that are counted (RFC 7496 §3.1) are not spent on a second.
    /// The second condition of §7.3 holds for each silence: the first probe of one needs a round trip measured since the last.
    pub(super) fn schedule_probe(&mut self, now: Instant) {
        let Some(srtt) = self.rto.srtt() else { return };
        let closed_window = self.peer_a_rwnd == 0;
        // Before the COOKIE ACK nothing may leave alone (RFC 9260 §5.1): T1-cookie repeats the data with the COOKIE ECHO.
        let early = self.state < State::Established;
        if closed_window
            || early
            || !self.config.tail_loss_probes
            || self.recovery.until.is_some()
            || self.outstanding.in_flight() == 0
            || (self.recovery.probes > 0 && self.probe_spends())
            || (self.recovery.untimed && !self.is_silent())
        {
            self.timers.stop(Timer::TailLossProbe);
            return;
        }
        // A single packet may be held back by the peer's delayed acknowledgement.
        let single = self.outstanding.in_flight() <= self.max_data_bytes;
        let allowance = if single { Duration::from_millis(100) } else { Duration::from_millis(10) };
        let timeout = (srtt * 2 + allowance).saturating_mul(1 << self.recovery.probes.min(16));
        if timeout < self.rto.current() {
            self.timers.set(Timer::TailLossProbe, now + timeout);
        } else {
            self.timers.stop(Timer::TailLossProbe);
        }
    }

    /// Something was probed for, or timed out, and nothing has been acknowledged since.
    fn is_silent(&self) -> bool {
        self.recovery.probes > 0 || self.error_count > 0
    }

    pub(super) fn on_probe_timeout(&mut self, now: Instant) {
        if !self.prepare_probe(now) {
            return;
        }
        self.recovery.probes += 1;
        self.recovery.untimed = true;
        self.recovery.probe_due = true;
        self.stats.probes += 1;
        self.schedule_probe(now);
    }

    /// T3-rtx (RFC 9260 §6.3.3): everything in flight is taken for lost, and fast recovery ends, so that slow
    /// start repairs the holes at the pace of the path.
    pub(super) fn on_retransmission_timeout(&mut self, now: Instant) {
        if self.outstanding.is_empty() {
            return;
        }
        self.stats.timeouts += 1;
        self.count_error();
        if self.ended {
            return;
        }
        let in_flight = self.outstanding.in_flight();
        let closed_window = self.peer_a_rwnd == 0 && self.outstanding.len() == 1;
        let lost = self.outstanding.mark_all_lost();
        self.sampler.lost(lost);
        if !closed_window {
            self.congestion.on_rto(now, in_flight);
        }
        self.rto.back_off();
        self.suspect_black_hole(now);
        self.recovery.until = None;
        self.begin_recovery();
        self.recovery.horizon = None;
        self.recovery.unreported = 0;
        self.recovery.probes = 0;
        self.recovery.probe_due = false;
        self.timers.stop(Timer::TailLossProbe);
        self.timers.stop(Timer::Reordering);
        if self.outstanding.advanced() > self.outstanding.cumulative() {
            self.control.forward_tsn = true;
        }
        self.timers.set(Timer::T3Rtx, now + self.rto.current());
        self.update_gauges();
    }
}
