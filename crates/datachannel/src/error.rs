//! What can go wrong: with bytes from the peer, with a channel, with a call.

use crate::{event::ChannelId, wire::ParseError};
use std::fmt;

/// A message was discarded; its reason is counted in [`Stats`](crate::Stats).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discard {
    /// Application data on a stream without a channel; the stream is reset (RFC 8832 §6).
    UnusedStream(u16),
    /// The channel is closing, or the stream is being refused.
    Closing(u16),
    /// DCEP that cannot be read; the channel is closed, or the stream refused (RFC 8832 §6).
    Dcep(ParseError),
    /// OPEN on a stream whose number is ours to choose; refused (RFC 8832 §6).
    WrongParity(u16),
    /// OPEN on a stream in use; the channel there is closed (RFC 8832 §6).
    StreamInUse(u16),
    /// OPEN over the bounds of [`Config`](crate::Config); refused.
    TooManyChannels,
    /// ACK for nothing; ignored.
    UnexpectedAck(u16),
    /// A PPID that is not of WebRTC; the channel is closed (RFC 8831 §6.6).
    UnsupportedPpid(u32),
    /// Longer than our max-message-size, in bytes; the channel is closed.
    TooLarge(usize),
    /// Text that is not UTF-8; the channel is closed.
    InvalidUtf8,
    /// A fragment of the deprecated kind where it cannot be: not a reliable ordered channel, kinds mixed, or
    /// over the bound. The channel is closed.
    Partial,
    /// The DTLS role is unknown, or the association is not up.
    NotConnected,
}

impl Discard {
    pub(crate) const KINDS: usize = 12;

    pub(crate) fn index(self) -> usize {
        match self {
            Self::UnusedStream(_) => 0,
            Self::Closing(_) => 1,
            Self::Dcep(_) => 2,
            Self::WrongParity(_) => 3,
            Self::StreamInUse(_) => 4,
            Self::TooManyChannels => 5,
            Self::UnexpectedAck(_) => 6,
            Self::UnsupportedPpid(_) => 7,
            Self::TooLarge(_) => 8,
            Self::InvalidUtf8 => 9,
            Self::Partial => 10,
            Self::NotConnected => 11,
        }
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnusedStream(stream) => write!(f, "data on stream {stream}, where no channel is"),
            Self::Closing(stream) => write!(f, "a message on stream {stream}, which is closing"),
            Self::Dcep(error) => write!(f, "DCEP: {error}"),
            Self::WrongParity(stream) => {
                write!(f, "OPEN on stream {stream}, a number that is not the peer's")
            }
            Self::StreamInUse(stream) => write!(f, "OPEN on stream {stream}, where a channel is"),
            Self::TooManyChannels => write!(f, "OPEN over the configured bounds"),
            Self::UnexpectedAck(stream) => write!(f, "ACK on stream {stream} without an OPEN"),
            Self::UnsupportedPpid(ppid) => write!(f, "PPID {ppid} is not of WebRTC"),
            Self::TooLarge(bytes) => write!(f, "{bytes} bytes are over our max-message-size"),
            Self::InvalidUtf8 => write!(f, "text that is not UTF-8"),
            Self::Partial => write!(f, "a fragment by PPID where none can be"),
            Self::NotConnected => write!(f, "a message before the association is up"),
        }
    }
}

impl std::error::Error for Discard {}

/// Why a channel closes although the application did not ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelError {
    /// The peer reset our stream without ever answering the OPEN (RFC 8832 §6).
    Refused,
    /// No stream id is free for the channel.
    NoStream,
    /// The negotiated number of streams is below the channel's id.
    StreamOutOfRange {
        /// Streams of the association, in the direction that has fewer.
        streams: u16,
    },
    /// The peer broke a rule on this channel.
    Peer(Discard),
    /// The association refused to reset the stream; the id stays out of use.
    ResetRefused,
    /// The association ended.
    AssociationClosed,
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => write!(f, "the peer refused the channel"),
            Self::NoStream => write!(f, "no stream id is free"),
            Self::StreamOutOfRange { streams } => write!(f, "the association has only {streams} streams"),
            Self::Peer(discard) => write!(f, "the peer broke a rule: {discard}"),
            Self::ResetRefused => write!(f, "the peer does not reset the stream"),
            Self::AssociationClosed => write!(f, "the association ended"),
        }
    }
}

impl std::error::Error for ChannelError {}

/// A channel cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The label has more than 65535 bytes.
    LabelTooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// The protocol has more than 65535 bytes.
    ProtocolTooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// 65535 is not a stream id (RFC 8831 §6.2), or the association has fewer streams.
    StreamOutOfRange {
        /// The id asked for.
        stream: u16,
    },
    /// A channel has that id, or had it and is not closed yet (RFC 8831 §6.5).
    StreamInUse {
        /// The id asked for.
        stream: u16,
    },
    /// No id is left for this side.
    NoStream,
    /// As many channels as the configuration permits.
    TooManyChannels {
        /// The limit.
        limit: usize,
    },
    /// The association has ended.
    AssociationClosed,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LabelTooLong { bytes } => write!(f, "a label of {bytes} bytes; 65535 at most"),
            Self::ProtocolTooLong { bytes } => write!(f, "a protocol of {bytes} bytes; 65535 at most"),
            Self::StreamOutOfRange { stream } => write!(f, "stream {stream} does not exist"),
            Self::StreamInUse { stream } => write!(f, "stream {stream} is in use"),
            Self::NoStream => write!(f, "no stream id is free"),
            Self::TooManyChannels { limit } => write!(f, "there are {limit} channels, the limit"),
            Self::AssociationClosed => write!(f, "the association has ended"),
        }
    }
}

impl std::error::Error for OpenError {}

/// A message cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// No such channel; it may have been closed.
    UnknownChannel(ChannelId),
    /// The channel is not open yet.
    NotOpen(ChannelId),
    /// The channel is closing.
    Closing(ChannelId),
    /// Over the peer's max-message-size.
    TooLarge {
        /// Bytes of the message.
        bytes: usize,
        /// The most that the peer takes.
        limit: u64,
    },
    /// Text that is not UTF-8.
    InvalidUtf8,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownChannel(id) => write!(f, "there is no channel {}", id.0),
            Self::NotOpen(id) => write!(f, "channel {} is not open yet", id.0),
            Self::Closing(id) => write!(f, "channel {} is closing", id.0),
            Self::TooLarge { bytes, limit } => {
                write!(f, "a message of {bytes} bytes; the peer takes {limit}")
            }
            Self::InvalidUtf8 => write!(f, "text that is not UTF-8"),
        }
    }
}

impl std::error::Error for SendError {}

/// A channel cannot be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseError {
    /// No such channel; it may have been closed.
    UnknownChannel(ChannelId),
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownChannel(id) => write!(f, "there is no channel {}", id.0),
        }
    }
}

impl std::error::Error for CloseError {}
