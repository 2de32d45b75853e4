//! Carrying out what handles ask for.

use std::net::SocketAddr;
use std::time::Instant;

use crate::command::Command;
use crate::description::{IceCandidateInit, SessionDescription};
use crate::error::Error;
use crate::peer::LocalDescription;
use crate::peer::plies::ice::CandidateKind;
use crate::peer::plies::sdp::{self, CandidateLine};
use crate::stats::{ConnectionStats, DtlsStats, Endpoint};

use super::{MAX_COMMANDS, MAX_SIGNALLED, Task};

impl Task {
    /// Takes the commands that wait, but not more than a round's share.
    pub(super) fn take_commands(&mut self, now: Instant) {
        if let Some(command) = self.next_command.take() {
            self.carry_out(now, command);
        }
        for _ in 0..MAX_COMMANDS {
            match self.commands.try_recv() {
                Ok(command) => self.carry_out(now, command),
                Err(tokio::sync::mpsc::error::TryRecvError::Empty) => break,
                Err(tokio::sync::mpsc::error::TryRecvError::Disconnected) => {
                    self.abandoned = true;
                    break;
                }
            }
        }
        if self.abandoned {
            self.peer.close(now); // nobody holds a handle any more
        }
    }

    fn carry_out(&mut self, now: Instant, command: Command) {
        // Whoever asked may have gone: answers that nobody takes are dropped.
        match command {
            Command::Send { id, kind, data } => self.channels.send(&mut self.peer, now, id, kind, data),
            Command::Consumed => {} // the pump takes the credit
            Command::CreateOffer(answer) => {
                let _ = answer.send(self.peer.create_offer(now).map_err(Error::Negotiation));
            }
            Command::CreateAnswer(answer) => {
                let _ = answer.send(self.peer.create_answer(now).map_err(Error::Negotiation));
            }
            Command::SetLocalDescription(description, answer) => {
                let _ = answer.send(self.set_local_description(now, &description));
            }
            Command::SetRemoteDescription(description, answer) => {
                let _ = answer.send(self.set_remote_description(now, &description));
            }
            Command::LocalDescription(answer) => {
                let _ = answer.send(Ok(self.peer.local_description().map(described)));
            }
            Command::AddIceCandidate(candidate, answer) => {
                let _ = answer.send(self.add_ice_candidate(now, &candidate));
            }
            Command::RestartIce => self.peer.restart_ice(),
            Command::CreateDataChannel(config, answer) => {
                let made = self.peer.create_data_channel(now, config.clone()).map_err(Error::Channel);
                let channel = made.and_then(|id| {
                    let handles = self.handles.upgrade().ok_or(Error::Closed)?;
                    Ok(self.channels.add(id, config, false, handles, &self.max_message_size))
                });
                let _ = answer.send(channel);
            }
            Command::CloseChannel(id) => self.channels.close(&mut self.peer, now, id),
            Command::Stats(answer) => {
                let _ = answer.send(self.stats());
            }
            Command::Close(closer) => {
                self.closers.push(closer);
                self.peer.close(now);
            }
        }
    }

    fn set_local_description(&mut self, now: Instant, description: &SessionDescription) -> Result<(), Error> {
        self.peer
            .set_local_description(now, description.kind, &description.sdp)
            .map_err(Error::Negotiation)?;
        self.gather(now);
        Ok(())
    }

    fn set_remote_description(
        &mut self,
        now: Instant,
        description: &SessionDescription,
    ) -> Result<(), Error> {
        let result = self.peer.set_remote_description(now, description.kind, &description.sdp);
        self.learn_max_message_size();
        result.map_err(Error::Negotiation)
    }

    fn add_ice_candidate(&mut self, now: Instant, candidate: &IceCandidateInit) -> Result<(), Error> {
        let ufrag = candidate.username_fragment.as_deref();
        self.peer.add_ice_candidate(now, &candidate.candidate, ufrag).map_err(Error::Candidate)?;
        if let Ok(line) = CandidateLine::parse(candidate.candidate.trim().trim_start_matches("a="))
            && self.signalled.len() < MAX_SIGNALLED
        {
            self.signalled.extend(signalled(&line));
        }
        Ok(())
    }

    /// Host candidates are known as soon as they are wanted: at the first local description (RFC 9429 §4.1.9). An ICE
    /// restart has the same sockets.
    fn gather(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.gathering, true) {
            for (id, address) in self.sockets.addresses() {
                if let Err(error) = self.peer.add_local_host(now, id, address) {
                    tracing::warn!(%address, ?error, "address not used");
                }
            }
        }
        self.peer.end_of_local_candidates(now);
    }

    fn stats(&self) -> ConnectionStats {
        let path = self.peer.path();
        let local = path.map(|path| Endpoint { kind: CandidateKind::Host, address: path.local });
        let remote = path.map(|path| Endpoint { kind: self.remote_kind(path.remote), address: path.remote });
        let dtls = self.peer.dtls().filter(|dtls| dtls.is_connected()).and_then(|dtls| {
            let (version, suite, group) = (dtls.version()?, dtls.suite()?, dtls.group()?);
            Some(DtlsStats { version, suite, group, role: dtls.role() })
        });
        let sctp = self.peer.sctp().filter(|sctp| sctp.is_connected());
        ConnectionStats {
            state: self.peer.state(),
            local,
            remote,
            dtls,
            interleaving: sctp.map(|sctp| sctp.capabilities().interleaving),
            peer: self.peer.stats().clone(),
            sockets: self.sockets.stats,
            channels: self.channels.len(),
        }
    }

    /// As it was signalled; what was not signalled was learnt from its checks.
    fn remote_kind(&self, address: SocketAddr) -> CandidateKind {
        let described = self.peer.remote_description().into_iter().flat_map(|remote| &remote.candidates);
        described
            .filter_map(signalled)
            .chain(self.signalled.iter().copied())
            .find(|(known, _)| *known == address)
            .map_or(CandidateKind::PeerReflexive, |(_, kind)| kind)
    }
}

/// Where a candidate line points, and what it says that this is.
fn signalled(line: &CandidateLine) -> Option<(SocketAddr, CandidateKind)> {
    let kind = match line.kind {
        sdp::CandidateKind::Host => CandidateKind::Host,
        sdp::CandidateKind::ServerReflexive => CandidateKind::ServerReflexive,
        sdp::CandidateKind::PeerReflexive => CandidateKind::PeerReflexive,
        sdp::CandidateKind::Relayed => CandidateKind::Relayed,
        _ => return None,
    };
    match line.address {
        sdp::Address::Ip(ip) => Some((SocketAddr::new(ip, line.port), kind)),
        sdp::Address::Name(_) => None,
    }
}

fn described(description: LocalDescription) -> SessionDescription {
    SessionDescription { kind: description.kind, sdp: description.sdp }
}
