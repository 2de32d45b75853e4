//! A link in virtual time between plywood and a peer: delay, loss, nothing else.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plywood_sctp_peers::{Endpoint, Plywood};

/// One way.
const DELAY: Duration = Duration::from_millis(10);

/// Both ends, and what is on the way between them.
pub(crate) struct Link<P: Endpoint> {
    pub(crate) now: Instant,
    pub(crate) ours: Plywood,
    pub(crate) theirs: P,
    loss_per_mille: u64,
    random: u64,
    to_plywood: VecDeque<(Instant, Vec<u8>)>,
    to_peer: VecDeque<(Instant, P::Packet)>,
}

impl<P: Endpoint> Link<P> {
    pub(crate) fn new(now: Instant, ours: Plywood, theirs: P, loss_per_mille: u64) -> Self {
        let (to_plywood, to_peer) = (VecDeque::new(), VecDeque::new());
        Self { now, ours, theirs, loss_per_mille, random: 1, to_plywood, to_peer }
    }

    fn is_lost(&mut self) -> bool {
        self.random = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.random >> 33) % 1000 < self.loss_per_mille
    }

    fn pump(&mut self) {
        let at = self.now + DELAY;
        while let Some(packet) = self.ours.poll_transmit(self.now) {
            if !self.is_lost() {
                self.to_peer.push_back((at, Vec::from(packet).into()));
            }
        }
        while let Some(packet) = self.theirs.poll_transmit(self.now) {
            if !self.is_lost() {
                self.to_plywood.push_back((at, packet.into()));
            }
        }
    }

    /// The next thing that happens until `end`.
    fn step(&mut self, end: Instant) -> bool {
        self.pump();
        let arrivals =
            [self.to_plywood.front().map(|packet| packet.0), self.to_peer.front().map(|packet| packet.0)];
        let timers = [self.ours.poll_timeout(), self.theirs.poll_timeout()].into_iter().flatten();
        let Some(next) = arrivals.into_iter().flatten().chain(timers).min().filter(|at| *at <= end) else {
            self.now = end;
            return false;
        };
        // A timer of a peer may lie in the past; the clock still goes on, or it would be asked for ever.
        self.now = next.max(self.now + Duration::from_nanos(1));
        while let Some((_, packet)) = self.to_plywood.pop_front_if(|packet| packet.0 <= self.now) {
            self.ours.handle(self.now, packet.into());
        }
        while let Some((_, packet)) = self.to_peer.pop_front_if(|packet| packet.0 <= self.now) {
            self.theirs.handle(self.now, packet);
        }
        if self.ours.poll_timeout().is_some_and(|at| at <= self.now) {
            self.ours.timeout(self.now);
        }
        if self.theirs.poll_timeout().is_some_and(|at| at <= self.now) {
            self.theirs.timeout(self.now);
        }
        true
    }

    /// Runs until `done`, at most `time` of the virtual clock and a minute of the wall's.
    pub(crate) fn run_until(
        &mut self,
        time: Duration,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), String> {
        let (end, wall) = (self.now + time, Instant::now());
        loop {
            if done(self) {
                return Ok(());
            }
            if wall.elapsed() > Duration::from_secs(60) {
                return Err("cut after 60 s of wall time".to_owned());
            }
            if !self.step(end) {
                return if done(self) {
                    Ok(())
                } else {
                    Err(format!("not done after {time:?} of virtual time"))
                };
            }
        }
    }
}
