//! The task that owns a connection: its protocol, its sockets and its timer.
//!
//! Problem: the protocol is plain data that must be fed in order, and everything outside runs at once.
//! How: one task, and it alone, owns the [`peer`] connection. No lock is needed, for nobody else ever
//! touches it. Whatever wakes the task, one round does the same things in the same order.
//!
//! ```text
//!        .--------------------------------------------------------------.
//!        v                                                              |
//!   take commands -> read each socket once -> timeouts -> pump -> wait -'
//!                                                          |       command, datagram, room in the kernel,
//!                       messages and events to handles <---+       deadline, resolved name
//!                       batches to the kernel <------------'
//! ```
//! Each step is bounded, so that none of the others starves.

mod channels;
mod commands;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};

use crate::channel::Credit;
use crate::command::Command;
use crate::description::IceCandidateInit;
use crate::event::{PeerEvent, StageName};
use crate::mdns::Resolver;
use crate::peer::plies::ice::CandidateKind;
use crate::peer::{self, CloseReason, ConnectionState, Event};
use crate::socket::with_send_buffer;
use crate::sockets::{Sent, Sockets};
use crate::timeline::Timeline;
use crate::timer::{Timer, now};
use channels::Registry;

/// Commands taken in one round.
const MAX_COMMANDS: usize = 256;
/// Candidates of the peer that are remembered for statistics.
const MAX_SIGNALLED: usize = 64;
/// Batches sent in one round: then the sockets are read again.
const MAX_BATCHES: usize = 16;
/// How long the last datagrams of a connection may wait for the kernel.
const LAST_PATIENCE: Duration = Duration::from_millis(100);

/// Timeouts come no denser than this, whatever the protocol asks: a deadline that stays in the past must not make
/// the task spin. It is what the runtime's timers can tell apart.
const TICK: Duration = Duration::from_millis(1);

/// State, and why, once it is the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) state: ConnectionState,
    pub(crate) reason: Option<CloseReason>,
}

#[derive(Debug)]
pub(crate) struct Task {
    peer: peer::PeerConnection,
    sockets: Sockets,
    gathering: bool,
    commands: mpsc::UnboundedReceiver<Command>,
    /// A command that ended the wait and is not carried out yet.
    next_command: Option<Command>,
    abandoned: bool,
    /// To make handles for channels that the peer opens; weak, for the task must not keep itself alive.
    handles: mpsc::WeakUnboundedSender<Command>,
    events: mpsc::Sender<PeerEvent>,
    status: watch::Sender<Status>,
    channels: Registry,
    credit: Arc<Credit>,
    max_message_size: Arc<AtomicUsize>,
    /// What the peer signalled one by one: statistics tell a pair's remote end by it.
    signalled: Vec<(SocketAddr, CandidateKind)>,
    resolve_mdns: bool,
    resolver: Resolver,
    timer: Timer,
    no_timeout_before: Instant,
    timeline: Timeline,
    closers: Vec<oneshot::Sender<()>>,
    ended: bool,
}

/// What a task is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) peer: peer::PeerConnection,
    pub(crate) sockets: Sockets,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    pub(crate) handles: mpsc::WeakUnboundedSender<Command>,
    pub(crate) events: mpsc::Sender<PeerEvent>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) resolve_mdns: bool,
    pub(crate) send_buffer_bytes: usize,
    pub(crate) start: Instant,
}

impl Task {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            peer: parts.peer,
            sockets: parts.sockets,
            gathering: false,
            commands: parts.commands,
            next_command: None,
            abandoned: false,
            credit: Arc::new(Credit::new(parts.handles.clone())),
            handles: parts.handles,
            events: parts.events,
            status: parts.status,
            channels: Registry::new(parts.send_buffer_bytes),
            max_message_size: Arc::new(AtomicUsize::new(usize::MAX)),
            signalled: Vec::new(),
            resolve_mdns: parts.resolve_mdns,
            resolver: Resolver::default(),
            timer: Timer::new(parts.start),
            no_timeout_before: parts.start,
            timeline: Timeline::new(parts.start),
            closers: Vec::new(),
            ended: false,
        }
    }

    /// Runs until the connection has ended or every handle is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let now = now();
            self.take_commands(now);
            let peer = &mut self.peer;
            self.sockets.receive(|source, remote, datagram| {
                // A discard was counted by the peer.
                let _ = peer.handle_datagram(now, source, remote, datagram);
            });
            if self.peer.poll_timeout().is_some_and(|deadline| deadline <= now) {
                self.peer.handle_timeout(now);
                self.no_timeout_before = now + TICK;
            }
            let more = self.pump(now);
            if self.ended {
                break;
            }
            if more {
                tokio::task::yield_now().await; // other tasks of this thread have their turn, then it goes on
            } else {
                poll_fn(|cx| self.poll_wake(cx)).await;
            }
        }
        self.send_last().await;
        self.channels.close_all();
        let closers = std::mem::take(&mut self.closers);
        drop(self); // sockets are closed before anyone is told
        for closer in closers {
            // Whoever asked may have gone.
            let _ = closer.send(());
        }
    }

    /// The last datagrams, if the kernel had no room for them: the peer should learn of the end from us, not from
    /// silence. But the end does not wait long.
    async fn send_last(&mut self) {
        let all = async {
            while let Some(sent) = self.send_batch(now()) {
                if sent == Sent::Blocked {
                    self.sockets.writable().await;
                }
            }
        };
        let _ = tokio::time::timeout(LAST_PATIENCE, all).await;
    }

    /// Ready when there is something to do.
    fn poll_wake(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ready = self.sockets.poll_ready(cx).is_ready();
        if !self.abandoned
            && let Poll::Ready(command) = self.commands.poll_recv(cx)
        {
            self.abandoned = command.is_none();
            self.next_command = command;
            ready = true;
        }
        if let Poll::Ready(resolved) = self.resolver.poll_resolved(cx) {
            self.add_resolved(&resolved);
            ready = true;
        }
        let deadline = self.peer.poll_timeout().map(|deadline| deadline.max(self.no_timeout_before));
        ready |= self.timer.poll(deadline, cx).is_ready();
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Moves everything that can be moved. Returns whether there is more to send at once.
    fn pump(&mut self, now: Instant) -> bool {
        let consumed = self.credit.take();
        if consumed > 0 {
            self.peer.release(now, consumed);
        }
        for _ in 0..MAX_BATCHES {
            let told = self.take_output(now);
            let sent = self.send_batch(now);
            // Nothing to send, but something was told: that may have led to more.
            let idle = sent.is_none() && !told;
            if idle || sent == Some(Sent::Blocked) {
                self.channels.update_buffered(&self.peer);
                self.ended = self.peer.is_closed();
                return false;
            }
        }
        self.channels.update_buffered(&self.peer);
        true
    }

    /// One batch to the kernel; `None` when there is nothing to send.
    fn send_batch(&mut self, now: Instant) -> Option<Sent> {
        if self.sockets.flush() == Sent::Blocked {
            return Some(Sent::Blocked);
        }
        let max_segments = self.sockets.max_segments();
        with_send_buffer(|buffer| {
            let transmit = self.peer.poll_transmit(now, max_segments, buffer)?;
            Some(self.sockets.send(transmit, buffer))
        })
    }

    /// Hands events and messages on, in the order in which they arose. Returns whether there were any.
    fn take_output(&mut self, now: Instant) -> bool {
        let mut any = false;
        loop {
            if let Some(event) = self.peer.poll_event() {
                self.handle_event(now, event);
            } else if let Some(message) = self.peer.poll_message() {
                self.channels.deliver(message, &self.credit);
            } else {
                return any;
            }
            any = true;
        }
    }

    fn handle_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::LocalCandidate { candidate, ufrag, mid } => {
                self.tell(PeerEvent::IceCandidate(Some(IceCandidateInit {
                    candidate,
                    sdp_mid: Some(mid),
                    sdp_m_line_index: Some(0),
                    username_fragment: Some(ufrag),
                })));
            }
            Event::EndOfLocalCandidates => {
                self.reach(now, StageName::Gathered);
                self.tell(PeerEvent::IceCandidate(None));
            }
            Event::ResolveCandidate { name, candidate, ufrag } if self.resolve_mdns => {
                self.resolver.resolve(&name, candidate, ufrag);
            }
            // The last state is told with its reason, which follows at once.
            Event::ConnectionStateChanged(state) if self.peer.is_closed() && state == self.peer.state() => {}
            Event::ConnectionStateChanged(state) => {
                self.status.send_replace(Status { state, reason: None });
                self.tell(PeerEvent::ConnectionState(state));
            }
            Event::PathChanged(path) => {
                self.reach(now, StageName::PairSelected);
                self.tell(PeerEvent::PathChanged(path));
            }
            Event::DtlsConnected { .. } => self.reach(now, StageName::DtlsDone),
            Event::SctpConnected => self.reach(now, StageName::SctpUp),
            Event::ChannelOpened { id, remote } => {
                self.reach(now, StageName::ChannelOpen);
                self.channel_opened(id, remote);
            }
            Event::ChannelClosing { id } => self.channels.closing(id),
            Event::ChannelClosed { id } => self.channels.closed(id),
            Event::SendReady { id } => self.channels.flush(&mut self.peer, now, id),
            Event::Closed(reason) => {
                let state = self.peer.state();
                self.status.send_replace(Status { state, reason: Some(reason.clone()) });
                self.tell(PeerEvent::ConnectionState(state));
                self.tell(PeerEvent::Closed(reason));
            }
            _ => {}
        }
    }

    fn channel_opened(&mut self, id: peer::ChannelId, remote: bool) {
        if remote
            && let Some(handles) = self.handles.upgrade()
            && let Some(config) = self.peer.channel_config(id)
        {
            let channel = self.channels.add(id, config.clone(), true, handles, &self.max_message_size);
            self.channels.opened(id, self.peer.channel_stream(id));
            self.tell(PeerEvent::DataChannel(channel));
        } else {
            self.channels.opened(id, self.peer.channel_stream(id));
        }
    }

    fn reach(&mut self, now: Instant, name: StageName) {
        let stats = self.peer.stats();
        let packets = stats.datagrams_sent + stats.datagrams_received;
        if let Some(stage) = self.timeline.reach(now, name, packets) {
            self.tell(PeerEvent::Stage(stage));
        }
    }

    /// An application that does not read loses what does not fit: nothing here waits for it.
    fn tell(&self, event: PeerEvent) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
            tracing::warn!(?event, "event dropped: the application reads none");
        }
    }

    fn add_resolved(&mut self, resolved: &crate::mdns::Resolved) {
        tracing::debug!(addresses = ?resolved.addresses, candidate = resolved.candidate, "hidden address looked up");
        let now = now();
        for address in &resolved.addresses {
            // Refused where the connection has closed meanwhile; the line itself has parsed before.
            let _ = self.peer.add_resolved_candidate(
                now,
                &resolved.candidate,
                resolved.ufrag.as_deref(),
                *address,
            );
        }
    }

    /// What the peer takes in one message (RFC 8841 §6.1: absent 65536, 0 anything).
    fn learn_max_message_size(&self) {
        let announced =
            self.peer.remote_description().map(|remote| remote.max_message_size.unwrap_or(65_536));
        let limit = match announced {
            None | Some(0) => usize::MAX,
            Some(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
        };
        self.max_message_size.store(limit, Ordering::Relaxed);
    }
}
