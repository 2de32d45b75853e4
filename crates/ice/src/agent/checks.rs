//! Sending checks: which, when, and with what in them (RFC 8445 §6.1.4, §7.2).
//!
//! Problem: dozens of pairs checked at once would flood the network; one after the other would take minutes.
//! How: at most one new check every Ta; first those that a packet from the other side asks for.
//! ```text
//!   triggered queue  [R2<-L1] [..]   first, 5 ms apart: their way is proved in one direction
//!   check list       best Waiting pair, else best Frozen one whose like is not being tried; Ta = 50 ms apart
//!   outstanding      RTO, 2 RTO, 4 RTO ... each by its own timer, whatever Ta says
//! ```
//! More: RFC 8445 §14 (Ta and RTO); docs/ice.md, "Pacing".

use std::time::{Duration, Instant};

use plywood_stun::wire::{AttributeType, Class, MessageBuilder, Method, TransactionId};
use plywood_stun::{ClientTransaction, RetransmitTimers, Step};
use rand_chacha::rand_core::Rng;

use super::Agent;
use crate::candidate::priority;
use crate::pair::{PairKey, PairState};
use crate::session::{Check, Purpose};
use crate::{CandidateKind, Role, State, Transmit};

/// Outstanding transactions a pair may have, so that a peer which triggers without end costs a bounded amount.
const MAX_CHECKS_PER_PAIR: usize = 3;

impl Agent {
    /// Does all that is due and settles the state; ends every call that changed something.
    pub(super) fn drive(&mut self, now: Instant) {
        if matches!(self.state, State::Closed | State::Failed) {
            return;
        }
        self.driven_at = now;
        self.run_transactions(now);
        self.run_consent(now);
        self.choose(now);
        self.launch(now);
        self.judge(now);
    }

    /// Retransmits and gives up (RFC 8489 §6.2.1).
    fn run_transactions(&mut self, now: Instant) {
        for session in std::iter::once(&mut self.current).chain(self.previous.as_mut()) {
            let generation = session.generation;
            let mut failed = Vec::new();
            let (requests, stats) = (&mut self.requests, &mut self.stats);
            session.checks.retain_mut(|check| match check.transaction.handle_timeout(now) {
                None => true,
                Some(Step::Retransmit) => {
                    let entry = (generation, check.transaction.id());
                    if !requests.contains(&entry) {
                        requests.push_back(entry);
                        stats.retransmissions += 1;
                    }
                    true
                }
                Some(Step::GiveUp) => {
                    if check.counts && check.purpose != Purpose::Consent {
                        failed.push((check.pair, check.purpose));
                    }
                    false
                }
            });
            for (key, purpose) in failed {
                let is_valid = session.pair(key).is_some_and(|pair| pair.valid);
                if purpose == Purpose::Nomination || !is_valid {
                    session.fail_pair(key);
                }
            }
        }
    }

    /// Starts new checks as pacing allows.
    fn launch(&mut self, now: Instant) {
        if self.current.remote.is_none() {
            return;
        }
        loop {
            let since = self.last_check.map(|at| now.saturating_duration_since(at));
            let due = |wait: Duration| since.is_none_or(|since| since >= wait);
            if !self.current.triggered.is_empty() {
                if !due(self.config.triggered_pacing) {
                    return;
                }
                if let Some(key) = self.current.triggered.pop_front() {
                    self.start_check(now, key);
                }
            } else if let Some(key) =
                self.current.next_ordinary(self.role).filter(|_| due(self.config.pacing))
            {
                self.start_check(now, key);
            } else {
                return;
            }
        }
    }

    /// Starts a check of a pair in the newest generation.
    fn start_check(&mut self, now: Instant, key: PairKey) {
        let outstanding = self.current.outstanding(key);
        let role = self.role;
        let Some(pair) = self.current.pair_mut(key).filter(|pair| !pair.revoked) else { return };
        let purpose = if role == Role::Controlling && pair.nominate {
            Purpose::Nomination
        } else {
            Purpose::Connectivity
        };
        if purpose == Purpose::Nomination {
            pair.nominate = false;
        } else if outstanding >= MAX_CHECKS_PER_PAIR {
            // Enough are under way; the newest of them still counts.
            if pair.is_active() {
                pair.state = PairState::InProgress;
            }
            return;
        }
        if pair.state != PairState::Succeeded {
            pair.state = PairState::InProgress;
        }
        for check in &mut self.current.checks {
            if check.pair == key && check.purpose == purpose {
                check.counts = false;
                check.transaction.cancel();
            }
        }
        self.last_check = Some(now);
        self.stats.checks_sent += 1;
        let timers = RetransmitTimers { rto: self.rto(), ..RetransmitTimers::default() };
        let generation = self.current.generation;
        self.send_check(now, generation, key, purpose, timers);
    }

    /// RTO = MAX(500 ms, Ta * N), N the pairs Waiting or InProgress (RFC 8445 §14.3).
    fn rto(&self) -> Duration {
        let busy = |state| matches!(state, PairState::Waiting | PairState::InProgress);
        let n = self.current.pairs.iter().filter(|pair| busy(pair.state)).count();
        self.config.initial_rto.max(self.config.pacing * u32::try_from(n).unwrap_or(u32::MAX))
    }

    /// Queues a new request, whatever it is for.
    pub(super) fn send_check(
        &mut self,
        now: Instant,
        generation: u32,
        pair: PairKey,
        purpose: Purpose,
        timers: RetransmitTimers,
    ) {
        let mut id = [0; 12];
        self.rng.fill_bytes(&mut id);
        let transaction = ClientTransaction::new(TransactionId(id), timers, now);
        let (role, tie_breaker) = (self.role, self.tie_breaker);
        let Some(session) = self.session_mut(generation) else { return };
        session.checks.push(Check { transaction, pair, purpose, role, tie_breaker, counts: true });
        self.requests.push_back((generation, TransactionId(id)));
    }

    /// Writes a request (RFC 8445 §7.1, §7.2.4). The same transaction gives the same bytes each time.
    pub(super) fn write_request(
        &self,
        generation: u32,
        id: TransactionId,
        out: &mut Vec<u8>,
    ) -> Option<Transmit> {
        let session = self.session(generation)?;
        let check = session.check(id)?;
        let remote = session.remote.as_ref()?;
        let local = self.local_for(check.pair.source)?;
        // What a peer-reflexive candidate found by this check would be worth (RFC 8445 §7.1.1).
        let preference = u16::try_from((local.priority >> 8) & 0xffff).unwrap_or(u16::MAX);
        let reflexive = priority(CandidateKind::PeerReflexive, preference, local.component);
        let mut username = [0u8; 513];
        let username = join(&mut username, &remote.credentials.ufrag, &session.local.ufrag)?;
        let role = match check.role {
            Role::Controlling => AttributeType::ICE_CONTROLLING,
            Role::Controlled => AttributeType::ICE_CONTROLLED,
        };
        let mut message = MessageBuilder::new(out, Class::Request, Method::BINDING, id)
            .bytes(AttributeType::USERNAME, username)
            .u64(role, check.tie_breaker)
            .u32(AttributeType::PRIORITY, reflexive);
        if check.purpose == Purpose::Nomination && check.role == Role::Controlling {
            message = message.flag(AttributeType::USE_CANDIDATE);
        }
        let len = message.integrity(&remote.key).fingerprint().finish().ok()?;
        Some(Transmit { source: check.pair.source, destination: check.pair.remote, len })
    }

    /// Tries every pair once more: the path went silent, or lost its socket.
    pub(super) fn recheck_all(&mut self) {
        let path = self.path;
        let mut pairs: Vec<_> = self.current.pairs.iter().filter(|pair| !pair.revoked).collect();
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.priority));
        let generation = self.current.generation;
        let keys: Vec<_> =
            pairs.iter().map(|pair| pair.key).filter(|key| path != Some((generation, *key))).collect();
        for key in keys {
            if let Some(pair) = self.current.pair_mut(key)
                && matches!(pair.state, PairState::Frozen | PairState::Failed)
            {
                pair.state = PairState::Waiting;
            }
            self.current.trigger(key);
        }
    }
}

/// "theirs:ours" in a fixed buffer (RFC 8445 §7.2.2); both parts are at most 256 bytes.
fn join<'b>(buffer: &'b mut [u8; 513], theirs: &str, ours: &str) -> Option<&'b [u8]> {
    let end = theirs.len() + 1 + ours.len();
    let (head, rest) = buffer.get_mut(..end)?.split_at_mut_checked(theirs.len())?;
    let (colon, tail) = rest.split_first_mut()?;
    head.copy_from_slice(theirs.as_bytes());
    *colon = b':';
    tail.copy_from_slice(ours.as_bytes());
    buffer.get(..end)
}
