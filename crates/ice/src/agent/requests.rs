//! The server side: answering checks and learning from them (RFC 8445 §7.3).
//!
//! Problem: an answer must go out before the other side's description has come, and a request is the best
//! proof there is that a way exists.
//! How: a request is judged by our own password alone, answered at once, and puts its pair into the
//! triggered queue; checks of our own wait for the other side's password.
//! ```text
//!   USERNAME "ours:theirs" -> generation by "ours" -> HMAC with our password -> unknown attributes 420
//!     -> role conflict 487 -> success with the address seen -> remote candidate, pair, triggered check
//! ```

use std::net::SocketAddr;
use std::time::Instant;

use plywood_stun::wire::{
    AttributeType, Class, ErrorCode, MessageBuilder, MessageView, Method, TransactionId,
};
use rand_chacha::rand_core::Rng;

use super::Agent;
use crate::pair::{PairKey, PairState};
use crate::{Candidate, CandidateKind, Discard, Event, Role, Transmit};

/// What we understand of what must be understood.
pub(super) const KNOWN: &[AttributeType] = &[
    AttributeType::MAPPED_ADDRESS,
    AttributeType::USERNAME,
    AttributeType::MESSAGE_INTEGRITY,
    AttributeType::ERROR_CODE,
    AttributeType::UNKNOWN_ATTRIBUTES,
    AttributeType::REALM,
    AttributeType::NONCE,
    AttributeType::MESSAGE_INTEGRITY_SHA256,
    AttributeType::XOR_MAPPED_ADDRESS,
    AttributeType::PRIORITY,
    AttributeType::USE_CANDIDATE,
];

/// Unknown attributes listed in an error 420; more do not help anyone.
const MAX_UNKNOWN: usize = 8;
/// Addresses remembered of peers whose description has not come.
const MAX_ACQUAINTED: usize = 16;

/// An answer to be written.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) key: PairKey,
    generation: u32,
    id: TransactionId,
    kind: ResponseKind,
}

#[derive(Debug)]
enum ResponseKind {
    Success,
    RoleConflict,
    BadRequest,
    Unknown([AttributeType; MAX_UNKNOWN], usize),
}

/// What a request says, once it is known to be authentic.
struct Request {
    generation: u32,
    id: TransactionId,
    priority: u32,
    use_candidate: bool,
}

impl Agent {
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        key: PairKey,
        message: &MessageView<'_>,
    ) -> Result<(), Discard> {
        if !self.config.remote_addresses.allows(key.remote.ip()) {
            return Err(Discard::RefusedAddress(key.remote.ip()));
        }
        if !message.has_fingerprint() {
            return Err(Discard::Fingerprint);
        }
        let (ours, theirs) =
            message.username().and_then(|name| name.split_once(':')).ok_or(Discard::Username)?;
        let session = self.sessions().find(|s| s.local.ufrag == ours).ok_or(Discard::UnknownUfrag)?;
        message.verify(&session.local_key).map_err(|_| Discard::Integrity)?;
        let (generation, id) = (session.generation, message.transaction_id());
        self.refuse_unknown(key, generation, message)?;
        let mut request = Request { generation, id, priority: 0, use_candidate: false };
        let mut claims = None;
        let mut priority = None;
        for attribute in message.attributes() {
            match attribute.kind {
                AttributeType::PRIORITY => priority = priority.or(attribute.u32().ok()),
                AttributeType::USE_CANDIDATE => request.use_candidate = true,
                AttributeType::ICE_CONTROLLING => {
                    claims = claims.or(attribute.u64().ok().map(|t| (Role::Controlling, t)));
                }
                AttributeType::ICE_CONTROLLED => {
                    claims = claims.or(attribute.u64().ok().map(|t| (Role::Controlled, t)));
                }
                _ => {}
            }
        }
        let Some(priority) = priority else {
            self.respond(key, generation, id, ResponseKind::BadRequest)?;
            return Err(Discard::Priority);
        };
        request.priority = priority;
        if let Some((role, tie_breaker)) = claims {
            self.settle_role(key, &request, role, tie_breaker)?;
        }
        self.respond(key, generation, id, ResponseKind::Success)?;
        self.stats.requests_received += 1;
        self.learn(now, key, &request, theirs);
        Ok(())
    }

    /// Error 420 where a comprehension-required attribute is unknown (RFC 8489 §6.3.1).
    fn refuse_unknown(
        &mut self,
        key: PairKey,
        generation: u32,
        message: &MessageView<'_>,
    ) -> Result<(), Discard> {
        let mut list = [AttributeType(0); MAX_UNKNOWN];
        let mut count = 0;
        for (slot, kind) in list.iter_mut().zip(message.unknown_required(KNOWN)) {
            *slot = kind;
            count += 1;
        }
        if count == 0 {
            return Ok(());
        }
        self.respond(key, generation, message.transaction_id(), ResponseKind::Unknown(list, count))?;
        Err(Discard::UnknownRequired)
    }

    /// Role conflict: the larger tie-breaker controls (RFC 8445 §7.3.1.1).
    fn settle_role(
        &mut self,
        key: PairKey,
        request: &Request,
        theirs: Role,
        tie_breaker: u64,
    ) -> Result<(), Discard> {
        if theirs != self.role {
            return Ok(());
        }
        let ours_is_larger = self.tie_breaker >= tie_breaker;
        let keep = match self.role {
            Role::Controlling => ours_is_larger,
            Role::Controlled => !ours_is_larger,
        };
        if keep || !self.switch_role() {
            self.respond(key, request.generation, request.id, ResponseKind::RoleConflict)?;
            return Err(Discard::RoleConflict);
        }
        Ok(())
    }

    /// Takes the other role; not more often than the configuration allows in one generation.
    pub(super) fn switch_role(&mut self) -> bool {
        if self.current.role_switches >= self.config.max_role_switches {
            return false;
        }
        self.current.role_switches += 1;
        self.role = self.role.opposite();
        self.current.set_role(self.role);
        self.stats.role_switches += 1;
        tracing::debug!(role = ?self.role, "role conflict: switched");
        self.emit(Event::RoleChanged(self.role));
        true
    }

    /// A new tie-breaker, after a 487 told us to switch (RFC 8445 §7.2.5.1).
    pub(super) fn renew_tie_breaker(&mut self) {
        self.tie_breaker = self.rng.next_u64();
    }

    /// Remote candidate, pair, triggered check, nomination (RFC 8445 §7.3.1.3-7.3.1.5).
    fn learn(&mut self, now: Instant, key: PairKey, request: &Request, theirs: &str) {
        let remote_ufrag = |remote: &crate::session::Remote| remote.credentials.ufrag == theirs;
        let for_current = match &self.current.remote {
            Some(remote) => remote_ufrag(remote),
            None => request.generation == self.current.generation,
        };
        if for_current {
            self.learn_current(now, key, request, theirs);
            return;
        }
        let use_candidate = request.use_candidate && self.role == Role::Controlled;
        let previous = self.previous.as_mut().filter(|s| s.generation == request.generation);
        if let Some(previous) = previous
            && previous.remote.as_ref().is_some_and(remote_ufrag)
            && let Some(pair) = previous.pair_mut(key)
        {
            pair.heard_at = Some(now);
            if use_candidate && pair.valid {
                self.accept_nomination(now, request.generation, key);
            }
            return;
        }
        // It knows our password, but speaks for a generation of its own that no description has named.
        if !self.acquainted.contains(&key) {
            if self.acquainted.len() >= MAX_ACQUAINTED {
                self.acquainted.pop_front();
            }
            self.acquainted.push_back(key);
        }
    }

    fn learn_current(&mut self, now: Instant, key: PairKey, request: &Request, theirs: &str) {
        if self.current.pair(key).is_none() && !self.learn_candidate(key, request.priority, theirs) {
            return;
        }
        let controlled = self.role == Role::Controlled;
        let Some(pair) = self.current.pair_mut(key).filter(|pair| !pair.revoked) else { return };
        pair.heard_at = Some(now);
        pair.checked_plainly |= !request.use_candidate;
        if pair.state == PairState::Succeeded {
            if request.use_candidate && controlled {
                let generation = self.current.generation;
                self.accept_nomination(now, generation, key);
            }
            return;
        }
        if request.use_candidate && controlled {
            pair.nominate = true;
        }
        // InProgress as well: our own check may have died before theirs opened the way.
        pair.state = PairState::Waiting;
        self.current.trigger(key);
    }

    /// Makes the pair of a request that no pair stands for; the candidate too, if its address is new.
    fn learn_candidate(&mut self, key: PairKey, priority: u32, theirs: &str) -> bool {
        if let Some(known) = self.current.remote_candidate(key.remote).cloned() {
            return self.add_pair(key.source, &known).is_some();
        }
        if self.make_room_for(key.remote).is_err() {
            self.drop_candidate();
            return false;
        }
        self.current.reflexive_count += 1;
        let candidate = Candidate {
            // No ice-char, so no signalled foundation can be equal to it.
            foundation: format!("~{}", self.current.reflexive_count),
            component: 1,
            priority,
            address: key.remote,
            kind: CandidateKind::PeerReflexive,
            related: None,
            ufrag: Some(theirs.to_owned()),
        };
        self.current.remote_candidates.push(candidate.clone());
        self.add_pair(key.source, &candidate).is_some()
    }

    fn respond(
        &mut self,
        key: PairKey,
        generation: u32,
        id: TransactionId,
        kind: ResponseKind,
    ) -> Result<(), Discard> {
        if self.responses.len() >= self.config.max_queued_responses {
            return Err(Discard::ResponseQueueFull);
        }
        self.responses.push_back(Response { key, generation, id, kind });
        Ok(())
    }

    /// Writes an answer under the credentials its request came with (RFC 8445 §7.3, RFC 8489 §9.1.3).
    pub(super) fn write_response(&mut self, response: &Response, out: &mut Vec<u8>) -> Option<Transmit> {
        let session = self.session(response.generation)?;
        let class =
            if matches!(response.kind, ResponseKind::Success) { Class::Success } else { Class::Error };
        let message = MessageBuilder::new(out, class, Method::BINDING, response.id);
        let message = match &response.kind {
            ResponseKind::Success => message.xor_mapped_address(seen(response.key.remote)),
            ResponseKind::RoleConflict => message.error_code(ErrorCode::ROLE_CONFLICT),
            ResponseKind::BadRequest => message.error_code(ErrorCode::BAD_REQUEST),
            ResponseKind::Unknown(list, count) => message
                .error_code(ErrorCode::UNKNOWN_ATTRIBUTE)
                .unknown_attributes(list.get(..*count).unwrap_or_default()),
        };
        let len = message.integrity(&session.local_key).fingerprint().finish().ok()?;
        self.stats.responses_sent += 1;
        Some(Transmit { source: response.key.source, destination: response.key.remote, len })
    }
}

/// The address to report: an IPv4-mapped one as IPv4, for that is what the sender knows itself by.
fn seen(remote: SocketAddr) -> SocketAddr {
    SocketAddr::new(remote.ip().to_canonical(), remote.port())
}
