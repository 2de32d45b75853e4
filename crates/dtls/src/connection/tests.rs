//! What only a peer with the keys can do wrong: these tests seal records of any content.

use std::sync::Arc;

use plywood_octets::Put;

use super::*;
use crate::identity::Identity;
use crate::provider::rustcrypto;
use crate::wire::{HandshakeHeader, HandshakeType};

const CERTIFICATE: &[u8] = include_bytes!("../../tests/data/a.cert.der");
const KEY: &[u8] = include_bytes!("../../tests/data/a.key.der");

#[expect(clippy::disallowed_methods, reason = "any instant will do as the start of virtual time")]
fn now() -> Instant {
    Instant::now()
}

fn connection(role: Role) -> Connection {
    let provider = rustcrypto();
    let identity = Arc::new(Identity::from_der(&*provider, CERTIFICATE, KEY).unwrap());
    let fingerprints = vec![identity.fingerprint().clone()];
    let mut config = Config::new(role, identity, provider, fingerprints);
    config.versions = crate::Versions::ONLY_1_2;
    Connection::new(config, [3; 32], now())
}

fn deliver(from: &mut Connection, to: &mut Connection) -> usize {
    let (mut out, mut count) = (Vec::new(), 0);
    while let Some(length) = from.poll_transmit(now(), &mut out) {
        let mut at = 0;
        while at < length {
            at = to
                .open_record(now(), &mut out, at)
                .map_or_else(|discarded| discarded.next, |opened| opened.next);
        }
        out.clear();
        count += 1;
    }
    count
}

fn connected() -> (Connection, Connection) {
    let (mut client, mut server) = (connection(Role::Client), connection(Role::Server));
    client.start(now());
    while deliver(&mut client, &mut server) + deliver(&mut server, &mut client) > 0 {}
    assert!(client.is_connected() && server.is_connected());
    (client, server)
}

/// A record with any content, under the keys of `from`, given to `to`.
fn inject(
    from: &mut Connection,
    to: &mut Connection,
    content_type: ContentType,
    body: &[u8],
) -> Result<Opened, Discarded> {
    let mut out = Vec::new();
    let mark = from.engine.records.begin(1, &mut out).unwrap();
    out.put_slice(body);
    from.engine.records.finish(&mut out, mark, content_type).unwrap();
    to.open_record(now(), &mut out, 0)
}

fn closed(connection: &mut Connection) -> Option<CloseReason> {
    std::iter::from_fn(|| connection.poll_event()).find_map(|event| match event {
        Event::Closed(reason) => Some(reason),
        _ => None,
    })
}

fn handshake(kind: HandshakeType, message_seq: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    let header = HandshakeHeader {
        message_type: kind,
        length,
        message_seq,
        fragment_offset: 0,
        fragment_length: length,
    };
    [&header.encode()[..], body].concat()
}

#[test]
fn an_authenticated_fatal_alert_ends_the_connection_and_a_warning_does_not() {
    let (mut client, mut server) = connected();
    let warning = inject(&mut client, &mut server, ContentType::ALERT, &[1, 90]);
    assert_eq!(warning.unwrap_err().reason, Discard::IgnoredAlert);
    assert_eq!(closed(&mut server), None);
    inject(&mut client, &mut server, ContentType::ALERT, &[2, 40]).unwrap();
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
        inject(&mut client, &mut server, ContentType::ALERT, body).unwrap();
        assert_eq!(closed(&mut server), Some(CloseReason::Handshake(error)));
    }
}

#[test]
fn warnings_are_ignored_but_not_for_ever() {
    let (mut client, mut server) = connected();
    for _ in 0..4 {
        let warning = inject(&mut client, &mut server, ContentType::ALERT, &[1, 90]);
        assert_eq!(warning.unwrap_err().reason, Discard::IgnoredAlert);
    }
    inject(&mut client, &mut server, ContentType::ALERT, &[1, 90]).unwrap();
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(HandshakeError::TooManyWarnings)));
}

#[test]
fn a_new_message_behind_the_handshake_is_the_end() {
    let (mut client, mut server) = connected();
    // Client hello, certificate, key exchange, verify, finished; then one finished too many.
    let extra = handshake(HandshakeType::FINISHED, 5, &[0; 12]);
    inject(&mut client, &mut server, ContentType::HANDSHAKE, &extra).unwrap();
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
    let behind = handshake(HandshakeType::FINISHED, seq + 1, &[0; 12]);
    inject(&mut client, &mut server, ContentType::HANDSHAKE, &behind).unwrap();
    assert_eq!(closed(&mut server), None, "it waits for the Finished");
    let finished = handshake(HandshakeType::FINISHED, seq, &[0; 12]);
    inject(&mut client, &mut server, ContentType::HANDSHAKE, &finished).unwrap();
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(HandshakeError::ExcessHandshakeData)));
}

#[test]
fn a_finished_of_another_length_is_a_decrypt_error() {
    for length in [0, 1, 11, 13, 100] {
        let (mut client, mut server, seq) = before_finished();
        let body = handshake(HandshakeType::FINISHED, seq, &vec![0; length]);
        inject(&mut client, &mut server, ContentType::HANDSHAKE, &body).unwrap();
        assert_eq!(HandshakeError::FinishedMismatch.alert(), AlertDescription::DECRYPT_ERROR);
        let reason = CloseReason::Handshake(HandshakeError::FinishedMismatch);
        assert_eq!(closed(&mut server), Some(reason), "{length}");
    }
}

#[test]
fn a_finished_that_comes_again_in_pieces_asks_for_one_repetition() {
    let (mut client, mut server) = connected();
    let finished = handshake(HandshakeType::FINISHED, 4, &[0; 12]);
    let mut repeated = 0;
    for at in (0..12).step_by(2) {
        let mut piece = finished[..12].to_vec();
        (piece[8], piece[11]) = (at, 2);
        piece.extend_from_slice(&[0; 2]);
        inject(&mut client, &mut server, ContentType::HANDSHAKE, &piece).unwrap();
        repeated += usize::from(server.engine.flight.is_sending());
        deliver(&mut server, &mut client);
    }
    assert_eq!(repeated, 1);
}

#[test]
fn renegotiation_is_refused_once_in_words_and_then_in_silence() {
    let (mut client, mut server) = connected();
    for kind in [HandshakeType::CLIENT_HELLO, HandshakeType::CLIENT_HELLO, HandshakeType::HELLO_REQUEST] {
        let body = handshake(kind, 0, &[]);
        let result = inject(&mut client, &mut server, ContentType::HANDSHAKE, &body);
        assert_eq!(result.unwrap_err().reason, Discard::Renegotiation);
    }
    assert_eq!(deliver(&mut server, &mut client), 1);
    assert_eq!(client.stats().discarded(Discard::IgnoredAlert), 1);
    assert!(client.is_connected() && server.is_connected());
    let request = handshake(HandshakeType::HELLO_REQUEST, 0, &[]);
    let result = inject(&mut server, &mut client, ContentType::HANDSHAKE, &request);
    assert_eq!(result.unwrap_err().reason, Discard::Renegotiation);
    assert!(client.is_connected());
}

#[test]
fn a_change_cipher_spec_after_the_handshake_or_with_another_body_changes_nothing() {
    let (mut client, mut server) = connected();
    for body in [&[1][..], &[2], &[1, 1], &[]] {
        let result = inject(&mut client, &mut server, ContentType::CHANGE_CIPHER_SPEC, body);
        assert_eq!(result.unwrap_err().reason, Discard::UnexpectedChangeCipherSpec);
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
    let (mut client, mut server) = (connection(Role::Client), connection(Role::Server));
    client.start(now());
    deliver(&mut client, &mut server);
    deliver(&mut server, &mut client);
    // The client's flight, but with a Finished of zeros.
    let seq = client.engine.take_last_of_flight().unwrap();
    deliver(&mut client, &mut server);
    let body = handshake(HandshakeType::FINISHED, seq, &[0; 12]);
    inject(&mut client, &mut server, ContentType::HANDSHAKE, &body).unwrap();
    let reason = CloseReason::Handshake(HandshakeError::FinishedMismatch);
    assert_eq!(closed(&mut server), Some(reason));
    // The client has sent its ChangeCipherSpec, the server has not: its alert goes out in the clear.
    deliver(&mut server, &mut client);
    assert_eq!(client.stats().discarded(Discard::PlaintextAlert), 1);
}

#[test]
fn a_finished_in_the_clear_is_refused() {
    let (mut client, mut server) = (connection(Role::Client), connection(Role::Server));
    client.start(now());
    deliver(&mut client, &mut server);
    deliver(&mut server, &mut client);
    let seq = client.engine.take_last_of_flight().unwrap();
    deliver(&mut client, &mut server);
    let mut out = Vec::new();
    let mark = client.engine.records.begin(0, &mut out).unwrap();
    out.put_slice(&handshake(HandshakeType::FINISHED, seq, &[0; 12]));
    client.engine.records.finish(&mut out, mark, ContentType::HANDSHAKE).unwrap();
    server.open_record(now(), &mut out, 0).unwrap();
    let reason = CloseReason::Handshake(HandshakeError::WrongEpoch(HandshakeType::FINISHED));
    assert_eq!(closed(&mut server), Some(reason));
}

#[test]
fn the_final_flight_is_forgotten_once_the_client_sends_data() {
    let (mut client, mut server) = connected();
    assert!(!server.engine.flight.is_empty());
    let data = inject(&mut client, &mut server, ContentType::APPLICATION_DATA, b"data").unwrap();
    assert!(data.plaintext.is_some());
    assert!(server.engine.flight.is_empty());
}
