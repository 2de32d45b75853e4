//! NATs, by the words of RFC 4787: mapping, filtering, ports, hairpinning, lifetimes.
//!
//! Problem: whether two peers find a direct path depends on what their NATs do with a new destination and
//! with a new sender, and those two questions have three answers each.
//! How: a mapping ties an inner address to an outer port. Its key holds as much of the destination as the
//! NAT's *mapping* behaviour looks at; who was sent to through it is kept beside it, and *filtering* asks
//! that list as precisely as it is configured.
//!
//! ```text
//!   inside                        NAT                               outside
//!   10.0.0.2:5000 --to X:1-->  key (10.0.0.2:5000 [, X [, 1]])  --> 203.0.113.1:40000
//!   10.0.0.2:5000 <----------  filter: has X [:1] been sent to? <-- from X:1
//! ```
//!
//! More: RFC 4787 §4 (mapping), §5 (filtering), §6 (hairpinning); docs/simnet.md.

use crate::{link::below, stats::DropReason};
use rand_chacha::ChaCha8Rng;
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

/// How much of the other end a NAT looks at (RFC 4787 §4.1 for mapping, §5 for filtering).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Nothing: one mapping for all destinations; anybody may answer.
    EndpointIndependent,
    /// Its address: a mapping for each; who answers must have been sent to, on any port.
    AddressDependent,
    /// Its address and port.
    AddressAndPortDependent,
}

/// How a NAT chooses outer ports (RFC 4787 §4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortAssignment {
    /// The inner port if it is free, else the next free one.
    Preserving,
    /// One after the other, from 40000.
    Sequential,
    /// Drawn from 1024 to 65535.
    Random,
}

/// What a NAT does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NatConfig {
    /// When an inner address gets another outer port.
    pub mapping: Behaviour,
    /// Who may send in.
    pub filtering: Behaviour,
    /// How outer ports are chosen.
    pub ports: PortAssignment,
    /// Whether inside may reach inside by the outer address.
    pub hairpinning: bool,
    /// How long a mapping and a filter entry live after the last datagram from inside. RFC 4787 §4.3 asks
    /// for two minutes at least and recommends five.
    pub lifetime: Duration,
    /// Whether datagrams from outside keep a mapping alive too (RFC 4787 §4.3 permits it).
    pub inbound_refresh: bool,
    /// Mappings at one time.
    pub max_mappings: usize,
}

impl NatConfig {
    fn new(mapping: Behaviour, filtering: Behaviour) -> Self {
        Self {
            mapping,
            filtering,
            ports: PortAssignment::Preserving,
            hairpinning: false,
            lifetime: Duration::from_mins(5),
            inbound_refresh: false,
            max_mappings: 4096,
        }
    }

    /// One mapping, anybody may answer ("full cone").
    #[must_use]
    pub fn full_cone() -> Self {
        Self::new(Behaviour::EndpointIndependent, Behaviour::EndpointIndependent)
    }

    /// One mapping, filtered by address ("restricted cone").
    #[must_use]
    pub fn address_restricted() -> Self {
        Self::new(Behaviour::EndpointIndependent, Behaviour::AddressDependent)
    }

    /// One mapping, filtered by address and port ("port-restricted cone"): the most common kind.
    #[must_use]
    pub fn port_restricted() -> Self {
        Self::new(Behaviour::EndpointIndependent, Behaviour::AddressAndPortDependent)
    }

    /// A mapping for each destination, with a random port ("symmetric"): needs a relay against its like.
    #[must_use]
    pub fn symmetric() -> Self {
        Self {
            ports: PortAssignment::Random,
            ..Self::new(Behaviour::AddressAndPortDependent, Behaviour::AddressAndPortDependent)
        }
    }
}

/// The inner address, and as much of the destination as the mapping behaviour looks at.
type Key = (SocketAddr, Option<IpAddr>, Option<u16>);

#[derive(Debug)]
struct Mapping {
    key: Key,
    last_used: Instant,
    /// Whom the inner address sent to through this mapping, and when last.
    sent_to: BTreeMap<SocketAddr, Instant>,
}

/// A NAT at work, with one outer address.
#[derive(Debug)]
pub(crate) struct Nat {
    config: NatConfig,
    outer: IpAddr,
    by_key: BTreeMap<Key, u16>,
    by_port: BTreeMap<u16, Mapping>,
    next_port: u16,
}

/// Filter entries of one mapping; the oldest gives way.
const MAX_SENT_TO: usize = 256;
const FIRST_PORT: u16 = 1024;

impl Nat {
    pub(crate) fn new(config: NatConfig, outer: IpAddr) -> Self {
        Self { config, outer, by_key: BTreeMap::new(), by_port: BTreeMap::new(), next_port: 40_000 }
    }

    /// Forgets everything, as a restarted router does.
    pub(crate) fn forget(&mut self) {
        self.by_key.clear();
        self.by_port.clear();
    }

    pub(crate) fn mappings(&self) -> usize {
        self.by_port.len()
    }

    /// A datagram on its way out: the source address that the outside will see.
    pub(crate) fn outbound(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        rng: &mut ChaCha8Rng,
    ) -> Result<SocketAddr, DropReason> {
        let key = match self.config.mapping {
            Behaviour::EndpointIndependent => (from, None, None),
            Behaviour::AddressDependent => (from, Some(to.ip()), None),
            Behaviour::AddressAndPortDependent => (from, Some(to.ip()), Some(to.port())),
        };
        self.expire(now, key);
        let port = match self.by_key.get(&key) {
            Some(&port) => port,
            None => self.map(now, key, rng)?,
        };
        if let Some(mapping) = self.by_port.get_mut(&port) {
            mapping.last_used = now;
            if mapping.sent_to.len() >= MAX_SENT_TO && !mapping.sent_to.contains_key(&to) {
                let oldest = mapping.sent_to.iter().min_by_key(|(_, used)| **used).map(|(peer, _)| *peer);
                mapping.sent_to.retain(|peer, _| Some(*peer) != oldest);
            }
            mapping.sent_to.insert(to, now);
        }
        Ok(SocketAddr::new(self.outer, port))
    }

    /// A datagram that reached the outer address: the inner one that it is for.
    pub(crate) fn inbound(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Result<SocketAddr, DropReason> {
        if from.ip() == self.outer && !self.config.hairpinning {
            return Err(DropReason::NatHairpin);
        }
        let lifetime = self.config.lifetime;
        let mapping = self.by_port.get_mut(&to.port()).ok_or(DropReason::NatUnmapped)?;
        if now.saturating_duration_since(mapping.last_used) > lifetime {
            return Err(DropReason::NatUnmapped);
        }
        let fresh = |used: &Instant| now.saturating_duration_since(*used) <= lifetime;
        let permitted = match self.config.filtering {
            Behaviour::EndpointIndependent => true,
            Behaviour::AddressDependent => {
                mapping.sent_to.iter().any(|(peer, used)| peer.ip() == from.ip() && fresh(used))
            }
            Behaviour::AddressAndPortDependent => mapping.sent_to.get(&from).is_some_and(fresh),
        };
        if !permitted {
            return Err(DropReason::NatFiltered);
        }
        if self.config.inbound_refresh {
            mapping.last_used = now;
            if let Some(used) = mapping.sent_to.get_mut(&from) {
                *used = now;
            }
        }
        Ok(mapping.key.0)
    }

    /// Drops the mapping of `key` if its time is over.
    fn expire(&mut self, now: Instant, key: Key) {
        let Some(&port) = self.by_key.get(&key) else { return };
        let last_used = self.by_port.get(&port).map(|mapping| mapping.last_used);
        if last_used.is_none_or(|used| now.saturating_duration_since(used) > self.config.lifetime) {
            self.by_key.remove(&key);
            self.by_port.remove(&port);
        }
    }

    fn map(&mut self, now: Instant, key: Key, rng: &mut ChaCha8Rng) -> Result<u16, DropReason> {
        if self.by_port.len() >= self.config.max_mappings {
            self.expire_all(now);
        }
        if self.by_port.len() >= self.config.max_mappings {
            return Err(DropReason::NatFull);
        }
        let wanted = match self.config.ports {
            PortAssignment::Preserving => key.0.port().max(FIRST_PORT),
            PortAssignment::Sequential => self.next_port,
            PortAssignment::Random => {
                let span = usize::from(u16::MAX - FIRST_PORT) + 1;
                FIRST_PORT + u16::try_from(below(rng, span)).unwrap_or(0)
            }
        };
        let port = (wanted..=u16::MAX)
            .chain(FIRST_PORT..wanted)
            .find(|port| !self.by_port.contains_key(port))
            .ok_or(DropReason::NatFull)?;
        self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
        self.by_key.insert(key, port);
        self.by_port.insert(port, Mapping { key, last_used: now, sent_to: BTreeMap::new() });
        Ok(port)
    }

    fn expire_all(&mut self, now: Instant) {
        let lifetime = self.config.lifetime;
        self.by_port.retain(|_, mapping| now.saturating_duration_since(mapping.last_used) <= lifetime);
        let by_port = &self.by_port;
        self.by_key.retain(|_, port| by_port.contains_key(port));
    }
}
