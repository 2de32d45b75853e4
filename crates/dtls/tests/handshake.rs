//! The handshake of 1.2 between two of our own ends, over a network that behaves.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::fingerprint::{Fingerprint, HashAlgorithm};
use plywood_dtls::provider;
use plywood_dtls::wire::codes::{CipherSuite, NamedGroup};
use plywood_dtls::{
    CloseReason, Config, ConfigError, Discard, Event, ExportError, HandshakeError, SealError, Version,
    Versions,
};
use support::{End, Pair, bytes_sent, configs, connect_with, identity, providers, with_a_wrong_fingerprint};

const TEN_SECONDS: Duration = Duration::from_secs(10);

#[test]
fn client_and_server_connect_in_two_round_trips() {
    for provider in providers() {
        let mut pair = Pair::perfect(&provider);
        pair.start();
        pair.run_until_connected(TEN_SECONDS);
        assert!(pair.both_connected(), "{}: {:?}", provider.name(), pair.server.events);
        assert_eq!(pair.elapsed(), Duration::from_millis(40));
        let connected = Event::Connected {
            version: Version::Dtls12,
            suite: CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            group: NamedGroup::X25519,
        };
        assert_eq!(pair.client.events, std::slice::from_ref(&connected));
        assert_eq!(pair.server.events, [connected]);
        assert_eq!(pair.client.connection.peer_certificate(), Some(support::B_CERTIFICATE));
        assert_eq!(pair.server.connection.peer_certificate(), Some(support::A_CERTIFICATE));
        pair.assert_data_flows();
        pair.run(TEN_SECONDS);
        assert_eq!(pair.client.connection.poll_timeout(), None);
        assert_eq!(pair.server.connection.poll_timeout(), None);
        assert_eq!(pair.client.connection.stats().discarded_total(), 0);
        assert_eq!(pair.server.connection.stats().discarded_total(), 0);
    }
}

#[test]
fn every_suite_and_every_group_connects_and_carries_data() {
    let suites = [
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ];
    for provider in providers() {
        for suite in suites {
            for group in [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1] {
                connect_with(configs, &provider, Versions::ONLY_1_2, suite, group);
            }
        }
    }
}

#[test]
fn providers_interoperate_and_so_do_certificates_of_x509_v1() {
    for client_provider in providers() {
        for server_provider in providers() {
            let v1 = identity(&client_provider, support::V1_CERTIFICATE, support::V1_KEY);
            let (_, mut server) = configs(&server_provider);
            server.remote_fingerprints = vec![v1.fingerprint().clone()];
            let theirs = vec![server.identity.fingerprint().clone()];
            let client = Config::new(plywood_dtls::Role::Client, v1, client_provider.clone(), theirs);
            let mut pair = Pair::new(client, server, 3);
            pair.start();
            pair.run(TEN_SECONDS);
            pair.assert_data_flows();
        }
    }
}

#[test]
fn equal_seeds_give_equal_bytes() {
    assert_eq!(bytes_sent(configs, 7), bytes_sent(configs, 7));
    assert_ne!(bytes_sent(configs, 7), bytes_sent(configs, 8));
}

#[test]
fn a_wrong_fingerprint_ends_the_connection_before_any_data() {
    for provider in providers() {
        for wrong_at_client in [true, false] {
            let (_, judged) = with_a_wrong_fingerprint(configs, &provider, wrong_at_client);
            assert!(!judged.connection.is_connected());
            assert_eq!(judged.connection.stats().discarded(Discard::PlaintextAlert), 1);
        }
    }
}

#[test]
fn an_alert_in_the_clear_is_not_believed_but_told_with_the_timeout() {
    let (client, mut server) = configs(&provider::rustcrypto());
    server.remote_fingerprints.clear();
    let mut pair = Pair::new(client, server, 4);
    pair.start();
    pair.run(Duration::from_secs(120));
    assert_eq!(
        pair.client.close_reason(),
        Some(CloseReason::TimedOut {
            transmissions: 6,
            unauthenticated_alert: Some(plywood_dtls::wire::AlertDescription::BAD_CERTIFICATE),
        })
    );
}

#[test]
fn of_several_fingerprints_one_of_the_strongest_hash_must_match() {
    let provider = provider::rustcrypto();
    let of = |algorithm| Fingerprint::of(&*provider, algorithm, support::B_CERTIFICATE).unwrap();
    let wrong = |algorithm: HashAlgorithm| Fingerprint {
        algorithm,
        value: vec![1; algorithm.hash().map_or(20, |hash| hash.length())],
    };
    let connects = |fingerprints: Vec<Fingerprint>| {
        let (mut client, server) = configs(&provider);
        client.remote_fingerprints = fingerprints;
        let mut pair = Pair::new(client, server, 5);
        pair.start();
        pair.run(TEN_SECONDS);
        pair.both_connected()
    };
    assert!(connects(vec![wrong(HashAlgorithm::SHA256), of(HashAlgorithm::SHA256)]));
    assert!(connects(vec![wrong(HashAlgorithm::SHA1), of(HashAlgorithm::SHA512)]));
    assert!(!connects(vec![of(HashAlgorithm::SHA256), wrong(HashAlgorithm::SHA512)]));
    assert!(!connects(vec![]));
}

#[test]
fn both_ends_export_the_same_keying_material() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    let mut out = [0; 4];
    let early = pair.client.connection.export_keying_material("EXPORTER-x", None, &mut out);
    assert_eq!(early, Err(ExportError::NotConnected));
    pair.start();
    pair.run(TEN_SECONDS);
    let export = |end: &End, label: &str, context| {
        let mut out = [0; 60];
        end.connection.export_keying_material(label, context, &mut out).map(|()| out)
    };
    let label = "EXTRACTOR-dtls_srtp";
    let (client, server) = (&pair.client, &pair.server);
    assert_eq!(export(client, label, None), export(server, label, None));
    assert_eq!(export(client, label, Some(b"c")), export(server, label, Some(b"c")));
    assert_ne!(export(client, label, Some(b"")), export(client, label, None));
    assert_eq!(export(client, "master secret", None), Err(ExportError::ReservedLabel));
    assert_eq!(export(client, label, Some(&[0; 70000])), Err(ExportError::ContextTooLong));
}

#[test]
fn the_key_log_is_written_only_on_request_and_is_the_same_at_both_ends() {
    let (mut client, mut server) = configs(&provider::rustcrypto());
    client.key_log = true;
    server.key_log = true;
    let mut pair = Pair::new(client, server, 6);
    pair.start();
    pair.run(TEN_SECONDS);
    let line = |end: &End| {
        end.events.iter().find_map(|event| match event {
            Event::KeyLog(line) => Some(line.clone()),
            _ => None,
        })
    };
    let client = line(&pair.client).unwrap();
    assert_eq!(Some(&client), line(&pair.server).as_ref());
    let fields: Vec<_> = client.split(' ').collect();
    assert_eq!((fields[0], fields[1].len(), fields[2].len()), ("CLIENT_RANDOM", 64, 96));
    assert_eq!(line(&Pair::connected(&provider::rustcrypto()).client), None);
}

#[test]
fn an_srtp_profile_is_agreed_on_and_its_absence_tolerated() {
    let profiles = |ours: &[u16], theirs: &[u16]| {
        let (mut client, mut server) = configs(&provider::rustcrypto());
        (client.srtp_profiles, server.srtp_profiles) = (ours.to_vec(), theirs.to_vec());
        let mut pair = Pair::new(client, server, 7);
        pair.start();
        pair.run(TEN_SECONDS);
        assert!(pair.both_connected());
        assert_eq!(pair.client.connection.srtp_profile(), pair.server.connection.srtp_profile());
        pair.client.connection.srtp_profile()
    };
    assert_eq!(profiles(&[1, 7], &[8, 7, 1]), Some(7));
    assert_eq!(profiles(&[1], &[]), None);
    assert_eq!(profiles(&[], &[1]), None);
}

#[test]
fn close_notify_ends_both_sides_in_order() {
    let mut pair = Pair::connected(&provider::rustcrypto());
    pair.client.connection.close(pair.now);
    pair.client.connection.close(pair.now);
    pair.run(TEN_SECONDS);
    assert_eq!(pair.client.close_reason(), Some(CloseReason::Local));
    assert_eq!(pair.server.close_reason(), Some(CloseReason::Peer));
    let ends = pair.client.events.iter().filter(|event| matches!(event, Event::Closed(_)));
    assert_eq!(ends.count(), 1);
    let mut out = vec![];
    assert_eq!(pair.server.connection.begin_record(&mut out), Err(SealError::Closed));
}

#[test]
fn data_cannot_be_sealed_before_the_peer_is_verified() {
    let mut pair = Pair::perfect(&provider::rustcrypto());
    pair.start();
    let mut out = vec![];
    assert_eq!(pair.client.connection.begin_record(&mut out), Err(SealError::NotConnected));
    assert_eq!(pair.server.connection.begin_record(&mut out), Err(SealError::NotConnected));
    assert!(!pair.client.connection.can_send());
    assert!(out.is_empty());
}

#[test]
fn configurations_that_cannot_work_close_at_once_with_a_reason() {
    let refused = |change: fn(&mut Config)| {
        let (mut client, _) = configs(&provider::rustcrypto());
        change(&mut client);
        assert!(client.validate().is_err());
        let mut end = End::new(client, [0; 32], support::start_of_time());
        end.connection.start(support::start_of_time());
        end.drain_events();
        match end.close_reason() {
            Some(CloseReason::Config(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        refused(|config| config.versions = Versions { v1_2: false, v1_3: false }),
        ConfigError::NoSupportedVersion
    );
    assert_eq!(refused(|config| config.cipher_suites.clear()), ConfigError::NoSupportedCipherSuite);
    let hybrid_only: fn(&mut Config) = |config| config.groups = vec![NamedGroup::X25519_MLKEM768];
    assert_eq!(refused(hybrid_only), ConfigError::NoSupportedGroup);
    assert_eq!(refused(|config| config.mtu_bytes = 60), ConfigError::MtuTooSmall { mtu_bytes: 60 });
}

#[test]
fn two_ends_with_nothing_in_common_say_what_is_missing() {
    let reason = |change: fn(&mut Config, &mut Config)| {
        let (mut client, mut server) = configs(&provider::rustcrypto());
        change(&mut client, &mut server);
        let mut pair = Pair::new(client, server, 8);
        pair.start();
        pair.run(Duration::from_secs(1));
        match pair.server.close_reason() {
            Some(CloseReason::Handshake(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let suites = reason(|client, server| {
        client.cipher_suites = vec![CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
        server.cipher_suites = vec![CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384];
    });
    assert_eq!(suites, HandshakeError::NoCommonCipherSuite);
    let groups = reason(|client, server| {
        client.groups = vec![NamedGroup::X25519];
        server.groups = vec![NamedGroup::SECP384R1];
    });
    assert_eq!(groups, HandshakeError::NoCommonGroup);
}

#[test]
fn two_clients_and_two_servers_give_up_after_a_bounded_time() {
    let provider = provider::rustcrypto();
    let (client, server) = configs(&provider);
    let mut clients = Pair::new(client.clone(), client, 9);
    clients.start();
    clients.run(Duration::from_secs(200));
    for end in [&clients.client, &clients.server] {
        assert!(end.connection.is_closed(), "{:?}", end.events);
    }
    let mut servers = Pair::new(server.clone(), server, 9);
    servers.start();
    servers.run(Duration::from_secs(200));
    assert_eq!(servers.client.sent.len() + servers.server.sent.len(), 0);
}

#[test]
fn no_datagram_of_a_connected_pair_needs_memory() {
    // The buffers are as large as they get after the first records; their capacity does not grow again.
    let mut pair = Pair::connected(&provider::rustcrypto());
    let mut out = Vec::with_capacity(2000);
    let pointer = out.as_ptr();
    for _ in 0..100 {
        out.clear();
        let mark = pair.client.connection.begin_record(&mut out).unwrap();
        out.resize(mark.payload() + 1100, 7);
        pair.client.connection.finish_record(&mut out, mark).unwrap();
        let opened = pair.server.connection.open_record(pair.now, &mut out, 0).unwrap();
        assert_eq!(opened.plaintext.unwrap().len(), 1100);
    }
    assert_eq!(out.as_ptr(), pointer);
}
