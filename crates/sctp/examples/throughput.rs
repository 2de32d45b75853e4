//! What a packet costs: two associations in one thread and no network, real time around virtual time.
//!
//! `cargo run --release -p plywood-sctp --example throughput [message bytes] [MiB]`
#![expect(clippy::print_stdout, reason = "an example prints")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use bytes::Bytes;
use plywood_sctp::{Association, Config, Ppid, SendOptions, StreamId};
use std::time::{Duration, Instant};

const BUDGET: usize = 1200;
const BATCH: usize = 50;

/// Moves packets from one side to the other; how many, and whether all were full.
fn carry(now: Instant, from: &mut Association, to: &mut Association, buffer: &mut Vec<u8>) -> (u64, u64) {
    let (mut packets, mut full) = (0, 0);
    loop {
        buffer.clear();
        let mut ends = [0; BATCH];
        let mut count = 0;
        while count < BATCH
            && let Some(len) = from.poll_transmit(now, BUDGET, buffer)
        {
            ends[count] = buffer.len();
            count += 1;
            full += u64::from(len == BUDGET);
        }
        let mut start = 0;
        for end in &ends[..count] {
            // What finds the window full (a message larger than half of it) is refused, and comes again.
            let _refused = to.handle_datagram(now, &buffer[start..*end]);
            start = *end;
        }
        packets += count as u64;
        if count < BATCH {
            return (packets, full);
        }
    }
}

fn run(message_bytes: usize, total: usize, zero_checksum: bool) {
    let mut now = Instant::now();
    let mut config = Config::default();
    config.zero_checksum = zero_checksum;
    config.receive_window_bytes = 4 << 20;
    let mut a = Association::new(config.clone(), [1; 32], now);
    let mut b = Association::new(config, [2; 32], now);
    let mut buffer = Vec::with_capacity(BATCH * BUDGET);
    a.connect(now);
    for _ in 0..4 {
        carry(now, &mut a, &mut b, &mut buffer);
        carry(now, &mut b, &mut a, &mut buffer);
    }
    let message = Bytes::from(vec![7; message_bytes]);
    let (mut sent, mut received, mut packets, mut full, mut sacks) = (0, 0, 0, 0, 0);
    let begin = Instant::now();
    while received < total {
        while sent < total && a.buffered_amount(StreamId(0)) < 1 << 20 {
            if a.send(now, StreamId(0), Ppid(53), message.clone(), SendOptions::default()).is_err() {
                break;
            }
            sent += message_bytes;
        }
        let (count, of_them_full) = carry(now, &mut a, &mut b, &mut buffer);
        packets += count;
        full += of_them_full;
        while let Some(message) = b.poll_message() {
            received += message.data.len();
            b.release(now, message.data.len());
        }
        now += Duration::from_micros(100);
        b.handle_timeout(now);
        sacks += carry(now, &mut b, &mut a, &mut buffer).0;
        a.handle_timeout(now);
    }
    let time = begin.elapsed();
    let messages = total / message_bytes;
    println!(
        "{message_bytes:>7} B{} {:>6.1} ns/packet {:>7.2} Gbit/s {:>9.0} messages/s, {packets} packets ({full} full), {sacks} answers",
        if zero_checksum { " no CRC" } else { "       " },
        time.as_nanos() as f64 / packets as f64,
        total as f64 * 8.0 / time.as_nanos() as f64,
        messages as f64 / time.as_secs_f64(),
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let sizes = arguments.next().map_or(vec![64, 1024, 16384, 65536, 1 << 20], |size| vec![size]);
    let total = arguments.next().unwrap_or(256) << 20;
    for size in sizes {
        let total = if size < 1024 { total / 8 } else { total };
        for zero_checksum in [false, true] {
            run(size, total / size * size, zero_checksum);
        }
    }
}
