//! Ours.

use std::time::{Duration, Instant};

use bytes::Bytes;
use plywood_sctp::congestion::Algorithm;
use plywood_sctp::{Association, Config, Ppid, SendOptions, StreamId};

use super::{Endpoint, Insight, Setup};

/// RFC 9260's own controller.
pub const NEW_RENO: Algorithm = Algorithm::NewReno;
/// The default.
pub const CUBIC: Algorithm = Algorithm::Cubic;
/// The model-based one.
pub const BBR: Algorithm = Algorithm::Bbr;

/// The adapter. Packets are plain vectors; those that were read come back and are written again.
pub struct Plywood {
    association: Association,
    mtu: usize,
    spare: Vec<Vec<u8>>,
}

impl Endpoint for Plywood {
    type Packet = Vec<u8>;
    type Kind = Algorithm;

    fn new(now: Instant, setup: &Setup, initiates: bool, kind: Algorithm) -> Self {
        let mut config = Config::default();
        config.receive_window_bytes = setup.window;
        config.max_reassembly_bytes = config.max_reassembly_bytes.max(setup.window);
        config.stream_queue_bytes = setup.send_queue / usize::from(setup.streams.max(1));
        config.total_queue_bytes = setup.send_queue;
        config.max_outstanding_bytes = config.max_outstanding_bytes.max(setup.window);
        config.congestion = kind;
        // Alone on the machine there is no DTLS to check the bytes: everybody computes CRC32c.
        config.zero_checksum = false;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&setup.seed.to_be_bytes());
        let mut association = Association::new(config, seed, now);
        if initiates {
            association.connect(now);
        }
        Self { association, mtu: setup.mtu, spare: Vec::new() }
    }

    fn handle(&mut self, now: Instant, packet: Vec<u8>) -> Option<Vec<u8>> {
        // What it discards, it counts.
        let _ = self.association.handle_datagram(now, &packet);
        Some(packet)
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let mut packet = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(self.mtu));
        packet.clear();
        if self.association.poll_transmit(now, self.mtu, &mut packet).is_some() {
            return Some(packet);
        }
        self.spare.push(packet);
        None
    }

    fn recycle(&mut self, packet: Vec<u8>) {
        self.spare.push(packet);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.association.poll_timeout()
    }

    fn timeout(&mut self, now: Instant) {
        self.association.handle_timeout(now);
    }

    fn round_trip(&mut self, minimum: Duration) {
        self.association.set_minimum_round_trip(minimum);
    }

    fn is_connected(&self) -> bool {
        self.association.is_connected()
    }

    fn is_closed(&self) -> bool {
        self.association.is_closed()
    }

    fn send(&mut self, now: Instant, stream: u16, message: &Bytes) -> bool {
        while self.association.poll_event().is_some() {}
        let options = SendOptions::default();
        self.association.send(now, StreamId(stream), Ppid(53), message.clone(), options).is_ok()
    }

    fn recv(&mut self, now: Instant) -> Option<usize> {
        let message = self.association.poll_message()?;
        self.association.release(now, message.data.len());
        Some(message.data.len())
    }

    fn insight(&self) -> Option<Insight> {
        let stats = self.association.stats();
        Some(Insight { cwnd: stats.cwnd_bytes, in_flight: stats.in_flight_bytes })
    }
}
