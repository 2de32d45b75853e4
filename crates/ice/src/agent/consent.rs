//! Consent: the right to go on sending (RFC 7675).
//!
//! Problem: whoever can make us send to an address could aim us at a victim; and a peer that has gone
//! silent should not be sent to for ever.
//! How: every 4 to 6 s a fresh Binding request goes down the path, once. Each answer extends the right to
//! send by 30 s. The same requests keep NAT bindings alive (RFC 8445 §11).
//! ```text
//!  answer    check     check     check      ...           30 s after the last answer
//!    |--4..6s--|--4..6s--|--4..6s--|---------------------------|
//!    Completed      7 s: Disconnected, all pairs tried again   path() is None, then Failed
//! ```

use std::time::{Duration, Instant};

use plywood_stun::RetransmitTimers;
use rand_chacha::rand_core::Rng;

use super::Agent;
use crate::session::Purpose;

/// An answer is waited for this long (RFC 7675 §5.1 leaves it to an estimate of the round trip).
const CONSENT_WAIT: RetransmitTimers = RetransmitTimers { rto: Duration::from_secs(8), rc: 1, rm: 1 };

impl Agent {
    /// 0.8 to 1.2 times the base interval (RFC 7675 §5.1), anew each time.
    pub(super) fn consent_interval(&mut self) -> Duration {
        let base = self.config.consent_interval.max(Duration::from_secs(5));
        base * (800 + self.rng.next_u32() % 401) / 1000
    }

    pub(super) fn consent_timeout(&self) -> Duration {
        self.config.consent_timeout.min(Duration::from_secs(30))
    }

    /// Expires consent, notices silence, sends the next consent check.
    pub(super) fn run_consent(&mut self, now: Instant) {
        let timeout = self.consent_timeout();
        let Some((generation, key)) = self.path else {
            self.disconnected = false;
            return;
        };
        let Some(pair) = self.path_pair() else { return };
        let due = pair.next_consent.is_some_and(|at| now >= at);
        let silent = !pair.is_fresh(now, self.config.disconnected_after);
        if !pair.may_send(now, timeout) {
            self.revoke(now);
            return;
        }
        if silent && !self.disconnected {
            self.recheck_all();
        }
        self.disconnected = silent;
        if due {
            let next = now + self.consent_interval();
            if let Some(pair) = self.session_mut(generation).and_then(|s| s.pair_mut(key)) {
                pair.next_consent = Some(next);
            }
            self.stats.consent_checks_sent += 1;
            self.send_check(now, generation, key, Purpose::Consent, CONSENT_WAIT);
        }
    }

    /// Consent is gone: this pair is not used again under these credentials (RFC 7675 §5.1).
    fn revoke(&mut self, now: Instant) {
        let Some((generation, key)) = self.path else { return };
        let Some(session) = self.session_mut(generation) else { return };
        session.fail_pair(key);
        session.checks.retain(|check| check.pair != key);
        if let Some(pair) = session.pair_mut(key) {
            pair.revoked = true;
            pair.next_consent = None;
        }
        self.path = None;
        self.disconnected = false;
        // The wait is over for this generation, but not for one that has just begun.
        if generation == self.current.generation {
            self.current.fail_at = Some(now);
        }
        tracing::debug!(?key, "consent expired");
    }
}
