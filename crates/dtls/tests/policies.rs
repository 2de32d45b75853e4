//! Which certificates are good enough, who has to show one, and what is dropped because only we say it.
#![cfg(feature = "rustcrypto")]

mod support;

use std::time::Duration;

use plywood_dtls::wire::AlertDescription;
use plywood_dtls::{
    ClientAuthentication, CloseReason, Config, Discard, HandshakeError, PeerVerification, provider,
};
use support::{Pair, configs, configs_13};

const TEN_SECONDS: Duration = Duration::from_secs(10);

/// In 1.2 and in 1.3.
fn pairs(change: impl Fn(&mut Config, &mut Config)) -> [Pair; 2] {
    let provider = provider::rustcrypto();
    [configs(&provider), configs_13(&provider)].map(|(mut client, mut server)| {
        change(&mut client, &mut server);
        let mut pair = Pair::new(client, server, 1);
        pair.start();
        pair
    })
}

#[test]
fn a_server_that_asks_for_no_certificate_connects_and_knows_nobody() {
    for mut pair in pairs(|_, server| server.client_authentication = ClientAuthentication::NotRequested) {
        pair.run_until_connected(TEN_SECONDS);
        pair.assert_data_flows();
        assert_eq!(pair.server.connection.peer_certificate(), None);
        assert!(pair.client.connection.peer_certificate().is_some());
    }
}

#[test]
fn a_client_that_is_asked_politely_still_shows_its_certificate_and_must_match() {
    for mut pair in pairs(|_, server| server.client_authentication = ClientAuthentication::Requested) {
        pair.run_until_connected(TEN_SECONDS);
        assert!(pair.server.connection.peer_certificate().is_some());
    }
    for mut pair in pairs(|_, server| {
        server.client_authentication = ClientAuthentication::Requested;
        server.remote_fingerprints.clear();
    }) {
        pair.run(TEN_SECONDS);
        let mismatch = CloseReason::Handshake(HandshakeError::FingerprintMismatch);
        assert_eq!(pair.server.close_reason(), Some(mismatch));
    }
}

#[test]
fn any_certificate_will_do_only_where_the_configuration_says_so() {
    for mut pair in pairs(|client, _| {
        client.remote_fingerprints.clear();
        client.peer_verification = PeerVerification::AnyCertificate;
    }) {
        pair.run_until_connected(TEN_SECONDS);
        pair.assert_data_flows();
    }
}

#[test]
fn a_configuration_that_refuses_everybody_says_why() {
    let alert = AlertDescription::HANDSHAKE_FAILURE;
    for mut pair in pairs(|client, _| client.peer_verification = PeerVerification::Nobody(alert)) {
        pair.run(TEN_SECONDS);
        let refused = CloseReason::Handshake(HandshakeError::PeerRefused(alert));
        assert_eq!(pair.client.close_reason(), Some(refused));
    }
}

#[test]
fn an_abort_tells_the_peer_the_alert() {
    for mut pair in pairs(|_, _| {}) {
        pair.run_until_connected(TEN_SECONDS);
        pair.client.connection.abort(AlertDescription::BAD_CERTIFICATE);
        pair.pump();
        pair.run(TEN_SECONDS);
        let told = CloseReason::PeerAlert(AlertDescription::BAD_CERTIFICATE);
        assert_eq!(pair.server.close_reason(), Some(told));
    }
}

#[test]
fn our_own_flight_sent_back_to_us_is_dropped_and_counted() {
    for mut pair in pairs(|_, _| {}) {
        let now = pair.now;
        let hello = pair.client.drain_transmit(now);
        for datagram in &hello {
            pair.client.handle(now, datagram.clone());
            pair.server.handle(now, datagram.clone());
        }
        assert!(pair.client.connection.stats().discarded(Discard::Reflected) > 0);
        let answer = pair.server.drain_transmit(now);
        // The record with the ServerHello.
        let length = usize::from(u16::from_be_bytes([answer[0][11], answer[0][12]]));
        pair.server.handle(now, answer[0][..13 + length].to_vec());
        assert!(pair.server.connection.stats().discarded(Discard::Reflected) > 0);
        for datagram in answer {
            pair.client.handle(now, datagram);
        }
        pair.run_until_connected(TEN_SECONDS);
        pair.assert_data_flows();
    }
}
