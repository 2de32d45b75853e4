//! What only a peer of 1.2 with the keys can do wrong: these tests seal records of any content.
#![expect(clippy::unwrap_used, reason = "test code")]

use super::test_support::{closed, datagrams, deliver, handle, inject, message, now, record_under};
use super::*;
use crate::version::Versions;
use crate::wire::HandshakeType;

fn connection(role: Role) -> Connection {
    test_support::connection(role, Versions::ONLY_1_2)
}

fn connected() -> (Connection, Connection) {
    test_support::connected(Versions::ONLY_1_2)
}

#[test]
fn an_authenticated_fatal_alert_ends_the_connection_and_a_warning_does_not() {
    let (mut client, mut server) = connected();
    let warning = inject(&mut client, &mut server, ContentType::ALERT, &[1, 90]);
    assert_eq!(warning, [Discard::IgnoredAlert]);
    assert_eq!(closed(&mut server), None);
    assert_eq!(inject(&mut client, &mut server, ContentType::ALERT, &[2, 40]), []);
    let reason = CloseReason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE);
    assert_eq!(closed(&mut server), Some(reason));
    assert_eq!(deliver(&mut server, &mut client), 0, "an alert is not answered");
}

#[test]
fn an_authenticated_alert_that_cannot_be_read_is_the_end() {
    let malformed = HandshakeError::MalformedAlert;
    for (body, error) in [
        (&[2][..], malformed),
        (&[2, 40, 0], malformed),
        (&[], malformed),
        (&[66, 10], HandshakeError::UnknownAlertLevel(66)),
    ] {
        let (mut client, mut server) = connected();
        assert_eq!(inject(&mut client, &mut server, ContentType::ALERT, body), []);
        assert_eq!(closed(&mut server), Some(CloseReason::Handshake(error)));
    }
}

#[test]
fn warnings_are_ignored_but_not_for_ever() {
    let (mut client, mut server) = connected();
    for _ in 0..4 {
        let warning = inject(&mut client, &mut server, ContentType::ALERT, &[1, 90]);
        assert_eq!(warning, [Discard::IgnoredAlert]);
    }
    assert_eq!(inject(&mut client, &mut server, ContentType::ALERT, &[1, 90]), []);
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(HandshakeError::TooManyWarnings)));
}

#[test]
fn a_new_message_behind_the_handshake_is_the_end() {
    let (mut client, mut server) = connected();
    // Client hello, certificate, key exchange, verify, finished; then one finished too many.
    let extra = message(HandshakeType::FINISHED, 5, &[0; 12]);
    assert_eq!(inject(&mut client, &mut server, ContentType::HANDSHAKE, &extra), []);
    let error = HandshakeError::HandshakeIsOver(HandshakeType::FINISHED);
    assert_eq!(error.alert(), AlertDescription::UNEXPECTED_MESSAGE);
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(error)));
}

/// A server that has all of the client's flight but the Finished, and the number of that.
fn before_finished() -> (Connection, Connection, u16) {
    let (mut client, mut server) = (connection(Role::Client), connection(Role::Server));
    client.start(now());
    deliver(&mut client, &mut server);
    deliver(&mut server, &mut client);
    let seq = client.engine.take_last_of_flight().unwrap();
    deliver(&mut client, &mut server);
    (client, server, seq)
}

#[test]
fn a_message_that_hides_behind_the_finished_is_refused() {
    let (mut client, mut server, seq) = before_finished();
    let behind = message(HandshakeType::FINISHED, seq + 1, &[0; 12]);
    assert_eq!(inject(&mut client, &mut server, ContentType::HANDSHAKE, &behind), []);
    assert_eq!(closed(&mut server), None, "it waits for the Finished");
    let finished = message(HandshakeType::FINISHED, seq, &[0; 12]);
    assert_eq!(inject(&mut client, &mut server, ContentType::HANDSHAKE, &finished), []);
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(HandshakeError::ExcessHandshakeData)));
}

#[test]
fn a_finished_of_another_length_is_a_decrypt_error() {
    for length in [0, 1, 11, 13, 100] {
        let (mut client, mut server, seq) = before_finished();
        let body = message(HandshakeType::FINISHED, seq, &vec![0; length]);
        assert_eq!(inject(&mut client, &mut server, ContentType::HANDSHAKE, &body), []);
        assert_eq!(HandshakeError::FinishedMismatch.alert(), AlertDescription::DECRYPT_ERROR);
        let reason = CloseReason::Handshake(HandshakeError::FinishedMismatch);
        assert_eq!(closed(&mut server), Some(reason), "{length}");
    }
}

#[test]
fn a_finished_that_comes_again_in_pieces_asks_for_one_repetition() {
    let (mut client, mut server) = connected();
    let finished = message(HandshakeType::FINISHED, 4, &[0; 12]);
    let mut repeated = 0;
    for at in (0..12).step_by(2) {
        let mut piece = finished[..12].to_vec();
        (piece[8], piece[11]) = (at, 2);
        piece.extend_from_slice(&[0; 2]);
        assert_eq!(inject(&mut client, &mut server, ContentType::HANDSHAKE, &piece), []);
        repeated += usize::from(server.engine.flight.is_sending());
        deliver(&mut server, &mut client);
    }
    assert_eq!(repeated, 1);
}

#[test]
fn renegotiation_is_refused_once_in_words_and_then_in_silence() {
    let (mut client, mut server) = connected();
    for kind in [HandshakeType::CLIENT_HELLO, HandshakeType::CLIENT_HELLO, HandshakeType::HELLO_REQUEST] {
        let body = message(kind, 0, &[]);
        let result = inject(&mut client, &mut server, ContentType::HANDSHAKE, &body);
        assert_eq!(result, [Discard::Renegotiation]);
    }
    assert_eq!(deliver(&mut server, &mut client), 1);
    assert_eq!(client.stats().discarded(Discard::IgnoredAlert), 1);
    assert!(client.is_connected() && server.is_connected());
    let request = message(HandshakeType::HELLO_REQUEST, 0, &[]);
    let result = inject(&mut server, &mut client, ContentType::HANDSHAKE, &request);
    assert_eq!(result, [Discard::Renegotiation]);
    assert!(client.is_connected());
}

#[test]
fn a_change_cipher_spec_after_the_handshake_or_with_another_body_changes_nothing() {
    let (mut client, mut server) = connected();
    for body in [&[1][..], &[2], &[1, 1], &[]] {
        let result = inject(&mut client, &mut server, ContentType::CHANGE_CIPHER_SPEC, body);
        assert_eq!(result, [Discard::UnexpectedChangeCipherSpec]);
    }
    assert!(server.is_connected());
}

#[test]
fn the_last_record_number_ends_the_connection_with_a_reason() {
    let (mut client, _) = connected();
    client.skip_to((1 << 48) - 1);
    let mut out = Vec::new();
    let mark = client.begin_record(&mut out).unwrap();
    client.finish_record(&mut out, mark).unwrap();
    assert_eq!(client.begin_record(&mut out), Err(SealError::NumbersExhausted));
    assert_eq!(closed(&mut client), Some(CloseReason::NumbersExhausted));
    assert_eq!(client.begin_record(&mut out), Err(SealError::Closed));
}

#[test]
fn a_finished_with_another_mac_is_refused() {
    let (mut client, mut server, seq) = before_finished();
    let body = message(HandshakeType::FINISHED, seq, &[0; 12]);
    assert_eq!(inject(&mut client, &mut server, ContentType::HANDSHAKE, &body), []);
    let reason = CloseReason::Handshake(HandshakeError::FinishedMismatch);
    assert_eq!(closed(&mut server), Some(reason));
    // The client has sent its ChangeCipherSpec, the server has not: its alert goes out in the clear.
    deliver(&mut server, &mut client);
    assert_eq!(client.stats().discarded(Discard::PlaintextAlert), 1);
}

#[test]
fn a_finished_in_the_clear_is_refused() {
    let (mut client, mut server, seq) = before_finished();
    let finished = message(HandshakeType::FINISHED, seq, &[0; 12]);
    let finished = record_under(&mut client, 0, ContentType::HANDSHAKE, &finished);
    assert_eq!(handle(&mut server, now(), finished), []);
    let reason = CloseReason::Handshake(HandshakeError::WrongEpoch(HandshakeType::FINISHED));
    assert_eq!(closed(&mut server), Some(reason));
}

#[test]
fn a_client_whose_data_overtook_our_final_flight_still_gets_it() {
    // RFC 7918: such a client does not wait for our Finished before it sends data.
    let (mut client, mut server) = all_but_the_final_flight();
    let data = record_under(&mut client, 1, ContentType::APPLICATION_DATA, b"data");
    assert_eq!(handle(&mut server, now(), data), []);
    client.handle_timeout(now() + Duration::from_secs(2));
    deliver(&mut client, &mut server);
    assert_eq!(deliver(&mut server, &mut client), 1);
    assert!(client.is_connected());
}

/// A client that never got the Finished of its server, which is connected.
fn all_but_the_final_flight() -> (Connection, Connection) {
    let (mut client, mut server) = (connection(Role::Client), connection(Role::Server));
    client.start(now());
    deliver(&mut client, &mut server);
    deliver(&mut server, &mut client);
    deliver(&mut client, &mut server);
    assert_eq!(datagrams(&mut server).len(), 1, "it is lost");
    assert!(server.is_connected() && !client.is_connected());
    (client, server)
}

#[test]
fn an_ack_is_a_record_of_unknown_type_in_1_2() {
    let (mut client, mut server) = connected();
    inject(&mut client, &mut server, ContentType::ACK, &[0, 0]);
    let error = HandshakeError::UnexpectedRecordType(ContentType::ACK.0);
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(error)));
}

#[test]
fn nothing_that_comes_too_early_outlives_the_handshake() {
    let (mut client, mut server) = (connection(Role::Client), connection(Role::Server));
    // Epoch 2 of 1.2, which never comes, and a record of 1.3.
    let forged =
        [vec![23, 0xfe, 0xfd, 0, 2, 0, 0, 0, 0, 0, 9, 0, 3, 1, 2, 3], vec![0x2f, 0, 0, 0, 3, 1, 2, 3]];
    client.start(now());
    while deliver(&mut client, &mut server) + deliver(&mut server, &mut client) > 0 {
        for record in forged.clone() {
            handle(&mut client, now(), record.clone());
            handle(&mut server, now(), record);
        }
    }
    for connection in [&mut client, &mut server] {
        assert!(connection.is_connected());
        assert!(connection.early_records.pop().is_none());
    }
}

#[test]
fn records_of_a_few_bytes_that_come_too_early_are_bounded_too() {
    let mut server = connection(Role::Server);
    for _ in 0..10_000 {
        handle(&mut server, now(), vec![0x2f, 0, 0, 0, 0]);
    }
    let kept = std::iter::from_fn(|| server.early_records.pop()).count();
    assert_eq!(kept, 8 * 1024 / 64);
    assert_eq!(server.stats().discarded(Discard::BufferFull), 10_000 - 128);
}

#[test]
fn no_time_that_the_owner_names_makes_a_driver_spin_or_panics() {
    let mut client = connection(Role::Client);
    client.set_initial_timeout(Duration::ZERO);
    client.start(now());
    for _ in 0..5 {
        datagrams(&mut client);
        let due = client.poll_timeout().unwrap();
        client.handle_timeout(due);
        assert!(client.poll_timeout().is_none_or(|next| next > due));
    }
    client.set_round_trip(Duration::MAX);
    client.set_round_trip(Duration::ZERO);
    client.set_initial_timeout(Duration::MAX);
    client.set_round_trip(Duration::MAX);
    let _ = client.poll_timeout();
    client.handle_timeout(now());
}
