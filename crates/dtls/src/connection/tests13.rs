//! What only a peer of 1.3 with the keys can do wrong, and what nobody without them can do.
#![expect(clippy::panic, clippy::unwrap_used, reason = "test code")]

use super::test_support::{
    a_while_later, closed, datagrams, deliver, handle, inject, message, now, record, record_under, settle,
};
use super::*;
use crate::records::RecordNumber;
use crate::version::Versions;
use crate::wire::ack::Ack;
use crate::wire::record::MAX_PLAINTEXT;
use crate::wire::{
    ClientHello, Extension, ExtensionType, Extensions, HandshakeType, ProtocolVersion, ServerHello,
};

fn connection(role: Role) -> Connection {
    test_support::connection(role, Versions::ONLY_1_3)
}

fn connected() -> (Connection, Connection) {
    test_support::connected(Versions::ONLY_1_3)
}

fn data(from: &mut Connection) -> Vec<u8> {
    record(from, ContentType::APPLICATION_DATA, b"data")
}

/// The number of the next message of a side whose flight was: client hello, certificate, verify, finished.
const NEXT_OF_CLIENT: u16 = 4;
/// The same for: server hello, encrypted extensions, certificate request, certificate, verify, finished.
const NEXT_OF_SERVER: u16 = 6;

/// Goes on under new keys without waiting for an ACK.
fn write_under_next_keys(connection: &mut Connection) {
    if let Phase::Established13(established) = &mut connection.phase {
        established.want_update(KeyUpdate { update_requested: false });
        established.begin_update(&mut connection.engine, now());
        established.on_acknowledged(&mut connection.engine).unwrap();
        connection.engine.flight.clear();
    }
}

#[test]
fn every_form_of_the_unified_header_is_read() {
    let (mut client, mut server) = connected();
    let mut whole = data(&mut client);
    assert_eq!(whole[0], 0x2f);
    let opened = server.open_record(now(), &mut whole, 0).unwrap();
    assert_eq!(&whole[opened.plaintext.unwrap()], b"data");
    // A connection id was not negotiated.
    let mut with_id = data(&mut client);
    with_id[0] |= 0x10;
    assert_eq!(handle(&mut server, now(), with_id), [Discard::UnknownConnectionId]);
    // Without a length the record goes to the end; the header is authenticated, so this one is not genuine.
    let mut without_length = data(&mut client);
    without_length[0] &= !0x04;
    assert_eq!(handle(&mut server, now(), without_length), [Discard::NotAuthentic]);
}

#[test]
fn short_and_damaged_records_change_nothing() {
    let (mut client, mut server) = connected();
    let genuine = data(&mut client);
    for length in 0..genuine.len() {
        let discards = handle(&mut server, now(), genuine[..length].to_vec());
        assert!(length == 0 || discards == [Discard::Truncated], "{length}: {discards:?}");
    }
    for ciphertext in 0..16 {
        let mut short = vec![0x2f, 0, 0, 0, ciphertext];
        short.resize(5 + usize::from(ciphertext), 7);
        assert_eq!(handle(&mut server, now(), short), [Discard::NotAuthentic]);
    }
    for at in 1..genuine.len() {
        let mut damaged = genuine.clone();
        damaged[at] ^= 0x40;
        assert_eq!(handle(&mut server, now(), damaged).len(), 1, "{at}");
    }
    assert_eq!(handle(&mut server, now(), genuine.clone()), []);
    assert_eq!(handle(&mut server, now(), genuine), [Discard::Replayed]);
    assert!(server.is_connected());
}

#[test]
fn headers_of_1_2_are_not_taken_once_1_3_is_spoken() {
    let (_, mut server) = connected();
    for (epoch, reason) in
        [(0, Discard::UnknownEpoch), (2, Discard::WrongVersion), (3, Discard::WrongVersion)]
    {
        let record = vec![23, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 9, 0, 3, 1, 2, 3];
        assert_eq!(handle(&mut server, now(), record), [reason]);
    }
}

#[test]
fn padding_is_taken_off_and_nothing_but_padding_is_the_end() {
    let (mut client, mut server) = connected();
    // Type and zeros inside: what `finish` takes for the content type is the last byte of the padding.
    let mut padded = record(&mut client, ContentType(0), b"data\x17\0\0");
    let opened = server.open_record(now(), &mut padded, 0).unwrap();
    assert_eq!(&padded[opened.plaintext.unwrap()], b"data");
    for (kind, body) in [(0, &[0; 20][..]), (0, &[]), (99, b"x")] {
        let (mut client, mut server) = connected();
        inject(&mut client, &mut server, ContentType(kind), body);
        let error = HandshakeError::UnexpectedRecordType(kind);
        assert_eq!(error.alert(), AlertDescription::UNEXPECTED_MESSAGE);
        assert_eq!(closed(&mut server), Some(CloseReason::Handshake(error)));
    }
}

#[test]
fn records_keep_their_numbers_over_more_than_16_bits_and_gaps() {
    let (mut client, mut server) = connected();
    // Each gap is less than half of what 16 bits can tell apart.
    for sequence in [0x7000, 0xe000, 0xffff, 0x1_0000, 0x1_7000, 0x1_e000, 0x2_5000] {
        client.skip_to(sequence);
        let sent = data(&mut client);
        assert_eq!(handle(&mut server, now(), sent.clone()), [], "{sequence:x}");
        assert_eq!(handle(&mut server, now(), sent), [Discard::Replayed], "{sequence:x}");
    }
    // A larger one is taken for another number, under which the record does not open.
    client.skip_to(0xff_6000);
    let sent = data(&mut client);
    assert_eq!(handle(&mut server, now(), sent), [Discard::NotAuthentic]);
}

#[test]
fn a_key_update_with_a_wrong_body_is_fatal() {
    for (body, alert) in [
        (&[2][..], AlertDescription::ILLEGAL_PARAMETER),
        (&[], AlertDescription::DECODE_ERROR),
        (&[0, 0], AlertDescription::DECODE_ERROR),
    ] {
        let (mut client, mut server) = connected();
        let update = message(HandshakeType::KEY_UPDATE, NEXT_OF_CLIENT, body);
        inject(&mut client, &mut server, ContentType::HANDSHAKE, &update);
        match closed(&mut server) {
            Some(CloseReason::Handshake(error)) => assert_eq!(error.alert(), alert, "{body:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_key_update_ends_its_epoch() {
    let (mut client, mut server) = connected();
    let first = message(HandshakeType::KEY_UPDATE, NEXT_OF_CLIENT, &[0]);
    let second = message(HandshakeType::KEY_UPDATE, NEXT_OF_CLIENT + 1, &[0]);
    assert_eq!(inject(&mut client, &mut server, ContentType::HANDSHAKE, &first), []);
    assert!(server.is_connected());
    inject(&mut client, &mut server, ContentType::HANDSHAKE, &second);
    let error = HandshakeError::ExcessHandshakeData;
    assert_eq!(error.alert(), AlertDescription::UNEXPECTED_MESSAGE);
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(error)));
}

#[test]
fn a_key_update_that_comes_again_is_acknowledged_again() {
    let (mut client, mut server) = connected();
    let update = message(HandshakeType::KEY_UPDATE, NEXT_OF_CLIENT, &[0]);
    for _ in 0..3 {
        inject(&mut client, &mut server, ContentType::HANDSHAKE, &update);
        assert_eq!(datagrams(&mut server).len(), 0, "not at once");
        a_while_later(&mut server);
        assert_eq!(datagrams(&mut server).len(), 1);
        assert_eq!(server.engine.records.newest_read_epoch(), 4, "once");
    }
}

/// RFC 9147 §7: an ACK names what was processed or buffered. What it does not say is that the new keys are in use.
#[test]
fn a_key_update_that_waits_for_an_earlier_message_is_acknowledged_and_changes_no_keys_yet() {
    let (mut client, mut server) = connected();
    // The ticket that stands before the update is late; a straggler of the data too.
    let ticket = message(HandshakeType::NEW_SESSION_TICKET, NEXT_OF_SERVER, b"opaque");
    let update = message(HandshakeType::KEY_UPDATE, NEXT_OF_SERVER + 1, &[0]);
    let [ticket, update] = [ticket, update].map(|body| record(&mut server, ContentType::HANDSHAKE, &body));
    let straggler = data(&mut server);
    write_under_next_keys(&mut server);

    assert_eq!(handle(&mut client, now(), update), []);
    a_while_later(&mut client);
    assert_eq!(datagrams(&mut client).len(), 1, "an ACK");
    let early = data(&mut server);
    assert_eq!(handle(&mut client, now(), early), [Discard::UnknownEpoch]);
    assert_eq!(handle(&mut client, now(), straggler), []);

    assert_eq!(handle(&mut client, now(), ticket), []);
    a_while_later(&mut client);
    assert_eq!(datagrams(&mut client).len(), 1, "an ACK for the ticket");
    let later = data(&mut server);
    assert_eq!(handle(&mut client, now(), later), []);
    assert_eq!(client.engine.records.newest_read_epoch(), 4);
}

#[test]
fn a_flood_of_update_requests_costs_one_update_at_a_time() {
    let (mut client, mut server) = connected();
    for _ in 0..50 {
        client.update_keys(now(), true);
    }
    // The server hears the request, but its own update never gets an ACK.
    deliver(&mut client, &mut server);
    a_while_later(&mut server);
    deliver(&mut server, &mut client);
    let epoch = client.engine.write_epoch;
    assert_eq!(epoch, 4);
    assert!(server.engine.records.newest_read_epoch() <= 5);
}

#[test]
fn old_keys_are_read_for_four_minutes_behind_the_first_record_under_new_ones() {
    let (mut client, mut server) = connected();
    let stragglers: Vec<_> = (0..3).map(|_| data(&mut client)).collect();
    client.update_keys(now(), false);
    settle(&mut client, &mut server);
    a_while_later(&mut server);
    settle(&mut client, &mut server);
    assert_eq!(client.engine.write_epoch, 4);
    let fresh = data(&mut client);
    assert_eq!(handle(&mut server, now(), fresh), []);
    let later = now() + Duration::from_secs(239);
    assert_eq!(handle(&mut server, later, stragglers[0].clone()), []);
    let fresh = data(&mut client);
    assert_eq!(handle(&mut server, later, fresh), []);
    let too_late = now() + Duration::from_secs(241);
    assert_eq!(handle(&mut server, too_late, stragglers[1].clone()), [Discard::UnknownEpoch]);
    let fresh = data(&mut client);
    assert_eq!(handle(&mut server, too_late, fresh), []);
}

#[test]
fn old_keys_are_kept_however_long_the_peer_does_not_know_that_we_have_the_new_ones() {
    let (mut client, mut server) = connected();
    client.update_keys(now(), false);
    deliver(&mut client, &mut server);
    a_while_later(&mut server);
    assert_eq!(datagrams(&mut server).len(), 1, "the ACK, which is lost");
    for hours in 1..4 {
        let later = now() + Duration::from_hours(hours);
        let sent = data(&mut client);
        assert_eq!(handle(&mut server, later, sent), [], "under the old keys: the client has no others");
    }
    assert_eq!(server.engine.records.newest_read_epoch(), 4);
}

#[test]
fn data_that_does_not_fit_is_counted_also_when_it_waited_for_keys() {
    let mut config = test_support::config(Role::Server, Versions::ONLY_1_3);
    config.max_early_data_bytes = 100;
    let (mut client, mut server) = (connection(Role::Client), Connection::new(config, [3; 32], now()));
    client.start(now());
    deliver(&mut client, &mut server);
    deliver(&mut server, &mut client);
    for _ in 0..2 {
        let data = record(&mut client, ContentType::APPLICATION_DATA, &[7; 90]);
        assert_eq!(handle(&mut server, now(), data), []);
    }
    deliver(&mut client, &mut server);
    assert!(server.is_connected());
    assert_eq!(server.stats().discarded(Discard::BufferFull), 1);
    assert_eq!(server.poll_early_data().map(|data| data.len()), Some(90));
    assert_eq!(server.poll_early_data(), None);
}

#[test]
fn whatever_the_configuration_says_keys_are_changed_before_they_wear_out() {
    let mut config = test_support::config(Role::Client, Versions::ONLY_1_3);
    config.records_per_key = u64::MAX;
    let client = Connection::new(config, [3; 32], now());
    let (mut client, _) = test_support::connect(client, connection(Role::Server));
    client.skip_to((1 << 24) - 1);
    for is_updating in [false, true] {
        let mut out = Vec::new();
        let mark = client.begin_record(&mut out).unwrap();
        client.finish_record(&mut out, mark).unwrap();
        assert!(matches!(&client.phase, Phase::Established13(up) if up.is_updating() == is_updating));
    }
}

#[test]
fn a_handshake_record_with_nothing_in_it_and_a_sealed_change_cipher_spec_are_the_end() {
    for (kind, body) in [(ContentType::HANDSHAKE, &[][..]), (ContentType::CHANGE_CIPHER_SPEC, &[1])] {
        let (mut client, mut server) = connected();
        inject(&mut client, &mut server, kind, body);
        let error = HandshakeError::UnexpectedRecordType(kind.0);
        assert_eq!(error.alert(), AlertDescription::UNEXPECTED_MESSAGE);
        assert_eq!(closed(&mut server), Some(CloseReason::Handshake(error)));
    }
}

#[test]
fn tickets_are_acknowledged_and_forgotten_by_clients_and_refused_by_servers() {
    let (mut client, mut server) = connected();
    // Server: hello, extensions, request, certificate, verify, finished.
    let ticket = message(HandshakeType::NEW_SESSION_TICKET, 6, &[1; 80]);
    assert_eq!(inject(&mut server, &mut client, ContentType::HANDSHAKE, &ticket), []);
    assert!(client.is_connected());
    a_while_later(&mut client);
    assert_eq!(datagrams(&mut client).len(), 1, "an ACK");
    let ticket = message(HandshakeType::NEW_SESSION_TICKET, NEXT_OF_CLIENT, &[1; 80]);
    inject(&mut client, &mut server, ContentType::HANDSHAKE, &ticket);
    assert!(server.is_closed());
}

#[test]
fn a_ticket_in_many_fragments_is_acknowledged_piece_by_piece() {
    let (mut client, mut server) = connected();
    let whole = message(HandshakeType::NEW_SESSION_TICKET, 6, &[1; 30]);
    for at in 0..3_u8 {
        let mut piece = whole[..12].to_vec();
        (piece[8], piece[11]) = (at * 10, 10);
        piece.extend_from_slice(&[1; 10]);
        assert_eq!(inject(&mut server, &mut client, ContentType::HANDSHAKE, &piece), []);
        a_while_later(&mut client);
        assert_eq!(datagrams(&mut client).len(), 1);
    }
    assert!(client.is_connected());
}

#[test]
fn handshake_messages_behind_the_handshake_are_refused() {
    for kind in
        [HandshakeType::CLIENT_HELLO, HandshakeType::FINISHED, HandshakeType::CERTIFICATE, HandshakeType(77)]
    {
        let (mut client, mut server) = connected();
        inject(&mut client, &mut server, ContentType::HANDSHAKE, &message(kind, NEXT_OF_CLIENT, &[0; 4]));
        assert!(matches!(
            closed(&mut server),
            Some(CloseReason::Handshake(HandshakeError::UnexpectedMessage { .. }))
        ));
    }
}

#[test]
fn bogus_acks_do_nothing() {
    let (mut client, mut server) = connected();
    let mut many = Vec::new();
    let numbers: Vec<_> = (0..4000).map(|sequence| RecordNumber { epoch: sequence % 9, sequence }).collect();
    Ack::encode(&numbers, &mut many);
    many.truncate(2 + 16 * 1000);
    many[..2].copy_from_slice(&16_000_u16.to_be_bytes());
    for body in [&[0, 0][..], &many] {
        assert_eq!(inject(&mut client, &mut server, ContentType::ACK, body), []);
    }
    for body in [&[][..], &[0], &[0, 1, 0], &[0, 16, 0]] {
        assert_eq!(inject(&mut client, &mut server, ContentType::ACK, body), [Discard::MalformedAck]);
    }
    assert!(server.is_connected());
    assert_eq!(datagrams(&mut server).len(), 0);
}

#[test]
fn an_ack_in_the_clear_or_before_the_keys_does_nothing() {
    let mut client = connection(Role::Client);
    client.start(now());
    let sent = datagrams(&mut client).len();
    assert!(sent > 1, "a hello with a hybrid share takes two datagrams");
    let mut ack = vec![26, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 34];
    Ack::encode(&[0, 1].map(|sequence| RecordNumber { epoch: 0, sequence }), &mut ack);
    assert_eq!(handle(&mut client, now(), ack), [Discard::PlaintextAck]);
    client.handle_timeout(now() + Duration::from_secs(2));
    assert_eq!(datagrams(&mut client).len(), sent, "everything is repeated");
}

/// A client that has the keys of the handshake, and not yet the rest of the server's flight.
fn half_way() -> (Connection, Connection) {
    let (mut client, mut server) = (connection(Role::Client), connection(Role::Server));
    server.set_mtu(300);
    client.start(now());
    deliver(&mut client, &mut server);
    for datagram in datagrams(&mut server) {
        if client.engine.write_epoch == 0 {
            handle(&mut client, now(), datagram);
        }
    }
    assert_eq!(client.engine.write_epoch, 2);
    (client, server)
}

#[test]
fn during_the_handshake_an_ack_may_not_name_a_later_epoch() {
    let (mut client, mut server) = half_way();
    let mut body = Vec::new();
    Ack::encode(&[RecordNumber { epoch: 3, sequence: 0 }], &mut body);
    inject(&mut client, &mut server, ContentType::ACK, &body);
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(HandshakeError::AckFromTheFuture)));
}

#[test]
fn a_change_cipher_spec_changes_nothing() {
    let (mut client, mut server) = (connection(Role::Client), connection(Role::Server));
    client.start(now());
    deliver(&mut client, &mut server);
    let ccs = vec![20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1];
    assert_eq!(handle(&mut server, now(), ccs), [Discard::UnexpectedChangeCipherSpec]);
    settle(&mut client, &mut server);
    assert!(client.is_connected() && server.is_connected());
}

#[test]
fn forged_fragments_in_the_clear_do_not_stand_in_the_way_of_encrypted_ones() {
    let (mut client, mut server) = (connection(Role::Client), connection(Role::Server));
    client.start(now());
    deliver(&mut client, &mut server);
    let flight = datagrams(&mut server);
    // A forger claims the next message before the ServerHello is there, and again behind it.
    let forged = message(HandshakeType::ENCRYPTED_EXTENSIONS, 1, &[0, 0]);
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 77, 0, 14];
    record.extend_from_slice(&forged);
    assert_eq!(handle(&mut client, now(), record.clone()), []);
    for datagram in flight {
        handle(&mut client, now(), datagram);
        handle(&mut client, now(), record.clone());
    }
    assert!(client.is_connected(), "{:?}", closed(&mut client));
    settle(&mut client, &mut server);
    assert!(server.is_connected());
}

#[test]
fn data_under_the_keys_of_the_handshake_is_the_end() {
    let (mut client, mut server) = half_way();
    inject(&mut client, &mut server, ContentType::APPLICATION_DATA, b"early");
    assert_eq!(server.poll_early_data(), None);
    let error = HandshakeError::DataUnderHandshakeKeys;
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(error)));
}

#[test]
fn a_full_record_with_its_padding_is_taken() {
    let (mut client, mut server) = connected();
    // `finish` takes 2^14 bytes and adds the type: here the last byte of the padding.
    let mut body = vec![b'x'; MAX_PLAINTEXT - 3];
    body.extend([0x17, 0, 0]);
    let mut record = record(&mut client, ContentType(0), &body);
    let opened = server.open_record(now(), &mut record, 0).unwrap();
    assert_eq!(opened.plaintext.unwrap().len(), MAX_PLAINTEXT - 3);
}

#[test]
fn a_message_that_hides_behind_the_finished_is_refused() {
    let (mut client, mut server) = (connection(Role::Client), connection(Role::Server));
    client.start(now());
    deliver(&mut client, &mut server);
    for datagram in datagrams(&mut server) {
        handle(&mut client, now(), datagram);
    }
    let finished = message(HandshakeType::FINISHED, 4, &[7; 32]);
    let finished = record_under(&mut client, 2, ContentType::HANDSHAKE, &finished);
    handle(&mut server, now(), finished);
    deliver(&mut client, &mut server);
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(HandshakeError::ExcessHandshakeData)));
}

#[test]
fn key_updates_without_data_between_them_are_refused_after_thirty_two() {
    let (mut client, mut server) = connected();
    for round in 0..33_u16 {
        assert_eq!(closed(&mut server), None, "{round}");
        let update = message(HandshakeType::KEY_UPDATE, NEXT_OF_CLIENT + round, &[0]);
        inject(&mut client, &mut server, ContentType::HANDSHAKE, &update);
        write_under_next_keys(&mut client);
    }
    let error = HandshakeError::TooManyKeyUpdates;
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(error)));
}

#[test]
fn an_update_that_has_no_epoch_left_ends_the_connection_in_order() {
    let (mut client, _) = connected();
    client.engine.exhaust_messages();
    client.update_keys(now(), false);
    assert_eq!(closed(&mut client), Some(CloseReason::NumbersExhausted));
    assert_eq!(datagrams(&mut client).len(), 1, "close_notify");
}

#[test]
fn an_ack_in_the_clear_that_names_encrypted_records_is_dropped() {
    let (_, mut server) = half_way();
    let mut ack = vec![26, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 18];
    Ack::encode(&[RecordNumber { epoch: 2, sequence: 0 }], &mut ack);
    assert_eq!(handle(&mut server, now(), ack), [Discard::MalformedAck]);
}

#[test]
fn an_authenticated_alert_is_the_end_whatever_its_level() {
    for level in [1, 2] {
        let (mut client, mut server) = connected();
        inject(&mut client, &mut server, ContentType::ALERT, &[level, 40]);
        let reason = CloseReason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE);
        assert_eq!(closed(&mut server), Some(reason));
    }
    let (mut client, mut server) = connected();
    assert_eq!(inject(&mut client, &mut server, ContentType::ALERT, &[1, 90]), [Discard::IgnoredAlert]);
    assert!(server.is_connected());
}

#[test]
fn the_confidentiality_limit_of_gcm_ends_what_no_key_update_could_save() {
    let (mut client, _) = connected();
    client.skip_to(23_726_565);
    let mut out = Vec::new();
    let mark = client.begin_record(&mut out).unwrap();
    client.finish_record(&mut out, mark).unwrap();
    assert!(matches!(&client.phase, Phase::Established13(established) if established.is_updating()));
    out.clear();
    assert_eq!(client.begin_record(&mut out), Err(SealError::NumbersExhausted));
    assert_eq!(closed(&mut client), Some(CloseReason::NumbersExhausted));
}

#[test]
fn a_finished_with_another_mac_is_refused() {
    let (mut client, mut server) = (connection(Role::Client), connection(Role::Server));
    client.start(now());
    deliver(&mut client, &mut server);
    for datagram in datagrams(&mut server) {
        handle(&mut client, now(), datagram);
    }
    // The client's own Finished is held back; another stands in its place.
    assert_eq!(client.engine.flight.pop(), Some(3));
    deliver(&mut client, &mut server);
    let finished = message(HandshakeType::FINISHED, 3, &[7; 32]);
    let finished = record_under(&mut client, 2, ContentType::HANDSHAKE, &finished);
    handle(&mut server, now(), finished);
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(HandshakeError::FinishedMismatch)));
}

/// A whole handshake message in one record in the clear.
fn in_the_clear(kind: HandshakeType, message_seq: u16, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = Vec::new();
    write(&mut body);
    let message = message(kind, message_seq, &body);
    let [high, low] = u16::try_from(message.len()).unwrap().to_be_bytes();
    let number = u8::try_from(message_seq).unwrap();
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, number, high, low];
    record.extend_from_slice(&message);
    record
}

fn share() -> crate::wire::extension13::KeyShareEntry<'static> {
    crate::wire::extension13::KeyShareEntry { group: NamedGroup::X25519, share: &[9; 32] }
}

/// A ServerHello as it should be, to be spoiled.
fn server_hello() -> ServerHello {
    let mut extensions = Extensions::new();
    extensions.push(Extension::selected_version(ProtocolVersion::DTLS_1_3));
    extensions.push(Extension::server_key_share(&share()));
    ServerHello {
        legacy_version: ProtocolVersion::DTLS_1_2,
        random: [5; 32],
        session_id: vec![],
        cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
        compression_method: 0,
        extensions,
    }
}

fn retry_request() -> ServerHello {
    let mut hello = ServerHello { random: crate::wire::hello_retry_request::RANDOM, ..server_hello() };
    hello.extensions.push(Extension::retry_group(NamedGroup::SECP256R1));
    hello
}

/// How a client ends that is told this.
fn client_told(answers: &[ServerHello]) -> Option<HandshakeError> {
    let mut client = connection(Role::Client);
    client.start(now());
    for (message_seq, answer) in (0..).zip(answers) {
        let record = in_the_clear(HandshakeType::SERVER_HELLO, message_seq, |out| answer.encode(out));
        handle(&mut client, now(), record);
    }
    match closed(&mut client) {
        Some(CloseReason::Handshake(error)) => Some(error),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_hello_that_breaks_a_rule_is_refused_by_name() {
    assert_eq!(client_told(&[server_hello()]), None, "as it should be");
    let spoiled = |spoil: fn(&mut ServerHello)| {
        let mut hello = server_hello();
        spoil(&mut hello);
        client_told(&[hello]).unwrap()
    };
    assert_eq!(
        spoiled(|hello| hello.session_id = vec![1]),
        HandshakeError::LegacyFieldNotEmpty(HandshakeType::SERVER_HELLO)
    );
    let error = crate::ParseError::NotZero(1);
    assert_eq!(
        spoiled(|hello| hello.compression_method = 1),
        HandshakeError::Decode { message: HandshakeType::SERVER_HELLO, error }
    );
    let of_1_2 = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    assert_eq!(
        spoiled(|hello| hello.cipher_suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
        HandshakeError::SuiteNotOffered(of_1_2)
    );
    let group = spoiled(|hello| {
        let entry = crate::wire::extension13::KeyShareEntry { group: NamedGroup::SECP256R1, share: &[4; 65] };
        hello.extensions.push(Extension::server_key_share(&entry));
    });
    assert_eq!(group, HandshakeError::GroupNotOffered(NamedGroup::SECP256R1));
    let zero = spoiled(|hello| {
        let entry = crate::wire::extension13::KeyShareEntry { group: NamedGroup::X25519, share: &[0; 32] };
        hello.extensions.push(Extension::server_key_share(&entry));
    });
    assert_eq!(zero, HandshakeError::BadKeyShare(NamedGroup::X25519));
    let cookie = spoiled(|hello| hello.extensions.push(Extension::cookie(&[1])));
    assert_eq!(cookie, HandshakeError::BadExtension(ExtensionType::COOKIE));
    let unsolicited = spoiled(|hello| hello.extensions.push(Extension::empty(ExtensionType(0x7777))));
    assert_eq!(unsolicited, HandshakeError::UnsolicitedExtension(ExtensionType(0x7777)));
    let missing = spoiled(|hello| {
        hello.extensions = Extensions::new();
        hello.extensions.push(Extension::selected_version(ProtocolVersion::DTLS_1_3));
    });
    assert_eq!(missing, HandshakeError::MissingExtension(ExtensionType::KEY_SHARE));
}

#[test]
fn a_hello_retry_request_must_ask_for_something_new_and_comes_once() {
    assert_eq!(client_told(&[retry_request()]), None, "as it should be");
    assert_eq!(client_told(&[retry_request(), retry_request()]), Some(HandshakeError::SecondRetry));
    let with_group = |group| {
        let mut hello = retry_request();
        hello.extensions.push(Extension::retry_group(group));
        client_told(&[hello])
    };
    assert_eq!(with_group(NamedGroup::X25519_MLKEM768), Some(HandshakeError::PointlessRetry));
    assert_eq!(with_group(NamedGroup::X25519), Some(HandshakeError::PointlessRetry));
    let unknown = NamedGroup::SECP521R1;
    assert_eq!(with_group(unknown), Some(HandshakeError::GroupNotOffered(unknown)));
    let mut empty = retry_request();
    empty.extensions = Extensions::new();
    empty.extensions.push(Extension::selected_version(ProtocolVersion::DTLS_1_3));
    assert_eq!(client_told(&[empty]), Some(HandshakeError::PointlessRetry));
    // Another suite, or another group, than the request named.
    let mut other = server_hello();
    other.cipher_suite = CipherSuite::TLS_AES_256_GCM_SHA384;
    assert_eq!(client_told(&[retry_request(), other]), Some(HandshakeError::RetryIgnored));
    assert_eq!(client_told(&[retry_request(), server_hello()]), Some(HandshakeError::RetryIgnored));
}

#[test]
fn a_retry_may_ask_for_every_group_that_the_hello_named() {
    // P-256 is named because the server's key of 1.2 may be on it; whoever reads it may ask for a share.
    let mut config = test_support::config(Role::Client, Versions::default());
    config.groups = vec![NamedGroup::X25519];
    let mut server = test_support::config(Role::Server, Versions::default());
    server.groups = vec![NamedGroup::SECP256R1];
    let pair = (Connection::new(config, [1; 32], now()), Connection::new(server, [2; 32], now()));
    let (client, server) = test_support::connect(pair.0, pair.1);
    assert_eq!((client.group(), server.version()), (Some(NamedGroup::SECP256R1), Some(Version::Dtls13)));
}

#[test]
fn a_server_that_knows_1_3_and_chooses_1_2_gives_itself_away() {
    let mut client = connection(Role::Client);
    client.engine.config.versions = Versions::default();
    client.start(now());
    let mut hello = server_hello();
    hello.extensions = Extensions::new();
    hello.extensions.push(Extension::empty(ExtensionType::EXTENDED_MASTER_SECRET));
    hello.cipher_suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    Versions::default().mark_downgrade(&mut hello.random);
    let record = in_the_clear(HandshakeType::SERVER_HELLO, 0, |out| hello.encode(out));
    handle(&mut client, now(), record);
    assert_eq!(closed(&mut client), Some(CloseReason::Handshake(HandshakeError::Downgraded)));
}

/// How a server ends that is told this in place of our own client's hello.
fn server_told(spoil: impl FnOnce(&mut ClientHello)) -> HandshakeError {
    let mut client = connection(Role::Client);
    let (mut hello, _) = crate::hello::client_hello(&mut client.engine).unwrap();
    spoil(&mut hello);
    let mut server = connection(Role::Server);
    handle(&mut server, now(), in_the_clear(HandshakeType::CLIENT_HELLO, 0, |out| hello.encode(out)));
    match closed(&mut server) {
        Some(CloseReason::Handshake(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_hello_that_breaks_a_rule_is_refused_by_name() {
    let without = |kind: ExtensionType| {
        server_told(|hello| {
            let mut kept = Extensions::new();
            hello
                .extensions
                .iter()
                .filter(|extension| extension.extension_type != kind)
                .for_each(|extension| kept.push(extension.clone()));
            hello.extensions = kept;
        })
    };
    for kind in
        [ExtensionType::KEY_SHARE, ExtensionType::SUPPORTED_GROUPS, ExtensionType::SIGNATURE_ALGORITHMS]
    {
        let error = without(kind);
        assert_eq!(error, HandshakeError::MissingExtension(kind));
        assert_eq!(error.alert(), AlertDescription::MISSING_EXTENSION);
    }
    assert_eq!(
        server_told(|hello| hello.cookie = vec![1]),
        HandshakeError::LegacyFieldNotEmpty(HandshakeType::CLIENT_HELLO)
    );
    assert_eq!(
        server_told(|hello| hello.compression_methods = vec![0, 1]),
        HandshakeError::CompressionNotNull
    );
    let suites = server_told(|hello| hello.cipher_suites = vec![CipherSuite(0x1304)]);
    assert_eq!(suites, HandshakeError::NoCommonCipherSuite);
    let stray = server_told(|hello| {
        hello.extensions.push(Extension::supported_groups(&[NamedGroup::SECP256R1]));
    });
    assert_eq!(stray, HandshakeError::GroupNotOffered(NamedGroup::X25519_MLKEM768));
    let short = server_told(|hello| {
        let entry = crate::wire::extension13::KeyShareEntry { group: NamedGroup::X25519, share: &[9; 31] };
        hello.extensions.push(Extension::client_key_shares(&[entry]));
    });
    assert_eq!(short, HandshakeError::BadKeyShare(NamedGroup::X25519));
}
