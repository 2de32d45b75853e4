//! Proofs that a peer leaves out: a handshake never completes without them, in either version and role.
#![expect(clippy::unwrap_used, reason = "test code")]

use super::test_support::{closed, connection, deliver, now};
use super::*;
use crate::version::Versions;
use crate::wire::HandshakeType;

/// How the side ends that is not told `kind`.
fn end_without(versions: Versions, sender: Role, kind: HandshakeType) -> CloseReason {
    let (mut client, mut server) = (connection(Role::Client, versions), connection(Role::Server, versions));
    client.start(now());
    for _ in 0..4 {
        deliver(&mut client, &mut server);
        if sender == Role::Server {
            server.engine.flight.leave_out(kind);
        }
        deliver(&mut server, &mut client);
        if sender == Role::Client {
            client.engine.flight.leave_out(kind);
        }
    }
    let receiver = if sender == Role::Client { &mut server } else { &mut client };
    assert!(!receiver.is_connected(), "{kind:?} left out by {sender:?}");
    closed(receiver).unwrap()
}

fn is_unexpected(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::Handshake(HandshakeError::UnexpectedMessage { .. }))
}

#[test]
fn a_server_that_leaves_out_a_proof_is_refused() {
    for (versions, kinds) in [
        (Versions::ONLY_1_2, &[HandshakeType::CERTIFICATE, HandshakeType::SERVER_KEY_EXCHANGE][..]),
        (
            Versions::ONLY_1_3,
            &[
                HandshakeType::ENCRYPTED_EXTENSIONS,
                HandshakeType::CERTIFICATE,
                HandshakeType::CERTIFICATE_VERIFY,
            ],
        ),
    ] {
        for kind in kinds {
            let reason = end_without(versions, Role::Server, *kind);
            assert!(is_unexpected(reason), "{kind:?}: {reason:?}");
        }
    }
}

#[test]
fn a_client_that_leaves_out_a_proof_is_refused() {
    let of_both = [HandshakeType::CERTIFICATE, HandshakeType::CERTIFICATE_VERIFY];
    for versions in [Versions::ONLY_1_2, Versions::ONLY_1_3] {
        for kind in of_both {
            let reason = end_without(versions, Role::Client, kind);
            assert!(is_unexpected(reason), "{versions:?} {kind:?}: {reason:?}");
        }
    }
}

#[test]
fn a_request_for_a_certificate_that_a_middleman_took_out_is_noticed() {
    // What both saw differs, and the client notices first: by the signature of 1.3.
    let reason = end_without(Versions::ONLY_1_3, Role::Server, HandshakeType::CERTIFICATE_REQUEST);
    let expected = HandshakeError::BadSignature { message: HandshakeType::CERTIFICATE_VERIFY };
    assert_eq!(reason, CloseReason::Handshake(expected));
}
