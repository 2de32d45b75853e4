//! Flights that somebody else carries: DTLS inside STUN (draft-hancke-webrtc-sped).
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::{CloseReason, Config, Versions, provider};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use support::{Pair, configs};

const BOTH: [Versions; 2] = [Versions::ONLY_1_2, Versions::ONLY_1_3];
/// What is left of a check of 1200 bytes, and less.
const ROOM: usize = 900;

fn pair(versions: Versions) -> Pair {
    let (mut client, mut server) = configs(&provider::rustcrypto());
    (client.versions, server.versions) = (versions, versions);
    let mut pair = Pair::new(client, server, 1);
    for end in [&mut pair.client, &mut pair.server] {
        end.connection.embed_flights(pair.now, ROOM);
    }
    pair.start();
    pair
}

/// One check of ICE in one direction: at most one packet, and what arrived here. Tells how long the packet was.
fn check(pair: &mut Pair, to_server: bool, lost: bool) -> Option<usize> {
    let now = pair.now;
    let (from, to) =
        if to_server { (&mut pair.client, &mut pair.server) } else { (&mut pair.server, &mut pair.client) };
    let packet = from.connection.embedded_flight(now).map(<[u8]>::to_vec);
    let crcs: Vec<u32> = from.connection.embedded_acknowledgements().collect();
    assert!(crcs.len() <= 4 && from.drain_transmit(now).is_empty());
    if lost {
        return None;
    }
    to.connection.peer_has_embedded(now, &crcs);
    let packet = packet?;
    assert!(packet.len() <= ROOM);
    to.connection.note_embedded(&packet);
    let length = packet.len();
    to.handle(now, packet);
    Some(length)
}

/// Checks in both directions every 50 ms until nothing is pending.
fn run(pair: &mut Pair, loss_percent: u32, seed: u64) -> usize {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut idle = 0;
    for round in 1..400 {
        let mut lost = || rng.next_u32() % 100 < loss_percent;
        let (there, back) = (lost(), lost());
        let news = [check(pair, true, there), check(pair, false, back)];
        for end in [&mut pair.client, &mut pair.server] {
            end.connection.handle_timeout(pair.now);
            end.drain_events();
        }
        idle = if news == [None, None] && !there && !back { idle + 1 } else { 0 };
        if pair.both_connected() && idle > 1 {
            return round;
        }
        pair.now += Duration::from_millis(50);
    }
    panic!("never done: {:?} {:?}", pair.client.events, pair.server.events);
}

#[test]
fn a_handshake_inside_checks_connects_without_a_datagram_of_its_own() {
    for versions in BOTH {
        let mut pair = pair(versions);
        let rounds = run(&mut pair, 0, 0);
        assert!(rounds < 12, "{rounds}");
        for end in [&mut pair.client, &mut pair.server] {
            assert!(end.sent.is_empty() && end.connection.stats().flights_resent == 0);
            end.connection.stop_embedding(pair.now);
        }
        pair.assert_data_flows();
    }
}

#[test]
fn checks_repair_losses_without_any_timer_of_the_handshake() {
    for versions in BOTH {
        for seed in 0..6 {
            let mut pair = pair(versions);
            run(&mut pair, 40, seed);
            for end in [&mut pair.client, &mut pair.server] {
                assert_eq!(end.connection.stats().flights_resent, 0, "seed {seed}");
                end.connection.stop_embedding(pair.now);
            }
            pair.assert_data_flows();
        }
    }
}

#[test]
fn timers_rest_while_somebody_else_carries_the_flight() {
    for versions in BOTH {
        let mut pair = pair(versions);
        let patience = pair.client.connection.poll_timeout().unwrap();
        assert_eq!(patience, pair.now + Duration::from_secs(60), "only the end of all patience is left");
        let packet = pair.client.connection.embedded_flight(pair.now).unwrap().to_vec();
        pair.now += Duration::from_secs(30);
        pair.client.connection.handle_timeout(pair.now);
        let mut packets = vec![];
        while !packets.contains(&packet) {
            packets.push(pair.client.connection.embedded_flight(pair.now).unwrap().to_vec());
            assert!(packets.len() < 10, "the same packets as before, with the same numbers");
        }
        pair.now = patience;
        pair.client.connection.handle_timeout(pair.now);
        pair.client.drain_events();
        assert!(matches!(pair.client.close_reason(), Some(CloseReason::TimedOut { .. })));
    }
}

#[test]
fn packets_take_turns_until_the_peer_names_their_crc() {
    let mut pair = pair(Versions::ONLY_1_3);
    let mut next = || pair.client.connection.embedded_flight(pair.now).map(<[u8]>::to_vec);
    let (first, second) = (next().unwrap(), next().unwrap());
    assert_ne!(first, second, "a hello with a post-quantum share has two packets");
    assert_eq!((next().unwrap(), next().unwrap()), (first.clone(), second.clone()));

    pair.server.connection.note_embedded(&first);
    pair.server.connection.note_embedded(&first);
    let crcs: Vec<u32> = pair.server.connection.embedded_acknowledgements().collect();
    // CRC-32 of "123456789" is cbf43926: the same sum as in STUN's FINGERPRINT, without its XOR.
    assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
    assert_eq!(crcs, [crc32fast::hash(&first)], "once, however often it came");
    pair.client.connection.peer_has_embedded(pair.now, &[1, 2, 3]);
    pair.client.connection.peer_has_embedded(pair.now, &crcs);
    for _ in 0..3 {
        assert_eq!(pair.client.connection.embedded_flight(pair.now), Some(&second[..]));
    }
    pair.client.connection.peer_has_embedded(pair.now, &[crc32fast::hash(&second)]);
    assert_eq!(pair.client.connection.embedded_flight(pair.now), None);
}

#[test]
fn a_flight_that_has_arrived_and_is_not_answered_is_said_again_after_its_timeout() {
    let mut pair = pair(Versions::ONLY_1_2);
    let packet = pair.client.connection.embedded_flight(pair.now).unwrap().to_vec();
    pair.client.connection.peer_has_embedded(pair.now, &[crc32fast::hash(&packet)]);
    let due = pair.client.connection.poll_timeout().unwrap();
    assert_eq!(due, pair.now + Duration::from_secs(1));
    pair.client.connection.handle_timeout(due);
    let again = pair.client.connection.embedded_flight(due).unwrap();
    assert_ne!(again, packet, "a record number is used once");
}

#[test]
fn acknowledgements_name_the_last_four_packets() {
    let mut pair = pair(Versions::ONLY_1_2);
    for byte in 0..10 {
        pair.server.connection.note_embedded(&[byte]);
    }
    let crcs: Vec<u32> = pair.server.connection.embedded_acknowledgements().collect();
    assert_eq!(crcs, [6, 7, 8, 9].map(|byte| crc32fast::hash(&[byte])));
}

#[test]
fn an_answer_or_a_new_flight_empties_the_list() {
    for versions in BOTH {
        let mut pair = pair(versions);
        while !pair.server.connection.embedded_flight(pair.now).is_some_and(|_| true) {
            check(&mut pair, true, false);
        }
        // The client is never told that its hello has arrived, but it is answered.
        for _ in 0..6 {
            let packet = pair.server.connection.embedded_flight(pair.now).map(<[u8]>::to_vec);
            if let Some(packet) = packet {
                pair.client.handle(pair.now, packet);
            }
        }
        let next = pair.client.connection.embedded_flight(pair.now).unwrap();
        let is_hello = next[0] == 22 && next[13] == 1;
        assert!(!is_hello, "the next flight, not the hello again");
    }
}

#[test]
fn a_peer_that_knows_nothing_of_it_gets_plain_datagrams_at_once() {
    for versions in BOTH {
        let mut pair = pair(versions);
        assert!(pair.client.connection.embedded_flight(pair.now).is_some());
        for end in [&mut pair.client, &mut pair.server] {
            end.connection.stop_embedding(pair.now);
            assert!(!end.connection.is_embedding());
        }
        let before = pair.now;
        pair.run_until_connected(Duration::from_secs(10));
        assert!(pair.both_connected());
        assert!(pair.now - before < Duration::from_millis(100), "no timer had to expire");
        pair.assert_data_flows();
    }
}

#[test]
fn embedding_may_begin_when_a_flight_is_under_way_and_end_in_its_middle() {
    for versions in BOTH {
        for rounds in 0..6 {
            let (mut client, mut server) = configs(&provider::rustcrypto());
            (client.versions, server.versions) = (versions, versions);
            let mut pair = Pair::new(client, server, 2);
            pair.start();
            let lost = pair.client.drain_transmit(pair.now);
            assert!(!lost.is_empty());
            for end in [&mut pair.client, &mut pair.server] {
                end.connection.embed_flights(pair.now, ROOM);
            }
            for _ in 0..rounds {
                check(&mut pair, true, false);
                check(&mut pair, false, false);
            }
            for end in [&mut pair.client, &mut pair.server] {
                end.connection.stop_embedding(pair.now);
            }
            pair.run_until_connected(Duration::from_secs(10));
            assert!(pair.both_connected(), "{versions:?} after {rounds} rounds");
            pair.run(Duration::from_secs(5));
            pair.assert_data_flows();
        }
    }
}

#[test]
fn the_room_has_a_lower_bound_and_commands_without_effect_are_harmless() {
    let (client, server) = configs(&provider::rustcrypto());
    let mut pair = Pair::new(client, server, 2);
    pair.client.connection.peer_has_embedded(pair.now, &[1]);
    pair.client.connection.note_embedded(b"x");
    pair.client.connection.stop_embedding(pair.now);
    assert_eq!(pair.client.connection.embedded_flight(pair.now), None);
    pair.client.connection.embed_flights(pair.now, 0);
    pair.start();
    for _ in 0..20 {
        let packet = pair.client.connection.embedded_flight(pair.now).unwrap();
        assert!(packet.len() <= Config::MIN_MTU_BYTES);
    }
}
