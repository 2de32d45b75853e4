//! No allocation in the steady state: not for a packet, and not for a message as long as the arena holds those before it.
#![expect(clippy::unwrap_used, reason = "test code")]

use bytes::Bytes;
use plywood_sctp::{Association, Config, Ppid, Reliability, SendOptions, StreamId};
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
    streams: u16,
    options: SendOptions,
    packets: usize,
    messages: usize,
}

impl Pair {
    fn new(config: &Config, streams: u16, options: SendOptions) -> Self {
        let now = start();
        let a = Association::new(config.clone(), [1; 32], now);
        let b = Association::new(config.clone(), [2; 32], now);
        let buffer = Vec::with_capacity(1 << 16);
        let mut pair = Self { now, a, b, buffer, streams, options, packets: 0, messages: 0 };
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
            for stream in (0..self.streams).map(StreamId) {
                while self.a.buffered_amount(stream) < 300_000 / usize::from(self.streams) {
                    self.a.send(self.now, stream, Ppid(53), message.clone(), self.options).unwrap();
                }
            }
            self.run(1);
        }
    }
}

/// Messages of several sizes, when all buffers have grown.
fn count(config: &Config, streams: u16, options: SendOptions) {
    for size in [100, 1000, 16384, 65536] {
        let mut pair = Pair::new(config, streams, options);
        let message = Bytes::from(vec![1; size]);
        pair.keep_busy(&message, 400);
        (pair.packets, pair.messages) = (0, 0);
        let info = allocation_counter::measure(|| pair.keep_busy(&message, 100));
        assert!(pair.packets > 1000, "{}", pair.packets);
        // What is open at once may be more than the arena holds: then a message costs one at most.
        let open = usize::from(streams) * size;
        let most = if open < 512 << 10 { 20 } else { pair.messages as u64 + 20 };
        assert!(
            info.count_total <= most,
            "{size} B on {streams} streams: {} allocations for {} messages in {} packets",
            info.count_total,
            pair.messages,
            pair.packets
        );
    }
}

fn config(interleaving: bool) -> Config {
    let mut config = Config::default();
    config.zero_checksum = false;
    config.interleaving = interleaving;
    config
}

#[test]
fn neither_a_packet_nor_a_message_costs_an_allocation() {
    count(&config(true), 1, SendOptions::default());
}

#[test]
fn so_it_is_with_data_chunks() {
    count(&config(false), 1, SendOptions::default());
}

#[test]
fn so_it_is_with_a_hundred_streams_that_take_turns() {
    count(&config(true), 100, SendOptions::default());
}

#[test]
fn so_it_is_with_a_hundred_streams_and_data_chunks() {
    count(&config(false), 100, SendOptions::default());
}

#[test]
fn so_it_is_with_partial_reliability() {
    let unordered = |reliability| SendOptions { unordered: true, reliability };
    count(&config(true), 1, unordered(Reliability::MaxRetransmits(0)));
    count(&config(true), 100, unordered(Reliability::MaxLifetime(Duration::from_secs(1))));
}

/// What dropped messages leave for others is kept while there are some, and given back by whoever gets none.
#[test]
fn memory_that_waits_for_messages_is_given_back_in_silence() {
    let mut pair = Pair::new(&config(true), 1, SendOptions::default());
    for size in [1000, 16384] {
        pair.keep_busy(&Bytes::from(vec![1; size]), 200);
    }
    pair.run(2000);
    let mut pass = |time| {
        let begin = pair.now;
        allocation_counter::measure(|| {
            while pair.now < begin + time {
                pair.now += Duration::from_secs(1);
                pair.a.handle_timeout(pair.now);
                pair.b.handle_timeout(pair.now);
                pair.run(5);
            }
        })
    };
    let soon = pass(Duration::from_secs(20)).bytes_current;
    assert!(soon.abs() < 10_000, "nothing yet: {soon}");
    let later = pass(Duration::from_secs(60)).bytes_current;
    assert!(later < -100_000, "{later}");
}
