//! No allocation per packet in the steady state; at most one for each delivered message.
#![expect(clippy::unwrap_used, reason = "test code")]

use bytes::Bytes;
use plywood_sctp::{Association, Config, Ppid, SendOptions, StreamId};
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "a starting point; nothing depends on its value")]
fn start() -> Instant {
    Instant::now()
}

struct Pair {
    now: Instant,
    a: Association,
    b: Association,
    buffer: Vec<u8>,
    packets: usize,
    messages: usize,
}

impl Pair {
    fn new(zero_checksum: bool) -> Self {
        let now = start();
        let mut config = Config::default();
        config.zero_checksum = zero_checksum;
        let a = Association::new(config.clone(), [1; 32], now);
        let b = Association::new(config, [2; 32], now);
        let mut pair = Self { now, a, b, buffer: Vec::with_capacity(1 << 16), packets: 0, messages: 0 };
        pair.a.connect(now);
        pair.run(10);
        assert!(pair.a.is_connected());
        pair
    }

    fn run(&mut self, rounds: usize) {
        for _ in 0..rounds {
            for forward in [true, false] {
                let (from, to) =
                    if forward { (&mut self.a, &mut self.b) } else { (&mut self.b, &mut self.a) };
                self.buffer.clear();
                let mut at = 0;
                while let Some(length) = from.poll_transmit(self.now, 1200, &mut self.buffer) {
                    to.handle_datagram(self.now, &self.buffer[at..at + length]).unwrap();
                    at += length;
                    self.packets += 1;
                    if at > 60_000 {
                        break;
                    }
                }
            }
            while let Some(message) = self.b.poll_message() {
                self.b.release(self.now, message.data.len());
                self.messages += 1;
            }
            while self.a.poll_event().is_some() {}
            self.now += Duration::from_micros(200);
            self.a.handle_timeout(self.now);
            self.b.handle_timeout(self.now);
        }
    }

    fn keep_busy(&mut self, message: &Bytes, rounds: usize) {
        for _ in 0..rounds {
            while self.a.buffered_amount(StreamId(0)) < 300_000 {
                self.a
                    .send(self.now, StreamId(0), Ppid(53), message.clone(), SendOptions::default())
                    .unwrap();
            }
            self.run(1);
        }
    }
}

#[test]
fn a_packet_costs_no_allocation_and_a_message_at_most_one() {
    for size in [100, 1000, 16384, 65536] {
        let mut pair = Pair::new(false);
        let message = Bytes::from(vec![1; size]);
        pair.keep_busy(&message, 300);
        (pair.packets, pair.messages) = (0, 0);
        let info = allocation_counter::measure(|| pair.keep_busy(&message, 100));
        assert!(pair.packets > 1000, "{}", pair.packets);
        let most = pair.messages as u64 + 20;
        assert!(
            info.count_total <= most,
            "{size} B: {} allocations for {} messages in {} packets",
            info.count_total,
            pair.messages,
            pair.packets
        );
    }
}
