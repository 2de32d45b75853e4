//! Closing a channel: both of its streams are reset (RFC 8831 §6.7, RFC 6525).
//!
//! Problem: after a close both sides must agree that the stream number is free, and nothing sent before the
//! close may be lost or taken for a message of the next channel with that number.
//! How: who closes resets its outgoing stream, which the association does once all data on it was
//! acknowledged. Who sees the incoming stream reset resets its own in turn. The number is free when both
//! resets were performed. The same procedure, without a channel, refuses what a peer does on an unused
//! stream; and a reset in place of an ACK is the refusal of an OPEN (RFC 8832 §6).
//!
//! ```text
//!   close() --> Closing{} -- our reset performed --> Closing{outgoing} --.
//!                  |                                                     +--> Closed, the number is free
//!                  `------ the peer reset its own --> Closing{incoming} -'
//! ```

use super::{Channels, Ends, Slot, State};
use crate::{
    error::{ChannelError, CloseError, Discard},
    event::{ChannelId, Event},
};

impl Channels {
    /// Closes a channel. What was handed over before is delivered first. Closing twice is harmless.
    ///
    /// # Errors
    /// [`CloseError::UnknownChannel`] if there is no such channel any more.
    pub fn close(&mut self, id: ChannelId) -> Result<(), CloseError> {
        match self.channels.get(&id).map(|channel| channel.state) {
            None => return Err(CloseError::UnknownChannel(id)),
            // The peer has heard nothing of it.
            Some(State::Waiting | State::Opening { sent: false }) => self.remove(id),
            Some(State::Open | State::Opening { sent: true }) => self.begin_closing(id, Ends::default()),
            Some(State::Closing(_)) => {}
        }
        Ok(())
    }

    /// The peer reset its direction of a stream, and its last message before that was handled.
    pub fn handle_incoming_reset(&mut self, stream: u16) {
        if let Some(ends) = self.ends(stream) {
            ends.incoming = true;
            if ends.are_complete() {
                self.finish(stream);
            }
            return;
        }
        let Some(id) = self.channel(stream) else { return };
        let Some(channel) = self.channels.get(&id) else { return };
        let (state, acknowledged) = (channel.state, channel.acknowledged);
        match state {
            State::Open | State::Opening { sent: true } => {
                if !acknowledged {
                    self.event(Event::Error { id, error: ChannelError::Refused });
                }
                self.begin_closing(id, Ends { incoming: true, ..Ends::default() });
            }
            // A reset of what the peer cannot know yet is about the past of the stream.
            State::Waiting | State::Opening { sent: false } | State::Closing(_) => {}
        }
    }

    /// The peer reset all its streams (RFC 6525 §4.1: an empty list).
    pub fn handle_incoming_reset_of_all(&mut self) {
        let streams: Vec<u16> = self.streams.keys().copied().collect();
        for stream in streams {
            self.handle_incoming_reset(stream);
        }
    }

    /// The peer performed our reset of a stream.
    pub fn handle_outgoing_reset(&mut self, stream: u16) {
        if self.late_resets.remove(&stream) {
            return;
        }
        if let Some(ends) = self.ends(stream) {
            ends.outgoing = true;
            if ends.are_complete() {
                self.finish(stream);
            }
        }
    }

    /// The peer refused our reset of a stream. The channel ends, and the number stays out of use: the
    /// sequence numbers on it are not known to be zero.
    pub fn handle_outgoing_reset_refused(&mut self, stream: u16) {
        if self.late_resets.remove(&stream) || self.ends(stream).is_none() {
            return;
        }
        if let Some(id) = self.channel(stream) {
            self.event(Event::Error { id, error: ChannelError::ResetRefused });
        }
        self.finish(stream);
        self.streams.insert(stream, Slot::Burnt);
    }

    /// The association ended in good order: every channel is closed.
    pub fn handle_association_closed(&mut self) {
        self.end(false);
    }

    /// The association failed: every channel is closed, with an error first (RFC 8831 §6.2).
    pub fn handle_association_failed(&mut self) {
        self.end(true);
    }

    fn end(&mut self, failed: bool) {
        self.ended = true;
        self.connected = false;
        self.outgoing.clear();
        self.resets.clear();
        let ids: Vec<ChannelId> = self.channels.keys().copied().collect();
        for id in ids {
            let closing = matches!(self.channels.get(&id).map(|c| c.state), Some(State::Closing(_)));
            if failed && !closing {
                self.event(Event::Error { id, error: ChannelError::AssociationClosed });
            }
            self.remove(id);
        }
        self.streams.clear();
        self.late_resets.clear();
    }

    fn begin_closing(&mut self, id: ChannelId, ends: Ends) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let Some(stream) = channel.stream else { return };
        channel.state = State::Closing(ends);
        if let Some((_, bytes)) = channel.partial.take() {
            self.partial_bytes -= bytes.len();
        }
        self.resets.push_back(stream);
        self.event(Event::Closing { id });
    }

    /// The peer broke a rule on a stream: the channel there closes; without one, the stream is refused.
    pub(super) fn fail<T>(&mut self, stream: u16, discard: Discard) -> Result<T, Discard> {
        match self.streams.get(&stream) {
            Some(Slot::Refused(_) | Slot::Burnt) => return self.discard(Discard::Closing(stream)),
            Some(&Slot::Channel(id)) => match self.channels.get(&id).map(|channel| channel.state) {
                Some(State::Closing(_)) => return self.discard(Discard::Closing(stream)),
                Some(State::Open | State::Opening { sent: true }) => {
                    self.event(Event::Error { id, error: ChannelError::Peer(discard) });
                    self.begin_closing(id, Ends::default());
                }
                // Our channel there is not on the wire yet: it ends, and the stream is refused.
                _ => {
                    self.event(Event::Error { id, error: ChannelError::Peer(discard) });
                    self.remove(id);
                    self.refuse(stream);
                }
            },
            None => self.refuse(stream),
        }
        self.discard(discard)
    }

    fn refuse(&mut self, stream: u16) {
        if stream >= self.stream_limit {
            return; // no such stream: nothing to reset
        }
        self.stats.refused += 1;
        self.streams.insert(stream, Slot::Refused(Ends::default()));
        self.resets.push_back(stream);
    }

    /// Both directions were reset: the stream is unused again.
    pub(super) fn finish(&mut self, stream: u16) {
        match self.streams.get(&stream) {
            Some(&Slot::Channel(id)) => self.remove(id),
            Some(Slot::Refused(_)) => self.free(stream),
            Some(Slot::Burnt) | None => {}
        }
    }

    /// Takes a channel out, frees its stream and says so.
    pub(super) fn remove(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.remove(&id) else { return };
        if let Some((_, bytes)) = &channel.partial {
            self.partial_bytes -= bytes.len();
        }
        if channel.remote {
            self.remote_text_bytes -= channel.config.label.len() + channel.config.protocol.len();
        }
        if let Some(stream) = channel.stream {
            self.free(stream);
        }
        self.stats.closed += u64::from(channel.announced);
        self.event(Event::Closed { id });
    }

    fn free(&mut self, stream: u16) {
        self.streams.remove(&stream);
        if self.role.is_some_and(|role| role.first_stream() == stream % 2) {
            self.lowest_free = self.lowest_free.min(stream);
        }
    }
}
