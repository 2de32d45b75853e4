//! Ours.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plywood_sctp::congestion::Algorithm;
use plywood_sctp::{Association, Config, Event, Ppid, Reliability, SendOptions, StreamId};

use super::{Endpoint, Insight, Promise, Setup};

/// RFC 9260's own controller.
pub const NEW_RENO: Algorithm = Algorithm::NewReno;
/// The default.
pub const CUBIC: Algorithm = Algorithm::Cubic;
/// The model-based one.
pub const BBR: Algorithm = Algorithm::Bbr;

/// Where packets begin, behind a multiple of [`BLOCK`] in memory: there the checksum's blocks cover nearly all of a packet of
/// 1200 bytes, at both ends, and the bytes of an I-DATA chunk that is alone begin at a cache line (docs/performance.md). Wherever the
/// allocator puts a buffer, the caller of `poll_transmit` chooses.
const PLACE: usize = 32;
const BLOCK: usize = 64;

/// A packet behind a few bytes that bring it to its place.
#[derive(Debug, Clone, Default)]
pub struct Placed {
    bytes: Vec<u8>,
    start: usize,
}

impl Placed {
    /// Room for a packet of `mtu` bytes.
    fn new(mtu: usize) -> Self {
        let mut bytes: Vec<u8> = Vec::with_capacity(mtu + BLOCK);
        let start = (PLACE + BLOCK - bytes.as_ptr().addr() % BLOCK) % BLOCK;
        bytes.resize(start, 0);
        Self { bytes, start }
    }
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl From<Vec<u8>> for Placed {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, start: 0 }
    }
}

impl From<Placed> for Vec<u8> {
    fn from(packet: Placed) -> Self {
        packet.as_ref().to_vec()
    }
}

/// The adapter. Packets that were read come back and are written again.
pub struct Plywood {
    association: Association,
    mtu: usize,
    queue_per_stream: usize,
    spare: Vec<Placed>,
    resets_seen: usize,
    /// Streams that we reset first: the peer's reset is the answer.
    ending: BTreeSet<u16>,
    /// Streams whose reset by the peer we are answering: some peers ask once more meanwhile.
    answering: BTreeSet<u16>,
    /// Resets of ours that the peer performed.
    pub resets_done: usize,
    /// Resets of ours that the peer refused.
    pub resets_refused: usize,
}

impl Plywood {
    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::IncomingStreamsReset { streams } => {
                    self.resets_seen += streams.len();
                    for stream in streams {
                        let is_answer = self.ending.remove(&stream.0) || self.answering.contains(&stream.0);
                        if !is_answer && self.association.reset_stream(now, stream).is_ok() {
                            self.answering.insert(stream.0);
                        }
                    }
                }
                Event::OutgoingStreamsReset { streams } => {
                    self.resets_done += streams.len();
                    self.answering.retain(|id| !streams.contains(&StreamId(*id)));
                }
                Event::OutgoingResetRefused { streams } => {
                    self.resets_refused += streams.len();
                    self.answering.retain(|id| !streams.contains(&StreamId(*id)));
                }
                _ => {}
            }
        }
    }
}

impl Endpoint for Plywood {
    type Packet = Placed;
    type Kind = Algorithm;

    fn new(now: Instant, setup: &Setup, kind: Algorithm) -> Self {
        let mut config = Config::default();
        config.receive_window_bytes = setup.window;
        config.max_reassembly_bytes = config.max_reassembly_bytes.max(setup.window);
        config.stream_queue_bytes = setup.queue_of_a_stream();
        config.total_queue_bytes = setup.send_queue;
        config.max_outstanding_bytes = config.max_outstanding_bytes.max(setup.window);
        // A window of messages of either kind, as with the default window.
        config.message_arena_bytes = config.message_arena_bytes.max(2 * setup.window);
        config.congestion = kind;
        config.interleaving = setup.interleaving.unwrap_or(config.interleaving);
        // Alone on the machine there is no DTLS to check the bytes: everybody computes CRC32c.
        config.zero_checksum = false;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&setup.seed.to_be_bytes());
        let mut association = Association::new(config, seed, now);
        if setup.initiates {
            association.connect(now);
        }
        Self {
            association,
            mtu: setup.mtu,
            queue_per_stream: setup.queue_of_a_stream(),
            spare: Vec::new(),
            resets_seen: 0,
            ending: BTreeSet::new(),
            answering: BTreeSet::new(),
            resets_done: 0,
            resets_refused: 0,
        }
    }

    #[inline]
    fn handle(&mut self, now: Instant, packet: Placed) -> Option<Placed> {
        // What it discards, it counts.
        let _ = self.association.handle_datagram(now, packet.as_ref());
        Some(packet)
    }

    #[inline]
    fn poll_transmit(&mut self, now: Instant) -> Option<Placed> {
        let mut packet = self.spare.pop().unwrap_or_else(|| Placed::new(self.mtu));
        packet.bytes.truncate(packet.start);
        if self.association.poll_transmit(now, self.mtu, &mut packet.bytes).is_some() {
            return Some(packet);
        }
        self.spare.push(packet);
        None
    }

    #[inline]
    fn recycle(&mut self, packet: Placed) {
        self.spare.push(packet);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.association.poll_timeout()
    }

    fn timeout(&mut self, now: Instant) {
        self.association.handle_timeout(now);
        self.drain(now);
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

    fn interleaves(&self) -> bool {
        self.association.capabilities().interleaving
    }

    #[inline]
    fn send(&mut self, now: Instant, stream: u16, message: &Bytes, promise: Promise) -> bool {
        self.drain(now);
        // As for the others: asked before a message is made for it. With small messages the association's own bound, which
        // counts what they cost beside their bytes, comes first.
        let buffered = self.association.buffered_amount(StreamId(stream));
        if buffered.saturating_add(message.len()) > self.queue_per_stream {
            return false;
        }
        let reliability = match promise {
            Promise::Reliable => Reliability::Reliable,
            Promise::Retransmits(count) => Reliability::MaxRetransmits(count.into()),
            Promise::Lifetime(millis) => Reliability::MaxLifetime(Duration::from_millis(millis.into())),
        };
        let options = SendOptions { unordered: promise != Promise::Reliable, reliability };
        self.association.send(now, StreamId(stream), Ppid(53), message.clone(), options).is_ok()
    }

    fn recv<T>(&mut self, now: Instant, read: impl FnOnce(u16, &[u8]) -> T) -> Option<T> {
        let Some(message) = self.association.poll_message() else {
            // A stream's reset is told behind its last message.
            self.drain(now);
            return None;
        };
        self.association.release(now, message.data.len());
        Some(read(message.stream.0, &message.data))
    }

    fn reset(&mut self, now: Instant, stream: u16) {
        self.ending.insert(stream);
        // A refusal shows: the reset is never done.
        let _ = self.association.reset_stream(now, StreamId(stream));
    }

    fn resets_seen(&self) -> usize {
        self.resets_seen
    }

    fn shutdown(&mut self, now: Instant) {
        self.association.shutdown(now);
    }

    fn insight(&self) -> Option<Insight> {
        let stats = self.association.stats();
        Some(Insight { cwnd: stats.cwnd_bytes, in_flight: stats.in_flight_bytes })
    }
}
