//! Messages that wait to be sent, one queue a stream, and whose turn it is.
//!
//! Problem: many streams share one window; none may starve, memory is bounded, and with DATA chunks a message
//! that was begun must be finished before another begins (RFC 9260 §6.9).
//! How: a queue for each stream, a scheduler (send/scheduler.rs) that says whose turn it is, and here the bounds: they
//! are in bytes, for a stream and for all together. Who was refused is remembered: what a stream lacks of its own can
//! only return when it sends, and those who lack room of all together stand in one line, first come first served.
//! ```text
//!   refused --own queue full--> [its own fragments leave] --.
//!      '--all queues full----------------------------------> line --room returns--> SendReady
//! ```
//! More: RFC 8260 §3 (schedulers); docs/sctp.md, "Sending".

use crate::error::SendError;
use crate::event::{Event, Reliability, SendOptions, StreamId};
use crate::send::messages::{OutMessage, Slot, Worth};
use crate::send::outstanding::Outstanding;
use crate::send::scheduler::{Scheduler, Turns};
use crate::send::stream::{
    Begun, Head, MESSAGE_OVERHEAD, Queued, Resetting, RestOfMessage, SendStream, Waiting,
};
use crate::stream_map::{FirstUse, StreamMap};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Instant;

#[derive(Debug)]
pub(crate) struct Queues {
    pub(crate) streams: StreamMap<SendStream>,
    turns: Turns,
    next_order: u64,
    stream_limit: usize,
    total_limit: usize,
    total: usize,
    /// Streams that have room of their own and wait for room of all together.
    line: VecDeque<u16>,
    /// Bytes of the messages that have left in part: all of them may have to wait at the receiver.
    open_bytes: usize,
    /// A message that may be given up was queued at some time.
    ever_partial: bool,
}

impl Queues {
    pub(crate) fn new(
        stream_limit: usize,
        total_limit: usize,
        scheduler: Scheduler,
        first_number: u32,
    ) -> Self {
        Self {
            streams: StreamMap::starting_at(first_number),
            turns: Turns::new(scheduler),
            next_order: 0,
            stream_limit,
            total_limit,
            total: 0,
            open_bytes: 0,
            line: VecDeque::new(),
            ever_partial: false,
        }
    }

    #[inline]
    pub(crate) fn push(
        &mut self,
        now: Instant,
        id: u16,
        ppid: u32,
        data: Bytes,
        options: SendOptions,
    ) -> Result<(), SendError> {
        let stream = self.streams.entry(id);
        let cost = data.len() + MESSAGE_OVERHEAD;
        let used = stream.buffered + stream.waiting() * MESSAGE_OVERHEAD;
        let stream_full = used > 0 && used + cost > self.stream_limit;
        if stream_full || (self.total > 0 && self.total + cost > self.total_limit) {
            stream.refused = Some(cost);
            if !stream_full && !std::mem::replace(&mut stream.in_line, true) {
                self.line.push_back(id);
            }
            let limit = if stream_full { self.stream_limit } else { self.total_limit };
            return Err(SendError::QueueFull { limit, stream: stream_full });
        }
        self.total += cost;
        stream.buffered += data.len();
        let worth = match options.reliability {
            Reliability::Reliable => Worth::Always,
            Reliability::MaxRetransmits(count) => Worth::Retransmits(count),
            Reliability::MaxLifetime(lifetime) => {
                now.checked_add(lifetime).map_or(Worth::Always, Worth::Until)
            }
        };
        let order = self.next_order;
        self.next_order += 1;
        let unordered = options.unordered;
        let message = Queued { data, ppid, unordered, worth, order };
        self.ever_partial |= worth.is_limited();
        if stream.resetting != Resetting::No {
            stream.held.push_back(message);
            return Ok(());
        }
        stream.queue.push_back(message);
        if !stream.in_turns {
            stream.in_turns = true;
            stream.share.oldest = order;
            self.turns.enter(id, &mut stream.share);
        }
        Ok(())
    }

    /// The reset of `id` is over, or will not come: what was held back may go.
    pub(crate) fn end_reset(&mut self, id: u16) {
        let stream = self.streams.entry(id);
        stream.resetting = Resetting::No;
        while let Some(message) = stream.held.pop_front() {
            stream.queue.push_back(message);
        }
        if let Some(first) = stream.queue.front().filter(|_| !stream.in_turns) {
            stream.in_turns = true;
            stream.share.oldest = first.order;
            self.turns.enter(id, &mut stream.share);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Whether there can be anything to give up (RFC 3758).
    pub(crate) fn ever_partial(&self) -> bool {
        self.ever_partial
    }

    /// The stream whose turn it is.
    #[inline]
    pub(crate) fn current(&self) -> Option<u16> {
        self.turns.current()
    }

    /// Takes the next message of `id` out, not to be sent.
    pub(crate) fn pop(&mut self, id: u16) -> Option<Queued> {
        let message = self.streams.get_mut(id)?.queue.pop_front()?;
        self.total -= MESSAGE_OVERHEAD;
        Some(message)
    }

    /// The next message of `id`, whose turn it is, leaves in one chunk, with the index `chunk`: it gets its number, and
    /// the turn is over.
    #[inline]
    pub(crate) fn take_whole(
        &mut self,
        id: u16,
        chunk: u64,
        interleaved: bool,
        events: &mut VecDeque<Event>,
    ) -> Option<OutMessage> {
        let stream = self.streams.get_mut(id)?;
        let message = stream.begin(id, chunk, interleaved)?;
        stream.last_chunk = chunk;
        self.total -= MESSAGE_OVERHEAD + message.data.len();
        stream.consumed(id, message.data.len(), events);
        if stream.steps_into_line(self.stream_limit) {
            self.line.push_back(id);
        }
        self.turns.end_turn(stream.next_turn());
        if !self.line.is_empty() {
            self.serve(events);
        }
        Some(message)
    }

    /// The message that `id` is in the middle of, or else begins now: it gets its number, and its bytes go over to
    /// `outstanding`.
    #[inline]
    pub(crate) fn begun(
        &mut self,
        id: u16,
        outstanding: &mut Outstanding,
        interleaved: bool,
    ) -> Option<Begun> {
        let stream = self.streams.get_mut(id)?;
        if stream.begun.is_none() {
            let message = stream.begin(id, outstanding.next(), interleaved)?;
            self.total -= MESSAGE_OVERHEAD;
            let (length, partial) = (message.data.len(), message.worth.is_limited());
            let message = outstanding.begin_message(message);
            stream.begun = Some(Begun { message, offset: 0, fragment: 0, length, partial });
        }
        stream.begun
    }

    /// `bytes` of the message that `id` has begun were sent, with the index `chunk`.
    #[inline]
    pub(crate) fn fragment_left(&mut self, id: u16, chunk: u64, bytes: usize, events: &mut VecDeque<Event>) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.last_chunk = chunk;
        if let Some(begun) = &mut stream.begun {
            let before = begun.open_bytes();
            begun.offset += bytes;
            begun.fragment += 1;
            if begun.offset == begun.length {
                self.open_bytes -= before;
                stream.begun = None;
            } else if before == 0 {
                self.open_bytes += begun.length;
            }
        }
        self.consumed(id, bytes, events);
    }

    /// Whether the stream that is next may have its turn in the middle of the current message: it is in the middle of
    /// one, too, or the next is at most `small`, or one more makes no more than `most` that the receiver has to hold.
    pub(crate) fn next_may_cut_in(&self, small: usize, most: usize) -> bool {
        let Some(stream) = self.turns.next().and_then(|id| self.streams.get(id)) else { return true };
        let next = stream.queue.front().map_or(0, |message| message.data.len());
        stream.begun.is_some() || next <= small || self.open_bytes + next <= most
    }

    /// What `id` would send next.
    #[inline]
    pub(crate) fn head(&self, id: u16) -> Option<Head> {
        let stream = self.streams.get(id)?;
        if let Some(begun) = stream.begun {
            return Some(Head::Begun(begun));
        }
        let message = stream.queue.front()?;
        Some(Head::Waiting(Waiting { length: message.data.len(), worth: message.worth }))
    }

    /// `bytes` of `id` left the queue: they were sent, or will never be.
    #[inline]
    pub(crate) fn consumed(&mut self, id: u16, bytes: usize, events: &mut VecDeque<Event>) {
        self.total -= bytes;
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.consumed(id, bytes, events);
        if stream.steps_into_line(self.stream_limit) {
            self.line.push_back(id);
        }
        if !self.line.is_empty() {
            self.serve(events);
        }
    }

    /// Tells those in line what fits now, in their order.
    fn serve(&mut self, events: &mut VecDeque<Event>) {
        let mut total = self.total;
        while let Some(&id) = self.line.front() {
            let Some(stream) = self.streams.get_mut(id) else { break };
            let own_room = stream.has_own_room_again(self.stream_limit);
            if let Some(cost) = stream.refused.filter(|_| own_room) {
                if total > 0 && total + cost > self.total_limit {
                    break;
                }
                total += cost;
                stream.refused = None;
                if !std::mem::replace(&mut stream.told_ready, true) {
                    events.push_back(Event::SendReady { stream: StreamId(id) });
                }
            }
            stream.in_line = false;
            self.line.pop_front();
        }
    }

    /// Much left the queues at once: looks at every stream.
    fn serve_all(&mut self, events: &mut VecDeque<Event>) {
        for (id, stream) in self.streams.iter_mut() {
            if stream.steps_into_line(self.stream_limit) {
                self.line.push_back(id);
            }
        }
        self.serve(events);
    }

    /// The turn of the current stream is over.
    #[inline]
    pub(crate) fn rotate(&mut self) {
        let Some(stream) = self.turns.current().and_then(|id| self.streams.get_mut(id)) else { return };
        self.turns.end_turn(stream.next_turn());
    }

    /// A begun message was given up: `left` of its bytes will not be sent, and the index `chunk` stands for them.
    pub(crate) fn abandon_begun(&mut self, id: u16, chunk: u64, left: usize, events: &mut VecDeque<Event>) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.last_chunk = chunk;
            self.open_bytes -= stream.begun.take().map_or(0, |begun| begun.open_bytes());
        }
        self.consumed(id, left, events);
        self.drop_idle(id);
    }

    /// Takes `id` out of the turns if it has nothing to send.
    fn drop_idle(&mut self, id: u16) {
        if let Some(stream) = self.streams.get_mut(id)
            && stream.in_turns
            && !stream.has_work()
        {
            stream.in_turns = false;
            self.turns.remove(id);
        }
    }

    /// Whether anything is queued beside what was not sent of one message.
    pub(crate) fn have_more_than(&self, rest: RestOfMessage) -> bool {
        let overhead = if rest.is_whole { MESSAGE_OVERHEAD } else { 0 };
        self.total > rest.bytes + overhead
    }

    /// The peer takes fewer streams than were used already: what is queued beyond is dropped. The result is the streams that
    /// lost something, and the message that each was in the middle of.
    pub(crate) fn drop_from(
        &mut self,
        streams: u16,
        events: &mut VecDeque<Event>,
    ) -> Vec<(StreamId, Option<Slot>)> {
        let mut dropped = Vec::new();
        let first_number = self.streams.first_number();
        for (id, stream) in self.streams.iter_mut() {
            if id >= streams && (stream.has_work() || !stream.held.is_empty()) {
                self.total -= stream.buffered + stream.waiting() * MESSAGE_OVERHEAD;
                self.open_bytes -= stream.begun.map_or(0, |begun| begun.open_bytes());
                dropped.push((StreamId(id), stream.begun.map(|begun| begun.message)));
                *stream = SendStream::starting_at(first_number);
            }
        }
        self.turns.remove_from(streams);
        self.serve_all(events);
        dropped
    }

    /// The peer began anew: numbers start at 0, messages in the middle are lost, what was not begun is kept. A reset
    /// under way begins anew, too, and what waits for it goes on waiting.
    pub(crate) fn restart(&mut self, events: &mut VecDeque<Event>) {
        self.turns.clear();
        self.open_bytes = 0;
        let first_number = self.streams.first_number();
        for (id, stream) in self.streams.iter_mut() {
            if stream.resetting == Resetting::Requested {
                stream.resetting = Resetting::Draining;
            }
            let waiting = stream.queue.iter().chain(stream.held.iter());
            let queued: usize = waiting.map(|message| message.data.len()).sum();
            self.total -= stream.buffered - queued;
            stream.buffered = queued;
            stream.begun = None;
            stream.number_from(first_number);
            stream.last_chunk = 0;
            stream.in_turns = stream.has_work();
            if stream.in_turns {
                self.turns.enter(id, &mut stream.share);
            }
        }
        self.serve_all(events);
    }

    pub(crate) fn buffered(&self, id: u16) -> usize {
        self.streams.get(id).map_or(0, |stream| stream.buffered)
    }

    /// The [`Event::BufferedAmountLow`] of a stream was polled: the next fall is told again.
    pub(crate) fn forget_low(&mut self, stream: StreamId) {
        if let Some(stream) = self.streams.get_mut(stream.0) {
            stream.told_low = false;
        }
    }

    /// As [`Self::forget_low`], for [`Event::SendReady`].
    pub(crate) fn forget_ready(&mut self, stream: StreamId) {
        if let Some(stream) = self.streams.get_mut(stream.0) {
            stream.told_ready = false;
        }
    }

    pub(crate) fn set_low_threshold(&mut self, id: u16, bytes: usize) {
        self.streams.entry(id).low_threshold = bytes;
    }

    /// The association is over: memory is given back.
    pub(crate) fn clear(&mut self) {
        let first_number = self.streams.first_number();
        *self = Self::new(self.stream_limit, self.total_limit, self.turns.scheduler(), first_number);
    }
}
