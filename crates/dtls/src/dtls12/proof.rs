//! Reading the messages of 1.2 that prove something; what they must prove is in `crate::proof`.

use super::secrets::Secrets;
use super::{decode, expect};
use crate::config::Role;
use crate::connection::Engine;
use crate::error::HandshakeError;
use crate::proof::{FinishedVerified, PeerCertificate};
use crate::reassembly::Message;
use crate::wire::HandshakeType;
use crate::wire::certificate::Certificate;

/// Reads a Certificate message and checks the certificate; `None`: the list is empty.
pub(super) fn check_certificate(
    engine: &Engine,
    message: &Message,
) -> Result<Option<PeerCertificate>, HandshakeError> {
    expect(message, HandshakeType::CERTIFICATE)?;
    let chain = Certificate::parse(&message.body).map_err(decode(HandshakeType::CERTIFICATE))?;
    chain.end_entity.map(|der| PeerCertificate::check(&engine.config, der)).transpose()
}

/// Checks the Finished of `sender` against the messages before it.
pub(super) fn check_finished(
    engine: &Engine,
    message: &Message,
    secrets: &Secrets,
    sender: Role,
) -> Result<FinishedVerified, HandshakeError> {
    expect(message, HandshakeType::FINISHED)?;
    FinishedVerified::check(engine, message, &secrets.verify_data(engine, sender))
}
