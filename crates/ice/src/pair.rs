//! Candidate pairs and their states (RFC 8445 §6.1.2.6).
//! ```text
//!   Frozen --unfreeze--> Waiting --check sent--> InProgress --answered--> Succeeded
//!                           ^                        |
//!                           |  triggered by a check  `--no answer, error--> Failed
//!                           `---- from the other side -------------------------'
//! ```

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::{LocalId, Role};

/// State of a pair (RFC 8445 §6.1.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairState {
    /// Held back until a pair like it (same foundations) has worked or failed.
    Frozen,
    /// To be checked when its turn comes.
    Waiting,
    /// Checked, not yet answered.
    InProgress,
    /// Answered.
    Succeeded,
    /// Not answered, or answered by an error.
    Failed,
}

/// A pair as [`Agent::pairs`](crate::Agent::pairs) shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairReport {
    /// The local socket.
    pub source: LocalId,
    /// Its address.
    pub local: SocketAddr,
    /// The remote address.
    pub remote: SocketAddr,
    /// Pair priority (RFC 8445 §6.1.2.3).
    pub priority: u64,
    /// The state.
    pub state: PairState,
    /// Whether it was nominated.
    pub nominated: bool,
    /// The local address as the other side sees it, once known.
    pub mapped: Option<SocketAddr>,
    /// Smoothed round trip of its checks.
    pub round_trip: Option<Duration>,
}

/// Names a pair for as long as it lives. All local candidates of a socket share its base, so socket and
/// remote address say it all (RFC 8445 §6.1.2.4 removes the redundant ones); unlike an index it cannot come
/// to mean another pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PairKey {
    pub(crate) source: LocalId,
    pub(crate) remote: SocketAddr,
}

/// One line of the check list.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) key: PairKey,
    pub(crate) local: SocketAddr,
    pub(crate) local_foundation: String,
    pub(crate) remote_foundation: String,
    pub(crate) local_priority: u32,
    pub(crate) remote_priority: u32,
    pub(crate) priority: u64,
    pub(crate) state: PairState,
    /// A check was answered in this generation, and consent was not lost since: it is in the valid list.
    pub(crate) valid: bool,
    /// Consent expired here: never again under these credentials (RFC 7675 §5.1).
    pub(crate) revoked: bool,
    /// The next check nominates (controlling), or its success does (controlled).
    pub(crate) nominate: bool,
    /// The other side checked it without USE-CANDIDATE: a nomination that comes later is a choice, not a habit.
    pub(crate) checked_plainly: bool,
    /// When USE-CANDIDATE last held for it.
    pub(crate) nominated_at: Option<Instant>,
    /// When a request of ours was last answered: consent.
    pub(crate) answered_at: Option<Instant>,
    /// When anything authenticated last came from there.
    pub(crate) heard_at: Option<Instant>,
    /// When the next consent check goes out; only the path has one.
    pub(crate) next_consent: Option<Instant>,
    pub(crate) mapped: Option<SocketAddr>,
    pub(crate) smoothed_rtt: Option<Duration>,
    pub(crate) minimum_rtt: Option<Duration>,
}

impl Pair {
    /// Takes a round-trip sample (RFC 6298 §2: gain one eighth).
    pub(crate) fn add_round_trip(&mut self, sample: Duration) {
        self.smoothed_rtt = Some(self.smoothed_rtt.map_or(sample, |rtt| (rtt * 7 + sample) / 8));
        self.minimum_rtt = Some(self.minimum_rtt.map_or(sample, |rtt| rtt.min(sample)));
    }

    pub(crate) fn is_active(&self) -> bool {
        matches!(self.state, PairState::Frozen | PairState::Waiting | PairState::InProgress)
    }

    /// Whether data may be sent: valid, and answered within `consent`.
    pub(crate) fn may_send(&self, now: Instant, consent: Duration) -> bool {
        self.valid && self.answered_at.is_some_and(|at| now.saturating_duration_since(at) < consent)
    }

    /// Whether anything was heard from it within `limit`.
    pub(crate) fn is_fresh(&self, now: Instant, limit: Duration) -> bool {
        self.heard_at.is_some_and(|at| now.saturating_duration_since(at) < limit)
    }

    pub(crate) fn same_foundation(&self, other: &Self) -> bool {
        self.local_foundation == other.local_foundation && self.remote_foundation == other.remote_foundation
    }

    pub(crate) fn set_role(&mut self, role: Role) {
        self.priority = pair_priority(role, self.local_priority, self.remote_priority);
    }

    pub(crate) fn report(&self) -> PairReport {
        PairReport {
            source: self.key.source,
            local: self.local,
            remote: self.key.remote,
            priority: self.priority,
            state: self.state,
            nominated: self.nominated_at.is_some(),
            mapped: self.mapped,
            round_trip: self.smoothed_rtt,
        }
    }
}

/// RFC 8445 §6.1.2.3: both sides compute the same number, G of the controlling and D of the controlled.
pub(crate) fn pair_priority(role: Role, local: u32, remote: u32) -> u64 {
    let (g, d) = match role {
        Role::Controlling => (local, remote),
        Role::Controlled => (remote, local),
    };
    // A priority above 2^31 - 1 is illegal (RFC 8445 §5.1.2), but comes from the network: it saturates.
    ((u64::from(g.min(d)) << 32) + u64::from(g > d)).saturating_add(2 * u64::from(g.max(d)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_compute_the_same_pair_priority() {
        for (l, r) in [(1, 2), (2, 1), (7, 7), (u32::MAX, u32::MAX), (0, u32::MAX)] {
            assert_eq!(pair_priority(Role::Controlling, l, r), pair_priority(Role::Controlled, r, l));
        }
        assert_eq!(pair_priority(Role::Controlling, 2, 1), (1 << 32) + 4 + 1);
    }
}
