//! Connection ids (RFC 9146, RFC 9147 §9): agreed on, written, read, changed; and found by a table.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::wire::connection_id::of_datagram;
use plywood_dtls::{Config, ConnectionId, ConnectionIdError, Discard, Event, Versions, provider};
use support::{End, Link, Pair, configs};

const BOTH: [Versions; 2] = [Versions::ONLY_1_2, Versions::ONLY_1_3];
const TEN_SECONDS: Duration = Duration::from_secs(10);

fn id(bytes: &[u8]) -> ConnectionId {
    ConnectionId::new(bytes).unwrap()
}

fn pair_with(versions: Versions, client: Option<&[u8]>, server: Option<&[u8]>) -> Pair {
    pair(versions, |c, s| (c.connection_id, s.connection_id) = (client.map(id), server.map(id)))
}

fn pair(versions: Versions, change: impl FnOnce(&mut Config, &mut Config)) -> Pair {
    let (mut client, mut server) = configs(&provider::rustcrypto());
    (client.versions, server.versions) = (versions, versions);
    change(&mut client, &mut server);
    let mut pair = Pair::new(client, server, 1);
    pair.start();
    pair.run(TEN_SECONDS);
    assert!(pair.both_connected(), "{:?} {:?}", pair.client.events, pair.server.events);
    pair
}

fn own(end: &End) -> Vec<Vec<u8>> {
    end.connection.connection_ids().map(|id| id.as_bytes().to_vec()).collect()
}

#[test]
fn each_side_writes_the_id_that_the_other_asked_for() {
    let longest = [9; ConnectionId::MAX_LENGTH];
    for versions in BOTH {
        for (client, server) in
            [(&b"c"[..], &b"server id"[..]), (b"", b"s"), (b"c", b""), (b"", b""), (&longest, b"s")]
        {
            let mut pair = pair_with(versions, Some(client), Some(server));
            assert_eq!(pair.client.connection.peer_connection_id().as_bytes(), server);
            assert_eq!(pair.server.connection.peer_connection_id().as_bytes(), client);
            for (end, expected) in [(&mut pair.client, server), (&mut pair.server, client)] {
                let datagram = end.seal(b"data"); // and its overhead is what was announced
                let found = of_datagram(&datagram, expected.len()).unwrap_or_default();
                assert_eq!(found, expected);
            }
            pair.assert_data_flows();
        }
    }
}

#[test]
fn ids_are_off_by_default_and_need_both_sides() {
    for versions in BOTH {
        for (client, server) in [(None, None), (Some(&b"c"[..]), None), (None, Some(&b"s"[..]))] {
            let mut pair = pair_with(versions, client, server);
            for end in [&mut pair.client, &mut pair.server] {
                assert!(end.connection.peer_connection_id().is_empty() && own(end).is_empty());
                let first = end.seal(b"data")[0];
                assert!(first == 23 || first & 0x10 == 0, "{first:#x}");
            }
            pair.assert_data_flows();
        }
    }
}

#[test]
fn records_of_1_2_hide_their_type_behind_25() {
    let mut pair = pair_with(Versions::ONLY_1_2, Some(b"c"), Some(b"ss"));
    let record = pair.client.seal(b"data");
    assert_eq!(record[..5], [25, 0xfe, 0xfd, 0, 1]);
    assert_eq!(record[11..13], *b"ss");
    assert_eq!(record.len(), 13 + 2 + 8 + 4 + 1 + 16);
    // So do Finished and alerts: nothing of epoch 1 has another form.
    let flight_5 = pair.client.sent.concat();
    assert!(flight_5.windows(5).any(|bytes| bytes == [25, 0xfe, 0xfd, 0, 1]));
    pair.client.connection.close(pair.now);
    assert_eq!(pair.client.drain_transmit(pair.now)[0][0], 25);
}

#[test]
fn the_type_inside_a_record_of_1_2_counts_as_plaintext() {
    for limit in [None, Some(16384), Some(16385)] {
        let pair = pair(Versions::ONLY_1_2, |client, server| {
            (client.record_size_limit, server.record_size_limit) = (limit, limit);
            (client.connection_id, server.connection_id) = (Some(id(b"c")), Some(id(b"s")));
        });
        assert_eq!(pair.client.connection.max_payload(), (1 << 14) - 1);
    }
}

#[test]
fn the_handshake_with_ids_survives_a_bad_network() {
    for versions in BOTH {
        for seed in 0..8 {
            let (mut client, mut server) = configs(&provider::rustcrypto());
            (client.versions, server.versions) = (versions, versions);
            (client.connection_id, server.connection_id) = (Some(id(b"cc")), Some(id(b"sss")));
            (client.mtu_bytes, server.mtu_bytes) = (300, 300);
            let mut pair = Pair::new(client, server, seed);
            pair.link = Link {
                loss_percent: 20,
                duplicate_percent: 10,
                jitter: Duration::from_millis(30),
                ..Link::PERFECT
            };
            pair.start();
            pair.run_until_connected(Duration::from_secs(60));
            assert!(pair.both_connected(), "seed {seed}");
            pair.run(Duration::from_secs(5));
            pair.assert_data_flows();
        }
    }
}

#[test]
fn a_wrong_or_missing_id_is_dropped_with_the_rest_of_its_datagram() {
    for versions in BOTH {
        let mut pair = pair_with(versions, Some(b"c"), Some(b"ss"));
        let at = if versions == Versions::ONLY_1_2 { 11 } else { 1 };
        let genuine = pair.client.seal(b"data");
        let mut wrong = pair.client.seal(b"data");
        wrong[at] ^= 1;
        pair.server.handle(pair.now, [wrong, genuine.clone()].concat());
        assert_eq!(pair.server.discards, [Discard::UnknownConnectionId]);
        assert!(pair.server.received.is_empty());
        pair.server.handle(pair.now, genuine);
        assert_eq!(pair.server.received.len(), 1);
    }
    // RFC 9146 §3: a record without, where one is due.
    let mut pair = pair_with(Versions::ONLY_1_2, Some(b"c"), Some(b"ss"));
    let without = [&[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 30][..], &[7; 30]].concat();
    pair.server.handle(pair.now, without);
    assert_eq!(pair.server.discards, [Discard::UnknownConnectionId]);
    let mut pair = pair_with(Versions::ONLY_1_3, Some(b"c"), Some(b"ss"));
    pair.server.handle(pair.now, [&[0x2f, 1, 2, 0, 30][..], &[7; 30]].concat());
    assert_eq!(pair.server.discards, [Discard::UnknownConnectionId]);
}

#[test]
fn a_record_with_an_id_is_dropped_where_none_was_agreed_on() {
    for versions in BOTH {
        let mut with = pair_with(versions, Some(b"c"), Some(b"s"));
        let mut without = pair_with(versions, None, None);
        let record = with.client.seal(b"data");
        without.server.handle(without.now, record);
        assert_eq!(without.server.discards, [Discard::UnknownConnectionId]);
        assert!(without.server.connection.is_connected());
    }
}

#[test]
fn damaged_records_with_an_id_change_nothing() {
    for versions in BOTH {
        let mut pair = pair_with(versions, Some(b"c"), Some(b"server"));
        let genuine = pair.client.seal(b"data");
        for at in 0..genuine.len() {
            let mut damaged = genuine.clone();
            damaged[at] ^= 0x04;
            pair.server.handle(pair.now, damaged);
            pair.server.handle(pair.now, genuine[..at].to_vec());
        }
        assert!(pair.server.received.is_empty() && pair.server.connection.is_connected());
        pair.server.handle(pair.now, genuine.clone());
        assert_eq!(pair.server.received, [b"data"]);
        pair.server.handle(pair.now, genuine);
        assert_eq!(pair.server.discards.last(), Some(&Discard::Replayed));
    }
}

#[test]
fn only_a_record_newer_than_all_before_may_move_the_peer() {
    for versions in BOTH {
        let mut pair = pair_with(versions, Some(b"c"), Some(b"s"));
        let [first, second, third] = [b"1", b"2", b"3"].map(|data| pair.client.seal(data));
        let mut open = |datagram: Vec<u8>| {
            pair.server.handle(pair.now, datagram);
            pair.server.connection.opened_newest_record()
        };
        assert!(open(first));
        assert!(open(third.clone()));
        assert!(!open(second), "reordered: it opens, and moves nobody");
        assert_eq!(pair.server.received.len(), 3);
        let stats = pair.server.connection.stats().discarded(Discard::Replayed);
        pair.server.handle(pair.now, third);
        assert_eq!(pair.server.connection.stats().discarded(Discard::Replayed), stats + 1);
    }
}

#[test]
fn a_table_finds_the_connection_whatever_the_address() {
    for versions in BOTH {
        let mut first = pair_with(versions, Some(b"c"), Some(b"0001"));
        let mut second = pair_with(versions, Some(b"c"), Some(b"0002"));
        let table = [(own(&first.server), 1), (own(&second.server), 2)];
        let find = |datagram: &[u8]| {
            let id = of_datagram(datagram, 4).unwrap().to_vec();
            table.iter().find(|(ids, _)| ids.contains(&id)).unwrap().1
        };
        assert_eq!(find(&first.client.seal(b"data")), 1);
        assert_eq!(find(&second.client.seal(b"data")), 2);
    }
}

#[test]
fn a_server_that_answers_a_cookie_agrees_on_ids_all_the_same() {
    for (versions, _) in BOTH.into_iter().zip(0..) {
        let mut pair = pair(versions, |client, server| {
            server.require_cookie = true;
            (client.connection_id, server.connection_id) = (Some(id(b"c")), Some(id(b"s")));
        });
        assert_eq!(pair.client.connection.peer_connection_id().as_bytes(), b"s");
        pair.assert_data_flows();
    }
}

#[test]
fn more_ids_are_asked_for_given_and_used() {
    let mut pair = pair_with(Versions::ONLY_1_3, Some(b"c1"), Some(b"s1"));
    pair.client.connection.request_connection_ids(pair.now, 3).unwrap();
    assert_eq!(pair.client.connection.request_connection_ids(pair.now, 3), Err(ConnectionIdError::Busy));
    pair.run(TEN_SECONDS);
    assert!(pair.server.events.contains(&Event::ConnectionIdsRequested { count: 3 }));
    // Fewer than asked for are an answer too.
    pair.server.connection.provide_connection_ids(pair.now, &[id(b"s2"), id(b"s3")], false).unwrap();
    let busy = pair.server.connection.provide_connection_ids(pair.now, &[id(b"s4")], false);
    assert_eq!(busy, Err(ConnectionIdError::Busy));
    pair.run(TEN_SECONDS);
    assert_eq!(pair.client.connection.spare_connection_ids(), 2);
    assert_eq!(pair.client.connection.peer_connection_id().as_bytes(), b"s1", "spare ones wait");
    for expected in [b"s2", b"s3"] {
        assert!(pair.client.connection.use_next_connection_id());
        assert_eq!(pair.client.connection.peer_connection_id().as_bytes(), expected);
        pair.assert_data_flows();
    }
    assert!(!pair.client.connection.use_next_connection_id());
    assert_eq!(own(&pair.server), [b"s1", b"s2", b"s3"]);
    // Answered: another request is legal.
    pair.client.connection.request_connection_ids(pair.now, 1).unwrap();
}

#[test]
fn an_id_to_be_used_at_once_is_and_the_old_one_is_still_read() {
    let mut pair = pair_with(Versions::ONLY_1_3, Some(b"c1"), Some(b"s1"));
    let straggler = pair.client.seal(b"straggler");
    pair.server.connection.provide_connection_ids(pair.now, &[id(b"s2")], true).unwrap();
    pair.run(TEN_SECONDS);
    assert_eq!(pair.client.connection.peer_connection_id().as_bytes(), b"s2");
    pair.server.handle(pair.now, straggler);
    assert_eq!(pair.server.received, [b"straggler"]);
    pair.assert_data_flows();
}

#[test]
fn ids_and_key_updates_take_turns_over_a_bad_network() {
    for seed in 0..6 {
        let mut pair = pair_with(Versions::ONLY_1_3, Some(b"c1"), Some(b"s1"));
        pair.link = Link {
            loss_percent: 30,
            duplicate_percent: 10,
            jitter: Duration::from_millis(30),
            ..Link::PERFECT
        };
        for round in 0..4_u8 {
            pair.client.connection.update_keys(pair.now, seed % 2 == 0);
            pair.client.connection.provide_connection_ids(pair.now, &[id(&[b'c', round])], true).unwrap();
            pair.server.connection.update_keys(pair.now, false);
            pair.server.connection.provide_connection_ids(pair.now, &[id(&[b's', round])], true).unwrap();
            pair.run(Duration::from_secs(100));
            assert_eq!(pair.client.connection.peer_connection_id().as_bytes(), [b's', round], "seed {seed}");
            assert_eq!(pair.server.connection.peer_connection_id().as_bytes(), [b'c', round], "seed {seed}");
        }
        pair.assert_data_flows();
    }
}

#[test]
fn commands_that_make_no_sense_are_typed_errors() {
    let none = ConnectionIdError::NotNegotiated;
    for versions in BOTH {
        let mut pair = pair_with(versions, None, None);
        assert_eq!(pair.client.connection.provide_connection_ids(pair.now, &[], false), Err(none));
        assert_eq!(pair.client.connection.request_connection_ids(pair.now, 1), Err(none));
    }
    // 1.2 has no such messages, and who gave out none has no more.
    let mut pair = pair_with(Versions::ONLY_1_2, Some(b"c"), Some(b"s"));
    assert_eq!(pair.client.connection.request_connection_ids(pair.now, 1), Err(none));
    let mut pair = pair_with(Versions::ONLY_1_3, Some(b""), Some(b"s"));
    assert_eq!(pair.client.connection.provide_connection_ids(pair.now, &[id(b"c")], false), Err(none));
    assert_eq!(pair.server.connection.request_connection_ids(pair.now, 1), Err(none));
    let wrong = pair.server.connection.provide_connection_ids(pair.now, &[id(b"long")], false);
    assert_eq!(wrong, Err(ConnectionIdError::WrongLength { length: 4 }));
    let many: Vec<_> = (0..16).map(|byte| id(&[byte])).collect();
    let too_many = pair.server.connection.provide_connection_ids(pair.now, &many, false);
    assert_eq!(too_many, Err(ConnectionIdError::TooMany));
}
