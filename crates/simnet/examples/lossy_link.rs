//! Twenty datagrams over a slow, lossy link: what arrives, when, and why the rest does not.
#![expect(clippy::print_stdout, reason = "an example")]

use plywood_simnet::{Fate, LinkConfig, Loss, Network, start};
use std::{net::SocketAddr, time::Duration};

fn main() {
    let from = SocketAddr::from(([192, 0, 2, 1], 1000));
    let to = SocketAddr::from(([192, 0, 2, 2], 2000));
    let begin = start();
    let mut network = Network::new(42);
    network.record(1 << 20);
    let config = LinkConfig {
        delay: Duration::from_millis(25),
        loss: Loss::bursts(0.2, 2.0),
        rate_bits: Some(1_000_000),
        queue_bytes: 6000,
        ..LinkConfig::default()
    };
    network.connect_one_way(from.ip(), to.ip(), config);

    println!("1 Mbit/s, 25 ms, bursty loss, room for 6000 bytes; a datagram of 1000 bytes every 5 ms:");
    for i in 0..20u8 {
        network.send(begin + Duration::from_millis(5) * u32::from(i), from, to, &[i; 972]);
    }
    while let Some(at) = network.poll_timeout() {
        while network.poll_delivery(at).is_some() {}
    }
    for record in network.recording().map_or(&[][..], |recording| recording.records()) {
        let sent = record.sent - begin;
        match record.fate {
            Fate::Delivered(at) => {
                println!("  sent {sent:>5?}  arrived {:>6?}  took {:>6?}", at - begin, at - record.sent);
            }
            fate => println!("  sent {sent:>5?}  {fate:?}"),
        }
    }
    println!(
        "Notice how the time taken grows while the queue fills: that is the delay a congestion controller causes."
    );
}
