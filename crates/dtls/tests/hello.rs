//! Hellos: fragmented, of browsers, with cookies, and damaged.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::wire::codes::{CipherSuite, NamedGroup};
use plywood_dtls::wire::{
    ClientHello, Extension, ExtensionType, Fragment, HandshakeType, HelloVerifyRequest, PlaintextHeader,
    ProtocolVersion, ServerHello,
};
use plywood_dtls::{CloseReason, HandshakeError, ParseError, provider};
use support::forge::{browser_client_hello, client_hello, encode, fragment, message};
use support::{End, Pair, configs, start_of_time};

fn server() -> End {
    let (_, config) = configs(&provider::rustcrypto());
    End::new(config, [1; 32], start_of_time())
}

/// The handshake fragments in a datagram.
fn fragments(datagram: &[u8]) -> Vec<(HandshakeType, u16, Vec<u8>)> {
    let mut found = vec![];
    let mut reader = plywood_octets::Reader::new(datagram);
    while !reader.is_empty() {
        let header = PlaintextHeader::parse(reader.bytes(13).unwrap()).unwrap();
        let mut body = plywood_octets::Reader::new(reader.bytes(usize::from(header.length)).unwrap());
        let fragment = Fragment::parse(&mut body).unwrap();
        found.push((fragment.header.message_type, fragment.header.message_seq, fragment.body.to_vec()));
    }
    found
}

fn server_hello(end: &mut End) -> ServerHello {
    let sent = end.drain_transmit(start_of_time());
    let (kind, seq, body) = fragments(&sent[0]).remove(0);
    assert_eq!((kind, seq), (HandshakeType::SERVER_HELLO, 0));
    ServerHello::parse(&body).unwrap()
}

fn failure(end: &End) -> HandshakeError {
    match end.close_reason() {
        Some(CloseReason::Handshake(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// What a server makes of a ClientHello with this body.
fn refused(body: &[u8]) -> HandshakeError {
    let mut end = server();
    end.handle(start_of_time(), message(HandshakeType::CLIENT_HELLO, 0, body));
    let error = failure(&end);
    // The peer is told, and after the end nothing that comes does anything.
    let sent = end.drain_transmit(start_of_time());
    assert_eq!(sent, [[&[21, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2][..], &[error.alert().0]].concat()]);
    end.handle(start_of_time(), message(HandshakeType::CLIENT_HELLO, 0, &encode(&client_hello())));
    assert_eq!(end.drain_transmit(start_of_time()).len(), 0);
    error
}

fn refused_hello(change: impl FnOnce(&mut ClientHello)) -> HandshakeError {
    let mut hello = client_hello();
    change(&mut hello);
    refused(&encode(&hello))
}

#[test]
fn a_browsers_hello_in_two_datagrams_in_either_order_is_answered_with_1_2() {
    let body = encode(&browser_client_hello());
    assert!(body.len() > 1400, "{}", body.len());
    let first = fragment(HandshakeType::CLIENT_HELLO, 0, &body, 0, 1175);
    let second = fragment(HandshakeType::CLIENT_HELLO, 0, &body, 1175, body.len());
    for order in [[&first, &second], [&second, &first]] {
        let mut end = server();
        end.handle(start_of_time(), order[0].clone());
        assert!(end.drain_transmit(start_of_time()).is_empty());
        end.handle(start_of_time(), order[1].clone());
        let hello = server_hello(&mut end);
        assert_eq!(hello.legacy_version, ProtocolVersion::DTLS_1_2);
        assert!(!hello.extensions.contains(ExtensionType::SUPPORTED_VERSIONS));
        assert_eq!(hello.cipher_suite, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
        assert_ne!(hello.random[24..], *b"DOWNGRD\x01", "no sentinel where 1.3 is not enabled");
        // Only what was offered is answered, and nothing of 1.3.
        assert!(hello.extensions.iter().all(|answer| {
            browser_client_hello().extensions.contains(answer.extension_type)
                && answer.extension_type != ExtensionType::KEY_SHARE
        }));
        assert!(end.discards.is_empty());
    }
}

#[test]
fn a_hello_of_one_byte_fragments_in_reverse_order_is_put_together() {
    let body = encode(&client_hello());
    let mut end = server();
    for at in (0..body.len()).rev() {
        end.handle(start_of_time(), fragment(HandshakeType::CLIENT_HELLO, 0, &body, at, at + 1));
    }
    server_hello(&mut end);
}

#[test]
fn a_cookie_request_is_answered_three_times_whatever_the_cookies_length() {
    for length in [0, 20, 255] {
        let mut pair = Pair::perfect(&provider::rustcrypto());
        pair.start();
        let first = fragments(&pair.client.drain_transmit(pair.now)[0]).remove(0);
        let request =
            HelloVerifyRequest { server_version: ProtocolVersion::DTLS_1_0, cookie: vec![9; length] };
        let mut body = vec![];
        request.encode(&mut body);
        pair.client.handle(pair.now, message(HandshakeType::HELLO_VERIFY_REQUEST, 0, &body));
        let (kind, seq, second) = fragments(&pair.client.drain_transmit(pair.now)[0]).remove(0);
        assert_eq!((kind, seq), (HandshakeType::CLIENT_HELLO, 1));
        let mut expected = ClientHello::parse(&first.2).unwrap();
        expected.cookie = request.cookie;
        assert_eq!(ClientHello::parse(&second).unwrap(), expected);

        for seq in 1..3 {
            pair.client.handle(pair.now, message(HandshakeType::HELLO_VERIFY_REQUEST, seq, &body));
            let (_, again, third) = fragments(&pair.client.drain_transmit(pair.now)[0]).remove(0);
            assert_eq!((again, &third), (seq + 1, &second), "RFC 6347 §4.2.1: the same hello");
        }
        pair.client.handle(pair.now, message(HandshakeType::HELLO_VERIFY_REQUEST, 3, &body));
        assert_eq!(
            failure(&pair.client),
            HandshakeError::UnexpectedMessage {
                received: HandshakeType::HELLO_VERIFY_REQUEST,
                expected: HandshakeType::SERVER_HELLO
            }
        );
    }
}

#[test]
fn a_damaged_hello_is_a_clean_error() {
    let body = encode(&client_hello());
    for end in 0..body.len() {
        let error = refused(&body[..end]);
        let clean = matches!(error, HandshakeError::Decode { message: HandshakeType::CLIENT_HELLO, .. })
            || error == HandshakeError::NoExtendedMasterSecret;
        assert!(clean, "{end}: {error}");
    }
    let trailing = [&body[..], &[0]].concat();
    let error = ParseError::TrailingBytes { count: 1 };
    assert_eq!(refused(&trailing), HandshakeError::Decode { message: HandshakeType::CLIENT_HELLO, error });
    let mut twice = body.clone();
    let length = u16::from_be_bytes([body[42], body[43]]);
    twice[42..44].copy_from_slice(&(length + 4).to_be_bytes());
    twice.extend([0, 23, 0, 0]);
    let error = ParseError::DuplicateExtension(ExtensionType::EXTENDED_MASTER_SECRET);
    assert_eq!(refused(&twice), HandshakeError::Decode { message: HandshakeType::CLIENT_HELLO, error });
}

#[test]
fn a_hello_with_thousands_of_suites_is_read_and_one_with_all_of_them_is_too_long() {
    let mut end = server();
    let mut hello = client_hello();
    hello.cipher_suites = (0..6000).map(CipherSuite).chain(hello.cipher_suites).collect();
    end.handle(start_of_time(), message(HandshakeType::CLIENT_HELLO, 0, &encode(&hello)));
    server_hello(&mut end);
    let mut end = server();
    hello.cipher_suites = (0..32767).map(CipherSuite).collect();
    let body = encode(&hello);
    for (index, chunk) in body.chunks(1000).enumerate() {
        let from = index * 1000;
        end.handle(
            start_of_time(),
            fragment(HandshakeType::CLIENT_HELLO, 0, &body, from, from + chunk.len()),
        );
    }
    assert!(!end.connection.is_closed());
    assert!(end.drain_transmit(start_of_time()).is_empty());
}

#[test]
fn what_we_require_of_a_hello_is_named_when_it_is_missing() {
    let without = |kind: ExtensionType| {
        refused_hello(|hello| {
            let kept: Vec<_> =
                hello.extensions.iter().filter(|known| known.extension_type != kind).cloned().collect();
            hello.extensions = plywood_dtls::wire::Extensions::new();
            kept.into_iter().for_each(|extension| hello.extensions.push(extension));
        })
    };
    assert_eq!(without(ExtensionType::EXTENDED_MASTER_SECRET), HandshakeError::NoExtendedMasterSecret);
    assert_eq!(without(ExtensionType::SIGNATURE_ALGORITHMS), HandshakeError::NoCommonSignatureScheme);
    let compression = refused_hello(|hello| hello.compression_methods = vec![1]);
    assert_eq!(compression, HandshakeError::CompressionNotNull);
    let suites = refused_hello(|hello| hello.cipher_suites = vec![CipherSuite(0x1301)]);
    assert_eq!(suites, HandshakeError::NoCommonCipherSuite);
    let group = refused_hello(|hello| {
        hello.extensions.push(Extension::supported_groups(&[NamedGroup::X25519_MLKEM768]));
    });
    assert_eq!(group, HandshakeError::NoCommonGroup);
    let points = refused_hello(|hello| {
        hello.extensions.push(Extension::new(ExtensionType::EC_POINT_FORMATS, |out| out.extend([1, 1])));
    });
    assert_eq!(points, HandshakeError::NoUncompressedPoints);
}

#[test]
fn a_hello_of_dtls_1_0_or_of_1_3_alone_is_refused_with_protocol_version() {
    let old = refused_hello(|hello| hello.legacy_version = ProtocolVersion::DTLS_1_0);
    assert_eq!(old, HandshakeError::NoCommonVersion { peer: ProtocolVersion::DTLS_1_0 });
    let new = refused_hello(|hello| {
        hello.extensions.push(Extension::supported_versions(&[ProtocolVersion::DTLS_1_3]));
    });
    assert_eq!(new, HandshakeError::NoCommonVersion { peer: ProtocolVersion::DTLS_1_3 });
}

#[test]
fn an_extension_that_comes_twice_is_a_decode_error() {
    let mut hello = client_hello();
    let kind = ExtensionType(0xfe7a);
    hello.extensions.push(Extension::empty(kind));
    let mut body = encode(&hello);
    // The last four bytes are the extension; the block is four bytes longer with it twice.
    let length_at = body.len() - hello.extensions.iter().map(|known| 4 + known.data.len()).sum::<usize>() - 2;
    let length = u16::from_be_bytes([body[length_at], body[length_at + 1]]) + 4;
    body[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    body.extend([0xfe, 0x7a, 0, 0]);
    let error = refused(&body);
    let decode = ParseError::DuplicateExtension(kind);
    assert_eq!(error, HandshakeError::Decode { message: HandshakeType::CLIENT_HELLO, error: decode });
    assert_eq!(error.alert(), plywood_dtls::wire::AlertDescription::DECODE_ERROR);
}

#[test]
fn a_client_that_names_no_curve_of_our_certificate_is_refused() {
    let error = refused_hello(|hello| {
        hello.extensions.push(Extension::supported_groups(&[NamedGroup::X25519]));
    });
    assert_eq!(error, HandshakeError::CurveNotOffered(NamedGroup::SECP256R1));
}

#[test]
fn a_hello_that_claims_to_renegotiate_is_refused() {
    let error = refused_hello(|hello| {
        hello.extensions.push(Extension::new(ExtensionType::RENEGOTIATION_INFO, |out| out.extend([1, 9])));
    });
    assert_eq!(error, HandshakeError::BadRenegotiationInfo);
}

/// A client that gets this ServerHello.
fn client_refuses(change: impl FnOnce(&mut ServerHello)) -> HandshakeError {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.start();
    let hello = pair.client.drain_transmit(pair.now).remove(0);
    pair.server.handle(pair.now, hello);
    let mut answer = server_hello(&mut pair.server);
    change(&mut answer);
    let mut body = vec![];
    answer.encode(&mut body);
    pair.client.handle(pair.now, message(HandshakeType::SERVER_HELLO, 0, &body));
    pair.run(Duration::from_millis(1));
    failure(&pair.client)
}

#[test]
fn a_server_may_choose_only_what_was_offered() {
    let suite = CipherSuite::TLS_AES_128_GCM_SHA256;
    assert_eq!(client_refuses(|hello| hello.cipher_suite = suite), HandshakeError::SuiteNotOffered(suite));
    assert_eq!(client_refuses(|hello| hello.compression_method = 1), HandshakeError::CompressionNotNull);
    let peer = ProtocolVersion::DTLS_1_0;
    assert_eq!(client_refuses(|hello| hello.legacy_version = peer), HandshakeError::NoCommonVersion { peer });
    let kind = ExtensionType::USE_SRTP;
    assert_eq!(
        client_refuses(|hello| hello.extensions.push(Extension::use_srtp(&[1], &[]))),
        HandshakeError::UnsolicitedExtension(kind)
    );
    assert_eq!(
        client_refuses(|hello| hello.extensions = plywood_dtls::wire::Extensions::new()),
        HandshakeError::NoExtendedMasterSecret
    );
    assert_eq!(
        client_refuses(|hello| {
            hello
                .extensions
                .push(Extension::new(ExtensionType::RENEGOTIATION_INFO, |out| out.extend([1, 7])));
        }),
        HandshakeError::BadRenegotiationInfo
    );
}

#[test]
fn a_server_that_asked_for_a_cookie_as_1_2_does_may_not_switch_to_1_3() {
    let (client, server) = support::configs_13(&provider::rustcrypto());
    let mut pair = Pair::new(client, server, 1);
    pair.start();
    pair.client.drain_transmit(pair.now);
    // Whatever version it names: it says nothing (RFC 6347 §4.2.1).
    for (seq, server_version) in [(0, 0xfeff), (1, 0xfefd)] {
        let server_version = ProtocolVersion(server_version);
        let mut body = vec![];
        HelloVerifyRequest { server_version, cookie: vec![7; 20] }.encode(&mut body);
        pair.client.handle(pair.now, message(HandshakeType::HELLO_VERIFY_REQUEST, seq, &body));
        assert!(!pair.client.drain_transmit(pair.now).is_empty());
    }
    let mut extensions = plywood_dtls::wire::Extensions::new();
    extensions.push(Extension::selected_version(ProtocolVersion::DTLS_1_3));
    let hello = ServerHello {
        legacy_version: ProtocolVersion::DTLS_1_2,
        random: [1; 32],
        session_id: vec![],
        cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
        compression_method: 0,
        extensions,
    };
    let mut body = vec![];
    hello.encode(&mut body);
    pair.client.handle(pair.now, message(HandshakeType::SERVER_HELLO, 2, &body));
    let expected = HandshakeError::NoCommonVersion { peer: ProtocolVersion::DTLS_1_3 };
    assert_eq!(failure(&pair.client), expected);
}

#[test]
fn a_group_that_was_not_offered_is_refused_in_a_server_key_exchange() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.start();
    for hello in pair.client.drain_transmit(pair.now) {
        pair.server.handle(pair.now, hello);
    }
    for datagram in pair.server.drain_transmit(pair.now) {
        for (kind, seq, mut body) in fragments(&datagram) {
            if kind == HandshakeType::SERVER_KEY_EXCHANGE {
                body[1..3].copy_from_slice(&[0, 25]);
            }
            pair.client.handle(pair.now, message(kind, seq, &body));
        }
    }
    assert_eq!(failure(&pair.client), HandshakeError::GroupNotOffered(NamedGroup::SECP521R1));
}
