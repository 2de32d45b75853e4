//! When to send a request again, and when to give up (RFC 8489 §6.2.1).
//!
//! Problem: UDP loses requests and answers, and nobody says so.
//! How: the same bytes again after RTO, 3 RTO, 7 RTO ..., Rc times in all; then a last wait of Rm times RTO.
//! ```text
//!  send   again     again               again              ...     7th       give up
//!   |--RTO--|--2 RTO--|------4 RTO-------|------8 RTO------ ... ----|--16 RTO--|
//!   0      500       1500               3500      (ms, RTO 500)   31500      39500
//! ```
//! More: RFC 8489 §6.2.1; RFC 8445 §14.3 for the RTO of ICE; docs/stun.md, "Transactions".

use std::time::{Duration, Instant};

use crate::wire::TransactionId;

/// The numbers of RFC 8489 §6.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetransmitTimers {
    /// First wait. Default 500 ms, never less (RFC 8489 §6.2.1, RFC 8445 §14.3).
    pub rto: Duration,
    /// How often the request is sent in all. Default 7.
    pub rc: u32,
    /// The last wait in multiples of the first. Default 16.
    pub rm: u32,
}

impl Default for RetransmitTimers {
    fn default() -> Self {
        Self { rto: Duration::from_millis(500), rc: 7, rm: 16 }
    }
}

/// What an elapsed timer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send the same bytes again.
    Retransmit,
    /// No answer will be waited for any longer.
    GiveUp,
}

/// One request of ours and its timers. The owner keeps the bytes, or what they are made from.
#[derive(Debug, Clone)]
pub struct ClientTransaction {
    id: TransactionId,
    timers: RetransmitTimers,
    started: Instant,
    sent: u32,
    wait: Duration,
    deadline: Option<Instant>,
}

impl ClientTransaction {
    /// A request sent just now.
    #[must_use]
    pub fn new(id: TransactionId, timers: RetransmitTimers, now: Instant) -> Self {
        let mut transaction =
            Self { id, timers, started: now, sent: 1, wait: timers.rto, deadline: Some(now + timers.rto) };
        if timers.rc <= 1 {
            transaction.deadline = Some(now + timers.rto * timers.rm);
        }
        transaction
    }

    /// The id in the request.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        self.id
    }

    /// When the next step is due; `None` once it gave up.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// No more retransmissions; an answer is still welcome until the transaction would have ended
    /// (RFC 8445 §7.3.1.4 calls this cancelling).
    pub fn cancel(&mut self) {
        let waits = (1u32 << self.timers.rc.clamp(1, 20)).wrapping_sub(2) / 2 + self.timers.rm;
        self.sent = self.timers.rc;
        self.deadline = self.deadline.map(|_| self.started + self.timers.rto * waits);
    }

    /// The step that is due, if one is. Steps missed by a late call are made up for by one, not by a burst.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Step> {
        let deadline = self.deadline?;
        if now < deadline {
            return None;
        }
        if self.sent >= self.timers.rc {
            self.deadline = None;
            return Some(Step::GiveUp);
        }
        self.sent += 1;
        self.wait *= 2;
        let wait = if self.sent >= self.timers.rc { self.timers.rto * self.timers.rm } else { self.wait };
        self.deadline = Some(now + wait);
        Some(Step::Retransmit)
    }

    /// The round trip, had the answer come just now. `None` if the request was sent more than once: then
    /// nobody knows which one was answered (RFC 8489 §6.2.1, after Karn).
    #[must_use]
    pub fn round_trip(&self, now: Instant) -> Option<Duration> {
        (self.sent == 1).then(|| now.saturating_duration_since(self.started))
    }
}
