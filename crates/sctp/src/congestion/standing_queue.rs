//! The standing queue: how much of a round trip is waiting that never ends.
//!
//! Problem: a queue of seconds before a slow link takes whatever a loss-based window puts there. Nobody gains by that:
//! the link has long been busy all the time, everybody's packets wait, and the repair of the loss that ends it takes a
//! round trip of seconds. But who holds back alone is pushed aside by those who do not.
//!
//! How: what the round trip has above the least that this path has shown is waiting. Above a limit the window is
//! restrained to the growth of Reno, until a loss shows that others fill the queue: what the window gets through in a
//! round trip has fallen by a quarter since. Then restraint is of no use to anybody, and ends until the queue is short:
//!
//! ```text
//!            round trip > least + limit              loss, and window / round trip < 3/4 of what it was
//!   free ------------------------------> restrained --------------------------------------------> contested
//!     ^                                      |                                                        |
//!     '----- round trip <= least + limit ----'------------------ the same, or a look again -----------'
//! ```
//!
//! The least is to be that of the path *without our queue*: it is looked for again after a silence, after a timeout (one
//! packet is all that is on the way) and on another path. Whoever begins in a queue of others takes that for the path,
//! and is free; whoever was there before sees it come, and is contested.
//!
//! More: RFC 9438 §4.3 (what is left above the limit); docs/congestion.md, "Deep queues".

use std::time::Duration;

use super::RateSample;

/// The two round trips, how far apart they may be, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StandingQueue {
    /// `None`: no queue is too long.
    limit: Option<Duration>,
    least: Option<Duration>,
    latest: Duration,
    /// Window and round trip when restraint began.
    restrained: Option<(usize, Duration)>,
    contested: bool,
}

impl StandingQueue {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, least: None, latest: Duration::ZERO, restrained: None, contested: false }
    }

    /// A SACK that may tell a round trip.
    pub(super) fn on_ack(&mut self, sample: &RateSample) {
        let Some(rtt) = sample.rtt else { return };
        self.latest = rtt;
        self.least = Some(self.least.map_or(rtt, |least| least.min(rtt)));
    }

    /// The last round trip was longer than the path's by more than the limit.
    pub(super) fn is_too_long(&self) -> bool {
        let (Some(limit), Some(least)) = (self.limit, self.least) else { return false };
        self.latest.saturating_sub(least) > limit
    }

    /// A window in full use is about to grow: may it grow no faster than Reno's?
    pub(super) fn restrains(&mut self, window: usize) -> bool {
        if self.is_too_long() {
            self.restrained.get_or_insert((window, self.latest));
        } else {
            (self.restrained, self.contested) = (None, false);
        }
        self.restrained.is_some() && !self.contested
    }

    /// A loss, at this window. Alone, window and round trip grow together.
    pub(super) fn on_loss(&mut self, window: usize) {
        let Some((before, round_trip)) = self.restrained else { return };
        let (now, before) =
            (window as u128 * round_trip.as_micros(), before as u128 * self.latest.as_micros());
        self.contested |= now * 4 < before * 3;
    }

    /// Nothing of ours waits any more: the next round trips tell what the path itself takes.
    pub(super) fn look_again(&mut self) {
        *self = Self { latest: self.latest, ..Self::new(self.limit) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn queue() -> StandingQueue {
        StandingQueue::new(Some(1000 * MS))
    }

    /// A round trip that is told; is the queue too long now?
    fn told(queue: &mut StandingQueue, millis: u32) -> bool {
        queue.on_ack(&RateSample { rtt: Some(millis * MS), ..RateSample::default() });
        queue.is_too_long()
    }

    #[test]
    fn what_is_above_the_least_by_more_than_the_limit_is_too_long() {
        let mut queue = queue();
        assert!(!queue.is_too_long(), "nothing is known");
        assert!(!told(&mut queue, 200));
        assert!(!told(&mut queue, 1200));
        assert!(told(&mut queue, 1201));
        queue.on_ack(&RateSample::default());
        assert!(queue.is_too_long(), "a SACK without a round trip changes nothing");
        assert!(!told(&mut queue, 300), "drained");
    }

    #[test]
    fn without_a_limit_none_is_too_long() {
        let mut queue = StandingQueue::new(None);
        told(&mut queue, 1);
        assert!(!told(&mut queue, 60_000) && !queue.restrains(10_000));
    }

    #[test]
    fn after_a_silence_the_least_is_looked_for_again() {
        let mut queue = queue();
        told(&mut queue, 100);
        assert!(told(&mut queue, 1500));
        queue.look_again();
        assert!(!told(&mut queue, 1500), "the path is this long now");
        assert!(told(&mut queue, 2501));
    }

    #[test]
    fn a_loss_at_an_undiminished_rate_leaves_the_restraint() {
        let mut queue = queue();
        told(&mut queue, 100);
        told(&mut queue, 1200);
        assert!(queue.restrains(120_000));
        told(&mut queue, 2000);
        queue.on_loss(200_000);
        assert!(queue.restrains(140_000), "alone: it is our own queue");
        told(&mut queue, 1600);
        queue.on_loss(140_000);
        assert!(queue.restrains(98_000), "seven eighths of the rate are left");
    }

    #[test]
    fn a_loss_in_a_queue_that_others_fill_ends_the_restraint_until_it_is_short() {
        let mut queue = queue();
        told(&mut queue, 100);
        told(&mut queue, 1200);
        assert!(queue.restrains(120_000));
        told(&mut queue, 2000);
        queue.on_loss(120_000);
        assert!(!queue.restrains(84_000), "six tenths of the rate are left");
        told(&mut queue, 2000);
        queue.on_loss(200_000);
        assert!(!queue.restrains(140_000), "a share won back does not mean that nobody else is there");
        told(&mut queue, 900);
        assert!(!queue.restrains(140_000));
        told(&mut queue, 1200);
        assert!(queue.restrains(150_000));
    }
}
