//! The checks that make a peer trustworthy, the same in both versions. Each gives back a value that cannot be
//! made elsewhere, so a state that holds it proves that the check took place.
//!
//! ```text
//!   Certificate                             --fingerprint-->  PeerCertificate    it is the one that was signalled
//!   CertificateVerify, ServerKeyExchange    --signature---->  VerifiedPeer       the peer holds its key
//!   Finished                                --MAC---------->  FinishedVerified   both saw the same messages
//! ```

use subtle::ConstantTimeEq;

use crate::config::{Config, PeerVerification};
use crate::connection::Engine;
use crate::error::HandshakeError;
use crate::fingerprint;
use crate::identity::subject_public_key_info;
use crate::provider::public_key::{KeyKind, PublicKey};
use crate::reassembly::Message;
use crate::version::Version;
use crate::wire::HandshakeType;
use crate::wire::certificate_verify::DigitallySigned;
use crate::wire::codes::SignatureScheme;

/// A certificate that the configuration accepts: its fingerprint was signalled. Whoever showed it may still have copied it.
#[derive(Debug)]
pub(crate) struct PeerCertificate {
    der: Vec<u8>,
    /// Its public key, taken out once.
    spki: Vec<u8>,
    kind: KeyKind,
}

/// A peer that holds the key of a certificate that the configuration accepts.
#[derive(Debug)]
pub(crate) struct VerifiedPeer {
    certificate: Vec<u8>,
    scheme: SignatureScheme,
}

impl PeerCertificate {
    /// Compares the fingerprint (RFC 8122 §6.2). Nothing else in the certificate matters: who signed it, whom
    /// it names, when it expires.
    pub(crate) fn check(config: &Config, der: &[u8]) -> Result<Self, HandshakeError> {
        let accepted = match config.peer_verification {
            // No usable fingerprint: nobody can match.
            PeerVerification::Fingerprints => {
                fingerprint::matches(&*config.provider, &config.remote_fingerprints, der).unwrap_or(false)
            }
            PeerVerification::AnyCertificate => true,
            PeerVerification::Nobody(alert) => return Err(HandshakeError::PeerRefused(alert)),
        };
        if !accepted {
            return Err(HandshakeError::FingerprintMismatch);
        }
        let spki = subject_public_key_info(der).map_err(|_| HandshakeError::BadCertificate)?;
        let kind = PublicKey::parse(spki).map_err(|_| HandshakeError::BadCertificate)?.kind;
        Ok(Self { der: der.to_vec(), spki: spki.to_vec(), kind })
    }

    /// What kind of key it has.
    pub(crate) fn key_kind(&self) -> KeyKind {
        self.kind
    }

    /// Verifies what the peer signed, with a scheme that we asked for and that goes with its key in this version.
    pub(crate) fn prove_possession(
        self,
        config: &Config,
        message: HandshakeType,
        signed: &DigitallySigned<'_>,
        content: &[u8],
        version: Version,
    ) -> Result<VerifiedPeer, HandshakeError> {
        let provider = &*config.provider;
        let fits = match version {
            Version::Dtls12 => self.kind.fits_1_2(signed.scheme),
            Version::Dtls13 => self.kind.fits_1_3(signed.scheme),
        };
        if !fits || !config.verify_schemes.contains(&signed.scheme) {
            return Err(HandshakeError::SchemeNotOffered(signed.scheme));
        }
        provider
            .verify(signed.scheme, &self.spki, content, signed.signature)
            .map_err(|_| HandshakeError::BadSignature { message })?;
        Ok(VerifiedPeer { certificate: self.der, scheme: signed.scheme })
    }
}

impl VerifiedPeer {
    pub(crate) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// How it proved that it holds the key.
    pub(crate) fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

/// Both sides saw the same handshake.
#[derive(Debug)]
pub(crate) struct FinishedVerified(());

impl FinishedVerified {
    /// Compares the MAC of a Finished, in constant time, with what the messages that we saw give.
    pub(crate) fn check(engine: &Engine, message: &Message, expected: &[u8]) -> Result<Self, HandshakeError> {
        // Behind it nothing may stand that has its keys (RFC 8446 §5.1).
        if engine.reassembly.holds_authenticated() {
            return Err(HandshakeError::ExcessHandshakeData);
        }
        // Of another length it is another value too: `decrypt_error` (RFC 8446 §4.4.4).
        if bool::from(message.body.ct_eq(expected)) {
            Ok(Self(()))
        } else {
            Err(HandshakeError::FinishedMismatch)
        }
    }
}
