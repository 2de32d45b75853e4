//! Handshakes over networks that lose, repeat and reorder (RFC 6347 §4.2.4).
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::{CloseReason, provider};
use support::{Link, Pair, configs};

/// One seed is one network: MTU, loss, order.
fn connects(seed: u64, loss_percent: u32, mtu_bytes: usize) -> Pair {
    let (mut client, mut server) = configs(&provider::rustcrypto());
    for config in [&mut client, &mut server] {
        config.mtu_bytes = mtu_bytes;
        config.handshake_timeout = Duration::from_secs(1000);
        config.max_timeouts = 40;
        config.max_timeout = Duration::from_secs(4);
    }
    let mut pair = Pair::new(client, server, seed);
    pair.link = Link {
        loss_percent,
        duplicate_percent: 10,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(40),
    };
    pair.client.connection.set_round_trip(Duration::from_millis(80));
    pair.server.connection.set_round_trip(Duration::from_millis(80));
    pair.start();
    pair.run_until_connected(Duration::from_secs(1000));
    assert!(
        pair.both_connected(),
        "seed {seed}, MTU {mtu_bytes}: {:?} {:?}",
        pair.client.events,
        pair.server.events
    );
    for datagram in pair.client.sent.iter().chain(&pair.server.sent) {
        assert!(datagram.len() <= mtu_bytes, "seed {seed}: {} bytes", datagram.len());
    }
    pair
}

#[test]
fn thirty_percent_loss_with_reordering_and_duplication_is_survived_at_any_mtu() {
    for (index, mtu) in [256, 300, 512, 576, 900, 1200].into_iter().enumerate() {
        for seed in 0..20 {
            let mut pair = connects(1000 * index as u64 + seed, 30, mtu);
            pair.assert_data_flows();
        }
    }
}

#[test]
fn reordering_alone_costs_no_retransmission() {
    let mut resent = 0;
    for seed in 0..40 {
        let (mut client, mut server) = configs(&provider::rustcrypto());
        client.mtu_bytes = 300;
        server.mtu_bytes = 300;
        let mut pair = Pair::new(client, server, seed);
        pair.link = Link { jitter: Duration::from_millis(30), ..Link::PERFECT };
        pair.start();
        pair.run_until_connected(Duration::from_secs(10));
        resent += pair.client.connection.stats().flights_resent;
        resent += pair.server.connection.stats().flights_resent;
        assert!(pair.elapsed() < Duration::from_millis(200), "seed {seed}");
        pair.assert_data_flows();
    }
    assert_eq!(resent, 0);
}

#[test]
fn a_lost_flight_is_sent_again_after_the_initial_timeout_which_doubles() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.link.loss_percent = 100;
    pair.start();
    let mut expected = Duration::ZERO;
    for timeout in [1, 2, 4, 8, 16] {
        pair.pump();
        expected += Duration::from_secs(timeout);
        let at = pair.client.connection.poll_timeout();
        assert_eq!(at, Some(pair.start + expected));
        pair.step(pair.start + Duration::from_secs(100));
    }
    assert_eq!(pair.client.connection.stats().flights_resent, 5);
}

#[test]
fn thirteen_timeouts_end_the_handshake_with_a_reason() {
    let (mut client, server) = configs(&provider::rustcrypto());
    client.initial_timeout = Duration::from_millis(400);
    client.handshake_timeout = Duration::from_secs(10_000);
    let mut pair = Pair::new(client, server, 1);
    pair.link.loss_percent = 100;
    pair.start();
    pair.run(Duration::from_secs(10_000));
    let reason = CloseReason::TimedOut { transmissions: 13, unauthenticated_alert: None };
    assert_eq!(pair.client.close_reason(), Some(reason));
    // 0.4 s doubled up to 51.2 s: eight timeouts; then five of 60 s.
    assert_eq!(pair.elapsed(), Duration::from_millis(400 * 255 + 5 * 60_000));
    assert_eq!(pair.client.connection.poll_timeout(), None);
}

#[test]
fn the_handshake_is_given_up_after_its_time_whatever_the_timers_say() {
    let (mut client, server) = configs(&provider::rustcrypto());
    client.handshake_timeout = Duration::from_secs(5);
    let mut pair = Pair::new(client, server, 1);
    pair.link.loss_percent = 100;
    pair.start();
    pair.run(Duration::from_secs(100));
    assert_eq!(pair.elapsed(), Duration::from_secs(5));
    assert!(matches!(pair.client.close_reason(), Some(CloseReason::TimedOut { .. })));
}

#[test]
fn a_known_round_trip_repairs_a_loss_without_waiting_a_second() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.client.connection.set_round_trip(Duration::from_millis(20));
    pair.start();
    pair.link.loss_percent = 100;
    pair.pump(); // the ClientHello is lost
    pair.link.loss_percent = 0;
    pair.run_until_connected(Duration::from_secs(10));
    assert_eq!(pair.elapsed(), Duration::from_millis(50 + 40));
}

#[test]
fn a_changed_initial_timeout_rescales_a_running_timer_and_keeps_its_backoff() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.link.loss_percent = 100;
    pair.start();
    pair.step(pair.start + Duration::from_secs(1));
    pair.client.connection.set_initial_timeout(Duration::from_millis(250));
    let expected = pair.now + Duration::from_millis(500);
    assert_eq!(pair.client.connection.poll_timeout(), Some(expected));
}

/// RFC 6347 §4.2.4: nobody answers the final flight, so the peer's Finished that comes again asks for it.
#[test]
fn the_final_flight_is_sent_again_when_the_peers_finished_comes_again() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.start();
    while !pair.server.connection.is_connected() {
        assert!(pair.step(pair.start + Duration::from_secs(1)));
    }
    pair.link.loss_percent = 100;
    pair.pump(); // the server's Finished is lost
    pair.link.loss_percent = 0;
    assert_eq!(pair.server.connection.poll_timeout(), None, "the final flight has no timer");
    pair.run_until_connected(Duration::from_secs(10));
    assert_eq!(pair.server.connection.stats().flights_resent, 1);
    pair.assert_data_flows();
}

#[test]
fn a_flight_repeated_by_the_peer_asks_for_ours() {
    let (client, mut server) = configs(&provider::rustcrypto());
    server.initial_timeout = Duration::from_secs(5);
    let mut pair = Pair::new(client, server, 1);
    pair.client.connection.set_initial_timeout(Duration::from_millis(1500));
    pair.start();
    pair.step(pair.start + Duration::from_secs(1));
    pair.link.loss_percent = 100;
    pair.pump(); // flight 4 is lost
    pair.link.loss_percent = 0;
    pair.run_until_connected(Duration::from_secs(10));
    // The client's timer, not the server's 5 s, brought it about.
    assert!(pair.both_connected());
    assert!(pair.elapsed() < Duration::from_secs(2), "{:?}", pair.elapsed());
}

#[test]
fn after_two_timeouts_smaller_datagrams_are_tried() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.start();
    while pair.server.sent.is_empty() {
        pair.step(pair.start + Duration::from_secs(1));
        pair.pump();
    }
    pair.link.loss_percent = 100;
    pair.run(Duration::from_secs(4));
    let sizes: Vec<_> = pair.server.sent.iter().map(Vec::len).collect();
    assert!(sizes[0] > 548, "{sizes:?}");
    assert!(*sizes.last().unwrap() <= 548, "{sizes:?}");
}

#[test]
fn early_late_and_repeated_timeouts_are_harmless() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.start();
    for _ in 0..10 {
        pair.client.connection.handle_timeout(pair.now);
        pair.server.connection.handle_timeout(pair.now);
    }
    assert_eq!(pair.client.connection.stats().flights_resent, 0);
    let late = pair.now + Duration::from_secs(30);
    pair.client.connection.handle_timeout(late);
    pair.client.connection.handle_timeout(late);
    assert_eq!(pair.client.connection.stats().flights_resent, 1);
    assert!(pair.client.connection.poll_timeout().is_some_and(|at| at > late));
}
