//! A peer connection as the application holds it.

use std::sync::Arc;
use std::time::Instant;

use ring::rand::SecureRandom as _;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::certificate::Certificate;
use crate::channel::DataChannel;
use crate::command::{Command, Commands};
use crate::config::{Config, Trace};
use crate::description::{DataChannelInit, IceCandidateInit, SessionDescription};
use crate::error::{Error, NewError};
use crate::event::PeerEvent;
use crate::interfaces;
use crate::peer::plies::dtls::{self, Identity};
use crate::peer::{self, ChannelConfig, CloseReason, ConnectionState, Reliability};
use crate::sockets::Sockets;
use crate::stats::ConnectionStats;
use crate::task::{Parts, Status, Task};
use crate::timer::now;

/// A WebRTC peer connection (W3C `RTCPeerConnection`), on sockets of its own.
///
/// Clones are the same connection. It lives in a task of the runtime in which it was made, as long as a handle
/// of it or of one of its channels does; [`close`](Self::close) ends it at once, and so does the last handle's drop.
#[derive(Debug, Clone)]
pub struct PeerConnection {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    commands: Commands,
    status: watch::Receiver<Status>,
    // A lock of the application's tasks among each other; the protocol's task never takes it.
    events: Mutex<mpsc::Receiver<PeerEvent>>,
}

impl PeerConnection {
    /// Binds the sockets and starts the task. Nothing is sent before the descriptions are exchanged.
    ///
    /// # Errors
    /// [`NewError`]: no runtime, no address, a busy port, an unusable certificate.
    pub fn new(config: &Config) -> Result<Self, NewError> {
        Self::build(config, None)
    }

    /// As [`new`](Self::new), with a sink for every datagram, packet and event of this connection.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_trace(config: &Config, trace: Trace) -> Result<Self, NewError> {
        Self::build(config, Some(trace))
    }

    fn build(config: &Config, trace: Option<Trace>) -> Result<Self, NewError> {
        let runtime = Handle::try_current().map_err(|_| NewError::NoRuntime)?;
        let start = now();
        let mut peer = make_peer(config, start)?;
        peer.set_trace(trace);
        let addresses = interfaces::addresses(&config.bind, config.loopback).map_err(NewError::Interfaces)?;
        let sockets = Sockets::bind(&addresses)?;
        let (commands, command_queue) = mpsc::unbounded_channel();
        let (events, event_queue) = mpsc::channel(PeerEvent::MAX_WAITING);
        let (status, watcher) = watch::channel(Status { state: ConnectionState::New, reason: None });
        let task = Task::new(Parts {
            peer,
            sockets,
            commands: command_queue,
            handles: commands.downgrade(),
            events,
            status,
            resolve_mdns: config.resolve_mdns,
            send_buffer_bytes: config.send_buffer_bytes,
            start,
        });
        runtime.spawn(task.run());
        let inner = Inner { commands, status: watcher, events: Mutex::new(event_queue) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes an offer. It takes effect with [`set_local_description`](Self::set_local_description).
    ///
    /// # Errors
    /// [`Error::Negotiation`] while an offer of the peer waits for its answer; [`Error::Closed`].
    pub async fn create_offer(&self) -> Result<SessionDescription, Error> {
        self.ask(Command::CreateOffer).await.map(SessionDescription::offer)
    }

    /// Makes the answer to the peer's offer.
    ///
    /// # Errors
    /// [`Error::Negotiation`] if there is no offer to answer; [`Error::Closed`].
    pub async fn create_answer(&self) -> Result<SessionDescription, Error> {
        self.ask(Command::CreateAnswer).await.map(SessionDescription::answer)
    }

    /// Applies the description made last; the first starts the gathering of candidates.
    ///
    /// # Errors
    /// [`Error::Negotiation`] if it is another one, or does not fit the state; [`Error::Closed`].
    pub async fn set_local_description(&self, description: SessionDescription) -> Result<(), Error> {
        self.ask(|answer| Command::SetLocalDescription(description, answer)).await
    }

    /// Applies the peer's description.
    ///
    /// # Errors
    /// [`Error::Negotiation`] if it does not parse, or does not fit the state; [`Error::Closed`].
    pub async fn set_remote_description(&self, description: SessionDescription) -> Result<(), Error> {
        self.ask(|answer| Command::SetRemoteDescription(description, answer)).await
    }

    /// Our newest description, with the candidates found so far. Host candidates are all there as soon as
    /// [`set_local_description`](Self::set_local_description) has returned: send this one where nothing trickles.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn local_description(&self) -> Result<Option<SessionDescription>, Error> {
        self.ask(Command::LocalDescription).await
    }

    /// Adds a candidate of the peer; before its description too. Those that cannot be used (TCP, unknown
    /// kinds, an older generation) are skipped without an error.
    ///
    /// # Errors
    /// [`Error::Candidate`] if it does not parse; [`Error::Closed`].
    pub async fn add_ice_candidate(&self, candidate: impl Into<IceCandidateInit>) -> Result<(), Error> {
        let candidate = candidate.into();
        self.ask(|answer| Command::AddIceCandidate(candidate, answer)).await
    }

    /// The next offer gets new ICE credentials, and with them a new search for a path.
    pub fn restart_ice(&self) {
        // Refused only if the connection has ended.
        let _ = self.inner.commands.send(Command::RestartIce);
    }

    /// Makes a channel; it opens with the connection. At once usable: `send` waits until it is open.
    ///
    /// # Errors
    /// [`Error::TwoReliabilities`], [`Error::NegotiatedWithoutId`], [`Error::Channel`], [`Error::Closed`].
    pub async fn create_data_channel(
        &self,
        label: &str,
        init: DataChannelInit,
    ) -> Result<DataChannel, Error> {
        let reliability = match (init.max_retransmits, init.max_packet_life_time) {
            (None, None) => Reliability::Reliable,
            (Some(count), None) => Reliability::MaxRetransmits(u32::from(count)),
            (None, Some(milliseconds)) => Reliability::MaxPacketLifeTime(u32::from(milliseconds)),
            (Some(_), Some(_)) => return Err(Error::TwoReliabilities),
        };
        let negotiated = match (init.negotiated, init.id) {
            (true, None) => return Err(Error::NegotiatedWithoutId),
            (true, id) => id,
            (false, _) => None,
        };
        let config = ChannelConfig {
            label: label.to_owned(),
            protocol: init.protocol,
            ordered: init.ordered,
            reliability,
            priority: init.priority,
            negotiated,
        };
        self.ask(|answer| Command::CreateDataChannel(config, answer)).await
    }

    /// The next event; `None` after the last. Dropping the future loses nothing.
    pub async fn next_event(&self) -> Option<PeerEvent> {
        self.inner.events.lock().await.recv().await
    }

    /// ICE and DTLS taken together.
    #[must_use]
    pub fn connection_state(&self) -> ConnectionState {
        self.inner.status.borrow().state
    }

    /// Why the connection has ended; `None` while it has not.
    #[must_use]
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.inner.status.borrow().reason.clone()
    }

    /// Waits until the peer is reached and verified.
    ///
    /// # Errors
    /// [`Error::Failed`] with the reason, or [`Error::Closed`].
    pub async fn connected(&self) -> Result<(), Error> {
        let mut watcher = self.inner.status.clone();
        let settled = |status: &Status| {
            use ConnectionState::{Closed, Connected, Failed};
            matches!(status.state, Connected | Failed | Closed)
        };
        let Ok(status) = watcher.wait_for(settled).await else { return Err(Error::Closed) };
        match status.state {
            ConnectionState::Connected => Ok(()),
            ConnectionState::Failed => Err(Error::Failed(status.reason.clone())),
            _ => Err(Error::Closed),
        }
    }

    /// Numbers about this connection.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn stats(&self) -> Result<ConnectionStats, Error> {
        let (answer, answered) = oneshot::channel();
        self.inner.commands.send(Command::Stats(answer)).map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)
    }

    /// Tells the peer, and ends. When this returns the sockets are closed, and every channel is. What was not
    /// sent yet is lost: to deliver it close its channel, and wait for [`DataChannel::closed`].
    pub async fn close(&self) {
        let (closer, done) = oneshot::channel();
        if self.inner.commands.send(Command::Close(closer)).is_ok() {
            // An error means that it had ended already.
            let _ = done.await;
        }
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Command,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.inner.commands.send(command(answer)).map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }
}

fn make_peer(config: &Config, start: Instant) -> Result<peer::PeerConnection, NewError> {
    let provider = dtls::provider::ring();
    let certificate = match &config.certificate {
        Some(certificate) => Arc::clone(certificate),
        None => Arc::new(Certificate::generate().map_err(NewError::Certificate)?),
    };
    let identity = Identity::from_der(&*provider, &certificate.der, &certificate.pkcs8)
        .map_err(NewError::Identity)?
        .into_shared();
    let mut peer_config = peer::Config::new(identity, provider);
    peer_config.key_log = config.key_log;
    peer_config.sctp.congestion = config.congestion;
    if let Some(versions) = config.dtls_versions {
        peer_config.versions = versions;
    }
    let mut seed = [0; 32];
    ring::rand::SystemRandom::new().fill(&mut seed).map_err(|_| NewError::NoRandomness)?;
    Ok(peer::PeerConnection::new(peer_config, seed, start))
}
