//! The pump: what one ply reports, the others are told.
//!
//! Problem: a handshake that ends in one layer starts the next one; forgetting one of these steps is a
//! connection that hangs.
//! How: a loop drains each layer's events and acts on them until a whole round changes nothing. It never
//! recurses, and its rounds are bounded.
//!
//! ```text
//!   ice:  path found -------> dtls.start (client), queued datagrams of the pair
//!   dtls: connected --------> sctp.connect
//!   sctp: connected --------> channels open, DCEP OPENs go out
//!   sctp: message ----------> DCEP, or to the application
//!   sctp: streams reset ----> channels close
//!   sctp: restarted --------> the end: the peer knows none of our channels any more
//!   any:  the end ----------> everything closes
//! ```

use std::time::Instant;

use plywood_dtls as dtls;
use plywood_ice as ice;
use plywood_sctp as sctp;

use super::{Closing, LocalId, PeerConnection, draw_seed};
use crate::error::CloseReason;
use crate::event::{ConnectionState, Event, Path};
use crate::trace::Trace;

/// A whole setup needs about six rounds; more than this in one call would be a bug, and the next call goes on.
const MAX_ROUNDS: usize = 64;

impl PeerConnection {
    pub(super) fn pump(&mut self, now: Instant) {
        for _ in 0..MAX_ROUNDS {
            let mut progressed = self.drain_ice(now);
            progressed |= self.replay_early_datagrams(now);
            progressed |= self.drain_dtls(now);
            progressed |= self.drain_sctp(now);
            if !progressed {
                break;
            }
        }
        self.update_state(now);
    }

    fn drain_ice(&mut self, now: Instant) -> bool {
        let mut progressed = false;
        while let Some(event) = self.agent.poll_event() {
            progressed = true;
            match event {
                ice::Event::LocalCandidate(candidate) => self.announce_candidate(now, &candidate),
                ice::Event::CandidatesDropped { .. } => self.push_event(now, Event::CandidatesDropped),
                ice::Event::PathChanged(path) => self.handle_path(now, path),
                // States are read after the loop; validated pairs release the early queue in the same round.
                _ => {}
            }
        }
        // An agent that was closed has none either, and the peer is still to hear of the end.
        if self.closing == Closing::No && self.agent.path().is_none() {
            self.path = None; // consent is gone: sending stops (RFC 7675 §5.1)
        }
        progressed
    }

    fn handle_path(&mut self, now: Instant, path: ice::Path) {
        let path = Path { source: LocalId(path.source.0), local: path.local, remote: path.remote };
        if self.path != Some(path) {
            self.path = Some(path);
            self.push_event(now, Event::PathChanged(path));
            let round_trip = self.agent.round_trip();
            if let Some(association) = &mut self.sctp {
                association.path_changed(now, round_trip);
            }
            self.look_for_packet_size(now);
        }
        self.start_dtls(now);
    }

    /// The client's first flight goes out on the first pair that answers, before nomination.
    pub(super) fn start_dtls(&mut self, now: Instant) {
        if self.path.is_none() || self.dtls_started {
            return;
        }
        if let Some(dtls) = &mut self.dtls {
            self.dtls_started = true;
            if let Some(round_trip) = self.agent.round_trip() {
                dtls.set_round_trip(round_trip);
            }
            dtls.start(now);
        }
    }

    fn drain_dtls(&mut self, now: Instant) -> bool {
        let mut progressed = false;
        while let Some(event) = self.dtls.as_mut().and_then(dtls::Connection::poll_event) {
            progressed = true;
            match event {
                dtls::Event::Connected { version, suite, .. } => {
                    self.push_event(now, Event::DtlsConnected { version, suite });
                }
                dtls::Event::KeyLog(line) => {
                    if let Some(trace) = &mut self.trace {
                        trace.record(now, Trace::KeyLog(&line));
                    }
                }
                dtls::Event::Closed(dtls::CloseReason::Peer) => self.end(now, CloseReason::Remote),
                dtls::Event::Closed(reason) => self.end(now, CloseReason::Dtls(reason)),
                _ => {}
            }
        }
        progressed |= self.start_sctp(now);
        progressed |= self.take_early_data(now);
        progressed
    }

    /// The association begins as soon as DTLS can seal for the peer. DATA needs the peer's answer, which only
    /// a verified peer can give.
    fn start_sctp(&mut self, now: Instant) -> bool {
        let ready = self.sctp.is_none()
            && self.closing == Closing::No
            && self.dtls.as_ref().is_some_and(dtls::Connection::can_send);
        if ready {
            let seed = draw_seed(&mut self.rng);
            let mut association = sctp::Association::new(self.config.sctp.clone(), seed, now);
            if let Some(round_trip) = self.agent.minimum_round_trip() {
                association.set_minimum_round_trip(round_trip);
            }
            association.connect(now);
            self.sctp = Some(association);
            self.look_for_packet_size(now);
        }
        ready
    }

    /// What the peer sent right behind its Finished, before we had verified it.
    fn take_early_data(&mut self, now: Instant) -> bool {
        let mut progressed = false;
        while self.sctp.is_some() {
            let Some(packet) = self.dtls.as_mut().and_then(dtls::Connection::poll_early_data) else { break };
            progressed = true;
            // A discard was counted inside.
            let _ = self.handle_plaintext(now, &packet);
        }
        progressed
    }

    pub(super) fn drain_sctp(&mut self, now: Instant) -> bool {
        let mut progressed = false;
        loop {
            let received = self.drain_messages(now);
            let event = self.sctp.as_mut().and_then(sctp::Association::poll_event);
            progressed |= received || event.is_some();
            match event {
                Some(event) => self.handle_sctp_event(now, event),
                None => break,
            }
        }
        progressed | self.drain_channels(now)
    }

    fn handle_sctp_event(&mut self, now: Instant, event: sctp::Event) {
        match event {
            sctp::Event::Connected => {
                self.push_event(now, Event::SctpConnected);
                if let Some(sctp) = &self.sctp {
                    self.channels.set_stream_limit(sctp.streams());
                }
                self.channels.set_connected();
            }
            sctp::Event::Restarted => self.end(now, CloseReason::PeerRestarted),
            sctp::Event::SendReady { stream } => {
                if let Some(id) = self.channels.channel(stream.0) {
                    self.push_event(now, Event::SendReady { id });
                }
            }
            sctp::Event::BufferedAmountLow { stream } => {
                // Before the application's first message it was an OPEN or ACK that left.
                if let Some(id) = self.channels.channel(stream.0)
                    && self.channels.channel_stats(id).is_some_and(|stats| stats.messages_sent > 0)
                {
                    self.push_event(now, Event::BufferedAmountLow { id });
                }
            }
            sctp::Event::IncomingStreamsReset { streams } => self.handle_incoming_reset(&streams),
            sctp::Event::OutgoingStreamsReset { streams } => {
                for stream in streams {
                    self.channels.handle_outgoing_reset(stream.0);
                }
            }
            sctp::Event::OutgoingResetRefused { streams, .. } => {
                for stream in streams {
                    self.channels.handle_outgoing_reset_refused(stream.0);
                }
            }
            sctp::Event::Closed(sctp::CloseReason::Shutdown | sctp::CloseReason::AbortedByPeer { .. }) => {
                self.end(now, CloseReason::Remote);
            }
            sctp::Event::Closed(reason) => self.end(now, CloseReason::Sctp(reason)),
            _ => {}
        }
    }

    fn update_state(&mut self, now: Instant) {
        if self.closing != Closing::No {
            return;
        }
        let verified = self.dtls.as_ref().is_some_and(dtls::Connection::is_connected);
        let state = match self.agent.state() {
            ice::State::New if self.dtls.is_none() => ConnectionState::New,
            ice::State::Connected | ice::State::Completed if verified => ConnectionState::Connected,
            ice::State::New | ice::State::Checking | ice::State::Connected | ice::State::Completed => {
                ConnectionState::Connecting
            }
            ice::State::Disconnected => ConnectionState::Disconnected,
            ice::State::Failed => ConnectionState::Failed,
            _ => self.state,
        };
        self.set_state(now, state);
    }
}

#[cfg(test)]
mod tests;
