//! Two associations and a link between them in virtual time: delay, loss, reordering, duplication, all from a seed.

use bytes::Bytes;
use plywood_sctp::wire::data::{Data, DataFlags};
use plywood_sctp::wire::init::{Capabilities, Init, ReceivedInit};
use plywood_sctp::wire::sack::{GapBlock, put_sack};
use plywood_sctp::wire::{ChunkType, Packet, put_chunk, put_header};
use plywood_sctp::{Association, Config, Discard, Event, Message, Ppid, Reliability, SendOptions, StreamId};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Where virtual time begins; only differences count.
#[expect(clippy::disallowed_methods, reason = "a starting point; nothing depends on its value")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

/// A small generator (SplitMix64): equal seeds, equal runs.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// What the path does, the same both ways.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    pub(crate) delay: Duration,
    pub(crate) loss_per_mille: u64,
    pub(crate) duplicate_per_mille: u64,
    /// Extra delay of up to this much for each packet: reordering.
    pub(crate) jitter: Duration,
    pub(crate) budget: usize,
    /// A bottleneck in each direction: bytes a second, and bytes that wait before it.
    pub(crate) bottleneck: Option<(u64, u64)>,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            loss_per_mille: 0,
            duplicate_per_mille: 0,
            jitter: Duration::ZERO,
            budget: 1200,
            bottleneck: None,
        }
    }
}

/// Drops packets by content: (sender, packet) -> drop?
pub(crate) type Filter = Box<dyn FnMut(usize, &[u8]) -> bool>;

pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) ends: [Association; 2],
    pub(crate) path: Path,
    pub(crate) random: Random,
    /// (arrival, order) -> (receiver, packet)
    pub(crate) wire: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    order: u64,
    busy_until: [Instant; 2],
    pub(crate) events: [Vec<Event>; 2],
    pub(crate) messages: [Vec<Message>; 2],
    /// Releases at once what it polls.
    pub(crate) reading: [bool; 2],
    /// Every packet that was sent: (sender, bytes).
    pub(crate) log: Vec<(usize, Vec<u8>)>,
    pub(crate) logging: bool,
    /// Drops packets by content: (sender, packet) -> drop?
    pub(crate) filter: Option<Filter>,
}

impl Net {
    pub(crate) fn new(seed: u64, path: Path, config: impl Fn(usize) -> Config) -> Self {
        let now = start();
        let key = |end: u8| {
            let mut key = [end; 32];
            key[..8].copy_from_slice(&seed.to_be_bytes());
            key
        };
        Self {
            now,
            ends: [Association::new(config(0), key(1), now), Association::new(config(1), key(2), now)],
            path,
            random: Random(seed),
            wire: BTreeMap::new(),
            order: 0,
            busy_until: [now; 2],
            events: [Vec::new(), Vec::new()],
            messages: [Vec::new(), Vec::new()],
            reading: [true, true],
            log: Vec::new(),
            logging: false,
            filter: None,
        }
    }

    /// Both sides connected, over a path without faults until then.
    pub(crate) fn connected(seed: u64, path: Path, config: impl Fn(usize) -> Config) -> Self {
        let mut net = Self::new(seed, Path { loss_per_mille: 0, duplicate_per_mille: 0, ..path }, config);
        net.ends[0].connect(net.now);
        net.ends[1].connect(net.now);
        net.run_for(Duration::from_secs(2));
        assert!(net.ends.iter().all(Association::is_connected), "seed {seed}");
        net.path = path;
        net.events = [Vec::new(), Vec::new()];
        net
    }

    /// Drains both ends onto the wire and into the logs.
    pub(crate) fn pump(&mut self) {
        for from in 0..2 {
            loop {
                let mut packet = Vec::new();
                let Some(len) = self.ends[from].poll_transmit(self.now, self.path.budget, &mut packet) else {
                    break;
                };
                assert_eq!(len, packet.len());
                if self.logging {
                    self.log.push((from, packet.clone()));
                }
                self.carry(from, &packet);
            }
            self.collect(from);
        }
    }

    pub(crate) fn collect(&mut self, end: usize) {
        while let Some(event) = self.ends[end].poll_event() {
            self.events[end].push(event);
        }
        if !self.reading[end] {
            return;
        }
        while let Some(message) = self.ends[end].poll_message() {
            self.ends[end].release(self.now, message.data.len());
            self.messages[end].push(message);
        }
        while let Some(event) = self.ends[end].poll_event() {
            self.events[end].push(event);
        }
    }

    fn carry(&mut self, from: usize, packet: &[u8]) {
        let dropped = self.filter.as_mut().is_some_and(|filter| filter(from, packet));
        if dropped || self.random.chance(self.path.loss_per_mille) {
            return;
        }
        let mut leaves = self.now;
        if let Some((rate, queue)) = self.path.bottleneck {
            let begin = self.busy_until[from].max(self.now);
            let waiting = (begin - self.now).as_secs_f64() * rate as f64;
            if waiting > queue as f64 {
                return;
            }
            leaves = begin + Duration::from_secs_f64(packet.len() as f64 / rate as f64);
            self.busy_until[from] = leaves;
        }
        let copies = 1 + usize::from(self.random.chance(self.path.duplicate_per_mille));
        for _ in 0..copies {
            let jitter = self.path.jitter.mul_f64(self.random.below(1000) as f64 / 1000.0);
            self.order += 1;
            self.wire.insert((leaves + self.path.delay + jitter, self.order), (1 - from, packet.to_vec()));
        }
    }

    /// The next thing that happens, if it happens until `end`.
    pub(crate) fn step(&mut self, end: Instant) -> bool {
        self.pump();
        let arrival = self.wire.keys().next().map(|key| key.0);
        let next = self.ends.iter().filter_map(Association::poll_timeout).chain(arrival).min();
        let Some(next) = next.filter(|next| *next <= end) else {
            self.now = self.now.max(end);
            return false;
        };
        self.now = self.now.max(next);
        while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to, packet) = entry.remove();
            let _ = self.ends[to].handle_datagram(self.now, &packet);
        }
        for end in &mut self.ends {
            if end.poll_timeout().is_some_and(|at| at <= self.now) {
                end.handle_timeout(self.now);
                assert!(
                    end.poll_timeout().is_none_or(|at| at > self.now),
                    "a timeout does not stay in the past"
                );
            }
        }
        true
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.pump();
    }

    /// Runs until `done`, at most `time`; false if it did not come.
    pub(crate) fn run_until(&mut self, time: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + time;
        loop {
            if done(self) {
                return true;
            }
            if !self.step(end) {
                self.pump();
                return done(self);
            }
        }
    }

    pub(crate) fn send(&mut self, from: usize, stream: u16, data: impl Into<Bytes>) {
        self.send_with(from, stream, data, SendOptions::default());
    }

    pub(crate) fn send_with(
        &mut self,
        from: usize,
        stream: u16,
        data: impl Into<Bytes>,
        options: SendOptions,
    ) {
        self.ends[from].send(self.now, StreamId(stream), Ppid(53), data.into(), options).unwrap();
    }
}

pub(crate) fn unordered() -> SendOptions {
    SendOptions { unordered: true, reliability: Reliability::Reliable }
}

pub(crate) fn max_retransmits(count: u32) -> SendOptions {
    SendOptions { unordered: false, reliability: Reliability::MaxRetransmits(count) }
}

pub(crate) fn max_lifetime(time: Duration) -> SendOptions {
    SendOptions { unordered: false, reliability: Reliability::MaxLifetime(time) }
}

/// `length` bytes that differ from message to message.
pub(crate) fn pattern(number: u64, length: usize) -> Bytes {
    let mut random = Random(number);
    let mut bytes = Vec::with_capacity(length + 8);
    bytes.extend_from_slice(&number.to_be_bytes());
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_be_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// The types of the chunks in a packet; I-DATA counts as DATA.
pub(crate) fn chunk_types(packet: &[u8]) -> Vec<u8> {
    raw_chunk_types(packet).into_iter().map(|kind| if kind == 0x40 { 0 } else { kind }).collect()
}

/// The types of the chunks in a packet, as they are.
pub(crate) fn raw_chunk_types(packet: &[u8]) -> Vec<u8> {
    Packet::parse(packet).unwrap().chunks().map(|chunk| chunk.kind.0).collect()
}

/// A peer made by hand: it sends what a test writes, and reads what the association under test says.
pub(crate) struct Puppet {
    pub(crate) now: Instant,
    pub(crate) under_test: Association,
    /// The tag that our packets must carry.
    pub(crate) tag: u32,
    /// The first TSN of the association under test.
    pub(crate) their_tsn: u32,
}

/// The puppet's own tag and initial TSN.
pub(crate) const PUPPET_TAG: u32 = 0x7075_7070;
pub(crate) const PUPPET_TSN: u32 = 1000;

pub(crate) fn puppet_init() -> Init {
    Init {
        initiate_tag: PUPPET_TAG,
        a_rwnd: 100_000,
        outbound_streams: 100,
        inbound_streams: 100,
        initial_tsn: PUPPET_TSN,
        capabilities: Capabilities { forward_tsn: true, reconfig: true, ..Capabilities::default() },
    }
}

/// A packet with a right checksum around chunks.
pub(crate) fn packet(tag: u32, chunks: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    put_header(&mut out, 5000, 5000, tag);
    chunks(&mut out);
    plywood_sctp::fill_in_checksum(&mut out);
    out
}

impl Puppet {
    /// Not connected yet.
    pub(crate) fn new(config: Config) -> Self {
        let now = start();
        Self { now, under_test: Association::new(config, [7; 32], now), tag: 0, their_tsn: 0 }
    }

    /// Connected, the puppet having sent INIT.
    pub(crate) fn connected(config: Config) -> Self {
        let mut puppet = Self::new(config);
        puppet.handshake(&puppet_init());
        puppet
    }

    pub(crate) fn handshake(&mut self, init: &Init) {
        let cookie = self.init(init);
        self.under_test
            .handle_datagram(self.now, &packet(self.tag, |out| put_cookie_echo(out, &cookie)))
            .unwrap();
        assert!(self.under_test.is_connected());
        assert_eq!(self.chunks(), [0x0b]);
        assert_eq!(self.under_test.poll_event(), Some(Event::Connected));
    }

    /// Sends INIT; the result is the cookie of the INIT ACK.
    pub(crate) fn init(&mut self, init: &Init) -> Vec<u8> {
        let _ = self.under_test.handle_datagram(self.now, &packet(0, |out| init.encode(out)));
        let answer = self.poll().expect("INIT ACK");
        let parsed = Packet::parse(&answer).unwrap();
        assert_eq!(parsed.header.verification_tag, init.initiate_tag);
        let chunk = parsed.chunks().next().unwrap();
        assert_eq!(chunk.kind, ChunkType::INIT_ACK);
        let ack = ReceivedInit::parse(&chunk).unwrap();
        self.tag = ack.init.initiate_tag;
        self.their_tsn = ack.init.initial_tsn;
        ack.cookie.unwrap().to_vec()
    }

    pub(crate) fn poll(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.under_test.poll_transmit(self.now, 1200, &mut out)?;
        Some(out)
    }

    /// The chunk types of all packets that wait.
    pub(crate) fn chunks(&mut self) -> Vec<u8> {
        std::iter::from_fn(|| self.poll()).flat_map(|packet| chunk_types(&packet)).collect()
    }

    pub(crate) fn feed(&mut self, chunks: impl FnOnce(&mut Vec<u8>)) -> Result<(), Discard> {
        self.under_test.handle_datagram(self.now, &packet(self.tag, chunks))
    }

    /// One DATA chunk, `offset` after the puppet's initial TSN.
    pub(crate) fn data(
        &mut self,
        offset: u32,
        flags: u8,
        stream: u16,
        ssn: u16,
        payload: &[u8],
    ) -> Result<(), Discard> {
        let tsn = PUPPET_TSN.wrapping_add(offset);
        self.feed(|out| Data { flags: DataFlags(flags), tsn, stream, ssn, ppid: 53, payload }.encode(out))
    }

    /// A SACK for everything up to `offset` before the other side's initial TSN plus `offset`.
    pub(crate) fn sack(&mut self, offset: u32, a_rwnd: u32, blocks: &[(u16, u16)]) -> Result<(), Discard> {
        let cumulative = self.their_tsn.wrapping_add(offset).wrapping_sub(1);
        let blocks: Vec<GapBlock> = blocks.iter().map(|&(start, end)| GapBlock { start, end }).collect();
        self.feed(|out| put_sack(out, cumulative, a_rwnd, blocks.into_iter(), &[]))
    }

    /// Lets time pass, with all timers on the way.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.under_test.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.under_test.handle_timeout(self.now);
        }
        self.now = end;
    }
}

pub(crate) fn put_cookie_echo(out: &mut Vec<u8>, cookie: &[u8]) {
    put_chunk(out, ChunkType::COOKIE_ECHO, 0, |out| out.extend_from_slice(cookie));
}
