//! How fast the path delivers: one sample for each SACK.
//!
//! Problem: bytes sent a second say what we tried, not what got through, and one SACK may acknowledge much at
//! once, so that bytes per SACK over the time since the last SACK is noise.
//!
//! How: a counter of all bytes ever delivered. Each chunk takes a copy along when it leaves (its [`Stamp`]),
//! and when it is acknowledged, the difference is what the path delivered *in the time this chunk was under
//! way*. That time is the longer of the time in which those bytes were sent and the time in which they were
//! acknowledged, so neither a burst of SACKs nor a burst of sends can make the path look faster than it is:
//!
//! ```text
//!   sent      --P0-----P1---P2--P3                       P3 leaves, stamp: delivered = 1 (P0)
//!                       \        \     send interval:  P0's time of leaving .. P3's
//!   acked     -------a0----------a1-----a2---a3          ack interval:   a0 .. a3
//!                                                        sample: 3 packets / the longer of both
//! ```
//!
//! A sender that had nothing to send measures itself, not the path: such samples are marked
//! [`RateSample::app_limited`], and may raise an estimate but not lower it.
//!
//! More: draft-ietf-ccwg-bbr, "Delivery Rate Samples"; docs/congestion.md, "What the path delivers".

use std::time::{Duration, Instant};

use super::bytes_per_second;

/// What an outstanding chunk carries: the state of the sampler when it left.
///
/// Kept small, for there is one for every outstanding chunk: times are microseconds since the sampler was made,
/// modulo 2^32 (71 minutes; nothing stays outstanding that long).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    delivered: u64,
    delivered_at: Micros,
    first_sent_at: Micros,
    sent_at: Micros,
    app_limited: bool,
}

/// Microseconds since the sampler was made, modulo 2^32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Micros(u32);

impl Micros {
    /// Time from `earlier` to `self`; zero if they are in the other order.
    fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.micros_since(earlier).into())
    }

    #[inline]
    fn micros_since(self, earlier: Self) -> u32 {
        let difference = self.0.wrapping_sub(earlier.0);
        if difference > u32::MAX / 2 { 0 } else { difference }
    }
}

/// What one SACK says about the path, for [`on_ack`](super::CongestionController::on_ack).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateSample {
    /// Bytes that this SACK newly acknowledged, by its cumulative point or by gap blocks.
    pub acked_bytes: usize,
    /// Bytes found lost since the sample before this one.
    pub lost_bytes: usize,
    /// Bytes delivered during `interval`.
    pub delivered: u64,
    /// The time that took; zero if this SACK tells no rate.
    pub interval: Duration,
    /// Bytes delivered since the association began, this SACK included.
    pub total_delivered: u64,
    /// What `total_delivered` was when the newest acknowledged chunk left. A round trip has passed when this
    /// reaches the `total_delivered` seen at the begin of the round.
    pub prior_delivered: u64,
    /// The round trip of a chunk that was sent once (RFC 9260 §6.3.1 C5), if this SACK has one to tell.
    pub rtt: Option<Duration>,
    /// The smoothed round trip (RFC 9260 §6.3.1), `rtt` included.
    pub srtt: Option<Duration>,
    /// The sender had run out of data when that chunk left: the sample may understate the path.
    pub app_limited: bool,
    /// Bytes outstanding before this SACK.
    pub prior_in_flight: usize,
    /// Bytes outstanding after it, without those found lost.
    pub in_flight: usize,
    /// The window was in full use before this SACK: only then may it grow (RFC 9260 §7.2.1).
    pub cwnd_limited: bool,
    /// Fast recovery goes on: the window must not grow (RFC 9260 §7.2.1).
    pub in_recovery: bool,
}

impl RateSample {
    /// Delivered bytes a second; `None` if this SACK tells no rate.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        (!self.interval.is_zero()).then(|| bytes_per_second(self.delivered, self.interval))
    }
}

/// Counts what is delivered and makes the samples. One for an association.
///
/// For each SACK: [`acked`](Self::acked) for every newly acknowledged chunk, [`lost`](Self::lost) for what is found
/// lost, then [`finish`](Self::finish) once. Constant work for each, and no memory beyond the stamps.
#[derive(Debug, Clone)]
pub struct Sampler {
    epoch: Instant,
    /// The last time that was asked for: many chunks leave, and many are acknowledged, at one.
    converted: (Instant, Micros),
    delivered: u64,
    delivered_at: Micros,
    /// When the newest acknowledged chunk left: where the next send interval begins.
    first_sent_at: Micros,
    /// What left before this moment took another path: it tells how much arrived, and nothing of this one.
    path_since: Option<Instant>,
    /// All data sent while the application had nothing more to say is delivered once `delivered` passes this.
    app_limited_until: Option<u64>,
    /// The chunk of this SACK that left last, and the sums of this SACK.
    newest: Option<Stamp>,
    acked_bytes: usize,
    lost_bytes: usize,
    /// Microseconds.
    shortest_rtt: Option<u32>,
}

impl Sampler {
    /// A sampler that has seen nothing.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            converted: (now, Micros(0)),
            delivered: 0,
            delivered_at: Micros(0),
            first_sent_at: Micros(0),
            path_since: None,
            app_limited_until: None,
            newest: None,
            acked_bytes: 0,
            lost_bytes: 0,
            shortest_rtt: None,
        }
    }

    /// The stamp for a chunk that leaves now, first sent or sent again; `in_flight` does not count it yet.
    #[inline]
    pub fn stamp(&mut self, now: Instant, in_flight: usize) -> Stamp {
        let sent_at = self.micros(now);
        if in_flight == 0 {
            // After silence the intervals begin anew: idle time is not delivery time.
            self.delivered_at = sent_at;
            self.first_sent_at = sent_at;
        }
        Stamp {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            sent_at,
            app_limited: self.app_limited_until.is_some(),
        }
    }

    /// The window has room and there is nothing to send: what is in flight now will understate the path.
    pub fn app_limited(&mut self, in_flight: usize) {
        self.app_limited_until = Some(self.delivered + in_flight as u64);
    }

    /// From now on packets take another path.
    pub fn path_changed(&mut self, now: Instant) {
        self.path_since = Some(now);
    }

    /// A chunk of `bytes` is acknowledged for the first time. `once` says that it was sent only once, so that
    /// its round trip is known (RFC 9260 §6.3.1 C5).
    #[inline]
    pub fn acked(&mut self, now: Instant, stamp: &Stamp, bytes: usize, once: bool) {
        self.delivered += bytes as u64;
        self.acked_bytes += bytes;
        let rtt = self.micros(now).micros_since(stamp.sent_at);
        if let Some(since) = self.path_since
            && now.saturating_duration_since(since) < Duration::from_micros(rtt.into())
        {
            return;
        }
        if once {
            self.shortest_rtt = Some(self.shortest_rtt.map_or(rtt, |shortest| shortest.min(rtt)));
        }
        let newer = self.newest.is_none_or(|newest| {
            (stamp.delivered, stamp.sent_at.micros_since(newest.sent_at)) > (newest.delivered, 0)
        });
        if newer {
            self.newest = Some(*stamp);
        }
    }

    /// `bytes` are taken for lost.
    pub fn lost(&mut self, bytes: usize) {
        self.lost_bytes += bytes;
    }

    /// The SACK is read: what it says. The caller fills `srtt`, `prior_in_flight`, `in_flight`, `cwnd_limited` and
    /// `in_recovery`, which it knows and the sampler does not.
    pub fn finish(&mut self, now: Instant) -> RateSample {
        let now = self.micros(now);
        let mut sample = RateSample {
            acked_bytes: std::mem::take(&mut self.acked_bytes),
            lost_bytes: std::mem::take(&mut self.lost_bytes),
            total_delivered: self.delivered,
            prior_delivered: self.delivered,
            rtt: self.shortest_rtt.take().map(|micros| Duration::from_micros(micros.into())),
            ..RateSample::default()
        };
        if self.app_limited_until.is_some_and(|until| self.delivered > until) {
            self.app_limited_until = None;
        }
        let Some(newest) = self.newest.take() else { return sample };
        let send_interval = newest.sent_at.since(newest.first_sent_at);
        let ack_interval = now.since(newest.delivered_at);
        sample.delivered = self.delivered - newest.delivered;
        sample.interval = send_interval.max(ack_interval);
        sample.prior_delivered = newest.delivered;
        sample.app_limited = newest.app_limited;
        self.delivered_at = now;
        self.first_sent_at = newest.sent_at;
        sample
    }

    /// Bytes delivered since the association began.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    #[inline]
    fn micros(&mut self, now: Instant) -> Micros {
        if self.converted.0 != now {
            let micros = now.saturating_duration_since(self.epoch).as_micros();
            #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 by design")]
            let micros = Micros(micros as u32);
            self.converted = (now, micros);
        }
        self.converted.1
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::start;
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A packet of 1000 bytes leaves every millisecond and is acknowledged 20 ms later.
    #[test]
    fn a_steady_path_is_measured_exactly() {
        let start = start();
        let mut sampler = Sampler::new(start);
        let mut outstanding = std::collections::VecDeque::new();
        let mut last = RateSample::default();
        for tick in 0..100 {
            let now = start + MS * tick;
            if tick >= 20 {
                let stamp = outstanding.pop_front().unwrap();
                sampler.acked(now, &stamp, 1000, true);
                last = sampler.finish(now);
                assert_eq!(last.rtt, Some(MS * 20));
                assert_eq!(last.acked_bytes, 1000);
            }
            outstanding.push_back(sampler.stamp(now, outstanding.len() * 1000));
        }
        assert_eq!(last.rate(), Some(1_000_000));
        assert_eq!(last.total_delivered, 80_000);
        assert!(!last.app_limited);
    }

    #[test]
    fn a_burst_of_sacks_does_not_make_the_path_look_fast() {
        let start = start();
        let mut sampler = Sampler::new(start);
        let stamps: Vec<_> = (0..10).map(|i| sampler.stamp(start + MS * i, i as usize * 1000)).collect();
        // All ten acknowledged at once, 1 ms after the last left: sent over 9 ms, delivered over 10.
        let now = start + MS * 10;
        for stamp in &stamps {
            sampler.acked(now, stamp, 1000, true);
        }
        let sample = sampler.finish(now);
        assert_eq!((sample.delivered, sample.interval), (10_000, MS * 10));
        assert_eq!(sample.rtt, Some(MS), "the shortest of the ten");
    }

    #[test]
    fn what_is_sent_while_the_application_is_silent_is_marked() {
        let start = start();
        let mut sampler = Sampler::new(start);
        let first = sampler.stamp(start, 0);
        sampler.app_limited(1000);
        let second = sampler.stamp(start + MS, 1000);
        sampler.acked(start + MS * 20, &first, 1000, true);
        assert!(!sampler.finish(start + MS * 20).app_limited, "the first left before");
        sampler.acked(start + MS * 21, &second, 1000, true);
        assert!(sampler.finish(start + MS * 21).app_limited);
        let third = sampler.stamp(start + MS * 22, 0);
        assert!(!third.app_limited, "all that was limited has been delivered");
    }

    #[test]
    fn idle_time_is_not_delivery_time() {
        let start = start();
        let mut sampler = Sampler::new(start);
        let first = sampler.stamp(start, 0);
        sampler.acked(start + MS * 20, &first, 1000, true);
        let _ = sampler.finish(start + MS * 20);
        let later = start + Duration::from_secs(60);
        let second = sampler.stamp(later, 0);
        sampler.acked(later + MS * 20, &second, 1000, true);
        assert_eq!(sampler.finish(later + MS * 20).interval, MS * 20);
    }

    #[test]
    fn a_chunk_sent_twice_tells_no_round_trip() {
        let start = start();
        let mut sampler = Sampler::new(start);
        let stamp = sampler.stamp(start, 0);
        sampler.acked(start + MS, &stamp, 1000, false);
        assert_eq!(sampler.finish(start + MS).rtt, None);
    }

    #[test]
    fn times_wrap_without_harm() {
        let start = start();
        let mut sampler = Sampler::new(start);
        let before = start + Duration::from_micros(u64::from(u32::MAX) - 500);
        let stamp = sampler.stamp(before, 0);
        sampler.acked(before + MS, &stamp, 1000, true);
        let sample = sampler.finish(before + MS);
        assert_eq!((sample.interval, sample.rtt), (MS, Some(MS)));
    }
}
