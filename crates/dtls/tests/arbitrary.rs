//! Bytes of all kinds into both roles: no panic, no end without a rule, bounded memory.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::wire::{
    ClientHello, Fragment, HelloVerifyRequest, PlaintextHeader, ServerHello, UnifiedHeader, ack, alert,
    certificate, certificate_request, certificate_verify, certificate13, client_key_exchange, connection_id,
    key_update, server_key_exchange,
};
use plywood_dtls::{CookieAnswer, CookieExchange, CookieLimits, Role, Versions, provider};
use proptest::prelude::*;
use support::{End, Pair, configs, configs_13, start_of_time};

fn end(role: Role) -> End {
    end_of(role, Versions::ONLY_1_2)
}

fn end_of(role: Role, versions: Versions) -> End {
    let (client, server) = configs(&provider::rustcrypto());
    let mut config = if role == Role::Client { client } else { server };
    config.versions = versions;
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

/// See tests/data/corpus/README.md for where these come from. `PLYWOOD_DTLS_CORPUS` may name a folder with more files
/// of that form.
fn corpus() -> Vec<Vec<Vec<u8>>> {
    let mut files = vec![
        include_str!("data/corpus/bogo.hex").to_owned(),
        include_str!("data/corpus/boringssl.hex").to_owned(),
        include_str!("data/corpus/openssl.hex").to_owned(),
        include_str!("data/corpus/mbedtls.hex").to_owned(),
    ];
    if let Ok(folder) = std::env::var("PLYWOOD_DTLS_CORPUS") {
        let more =
            std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()));
        files.extend(more.map(Result::unwrap));
    }
    let lines = files.iter().flat_map(|file| file.lines()).filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').unwrap().1.split(',').map(bytes).collect()).collect()
}

#[test]
fn the_corpora_of_other_implementations_cause_no_panic_in_either_role() {
    let corpus = corpus();
    assert!(corpus.len() > 100, "{}", corpus.len());
    for datagrams in corpus {
        for role in [Role::Client, Role::Server] {
            for versions in [Versions::ONLY_1_2, Versions::default()] {
                feed(&mut end_of(role, versions), datagrams.clone());
            }
        }
    }
}

#[test]
fn the_corpora_of_other_implementations_cause_no_panic_in_any_parser() {
    let mut fragments = 0;
    for datagram in corpus().into_iter().flatten() {
        parse_everything(&datagram);
        let mut rest = &datagram[..];
        while let Ok(header) = PlaintextHeader::parse(rest) {
            let body = &rest[PlaintextHeader::LENGTH..];
            let (body, next) = body.split_at(usize::from(header.length).min(body.len()));
            rest = next;
            parse_everything(body);
            let mut reader = plywood_octets::Reader::new(body);
            while let Ok(fragment) = Fragment::parse(&mut reader) {
                parse_everything(fragment.body);
                fragments += 1;
            }
        }
    }
    assert!(fragments > 1000, "{fragments}");
}

#[test]
fn a_cookie_exchange_takes_the_corpora_without_a_panic_and_within_its_bounds() {
    let (_, config) = configs_13(&provider::rustcrypto());
    let limits = CookieLimits::default();
    let now = start_of_time();
    let mut exchange = CookieExchange::new(config, limits, [1; 32], now);
    for (source, datagrams) in corpus().into_iter().enumerate() {
        for datagram in datagrams {
            let mut out = vec![];
            let answer = exchange.handle_datagram(now, &source.to_be_bytes(), &datagram, &mut out);
            assert!(!matches!(answer, CookieAnswer::Accept(_)), "nobody was shown a cookie of ours");
            assert!(exchange.held_bytes() <= limits.max_pool_bytes);
        }
    }
}

/// Every parser over the same bytes.
fn parse_everything(body: &[u8]) {
    if let Ok(hello) = ClientHello::parse(body) {
        let _ =
            (hello.extensions.client_key_shares(), hello.extensions.cookie(), hello.extensions.use_srtp());
        let _ = (hello.extensions.connection_id(), hello.extensions.record_size_limit());
    }
    if let Ok(hello) = ServerHello::parse(body) {
        let _ = (hello.extensions.server_key_share(), hello.extensions.retry_group());
    }
    let _ = HelloVerifyRequest::parse(body);
    let _ = PlaintextHeader::parse(body);
    let _ = UnifiedHeader::parse(body, 4);
    let _ = connection_id::Tls12CidHeader::parse(body, 4);
    let _ = connection_id::of_datagram(body, 4);
    let _ = connection_id::NewConnectionId::parse(body);
    let _ = connection_id::RequestConnectionId::parse(body);
    let _ = Fragment::parse(&mut plywood_octets::Reader::new(body));
    let _ = ack::Ack::parse(body);
    let _ = key_update::KeyUpdate::parse(body);
    let _ = alert::Alert::parse(body);
    let _ = certificate::Certificate::parse(body);
    let _ = certificate13::parse_certificate(body);
    let _ = certificate13::parse_certificate_request(body);
    let _ = certificate13::parse_encrypted_extensions(body);
    let _ = certificate_request::CertificateRequest::parse(body);
    let _ = certificate_verify::DigitallySigned::parse(body);
    let _ = client_key_exchange::ClientKeyExchange::parse(body);
    let _ = server_key_exchange::ServerKeyExchange::parse(body);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_datagrams_cause_no_panic_in_either_role(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20),
    ) {
        for role in [Role::Client, Role::Server] {
            for versions in [Versions::ONLY_1_2, Versions::default()] {
                feed(&mut end_of(role, versions), datagrams.clone());
            }
        }
    }

    #[test]
    fn arbitrary_datagrams_never_pass_a_cookie_exchange_and_stay_within_its_bounds(
        datagrams in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..200)), 0..50),
        damage in proptest::collection::vec((13usize..200, any::<u8>()), 0..3),
    ) {
        let limits = CookieLimits { max_pool_bytes: 4096, max_hello_bytes: 2048, ..CookieLimits::default() };
        let (_, config) = configs_13(&provider::rustcrypto());
        let mut exchange = CookieExchange::new(config, limits, [1; 32], start_of_time());
        let mut hello = support::forge::message(
            plywood_dtls::wire::HandshakeType::CLIENT_HELLO, 0, &support::forge::encode(&support::forge::client_hello()));
        for (at, value) in damage {
            let at = at % hello.len();
            hello[at] ^= value;
        }
        for (source, datagram) in datagrams.into_iter().chain([(0, hello)]) {
            let mut out = vec![];
            let answer = exchange.handle_datagram(start_of_time(), &[source], &datagram, &mut out);
            prop_assert!(!matches!(answer, CookieAnswer::Accept(_)));
            prop_assert!(out.len() <= 3 * datagram.len() && exchange.held_bytes() <= 4096);
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
        parse_everything(&body);
    }
}
