//! Opening a channel: by us, by the peer, or by agreement elsewhere (RFC 8832 §6, RFC 8831 §6.5).
//!
//! Problem: both sides may open channels at the same moment without asking each other for a number, and an
//! application opens channels long before there is an association.
//! How: the DTLS client takes even ids and the server odd ones. A channel waits until role and association
//! are known; then its OPEN goes out, and data may follow before the ACK is back, in order behind the OPEN.
//! An OPEN of the peer is accepted if its stream is unused, its number is the peer's to choose, its
//! parameters are known, and the bounds hold; in each other case the stream is reset and no ACK sent.
//!
//! More: RFC 8832 §6; docs/datachannel.md, "Opening".

use super::{Channel, Channels, Queued, Slot, State, dcep, open_message};
use crate::{
    config::ChannelConfig,
    error::{ChannelError, Discard, OpenError},
    event::{ChannelId, Event, Outgoing},
    stats::ChannelStats,
    wire::{Message, Open},
};
use std::mem;

impl Channels {
    /// Opens a channel. Before the association is up, or before the DTLS role is known, it waits for them.
    ///
    /// # Errors
    /// [`OpenError`] names the limit that the channel is over.
    pub fn open(&mut self, config: ChannelConfig) -> Result<ChannelId, OpenError> {
        let stream = self.check(&config)?;
        let id = ChannelId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        if let Some(stream) = stream {
            self.streams.insert(stream, Slot::Channel(id));
        }
        let channel = Channel {
            stream,
            remote: false,
            state: State::Waiting,
            announced: false,
            acknowledged: config.negotiated.is_some(),
            partial: None,
            stats: ChannelStats::default(),
            config,
        };
        self.channels.insert(id, channel);
        self.activate(id);
        Ok(id)
    }

    /// Whether a channel may be opened, and on which stream if that can be said already.
    fn check(&mut self, config: &ChannelConfig) -> Result<Option<u16>, OpenError> {
        if self.ended {
            return Err(OpenError::AssociationClosed);
        }
        if config.label.len() > usize::from(u16::MAX) {
            return Err(OpenError::LabelTooLong { bytes: config.label.len() });
        }
        if config.protocol.len() > usize::from(u16::MAX) {
            return Err(OpenError::ProtocolTooLong { bytes: config.protocol.len() });
        }
        if self.channels.len() >= self.config.max_channels {
            return Err(OpenError::TooManyChannels { limit: self.config.max_channels });
        }
        match config.negotiated {
            Some(stream) if stream >= self.stream_limit => Err(OpenError::StreamOutOfRange { stream }),
            Some(stream) if self.streams.contains_key(&stream) => Err(OpenError::StreamInUse { stream }),
            Some(stream) => Ok(Some(stream)),
            None if self.role.is_none() => Ok(None),
            None => self.free_stream().map(Some).ok_or(OpenError::NoStream),
        }
    }

    /// The lowest free id of our parity. What was found taken is not looked at again until it is freed.
    fn free_stream(&mut self) -> Option<u16> {
        let mut stream = self.lowest_free;
        while stream < self.stream_limit {
            if !self.streams.contains_key(&stream) {
                self.lowest_free = stream;
                return Some(stream);
            }
            stream = stream.checked_add(2)?;
        }
        None
    }

    pub(super) fn activate_all(&mut self) {
        let waiting: Vec<ChannelId> = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.state == State::Waiting)
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            self.activate(id);
        }
    }

    /// Takes a waiting channel as far as role and association allow.
    fn activate(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        if channel.stream.is_none() && self.role.is_some() {
            let Some(stream) = self.free_stream() else {
                self.event(Event::Error { id, error: ChannelError::NoStream });
                self.remove(id);
                return;
            };
            self.streams.insert(stream, Slot::Channel(id));
            if let Some(channel) = self.channels.get_mut(&id) {
                channel.stream = Some(stream);
            }
        }
        let connected = self.connected;
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if !connected || channel.stream.is_none() {
            return;
        }
        if channel.config.negotiated.is_some() {
            self.announce(id);
        } else {
            channel.state = State::Opening { sent: false };
            self.outgoing.push_back(Queued::Open(id));
        }
    }

    /// Messages may pass from now on.
    fn announce(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        channel.state = State::Open;
        if !mem::replace(&mut channel.announced, true) {
            let remote = channel.remote;
            self.stats.opened += 1;
            self.event(Event::Opened { id, remote });
        }
    }

    /// The OPEN of a channel, if it is still wanted.
    pub(super) fn hand_out_open(&mut self, id: ChannelId) -> Option<Outgoing> {
        let early = self.config.open_before_ack;
        let channel = self.channels.get_mut(&id)?;
        if channel.state != (State::Opening { sent: false }) {
            return None;
        }
        let outgoing = dcep(channel.stream?, &Message::Open(open_message(&channel.config)?));
        channel.state = State::Opening { sent: true };
        if early || channel.acknowledged {
            self.announce(id);
        }
        Some(outgoing)
    }

    /// The ACK, or a first message that says as much (RFC 8832 §6).
    pub(super) fn acknowledge(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if channel.acknowledged {
            return;
        }
        channel.acknowledged = true;
        let was_opening = channel.state == (State::Opening { sent: true });
        if was_opening {
            self.announce(id);
        }
        self.event(Event::Acknowledged { id });
    }

    /// A DCEP message from the peer.
    pub(super) fn handle_dcep(&mut self, stream: u16, bytes: &[u8]) -> Result<(), Discard> {
        match Message::parse(bytes) {
            Ok(Message::Open(open)) => self.accept(stream, &open),
            Ok(Message::Ack) => self.handle_ack(stream),
            Err(error) => self.fail(stream, Discard::Dcep(error)),
        }
    }

    fn handle_ack(&mut self, stream: u16) -> Result<(), Discard> {
        let Some(id) = self.channel(stream) else { return self.discard(Discard::UnexpectedAck(stream)) };
        match self.channels.get(&id).map(|channel| (channel.state, channel.acknowledged)) {
            Some((State::Open | State::Opening { sent: true }, false)) => {
                self.acknowledge(id);
                Ok(())
            }
            Some((State::Closing(_), _)) => self.discard(Discard::Closing(stream)),
            _ => self.discard(Discard::UnexpectedAck(stream)),
        }
    }

    fn accept(&mut self, stream: u16, open: &Open<'_>) -> Result<(), Discard> {
        let Some(role) = self.role else { return self.discard(Discard::NotConnected) };
        // The peer may use the id again once it performed our reset. Its answer that says so can be lost or
        // overtaken while the OPEN arrives: then the OPEN says it.
        if self.ends(stream).is_some_and(|ends| ends.may_be_complete()) {
            self.late_resets.insert(stream);
            self.finish(stream);
        }
        if self.streams.contains_key(&stream) {
            return self.fail(stream, Discard::StreamInUse(stream));
        }
        if stream % 2 != role.other().first_stream() || stream >= self.stream_limit {
            return self.fail(stream, Discard::WrongParity(stream));
        }
        let text_bytes = open.label().len() + open.protocol().len();
        if self.channels.len() >= self.config.max_channels
            || self.remote_text_bytes + text_bytes > self.config.max_remote_text_bytes
            || self.events.len() >= self.config.max_pending_events
        {
            return self.fail(stream, Discard::TooManyChannels);
        }
        self.remote_text_bytes += text_bytes;
        self.insert_remote(stream, open);
        Ok(())
    }

    fn insert_remote(&mut self, stream: u16, open: &Open<'_>) {
        let id = ChannelId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        let config = ChannelConfig {
            label: open.label().to_owned(),
            protocol: open.protocol().to_owned(),
            ordered: open.ordered,
            reliability: open.reliability,
            priority: open.priority,
            negotiated: None,
        };
        let channel = Channel {
            config,
            stream: Some(stream),
            remote: true,
            state: State::Waiting,
            announced: false,
            acknowledged: true,
            partial: None,
            stats: ChannelStats::default(),
        };
        self.channels.insert(id, channel);
        self.streams.insert(stream, Slot::Channel(id));
        self.outgoing.push_back(Queued::Ack(stream));
        self.announce(id);
    }
}
