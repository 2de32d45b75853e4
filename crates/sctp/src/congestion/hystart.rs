//! HyStart++: leaving slow start before it overruns the path (RFC 9406).
//!
//! Problem: slow start learns that it went too far from losses, a round trip after it sent twice what fits:
//! hundreds of packets are lost at once on a long path.
//!
//! How: a queue that builds up shows as delay first. Each round trip has a least round-trip time; when it is
//! above the last round's by an eighth (4 to 16 ms), growth slows to a quarter. If the delay goes away again,
//! it was noise; if it stays for five rounds, slow start is over and nothing was lost:
//!
//! ```text
//!   slow start --- round's least RTT grew ---> conservative slow start --- 5 rounds ---> done
//!       ^                                          | RTT back below where this began
//!       '------------------------------------------'      (a loss ends all of it at once)
//! ```
//!
//! More: RFC 9406 §4.2, §4.3 (constants); docs/congestion.md, "HyStart++".

use std::time::Duration;

use super::RateSample;

/// N_RTT_SAMPLE: a round with fewer samples says nothing.
const SAMPLES: u32 = 8;
/// MIN_RTT_THRESH and MAX_RTT_THRESH: what counts as more delay, at least and at most.
const LEAST_RISE: Duration = Duration::from_millis(4);
const MOST_RISE: Duration = Duration::from_millis(16);
/// MIN_RTT_DIVISOR: between those, this part of the round trip.
const RISE_DIVISOR: u32 = 8;
/// CSS_GROWTH_DIVISOR: how much slower conservative slow start is.
const CONSERVATIVE_DIVISOR: usize = 4;
/// CSS_ROUNDS: how many rounds of it end slow start.
const CONSERVATIVE_ROUNDS: u32 = 5;

/// What slow start may do with a SACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Growth {
    /// Grow by this part of what was acknowledged: 1 or 1/4.
    Divided(usize),
    /// Slow start is over: ssthresh becomes the window.
    Done,
}

/// The detector. One for each slow start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HyStart {
    /// The round ends when this much is delivered in total, as the samples count.
    round_end: u64,
    last_round_min: Option<Duration>,
    round_min: Option<Duration>,
    samples: u32,
    conservative: Option<Conservative>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Conservative {
    /// The least round trip of the round that began it: below that, the rise was noise.
    baseline: Duration,
    rounds_left: u32,
}

impl HyStart {
    pub(super) fn new() -> Self {
        Self { round_end: 0, last_round_min: None, round_min: None, samples: 0, conservative: None }
    }

    /// A SACK in slow start.
    pub(super) fn on_ack(&mut self, sample: &RateSample) -> Growth {
        if sample.prior_delivered >= self.round_end && self.begin_round(sample.total_delivered) {
            return Growth::Done;
        }
        if let Some(rtt) = sample.rtt {
            self.round_min = Some(self.round_min.map_or(rtt, |least| least.min(rtt)));
            self.samples += 1;
        }
        self.judge();
        Growth::Divided(if self.conservative.is_some() { CONSERVATIVE_DIVISOR } else { 1 })
    }

    /// A round trip is over; says whether that was the last of conservative slow start.
    fn begin_round(&mut self, total_delivered: u64) -> bool {
        self.round_end = total_delivered;
        self.last_round_min = self.round_min.take().or(self.last_round_min);
        self.samples = 0;
        let Some(conservative) = &mut self.conservative else { return false };
        conservative.rounds_left -= 1;
        conservative.rounds_left == 0
    }

    fn judge(&mut self) {
        let (Some(round), Some(last)) = (self.round_min, self.last_round_min) else { return };
        if self.samples < SAMPLES {
            return;
        }
        if let Some(conservative) = self.conservative {
            if round < conservative.baseline {
                self.conservative = None;
            }
        } else if round >= last + (last / RISE_DIVISOR).clamp(LEAST_RISE, MOST_RISE) {
            self.conservative = Some(Conservative { baseline: round, rounds_left: CONSERVATIVE_ROUNDS });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// One round of `samples` SACKs with this round trip; what the last of them allowed.
    fn round(hystart: &mut HyStart, delivered: &mut u64, samples: u64, rtt: Duration) -> Growth {
        let prior = *delivered;
        let mut growth = Growth::Done;
        for i in 0..samples {
            *delivered += 1000;
            // All of a round left after the round before it was delivered.
            let sample = RateSample {
                rtt: Some(rtt),
                prior_delivered: prior + i.min(1),
                total_delivered: *delivered,
                ..RateSample::default()
            };
            growth = hystart.on_ack(&sample);
            if growth == Growth::Done {
                return growth;
            }
        }
        growth
    }

    #[test]
    fn a_steady_round_trip_never_slows_growth() {
        let (mut hystart, mut delivered) = (HyStart::new(), 0);
        for _ in 0..20 {
            assert_eq!(round(&mut hystart, &mut delivered, 10, 50 * MS), Growth::Divided(1));
        }
    }

    #[test]
    fn a_rise_of_an_eighth_slows_growth_and_five_rounds_of_it_end_slow_start() {
        let (mut hystart, mut delivered) = (HyStart::new(), 0);
        round(&mut hystart, &mut delivered, 10, 80 * MS);
        assert_eq!(round(&mut hystart, &mut delivered, 10, 89 * MS), Growth::Divided(1));
        let mut slow = HyStart::new();
        round(&mut slow, &mut delivered, 10, 80 * MS);
        for _ in 0..5 {
            assert_eq!(round(&mut slow, &mut delivered, 10, 90 * MS), Growth::Divided(4));
        }
        assert_eq!(round(&mut slow, &mut delivered, 10, 90 * MS), Growth::Done);
    }

    #[test]
    fn a_short_round_trip_must_rise_by_four_milliseconds_and_a_long_one_by_sixteen() {
        for (base, rise) in [(10, 4), (400, 16)] {
            let (mut hystart, mut delivered) = (HyStart::new(), 0);
            round(&mut hystart, &mut delivered, 10, base * MS);
            assert_eq!(
                round(&mut hystart, &mut delivered, 10, (base + rise) * MS - MS / 2),
                Growth::Divided(1)
            );
            let mut other = HyStart::new();
            round(&mut other, &mut delivered, 10, base * MS);
            assert_eq!(round(&mut other, &mut delivered, 10, (base + rise) * MS), Growth::Divided(4));
        }
    }

    #[test]
    fn delay_that_goes_away_was_noise() {
        let (mut hystart, mut delivered) = (HyStart::new(), 0);
        round(&mut hystart, &mut delivered, 10, 50 * MS);
        assert_eq!(round(&mut hystart, &mut delivered, 10, 70 * MS), Growth::Divided(4));
        assert_eq!(round(&mut hystart, &mut delivered, 10, 50 * MS), Growth::Divided(1));
    }

    #[test]
    fn fewer_than_eight_samples_say_nothing() {
        let (mut hystart, mut delivered) = (HyStart::new(), 0);
        for rtt in [50, 100, 200, 400] {
            assert_eq!(round(&mut hystart, &mut delivered, 7, rtt * MS), Growth::Divided(1));
        }
    }
}
