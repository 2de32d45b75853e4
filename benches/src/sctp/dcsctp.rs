//! dcsctp: the SCTP of Chromium, in Rust.
//!
//! As published it formats a log line with every byte of every packet, whether or not anybody listens; that is
//! part of what its rows show.

use std::time::Instant;

use bytes::Bytes;
use dcsctp::api::{
    DcSctpSocket, Message, Options, PpId, SendOptions, SocketEvent, SocketState, SocketTime, StreamId,
};

use super::{Endpoint, Insight, Setup};

/// The adapter.
pub struct DcSctp {
    socket: Box<dyn DcSctpSocket>,
    begin: Instant,
    closed: bool,
}

impl DcSctp {
    fn socket_time(&self, now: Instant) -> SocketTime {
        SocketTime::zero() + now.saturating_duration_since(self.begin)
    }
}

impl Endpoint for DcSctp {
    type Packet = Vec<u8>;
    type Kind = ();

    fn new(now: Instant, setup: &Setup, initiates: bool, (): ()) -> Self {
        let options = Options {
            mtu: setup.mtu,
            max_message_size: setup.message,
            max_receiver_window_buffer_size: setup.window,
            max_send_buffer_size: setup.send_queue,
            per_stream_send_queue_limit: setup.send_queue,
            max_retransmissions: None,
            ..Options::default()
        };
        let mut socket = dcsctp::new_socket(if initiates { "a" } else { "b" }, &options);
        if initiates {
            socket.connect();
        }
        Self { socket, begin: now, closed: false }
    }

    fn handle(&mut self, now: Instant, packet: Vec<u8>) -> Option<Vec<u8>> {
        self.socket.advance_time(self.socket_time(now));
        self.socket.handle_input(&packet);
        None
    }

    fn poll_transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        loop {
            match self.socket.poll_event()? {
                SocketEvent::SendPacket(packet) => return Some(packet),
                SocketEvent::OnClosed() | SocketEvent::OnAborted(..) => self.closed = true,
                _ => {}
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let at = self.socket.poll_timeout();
        (at != SocketTime::infinite_future()).then(|| self.begin + (at - SocketTime::zero()))
    }

    fn timeout(&mut self, now: Instant) {
        self.socket.advance_time(self.socket_time(now));
    }

    fn is_connected(&self) -> bool {
        self.socket.state() == SocketState::Connected
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn send(&mut self, now: Instant, stream: u16, message: &Bytes) -> bool {
        self.socket.advance_time(self.socket_time(now));
        let message = Message::new(StreamId(stream), PpId(53), message.to_vec());
        self.socket.send(message, &SendOptions::default()).is_ok()
    }

    fn recv(&mut self, _now: Instant) -> Option<usize> {
        self.socket.get_next_message().map(|message| message.payload.len())
    }

    fn insight(&self) -> Option<Insight> {
        let metrics = self.socket.get_metrics()?;
        Some(Insight { cwnd: metrics.cwnd_bytes, in_flight: 0 })
    }
}
