//! A model of the path instead of a verdict on each loss, after BBR.
//!
//! Problem: on a radio or a long path packets vanish for reasons of their own. Whoever takes each loss for a
//! full queue gets `packet / RTT * 1.22 / sqrt(p)`: 2.3 Mbit/s of 100 at 1 % and 50 ms.
//!
//! How: measure the two numbers that make up a path, what it delivers at most (over the last rounds) and its
//! round trip at least (over ten seconds, when no queue stood). Their product, the BDP, fills the path without
//! a queue. The two cannot be seen at once, so the sender probes for each in turn:
//!
//! ```text
//!  rate                                 Startup: twice as fast each round, until three rounds bring < 25 %
//!   |    Startup                        Drain:   slower, until the queue that this built is gone
//!   |      /|   Up        Up            Cruise:  at the measured rate, seconds long
//!   |     / |  _|_       _|_            Up:      a quarter faster: is there more?
//!   |----/--|-|---|-----|---|-- rate    Down:    a quarter slower: what Up queued goes away
//!   |   /   |_|   '-----'   '---        ProbeRtt: every ten seconds a fifth of one at half the flight, unless
//!   |__/   Drain Down Cruise                      the least round trip was seen again meanwhile
//! ```
//!
//! Loss is a sign of congestion only together with a queue (a round whose *least* round trip stands clearly
//! above the path's) or where it is heavy: above 2 % with, above 20 % for two rounds without. Then bounds are cut
//! to what was delivered, at most by 0.7, until the next probe. So 5 % of random loss costs little more than 5 %,
//! and in a queue that it shares with CUBIC this sender yields as well, but not further than Reno would
//! (`friendly.rs`).
//!
//! A departure from RFC 9260 §7.2, which forbids to be more aggressive than its own algorithm: chosen by
//! `Config` only, see the ledger.
//!
//! More: draft-ietf-ccwg-bbr; docs/congestion.md, "A model of the path".

use std::time::{Duration, Instant};

use super::friendly::Friendly;
use super::{CongestionController, Loss, Parameters, RateSample, bytes_per_second};

/// A factor in hundredths.
type Percent = u64;

/// 2 / ln 2 would just double the rate each round; this much more covers delayed acknowledgements.
const STARTUP_GAIN: Percent = 277;
const DRAIN_GAIN: Percent = 35;
const UP_GAIN: Percent = 125;
const DOWN_GAIN: Percent = 75;
/// Windows stand at this much of the BDP, so that acknowledgements may come late and in lumps.
const CWND_GAIN: Percent = 200;
/// The rate is kept this much under the measured maximum, so that a queue cannot stand for ever.
const MARGIN: Percent = 99;
/// In cruise this much of the upper bound is left free for others.
const HEADROOM: Percent = 85;
/// What a cut leaves at least.
const BETA: Percent = 70;
/// Startup goes on while a round brings at least this much more; so many without it end it.
const STARTUP_GROWTH: Percent = 125;
const STARTUP_PATIENCE: u32 = 3;
/// How long a least round trip is believed, and how long the probe for a new one lasts.
const MIN_RTT_LIFE: Duration = Duration::from_secs(10);
const PROBE_RTT_TIME: Duration = Duration::from_millis(200);
/// Cruise lasts two seconds and up to one more, or as long as Reno would need to grow by as much as we probe.
const CRUISE_TIME: Duration = Duration::from_secs(2);
const CRUISE_ROUNDS: u64 = 62;
/// Loss above this is congestion if a queue stands as well; above the other also without.
const LOSS_WITH_QUEUE: Percent = 2;
const LOSS_WITHOUT_QUEUE: Percent = 20;
/// For so many rounds in succession: one burst of losses fills a round of few packets.
const HEAVY_ROUNDS: u32 = 2;
/// The window that Reno would have counts up to this much of the BDP where a queue stands.
const FRIENDLY_GAIN: Percent = 125;
/// The least flight that keeps acknowledgements coming.
const LEAST_PACKETS: usize = 4;

/// The model-based controller. See the [module](super) for where it stands.
#[derive(Debug, Clone)]
pub struct Bbr {
    parameters: Parameters,
    state: State,
    cwnd: usize,
    bandwidth: MaxFilter,
    min_rtt: Option<MinRtt>,
    srtt: Option<Duration>,
    round: Round,
    /// Startup has found the path's rate: (the best so far, rounds that did not beat it clearly).
    startup_best: u64,
    startup_stalled: u32,
    bounds: Bounds,
    /// What Reno would have here.
    friendly: Friendly,
    /// The last round stood in a queue; rounds in succession that lost much.
    queue_stands: bool,
    heavy_rounds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Startup,
    Drain,
    Down { since: Instant },
    Cruise { until: Instant, rounds_left: u64 },
    Refill { round: u64 },
    Up { round: u64 },
    ProbeRtt { until: Option<Instant> },
}

/// The rounds, one window's round trip each, and what the current one saw.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    number: u64,
    end: u64,
    begin_delivered: u64,
    lost: usize,
    least_rtt: Option<Duration>,
    best_rate: u64,
}

/// What a round that is over saw.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    congested: bool,
    lossy: bool,
    best_rate: u64,
    delivered: u64,
}

/// The least round trip, and when it was seen last.
#[derive(Debug, Clone, Copy)]
struct MinRtt {
    value: Duration,
    seen: Instant,
}

/// Upper bounds learned from congestion; `MAX` while nothing speaks for one.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// What the path held at most when it overflowed: lasting, raised by Up.
    inflight_high: usize,
    /// What it carried when it overflowed outside a probe: until the next Refill.
    inflight_low: usize,
    bandwidth_low: u64,
}

impl Bounds {
    const NONE: Self = Self { inflight_high: usize::MAX, inflight_low: usize::MAX, bandwidth_low: u64::MAX };
}

/// The highest rate of the last two probing cycles, so that one probe which met a competitor does not forget
/// what the last one found.
#[derive(Debug, Clone, Copy, Default)]
struct MaxFilter {
    current: u64,
    previous: u64,
}

impl MaxFilter {
    fn get(self) -> u64 {
        self.current.max(self.previous)
    }

    fn update(&mut self, rate: u64) {
        self.current = self.current.max(rate);
    }

    fn next_cycle(&mut self) {
        if self.current > 0 {
            self.previous = std::mem::take(&mut self.current);
        }
    }
}

impl Bbr {
    /// A controller at the begin of a path.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        Self {
            parameters,
            state: State::Startup,
            cwnd: parameters.initial_window(),
            bandwidth: MaxFilter::default(),
            min_rtt: None,
            srtt: None,
            round: Round::default(),
            startup_best: 0,
            startup_stalled: 0,
            bounds: Bounds::NONE,
            friendly: Friendly::default(),
            queue_stands: false,
            heavy_rounds: 0,
        }
    }

    fn least_window(&self) -> usize {
        LEAST_PACKETS * self.parameters.max_data_bytes
    }

    /// The measured rate under its bound, bytes a second.
    fn rate(&self) -> u64 {
        self.bandwidth.get().min(self.bounds.bandwidth_low)
    }

    /// `gain` of what fills the path without a queue.
    fn bdp(&self, gain: Percent) -> usize {
        let Some(min_rtt) = self.min_rtt else { return self.parameters.initial_window() };
        let bytes = u128::from(self.rate()) * min_rtt.value.as_nanos() / 1_000_000_000;
        usize::try_from(percent_wide(bytes, gain)).unwrap_or(usize::MAX)
    }

    /// The flight that fills the path, with what acknowledgements in lumps keep from being seen.
    fn target_flight(&self, gain: Percent) -> usize {
        // A millisecond at the rate is what one batch of ours, and one SACK for a batch, may be.
        let lump = usize::try_from(self.rate() / 1000).unwrap_or(usize::MAX);
        let lump = lump.clamp(2 * self.parameters.max_data_bytes, 64 * 1024);
        self.bdp(gain).saturating_add(3 * lump).max(self.least_window())
    }

    fn window_limit(&self) -> usize {
        let target = self.target_flight(CWND_GAIN);
        let headroom = percent(self.bounds.inflight_high, HEADROOM).max(self.least_window());
        let bounded = match self.state {
            State::Startup | State::Drain => target,
            State::ProbeRtt { .. } => target.min(self.bdp(50)),
            State::Down { .. } | State::Cruise { .. } => {
                target.min(headroom).min(self.bounds.inflight_low).max(self.friendly.window())
            }
            State::Refill { .. } | State::Up { .. } => {
                target.min(self.bounds.inflight_high).max(self.friendly.window())
            }
        };
        bounded.max(self.least_window())
    }

    fn pacing_gain(&self) -> Percent {
        match self.state {
            State::Startup => STARTUP_GAIN,
            State::Drain => DRAIN_GAIN,
            State::Down { .. } => DOWN_GAIN,
            State::Cruise { .. } | State::Refill { .. } | State::ProbeRtt { .. } => 100,
            State::Up { .. } => UP_GAIN,
        }
    }

    fn found_rate(&self) -> bool {
        !matches!(self.state, State::Startup)
    }

    /// Keeps the least round trip; says whether it is too old to be believed.
    fn update_min_rtt(&mut self, now: Instant, rtt: Option<Duration>) -> bool {
        let Some(rtt) = rtt else { return false };
        let expired =
            self.min_rtt.is_some_and(|least| now.saturating_duration_since(least.seen) > MIN_RTT_LIFE);
        // A hundredth more is the same queueless path with a little noise.
        let again = self.min_rtt.is_none_or(|least| rtt <= least.value + least.value / 100);
        if again {
            let value = self.min_rtt.map_or(rtt, |least| least.value.min(rtt));
            self.min_rtt = Some(MinRtt { value, seen: now });
        }
        expired && !again
    }

    /// Counts a SACK; a verdict when it ends a round.
    fn update_round(&mut self, sample: &RateSample) -> Option<Verdict> {
        self.round.lost += sample.lost_bytes;
        if let Some(rtt) = sample.rtt {
            self.round.least_rtt = Some(self.round.least_rtt.map_or(rtt, |least| least.min(rtt)));
        }
        if let Some(rate) = sample.rate() {
            self.round.best_rate = self.round.best_rate.max(rate);
        }
        if sample.prior_delivered < self.round.end {
            return None;
        }
        let delivered = sample.total_delivered - self.round.begin_delivered;
        let verdict = Verdict {
            congested: self.is_congested(delivered),
            lossy: self.round.lost > 0,
            best_rate: self.round.best_rate,
            delivered,
        };
        self.round = Round {
            number: self.round.number + 1,
            end: sample.total_delivered,
            begin_delivered: sample.total_delivered,
            ..Round::default()
        };
        Some(verdict)
    }

    /// Loss with a queue, or heavy loss for more than a round.
    fn is_congested(&mut self, delivered: u64) -> bool {
        let lost = self.round.lost as u64;
        // One packet says nothing about a rate.
        let several = self.round.lost > self.parameters.max_data_bytes;
        let above = |threshold| several && lost * 100 > (lost + delivered) * threshold;
        self.queue_stands = match (self.round.least_rtt, self.min_rtt) {
            (Some(round), Some(path)) => round > path.value + path.value / 8,
            _ => false,
        };
        self.heavy_rounds = if above(LOSS_WITHOUT_QUEUE) { self.heavy_rounds.saturating_add(1) } else { 0 };
        self.heavy_rounds >= HEAVY_ROUNDS || (self.queue_stands && above(LOSS_WITH_QUEUE))
    }

    /// The window beside the model follows the round that is over.
    fn judge_friendly(&mut self, verdict: Verdict, app_limited: bool) {
        if verdict.lossy {
            self.friendly.shrink();
        } else if !app_limited {
            self.friendly.grow(self.parameters.max_data_bytes);
        }
        let most = if self.queue_stands { FRIENDLY_GAIN } else { 100 };
        self.friendly.cap(self.bdp(most));
    }

    fn on_round(&mut self, now: Instant, verdict: Verdict, app_limited: bool) {
        match self.state {
            State::Startup => self.judge_startup(verdict, app_limited),
            State::ProbeRtt { .. } => {}
            _ => self.judge_friendly(verdict, app_limited),
        }
        if let State::Cruise { rounds_left, .. } = &mut self.state {
            *rounds_left = rounds_left.saturating_sub(1);
        }
        if !verdict.congested {
            return;
        }
        let delivered = usize::try_from(verdict.delivered).unwrap_or(usize::MAX);
        match self.state {
            State::Startup => {
                self.bounds.inflight_high = delivered.max(self.bdp(100));
                self.state = State::Drain;
                self.friendly.begin(percent(delivered, BETA));
            }
            State::Up { .. } => {
                self.bounds.inflight_high = delivered.max(percent(self.target_flight(100), BETA));
                self.enter_down(now);
            }
            State::ProbeRtt { .. } => {}
            _ => self.cut_low_bounds(verdict.best_rate, delivered),
        }
    }

    /// Congestion outside a probe: down to what was delivered, but at most by 0.7.
    fn cut_low_bounds(&mut self, best_rate: u64, delivered: usize) {
        let rate = self.rate();
        self.bounds.bandwidth_low = best_rate.max(percent_u64(rate, BETA)).min(rate);
        let flight = self.bounds.inflight_low.min(self.cwnd);
        self.bounds.inflight_low = delivered.max(percent(flight, BETA)).min(flight);
    }

    fn judge_startup(&mut self, verdict: Verdict, app_limited: bool) {
        if app_limited {
            return;
        }
        let best = self.bandwidth.get();
        if u128::from(best) * 100 >= u128::from(self.startup_best) * u128::from(STARTUP_GROWTH) {
            self.startup_best = best;
            self.startup_stalled = 0;
            return;
        }
        self.startup_stalled += 1;
        if self.startup_stalled >= STARTUP_PATIENCE || verdict.congested {
            self.state = State::Drain;
            self.friendly.begin(self.bdp(100));
        }
    }

    /// Transitions that a SACK may bring, in the order of the figure.
    fn advance(&mut self, now: Instant, in_flight: usize) {
        match self.state {
            State::Drain if in_flight <= self.target_flight(100) => self.enter_down(now),
            State::Down { since } => {
                let drained = in_flight <= self.bdp(100).max(self.least_window())
                    && in_flight <= percent(self.bounds.inflight_high, HEADROOM).max(self.least_window());
                // A queue that others keep never drains: three round trips are enough.
                let patience = self.min_rtt.map_or(Duration::ZERO, |least| least.value * 3);
                if drained || now.saturating_duration_since(since) > patience {
                    self.enter_cruise(now);
                }
            }
            State::Cruise { until, rounds_left } if now >= until || rounds_left == 0 => {
                self.bounds.inflight_low = usize::MAX;
                self.bounds.bandwidth_low = u64::MAX;
                self.state = State::Refill { round: self.round.number };
            }
            State::Refill { round } if self.round.number > round + 1 => {
                self.bandwidth.next_cycle();
                self.state = State::Up { round: self.round.number };
            }
            State::Up { round } => {
                let rounds = self.round.number - round;
                let full = in_flight >= self.target_flight(UP_GAIN);
                if rounds >= 1 {
                    self.raise_high_bound(in_flight);
                }
                if (rounds >= 2 && full) || rounds >= 4 {
                    self.enter_down(now);
                }
            }
            State::ProbeRtt { until: None } if in_flight <= self.window_limit() => {
                let rtt = self.min_rtt.map_or(Duration::ZERO, |least| least.value);
                self.state = State::ProbeRtt { until: Some(now + PROBE_RTT_TIME.max(rtt)) };
            }
            State::ProbeRtt { until: Some(until) } if now >= until => self.enter_cruise(now),
            _ => {}
        }
    }

    /// Up met no congestion for a round: what is in flight fits, and an eighth more may.
    fn raise_high_bound(&mut self, in_flight: usize) {
        if self.bounds.inflight_high != usize::MAX {
            self.bounds.inflight_high = self.bounds.inflight_high.max(in_flight + in_flight / 8);
        }
    }

    fn enter_down(&mut self, now: Instant) {
        self.state = State::Down { since: now };
    }

    fn enter_cruise(&mut self, now: Instant) {
        // Flows that share a queue must not probe in step. What was delivered so far is as good as chance, and
        // equal inputs give equal bytes.
        let scattered = self.round.begin_delivered.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54;
        let until = now + CRUISE_TIME + Duration::from_millis(scattered);
        let packets = (self.bdp(100) / self.parameters.max_data_bytes.max(1)) as u64;
        self.state = State::Cruise { until, rounds_left: packets.clamp(8, CRUISE_ROUNDS) };
    }

    fn set_window(&mut self, sample: &RateSample) {
        let limit = self.window_limit();
        let grown = self.cwnd.saturating_add(sample.acked_bytes);
        self.cwnd = if self.found_rate() || grown < limit {
            grown.min(limit)
        } else if sample.total_delivered < self.parameters.initial_window() as u64 {
            grown
        } else {
            limit.max(self.cwnd.min(self.parameters.initial_window()))
        };
    }
}

impl CongestionController for Bbr {
    fn on_sent(&mut self, _now: Instant, _bytes: usize, _in_flight: usize) {}

    fn on_ack(&mut self, now: Instant, sample: &RateSample) {
        self.srtt = sample.srtt.or(self.srtt);
        if let Some(rate) = sample.rate()
            && (!sample.app_limited || rate > self.bandwidth.get())
        {
            self.bandwidth.update(rate);
        }
        let expired = self.update_min_rtt(now, sample.rtt);
        if let Some(verdict) = self.update_round(sample) {
            self.on_round(now, verdict, sample.app_limited);
        }
        if expired && self.found_rate() && !matches!(self.state, State::ProbeRtt { .. }) {
            self.state = State::ProbeRtt { until: None };
            // From here on the new values count, larger ones too.
            self.min_rtt = sample.rtt.map(|value| MinRtt { value, seen: now });
        }
        self.advance(now, sample.in_flight);
        self.set_window(sample);
    }

    /// A loss alone is no verdict: [`RateSample::lost_bytes`] counts it into its round.
    fn on_loss(&mut self, _now: Instant, _loss: &Loss) {}

    /// The least flight; the model stays, and acknowledgements bring the window back to it at the speed of slow
    /// start. RFC 9260 §7.2.3 leaves one packet. Where losses come in bursts that last until some packets have
    /// passed, one for a timeout that doubles passes too few: the mean length of such a silence is infinite.
    fn on_rto(&mut self, _now: Instant, _in_flight: usize) {
        self.cwnd = self.least_window();
        self.friendly.shrink();
    }

    fn on_spurious(&mut self, _now: Instant) {
        self.cwnd = self.cwnd.max(self.window_limit());
    }

    /// The model ages by itself: the least round trip expires, and samples after silence are limited by the
    /// application. The window must not leave as a burst, and the pacer sees to that.
    fn on_idle(&mut self, now: Instant, rtos: u32) {
        if rtos > 0
            && let Some(least) = &mut self.min_rtt
        {
            least.seen = now;
        }
    }

    fn on_path_change(&mut self, _now: Instant) {
        *self = Self::new(self.parameters);
    }

    fn set_max_data_bytes(&mut self, bytes: usize) {
        self.parameters.max_data_bytes = bytes;
        self.cwnd = self.cwnd.max(bytes);
    }

    fn cwnd(&self) -> usize {
        self.cwnd
    }

    /// There is no threshold: Startup ends by what it measures.
    fn ssthresh(&self) -> usize {
        usize::MAX
    }

    fn pacing_rate(&self) -> Option<u64> {
        let srtt = self.srtt.filter(|srtt| !srtt.is_zero())?;
        let first =
            percent_u64(bytes_per_second(self.parameters.initial_window() as u64, srtt), STARTUP_GAIN);
        if self.bandwidth.get() == 0 {
            return Some(first);
        }
        let rate = match self.state {
            State::Startup | State::Drain | State::ProbeRtt { .. } => self.rate(),
            _ => self.rate().max(bytes_per_second(self.friendly.window() as u64, srtt)),
        };
        let paced = percent_u64(percent_u64(rate, self.pacing_gain()), MARGIN).max(1);
        // The first round's samples are few and understate.
        Some(if self.found_rate() { paced } else { paced.max(first) })
    }

    fn name(&self) -> &'static str {
        "bbr"
    }
}

fn percent_wide(value: u128, percent: Percent) -> u128 {
    value * u128::from(percent) / 100
}

fn percent(value: usize, percent: Percent) -> usize {
    if value == usize::MAX {
        value
    } else {
        usize::try_from(percent_wide(value as u128, percent)).unwrap_or(usize::MAX)
    }
}

fn percent_u64(value: u64, percent: Percent) -> u64 {
    if value == u64::MAX {
        value
    } else {
        u64::try_from(percent_wide(value.into(), percent)).unwrap_or(u64::MAX)
    }
}
