//! What gets through a bottleneck, as a share of what could.

use crate::support::{Net, Path, pattern};
use plywood_sctp::congestion::Algorithm;
use plywood_sctp::{Config, StreamId};
use std::time::Duration;

struct Link {
    mbit: u64,
    round_trip: Duration,
    loss_per_mille: u64,
    algorithm: Algorithm,
}

/// Share of the ideal goodput between `from` and `until`, with a queue of one bandwidth-delay product.
fn share(link: &Link, from: u64, until: u64) -> f64 {
    let rate = link.mbit * 1_000_000 / 8;
    let milliseconds = u64::try_from(link.round_trip.as_millis()).unwrap();
    let queue = (rate * milliseconds / 1000).max(24_000);
    let path = Path { delay: link.round_trip / 2, bottleneck: Some((rate, queue)), ..Path::default() };
    let mut net = Net::connected(1, path, |_| {
        let mut config = Config::default();
        config.congestion = link.algorithm;
        config.receive_window_bytes = 8 << 20;
        config
    });
    net.path.loss_per_mille = link.loss_per_mille;
    let message = pattern(1, 16384);
    let begin = net.now;
    let mut counted = 0;
    while net.now < begin + Duration::from_secs(until) {
        while net.ends[0].buffered_amount(StreamId(0)) < 500_000 {
            net.send(0, 0, message.clone());
        }
        net.step(begin + Duration::from_secs(until));
        let bytes: usize = net.messages[1].drain(..).map(|message| message.data.len()).sum();
        if net.now >= begin + Duration::from_secs(from) {
            counted += bytes;
        }
    }
    let ideal = rate as f64 * (until - from) as f64 * (1172.0 / 1200.0);
    counted as f64 / ideal
}

fn link(algorithm: Algorithm, mbit: u64, milliseconds: u64, loss_per_mille: u64) -> Link {
    Link { mbit, round_trip: Duration::from_millis(milliseconds), loss_per_mille, algorithm }
}

#[test]
fn a_clean_path_is_filled() {
    for algorithm in [Algorithm::NewReno, Algorithm::Cubic, Algorithm::Bbr] {
        for (mbit, round_trip) in [(1, 50), (10, 10), (20, 50), (20, 200)] {
            let share = share(&link(algorithm, mbit, round_trip, 0), 5, 15);
            assert!(share > 0.9, "{algorithm:?} {mbit} Mbit/s {round_trip} ms: {share}");
        }
    }
}

#[test]
fn a_lossy_path_is_not_given_up() {
    let share_at = |algorithm, loss| share(&link(algorithm, 20, 50, loss), 2, 12);
    assert!(share_at(Algorithm::Bbr, 10) > 0.7);
    assert!(share_at(Algorithm::Bbr, 50) > 0.5);
    assert!(share_at(Algorithm::Cubic, 1) > 0.35);
    assert!(share_at(Algorithm::NewReno, 10) > 0.08);
}
