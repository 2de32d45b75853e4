//! The peer connection: its fields, and the calls that every driver makes.

pub(crate) mod candidates;
pub(crate) mod channels;
pub(crate) mod negotiation;
mod pump;
mod receive;
mod transmit;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use plywood_datachannel::{ChannelId, Channels, Kind};
use plywood_ice::Agent;
use plywood_sctp::Association;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::config::Config;
use crate::error::{CloseReason, LocalCandidateError};
use crate::event::{ConnectionState, Event, Path};
use crate::stats::Stats;
use crate::trace::{Trace, TraceSink};
use candidates::EarlyCandidates;
use negotiation::Negotiation;
use receive::EarlyDatagrams;

/// The number that the driver gave to a local socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId(pub u16);

/// A batch that [`PeerConnection::poll_transmit`] appended: datagrams of one size, to be sent as they stand,
/// with segmentation offload where the system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// The socket to send from.
    pub source: LocalId,
    /// Where to.
    pub destination: SocketAddr,
    /// Bytes of every datagram but the last, which may be shorter.
    pub segment_size: usize,
    /// Bytes appended in all.
    pub len: usize,
}

/// A message that arrived whole. It holds receive window until
/// [`release`](PeerConnection::release) is called with its `window_bytes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelMessage {
    /// The channel it came over.
    pub id: ChannelId,
    /// Text (UTF-8 was checked) or binary.
    pub kind: Kind,
    /// The payload; an empty message is empty here, whatever the wire needs for it.
    pub data: Bytes,
    /// What to hand to [`release`](PeerConnection::release), in bytes: what it pins, not the payload's length.
    pub window_bytes: usize,
}

/// Events and messages, in the order in which they arose.
#[derive(Debug)]
enum Output {
    Event(Event),
    Message(ChannelMessage),
}

/// One WebRTC peer connection: every ply, and the pump between them.
///
/// Calls take the time as an argument; equal configurations, seeds and calls give equal bytes.
///
/// ```text
/// loop {
///     while let Some(transmit) = peer.poll_transmit(now, max_segments, &mut buffer) { send; buffer.clear() }
///     loop {                                        // until both say None
///         if let Some(event) = peer.poll_event() { .. continue }
///         if let Some(message) = peer.poll_message() { .. peer.release(now, message.window_bytes); continue }
///         break
///     }
///     wait for a datagram or peer.poll_timeout()
///     peer.handle_datagram(now, ..) or peer.handle_timeout(now)
/// }
/// ```
#[derive(Debug)]
pub struct PeerConnection {
    config: Config,
    rng: ChaCha12Rng,
    agent: Agent,
    dtls: Option<plywood_dtls::Connection>,
    dtls_started: bool,
    sctp: Option<Association>,
    channels: Channels,
    /// Low marks of the buffered amount that are not 0, also of channels that have no stream yet.
    low_marks: BTreeMap<ChannelId, usize>,
    negotiation: Negotiation,
    early_datagrams: EarlyDatagrams,
    early_candidates: EarlyCandidates,
    held_candidates: Vec<Event>,
    path: Option<Path>,
    output: VecDeque<Output>,
    state: ConnectionState,
    failed: bool,
    closing: Closing,
    stats: Stats,
    trace: Option<Box<dyn TraceSink>>,
}

/// How far an orderly end has come: the ABORT goes first, then close_notify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    No,
    Flushing,
    Done,
}

impl PeerConnection {
    /// A new connection. `seed` feeds every random choice of every ply.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32], now: Instant) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let agent = Agent::new(config.ice.clone(), draw_seed(&mut rng), now);
        let session_id = rng.next_u64() >> 2;
        Self {
            agent,
            dtls: None,
            dtls_started: false,
            sctp: None,
            channels: Channels::new(config.channels.clone()),
            low_marks: BTreeMap::new(),
            negotiation: Negotiation::new(session_id),
            early_datagrams: EarlyDatagrams::new(config.early_datagrams),
            early_candidates: EarlyCandidates::default(),
            held_candidates: Vec::new(),
            path: None,
            output: VecDeque::new(),
            state: ConnectionState::New,
            failed: false,
            closing: Closing::No,
            stats: Stats::default(),
            trace: None,
            config,
            rng,
        }
    }

    /// Sends everything that passes to `sink` from now on; `None` stops it.
    pub fn set_trace(&mut self, sink: Option<Box<dyn TraceSink>>) {
        self.trace = sink;
    }

    /// Adds a local socket. Its host candidate is announced as [`Event::LocalCandidate`].
    ///
    /// An ICE restart keeps the sockets that are there and takes more: those of another network, before or after
    /// [`remove_local`](Self::remove_local) of the old ones. It begins with the offer that follows
    /// [`restart_ice`](Self::restart_ice), or with the peer's.
    ///
    /// # Errors
    /// [`LocalCandidateError`] where ICE cannot use it; `Ended` after
    /// [`end_of_local_candidates`](Self::end_of_local_candidates), until a restart.
    pub fn add_local_host(
        &mut self,
        now: Instant,
        source: LocalId,
        address: SocketAddr,
    ) -> Result<(), LocalCandidateError> {
        self.agent.add_local_host(now, plywood_ice::LocalId(source.0), address)?;
        self.pump(now);
        Ok(())
    }

    /// A local socket is gone: its candidates and pairs go with it.
    pub fn remove_local(&mut self, now: Instant, source: LocalId) {
        self.agent.remove_local(now, plywood_ice::LocalId(source.0));
        self.pump(now);
    }

    /// All local sockets have been added. To be said again after each ICE restart, for its candidates are another
    /// generation (RFC 8838 §13, §15); saying it twice in one does no harm.
    pub fn end_of_local_candidates(&mut self, now: Instant) {
        if self.local_candidates_ended() {
            return;
        }
        self.agent.end_of_local_candidates(now);
        self.tell_or_hold(now, Event::EndOfLocalCandidates);
        self.pump(now);
    }

    /// Whether that was said in this generation.
    #[must_use]
    pub fn local_candidates_ended(&self) -> bool {
        self.agent.local_candidates_ended()
    }

    /// Call when [`poll_timeout`](Self::poll_timeout) has come. Early, late and repeated calls do no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.agent.handle_timeout(now);
        if let Some(dtls) = &mut self.dtls {
            dtls.handle_timeout(now);
        }
        if let Some(sctp) = &mut self.sctp {
            sctp.handle_timeout(now);
        }
        self.pump(now);
    }

    /// When something is due next; `None` while nothing is.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.closing == Closing::Done {
            return None;
        }
        let dtls = self.dtls.as_ref().and_then(plywood_dtls::Connection::poll_timeout);
        let sctp = self.sctp.as_ref().and_then(Association::poll_timeout);
        [self.agent.poll_timeout(), dtls, sctp].into_iter().flatten().min()
    }

    /// The next event, unless a message that came before it has not been polled yet: then `None`, and
    /// [`poll_message`](Self::poll_message) has something. Poll both until both say `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        match self.output.pop_front()? {
            Output::Event(event) => Some(event),
            message @ Output::Message(_) => {
                self.output.push_front(message);
                None
            }
        }
    }

    /// The next message, unless an event that came before it has not been polled yet.
    pub fn poll_message(&mut self) -> Option<ChannelMessage> {
        match self.output.pop_front()? {
            Output::Message(message) => Some(message),
            event @ Output::Event(_) => {
                self.output.push_front(event);
                None
            }
        }
    }

    /// The application is done with `bytes` of messages ([`ChannelMessage::window_bytes`]): the window opens.
    pub fn release(&mut self, now: Instant, bytes: usize) {
        if let Some(sctp) = &mut self.sctp {
            sctp.release(now, bytes);
        }
    }

    /// Closes in order, as browsers do: SCTP ABORT "Close called", then close_notify. Poll transmits once more
    /// afterwards.
    pub fn close(&mut self, now: Instant) {
        self.end(now, CloseReason::Local);
    }

    /// ICE and DTLS taken together.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.state
    }

    /// Where data goes now.
    #[must_use]
    pub fn path(&self) -> Option<Path> {
        self.path
    }

    /// Counters of this connection.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The ICE agent, to read its state and statistics.
    #[must_use]
    pub fn ice(&self) -> &Agent {
        &self.agent
    }

    /// The DTLS connection, once both descriptions are known.
    #[must_use]
    pub fn dtls(&self) -> Option<&plywood_dtls::Connection> {
        self.dtls.as_ref()
    }

    /// The SCTP association, once DTLS is up.
    #[must_use]
    pub fn sctp(&self) -> Option<&Association> {
        self.sctp.as_ref()
    }

    /// Whether everything has been sent and told after the end.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closing != Closing::No
    }

    /// Whether an event or a message waits.
    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    pub(crate) fn poll_message_is_next(&self) -> bool {
        matches!(self.output.front(), Some(Output::Message(_)))
    }

    pub(crate) fn poll_event_is_next(&self) -> bool {
        matches!(self.output.front(), Some(Output::Event(_)))
    }

    fn end(&mut self, now: Instant, reason: CloseReason) {
        if self.closing != Closing::No {
            return;
        }
        self.closing = Closing::Flushing;
        if let Some(sctp) = &mut self.sctp {
            sctp.abort(now, "Close called");
        }
        self.failed |=
            matches!(reason, CloseReason::Dtls(_) | CloseReason::Sctp(_) | CloseReason::PeerRestarted);
        if self.failed {
            self.channels.handle_association_failed();
        } else {
            self.channels.handle_association_closed();
        }
        self.drain_channels(now);
        self.negotiation.close();
        self.agent.close(now);
        let state = if self.failed { ConnectionState::Failed } else { ConnectionState::Closed };
        self.set_state(now, state);
        self.push_event(now, Event::Closed(reason));
    }

    fn push_event(&mut self, now: Instant, event: Event) {
        if let Some(trace) = &mut self.trace {
            trace.record(now, Trace::Event(&event));
        }
        self.output.push_back(Output::Event(event));
    }

    fn set_state(&mut self, now: Instant, state: ConnectionState) {
        if self.state != state {
            tracing::debug!(from = ?self.state, to = ?state, "connection state");
            self.state = state;
            self.push_event(now, Event::ConnectionStateChanged(state));
        }
    }
}

fn draw_seed(rng: &mut ChaCha12Rng) -> [u8; 32] {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    seed
}
