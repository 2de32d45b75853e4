//! RFC 9260 §7.2.5.2 and RFC 8831 §5: another path below, and all that was learned of the old one is forgotten.

use crate::support::{Net, Path, chunk_types, pattern};
use plywood_sctp::Config;
use plywood_sctp::congestion::Algorithm;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Nearly two megabytes queued, and a window that has grown.
fn busy(seed: u64, algorithm: Algorithm) -> Net {
    let mut net = Net::connected(seed, Path::default(), |_| {
        let mut config = Config::default();
        config.congestion = algorithm;
        config
    });
    for number in 0..35 {
        net.send(0, 0, pattern(number, 50_000));
    }
    let grown = net.run_until(Duration::from_secs(1), |net| {
        let stats = net.ends[0].stats();
        stats.cwnd_bytes > 40_000 && stats.in_flight_bytes > 30_000
    });
    assert!(grown);
    net
}

#[test]
fn window_round_trip_and_timeout_begin_anew_on_another_path() {
    for algorithm in [Algorithm::NewReno, Algorithm::Cubic, Algorithm::Bbr] {
        let mut net = busy(1, algorithm);
        net.ends[0].path_changed(net.now, Some(400 * MS));
        let stats = net.ends[0].stats();
        assert!(stats.cwnd_bytes <= 12_000, "{algorithm:?}: {}", stats.cwnd_bytes);
        assert_eq!(stats.ssthresh_bytes, usize::MAX);
        assert_eq!((stats.srtt, stats.rto), (Some(400 * MS), 1200 * MS));
        net.ends[0].path_changed(net.now, None);
        assert_eq!((net.ends[0].stats().srtt, net.ends[0].stats().rto), (None, 1000 * MS));
        net.run_for(Duration::from_secs(20));
        assert_eq!(net.messages[1].len(), 35);
    }
}

#[test]
fn what_the_old_path_still_delivers_tells_no_round_trip() {
    let mut net = busy(2, Algorithm::Cubic);
    net.path.delay = 200 * MS;
    net.ends[0].path_changed(net.now, Some(400 * MS));
    net.run_for(300 * MS);
    assert_eq!(net.ends[0].stats().srtt, Some(400 * MS), "only the old path has been heard of");
    net.run_for(Duration::from_secs(30));
    assert_eq!(net.messages[1].len(), 35);
    assert!(net.ends[0].stats().srtt.unwrap() > 380 * MS);
    assert_eq!(net.ends[0].stats().timeouts, 0);
}

#[test]
fn what_the_old_path_swallowed_is_sent_again_without_a_timeout_and_costs_no_window() {
    let mut net = busy(3, Algorithm::Cubic);
    let swallowed = net.wire.values().filter(|packet| packet.0 == 1).count() as u64;
    assert!(swallowed > 10);
    net.wire.clear();
    net.path.delay = 50 * MS;
    net.ends[0].path_changed(net.now, Some(100 * MS));
    net.run_for(MS);
    let probes = net.wire.values().filter(|(to, packet)| *to == 1 && chunk_types(packet).contains(&0));
    assert_eq!(probes.count(), 1, "one packet asks what has arrived");
    net.run_for(100 * MS);
    let stats = net.ends[0].stats();
    assert!(stats.chunks_lost >= swallowed, "{} chunks of {swallowed} packets", stats.chunks_lost);
    assert!(stats.cwnd_bytes >= 11_000, "the new path has lost nothing: {}", stats.cwnd_bytes);
    net.run_for(Duration::from_secs(10));
    assert_eq!((net.messages[1].len(), net.ends[0].stats().timeouts), (35, 0));
}
