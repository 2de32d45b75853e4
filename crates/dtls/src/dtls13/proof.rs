//! The checks of 1.3 that make a peer trustworthy; those on certificates are in `peer_certificate`.

use subtle::ConstantTimeEq;

use super::secrets::Secrets;
use super::{decode, expect, signed_content};
use crate::config::Role;
use crate::connection::Engine;
use crate::error::HandshakeError;
use crate::peer_certificate::{PeerCertificate, VerifiedPeer};
use crate::reassembly::Message;
use crate::version::Version;
use crate::wire::HandshakeType;
use crate::wire::certificate_verify::DigitallySigned;
use crate::wire::certificate13;

/// Both sides saw the same handshake.
#[derive(Debug)]
pub(super) struct FinishedVerified(());

/// Reads a Certificate and checks the certificate; `None`: the list is empty.
pub(super) fn check_certificate(
    engine: &mut Engine,
    message: &Message,
) -> Result<Option<PeerCertificate>, HandshakeError> {
    expect(message, HandshakeType::CERTIFICATE)?;
    let chain =
        certificate13::parse_certificate(&message.body).map_err(decode(HandshakeType::CERTIFICATE))?;
    // RFC 8446 §4.4.2: we offer none that belongs there.
    if let Some(kind) = chain.extension {
        return Err(HandshakeError::UnsolicitedExtension(kind));
    }
    let certificate = chain.end_entity.map(|der| PeerCertificate::check(&engine.config, der)).transpose()?;
    engine.heard(message);
    Ok(certificate)
}

/// Reads a CertificateVerify of `sender` and checks the signature over everything before it.
pub(super) fn check_certificate_verify(
    engine: &mut Engine,
    message: &Message,
    certificate: PeerCertificate,
    sender: Role,
) -> Result<VerifiedPeer, HandshakeError> {
    const KIND: HandshakeType = HandshakeType::CERTIFICATE_VERIFY;
    expect(message, KIND)?;
    let signed = DigitallySigned::parse(&message.body).map_err(decode(KIND))?;
    let content = signed_content(sender, &engine.transcript.hash_13());
    let peer = certificate.prove_possession(&engine.config, KIND, &signed, &content, Version::Dtls13)?;
    engine.heard(message);
    Ok(peer)
}

impl FinishedVerified {
    /// Compares the MAC, in constant time, with what the messages that we saw give.
    pub(super) fn check(
        engine: &mut Engine,
        message: &Message,
        secrets: &Secrets,
        sender: Role,
    ) -> Result<Self, HandshakeError> {
        const KIND: HandshakeType = HandshakeType::FINISHED;
        expect(message, KIND)?;
        // Behind it nothing may stand that has its keys (RFC 8446 §5.1).
        if engine.reassembly.holds_authenticated() {
            return Err(HandshakeError::ExcessHandshakeData);
        }
        let expected = secrets.verify_data(engine, sender);
        // Of another length it is another value too: `decrypt_error` (RFC 8446 §4.4.4).
        if !bool::from(message.body.ct_eq(&expected)) {
            return Err(HandshakeError::FinishedMismatch);
        }
        engine.heard(message);
        Ok(Self(()))
    }
}
