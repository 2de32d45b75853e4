//! Two associations and a link between them in virtual time: delay, loss, reordering, duplication, all from a seed.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "test code")]

use bytes::Bytes;
use plywood_sctp::{Association, Config, Event, Message, Ppid, Reliability, SendOptions, StreamId};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Where virtual time begins; only differences count.
#[expect(clippy::disallowed_methods, reason = "a starting point; nothing depends on its value")]
pub fn start() -> Instant {
    Instant::now()
}

/// A small generator (SplitMix64): equal seeds, equal runs.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// What the path does, the same both ways.
#[derive(Debug, Clone, Copy)]
pub struct Path {
    pub delay: Duration,
    pub loss_per_mille: u64,
    pub duplicate_per_mille: u64,
    /// Extra delay of up to this much for each packet: reordering.
    pub jitter: Duration,
    pub budget: usize,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            loss_per_mille: 0,
            duplicate_per_mille: 0,
            jitter: Duration::ZERO,
            budget: 1200,
        }
    }
}

pub struct Net {
    pub now: Instant,
    pub ends: [Association; 2],
    pub path: Path,
    pub random: Random,
    /// (arrival, order) -> (receiver, packet)
    pub wire: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    order: u64,
    pub events: [Vec<Event>; 2],
    pub messages: [Vec<Message>; 2],
    /// Releases at once what it polls.
    pub reading: [bool; 2],
    /// Every packet that was sent: (sender, bytes).
    pub log: Vec<(usize, Vec<u8>)>,
    pub logging: bool,
    /// Drops packets by content: (sender, packet) -> drop?
    pub filter: Option<Box<dyn FnMut(usize, &[u8]) -> bool>>,
}

impl Net {
    pub fn new(seed: u64, path: Path, config: impl Fn(usize) -> Config) -> Self {
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
            events: [Vec::new(), Vec::new()],
            messages: [Vec::new(), Vec::new()],
            reading: [true, true],
            log: Vec::new(),
            logging: false,
            filter: None,
        }
    }

    /// Both sides connected, over a path without faults until then.
    pub fn connected(seed: u64, path: Path, config: impl Fn(usize) -> Config) -> Self {
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
    pub fn pump(&mut self) {
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
                self.carry(from, packet);
            }
            self.collect(from);
        }
    }

    pub fn collect(&mut self, end: usize) {
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

    fn carry(&mut self, from: usize, packet: Vec<u8>) {
        let dropped = self.filter.as_mut().is_some_and(|filter| filter(from, &packet));
        if dropped || self.random.chance(self.path.loss_per_mille) {
            return;
        }
        let copies = 1 + usize::from(self.random.chance(self.path.duplicate_per_mille));
        for _ in 0..copies {
            let jitter = self.path.jitter.mul_f64(self.random.below(1000) as f64 / 1000.0);
            self.order += 1;
            self.wire.insert((self.now + self.path.delay + jitter, self.order), (1 - from, packet.clone()));
        }
    }

    /// The next thing that happens, if it happens until `end`.
    pub fn step(&mut self, end: Instant) -> bool {
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

    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.pump();
    }

    /// Runs until `done`, at most `time`; false if it did not come.
    pub fn run_until(&mut self, time: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
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

    pub fn send(&mut self, from: usize, stream: u16, data: impl Into<Bytes>) {
        self.send_with(from, stream, data, SendOptions::default());
    }

    pub fn send_with(&mut self, from: usize, stream: u16, data: impl Into<Bytes>, options: SendOptions) {
        self.ends[from].send(self.now, StreamId(stream), Ppid(53), data.into(), options).unwrap();
    }
}

pub fn unordered() -> SendOptions {
    SendOptions { unordered: true, reliability: Reliability::Reliable }
}

pub fn max_retransmits(count: u32) -> SendOptions {
    SendOptions { unordered: false, reliability: Reliability::MaxRetransmits(count) }
}

pub fn max_lifetime(time: Duration) -> SendOptions {
    SendOptions { unordered: false, reliability: Reliability::MaxLifetime(time) }
}

/// `length` bytes that differ from message to message.
pub fn pattern(number: u64, length: usize) -> Bytes {
    let mut random = Random(number);
    let mut bytes = Vec::with_capacity(length + 8);
    bytes.extend_from_slice(&number.to_be_bytes());
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_be_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// The types of the chunks in a packet.
pub fn chunk_types(packet: &[u8]) -> Vec<u8> {
    plywood_sctp::wire::Packet::parse(packet).unwrap().chunks().map(|chunk| chunk.kind.0).collect()
}
