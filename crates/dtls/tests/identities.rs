//! Who we show ourselves as: RSA keys in both versions, and a choice among several identities.
#![cfg(all(feature = "rustcrypto", feature = "ring"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use plywood_dtls::wire::codes::SignatureScheme;
use plywood_dtls::{CloseReason, Config, HandshakeError, Identity, Version, Versions, provider};
use support::{Pair, configs_13};

const RSA: &str = include_str!("data/rsa2048.pem");

fn rsa() -> Arc<Identity> {
    Arc::new(Identity::from_pem(&*provider::ring(), RSA).unwrap())
}

/// Two ends of which `change` may change everything, and that know each other's certificates whatever these are.
fn run(change: impl FnOnce(&mut Config, &mut Config)) -> Pair {
    let (mut client, mut server) = configs_13(&provider::ring());
    change(&mut client, &mut server);
    let known = |config: &Config| {
        let preferred = config.preferred_identities.iter();
        preferred.chain([&config.identity]).map(|ours| ours.fingerprint().clone()).collect::<Vec<_>>()
    };
    (client.remote_fingerprints, server.remote_fingerprints) = (known(&server), known(&client));
    let mut pair = Pair::new(client, server, 3);
    pair.start();
    pair.run(Duration::from_secs(2));
    pair
}

#[test]
fn rsa_identities_connect_in_both_versions_and_either_role() {
    for versions in [Versions::ONLY_1_2, Versions::ONLY_1_3] {
        for (client_rsa, server_rsa) in [(true, true), (true, false), (false, true)] {
            let mut pair = run(|client, server| {
                (client.versions, server.versions) = (versions, versions);
                if client_rsa {
                    client.identity = rsa();
                }
                if server_rsa {
                    server.identity = rsa();
                }
            });
            assert!(pair.both_connected(), "{:?} {:?}", pair.client.events, pair.server.events);
            let shown = pair.client.connection.peer_certificate().unwrap();
            assert_eq!(shown == rsa().certificate(), server_rsa);
            pair.assert_data_flows();
        }
    }
}

#[test]
fn of_several_identities_the_first_that_the_peer_can_verify_is_shown() {
    let ecdsa_only = vec![SignatureScheme::ECDSA_SECP256R1_SHA256];
    for versions in [Versions::ONLY_1_2, Versions::ONLY_1_3] {
        for (schemes, is_rsa) in [(ecdsa_only.clone(), false), (vec![], true)] {
            let pair = run(|client, server| {
                (client.versions, server.versions) = (versions, versions);
                client.preferred_identities = vec![rsa()];
                server.preferred_identities = vec![rsa()];
                if !schemes.is_empty() {
                    client.verify_schemes.clone_from(&schemes);
                    server.verify_schemes.clone_from(&schemes);
                }
            });
            assert!(pair.both_connected(), "{:?} {:?}", pair.client.events, pair.server.events);
            for (end, other) in [(&pair.client, &pair.server), (&pair.server, &pair.client)] {
                let shown = end.connection.identity().certificate();
                assert_eq!(shown == rsa().certificate(), is_rsa);
                assert_eq!(other.connection.peer_certificate(), Some(shown));
            }
        }
    }
}

#[test]
fn an_identity_signs_only_as_it_is_told() {
    let pss = SignatureScheme::RSA_PSS_RSAE_SHA384;
    let limited = || {
        let identity = Identity::from_pem(&*provider::ring(), RSA).unwrap();
        Arc::new(identity.with_schemes(&[pss, SignatureScheme::ED25519]))
    };
    assert_eq!(limited().schemes(), [pss], "what the key cannot do is left out");
    let pair = run(|_, server| server.identity = limited());
    assert_eq!(pair.client.connection.version(), Some(Version::Dtls13));
    assert_eq!(pair.client.connection.peer_signature_scheme(), Some(pss));
    let pair = run(|client, server| {
        server.identity = limited();
        client.verify_schemes.retain(|scheme| *scheme != pss);
    });
    let reason = CloseReason::Handshake(HandshakeError::NoCommonSignatureScheme);
    assert_eq!(pair.server.close_reason(), Some(reason));
}
