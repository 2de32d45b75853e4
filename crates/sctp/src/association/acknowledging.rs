//! When a SACK is due.
//!
//! Problem: a SACK for every packet halves what a core can carry, and too few starve the peer's window.
//! How: early, after silence and around holes, every second packet is answered, for peers grow by counting SACKs.
//! In bulk one SACK answers all that came in a batch, and a lone packet waits a quarter of a round trip at most.
//! ```text
//!   packets  1  2  3  4 .. | [a batch of arrivals] | .. (a hole) .. | 2 more
//!   SACK     ^  ^     ^    |                      ^|     ^ at once  |      ^
//! ```
//! RFC 9260 §6.2: "at least every second packet" is not done in bulk, because both ends count bytes, and one SACK
//! a batch acknowledges the same bytes (DESIGN: acknowledging).
//! More: RFC 9260 §6.2, RFC 7053 (I bit); docs/sctp.md, "Acknowledging".

use super::{Association, State};
use crate::config::Config;
use crate::timers::Timer;
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    No,
    Delayed,
    Now,
}

#[derive(Debug)]
pub(super) struct Acknowledging {
    due: Due,
    /// Data packets from this peer since it was last quiet or lost something.
    steady: u64,
    unanswered: u32,
    last_packet: Instant,
    /// The first packet was answered at once: the peer's first round trip (RFC 9260 §5.2.4 asks for it where data
    /// came with the COOKIE ECHO).
    begun: bool,
    /// Holes were there before this packet.
    had_gaps: bool,
    /// The window that the last SACK announced.
    advertised: usize,
    /// The receive window, before what is held is taken off.
    pub(super) window: usize,
    /// What the application took since when.
    taken: usize,
    taken_since: Instant,
    taken_at: Option<Instant>,
    /// And in the round trip before.
    took_before: usize,
    pub(super) minimum_round_trip: Option<Duration>,
}

impl Acknowledging {
    pub(super) fn new(now: Instant, config: &Config) -> Self {
        Self {
            due: Due::No,
            steady: 0,
            unanswered: 0,
            last_packet: now,
            begun: false,
            had_gaps: false,
            advertised: usize::MAX,
            window: config.initial_receive_window_bytes.min(config.receive_window_bytes),
            taken: 0,
            taken_since: now,
            taken_at: None,
            took_before: 0,
            minimum_round_trip: None,
        }
    }

    /// The application took `bytes`. True if that is the first at this moment: a batch is read at one.
    #[inline]
    fn take(&mut self, now: Instant, bytes: usize) -> bool {
        self.taken += bytes;
        let first = self.taken_at != Some(now);
        self.taken_at = Some(now);
        first
    }

    /// The window follows the application: twice what it takes in a round trip, so that the peer's growth is
    /// never the window's doing, and four times while that grows, as in a peer's slow start. It does not shrink,
    /// and it at most doubles for each round trip that passed: a burst of reads at one moment says nothing about a
    /// rate.
    fn tune(&mut self, now: Instant, round_trip: Option<Duration>, bound: usize) {
        let Some(round_trip) = round_trip else {
            self.window = bound;
            return;
        };
        let round_trip = round_trip.max(Duration::from_micros(1)).as_nanos();
        let elapsed = now.saturating_duration_since(self.taken_since).as_nanos();
        if elapsed < round_trip {
            return;
        }
        let share = round_trip * self.taken as u128 / elapsed;
        let in_a_round_trip = usize::try_from(share).unwrap_or(usize::MAX);
        let grows = in_a_round_trip > self.took_before.saturating_add(self.took_before / 4);
        let wanted = in_a_round_trip.saturating_mul(if grows { 4 } else { 2 });
        let round_trips = usize::try_from(elapsed / round_trip).unwrap_or(usize::MAX);
        let reachable = self.window.saturating_mul(round_trips.saturating_add(1));
        self.window = self.window.max(wanted.min(reachable).min(bound));
        self.took_before = in_a_round_trip;
        self.taken = 0;
        self.taken_since = now;
    }

    /// No data has come for `time`.
    pub(super) fn is_quiet_since(&self, now: Instant, time: Duration) -> bool {
        now.saturating_duration_since(self.last_packet) >= time
    }

    /// A SACK goes out at the next poll.
    pub(super) fn now(&mut self) {
        self.due = Due::Now;
    }

    /// Whether a SACK goes out at this poll.
    pub(super) fn is_due(&self) -> bool {
        self.due == Due::Now
    }

    /// A SACK would go along if data goes out.
    pub(super) fn is_pending(&self) -> bool {
        self.due != Due::No
    }

    pub(super) fn sent(&mut self, window: usize) {
        self.due = Due::No;
        self.unanswered = 0;
        self.advertised = window;
    }

    /// A hole or a duplicate: the peer needs to know soon, and the steady phase begins anew.
    pub(super) fn disturbed(&mut self) {
        self.steady = 0;
        self.due = Due::Now;
    }
}

impl Association {
    /// One packet with data was processed.
    pub(super) fn after_data_packet(&mut self, now: Instant) {
        self.perform_deferred_reset();
        let has_gaps = self.tracker.has_gaps();
        let rtt = self.rto.minimum().or(self.acknowledging.minimum_round_trip);
        let ack = &mut self.acknowledging;
        // Idle for long enough that the peer's window may have shrunk: it starts slowly again.
        if now != ack.last_packet && now.saturating_duration_since(ack.last_packet) > self.config.rto_min {
            ack.steady = 0;
        }
        ack.last_packet = now;
        ack.unanswered += 1;
        ack.steady += 1;
        let bulk = ack.steady > self.config.early_packets;
        // RFC 5681 §4.2: also the packet that fills a hole is answered at once.
        let had_gaps = std::mem::replace(&mut ack.had_gaps, has_gaps);
        if has_gaps || had_gaps || !std::mem::replace(&mut ack.begun, true) {
            ack.due = Due::Now;
        }
        if has_gaps {
            ack.disturbed();
        }
        if self.state == State::ShutdownSent && !has_gaps && self.tracker.duplicates().is_empty() {
            // RFC 9260 §9.2: the SHUTDOWN that answers acknowledges all there is.
            ack.due = Due::No;
            ack.unanswered = 0;
            self.timers.stop(Timer::DelayedSack);
            return;
        }
        // The poll that ends a batch of arrivals sends one SACK for all of it: never fewer, for peers grow their window
        // by counting them (RFC 9260 §6.2).
        if ack.due == Due::Now || ack.unanswered >= 2 {
            ack.due = Due::Now;
            self.timers.stop(Timer::DelayedSack);
            return;
        }
        if ack.due == Due::No {
            ack.due = Due::Delayed;
            let delay = match rtt {
                Some(rtt) if bulk => (rtt / 4).clamp(self.config.timer_granularity, self.config.sack_delay),
                _ => self.config.sack_delay,
            };
            self.timers.set(Timer::DelayedSack, now + delay);
        }
    }

    /// The window to announce.
    pub(super) fn receive_window(&self) -> usize {
        let held = self.reassembly.held_bytes();
        let window = self.acknowledging.window.saturating_sub(held);
        if window == 0 && self.reassembly.is_only_incomplete() {
            // One message alone fills the window: it may go on up to the hard bound, or nothing ever moves.
            return self.config.max_reassembly_bytes.saturating_sub(held).min(16 * 1024);
        }
        window
    }

    /// The application took data: if the window was nearly closed, the peer must hear that it is open
    /// (LESSONS: a window that opens in silence is a deadlock).
    #[inline]
    pub(super) fn after_release(&mut self, now: Instant, bytes: usize) {
        if self.acknowledging.take(now, bytes) {
            let rtt = self.rto.minimum().or(self.acknowledging.minimum_round_trip);
            self.acknowledging.tune(now, rtt, self.config.receive_window_bytes);
        }
        let (full, advertised) = (self.acknowledging.window, self.acknowledging.advertised);
        if advertised < (full / 4).min(64 * 1024) && !self.ended {
            self.open_again(full, advertised);
        }
    }

    /// The window was nearly closed: whether that has changed by enough to tell.
    #[cold]
    fn open_again(&mut self, full: usize, advertised: usize) {
        let window = self.receive_window();
        let grew = window >= advertised.saturating_add((full / 4).min(32 * self.max_data_bytes));
        if grew || (advertised < self.max_data_bytes && window >= 2 * self.max_data_bytes) {
            self.acknowledging.now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;
    const BOUND: usize = 4096 * KIB;
    const MS: Duration = Duration::from_millis(1);

    #[expect(clippy::disallowed_methods, reason = "a starting point; nothing depends on its value")]
    fn start() -> Instant {
        Instant::now()
    }

    fn acknowledging(now: Instant) -> Acknowledging {
        Acknowledging::new(now, &Config { initial_receive_window_bytes: 256 * KIB, ..Config::default() })
    }

    fn read(ack: &mut Acknowledging, now: Instant, bytes: usize, round_trip: Option<Duration>) {
        if ack.take(now, bytes) {
            ack.tune(now, round_trip, BOUND);
        }
    }

    #[test]
    fn reads_at_one_moment_do_not_widen_the_window() {
        for round_trip in [Duration::ZERO, MS, 100 * MS] {
            let now = start();
            let mut ack = acknowledging(now);
            for _ in 0..1000 {
                read(&mut ack, now, 64 * KIB, Some(round_trip));
            }
            assert_eq!(ack.window, 256 * KIB, "{round_trip:?}");
        }
    }

    #[test]
    fn the_window_at_most_doubles_for_each_round_trip_that_passes() {
        let mut now = start();
        let mut ack = acknowledging(now);
        for round_trips in [1, 1, 2] {
            let before = ack.window;
            now += 100 * MS * round_trips;
            read(&mut ack, now, BOUND, Some(100 * MS));
            assert!(ack.window > before && ack.window <= before * (1 + round_trips as usize));
        }
    }

    #[test]
    fn the_window_stays_ahead_of_a_peer_in_slow_start_and_rests_when_the_rate_does() {
        let mut now = start();
        let mut ack = acknowledging(now);
        let mut in_a_round_trip = 4 * KIB;
        while in_a_round_trip < 512 * KIB {
            now += 100 * MS;
            read(&mut ack, now, in_a_round_trip, Some(100 * MS));
            // What the peer has in flight once it has heard of this.
            in_a_round_trip *= 2;
            assert!(ack.window >= 2 * in_a_round_trip.min(BOUND / 4), "{in_a_round_trip}");
        }
        for _ in 0..100 {
            now += 100 * MS;
            read(&mut ack, now, 512 * KIB, Some(100 * MS));
        }
        assert_eq!(ack.window, 4 * 512 * KIB);
    }

    #[test]
    fn a_round_trip_that_nobody_measured_opens_the_whole_window() {
        let now = start();
        let mut ack = acknowledging(now);
        read(&mut ack, now, 1, None);
        assert_eq!(ack.window, BOUND);
    }
}
