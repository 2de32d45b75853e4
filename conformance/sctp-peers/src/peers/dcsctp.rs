//! dcsctp: the SCTP of Chromium, in Rust.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use dcsctp::api::{
    DcSctpSocket, Message, Options, PpId, SendOptions, SocketEvent, SocketState, SocketTime, StreamId,
};

use super::{LARGEST_MESSAGE, MTU, Peer, Promise, Setup};

pub(crate) struct DcSctp {
    socket: Box<dyn DcSctpSocket>,
    begin: Instant,
    closed: bool,
    resets_seen: usize,
    /// Streams that it reset first.
    ending: BTreeSet<u16>,
}

impl DcSctp {
    pub(crate) fn new(now: Instant, setup: Setup) -> Self {
        let options = Options {
            mtu: MTU,
            max_message_size: LARGEST_MESSAGE,
            max_send_buffer_size: 4 << 20,
            per_stream_send_queue_limit: 4 << 20,
            enable_message_interleaving: setup.interleaving,
            ..Options::default()
        };
        let mut socket = dcsctp::new_socket("peer", &options);
        if setup.initiates {
            socket.connect();
        }
        Self { socket, begin: now, closed: false, resets_seen: 0, ending: BTreeSet::new() }
    }

    fn advance(&mut self, now: Instant) {
        self.socket.advance_time(SocketTime::zero() + now.saturating_duration_since(self.begin));
    }
}

impl Peer for DcSctp {
    fn handle(&mut self, now: Instant, packet: &[u8]) {
        self.advance(now);
        self.socket.handle_input(packet);
    }

    fn poll_transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        loop {
            match self.socket.poll_event()? {
                SocketEvent::SendPacket(packet) => return Some(packet),
                SocketEvent::OnClosed() | SocketEvent::OnAborted(..) => self.closed = true,
                SocketEvent::OnIncomingStreamReset(streams) => {
                    self.resets_seen += streams.len();
                    // As a data channel does.
                    let answer: Vec<StreamId> =
                        streams.into_iter().filter(|stream| !self.ending.remove(&stream.0)).collect();
                    if !answer.is_empty() {
                        let _ = self.socket.reset_streams(&answer);
                    }
                }
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

    fn send(&mut self, now: Instant, stream: u16, message: &[u8], promise: Promise) -> bool {
        self.advance(now);
        let mut options = SendOptions { unordered: promise != Promise::Reliable, ..SendOptions::default() };
        match promise {
            Promise::Reliable => {}
            Promise::Retransmits(count) => options.max_retransmissions = Some(count),
            Promise::Lifetime(millis) => options.lifetime = Some(Duration::from_millis(millis.into())),
        }
        self.socket.send(Message::new(StreamId(stream), PpId(53), message.to_vec()), &options).is_ok()
    }

    fn recv(&mut self, _now: Instant) -> Option<(u16, Vec<u8>)> {
        self.socket.get_next_message().map(|message| (message.stream_id.0, message.payload))
    }

    fn reset(&mut self, now: Instant, stream: u16) {
        self.advance(now);
        self.ending.insert(stream);
        let _ = self.socket.reset_streams(&[StreamId(stream)]);
    }

    fn resets_seen(&self) -> usize {
        self.resets_seen
    }

    fn shutdown(&mut self, now: Instant) {
        self.advance(now);
        self.socket.shutdown();
    }

    fn interleaves(&self) -> Option<bool> {
        Some(self.socket.get_metrics()?.uses_message_interleaving)
    }
}
