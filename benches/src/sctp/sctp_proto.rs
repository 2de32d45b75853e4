//! sctp-proto: the SCTP of str0m.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sctp_proto::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint as Demultiplexer, EndpointConfig,
    Event, Payload, PayloadProtocolIdentifier, ServerConfig, StreamEvent, TransportConfig,
};

use super::{Endpoint, Setup};

/// The adapter.
pub struct SctpProto {
    endpoint: Demultiplexer,
    association: Option<(AssociationHandle, Association)>,
    connected: bool,
    closed: bool,
    streams: u16,
    queue_per_stream: usize,
    readable: Vec<u16>,
    buffer: Vec<u8>,
    raw: Vec<Bytes>,
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
    fn drain_events(&mut self) {
        let Some((handle, association)) = &mut self.association else { return };
        while let Some(event) = association.poll() {
            match event {
                Event::Connected => self.connected = true,
                Event::AssociationLost { .. } => self.closed = true,
                Event::Stream(StreamEvent::Readable { id }) if !self.readable.contains(&id) => {
                    self.readable.push(id);
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
}

impl Endpoint for SctpProto {
    type Packet = Bytes;
    type Kind = ();

    fn new(now: Instant, setup: &Setup, initiates: bool, (): ()) -> Self {
        let mut config = EndpointConfig::default();
        config.max_payload_size((setup.mtu - 28) as u32 & !3);
        let mut server = ServerConfig::default();
        server.transport = Arc::new(transport(setup));
        let mut endpoint = Demultiplexer::new(Arc::new(config), (!initiates).then(|| Arc::new(server)));
        let association = initiates.then(|| {
            let mut client = ClientConfig::default();
            client.transport = Arc::new(transport(setup));
            endpoint.connect(client, remote()).expect("the configuration is legal")
        });
        let _ = now;
        Self {
            endpoint,
            association,
            connected: false,
            closed: false,
            streams: setup.streams,
            queue_per_stream: setup.send_queue / usize::from(setup.streams.max(1)),
            readable: Vec::new(),
            buffer: vec![0; setup.message],
            raw: Vec::new(),
        }
    }

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
        self.drain_events();
        None
    }

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
        self.drain_events();
    }

    fn is_connected(&self) -> bool {
        self.connected
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn send(&mut self, _now: Instant, stream: u16, message: &Bytes) -> bool {
        let Some((_, association)) = &mut self.association else { return false };
        let ppid = PayloadProtocolIdentifier::Binary;
        if association.stream(stream).is_err() && association.open_stream(stream, ppid).is_err() {
            return false;
        }
        let Ok(mut stream) = association.stream(stream) else { return false };
        let buffered = stream.buffered_amount().unwrap_or(usize::MAX);
        buffered + message.len() <= self.queue_per_stream.max(message.len())
            && stream.write_sctp(message, ppid).is_ok()
    }

    fn recv(&mut self, _now: Instant) -> Option<usize> {
        let (_, association) = self.association.as_mut()?;
        while let Some(id) = self.readable.last().copied().filter(|id| *id < self.streams) {
            if let Ok(mut stream) = association.stream(id)
                && let Ok(Some(chunks)) = stream.read_sctp()
            {
                return chunks.read(&mut self.buffer).ok();
            }
            self.readable.pop();
        }
        None
    }
}
