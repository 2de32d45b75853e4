//! The network itself: who is where, what lies between, and the queue of what is on its way.

use crate::{
    link::{Link, LinkConfig, Passage},
    nat::{Nat, NatConfig},
    record::{Fate, Recording},
    stats::{DropReason, LinkStats, Stats},
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    net::{IpAddr, SocketAddr},
    time::Instant,
};

/// A host: a name for some addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostId(usize);

/// One direction of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(usize);

/// A NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NatId(usize);

/// A datagram that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The exact instant of arrival, at most the `now` of the poll.
    pub at: Instant,
    /// The sender as the receiver sees it: the outer address of its NAT, if it has one.
    pub from: SocketAddr,
    /// The receiver's own address.
    pub to: SocketAddr,
    /// The payload. Give it back with [`Network::recycle`] to save an allocation.
    pub bytes: Vec<u8>,
}

/// A datagram on its way.
#[derive(Debug)]
struct Packet {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
    route: usize,
    hop: usize,
    record: Option<usize>,
}

/// Buffers kept for reuse.
const MAX_SPARE_BUFFERS: usize = 4096;

/// A deterministic network. See the [crate] for the loop that drives it.
///
/// Addresses that nobody declared work too: [`add_host`](Self::add_host) only gives a name and groups
/// addresses. What no [`route`](Self::route) covers uses a link of its own per pair of addresses with the
/// default configuration. Behind a NAT, links are found by the outer addresses.
#[derive(Debug)]
pub struct Network {
    rng: ChaCha8Rng,
    default_link: LinkConfig,
    links: Vec<Link>,
    routes: Vec<Vec<LinkId>>,
    route_of: BTreeMap<(IpAddr, IpAddr), usize>,
    hosts: Vec<(String, Vec<IpAddr>)>,
    nats: Vec<Nat>,
    /// The NAT before an inner address.
    behind: BTreeMap<IpAddr, NatId>,
    /// The NAT that owns an outer address.
    outer: BTreeMap<IpAddr, NatId>,
    down: BTreeSet<IpAddr>,
    /// (arrival at the next hop, order of entry, slot in `packets`).
    events: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    entered: u64,
    packets: Vec<Option<Packet>>,
    free: Vec<usize>,
    spare: Vec<Vec<u8>>,
    recording: Option<Recording>,
    stats: Stats,
}

impl Network {
    /// A network in which every link is perfect until configured otherwise.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            default_link: LinkConfig::default(),
            links: Vec::new(),
            routes: Vec::new(),
            route_of: BTreeMap::new(),
            hosts: Vec::new(),
            nats: Vec::new(),
            behind: BTreeMap::new(),
            outer: BTreeMap::new(),
            down: BTreeSet::new(),
            events: BinaryHeap::new(),
            entered: 0,
            packets: Vec::new(),
            free: Vec::new(),
            spare: Vec::new(),
            recording: None,
            stats: Stats::default(),
        }
    }

    // --- What stands where -------------------------------------------------------------------------

    /// The configuration of links between addresses that nothing else covers; existing links stay.
    pub fn set_default_link(&mut self, config: LinkConfig) {
        self.default_link = config;
    }

    /// Declares a host.
    pub fn add_host(&mut self, name: &str, addresses: &[IpAddr]) -> HostId {
        self.hosts.push((name.to_owned(), addresses.to_vec()));
        HostId(self.hosts.len() - 1)
    }

    /// The addresses of a host.
    #[must_use]
    pub fn addresses(&self, host: HostId) -> &[IpAddr] {
        self.hosts.get(host.0).map_or(&[], |(_, addresses)| addresses)
    }

    /// The name of the host that owns `address`.
    #[must_use]
    pub fn host_name(&self, address: IpAddr) -> Option<&str> {
        self.hosts.iter().find(|(_, addresses)| addresses.contains(&address)).map(|(name, _)| name.as_str())
    }

    /// Makes a link that [`route`](Self::route) can put on the way of any number of address pairs: a shared
    /// bottleneck.
    pub fn add_link(&mut self, config: LinkConfig) -> LinkId {
        self.links.push(Link::new(config));
        LinkId(self.links.len() - 1)
    }

    /// Sends everything from `from` to `to` over `path`, in its order.
    pub fn route(&mut self, from: IpAddr, to: IpAddr, path: &[LinkId]) {
        let route = self.route_between(from, to);
        self.routes[route] = path.to_vec();
    }

    /// Gives the direction from `from` to `to` a link of its own.
    pub fn connect_one_way(&mut self, from: IpAddr, to: IpAddr, config: LinkConfig) -> LinkId {
        let link = self.add_link(config);
        self.route(from, to, &[link]);
        link
    }

    /// Gives each direction between `a` and `b` a link of its own: `(a to b, b to a)`.
    pub fn connect(&mut self, a: IpAddr, b: IpAddr, config: LinkConfig) -> (LinkId, LinkId) {
        (self.connect_one_way(a, b, config), self.connect_one_way(b, a, config))
    }

    /// Puts one link per direction between all addresses of two hosts: `(a to b, b to a)`.
    pub fn connect_hosts(&mut self, a: HostId, b: HostId, config: LinkConfig) -> (LinkId, LinkId) {
        let (there, back) = (self.add_link(config), self.add_link(config));
        for from in self.addresses(a).to_vec() {
            for to in self.addresses(b).to_vec() {
                self.route(from, to, &[there]);
                self.route(to, from, &[back]);
            }
        }
        (there, back)
    }

    /// Changes a link while it works.
    pub fn set_link(&mut self, link: LinkId, config: LinkConfig) {
        if let Some(link) = self.links.get_mut(link.0) {
            link.set_config(config);
        }
    }

    /// What a link does now.
    #[must_use]
    pub fn link(&self, link: LinkId) -> Option<&LinkConfig> {
        self.links.get(link.0).map(Link::config)
    }

    /// Counters of a link.
    #[must_use]
    pub fn link_stats(&self, link: LinkId) -> Option<&LinkStats> {
        self.links.get(link.0).map(|link| &link.stats)
    }

    /// Makes a NAT with the outer address `outer`, which may itself be put behind another NAT.
    pub fn add_nat(&mut self, outer: IpAddr, config: NatConfig) -> NatId {
        let nat = NatId(self.nats.len());
        self.nats.push(Nat::new(config, outer));
        self.outer.insert(outer, nat);
        nat
    }

    /// Puts `inner` behind a NAT. Inner addresses are unique in the whole network.
    pub fn put_behind(&mut self, nat: NatId, inner: IpAddr) {
        self.behind.insert(inner, nat);
    }

    /// Forgets all mappings of a NAT, as a restart of it does.
    pub fn restart_nat(&mut self, nat: NatId) {
        if let Some(nat) = self.nats.get_mut(nat.0) {
            nat.forget();
        }
    }

    /// Mappings that a NAT holds, expired ones that nobody asked for included.
    #[must_use]
    pub fn nat_mappings(&self, nat: NatId) -> usize {
        self.nats.get(nat.0).map_or(0, Nat::mappings)
    }

    /// Takes an address down or up again: what it sends and what reaches it is lost meanwhile.
    pub fn set_down(&mut self, address: IpAddr, down: bool) {
        if down {
            self.down.insert(address);
        } else {
            self.down.remove(&address);
        }
    }

    /// Keeps every datagram from now on, up to `limit_bytes` of payload.
    pub fn record(&mut self, limit_bytes: usize) {
        self.recording = Some(Recording::new(limit_bytes));
    }

    /// What was recorded.
    #[must_use]
    pub fn recording(&self) -> Option<&Recording> {
        self.recording.as_ref()
    }

    /// Counters of the whole network.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    // --- Datagrams ---------------------------------------------------------------------------------

    /// Sends a datagram. Whether it arrives shows in [`poll_delivery`](Self::poll_delivery).
    pub fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.stats.sent += 1;
        self.stats.sent_bytes += bytes.len() as u64;
        let record = self.recording.as_mut().and_then(|recording| recording.add(now, from, to, bytes));
        let outside =
            if self.down.contains(&from.ip()) { Err(DropReason::Down) } else { self.leave(now, from, to) };
        match outside {
            Ok(from) => {
                let route = self.route_between(from.ip(), to.ip());
                let mut buffer = self.spare.pop().unwrap_or_default();
                buffer.extend_from_slice(bytes);
                self.forward(now, Packet { from, to, bytes: buffer, route, hop: 0, record });
            }
            Err(reason) => self.lose(reason, record),
        }
    }

    /// When something next happens: a delivery, or a step of a datagram on its way to one.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.events.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next datagram that arrived by `now`, in the order of arrival.
    pub fn poll_delivery(&mut self, now: Instant) -> Option<Delivery> {
        while self.poll_timeout().is_some_and(|at| at <= now) {
            let Reverse((at, _, slot)) = self.events.pop()?;
            let Some(packet) = self.packets.get_mut(slot).and_then(Option::take) else { continue };
            self.free.push(slot);
            if packet.hop < self.routes[packet.route].len() {
                self.forward(at, packet);
            } else if let Some(delivery) = self.arrive(at, packet) {
                return Some(delivery);
            }
        }
        None
    }

    /// Takes back the buffer of a delivery.
    pub fn recycle(&mut self, mut bytes: Vec<u8>) {
        if self.spare.len() < MAX_SPARE_BUFFERS {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    /// Datagrams on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.events.len()
    }

    // --- The steps of a datagram -------------------------------------------------------------------

    /// Through the NATs of the sender, from the inside out, as far as the destination asks.
    fn leave(&mut self, now: Instant, from: SocketAddr, to: SocketAddr) -> Result<SocketAddr, DropReason> {
        let realm = self.behind.get(&to.ip()).copied();
        let mut source = from;
        for _ in 0..=self.nats.len() {
            let here = self.behind.get(&source.ip()).copied();
            if here == realm {
                return Ok(source);
            }
            let Some(nat) = here else { break };
            source = self.nats[nat.0].outbound(now, source, to, &mut self.rng)?;
        }
        Err(DropReason::NoRoute)
    }

    /// Onto the next link of its route.
    fn forward(&mut self, now: Instant, mut packet: Packet) {
        let Some(link) =
            self.routes[packet.route].get(packet.hop).and_then(|link| self.links.get_mut(link.0))
        else {
            packet.hop = usize::MAX;
            self.schedule(now, packet);
            return;
        };
        let headers = if packet.to.is_ipv6() { 48 } else { 28 };
        match link.pass(now, packet.bytes.len(), headers, &mut self.rng) {
            Passage::Lost(reason) => {
                self.lose(reason, packet.record);
                self.recycle(packet.bytes);
            }
            Passage::Out { at, copy, held, flip_bit } => {
                packet.hop += 1;
                self.stats.reordered += u64::from(held);
                if let Some(bit) = flip_bit {
                    packet.bytes[bit / 8] ^= 1 << (bit % 8);
                    self.stats.corrupted += 1;
                }
                let second = copy.then(|| self.copy(&packet));
                self.schedule(at, packet);
                if let Some(second) = second {
                    self.stats.duplicated += 1;
                    self.schedule(at, second);
                }
            }
        }
    }

    fn copy(&mut self, packet: &Packet) -> Packet {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.extend_from_slice(&packet.bytes);
        Packet { bytes, record: None, ..*packet }
    }

    /// Through the NATs of the receiver, from the outside in.
    fn arrive(&mut self, at: Instant, mut packet: Packet) -> Option<Delivery> {
        for _ in 0..self.nats.len() {
            let Some(nat) = self.outer.get(&packet.to.ip()) else { break };
            match self.nats[nat.0].inbound(at, packet.from, packet.to) {
                Ok(inner) => packet.to = inner,
                Err(reason) => {
                    self.lose(reason, packet.record);
                    self.recycle(packet.bytes);
                    return None;
                }
            }
        }
        if self.down.contains(&packet.to.ip()) {
            self.lose(DropReason::Down, packet.record);
            self.recycle(packet.bytes);
            return None;
        }
        self.stats.delivered += 1;
        self.stats.delivered_bytes += packet.bytes.len() as u64;
        if let (Some(recording), Some(record)) = (&mut self.recording, packet.record) {
            recording.settle(record, Fate::Delivered(at));
        }
        Some(Delivery { at, from: packet.from, to: packet.to, bytes: packet.bytes })
    }

    fn schedule(&mut self, at: Instant, packet: Packet) {
        let slot = if let Some(slot) = self.free.pop() {
            self.packets[slot] = Some(packet);
            slot
        } else {
            self.packets.push(Some(packet));
            self.packets.len() - 1
        };
        self.entered += 1;
        self.events.push(Reverse((at, self.entered, slot)));
    }

    fn lose(&mut self, reason: DropReason, record: Option<usize>) {
        self.stats.drops.count(reason);
        if let (Some(recording), Some(record)) = (&mut self.recording, record) {
            recording.settle(record, Fate::Lost(reason));
        }
    }

    /// The route between two addresses; a pair seen for the first time gets a default link.
    fn route_between(&mut self, from: IpAddr, to: IpAddr) -> usize {
        if let Some(&route) = self.route_of.get(&(from, to)) {
            return route;
        }
        let link = self.add_link(self.default_link);
        self.routes.push(vec![link]);
        self.route_of.insert((from, to), self.routes.len() - 1);
        self.routes.len() - 1
    }
}
