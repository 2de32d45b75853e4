//! What goes in and out beside calls: ids, messages, events.

use crate::{config::Reliability, error::ChannelError};
use bytes::Bytes;

/// Our number for a channel, never used twice by one [`Channels`](crate::Channels).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u32);

/// What a message is (RFC 8831 §6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// A message for the association to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The stream.
    pub stream: u16,
    /// The payload protocol identifier.
    pub ppid: u32,
    /// The bytes; one zero byte for an empty message.
    pub data: Bytes,
    /// Whether it may overtake and be overtaken.
    pub unordered: bool,
    /// How long delivery is tried.
    pub reliability: Reliability,
}

/// A message of the application that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The channel.
    pub id: ChannelId,
    /// Text (then `data` is valid UTF-8) or binary.
    pub kind: Kind,
    /// The bytes; empty for an empty message.
    pub data: Bytes,
}

/// What happened to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Messages can be sent and may arrive.
    Opened {
        /// The channel.
        id: ChannelId,
        /// Whether the peer opened it.
        remote: bool,
    },
    /// The peer confirmed a channel of ours, by its ACK or by a first message.
    Acknowledged {
        /// The channel.
        id: ChannelId,
    },
    /// No message can be sent or will arrive any more; comes before every `Closed` of a channel that had
    /// been opened, unless the association ended.
    Closing {
        /// The channel.
        id: ChannelId,
    },
    /// The end. The stream id is free again and the id unknown.
    Closed {
        /// The channel.
        id: ChannelId,
    },
    /// Why the channel closes, where nobody asked for it.
    Error {
        /// The channel.
        id: ChannelId,
        /// The reason.
        error: ChannelError,
    },
}
