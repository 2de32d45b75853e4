//! Flights that somebody else carries: DTLS inside STUN (draft-hancke-webrtc-sped §3.3).
//!
//! Problem: ICE checks and the handshake wait for each other, a round trip longer than needed; and where packets are
//! lost the handshake waits a second, while checks go out every 50 ms.
//! How: the packets of a flight ride in the checks. They stay in a list until the peer has named their CRC-32, and
//! each check takes the next one; so the timer of the handshake rests meanwhile.
//!
//! ```text
//!   flight --cut to the room of a check--> pending: [a1b2c3d4][99887766]  --embedded_flight, in turns--> check
//!                                            ^ removed by peer_has_embedded(crc)
//!   check --note_embedded--> arrived: 5566aabb ..  --embedded_acknowledgements, up to four--> next check
//!                      `---> open_record, as if it had come by itself
//! ```
//! All of a flight named and no answer: the timer runs again, as for a flight that was sent. A new flight of ours,
//! or an answer to the old one, empties the list. What is repeated keeps its record numbers: the peer drops it as a
//! replay, which it is (draft §6.1).
//!
//! The draft's attributes, and who may send them when, are the business of ICE and of the layer above.

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use super::Connection;
use crate::config::Config;

/// Packets of one flight, and ACKs beside it; a flight in pieces of 200 bytes has fewer.
const MAX_PENDING: usize = 64;
/// As many CRCs as an acknowledgement may hold (draft §4.3).
const MAX_ACKNOWLEDGED: usize = 4;

/// The lists of the draft.
#[derive(Debug)]
pub(crate) struct Embedding {
    mtu_bytes: usize,
    pending: VecDeque<Packet>,
    /// CRCs of what came last, the oldest first.
    arrived: VecDeque<u32>,
}

#[derive(Debug)]
struct Packet {
    crc: u32,
    bytes: Vec<u8>,
}

impl Embedding {
    /// Whether anything waits for the peer to name it.
    pub(crate) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The flight was answered, or another one begins.
    pub(crate) fn clear_pending(&mut self) {
        self.pending.clear();
    }
}

impl Connection {
    /// From now on flights and ACKs are carried by somebody else, in packets of at most `mtu_bytes` (not below
    /// [`Config::MIN_MTU_BYTES`]); [`Connection::poll_transmit`] says nothing. A flight that is under way already is
    /// carried from its beginning.
    pub fn embed_flights(&mut self, now: Instant, mtu_bytes: usize) {
        let mtu_bytes = mtu_bytes.max(Config::MIN_MTU_BYTES);
        match &mut self.engine.embedding {
            Some(embedding) => embedding.mtu_bytes = mtu_bytes,
            None => {
                let (pending, arrived) = (VecDeque::new(), VecDeque::new());
                if !self.engine.flight.is_empty() && self.engine.last_transmission.is_some() {
                    self.engine.resend_flight(now);
                }
                self.engine.embedding = Some(Embedding { mtu_bytes, pending, arrived });
            }
        }
    }

    /// Whether somebody else carries our flights.
    #[must_use]
    pub fn is_embedding(&self) -> bool {
        self.engine.embedding.is_some()
    }

    /// The next packet to be carried; each in its turn, again and again, until the peer has named it. `None`: nothing
    /// is pending. A packet may go by several paths at once.
    pub fn embedded_flight(&mut self, now: Instant) -> Option<&[u8]> {
        self.cut_flight(now);
        let pending = &mut self.engine.embedding.as_mut()?.pending;
        pending.rotate_left(usize::from(pending.len() > 1));
        pending.back().map(|packet| &packet.bytes[..])
    }

    /// The peer has named these packets as received. Unknown numbers are nothing new.
    pub fn peer_has_embedded(&mut self, now: Instant, crcs: &[u32]) {
        let Some(embedding) = &mut self.engine.embedding else { return };
        let before = embedding.pending.len();
        embedding.pending.retain(|packet| !crcs.contains(&packet.crc));
        if before > 0 && embedding.pending.is_empty() {
            // It has all of the flight, and should answer as if it had come by itself.
            self.engine.timer.restart(now);
        }
    }

    /// A packet came embedded: it will be named to the peer. Then open its records as those of any datagram.
    pub fn note_embedded(&mut self, packet: &[u8]) {
        let Some(embedding) = &mut self.engine.embedding else { return };
        let crc = crc32fast::hash(packet);
        embedding.arrived.retain(|known| *known != crc);
        if embedding.arrived.len() == MAX_ACKNOWLEDGED {
            embedding.arrived.pop_front();
        }
        embedding.arrived.push_back(crc);
    }

    /// What our next message names to the peer: CRC-32 of the packets that came last, at most four.
    pub fn embedded_acknowledgements(&self) -> impl Iterator<Item = u32> {
        self.engine.embedding.iter().flat_map(|embedding| embedding.arrived.iter().copied())
    }

    /// Nobody carries our flights any more: what the peer has not named is sent by [`Connection::poll_transmit`], and
    /// the timers run again. Also for a peer that knows nothing of all this.
    pub fn stop_embedding(&mut self, now: Instant) {
        let Some(embedding) = self.engine.embedding.take() else { return };
        if embedding.is_pending() && !self.engine.flight.is_empty() {
            self.engine.resend_flight(now);
        }
        self.engine.timer.restart(now);
    }

    /// Cuts what is to be said into packets. They are kept, for the flight itself is written only once.
    fn cut_flight(&mut self, now: Instant) {
        self.begin_waiting(now);
        let Some(mut embedding) = self.engine.embedding.take() else { return };
        let mtu_bytes = mem::replace(&mut self.engine.config.mtu_bytes, embedding.mtu_bytes);
        let mut bytes = Vec::new();
        while embedding.pending.len() < MAX_PENDING && self.engine.poll_transmit(&mut bytes).is_some() {
            let bytes = mem::take(&mut bytes);
            embedding.pending.push_back(Packet { crc: crc32fast::hash(&bytes), bytes });
        }
        self.engine.config.mtu_bytes = mtu_bytes;
        self.engine.embedding = Some(embedding);
    }
}
