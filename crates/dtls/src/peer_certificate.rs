//! The checks that make a peer trustworthy, the same in both versions. Each gives back a value that cannot be
//! made elsewhere, so a state that holds it proves that the check took place.
//!
//! ```text
//!   Certificate  --fingerprint-->  PeerCertificate     it is the certificate that was signalled
//!   signature    ---------------->  VerifiedPeer       the peer holds its key
//! ```

use crate::config::{Config, PeerVerification};
use crate::error::HandshakeError;
use crate::fingerprint;
use crate::identity::subject_public_key_info;
use crate::provider::public_key::PublicKey;
use crate::version::Version;
use crate::wire::HandshakeType;
use crate::wire::certificate_verify::DigitallySigned;
use crate::wire::codes::SignatureScheme;

/// A certificate that the configuration accepts: its fingerprint was signalled. Whoever showed it may still have copied it.
#[derive(Debug)]
pub(crate) struct PeerCertificate {
    der: Vec<u8>,
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
        let certificate = Self { der: der.to_vec() };
        certificate.public_key()?;
        Ok(certificate)
    }

    pub(crate) fn public_key(&self) -> Result<PublicKey<'_>, HandshakeError> {
        PublicKey::parse(self.spki()?).map_err(|_| HandshakeError::BadCertificate)
    }

    fn spki(&self) -> Result<&[u8], HandshakeError> {
        subject_public_key_info(&self.der).map_err(|_| HandshakeError::BadCertificate)
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
        let key = self.public_key()?;
        let fits = match version {
            Version::Dtls12 => key.fits_1_2(signed.scheme),
            Version::Dtls13 => key.fits_1_3(signed.scheme),
        };
        if !fits || !config.verify_schemes.contains(&signed.scheme) {
            return Err(HandshakeError::SchemeNotOffered(signed.scheme));
        }
        provider
            .verify(signed.scheme, self.spki()?, content, signed.signature)
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
