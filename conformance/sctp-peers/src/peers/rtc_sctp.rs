//! rtc-sctp: the SCTP of webrtc-rs.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rtc_sctp::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier, ReliabilityType, ServerConfig, StreamEvent, TransportConfig,
    max_payload_size_for_mtu,
};
use rtc_shared::TransportProtocol;

use super::{LARGEST_MESSAGE, MTU, Peer, Promise, Setup};

/// Bytes that may wait on one stream.
const QUEUE: usize = 1 << 20;

pub(crate) struct RtcSctp {
    endpoint: Endpoint,
    association: Option<(AssociationHandle, Association)>,
    connected: bool,
    closed: bool,
    readable: BTreeSet<u16>,
    buffer: Vec<u8>,
    raw: Vec<Bytes>,
    resets_seen: usize,
    /// Streams that it reset first.
    ending: BTreeSet<u16>,
}

/// Addresses mean nothing here; each side sees the other at this one.
fn remote() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5000))
}

fn transport() -> TransportConfig {
    let largest = u32::try_from(LARGEST_MESSAGE).unwrap_or(u32::MAX);
    TransportConfig::default().with_max_receive_buffer_size(1 << 20).with_max_message_size(largest)
}

impl RtcSctp {
    pub(crate) fn new(now: Instant, setup: Setup) -> Self {
        let mut config = EndpointConfig::default();
        config.max_payload_size(max_payload_size_for_mtu(MTU as u32));
        let server = Some(Arc::new(ServerConfig::new(transport())));
        let mut endpoint = Endpoint::new(remote(), TransportProtocol::UDP, Arc::new(config), server);
        let association = setup.initiates.then(|| {
            let client = ClientConfig::new(transport());
            endpoint.connect(now, client, remote()).expect("the configuration is legal")
        });
        Self {
            endpoint,
            association,
            connected: false,
            closed: false,
            readable: BTreeSet::new(),
            buffer: vec![0; LARGEST_MESSAGE],
            raw: Vec::new(),
            resets_seen: 0,
            ending: BTreeSet::new(),
        }
    }

    fn drain(&mut self, now: Instant) {
        let Some((handle, association)) = &mut self.association else { return };
        while let Some(event) = association.poll() {
            match event {
                Event::Connected => self.connected = true,
                Event::AssociationLost { .. } => self.closed = true,
                Event::Stream(StreamEvent::Readable { id }) => {
                    self.readable.insert(id);
                }
                Event::Stream(StreamEvent::Finished { id }) => {
                    self.resets_seen += 1;
                    if !self.ending.remove(&id)
                        && let Ok(mut stream) = association.stream(id)
                    {
                        let _ = stream.close(now);
                    }
                }
                _ => {}
            }
        }
        while let Some(event) = association.poll_endpoint_event() {
            self.endpoint.handle_event(*handle, event);
        }
        while association.accept_stream().is_some() {}
        if association.is_closed() {
            self.closed = true;
        }
        let _ = now;
    }
}

impl Peer for RtcSctp {
    fn handle(&mut self, now: Instant, packet: &[u8]) {
        let packet = Bytes::copy_from_slice(packet);
        match self.endpoint.handle(now, remote(), None, packet) {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                self.association = Some((handle, association));
            }
            Some((_, DatagramEvent::AssociationEvent(event))) => {
                if let Some((_, association)) = &mut self.association {
                    association.handle_event(event);
                }
            }
            _ => {}
        }
        self.drain(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        loop {
            if let Some(packet) = self.raw.pop() {
                return Some(packet.to_vec());
            }
            let (_, association) = self.association.as_mut()?;
            if let Payload::RawEncode(mut packets) = association.poll_transmit(now)?.message {
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
        self.drain(now);
    }

    fn is_connected(&self) -> bool {
        self.connected
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn send(&mut self, now: Instant, stream: u16, message: &[u8], promise: Promise) -> bool {
        let Some((_, association)) = &mut self.association else { return false };
        let ppid = PayloadProtocolIdentifier::Binary;
        if association.stream(stream).is_err() && association.open_stream(stream, ppid).is_err() {
            return false;
        }
        let Ok(mut stream) = association.stream(stream) else { return false };
        let (kind, value) = match promise {
            Promise::Reliable => (ReliabilityType::Reliable, 0),
            Promise::Retransmits(count) => (ReliabilityType::Rexmit, count.into()),
            Promise::Lifetime(millis) => (ReliabilityType::Timed, millis.into()),
        };
        if stream.set_reliability_params(promise != Promise::Reliable, kind, value).is_err() {
            return false;
        }
        let buffered = stream.buffered_amount().unwrap_or(usize::MAX);
        buffered + message.len() <= QUEUE
            && stream.write_sctp(now, &Bytes::copy_from_slice(message), ppid).is_ok()
    }

    fn recv(&mut self, now: Instant) -> Option<(u16, Vec<u8>)> {
        let (_, association) = self.association.as_mut()?;
        let mut found = None;
        while let Some(id) = self.readable.first().copied() {
            if let Ok(mut stream) = association.stream(id)
                && let Ok(Some(chunks)) = stream.read_sctp()
                && let Ok(length) = chunks.read(&mut self.buffer)
            {
                found = Some((id, self.buffer[..length].to_vec()));
                break;
            }
            self.readable.remove(&id);
        }
        // What was read may be what a reset waited for.
        self.drain(now);
        found
    }

    fn reset(&mut self, now: Instant, stream: u16) {
        self.ending.insert(stream);
        if let Some((_, association)) = &mut self.association
            && let Ok(mut stream) = association.stream(stream)
        {
            let _ = stream.close(now);
        }
    }

    fn resets_seen(&self) -> usize {
        self.resets_seen
    }

    fn shutdown(&mut self, _now: Instant) {
        if let Some((_, association)) = &mut self.association {
            let _ = association.shutdown();
        }
    }

    fn interleaves(&self) -> Option<bool> {
        Some(false)
    }
}
