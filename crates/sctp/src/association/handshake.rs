//! INIT, INIT ACK, COOKIE ECHO, COOKIE ACK: the four-way handshake and all its collisions.
//!
//! Problem: in WebRTC both sides send INIT at once; packets are lost, doubled and late; and a peer may begin anew.
//! How: INIT is always answered from what is known, without changing state; a cookie of our own making decides.
//! ```text
//!   A                    B              both at once:
//!   INIT ------------->                 INIT ----\/---- INIT
//!        <------------- INIT ACK        INIT ACK-/\--INIT ACK     same tags as in the INITs
//!   COOKIE ECHO+DATA -->                COOKIE ECHO \/ COOKIE ECHO
//!        <--- COOKIE ACK+DATA           either COOKIE ECHO or COOKIE ACK establishes
//! ```
//! More: RFC 9260 §5.1, §5.2 (table 12: actions A to D).

use super::cookie::StateCookie;
use super::{Association, State};
use crate::checksum::Crc;
use crate::error::{Discard, ParseError};
use crate::event::{CloseReason, Event, Violation};
use crate::numbers::first_index;
use crate::receive::tracker::Tracker;
use crate::rto::Rto;
use crate::send::outstanding::Outstanding;
use crate::timers::Timer;
use crate::wire::cause::{CauseCode, causes, put_cause};
use crate::wire::init::{Capabilities, Init, LEAST_WINDOW_BYTES, ReceivedInit};
use crate::wire::parameter::{ParameterType, Parameters, RawParameter};
use crate::wire::simple::REFLECTED_TAG;
use crate::wire::{ChunkType, Chunks, RawChunk, put_chunk};
use plywood_octets::Put;
use rand_core::Rng;
use std::time::{Duration, Instant};

/// The fields that INIT and INIT ACK cannot do without (RFC 9260 §3.3.2).
const INIT_FIXED_BYTES: usize = 16;

impl Association {
    /// Our INIT chunk, for a peer that gets it by signalling (SNAP: `a=sctp-init`, draft-hancke-tsvwg-snap §5.2).
    /// Making it changes no state; it is the same each time.
    #[must_use]
    pub fn init_chunk(&self) -> Vec<u8> {
        let mut chunk = Vec::new();
        self.local_init().encode(&mut chunk);
        chunk
    }

    /// The peer's INIT chunk came by signalling, and ours went there: the association is established without a
    /// handshake (draft-hancke-tsvwg-snap §5.4). Call it when DTLS is connected, on both sides.
    ///
    /// # Errors
    /// [`ParseError`] if `chunk` is not one whole INIT chunk. Nothing changed then, and
    /// [`Self::connect`] is the way. [`ParseError::NoChunk`] also if the association is not new.
    pub fn connect_with(&mut self, now: Instant, chunk: &[u8]) -> Result<(), ParseError> {
        let mut chunks = Chunks::new(chunk);
        let init = chunks.next().filter(|chunk| chunk.kind == ChunkType::INIT).ok_or(ParseError::NoChunk)?;
        if self.state != State::Closed || self.ended {
            return Err(ParseError::NoChunk);
        }
        let received = ReceivedInit::parse(&init)?;
        self.adopt(&received.init);
        self.establish(now);
        self.control.cookie_ack = false;
        Ok(())
    }

    /// What we say in INIT and INIT ACK.
    pub(super) fn local_init(&self) -> Init {
        Init {
            initiate_tag: self.local_tag,
            a_rwnd: u32::try_from(self.acknowledging.window).unwrap_or(u32::MAX).max(LEAST_WINDOW_BYTES),
            outbound_streams: self.config.outbound_streams.max(1),
            inbound_streams: self.config.inbound_streams.max(1),
            initial_tsn: self.local_initial_tsn,
            capabilities: self.local_capabilities(),
        }
    }

    fn local_capabilities(&self) -> Capabilities {
        Capabilities {
            forward_tsn: self.config.partial_reliability,
            reconfig: true,
            interleaving: self.config.interleaving,
            interleaved_forward_tsn: self.config.interleaving && self.config.partial_reliability,
            zero_checksum: self.config.zero_checksum,
        }
    }

    pub(super) fn begin_handshake(&mut self, now: Instant) {
        self.set_state(State::CookieWait);
        self.control.init = true;
        self.handshake_sent_at = (self.handshake_retries == 0).then_some(now);
        self.timers.set(Timer::T1Init, now + self.rto.current());
    }

    pub(super) fn on_init(&mut self, now: Instant, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        if self.state == State::ShutdownAckSent {
            // RFC 9260 §9.2: the peer has not seen our SHUTDOWN ACK.
            self.control.shutdown_ack = true;
            return Ok(());
        }
        let received = match ReceivedInit::parse(chunk) {
            Ok(received) => received,
            Err(error) => {
                if let Some(cause) = cause_for_init(chunk, error) {
                    self.refuse_init(chunk, cause);
                }
                return Err(Discard::MalformedChunk(error));
            }
        };
        if received.has_host_name {
            self.refuse_init(chunk, CauseCode::UNRESOLVABLE_ADDRESS);
            return Ok(());
        }
        // §5.1 and §5.2.1: our own INIT's tag, so that both sides agree. §5.2.2: a fresh tag, and the present
        // ones as tie tags, for a peer that may have begun anew.
        let mut answer = self.local_init();
        // RFC 9260 §3.3.3: not more streams than the INIT allows.
        answer.outbound_streams = answer.outbound_streams.min(received.init.inbound_streams);
        let mut tie_tags = (0, 0);
        if self.state >= State::Established {
            answer.initiate_tag = self.rng.next_u32().max(1);
            answer.initial_tsn = self.rng.next_u32();
            tie_tags = (self.local_tag, self.remote_tag);
        }
        let cookie = StateCookie {
            made_at: now.saturating_duration_since(self.epoch),
            local_tag: answer.initiate_tag,
            local_initial_tsn: answer.initial_tsn,
            local_tie_tag: tie_tags.0,
            remote_tie_tag: tie_tags.1,
            remote: received.init,
        };
        let sealed = cookie.seal(&self.cookie_key);
        self.reply(received.init.initiate_tag, |out| {
            answer.encode_ack(out, &sealed, received.to_report().take(16));
        });
        Ok(())
    }

    /// An ABORT for an INIT that cannot be processed goes to the INIT's own tag (RFC 9260 §8.4, rule 3).
    fn refuse_init(&mut self, chunk: &RawChunk<'_>, cause: CauseCode) {
        self.reply_abort(initiate_tag(chunk), |out| put_cause(out, cause, &[]));
    }

    /// RFC 9260 §3.3.3: an INIT ACK with a forbidden value ends the attempt, unless it is the window. One without a tag to answer to is
    /// answered with the tag that it came with, and one that is cut short is no INIT ACK.
    fn refuse_init_ack(&mut self, chunk: &RawChunk<'_>, error: ParseError) {
        if chunk.value.len() < INIT_FIXED_BYTES {
            return;
        }
        let cause = cause_for_init(chunk, error).unwrap_or(CauseCode::INVALID_PARAMETER);
        if let ParseError::SmallWindow { .. } = error {
            // §3.3.3: alone of its kind, this changes no state; T1-init asks again.
            self.refuse_init(chunk, cause);
            return;
        }
        self.remote_tag = initiate_tag(chunk);
        if self.remote_tag == 0 {
            let tag = self.local_tag;
            self.reply(tag, |out| {
                put_chunk(out, ChunkType::ABORT, REFLECTED_TAG, |out| put_cause(out, cause, &[]));
            });
            self.close(CloseReason::ProtocolViolation(Violation::Init));
        } else {
            self.abort_for(Violation::Init, cause, &[]);
        }
    }

    pub(super) fn on_init_ack(&mut self, now: Instant, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        if self.state != State::CookieWait {
            return Err(Discard::Unexpected);
        }
        let received = match ReceivedInit::parse(chunk) {
            Ok(received) => received,
            Err(error) => {
                self.refuse_init_ack(chunk, error);
                return Err(Discard::MalformedChunk(error));
            }
        };
        if received.has_host_name {
            self.remote_tag = received.init.initiate_tag;
            self.abort_for(Violation::Init, CauseCode::UNRESOLVABLE_ADDRESS, &[]);
            return Ok(());
        }
        let Some(cookie) = received.cookie else {
            self.remote_tag = received.init.initiate_tag;
            // One missing parameter: type 7, the State Cookie.
            self.abort_for(Violation::Init, CauseCode::MISSING_PARAMETER, &[0, 0, 0, 1, 0, 7]);
            return Ok(());
        };
        self.echoed_cookie.clear();
        self.echoed_cookie.extend_from_slice(cookie);
        self.adopt(&received.init);
        self.drop_streams_beyond_agreement();
        let mut report = Vec::new();
        for parameter in unknown_parameters(&received, self.config.partial_reliability).take(16) {
            report.put_slice(parameter.whole);
            report.resize(crate::wire::padded(report.len()), 0);
        }
        if !report.is_empty() {
            self.control.report(CauseCode::UNRECOGNIZED_PARAMETERS, &report);
        }
        self.timers.stop(Timer::T1Init);
        self.measure_handshake(now);
        self.handshake_sent_at = Some(now);
        self.handshake_retries = 0;
        self.control.init = false;
        self.control.cookie_echo = true;
        self.set_state(State::CookieEchoed);
        self.timers.set(Timer::T1Cookie, now + self.rto.current());
        Ok(())
    }

    /// The peer's side of the association becomes what its INIT or INIT ACK says.
    pub(super) fn adopt(&mut self, remote: &Init) {
        self.remote_tag = remote.initiate_tag;
        self.remote_initial_tsn = remote.initial_tsn;
        self.capabilities = self.local_capabilities().and(remote.capabilities);
        self.outbound_streams = self.config.outbound_streams.min(remote.inbound_streams);
        self.inbound_streams = self.config.inbound_streams.min(remote.outbound_streams);
        self.peer_a_rwnd = usize::try_from(remote.a_rwnd).unwrap_or(usize::MAX);
        self.tracker = Tracker::new(first_index(remote.initial_tsn), self.config.max_gaps);
        let first_number = self.config.initial_stream_numbers.unwrap_or(0);
        self.reassembly.start(self.capabilities.interleaving, first_number);
        self.reconfiguration.start(self.local_initial_tsn, remote.initial_tsn);
    }

    pub(super) fn on_cookie_echo(
        &mut self,
        now: Instant,
        chunk: &RawChunk<'_>,
        tag: u32,
    ) -> Result<(), Discard> {
        let cookie = StateCookie::open(&self.cookie_key, chunk.value).ok_or(Discard::BadCookie)?;
        if tag != cookie.local_tag {
            return Err(Discard::WrongTag);
        }
        let local_matches = cookie.local_tag == self.local_tag;
        let remote_matches = cookie.remote.initiate_tag == self.remote_tag;
        let age = now.saturating_duration_since(self.epoch).saturating_sub(cookie.made_at);
        if age > self.config.cookie_life && !(local_matches && remote_matches) {
            let staleness = age.saturating_sub(self.config.cookie_life).as_micros();
            let staleness = u32::try_from(staleness).unwrap_or(u32::MAX).to_be_bytes();
            self.reply_error(cookie.remote.initiate_tag, CauseCode::STALE_COOKIE, &staleness);
            return Err(Discard::StaleCookie);
        }
        let ties_match = (cookie.local_tie_tag, cookie.remote_tie_tag) == (self.local_tag, self.remote_tag);
        match (self.state, local_matches, remote_matches) {
            // Action D.
            (_, true, true) => {
                self.control.cookie_ack = true;
                if self.state == State::CookieEchoed {
                    self.establish(now);
                }
            }
            // The first one (§5.1 D), or action B: the peer's tag is new to us.
            (State::Closed | State::CookieWait | State::CookieEchoed, true, false) => {
                self.adopt(&cookie.remote);
                self.establish(now);
            }
            // Action A: the peer lost its state.
            (State::ShutdownAckSent, false, false) if ties_match => {
                self.control.shutdown_ack = true;
                self.control.report(CauseCode::COOKIE_WHILE_SHUTTING_DOWN, &[]);
            }
            (_, false, false) if ties_match && self.state >= State::Established => self.restart(now, &cookie),
            // Action C, and what no row of table 12 shows.
            _ => return Err(Discard::BadCookie),
        }
        Ok(())
    }

    fn restart(&mut self, now: Instant, cookie: &StateCookie) {
        tracing::debug!("peer restarted");
        let was_leaving = matches!(self.state, State::ShutdownPending | State::ShutdownSent);
        self.local_tag = cookie.local_tag;
        self.local_initial_tsn = cookie.local_initial_tsn;
        self.crc_in = Crc::new(self.config.remote_port, self.config.local_port, self.local_tag);
        self.timers.stop_all();
        self.recovery = super::loss::Recovery::default();
        self.outstanding = Outstanding::new(first_index(self.local_initial_tsn));
        self.queues.restart(&mut self.events);
        // §5.2.4 A: as after an ABORT and a new handshake, so nothing is left of silence before it.
        self.congestion.on_path_change(now);
        self.rto = Rto::new(&self.config);
        self.error_count = 0;
        self.heartbeat = super::heartbeat::Heartbeat::default();
        self.control.clear_all_but_packets();
        self.adopt(&cookie.remote);
        self.drop_streams_beyond_agreement();
        if !self.events.contains(&Event::Restarted) {
            self.events.push_back(Event::Restarted);
        }
        self.set_state(State::Established);
        self.control.cookie_ack = true;
        self.start_heartbeats(now);
        self.restart_path_probing(now);
        self.update_gauges();
        self.advance_resets(now);
        if was_leaving {
            self.shutdown(now);
        }
    }

    pub(super) fn on_cookie_ack(&mut self, now: Instant) -> Result<(), Discard> {
        if self.state != State::CookieEchoed {
            return Err(Discard::Unexpected);
        }
        self.measure_handshake(now);
        self.establish(now);
        self.control.cookie_ack = false;
        Ok(())
    }

    /// The answers to INIT and COOKIE ECHO are the first round trips (RFC 9260 §6.3.1 C1 speaks of packets, not of
    /// DATA): the first flight already has a timeout and a tail-loss probe that fit the path. What was sent twice
    /// tells none (C5).
    fn measure_handshake(&mut self, now: Instant) {
        let Some(sent_at) = self.handshake_sent_at.take() else { return };
        let round_trip = now.saturating_duration_since(sent_at);
        self.rto.on_sample(round_trip.max(Duration::from_micros(1)));
        self.update_gauges();
    }

    fn establish(&mut self, now: Instant) {
        self.timers.stop(Timer::T1Init);
        self.timers.stop(Timer::T1Cookie);
        self.control.init = false;
        self.control.cookie_echo = false;
        self.control.cookie_ack = true;
        self.echoed_cookie = Vec::new();
        self.error_count = 0;
        self.set_state(State::Established);
        self.events.push_back(Event::Connected);
        self.drop_streams_beyond_agreement();
        if !self.outstanding.is_empty() {
            self.timers.set(Timer::T3Rtx, now + self.rto.current());
            self.schedule_probe(now);
        }
        self.start_heartbeats(now);
        self.advance_resets(now);
    }

    /// RFC 9260 §5.1.1: streams that the peer does not take, used before it said so. Their messages are given up, their
    /// resets refused.
    fn drop_streams_beyond_agreement(&mut self) {
        let streams = self.outbound_streams;
        let refused = self.reconfiguration.take_waiting_from(streams);
        self.finish_reset(&refused, false);
        for (stream, begun) in self.queues.drop_from(streams, &mut self.events) {
            if let Some(begun) = begun {
                self.outstanding.end_early(begun);
            }
            self.tell_abandoned(stream);
        }
    }

    pub(super) fn on_handshake_timeout(&mut self, now: Instant, timer: Timer) {
        self.handshake_retries += 1;
        if self.handshake_retries > self.config.max_init_retransmits {
            self.give_up_on_peer(CloseReason::HandshakeTimeout);
            return;
        }
        self.rto.back_off();
        self.handshake_sent_at = None;
        if timer == Timer::T1Init {
            self.control.init = true;
        } else {
            self.control.cookie_echo = true;
            self.outstanding.mark_all_lost();
        }
        self.timers.set(timer, now + self.rto.current());
    }

    pub(super) fn on_error(&mut self, now: Instant, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        // §5.2.6: begin again with a fresh INIT when our cookie came too late.
        let stale = causes(chunk.value).any(|cause| cause.code == CauseCode::STALE_COOKIE);
        if stale && self.state == State::CookieEchoed {
            self.timers.stop(Timer::T1Cookie);
            self.outstanding.mark_all_lost();
            self.control.cookie_echo = false;
            self.handshake_retries += 1;
            // Each INIT ACK begins the other count anew: a peer that is never content must not keep us busy for ever.
            self.stale_cookies += 1;
            if self.stale_cookies > self.config.max_init_retransmits {
                self.give_up_on_peer(CloseReason::HandshakeTimeout);
            } else {
                self.begin_handshake(now);
            }
        }
        Ok(())
    }
}

/// What the peer is told that we do not know: what nobody here knows, and what is switched off (RFC 9260 §3.2.1). Who
/// sent INIT sees the latter in what the INIT ACK does not offer.
fn unknown_parameters<'a>(
    received: &ReceivedInit<'a>,
    partial_reliability: bool,
) -> impl Iterator<Item = RawParameter<'a>> {
    let switched_off = Parameters::new(received.parameters).map_while(Result::ok).filter(move |parameter| {
        !partial_reliability && parameter.kind == ParameterType::FORWARD_TSN_SUPPORTED
    });
    received.to_report().chain(switched_off)
}

fn initiate_tag(chunk: &RawChunk<'_>) -> u32 {
    chunk.value.first_chunk::<4>().map_or(0, |tag| u32::from_be_bytes(*tag))
}

/// What the peer is told about an INIT or INIT ACK that cannot be used; `None`: it is dropped in silence, for it is
/// cut short or names no tag to answer to (RFC 9260 §3.3.2).
fn cause_for_init(chunk: &RawChunk<'_>, error: ParseError) -> Option<CauseCode> {
    if chunk.value.len() < INIT_FIXED_BYTES || initiate_tag(chunk) == 0 {
        return None;
    }
    Some(match error {
        ParseError::ZeroField | ParseError::SmallWindow { .. } => CauseCode::INVALID_PARAMETER,
        _ => CauseCode::PROTOCOL_VIOLATION,
    })
}
