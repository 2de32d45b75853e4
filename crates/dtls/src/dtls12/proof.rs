//! The checks that make a peer trustworthy. Each gives back a value that cannot be made elsewhere, so a state
//! that holds it proves that the check took place.
//!
//! ```text
//!   Certificate        --fingerprint-->  PeerCertificate          it is the certificate that was signalled
//!   ServerKeyExchange  --signature---.
//!   CertificateVerify  --signature---+-> VerifiedPeer             the peer holds its key
//!   Finished           --MAC---------->  FinishedVerified         both saw the same messages
//! ```

use subtle::ConstantTimeEq;

use super::secrets::Secrets;
use super::{decode, expect};
use crate::config::Role;
use crate::connection::Engine;
use crate::error::HandshakeError;
use crate::peer_certificate::PeerCertificate;
use crate::reassembly::Message;
use crate::wire::HandshakeType;
use crate::wire::certificate::Certificate;

/// Both sides saw the same handshake.
#[derive(Debug)]
pub(super) struct FinishedVerified(());

/// Reads a Certificate message and checks the certificate; `None`: the list is empty.
pub(super) fn check_certificate(
    engine: &Engine,
    message: &Message,
) -> Result<Option<PeerCertificate>, HandshakeError> {
    expect(message, HandshakeType::CERTIFICATE)?;
    let chain = Certificate::parse(&message.body).map_err(decode(HandshakeType::CERTIFICATE))?;
    chain.end_entity.map(|der| PeerCertificate::check(&engine.config, der)).transpose()
}

impl FinishedVerified {
    /// Compares the MAC, in constant time, with what the messages that we saw give.
    pub(super) fn check(
        engine: &Engine,
        message: &Message,
        secrets: &Secrets,
        sender: Role,
    ) -> Result<Self, HandshakeError> {
        expect(message, HandshakeType::FINISHED)?;
        // Behind it nothing may stand that has its keys (RFC 8446 §5.1).
        if engine.reassembly.holds_authenticated() {
            return Err(HandshakeError::ExcessHandshakeData);
        }
        let expected = secrets.verify_data(engine, sender);
        if bool::from(message.body.ct_eq(&expected)) {
            Ok(Self(()))
        } else {
            Err(HandshakeError::FinishedMismatch)
        }
    }
}
