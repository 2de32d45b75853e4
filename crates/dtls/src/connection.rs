//! The connection: what goes in, what comes out, and who handles it.
//!
//! ```text
//!   Idle --start--> Client12 --ServerHello chose 1.3--> Client13 --.
//!                       |                                          |--Finished and fingerprint verified-.
//!           (new)   Server12 --ClientHello offers 1.3--> Server13 -'                                    v
//!                       |  broken rule, timeout                                      Established12, Established13
//!                       `-----------------------> Closed <--close_notify, fatal alert, close--'
//! ```
//!
//! What may end a connection: authenticated alerts, timeouts, our own `close`, and a complete handshake
//! message during the handshake that breaks a rule. Everything else that is wrong is a [`Discard`].

mod accept;
mod early;
mod embedding;
mod engine;
mod ids;
mod input;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::early::EarlyQueue;
pub use self::early::MaySend;
pub(crate) use self::engine::Engine;
use crate::config::{Config, Role};
use crate::dtls12;
use crate::dtls13::{self, Update};
use crate::error::{Discard, ExportError, HandshakeError, SealError};
use crate::event::{CloseReason, Event};
use crate::flight::initial_timeout;
use crate::identity::Identity;
use crate::proof::VerifiedPeer;
use crate::records::RecordMark;
use crate::stats::Stats;
use crate::transcript::Transcript;
use crate::version::Version;
use crate::wire::codes::{CipherSuite, NamedGroup, SignatureScheme};
use crate::wire::key_update::KeyUpdate;
use crate::wire::{Alert, AlertDescription, ContentType};

/// A record that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Where the next record begins; the length of the datagram if there is none.
    pub next: usize,
    /// Where application data stands in the datagram now. `None`: a handshake record or alert, consumed.
    pub plaintext: Option<std::ops::Range<usize>>,
}

/// A record that was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discarded {
    /// Where the next record begins; the length of the datagram if there is none.
    pub next: usize,
    /// Why.
    pub reason: Discard,
}

/// One DTLS connection, client or server.
#[derive(Debug)]
pub struct Connection {
    engine: Engine,
    phase: Phase,
    /// Records that came before their keys.
    early_records: EarlyQueue,
    /// Application data that came before the peer was verified.
    early_data: EarlyQueue,
    /// The last alert that came in the clear: not believed, but told if the handshake times out.
    unauthenticated_alert: Option<AlertDescription>,
    /// Warnings that were ignored.
    ignored_alerts: u8,
    /// Renegotiation was refused once already: one answer is enough.
    refused_renegotiation: bool,
}

/// Where the connection stands. Each handshake owns what it needs; nothing is left over for other phases.
#[derive(Debug)]
pub(crate) enum Phase {
    /// A client that was not started.
    Idle,
    /// A client of 1.2, or one that does not know the version yet.
    Client12(dtls12::client::State),
    /// A server of 1.2, or one that does not know the version yet.
    Server12(dtls12::server::State),
    /// A client of a server that speaks 1.3.
    Client13(Box<dtls13::client::State>),
    /// A server that chose 1.3.
    Server13(Box<dtls13::server::State>),
    /// Data may flow.
    Established12(Box<dtls12::Established>),
    /// Data may flow.
    Established13(Box<dtls13::Established>),
    /// Over. Queued alerts still go out.
    Closed,
}

impl Phase {
    pub(crate) fn client_13(state: dtls13::client::State) -> Self {
        Self::Client13(Box::new(state))
    }

    pub(crate) fn server_13(state: dtls13::server::State) -> Self {
        Self::Server13(Box::new(state))
    }
}

/// What was agreed on, in either version.
#[derive(Debug, Clone, Copy)]
struct Summary {
    version: Version,
    suite: CipherSuite,
    group: NamedGroup,
    srtp_profile: Option<u16>,
}

impl Connection {
    /// A new connection; `seed` makes all its randomness, as far as the provider obeys one. With a
    /// configuration that cannot work (see [`Config::validate`]) it is closed from the beginning.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32], now: Instant) -> Self {
        let _ = now; // a handshake begins with its first message, not here
        let invalid = config.validate().err();
        let role = config.role;
        let mut connection = Self {
            engine: Engine::new(config, seed),
            phase: match role {
                Role::Client => Phase::Idle,
                Role::Server => Phase::Server12(dtls12::server::State::new()),
            },
            early_records: EarlyQueue::default(),
            early_data: EarlyQueue::default(),
            unauthenticated_alert: None,
            ignored_alerts: 0,
            refused_renegotiation: false,
        };
        if let Some(error) = invalid {
            connection.end(CloseReason::Config(error));
        }
        connection
    }

    /// A client says hello; a server goes on waiting for one. More than one call does nothing more.
    pub fn start(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Idle) {
            return;
        }
        self.begin_handshake(now);
        match dtls12::client::State::start(&mut self.engine, now) {
            Ok(state) => self.enter(Phase::Client12(state)),
            Err(error) => self.fail(error),
        }
    }

    fn begin_handshake(&mut self, now: Instant) {
        if self.engine.give_up_at.is_none() {
            self.engine.give_up_at = now.checked_add(self.engine.config.handshake_timeout);
        }
    }

    /// Changes the phase, and says so.
    fn enter(&mut self, phase: Phase) {
        let was_connected = self.is_connected();
        self.phase = phase;
        if let (Some(summary), false) = (self.summary(), was_connected) {
            self.engine.give_up_at = None;
            if summary.version == Version::Dtls12 {
                self.engine.timer.stop();
            }
            self.engine.reassembly.clear();
            self.engine.transcript = Transcript::default();
            // Whatever is not encrypted from now on is not from the peer.
            self.engine.records.drop_read_epochs_before(1);
            let Summary { version, suite, group, .. } = summary;
            tracing::debug!(?version, ?suite, ?group, "connected");
            self.engine.events.push_back(Event::Connected { version, suite, group });
        }
    }

    /// A broken rule ends the connection, and the peer is told.
    fn fail(&mut self, error: HandshakeError) {
        self.engine.flight.clear();
        self.engine.alert(Alert::fatal(error.alert()));
        self.end(CloseReason::Handshake(error));
    }

    /// The end; it comes once.
    fn end(&mut self, reason: CloseReason) {
        tracing::debug!(%reason, "closed");
        self.phase = Phase::Closed;
        self.engine.timer.stop();
        self.engine.rest_due = None;
        self.engine.give_up_at = None;
        self.engine.reassembly.clear();
        self.engine.acks.clear();
        if let Some(embedding) = &mut self.engine.embedding {
            embedding.clear_pending();
        }
        self.early_records = EarlyQueue::default();
        self.engine.events.push_back(Event::Closed(reason));
    }

    /// Time has come to [`Connection::poll_timeout`], or not: early and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        // While somebody else carries the flight, who repeats it often enough, only patience has an end.
        let resting = self.engine.is_carried();
        if !resting {
            self.engine.acks.handle_timeout(now, self.engine.timer.timeout());
        }
        let expired = !resting && due(self.engine.timer.deadline());
        let transmissions = self.engine.timer.timeouts() + 1;
        if due(self.engine.give_up_at) || (expired && transmissions >= self.engine.config.max_timeouts) {
            let unauthenticated_alert = self.unauthenticated_alert;
            self.engine.flight.clear();
            self.end(CloseReason::TimedOut { transmissions, unauthenticated_alert });
        } else if expired {
            self.engine.timer.back_off(now);
            self.engine.resend_flight(now);
        } else if !resting && due(self.engine.rest_due) {
            self.engine.resend_flight(now);
            self.engine.timer.restart(now);
        }
    }

    /// When [`Connection::handle_timeout`] wants to be called; `None`: not at all.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let mut next = self.engine.give_up_at;
        if !self.engine.is_carried() {
            let timer = &self.engine.timer;
            let ack = self.engine.acks.deadline(timer.timeout());
            next = next.into_iter().chain(timer.deadline()).chain(ack).chain(self.engine.rest_due).min();
        }
        next
    }

    /// Appends one datagram of a flight, or an alert, and tells its length. Call until `None`.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<usize> {
        if self.is_embedding() {
            return None;
        }
        self.begin_waiting(now);
        self.engine.poll_transmit(out)
    }

    /// The next thing that the owner should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.engine.events.pop_front()
    }

    /// Application data that came before the peer was verified, now that it is.
    pub fn poll_early_data(&mut self) -> Option<Vec<u8>> {
        if !self.is_connected() {
            return None;
        }
        self.early_data.pop()
    }

    /// Whether the peer's Finished and fingerprint are verified: data may flow both ways.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Established12(_) | Phase::Established13(_))
    }

    /// Whether our own data may be sealed now. In 1.2 that is when the peer is verified.
    #[must_use]
    pub fn can_send(&self) -> bool {
        self.is_connected()
    }

    /// Whether the connection is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Exact bytes around a payload, as things stand now.
    #[must_use]
    pub fn record_overhead(&self) -> usize {
        self.engine.records.overhead(self.engine.records.newest_write_epoch())
    }

    /// The longest payload of one record, as things stand now: 2^14 bytes, or what the peer takes (RFC 8449).
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.engine.records.max_content(self.engine.records.newest_write_epoch())
    }

    /// Reserves the header of a record at the end of `out`; the payload is written behind it.
    ///
    /// # Errors
    /// [`SealError::NotConnected`], [`SealError::Closed`]; [`SealError::NumbersExhausted`] ends the connection.
    #[inline]
    pub fn begin_record(&mut self, out: &mut Vec<u8>) -> Result<RecordMark, SealError> {
        match self.phase {
            Phase::Established12(_) | Phase::Established13(_) => {}
            Phase::Closed => return Err(SealError::Closed),
            _ => return Err(SealError::NotConnected),
        }
        let begun = self.engine.records.begin(self.engine.write_epoch, out);
        if let Err(SealError::NumbersExhausted) = begun {
            self.end(CloseReason::NumbersExhausted);
        }
        begun
    }

    /// Seals what stands behind `mark`, in place; the record gets its number here.
    ///
    /// # Errors
    /// [`SealError::TooLong`], or [`SealError::BadMark`] if `out` is not the buffer of `mark`.
    #[inline]
    pub fn finish_record(&mut self, out: &mut Vec<u8>, mark: RecordMark) -> Result<(), SealError> {
        let length = out.len().saturating_sub(mark.payload());
        let number = self.engine.records.finish(out, mark, ContentType::APPLICATION_DATA)?;
        if number.sequence >= self.engine.config.records_per_key {
            self.wear_keys();
        }
        self.engine.stats.records_sent += 1;
        self.engine.stats.application_bytes_sent += length as u64;
        Ok(())
    }

    /// The largest datagram that flights may use, in bytes of UDP payload; not below
    /// [`Config::MIN_MTU_BYTES`].
    pub fn set_mtu(&mut self, bytes: usize) {
        self.engine.config.mtu_bytes = bytes.max(Config::MIN_MTU_BYTES);
    }

    /// Tells the round trip of the path: a flight over it is repeated after twice that time, at least 50 ms
    /// (where browsers begin), at most `Config::initial_timeout`.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.engine.timer.set_initial(initial_timeout(round_trip, self.engine.config.initial_timeout));
    }

    /// Changes the initial retransmission timeout. A running timer is rescaled and keeps its back-off.
    pub fn set_initial_timeout(&mut self, timeout: Duration) {
        self.engine.config.initial_timeout = timeout;
        self.engine.timer.set_initial(timeout);
    }

    /// Keying material for somebody else (RFC 5705 §4).
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn export_keying_material(
        &self,
        label: &str,
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        match &self.phase {
            Phase::Established12(established) => established.export(label, context, out),
            Phase::Established13(established) => {
                established.export(label, context, out);
                Ok(())
            }
            _ => Err(ExportError::NotConnected),
        }
    }

    /// Ends the connection; a peer that said or heard something is told by close_notify.
    pub fn close(&mut self, now: Instant) {
        let _ = now;
        match self.phase {
            Phase::Closed => return,
            Phase::Idle => {}
            Phase::Client12(_) | Phase::Server12(_) | Phase::Client13(_) | Phase::Server13(_) => {
                self.engine.flight.clear();
                if self.engine.give_up_at.is_some() {
                    self.engine.alert(Alert::warning(AlertDescription::CLOSE_NOTIFY));
                }
            }
            Phase::Established12(_) | Phase::Established13(_) => {
                self.engine.alert(Alert::warning(AlertDescription::CLOSE_NOTIFY));
            }
        }
        self.end(CloseReason::Local);
    }

    /// Ends the connection with a fatal alert: for an owner that does not like what it learnt of the peer, such as
    /// its certificate. Nothing happens to a connection that is over.
    pub fn abort(&mut self, alert: AlertDescription) {
        if !self.is_closed() {
            self.engine.flight.clear();
            self.engine.alert(Alert::fatal(alert));
            self.end(CloseReason::Local);
        }
    }

    /// 1.3: new keys for what we write, and, if `both`, for what the peer writes too. It happens by itself before
    /// keys wear out; nothing stalls meanwhile. In 1.2, and before the connection is up, nothing happens.
    pub fn update_keys(&mut self, now: Instant, both: bool) {
        if let Phase::Established13(established) = &mut self.phase {
            established.want_update(KeyUpdate { update_requested: both });
            self.begin_update(now);
        }
    }

    /// 1.3: what waits for its turn behind the handshake begins: a key update, or a message about connection ids.
    fn begin_waiting(&mut self, now: Instant) {
        self.begin_update(now);
        if matches!(self.phase, Phase::Established13(_)) {
            self.engine.say_waiting(now);
        }
    }

    /// An update that is wanted begins; one that has no number left ends the connection in order.
    fn begin_update(&mut self, now: Instant) {
        if let Phase::Established13(established) = &mut self.phase
            && established.begin_update(&mut self.engine, now) == Update::Exhausted
        {
            self.engine.alert(Alert::warning(AlertDescription::CLOSE_NOTIFY));
            self.end(CloseReason::NumbersExhausted);
        }
    }

    /// Enough was sealed under one key; the update begins with the next `poll_transmit`.
    #[cold]
    fn wear_keys(&mut self) {
        if let Phase::Established13(established) = &mut self.phase
            && !established.is_updating()
        {
            established.want_update(KeyUpdate { update_requested: false });
        }
    }

    /// Who we are to this peer: of several identities the one that was chosen, once it was.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.engine.config.identity
    }

    /// The peer's certificate in DER, once verified; `None` too for a client that was let in without one
    /// ([`crate::ClientAuthentication`]).
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.verified_peer().map(VerifiedPeer::certificate)
    }

    /// How the peer signed, once verified.
    #[must_use]
    pub fn peer_signature_scheme(&self) -> Option<SignatureScheme> {
        self.verified_peer().map(VerifiedPeer::scheme)
    }

    fn verified_peer(&self) -> Option<&VerifiedPeer> {
        match &self.phase {
            Phase::Established12(established) => established.peer.as_ref(),
            Phase::Established13(established) => established.peer.as_ref(),
            _ => None,
        }
    }

    /// Whether the two sides chose 1.3: known from the hellos on, also of a handshake that failed.
    #[must_use]
    pub fn chose_1_3(&self) -> bool {
        self.engine.is_13()
    }

    /// The version, once connected.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.summary().map(|summary| summary.version)
    }

    /// The cipher suite, once connected.
    #[must_use]
    pub fn suite(&self) -> Option<CipherSuite> {
        self.summary().map(|summary| summary.suite)
    }

    /// The group of the key exchange, once connected.
    #[must_use]
    pub fn group(&self) -> Option<NamedGroup> {
        self.summary().map(|summary| summary.group)
    }

    /// The SRTP profile that was agreed on, if one was (RFC 5764 §4.1).
    #[must_use]
    pub fn srtp_profile(&self) -> Option<u16> {
        self.summary().and_then(|summary| summary.srtp_profile)
    }

    /// Client or server.
    #[must_use]
    pub fn role(&self) -> Role {
        self.engine.config.role
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.engine.stats
    }

    /// What was agreed on, once connected.
    fn summary(&self) -> Option<Summary> {
        match &self.phase {
            Phase::Established12(established) => Some(Summary {
                version: Version::Dtls12,
                suite: established.suite,
                group: established.group,
                srtp_profile: established.srtp_profile,
            }),
            Phase::Established13(established) => Some(Summary {
                version: Version::Dtls13,
                suite: established.suite(),
                group: established.group(),
                srtp_profile: established.srtp_profile(),
            }),
            _ => None,
        }
    }

    /// Continues our record numbers at `sequence`.
    #[cfg(all(test, feature = "rustcrypto"))]
    fn skip_to(&mut self, sequence: u64) {
        self.engine.records.skip_to(sequence);
    }
}

#[cfg(all(test, feature = "rustcrypto"))]
mod test_support;
#[cfg(all(test, feature = "rustcrypto"))]
mod tests;
#[cfg(all(test, feature = "rustcrypto"))]
mod tests13;
#[cfg(all(test, feature = "rustcrypto"))]
mod tests_ids;
#[cfg(all(test, feature = "rustcrypto"))]
mod tests_left_out;
