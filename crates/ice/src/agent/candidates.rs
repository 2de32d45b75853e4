//! Candidates in, pairs out (RFC 8445 §6.1.2, RFC 8838 §9 to §14).
//!
//! Problem: every remote candidate meets every local one, and signalling lets a stranger name addresses: a
//! flood of them is work for us, and traffic for whoever lives there.
//! How: bounds on candidates, on candidates a host, and on pairs; the worst pair goes first, and the owner
//! is told.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Agent, Local};
use crate::candidate::{can_pair, normalise, priority, same_address};
use crate::pair::{Pair, PairKey, PairState, pair_priority};
use crate::{Candidate, CandidateKind, Event, LocalCandidateError, LocalId, RemoteCandidateError, State};

impl Agent {
    /// Adds a socket and its address, to be signalled as a host candidate. Of equal kind, those added first
    /// are preferred. Loopback is the caller's choice (RFC 8445 §5.1.1.1 leaves it out of gathering).
    ///
    /// # Errors
    /// [`LocalCandidateError`]; nothing changed then.
    pub fn add_local_host(
        &mut self,
        now: Instant,
        source: LocalId,
        address: SocketAddr,
    ) -> Result<Candidate, LocalCandidateError> {
        self.check_local(source, address)?;
        let preference = u16::MAX - self.locals_added;
        self.locals_added = self.locals_added.saturating_add(1);
        let candidate = Candidate {
            foundation: self.local_foundation(address),
            component: 1,
            priority: priority(CandidateKind::Host, preference, 1),
            address,
            kind: CandidateKind::Host,
            related: None,
            ufrag: Some(self.current.local.ufrag.clone()),
        };
        self.locals.push(Local { source, candidate: candidate.clone() });
        for index in 0..self.current.remote_candidates.len() {
            let Some(remote) = self.current.remote_candidates.get(index) else { break };
            if remote.kind != CandidateKind::PeerReflexive {
                let remote = remote.clone();
                self.add_pair(source, &remote);
            }
        }
        self.emit(Event::LocalCandidate(candidate.clone()));
        self.drive(now);
        Ok(candidate)
    }

    fn check_local(&self, source: LocalId, address: SocketAddr) -> Result<(), LocalCandidateError> {
        let limit = self.config.max_local_candidates;
        let ip = address.ip();
        if self.state == State::Closed {
            Err(LocalCandidateError::Closed)
        } else if self.local_ended {
            Err(LocalCandidateError::Ended)
        } else if address.port() == 0 || ip.is_unspecified() || ip.is_multicast() {
            Err(LocalCandidateError::Address(address))
        } else if self.locals.iter().any(|l| l.source == source || l.candidate.address == address) {
            Err(LocalCandidateError::Duplicate)
        } else if self.locals.len() >= limit {
            Err(LocalCandidateError::TooMany { limit })
        } else {
            Ok(())
        }
    }

    /// One number an IP address (RFC 8445 §5.1.1.3: same type, base address and protocol).
    fn local_foundation(&self, address: SocketAddr) -> String {
        let alike = self.locals.iter().find(|local| local.candidate.address.ip() == address.ip());
        alike.map_or_else(|| self.locals_added.to_string(), |local| local.candidate.foundation.clone())
    }

    /// Forgets a socket, its candidate and its pairs. If the path used it, the best other valid pair takes over.
    pub fn remove_local(&mut self, now: Instant, source: LocalId) {
        self.locals.retain(|local| local.source != source);
        self.current.remove_local(source);
        if let Some(previous) = &mut self.previous {
            previous.remove_local(source);
        }
        self.acquainted.retain(|key| key.source != source);
        self.responses.retain(|response| response.key.source != source);
        if self.path.is_some_and(|(_, key)| key.source == source) {
            let wait = now + self.consent_timeout();
            self.current.fail_at = self.current.fail_at.max(Some(wait));
            self.recheck_all();
        }
        self.drive(now);
    }

    /// Our candidates, to be signalled.
    pub fn local_candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.locals.iter().map(|local| &local.candidate)
    }

    /// The candidate of a socket.
    #[must_use]
    pub fn local_for(&self, source: LocalId) -> Option<&Candidate> {
        self.locals.iter().find(|local| local.source == source).map(|local| &local.candidate)
    }

    /// No more local candidates in this generation (RFC 8838 §13).
    pub fn end_of_local_candidates(&mut self, now: Instant) {
        self.local_ended = true;
        self.drive(now);
    }

    /// Whether that was said in this generation.
    #[must_use]
    pub fn local_candidates_ended(&self) -> bool {
        self.local_ended
    }

    /// The other side has no more candidates in this generation (RFC 8838 §14). Until then, and until the
    /// patience of RFC 8863 is used up, an agent without pairs waits.
    pub fn end_of_remote_candidates(&mut self, now: Instant) {
        self.current.remote_ended = true;
        self.drive(now);
    }

    /// Adds a candidate of the other side, whenever it comes: before its credentials too.
    ///
    /// # Errors
    /// [`RemoteCandidateError`]; nothing changed then.
    pub fn add_remote_candidate(
        &mut self,
        now: Instant,
        candidate: Candidate,
    ) -> Result<(), RemoteCandidateError> {
        self.check_remote(&candidate)?;
        let mut known = self.current.remote_candidates.iter();
        let known = known.position(|known| same_address(known.address, candidate.address));
        if known.is_none()
            && let Err(error) = self.make_room_for(candidate.address)
        {
            self.drop_candidate();
            return Err(error);
        }
        for index in 0..self.locals.len() {
            let Some(local) = self.locals.get(index) else { break };
            let source = local.source;
            self.add_pair(source, &candidate);
        }
        match known {
            Some(index) => self.upgrade_reflexive(index, candidate),
            None => self.current.remote_candidates.push(candidate),
        }
        self.drive(now);
        Ok(())
    }

    fn check_remote(&self, candidate: &Candidate) -> Result<(), RemoteCandidateError> {
        let address = candidate.address;
        let wanted = self.current.remote.as_ref().map(|remote| remote.credentials.ufrag.as_str());
        let other_generation = match (&candidate.ufrag, wanted) {
            (Some(of), Some(wanted)) => of != wanted,
            _ => false,
        };
        if self.state == State::Closed {
            Err(RemoteCandidateError::Closed)
        } else if candidate.component != 1 {
            Err(RemoteCandidateError::Component(candidate.component))
        } else if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() {
            Err(RemoteCandidateError::Address(address))
        } else if !self.config.remote_addresses.allows(address.ip()) {
            Err(RemoteCandidateError::Refused(address.ip()))
        } else if other_generation {
            Err(RemoteCandidateError::WrongGeneration)
        } else if self.current.remote_ended {
            Err(RemoteCandidateError::Ended)
        } else {
            Ok(())
        }
    }

    /// Whether the bounds allow one more candidate at that address.
    pub(super) fn make_room_for(&self, address: SocketAddr) -> Result<(), RemoteCandidateError> {
        let candidates = &self.current.remote_candidates;
        let on_host = candidates.iter().filter(|candidate| candidate.address.ip() == address.ip()).count();
        if candidates.len() >= self.config.max_remote_candidates {
            Err(RemoteCandidateError::TooMany { limit: self.config.max_remote_candidates })
        } else if on_host >= self.config.max_candidates_per_host {
            Err(RemoteCandidateError::TooMany { limit: self.config.max_candidates_per_host })
        } else {
            Ok(())
        }
    }

    /// Signalling names what a check had found already: its data counts from now on (RFC 8445 §7.3.1.3).
    fn upgrade_reflexive(&mut self, index: usize, signalled: Candidate) {
        let role = self.role;
        let Some(known) = self.current.remote_candidates.get_mut(index) else { return };
        if known.kind != CandidateKind::PeerReflexive {
            return;
        }
        for pair in &mut self.current.pairs {
            if same_address(pair.key.remote, signalled.address) {
                pair.remote_priority = signalled.priority;
                pair.remote_foundation.clone_from(&signalled.foundation);
                pair.set_role(role);
            }
        }
        *known = signalled;
    }

    /// Adds a pair to the list, unless it is there, cannot work, or the list is full of better ones.
    pub(super) fn add_pair(&mut self, source: LocalId, remote: &Candidate) -> Option<PairKey> {
        let local = self.local_for(source)?;
        if !can_pair(local.address, remote.address) {
            return None;
        }
        let key = PairKey { source, remote: normalise(remote.address, local.address) };
        if self.current.pair(key).is_some() {
            return Some(key);
        }
        let mut pair = Pair {
            key,
            local: local.address,
            local_foundation: local.foundation.clone(),
            remote_foundation: remote.foundation.clone(),
            local_priority: local.priority,
            remote_priority: remote.priority,
            priority: pair_priority(self.role, local.priority, remote.priority),
            state: PairState::Frozen,
            valid: false,
            revoked: false,
            nominate: false,
            checked_plainly: false,
            nominated_at: None,
            answered_at: None,
            heard_at: None,
            next_consent: None,
            mapped: None,
            smoothed_rtt: None,
            minimum_rtt: None,
        };
        pair.state = self.current.initial_state(&pair);
        if self.current.pairs.len() >= self.config.max_pairs && !self.evict_below(pair.priority) {
            self.drop_candidate();
            return None;
        }
        self.current.pairs.push(pair);
        Some(key)
    }

    /// Makes room by removing the worst pair that is not under way (RFC 8445 §6.1.2.5).
    fn evict_below(&mut self, priority: u64) -> bool {
        let idle =
            |pair: &&Pair| matches!(pair.state, PairState::Frozen | PairState::Waiting | PairState::Failed);
        let worst = self.current.pairs.iter().filter(idle).min_by_key(|pair| pair.priority);
        let Some((key, worst)) = worst.map(|pair| (pair.key, pair.priority)) else { return false };
        if worst >= priority || self.current.pair(key).is_some_and(|pair| pair.revoked) {
            return false;
        }
        self.current.remove_pairs(|pair| pair.key == key);
        self.drop_candidate();
        true
    }
}
