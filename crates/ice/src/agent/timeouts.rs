//! When the agent wants to be called again.
//!
//! Each deadline here is one that [`Agent::handle_timeout`] acts on and thereby moves or removes, so a driver
//! that waits for it neither spins nor oversleeps.

use std::time::Instant;

use super::Agent;
use crate::{Role, State};

impl Agent {
    /// The next time something is due; `None` while nothing is.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if matches!(self.state, State::Closed | State::Failed) {
            return None;
        }
        let transactions = self
            .sessions()
            .flat_map(|session| &session.checks)
            .filter_map(|check| check.transaction.poll_timeout())
            .min();
        [
            transactions,
            self.next_launch(),
            self.next_path_deadline(),
            self.next_nomination(),
            self.previous_until,
            self.fail_due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// When pacing allows the next new check, if one is wanted.
    fn next_launch(&self) -> Option<Instant> {
        self.current.remote.as_ref()?;
        let last = self.last_check?;
        if !self.current.triggered.is_empty() {
            return Some(last + self.config.triggered_pacing);
        }
        self.current.next_ordinary(self.role).map(|_| last + self.config.pacing)
    }

    /// Next consent check, silence, or end of consent.
    fn next_path_deadline(&self) -> Option<Instant> {
        let pair = self.path_pair()?;
        let silence =
            pair.heard_at.filter(|_| !self.disconnected).map(|at| at + self.config.disconnected_after);
        let expiry = pair.answered_at.map(|at| at + self.consent_timeout());
        [pair.next_consent, silence, expiry].into_iter().flatten().min()
    }

    /// When the controlling side stops waiting for a better pair.
    fn next_nomination(&self) -> Option<Instant> {
        let by = self.current.nominate_by?;
        let waits = self.role == Role::Controlling
            && self.current.selected.is_none()
            && self.current.nominating.is_none()
            && self.driven_at < by
            && self.nomination_due(by).is_some();
        waits.then_some(by)
    }
}
