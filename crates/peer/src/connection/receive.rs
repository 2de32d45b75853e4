//! Datagrams in: demultiplexed, opened in place, handed up.
//!
//! Problem: DTLS may arrive before ICE has validated its address, even before the answer that carries the
//! fingerprint; acting on it would let anyone who guesses a port end a handshake, dropping it costs a second.
//! How: STUN goes to ICE at once. DTLS from a validated pair is opened; from a pair that is being checked, or
//! while no answer is there, it waits in a bounded queue until its pair answers; from anywhere else it is
//! discarded.
//!
//! ```text
//!   first byte 0..=3 ----> ice.handle_datagram
//!             20..=63 ---> validated? --yes--> open_record, record by record --> sctp.handle_datagram
//!                             |no
//!                             +--- checking, or no answer yet? --yes--> early queue --> (pair validated) --^
//!                             |no
//!                             discard, count
//! ```
//! More: docs/peer.md, "Early datagrams".

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use super::{Closing, LocalId, PeerConnection};
use crate::demux::Protocol;
use crate::error::Discard;
use crate::trace::{Direction, Trace};

/// DTLS datagrams that came before their address was validated.
#[derive(Debug)]
pub(super) struct EarlyDatagrams {
    limit: usize,
    queue: VecDeque<(LocalId, SocketAddr, Vec<u8>)>,
}

impl EarlyDatagrams {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, queue: VecDeque::new() }
    }

    fn push(&mut self, source: LocalId, remote: SocketAddr, datagram: &[u8]) -> Result<(), Discard> {
        if self.queue.len() >= self.limit {
            return Err(Discard::EarlyQueueFull);
        }
        self.queue.push_back((source, remote, datagram.to_vec()));
        Ok(())
    }

    /// Takes those whose pair satisfies `is_ready`, in the order of arrival.
    fn take(
        &mut self,
        is_ready: impl Fn(LocalId, SocketAddr) -> bool,
    ) -> Vec<(LocalId, SocketAddr, Vec<u8>)> {
        let (ready, waiting) =
            self.queue.drain(..).partition(|(source, remote, _)| is_ready(*source, *remote));
        self.queue = waiting;
        Vec::from(ready)
    }
}

impl PeerConnection {
    /// Takes a datagram that `remote` sent to the socket `source`; it is opened in place.
    ///
    /// # Errors
    /// [`Discard`]: nothing changed but a counter.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: LocalId,
        remote: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<(), Discard> {
        self.stats.datagrams_received += 1;
        self.stats.bytes_received += datagram.len() as u64;
        if let Some(trace) = &mut self.trace {
            trace.record(now, Trace::Datagram { direction: Direction::In, source, remote, bytes: datagram });
        }
        let result = self.demultiplex(now, source, remote, datagram);
        match &result {
            Ok(()) | Err(Discard::Dtls(_) | Discard::Sctp(_)) => {} // the latter are counted a record
            Err(Discard::UnknownProtocol { .. }) => self.stats.discarded_unknown_protocol += 1,
            Err(Discard::TurnChannel) => self.stats.discarded_turn_channel += 1,
            Err(Discard::NotValidated) => self.stats.discarded_not_validated += 1,
            Err(Discard::EarlyQueueFull) => self.stats.discarded_early += 1,
            Err(Discard::Closed) => self.stats.discarded_closed += 1,
            Err(Discard::Ice(_)) => self.stats.discarded_ice += 1,
        }
        result
    }

    fn demultiplex(
        &mut self,
        now: Instant,
        source: LocalId,
        remote: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<(), Discard> {
        if self.closing != Closing::No {
            return Err(Discard::Closed);
        }
        match Protocol::of(datagram) {
            Protocol::Stun => {
                let result =
                    self.agent.handle_datagram(now, plywood_ice::LocalId(source.0), remote, datagram);
                self.pump(now);
                result.map_err(Discard::Ice)
            }
            Protocol::Dtls => self.handle_dtls(now, source, remote, datagram),
            Protocol::TurnChannel => Err(Discard::TurnChannel),
            Protocol::Unknown => Err(Discard::UnknownProtocol { first_byte: datagram.first().copied() }),
        }
    }

    fn handle_dtls(
        &mut self,
        now: Instant,
        source: LocalId,
        remote: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<(), Discard> {
        let local = plywood_ice::LocalId(source.0);
        // Nearly all comes on the path that we send on: its pair needs no search.
        let on_path = self.path.is_some_and(|path| path.source == source && path.remote == remote);
        if self.dtls.is_some() && (on_path || self.agent.is_validated(local, remote)) {
            return self.open_datagram(now, datagram);
        }
        if self.dtls.is_none() || self.agent.is_checking(local, remote) {
            return self.early_datagrams.push(source, remote, datagram);
        }
        Err(Discard::NotValidated)
    }

    /// Opens record after record; a discarded one does not discard its neighbours. Fails with the first
    /// reason if nothing in the datagram was applied.
    fn open_datagram(&mut self, now: Instant, datagram: &mut [u8]) -> Result<(), Discard> {
        let mut at = 0;
        let mut first_discard = None;
        let mut applied = false;
        let mut handshake = false;
        while at < datagram.len() {
            let Some(dtls) = &mut self.dtls else { break };
            match dtls.open_record(now, datagram, at) {
                Ok(opened) => {
                    at = opened.next;
                    let Some(range) = opened.plaintext else {
                        handshake = true;
                        applied = true;
                        continue;
                    };
                    match self.handle_plaintext(now, &datagram[range]) {
                        Ok(()) => applied = true,
                        Err(discard) => first_discard = first_discard.or(Some(discard)),
                    }
                }
                Err(discarded) => {
                    self.stats.discarded_dtls += 1;
                    at = discarded.next.max(at + 1);
                    first_discard = first_discard.or(Some(Discard::Dtls(discarded.reason)));
                }
            }
        }
        if handshake {
            self.pump(now);
        } else {
            self.drain_sctp(now);
        }
        match first_discard {
            Some(discard) if !applied => Err(discard),
            _ => Ok(()),
        }
    }

    pub(super) fn handle_plaintext(&mut self, now: Instant, packet: &[u8]) -> Result<(), Discard> {
        if let Some(trace) = &mut self.trace {
            trace.record(now, Trace::Sctp { direction: Direction::In, packet });
        }
        let Some(sctp) = &mut self.sctp else {
            self.stats.discarded_sctp += 1;
            return Err(Discard::Closed);
        };
        sctp.handle_datagram(now, packet).map_err(|discard| {
            self.stats.discarded_sctp += 1;
            Discard::Sctp(discard)
        })
    }

    /// Hands queued datagrams on whose pair has been validated meanwhile.
    pub(super) fn replay_early_datagrams(&mut self, now: Instant) -> bool {
        if self.dtls.is_none() || self.early_datagrams.queue.is_empty() {
            return false;
        }
        let agent = &self.agent;
        let ready = self
            .early_datagrams
            .take(|source, remote| agent.is_validated(plywood_ice::LocalId(source.0), remote));
        let progressed = !ready.is_empty();
        for (_, _, mut datagram) in ready {
            // A discard was counted inside; nobody waits for the result of a datagram from the past.
            let _ = self.open_datagram(now, &mut datagram);
        }
        progressed
    }
}
