//! Offer and answer for one data section (RFC 9429 §3, §5; RFC 8841; RFC 8842; RFC 8839).
//!
//! Problem: two sides agree on credentials, roles and limits by exchanging two texts, and either text may be
//! the first of a connection, a repetition, or an ICE restart.
//! How: a state machine of three states. A description takes effect when both are set: then the roles are
//! decided and DTLS is made. Later pairs of descriptions may only restart ICE.
//!
//! ```text
//!               set_local(offer)                    set_remote(answer)
//!   Stable ------------------------> HaveLocalOffer -------------------> Stable
//!      |       set_remote(offer)                     set_local(answer)      ^
//!      '---------------------------> HaveRemoteOffer ----------------------'
//!
//!   a=setup   offer actpass  -> answer active   (the answerer is the DTLS client)
//!             offer active   -> answer passive
//!             offer passive  -> answer active
//! ```
//! More: RFC 9429 §4.1.8 (states), RFC 8842 §5 (roles), docs/peer.md.

use std::sync::Arc;
use std::time::Instant;

use plywood_datachannel::DtlsRole;
use plywood_dtls as dtls;
use plywood_ice as ice;
use plywood_sdp::{DataDescription, SessionDescription, Setup};

use super::{Closing, PeerConnection, draw_seed};
use crate::error::NegotiationError;
use crate::event::Event;

/// The SCTP port that every WebRTC stack uses (RFC 8841 §5.1 leaves the choice).
const SCTP_PORT: u16 = 5000;

/// What a description is (RFC 9429 §4.1.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SdpKind {
    /// Proposes.
    Offer,
    /// Accepts.
    Answer,
    /// Accepts for the time being: not built yet.
    PrAnswer,
    /// Takes the offer back: not built yet.
    Rollback,
}

/// Where the exchange stands (RFC 9429 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalingState {
    /// Nothing pending.
    Stable,
    /// Our offer waits for an answer.
    HaveLocalOffer,
    /// The peer's offer waits for our answer.
    HaveRemoteOffer,
    /// No more.
    Closed,
}

/// Our description as it stands now, with the candidates found so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalDescription {
    /// Offer or answer.
    pub kind: SdpKind,
    /// The text.
    pub sdp: String,
}

/// What the exchange has to remember.
#[derive(Debug)]
pub(super) struct Negotiation {
    state: SignalingState,
    session_id: u64,
    session_version: u64,
    made: Option<(SdpKind, DataDescription, String)>,
    local: Option<(SdpKind, DataDescription)>,
    pending_remote: Option<(SessionDescription, DataDescription)>,
    remote: Option<DataDescription>,
    remote_session: Option<SessionDescription>,
    restart_wanted: bool,
    /// The ICE generation whose description the application has: its candidates may be told.
    described_generation: Option<u32>,
}

impl Negotiation {
    pub(super) fn new(session_id: u64) -> Self {
        Self {
            state: SignalingState::Stable,
            session_id,
            session_version: 0,
            made: None,
            local: None,
            pending_remote: None,
            remote: None,
            remote_session: None,
            restart_wanted: false,
            described_generation: None,
        }
    }

    pub(super) fn close(&mut self) {
        self.state = SignalingState::Closed;
    }

    pub(super) fn mid(&self) -> &str {
        self.newest_remote().map_or("0", |remote| remote.mid.as_str())
    }

    fn newest_remote(&self) -> Option<&DataDescription> {
        self.pending_remote.as_ref().map(|(_, data)| data).or(self.remote.as_ref())
    }

    /// Whether a candidate with this ufrag (or none) belongs to a description that is known.
    pub(super) fn knows_remote_ufrag(&self, ufrag: Option<&str>) -> bool {
        match (self.newest_remote(), ufrag) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(remote), Some(ufrag)) => remote.ice_ufrag == ufrag,
        }
    }
}

impl PeerConnection {
    /// Where the exchange stands.
    #[must_use]
    pub fn signaling_state(&self) -> SignalingState {
        self.negotiation.state
    }

    /// Our newest description with the candidates found so far (W3C `localDescription`).
    #[must_use]
    pub fn local_description(&self) -> Option<LocalDescription> {
        let (kind, data) = self.negotiation.local.as_ref()?;
        let mut data = data.clone();
        data.candidates = self.candidate_lines();
        data.end_of_candidates = self.local_candidates_ended();
        let sdp = match (kind, &self.negotiation.remote_session) {
            (SdpKind::Answer, Some(offer)) => data.to_answer(offer),
            _ => data.to_offer(),
        };
        Some(LocalDescription { kind: *kind, sdp })
    }

    /// The newest description of the peer.
    #[must_use]
    pub fn remote_description(&self) -> Option<&DataDescription> {
        self.negotiation.newest_remote()
    }

    /// New ICE credentials with the next offer (W3C `restartIce`), and then
    /// [`end_of_local_candidates`](Self::end_of_local_candidates) again.
    pub fn restart_ice(&mut self) {
        self.negotiation.restart_wanted = true;
    }

    /// Makes an offer: what [`set_local_description`](Self::set_local_description) then has to be given.
    ///
    /// # Errors
    /// [`NegotiationError::WrongState`] while an offer of the peer waits for its answer.
    pub fn create_offer(&mut self, now: Instant) -> Result<String, NegotiationError> {
        self.expect_states(&[SignalingState::Stable, SignalingState::HaveLocalOffer])?;
        if std::mem::take(&mut self.negotiation.restart_wanted) && self.negotiation.remote.is_some() {
            self.restart_agent(now);
        }
        // RFC 8842 §5.5: a later offer says actpass again, and the answer repeats the roles.
        let data = self.describe(Setup::ActPass);
        let text = data.to_offer();
        self.negotiation.made = Some((SdpKind::Offer, data, text.clone()));
        Ok(text)
    }

    /// Makes the answer to the peer's pending offer.
    ///
    /// # Errors
    /// [`NegotiationError::WrongState`] if no offer is pending.
    pub fn create_answer(&mut self, _now: Instant) -> Result<String, NegotiationError> {
        self.expect_states(&[SignalingState::HaveRemoteOffer])?;
        let Some((offer, remote)) = &self.negotiation.pending_remote else {
            return Err(NegotiationError::WrongState { state: self.negotiation.state });
        };
        // Where the offer leaves the choice, a first answer is active, and a later one repeats the role.
        let is_server = self.dtls.as_ref().is_some_and(|dtls| dtls.role() == dtls::Role::Server);
        let leaves_choice = matches!(remote.setup, Setup::ActPass | Setup::HoldConn);
        let setup = if remote.setup == Setup::Active || is_server && leaves_choice {
            Setup::Passive
        } else {
            Setup::Active
        };
        let mut data = self.describe(setup);
        data.mid.clone_from(&remote.mid);
        let text = data.to_answer(offer);
        self.negotiation.made = Some((SdpKind::Answer, data, text.clone()));
        Ok(text)
    }

    /// Applies the description made last.
    ///
    /// # Errors
    /// [`NegotiationError::Altered`] if `sdp` is another text; [`NegotiationError::WrongState`].
    pub fn set_local_description(
        &mut self,
        now: Instant,
        kind: SdpKind,
        sdp: &str,
    ) -> Result<(), NegotiationError> {
        let allowed = match kind {
            SdpKind::Offer => [SignalingState::Stable, SignalingState::HaveLocalOffer].as_slice(),
            SdpKind::Answer => &[SignalingState::HaveRemoteOffer],
            SdpKind::PrAnswer => return Err(NegotiationError::NotSupported { what: "a provisional answer" }),
            SdpKind::Rollback => return Err(NegotiationError::NotSupported { what: "rollback" }),
        };
        self.expect_states(allowed)?;
        let Some((made_kind, data, text)) = self.negotiation.made.take() else {
            return Err(NegotiationError::Altered);
        };
        if made_kind != kind || text != sdp {
            self.negotiation.made = Some((made_kind, data, text));
            return Err(NegotiationError::Altered);
        }
        self.negotiation.session_version += 1;
        self.negotiation.local = Some((kind, data));
        self.tell_held_candidates(now);
        if kind == SdpKind::Offer {
            if self.negotiation.remote.is_none() {
                self.agent.set_role(ice::Role::Controlling);
            }
            self.negotiation.state = SignalingState::HaveLocalOffer;
        } else {
            self.negotiation.state = SignalingState::Stable;
            if let Some((session, remote)) = self.negotiation.pending_remote.take() {
                self.negotiation.remote_session = Some(session);
                self.settle(now, remote);
            }
        }
        self.pump(now);
        Ok(())
    }

    /// Applies a description of the peer.
    ///
    /// # Errors
    /// [`NegotiationError`]: malformed, not for us, or not in this state. Nothing changes then.
    pub fn set_remote_description(
        &mut self,
        now: Instant,
        kind: SdpKind,
        sdp: &str,
    ) -> Result<(), NegotiationError> {
        match kind {
            SdpKind::Offer => self.set_remote_offer(now, sdp)?,
            SdpKind::Answer => self.set_remote_answer(now, sdp)?,
            SdpKind::PrAnswer => return Err(NegotiationError::NotSupported { what: "a provisional answer" }),
            SdpKind::Rollback => return Err(NegotiationError::NotSupported { what: "rollback" }),
        }
        self.apply_early_candidates(now);
        self.pump(now);
        Ok(())
    }

    fn set_remote_offer(&mut self, now: Instant, sdp: &str) -> Result<(), NegotiationError> {
        self.expect_states(&[SignalingState::Stable, SignalingState::HaveRemoteOffer])?;
        let session = SessionDescription::parse(sdp).map_err(NegotiationError::Sdp)?;
        let data = DataDescription::from_offer(&session).map_err(NegotiationError::Sdp)?;
        self.check_remote(&data)?;
        // An offer that takes the place of a pending one may have begun this restart already.
        match self.negotiation.newest_remote() {
            None => self.agent.set_role(ice::Role::Controlled),
            Some(known) if known.ice_ufrag != data.ice_ufrag => self.restart_agent(now),
            Some(_) => {}
        }
        self.negotiation.state = SignalingState::HaveRemoteOffer;
        self.negotiation.pending_remote = Some((session, data.clone()));
        self.apply_ice(now, &data)
    }

    fn set_remote_answer(&mut self, now: Instant, sdp: &str) -> Result<(), NegotiationError> {
        self.expect_states(&[SignalingState::HaveLocalOffer])?;
        let Some((SdpKind::Offer, offer)) = &self.negotiation.local else {
            return Err(NegotiationError::WrongState { state: self.negotiation.state });
        };
        let data = DataDescription::parse_answer(sdp, offer).map_err(NegotiationError::Sdp)?;
        self.check_remote(&data)?;
        self.negotiation.state = SignalingState::Stable;
        self.negotiation.remote_session = None;
        self.apply_ice(now, &data)?;
        self.settle(now, data);
        Ok(())
    }

    /// Credentials and candidates of a remote description.
    fn apply_ice(&mut self, now: Instant, data: &DataDescription) -> Result<(), NegotiationError> {
        let credentials = ice::Credentials { ufrag: data.ice_ufrag.clone(), pwd: data.ice_pwd.clone() };
        if data.ice_lite {
            self.agent.set_remote_lite();
        }
        self.agent.set_remote_credentials(now, credentials).map_err(|_| NegotiationError::BadCredentials)?;
        for line in &data.candidates {
            let ufrag = line.extension("ufrag").unwrap_or(&data.ice_ufrag).to_owned();
            if ufrag == data.ice_ufrag {
                self.apply_candidate(now, line, Some(&ufrag));
            } else {
                self.stats.candidates_skipped += 1;
            }
        }
        if data.end_of_candidates {
            self.agent.end_of_remote_candidates(now);
        }
        Ok(())
    }

    /// Both descriptions are set: roles are decided, DTLS is made if there is none yet.
    fn settle(&mut self, now: Instant, remote: DataDescription) {
        self.channels.set_remote_max_message_size(remote.max_message_size);
        if self.dtls.is_none() {
            let role = self.dtls_role(&remote);
            self.channels.set_dtls_role(match role {
                dtls::Role::Client => DtlsRole::Client,
                dtls::Role::Server => DtlsRole::Server,
            });
            let fingerprints = usable_fingerprints(&remote);
            let (identity, provider) = (Arc::clone(&self.config.identity), Arc::clone(&self.config.provider));
            let mut config = dtls::Config::new(role, identity, provider, fingerprints);
            config.versions = self.config.versions;
            config.mtu_bytes = self.config.mtu_bytes;
            config.key_log = self.config.key_log;
            let seed = draw_seed(&mut self.rng);
            self.dtls = Some(dtls::Connection::new(config, seed, now));
        }
        self.negotiation.remote = Some(remote);
        self.start_dtls(now);
    }

    /// Active is the client; where neither side says, the answerer is (RFC 8842 §5.3).
    fn dtls_role(&self, remote: &DataDescription) -> dtls::Role {
        let ours = self.negotiation.local.as_ref().map(|(_, data)| data.setup);
        match (remote.setup, ours) {
            (Setup::Active, _) | (_, Some(Setup::Passive)) => dtls::Role::Server,
            (Setup::Passive, _) | (_, Some(Setup::Active)) => dtls::Role::Client,
            _ => dtls::Role::Server, // an answer without a role: we offered, the answerer is active
        }
    }

    fn check_remote(&self, data: &DataDescription) -> Result<(), NegotiationError> {
        let fingerprints = usable_fingerprints(data);
        if dtls::fingerprint::preferred_algorithm(&fingerprints).is_none() {
            return Err(NegotiationError::NoUsableFingerprint);
        }
        if let Some(known) = &self.negotiation.remote {
            if usable_fingerprints(known) != fingerprints {
                return Err(NegotiationError::UnsupportedChange { what: "the fingerprint" });
            }
            if known.sctp_port != data.sctp_port {
                return Err(NegotiationError::UnsupportedChange { what: "the SCTP port" });
            }
            if known.mid != data.mid {
                return Err(NegotiationError::UnsupportedChange { what: "the media section" });
            }
        }
        Ok(())
    }

    fn describe(&self, setup: Setup) -> DataDescription {
        let credentials = self.agent.local_credentials();
        let fingerprint = self.config.identity.fingerprint();
        DataDescription {
            session_id: self.negotiation.session_id,
            session_version: self.negotiation.session_version,
            mid: self.negotiation.mid().to_owned(),
            ice_ufrag: credentials.ufrag.clone(),
            ice_pwd: credentials.pwd.clone(),
            ice_options: vec!["trickle".to_owned()],
            fingerprints: vec![(
                fingerprint.algorithm.text_name().unwrap_or("sha-256").to_owned(),
                fingerprint.value.clone(),
            )],
            setup,
            sctp_port: SCTP_PORT,
            max_message_size: Some(self.config.max_message_size),
            ..DataDescription::default()
        }
    }

    fn expect_states(&self, allowed: &[SignalingState]) -> Result<(), NegotiationError> {
        let state = self.negotiation.state;
        if self.closing != Closing::No || state == SignalingState::Closed {
            Err(NegotiationError::Closed)
        } else if allowed.contains(&state) {
            Ok(())
        } else {
            Err(NegotiationError::WrongState { state })
        }
    }

    /// The sockets stay, but the candidates of the new generation are announced again, and more may come.
    fn restart_agent(&mut self, now: Instant) {
        self.held_candidates.clear();
        self.agent.restart(now);
        self.pump(now);
    }

    /// A candidate is told only after the description that it belongs to (RFC 8838 §9).
    pub(super) fn tell_or_hold(&mut self, now: Instant, event: Event) {
        if self.negotiation.described_generation == Some(self.agent.generation()) {
            self.push_event(now, event);
        } else {
            self.held_candidates.push(event);
        }
    }

    fn tell_held_candidates(&mut self, now: Instant) {
        self.negotiation.described_generation = Some(self.agent.generation());
        for event in std::mem::take(&mut self.held_candidates) {
            self.push_event(now, event);
        }
    }
}

/// Those whose hash we know; which of them count is decided by `dtls` (RFC 8122 §5).
fn usable_fingerprints(data: &DataDescription) -> Vec<dtls::Fingerprint> {
    data.fingerprints
        .iter()
        .filter_map(|(algorithm, value)| dtls::Fingerprint::new(algorithm, value.clone()).ok())
        .collect()
}
