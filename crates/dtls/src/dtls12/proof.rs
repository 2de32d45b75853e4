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
use crate::fingerprint;
use crate::identity::subject_public_key_info;
use crate::provider::public_key::PublicKey;
use crate::reassembly::Message;
use crate::wire::HandshakeType;
use crate::wire::certificate::Certificate;
use crate::wire::certificate_verify::DigitallySigned;
use crate::wire::finished;

/// A certificate whose fingerprint was signalled. Whoever showed it may still have copied it.
#[derive(Debug)]
pub(super) struct PeerCertificate {
    der: Vec<u8>,
}

/// A peer that holds the key of a certificate whose fingerprint was signalled.
#[derive(Debug)]
pub(crate) struct VerifiedPeer {
    certificate: Vec<u8>,
}

/// Both sides saw the same handshake.
#[derive(Debug)]
pub(super) struct FinishedVerified(());

impl PeerCertificate {
    /// Reads a Certificate message and compares the fingerprint (RFC 8122 §6.2). Nothing else in the
    /// certificate matters: who signed it, whom it names, when it expires.
    pub(super) fn check(engine: &Engine, message: &Message) -> Result<Self, HandshakeError> {
        expect(message, HandshakeType::CERTIFICATE)?;
        let chain = Certificate::parse(&message.body).map_err(decode(HandshakeType::CERTIFICATE))?;
        let der = chain.end_entity.ok_or(HandshakeError::NoCertificate)?;
        let provider = &*engine.config.provider;
        // No usable fingerprint: nobody can match.
        let matches =
            fingerprint::matches(provider, &engine.config.remote_fingerprints, der).unwrap_or(false);
        if !matches {
            return Err(HandshakeError::FingerprintMismatch);
        }
        let certificate = Self { der: der.to_vec() };
        certificate.public_key()?;
        Ok(certificate)
    }

    pub(super) fn public_key(&self) -> Result<PublicKey<'_>, HandshakeError> {
        let spki = subject_public_key_info(&self.der).map_err(|_| HandshakeError::BadCertificate)?;
        PublicKey::parse(spki).map_err(|_| HandshakeError::BadCertificate)
    }

    /// Verifies what the peer signed, with a scheme that we asked for.
    pub(super) fn prove_possession(
        self,
        engine: &Engine,
        message: HandshakeType,
        signed: &DigitallySigned<'_>,
        content: &[u8],
    ) -> Result<VerifiedPeer, HandshakeError> {
        let provider = &*engine.config.provider;
        let offered = provider.verify_schemes().contains(&signed.scheme);
        if !offered || !self.public_key()?.fits_1_2(signed.scheme) {
            return Err(HandshakeError::SchemeNotOffered(signed.scheme));
        }
        let spki = subject_public_key_info(&self.der).map_err(|_| HandshakeError::BadCertificate)?;
        provider
            .verify(signed.scheme, spki, content, signed.signature)
            .map_err(|_| HandshakeError::BadSignature { message })?;
        Ok(VerifiedPeer { certificate: self.der })
    }
}

impl VerifiedPeer {
    pub(crate) fn certificate(&self) -> &[u8] {
        &self.certificate
    }
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
        let received = finished::parse(&message.body).map_err(decode(HandshakeType::FINISHED))?;
        let expected = secrets.verify_data(engine, sender);
        if bool::from(received.ct_eq(&expected)) {
            Ok(Self(()))
        } else {
            Err(HandshakeError::FinishedMismatch)
        }
    }
}
