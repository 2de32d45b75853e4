//! CUBIC: a window that grows with time, not with acknowledgements (RFC 9438).
//!
//! Problem: one packet a round trip takes minutes to win back a long path's window, and the more round trips a
//! second a flow has, the faster it grows: short paths starve long ones.
//!
//! How: after a loss at the window `W_max`, follow a cubic function of the *time* since: quickly back towards
//! `W_max`, carefully around it (that is where it broke last time), then ever faster in search of new room:
//!
//! ```text
//!  cwnd                                             /
//!   |                                              /   W_cubic(t) = C (t - K)^3 + W_max
//!   | W_max . . . . . . . . ____--------____------'
//!   |                __---''            K
//!   |             _-'        K = cbrt((W_max - cwnd) / C): when the curve is back at W_max
//!   |  0.7 W_max /
//!   '-----------+--------------------------------------> t
//! ```
//!
//! Where Reno would be faster (short round trips), the window follows an estimate of Reno's instead, and nothing else
//! where packets wait for a second already ([`StandingQueue`]). Slow start is [`HyStart`]'s, and recovery is [`Prr`]'s.
//! All arithmetic is in integers, milliseconds and bytes: the same
//! inputs give the same window on every machine.
//!
//! More: RFC 9438 §4 (by section in the functions below); docs/congestion.md, "CUBIC".

use std::time::{Duration, Instant};

use super::hystart::{Growth, HyStart};
use super::new_reno::window_rate;
use super::prr::Prr;
use super::standing_queue::StandingQueue;
use super::{CongestionController, Loss, Parameters, RateSample};

/// beta: what a loss leaves of the window (RFC 9438 §4.6).
const BETA: (usize, usize) = (7, 10);
/// What the loss that ends slow start leaves: the window had doubled past what the path holds.
const BETA_SLOW_START: (usize, usize) = (1, 2);
/// alpha of the Reno estimate, 3 (1 - beta) / (1 + beta) (RFC 9438 §4.3).
const ALPHA: (u64, u64) = (9, 17);
/// L of slow start when packets are not paced (RFC 9406 §4.2).
const UNPACED_LIMIT_PACKETS: usize = 8;

/// The default controller. See the [module](super) for where it stands.
#[derive(Debug, Clone)]
pub struct Cubic {
    parameters: Parameters,
    path: Path,
    /// The path before the last reduction, should it prove mistaken (RFC 9438 §4.9).
    before_reduction: Option<Path>,
    /// The window during recovery; `None` outside.
    recovery: Option<(Prr, usize)>,
    srtt: Option<Duration>,
    last_ack: Option<Instant>,
}

/// What the losses and the time since them have taught.
#[derive(Debug, Clone, Copy)]
struct Path {
    cwnd: usize,
    ssthresh: usize,
    hystart: HyStart,
    queue: StandingQueue,
    /// The window before the last loss, lowered by fast convergence; zero before any.
    w_max: usize,
    /// The window before the last loss as it was: from there on Reno's alpha is 1.
    cwnd_prior: usize,
    epoch: Option<Epoch>,
    after_timeout: bool,
}

/// One stretch of congestion avoidance.
#[derive(Debug, Clone, Copy)]
struct Epoch {
    /// When `t` is zero; moved later by time in which the window was not used (RFC 9438 §5.8).
    begin: Instant,
    /// K, milliseconds.
    k_ms: i64,
    /// The level of the inflection.
    w_max: usize,
    /// W_est, and the part of a byte that is left over.
    reno: usize,
    reno_fraction: u64,
    /// What is left over of a byte that the window should have grown by.
    fraction: u64,
}

impl Cubic {
    /// A controller at the begin of a path.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        let path = Path {
            cwnd: parameters.initial_window(),
            ssthresh: usize::MAX,
            hystart: HyStart::new(),
            queue: StandingQueue::new(parameters.standing_queue_limit),
            w_max: 0,
            cwnd_prior: 0,
            epoch: None,
            after_timeout: false,
        };
        Self { parameters, path, before_reduction: None, recovery: None, srtt: None, last_ack: None }
    }

    fn mdcs(&self) -> usize {
        self.parameters.max_data_bytes
    }

    fn in_slow_start(&self) -> bool {
        self.path.cwnd < self.path.ssthresh
    }

    fn grow_in_slow_start(&mut self, sample: &RateSample) {
        // RFC 9406 §4.3: only the first slow start does not know where to end.
        let growth = match self.path.ssthresh {
            usize::MAX if self.path.queue.is_too_long() => Growth::Done,
            usize::MAX => self.path.hystart.on_ack(sample),
            _ => Growth::Divided(1),
        };
        let divisor = match growth {
            Growth::Done => {
                self.path.ssthresh = self.path.cwnd;
                return;
            }
            Growth::Divided(divisor) => divisor,
        };
        let paced = self.srtt.is_some_and(|srtt| srtt >= Duration::from_millis(2));
        let limit = match (self.path.after_timeout, paced) {
            (true, _) => self.mdcs(),
            (false, true) => usize::MAX,
            (false, false) => UNPACED_LIMIT_PACKETS * self.mdcs(),
        };
        let grown = self.path.cwnd + sample.acked_bytes.min(limit) / divisor;
        self.path.cwnd = grown.min(self.path.ssthresh.max(self.path.cwnd));
    }

    /// RFC 9438 §4.2 to §4.5; in a queue that is too long, §4.3 alone. The curve waits meanwhile: who drains the queue
    /// is not met by the growth of all that time. As the estimate goes on, the share beside Reno is Reno's.
    fn grow_in_avoidance(&mut self, now: Instant, since_last: Duration, sample: &RateSample) {
        let mdcs = self.mdcs();
        let srtt = self.srtt.unwrap_or_default();
        let path = &mut self.path;
        path.after_timeout = false;
        let epoch = path.epoch.get_or_insert_with(|| Epoch::new(now, path.cwnd, path.w_max, mdcs));
        let alpha = if epoch.reno < path.cwnd_prior { ALPHA } else { (1, 1) };
        epoch.grow_reno(sample.acked_bytes, path.cwnd, mdcs, alpha);
        if path.queue.restrains(path.cwnd) {
            epoch.begin = (epoch.begin + since_last).min(now);
            path.cwnd = path.cwnd.max(epoch.reno);
            return;
        }
        let t = now.saturating_duration_since(epoch.begin);
        if epoch.w_cubic(t, mdcs) < epoch.reno {
            path.cwnd = path.cwnd.max(epoch.reno);
            return;
        }
        let target = epoch.w_cubic(t + srtt, mdcs).clamp(path.cwnd, path.cwnd + path.cwnd / 2);
        // (target - cwnd) / cwnd for each byte acknowledged.
        let numerator = (target - path.cwnd) as u64 * sample.acked_bytes as u64 + epoch.fraction;
        epoch.fraction = numerator % path.cwnd as u64;
        path.cwnd += usize::try_from(numerator / path.cwnd as u64).unwrap_or(0);
    }

    /// RFC 9438 §4.6, §4.7: the window where it broke is remembered, a little less if it broke below the last. The
    /// first loss of a path ends slow start, and was found a round trip too late: half of the window is left.
    fn reduce(&mut self) {
        let path = &mut self.path;
        path.queue.on_loss(path.cwnd);
        let first = path.ssthresh == usize::MAX;
        let (kept, of) = if first { BETA_SLOW_START } else { BETA };
        path.cwnd_prior = path.cwnd;
        path.w_max =
            if first || path.cwnd < path.w_max { path.cwnd * (kept + of) / (2 * of) } else { path.cwnd };
        path.ssthresh = (path.cwnd * kept / of).max(2 * self.parameters.max_data_bytes);
        path.epoch = None;
    }
}

impl Epoch {
    fn new(now: Instant, cwnd: usize, w_max: usize, mdcs: usize) -> Self {
        // Slow start that ended without a loss, or passed W_max: the search begins here (RFC 9438 §4.10).
        let w_max = w_max.max(cwnd);
        // K^3 = (W_max - cwnd) / C in packets and seconds; with C = 4/10 and milliseconds:
        let cube = (w_max - cwnd) as u128 * 10 * 1_000_000_000 / (4 * mdcs as u128);
        let k_ms = i64::try_from(cube_root(cube)).unwrap_or(i64::MAX);
        Self { begin: now, k_ms, w_max, reno: cwnd, reno_fraction: 0, fraction: 0 }
    }

    /// `C (t - K)^3 + W_max`, bytes.
    fn w_cubic(&self, t: Duration, mdcs: usize) -> usize {
        // Beyond a day the curve has long left every bound.
        let t = i128::try_from(t.as_millis()).unwrap_or(i128::MAX).min(86_400_000) - i128::from(self.k_ms);
        let offset = t * t * t * 4 * mdcs as i128 / 10_000_000_000;
        usize::try_from(self.w_max as i128 + offset).unwrap_or(0)
    }

    fn grow_reno(&mut self, acked: usize, cwnd: usize, mdcs: usize, alpha: (u64, u64)) {
        let numerator = alpha.0 * mdcs as u64 * acked as u64 + self.reno_fraction;
        let denominator = alpha.1 * cwnd as u64;
        self.reno_fraction = numerator % denominator;
        self.reno += usize::try_from(numerator / denominator).unwrap_or(0);
    }
}

/// The largest number whose cube is at most `cube`.
fn cube_root(cube: u128) -> u64 {
    let (mut low, mut high) = (0u64, 1u64 << 42);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if u128::from(middle).pow(3) <= cube { low = middle } else { high = middle - 1 }
    }
    low
}

impl CongestionController for Cubic {
    fn on_sent(&mut self, _now: Instant, bytes: usize, _in_flight: usize) {
        if let Some((prr, _)) = &mut self.recovery {
            prr.on_sent(bytes);
        }
    }

    fn on_ack(&mut self, now: Instant, sample: &RateSample) {
        self.srtt = sample.srtt.or(self.srtt);
        let since_last = self.last_ack.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.last_ack = Some(now);
        self.path.queue.on_ack(sample);
        if sample.in_recovery {
            let packet = self.mdcs();
            if let Some((prr, window)) = &mut self.recovery {
                *window = prr.on_ack(sample.acked_bytes, sample.in_flight, packet);
            }
            return;
        }
        self.recovery = None;
        if !sample.cwnd_limited {
            if let Some(epoch) = &mut self.path.epoch {
                epoch.begin += since_last;
            }
        } else if self.in_slow_start() {
            self.grow_in_slow_start(sample);
        } else {
            self.grow_in_avoidance(now, since_last, sample);
        }
    }

    fn on_loss(&mut self, _now: Instant, loss: &Loss) {
        self.before_reduction = Some(self.path);
        self.reduce();
        self.path.cwnd = self.path.ssthresh;
        let flight = loss.in_flight + loss.lost_bytes + loss.acked_bytes;
        let mut prr = Prr::new(flight, self.path.ssthresh);
        let window = prr.on_ack(loss.acked_bytes, loss.in_flight, self.mdcs());
        // One packet at once: the repair that nothing should delay (RFC 9260 §7.2.4 rule 3).
        self.recovery = Some((prr, window.max(loss.in_flight + self.mdcs())));
    }

    fn on_rto(&mut self, _now: Instant, _in_flight: usize) {
        // Backed-off timeouts of one loss are one reduction; what came before the first is worth restoring.
        if !self.path.after_timeout {
            self.before_reduction = Some(self.path);
            self.reduce();
        }
        self.path.cwnd = self.mdcs();
        self.path.after_timeout = true;
        self.path.hystart = HyStart::new();
        self.path.queue.look_again();
        self.recovery = None;
    }

    fn on_spurious(&mut self, _now: Instant) {
        if let Some(before) = self.before_reduction.take() {
            self.path = before;
            self.recovery = None;
        }
    }

    fn on_idle(&mut self, _now: Instant, rtos: u32) {
        if rtos == 0 {
            return;
        }
        let floor = self.parameters.initial_window();
        // What the path carried before the silence is where slow start should end.
        self.path.ssthresh = match self.path.ssthresh {
            usize::MAX => self.path.cwnd,
            known => known.max(self.path.cwnd / 4 * 3),
        };
        for _ in 0..rtos.min(usize::BITS) {
            self.path.cwnd = (self.path.cwnd / 2).max(floor).min(self.path.cwnd);
        }
        self.path.epoch = None;
        self.path.queue.look_again();
    }

    fn on_path_change(&mut self, _now: Instant) {
        *self = Self::new(self.parameters);
    }

    fn set_max_data_bytes(&mut self, bytes: usize) {
        self.parameters.max_data_bytes = bytes;
        self.path.cwnd = self.path.cwnd.max(bytes);
    }

    fn cwnd(&self) -> usize {
        self.recovery.map_or(self.path.cwnd, |(_, window)| window)
    }

    fn ssthresh(&self) -> usize {
        self.path.ssthresh
    }

    fn pacing_rate(&self) -> Option<u64> {
        window_rate(self.path.cwnd, self.srtt?, self.in_slow_start())
    }

    fn name(&self) -> &'static str {
        "cubic"
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::start;
    use super::*;

    const MDCS: usize = 1000;
    const MS: Duration = Duration::from_millis(1);

    fn cubic(packets: u16) -> Cubic {
        Cubic::new(Parameters {
            initial_packets: Some(packets),
            standing_queue_limit: Some(1000 * MS),
            ..Parameters::new(MDCS)
        })
    }

    /// A window that slow start has left behind.
    fn settled(packets: u16) -> Cubic {
        let mut cc = cubic(packets);
        cc.path.ssthresh = cc.path.cwnd;
        cc
    }

    fn full(acked_bytes: usize) -> RateSample {
        RateSample {
            acked_bytes,
            cwnd_limited: true,
            in_flight: 1,
            srtt: Some(100 * MS),
            ..RateSample::default()
        }
    }

    fn lost(cc: &mut Cubic, now: Instant) {
        let in_flight = cc.cwnd() - MDCS;
        cc.on_loss(now, &Loss { lost_bytes: MDCS, in_flight, acked_bytes: 0, sent_at: now });
        cc.on_ack(now, &RateSample { acked_bytes: 0, ..full(0) });
    }

    /// Acknowledges full windows, one a round trip of 100 ms in ten SACKs, until `until`.
    fn avoid(cc: &mut Cubic, begin: Instant, until: Duration) {
        let mut now = begin;
        while now < begin + until {
            now += 10 * MS;
            cc.on_ack(now, &full(cc.cwnd() / 10));
        }
    }

    #[test]
    fn a_loss_leaves_seven_tenths() {
        let mut cc = settled(100);
        lost(&mut cc, start());
        assert_eq!((cc.cwnd(), cc.ssthresh(), cc.path.w_max), (70 * MDCS, 70 * MDCS, 100 * MDCS));
        assert_eq!(cubic(1).ssthresh(), usize::MAX);
        let mut small = settled(2);
        lost(&mut small, start());
        assert_eq!(small.ssthresh(), 2 * MDCS);
    }

    #[test]
    fn the_loss_that_ends_slow_start_leaves_half() {
        let mut cc = cubic(100);
        lost(&mut cc, start());
        assert_eq!((cc.cwnd(), cc.ssthresh(), cc.path.w_max), (50 * MDCS, 50 * MDCS, 75 * MDCS));
    }

    #[test]
    fn the_window_is_back_where_it_broke_after_k_and_flat_around_there() {
        let mut cc = settled(1000);
        lost(&mut cc, start());
        cc.on_ack(start(), &full(MDCS));
        // K = cbrt(300 / 0.4) = 9.08 s.
        assert_eq!(cc.path.epoch.unwrap().k_ms, 9085);
        avoid(&mut cc, start(), Duration::from_millis(8_900));
        let at_k = cc.cwnd();
        assert!((980 * MDCS..=1000 * MDCS).contains(&at_k), "{at_k}");
        avoid(&mut cc, start() + Duration::from_millis(8_900), Duration::from_millis(400));
        assert!(cc.cwnd() - at_k < 10 * MDCS);
    }

    #[test]
    fn beyond_w_max_the_search_gets_faster() {
        let mut cc = settled(100);
        lost(&mut cc, start());
        avoid(&mut cc, start(), Duration::from_secs(8));
        let first = cc.cwnd();
        avoid(&mut cc, start() + Duration::from_secs(8), Duration::from_secs(4));
        let second = cc.cwnd();
        avoid(&mut cc, start() + Duration::from_secs(12), Duration::from_secs(4));
        assert!(first > 100 * MDCS);
        assert!(cc.cwnd() - second > second - first);
    }

    #[test]
    fn a_loss_below_the_last_one_gives_room_to_others() {
        let mut cc = settled(100);
        lost(&mut cc, start());
        lost(&mut cc, start());
        assert_eq!(cc.path.w_max, 70 * MDCS * 17 / 20, "fast convergence");
    }

    #[test]
    fn on_a_short_path_growth_is_that_of_reno() {
        let mut cc = settled(20);
        lost(&mut cc, start());
        let begin = cc.cwnd();
        // 100 round trips of 1 ms: CUBIC alone would hardly have begun.
        for round in 0..100 {
            let sample = RateSample { srtt: Some(MS), ..full(cc.cwnd()) };
            cc.on_ack(start() + MS * round, &sample);
        }
        let packets = (cc.cwnd() - begin) / MDCS;
        assert!((50..=100).contains(&packets), "9/17 of a packet a round trip, then one: {packets}");
    }

    /// A SACK for a tenth of the window, 100 ms after the last, with this round trip.
    fn waited(cc: &mut Cubic, now: Instant, rtt: Duration) {
        let sample = RateSample { rtt: Some(rtt), ..full(cc.cwnd() / 10) };
        cc.on_ack(now, &sample);
    }

    #[test]
    fn where_packets_wait_for_a_second_the_window_grows_no_faster_than_that_of_reno() {
        let mut grown = [50, 1050, 1051].map(|millis| {
            let mut cc = settled(100);
            let mut now = start();
            waited(&mut cc, now, 50 * MS);
            for _ in 0..200 {
                now += 100 * MS;
                waited(&mut cc, now, millis * MS);
            }
            cc.cwnd() / MDCS - 100
        });
        assert_eq!(grown[0], grown[1], "up to the limit nothing changes");
        assert!(grown[0] > 1000, "twenty seconds of the curve: {grown:?}");
        // Twenty windows acknowledged are twenty packets; the estimate begins at the window.
        grown[2] -= 20;
        assert!(grown[2] <= 1, "{grown:?}");
    }

    #[test]
    fn the_curve_waits_while_the_queue_is_too_long() {
        let mut cc = settled(100);
        let mut now = start();
        for tick in 0..600 {
            now += 100 * MS;
            waited(&mut cc, now, if tick == 0 { 50 * MS } else { 1200 * MS });
        }
        let before = cc.cwnd();
        for _ in 0..10 {
            now += 100 * MS;
            waited(&mut cc, now, 60 * MS);
        }
        assert!(cc.cwnd() - before < 3 * MDCS, "a second of the curve, not a minute: {before} {}", cc.cwnd());
    }

    #[test]
    fn the_first_slow_start_ends_where_packets_wait_for_a_second() {
        let mut cc = cubic(10);
        waited(&mut cc, start(), 50 * MS);
        assert!(cc.in_slow_start());
        waited(&mut cc, start() + 100 * MS, 1100 * MS);
        assert!(!cc.in_slow_start());
    }

    #[test]
    fn another_path_a_timeout_and_a_silence_are_measured_anew() {
        let events: [fn(&mut Cubic); 3] =
            [|cc| cc.on_path_change(start()), |cc| cc.on_rto(start(), MDCS), |cc| cc.on_idle(start(), 1)];
        for event in events {
            let mut cc = settled(100);
            waited(&mut cc, start(), 50 * MS);
            event(&mut cc);
            waited(&mut cc, start(), 1200 * MS);
            assert!(!cc.path.queue.is_too_long());
        }
        let mut cc = settled(100);
        waited(&mut cc, start(), 50 * MS);
        cc.on_rto(start(), MDCS);
        cc.on_spurious(start());
        waited(&mut cc, start(), 1200 * MS);
        assert!(cc.path.queue.is_too_long(), "a needless timeout tells nothing");
    }

    #[test]
    fn time_in_which_the_window_is_not_used_does_not_count() {
        let mut cc = settled(1000);
        lost(&mut cc, start());
        avoid(&mut cc, start(), Duration::from_secs(1));
        let before = cc.cwnd();
        for tick in 0..60 {
            let now = start() + Duration::from_secs(1) + 1000 * MS * tick;
            cc.on_ack(now, &RateSample { cwnd_limited: false, ..full(MDCS) });
        }
        assert_eq!(cc.cwnd(), before);
        cc.on_ack(start() + Duration::from_secs(60) + 10 * MS, &full(cc.cwnd()));
        assert!(cc.cwnd() < before + 60 * MDCS, "{before} {}", cc.cwnd());
    }

    #[test]
    fn recovery_sends_seven_packets_for_ten_delivered() {
        let mut cc = settled(100);
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
        assert!((60..=65).contains(&sent), "{sent}");
        cc.on_ack(start(), &full(MDCS));
        assert!(cc.cwnd() >= 70 * MDCS, "recovery over: ssthresh");
    }

    #[test]
    fn a_timeout_leaves_one_packet_and_recovery_with_it() {
        let mut cc = settled(100);
        cc.on_loss(
            start(),
            &Loss { lost_bytes: MDCS, in_flight: 99 * MDCS, acked_bytes: 0, sent_at: start() },
        );
        cc.on_rto(start(), 99 * MDCS);
        assert_eq!(cc.cwnd(), MDCS);
        let ssthresh = cc.ssthresh();
        cc.on_rto(start(), MDCS);
        assert_eq!(cc.ssthresh(), ssthresh, "a backed-off timeout is the same loss");
    }

    #[test]
    fn a_spurious_loss_is_taken_back() {
        let mut cc = cubic(100);
        lost(&mut cc, start());
        cc.on_spurious(start());
        assert_eq!((cc.cwnd(), cc.ssthresh()), (100 * MDCS, usize::MAX));
        cc.on_spurious(start());
        assert_eq!(cc.cwnd(), 100 * MDCS, "once");
    }

    #[test]
    fn slow_start_doubles_when_paced_and_takes_at_most_eight_packets_a_sack_when_not() {
        let mut cc = cubic(100);
        cc.on_ack(start(), &full(100 * MDCS));
        assert_eq!(cc.cwnd(), 200 * MDCS);
        let mut near = cubic(100);
        near.on_ack(start(), &RateSample { srtt: Some(MS), ..full(100 * MDCS) });
        assert_eq!(near.cwnd(), 108 * MDCS);
    }

    #[test]
    fn cube_roots_are_exact() {
        for root in [0u128, 1, 2, 9085, 1 << 20, 1 << 40] {
            let cube = root.pow(3);
            assert_eq!(u128::from(cube_root(cube)), root);
            assert_eq!(u128::from(cube_root(cube + root)), root);
            if root > 0 {
                assert_eq!(u128::from(cube_root(cube - 1)), root - 1);
            }
        }
    }
}
