//! One generation of ICE: credentials of both sides, remote candidates, check list.
//!
//! Problem: a restart makes everything anew while the old must go on working until the new does.
//! How: all that a restart replaces stands here, and the agent holds at most two of them.
//! More: RFC 8445 §9 (restart); docs/ice.md, "Restart".

use std::collections::VecDeque;
use std::time::Instant;

use plywood_stun::wire::TransactionId;
use plywood_stun::{ClientTransaction, IntegrityKey};

use crate::candidate::same_address;
use crate::pair::{Pair, PairKey, PairState};
use crate::{Candidate, Credentials, LocalId, Role};

/// The other side's credentials and the key they make.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) credentials: Credentials,
    pub(crate) key: IntegrityKey,
}

/// What a request of ours was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To find out whether the pair works.
    Connectivity,
    /// The same, with USE-CANDIDATE.
    Nomination,
    /// To keep the right to send (RFC 7675).
    Consent,
}

/// An outstanding request. Retransmissions repeat what it first said, so role and tie-breaker stay.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) transaction: ClientTransaction,
    pub(crate) pair: PairKey,
    pub(crate) purpose: Purpose,
    pub(crate) role: Role,
    pub(crate) tie_breaker: u64,
    /// Whether its failure is the pair's; not so once it was replaced by another (RFC 8445 §7.3.1.4).
    pub(crate) counts: bool,
}

/// One generation.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) generation: u32,
    pub(crate) local: Credentials,
    pub(crate) local_key: IntegrityKey,
    pub(crate) remote: Option<Remote>,
    pub(crate) remote_candidates: Vec<Candidate>,
    pub(crate) remote_ended: bool,
    pub(crate) pairs: Vec<Pair>,
    /// Pairs to be checked before all others (RFC 8445 §6.1.4.1); each at most once.
    pub(crate) triggered: VecDeque<PairKey>,
    pub(crate) checks: Vec<Check>,
    /// The nominated pair that won.
    pub(crate) selected: Option<PairKey>,
    /// The pair whose nomination is on its way (controlling).
    pub(crate) nominating: Option<PairKey>,
    /// When the controlling agent stops waiting for a better pair.
    pub(crate) nominate_by: Option<Instant>,
    /// Before this it is too early to fail (RFC 8863).
    pub(crate) fail_at: Option<Instant>,
    /// Whether a pair of it carried data.
    pub(crate) had_path: bool,
    pub(crate) role_switches: u32,
    pub(crate) reflexive_count: u32,
}

impl Session {
    pub(crate) fn new(generation: u32, local: Credentials) -> Self {
        Self {
            generation,
            local_key: IntegrityKey::from_password(&local.pwd),
            local,
            remote: None,
            remote_candidates: Vec::new(),
            remote_ended: false,
            pairs: Vec::new(),
            triggered: VecDeque::new(),
            checks: Vec::new(),
            selected: None,
            nominating: None,
            nominate_by: None,
            fail_at: None,
            had_path: false,
            role_switches: 0,
            reflexive_count: 0,
        }
    }

    pub(crate) fn pair(&self, key: PairKey) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.key == key)
    }

    pub(crate) fn pair_mut(&mut self, key: PairKey) -> Option<&mut Pair> {
        self.pairs.iter_mut().find(|pair| pair.key == key)
    }

    pub(crate) fn check(&self, id: TransactionId) -> Option<&Check> {
        self.checks.iter().find(|check| check.transaction.id() == id)
    }

    /// The pair to be checked next by plain order (RFC 8445 §6.1.4.2): the best Waiting one, else the best
    /// Frozen one none of whose like is being tried. After nomination only better pairs are of interest, and
    /// only to the controlled side, for the controlling one has chosen.
    pub(crate) fn next_ordinary(&self, role: Role) -> Option<PairKey> {
        let floor = match (self.selected.and_then(|key| self.pair(key)), role) {
            (Some(_), Role::Controlling) => return None,
            (Some(selected), Role::Controlled) => selected.priority,
            (None, _) => 0,
        };
        let best = |state: PairState| {
            self.pairs
                .iter()
                .filter(move |pair| pair.state == state && pair.priority >= floor && !pair.revoked)
                .filter(|pair| state != PairState::Frozen || !self.is_being_tried(pair))
                .max_by_key(|pair| pair.priority)
        };
        best(PairState::Waiting).or_else(|| best(PairState::Frozen)).map(|pair| pair.key)
    }

    /// Whether a pair with the same foundations is Waiting or InProgress.
    fn is_being_tried(&self, pair: &Pair) -> bool {
        self.pairs.iter().any(|other| {
            matches!(other.state, PairState::Waiting | PairState::InProgress) && other.same_foundation(pair)
        })
    }

    /// The state of a pair that enters the list: the first of its foundations is Waiting, and so is one
    /// whose like has worked; others are held back (RFC 8445 §6.1.2.6, RFC 8838 §12).
    pub(crate) fn initial_state(&self, new: &Pair) -> PairState {
        let mut alike = self.pairs.iter().filter(|pair| pair.same_foundation(new)).peekable();
        if alike.peek().is_none() || alike.any(|pair| pair.state == PairState::Succeeded) {
            PairState::Waiting
        } else {
            PairState::Frozen
        }
    }

    /// Puts a pair into the triggered-check queue, once.
    pub(crate) fn trigger(&mut self, key: PairKey) {
        if !self.triggered.contains(&key) {
            self.triggered.push_back(key);
        }
    }

    pub(crate) fn outstanding(&self, key: PairKey) -> usize {
        self.checks.iter().filter(|check| check.pair == key && check.purpose != Purpose::Consent).count()
    }

    /// Whether anything may still make a pair valid.
    pub(crate) fn is_trying(&self, role: Role) -> bool {
        !self.triggered.is_empty()
            || self.checks.iter().any(|check| check.counts && check.purpose != Purpose::Consent)
            || self.next_ordinary(role).is_some()
    }

    /// Forgets a pair and all that refers to it.
    pub(crate) fn remove_pairs(&mut self, mut gone: impl FnMut(&Pair) -> bool) {
        let mut keys = Vec::new();
        self.pairs.retain(|pair| {
            let gone = gone(pair);
            if gone {
                keys.push(pair.key);
            }
            !gone
        });
        self.triggered.retain(|key| !keys.contains(key));
        self.checks.retain(|check| !keys.contains(&check.pair));
        for field in [&mut self.selected, &mut self.nominating] {
            if field.is_some_and(|key| keys.contains(&key)) {
                *field = None;
            }
        }
    }

    /// Ends a pair: no check of it counts any more.
    pub(crate) fn fail_pair(&mut self, key: PairKey) {
        if let Some(pair) = self.pair_mut(key) {
            pair.state = PairState::Failed;
            pair.valid = false;
            pair.nominate = false;
        }
        self.triggered.retain(|queued| *queued != key);
        for field in [&mut self.selected, &mut self.nominating] {
            if *field == Some(key) {
                *field = None;
            }
        }
    }

    /// The remote candidate at an address.
    pub(crate) fn remote_candidate(&self, remote: std::net::SocketAddr) -> Option<&Candidate> {
        self.remote_candidates.iter().find(|candidate| same_address(candidate.address, remote))
    }

    /// Once the other side's credentials are known, what was learned under others goes (RFC 8445 §7.3).
    pub(crate) fn keep_only(&mut self, ufrag: &str) {
        let stale: Vec<_> = self
            .remote_candidates
            .iter()
            .filter(|candidate| candidate.ufrag.as_deref().is_some_and(|of| of != ufrag))
            .map(|candidate| candidate.address)
            .collect();
        self.remote_candidates.retain(|candidate| !stale.contains(&candidate.address));
        self.remove_pairs(|pair| stale.iter().any(|address| same_address(*address, pair.key.remote)));
    }

    /// A pair whose like has worked need not be held back (RFC 8445 §7.2.5.3.3).
    pub(crate) fn unfreeze_like(&mut self, key: PairKey) {
        let Some(worked) = self.pair(key).cloned() else { return };
        for pair in &mut self.pairs {
            if pair.state == PairState::Frozen && pair.same_foundation(&worked) {
                pair.state = PairState::Waiting;
            }
        }
    }

    pub(crate) fn set_role(&mut self, role: Role) {
        self.nominating = None;
        for pair in &mut self.pairs {
            pair.set_role(role);
            pair.nominate = false;
        }
    }

    /// Removes a local socket.
    pub(crate) fn remove_local(&mut self, source: LocalId) {
        self.remove_pairs(|pair| pair.key.source == source);
    }
}
