//! NewReno: the congestion control of RFC 9260 §7.2.
//!
//! Problem: find the window that the path carries, from acknowledgements and losses alone.
//!
//! How: double each round trip until the first loss, then creep up by one packet a round trip; each loss event
//! halves the window, a timeout puts it back to one packet:
//!
//! ```text
//!  cwnd
//!   |        slow start                 /|      /|      /|      congestion avoidance:
//!   |      (doubles) _                 / |     / |     / |      one packet a round trip
//!   |              _/ \ loss: half    /  |    /  |    /  |
//!   |           __/    |            _/   |___/   |___/   |  T3-rtx: one packet,
//!   |     _____/       |__________/                      |  slow start up to ssthresh
//!   '----------------------------------------------------+------------> time
//! ```
//!
//! Counting is by bytes: a SACK for two packets opens the window by two in slow start (RFC 3465 with L = 2,
//! which RFC 9260 §7.2.1 allows and our SACK rhythm needs; L = 1 right after a timeout, RFC 3465 §2.3).
//! Two helpers make it gentler than the RFC asks, never more aggressive: [`HyStart`] ends the first slow start before
//! it overruns the path, and [`Prr`] spreads the halving over the recovery, the first repair at once (§7.2.4 rule 3).
//! RFC 9260 §7.2.2: duplicates that a SACK reports are not counted into `partial_bytes_acked`, because the
//! peer can invent them; that only makes us slower.
//!
//! More: RFC 9260 §7.2.1 (slow start), §7.2.2 (avoidance), §7.2.3 (loss); docs/congestion.md, "NewReno".

use std::time::{Duration, Instant};

use super::hystart::{Growth, HyStart};
use super::prr::Prr;
use super::{CongestionController, Loss, Parameters, RateSample, bytes_per_second};

/// The controller that RFC 9260 describes. See the [module](super) for where it stands.
#[derive(Debug, Clone)]
pub struct NewReno {
    parameters: Parameters,
    cwnd: usize,
    ssthresh: usize,
    partial_bytes_acked: usize,
    /// From a timeout until its losses are repaired a SACK may acknowledge what had long arrived: L is 1.
    after_timeout: bool,
    hystart: HyStart,
    /// The window during recovery; `None` outside.
    recovery: Option<(Prr, usize)>,
    /// cwnd and ssthresh before the last reduction, should it prove mistaken.
    before_reduction: Option<(usize, usize)>,
    srtt: Option<Duration>,
}

impl NewReno {
    /// A controller at the begin of a path.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        Self {
            parameters,
            cwnd: parameters.initial_window(),
            ssthresh: usize::MAX,
            partial_bytes_acked: 0,
            after_timeout: false,
            hystart: HyStart::new(),
            recovery: None,
            before_reduction: None,
            srtt: None,
        }
    }

    fn mdcs(&self) -> usize {
        self.parameters.max_data_bytes
    }

    /// `max(cwnd / 2, 4 * PMDCS)` (RFC 9260 §7.2.3).
    fn half(&self) -> usize {
        (self.cwnd / 2).max(4 * self.mdcs())
    }

    fn in_slow_start(&self) -> bool {
        self.cwnd <= self.ssthresh
    }

    /// RFC 9260 §7.2.1: by at most what was acknowledged, and at most L packets.
    fn grow_in_slow_start(&mut self, sample: &RateSample) {
        let l = if self.after_timeout { 1 } else { 2 };
        // RFC 9406 §4.3: only the first slow start does not know where to end.
        let growth =
            if self.ssthresh == usize::MAX { self.hystart.on_ack(sample) } else { Growth::Divided(1) };
        match growth {
            Growth::Done => self.ssthresh = self.cwnd,
            Growth::Divided(divisor) => self.cwnd += sample.acked_bytes.min(l * self.mdcs()) / divisor,
        }
    }

    /// RFC 9260 §7.2.2: one packet for each full window acknowledged.
    fn grow_in_avoidance(&mut self, sample: &RateSample) {
        self.partial_bytes_acked += sample.acked_bytes;
        if self.partial_bytes_acked < self.cwnd {
            return;
        }
        if sample.cwnd_limited {
            self.partial_bytes_acked -= self.cwnd;
            self.cwnd += self.mdcs();
        } else {
            self.partial_bytes_acked = self.cwnd;
        }
    }
}

impl CongestionController for NewReno {
    fn on_sent(&mut self, _now: Instant, bytes: usize, _in_flight: usize) {
        if let Some((prr, _)) = &mut self.recovery {
            prr.on_sent(bytes);
        }
    }

    fn on_ack(&mut self, _now: Instant, sample: &RateSample) {
        self.srtt = sample.srtt.or(self.srtt);
        if sample.in_recovery {
            let packet = self.mdcs();
            if let Some((prr, window)) = &mut self.recovery {
                *window = prr.on_ack(sample.acked_bytes, sample.in_flight, packet);
            }
        } else {
            self.recovery = None;
            if !self.in_slow_start() {
                self.after_timeout = false;
                self.grow_in_avoidance(sample);
            } else if sample.cwnd_limited {
                self.grow_in_slow_start(sample);
            }
        }
        if sample.in_flight == 0 {
            self.partial_bytes_acked = 0;
        }
    }

    fn on_loss(&mut self, _now: Instant, loss: &Loss) {
        self.before_reduction = Some((self.cwnd, self.ssthresh));
        self.ssthresh = self.half();
        self.cwnd = self.ssthresh;
        self.partial_bytes_acked = 0;
        let flight = loss.in_flight + loss.lost_bytes + loss.acked_bytes;
        let mut prr = Prr::new(flight, self.ssthresh);
        let window = prr.on_ack(loss.acked_bytes, loss.in_flight, self.mdcs());
        // One packet at once: the repair that nothing should delay (RFC 9260 §7.2.4 rule 3).
        self.recovery = Some((prr, window.max(loss.in_flight + self.mdcs())));
    }

    fn on_rto(&mut self, _now: Instant, _in_flight: usize) {
        // Backed-off timeouts of the same loss: what is worth restoring is the window before the first.
        if !self.after_timeout {
            self.before_reduction = Some((self.cwnd, self.ssthresh));
        }
        self.ssthresh = self.half();
        self.cwnd = self.mdcs();
        self.partial_bytes_acked = 0;
        self.recovery = None;
        self.after_timeout = true;
    }

    fn on_spurious(&mut self, _now: Instant) {
        if let Some((cwnd, ssthresh)) = self.before_reduction.take() {
            self.cwnd = self.cwnd.max(cwnd);
            self.ssthresh = self.ssthresh.max(ssthresh);
            self.after_timeout = false;
            self.recovery = None;
        }
    }

    fn on_idle(&mut self, _now: Instant, rtos: u32) {
        if rtos == 0 {
            return;
        }
        if self.ssthresh == usize::MAX {
            self.ssthresh = self.cwnd;
        }
        let floor = 4 * self.mdcs();
        for _ in 0..rtos.min(usize::BITS) {
            // The rule lowers a window that nobody used; it does not lift one that a timeout lowered.
            self.cwnd = (self.cwnd / 2).max(floor).min(self.cwnd);
        }
        self.partial_bytes_acked = 0;
    }

    fn on_path_change(&mut self, _now: Instant) {
        *self = Self::new(self.parameters);
    }

    fn set_max_data_bytes(&mut self, bytes: usize) {
        self.parameters.max_data_bytes = bytes;
        self.cwnd = self.cwnd.max(bytes);
    }

    fn cwnd(&self) -> usize {
        self.recovery.map_or(self.cwnd, |(_, window)| window)
    }

    fn ssthresh(&self) -> usize {
        self.ssthresh
    }

    fn pacing_rate(&self) -> Option<u64> {
        window_rate(self.cwnd, self.srtt?, self.in_slow_start())
    }

    fn name(&self) -> &'static str {
        "newreno"
    }
}

/// A window a round trip as a rate, with room for the window to grow meanwhile: twice while it doubles, a
/// quarter above it later.
pub(super) fn window_rate(cwnd: usize, srtt: Duration, slow_start: bool) -> Option<u64> {
    if srtt.is_zero() {
        return None;
    }
    let rate = bytes_per_second(cwnd as u64, srtt);
    Some(if slow_start { rate.saturating_mul(2) } else { rate.saturating_add(rate / 4) })
}

#[cfg(test)]
mod tests {
    use super::super::testing::start;
    use super::*;

    const MDCS: usize = 1000;

    fn reno() -> NewReno {
        NewReno::new(Parameters::new(MDCS))
    }

    /// A SACK for `acked_bytes` out of a window in full use.
    fn full(acked_bytes: usize) -> RateSample {
        RateSample { acked_bytes, cwnd_limited: true, in_flight: 1, ..RateSample::default() }
    }

    #[test]
    fn the_first_window_is_four_packets_or_about_4400_bytes() {
        let window = |max_data_bytes| Parameters::new(max_data_bytes).initial_window();
        assert_eq!(window(500), 2000);
        assert_eq!(window(1200), 4404);
        assert_eq!(window(4000), 8000);
    }

    #[test]
    fn slow_start_grows_by_what_was_acknowledged_and_at_most_two_packets() {
        let mut cc = reno();
        let begin = cc.cwnd();
        cc.on_ack(start(), &full(700));
        assert_eq!(cc.cwnd(), begin + 700);
        cc.on_ack(start(), &full(5000));
        assert_eq!(cc.cwnd(), begin + 700 + 2 * MDCS);
    }

    #[test]
    fn slow_start_does_not_grow_a_window_that_is_not_used() {
        let mut cc = reno();
        let begin = cc.cwnd();
        cc.on_ack(start(), &RateSample { cwnd_limited: false, ..full(1000) });
        assert_eq!(cc.cwnd(), begin);
    }

    #[test]
    fn nothing_grows_in_fast_recovery() {
        let mut cc = reno();
        let begin = cc.cwnd();
        cc.on_ack(start(), &RateSample { in_recovery: true, ..full(1000) });
        assert_eq!(cc.cwnd(), begin);
    }

    #[test]
    fn a_loss_halves_the_window_but_leaves_four_packets() {
        let mut cc = reno();
        cc.cwnd = 20 * MDCS;
        let loss = Loss { lost_bytes: MDCS, in_flight: 19 * MDCS, acked_bytes: 0, sent_at: start() };
        cc.on_loss(start(), &loss);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (20 * MDCS, 10 * MDCS), "the first repair goes at once");
        cc.on_ack(start(), &full(0));
        assert_eq!(cc.cwnd(), 10 * MDCS, "recovery is over");
        cc.on_loss(start(), &loss);
        cc.on_loss(start(), &loss);
        cc.on_ack(start(), &full(0));
        assert_eq!((cc.cwnd(), cc.ssthresh()), (4 * MDCS, 4 * MDCS));
    }

    #[test]
    fn recovery_sends_one_packet_for_two_delivered() {
        let mut cc = reno();
        cc.cwnd = 100 * MDCS;
        let mut in_flight = 99 * MDCS;
        cc.on_loss(start(), &Loss { lost_bytes: MDCS, in_flight, acked_bytes: 0, sent_at: start() });
        let mut sent = 0;
        for _ in 0..90 {
            in_flight -= MDCS;
            cc.on_ack(start(), &RateSample { in_recovery: true, in_flight, ..full(MDCS) });
            while in_flight + MDCS <= cc.cwnd() {
                in_flight += MDCS;
                sent += 1;
                cc.on_sent(start(), MDCS, in_flight);
            }
        }
        assert!((43..=46).contains(&sent), "{sent}");
    }

    #[test]
    fn slow_start_ends_where_a_queue_builds_up() {
        let mut cc = reno();
        cc.cwnd = 100 * MDCS;
        let mut delivered = 0;
        for round in 0..8 {
            // The round trip grows by an eighth in the second round, and stays.
            let rtt = Duration::from_millis(if round == 0 { 80 } else { 91 });
            let prior = delivered;
            for sack in 0..10 {
                delivered += 1000;
                let prior_delivered = prior + sack.min(1);
                let sample =
                    RateSample { rtt: Some(rtt), prior_delivered, total_delivered: delivered, ..full(MDCS) };
                cc.on_ack(start(), &sample);
            }
        }
        assert!(cc.ssthresh() < 150 * MDCS, "{}", cc.ssthresh());
    }

    #[test]
    fn recovery_ends_at_a_timeout() {
        let mut cc = reno();
        cc.cwnd = 20 * MDCS;
        cc.on_loss(
            start(),
            &Loss { lost_bytes: MDCS, in_flight: 19 * MDCS, acked_bytes: 0, sent_at: start() },
        );
        cc.on_rto(start(), 19 * MDCS);
        assert_eq!(cc.cwnd(), MDCS);
    }

    #[test]
    fn avoidance_grows_by_one_packet_for_a_window_acknowledged() {
        let mut cc = reno();
        cc.cwnd = 10 * MDCS;
        cc.ssthresh = 5 * MDCS;
        for _ in 0..9 {
            cc.on_ack(start(), &full(MDCS));
            assert_eq!(cc.cwnd(), 10 * MDCS);
        }
        cc.on_ack(start(), &full(MDCS));
        assert_eq!((cc.cwnd(), cc.partial_bytes_acked), (11 * MDCS, 0));
    }

    #[test]
    fn avoidance_keeps_no_credit_beyond_a_window_that_is_not_used() {
        let mut cc = reno();
        cc.cwnd = 10 * MDCS;
        cc.ssthresh = 5 * MDCS;
        cc.on_ack(start(), &RateSample { cwnd_limited: false, ..full(50 * MDCS) });
        assert_eq!((cc.cwnd(), cc.partial_bytes_acked), (10 * MDCS, 10 * MDCS));
    }

    #[test]
    fn all_acknowledged_forgets_partial_bytes() {
        let mut cc = reno();
        cc.cwnd = 10 * MDCS;
        cc.ssthresh = 5 * MDCS;
        cc.on_ack(start(), &RateSample { in_flight: 0, ..full(MDCS) });
        assert_eq!(cc.partial_bytes_acked, 0);
    }

    #[test]
    fn a_timeout_starts_again_from_one_packet_and_counts_one_packet_a_sack() {
        let mut cc = reno();
        cc.cwnd = 20 * MDCS;
        cc.on_rto(start(), 20 * MDCS);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (MDCS, 10 * MDCS));
        cc.on_ack(start(), &full(8 * MDCS));
        assert_eq!(cc.cwnd(), 2 * MDCS);
    }

    #[test]
    fn a_spurious_timeout_is_taken_back_also_after_it_backed_off() {
        let mut cc = reno();
        cc.cwnd = 20 * MDCS;
        cc.on_rto(start(), 20 * MDCS);
        cc.on_rto(start(), MDCS);
        cc.on_spurious(start());
        assert_eq!((cc.cwnd(), cc.ssthresh()), (20 * MDCS, usize::MAX));
    }

    #[test]
    fn an_unused_window_halves_each_timeout_down_to_four_packets() {
        let mut cc = reno();
        cc.cwnd = 40 * MDCS;
        cc.on_idle(start(), 1);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (20 * MDCS, 40 * MDCS));
        cc.on_idle(start(), 1000);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (4 * MDCS, 40 * MDCS));
        cc.cwnd = MDCS;
        cc.on_idle(start(), 3);
        assert_eq!(cc.cwnd(), MDCS, "silence does not lift a window");
    }

    #[test]
    fn another_path_starts_from_the_first_window() {
        let mut cc = reno();
        let begin = cc.cwnd();
        cc.on_rto(start(), 1);
        cc.on_path_change(start());
        assert_eq!((cc.cwnd(), cc.ssthresh()), (begin, usize::MAX));
    }

    #[test]
    fn the_rate_spreads_a_window_over_a_round_trip() {
        let mut cc = reno();
        assert_eq!(cc.pacing_rate(), None);
        cc.cwnd = 100_000;
        cc.srtt = Some(Duration::from_millis(100));
        assert_eq!(cc.pacing_rate(), Some(2_000_000));
        cc.ssthresh = 50_000;
        assert_eq!(cc.pacing_rate(), Some(1_250_000));
    }
}
