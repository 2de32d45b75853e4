//! All channels of one association: the public type, its state, its queues.
//!
//! ```text
//!               role and association known     OPEN handed out        ACK, or any message
//!   Waiting ------------------------> Opening --------------> Open .................... (acknowledged)
//!      |  negotiated: at once             |                    | close, reset, broken rule
//!      |  -----------------------------> Open                  v
//!      `---- close: never on the wire ----`----> gone <---- Closing (until both streams were reset)
//! ```

mod closing;
mod messages;
mod opening;

use crate::{
    config::{ChannelConfig, Config, DtlsRole, Reliability},
    error::{ChannelError, Discard},
    event::{ChannelId, Event, Kind, Outgoing},
    stats::{ChannelStats, Stats},
    wire::{Message, MessageType, Open, Ppid},
};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Where a channel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has no stream yet, or there is no association.
    Waiting,
    /// Its OPEN is queued, or (`sent`) handed out while the configuration wants the ACK first.
    Opening { sent: bool },
    /// Messages may pass.
    Open,
    /// Its streams are being reset.
    Closing(Ends),
}

/// How far the two resets that end a channel have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ends {
    /// The peer reset its direction.
    incoming: bool,
    /// Our reset was handed out.
    handed_out: bool,
    /// The peer performed our reset.
    outgoing: bool,
}

impl Ends {
    fn are_complete(self) -> bool {
        self.incoming && self.outgoing
    }

    /// Whether a new OPEN of the peer proves that it performed our reset, though its answer is not here yet.
    fn may_be_complete(self) -> bool {
        self.incoming && self.handed_out
    }
}

/// What a stream id is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Channel(ChannelId),
    /// The peer used it against the rules: it is being reset, without a channel.
    Refused(Ends),
    /// Its reset was refused: its sequence numbers are unknown, and it is never used again.
    Burnt,
}

#[derive(Debug)]
struct Channel {
    config: ChannelConfig,
    stream: Option<u16>,
    remote: bool,
    state: State,
    /// Whether `Opened` was announced.
    announced: bool,
    /// Whether the ACK or any message came back; until then data is ordered (RFC 8832 §6).
    acknowledged: bool,
    partial: Option<(Kind, Vec<u8>)>,
    stats: ChannelStats,
}

/// A DCEP message to be handed out.
#[derive(Debug, Clone, Copy)]
enum Queued {
    Open(ChannelId),
    Ack(u16),
}

/// The data channels of one association. See the [crate] for the loop.
#[derive(Debug)]
pub struct Channels {
    config: Config,
    role: Option<DtlsRole>,
    connected: bool,
    ended: bool,
    /// The peer's max-message-size; 0: unlimited.
    remote_max_message_size: u64,
    /// Ids below this exist.
    stream_limit: u16,
    channels: BTreeMap<ChannelId, Channel>,
    streams: BTreeMap<u16, Slot>,
    /// Streams whose old reset may still be answered although the peer opened them anew.
    late_resets: BTreeSet<u16>,
    next_id: u32,
    /// No id of our parity below this is free.
    lowest_free: u16,
    outgoing: VecDeque<Queued>,
    resets: VecDeque<u16>,
    events: VecDeque<Event>,
    remote_text_bytes: usize,
    partial_bytes: usize,
    stats: Stats,
}

/// What a missing `a=max-message-size` means (RFC 8841 §6.1).
const DEFAULT_REMOTE_MAX_MESSAGE_SIZE: u64 = 65_536;
/// 65535 is no stream id, for an association negotiates at most 65535 streams (RFC 8831 §6.2).
const MAX_STREAMS: u16 = 65_535;

impl Channels {
    /// No channels, no association yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            role: None,
            connected: false,
            ended: false,
            remote_max_message_size: DEFAULT_REMOTE_MAX_MESSAGE_SIZE,
            stream_limit: MAX_STREAMS,
            channels: BTreeMap::new(),
            streams: BTreeMap::new(),
            late_resets: BTreeSet::new(),
            next_id: 0,
            lowest_free: 0,
            outgoing: VecDeque::new(),
            resets: VecDeque::new(),
            events: VecDeque::new(),
            remote_text_bytes: 0,
            partial_bytes: 0,
            stats: Stats::default(),
        }
    }

    /// Tells our DTLS role, which gives waiting channels their stream ids in the order of their creation.
    pub fn set_dtls_role(&mut self, role: DtlsRole) {
        if self.role.is_none() {
            self.role = Some(role);
            self.lowest_free = role.first_stream();
            self.activate_all();
        }
    }

    /// Tells that the association is up: OPENs are queued, negotiated channels open.
    pub fn set_connected(&mut self) {
        if !self.connected && !self.ended {
            self.connected = true;
            self.activate_all();
        }
    }

    /// Tells the peer's max-message-size: absent means 65536 bytes, 0 means no limit (RFC 8841 §6.1).
    pub fn set_remote_max_message_size(&mut self, bytes: Option<u64>) {
        self.remote_max_message_size = bytes.unwrap_or(DEFAULT_REMOTE_MAX_MESSAGE_SIZE);
    }

    /// Tells how many streams the association has, in the direction that has fewer. Channels beyond end.
    pub fn set_stream_limit(&mut self, streams: u16) {
        self.stream_limit = streams;
        let beyond: Vec<ChannelId> = self
            .streams
            .range(self.stream_limit..)
            .filter_map(|(_, slot)| if let Slot::Channel(id) = slot { Some(*id) } else { None })
            .collect();
        for id in beyond {
            self.event(Event::Error {
                id,
                error: ChannelError::StreamOutOfRange { streams: self.stream_limit },
            });
            self.remove(id);
        }
    }

    /// The next DCEP message for the association; drain it before [`poll_reset`](Self::poll_reset).
    pub fn poll_outgoing(&mut self) -> Option<Outgoing> {
        if !self.connected {
            return None;
        }
        while let Some(queued) = self.outgoing.pop_front() {
            match queued {
                Queued::Open(id) => {
                    if let Some(outgoing) = self.hand_out_open(id) {
                        return Some(outgoing);
                    }
                }
                Queued::Ack(stream) => {
                    if let Some(Slot::Channel(_)) = self.streams.get(&stream) {
                        return Some(dcep(stream, &Message::Ack));
                    }
                }
            }
        }
        None
    }

    /// Takes back what [`poll_outgoing`](Self::poll_outgoing) gave, if the association had no room: it comes
    /// first at the next poll, and its channel cannot send until then.
    pub fn put_back(&mut self, outgoing: &Outgoing) {
        let Some(&Slot::Channel(id)) = self.streams.get(&outgoing.stream) else { return };
        if outgoing.data.first() == Some(&MessageType::ACK.0) {
            self.outgoing.push_front(Queued::Ack(outgoing.stream));
        } else if let Some(channel) = self.channels.get_mut(&id) {
            channel.state = State::Opening { sent: false };
            self.outgoing.push_front(Queued::Open(id));
        }
    }

    /// The next stream whose outgoing direction is to be reset once its data is acknowledged. `None` while
    /// [`poll_outgoing`](Self::poll_outgoing) has something: that goes first. A stream whose last reset is still to be
    /// answered waits for that.
    pub fn poll_reset(&mut self) -> Option<u16> {
        if !self.outgoing.is_empty() {
            return None;
        }
        let at = self.resets.iter().position(|stream| !self.late_resets.contains(stream))?;
        let stream = self.resets.remove(at)?;
        if let Some(ends) = self.ends(stream) {
            ends.handed_out = true;
        }
        Some(stream)
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The stream of a channel, once it has one.
    #[must_use]
    pub fn stream(&self, id: ChannelId) -> Option<u16> {
        self.channels.get(&id)?.stream
    }

    /// The channel on a stream.
    #[must_use]
    pub fn channel(&self, stream: u16) -> Option<ChannelId> {
        match self.streams.get(&stream)? {
            Slot::Channel(id) => Some(*id),
            Slot::Refused(_) | Slot::Burnt => None,
        }
    }

    /// The properties of a channel.
    #[must_use]
    pub fn config(&self, id: ChannelId) -> Option<&ChannelConfig> {
        self.channels.get(&id).map(|channel| &channel.config)
    }

    /// Whether messages can be sent on a channel.
    #[must_use]
    pub fn is_open(&self, id: ChannelId) -> bool {
        self.channels.get(&id).is_some_and(|channel| channel.state == State::Open)
    }

    /// The channels that exist, in the order of creation.
    pub fn ids(&self) -> impl Iterator<Item = ChannelId> + '_ {
        self.channels.keys().copied()
    }

    /// Counters of a channel.
    #[must_use]
    pub fn channel_stats(&self, id: ChannelId) -> Option<&ChannelStats> {
        self.channels.get(&id).map(|channel| &channel.stats)
    }

    /// Counters of all channels.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    fn event(&mut self, event: Event) {
        tracing::trace!(?event, "data channel");
        self.events.push_back(event);
    }

    /// Counts and returns the reason.
    fn discard<T>(&mut self, discard: Discard) -> Result<T, Discard> {
        tracing::debug!(%discard, "data channel message discarded");
        self.stats.count(discard);
        Err(discard)
    }

    /// The progress of the resets of a stream that is ending.
    fn ends(&mut self, stream: u16) -> Option<&mut Ends> {
        match self.streams.get_mut(&stream)? {
            Slot::Refused(ends) => Some(ends),
            Slot::Channel(id) => match &mut self.channels.get_mut(id)?.state {
                State::Closing(ends) => Some(ends),
                State::Waiting | State::Opening { .. } | State::Open => None,
            },
            Slot::Burnt => None,
        }
    }
}

/// A DCEP message on its way out: ordered and reliable (RFC 8832 §6).
fn dcep(stream: u16, message: &Message<'_>) -> Outgoing {
    let mut data = Vec::new();
    message.encode(&mut data);
    Outgoing {
        stream,
        ppid: Ppid::DCEP.0,
        data: Bytes::from(data),
        unordered: false,
        reliability: Reliability::Reliable,
    }
}

/// The OPEN of a channel.
fn open_message(config: &ChannelConfig) -> Option<Open<'_>> {
    Open::new(config.ordered, config.reliability, config.priority, &config.label, &config.protocol).ok()
}
