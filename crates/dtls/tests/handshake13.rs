//! The handshake of 1.3 between two of our own ends.
#![cfg(feature = "rustcrypto")]

mod support;

use std::time::Duration;

use plywood_dtls::provider;
use plywood_dtls::wire::AlertDescription;
use plywood_dtls::wire::codes::{CipherSuite, NamedGroup};
use plywood_dtls::{CloseReason, Config, Event, Version, Versions};
use support::{End, Link, Pair, bytes_sent, configs_13, connect_with, providers, with_a_wrong_fingerprint};

const TEN_SECONDS: Duration = Duration::from_secs(10);

fn pair(change: impl FnOnce(&mut Config, &mut Config)) -> Pair {
    let (mut client, mut server) = configs_13(&provider::rustcrypto());
    change(&mut client, &mut server);
    let mut pair = Pair::new(client, server, 1);
    pair.start();
    pair
}

fn connected(change: impl FnOnce(&mut Config, &mut Config)) -> Pair {
    let mut pair = pair(change);
    pair.run(TEN_SECONDS);
    assert!(pair.both_connected(), "{:?} {:?}", pair.client.events, pair.server.events);
    assert_eq!(pair.client.connection.version(), Some(Version::Dtls13));
    pair
}

#[test]
fn client_and_server_connect_in_one_and_a_half_round_trips() {
    for provider in providers() {
        let (client, server) = configs_13(&provider);
        let mut pair = Pair::new(client, server, 1);
        pair.start();
        pair.run_until_connected(TEN_SECONDS);
        assert!(pair.both_connected(), "{}: {:?}", provider.name(), pair.server.events);
        assert_eq!(pair.elapsed(), Duration::from_millis(30));
        let connected = Event::Connected {
            version: Version::Dtls13,
            suite: CipherSuite::TLS_AES_128_GCM_SHA256,
            group: NamedGroup::X25519_MLKEM768,
        };
        assert_eq!(pair.client.events, std::slice::from_ref(&connected));
        assert_eq!(pair.server.events, [connected]);
        assert_eq!(pair.client.connection.peer_certificate(), Some(support::B_CERTIFICATE));
        assert_eq!(pair.server.connection.peer_certificate(), Some(support::A_CERTIFICATE));
        pair.assert_data_flows();
        pair.run(TEN_SECONDS);
        assert_eq!(pair.client.connection.poll_timeout(), None, "the final flight was acknowledged");
        assert_eq!(pair.server.connection.poll_timeout(), None);
        assert_eq!(pair.client.connection.stats().discarded_total(), 0);
        assert_eq!(pair.server.connection.stats().discarded_total(), 0);
        assert_eq!(pair.client.connection.stats().flights_resent, 0);
    }
}

#[test]
fn every_suite_and_every_group_connects_and_carries_data() {
    let suites = [
        CipherSuite::TLS_AES_128_GCM_SHA256,
        CipherSuite::TLS_AES_256_GCM_SHA384,
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    ];
    for provider in providers() {
        for suite in suites {
            for &group in provider.groups() {
                connect_with(configs_13, &provider, Versions::ONLY_1_3, suite, group);
            }
        }
    }
}

#[test]
fn either_side_may_know_1_2_only() {
    for old_client in [true, false] {
        let mut pair = pair(|client, server| {
            if old_client { client } else { server }.versions = Versions::ONLY_1_2;
        });
        pair.run(TEN_SECONDS);
        assert_eq!(pair.client.connection.version(), Some(Version::Dtls12), "{old_client}");
        assert_eq!(pair.server.connection.version(), Some(Version::Dtls12));
        pair.assert_data_flows();
    }
}

#[test]
fn a_hybrid_offer_serves_a_server_that_knows_only_its_x25519_half_without_a_retry() {
    let mut pair = pair(|_, server| server.groups = vec![NamedGroup::X25519]);
    pair.run_until_connected(TEN_SECONDS);
    assert_eq!(pair.elapsed(), Duration::from_millis(30));
    assert_eq!(pair.client.connection.group(), Some(NamedGroup::X25519));
}

#[test]
fn a_group_without_a_share_costs_one_round_trip() {
    for group in [NamedGroup::SECP256R1, NamedGroup::SECP384R1] {
        let mut pair = pair(|_, server| server.groups = vec![group]);
        pair.run_until_connected(TEN_SECONDS);
        assert_eq!(pair.elapsed(), Duration::from_millis(50));
        assert_eq!(pair.server.connection.group(), Some(group));
        pair.assert_data_flows();
    }
}

#[test]
fn a_cookie_is_asked_for_on_request_with_or_without_another_group() {
    for groups in [None, Some(vec![NamedGroup::SECP256R1])] {
        let mut pair = pair(|_, server| {
            server.require_cookie = true;
            if let Some(groups) = groups {
                server.groups = groups;
            }
        });
        pair.run_until_connected(TEN_SECONDS);
        assert!(pair.both_connected(), "{:?} {:?}", pair.client.events, pair.server.events);
        assert_eq!(pair.elapsed(), Duration::from_millis(50));
        // The first answer is smaller than the hello that it answers.
        assert!(pair.server.sent[0].len() < 150, "{}", pair.server.sent[0].len());
        pair.assert_data_flows();
    }
}

#[test]
fn the_handshake_succeeds_over_a_bad_network_in_both_directions() {
    for provider in providers() {
        for seed in 0..40 {
            let (client, server) = configs_13(&provider);
            let mut pair = Pair::new(client, server, seed);
            pair.link = Link {
                loss_percent: 30,
                duplicate_percent: 10,
                jitter: Duration::from_millis(40),
                ..Link::PERFECT
            };
            pair.start();
            pair.run_until_connected(Duration::from_secs(60));
            assert!(
                pair.both_connected(),
                "{} seed {seed}: {:?} {:?}",
                provider.name(),
                pair.client.events,
                pair.server.events
            );
            pair.link = Link::PERFECT;
            pair.run(Duration::from_secs(120));
            assert!(pair.both_connected(), "seed {seed}: {:?} {:?}", pair.client.events, pair.server.events);
            assert_eq!(pair.client.connection.poll_timeout(), None, "seed {seed}");
            assert_eq!(pair.server.connection.poll_timeout(), None, "seed {seed}");
            pair.assert_data_flows();
        }
    }
}

#[test]
fn retries_survive_a_bad_network_too() {
    for seed in 0..20 {
        let (client, mut server) = configs_13(&provider::rustcrypto());
        server.require_cookie = true;
        server.groups = vec![NamedGroup::SECP384R1];
        let mut pair = Pair::new(client, server, seed);
        pair.link = Link { loss_percent: 25, jitter: Duration::from_millis(40), ..Link::PERFECT };
        pair.start();
        pair.run_until_connected(Duration::from_secs(60));
        assert!(pair.both_connected(), "seed {seed}: {:?} {:?}", pair.client.events, pair.server.events);
        pair.assert_data_flows();
    }
}

#[test]
fn small_datagrams_carry_every_flight() {
    for mtu in [128, 256, 300, 512, 1200] {
        for loss_percent in [0, 20] {
            let mut pair = pair(|client, server| (client.mtu_bytes, server.mtu_bytes) = (mtu, mtu));
            pair.link = Link { loss_percent, ..Link::PERFECT };
            pair.run(Duration::from_secs(60));
            assert!(
                pair.both_connected(),
                "{mtu} {loss_percent}: {:?} {:?}",
                pair.client.events,
                pair.server.events
            );
            let sent = pair.client.sent.iter().chain(&pair.server.sent);
            assert!(sent.map(Vec::len).max().unwrap() <= mtu);
            pair.assert_data_flows();
        }
    }
}

#[test]
fn a_wrong_fingerprint_ends_the_connection_before_any_data() {
    for wrong_at_client in [true, false] {
        let provider = provider::rustcrypto();
        let (_, judged) = with_a_wrong_fingerprint(configs_13, &provider, wrong_at_client);
        // Unlike in 1.2 the alert is authenticated, so it is believed.
        assert_eq!(judged.close_reason(), Some(CloseReason::PeerAlert(AlertDescription::BAD_CERTIFICATE)));
    }
}

#[test]
fn both_ends_export_the_same_keying_material_and_log_the_same_secrets() {
    let pair = connected(|client, server| (client.key_log, server.key_log) = (true, true));
    let export = |end: &End, context| {
        let mut out = [0; 60];
        end.connection.export_keying_material("EXTRACTOR-dtls_srtp", context, &mut out).unwrap();
        out
    };
    assert_eq!(export(&pair.client, None), export(&pair.server, None));
    assert_eq!(export(&pair.client, None), export(&pair.client, Some(b"")), "RFC 8446 §7.5");
    assert_ne!(export(&pair.client, None), export(&pair.client, Some(b"c")));
    let lines = |end: &End| {
        let lines = end.events.iter().filter_map(|event| match event {
            Event::KeyLog(line) => Some(line.clone()),
            _ => None,
        });
        lines.collect::<Vec<_>>()
    };
    let client = lines(&pair.client);
    assert_eq!(client, lines(&pair.server));
    let labels: Vec<_> = client.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        labels,
        [
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            "CLIENT_TRAFFIC_SECRET_0",
            "SERVER_TRAFFIC_SECRET_0",
            "EXPORTER_SECRET",
        ]
    );
}

#[test]
fn keys_are_updated_in_either_direction_and_in_both() {
    let mut pair = connected(|_, _| {});
    for (at_client, both) in [(true, false), (false, false), (true, true), (false, true), (true, true)] {
        let end = if at_client { &mut pair.client } else { &mut pair.server };
        end.connection.update_keys(pair.now, both);
        pair.run(TEN_SECONDS);
        pair.assert_data_flows();
    }
    assert_eq!(pair.client.connection.poll_timeout(), None);
    assert_eq!(pair.server.connection.poll_timeout(), None);
}

#[test]
fn key_updates_from_both_sides_at_once_over_a_bad_network_lose_no_data_that_arrives() {
    for seed in 0..20 {
        let (client, server) = configs_13(&provider::rustcrypto());
        let mut pair = Pair::new(client, server, seed);
        pair.start();
        pair.run(TEN_SECONDS);
        pair.link = Link { loss_percent: 30, jitter: Duration::from_millis(30), ..Link::PERFECT };
        for _ in 0..10 {
            pair.client.connection.update_keys(pair.now, true);
            pair.server.connection.update_keys(pair.now, true);
            pair.run(Duration::from_secs(20));
        }
        pair.link = Link::PERFECT;
        pair.run(Duration::from_secs(60));
        pair.assert_data_flows();
        assert!(pair.client.received.len() + pair.server.received.len() == 2, "seed {seed}");
    }
}

#[test]
fn keys_change_before_they_wear_out_and_nothing_stalls() {
    let mut pair = connected(|client, server| (client.records_per_key, server.records_per_key) = (100, 100));
    // The low bits of the epoch stand in the first byte of a record; the first is 3.
    let (mut epoch_bits, mut updates) = (3, 0);
    for number in 0..1000_u32 {
        let datagram = pair.client.seal(&number.to_be_bytes());
        updates += u32::from(datagram[0] & 0b11 != epoch_bits);
        epoch_bits = datagram[0] & 0b11;
        pair.send(true, &datagram);
        if number % 20 == 0 {
            pair.run(Duration::from_secs(1));
        }
    }
    pair.run(TEN_SECONDS);
    assert_eq!(pair.server.received.len(), 1000);
    assert_eq!(updates, 8, "a hundred records, and those until the ACK is there");
    pair.assert_data_flows();
}

#[test]
fn equal_seeds_give_equal_bytes() {
    assert_eq!(bytes_sent(configs_13, 7), bytes_sent(configs_13, 7));
    assert_ne!(bytes_sent(configs_13, 7), bytes_sent(configs_13, 8));
}

#[test]
fn data_of_a_client_that_comes_before_its_finished_waits_for_it() {
    let mut pair = pair(|_, _| {});
    while !pair.client.connection.is_connected() {
        assert!(pair.step(pair.now + TEN_SECONDS));
    }
    let flight = pair.client.drain_transmit(pair.now);
    let data = pair.client.seal(b"early");
    pair.server.handle(pair.now, data);
    assert!(pair.server.received.is_empty());
    for datagram in flight {
        pair.server.handle(pair.now, datagram);
    }
    assert!(pair.server.connection.is_connected());
    assert_eq!(pair.server.received, [b"early"]);
}

#[test]
fn a_lost_part_of_a_flight_is_repeated_alone_after_an_ack() {
    // Small datagrams, so that the server's flight takes many; one in the middle is lost.
    let mut pair = pair(|client, server| (client.mtu_bytes, server.mtu_bytes) = (256, 256));
    for datagram in pair.client.drain_transmit(pair.now) {
        pair.server.handle(pair.now, datagram);
    }
    let flight = pair.server.drain_transmit(pair.now);
    assert!(flight.len() > 7, "{}", flight.len());
    for (index, datagram) in flight.iter().enumerate() {
        if index != flight.len() - 2 {
            pair.client.handle(pair.now, datagram.clone());
        }
    }
    // A quarter of the timeout later the client tells what it has.
    let due = pair.client.connection.poll_timeout().unwrap();
    assert_eq!(due - pair.now, Duration::from_millis(250));
    pair.client.connection.handle_timeout(due);
    let acks = pair.client.drain_transmit(due);
    assert_eq!(acks.len(), 1);
    pair.server.handle(due, acks[0].clone());
    assert_eq!(pair.server.drain_transmit(due).len(), 0, "more ACKs may be on their way");
    let rest = pair.server.connection.poll_timeout().unwrap();
    assert_eq!(rest - due, Duration::from_micros(62_500));
    pair.server.connection.handle_timeout(rest);
    let again = pair.server.drain_transmit(rest);
    assert_eq!(again.len(), 1, "only what was lost");
    pair.client.handle(rest, again[0].clone());
    assert!(pair.client.connection.is_connected());
}
