//! Messages of the application (RFC 8831 §6.6).
//!
//! Problem: SCTP carries bytes, not text or binary, and cannot carry a message without bytes.
//! How: the PPID says what the bytes are; an empty message is one zero byte under a PPID of its own.
//! Older implementations cut large messages into several SCTP messages under "partial" PPIDs; we read that
//! on reliable ordered channels, and never write it.
//!
//! More: RFC 8831 §6.6, §8; docs/datachannel.md, "Messages".

use super::{Channels, Slot, State};
use crate::{
    config::Reliability,
    error::{Discard, SendError},
    event::{ChannelId, Kind, Outgoing, Received},
    wire::Ppid,
};
use bytes::Bytes;

/// What a PPID of user data says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Whole,
    Empty,
    /// More fragments of the same message follow.
    Partial,
}

fn classify(ppid: u32) -> Option<(Kind, Piece)> {
    Some(match Ppid(ppid) {
        Ppid::STRING => (Kind::Text, Piece::Whole),
        Ppid::BINARY => (Kind::Binary, Piece::Whole),
        Ppid::STRING_EMPTY => (Kind::Text, Piece::Empty),
        Ppid::BINARY_EMPTY => (Kind::Binary, Piece::Empty),
        Ppid::STRING_PARTIAL => (Kind::Text, Piece::Partial),
        Ppid::BINARY_PARTIAL => (Kind::Binary, Piece::Partial),
        _ => return None,
    })
}

impl Channels {
    /// Turns a message of the application into one for the association.
    ///
    /// # Errors
    /// [`SendError`]; nothing has happened then.
    pub fn send(&mut self, id: ChannelId, kind: Kind, data: Bytes) -> Result<Outgoing, SendError> {
        let limit = self.remote_max_message_size;
        let channel = self.channels.get_mut(&id).ok_or(SendError::UnknownChannel(id))?;
        let stream = match (channel.state, channel.stream) {
            (State::Open, Some(stream)) => stream,
            (State::Closing(_), _) => return Err(SendError::Closing(id)),
            _ => return Err(SendError::NotOpen(id)),
        };
        if limit != 0 && data.len() as u64 > limit {
            return Err(SendError::TooLarge { bytes: data.len(), limit });
        }
        if kind == Kind::Text && std::str::from_utf8(&data).is_err() {
            return Err(SendError::InvalidUtf8);
        }
        channel.stats.messages_sent += 1;
        channel.stats.bytes_sent += data.len() as u64;
        let (ppid, data) = match (kind, data.is_empty()) {
            (Kind::Text, false) => (Ppid::STRING, data),
            (Kind::Binary, false) => (Ppid::BINARY, data),
            (Kind::Text, true) => (Ppid::STRING_EMPTY, Bytes::from_static(&[0])),
            (Kind::Binary, true) => (Ppid::BINARY_EMPTY, Bytes::from_static(&[0])),
        };
        Ok(Outgoing {
            stream,
            ppid: ppid.0,
            data,
            // Nothing may overtake the OPEN (RFC 8832 §6).
            unordered: !channel.config.ordered && channel.acknowledged,
            reliability: channel.config.reliability,
        })
    }

    /// A message from the association: DCEP, or one for the application.
    ///
    /// # Errors
    /// [`Discard`] names the rule that the message breaks. What the rule costs (the channel, or a reset of
    /// the stream) is under way then.
    pub fn handle_message(
        &mut self,
        stream: u16,
        ppid: u32,
        data: Bytes,
    ) -> Result<Option<Received>, Discard> {
        if self.ended || self.role.is_none() {
            return self.discard(Discard::NotConnected);
        }
        self.set_connected(); // a message proves it
        if Ppid(ppid) == Ppid::DCEP {
            return self.handle_dcep(stream, &data).map(|()| None);
        }
        let id = match self.streams.get(&stream) {
            Some(Slot::Channel(id)) => *id,
            Some(Slot::Refused(_) | Slot::Burnt) => return self.discard(Discard::Closing(stream)),
            None => return self.fail(stream, Discard::UnusedStream(stream)),
        };
        match self.channels.get(&id).map(|channel| channel.state) {
            Some(State::Open | State::Opening { sent: true }) => {}
            Some(State::Closing(_)) => return self.discard(Discard::Closing(stream)),
            _ => return self.fail(stream, Discard::UnusedStream(stream)),
        }
        match self.receive(id, ppid, data) {
            Ok(received) => {
                self.acknowledge(id);
                Ok(received)
            }
            Err(discard) => self.fail(stream, discard),
        }
    }

    fn receive(&mut self, id: ChannelId, ppid: u32, data: Bytes) -> Result<Option<Received>, Discard> {
        let (kind, piece) = classify(ppid).ok_or(Discard::UnsupportedPpid(ppid))?;
        let limit = self.config.max_message_size;
        let Some(channel) = self.channels.get_mut(&id) else { return Ok(None) };
        let begun = channel.partial.as_ref().map_or(0, |(_, bytes)| bytes.len());
        let bytes = if piece == Piece::Empty { 0 } else { begun.saturating_add(data.len()) };
        if limit != 0 && bytes as u64 > limit {
            return Err(Discard::TooLarge(bytes));
        }
        if piece == Piece::Partial {
            return self.keep_partial(id, kind, &data).map(|()| None);
        }
        let data = match channel.partial.take() {
            None if piece == Piece::Empty => Bytes::new(),
            None => data,
            Some((begun_as, mut bytes)) => {
                self.partial_bytes -= bytes.len();
                if begun_as != kind || piece == Piece::Empty {
                    return Err(Discard::Partial);
                }
                bytes.extend_from_slice(&data);
                Bytes::from(bytes)
            }
        };
        if kind == Kind::Text && std::str::from_utf8(&data).is_err() {
            return Err(Discard::InvalidUtf8);
        }
        channel.stats.messages_received += 1;
        channel.stats.bytes_received += data.len() as u64;
        Ok(Some(Received { id, kind, data }))
    }

    fn keep_partial(&mut self, id: ChannelId, kind: Kind, data: &Bytes) -> Result<(), Discard> {
        let Some(channel) = self.channels.get_mut(&id) else { return Ok(()) };
        let reliable = channel.config.ordered && channel.config.reliability == Reliability::Reliable;
        if !reliable || self.partial_bytes + data.len() > self.config.max_partial_bytes {
            return Err(Discard::Partial);
        }
        let (begun_as, bytes) = channel.partial.get_or_insert_with(|| (kind, Vec::new()));
        if *begun_as != kind {
            return Err(Discard::Partial);
        }
        bytes.extend_from_slice(data);
        self.partial_bytes += data.len();
        Ok(())
    }
}
