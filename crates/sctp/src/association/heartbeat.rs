//! HEARTBEAT: is an idle path alive, and how long is it? (RFC 9260 §8.3)
//! ```text
//!   idle for HB.interval + RTO ± 50 %:  HEARTBEAT(nonce) -->     <-- HEARTBEAT ACK(nonce): round trip, errors = 0
//!                                       no answer until the next: one error more
//! ```

use super::{Association, State};
use crate::error::Discard;
use crate::event::CloseReason;
use crate::timers::Timer;
use crate::wire::RawChunk;
use crate::wire::simple::heartbeat_info;
use rand_core::Rng;
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub(super) struct Heartbeat {
    /// The nonce that is on its way, and since when.
    outstanding: Option<(u64, Instant)>,
}

impl Association {
    pub(super) fn start_heartbeats(&mut self, now: Instant) {
        if let Some(interval) = self.config.heartbeat_interval {
            let rto = self.rto.current();
            let jitter = rto.mul_f64(f64::from(self.rng.next_u32()) / f64::from(u32::MAX));
            self.timers.set(Timer::Heartbeat, now + interval + rto / 2 + jitter);
        }
    }

    pub(super) fn on_heartbeat_timeout(&mut self, now: Instant) {
        if self.state < State::Established {
            return;
        }
        if self.heartbeat.outstanding.take().is_some() {
            self.count_error();
            if self.ended {
                return;
            }
        }
        let interval = self.config.heartbeat_interval.unwrap_or_default();
        let idle = self.last_data_at.is_none_or(|at| now.saturating_duration_since(at) >= interval);
        if self.acknowledging.is_quiet_since(now, interval) {
            self.reassembly.shrink();
        }
        if idle && self.outstanding.is_empty() {
            let nonce = self.rng.next_u64();
            self.heartbeat.outstanding = Some((nonce, now));
            self.control.heartbeat = Some(nonce);
        }
        self.start_heartbeats(now);
    }

    pub(super) fn on_heartbeat(&mut self, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        if self.state < State::CookieEchoed {
            return Err(Discard::Unexpected);
        }
        self.control.queue_heartbeat_ack(chunk.value);
        Ok(())
    }

    pub(super) fn on_heartbeat_ack(&mut self, now: Instant, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        let info = heartbeat_info(chunk).map_err(Discard::MalformedChunk)?;
        if self.is_path_probe(now, info) {
            return Ok(());
        }
        match self.heartbeat.outstanding {
            Some((nonce, at)) if info == nonce.to_be_bytes() => {
                self.heartbeat.outstanding = None;
                self.error_count = 0;
                let rtt = now.saturating_duration_since(at);
                self.rto.on_any_sample(rtt);
                self.rto.on_sample(rtt.max(Duration::from_micros(1)));
                Ok(())
            }
            _ => Err(Discard::UnknownHeartbeat),
        }
    }

    /// RFC 9260 §8.1: too many in a row end the association.
    pub(super) fn count_error(&mut self) {
        self.error_count += 1;
        if self.error_count > self.config.max_retransmits {
            self.give_up_on_peer(CloseReason::PeerUnreachable);
        }
    }
}
