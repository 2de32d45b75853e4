//! RE-CONFIG: closing one stream while others go on (RFC 6525).
//!
//! Problem: a data channel closes by resetting its stream in both directions, and its number may be used again only
//! when no chunk of the old channel can still be on the way.
//! How: our request waits until all data of its streams is acknowledged; one request is on its way at a time; the
//! answer to the peer's last request is remembered, for it may be asked again.
//! ```text
//!   reset_stream(4) .. data of 4 acknowledged .. OUTGOING RESET(req 7, last TSN, [4]) -->
//!                                  <-- RESPONSE(7, performed)      SSN of stream 4 starts again at 0
//!                                  <-- RESPONSE(7, in progress)    asked again after an RTO
//! ```
//! More: RFC 6525 §5.1 (sender), §5.2 (receiver); RFC 8831 §6.7.

use super::{Association, State};
use crate::error::{Discard, ResetError};
use crate::event::{Event, StreamId};
use crate::numbers::{unwrap_near, wire};
use crate::send::stream::Resetting;
use crate::timers::Timer;
use crate::wire::RawChunk;
use crate::wire::reconfig::{ReconfigParameter, ResetResult, StreamList, parse_reconfig};
use std::collections::VecDeque;
use std::time::Instant;

/// Stream numbers in one request, so that it fits the smallest packet.
const STREAMS_PER_REQUEST: usize = 256;

/// A request of ours that is on its way.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) number: u32,
    /// The last TSN before it: the same when it is sent again, or it would never be reached beside a busy stream.
    pub(super) last_tsn: u32,
    pub(super) streams: Vec<u16>,
}

/// A reset by the peer that cannot be performed before data up to `last` has come.
#[derive(Debug)]
struct Deferred {
    number: u32,
    last: u64,
    streams: Vec<u16>,
}

#[derive(Debug)]
pub(super) struct Reconfiguration {
    next_request: u32,
    next_from_peer: u32,
    /// What the peer's last requests were answered with, the newest first: a chunk may hold two (RFC 6525 §3.1), and is
    /// answered as before when it comes again (§5.2.1).
    answers: [Option<(u32, ResetResult)>; 2],
    waiting: VecDeque<u16>,
    pub(super) request: Option<Request>,
    deferred: Option<Deferred>,
    /// Resets by the peer whose event waits for messages to be polled.
    events: VecDeque<(u64, Vec<StreamId>)>,
    /// What these events, and those that nobody polled yet, count.
    unread: usize,
}

impl Reconfiguration {
    pub(super) fn new(local_initial_tsn: u32) -> Self {
        Self {
            next_request: local_initial_tsn,
            next_from_peer: 0,
            answers: [None; 2],
            waiting: VecDeque::new(),
            request: None,
            deferred: None,
            events: VecDeque::new(),
            unread: 0,
        }
    }

    /// RFC 6525 §4.1: request numbers start at the initial TSNs. A request to the peer before a restart is asked again.
    pub(super) fn start(&mut self, local_initial_tsn: u32, remote_initial_tsn: u32) {
        self.next_request = local_initial_tsn;
        self.next_from_peer = remote_initial_tsn;
        self.answers = [None; 2];
        if let Some(unanswered) = self.request.take() {
            self.waiting.extend(unanswered.streams);
        }
        self.deferred = None;
    }

    /// Nothing of ours waits or is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.request.is_none()
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Resets of streams from this one on that were not requested yet.
    pub(super) fn take_waiting_from(&mut self, streams: u16) -> Vec<u16> {
        let taken = self.waiting.iter().copied().filter(|id| *id >= streams).collect();
        self.waiting.retain(|id| *id < streams);
        taken
    }

    fn answer_to(&mut self, number: u32) -> Option<&mut ResetResult> {
        let mut answers = self.answers.iter_mut().flatten();
        answers.find(|answer| answer.0 == number).map(|answer| &mut answer.1)
    }

    /// The number that a request of ours says it answers: the peer's last.
    pub(super) fn response_number(&self) -> u32 {
        self.next_from_peer.wrapping_sub(1)
    }
}

impl Association {
    /// Resets our direction of `stream` once its data is acknowledged; [`Event::OutgoingStreamsReset`] follows.
    /// What is sent on it meanwhile waits for that.
    ///
    /// # Errors
    /// [`ResetError`] says why not.
    pub fn reset_stream(&mut self, now: Instant, stream: StreamId) -> Result<(), ResetError> {
        if self.ended || self.state > State::Established {
            return Err(ResetError::Closed);
        }
        if stream.0 >= self.outbound_streams {
            return Err(ResetError::InvalidStream { streams: self.outbound_streams });
        }
        if self.state == State::Established && !self.capabilities.reconfig {
            return Err(ResetError::NotSupported);
        }
        let limit = self.config.max_unread_events;
        if self.events.len() >= limit {
            return Err(ResetError::UnreadEvents { limit });
        }
        let state = self.queues.streams.entry(stream.0);
        if state.resetting != Resetting::No {
            return Err(ResetError::AlreadyResetting);
        }
        state.resetting = Resetting::Draining;
        self.reconfiguration.waiting.push_back(stream.0);
        self.advance_resets(now);
        Ok(())
    }

    /// Sends a request for all streams that are drained, if none is on its way.
    pub(super) fn advance_resets(&mut self, now: Instant) {
        if self.reconfiguration.request.is_some() || self.state != State::Established {
            return;
        }
        if !self.capabilities.reconfig {
            let refused: Vec<_> = self.reconfiguration.waiting.drain(..).collect();
            self.finish_reset(&refused, false);
            return;
        }
        let (streams, cumulative) = (&mut self.queues.streams, self.outstanding.cumulative());
        let mut ready = Vec::new();
        self.reconfiguration.waiting.retain(|id| {
            let drained = streams.get(*id).is_none_or(|stream| stream.is_drained(cumulative));
            let take = drained && ready.len() < STREAMS_PER_REQUEST;
            if take {
                ready.push(*id);
            }
            !take
        });
        if ready.is_empty() {
            return;
        }
        for id in &ready {
            streams.entry(*id).resetting = Resetting::Requested;
        }
        let number = self.reconfiguration.next_request;
        self.reconfiguration.next_request = number.wrapping_add(1);
        let last_tsn = wire(self.outstanding.next() - 1);
        self.reconfiguration.request = Some(Request { number, last_tsn, streams: ready });
        self.control.reconfig_request = true;
        self.timers.set(Timer::Reconfig, now + self.rto.current());
    }

    /// A shutdown begins: resets that were not asked for yet will not come, and what waits for them goes out.
    pub(super) fn drop_waiting_resets(&mut self) {
        for id in std::mem::take(&mut self.reconfiguration.waiting) {
            self.queues.end_reset(id);
        }
    }

    pub(super) fn on_reconfig_timeout(&mut self, now: Instant) {
        if self.reconfiguration.request.is_none() {
            return;
        }
        self.count_error();
        if self.ended {
            return;
        }
        self.rto.back_off();
        self.control.reconfig_request = true;
        self.timers.set(Timer::Reconfig, now + self.rto.current());
    }

    pub(super) fn on_reconfig(&mut self, now: Instant, chunk: &RawChunk<'_>) -> Result<(), Discard> {
        if self.state < State::Established {
            return Err(Discard::Unexpected);
        }
        for parameter in parse_reconfig(chunk).map_err(Discard::MalformedChunk)?.into_iter().flatten() {
            match parameter {
                // Its response number answers an incoming reset request, which we never send.
                ReconfigParameter::OutgoingReset { request, last_tsn, streams, .. } => {
                    self.on_peer_request(request, |this| this.perform_reset(request, last_tsn, &streams));
                }
                // RFC 6525 §5.2.3 allows to deny: our direction ends when the application says so.
                ReconfigParameter::IncomingReset { request, .. }
                | ReconfigParameter::SsnTsnReset { request }
                | ReconfigParameter::AddStreams { request, .. } => {
                    self.on_peer_request(request, |_| ResetResult::DENIED);
                }
                ReconfigParameter::Response { response, result } => {
                    self.on_response(now, response, result);
                }
            }
        }
        Ok(())
    }

    /// RFC 6525 §5.2.1: the expected number is acted upon, the last ones are answered as before.
    fn on_peer_request(&mut self, number: u32, act: impl FnOnce(&mut Self) -> ResetResult) {
        let known = self.reconfiguration.answer_to(number).copied();
        let result = match known {
            Some(ResetResult::IN_PROGRESS) => act(self),
            Some(result) => result,
            None if number == self.reconfiguration.next_from_peer => act(self),
            None => ResetResult::BAD_SEQUENCE_NUMBER,
        };
        if let Some(answer) = self.reconfiguration.answer_to(number) {
            *answer = result;
        } else if number == self.reconfiguration.next_from_peer {
            let [newest, _] = self.reconfiguration.answers;
            self.reconfiguration.answers = [Some((number, result)), newest];
            self.reconfiguration.next_from_peer = number.wrapping_add(1);
        }
        self.control.queue_response(number, result);
    }

    fn perform_reset(&mut self, number: u32, last_tsn: u32, streams: &StreamList<'_>) -> ResetResult {
        let last = unwrap_near(self.tracker.cumulative(), last_tsn);
        if streams.iter().any(|id| id >= self.inbound_streams) {
            return ResetResult::WRONG_SSN;
        }
        let streams: Vec<u16> = streams.iter().collect();
        if !self.has_room_for_reset(streams.len()) {
            return ResetResult::IN_PROGRESS;
        }
        if last > self.tracker.cumulative() {
            self.reconfiguration.deferred = Some(Deferred { number, last, streams });
            return ResetResult::IN_PROGRESS;
        }
        self.reconfiguration.deferred = None;
        self.perform(&streams);
        ResetResult::PERFORMED
    }

    fn perform(&mut self, streams: &[u16]) {
        if streams.is_empty() {
            self.reassembly.reset_all();
        }
        for id in streams {
            self.reassembly.reset_stream(*id);
        }
        self.reconfiguration.unread += reset_cost(streams.len());
        let event = streams.iter().copied().map(StreamId).collect();
        self.reconfiguration.events.push_back((self.reassembly.mark(), event));
        self.deliver_reset_events();
    }

    /// The data that a deferred reset waited for has come: it is performed now; the peer asks again and hears so.
    #[inline]
    pub(super) fn perform_deferred_reset(&mut self) {
        if self.reconfiguration.deferred.is_some() {
            self.perform_if_possible();
        }
    }

    fn perform_if_possible(&mut self) {
        let Some(deferred) = &self.reconfiguration.deferred else { return };
        if deferred.last > self.tracker.cumulative() || !self.has_room_for_reset(deferred.streams.len()) {
            return;
        }
        if let Some(deferred) = self.reconfiguration.deferred.take() {
            self.perform(&deferred.streams);
            if let Some(answer) = self.reconfiguration.answer_to(deferred.number) {
                *answer = ResetResult::PERFORMED;
            }
            self.control.queue_response(deferred.number, ResetResult::PERFORMED);
        }
    }

    /// Whether the event of one more reset by the peer may wait: always, if none does.
    fn has_room_for_reset(&self, streams: usize) -> bool {
        let unread = self.reconfiguration.unread;
        unread == 0 || unread + reset_cost(streams) <= self.config.max_unread_events
    }

    /// An event was polled.
    pub(super) fn note_read(&mut self, event: &Event) {
        match event {
            Event::IncomingStreamsReset { streams } => {
                self.reconfiguration.unread -= reset_cost(streams.len());
            }
            Event::SendReady { stream } => self.queues.forget_ready(*stream),
            Event::BufferedAmountLow { stream } => self.queues.forget_low(*stream),
            _ => {}
        }
    }

    /// A message was given up: told if there is room for events, and counted in any case.
    pub(super) fn tell_abandoned(&mut self, stream: StreamId) {
        if self.events.len() < self.config.max_unread_events {
            self.events.push_back(Event::MessageAbandoned { stream });
        } else {
            self.stats.events_dropped += 1;
        }
    }

    /// Events of resets wait until the messages before them were polled.
    #[inline]
    pub(super) fn deliver_reset_events(&mut self) {
        while let Some((mark, _)) = self.reconfiguration.events.front()
            && self.reassembly.is_polled(*mark)
            && let Some((_, streams)) = self.reconfiguration.events.pop_front()
        {
            self.events.push_back(Event::IncomingStreamsReset { streams });
        }
    }

    fn on_response(&mut self, now: Instant, number: u32, result: ResetResult) {
        let Some(request) = self.reconfiguration.request.take_if(|request| request.number == number) else {
            return;
        };
        self.error_count = 0;
        if result == ResetResult::IN_PROGRESS {
            self.reconfiguration.request = Some(request);
            self.timers.set(Timer::Reconfig, now + self.rto.current());
            return;
        }
        self.timers.stop(Timer::Reconfig);
        self.control.reconfig_request = false;
        let performed = matches!(result, ResetResult::PERFORMED | ResetResult::NOTHING_TO_DO);
        self.finish_reset(&request.streams, performed);
        self.advance_resets(now);
        self.advance_shutdown(now);
    }

    pub(super) fn finish_reset(&mut self, ids: &[u16], performed: bool) {
        if ids.is_empty() {
            return;
        }
        for id in ids {
            self.queues.end_reset(*id);
            let stream = self.queues.streams.entry(*id);
            if performed {
                stream.number_from(0);
            }
        }
        let streams = ids.iter().copied().map(StreamId).collect();
        self.events.push_back(if performed {
            Event::OutgoingStreamsReset { streams }
        } else {
            Event::OutgoingResetRefused { streams }
        });
    }
}

/// What the event of a reset counts: one for itself or each of its streams.
fn reset_cost(streams: usize) -> usize {
    streams.max(1)
}
