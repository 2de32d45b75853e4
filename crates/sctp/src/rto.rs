//! The retransmission timeout from round trips (RFC 9260 §6.3.1).
//! ```text
//!  first sample R:  SRTT = R                        RTTVAR = R / 2
//!  later samples:   RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R|    SRTT = 7/8 SRTT + 1/8 R
//!                   RTO = SRTT + 4 RTTVAR, within RTO.Min and RTO.Max; each expiry doubles it
//! ```
//! One sample a round trip (rule C4) comes too late where a queue doubles the round trip within one: the timeout is
//! also never nearer than the last round trip and a quarter.

use crate::config::Config;
use std::time::Duration;

#[derive(Debug, Clone)]
pub(crate) struct Rto {
    min: Duration,
    max: Duration,
    current: Duration,
    srtt: Option<Duration>,
    variation: Duration,
    minimum: Option<Duration>,
    latest: Duration,
}

impl Rto {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            min: config.rto_min.max(config.timer_granularity),
            max: config.rto_max.max(config.rto_min),
            current: config.rto_initial,
            srtt: None,
            variation: Duration::ZERO,
            minimum: None,
            latest: Duration::ZERO,
        }
    }

    /// Rules C2 and C3, G1 and C6, C7.
    pub(crate) fn on_sample(&mut self, rtt: Duration) {
        match self.srtt {
            None => {
                self.srtt = Some(rtt);
                self.variation = rtt / 2;
            }
            Some(srtt) => {
                self.variation = (self.variation * 3 + srtt.abs_diff(rtt)) / 4;
                self.srtt = Some((srtt * 7 + rtt) / 8);
            }
        }
        self.undo_backoff();
    }

    /// Every sample counts for the minimum and as the last one, also where §6.3.1 C4 takes one a round trip.
    pub(crate) fn on_any_sample(&mut self, rtt: Duration) {
        self.latest = rtt;
        self.minimum = Some(self.minimum.map_or(rtt, |minimum| minimum.min(rtt)));
    }

    /// Rule E2.
    pub(crate) fn back_off(&mut self) {
        self.current = (self.current * 2).min(self.max);
    }

    /// The timeout as the samples say, without doubling.
    pub(crate) fn undo_backoff(&mut self) {
        if let Some(srtt) = self.srtt {
            self.current = (srtt + self.variation * 4).clamp(self.min, self.max);
        }
    }

    pub(crate) fn current(&self) -> Duration {
        self.current.max((self.latest + self.latest / 4).min(self.max))
    }

    pub(crate) fn srtt(&self) -> Option<Duration> {
        self.srtt
    }

    pub(crate) fn minimum(&self) -> Option<Duration> {
        self.minimum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sample_sets_and_later_ones_smooth() {
        let mut rto = Rto::new(&Config { rto_min: Duration::ZERO, ..Config::default() });
        assert_eq!(rto.current(), Duration::from_secs(1));
        rto.on_sample(Duration::from_millis(100));
        assert_eq!(rto.current(), Duration::from_millis(300));
        rto.on_sample(Duration::from_millis(180));
        assert_eq!(rto.srtt(), Some(Duration::from_millis(110)));
        assert_eq!(rto.current(), Duration::from_micros(110_000 + 4 * 57_500));
    }

    #[test]
    fn each_expiry_doubles_up_to_the_maximum() {
        let mut rto = Rto::new(&Config::default());
        for _ in 0..10 {
            rto.back_off();
        }
        assert_eq!(rto.current(), Duration::from_secs(60));
    }

    #[test]
    fn a_round_trip_that_has_just_doubled_is_no_timeout() {
        let mut rto = Rto::new(&Config::default());
        rto.on_any_sample(Duration::from_millis(200));
        rto.on_sample(Duration::from_millis(200));
        for _ in 0..20 {
            rto.on_sample(Duration::from_millis(200));
        }
        assert_eq!(rto.current(), Duration::from_millis(300), "RTO.Min");
        rto.on_any_sample(Duration::from_millis(400));
        assert_eq!(rto.current(), Duration::from_millis(500));
    }
}
