//! Candidates as text, in and out (RFC 8839 §5.1, RFC 8838).
//!
//! Problem: remote candidates come before the description, inside it, long after it, or hidden behind a name.
//! How: those that come too early wait in a bounded list; those of an older ICE generation are dropped by
//! their ufrag; names go to the driver, which may resolve them; what cannot be used is skipped and counted.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use plywood_ice as ice;
use plywood_sdp::{Address, CandidateKind, CandidateLine, Transport};

use super::{Closing, PeerConnection};
use crate::error::CandidateError;
use crate::event::Event;

/// Remote candidates that wait for their description.
#[derive(Debug, Default)]
pub(super) struct EarlyCandidates {
    waiting: Vec<(String, Option<String>)>,
}

impl PeerConnection {
    /// Adds a candidate of the peer: the value of an `a=candidate` line, with or without `a=`. The empty string,
    /// or `end-of-candidates`, says that no more will come. `ufrag` ties it to an ICE generation; without it, and without
    /// a `ufrag` extension in the line, it belongs to the newest remote description.
    ///
    /// # Errors
    /// [`CandidateError`] if the text does not parse, or too many come before any description.
    pub fn add_ice_candidate(
        &mut self,
        now: Instant,
        candidate: &str,
        ufrag: Option<&str>,
    ) -> Result<(), CandidateError> {
        if self.closing != Closing::No {
            return Err(CandidateError::Closed);
        }
        let text = candidate.trim();
        let text = text.strip_prefix("a=").unwrap_or(text);
        let line = match text {
            "" | "end-of-candidates" => None,
            text => Some(CandidateLine::parse(text).map_err(CandidateError::Sdp)?),
        };
        let ufrag = ufrag.or_else(|| line.as_ref().and_then(|line| line.extension("ufrag")));
        if !self.negotiation.knows_remote_ufrag(ufrag) {
            return self.keep_early_candidate(text, ufrag);
        }
        match &line {
            None => self.agent.end_of_remote_candidates(now),
            Some(line) => self.apply_candidate(now, line, ufrag),
        }
        self.pump(now);
        Ok(())
    }

    /// Adds the candidate of an [`Event::ResolveCandidate`] whose name turned out to be `address`.
    ///
    /// # Errors
    /// As [`add_ice_candidate`](Self::add_ice_candidate).
    pub fn add_resolved_candidate(
        &mut self,
        now: Instant,
        candidate: &str,
        ufrag: Option<&str>,
        address: IpAddr,
    ) -> Result<(), CandidateError> {
        let mut line = CandidateLine::parse(candidate).map_err(CandidateError::Sdp)?;
        line.address = Address::Ip(address);
        self.add_ice_candidate(now, &line.to_string(), ufrag)
    }

    /// A candidate whose generation is not known yet belongs to a description still to come.
    fn keep_early_candidate(&mut self, text: &str, ufrag: Option<&str>) -> Result<(), CandidateError> {
        let limit = self.config.early_candidates;
        if self.early_candidates.waiting.len() >= limit {
            self.stats.candidates_skipped += 1;
            return Err(CandidateError::TooManyEarly { limit });
        }
        self.early_candidates.waiting.push((text.to_owned(), ufrag.map(str::to_owned)));
        Ok(())
    }

    /// A remote description was applied: those that waited for it are taken, those of no known generation go.
    pub(super) fn apply_early_candidates(&mut self, now: Instant) {
        for (text, ufrag) in std::mem::take(&mut self.early_candidates.waiting) {
            if self.negotiation.knows_remote_ufrag(ufrag.as_deref()) {
                // It parsed when it was kept, and the list it would wait in is empty now.
                let _ = self.add_ice_candidate(now, &text, ufrag.as_deref());
            } else {
                self.stats.candidates_skipped += 1;
            }
        }
    }

    pub(super) fn apply_candidate(&mut self, now: Instant, line: &CandidateLine, ufrag: Option<&str>) {
        let address = match &line.address {
            _ if line.transport != Transport::Udp || line.component != 1 => None,
            Address::Ip(address) => Some(SocketAddr::new(*address, line.port)),
            Address::Name(name) => {
                let (name, candidate, ufrag) = (name.clone(), line.to_string(), ufrag.map(str::to_owned));
                self.push_event(now, Event::ResolveCandidate { name, candidate, ufrag });
                return;
            }
        };
        let (Some(address), Some(kind)) = (address, ice_kind(line)) else {
            self.stats.candidates_skipped += 1;
            return;
        };
        let candidate = ice::Candidate {
            foundation: line.foundation.clone(),
            component: line.component,
            priority: line.priority,
            address,
            kind,
            related: None,
            ufrag: ufrag.map(str::to_owned),
        };
        if self.agent.add_remote_candidate(now, candidate).is_err() {
            self.stats.candidates_skipped += 1;
        }
    }

    /// Tells the application about a candidate of ours, and keeps it for the local description.
    pub(super) fn announce_candidate(&mut self, now: Instant, candidate: &ice::Candidate) {
        let line = candidate_line(candidate);
        let ufrag = self.agent.local_credentials().ufrag.clone();
        let mid = self.negotiation.mid().to_owned();
        self.tell_or_hold(now, Event::LocalCandidate { candidate: line.to_string(), ufrag, mid });
    }

    /// Every candidate of ours so far, as lines of a description.
    pub(super) fn candidate_lines(&self) -> Vec<CandidateLine> {
        self.agent.local_candidates().map(candidate_line).collect()
    }
}

fn ice_kind(line: &CandidateLine) -> Option<ice::CandidateKind> {
    match line.kind {
        CandidateKind::Host => Some(ice::CandidateKind::Host),
        CandidateKind::ServerReflexive => Some(ice::CandidateKind::ServerReflexive),
        CandidateKind::PeerReflexive => Some(ice::CandidateKind::PeerReflexive),
        CandidateKind::Relayed => Some(ice::CandidateKind::Relayed),
        _ => None,
    }
}

fn candidate_line(candidate: &ice::Candidate) -> CandidateLine {
    let kind = match candidate.kind {
        ice::CandidateKind::Host => CandidateKind::Host,
        ice::CandidateKind::PeerReflexive => CandidateKind::PeerReflexive,
        ice::CandidateKind::ServerReflexive => CandidateKind::ServerReflexive,
        ice::CandidateKind::Relayed => CandidateKind::Relayed,
    };
    let related = candidate.related.map(|related| (Address::Ip(related.ip()), related.port()));
    CandidateLine {
        foundation: candidate.foundation.clone(),
        component: candidate.component,
        transport: Transport::Udp,
        priority: candidate.priority,
        address: Address::Ip(candidate.address.ip()),
        port: candidate.address.port(),
        kind,
        related,
        tcp_type: None,
        extensions: Vec::new(),
    }
}
