//! Two sides over a stand-in for the association: in order, reliable, resets performed at once.

use bytes::Bytes;
use plywood_datachannel::{
    ChannelConfig, ChannelId, Channels, Config, Discard, DtlsRole, Event, Kind, Outgoing, Received,
};
use std::collections::VecDeque;

/// What crosses the association.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Message(Outgoing),
    /// The sender resets its outgoing stream.
    Reset(u16),
    /// The sender performed the reset that the receiver asked for.
    Performed(u16),
}

/// One side, with what it has sent and what it has seen.
pub(crate) struct Side {
    pub(crate) channels: Channels,
    pub(crate) wire: VecDeque<Item>,
    pub(crate) events: Vec<Event>,
    pub(crate) received: Vec<Received>,
    pub(crate) discards: Vec<Discard>,
}

impl Side {
    pub(crate) fn new(role: DtlsRole, config: Config) -> Self {
        let mut channels = Channels::new(config);
        channels.set_dtls_role(role);
        Self { channels, wire: VecDeque::new(), events: vec![], received: vec![], discards: vec![] }
    }

    pub(crate) fn pump(&mut self) {
        while let Some(outgoing) = self.channels.poll_outgoing() {
            self.wire.push_back(Item::Message(outgoing));
        }
        while let Some(stream) = self.channels.poll_reset() {
            self.wire.push_back(Item::Reset(stream));
        }
        while let Some(event) = self.channels.poll_event() {
            self.events.push(event);
        }
    }

    pub(crate) fn handle(&mut self, item: Item) {
        match item {
            Item::Message(message) => {
                match self.channels.handle_message(message.stream, message.ppid, message.data) {
                    Ok(received) => self.received.extend(received),
                    Err(discard) => self.discards.push(discard),
                }
            }
            Item::Reset(stream) => {
                self.wire.push_back(Item::Performed(stream));
                self.channels.handle_incoming_reset(stream);
            }
            Item::Performed(stream) => self.channels.handle_outgoing_reset(stream),
        }
        self.pump();
    }

    pub(crate) fn open(&mut self, config: ChannelConfig) -> ChannelId {
        let id = self.channels.open(config).expect("a legal channel");
        self.pump();
        id
    }

    pub(crate) fn send(&mut self, id: ChannelId, kind: Kind, data: &'static [u8]) {
        let outgoing = self.channels.send(id, kind, Bytes::from_static(data)).expect("an open channel");
        self.wire.push_back(Item::Message(outgoing));
    }

    pub(crate) fn close(&mut self, id: ChannelId) {
        self.channels.close(id).expect("a known channel");
        self.pump();
    }

    /// What the peer's bytes would do, without a peer.
    pub(crate) fn inject(
        &mut self,
        stream: u16,
        ppid: u32,
        data: &[u8],
    ) -> Result<Option<Received>, Discard> {
        let result = self.channels.handle_message(stream, ppid, Bytes::copy_from_slice(data));
        self.pump();
        result
    }

    /// Streams reset so far.
    pub(crate) fn resets(&self) -> Vec<u16> {
        self.wire
            .iter()
            .filter_map(|item| if let Item::Reset(stream) = item { Some(*stream) } else { None })
            .collect()
    }
}

/// A connected client and server.
pub(crate) fn pair() -> (Side, Side) {
    let mut client = Side::new(DtlsRole::Client, Config::default());
    let mut server = Side::new(DtlsRole::Server, Config::default());
    client.channels.set_connected();
    server.channels.set_connected();
    (client, server)
}

/// One connected side.
pub(crate) fn alone(role: DtlsRole, config: Config) -> Side {
    let mut side = Side::new(role, config);
    side.channels.set_connected();
    side
}

/// Carries everything over until nothing is left.
pub(crate) fn settle(a: &mut Side, b: &mut Side) {
    a.pump();
    b.pump();
    while !(a.wire.is_empty() && b.wire.is_empty()) {
        if let Some(item) = a.wire.pop_front() {
            b.handle(item);
        }
        if let Some(item) = b.wire.pop_front() {
            a.handle(item);
        }
    }
}

pub(crate) fn named(label: &str) -> ChannelConfig {
    ChannelConfig { label: label.to_owned(), ..ChannelConfig::default() }
}
