//! Reading the messages of 1.3 that prove something; what they must prove is in `crate::proof`.

use super::secrets::Secrets;
use super::{decode, expect, signed_content};
use crate::config::Role;
use crate::connection::Engine;
use crate::error::HandshakeError;
use crate::proof::{FinishedVerified, PeerCertificate, VerifiedPeer};
use crate::reassembly::Message;
use crate::version::Version;
use crate::wire::HandshakeType;
use crate::wire::certificate_verify::DigitallySigned;
use crate::wire::certificate13;

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

/// Checks the Finished of `sender` against the messages before it.
pub(super) fn check_finished(
    engine: &mut Engine,
    message: &Message,
    secrets: &Secrets,
    sender: Role,
) -> Result<FinishedVerified, HandshakeError> {
    expect(message, HandshakeType::FINISHED)?;
    let finished = FinishedVerified::check(engine, message, &secrets.verify_data(engine, sender))?;
    engine.heard(message);
    Ok(finished)
}
