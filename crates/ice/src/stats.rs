//! Plain counters.

use crate::Discard;

/// What the agent did, and one counter per discard reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// New checks sent, without retransmissions and consent checks.
    pub checks_sent: u64,
    /// Checks sent again.
    pub retransmissions: u64,
    /// Consent checks sent.
    pub consent_checks_sent: u64,
    /// Requests accepted and answered with success.
    pub requests_received: u64,
    /// Success responses that matched.
    pub responses_received: u64,
    /// Answers sent, errors included.
    pub responses_sent: u64,
    /// Binding indications (keepalives) received.
    pub indications_received: u64,
    /// Candidates and pairs left out for a bound.
    pub candidates_dropped: u64,
    /// Role switches made.
    pub role_switches: u64,
    /// Dropped: agent closed or failed.
    pub discarded_ended: u64,
    /// Dropped: unknown local socket.
    pub discarded_unknown_local: u64,
    /// Dropped: no or broken STUN.
    pub discarded_malformed: u64,
    /// Dropped: not the Binding method.
    pub discarded_method: u64,
    /// Dropped: no usable USERNAME.
    pub discarded_username: u64,
    /// Dropped: unknown username fragment.
    pub discarded_unknown_ufrag: u64,
    /// Dropped: no FINGERPRINT.
    pub discarded_fingerprint: u64,
    /// Dropped: integrity missing or wrong.
    pub discarded_integrity: u64,
    /// Dropped: unknown comprehension-required attributes.
    pub discarded_unknown_required: u64,
    /// Dropped: PRIORITY missing or malformed.
    pub discarded_priority: u64,
    /// Dropped: response attribute missing or malformed.
    pub discarded_attribute: u64,
    /// Dropped: answer to nothing.
    pub discarded_unknown_transaction: u64,
    /// Dropped: answer from another address.
    pub discarded_asymmetric: u64,
    /// Dropped: address refused by the policy.
    pub discarded_refused_address: u64,
    /// Dropped: role conflict in which we kept our role.
    pub discarded_role_conflict: u64,
    /// Dropped: answers queued up to the bound.
    pub discarded_response_queue_full: u64,
}

impl Stats {
    pub(crate) fn count(&mut self, discard: Discard) {
        let counter = match discard {
            Discard::Ended => &mut self.discarded_ended,
            Discard::UnknownLocal => &mut self.discarded_unknown_local,
            Discard::Malformed(_) => &mut self.discarded_malformed,
            Discard::Method(_) => &mut self.discarded_method,
            Discard::Username => &mut self.discarded_username,
            Discard::UnknownUfrag => &mut self.discarded_unknown_ufrag,
            Discard::Fingerprint => &mut self.discarded_fingerprint,
            Discard::Integrity => &mut self.discarded_integrity,
            Discard::UnknownRequired => &mut self.discarded_unknown_required,
            Discard::Priority => &mut self.discarded_priority,
            Discard::Attribute => &mut self.discarded_attribute,
            Discard::UnknownTransaction => &mut self.discarded_unknown_transaction,
            Discard::Asymmetric => &mut self.discarded_asymmetric,
            Discard::RefusedAddress(_) => &mut self.discarded_refused_address,
            Discard::RoleConflict => &mut self.discarded_role_conflict,
            Discard::ResponseQueueFull => &mut self.discarded_response_queue_full,
        };
        *counter += 1;
    }

    /// All datagrams dropped.
    #[must_use]
    pub fn discarded(&self) -> u64 {
        self.discarded_ended
            + self.discarded_unknown_local
            + self.discarded_malformed
            + self.discarded_method
            + self.discarded_username
            + self.discarded_unknown_ufrag
            + self.discarded_fingerprint
            + self.discarded_integrity
            + self.discarded_unknown_required
            + self.discarded_priority
            + self.discarded_attribute
            + self.discarded_unknown_transaction
            + self.discarded_asymmetric
            + self.discarded_refused_address
            + self.discarded_role_conflict
            + self.discarded_response_queue_full
    }
}
