//! Two associations, a simulated network between them, and one clock.

use plywood_sctp::wire::{ChunkType, Packet};
use plywood_sctp::{Association, Config, Event, Message};
use plywood_simnet::{LinkConfig, LinkId, Network, seed_for, start};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// What stands around an SCTP packet on the wire: IPv4, UDP, a DTLS record. Only the first two are simulated.
pub(crate) const IP_AND_UDP: usize = 28;

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) ends: [Association; 2],
    pub(crate) network: Network,
    links: [LinkId; 2],
    addresses: [SocketAddr; 2],
    /// The budget of an end that does not look for its packet size.
    pub(crate) budget: usize,
    pub(crate) reading: [bool; 2],
    pub(crate) events: [Vec<Event>; 2],
    /// Messages with when they were polled.
    pub(crate) messages: [Vec<(Instant, Message)>; 2],
    /// Sizes of the probes that were sent, by either end.
    pub(crate) probes: Vec<usize>,
    began: Instant,
    /// Prints each packet: what a failing seed did.
    pub(crate) tracing: bool,
    /// A digest of all packets sent: equal runs have equal ones.
    pub(crate) digest: u64,
    /// The most that an end held for its application.
    pub(crate) most_held: usize,
}

impl World {
    pub(crate) fn new(seed: u64, link: LinkConfig, configs: [Config; 2]) -> Self {
        let now = start();
        let mut network = Network::new(seed);
        let ips = [1, 2].map(|last| IpAddr::from(Ipv4Addr::new(192, 0, 2, last)));
        let hosts = [network.add_host("a", &ips[..1]), network.add_host("b", &ips[1..])];
        let (there, back) = network.connect_hosts(hosts[0], hosts[1], link);
        let [a, b] = configs;
        Self {
            now,
            ends: [Association::new(a, seed_for(seed, 1), now), Association::new(b, seed_for(seed, 2), now)],
            network,
            links: [there, back],
            addresses: ips.map(|ip| SocketAddr::new(ip, 5000)),
            budget: 1172,
            reading: [true; 2],
            events: [Vec::new(), Vec::new()],
            messages: [Vec::new(), Vec::new()],
            probes: Vec::new(),
            began: now,
            tracing: std::env::var("PLYWOOD_TRACE").is_ok(),
            digest: 0xcbf2_9ce4_8422_2325,
            most_held: 0,
        }
    }

    /// Changes both directions of the path.
    pub(crate) fn set_link(&mut self, link: LinkConfig) {
        for id in self.links {
            self.network.set_link(id, link);
        }
    }

    /// What the path does now.
    pub(crate) fn link(&self) -> LinkConfig {
        *self.network.link(self.links[0]).unwrap()
    }

    /// Time, sender, and each chunk with the numbers that matter.
    fn trace(&self, from: usize, packet: &[u8]) {
        let word = |bytes: &[u8], at: usize| {
            bytes.get(at..at + 4).map_or(0, |word| u32::from_be_bytes(word.try_into().unwrap()))
        };
        let chunks = Packet::parse(packet).unwrap();
        let text: Vec<String> = chunks
            .chunks()
            .map(|chunk| match chunk.kind {
                ChunkType::DATA | ChunkType::I_DATA => {
                    format!("DATA {} on {}", word(chunk.value, 0), word(chunk.value, 4) >> 16)
                }
                ChunkType::SACK => {
                    let (cumulative, window) = (word(chunk.value, 0), word(chunk.value, 4));
                    format!("SACK {cumulative} window {window} {} gaps", word(chunk.value, 8) >> 16)
                }
                ChunkType::FORWARD_TSN | ChunkType::I_FORWARD_TSN => {
                    format!("FORWARD-TSN {}", word(chunk.value, 0))
                }
                kind => format!("{kind:?}"),
            })
            .collect();
        let at = self.now.saturating_duration_since(self.began);
        eprintln!("{:>10.4} {from} {}", at.as_secs_f64(), text.join(", "));
    }

    fn pump(&mut self) {
        let mut packet = Vec::new();
        for from in 0..2 {
            loop {
                packet.clear();
                let probe = self.ends[from].poll_probe(self.now, &mut packet);
                if let Some(bytes) = probe {
                    self.probes.push(bytes);
                } else {
                    let budget = self.ends[from].packet_bytes().unwrap_or(self.budget);
                    if self.ends[from].poll_transmit(self.now, budget, &mut packet).is_none() {
                        break;
                    }
                }
                for byte in &packet {
                    self.digest = (self.digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
                }
                if self.tracing {
                    self.trace(from, &packet);
                }
                self.network.send(self.now, self.addresses[from], self.addresses[1 - from], &packet);
            }
            self.collect(from);
        }
    }

    /// Takes events, and messages if the end is reading.
    pub(crate) fn collect(&mut self, end: usize) {
        self.most_held = self.most_held.max(self.ends[end].receive_held());
        while let Some(event) = self.ends[end].poll_event() {
            self.events[end].push(event);
        }
        if !self.reading[end] {
            return;
        }
        while let Some(message) = self.ends[end].poll_message() {
            self.ends[end].release(self.now, message.data.len());
            self.messages[end].push((self.now, message));
        }
        while let Some(event) = self.ends[end].poll_event() {
            self.events[end].push(event);
        }
    }

    /// The next thing that happens, if it happens until `end`.
    fn step(&mut self, end: Instant) -> bool {
        self.pump();
        let timers = self.ends.iter().filter_map(Association::poll_timeout);
        let Some(next) = timers.chain(self.network.poll_timeout()).min().filter(|next| *next <= end) else {
            self.now = self.now.max(end);
            return false;
        };
        self.now = self.now.max(next);
        while let Some(delivery) = self.network.poll_delivery(self.now) {
            let to = usize::from(delivery.to == self.addresses[1]);
            let result = self.ends[to].handle_datagram(self.now, &delivery.bytes);
            if self.tracing {
                eprintln!("{:>10.4}   {to} took {:?}", (self.now - self.began).as_secs_f64(), result);
            }
            self.network.recycle(delivery.bytes);
        }
        for end in &mut self.ends {
            end.handle_timeout(self.now);
            assert!(end.poll_timeout().is_none_or(|at| at > self.now), "a timer stays in the past");
        }
        true
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.pump();
    }

    /// Runs until `done`, at most `time`; false if it did not come.
    pub(crate) fn run_until(&mut self, time: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + time;
        while !done(self) {
            if !self.step(end) {
                self.pump();
                return done(self);
            }
        }
        true
    }

    pub(crate) fn connect(&mut self) {
        for end in &mut self.ends {
            end.connect(self.now);
        }
    }
}
