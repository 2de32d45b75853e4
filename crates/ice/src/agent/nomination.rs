//! Which pair carries data (RFC 8445 §8).
//!
//! Problem: both sides must end on one pair, but waiting for the end costs round trips.
//! How: the first valid pair carries data at once. The controlling side nominates the best valid pair as
//! soon as no better one is still being tried, or after a short wait. The controlled side obeys.
//! ```text
//!   valid pair --> path (Connected) --> nomination answered --> selected pair is the path (Completed)
//!                     ^                                             |  silent for 7 s
//!                     `------------- another pair answers <---------'  (Disconnected, all pairs tried again)
//! ```
//! Browsers nominate aggressively: USE-CANDIDATE stands in the first check of several pairs, and on the
//! chosen pair in every later check. So among nominations close in time the best pair wins (both sides
//! compute the same priorities). A worse pair wins where it was checked without USE-CANDIDATE before, for then
//! the nomination is a choice; or once the better pair has not been named for a while, or is silent.

use std::time::{Duration, Instant};

use super::Agent;
use crate::pair::{Pair, PairKey};
use crate::session::Session;
use crate::{Event, Role, State};

/// How long after its last USE-CANDIDATE a better pair outweighs a worse one. Chromium repeats it every 2.7 s.
const NOMINATION_HOLDS: Duration = Duration::from_secs(3);

impl Agent {
    /// USE-CANDIDATE holds for a valid pair.
    pub(super) fn accept_nomination(&mut self, now: Instant, generation: u32, key: PairKey) {
        let controlled = self.role == Role::Controlled;
        let Some(session) = self.session_mut(generation) else { return };
        let held = session.selected.and_then(|key| session.pair(key)).map(|held| {
            let named = held.nominated_at.map(|at| now.saturating_duration_since(at));
            (held.priority, named.is_some_and(|since| since < NOMINATION_HOLDS))
        });
        let Some(pair) = session.pair_mut(key) else { return };
        pair.nominated_at = Some(now);
        pair.nominate = false;
        let yields = |(priority, recent): (u64, bool)| {
            controlled && recent && priority > pair.priority && !pair.checked_plainly
        };
        if !held.is_some_and(yields) {
            session.selected = Some(key);
        }
        session.nominating = None;
    }

    /// Nominates if it is time to, and sets the path.
    pub(super) fn choose(&mut self, now: Instant) {
        if self.previous_until.is_some_and(|until| now >= until) {
            self.previous = None;
            self.previous_until = None;
            self.acquainted.clear();
        }
        self.nominate(now);
        self.replace_silent(now);
        let path = self.best_path(now);
        if path != self.path {
            self.set_path(now, path);
        }
    }

    /// Regular nomination by the controlling side (RFC 8445 §8.1.1).
    fn nominate(&mut self, now: Instant) {
        if let Some(key) = self.nomination_due(now)
            && let Some(pair) = self.current.pair_mut(key)
        {
            pair.nominate = true;
            self.current.nominating = Some(key);
            self.current.triggered.retain(|queued| *queued != key);
            self.current.triggered.push_front(key);
        }
    }

    /// The controlled side leaves a silent pair for one that was nominated too and is not.
    fn replace_silent(&mut self, now: Instant) {
        let fresh = |pair: &&Pair| pair.valid && pair.is_fresh(now, self.config.disconnected_after);
        let selected = self.current.selected.and_then(|key| self.current.pair(key));
        if self.role == Role::Controlling || selected.as_ref().is_none_or(fresh) {
            return;
        }
        let nominated = self.current.pairs.iter().filter(fresh).filter(|pair| pair.nominated_at.is_some());
        if let Some(latest) = nominated.max_by_key(|pair| pair.nominated_at) {
            self.current.selected = Some(latest.key);
        }
    }

    /// The pair to be nominated now.
    pub(super) fn nomination_due(&self, now: Instant) -> Option<PairKey> {
        let session = &self.current;
        if self.role == Role::Controlled || session.nominating.is_some() || session.remote.is_none() {
            return None;
        }
        let fresh = |pair: &Pair| pair.valid && pair.is_fresh(now, self.config.disconnected_after);
        if session.selected.and_then(|key| session.pair(key)).is_some_and(|pair| {
            pair.is_fresh(now, self.config.disconnected_after) && pair.may_send(now, self.consent_timeout())
        }) {
            return None;
        }
        let best = session.pairs.iter().filter(|pair| fresh(pair)).max_by_key(|pair| pair.priority)?;
        let better = session.pairs.iter().any(|pair| pair.is_active() && pair.priority > best.priority);
        let waited = session.nominate_by.is_none_or(|by| now >= by);
        (!better || waited).then_some(best.key)
    }

    /// In this order: the nominated pair; the pair in use; another that was heard from; and of those that
    /// are silent, but within consent, the same. A generation before the newest keeps the path until the
    /// newest has nominated, or works while the old does not.
    fn best_path(&self, now: Instant) -> Option<(u32, PairKey)> {
        let usable = |session: &Session, key: PairKey, fresh: bool| {
            session.pair(key).is_some_and(|pair| {
                pair.may_send(now, self.consent_timeout())
                    && (!fresh || pair.is_fresh(now, self.config.disconnected_after))
            })
        };
        for fresh in [true, false] {
            let selected = self.current.selected.filter(|key| usable(&self.current, *key, fresh));
            if let Some(key) = selected {
                return Some((self.current.generation, key));
            }
            if let Some((generation, key)) = self.path
                && self.session(generation).is_some_and(|session| {
                    let chosen =
                        session.selected.filter(|chosen| *chosen != key && usable(session, *chosen, fresh));
                    chosen.is_none() && usable(session, key, fresh)
                })
            {
                return self.path;
            }
            for session in self.sessions() {
                let chosen = session.selected.filter(|key| usable(session, *key, fresh));
                let best = || {
                    let pairs = session.pairs.iter().filter(|pair| usable(session, pair.key, fresh));
                    pairs.max_by_key(|pair| pair.priority).map(|pair| pair.key)
                };
                if let Some(key) = chosen.or_else(best) {
                    return Some((session.generation, key));
                }
            }
        }
        None
    }

    /// The one place that changes the path.
    fn set_path(&mut self, now: Instant, path: Option<(u32, PairKey)>) {
        if let Some((generation, key)) = self.path
            && let Some(pair) = self.session_mut(generation).and_then(|s| s.pair_mut(key))
        {
            pair.next_consent = None;
        }
        self.path = path;
        tracing::debug!(?path, "path");
        let Some((generation, key)) = path else { return };
        let first = now + self.consent_interval();
        if let Some(pair) = self.session_mut(generation).and_then(|s| s.pair_mut(key)) {
            pair.next_consent = Some(first);
        }
        if let Some(session) = self.session_mut(generation) {
            session.had_path = true;
        }
        if generation == self.current.generation && self.previous.is_some() {
            let until = now + self.config.previous_generation;
            self.previous_until.get_or_insert(until);
        } else {
            self.previous_until = None;
        }
        if let Some(path) = self.path() {
            self.emit(Event::PathChanged(path));
        }
    }

    /// Settles the state, and gives up when nothing is left to hope for (RFC 8863).
    pub(super) fn judge(&mut self, now: Instant) {
        if self.path.is_none() && self.fail_due().is_some_and(|at| now >= at) {
            self.end();
            self.set_state(State::Failed);
            return;
        }
        let state = match self.path {
            Some(_) if self.disconnected => State::Disconnected,
            Some(path) if self.current.selected.map(|key| (self.current.generation, key)) == Some(path) => {
                State::Completed
            }
            Some(_) => State::Connected,
            None if self.current.remote.is_none() => State::New,
            None if self.sessions().any(|session| session.had_path) => State::Disconnected,
            None => State::Checking,
        };
        self.set_state(state);
    }

    /// When to give up, if nothing is under way: not before the other side had its time (RFC 8863 §4).
    pub(super) fn fail_due(&self) -> Option<Instant> {
        if self.path.is_some() || self.current.remote.is_none() {
            return None;
        }
        // A generation that has lost its path had all the time of its consent to find another.
        let waits = self.current.is_trying(self.role) && !self.current.had_path;
        self.current.fail_at.filter(|_| !waits)
    }
}
