//! record_size_limit (RFC 8449): both versions, both directions.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::wire::{Extension, ExtensionType, HandshakeType};
use plywood_dtls::{
    CloseReason, Config, ConfigError, ConnectionId, HandshakeError, ParseError, SealError, Versions, provider,
};
use support::forge::{client_hello, encode, message};
use support::{End, Pair, configs, start_of_time};

fn pair(versions: Versions, change: impl FnOnce(&mut Config, &mut Config)) -> Pair {
    let (mut client, mut server) = configs(&provider::rustcrypto());
    (client.versions, server.versions) = (versions, versions);
    change(&mut client, &mut server);
    let mut pair = Pair::new(client, server, 1);
    pair.start();
    pair.run(Duration::from_secs(10));
    assert!(pair.both_connected(), "{:?} {:?}", pair.client.events, pair.server.events);
    pair
}

/// Seals `length` bytes; the plaintext of the record has one more where the content type is inside.
fn seal(end: &mut End, length: usize) -> Result<Vec<u8>, SealError> {
    let mut out = vec![];
    let mark = end.connection.begin_record(&mut out)?;
    out.resize(mark.payload() + length, 7);
    end.connection.finish_record(&mut out, mark)?;
    Ok(out)
}

const BOTH: [(Versions, usize); 2] = [(Versions::ONLY_1_2, 0), (Versions::ONLY_1_3, 1)];

#[test]
fn each_side_keeps_to_the_limit_of_the_other() {
    for (versions, inner_type) in BOTH {
        let mut pair = pair(versions, |client, server| {
            (client.record_size_limit, server.record_size_limit) = (Some(100), Some(1000));
        });
        for (client_sends, most) in [(true, 1000 - inner_type), (false, 100 - inner_type)] {
            let (from, to) = if client_sends {
                (&mut pair.client, &mut pair.server)
            } else {
                (&mut pair.server, &mut pair.client)
            };
            assert_eq!(from.connection.max_payload(), most);
            let length = most + 1;
            assert_eq!(seal(from, length), Err(SealError::TooLong { length }));
            let record = seal(from, most).unwrap();
            to.handle(pair.now, record);
            assert_eq!(to.received.pop().unwrap().len(), most);
        }
    }
}

#[test]
fn flights_are_cut_to_the_smallest_limit() {
    for (versions, _) in BOTH {
        for (client_limit, server_limit) in [(64, 64), (64, 300), (16384, 64)] {
            let mut pair = pair(versions, |client, server| {
                (client.record_size_limit, server.record_size_limit) =
                    (Some(client_limit), Some(server_limit));
            });
            pair.assert_data_flows();
        }
    }
}

#[test]
fn who_names_no_limit_hears_none() {
    for (versions, _) in BOTH {
        for client_is_silent in [true, false] {
            let mut pair = pair(versions, |client, server| {
                let (silent, other) = if client_is_silent { (client, server) } else { (server, client) };
                (silent.record_size_limit, other.record_size_limit) = (None, Some(64));
            });
            for end in [&mut pair.client, &mut pair.server] {
                assert_eq!(end.connection.max_payload(), 1 << 14);
            }
            let record = seal(&mut pair.client, 1 << 14).unwrap();
            pair.server.handle(pair.now, record);
            assert_eq!(pair.server.received.len(), 1);
        }
    }
}

#[test]
fn the_default_is_the_most_that_each_version_knows() {
    for (versions, _) in BOTH {
        let mut pair = pair(versions, |_, _| {});
        assert_eq!(pair.client.connection.max_payload(), 1 << 14);
        let record = seal(&mut pair.client, 1 << 14).unwrap();
        pair.server.handle(pair.now, record);
        assert_eq!(pair.server.received.len(), 1);
    }
}

#[test]
fn a_connection_id_of_1_2_puts_the_type_under_the_limit_too() {
    let id = ConnectionId::new(&[1, 2, 3]);
    let mut pair = pair(Versions::ONLY_1_2, |client, server| {
        (client.record_size_limit, server.record_size_limit) = (Some(100), Some(100));
        (client.connection_id, server.connection_id) = (id.clone(), id.clone());
    });
    assert_eq!(pair.client.connection.max_payload(), 99);
    let record = seal(&mut pair.client, 99).unwrap();
    pair.server.handle(pair.now, record);
    assert_eq!(pair.server.received.len(), 1);
}

#[test]
fn a_limit_below_64_is_refused_from_the_peer_and_in_the_configuration() {
    let (_, config) = configs(&provider::rustcrypto());
    let mut hello = client_hello();
    hello.extensions.push(Extension { extension_type: ExtensionType::RECORD_SIZE_LIMIT, data: vec![0, 63] });
    let mut end = End::new(config.clone(), [1; 32], start_of_time());
    end.handle(start_of_time(), message(HandshakeType::CLIENT_HELLO, 0, &encode(&hello)));
    let Some(CloseReason::Handshake(error)) = end.close_reason() else { panic!("{:?}", end.events) };
    let expected =
        HandshakeError::Decode { message: HandshakeType::CLIENT_HELLO, error: ParseError::InvalidValue(63) };
    assert_eq!((error, error.alert().0), (expected, 47), "illegal_parameter");

    let too_small = Config { record_size_limit: Some(63), ..config };
    assert_eq!(too_small.validate(), Err(ConfigError::RecordSizeLimitTooSmall { bytes: 63 }));
}

#[test]
fn a_limit_beyond_what_we_know_is_no_limit() {
    let (_, config) = configs(&provider::rustcrypto());
    let mut hello = client_hello();
    hello.extensions.push(Extension::record_size_limit(u16::MAX));
    let mut end = End::new(config, [1; 32], start_of_time());
    end.handle(start_of_time(), message(HandshakeType::CLIENT_HELLO, 0, &encode(&hello)));
    assert_eq!(end.close_reason(), None);
    assert!(!end.drain_transmit(start_of_time()).is_empty());
}
