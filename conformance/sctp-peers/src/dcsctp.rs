//! dcsctp: the SCTP of Chromium, in Rust.
//!
//! As published it formats a log line with every byte of every packet, whether or not anybody listens; that is
//! part of what its figures show.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dcsctp::api::{
    DcSctpSocket, Message, Options, PpId, SendOptions, SocketEvent, SocketState, SocketTime, StreamId,
};

use super::{Endpoint, Insight, Promise, Setup};

/// The adapter.
pub struct DcSctp {
    socket: Box<dyn DcSctpSocket>,
    begin: Instant,
    queue_per_stream: usize,
    closed: bool,
    resets_seen: usize,
    /// Streams that it reset first: the peer's reset is the answer.
    ending: BTreeSet<u16>,
}

impl DcSctp {
    fn advance(&mut self, now: Instant) {
        self.socket.advance_time(SocketTime::zero() + now.saturating_duration_since(self.begin));
    }

    fn note_resets(&mut self, streams: Vec<StreamId>) {
        self.resets_seen += streams.len();
        let answer: Vec<StreamId> =
            streams.into_iter().filter(|stream| !self.ending.remove(&stream.0)).collect();
        if !answer.is_empty() {
            // It refuses while the association ends, and then nobody waits for it.
            let _ = self.socket.reset_streams(&answer);
        }
    }
}

impl Endpoint for DcSctp {
    type Packet = Vec<u8>;
    type Kind = ();

    fn new(now: Instant, setup: &Setup, (): ()) -> Self {
        let options = Options::default();
        let options = Options {
            mtu: setup.mtu,
            max_message_size: setup.message,
            max_receiver_window_buffer_size: setup.window,
            max_send_buffer_size: setup.send_queue,
            per_stream_send_queue_limit: setup.send_queue,
            max_retransmissions: None,
            enable_message_interleaving: setup.interleaving.unwrap_or(options.enable_message_interleaving),
            ..options
        };
        let mut socket = dcsctp::new_socket(if setup.initiates { "a" } else { "b" }, &options);
        if setup.initiates {
            socket.connect();
        }
        Self {
            socket,
            begin: now,
            queue_per_stream: setup.queue_of_a_stream(),
            closed: false,
            resets_seen: 0,
            ending: BTreeSet::new(),
        }
    }

    #[inline]
    fn handle(&mut self, now: Instant, packet: Vec<u8>) -> Option<Vec<u8>> {
        self.advance(now);
        self.socket.handle_input(&packet);
        None
    }

    #[inline]
    fn poll_transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        loop {
            match self.socket.poll_event()? {
                SocketEvent::SendPacket(packet) => return Some(packet),
                SocketEvent::OnClosed() | SocketEvent::OnAborted(..) => self.closed = true,
                SocketEvent::OnIncomingStreamReset(streams) => self.note_resets(streams),
                _ => {}
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let at = self.socket.poll_timeout();
        (at != SocketTime::infinite_future()).then(|| self.begin + (at - SocketTime::zero()))
    }

    fn timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    fn is_connected(&self) -> bool {
        self.socket.state() == SocketState::Connected
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn interleaves(&self) -> bool {
        self.socket.get_metrics().is_some_and(|metrics| metrics.uses_message_interleaving)
    }

    #[inline]
    fn send(&mut self, now: Instant, stream: u16, message: &Bytes, promise: Promise) -> bool {
        // It refuses by itself too, but takes a copy for that.
        if self.socket.buffered_amount(StreamId(stream)) + message.len() > self.queue_per_stream {
            return false;
        }
        self.advance(now);
        let mut options = SendOptions { unordered: promise != Promise::Reliable, ..SendOptions::default() };
        match promise {
            Promise::Reliable => {}
            Promise::Retransmits(count) => options.max_retransmissions = Some(count),
            Promise::Lifetime(millis) => options.lifetime = Some(Duration::from_millis(millis.into())),
        }
        self.socket.send(Message::new(StreamId(stream), PpId(53), message.to_vec()), &options).is_ok()
    }

    fn recv<T>(&mut self, _now: Instant, read: impl FnOnce(u16, &[u8]) -> T) -> Option<T> {
        let message = self.socket.get_next_message()?;
        Some(read(message.stream_id.0, &message.payload))
    }

    fn reset(&mut self, now: Instant, stream: u16) {
        self.advance(now);
        self.ending.insert(stream);
        // A refusal shows: the reset is never seen.
        let _ = self.socket.reset_streams(&[StreamId(stream)]);
    }

    fn resets_seen(&self) -> usize {
        self.resets_seen
    }

    fn shutdown(&mut self, now: Instant) {
        self.advance(now);
        self.socket.shutdown();
    }

    fn insight(&self) -> Option<Insight> {
        let metrics = self.socket.get_metrics()?;
        Some(Insight { cwnd: metrics.cwnd_bytes, in_flight: 0 })
    }
}
