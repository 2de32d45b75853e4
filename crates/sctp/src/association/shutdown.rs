//! SHUTDOWN and ABORT: leaving with and without a good-bye (RFC 9260 §9).
//! ```text
//!   shutdown()                                        peer
//!   SHUTDOWN-PENDING: all acknowledged
//!   SHUTDOWN-SENT     SHUTDOWN ------------>  SHUTDOWN-RECEIVED: all acknowledged
//!                     <-------- SHUTDOWN ACK  SHUTDOWN-ACK-SENT
//!   CLOSED            SHUTDOWN COMPLETE --->  CLOSED
//! ```

use super::{Association, State};
use crate::error::{Discard, ParseError};
use crate::event::{CloseReason, Violation};
use crate::numbers::unwrap_near;
use crate::timers::Timer;
use crate::wire::cause::{CauseCode, causes, put_cause};
use crate::wire::simple::{REFLECTED_TAG, put_empty, shutdown_tsn};
use crate::wire::{ChunkType, RawChunk, put_chunk};
use std::time::Instant;

impl Association {
    /// Ends gracefully: what was sent is delivered first. [`crate::Event::Closed`] follows.
    pub fn shutdown(&mut self, now: Instant) {
        match self.state {
            State::Closed | State::CookieWait | State::CookieEchoed => self.close(CloseReason::Shutdown),
            State::Established => {
                self.set_state(State::ShutdownPending);
                self.drop_waiting_resets();
                self.advance_shutdown(now);
            }
            _ => {}
        }
    }

    /// Ends at once; the peer is told with cause 12 and `reason` (RFC 9260 §3.3.10.12).
    pub fn abort(&mut self, _now: Instant, reason: &str) {
        if self.ended {
            return;
        }
        if self.remote_tag != 0 {
            let tag = self.remote_tag;
            self.reply_abort(tag, |out| put_cause(out, CauseCode::USER_INITIATED_ABORT, reason.as_bytes()));
        }
        self.close(CloseReason::Aborted);
    }

    /// The peer broke a rule: it is told which, and the association ends.
    pub(super) fn abort_for(&mut self, violation: Violation, cause: CauseCode, info: &[u8]) {
        let tag = self.remote_tag;
        self.reply_abort(tag, |out| put_cause(out, cause, info));
        self.close(CloseReason::ProtocolViolation(violation));
    }

    /// The peer does not answer. Should it hear us after all, an ABORT spares it the waiting (RFC 9260 §9.2 asks
    /// for it after T5, and nothing forbids it elsewhere).
    pub(super) fn give_up_on_peer(&mut self, reason: CloseReason) {
        if self.remote_tag != 0 {
            let tag = self.remote_tag;
            self.reply_abort(tag, |_| {});
        }
        self.close(reason);
    }

    /// One packet with an ABORT, outside the association's own stream of packets.
    pub(super) fn reply_abort(&mut self, tag: u32, cause: impl FnOnce(&mut Vec<u8>)) {
        self.reply(tag, |out| put_chunk(out, ChunkType::ABORT, 0, cause));
    }

    pub(super) fn reply_error(&mut self, tag: u32, cause: CauseCode, info: &[u8]) {
        self.reply(tag, |out| put_chunk(out, ChunkType::ERROR, 0, |out| put_cause(out, cause, info)));
    }

    pub(super) fn on_abort(&mut self, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        let first = causes(chunk.value).next();
        let reason = match first {
            Some(cause)
                if [CauseCode::USER_INITIATED_ABORT, CauseCode::PROTOCOL_VIOLATION].contains(&cause.code) =>
            {
                String::from_utf8_lossy(cause.info.get(..256).unwrap_or(cause.info)).into_owned()
            }
            _ => String::new(),
        };
        self.close(CloseReason::AbortedByPeer { cause: first.map(|cause| cause.code), reason });
        Ok(())
    }

    /// Goes on with a shutdown once all data is acknowledged, or given up with nothing behind it (RFC 3758 §3.5 A2).
    pub(super) fn advance_shutdown(&mut self, now: Instant) {
        // A reset on its way is waited for: data may be held back behind it.
        if !self.outstanding.is_settled() || !self.queues.is_empty() || self.reconfiguration.request.is_some()
        {
            return;
        }
        match self.state {
            State::ShutdownPending => {
                self.set_state(State::ShutdownSent);
                self.control.shutdown = true;
                self.timers.set(Timer::T2Shutdown, now + self.rto.current());
                self.timers.set(Timer::T5ShutdownGuard, now + self.config.rto_max * 5);
            }
            State::ShutdownReceived => {
                self.set_state(State::ShutdownAckSent);
                self.control.shutdown_ack = true;
                self.timers.set(Timer::T2Shutdown, now + self.rto.current());
            }
            _ => {}
        }
    }

    pub(super) fn on_shutdown_timeout(&mut self, now: Instant) {
        self.count_error();
        match self.state {
            State::ShutdownSent => self.control.shutdown = true,
            State::ShutdownAckSent => self.control.shutdown_ack = true,
            _ => return,
        }
        self.rto.back_off();
        self.timers.set(Timer::T2Shutdown, now + self.rto.current());
    }

    pub(super) fn on_shutdown(&mut self, now: Instant, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        let tsn = shutdown_tsn(chunk).map_err(Discard::MalformedChunk)?;
        if chunk.value.len() != 4 {
            return Err(Discard::MalformedChunk(ParseError::ChunkLength { length: chunk.whole.len() }));
        }
        let cumulative = unwrap_near(self.outstanding.cumulative(), tsn);
        if cumulative >= self.outstanding.next() {
            return Err(Discard::ImpossibleAcknowledgement);
        }
        match self.state {
            State::Established | State::ShutdownPending => {
                self.set_state(State::ShutdownReceived);
                self.drop_waiting_resets();
            }
            // §9.2: both at once; no need to wait for the peer's SHUTDOWN ACK.
            State::ShutdownSent => {
                self.control.shutdown = false;
                self.set_state(State::ShutdownReceived);
            }
            State::ShutdownReceived => {}
            _ => return Err(Discard::Unexpected),
        }
        if cumulative >= self.outstanding.cumulative() {
            self.on_acknowledgement(now, cumulative, None);
        }
        self.advance_shutdown(now);
        Ok(())
    }

    pub(super) fn on_shutdown_ack(&mut self) -> Result<(), Discard> {
        match self.state {
            State::ShutdownSent | State::ShutdownAckSent => {
                let tag = self.remote_tag;
                self.reply(tag, |out| put_empty(out, ChunkType::SHUTDOWN_COMPLETE, 0));
                self.close(CloseReason::Shutdown);
                Ok(())
            }
            // §8.5.1 E: as out of the blue, with the tag reflected.
            State::Closed | State::CookieWait | State::CookieEchoed => {
                let tag = self.local_tag;
                self.reply(tag, |out| put_empty(out, ChunkType::SHUTDOWN_COMPLETE, REFLECTED_TAG));
                Ok(())
            }
            _ => Err(Discard::Unexpected),
        }
    }

    pub(super) fn on_shutdown_complete(&mut self) -> Result<(), Discard> {
        if self.state != State::ShutdownAckSent {
            return Err(Discard::Unexpected);
        }
        self.close(CloseReason::Shutdown);
        Ok(())
    }
}
