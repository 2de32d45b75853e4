//! RFC 9260 §6.3, §7.2.4 and RFC 8985: what is sent again, and when.

use crate::support::{Net, Path, Puppet, chunk_types, max_retransmits, pattern};
use plywood_sctp::congestion::Algorithm;
use plywood_sctp::{CloseReason, Config, Event, Ppid, SendOptions, StreamId};
use std::time::Duration;

fn steady(seed: u64) -> Net {
    let mut net = Net::connected(seed, Path::default(), |_| Config::default());
    for number in 0..50 {
        net.send(0, 0, pattern(number, 20_000));
    }
    net.run_for(Duration::from_secs(5));
    net.messages[1].clear();
    net
}

/// Drops the `nth` packet with data from the first side.
fn drop_nth(net: &mut Net, nth: &'static [u32]) {
    let mut count = 0;
    net.filter = Some(Box::new(move |from, packet| {
        if from == 0 && chunk_types(packet).contains(&0) {
            count += 1;
            return nth.contains(&count);
        }
        false
    }));
}

#[test]
fn one_lost_packet_is_sent_again_without_a_timeout() {
    let mut net = steady(1);
    drop_nth(&mut net, &[5]);
    for number in 0..10 {
        net.send(0, 0, pattern(number, 20_000));
    }
    net.run_for(Duration::from_secs(3));
    assert_eq!(net.messages[1].len(), 10);
    let stats = net.ends[0].stats();
    assert_eq!((stats.timeouts, stats.chunks_lost), (0, 1));
    assert_eq!(stats.retransmissions, 1);
}

#[test]
fn a_lost_repetition_is_sent_again_without_a_timeout() {
    let mut net = steady(2);
    // The 5th packet, and the repetition that follows two round trips of data later.
    let mut first: Option<Vec<u8>> = None;
    let (mut count, mut repeated) = (0, 0);
    net.filter = Some(Box::new(move |from, packet| {
        if from != 0 || !chunk_types(packet).contains(&0) {
            return false;
        }
        count += 1;
        let tsn = packet[16..20].to_vec();
        if count == 5 {
            first = Some(tsn);
            return true;
        }
        let again = first.as_ref() == Some(&tsn);
        repeated += u32::from(again);
        again && repeated == 1
    }));
    for number in 0..40 {
        net.send(0, 0, pattern(number, 20_000));
    }
    net.run_for(Duration::from_secs(5));
    assert_eq!(net.messages[1].len(), 40);
    assert_eq!(net.ends[0].stats().timeouts, 0);
}

#[test]
fn a_lost_tail_is_found_by_a_probe_before_the_timeout() {
    let mut net = steady(3);
    drop_nth(&mut net, &[9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
    net.send(0, 0, pattern(1, 20_000));
    let sent_at = net.now;
    assert!(net.run_until(Duration::from_secs(5), |net| net.messages[1].len() == 1));
    let stats = net.ends[0].stats();
    assert!(stats.probes >= 1);
    assert_eq!(stats.timeouts, 0);
    assert!(net.now - sent_at < Duration::from_millis(300), "{:?}", net.now - sent_at);
}

/// A burst of losses takes probes as it took the flight: one that gets through is enough.
#[test]
fn a_lost_probe_is_followed_by_another_at_twice_the_distance() {
    let mut net = steady(3);
    // The tail of 20,000 bytes, and the probe behind it.
    drop_nth(&mut net, &[9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    net.send(0, 0, pattern(1, 20_000));
    assert!(net.run_until(Duration::from_secs(5), |net| net.messages[1].len() == 1));
    let stats = net.ends[0].stats();
    assert_eq!((stats.probes, stats.timeouts), (2, 0));
}

#[test]
fn where_nothing_arrives_probes_become_rare() {
    let mut net = steady(3);
    net.filter = Some(Box::new(|from, _| from == 0));
    net.send(0, 0, pattern(1, 20_000));
    let mut probes = Vec::new();
    for _ in 0..290 {
        net.run_for(Duration::from_millis(1));
        probes.push(net.ends[0].stats().probes);
    }
    assert_eq!(net.ends[0].stats().timeouts, 0, "T3-rtx is next");
    let at = |number| probes.iter().position(|probes| *probes == number).unwrap();
    // Two round trips of 20 ms and an allowance of 10 ms; then twice that.
    assert_eq!((probes.last(), at(2) - at(1)), (Some(&2), 100));
}

#[test]
fn counted_retransmissions_are_not_spent_on_probe_after_probe() {
    let mut net = steady(3);
    net.filter = Some(Box::new(|from, _| from == 0));
    net.send_with(0, 0, pattern(1, 5000), max_retransmits(3));
    net.run_for(Duration::from_millis(290));
    let stats = net.ends[0].stats();
    assert_eq!((stats.probes, stats.timeouts, stats.retransmissions), (1, 0, 1));
}

/// RFC 8985 §7.3, the second condition: what a probe repeats tells no round trip, so without a pause between probes the
/// timeouts would never learn of a path that became longer.
#[test]
fn probes_do_not_keep_a_longer_round_trip_from_being_learned() {
    for round_trip in [200, 260, 400, 1200] {
        for size in [500, 5000] {
            let mut net = steady(3);
            net.path.delay = Duration::from_millis(round_trip / 2);
            for number in 0..30 {
                net.send(0, 0, pattern(number, size));
                net.run_for(Duration::from_secs(3));
            }
            let before = net.ends[0].stats().clone();
            for number in 0..10 {
                net.send(0, 0, pattern(number, size));
                net.run_for(Duration::from_secs(3));
            }
            let repeats = net.ends[0].stats().retransmissions - before.retransmissions;
            assert_eq!(repeats, 0, "{round_trip} ms, {size} B: {:?}", net.ends[0].stats().srtt);
        }
    }
}

#[test]
fn reordering_is_not_taken_for_loss_for_long() {
    let path = Path { jitter: Duration::from_millis(8), ..Path::default() };
    let mut net = Net::connected(4, path, |_| Config::default());
    for number in 0..100 {
        net.send(0, 0, pattern(number, 20_000));
    }
    net.run_for(Duration::from_secs(60));
    assert_eq!(net.messages[1].len(), 100);
    let stats = net.ends[0].stats();
    assert!(stats.retransmissions * 10 < stats.data_chunks_sent, "{stats:?}");
    assert!(stats.spurious_recoveries > 0, "{stats:?}");
}

#[test]
fn the_first_flight_is_ten_packets_or_what_the_rfc_says() {
    for (initial_packets, expected) in [(Some(10), 10), (None, 4)] {
        let mut net = Net::connected(12, Path::default(), |_| {
            let mut config = Config::default();
            config.initial_packets = initial_packets;
            config
        });
        net.logging = true;
        net.send(0, 0, pattern(1, 100_000));
        net.pump();
        assert_eq!(net.log.len(), expected);
    }
}

/// RFC 9260 §7.2.4, the note at the end.
#[test]
fn what_a_sack_acknowledges_counts_before_the_loss_it_tells_of() {
    let mut config = Config::default();
    config.congestion = Algorithm::NewReno;
    config.pacing = false;
    let mut puppet = Puppet::connected(config);
    puppet
        .under_test
        .send(puppet.now, StreamId(0), Ppid(53), pattern(1, 100_000), SendOptions::default())
        .unwrap();
    assert_eq!(puppet.chunks().len(), 10);
    puppet.wait(Duration::from_millis(50));
    puppet.sack(1, 100_000, &[(2, 5)]).unwrap();
    // The first window, ten packets of an assumed 1140 bytes, grows by two real ones and is halved.
    assert_eq!(puppet.under_test.stats().chunks_lost, 1);
    assert_eq!(puppet.under_test.stats().ssthresh_bytes, (10 * 1140 + 2 * 1188) / 2);
}

/// A long fat path whose window is open from the beginning.
fn wide(seed: u64) -> Net {
    let path = Path { delay: Duration::from_millis(50), ..Path::default() };
    Net::connected(seed, path, |_| {
        let mut config = Config::default();
        config.initial_packets = Some(2000);
        config.receive_window_bytes = 8 << 20;
        config.initial_receive_window_bytes = 8 << 20;
        config.pacing = false;
        config
    })
}

#[test]
fn more_holes_than_a_sack_can_report_are_repaired_without_a_timeout() {
    let mut net = wide(8);
    let mut count = 0;
    net.filter = Some(Box::new(move |from, packet| {
        count += u32::from(from == 0 && chunk_types(packet).contains(&0));
        from == 0 && (100..1300).contains(&count) && count % 2 == 0
    }));
    for number in 0..80 {
        net.send(0, 0, pattern(number, 20_000));
    }
    assert!(net.run_until(Duration::from_secs(5), |net| net.messages[1].len() == 80));
    let stats = net.ends[0].stats();
    assert_eq!(stats.timeouts, 0);
    assert!(
        stats.chunks_lost >= 600 && stats.chunks_lost < 700,
        "nothing that arrived: {}",
        stats.chunks_lost
    );
}

#[test]
fn a_burst_of_losses_is_repaired_in_one_round_trip_and_not_four_packets_at_a_time() {
    let mut net = wide(9);
    drop_nth(&mut net, &[20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
    for number in 0..20 {
        net.send(0, 0, pattern(number, 20_000));
    }
    let begin = net.now;
    assert!(net.run_until(Duration::from_secs(5), |net| net.messages[1].len() == 20));
    // One way for the data, half back for the report, one way for the repairs.
    assert!(net.now - begin <= Duration::from_millis(200), "{:?}", net.now - begin);
    assert_eq!(net.ends[0].stats().retransmissions, net.ends[0].stats().chunks_lost);
}

#[test]
fn a_timeout_ends_recovery_and_slow_start_repairs_the_rest() {
    let mut net = wide(10);
    let mut first = None;
    // The first data packet does not come through four times: recovery, then T3-rtx.
    net.filter = Some(Box::new(move |from, packet| {
        if from != 0 || !chunk_types(packet).contains(&0) {
            return false;
        }
        let tsn = packet[16..20].to_vec();
        let (lost, times) = first.get_or_insert((tsn.clone(), 0));
        let again = *lost == tsn;
        *times += u32::from(again);
        again && *times <= 4
    }));
    net.send(0, 0, pattern(1, 200_000));
    assert!(net.run_until(Duration::from_secs(10), |net| net.ends[0].stats().timeouts == 1));
    let one_packet = net.ends[0].stats().cwnd_bytes;
    assert!(one_packet <= 1200, "{one_packet}");
    for number in 0..20 {
        net.send(0, 0, pattern(number, 20_000));
    }
    assert!(net.run_until(Duration::from_secs(10), |net| net.messages[1].len() == 21));
    assert!(net.ends[0].stats().cwnd_bytes > 10 * one_packet, "{:?}", net.ends[0].stats());
}

#[test]
fn a_timeout_that_was_only_a_delay_is_taken_back() {
    let mut net = steady(11);
    net.path.delay = Duration::from_millis(400);
    net.send(0, 0, pattern(1, 1000));
    assert!(net.run_until(Duration::from_secs(5), |net| net.ends[0].stats().timeouts == 1));
    let one_packet = net.ends[0].stats().cwnd_bytes;
    assert!(net.run_until(Duration::from_secs(5), |net| net.ends[0].stats().spurious_recoveries == 1));
    assert!(net.ends[0].stats().cwnd_bytes >= 10 * one_packet, "{:?}", net.ends[0].stats());
}

#[test]
fn silence_ends_the_association_after_the_timeouts_of_the_rfc() {
    let mut net = steady(5);
    net.filter = Some(Box::new(|_, _| true));
    net.send(0, 0, "x");
    net.run_for(Duration::from_secs(3600));
    assert_eq!(net.events[0].last(), Some(&Event::Closed(CloseReason::PeerUnreachable)));
    assert_eq!(net.ends[0].stats().timeouts, 11);
}

#[test]
fn a_timeout_doubles_and_a_good_round_trip_brings_it_back() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.send(puppet.now, StreamId(0), Ppid(53), "x".into(), Default::default()).unwrap();
    assert_eq!(puppet.chunks(), [0]);
    puppet.wait(Duration::from_millis(1100));
    assert_eq!(puppet.chunks(), [0]);
    assert_eq!(puppet.under_test.stats().rto, Duration::from_secs(2));
    puppet.sack(1, 100_000, &[]).unwrap();
    puppet.under_test.send(puppet.now, StreamId(0), Ppid(53), "x".into(), Default::default()).unwrap();
    assert_eq!(puppet.chunks(), [0]);
    puppet.now += Duration::from_millis(100);
    puppet.sack(2, 100_000, &[]).unwrap();
    assert_eq!(puppet.under_test.stats().rto, Duration::from_millis(300));
}

#[test]
fn a_path_that_is_dead_for_seconds_comes_back() {
    for seed in 0..10 {
        let mut net = steady(seed);
        for number in 0..50 {
            net.send(0, 0, pattern(number, 20_000));
        }
        net.run_for(Duration::from_millis(50));
        net.filter = Some(Box::new(|_, _| true));
        net.run_for(Duration::from_secs(8));
        net.filter = None;
        assert!(net.run_until(Duration::from_secs(30), |net| net.messages[1].len() == 50), "seed {seed}");
    }
}

#[test]
fn timeouts_make_progress() {
    let mut net = steady(6);
    net.filter = Some(Box::new(|_, _| true));
    net.send(0, 0, pattern(1, 50_000));
    net.pump();
    for _ in 0..200 {
        let Some(at) = net.ends[0].poll_timeout() else { break };
        assert!(at > net.now, "later than now after every call");
        net.now = at;
        net.ends[0].handle_timeout(net.now);
        net.pump();
    }
}

#[test]
fn early_late_and_repeated_timeouts_are_harmless() {
    let mut net = steady(7);
    for number in 0..20 {
        net.send(0, 0, pattern(number, 20_000));
        for end in &mut net.ends {
            end.handle_timeout(net.now);
            end.handle_timeout(net.now);
        }
        net.run_for(Duration::from_millis(3));
    }
    net.run_for(Duration::from_secs(5));
    assert_eq!(net.messages[1].len(), 20);
}

/// RFC 9260 §6.3.1 C5: nobody knows which of the two was answered.
#[test]
fn a_chunk_that_was_sent_again_gives_no_round_trip() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.send(puppet.now, StreamId(0), Ppid(53), "x".into(), Default::default()).unwrap();
    assert_eq!(puppet.chunks(), [0]);
    puppet.wait(Duration::from_secs(2));
    assert_eq!(puppet.chunks(), [0], "again");
    puppet.now += Duration::from_millis(1);
    puppet.sack(1, 100_000, &[]).unwrap();
    assert_eq!(puppet.under_test.stats().srtt, None);
    puppet.under_test.send(puppet.now, StreamId(0), Ppid(53), "x".into(), Default::default()).unwrap();
    assert_eq!(puppet.chunks(), [0]);
    puppet.now += Duration::from_millis(30);
    puppet.sack(2, 100_000, &[]).unwrap();
    assert_eq!(puppet.under_test.stats().srtt, Some(Duration::from_millis(30)));
}
