//! sctp-proto: the SCTP of str0m.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sctp_proto::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint as Demultiplexer, EndpointConfig,
    Event, Payload, PayloadProtocolIdentifier, ReliabilityType, ServerConfig, StreamEvent, TransportConfig,
};

use super::{Endpoint, Promise, Setup};

/// The adapter.
pub struct SctpProto {
    endpoint: Demultiplexer,
    association: Option<(AssociationHandle, Association)>,
    connected: bool,
    /// It was lost, as it told.
    lost: bool,
    queue_per_stream: usize,
    readable: Vec<u16>,
    buffer: Vec<u8>,
    raw: Vec<Bytes>,
    /// Streams whose messages may be given up.
    partial: BTreeSet<u16>,
    resets_seen: usize,
    /// Streams that it reset first: the peer's reset is the answer.
    ending: BTreeSet<u16>,
}

fn transport(setup: &Setup) -> TransportConfig {
    TransportConfig::default()
        .with_max_receive_buffer_size(u32::try_from(setup.window).unwrap_or(u32::MAX))
        .with_max_send_message_size(u32::try_from(setup.message).unwrap_or(u32::MAX))
        .with_max_receive_message_size(u32::try_from(setup.message).unwrap_or(u32::MAX))
}

/// Addresses mean nothing here; each side sees the other at this one.
fn remote() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5000))
}

impl SctpProto {
    fn drain(&mut self) {
        let Some((handle, association)) = &mut self.association else { return };
        while let Some(event) = association.poll() {
            match event {
                Event::Connected => self.connected = true,
                Event::AssociationLost { .. } => self.lost = true,
                Event::Stream(StreamEvent::Readable { id }) if !self.readable.contains(&id) => {
                    self.readable.push(id);
                }
                Event::Stream(StreamEvent::Finished { id }) => {
                    self.resets_seen += 1;
                    if !self.ending.remove(&id)
                        && let Ok(mut stream) = association.stream(id)
                    {
                        // It may have closed it by itself.
                        let _ = stream.close();
                    }
                }
                _ => {}
            }
        }
        while let Some(event) = association.poll_endpoint_event() {
            if let Some(back) = self.endpoint.handle_event(*handle, event) {
                association.handle_event(back);
            }
        }
        while association.accept_stream().is_some() {}
    }

    /// Reads a whole message into the buffer: its stream and length.
    fn read(&mut self) -> Option<(u16, usize)> {
        let (_, association) = self.association.as_mut()?;
        while let Some(id) = self.readable.last().copied() {
            if let Ok(mut stream) = association.stream(id)
                && let Ok(Some(chunks)) = stream.read_sctp()
            {
                return Some((id, chunks.read(&mut self.buffer).ok()?));
            }
            self.readable.pop();
        }
        None
    }
}

impl Endpoint for SctpProto {
    type Packet = Bytes;
    type Kind = ();

    fn new(_now: Instant, setup: &Setup, (): ()) -> Self {
        let mut config = EndpointConfig::default();
        config.max_payload_size((setup.mtu - 28) as u32 & !3);
        let mut server = ServerConfig::default();
        server.transport = Arc::new(transport(setup));
        let mut endpoint = Demultiplexer::new(Arc::new(config), Some(Arc::new(server)));
        let association = setup.initiates.then(|| {
            let mut client = ClientConfig::default();
            client.transport = Arc::new(transport(setup));
            endpoint.connect(client, remote()).expect("the configuration is legal")
        });
        Self {
            endpoint,
            association,
            connected: false,
            lost: false,
            queue_per_stream: setup.queue_of_a_stream(),
            readable: Vec::new(),
            buffer: vec![0; setup.message],
            raw: Vec::new(),
            partial: BTreeSet::new(),
            resets_seen: 0,
            ending: BTreeSet::new(),
        }
    }

    #[inline]
    fn handle(&mut self, now: Instant, packet: Bytes) -> Option<Bytes> {
        match self.endpoint.handle(now, remote(), None, None, packet) {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                self.association = Some((handle, association));
            }
            Some((_, DatagramEvent::AssociationEvent(event))) => {
                if let Some((_, association)) = &mut self.association {
                    association.handle_event(event);
                }
            }
            None => {}
        }
        self.drain();
        None
    }

    #[inline]
    fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        loop {
            if let Some(packet) = self.raw.pop() {
                return Some(packet);
            }
            let (_, association) = self.association.as_mut()?;
            let transmit = self.endpoint.poll_transmit().or_else(|| association.poll_transmit(now))?;
            if let Payload::RawEncode(mut packets) = transmit.payload {
                packets.reverse();
                self.raw = packets;
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.association.as_ref()?.1.poll_timeout()
    }

    fn timeout(&mut self, now: Instant) {
        if let Some((_, association)) = &mut self.association {
            association.handle_timeout(now);
        }
        self.drain();
    }

    fn is_connected(&self) -> bool {
        self.connected
    }

    fn is_closed(&self) -> bool {
        // An association that has not begun says that it is closed, too.
        let over = |(_, association): &(AssociationHandle, Association)| association.is_closed();
        self.lost || self.connected && self.association.as_ref().is_some_and(over)
    }

    fn interleaves(&self) -> bool {
        false
    }

    #[inline]
    fn send(&mut self, _now: Instant, stream: u16, message: &Bytes, promise: Promise) -> bool {
        let Some((_, association)) = &mut self.association else { return false };
        let (id, ppid) = (stream, PayloadProtocolIdentifier::Binary);
        if association.stream(id).is_err() && association.open_stream(id, ppid).is_err() {
            return false;
        }
        let Ok(mut stream) = association.stream(id) else { return false };
        if promise != Promise::Reliable || self.partial.contains(&id) {
            let (kind, value) = match promise {
                Promise::Reliable => (ReliabilityType::Reliable, 0),
                Promise::Retransmits(count) => (ReliabilityType::Rexmit, count.into()),
                Promise::Lifetime(millis) => (ReliabilityType::Timed, millis.into()),
            };
            self.partial.insert(id);
            if stream.set_reliability_params(promise != Promise::Reliable, kind, value).is_err() {
                return false;
            }
        }
        let buffered = stream.buffered_amount().unwrap_or(usize::MAX);
        buffered.saturating_add(message.len()) <= self.queue_per_stream
            && stream.write_sctp(message, ppid).is_ok()
    }

    fn recv<T>(&mut self, _now: Instant, read: impl FnOnce(u16, &[u8]) -> T) -> Option<T> {
        let Some((stream, length)) = self.read() else {
            // What was read may be what a reset waited for.
            self.drain();
            return None;
        };
        Some(read(stream, &self.buffer[..length]))
    }

    fn reset(&mut self, _now: Instant, stream: u16) {
        self.ending.insert(stream);
        if let Some((_, association)) = &mut self.association
            && let Ok(mut stream) = association.stream(stream)
        {
            // A refusal shows: the reset is never seen.
            let _ = stream.close();
        }
    }

    fn resets_seen(&self) -> usize {
        self.resets_seen
    }

    fn shutdown(&mut self, _now: Instant) {
        if let Some((_, association)) = &mut self.association {
            // A refusal shows: the association never ends.
            let _ = association.shutdown();
        }
    }
}
