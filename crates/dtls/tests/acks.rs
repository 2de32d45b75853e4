//! When records are acknowledged and flights repeated, to the microsecond in virtual time (RFC 9147 §7, §5.8).
//!
//! ```text
//!   part of a flight came      ACK after timeout / 4        what an ACK left out     again after timeout / 16
//!   nothing came               everything after timeout     an ACK in the clear      believed for one repetition
//! ```
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::{Duration, Instant};

use plywood_dtls::wire::{Fragment, HandshakeHeader, PlaintextHeader};
use plywood_dtls::{Config, Discard, provider};
use support::forge::{fragments, record};
use support::{End, Pair, configs, configs_13};

const TIMEOUT: Duration = Duration::from_millis(400);
const HANDSHAKE: u8 = 22;
const ACK: u8 = 26;

/// Two ends with round timeouts.
fn pair(change: impl FnOnce(&mut Config, &mut Config)) -> Pair {
    let (mut client, mut server) = configs_13(&provider::rustcrypto());
    (client.initial_timeout, server.initial_timeout) = (TIMEOUT, TIMEOUT);
    change(&mut client, &mut server);
    let mut pair = Pair::new(client, server, 5);
    pair.start();
    pair
}

/// How long until this end wants to be called.
fn wait(end: &End, now: Instant) -> Option<Duration> {
    let give_up = Duration::from_secs(30);
    end.connection.poll_timeout().map(|at| at - now).filter(|wait| *wait < give_up)
}

/// Lets time pass for one end and tells what it sends then.
fn pass(end: &mut End, now: &mut Instant, time: Duration) -> Vec<Vec<u8>> {
    *now += time;
    end.connection.handle_timeout(*now);
    end.drain_transmit(*now)
}

/// A record of epoch 0 with the first `count` bytes of what a fragment holds.
fn piece((header, body): &(HandshakeHeader, Vec<u8>), count: usize, sequence: u64) -> Vec<u8> {
    let mut header = *header;
    header.fragment_length = u32::try_from(count).unwrap();
    let mut out = vec![];
    Fragment { header, body: &body[..count] }.encode(&mut out);
    record(plywood_dtls::wire::ContentType::HANDSHAKE, 0, sequence, &out)
}

/// A server that asked for a cookie, and the client's second hello.
fn asked() -> (Pair, Vec<Vec<u8>>) {
    let mut pair = pair(|_, server| server.require_cookie = true);
    for datagram in pair.client.drain_transmit(pair.now) {
        pair.server.handle(pair.now, datagram);
    }
    for datagram in pair.server.drain_transmit(pair.now) {
        pair.client.handle(pair.now, datagram);
    }
    let second = pair.client.drain_transmit(pair.now);
    (pair, second)
}

#[test]
fn part_of_a_second_hello_is_acknowledged_after_a_quarter_of_the_timeout_and_ends_the_repetitions() {
    let (mut pair, second) = asked();
    let hello = fragments(&second);
    pair.server.handle(pair.now, piece(&hello[0], 100, 50));
    assert_eq!(wait(&pair.server, pair.now), Some(TIMEOUT / 4));
    let sent = pass(&mut pair.server, &mut pair.now, TIMEOUT / 4);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0][0], ACK);
    assert_eq!(
        sent[0][13..],
        [0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50],
        "of epoch 0, number 50"
    );
    assert_eq!(wait(&pair.server, pair.now), None);
    assert!(pass(&mut pair.server, &mut pair.now, 10 * TIMEOUT).is_empty());
    // What was there before still counts.
    second.into_iter().for_each(|datagram| pair.server.handle(pair.now, datagram));
    assert!(pair.server.drain_transmit(pair.now).len() > 1);
}

#[test]
fn before_the_address_is_proven_an_ack_is_never_longer_than_what_it_answers() {
    let (mut pair, second) = asked();
    let forged = &fragments(&second)[0];
    let mut sequence = 50;
    for pieces in [40, 1, 1, 3, 1, 2] {
        let mut heard = 0;
        for _ in 0..pieces {
            let datagram = piece(forged, 1, sequence);
            sequence += 1;
            heard += datagram.len();
            pair.server.handle(pair.now, datagram);
        }
        let sent = pass(&mut pair.server, &mut pair.now, TIMEOUT / 4);
        let said: usize = sent.iter().map(Vec::len).sum();
        assert!(said <= heard, "{pieces} pieces of {heard} bytes together drew {said}");
        assert_eq!(said > 0, pieces > 1, "one byte of a hello is too little to answer");
    }
}

#[test]
fn a_forged_piece_of_a_hello_does_not_keep_an_honest_client_from_its_answer() {
    let mut pair = pair(|_, server| server.require_cookie = true);
    let first = pair.client.drain_transmit(pair.now);
    first.iter().for_each(|datagram| pair.server.handle(pair.now, datagram.clone()));
    assert_eq!(pair.server.drain_transmit(pair.now).len(), 1, "it is lost");
    let mut forged = fragments(&first)[0].clone();
    forged.0.message_seq = 1;
    pair.server.handle(pair.now, piece(&forged, 100, 50));
    assert_eq!(pass(&mut pair.server, &mut pair.now, TIMEOUT / 4).len(), 1, "an ACK, and no more from here");
    // The client repeats itself, and the server its answer.
    pair.run_until_connected(3 * TIMEOUT);
    assert!(pair.both_connected());
}

#[test]
fn an_ack_that_waits_follows_a_change_of_the_timeout() {
    let (mut pair, second) = asked();
    pair.server.handle(pair.now, piece(&fragments(&second)[0], 100, 50));
    pair.server.connection.set_initial_timeout(TIMEOUT / 2);
    assert_eq!(wait(&pair.server, pair.now), Some(TIMEOUT / 8));
    assert_eq!(pass(&mut pair.server, &mut pair.now, TIMEOUT / 8).len(), 1);
}

#[test]
fn a_record_with_a_dropped_fragment_is_not_acknowledged() {
    let (mut pair, second) = asked();
    let hello = fragments(&second);
    // A piece of the hello, and in the same record one of a message far away.
    let mut body = piece(&hello[0], 100, 0)[13..].to_vec();
    let mut far = hello[0].0;
    (far.message_seq, far.length, far.fragment_length) = (1000, 0, 0);
    Fragment { header: far, body: &[] }.encode(&mut body);
    pair.server.handle(pair.now, record(plywood_dtls::wire::ContentType::HANDSHAKE, 0, 50, &body));
    assert_eq!(pair.server.discards, [Discard::FragmentTooFarAhead]);
    assert_eq!(wait(&pair.server, pair.now), None, "no ACK; and the client is heard, so no repetition");
}

#[test]
fn what_comes_again_is_acknowledged_while_the_retransmission_timer_goes_on() {
    let mut pair = pair(|_, server| server.require_cookie = true);
    for datagram in pair.client.drain_transmit(pair.now) {
        pair.server.handle(pair.now, datagram);
    }
    let request = pair.server.drain_transmit(pair.now);
    pair.client.handle(pair.now, request[0].clone());
    let hello = pair.client.drain_transmit(pair.now).len();
    let again = fragments(&request);
    pair.client.handle(pair.now, piece(&again[0], 1, 7));
    assert_eq!(wait(&pair.client, pair.now), Some(TIMEOUT / 4));
    let sent = pass(&mut pair.client, &mut pair.now, TIMEOUT / 4);
    assert_eq!((sent.len(), sent[0][0], &sent[0][1..3]), (1, ACK, &[0xfe, 0xfd][..]));
    assert_eq!(wait(&pair.client, pair.now), Some(TIMEOUT * 3 / 4));
    assert_eq!(pass(&mut pair.client, &mut pair.now, TIMEOUT * 3 / 4).len(), hello);
    assert_eq!(wait(&pair.client, pair.now), Some(2 * TIMEOUT));
    // Both at once: the ACK goes first.
    pair.client.handle(pair.now, piece(&again[0], 1, 8));
    assert_eq!(wait(&pair.client, pair.now), Some(TIMEOUT / 2));
    let sent = pass(&mut pair.client, &mut pair.now, 2 * TIMEOUT);
    assert_eq!(sent.iter().map(|datagram| datagram[0]).collect::<Vec<_>>()[..2], [ACK, HANDSHAKE]);
}

#[test]
fn a_client_repeats_its_hello_until_something_comes_under_keys() {
    let mut pair = pair(|client, server| (client.mtu_bytes, server.mtu_bytes) = (256, 256));
    let hello = pair.client.drain_transmit(pair.now);
    hello.iter().for_each(|datagram| pair.server.handle(pair.now, datagram.clone()));
    let flight = pair.server.drain_transmit(pair.now);
    // The ServerHello, and what stands behind it in its last datagram.
    let plaintext = flight.iter().take_while(|datagram| datagram[0] == HANDSHAKE).count();
    assert!(plaintext > 1, "a ServerHello with a hybrid share takes several");
    for datagram in &flight[..plaintext] {
        let length = usize::from(PlaintextHeader::parse(datagram).unwrap().length);
        pair.client.handle(pair.now, datagram[..PlaintextHeader::LENGTH + length].to_vec());
    }
    // The version is known, but anyone could have written this.
    assert_eq!(wait(&pair.client, pair.now), Some(TIMEOUT));
    assert_eq!(pass(&mut pair.client, &mut pair.now, TIMEOUT).len(), hello.len());
    pair.client.handle(pair.now, flight[plaintext].clone());
    assert_eq!(wait(&pair.client, pair.now), Some(2 * TIMEOUT / 4));
    assert_eq!(pass(&mut pair.client, &mut pair.now, TIMEOUT / 2).len(), 1, "an ACK under the new keys");
    assert_eq!(wait(&pair.client, pair.now), None);
}

#[test]
fn in_1_2_part_of_the_next_flight_does_not_stop_the_timer_and_is_remembered() {
    let (mut client, mut server) = configs(&provider::rustcrypto());
    (client.initial_timeout, server.initial_timeout, server.mtu_bytes) = (TIMEOUT, TIMEOUT, 256);
    let mut pair = Pair::new(client, server, 5);
    pair.start();
    let hello = pair.client.drain_transmit(pair.now);
    hello.iter().for_each(|datagram| pair.server.handle(pair.now, datagram.clone()));
    let flight = pair.server.drain_transmit(pair.now);
    let (last, first) = flight.split_last().unwrap();
    first.iter().for_each(|datagram| pair.client.handle(pair.now, datagram.clone()));
    assert_eq!(wait(&pair.client, pair.now), Some(TIMEOUT));
    assert_eq!(pass(&mut pair.client, &mut pair.now, TIMEOUT).len(), hello.len());
    pair.client.handle(pair.now, last.clone());
    assert!(pair.client.drain_transmit(pair.now).len() == 1, "the next flight");
}

#[test]
fn many_key_updates_are_one_ack_after_a_quarter_of_the_timeout() {
    let mut pair = pair(|_, _| {});
    pair.run_until_connected(10 * TIMEOUT);
    pair.run(10 * TIMEOUT);
    for _ in 0..3 {
        pair.client.connection.update_keys(pair.now, false);
        let update = pair.client.drain_transmit(pair.now);
        assert_eq!(update.len(), 1);
        pair.server.handle(pair.now, update[0].clone());
        pair.server.handle(pair.now, update[0].clone());
        assert_eq!(pair.server.drain_transmit(pair.now).len(), 0);
        assert_eq!(wait(&pair.server, pair.now), Some(TIMEOUT / 4));
        let acks = pass(&mut pair.server, &mut pair.now, TIMEOUT / 4);
        assert_eq!(acks.len(), 1);
        pair.client.handle(pair.now, acks[0].clone());
        assert_eq!(wait(&pair.client, pair.now), None, "the new keys are in use");
    }
    pair.assert_data_flows();
}

#[test]
fn a_client_is_told_at_once_that_its_last_flight_is_there() {
    let mut pair = pair(|_, _| {});
    while !pair.client.connection.is_connected() {
        pair.step(pair.start + 10 * TIMEOUT);
    }
    let last = pair.client.drain_transmit(pair.now);
    last.iter().for_each(|datagram| pair.server.handle(pair.now, datagram.clone()));
    assert_eq!(pair.server.drain_transmit(pair.now).len(), 1, "an ACK");
    // It is lost; what comes again is acknowledged again, after a while.
    let again = pass(&mut pair.client, &mut pair.now, TIMEOUT);
    again.iter().for_each(|datagram| pair.server.handle(pair.now, datagram.clone()));
    assert_eq!(wait(&pair.server, pair.now), Some(TIMEOUT / 4));
    let acks = pass(&mut pair.server, &mut pair.now, TIMEOUT / 4);
    pair.client.handle(pair.now, acks[0].clone());
    assert_eq!(wait(&pair.client, pair.now), None);
}

#[test]
fn encrypted_messages_share_records_and_records_share_datagrams() {
    let mut pair = pair(|client, server| (client.mtu_bytes, server.mtu_bytes) = (1200, 1200));
    for datagram in pair.client.drain_transmit(pair.now) {
        pair.server.handle(pair.now, datagram);
    }
    let flight = pair.server.drain_transmit(pair.now);
    assert!(flight.iter().rev().skip(1).all(|datagram| datagram.len() > 1150), "all but the last are full");
    // Six messages of one flight: ServerHello in the clear, five under keys in as many records as datagrams.
    assert!(pair.server.connection.stats().records_sent <= flight.len() as u64 + 2);
}
