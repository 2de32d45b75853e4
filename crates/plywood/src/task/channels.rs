//! The channels of one connection as its task sees them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::channel::{Credit, DataChannel, Delivery, ReadyState, Shared};
use crate::command::Commands;
use crate::peer::{self, ChannelConfig, ChannelId, ChannelMessage, Kind};

#[derive(Debug)]
struct Entry {
    shared: Arc<Shared>,
    incoming: mpsc::UnboundedSender<Delivery>,
    /// Messages that the stack refused for a full queue; they hold permits, so there are few.
    refused: VecDeque<(Kind, Bytes)>,
    /// To be closed once `refused` is empty.
    close_wanted: bool,
    /// Whether it stands in `Registry::buffered`.
    is_buffered: bool,
}

/// Channels that are not closed.
#[derive(Debug)]
pub(super) struct Registry {
    entries: BTreeMap<u32, Entry>,
    /// Those whose bytes in the stack are watched.
    buffered: Vec<ChannelId>,
    send_buffer_bytes: usize,
}

impl Registry {
    pub(super) fn new(send_buffer_bytes: usize) -> Self {
        Self { entries: BTreeMap::new(), buffered: Vec::new(), send_buffer_bytes }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// A new channel, and the handle for the application.
    pub(super) fn add(
        &mut self,
        id: ChannelId,
        config: ChannelConfig,
        remote: bool,
        handles: Commands,
        max_message_size: &Arc<AtomicUsize>,
    ) -> DataChannel {
        let limit = Arc::clone(max_message_size);
        let shared = Arc::new(Shared::new(id, config, remote, self.send_buffer_bytes, limit));
        // Unbounded, and yet bounded: what waits here holds receive window.
        let (incoming, receiver) = mpsc::unbounded_channel();
        let entry = Entry {
            shared: Arc::clone(&shared),
            incoming,
            refused: VecDeque::new(),
            close_wanted: false,
            is_buffered: false,
        };
        self.entries.insert(id.0, entry);
        DataChannel::new(shared, handles, receiver)
    }

    pub(super) fn opened(&mut self, id: ChannelId, stream: Option<u16>) {
        if let Some(entry) = self.entries.get_mut(&id.0) {
            if let Some(stream) = stream {
                entry.shared.set_stream(stream);
            }
            if !entry.close_wanted {
                entry.shared.advance(ReadyState::Open);
            }
        }
    }

    /// The peer closes it: what it sent before can still be received.
    pub(super) fn closing(&mut self, id: ChannelId) {
        if let Some(entry) = self.entries.get_mut(&id.0) {
            entry.shared.advance(ReadyState::Closing);
        }
    }

    pub(super) fn closed(&mut self, id: ChannelId) {
        if let Some(entry) = self.entries.remove(&id.0) {
            entry.shared.set_in_stack(0);
            entry.shared.advance(ReadyState::Closed);
        }
    }

    /// The connection has ended.
    pub(super) fn close_all(&mut self) {
        for entry in std::mem::take(&mut self.entries).into_values() {
            entry.shared.advance(ReadyState::Closed);
        }
    }

    /// Hands a message to the stack, or keeps it behind those that wait already.
    pub(super) fn send(
        &mut self,
        peer: &mut peer::PeerConnection,
        now: Instant,
        id: ChannelId,
        kind: Kind,
        data: Bytes,
    ) {
        let Some(entry) = self.entries.get_mut(&id.0) else { return };
        entry.refused.push_back((kind, data));
        if entry.refused.len() == 1 {
            self.flush(peer, now, id);
        }
    }

    /// There may be room: hands over what waits.
    pub(super) fn flush(&mut self, peer: &mut peer::PeerConnection, now: Instant, id: ChannelId) {
        let Some(entry) = self.entries.get_mut(&id.0) else { return };
        while let Some((kind, data)) = entry.refused.front() {
            match peer.send(now, id, *kind, data.clone()) {
                Err(peer::SendError::QueueFull { .. }) => return,
                Ok(()) => {}
                Err(error) => tracing::debug!(?id, %error, "message dropped: its channel ended"),
            }
            entry.shared.taken(data.len());
            entry.refused.pop_front();
            if !entry.is_buffered {
                entry.is_buffered = true;
                self.buffered.push(id);
            }
        }
        if entry.close_wanted {
            Self::close_now(peer, now, id);
        }
    }

    /// Closes after everything that was handed over.
    pub(super) fn close(&mut self, peer: &mut peer::PeerConnection, now: Instant, id: ChannelId) {
        let Some(entry) = self.entries.get_mut(&id.0) else { return };
        if std::mem::replace(&mut entry.close_wanted, true) {
            return;
        }
        if entry.refused.is_empty() {
            Self::close_now(peer, now, id);
        }
        entry.shared.advance(ReadyState::Closing);
    }

    fn close_now(peer: &mut peer::PeerConnection, now: Instant, id: ChannelId) {
        if let Err(error) = peer.close_data_channel(now, id) {
            tracing::debug!(?id, ?error, "channel closed already");
        }
    }

    /// A message of the peer. If nobody can take it any more it is dropped, which opens the window again.
    pub(super) fn deliver(&mut self, message: ChannelMessage, credit: &Arc<Credit>) {
        let ChannelMessage { id, kind, data, window_bytes } = message;
        let delivery = Delivery::new(kind, data, window_bytes, Arc::clone(credit));
        if let Some(entry) = self.entries.get(&id.0) {
            // Refused if the application dropped the channel: the delivery comes back and is dropped here.
            let _ = entry.incoming.send(delivery);
        }
    }

    /// Publishes what the stack still holds of channels that send.
    pub(super) fn update_buffered(&mut self, peer: &peer::PeerConnection) {
        let entries = &mut self.entries;
        self.buffered.retain(|id| {
            let Some(entry) = entries.get_mut(&id.0) else { return false };
            let bytes = peer.buffered_amount(*id);
            entry.shared.set_in_stack(bytes);
            entry.is_buffered = bytes > 0;
            entry.is_buffered
        });
    }
}
