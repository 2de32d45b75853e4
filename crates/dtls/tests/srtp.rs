//! use_srtp (RFC 5764): a profile is agreed on, and keys for it exported; media itself is somebody else's.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::wire::{Extension, ExtensionType, Fragment, HandshakeType, PlaintextHeader, ServerHello};
use plywood_dtls::{CloseReason, HandshakeError, Versions, provider};
use support::forge::message;
use support::{Pair, configs};

const BOTH: [Versions; 2] = [Versions::ONLY_1_2, Versions::ONLY_1_3];
/// SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AEAD_AES_128_GCM.
const PROFILES: [u16; 2] = [0x0001, 0x0007];

fn pair(versions: Versions, client_profiles: &[u16], server_profiles: &[u16]) -> Pair {
    let (mut client, mut server) = configs(&provider::rustcrypto());
    (client.versions, server.versions) = (versions, versions);
    (client.srtp_profiles, server.srtp_profiles) = (client_profiles.to_vec(), server_profiles.to_vec());
    let mut pair = Pair::new(client, server, 7);
    pair.start();
    pair
}

#[test]
fn one_profile_that_both_know_is_agreed_on_in_either_version() {
    for versions in BOTH {
        for (client, server, expected) in [
            (&PROFILES[..], &[0x0008, 0x0007, 0x0001][..], Some(7)),
            (&[1], &[7], None),
            (&[1], &[], None),
            (&[], &[1], None),
        ] {
            let mut pair = pair(versions, client, server);
            pair.run(Duration::from_secs(5));
            // RFC 5764 §4.1.1: without a common one the extension is left out, and the handshake goes on.
            assert!(pair.both_connected());
            assert_eq!(pair.client.connection.srtp_profile(), expected);
            assert_eq!(pair.server.connection.srtp_profile(), expected);
        }
    }
}

#[test]
fn both_ends_export_the_same_keys_for_media() {
    for versions in BOTH {
        let mut pair = pair(versions, &PROFILES, &PROFILES);
        pair.run(Duration::from_secs(5));
        // Two keys of 16 and two salts of 14 bytes (RFC 5764 §4.2).
        let export = |end: &support::End| {
            let mut out = [0; 60];
            end.connection.export_keying_material("EXTRACTOR-dtls_srtp", None, &mut out).unwrap();
            out
        };
        assert_eq!(export(&pair.client), export(&pair.server));
        assert_ne!(export(&pair.client), [0; 60]);
    }
}

/// What a client of 1.2 that offered two profiles makes of this answer.
fn refused(profiles: &[u16], mki: &[u8]) -> Option<CloseReason> {
    let mut pair = pair(Versions::ONLY_1_2, &PROFILES, &PROFILES);
    for hello in pair.client.drain_transmit(pair.now) {
        pair.server.handle(pair.now, hello);
    }
    let flight = pair.server.drain_transmit(pair.now);
    let mut body = plywood_octets::Reader::new(&flight[0][PlaintextHeader::LENGTH..]);
    let mut hello = ServerHello::parse(Fragment::parse(&mut body).unwrap().body).unwrap();
    hello.extensions.push(Extension::use_srtp(profiles, mki));
    let mut body = vec![];
    hello.encode(&mut body);
    pair.client.handle(pair.now, message(HandshakeType::SERVER_HELLO, 0, &body));
    pair.client.close_reason()
}

#[test]
fn a_server_may_choose_one_of_the_offered_profiles_and_no_mki_of_its_own() {
    assert_eq!(refused(&[1], &[]), None);
    let error = HandshakeError::BadExtension(ExtensionType::USE_SRTP);
    assert_eq!(error.alert().0, 47, "illegal_parameter");
    for (profiles, mki) in [(&[8][..], &[][..]), (&[1, 7], &[]), (&[1], &[9])] {
        assert_eq!(refused(profiles, mki), Some(CloseReason::Handshake(error)), "{profiles:?} {mki:?}");
    }
}
