//! The self-signed certificate that a fingerprint in the description names (RFC 8827 §6.5).

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

/// A certificate and its private key: ECDSA on P-256, the one kind that every browser takes.
///
/// Peers compare its hash with the description and nothing else: names and dates in it mean nothing. Sharing
/// one among connections (through [`Config`](crate::Config)) saves its making; it also lets two peers of yours notice that they
/// talk to the same program.
#[derive(Clone)]
pub struct Certificate {
    pub(crate) der: Vec<u8>,
    pub(crate) pkcs8: Vec<u8>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("der_bytes", &self.der.len()).finish_non_exhaustive()
    }
}

/// The operating system gave no randomness, or the key could not sign.
#[derive(Debug)]
pub struct CertificateError(rcgen::Error);

impl std::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no certificate could be made: {}", self.0)
    }
}

impl std::error::Error for CertificateError {}

impl Certificate {
    /// A new key, and a certificate for it signed by itself.
    ///
    /// # Errors
    /// [`CertificateError`] if the operating system gives no randomness.
    pub fn generate() -> Result<Self, CertificateError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(CertificateError)?;
        let mut params = CertificateParams::default();
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "WebRTC"); // as browsers: says nothing about who or where
        params.distinguished_name = name;
        let certificate = params.self_signed(&key).map_err(CertificateError)?;
        Ok(Self { der: certificate.der().to_vec(), pkcs8: key.serialize_der() })
    }

    /// A certificate made elsewhere: X.509 in DER, and its P-256 key as PKCS #8.
    /// It is checked when a connection is made of it.
    #[must_use]
    pub fn from_der(certificate: Vec<u8>, pkcs8: Vec<u8>) -> Self {
        Self { der: certificate, pkcs8 }
    }
}
