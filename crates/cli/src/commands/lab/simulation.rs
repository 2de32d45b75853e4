//! Two peers on a simulated network: the loop that every driver runs, in virtual time.
//!
//! ```text
//!   left --- link: delay, loss, copies ---> right          now jumps to the next deadline
//!        <---------------------------------
//! ```
//! Nothing here reads a clock or draws randomness: equal seeds give equal runs, byte by byte.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use plywood_peer::plies::dtls::{Identity, provider};
use plywood_peer::{
    ChannelConfig, ChannelId, Config, Event, Kind, LocalId, PeerConnection, Reliability, SdpKind, SendError,
};
use plywood_simnet::{Network, seed_for, start};

use super::scenario::Scenario;

/// Virtual time after which a run counts as stuck.
const PATIENCE: Duration = Duration::from_secs(600);
const SOCKET: LocalId = LocalId(0);

/// Something worth a line of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Note {
    pub(super) at: Duration,
    pub(super) host: &'static str,
    pub(super) what: String,
}

/// One end.
struct Host {
    name: &'static str,
    address: SocketAddr,
    peer: PeerConnection,
    received: u64,
    received_bytes: u64,
}

/// Messages that a channel still has to send.
struct Load {
    id: ChannelId,
    left: u32,
    ready: bool,
}

/// A run, from the descriptions to the last message.
pub(super) struct Simulation {
    scenario: Scenario,
    begin: Instant,
    now: Instant,
    network: Network,
    hosts: [Host; 2],
    loads: Vec<Load>,
    pub(super) notes: Vec<Note>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) took: Duration,
    pub(super) datagrams: u64,
    pub(super) lost: u64,
    pub(super) duplicated: u64,
}

impl Simulation {
    /// Two hosts that know nothing of each other yet.
    ///
    /// # Errors
    /// The fixed certificates cannot be read: a bug.
    pub(super) fn new(scenario: Scenario, seed: u64) -> anyhow::Result<Self> {
        let begin = start();
        let mut network = Network::new(seed);
        let left =
            Host::new("left", "10.0.0.1:5001", include_str!("../../../scenarios/left.pem"), seed, begin)?;
        let right = Host::new(
            "right",
            "10.0.0.2:5002",
            include_str!("../../../scenarios/right.pem"),
            seed + 1,
            begin,
        )?;
        network.connect(left.address.ip(), right.address.ip(), scenario.link());
        let hosts = [left, right];
        Ok(Self { scenario, begin, now: begin, network, hosts, loads: Vec::new(), notes: Vec::new() })
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// The connection failed, or nothing moved any more.
    pub(super) fn run(&mut self) -> anyhow::Result<Outcome> {
        self.introduce()?;
        let wanted = u64::from(self.scenario.messages) * u64::from(self.scenario.channels);
        while self.hosts[1].received < wanted {
            self.settle()?;
            let next = self.next_deadline().context("nothing is due any more, and messages are missing")?;
            self.now = self.now.max(next);
            ensure!(self.elapsed() < PATIENCE, "messages are missing after {PATIENCE:?} of virtual time");
            self.deliver();
            for host in &mut self.hosts {
                if host.peer.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
                    host.peer.handle_timeout(self.now);
                }
            }
            self.settle()?;
        }
        self.note(1, format!("all {wanted} messages are here"));
        let stats = self.network.stats();
        Ok(Outcome {
            messages: self.hosts[1].received,
            bytes: self.hosts[1].received_bytes,
            took: self.elapsed(),
            datagrams: stats.sent,
            lost: stats.drops.total(),
            duplicated: stats.duplicated,
        })
    }

    fn elapsed(&self) -> Duration {
        self.now.saturating_duration_since(self.begin)
    }

    fn note(&mut self, host: usize, what: String) {
        self.notes.push(Note { at: self.elapsed(), host: self.hosts[host].name, what });
    }

    /// The descriptions travel in no time; candidates are inside them.
    fn introduce(&mut self) -> anyhow::Result<()> {
        let now = self.now;
        let [left, right] = &mut self.hosts;
        for number in 0..self.scenario.channels {
            let config = ChannelConfig {
                label: format!("lab {number}"),
                protocol: String::new(),
                ordered: number % 2 == 0,
                reliability: Reliability::Reliable,
                priority: 256,
                negotiated: None,
            };
            let id = left.peer.create_data_channel(now, config).ok().context("a channel was refused")?;
            self.loads.push(Load { id, left: self.scenario.messages, ready: false });
        }
        let offer = left.peer.create_offer(now)?;
        left.peer.set_local_description(now, SdpKind::Offer, &offer)?;
        left.gather(now)?;
        let offer = left.peer.local_description().context("no offer")?.sdp;
        right.peer.set_remote_description(now, SdpKind::Offer, &offer)?;
        let answer = right.peer.create_answer(now)?;
        right.peer.set_local_description(now, SdpKind::Answer, &answer)?;
        right.gather(now)?;
        let answer = right.peer.local_description().context("no answer")?.sdp;
        left.peer.set_remote_description(now, SdpKind::Answer, &answer)?;
        self.note(0, "offer and answer exchanged".to_owned());
        Ok(())
    }

    /// Everything that can happen at this moment.
    fn settle(&mut self) -> anyhow::Result<()> {
        let mut buffer = Vec::new();
        loop {
            let mut moved = false;
            for at in 0..self.hosts.len() {
                moved |= self.take_output(at)?;
            }
            moved |= self.send_load()?;
            for host in &mut self.hosts {
                buffer.clear();
                while let Some(transmit) = host.peer.poll_transmit(self.now, 16, &mut buffer) {
                    moved = true;
                    for datagram in buffer.chunks(transmit.segment_size.max(1)) {
                        self.network.send(self.now, host.address, transmit.destination, datagram);
                    }
                    buffer.clear();
                }
            }
            if !moved {
                return Ok(());
            }
        }
    }

    fn take_output(&mut self, at: usize) -> anyhow::Result<bool> {
        let mut any = false;
        loop {
            let host = &mut self.hosts[at];
            if let Some(event) = host.peer.poll_event() {
                self.handle_event(at, event)?;
            } else if let Some(message) = host.peer.poll_message() {
                host.received += 1;
                host.received_bytes += message.data.len() as u64;
                host.peer.release(self.now, message.window_bytes);
            } else {
                return Ok(any);
            }
            any = true;
        }
    }

    fn handle_event(&mut self, at: usize, event: Event) -> anyhow::Result<()> {
        match event {
            Event::PathChanged(path) => {
                self.note(at, format!("pair selected: {} -> {}", path.local, path.remote));
            }
            Event::DtlsConnected { version, suite } => {
                self.note(at, format!("DTLS done: {version:?}, {suite:?}"));
            }
            Event::SctpConnected => self.note(at, "SCTP up".to_owned()),
            Event::ChannelOpened { id, remote } => {
                let label = self.hosts[at].peer.channel_config(id).map(|config| config.label.clone());
                let who = if remote { "the peer's" } else { "our own" };
                self.note(at, format!("channel open: {who} {:?}", label.unwrap_or_default()));
                self.wake(at, id);
            }
            Event::SendReady { id } => self.wake(at, id),
            Event::Closed(reason) => anyhow::bail!("{} ended: {reason}", self.hosts[at].name),
            _ => {}
        }
        Ok(())
    }

    fn wake(&mut self, at: usize, id: ChannelId) {
        if at == 0
            && let Some(load) = self.loads.iter_mut().find(|load| load.id == id)
        {
            load.ready = true;
        }
    }

    /// Hands messages over until the queue is full.
    fn send_load(&mut self) -> anyhow::Result<bool> {
        let mut moved = false;
        for load in &mut self.loads {
            while load.ready && load.left > 0 {
                let data = Bytes::from(vec![b'.'; self.scenario.message_bytes]);
                match self.hosts[0].peer.send(self.now, load.id, Kind::Binary, data) {
                    Ok(()) => {
                        load.left -= 1;
                        moved = true;
                    }
                    Err(SendError::QueueFull { .. }) => load.ready = false,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(moved)
    }

    fn next_deadline(&self) -> Option<Instant> {
        let peers = self.hosts.iter().filter_map(|host| host.peer.poll_timeout());
        peers.chain(self.network.poll_timeout()).min()
    }

    fn deliver(&mut self) {
        while let Some(mut delivery) = self.network.poll_delivery(self.now) {
            if let Some(host) = self.hosts.iter_mut().find(|host| host.address == delivery.to) {
                // A discard was counted by the peer.
                let _ = host.peer.handle_datagram(self.now, SOCKET, delivery.from, &mut delivery.bytes);
            }
            self.network.recycle(delivery.bytes);
        }
    }
}

impl Host {
    fn new(name: &'static str, address: &str, pem: &str, seed: u64, now: Instant) -> anyhow::Result<Self> {
        let provider = provider::rustcrypto();
        let identity = Identity::from_pem(&*provider, pem)?.into_shared();
        let peer = PeerConnection::new(Config::new(identity, provider), seed_for(seed, 0), now);
        Ok(Self { name, address: address.parse()?, peer, received: 0, received_bytes: 0 })
    }

    fn gather(&mut self, now: Instant) -> anyhow::Result<()> {
        self.peer.add_local_host(now, SOCKET, self.address).ok().context("the address was refused")?;
        self.peer.end_of_local_candidates(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64) -> (Outcome, Vec<Note>) {
        let scenario = Scenario::load("lossy").unwrap();
        let mut simulation = Simulation::new(scenario, seed).unwrap();
        let outcome = simulation.run().unwrap();
        (outcome, simulation.notes)
    }

    #[test]
    fn the_lossy_scenario_delivers_everything_although_much_is_lost() {
        let (outcome, _) = run(1);
        assert_eq!(outcome.messages, 128);
        assert!(outcome.lost > 0);
    }

    #[test]
    fn equal_seeds_give_equal_runs() {
        assert_eq!(run(7), run(7));
        assert_ne!(run(7).0, run(8).0);
    }
}
