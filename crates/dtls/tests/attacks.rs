//! Known attacks on DTLS stacks, and the test that shows for each that it does nothing here.
//!
//! | # | attack | shown by |
//! |---|---|---|
//! | 1 | a client certificate without proof of possession, or none | `hostile::a_client_certificate_without_certificate_verify_is_refused`, `a_certificate_left_out_altogether_is_refused`, `an_empty_client_certificate_is_refused` |
//! | 2 | a server leaves out Certificate, ServerKeyExchange or CertificateVerify | here: `a_server_that_leaves_a_message_out_is_refused`; 1.3: `a_server_of_1_3_that_skips_its_certificate_is_refused` |
//! | 3 | Finished or CertificateVerify too early or in the clear | `connection::tests::a_finished_in_the_clear_is_refused`, `hostile::messages_out_of_order_are_refused_in_every_state` |
//! | 4 | application data in epoch 0 | `hostile::application_data_in_the_clear_is_never_delivered` |
//! | 5 | ChangeCipherSpec early, twice, with another body, late, in 1.3 | here: `a_change_cipher_spec_out_of_place_changes_nothing`; `connection::tests::a_change_cipher_spec_after_the_handshake_or_with_another_body_changes_nothing`, `tests13::a_change_cipher_spec_changes_nothing` |
//! | 6 | a second ClientHello, HelloRequest, renegotiation | `hostile::a_second_client_hello_in_the_middle_of_a_handshake_is_refused_or_ignored`, `hostile::a_hello_request_during_the_handshake_is_ignored`, `connection::tests::renegotiation_is_refused_once_in_words_and_then_in_silence` |
//! | 7 | HelloVerifyRequest twice, of any length, and then 1.3 | `hello::a_cookie_request_is_answered_three_times_whatever_the_cookies_length`; here: `a_server_that_asked_as_1_2_does_may_not_choose_1_3` |
//! | 8 | message numbers: gap, far future, first not 0, wrap | here: `a_first_message_that_is_not_number_0_waits_for_the_first`; `reassembly::numbers_far_ahead_and_messages_too_long_are_dropped`; `tests13::an_update_that_has_no_epoch_left_ends_the_connection_in_order` |
//! | 9 | fragments: overlap, other length or type, empty, past the end, 16 MiB, one byte each | `reassembly::of_fragments_that_disagree_two_versions_are_kept_and_the_first_to_be_whole_counts`, `a_fragment_without_bytes_is_dropped`, `hello::a_hello_of_one_byte_fragments_in_reverse_order_is_put_together`; here: `a_fragment_of_sixteen_mebibytes_costs_no_memory` |
//! | 10 | memory: future messages, early records, early data | `reassembly::arbitrary_fragments_stay_within_the_bound`, `hostile::early_data_is_bounded`, `hostile::records_before_their_keys_are_kept_up_to_a_bound`, `connection::tests::records_of_a_few_bytes_that_come_too_early_are_bounded_too` |
//! | 11 | replays; a forged number far ahead | `replay::nothing_is_taken_twice`, `records::a_forged_number_far_ahead_does_not_push_honest_records_out_of_the_window`, `hostile::every_datagram_replayed_changes_nothing` |
//! | 12 | bad MAC, type, version, length: no answer, the neighbours live | `records::a_bad_record_does_not_take_its_neighbours_with_it`; here: `a_bad_record_is_never_answered` |
//! | 13 | nonces, AEAD limits, the end of the numbers | `records::the_nonce_of_a_gcm_record_is_its_number`, `numbers_end_at_two_to_the_48_and_never_wrap`, `tests13::the_confidentiality_limit_of_gcm_ends_what_no_key_update_could_save` |
//! | 14 | amplification by a spoofed hello | here: `a_server_that_asks_for_a_cookie_sends_less_than_it_got` |
//! | 15 | alerts in the clear, unknown ones, data behind close_notify | `handshake::an_alert_in_the_clear_is_not_believed_but_told_with_the_timeout`; here: `an_alert_in_the_clear_does_not_end_a_connection`, `data_behind_close_notify_is_dropped` |
//! | 16 | downgrade to 1.2, to 1.0, without extended master secret | `tests13::a_server_that_knows_1_3_and_chooses_1_2_gives_itself_away`, `hello::a_hello_of_dtls_1_0_or_of_1_3_alone_is_refused_with_protocol_version`, `what_we_require_of_a_hello_is_named_when_it_is_missing` |
//! | 17 | shares of low order, off the curve, of wrong length; malformed signatures | `hostile::a_share_of_low_order_is_refused`, and every provider in `provider_conformance` (vectors) |
//! | 18 | certificates: another fingerprint, hash agility, expired, v1, giant | `handshake::of_several_fingerprints_one_of_the_strongest_hash_must_match`, `providers_interoperate_and_so_do_certificates_of_x509_v1`; here: `a_giant_certificate_is_dropped_at_the_bound` |
//! | 19 | data before the fingerprint is compared | `handshake::a_wrong_fingerprint_ends_the_connection_before_any_data` |
//! | 20 | unknown key share (RFC 8844) | `tls-id` belongs to the description, which is not this crate's; the fingerprint of both sides is in the transcript |
//! | 21 | KeyUpdate flood, bogus ACKs | `tests13::key_updates_without_data_between_them_are_refused_after_thirty_two`, `a_flood_of_update_requests_costs_one_update_at_a_time`, `bogus_acks_do_nothing`, `an_ack_in_the_clear_that_names_encrypted_records_is_dropped` |
//! | 22 | every form of the unified header, short ciphertexts | `tests13::every_form_of_the_unified_header_is_read`, `short_and_damaged_records_change_nothing` |
//! | 23 | timing of MAC and verify_data | no alert is sent for a bad record (12), and both comparisons are `subtle`'s or the provider's |
//!
//! LESSONS of other stacks that are not in the list: a state taken out of its place
//! (`hostile::a_connection_that_failed_stays_failed_and_quiet`); timers that never end
//! (`loss::thirteen_timeouts_end_the_handshake_with_a_reason`, `handshake::two_clients_and_two_servers_give_up_after_a_bounded_time`);
//! very many suites (`hello::a_hello_with_thousands_of_suites_is_read_and_one_with_all_of_them_is_too_long`); duplicate extensions
//! (`hello::an_extension_that_comes_twice_is_a_decode_error`).
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::wire::{
    ContentType, Extension, Fragment, HandshakeHeader, HandshakeType, HelloVerifyRequest, ProtocolVersion,
    ServerHello,
};
use plywood_dtls::{CloseReason, Discard, HandshakeError, provider};
use support::forge::{browser_client_hello, client_hello, encode, fragment, fragments, message, record};
use support::{A_CERTIFICATE, End, Pair, configs, configs_13, start_of_time};

fn failure(end: &End) -> HandshakeError {
    match end.close_reason() {
        Some(CloseReason::Handshake(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// A client of 1.2 that sent its hello, and what the server answers to it.
fn answered() -> (Pair, Vec<(HandshakeType, Vec<u8>)>) {
    let (client, mut server) = configs(&provider::rustcrypto());
    server.mtu_bytes = 8000;
    let mut pair = Pair::new(client, server, 1);
    pair.start();
    for datagram in pair.client.drain_transmit(pair.now) {
        pair.server.handle(pair.now, datagram);
    }
    // The MTU is large, so each message is one fragment.
    let flight = fragments(&pair.server.drain_transmit(pair.now));
    let flight: Vec<_> = flight.into_iter().map(|(header, body)| (header.message_type, body)).collect();
    assert_eq!(flight.len(), 5);
    (pair, flight)
}

#[test]
fn a_server_that_leaves_a_message_out_is_refused() {
    // ServerHello, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone.
    let next = [HandshakeType::SERVER_KEY_EXCHANGE, HandshakeType::CERTIFICATE_REQUEST];
    let missing = [HandshakeType::CERTIFICATE, HandshakeType::SERVER_KEY_EXCHANGE];
    for (received, expected) in next.into_iter().zip(missing) {
        let (mut pair, mut flight) = answered();
        flight.retain(|(kind, _)| *kind != expected);
        for (seq, (kind, body)) in flight.iter().enumerate() {
            pair.client.handle(pair.now, message(*kind, u16::try_from(seq).unwrap(), body));
        }
        assert_eq!(failure(&pair.client), HandshakeError::UnexpectedMessage { received, expected });
        assert!(!pair.client.connection.is_connected());
    }
}

#[test]
fn a_server_of_1_3_that_skips_its_certificate_is_refused() {
    // Nothing but ServerHello is in the clear: what else is there may not be in the clear, whatever it says.
    let (client, server) = configs_13(&provider::rustcrypto());
    let mut pair = Pair::new(client, server, 1);
    pair.start();
    for datagram in pair.client.drain_transmit(pair.now) {
        pair.server.handle(pair.now, datagram);
    }
    for datagram in pair.server.drain_transmit(pair.now) {
        if datagram[0] == ContentType::HANDSHAKE.0 {
            pair.client.handle(pair.now, datagram);
        }
    }
    for (seq, kind) in [(1, HandshakeType::ENCRYPTED_EXTENSIONS), (2, HandshakeType::FINISHED)] {
        pair.client.handle(pair.now, message(kind, seq, &[0; 32]));
    }
    let dropped = &pair.client.discards;
    assert!(dropped.iter().all(|reason| *reason == Discard::PlaintextHandshake), "{dropped:?}");
    assert!(!pair.client.connection.is_connected() && !pair.client.connection.is_closed());
}

#[test]
fn a_change_cipher_spec_out_of_place_changes_nothing() {
    for version_13 in [false, true] {
        let both = if version_13 { configs_13 } else { configs };
        let (client, server) = both(&provider::rustcrypto());
        let mut pair = Pair::new(client, server, 1);
        pair.start();
        let mut steps = 0;
        while !pair.both_connected() && pair.step(pair.start + Duration::from_secs(5)) {
            steps += 1;
            let now = pair.now;
            for body in [&[1][..], &[1], &[2], &[], &[1, 1]] {
                let spec = record(ContentType::CHANGE_CIPHER_SPEC, 0, 70, body);
                pair.client.handle(now, spec.clone());
                pair.server.handle(now, spec);
            }
        }
        assert!(pair.both_connected(), "{steps}");
        assert_eq!(pair.client.connection.stats().flights_resent, 0);
        pair.assert_data_flows();
    }
}

#[test]
fn a_server_that_asked_as_1_2_does_may_not_choose_1_3() {
    let (client, server) = configs_13(&provider::rustcrypto());
    let mut pair = Pair::new(client, server, 1);
    pair.start();
    pair.client.drain_transmit(pair.now);
    let mut body = vec![];
    HelloVerifyRequest { server_version: ProtocolVersion::DTLS_1_0, cookie: vec![9; 20] }.encode(&mut body);
    pair.client.handle(pair.now, message(HandshakeType::HELLO_VERIFY_REQUEST, 0, &body));
    let mut answer = ServerHello {
        legacy_version: ProtocolVersion::DTLS_1_2,
        random: [7; 32],
        session_id: vec![],
        cipher_suite: plywood_dtls::wire::codes::CipherSuite::TLS_AES_128_GCM_SHA256,
        compression_method: 0,
        extensions: plywood_dtls::wire::Extensions::new(),
    };
    answer.extensions.push(Extension::selected_version(ProtocolVersion::DTLS_1_3));
    let mut body = vec![];
    answer.encode(&mut body);
    pair.client.handle(pair.now, message(HandshakeType::SERVER_HELLO, 1, &body));
    let peer = ProtocolVersion::DTLS_1_3;
    assert_eq!(failure(&pair.client), HandshakeError::NoCommonVersion { peer });
}

fn server() -> End {
    End::new(configs(&provider::rustcrypto()).1, [1; 32], start_of_time())
}

#[test]
fn a_first_message_that_is_not_number_0_waits_for_the_first() {
    let mut end = server();
    for seq in [1, 2, 10] {
        end.handle(start_of_time(), message(HandshakeType::CLIENT_HELLO, seq, &encode(&client_hello())));
        assert!(end.drain_transmit(start_of_time()).is_empty());
    }
    for seq in [11, 1000, u16::MAX] {
        end.handle(start_of_time(), message(HandshakeType::CLIENT_HELLO, seq, &encode(&client_hello())));
    }
    assert_eq!(end.discards, [Discard::FragmentTooFarAhead; 3]);
    assert!(!end.connection.is_closed());
}

#[test]
fn a_fragment_of_sixteen_mebibytes_costs_no_memory() {
    let mut end = server();
    let header = HandshakeHeader {
        message_type: HandshakeType::CLIENT_HELLO,
        length: 0xff_ffff,
        message_seq: 0,
        fragment_offset: 0xff_fff0,
        fragment_length: 1,
    };
    let mut body = vec![];
    Fragment { header, body: &[1] }.encode(&mut body);
    end.handle(start_of_time(), record(ContentType::HANDSHAKE, 0, 1, &body));
    assert_eq!(end.discards, [Discard::MessageTooLong]);
    end.handle(start_of_time(), message(HandshakeType::CLIENT_HELLO, 0, &encode(&client_hello())));
    assert_eq!(end.drain_transmit(start_of_time()).len(), 1, "an honest hello is answered");
}

#[test]
fn a_bad_record_is_never_answered() {
    for both in [configs, configs_13] {
        let (client, server) = both(&provider::rustcrypto());
        let mut pair = Pair::new(client, server, 1);
        pair.start();
        pair.run(Duration::from_secs(5));
        assert!(pair.both_connected());
        let good = pair.client.seal(b"data");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            pair.server.handle(pair.now, bad);
            assert_eq!(pair.server.drain_transmit(pair.now).len(), 0);
        }
        for end in 0..good.len() {
            pair.server.handle(pair.now, good[..end].to_vec());
        }
        assert_eq!(pair.server.drain_transmit(pair.now).len(), 0);
        assert!(pair.server.received.is_empty());
        pair.server.handle(pair.now, good);
        assert_eq!(pair.server.received, [b"data"]);
    }
}

#[test]
fn a_server_that_asks_for_a_cookie_sends_less_than_it_got() {
    let (_, mut config) = configs_13(&provider::rustcrypto());
    config.require_cookie = true;
    let mut end = End::new(config, [1; 32], start_of_time());
    let hello = message(HandshakeType::CLIENT_HELLO, 0, &encode(&browser_client_hello()));
    let got = hello.len();
    end.handle(start_of_time(), hello);
    let sent: usize = end.drain_transmit(start_of_time()).iter().map(Vec::len).sum();
    assert!(sent > 0 && sent < got, "{sent} for {got}");
}

#[test]
fn an_alert_in_the_clear_does_not_end_a_connection() {
    for both in [configs, configs_13] {
        let (client, server) = both(&provider::rustcrypto());
        let mut pair = Pair::new(client, server, 1);
        pair.start();
        while !pair.both_connected() && pair.step(pair.start + Duration::from_secs(5)) {
            for description in 0..=255 {
                let alert = record(ContentType::ALERT, 0, 50, &[2, description]);
                pair.client.handle(pair.now, alert.clone());
                pair.server.handle(pair.now, alert);
            }
        }
        assert!(pair.both_connected());
        let alert = record(ContentType::ALERT, 0, 50, &[2, 40]);
        pair.server.handle(pair.now, alert);
        pair.run(Duration::from_secs(1));
        pair.assert_data_flows();
    }
}

#[test]
fn data_behind_close_notify_is_dropped() {
    let mut pair = Pair::connected(&provider::rustcrypto());
    let data = pair.client.seal(b"late");
    pair.client.connection.close(pair.now);
    for datagram in pair.client.drain_transmit(pair.now) {
        pair.server.handle(pair.now, datagram);
    }
    pair.server.handle(pair.now, data);
    assert!(pair.server.received.is_empty());
    assert_eq!(pair.server.discards, [Discard::NotOpen]);
    assert_eq!(pair.server.close_reason(), Some(CloseReason::Peer));
}

#[test]
fn a_giant_certificate_is_dropped_at_the_bound() {
    let mut end = server();
    end.handle(start_of_time(), message(HandshakeType::CLIENT_HELLO, 0, &encode(&client_hello())));
    end.drain_transmit(start_of_time());
    let giant = vec![0; 40_000];
    for at in (0..giant.len()).step_by(1000) {
        end.handle(start_of_time(), fragment(HandshakeType::CERTIFICATE, 1, &giant, at, at + 1000));
    }
    assert!(end.discards.iter().all(|reason| *reason == Discard::MessageTooLong));
    assert!(!end.connection.is_closed(), "{} bytes would do", A_CERTIFICATE.len());
}
