//! Two associations in one thread, joined by two queues: what the code costs, without a network.
//!
//! ```text
//!   sender --poll_transmit--> [packets] --handle--> receiver --recv--> counted
//!          <----handle------- [packets] <-poll_transmit-
//! ```
//!
//! A turn moves all that can be moved, so the flight reaches the window; virtual time advances by a fixed step
//! a turn, and jumps to the next timer where both sides wait.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Endpoint, Promise, Setup};

/// Virtual time for a turn.
const TURN: Duration = Duration::from_micros(20);

/// How many turns may pass without a message before a pair counts as stuck.
const PATIENCE: u32 = 10_000;

/// A sender and a receiver.
pub struct Pair<E: Endpoint> {
    sender: E,
    receiver: E,
    now: Instant,
    forward: Vec<E::Packet>,
    back: Vec<E::Packet>,
    next_stream: u16,
    streams: u16,
    /// Packets that went either way so far.
    pub packets: u64,
    /// Packets that the sender made.
    pub sent_packets: u64,
}

impl<E: Endpoint> Pair<E> {
    /// A connected pair; `None` if they do not find each other.
    pub fn connect(setup: &Setup, kind: E::Kind) -> Option<Self> {
        let now = Instant::now();
        let sender = E::new(now, setup, kind);
        let other = Setup { initiates: false, seed: setup.seed + 1, ..*setup };
        let receiver = E::new(now, &other, kind);
        let (forward, back) = (Vec::new(), Vec::new());
        let mut pair = Self {
            sender,
            receiver,
            now,
            forward,
            back,
            next_stream: 0,
            streams: setup.streams,
            packets: 0,
            sent_packets: 0,
        };
        for _ in 0..1000 {
            if pair.sender.is_connected() && pair.receiver.is_connected() {
                return Some(pair);
            }
            pair.turn();
        }
        None
    }

    /// Moves `messages` copies of `message`, over all streams in turn; `false` if the pair got stuck.
    pub fn transfer(&mut self, message: &Bytes, messages: u64) -> bool {
        let (mut sent, mut received, mut idle) = (0, 0, 0);
        let mut stream = self.next_stream;
        while received < messages {
            let mut refused = 0;
            while sent < messages && refused < self.streams {
                if self.sender.send(self.now, stream, message, Promise::Reliable) {
                    sent += 1;
                    refused = 0;
                } else {
                    refused += 1;
                }
                stream = if stream + 1 < self.streams { stream + 1 } else { 0 };
            }
            self.turn();
            let before = received;
            while let Some(length) = self.receiver.recv(self.now, |_, message| message.len()) {
                if length != message.len() {
                    return false;
                }
                received += 1;
            }
            idle = if received > before { 0 } else { idle + 1 };
            if idle > PATIENCE || self.sender.is_closed() || self.receiver.is_closed() {
                return false;
            }
        }
        self.next_stream = stream;
        true
    }

    /// Lets each side send what it may and the other read it.
    fn turn(&mut self) {
        self.now += TURN;
        while let Some(packet) = self.sender.poll_transmit(self.now) {
            self.forward.push(packet);
        }
        while let Some(packet) = self.receiver.poll_transmit(self.now) {
            self.back.push(packet);
        }
        if self.forward.is_empty() && self.back.is_empty() {
            self.wait();
            return;
        }
        self.sent_packets += self.forward.len() as u64;
        self.packets += (self.forward.len() + self.back.len()) as u64;
        for packet in self.forward.drain(..) {
            if let Some(packet) = self.receiver.handle(self.now, packet) {
                self.sender.recycle(packet);
            }
        }
        for packet in self.back.drain(..) {
            if let Some(packet) = self.sender.handle(self.now, packet) {
                self.receiver.recycle(packet);
            }
        }
    }

    /// Nothing moves: on to the next timer.
    fn wait(&mut self) {
        let next = self.sender.poll_timeout().into_iter().chain(self.receiver.poll_timeout()).min();
        let Some(next) = next else { return };
        self.now = self.now.max(next);
        for side in [&mut self.sender, &mut self.receiver] {
            if side.poll_timeout().is_some_and(|at| at <= self.now) {
                side.timeout(self.now);
            }
        }
    }
}
