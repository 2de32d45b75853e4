//! Two connections and a network between them, in virtual time.
//!
//! ```text
//!   client --datagrams--> Link { loss, duplication, reordering, delay } --> server
//!          <------------------------------------------------------------
//! ```
//!
//! Equal seeds give equal networks, so a failing seed can be run again.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, reason = "shared by the test files")]
#![allow(clippy::unwrap_used, reason = "test code")]

pub mod forge;

use std::sync::Arc;
use std::time::{Duration, Instant};

use plywood_dtls::fingerprint::{Fingerprint, HashAlgorithm};
use plywood_dtls::provider::{self, Provider};
use plywood_dtls::wire::codes::{CipherSuite, NamedGroup};
use plywood_dtls::{
    CloseReason, Config, Connection, Discard, Event, HandshakeError, Identity, Role, Versions,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

pub const A_CERTIFICATE: &[u8] = include_bytes!("../data/a.cert.der");
pub const A_KEY: &[u8] = include_bytes!("../data/a.key.der");
pub const B_CERTIFICATE: &[u8] = include_bytes!("../data/b.cert.der");
pub const B_KEY: &[u8] = include_bytes!("../data/b.key.der");
pub const V1_CERTIFICATE: &[u8] = include_bytes!("../data/v1.cert.der");
pub const V1_KEY: &[u8] = include_bytes!("../data/v1.key.der");
pub const RSA_CERTIFICATE: &[u8] = include_bytes!("../data/rsa.cert.der");

pub fn providers() -> Vec<Arc<dyn Provider>> {
    vec![
        #[cfg(feature = "ring")]
        provider::ring(),
        provider::rustcrypto(),
    ]
}

#[expect(clippy::disallowed_methods, reason = "any instant will do as the start of virtual time")]
pub fn start_of_time() -> Instant {
    Instant::now()
}

pub fn identity(provider: &Arc<dyn Provider>, certificate: &[u8], key: &[u8]) -> Arc<Identity> {
    Arc::new(Identity::from_der(&**provider, certificate, key).unwrap())
}

/// Configurations of a client with certificate A and a server with certificate B that know each other.
pub fn configs(provider: &Arc<dyn Provider>) -> (Config, Config) {
    let a = identity(provider, A_CERTIFICATE, A_KEY);
    let b = identity(provider, B_CERTIFICATE, B_KEY);
    let (fingerprint_a, fingerprint_b) = (a.fingerprint().clone(), b.fingerprint().clone());
    let mut client = Config::new(Role::Client, a, provider.clone(), vec![fingerprint_b]);
    let mut server = Config::new(Role::Server, b, provider.clone(), vec![fingerprint_a]);
    (client.versions, server.versions) = (Versions::ONLY_1_2, Versions::ONLY_1_2);
    (client, server)
}

/// The same with every version enabled: two of our own ends speak 1.3 then.
pub fn configs_13(provider: &Arc<dyn Provider>) -> (Config, Config) {
    let (mut client, mut server) = configs(provider);
    (client.versions, server.versions) = (Versions::default(), Versions::default());
    (client, server)
}

/// Both, for what is the same in both versions.
pub type Configs = fn(&Arc<dyn Provider>) -> (Config, Config);

/// Connects with one suite, in a group that the server insists on; data flows.
pub fn connect_with(
    configs: Configs,
    provider: &Arc<dyn Provider>,
    versions: Versions,
    suite: CipherSuite,
    group: NamedGroup,
) {
    let (mut client, mut server) = configs(provider);
    (client.versions, server.versions) = (versions, versions);
    client.cipher_suites = vec![suite];
    server.groups = vec![group];
    let mut pair = Pair::new(client, server, 2);
    pair.start();
    pair.run(Duration::from_secs(10));
    assert_eq!(pair.client.connection.suite(), Some(suite), "{} {group:?}", provider.name());
    assert_eq!(pair.server.connection.group(), Some(group), "{}", provider.name());
    pair.assert_data_flows();
}

/// What both ends send over a bad network.
pub fn bytes_sent(configs: Configs, seed: u64) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (client, server) = configs(&provider::rustcrypto());
    let mut pair = Pair::new(client, server, seed);
    pair.link = Link { loss_percent: 20, jitter: Duration::from_millis(30), ..Link::PERFECT };
    pair.start();
    pair.run(Duration::from_secs(60));
    (pair.client.sent, pair.server.sent)
}

/// A handshake in which one side was told another fingerprint; it judges, the other is judged.
pub fn with_a_wrong_fingerprint(
    configs: Configs,
    provider: &Arc<dyn Provider>,
    wrong_at_client: bool,
) -> (End, End) {
    let (mut client, mut server) = configs(provider);
    let wrong = Fingerprint { algorithm: HashAlgorithm::SHA256, value: vec![0; 32] };
    if wrong_at_client { &mut client } else { &mut server }.remote_fingerprints = vec![wrong];
    let mut pair = Pair::new(client, server, 4);
    pair.start();
    pair.run(Duration::from_secs(10));
    let Pair { client, server, .. } = pair;
    let (judge, judged) = if wrong_at_client { (client, server) } else { (server, client) };
    let mismatch = CloseReason::Handshake(HandshakeError::FingerprintMismatch);
    assert_eq!(judge.close_reason(), Some(mismatch));
    assert!(judge.received.is_empty() && judged.received.is_empty());
    (judge, judged)
}

/// What the network does to each datagram.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub loss_percent: u32,
    pub duplicate_percent: u32,
    pub delay: Duration,
    /// Each datagram takes up to this much longer: reordering.
    pub jitter: Duration,
}

impl Link {
    pub const PERFECT: Self = Self {
        loss_percent: 0,
        duplicate_percent: 0,
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
    };
}

/// One end, with what it received and was told.
#[derive(Debug)]
pub struct End {
    pub connection: Connection,
    pub events: Vec<Event>,
    pub received: Vec<Vec<u8>>,
    pub discards: Vec<Discard>,
    /// Every datagram sent.
    pub sent: Vec<Vec<u8>>,
}

impl End {
    pub fn new(config: Config, seed: [u8; 32], now: Instant) -> Self {
        Self {
            connection: Connection::new(config, seed, now),
            events: vec![],
            received: vec![],
            discards: vec![],
            sent: vec![],
        }
    }

    /// Handles a whole datagram.
    pub fn handle(&mut self, now: Instant, mut datagram: Vec<u8>) {
        let mut at = 0;
        while at < datagram.len() {
            at = match self.connection.open_record(now, &mut datagram, at) {
                Ok(opened) => {
                    if let Some(range) = opened.plaintext {
                        self.received.push(datagram[range].to_vec());
                    }
                    assert!(opened.next > at && opened.next <= datagram.len());
                    opened.next
                }
                Err(discarded) => {
                    self.discards.push(discarded.reason);
                    assert!(discarded.next > at && discarded.next <= datagram.len());
                    discarded.next
                }
            };
        }
        self.drain_events();
    }

    pub fn drain_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            self.events.push(event);
        }
        while let Some(data) = self.connection.poll_early_data() {
            self.received.push(data);
        }
    }

    pub fn drain_transmit(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut datagrams = vec![];
        let mut out = vec![];
        while let Some(length) = self.connection.poll_transmit(now, &mut out) {
            assert_eq!(length, out.len());
            self.sent.push(out.clone());
            datagrams.push(std::mem::take(&mut out));
        }
        datagrams
    }

    pub fn seal(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![];
        let mark = self.connection.begin_record(&mut out).unwrap();
        out.extend_from_slice(payload);
        self.connection.finish_record(&mut out, mark).unwrap();
        assert_eq!(out.len(), payload.len() + self.connection.record_overhead());
        out
    }

    pub fn close_reason(&self) -> Option<CloseReason> {
        self.events.iter().find_map(|event| match event {
            Event::Closed(reason) => Some(*reason),
            _ => None,
        })
    }
}

/// A client, a server, and what is under way between them.
#[derive(Debug)]
pub struct Pair {
    pub now: Instant,
    pub start: Instant,
    pub client: End,
    pub server: End,
    pub link: Link,
    /// Arrival, a number to break ties, whether it goes to the server, and the bytes.
    in_flight: Vec<(Instant, u64, bool, Vec<u8>)>,
    sent: u64,
    rng: ChaCha20Rng,
}

impl Pair {
    pub fn new(client: Config, server: Config, seed: u64) -> Self {
        let now = start_of_time();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut seed = || {
            let mut bytes = [0; 32];
            rng.fill_bytes(&mut bytes);
            bytes
        };
        let client = End::new(client, seed(), now);
        let server = End::new(server, seed(), now);
        Self { now, start: now, client, server, link: Link::PERFECT, in_flight: vec![], sent: 0, rng }
    }

    pub fn perfect(provider: &Arc<dyn Provider>) -> Self {
        let (client, server) = configs(provider);
        Self::new(client, server, 1)
    }

    /// Two ends that are connected.
    pub fn connected(provider: &Arc<dyn Provider>) -> Self {
        let mut pair = Self::perfect(provider);
        pair.start();
        pair.run(Duration::from_secs(10));
        assert!(pair.both_connected(), "{:?} {:?}", pair.client.events, pair.server.events);
        pair
    }

    pub fn start(&mut self) {
        self.client.connection.start(self.now);
        self.server.connection.start(self.now);
    }

    fn percent(&mut self, percent: u32) -> bool {
        self.rng.next_u32() % 100 < percent
    }

    pub fn send(&mut self, to_server: bool, datagram: &[u8]) {
        if self.percent(self.link.loss_percent) {
            return;
        }
        let copies = if self.percent(self.link.duplicate_percent) { 2 } else { 1 };
        for _ in 0..copies {
            let jitter_us = u64::try_from(self.link.jitter.as_micros()).unwrap();
            let jitter = if jitter_us == 0 { 0 } else { self.rng.next_u64() % jitter_us };
            let arrival = self.now + self.link.delay + Duration::from_micros(jitter);
            self.sent += 1;
            self.in_flight.push((arrival, self.sent, to_server, datagram.to_vec()));
        }
    }

    /// Takes what both ends want to say.
    pub fn pump(&mut self) {
        for datagram in self.client.drain_transmit(self.now) {
            self.send(true, &datagram);
        }
        for datagram in self.server.drain_transmit(self.now) {
            self.send(false, &datagram);
        }
        self.client.drain_events();
        self.server.drain_events();
    }

    /// Goes on to the next thing that happens before `deadline`; `false` if nothing does.
    pub fn step(&mut self, deadline: Instant) -> bool {
        self.pump();
        let arrival = self.in_flight.iter().map(|(at, ..)| *at).min();
        let timeouts = [self.client.connection.poll_timeout(), self.server.connection.poll_timeout()];
        let next = timeouts.into_iter().flatten().chain(arrival).min();
        let Some(next) = next.filter(|next| *next <= deadline) else { return false };
        self.now = self.now.max(next);
        let now = self.now;
        self.in_flight.sort_by_key(|(at, number, ..)| (*at, *number));
        while self.in_flight.first().is_some_and(|(at, ..)| *at <= now) {
            let (_, _, to_server, datagram) = self.in_flight.remove(0);
            if to_server { self.server.handle(now, datagram) } else { self.client.handle(now, datagram) }
        }
        for end in [&mut self.client, &mut self.server] {
            if end.connection.poll_timeout().is_some_and(|at| at <= now) {
                end.connection.handle_timeout(now);
                assert!(end.connection.poll_timeout().is_none_or(|at| at > now), "the timer spins");
            }
        }
        true
    }

    /// Runs until nothing happens any more, or for `time`.
    pub fn run(&mut self, time: Duration) {
        let deadline = self.now + time;
        let mut steps = 0;
        while self.step(deadline) {
            steps += 1;
            assert!(steps < 100_000, "it never ends");
        }
    }

    /// Runs until both are connected, or for `time`.
    pub fn run_until_connected(&mut self, time: Duration) {
        let deadline = self.now + time;
        while !self.both_connected() && self.step(deadline) {}
        self.pump();
    }

    pub fn both_connected(&self) -> bool {
        self.client.connection.is_connected() && self.server.connection.is_connected()
    }

    /// Data goes both ways, over a perfect network.
    pub fn assert_data_flows(&mut self) {
        self.link = Link::PERFECT;
        self.client.received.clear();
        self.server.received.clear();
        let hello = self.client.seal(b"from the client");
        self.send(true, &hello);
        let hello = self.server.seal(b"from the server");
        self.send(false, &hello);
        self.run(Duration::from_secs(1));
        assert_eq!(self.server.received, [b"from the client"]);
        assert_eq!(self.client.received, [b"from the server"]);
    }

    pub fn elapsed(&self) -> Duration {
        self.now.saturating_duration_since(self.start)
    }
}
