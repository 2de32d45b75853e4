//! A small world for two agents: virtual time, delay, loss, reordering, duplication, all from one seed.
#![allow(unreachable_pub, reason = "shared by test files, each a crate of its own")]
#![allow(dead_code, reason = "each test file uses its part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plywood_ice::{Agent, Candidate, CandidateKind, Config, Event, LocalId, Role, State};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Where virtual time starts.
pub fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "virtual time needs one real instant to count from")]
    Instant::now()
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A remote candidate as signalling would bring it.
pub fn candidate(at: &str, foundation: &str, priority: u32) -> Candidate {
    Candidate {
        foundation: foundation.to_owned(),
        component: 1,
        priority,
        address: address(at),
        kind: CandidateKind::Host,
        related: None,
        ufrag: None,
    }
}

/// A datagram on its way.
#[derive(Debug, Clone)]
struct Flight {
    to: usize,
    source: SocketAddr,
    destination: SocketAddr,
    bytes: Vec<u8>,
}

/// Two agents and the network between them.
pub struct World {
    pub now: Instant,
    pub base: Instant,
    pub agents: [Agent; 2],
    pub events: [Vec<(Duration, Event)>; 2],
    /// Sockets of each agent.
    pub sockets: [Vec<(LocalId, SocketAddr)>; 2],
    pub delay: Duration,
    pub jitter: Duration,
    pub loss_percent: u32,
    pub duplicate_percent: u32,
    /// Whether a datagram from, to may pass.
    pub passes: fn(Duration, SocketAddr, SocketAddr) -> bool,
    /// Every datagram sent: when, from, to, bytes.
    pub wire: Vec<(Duration, SocketAddr, SocketAddr, Vec<u8>)>,
    flights: BTreeMap<(Instant, u64), Flight>,
    sequence: u64,
    rng: ChaCha12Rng,
}

impl World {
    /// L controls, R is controlled; 10 ms each way; no candidates yet.
    pub fn new(seed: u8) -> Self {
        Self::with_config(seed, Config::default())
    }

    pub fn with_config(seed: u8, config: Config) -> Self {
        let base = start();
        let mut agents =
            [Agent::new(config.clone(), [seed; 32], base), Agent::new(config, [seed ^ 0xff; 32], base)];
        agents[0].set_role(Role::Controlling);
        Self {
            now: base,
            base,
            agents,
            events: [Vec::new(), Vec::new()],
            sockets: [Vec::new(), Vec::new()],
            delay: ms(10),
            jitter: Duration::ZERO,
            loss_percent: 0,
            duplicate_percent: 0,
            passes: |_, _, _| true,
            wire: Vec::new(),
            flights: BTreeMap::new(),
            sequence: 0,
            rng: ChaCha12Rng::from_seed([seed; 32]),
        }
    }

    /// A world whose agents have one address each and know all of each other.
    pub fn pair(seed: u8) -> Self {
        let mut world = Self::new(seed);
        world.socket(0, "192.0.2.1:1000");
        world.socket(1, "192.0.2.2:2000");
        world.signal();
        world
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.base
    }

    pub fn socket(&mut self, agent: usize, at: &str) -> LocalId {
        let id = LocalId(u16::try_from(self.sockets[agent].len()).unwrap());
        self.sockets[agent].push((id, address(at)));
        self.agents[agent].add_local_host(self.now, id, address(at)).unwrap();
        id
    }

    /// Credentials both ways.
    pub fn credentials(&mut self) {
        for (me, other) in [(0, 1), (1, 0)] {
            self.credentials_to(me, other);
        }
    }

    pub fn credentials_to(&mut self, me: usize, other: usize) {
        let credentials = self.agents[other].local_credentials().clone();
        self.agents[me].set_remote_credentials(self.now, credentials).unwrap();
    }

    pub fn candidates_to(&mut self, me: usize, other: usize) {
        let candidates: Vec<_> = self.agents[other].local_candidates().cloned().collect();
        for candidate in candidates {
            self.agents[me].add_remote_candidate(self.now, candidate).unwrap();
        }
    }

    /// Everything both ways, at once.
    pub fn signal(&mut self) {
        self.credentials();
        self.candidates_to(0, 1);
        self.candidates_to(1, 0);
    }

    /// Restarts by `me`; the other answers; candidates both ways.
    pub fn restart(&mut self, me: usize) {
        self.agents[me].restart(self.now);
        self.credentials_to(1 - me, me);
        self.credentials_to(me, 1 - me);
        self.candidates_to(0, 1);
        self.candidates_to(1, 0);
    }

    /// Sends what is to be sent and takes events.
    pub fn drain(&mut self) {
        for me in 0..2 {
            let mut out = Vec::new();
            while let Some(transmit) = self.agents[me].poll_transmit(self.now, &mut out) {
                assert_eq!(transmit.len, out.len());
                let local = self.sockets[me].iter().find(|(id, _)| *id == transmit.source).unwrap().1;
                let bytes = std::mem::take(&mut out);
                self.send(local, transmit.destination, &bytes);
            }
            while let Some(event) = self.agents[me].poll_event() {
                self.events[me].push((self.now - self.base, event));
            }
        }
    }

    /// Puts a datagram on the wire.
    pub fn send(&mut self, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        self.wire.push((self.elapsed(), source, destination, bytes.to_vec()));
        if !(self.passes)(self.elapsed(), source, destination)
            || self.rng.next_u32() % 100 < self.loss_percent
        {
            return;
        }
        let copies = if self.rng.next_u32() % 100 < self.duplicate_percent { 2 } else { 1 };
        let Some(to) = (0..2).find(|me| self.sockets[*me].iter().any(|(_, at)| *at == destination)) else {
            return;
        };
        for _ in 0..copies {
            let jitter = self.jitter.checked_mul(self.rng.next_u32() % 1000).unwrap() / 1000;
            self.sequence += 1;
            let flight = Flight { to, source, destination, bytes: bytes.to_vec() };
            self.flights.insert((self.now + self.delay + jitter, self.sequence), flight);
        }
    }

    /// Goes to the next moment at which anything happens, at most to `until`. False at `until`.
    pub fn step(&mut self, until: Instant) -> bool {
        self.drain();
        let next_flight = self.flights.keys().next().map(|(at, _)| *at);
        let next_timer = self.agents.iter().filter_map(Agent::poll_timeout).min();
        let Some(next) = [next_flight, next_timer].into_iter().flatten().min().filter(|at| *at <= until)
        else {
            self.now = until;
            return false;
        };
        self.now = self.now.max(next);
        while let Some(entry) = self.flights.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let flight = entry.remove();
            let local = self.sockets[flight.to].iter().find(|(_, at)| *at == flight.destination).unwrap().0;
            let _ = self.agents[flight.to].handle_datagram(self.now, local, flight.source, &flight.bytes);
            self.drain();
        }
        for agent in &mut self.agents {
            if agent.poll_timeout().is_some_and(|at| at <= self.now) {
                agent.handle_timeout(self.now);
                let again = agent.poll_timeout();
                assert!(
                    again.is_none_or(|at| at > self.now),
                    "the timer {again:?} did not move past {:?}",
                    self.now
                );
            }
        }
        self.drain();
        true
    }

    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        let mut steps = 0;
        while self.step(until) {
            steps += 1;
            assert!(steps < 200_000, "spinning");
        }
    }

    /// Runs until `done`; the time it took.
    pub fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> Duration {
        let (began, until) = (self.now, self.now + limit);
        while !done(self) {
            assert!(
                self.step(until),
                "not done after {limit:?}: {:?}",
                self.agents.each_ref().map(Agent::state)
            );
        }
        self.now - began
    }

    pub fn states(&self) -> [State; 2] {
        self.agents.each_ref().map(Agent::state)
    }

    pub fn both(&self, state: State) -> bool {
        self.states() == [state, state]
    }

    pub fn has_paths(&self) -> bool {
        self.agents.iter().all(|agent| agent.path().is_some())
    }

    /// Requests on the wire with USE-CANDIDATE or not, by sender's address.
    pub fn requests_from(&self, source: SocketAddr) -> usize {
        self.wire.iter().filter(|(_, from, _, bytes)| *from == source && bytes.starts_with(&[0, 1])).count()
    }
}
