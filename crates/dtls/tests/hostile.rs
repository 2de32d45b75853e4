//! Attackers who can send and copy datagrams, and peers that skip what they should do.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::wire::certificate::Certificate;
use plywood_dtls::wire::client_key_exchange::ClientKeyExchange;
use plywood_dtls::wire::codes::NamedGroup;
use plywood_dtls::wire::{ContentType, HandshakeType};
use plywood_dtls::{CloseReason, Discard, HandshakeError, provider};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use support::forge::{client_hello, encode, fragment, message, record};
use support::{A_CERTIFICATE, End, Pair, configs, configs_13, start_of_time};

const TEN_SECONDS: Duration = Duration::from_secs(10);

/// A server that got a good ClientHello and waits for the client's flight, message 1 on.
fn waiting_server() -> End {
    let (_, config) = configs(&provider::rustcrypto());
    let mut end = End::new(config, [1; 32], start_of_time());
    end.handle(start_of_time(), message(HandshakeType::CLIENT_HELLO, 0, &encode(&client_hello())));
    assert_eq!(end.drain_transmit(start_of_time()).len(), 1);
    end
}

fn certificate(der: Option<&[u8]>) -> Vec<u8> {
    let mut body = vec![];
    Certificate::encode(der, &mut body);
    message(HandshakeType::CERTIFICATE, 1, &body)
}

fn key_exchange(message_seq: u16, share: &[u8]) -> Vec<u8> {
    let mut body = vec![];
    ClientKeyExchange { share }.encode(&mut body);
    message(HandshakeType::CLIENT_KEY_EXCHANGE, message_seq, &body)
}

/// The base point of Curve25519: a share like any other.
fn a_share() -> [u8; 32] {
    let mut share = [0; 32];
    share[0] = 9;
    share
}

fn server_failure(datagrams: &[Vec<u8>]) -> HandshakeError {
    let mut end = waiting_server();
    for datagram in datagrams {
        end.handle(start_of_time(), datagram.clone());
    }
    match end.close_reason() {
        Some(CloseReason::Handshake(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn unexpected(received: HandshakeType, expected: HandshakeType) -> HandshakeError {
    HandshakeError::UnexpectedMessage { received, expected }
}

#[test]
fn a_client_certificate_without_certificate_verify_is_refused() {
    let finished = message(HandshakeType::FINISHED, 3, &[0; 12]);
    assert_eq!(
        server_failure(&[certificate(Some(A_CERTIFICATE)), key_exchange(2, &a_share()), finished]),
        unexpected(HandshakeType::FINISHED, HandshakeType::CERTIFICATE_VERIFY)
    );
}

#[test]
fn an_empty_client_certificate_is_refused() {
    assert_eq!(server_failure(&[certificate(None)]), HandshakeError::NoCertificate);
}

#[test]
fn a_certificate_left_out_altogether_is_refused() {
    assert_eq!(
        server_failure(&[key_exchange(1, &a_share())]),
        unexpected(HandshakeType::CLIENT_KEY_EXCHANGE, HandshakeType::CERTIFICATE)
    );
}

#[test]
fn a_certificate_verify_made_with_another_key_is_refused() {
    let signed = [&[4, 3, 0, 8][..], &[0x30, 6, 2, 1, 1, 2, 1, 1]].concat();
    assert_eq!(
        server_failure(&[
            certificate(Some(A_CERTIFICATE)),
            key_exchange(2, &a_share()),
            message(HandshakeType::CERTIFICATE_VERIFY, 3, &signed),
        ]),
        HandshakeError::BadSignature { message: HandshakeType::CERTIFICATE_VERIFY }
    );
}

#[test]
fn a_share_of_low_order_is_refused() {
    assert_eq!(
        server_failure(&[certificate(Some(A_CERTIFICATE)), key_exchange(2, &[0; 32])]),
        HandshakeError::BadKeyShare(NamedGroup::X25519)
    );
    assert_eq!(
        server_failure(&[certificate(Some(A_CERTIFICATE)), key_exchange(2, &[9; 31])]),
        HandshakeError::BadKeyShare(NamedGroup::X25519)
    );
}

#[test]
fn messages_out_of_order_are_refused_in_every_state() {
    let kinds = [
        HandshakeType::SERVER_HELLO,
        HandshakeType::NEW_SESSION_TICKET,
        HandshakeType::CERTIFICATE_REQUEST,
        HandshakeType::FINISHED,
        HandshakeType::KEY_UPDATE,
        HandshakeType(99),
    ];
    for kind in kinds {
        // What only a server says is dropped by one: our own flight, reflected, must not end the handshake.
        if !matches!(kind, HandshakeType::SERVER_HELLO | HandshakeType::CERTIFICATE_REQUEST) {
            let error = server_failure(&[message(kind, 1, &[0; 4])]);
            assert_eq!(error, unexpected(kind, HandshakeType::CERTIFICATE));
        }
        let mut pair = Pair::perfect(&provider::rustcrypto());
        pair.start();
        if kind != HandshakeType::SERVER_HELLO {
            pair.client.handle(pair.now, message(kind, 0, &[0; 4]));
            let reason = CloseReason::Handshake(unexpected(kind, HandshakeType::SERVER_HELLO));
            assert_eq!(pair.client.close_reason(), Some(reason));
        }
    }
}

#[test]
fn a_hello_request_during_the_handshake_is_ignored() {
    for both in [configs, configs_13] {
        let (client, server) = both(&provider::rustcrypto());
        let mut pair = Pair::new(client, server, 1);
        pair.start();
        let deadline = pair.start + TEN_SECONDS;
        while !pair.both_connected() && pair.step(deadline) {
            for message_seq in 0..8 {
                let forged = message(HandshakeType::HELLO_REQUEST, message_seq, &[]);
                pair.client.handle(pair.now, forged.clone());
                pair.server.handle(pair.now, forged);
            }
        }
        assert!(pair.both_connected(), "{:?} {:?}", pair.client.events, pair.server.events);
        assert!(pair.client.connection.stats().discarded(Discard::Renegotiation) > 0);
        assert_eq!(pair.client.connection.stats().flights_resent, 0);
    }
}

#[test]
fn a_second_client_hello_in_the_middle_of_a_handshake_is_refused_or_ignored() {
    let again = message(HandshakeType::CLIENT_HELLO, 1, &encode(&client_hello()));
    assert_eq!(server_failure(&[again]), unexpected(HandshakeType::CLIENT_HELLO, HandshakeType::CERTIFICATE));
    // With the number of the first it is a repetition, or somebody else's: nothing happens.
    let mut end = waiting_server();
    end.handle(start_of_time(), message(HandshakeType::CLIENT_HELLO, 0, &[0; 40]));
    assert!(!end.connection.is_closed());
}

#[test]
fn application_data_in_the_clear_is_never_delivered() {
    let data = record(ContentType::APPLICATION_DATA, 0, 9, b"forged");
    let mut end = waiting_server();
    end.handle(start_of_time(), data.clone());
    assert_eq!(end.discards, [Discard::PlaintextApplicationData]);
    let mut pair = Pair::connected(&provider::rustcrypto());
    pair.client.handle(pair.now, data.clone());
    pair.server.handle(pair.now, data);
    assert_eq!(pair.client.discards, [Discard::UnknownEpoch]);
    assert!(pair.client.received.is_empty() && pair.server.received.is_empty());
}

#[test]
fn data_that_overtakes_the_finished_is_queued_and_handed_out_after_connected() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.start();
    while !pair.server.connection.is_connected() {
        pair.step(pair.start + TEN_SECONDS);
    }
    // The server's data arrives before its Finished: its keys are there, but it is not verified yet.
    let flight = pair.server.drain_transmit(pair.now);
    for text in [&b"one"[..], b"two"] {
        let record = pair.server.seal(text);
        pair.client.handle(pair.now, record);
    }
    assert!(pair.client.received.is_empty());
    assert!(pair.client.connection.poll_early_data().is_none());
    for datagram in flight {
        pair.client.handle(pair.now, datagram);
    }
    assert_eq!(pair.client.received, [b"one", b"two"]);
}

#[test]
fn early_data_is_bounded() {
    let (mut client, server) = configs(&provider::rustcrypto());
    client.max_early_data_bytes = 2500;
    let mut pair = Pair::new(client, server, 1);
    pair.start();
    while !pair.server.connection.is_connected() {
        pair.step(pair.start + TEN_SECONDS);
    }
    let flight = pair.server.drain_transmit(pair.now);
    for _ in 0..10 {
        let record = pair.server.seal(&[5; 1000]);
        pair.client.handle(pair.now, record);
    }
    assert_eq!(pair.client.connection.stats().discarded(Discard::BufferFull), 8);
    flight.into_iter().for_each(|datagram| pair.client.handle(pair.now, datagram));
    assert_eq!(pair.client.received.len(), 2);
}

#[test]
fn records_before_their_keys_are_kept_up_to_a_bound() {
    let mut end = waiting_server();
    for sequence in 0..100 {
        end.handle(start_of_time(), record(ContentType::APPLICATION_DATA, 1, sequence, &[0; 1000]));
    }
    assert_eq!(end.connection.stats().discarded(Discard::BufferFull), 100 - 8);
    end.handle(start_of_time(), record(ContentType::APPLICATION_DATA, 2, 0, &[0; 10]));
    assert_eq!(end.connection.stats().discarded(Discard::UnknownEpoch), 1);
}

#[test]
fn a_finished_that_overtakes_its_flight_is_used_once_the_keys_are_there() {
    let (mut client, server) = configs(&provider::rustcrypto());
    client.mtu_bytes = 256;
    let mut pair = Pair::new(client, server, 1);
    pair.start();
    while pair.server.sent.is_empty() {
        pair.step(pair.start + TEN_SECONDS);
    }
    let flight = pair.client.drain_transmit(pair.now);
    assert!(flight.len() > 2);
    for datagram in flight.into_iter().rev() {
        pair.server.handle(pair.now, datagram);
    }
    assert!(pair.server.connection.is_connected());
    assert!(pair.server.discards.is_empty());
}

/// Whatever an attacker without the keys sends beside a handshake, it ends well, and soon.
#[test]
fn garbage_stray_hellos_and_alerts_do_not_disturb_a_handshake() {
    for seed in 0..60 {
        let (client, server) = configs(&provider::rustcrypto());
        let mut pair = Pair::new(client, server, seed);
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        pair.start();
        let deadline = pair.start + Duration::from_secs(60);
        while !pair.both_connected() {
            let forged = forgery(&mut rng, &pair.server.sent);
            pair.client.handle(pair.now, forged);
            let forged = forgery(&mut rng, &pair.client.sent);
            pair.server.handle(pair.now, forged);
            assert!(pair.step(deadline), "seed {seed}: {:?} {:?}", pair.client.events, pair.server.events);
        }
        assert!(pair.elapsed() < Duration::from_secs(4), "seed {seed}: {:?}", pair.elapsed());
        pair.assert_data_flows();
    }
}

/// Something that is not from the peer: never a complete message with the number that comes next.
fn forgery(rng: &mut ChaCha20Rng, sent: &[Vec<u8>]) -> Vec<u8> {
    let copied =
        if sent.is_empty() { vec![22; 40] } else { sent[rng.next_u32() as usize % sent.len()].clone() };
    match rng.next_u32() % 8 {
        0 => (0..rng.next_u32() % 200).map(|_| rng.next_u32().to_be_bytes()[0]).collect(),
        1 => record(ContentType::ALERT, 0, 1, &[2, 40]),
        2 => record(ContentType::ALERT, 0, 1, &[1, 0]),
        3 => record(ContentType::ALERT, 1, u64::from(rng.next_u32()), &[0; 26]),
        4 => record(ContentType::CHANGE_CIPHER_SPEC, 0, 1, &[1]),
        // Old numbers: a ClientHello, a ServerHello; a far one.
        5 => message(HandshakeType::CLIENT_HELLO, 200, &encode(&client_hello())),
        6 => copied[..rng.next_u32() as usize % copied.len()].to_vec(),
        // A record of theirs with a byte changed, under keys that nobody has.
        _ => {
            let mut damaged = copied;
            let at = rng.next_u32() as usize % damaged.len();
            let header = damaged.len().min(5);
            damaged[header.min(3)..header].fill(1);
            damaged[at] ^= 0x40;
            if damaged[0] == 22 {
                damaged[0] = 23;
            }
            damaged
        }
    }
}

#[test]
fn a_forged_fragment_costs_a_retransmission_and_no_more() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    // The first fragment of a hello that never existed, with another length; then, twice, of the next messages.
    for message_seq in [0, 1, 2] {
        let forged = fragment(HandshakeType::CLIENT_HELLO, message_seq, &[0; 30_000], 0, 100);
        pair.server.handle(pair.now, forged);
    }
    pair.start();
    pair.run_until_connected(Duration::from_secs(60));
    assert!(pair.both_connected(), "{:?}", pair.server.events);
    assert!(pair.elapsed() < Duration::from_secs(4), "{:?}", pair.elapsed());
    assert!(pair.server.connection.stats().discarded(Discard::ConflictingFragments) > 0);
}

#[test]
fn every_datagram_replayed_changes_nothing() {
    let mut pair = Pair::connected(&provider::rustcrypto());
    let datagrams = [pair.client.seal(b"once"), pair.client.seal(b"twice")];
    datagrams.iter().for_each(|datagram| pair.server.handle(pair.now, datagram.clone()));
    assert_eq!(pair.server.received.len(), 2);
    let (to_server, to_client) = (pair.client.sent.clone(), pair.server.sent.clone());
    for _ in 0..2 {
        to_server
            .iter()
            .chain(&datagrams)
            .for_each(|datagram| pair.server.handle(pair.now, datagram.clone()));
        to_client.iter().for_each(|datagram| pair.client.handle(pair.now, datagram.clone()));
    }
    assert_eq!(pair.server.received.len(), 2);
    pair.pump();
    assert_eq!((pair.client.sent.len(), pair.server.sent.len()), (to_server.len(), to_client.len()));
    assert!(pair.server.connection.stats().discarded(Discard::Replayed) >= 4);
    pair.assert_data_flows();
}

#[test]
fn datagrams_of_another_connection_are_dropped() {
    let provider = provider::rustcrypto();
    let mut one = Pair::connected(&provider);
    let (client, server) = configs(&provider);
    let mut other = Pair::new(client, server, 99);
    other.start();
    other.run(TEN_SECONDS);
    let foreign = other.client.seal(b"foreign");
    one.server.handle(one.now, foreign);
    assert_eq!(one.server.discards, [Discard::NotAuthentic]);
    one.assert_data_flows();
}

#[test]
fn a_changed_hello_is_noticed_by_the_signatures() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.start();
    let mut hello = pair.client.drain_transmit(pair.now).remove(0);
    hello[13 + 12 + 2] ^= 1; // the random
    pair.send(true, &hello);
    pair.run(Duration::from_millis(100));
    let error = HandshakeError::BadSignature { message: HandshakeType::SERVER_KEY_EXCHANGE };
    assert_eq!(pair.client.close_reason(), Some(CloseReason::Handshake(error)));

    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.start();
    let mut hello = pair.client.drain_transmit(pair.now).remove(0);
    let second_suite = 13 + 12 + 2 + 32 + 1 + 1 + 2 + 2;
    hello[second_suite] ^= 1; // not the one that will be chosen
    pair.send(true, &hello);
    pair.run(Duration::from_millis(100));
    let error = HandshakeError::BadSignature { message: HandshakeType::CERTIFICATE_VERIFY };
    assert_eq!(pair.server.close_reason(), Some(CloseReason::Handshake(error)));
}

#[test]
fn a_connection_that_failed_stays_failed_and_quiet() {
    let mut end = waiting_server();
    end.handle(start_of_time(), certificate(None));
    assert_eq!(end.drain_transmit(start_of_time()).len(), 1);
    let events = end.events.len();
    for datagram in [certificate(Some(A_CERTIFICATE)), key_exchange(2, &a_share()), vec![22; 100]] {
        end.handle(start_of_time(), datagram);
    }
    end.connection.start(start_of_time());
    end.connection.handle_timeout(start_of_time() + TEN_SECONDS);
    end.connection.close(start_of_time());
    assert_eq!(end.drain_transmit(start_of_time()).len(), 0);
    end.drain_events();
    assert_eq!(end.events.len(), events);
    assert_eq!(end.connection.poll_timeout(), None);
}
