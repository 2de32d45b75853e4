//! A data channel as the application holds it.
//!
//! Problem: the protocol is owned by one task, the application wants to send and receive from any other, and
//! neither may run ahead of the other without bound.
//! How: handles hold permits, not locks. A message waits for as many permits of its channel as it has bytes,
//! then travels to the task, which gives the permits back when the stack has taken the message. In the other direction a message
//! holds receive window until [`recv`](DataChannel::recv) hands it out, or until its channel is dropped.
//!
//! ```text
//!   send --permits--> command queue --> task --> SCTP queue --> wire
//!     ^                                   |
//!     '------- permits given back --------'
//!   recv <-- queue of the channel <-- task <-- SCTP window <-- wire
//!     '---- bytes consumed (counted) ----> task opens the window
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::{Mutex, Notify, Semaphore, TryAcquireError, mpsc, watch};

use crate::command::{Command, Commands};
use crate::error::{SendError, TrySendError};
use crate::message::Message;
use crate::peer::{ChannelConfig, ChannelId, Kind, Reliability};

/// No stream id yet.
const NO_STREAM: u32 = u32::MAX;
/// What an empty or tiny message counts at least: the memory around it is not free.
const MIN_COST: usize = 64;
/// Consumed bytes are reported in portions of this size: well under the smallest window (256 KiB), so that a
/// rest that is not reported yet cannot hold the peer up.
const CREDIT_PORTION: usize = 32 << 10;

/// W3C `RTCDataChannelState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadyState {
    /// The association is not up yet.
    Connecting,
    /// Messages can be sent.
    Open,
    /// What is queued still goes out; nothing new is taken.
    Closing,
    /// No more.
    Closed,
}

/// A channel. Clones are the same channel; dropping the last closes it, as [`close`](Self::close) does.
///
/// A channel keeps its connection alive, as [`PeerConnection`](crate::PeerConnection) itself does.
#[derive(Debug, Clone)]
pub struct DataChannel {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    commands: Commands,
    // A lock of the receiving application's tasks among each other; the protocol's task never takes it.
    incoming: Mutex<mpsc::UnboundedReceiver<Delivery>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Refused only if the connection has ended.
        let _ = self.commands.send(Command::CloseChannel(self.shared.id));
    }
}

/// What the handles and the task both see.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: ChannelId,
    pub(crate) config: ChannelConfig,
    pub(crate) remote: bool,
    stream: AtomicU32,
    state: watch::Sender<ReadyState>,
    was_open: AtomicBool,
    permits: Semaphore,
    permits_max: usize,
    /// Bytes taken from the application and not yet by the stack.
    waiting: AtomicUsize,
    /// Bytes in the stack and not yet sent.
    in_stack: AtomicUsize,
    low_threshold: AtomicUsize,
    low: Notify,
    /// Of the connection: what the peer takes in one message.
    max_message_size: Arc<AtomicUsize>,
}

impl Shared {
    pub(crate) fn new(
        id: ChannelId,
        config: ChannelConfig,
        remote: bool,
        permits: usize,
        max_message_size: Arc<AtomicUsize>,
    ) -> Self {
        let permits = permits.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self {
            id,
            config,
            remote,
            stream: AtomicU32::new(NO_STREAM),
            state: watch::Sender::new(ReadyState::Connecting),
            was_open: AtomicBool::new(false),
            permits: Semaphore::new(permits),
            permits_max: permits,
            waiting: AtomicUsize::new(0),
            in_stack: AtomicUsize::new(0),
            low_threshold: AtomicUsize::new(0),
            low: Notify::new(),
            max_message_size,
        }
    }

    pub(crate) fn state(&self) -> ReadyState {
        *self.state.borrow()
    }

    /// States only ever go forward. Permits end with the open state: who waits for them is told.
    pub(crate) fn advance(&self, state: ReadyState) {
        if state == ReadyState::Open {
            self.was_open.store(true, Ordering::Relaxed);
        }
        self.state.send_if_modified(|current| {
            let forward = state > *current;
            if forward {
                *current = state;
            }
            forward
        });
        if state >= ReadyState::Closing {
            self.permits.close();
        }
        if state == ReadyState::Closed {
            self.low.notify_waiters();
        }
    }

    pub(crate) fn set_stream(&self, stream: u16) {
        self.stream.store(u32::from(stream), Ordering::Relaxed);
    }

    /// The stack has taken (or refused for ever) a message: its permits are free again.
    pub(crate) fn taken(&self, len: usize) {
        self.waiting.fetch_sub(len, Ordering::Relaxed);
        self.permits.add_permits(self.cost(len));
    }

    /// What the stack holds of this channel now.
    pub(crate) fn set_in_stack(&self, bytes: usize) {
        self.in_stack.store(bytes, Ordering::Relaxed);
        if self.buffered_amount() <= self.low_threshold.load(Ordering::Relaxed) {
            self.low.notify_waiters();
        }
    }

    fn buffered_amount(&self) -> usize {
        self.waiting.load(Ordering::Relaxed) + self.in_stack.load(Ordering::Relaxed)
    }

    /// Permits for a message: its bytes, but never more than there are, so that any message has its turn.
    fn cost(&self, len: usize) -> usize {
        len.max(MIN_COST).min(self.permits_max)
    }

    fn check(&self, len: usize) -> Result<(), SendError> {
        let limit = self.max_message_size.load(Ordering::Relaxed);
        if len > limit { Err(SendError::TooLarge { len, limit }) } else { Ok(()) }
    }
}

/// A message on its way to the application. It holds receive window until it is taken or dropped.
#[derive(Debug)]
pub(crate) struct Delivery {
    kind: Kind,
    data: Bytes,
    window_bytes: usize,
    credit: Arc<Credit>,
}

impl Delivery {
    pub(crate) fn new(kind: Kind, data: Bytes, window_bytes: usize, credit: Arc<Credit>) -> Self {
        Self { kind, data, window_bytes, credit }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.credit.consumed(self.window_bytes);
    }
}

/// Bytes that the application is done with, of all channels of a connection.
#[derive(Debug)]
pub(crate) struct Credit {
    bytes: AtomicUsize,
    task: mpsc::WeakUnboundedSender<Command>,
}

impl Credit {
    pub(crate) fn new(task: mpsc::WeakUnboundedSender<Command>) -> Self {
        Self { bytes: AtomicUsize::new(0), task }
    }

    fn consumed(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before < CREDIT_PORTION
            && before + bytes >= CREDIT_PORTION
            && let Some(task) = self.task.upgrade()
        {
            // Refused only if the connection has ended.
            let _ = task.send(Command::Consumed);
        }
    }

    /// Takes what has come together.
    pub(crate) fn take(&self) -> usize {
        self.bytes.swap(0, Ordering::Relaxed)
    }
}

impl DataChannel {
    pub(crate) fn new(
        shared: Arc<Shared>,
        commands: Commands,
        incoming: mpsc::UnboundedReceiver<Delivery>,
    ) -> Self {
        Self { inner: Arc::new(Inner { shared, commands, incoming: Mutex::new(incoming) }) }
    }

    /// The number of this channel within its connection; never used again.
    #[must_use]
    pub fn id(&self) -> ChannelId {
        self.inner.shared.id
    }

    /// The SCTP stream (W3C `id`), once it has one: after the handshake, for channels that are not negotiated.
    #[must_use]
    pub fn stream_id(&self) -> Option<u16> {
        u16::try_from(self.inner.shared.stream.load(Ordering::Relaxed)).ok()
    }

    /// The name that the opener gave it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.inner.shared.config.label
    }

    /// The protocol that the opener named.
    #[must_use]
    pub fn protocol(&self) -> &str {
        &self.inner.shared.config.protocol
    }

    /// Whether messages arrive in the order of sending.
    #[must_use]
    pub fn ordered(&self) -> bool {
        self.inner.shared.config.ordered
    }

    /// After how many repetitions a message is given up.
    #[must_use]
    pub fn max_retransmits(&self) -> Option<u32> {
        match self.inner.shared.config.reliability {
            Reliability::MaxRetransmits(count) => Some(count),
            Reliability::Reliable | Reliability::MaxPacketLifeTime(_) => None,
        }
    }

    /// After how many milliseconds a message is given up.
    #[must_use]
    pub fn max_packet_life_time(&self) -> Option<u32> {
        match self.inner.shared.config.reliability {
            Reliability::MaxPacketLifeTime(milliseconds) => Some(milliseconds),
            Reliability::Reliable | Reliability::MaxRetransmits(_) => None,
        }
    }

    /// Whether both sides made it, without an announcement.
    #[must_use]
    pub fn negotiated(&self) -> bool {
        self.inner.shared.config.negotiated.is_some()
    }

    /// Its weight beside the other channels.
    #[must_use]
    pub fn priority(&self) -> u16 {
        self.inner.shared.config.priority
    }

    /// Whether the peer opened it.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.inner.shared.remote
    }

    /// Where it stands.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.inner.shared.state()
    }

    /// Waits until the channel is open.
    ///
    /// # Errors
    /// [`SendError::Closed`] if it was closed without ever being open.
    pub async fn opened(&self) -> Result<(), SendError> {
        self.reached(ReadyState::Open).await;
        if self.inner.shared.was_open.load(Ordering::Relaxed) { Ok(()) } else { Err(SendError::Closed) }
    }

    /// Waits until the channel is closed on both sides, or with its connection.
    pub async fn closed(&self) {
        self.reached(ReadyState::Closed).await;
    }

    async fn reached(&self, state: ReadyState) {
        let mut watcher = self.inner.shared.state.subscribe();
        // The sender is in `shared`, which `self` keeps: waiting cannot fail.
        let _ = watcher.wait_for(|current| *current >= state).await;
    }

    /// Hands a message to the connection. Waits until the channel is open, and until its buffer has room
    /// ([`Config::send_buffer_bytes`](crate::Config::send_buffer_bytes)).
    /// Messages sent by one task keep their order. Dropping the future before it is done sends nothing.
    ///
    /// # Errors
    /// [`SendError`]: closed, or too large for the peer.
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let message = message.into();
        let shared = &self.inner.shared;
        if shared.state() == ReadyState::Connecting {
            self.opened().await?;
        }
        shared.check(message.len())?;
        let permits = u32::try_from(shared.cost(message.len())).unwrap_or(u32::MAX);
        let permit = shared.permits.acquire_many(permits).await.map_err(|_| SendError::Closed)?;
        permit.forget(); // the task gives them back
        self.hand_over(message)
    }

    /// As [`send`](Self::send), but never waits.
    ///
    /// # Errors
    /// [`TrySendError`]; the message comes back if it may be taken later.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), TrySendError> {
        let message = message.into();
        let shared = &self.inner.shared;
        if shared.state() == ReadyState::Connecting {
            return Err(TrySendError::NotNow(message));
        }
        shared.check(message.len()).map_err(TrySendError::Never)?;
        let permits = u32::try_from(shared.cost(message.len())).unwrap_or(u32::MAX);
        match shared.permits.try_acquire_many(permits) {
            Ok(permit) => permit.forget(),
            Err(TryAcquireError::NoPermits) => return Err(TrySendError::NotNow(message)),
            Err(TryAcquireError::Closed) => return Err(TrySendError::Never(SendError::Closed)),
        }
        self.hand_over(message).map_err(TrySendError::Never)
    }

    fn hand_over(&self, message: Message) -> Result<(), SendError> {
        let shared = &self.inner.shared;
        shared.waiting.fetch_add(message.len(), Ordering::Relaxed);
        let command = Command::Send { id: shared.id, kind: message.kind(), data: message.into_bytes() };
        self.inner.commands.send(command).map_err(|_| SendError::Closed)
    }

    /// The next message; `None` once the channel is closed and everything that arrived has been handed out.
    /// What nobody takes holds receive window, and so slows the peer down on all channels.
    ///
    /// Dropping the future loses nothing. Of several tasks that wait, each message goes to one.
    pub async fn recv(&self) -> Option<Message> {
        let mut delivery = self.inner.incoming.lock().await.recv().await?;
        Some(Message::received(delivery.kind, std::mem::take(&mut delivery.data)))
    }

    /// Bytes that were taken for sending and are not sent yet (W3C `bufferedAmount`).
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.inner.shared.buffered_amount()
    }

    /// The mark for [`buffered_amount_low`](Self::buffered_amount_low), in bytes. Default 0.
    pub fn set_buffered_amount_low_threshold(&self, bytes: usize) {
        self.inner.shared.low_threshold.store(bytes, Ordering::Relaxed);
        self.inner.shared.low.notify_waiters();
    }

    /// Waits until the buffered amount is at or under its mark (W3C `bufferedamountlow`), or the channel closed.
    pub async fn buffered_amount_low(&self) {
        let shared = &self.inner.shared;
        loop {
            let notified = shared.low.notified();
            tokio::pin!(notified);
            notified.as_mut().enable(); // from here on no fall is missed
            let low = shared.buffered_amount() <= shared.low_threshold.load(Ordering::Relaxed);
            if low || shared.state() == ReadyState::Closed {
                return;
            }
            notified.await;
        }
    }

    /// Begins to close: what was handed over is still delivered, then both directions end.
    /// [`closed`](Self::closed) waits for that; messages of the peer can be received until then.
    pub fn close(&self) {
        self.inner.shared.advance(ReadyState::Closing);
        // Refused only if the connection has ended.
        let _ = self.inner.commands.send(Command::CloseChannel(self.inner.shared.id));
    }
}
