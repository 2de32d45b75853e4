//! Between SCTP's streams and the application's channels: messages up, DCEP and resets down.

use std::time::{Duration, Instant};

use bytes::Bytes;
use plywood_datachannel as datachannel;
use plywood_datachannel::{ChannelConfig, ChannelId, CloseError, Kind, OpenError, Outgoing};
use plywood_sctp as sctp;

use super::{ChannelMessage, Closing, Output, PeerConnection};
use crate::error::SendError;
use crate::event::Event;

/// What a message costs in the queues up to the application beside its bytes: counted against the receive window, so
/// that a peer that sends millions of tiny ones to an application that does not read pins no more memory than the
/// window says.
const QUEUED_MESSAGE_BYTES: usize = 128;

impl PeerConnection {
    /// Makes a channel. It opens once the association is up; before that its stream id may be unknown.
    ///
    /// # Errors
    /// [`OpenError`]: the id is taken or out of range, the label too long, too many channels, or closed.
    pub fn create_data_channel(
        &mut self,
        now: Instant,
        config: ChannelConfig,
    ) -> Result<ChannelId, OpenError> {
        let id = self.channels.open(config)?;
        self.drain_channels(now);
        Ok(id)
    }

    /// Queues a message. `data` is kept, not copied, until it is acknowledged.
    ///
    /// # Errors
    /// [`SendError::QueueFull`] if there is no room: [`Event::SendReady`] follows. Others name the rule.
    pub fn send(&mut self, now: Instant, id: ChannelId, kind: Kind, data: Bytes) -> Result<(), SendError> {
        let outgoing = self.channels.send(id, kind, data).map_err(SendError::Channel)?;
        match self.hand_to_sctp(now, outgoing) {
            Ok(()) => {
                self.stats.messages_sent += 1;
                Ok(())
            }
            Err(Some(sctp::SendError::QueueFull { limit, .. })) => Err(SendError::QueueFull { limit }),
            Err(Some(error)) => Err(SendError::Sctp(error)),
            Err(None) => Err(SendError::NotConnected),
        }
    }

    /// Closes a channel: what is queued is still delivered, then its stream is reset in both directions.
    ///
    /// # Errors
    /// [`CloseError`] if there is no such channel.
    pub fn close_data_channel(&mut self, now: Instant, id: ChannelId) -> Result<(), CloseError> {
        self.channels.close(id)?;
        self.drain_channels(now);
        Ok(())
    }

    /// Bytes of `id` that are queued and not yet sent (W3C `bufferedAmount`).
    #[must_use]
    pub fn buffered_amount(&self, id: ChannelId) -> usize {
        match (&self.sctp, self.channels.stream(id)) {
            (Some(sctp), Some(stream)) => sctp.buffered_amount(sctp::StreamId(stream)),
            _ => 0,
        }
    }

    /// Sets the low mark of `id`: [`Event::BufferedAmountLow`] comes when the buffered amount falls to it. 0 at
    /// first. It can be set as soon as there is a channel, long before that opens.
    pub fn set_buffered_amount_low_threshold(&mut self, id: ChannelId, bytes: usize) {
        if self.channels.config(id).is_none() {
            return;
        }
        if bytes == 0 {
            self.low_marks.remove(&id);
        } else {
            self.low_marks.insert(id, bytes);
        }
        self.apply_low_mark(id);
    }

    /// A stream that is used again has the mark of its new channel.
    fn apply_low_mark(&mut self, id: ChannelId) {
        let bytes = self.low_marks.get(&id).copied().unwrap_or(0);
        if let (Some(sctp), Some(stream)) = (&mut self.sctp, self.channels.stream(id)) {
            sctp.set_buffered_amount_low_threshold(sctp::StreamId(stream), bytes);
        }
    }

    /// The properties of a channel, as negotiated.
    #[must_use]
    pub fn channel_config(&self, id: ChannelId) -> Option<&ChannelConfig> {
        self.channels.config(id)
    }

    /// The SCTP stream of a channel, once it has one.
    #[must_use]
    pub fn channel_stream(&self, id: ChannelId) -> Option<u16> {
        self.channels.stream(id)
    }

    /// Takes what SCTP has reassembled: DCEP is answered, the rest goes to the application.
    pub(super) fn drain_messages(&mut self, now: Instant) -> bool {
        let mut progressed = false;
        loop {
            let Some(message) = self.sctp.as_mut().and_then(sctp::Association::poll_message) else { break };
            progressed = true;
            let mut window_bytes = message.data.len();
            match self.channels.handle_message(message.stream.0, message.ppid.0, message.data) {
                Ok(Some(received)) => {
                    // A message may be what opens its channel for the application: tell that first.
                    self.tell_channel_events(now);
                    self.stats.messages_received += 1;
                    let datachannel::Received { id, kind, data, .. } = received;
                    if let Some(sctp) = &mut self.sctp {
                        sctp.hold(QUEUED_MESSAGE_BYTES);
                        window_bytes += QUEUED_MESSAGE_BYTES;
                    }
                    self.output.push_back(Output::Message(ChannelMessage { id, kind, data, window_bytes }));
                }
                Ok(None) => self.release(now, window_bytes),
                Err(_) => {
                    self.stats.discarded_messages += 1;
                    self.release(now, window_bytes);
                }
            }
        }
        progressed
    }

    /// Carries out what the channels want: DCEP messages, stream resets; and tells their events.
    pub(super) fn drain_channels(&mut self, now: Instant) -> bool {
        let mut progressed = self.tell_channel_events(now);
        if self.sctp.is_none() || self.closing != Closing::No {
            return progressed;
        }
        while let Some(outgoing) = self.channels.poll_outgoing() {
            progressed = true;
            if let Err(Some(sctp::SendError::QueueFull { .. })) = self.hand_to_sctp(now, outgoing.clone()) {
                self.channels.put_back(&outgoing); // the next call finds room
                break;
            }
        }
        while let Some(stream) = self.channels.poll_reset() {
            progressed = true;
            if let Some(sctp) = &mut self.sctp
                && sctp.reset_stream(now, sctp::StreamId(stream)).is_err()
            {
                self.channels.handle_outgoing_reset_refused(stream);
            }
        }
        progressed | self.tell_channel_events(now)
    }

    fn tell_channel_events(&mut self, now: Instant) -> bool {
        let mut progressed = false;
        while let Some(event) = self.channels.poll_event() {
            progressed = true;
            match event {
                datachannel::Event::Opened { id, remote } => {
                    self.apply_priority(id);
                    self.apply_low_mark(id);
                    self.push_event(now, Event::ChannelOpened { id, remote });
                }
                datachannel::Event::Closing { id } => self.push_event(now, Event::ChannelClosing { id }),
                datachannel::Event::Closed { id } => {
                    self.low_marks.remove(&id);
                    self.push_event(now, Event::ChannelClosed { id });
                }
                _ => {}
            }
        }
        progressed
    }

    fn apply_priority(&mut self, id: ChannelId) {
        let priority = self.channels.config(id).map(|config| config.priority);
        if let (Some(sctp), Some(stream), Some(priority)) =
            (&mut self.sctp, self.channels.stream(id), priority)
        {
            sctp.set_stream_priority(sctp::StreamId(stream), priority);
        }
    }

    fn hand_to_sctp(&mut self, now: Instant, outgoing: Outgoing) -> Result<(), Option<sctp::SendError>> {
        let sctp = self.sctp.as_mut().ok_or(None)?;
        let reliability = match outgoing.reliability {
            datachannel::Reliability::Reliable => sctp::Reliability::Reliable,
            datachannel::Reliability::MaxRetransmits(count) => sctp::Reliability::MaxRetransmits(count),
            datachannel::Reliability::MaxPacketLifeTime(milliseconds) => {
                sctp::Reliability::MaxLifetime(Duration::from_millis(u64::from(milliseconds)))
            }
        };
        let options = sctp::SendOptions { unordered: outgoing.unordered, reliability };
        let stream = sctp::StreamId(outgoing.stream);
        sctp.send(now, stream, sctp::Ppid(outgoing.ppid), outgoing.data, options).map_err(Some)
    }

    /// The peer reset its side of `streams`; an empty list names all (RFC 6525 §4.1).
    pub(super) fn handle_incoming_reset(&mut self, streams: &[sctp::StreamId]) {
        if streams.is_empty() {
            self.channels.handle_incoming_reset_of_all();
        }
        for stream in streams {
            self.channels.handle_incoming_reset(stream.0);
        }
    }
}
