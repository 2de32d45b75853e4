//! Two peer connections on a simulated network, in virtual time.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plywood_dtls::{Identity, provider};
use plywood_peer::{
    ChannelConfig, ChannelId, Config, Event, Kind, LocalId, PeerConnection, Reliability, SdpKind, SendError,
};
use plywood_simnet::{LinkConfig, Network, seed_for, start};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// Who holds which certificate.
pub fn identity(name: &str) -> Arc<Identity> {
    let (certificate, key): (&[u8], &[u8]) = match name {
        "alice" => (include_bytes!("../data/alice.cert.der"), include_bytes!("../data/alice.key.der")),
        "bob" => (include_bytes!("../data/bob.cert.der"), include_bytes!("../data/bob.key.der")),
        _ => (include_bytes!("../data/mallory.cert.der"), include_bytes!("../data/mallory.key.der")),
    };
    Arc::new(Identity::from_der(&*provider::rustcrypto(), certificate, key).unwrap())
}

/// The configuration of the simulations: deterministic crypto.
pub fn config(name: &str) -> Config {
    Config::new(identity(name), provider::rustcrypto())
}

pub fn channel(label: &str) -> ChannelConfig {
    ChannelConfig { label: label.to_owned(), ..ChannelConfig::default() }
}

pub fn unordered(label: &str) -> ChannelConfig {
    ChannelConfig { ordered: false, ..channel(label) }
}

pub fn unreliable(label: &str, retransmits: u32) -> ChannelConfig {
    ChannelConfig { ordered: false, reliability: Reliability::MaxRetransmits(retransmits), ..channel(label) }
}

/// One peer, its socket, and everything that it told.
pub struct Side {
    pub peer: PeerConnection,
    pub address: SocketAddr,
    pub local: LocalId,
    pub events: Vec<Event>,
    pub messages: BTreeMap<ChannelId, Vec<(Kind, Bytes)>>,
    /// Messages that wait for room.
    pub backlog: VecDeque<(ChannelId, Kind, Bytes)>,
    /// What has left so far, hashed by order, for replays.
    pub sent: Vec<u8>,
    pub keep_sent: bool,
    pub hold_messages: bool,
}

impl Side {
    fn new(config: Config, seed: [u8; 32], address: SocketAddr, now: Instant) -> Self {
        Self {
            peer: PeerConnection::new(config, seed, now),
            address,
            local: LocalId(0),
            events: Vec::new(),
            messages: BTreeMap::new(),
            backlog: VecDeque::new(),
            sent: Vec::new(),
            keep_sent: false,
            hold_messages: false,
        }
    }

    pub fn saw(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(wanted)
    }

    pub fn opened(&self) -> Vec<ChannelId> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::ChannelOpened { id, .. } => Some(*id),
                _ => None,
            })
            .collect()
    }

    /// The channel of the other side that carries `label`.
    pub fn by_label(&self, label: &str) -> Option<ChannelId> {
        self.opened()
            .into_iter()
            .find(|id| self.peer.channel_config(*id).is_some_and(|config| config.label == label))
    }

    pub fn queue(&mut self, id: ChannelId, kind: Kind, data: Bytes) {
        self.backlog.push_back((id, kind, data));
    }

    pub fn received(&self, id: ChannelId) -> &[(Kind, Bytes)] {
        self.messages.get(&id).map_or(&[], Vec::as_slice)
    }

    fn flush_backlog(&mut self, now: Instant) {
        let mut blocked: Vec<ChannelId> = Vec::new();
        let mut rest = VecDeque::new();
        while let Some((id, kind, data)) = self.backlog.pop_front() {
            if blocked.contains(&id) {
                rest.push_back((id, kind, data));
                continue;
            }
            match self.peer.send(now, id, kind, data.clone()) {
                Ok(()) => {}
                Err(SendError::QueueFull { .. } | SendError::NotConnected) => {
                    blocked.push(id);
                    rest.push_back((id, kind, data));
                }
                Err(error) => panic!("send on {id:?}: {error}"),
            }
        }
        self.backlog = rest;
    }

    fn drain(&mut self, now: Instant) {
        loop {
            if let Some(event) = self.peer.poll_event() {
                self.events.push(event);
                continue;
            }
            if self.hold_messages {
                break;
            }
            if let Some(message) = self.peer.poll_message() {
                self.peer.release(now, message.window_bytes);
                self.messages.entry(message.id).or_default().push((message.kind, message.data));
                continue;
            }
            break;
        }
    }
}

/// The simulation.
pub struct World {
    pub network: Network,
    pub now: Instant,
    pub begin: Instant,
    pub sides: [Side; 2],
    pub trickle: bool,
    /// Somebody on the path who sends datagrams of their own.
    pub inject: Option<Attacker>,
    /// No datagram may be larger; 1200 unless the test lets the peers look for more.
    pub largest_datagram: usize,
    /// Segments of the longest batch so far.
    pub longest_batch: usize,
    buffer: Vec<u8>,
}

/// Called for each datagram that passes.
pub type Attacker = Box<dyn FnMut(&mut Network, Instant, &Attack<'_>)>;

/// What an attacker on the path sees.
pub struct Attack<'a> {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: &'a [u8],
}

pub const ALICE: usize = 0;
pub const BOB: usize = 1;

impl World {
    pub fn new(seed: u64, link: LinkConfig) -> Self {
        Self::with_configs(seed, link, config("alice"), config("bob"))
    }

    pub fn with_configs(seed: u64, link: LinkConfig, alice: Config, bob: Config) -> Self {
        let now = start();
        let addresses: [SocketAddr; 2] = ["10.0.0.1:5001".parse().unwrap(), "10.0.0.2:5002".parse().unwrap()];
        let mut network = Network::new(seed);
        network.connect(addresses[0].ip(), addresses[1].ip(), link);
        let sides = [
            Side::new(alice, seed_for(seed, 1), addresses[0], now),
            Side::new(bob, seed_for(seed, 2), addresses[1], now),
        ];
        Self {
            network,
            now,
            begin: now,
            sides,
            trickle: false,
            inject: None,
            largest_datagram: 1200,
            longest_batch: 0,
            buffer: Vec::new(),
        }
    }

    /// Offer and answer, with all candidates inside them.
    pub fn signal(&mut self) {
        for side in &mut self.sides {
            side.peer.add_local_host(self.now, LocalId(0), side.address).unwrap();
            side.peer.end_of_local_candidates(self.now);
        }
        self.exchange(ALICE, BOB);
    }

    /// One exchange of descriptions.
    pub fn exchange(&mut self, offerer: usize, answerer: usize) {
        let now = self.now;
        let offer = self.sides[offerer].peer.create_offer(now).unwrap();
        self.sides[offerer].peer.set_local_description(now, SdpKind::Offer, &offer).unwrap();
        self.answer(offerer, answerer);
    }

    /// The second half: the offer that the offerer has set goes over, and the answer comes back.
    pub fn answer(&mut self, offerer: usize, answerer: usize) {
        let now = self.now;
        let offer = self.sides[offerer].peer.local_description().unwrap().sdp;
        self.sides[answerer].peer.set_remote_description(now, SdpKind::Offer, &offer).unwrap();
        let answer = self.sides[answerer].peer.create_answer(now).unwrap();
        self.sides[answerer].peer.set_local_description(now, SdpKind::Answer, &answer).unwrap();
        let answer = self.sides[answerer].peer.local_description().unwrap().sdp;
        self.sides[offerer].peer.set_remote_description(now, SdpKind::Answer, &answer).unwrap();
    }

    /// Runs until `done`; false if `limit` of virtual time passed first, or nothing is left to happen.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            self.settle();
            if done(self) {
                return true;
            }
            self.settle();
            let timeouts = self.sides.iter().filter_map(|side| side.peer.poll_timeout());
            let Some(next) = timeouts.chain(self.network.poll_timeout()).min() else { return done(self) };
            if next > end {
                self.now = end;
                return done(self);
            }
            self.now = self.now.max(next);
            self.deliver();
            for side in &mut self.sides {
                if side.peer.poll_timeout().is_some_and(|at| at <= self.now) {
                    side.peer.handle_timeout(self.now);
                    let after = side.peer.poll_timeout();
                    assert!(after.is_none_or(|at| at > self.now), "a timer in the past would spin");
                }
            }
        }
    }

    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    fn deliver(&mut self) {
        while let Some(mut delivery) = self.network.poll_delivery(self.now) {
            for side in &mut self.sides {
                if side.address == delivery.to {
                    let _ =
                        side.peer.handle_datagram(self.now, side.local, delivery.from, &mut delivery.bytes);
                }
            }
            self.network.recycle(delivery.bytes);
        }
    }

    /// Sends and drains until nobody has anything to say.
    pub fn settle(&mut self) {
        for side in &mut self.sides {
            side.drain(self.now);
            side.flush_backlog(self.now);
            loop {
                self.buffer.clear();
                let Some(transmit) = side.peer.poll_transmit(self.now, 64, &mut self.buffer) else { break };
                assert_eq!(transmit.len, self.buffer.len());
                assert!(transmit.segment_size <= self.largest_datagram);
                self.longest_batch = self.longest_batch.max(transmit.len.div_ceil(transmit.segment_size));
                for datagram in self.buffer.chunks(transmit.segment_size) {
                    if side.keep_sent {
                        side.sent.extend_from_slice(datagram);
                    }
                    self.network.send(self.now, side.address, transmit.destination, datagram);
                    if let Some(inject) = &mut self.inject {
                        let (from, to) = (side.address, transmit.destination);
                        inject(&mut self.network, self.now, &Attack { from, to, bytes: datagram });
                    }
                }
                side.drain(self.now);
                side.flush_backlog(self.now);
            }
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.begin
    }

    /// Connects both sides and opens one channel of Alice's; its ids on both sides.
    pub fn connected(&mut self, config: ChannelConfig) -> (ChannelId, ChannelId) {
        let label = config.label.clone();
        let ours = self.sides[ALICE].peer.create_data_channel(self.now, config).unwrap();
        self.signal();
        let open = self.run_until(Duration::from_secs(60), |world| {
            world.sides[BOB].by_label(&label).is_some() && world.sides[ALICE].opened().contains(&ours)
        });
        assert!(open, "not connected after {:?}: {:?}", self.elapsed(), self.sides[ALICE].events);
        (ours, self.sides[BOB].by_label(&label).unwrap())
    }
}

/// A message of `size` bytes that tells which one it is.
pub fn payload(seed: u64, index: u64, size: usize) -> Bytes {
    let mut rng = ChaCha12Rng::from_seed(seed_for(seed, 1000 + index));
    let mut bytes = vec![0; size];
    rng.fill_bytes(&mut bytes);
    bytes.into()
}

/// A random number below `bound`.
pub fn below(rng: &mut ChaCha12Rng, bound: u64) -> u64 {
    rng.next_u64() % bound
}
