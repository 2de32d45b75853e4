//! The client side: what an answer to a check means (RFC 8445 §7.2.5).

use std::time::Instant;

use plywood_stun::wire::{Class, MessageView};

use super::Agent;
use super::requests::KNOWN;
use crate::pair::{PairKey, PairState};
use crate::session::{Check, Purpose};
use crate::{Discard, Event, Role};

impl Agent {
    pub(super) fn handle_response(
        &mut self,
        now: Instant,
        key: PairKey,
        message: &MessageView<'_>,
    ) -> Result<(), Discard> {
        if !message.has_fingerprint() {
            return Err(Discard::Fingerprint);
        }
        let id = message.transaction_id();
        let session = self.sessions().find(|s| s.check(id).is_some()).ok_or(Discard::UnknownTransaction)?;
        let generation = session.generation;
        let remote = session.remote.as_ref().ok_or(Discard::UnknownTransaction)?;
        // Unauthenticated errors too: as if they had never come (RFC 8489 §9.1.4).
        message.verify(&remote.key).map_err(|_| Discard::Integrity)?;
        let mapped = match message.class() {
            Class::Success => message.xor_mapped_address().ok().flatten().ok_or(Discard::Attribute).map(Some),
            _ => Ok(None),
        };
        let unknown = message.unknown_required(KNOWN).next().is_some();
        let error = message.error_code().ok().flatten().map(|error| error.code());
        let Some(check) = self.take_check(generation, message) else {
            return Err(Discard::UnknownTransaction);
        };
        if check.pair != key {
            self.fail_check(generation, &check);
            return Err(Discard::Asymmetric);
        }
        if unknown {
            self.fail_check(generation, &check);
            return Err(Discard::UnknownRequired);
        }
        match mapped {
            Err(discard) => {
                self.fail_check(generation, &check);
                Err(discard)
            }
            Ok(None) => {
                self.on_error(generation, &check, error);
                Ok(())
            }
            Ok(Some(mapped)) => {
                self.stats.responses_received += 1;
                if let Some(pair) = self.session_mut(generation).and_then(|s| s.pair_mut(key)) {
                    pair.mapped = Some(mapped);
                }
                self.on_success(now, generation, &check);
                Ok(())
            }
        }
    }

    fn take_check(&mut self, generation: u32, message: &MessageView<'_>) -> Option<Check> {
        let checks = &mut self.session_mut(generation)?.checks;
        let index = checks.iter().position(|check| check.transaction.id() == message.transaction_id())?;
        Some(checks.swap_remove(index))
    }

    /// A failed check is a failed pair (RFC 8445 §7.2.5.2), but a lost consent check is only that.
    fn fail_check(&mut self, generation: u32, check: &Check) {
        let is_consent = check.purpose == Purpose::Consent;
        if let Some(session) = self.session_mut(generation)
            && !is_consent
            && check.counts
        {
            session.fail_pair(check.pair);
        }
    }

    /// 487 means to take the other role and try again (RFC 8445 §7.2.5.1); anything else ends the pair.
    fn on_error(&mut self, generation: u32, check: &Check, code: Option<u16>) {
        let is_current = generation == self.current.generation;
        if code != Some(487) || !is_current {
            self.fail_check(generation, check);
            return;
        }
        // If the role changed since that request, its conflict is settled already.
        if check.role == self.role {
            if !self.switch_role() {
                self.fail_check(generation, check);
                return;
            }
            self.renew_tie_breaker();
        }
        if let Some(pair) = self.current.pair_mut(check.pair)
            && !pair.revoked
        {
            if pair.state != PairState::Succeeded {
                pair.state = PairState::Waiting;
            }
            self.current.trigger(check.pair);
        }
    }

    /// The pair works (RFC 8445 §7.2.5.3).
    fn on_success(&mut self, now: Instant, generation: u32, check: &Check) {
        let key = check.pair;
        let Some(session) = self.session_mut(generation) else { return };
        let Some(pair) = session.pair_mut(key) else { return };
        if let Some(sample) = check.transaction.round_trip(now) {
            pair.add_round_trip(sample);
        }
        let is_new = !pair.valid;
        let nominate = pair.nominate;
        pair.valid = true;
        pair.state = PairState::Succeeded;
        pair.answered_at = Some(now);
        pair.heard_at = Some(now);
        session.unfreeze_like(key);
        if check.purpose != Purpose::Consent {
            session.checks.retain(|other| other.pair != key || other.purpose != Purpose::Connectivity);
        }
        let is_nominating = session.nominating == Some(key);
        if !is_nominating {
            session.triggered.retain(|queued| *queued != key);
        }
        if is_new {
            let wait = self.config.nomination_wait;
            if let Some(session) = self.session_mut(generation) {
                session.nominate_by.get_or_insert(now + wait);
            }
            self.emit(Event::PairValidated { source: key.source, remote: key.remote });
        }
        let nominated = match self.role {
            Role::Controlling => check.purpose == Purpose::Nomination && check.role == Role::Controlling,
            Role::Controlled => nominate,
        };
        if nominated {
            self.accept_nomination(now, generation, key);
        }
    }
}
