//! The timers of the RFC by name, and one table of their deadlines.

use std::time::Instant;

/// A timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// INIT was sent (RFC 9260 §4).
    T1Init,
    /// COOKIE ECHO was sent (RFC 9260 §4).
    T1Cookie,
    /// SHUTDOWN or SHUTDOWN ACK was sent (RFC 9260 §9.2).
    T2Shutdown,
    /// Data is outstanding (RFC 9260 §6.3).
    T3Rtx,
    /// A shutdown may not last for ever (RFC 9260 §9.2).
    T5ShutdownGuard,
    /// The next HEARTBEAT is due, or the last was not answered (RFC 9260 §8.3).
    Heartbeat,
    /// A SACK waits for company (RFC 9260 §6.2).
    DelayedSack,
    /// A RE-CONFIG request was sent (RFC 6525 §5.1.1).
    Reconfig,
    /// A hole may still be reordering (RFC 8985 §6.3).
    Reordering,
    /// Silence after the tail of a flight (RFC 8985 §7).
    TailLossProbe,
    /// A probe of the packet size was sent, or the size may be raised (RFC 8899 §5.1.1).
    PathProbe,
    /// The pacer lets the next packet go.
    Pacing,
}

impl Timer {
    pub(crate) const ALL: [Self; 12] = [
        Self::T1Init,
        Self::T1Cookie,
        Self::T2Shutdown,
        Self::T3Rtx,
        Self::T5ShutdownGuard,
        Self::Heartbeat,
        Self::DelayedSack,
        Self::Reconfig,
        Self::Reordering,
        Self::TailLossProbe,
        Self::PathProbe,
        Self::Pacing,
    ];
}

/// The deadlines of all running timers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timers {
    deadlines: [Option<Instant>; Timer::ALL.len()],
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.deadlines[timer as usize] = Some(at);
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.deadlines[timer as usize] = None;
    }

    pub(crate) fn stop_all(&mut self) {
        self.deadlines = Default::default();
    }

    pub(crate) fn is_running(&self, timer: Timer) -> bool {
        self.deadlines[timer as usize].is_some()
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// Stops and reports `timer` if its time has come.
    pub(crate) fn take_expired(&mut self, timer: Timer, now: Instant) -> bool {
        let deadline = &mut self.deadlines[timer as usize];
        let expired = deadline.is_some_and(|at| at <= now);
        if expired {
            *deadline = None;
        }
        expired
    }
}
