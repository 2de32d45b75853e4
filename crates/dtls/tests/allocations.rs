//! No allocation for a record in the steady state, sealed or opened, in either version, with or without an id.
#![allow(clippy::unwrap_used, reason = "test code")]
#![cfg(feature = "rustcrypto")]

mod support;

use std::time::Duration;

use plywood_dtls::{ConnectionId, Version, Versions};
use support::{Pair, configs, providers};

#[test]
fn a_record_costs_no_allocation_in_either_version_with_every_provider_and_suite() {
    for provider in providers() {
        for (versions, suites) in [(Versions::ONLY_1_2, 3..6), (Versions::ONLY_1_3, 0..3)] {
            for suite in suites {
                for id in [None, ConnectionId::new(b"connection")] {
                    let (mut client, mut server) = configs(&provider);
                    let chosen = vec![server.cipher_suites[suite]];
                    (client.versions, server.versions) = (versions, versions);
                    (client.cipher_suites, server.cipher_suites) = (chosen.clone(), chosen);
                    (client.connection_id, server.connection_id) = (id.clone(), id);
                    let mut pair = Pair::new(client, server, 1);
                    pair.start();
                    pair.run(Duration::from_secs(10));
                    assert!(pair.both_connected());
                    measure(&mut pair);
                }
            }
        }
    }
}

fn measure(pair: &mut Pair) {
    let payload = [7; 1200];
    let mut out = Vec::with_capacity(2000);
    let mut send = |count: usize| {
        for _ in 0..count {
            for to_server in [true, false] {
                let (from, to) = if to_server {
                    (&mut pair.client.connection, &mut pair.server.connection)
                } else {
                    (&mut pair.server.connection, &mut pair.client.connection)
                };
                out.clear();
                let mark = from.begin_record(&mut out).unwrap();
                out.extend_from_slice(&payload);
                from.finish_record(&mut out, mark).unwrap();
                let opened = to.open_record(pair.now, &mut out, 0).unwrap();
                assert_eq!(out[opened.plaintext.unwrap()], payload);
                assert!(to.poll_event().is_none() && from.poll_transmit(pair.now, &mut out).is_none());
            }
        }
    };
    send(10);
    let info = allocation_counter::measure(|| send(1000));
    let version: Option<Version> = pair.client.connection.version();
    assert_eq!(info.count_total, 0, "{version:?} {:?}", pair.client.connection.suite());
}
