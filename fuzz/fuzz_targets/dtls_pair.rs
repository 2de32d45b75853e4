//! A client and a server that mean well, and a middle box that does not: datagrams are lost, repeated, held back,
//! damaged, cut, joined and made up. Nothing that was not sent is ever received, and no timer spins.
#![no_main]

mod dtls;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use plywood_dtls::{Connection, Role};

fuzz_target!(|data: &[u8]| check(data));

/// What is under way in one direction; the oldest first.
type Wire = VecDeque<Vec<u8>>;

const MOST_DATAGRAMS: usize = 64;
/// The longest datagram that UDP carries.
const MOST_BYTES: usize = 65_507;
const MOST_STEPS: usize = 400;

struct Ends {
    now: Instant,
    /// The client, then the server.
    ends: [Connection; 2],
    /// To the client, then to the server.
    wires: [Wire; 2],
    received: [Vec<Vec<u8>>; 2],
}

fn check(data: &[u8]) {
    let Some((&[client, server], script)) = data.split_first_chunk() else { return };
    let now = Instant::now();
    let ends = [(Role::Client, client), (Role::Server, server)]
        .map(|(role, options)| Connection::new(dtls::config(role, options & 0x1f), [options; 32], now));
    let mut pair = Ends { now, ends, wires: Default::default(), received: Default::default() };
    pair.ends[0].start(now);
    let mut script = script.iter().copied();
    for _ in 0..MOST_STEPS {
        let Some(step) = script.next() else { break };
        pair.send();
        pair.step(step, &mut script);
    }
    for received in &pair.received {
        assert!(received.iter().all(|data| data == b"from the client" || data == b"from the server"));
    }
}

impl Ends {
    fn send(&mut self) {
        for from in 0..2 {
            let mut out = Vec::new();
            while self.ends[from].poll_transmit(self.now, &mut out).is_some() {
                let datagram = std::mem::take(&mut out);
                if self.wires[1 - from].len() < MOST_DATAGRAMS {
                    self.wires[1 - from].push_back(datagram);
                }
            }
            while self.ends[from].poll_event().is_some() {}
        }
    }

    /// The low bit names the direction; the rest says what happens to its oldest datagram.
    fn step(&mut self, step: u8, script: &mut impl Iterator<Item = u8>) {
        let to = usize::from(step & 1);
        let mut next = || usize::from(script.next().unwrap_or(0));
        match (step >> 1) % 16 {
            0..=4 => {
                if let Some(datagram) = self.wires[to].pop_front() {
                    self.deliver(to, datagram);
                }
            }
            5 => drop(self.wires[to].pop_front()),
            6 => {
                if let Some(datagram) = self.wires[to].front().cloned() {
                    self.deliver(to, datagram);
                }
            }
            7 => self.wires[to].rotate_left(usize::from(self.wires[to].len() > 1)),
            8 => {
                let (at, value) = (next() << 8 | next(), next() as u8);
                if let Some(datagram) = self.wires[to].front_mut() {
                    let at = at % datagram.len();
                    datagram[at] ^= value;
                }
            }
            9 => {
                let length = next();
                if let Some(datagram) = self.wires[to].front_mut() {
                    datagram.truncate(length.max(1));
                }
            }
            10 => {
                // Two datagrams become one; what belongs to the other direction comes back.
                let other = self.wires[1 - to].front().cloned();
                if let (Some(datagram), Some(other)) = (self.wires[to].front_mut(), other)
                    && datagram.len() + other.len() <= MOST_BYTES
                {
                    datagram.extend_from_slice(&other);
                }
            }
            11 => {
                let made_up: Vec<u8> = (0..next()).map(|_| next() as u8).collect();
                self.deliver(to, made_up);
            }
            12 => self.pass(Duration::from_millis(next() as u64)),
            13 => {
                let timeout = self.ends[to].poll_timeout();
                self.pass(timeout.map_or(Duration::ZERO, |at| at.saturating_duration_since(self.now)));
            }
            14 => self.ends[to].update_keys(self.now, next() & 1 == 1),
            _ => {
                let data: &[u8] = if to == 0 { b"from the client" } else { b"from the server" };
                let mut out = Vec::new();
                if let Ok(mark) = self.ends[to].begin_record(&mut out) {
                    out.extend_from_slice(data);
                    self.ends[to].finish_record(&mut out, mark).expect("a short record");
                    self.wires[1 - to].push_back(out);
                }
            }
        }
    }

    fn deliver(&mut self, to: usize, datagram: Vec<u8>) {
        dtls::open(&mut self.ends[to], self.now, datagram, &mut self.received[to]);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        for end in &mut self.ends {
            end.handle_timeout(self.now);
            assert!(end.poll_timeout().is_none_or(|at| at > self.now));
        }
    }
}
