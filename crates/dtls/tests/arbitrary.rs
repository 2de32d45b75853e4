//! Bytes of all kinds into both roles: no panic, no end without a rule, bounded memory.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::wire::{
    ClientHello, Fragment, HelloVerifyRequest, PlaintextHeader, ServerHello, UnifiedHeader, alert,
    certificate, certificate_request, certificate_verify, client_key_exchange, server_key_exchange,
};
use plywood_dtls::{Role, provider};
use proptest::prelude::*;
use support::{End, Pair, configs, start_of_time};

fn end(role: Role) -> End {
    let (client, server) = configs(&provider::rustcrypto());
    let config = if role == Role::Client { client } else { server };
    let mut end = End::new(config, [5; 32], start_of_time());
    end.connection.start(start_of_time());
    end.drain_transmit(start_of_time());
    end
}

fn feed(end: &mut End, datagrams: impl IntoIterator<Item = Vec<u8>>) {
    let mut now = start_of_time();
    for datagram in datagrams {
        now += Duration::from_millis(10);
        end.handle(now, datagram);
        end.drain_transmit(now);
        end.connection.handle_timeout(now);
        assert!(end.connection.poll_timeout().is_none_or(|at| at > now));
        assert!(end.received.is_empty() && !end.connection.is_connected());
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// See tests/data/corpus/README.md for where these come from.
#[test]
fn the_corpora_of_other_implementations_cause_no_panic_in_either_role() {
    let corpora = [
        include_str!("data/corpus/bogo.hex"),
        include_str!("data/corpus/boringssl.hex"),
        include_str!("data/corpus/openssl.hex"),
        include_str!("data/corpus/mbedtls.hex"),
    ];
    let mut rows = 0;
    for line in corpora.iter().flat_map(|corpus| corpus.lines()).filter(|line| !line.starts_with('#')) {
        let (_, datagrams) = line.split_once('\t').unwrap();
        for role in [Role::Client, Role::Server] {
            feed(&mut end(role), datagrams.split(',').map(bytes));
        }
        rows += 1;
    }
    assert!(rows > 100, "{rows}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_datagrams_cause_no_panic_in_either_role(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20),
    ) {
        for role in [Role::Client, Role::Server] {
            feed(&mut end(role), datagrams.clone());
        }
    }

    #[test]
    fn arbitrary_fragments_cause_no_panic_in_either_role(
        messages in proptest::collection::vec(
            (0u8..26, 0u16..6, proptest::collection::vec(any::<u8>(), 0..100), 0usize..100, 0usize..100), 0..20),
    ) {
        for role in [Role::Client, Role::Server] {
            let datagrams = messages.iter().map(|(kind, seq, body, from, count)| {
                let from = (*from).min(body.len());
                let to = (from + count).min(body.len());
                support::forge::fragment(plywood_dtls::wire::HandshakeType(*kind), *seq, body, from, to)
            });
            feed(&mut end(role), datagrams.collect::<Vec<_>>());
        }
    }

    #[test]
    fn damaged_datagrams_of_a_handshake_cause_no_panic_and_no_false_connection(
        seed: u64, changes in proptest::collection::vec((0usize..30, any::<usize>(), any::<u8>()), 1..10),
    ) {
        let (client, server) = configs(&provider::rustcrypto());
        let mut pair = Pair::new(client, server, seed);
        pair.start();
        for round in 0..30 {
            for to_server in [true, false] {
                let end = if to_server { &mut pair.client } else { &mut pair.server };
                for mut datagram in end.drain_transmit(pair.now) {
                    for (_, at, value) in changes.iter().filter(|(when, ..)| *when == round) {
                        let at = at % datagram.len();
                        datagram[at] ^= value;
                    }
                    pair.send(to_server, &datagram);
                }
            }
            let deadline = pair.now + Duration::from_secs(2);
            pair.step(deadline);
        }
        if pair.both_connected() {
            pair.assert_data_flows();
        }
    }

    #[test]
    fn parsers_take_any_bytes_and_what_they_accept_is_written_back_alike(body: Vec<u8>) {
        if let Ok(hello) = ClientHello::parse(&body) {
            let mut out = vec![];
            hello.encode(&mut out);
            prop_assert_eq!(ClientHello::parse(&out), Ok(hello));
        }
        if let Ok(hello) = ServerHello::parse(&body) {
            let mut out = vec![];
            hello.encode(&mut out);
            prop_assert_eq!(ServerHello::parse(&out), Ok(hello));
        }
        let _ = HelloVerifyRequest::parse(&body);
        let _ = PlaintextHeader::parse(&body);
        let _ = UnifiedHeader::parse(&body, 4);
        let _ = Fragment::parse(&mut plywood_octets::Reader::new(&body));
        let _ = alert::Alert::parse(&body);
        let _ = certificate::Certificate::parse(&body);
        let _ = certificate_request::CertificateRequest::parse(&body);
        let _ = certificate_verify::DigitallySigned::parse(&body);
        let _ = client_key_exchange::ClientKeyExchange::parse(&body);
        let _ = server_key_exchange::ServerKeyExchange::parse(&body);
    }
}
