//! A server that stands alone: nothing is kept, and nothing is amplified, before a client has shown its address.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::{Duration, Instant};

use plywood_dtls::wire::codes::NamedGroup;
use plywood_dtls::wire::{
    ClientHello, ContentType, Extension, ExtensionType, Fragment, HandshakeType, PlaintextHeader,
};
use plywood_dtls::{
    Config, Connection, CookieAnswer, CookieExchange, CookieLimits, Discard, VerifiedHello, Version,
    Versions, provider,
};
use support::forge::{browser_client_hello, client_hello, encode, fragment, message, record};
use support::{End, Pair, configs, configs_13, start_of_time};

const ALICE: &[u8] = b"192.0.2.1:1000";
const MALLORY: &[u8] = b"203.0.113.9:666";

fn exchange_with(config: Config, limits: CookieLimits) -> CookieExchange {
    CookieExchange::new(config, limits, [9; 32], start_of_time())
}

fn exchange(config: Config) -> CookieExchange {
    exchange_with(config, CookieLimits::default())
}

/// What the exchange answers, if it answers.
fn ask(
    exchange: &mut CookieExchange,
    now: Instant,
    source: &[u8],
    datagram: &[u8],
) -> (CookieAnswer, Vec<u8>) {
    let mut out = vec![];
    let answer = exchange.handle_datagram(now, source, datagram, &mut out);
    match answer {
        CookieAnswer::Send(length) => assert_eq!(length, out.len()),
        _ => assert_eq!(out, []),
    }
    (answer, out)
}

/// Takes the datagrams of a client to the exchange, and back, until it is verified.
fn verify(exchange: &mut CookieExchange, client: &mut End, now: Instant) -> (VerifiedHello, usize) {
    for rounds in 0..10 {
        for datagram in client.drain_transmit(now) {
            match ask(exchange, now, ALICE, &datagram) {
                (CookieAnswer::Accept(hello), _) => return (hello, rounds),
                (CookieAnswer::Send(_), out) => client.handle(now, out),
                (CookieAnswer::Kept, _) => {}
                (CookieAnswer::Discarded(reason), _) => panic!("{reason}"),
            }
        }
    }
    panic!("never verified: {:?}", client.events);
}

/// A pair whose server was made from a verified hello.
fn connect(client: Config, server: Config) -> Pair {
    let mut exchange = exchange(server.clone());
    let mut pair = Pair::new(client, server.clone(), 3);
    pair.client.connection.start(pair.now);
    let (hello, rounds) = verify(&mut exchange, &mut pair.client, pair.now);
    assert_eq!((rounds, exchange.held_bytes()), (1, 0));
    pair.server.connection = Connection::accept(server, [4; 32], pair.now, hello);
    pair.run(Duration::from_secs(5));
    assert!(pair.both_connected(), "{:?} {:?}", pair.client.events, pair.server.events);
    pair.assert_data_flows();
    pair
}

/// The only handshake fragment in a datagram.
fn only_fragment(datagram: &[u8]) -> (PlaintextHeader, HandshakeType, u16, Vec<u8>) {
    let header = PlaintextHeader::parse(datagram).unwrap();
    let mut body = plywood_octets::Reader::new(&datagram[PlaintextHeader::LENGTH..]);
    let fragment = Fragment::parse(&mut body).unwrap();
    assert!(body.is_empty());
    (header, fragment.header.message_type, fragment.header.message_seq, fragment.body.to_vec())
}

#[test]
fn a_client_of_1_2_connects_behind_a_hello_verify_request() {
    let (client, server) = configs(&provider::rustcrypto());
    let pair = connect(client, server);
    assert_eq!(pair.client.connection.version(), Some(Version::Dtls12));
    // Our first record and message number are those of the second hello (RFC 6347 §4.2.1, §4.2.2).
    let second_hello = only_fragment(&pair.client.sent[1]);
    let server_hello = &pair.server.sent[0];
    let header = PlaintextHeader::parse(server_hello).unwrap();
    assert_eq!((header.sequence, second_hello.2), (second_hello.0.sequence, 1));
    assert_eq!(server_hello[PlaintextHeader::LENGTH + 4..][..2], [0, 1]);
}

#[test]
fn a_client_of_1_3_connects_behind_a_hello_retry_request_whose_transcript_comes_from_the_cookie() {
    let (client, server) = configs_13(&provider::rustcrypto());
    let pair = connect(client, server);
    assert_eq!(pair.client.connection.version(), Some(Version::Dtls13));
    assert_eq!(pair.client.connection.group(), Some(NamedGroup::X25519_MLKEM768));
}

#[test]
fn one_hello_retry_request_asks_for_a_cookie_and_another_group() {
    for groups in [vec![NamedGroup::SECP256R1], vec![NamedGroup::SECP384R1]] {
        let (client, mut server) = configs_13(&provider::rustcrypto());
        server.groups = groups;
        let pair = connect(client, server.clone());
        assert_eq!(pair.client.connection.group(), Some(server.groups[0]));
    }
}

#[test]
fn the_cookie_is_in_the_first_fragment_of_a_long_second_hello() {
    let (mut client, server) = configs_13(&provider::rustcrypto());
    client.mtu_bytes = 300;
    let mut exchange = exchange(server.clone());
    let mut pair = Pair::new(client, server, 3);
    let now = pair.now;
    pair.client.connection.start(now);
    let answers =
        pair.client.drain_transmit(now).into_iter().map(|hello| ask(&mut exchange, now, ALICE, &hello).1);
    let request = answers.last().unwrap();
    let body = only_fragment(&request).3;
    let request_body = plywood_dtls::wire::ServerHello::parse(&body).unwrap();
    let cookie = request_body.extensions.cookie().unwrap().unwrap().to_vec();
    pair.client.handle(now, request);
    let second_hello = pair.client.drain_transmit(now);
    assert!(second_hello.len() > 4, "its share takes over a kilobyte");
    let holds_cookie = |datagram: &Vec<u8>| datagram.windows(cookie.len()).any(|window| window == cookie);
    assert_eq!(second_hello.iter().position(holds_cookie), Some(0));
}

#[test]
fn every_provider_and_suite_of_1_3_restores_the_transcript() {
    for provider in support::providers() {
        for suite in Config::new(
            plywood_dtls::Role::Client,
            support::identity(&provider, support::A_CERTIFICATE, support::A_KEY),
            provider.clone(),
            vec![],
        )
        .cipher_suites
        .into_iter()
        .take(3)
        {
            let (client, mut server) = configs_13(&provider);
            server.cipher_suites = vec![suite];
            server.versions = Versions::ONLY_1_3;
            let pair = connect(client, server);
            assert_eq!(pair.client.connection.suite(), Some(suite));
        }
    }
}

#[test]
fn the_answer_carries_the_numbers_of_the_hello_that_it_answers() {
    let (_, server) = configs(&provider::rustcrypto());
    let mut exchange = exchange(server);
    let mut hello = message(HandshakeType::CLIENT_HELLO, 0, &encode(&client_hello()));
    hello[5..11].copy_from_slice(&[0, 0, 0, 0, 4, 7]);
    let (_, out) = ask(&mut exchange, start_of_time(), ALICE, &hello);
    let (header, kind, seq, body) = only_fragment(&out);
    assert_eq!(
        (header.sequence, header.epoch, kind, seq),
        (0x407, 0, HandshakeType::HELLO_VERIFY_REQUEST, 0)
    );
    // RFC 6347 §4.2.1: version 1.0, whatever will be spoken; at most 32 bytes for the oldest clients.
    assert_eq!((&body[..2], usize::from(body[2])), (&[0xfe, 0xff][..], 17));
}

#[test]
fn nothing_is_kept_of_a_source_that_said_hello() {
    let (_, server) = configs_13(&provider::rustcrypto());
    let mut exchange = exchange(server);
    for source in 0..1000_u32 {
        let hello = if source % 2 == 0 { client_hello() } else { browser_client_hello() };
        let hello = message(HandshakeType::CLIENT_HELLO, 0, &encode(&hello));
        let (answer, _) = ask(&mut exchange, start_of_time(), &source.to_be_bytes(), &hello);
        assert!(matches!(answer, CookieAnswer::Send(_)), "{answer:?}");
        assert_eq!(exchange.held_bytes(), 0);
    }
    assert_eq!(exchange.poll_timeout(), None);
    assert_eq!(exchange.stats().handshake_datagrams_sent, 1000);
}

#[test]
fn an_answer_is_one_datagram_and_smaller_than_the_hello() {
    let (_, mut server) = configs_13(&provider::rustcrypto());
    let mut hellos = vec![client_hello(), browser_client_hello()];
    // A hello of 1.3 with no share at all, as short as one gets.
    let mut short = browser_client_hello();
    short.extensions.push(Extension::new(ExtensionType::KEY_SHARE, |out| out.extend([0, 0])));
    hellos.push(short);
    server.groups = vec![NamedGroup::SECP384R1];
    let mut exchange = exchange(server);
    for hello in hellos {
        let datagram = message(HandshakeType::CLIENT_HELLO, 0, &encode(&hello));
        let (answer, out) = ask(&mut exchange, start_of_time(), MALLORY, &datagram);
        assert!(matches!(answer, CookieAnswer::Send(_)), "{answer:?}");
        assert!(out.len() < datagram.len(), "{} for {}", out.len(), datagram.len());
    }
}

#[test]
fn a_cookie_is_good_for_its_address_and_its_parameters_only() {
    let (_, server) = configs(&provider::rustcrypto());
    let mut exchange = exchange(server);
    let now = start_of_time();
    let mut hello = client_hello();
    let (_, out) = ask(&mut exchange, now, ALICE, &message(HandshakeType::CLIENT_HELLO, 0, &encode(&hello)));
    hello.cookie = only_fragment(&out).3[3..].to_vec();
    let second = |hello: &ClientHello| message(HandshakeType::CLIENT_HELLO, 1, &encode(hello));
    let mut changed = hello.clone();
    changed.random[0] ^= 1;
    // RFC 6347 §4.2.1: a cookie that does not fit counts like none, and gives another one.
    for (source, datagram) in [(MALLORY, second(&hello)), (ALICE, second(&changed))] {
        let (answer, out) = ask(&mut exchange, now, source, &datagram);
        assert!(matches!(answer, CookieAnswer::Send(_)));
        assert_eq!(only_fragment(&out).1, HandshakeType::HELLO_VERIFY_REQUEST);
        assert_eq!(only_fragment(&out).2, 1, "the message number goes on");
    }
    for at in 0..hello.cookie.len() {
        let mut forged = hello.clone();
        forged.cookie[at] ^= 0x80;
        assert!(matches!(ask(&mut exchange, now, ALICE, &second(&forged)).0, CookieAnswer::Send(_)), "{at}");
    }
    for length in [0, 1, 16, 18, 255] {
        let mut forged = hello.clone();
        forged.cookie.resize(length, 0);
        assert!(
            matches!(ask(&mut exchange, now, ALICE, &second(&forged)).0, CookieAnswer::Send(_)),
            "{length}"
        );
    }
    assert!(matches!(ask(&mut exchange, now, ALICE, &second(&hello)).0, CookieAnswer::Accept(_)));
}

#[test]
fn a_wrong_cookie_of_1_3_ends_the_attempt_with_an_alert() {
    let (_, server) = configs_13(&provider::rustcrypto());
    let mut exchange = exchange(server);
    let now = start_of_time();
    let mut hello = browser_client_hello();
    let (_, out) = ask(&mut exchange, now, ALICE, &message(HandshakeType::CLIENT_HELLO, 0, &encode(&hello)));
    let (_, kind, _, body) = only_fragment(&out);
    assert_eq!(kind, HandshakeType::SERVER_HELLO);
    let request = plywood_dtls::wire::ServerHello::parse(&body).unwrap();
    assert!(request.is_hello_retry_request());
    let cookie = request.extensions.cookie().unwrap().unwrap().to_vec();
    for at in 0..cookie.len() {
        let mut forged = cookie.clone();
        forged[at] ^= 1;
        hello.extensions.push(Extension::cookie(&forged));
        let datagram = message(HandshakeType::CLIENT_HELLO, 1, &encode(&hello));
        let (answer, out) = ask(&mut exchange, now, ALICE, &datagram);
        assert_eq!(answer, CookieAnswer::Send(15), "{at}");
        assert_eq!((out[0], &out[13..]), (21, &[2, 47][..]), "illegal_parameter (RFC 9147 §5.1)");
    }
    hello.extensions.push(Extension::cookie(&cookie));
    let datagram = message(HandshakeType::CLIENT_HELLO, 1, &encode(&hello));
    assert_eq!(ask(&mut exchange, now, MALLORY, &datagram).0, CookieAnswer::Send(15));
    assert!(matches!(ask(&mut exchange, now, ALICE, &datagram).0, CookieAnswer::Accept(_)));
}

#[test]
fn keys_change_with_overlap_and_old_cookies_die() {
    let (client, server) = configs(&provider::rustcrypto());
    let lifetime = CookieLimits::default().key_lifetime;
    for (waited, accepted) in [
        (Duration::ZERO, true),
        (lifetime / 2, true),
        (lifetime + Duration::from_secs(1), true),
        (lifetime * 2 + Duration::from_secs(1), false),
        (lifetime * 600, false),
    ] {
        let mut exchange = exchange(server.clone());
        let mut end = End::new(client.clone(), [1; 32], start_of_time());
        let now = start_of_time();
        end.connection.start(now);
        let hello = end.drain_transmit(now).remove(0);
        let (_, out) = ask(&mut exchange, now, ALICE, &hello);
        end.handle(now, out);
        let second = end.drain_transmit(now).remove(0);
        let (answer, _) = ask(&mut exchange, now + waited, ALICE, &second);
        assert_eq!(matches!(answer, CookieAnswer::Accept(_)), accepted, "{waited:?}");
    }
}

#[test]
fn a_client_of_1_2_whose_cookie_died_gets_another_and_connects() {
    let (client, server) = configs(&provider::rustcrypto());
    let mut exchange = exchange(server.clone());
    let mut pair = Pair::new(client, server.clone(), 3);
    pair.client.connection.start(pair.now);
    let hello = pair.client.drain_transmit(pair.now).remove(0);
    let (_, out) = ask(&mut exchange, pair.now, ALICE, &hello);
    pair.client.handle(pair.now, out);
    // The second hello is late by three keys.
    let second = pair.client.drain_transmit(pair.now).remove(0);
    let late = pair.now + CookieLimits::default().key_lifetime * 3;
    let (answer, out) = ask(&mut exchange, late, ALICE, &second);
    assert!(matches!(answer, CookieAnswer::Send(_)));
    pair.client.handle(pair.now, out);
    let third = pair.client.drain_transmit(pair.now).remove(0);
    let (CookieAnswer::Accept(hello), _) = ask(&mut exchange, late, ALICE, &third) else { panic!() };
    pair.server.connection = Connection::accept(server, [4; 32], pair.now, hello);
    pair.run(Duration::from_secs(5));
    assert!(pair.both_connected());
}

#[test]
fn fragments_in_any_order_are_put_together_for_each_source() {
    let (_, server) = configs_13(&provider::rustcrypto());
    let mut exchange = exchange(server);
    let body = encode(&browser_client_hello());
    let piece =
        |from: usize| fragment(HandshakeType::CLIENT_HELLO, 0, &body, from, (from + 500).min(body.len()));
    let now = start_of_time();
    for source in [ALICE, MALLORY] {
        assert_eq!(ask(&mut exchange, now, source, &piece(1000)).0, CookieAnswer::Kept);
        assert_eq!(ask(&mut exchange, now, source, &piece(0)).0, CookieAnswer::Kept);
    }
    assert!(exchange.held_bytes() > 2 * body.len() - 1);
    for source in [ALICE, MALLORY] {
        for from in (500..body.len()).step_by(500) {
            let (answer, _) = ask(&mut exchange, now, source, &piece(from));
            if matches!(answer, CookieAnswer::Send(_)) {
                break;
            }
        }
    }
    assert_eq!(exchange.held_bytes(), 0);
    assert_eq!(exchange.stats().handshake_datagrams_sent, 2);
}

#[test]
fn two_fragments_in_one_datagram_are_a_hello() {
    let (_, server) = configs_13(&provider::rustcrypto());
    let mut exchange = exchange(server);
    let body = encode(&browser_client_hello());
    let halves = [(0, 700), (700, body.len())]
        .map(|(from, to)| fragment(HandshakeType::CLIENT_HELLO, 0, &body, from, to))
        .concat();
    assert!(matches!(ask(&mut exchange, start_of_time(), ALICE, &halves).0, CookieAnswer::Send(_)));
}

#[test]
fn the_pool_of_fragments_is_bounded_whoever_fills_it() {
    let (_, server) = configs_13(&provider::rustcrypto());
    let limits = CookieLimits { max_pool_bytes: 20_000, ..CookieLimits::default() };
    let mut exchange = exchange_with(server, limits);
    let body = vec![7; limits.max_hello_bytes];
    let now = start_of_time();
    for source in 0..5000_u32 {
        let datagram = fragment(HandshakeType::CLIENT_HELLO, 0, &body[..100 + source as usize % 8000], 3, 9);
        assert_eq!(ask(&mut exchange, now, &source.to_be_bytes(), &datagram).0, CookieAnswer::Kept);
        assert!(exchange.held_bytes() <= limits.max_pool_bytes);
    }
    // One source cannot take more than one hello's room, and twice that where its fragments disagree.
    for byte in 0..50 {
        let mut body = body.clone();
        body[..20].fill(byte);
        let datagram = fragment(HandshakeType::CLIENT_HELLO, 0, &body, 0, 20);
        ask(&mut exchange, now, MALLORY, &datagram);
        assert!(exchange.held_bytes() <= limits.max_pool_bytes);
    }
    let too_long = vec![7; limits.max_hello_bytes + 1];
    let (answer, _) =
        ask(&mut exchange, now, ALICE, &fragment(HandshakeType::CLIENT_HELLO, 0, &too_long, 0, 20));
    assert_eq!(answer, CookieAnswer::Discarded(Discard::MessageTooLong));
}

#[test]
fn fragments_that_wait_too_long_are_forgotten() {
    let (_, server) = configs_13(&provider::rustcrypto());
    let mut exchange = exchange(server);
    let body = encode(&browser_client_hello());
    let now = start_of_time();
    let first = fragment(HandshakeType::CLIENT_HELLO, 0, &body, 0, 700);
    assert_eq!(ask(&mut exchange, now, ALICE, &first).0, CookieAnswer::Kept);
    let due = exchange.poll_timeout().unwrap();
    assert_eq!(due, now + CookieLimits::default().fragment_lifetime);
    // Repeating a fragment gives it no more time.
    assert_eq!(ask(&mut exchange, now + Duration::from_millis(900), ALICE, &first).0, CookieAnswer::Kept);
    assert_eq!(exchange.poll_timeout(), Some(due));
    exchange.handle_timeout(now + Duration::from_millis(999));
    assert!(exchange.held_bytes() > 0);
    exchange.handle_timeout(due);
    assert_eq!((exchange.held_bytes(), exchange.poll_timeout()), (0, None));
}

#[test]
fn a_forged_fragment_in_a_clients_name_costs_nothing() {
    let (_, server) = configs_13(&provider::rustcrypto());
    let mut exchange = exchange(server);
    let now = start_of_time();
    let body = encode(&browser_client_hello());
    let forged = fragment(HandshakeType::CLIENT_HELLO, 0, &vec![0; body.len()], 0, 600);
    assert_eq!(ask(&mut exchange, now, ALICE, &forged).0, CookieAnswer::Kept);
    let genuine = |from, to| fragment(HandshakeType::CLIENT_HELLO, 0, &body, from, to);
    let (answer, _) = ask(&mut exchange, now, ALICE, &genuine(0, 700));
    assert_eq!(answer, CookieAnswer::Discarded(Discard::ConflictingFragments), "kept beside the forged one");
    assert!(matches!(ask(&mut exchange, now, ALICE, &genuine(700, body.len())).0, CookieAnswer::Send(_)));
}

#[test]
fn what_is_no_hello_is_dropped_with_its_reason_and_never_answered() {
    let (_, server) = configs_13(&provider::rustcrypto());
    let mut exchange = exchange(server);
    let hello = encode(&client_hello());
    let whole = message(HandshakeType::CLIENT_HELLO, 0, &hello);
    let mut encrypted = whole.clone();
    encrypted[4] = 1;
    let mut version = whole.clone();
    version[2] = 0x01;
    for (datagram, reason) in [
        (vec![], Discard::Truncated),
        (vec![22], Discard::Truncated),
        (whole[..40].to_vec(), Discard::Truncated),
        (vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0], Discard::UnknownContentType),
        (encrypted, Discard::NotAHello),
        (version, Discard::WrongVersion),
        (message(HandshakeType::FINISHED, 0, &[1; 12]), Discard::NotAHello),
        (message(HandshakeType::CLIENT_HELLO, 100, &hello), Discard::NotAHello),
        (record(ContentType::ALERT, 0, 0, &[2, 40]), Discard::NotAHello),
        (record(ContentType::HANDSHAKE, 0, 0, &[1, 0]), Discard::MalformedFragment),
        (message(HandshakeType::CLIENT_HELLO, 0, &hello[..50]), Discard::MalformedHello),
        (message(HandshakeType::CLIENT_HELLO, 0, &[]), Discard::EmptyFragment),
    ] {
        let (answer, _) = ask(&mut exchange, start_of_time(), ALICE, &datagram);
        assert_eq!(answer, CookieAnswer::Discarded(reason), "{datagram:02x?}");
        assert!(exchange.stats().discarded(reason) > 0);
    }
    // RFC 8446 §4.2.2: a ChangeCipherSpec before the hello is passed over.
    let behind = [record(ContentType::CHANGE_CIPHER_SPEC, 0, 0, &[1]), whole].concat();
    assert!(matches!(ask(&mut exchange, start_of_time(), ALICE, &behind).0, CookieAnswer::Send(_)));
}

#[test]
fn a_client_with_nothing_in_common_gets_a_small_alert() {
    let (_, mut server) = configs_13(&provider::rustcrypto());
    server.versions = Versions::ONLY_1_3;
    let mut exchange = exchange(server);
    let hello = message(HandshakeType::CLIENT_HELLO, 0, &encode(&client_hello()));
    let (answer, out) = ask(&mut exchange, start_of_time(), ALICE, &hello);
    assert_eq!((answer, out[14]), (CookieAnswer::Send(15), 70), "protocol_version");
}

/// Whether the client is verified although datagram number `lost`, in either direction, never arrives.
fn verified_without(versions: Versions, lost: usize) -> bool {
    let (mut client, mut server) = configs(&provider::rustcrypto());
    (client.versions, server.versions) = (versions, versions);
    let mut exchange = exchange(server);
    let mut end = End::new(client, [1; 32], start_of_time());
    let (mut now, mut count) = (start_of_time(), 0);
    let mut arrives = || {
        count += 1;
        count != lost
    };
    end.connection.start(now);
    for _ in 0..10 {
        for datagram in end.drain_transmit(now).into_iter().filter(|_| arrives()).collect::<Vec<_>>() {
            match ask(&mut exchange, now, ALICE, &datagram) {
                (CookieAnswer::Accept(_), _) => return true,
                (CookieAnswer::Send(_), out) if arrives() => end.handle(now, out),
                _ => {}
            }
        }
        now = end.connection.poll_timeout().unwrap();
        end.connection.handle_timeout(now);
    }
    false
}

#[test]
fn the_exchange_survives_loss_of_every_datagram_in_turn() {
    for versions in [Versions::ONLY_1_2, Versions::default()] {
        for lost in 0..6 {
            assert!(verified_without(versions, lost), "{versions:?}, datagram {lost} lost");
        }
    }
}

#[test]
fn equal_seeds_give_equal_cookies_and_other_seeds_others() {
    let (_, server) = configs(&provider::rustcrypto());
    let hello = message(HandshakeType::CLIENT_HELLO, 0, &encode(&client_hello()));
    let now = start_of_time();
    let cookie = |seed| {
        let mut exchange = CookieExchange::new(server.clone(), CookieLimits::default(), [seed; 32], now);
        ask(&mut exchange, now, ALICE, &hello).1
    };
    assert_eq!(cookie(1), cookie(1));
    assert_ne!(cookie(1), cookie(2));
}
