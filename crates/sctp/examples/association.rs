//! One connection, chunk by chunk: both ends send INIT at once, a message travels, a stream is reset, one end leaves.
//!
//! Notice: the COOKIE ECHO carries the first message already; the INITs cross and agree all the same; the lost
//! packet costs a SACK and a repetition, not a timeout.
#![expect(clippy::print_stdout, reason = "an example prints")]
#![expect(clippy::disallowed_methods, reason = "a starting point; only differences count")]

use plywood_sctp::wire::{ChunkType, Packet};
use plywood_sctp::{Association, Config, Ppid, SendOptions, StreamId};
use std::time::{Duration, Instant};

fn name(kind: ChunkType) -> &'static str {
    match kind {
        ChunkType::DATA => "DATA",
        ChunkType::I_DATA => "I-DATA",
        ChunkType::INIT => "INIT",
        ChunkType::INIT_ACK => "INIT ACK",
        ChunkType::SACK => "SACK",
        ChunkType::ABORT => "ABORT",
        ChunkType::COOKIE_ECHO => "COOKIE ECHO",
        ChunkType::COOKIE_ACK => "COOKIE ACK",
        ChunkType::RE_CONFIG => "RE-CONFIG",
        _ => "another",
    }
}

/// All that one end has to say now; `lose` drops the packet of that number.
fn flight(
    now: Instant,
    arrow: &str,
    from: &mut Association,
    to: &mut Association,
    lose: Option<usize>,
) -> bool {
    let mut number = 0;
    let mut packet = Vec::new();
    while let Some(length) = from.poll_transmit(now, 1200, &mut packet) {
        let chunks: Vec<_> = Packet::parse(&packet)
            .map(|packet| packet.chunks().map(|c| name(c.kind)).collect())
            .unwrap_or_default();
        let lost = lose == Some(number);
        println!("{arrow} {length:>5} B  {}{}", chunks.join(" + "), if lost { "   lost!" } else { "" });
        if !lost {
            let _ = to.handle_datagram(now, &packet);
        }
        packet.clear();
        number += 1;
    }
    number > 0
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut now = Instant::now();
    let mut a = Association::new(Config::default(), [1; 32], now);
    let mut b = Association::new(Config::default(), [2; 32], now);
    a.connect(now);
    b.connect(now);
    a.send(now, StreamId(4), Ppid(51), "hello, early".into(), SendOptions::default())?;
    for round in 0..40 {
        let lose = (round == 5).then_some(1);
        let busy =
            flight(now, "a -->   ", &mut a, &mut b, lose) | flight(now, "    <-- b", &mut b, &mut a, None);
        for (who, end) in [("a", &mut a), ("b", &mut b)] {
            while let Some(message) = end.poll_message() {
                println!(
                    "          {who} received {} bytes on stream {}",
                    message.data.len(),
                    message.stream.0
                );
                end.release(now, message.data.len());
            }
            while let Some(event) = end.poll_event() {
                println!("          {who} says {event:?}");
            }
        }
        match round {
            4 => a.send(now, StreamId(4), Ppid(53), vec![7; 4000].into(), SendOptions::default())?,
            12 => a.reset_stream(now, StreamId(4))?,
            20 => b.abort(now, "that was all"),
            _ => {}
        }
        now += Duration::from_millis(if busy { 10 } else { 25 });
        a.handle_timeout(now);
        b.handle_timeout(now);
    }
    Ok(())
}
