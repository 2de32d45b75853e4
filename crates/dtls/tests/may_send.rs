//! What may be sent when: nothing, what an unknown peer may read, everything.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::fingerprint::{Fingerprint, HashAlgorithm};
use plywood_dtls::{Connection, MaySend, SealError, Versions, provider};
use support::{Pair, configs};

fn pair(versions: Versions) -> Pair {
    let (mut client, mut server) = configs(&provider::rustcrypto());
    (client.versions, server.versions) = (versions, versions);
    Pair::new(client, server, 1)
}

fn seal_unverified(connection: &mut Connection, payload: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut out = vec![];
    let mark = connection.begin_unverified_record(&mut out)?;
    out.extend_from_slice(payload);
    connection.finish_record(&mut out, mark)?;
    Ok(out)
}

#[test]
fn a_server_of_1_3_may_say_behind_its_finished_what_gives_nothing_away() {
    let mut pair = pair(Versions::ONLY_1_3);
    pair.start();
    assert_eq!(pair.server.connection.may_send(), MaySend::Nothing);
    for hello in pair.client.drain_transmit(pair.now) {
        pair.server.handle(pair.now, hello);
    }
    assert_eq!(pair.server.connection.may_send(), MaySend::Unverified);
    assert!(!pair.server.connection.can_send(), "the application's bytes wait");
    assert_eq!(pair.server.connection.begin_record(&mut vec![]), Err(SealError::NotConnected));
    let flight = pair.server.drain_transmit(pair.now);
    let init = seal_unverified(&mut pair.server.connection, b"INIT").unwrap();
    assert_eq!(init.len(), 4 + pair.server.connection.record_overhead());
    // It may even overtake the flight: the client keeps it until the keys are there.
    pair.client.handle(pair.now, init);
    assert!(pair.client.received.is_empty());
    for datagram in flight {
        pair.client.handle(pair.now, datagram);
    }
    pair.client.drain_events();
    assert_eq!(pair.client.received, [b"INIT"]);
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.server.connection.may_send(), MaySend::Everything);
    pair.assert_data_flows();
}

#[test]
fn nobody_else_may_say_anything_before_the_peer_is_verified() {
    for versions in [Versions::ONLY_1_2, Versions::ONLY_1_3] {
        let mut pair = pair(versions);
        pair.start();
        let deadline = pair.now + Duration::from_secs(1);
        while !pair.both_connected() {
            for (end, is_server) in [(&mut pair.client, false), (&mut pair.server, true)] {
                let may = end.connection.may_send();
                assert_eq!(may == MaySend::Everything, end.connection.is_connected());
                assert!(may != MaySend::Unverified || (is_server && versions == Versions::ONLY_1_3));
                if may == MaySend::Nothing {
                    assert_eq!(seal_unverified(&mut end.connection, b"x"), Err(SealError::NotConnected));
                }
            }
            assert!(pair.step(deadline));
        }
        for end in [&mut pair.client, &mut pair.server] {
            assert!(seal_unverified(&mut end.connection, b"x").is_ok());
            end.connection.close(pair.now);
            assert_eq!(end.connection.may_send(), MaySend::Nothing);
            assert_eq!(seal_unverified(&mut end.connection, b"x"), Err(SealError::Closed));
        }
    }
}

#[test]
fn a_server_that_waits_for_a_second_hello_may_say_nothing() {
    let (client, mut server) = support::configs_13(&provider::rustcrypto());
    server.require_cookie = true;
    let mut pair = Pair::new(client, server, 1);
    pair.start();
    for hello in pair.client.drain_transmit(pair.now) {
        pair.server.handle(pair.now, hello);
    }
    assert!(!pair.server.drain_transmit(pair.now).is_empty(), "HelloRetryRequest");
    assert_eq!(pair.server.connection.may_send(), MaySend::Nothing);
}

#[test]
fn a_client_with_the_wrong_certificate_has_read_nothing_but_what_was_unverified() {
    let (mut client, mut server) = configs(&provider::rustcrypto());
    (client.versions, server.versions) = (Versions::ONLY_1_3, Versions::ONLY_1_3);
    server.remote_fingerprints = vec![Fingerprint { algorithm: HashAlgorithm::SHA256, value: vec![0; 32] }];
    let mut pair = Pair::new(client, server, 1);
    pair.start();
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.server.connection.may_send(), MaySend::Nothing);
    assert!(pair.server.connection.is_closed());
    assert!(pair.client.received.is_empty() && pair.server.received.is_empty());
}
