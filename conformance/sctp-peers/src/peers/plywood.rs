//! Ours.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use plywood_sctp::{Association, Config, Event, Ppid, Reliability, SendOptions, StreamId};

use super::{MTU, Peer, Promise, Setup};

pub(crate) struct Plywood {
    association: Association,
    interleaves: bool,
    resets_seen: usize,
    /// Streams that we reset first: the peer's reset is the answer.
    ending: BTreeSet<u16>,
    /// Resets of ours that the peer performed.
    pub(crate) resets_done: usize,
    pub(crate) refused: usize,
}

impl Plywood {
    pub(crate) fn new(now: Instant, setup: Setup) -> Self {
        let mut config = Config::default();
        config.interleaving = setup.interleaving;
        // The link of the scenarios spoils nothing, but the checksums of both sides are to be checked.
        config.zero_checksum = false;
        let mut association = Association::new(config, [9; 32], now);
        if setup.initiates {
            association.connect(now);
        }
        let ending = BTreeSet::new();
        Self { association, interleaves: false, resets_seen: 0, ending, resets_done: 0, refused: 0 }
    }

    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Connected => self.interleaves = self.association.capabilities().interleaving,
                Event::IncomingStreamsReset { streams } => {
                    self.resets_seen += streams.len();
                    for stream in streams {
                        // As a data channel: the other direction ends too.
                        if !self.ending.remove(&stream.0) {
                            let _ = self.association.reset_stream(now, stream);
                        }
                    }
                }
                Event::OutgoingStreamsReset { streams } => self.resets_done += streams.len(),
                Event::OutgoingResetRefused { streams } => self.refused += streams.len(),
                _ => {}
            }
        }
    }
}

impl Peer for Plywood {
    fn handle(&mut self, now: Instant, packet: &[u8]) {
        let _ = self.association.handle_datagram(now, packet);
        self.drain(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let mut packet = Vec::new();
        self.association.poll_transmit(now, MTU, &mut packet)?;
        Some(packet)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.association.poll_timeout()
    }

    fn timeout(&mut self, now: Instant) {
        self.association.handle_timeout(now);
        self.drain(now);
    }

    fn is_connected(&self) -> bool {
        self.association.is_connected()
    }

    fn is_closed(&self) -> bool {
        self.association.is_closed()
    }

    fn send(&mut self, now: Instant, stream: u16, message: &[u8], promise: Promise) -> bool {
        let reliability = match promise {
            Promise::Reliable => Reliability::Reliable,
            Promise::Retransmits(count) => Reliability::MaxRetransmits(count.into()),
            Promise::Lifetime(millis) => Reliability::MaxLifetime(Duration::from_millis(millis.into())),
        };
        let options = SendOptions { unordered: promise != Promise::Reliable, reliability };
        let data = bytes::Bytes::copy_from_slice(message);
        self.association.send(now, StreamId(stream), Ppid(53), data, options).is_ok()
    }

    fn recv(&mut self, now: Instant) -> Option<(u16, Vec<u8>)> {
        let message = self.association.poll_message()?;
        self.association.release(now, message.data.len());
        self.drain(now);
        Some((message.stream.0, message.data.to_vec()))
    }

    fn reset(&mut self, now: Instant, stream: u16) {
        self.ending.insert(stream);
        let _ = self.association.reset_stream(now, StreamId(stream));
    }

    fn resets_seen(&self) -> usize {
        self.resets_seen
    }

    fn shutdown(&mut self, now: Instant) {
        self.association.shutdown(now);
    }

    fn interleaves(&self) -> Option<bool> {
        Some(self.interleaves)
    }
}
