//! Pacing: a window leaves over a round trip, not at once.
//!
//! Problem: a SACK that opens the window by a hundred packets would send a hundred packets back to back. They
//! queue at the bottleneck, and what does not fit is lost, though the path could have carried all of it.
//!
//! How: a bucket of credit that fills at the controller's rate and holds at most one *quantum*. Packets may
//! leave while there is credit; the last one may overdraw it. An empty bucket is left alone until half a
//! quantum is back, so that packets leave in batches and a timer with a coarse tick still keeps the rate:
//!
//! ```text
//!   credit
//!   quantum |\      \        /|      quantum = max(batch, rate * 2 timer ticks)
//!           | \      \      / |
//!      half |..\......\..../..|...   resume: the driver's timer fires here
//!           |   \    / \  /   |
//!         0 |----\--/---\/----+-->   stop
//! ```
//!
//! Below 260 Mbit/s a quantum, and thus a burst, is under 64 KiB; above it must hold two ticks of the rate, or
//! late timers would cap the throughput. While the smoothed round trip is under 2 ms nothing is paced: the
//! timer is coarser than the path.
//!
//! More: RFC 9002 §7.7; docs/congestion.md, "Pacing".

use std::time::{Duration, Instant};

/// Below this smoothed round trip nothing is paced.
const UNPACED_ROUND_TRIP: Duration = Duration::from_millis(2);

/// Bursts stay under this, whatever batch is asked for.
const LARGEST_BATCH: u64 = 64 * 1024 - 1;

/// Spreads packets over time at the rate a [`CongestionController`](super::CongestionController) gives.
#[derive(Debug, Clone)]
pub struct Pacer {
    /// How late a timer may be: `Config::timer_granularity`.
    tick: Duration,
    batch_bytes: u64,
    /// Bytes a second; `None`: unpaced.
    rate: Option<u64>,
    /// Nanoseconds of sending at `rate` that are allowed; below zero after an overdraft. In time, not bytes, so
    /// that a change of rate needs no conversion and no rounding builds up.
    credit: i64,
    updated: Instant,
    /// The bucket ran empty: nothing leaves before half a quantum is back.
    resting: bool,
}

impl Pacer {
    /// A pacer that lets everything pass until it has a rate. `batch_bytes` is the least quantum: two packets
    /// suit slow paths, where a timer's tick is shorter than a packet.
    #[must_use]
    pub fn new(now: Instant, tick: Duration, batch_bytes: usize) -> Self {
        Self {
            tick,
            batch_bytes: (batch_bytes as u64).min(LARGEST_BATCH),
            rate: None,
            credit: 0,
            updated: now,
            resting: false,
        }
    }

    /// The rate from now on, from [`pacing_rate`](super::CongestionController::pacing_rate), and the smoothed
    /// round trip. Call it after each SACK.
    pub fn set_rate(&mut self, now: Instant, rate: Option<u64>, srtt: Option<Duration>) {
        self.refill(now);
        let paced = srtt.is_some_and(|srtt| srtt >= UNPACED_ROUND_TRIP);
        let begins = self.rate.is_none();
        self.rate = rate.filter(|&rate| paced && rate > 0);
        if begins {
            self.credit = self.quantum();
        }
        self.resting &= self.rate.is_some();
        self.credit = self.credit.min(self.quantum());
    }

    /// When the next packet may leave: `None` is now.
    #[must_use]
    #[inline]
    pub fn wait_until(&mut self, now: Instant) -> Option<Instant> {
        if self.rate.is_none() { None } else { self.wait_for_credit(now) }
    }

    fn wait_for_credit(&mut self, now: Instant) -> Option<Instant> {
        self.refill(now);
        let enough = if self.resting { self.quantum() / 2 } else { 1 };
        if self.credit >= enough {
            self.resting = false;
            return None;
        }
        self.resting = true;
        let missing = self.quantum() / 2 - self.credit;
        Some(now + Duration::from_nanos(missing.max(1).unsigned_abs()))
    }

    /// A packet of `bytes` left. Packets that must not wait (a probe, a first retransmission) are told too.
    #[inline]
    pub fn on_sent(&mut self, now: Instant, bytes: usize) {
        if let Some(rate) = self.rate {
            self.spend(now, bytes, rate);
        }
    }

    fn spend(&mut self, now: Instant, bytes: usize, rate: u64) {
        self.refill(now);
        self.credit -= nanos(bytes as u64, rate);
        // Whoever overrides the pacer for long does not silence it for long.
        self.credit = self.credit.max(-self.quantum());
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.updated).as_nanos();
        self.updated = self.updated.max(now);
        self.credit =
            self.credit.saturating_add(i64::try_from(elapsed).unwrap_or(i64::MAX)).min(self.quantum());
    }

    /// The quantum in nanoseconds of sending.
    fn quantum(&self) -> i64 {
        let ticks = i64::try_from(self.tick.as_nanos()).unwrap_or(i64::MAX).saturating_mul(2);
        self.rate.map_or(0, |rate| nanos(self.batch_bytes, rate).max(ticks))
    }
}

/// How long `bytes` take at `rate` bytes a second.
fn nanos(bytes: u64, rate: u64) -> i64 {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    // A year is for ever: sums of a few of these must not overflow.
    i64::try_from(nanos).unwrap_or(i64::MAX).min(365 * 86_400 * 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::super::testing::start;
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const PACKET: usize = 1200;

    /// Sends all that the pacer allows at `now`: bytes.
    fn burst(pacer: &mut Pacer, now: Instant) -> usize {
        let mut bytes = 0;
        while pacer.wait_until(now).is_none() && bytes < 10_000_000 {
            pacer.on_sent(now, PACKET);
            bytes += PACKET;
        }
        bytes
    }

    /// Bytes that leave in one second when every timer fires `late` after its time; and the largest burst.
    fn run(rate: u64, late: Duration) -> (usize, usize) {
        let begin = start();
        let mut pacer = Pacer::new(begin, MS, 2 * PACKET);
        pacer.set_rate(begin, Some(rate), Some(50 * MS));
        let (mut now, mut total, mut largest) = (begin, 0, 0);
        while now < begin + 1000 * MS {
            let sent = burst(&mut pacer, now);
            total += sent;
            largest = largest.max(sent);
            now = pacer.wait_until(now).unwrap() + late;
        }
        (total, largest)
    }

    #[test]
    fn the_rate_is_kept_with_exact_and_with_late_timers() {
        for rate in [12_500, 125_000, 1_250_000, 12_500_000, 125_000_000] {
            for late in [Duration::ZERO, MS] {
                let (sent, _) = run(rate, late);
                let share = sent as f64 / rate as f64;
                assert!((0.97..1.2).contains(&share), "{rate} late {late:?}: {share}");
            }
        }
    }

    #[test]
    fn bursts_stay_under_64_kib_up_to_260_mbit_a_second() {
        for rate in [125_000, 12_500_000, 32_000_000] {
            assert!(run(rate, MS).1 < 64 * 1024 + PACKET);
        }
        let mut pacer = Pacer::new(start(), MS, 1 << 20);
        pacer.set_rate(start(), Some(1000), Some(50 * MS));
        assert!(burst(&mut pacer, start()) < 64 * 1024 + PACKET, "whatever batch is asked for");
    }

    #[test]
    fn a_slow_path_sends_two_packets_at_a_time() {
        assert_eq!(run(125_000, Duration::ZERO).1, 2 * PACKET);
    }

    #[test]
    fn nothing_is_paced_without_a_rate_or_under_two_milliseconds() {
        let mut pacer = Pacer::new(start(), MS, 2 * PACKET);
        assert_eq!(pacer.wait_until(start()), None);
        pacer.set_rate(start(), Some(1000), Some(MS));
        for _ in 0..100 {
            pacer.on_sent(start(), PACKET);
        }
        assert_eq!(pacer.wait_until(start()), None);
        pacer.set_rate(start(), None, Some(50 * MS));
        assert_eq!(pacer.wait_until(start()), None);
    }

    #[test]
    fn silence_saves_up_no_more_than_a_quantum() {
        let mut pacer = Pacer::new(start(), MS, 2 * PACKET);
        pacer.set_rate(start(), Some(1_250_000), Some(50 * MS));
        let later = start() + Duration::from_secs(3600);
        assert!(burst(&mut pacer, later) <= 4 * PACKET);
    }

    #[test]
    fn a_packet_that_must_not_wait_is_paid_back_later() {
        let mut pacer = Pacer::new(start(), MS, 2 * PACKET);
        pacer.set_rate(start(), Some(1_200_000), Some(50 * MS));
        burst(&mut pacer, start());
        let before = pacer.wait_until(start()).unwrap();
        pacer.on_sent(start(), PACKET);
        assert_eq!(pacer.wait_until(start()).unwrap(), before + MS);
    }

    #[test]
    fn a_faster_rate_shortens_the_wait() {
        let mut pacer = Pacer::new(start(), MS, 2 * PACKET);
        pacer.set_rate(start(), Some(12_000), Some(50 * MS));
        burst(&mut pacer, start());
        let slow = pacer.wait_until(start()).unwrap();
        pacer.set_rate(start(), Some(1_200_000), Some(50 * MS));
        assert!(pacer.wait_until(start()).unwrap() < slow);
    }
}
