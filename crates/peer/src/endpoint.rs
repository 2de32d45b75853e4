//! Many peers on one socket.
//!
//! Problem: a server wants one UDP port for thousands of browsers, and a datagram does not say whose it is.
//! How: a pair of addresses that has proven itself belongs to one peer; until then a STUN request names its
//! peer by the ICE ufrag in USERNAME (RFC 8445 §7.2.2), and a STUN response is offered to the peers that sent
//! a check to that address. All of it is plain data: no lock, no task, no socket.
//!
//! ```text
//!   (source, remote) known? --yes--> that peer
//!        | no
//!   STUN request: ufrag known? --yes--> that peer; taken -> the pair is its own from now on
//!   STUN response: offered to those who checked (source, remote); taken -> likewise
//!   else: early DTLS of a pair that a peer checks; or discarded
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use crate::connection::{ChannelMessage, LocalId, PeerConnection, Transmit};
use crate::demux::Protocol;
use crate::error::Discard;
use crate::event::Event;

/// Pairs of addresses that one peer may hold; more than ICE ever validates.
const PAIRS_PER_PEER: usize = 64;
/// Peers that may check one remote address at the same time.
const CHECKERS_PER_PAIR: usize = 8;

/// A peer connection within its [`Endpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

/// Why a datagram or a peer was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// As many peers as the bound allows.
    Full {
        /// The bound.
        limit: usize,
    },
    /// The datagram belongs to no peer here.
    NoPeer,
    /// The pair of addresses belongs to another peer already.
    Occupied {
        /// That peer.
        by: PeerId,
    },
    /// The peer discarded it.
    Discarded(Discard),
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { limit } => write!(f, "the endpoint holds {limit} peers already"),
            Self::NoPeer => f.write_str("no peer here expects this datagram"),
            Self::Occupied { by } => write!(f, "the pair of addresses belongs to peer {}", by.0),
            Self::Discarded(discard) => write!(f, "discarded: {discard:?}"),
        }
    }
}

impl std::error::Error for EndpointError {}

/// One peer and what is known of it here.
#[derive(Debug)]
struct Slot {
    peer: PeerConnection,
    deadline: Option<Instant>,
    ufrags: Vec<String>,
    pairs: Vec<(LocalId, SocketAddr)>,
    queued_out: bool,
    queued_up: bool,
}

/// Peers that share sockets.
#[derive(Debug)]
pub struct Endpoint {
    limit: usize,
    next_id: u32,
    slots: BTreeMap<PeerId, Slot>,
    pairs: BTreeMap<(LocalId, SocketAddr), PeerId>,
    checks: BTreeMap<(LocalId, SocketAddr), Vec<PeerId>>,
    ufrags: BTreeMap<String, PeerId>,
    deadlines: BTreeSet<(Instant, PeerId)>,
    outgoing: VecDeque<PeerId>,
    upgoing: VecDeque<PeerId>,
}

impl Endpoint {
    /// An endpoint for at most `limit` peers.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            next_id: 0,
            slots: BTreeMap::new(),
            pairs: BTreeMap::new(),
            checks: BTreeMap::new(),
            ufrags: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            outgoing: VecDeque::new(),
            upgoing: VecDeque::new(),
        }
    }

    /// Takes a peer in.
    ///
    /// # Errors
    /// [`EndpointError::Full`].
    pub fn insert(&mut self, peer: PeerConnection) -> Result<PeerId, EndpointError> {
        if self.slots.len() >= self.limit {
            return Err(EndpointError::Full { limit: self.limit });
        }
        let id = PeerId(self.next_id);
        self.next_id += 1;
        let (ufrags, pairs) = (Vec::new(), Vec::new());
        self.slots
            .insert(id, Slot { peer, deadline: None, ufrags, pairs, queued_out: false, queued_up: false });
        self.refresh(id);
        Ok(id)
    }

    /// Lets a peer go, with everything known of it.
    pub fn remove(&mut self, id: PeerId) -> Option<PeerConnection> {
        let slot = self.slots.remove(&id)?;
        if let Some(deadline) = slot.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        self.pairs.retain(|_, owner| *owner != id);
        self.checks.retain(|_, checkers| {
            checkers.retain(|checker| *checker != id);
            !checkers.is_empty()
        });
        self.ufrags.retain(|_, owner| *owner != id);
        self.outgoing.retain(|queued| *queued != id);
        self.upgoing.retain(|queued| *queued != id);
        Some(slot.peer)
    }

    /// How many peers are here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nobody is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Reads a peer.
    #[must_use]
    pub fn peer(&self, id: PeerId) -> Option<&PeerConnection> {
        self.slots.get(&id).map(|slot| &slot.peer)
    }

    /// Calls commands of a peer; what follows from them is noticed afterwards.
    pub fn update<R>(&mut self, id: PeerId, commands: impl FnOnce(&mut PeerConnection) -> R) -> Option<R> {
        let slot = self.slots.get_mut(&id)?;
        let result = commands(&mut slot.peer);
        self.refresh(id);
        Some(result)
    }

    /// Hands a datagram to the peer that it belongs to.
    ///
    /// # Errors
    /// [`EndpointError`]: whose it might have been, and why it was not taken.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: LocalId,
        remote: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<PeerId, EndpointError> {
        let pair = (source, remote);
        let named = match Protocol::of(datagram) {
            Protocol::Stun => {
                plywood_ice::destination_ufrag(datagram).and_then(|ufrag| self.ufrags.get(ufrag).copied())
            }
            _ => None,
        };
        match (self.pairs.get(&pair).copied(), named) {
            (Some(owner), Some(named)) if owner != named => Err(EndpointError::Occupied { by: owner }),
            (Some(owner), _) => self.hand_over(now, owner, pair, datagram),
            (None, Some(named)) => self.hand_over(now, named, pair, datagram),
            (None, None) => self.offer_to_checkers(now, pair, datagram),
        }
    }

    fn offer_to_checkers(
        &mut self,
        now: Instant,
        pair: (LocalId, SocketAddr),
        datagram: &mut [u8],
    ) -> Result<PeerId, EndpointError> {
        let checkers = self.checks.get(&pair).cloned().unwrap_or_default();
        let mut result = Err(EndpointError::NoPeer);
        for id in checkers {
            result = self.hand_over(now, id, pair, datagram);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn hand_over(
        &mut self,
        now: Instant,
        id: PeerId,
        pair: (LocalId, SocketAddr),
        datagram: &mut [u8],
    ) -> Result<PeerId, EndpointError> {
        let slot = self.slots.get_mut(&id).ok_or(EndpointError::NoPeer)?;
        let is_stun = Protocol::of(datagram) == Protocol::Stun;
        let result = slot.peer.handle_datagram(now, pair.0, pair.1, datagram);
        // Only STUN whose integrity was verified claims a pair of addresses.
        if result.is_ok() && is_stun && slot.pairs.len() < PAIRS_PER_PEER && !slot.pairs.contains(&pair) {
            slot.pairs.push(pair);
            self.pairs.insert(pair, id);
        }
        self.refresh(id);
        result.map(|()| id).map_err(EndpointError::Discarded)
    }

    /// Lets every peer act whose deadline has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(deadline, id)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            self.deadlines.remove(&(deadline, id));
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            slot.deadline = None;
            slot.peer.handle_timeout(now);
            self.refresh(id);
        }
    }

    /// The earliest deadline of all peers.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// One batch of one peer; peers take turns.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        max_segments: usize,
        out: &mut Vec<u8>,
    ) -> Option<(PeerId, Transmit)> {
        while let Some(id) = self.outgoing.pop_front() {
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            let transmit = slot.peer.poll_transmit(now, max_segments, out);
            slot.queued_out = false;
            let Some(transmit) = transmit else {
                self.note_deadline(id);
                continue;
            };
            self.note_check(id, (transmit.source, transmit.destination));
            self.refresh(id);
            return Some((id, transmit));
        }
        None
    }

    /// The next event of any peer, as [`PeerConnection::poll_event`].
    pub fn poll_event(&mut self) -> Option<(PeerId, Event)> {
        self.poll_up(PeerConnection::poll_event, PeerConnection::poll_message_is_next)
    }

    /// The next message of any peer, as [`PeerConnection::poll_message`].
    pub fn poll_message(&mut self) -> Option<(PeerId, ChannelMessage)> {
        self.poll_up(PeerConnection::poll_message, PeerConnection::poll_event_is_next)
    }

    fn poll_up<T>(
        &mut self,
        poll: impl Fn(&mut PeerConnection) -> Option<T>,
        is_other_next: impl Fn(&PeerConnection) -> bool,
    ) -> Option<(PeerId, T)> {
        for _ in 0..self.upgoing.len() {
            let id = *self.upgoing.front()?;
            let Some(slot) = self.slots.get_mut(&id) else {
                self.upgoing.pop_front();
                continue;
            };
            if let Some(item) = poll(&mut slot.peer) {
                return Some((id, item));
            }
            self.upgoing.pop_front();
            if is_other_next(&slot.peer) {
                self.upgoing.push_back(id);
            } else {
                slot.queued_up = false;
            }
        }
        None
    }

    /// After anything may have changed in a peer.
    fn refresh(&mut self, id: PeerId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if !slot.queued_out {
            slot.queued_out = true;
            self.outgoing.push_back(id);
        }
        if !slot.queued_up && slot.peer.has_output() {
            slot.queued_up = true;
            self.upgoing.push_back(id);
        }
        let ufrag = &slot.peer.ice().local_credentials().ufrag;
        if slot.ufrags.last() != Some(ufrag) {
            slot.ufrags.push(ufrag.clone());
            self.ufrags.insert(ufrag.clone(), id);
            if slot.ufrags.len() > 2 {
                self.ufrags.remove(&slot.ufrags.remove(0)); // checks of the last generation still come
            }
        }
        self.note_deadline(id);
    }

    fn note_deadline(&mut self, id: PeerId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let deadline = slot.peer.poll_timeout();
        if deadline != slot.deadline {
            if let Some(old) = slot.deadline {
                self.deadlines.remove(&(old, id));
            }
            if let Some(new) = deadline {
                self.deadlines.insert((new, id));
            }
            slot.deadline = deadline;
        }
    }

    fn note_check(&mut self, id: PeerId, pair: (LocalId, SocketAddr)) {
        if self.pairs.get(&pair) == Some(&id) {
            return;
        }
        let checkers = self.checks.entry(pair).or_default();
        if checkers.len() < CHECKERS_PER_PAIR && !checkers.contains(&id) {
            checkers.push(id);
        }
    }
}
