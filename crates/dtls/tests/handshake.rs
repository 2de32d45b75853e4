//! The handshake of 1.2 between two of our own ends, over a network that behaves.
#![cfg(feature = "rustcrypto")]

mod support;

use std::time::Duration;

use plywood_dtls::wire::codes::{CipherSuite, NamedGroup};
use plywood_dtls::{Event, Version};
use support::{Pair, providers};

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
        assert_eq!(pair.client.events, [connected.clone()]);
        assert_eq!(pair.server.events, [connected]);
        assert_eq!(pair.client.connection.peer_certificate(), Some(support::B_CERTIFICATE));
        assert_eq!(pair.server.connection.peer_certificate(), Some(support::A_CERTIFICATE));
        pair.assert_data_flows();
        pair.run(TEN_SECONDS);
        assert_eq!(pair.client.connection.poll_timeout(), None);
        assert_eq!(pair.server.connection.poll_timeout(), None);
        assert_eq!(pair.client.connection.stats().discarded_total(), 0);
    }
}
