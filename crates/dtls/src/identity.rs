//! Who we are, and reading who the peer is: certificates and the key behind ours.
//!
//! Problem: a WebRTC certificate is self-signed and made minutes ago; web-PKI verifiers refuse it, X.509 v1
//! ones above all. Only two things in it matter: its public key and the hash of its bytes.
//! How: [`Identity`] holds our certificate and parsed key, shared by all connections. Of a peer's certificate
//! [`subject_public_key_info`] takes the key; names, dates and chain are not looked at (RFC 8827 §6.5: the
//! fingerprint decides).
//! More: RFC 5280 §4.1 (certificates), RFC 5958, RFC 5915 (keys); docs/dtls-crypto.md, "Who is it".

use std::fmt;
use std::sync::Arc;

use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use crate::fingerprint::{Fingerprint, HashAlgorithm};
use crate::provider::private_key::{PrivateKey, ec_pkcs8};
use crate::provider::public_key::{KeyKind, PublicKey};
use crate::provider::{CryptoError, Hash, Provider, SigningKey};
use crate::wire::codes::SignatureScheme;

mod pem;

/// Our certificate and private key. Parsed once; put it into an `Arc` and share it.
pub struct Identity {
    certificate: Vec<u8>,
    key: Box<dyn SigningKey>,
    kind: KeyKind,
    /// How it may sign, the most preferred first.
    schemes: Vec<SignatureScheme>,
    fingerprint: Fingerprint,
}

/// Why an identity cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// The certificate cannot be read.
    Certificate(CertificateError),
    /// The private key cannot be read or used.
    Key(CryptoError),
    /// The private key is not the one behind the certificate.
    KeyMismatch,
    /// The PEM text is damaged.
    BadPem,
    /// The PEM text holds no `CERTIFICATE`.
    NoCertificate,
    /// The PEM text holds no `PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY`.
    NoKey,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
            Self::KeyMismatch => f.write_str("the private key does not belong to the certificate"),
            Self::BadPem => f.write_str("the PEM text is damaged"),
            Self::NoCertificate => f.write_str("the PEM text holds no certificate"),
            Self::NoKey => f.write_str("the PEM text holds no private key"),
        }
    }
}

impl std::error::Error for IdentityError {}

/// Why a certificate cannot be used: `bad_certificate` or `unsupported_certificate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not one whole DER certificate.
    Malformed,
    /// Its public key is of no kind that we know.
    UnsupportedKey,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a DER certificate"),
            Self::UnsupportedKey => {
                f.write_str("the certificate's key is neither P-256, P-384, Ed25519 nor RSA")
            }
        }
    }
}

impl std::error::Error for CertificateError {}

impl Identity {
    /// From a DER certificate and a DER private key: PKCS#8, or `ECPrivateKey` (RFC 5915).
    ///
    /// # Errors
    /// See [`IdentityError`]; a key that is not behind the certificate is found here, not in a handshake.
    pub fn from_der(
        provider: &dyn Provider,
        certificate: &[u8],
        private_key: &[u8],
    ) -> Result<Self, IdentityError> {
        let spki = subject_public_key_info(certificate).map_err(IdentityError::Certificate)?;
        let public = PublicKey::parse(spki)
            .map_err(|_| IdentityError::Certificate(CertificateError::UnsupportedKey))?;
        let document = normalise(private_key, &public)?;
        let key = provider.signing_key(&document).map_err(|error| match error {
            // The public half came from the certificate, so the halves do not fit.
            CryptoError::InvalidKey if document.as_slice() != private_key => IdentityError::KeyMismatch,
            error => IdentityError::Key(error),
        })?;
        if key.public_key() != public.bytes {
            return Err(IdentityError::KeyMismatch);
        }
        let mut hash = provider.hash(Hash::Sha256);
        hash.update(certificate);
        let value = hash.fork_finish().to_vec();
        let fingerprint = Fingerprint { algorithm: HashAlgorithm::SHA256, value };
        let schemes = key.schemes().to_vec();
        Ok(Self { certificate: certificate.to_vec(), key, kind: public.kind, schemes, fingerprint })
    }

    /// The same identity, which signs in these ways only, the most preferred first; what the key cannot do is left
    /// out. Default: whatever the key can do.
    #[must_use]
    pub fn with_schemes(mut self, schemes: &[SignatureScheme]) -> Self {
        self.schemes = schemes.iter().copied().filter(|scheme| self.key.schemes().contains(scheme)).collect();
        self
    }

    /// From PEM text that holds both, in any order, or from two texts one after the other. The first
    /// certificate and the first key count.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn from_pem(provider: &dyn Provider, text: &str) -> Result<Self, IdentityError> {
        let (mut certificate, mut key) = (None, None);
        for block in pem::blocks(text) {
            let block = block.map_err(|pem::BadPem| IdentityError::BadPem)?;
            match block.label {
                "CERTIFICATE" => certificate = certificate.or(Some(block.der)),
                "PRIVATE KEY" | "EC PRIVATE KEY" => key = key.or(Some(block.der)),
                "RSA PRIVATE KEY" => {
                    key = key.or_else(|| Some(crate::provider::private_key::rsa_pkcs8(&block.der)));
                }
                _ => {} // parameters, requests, chains
            }
        }
        let certificate = certificate.ok_or(IdentityError::NoCertificate)?;
        Self::from_der(provider, &certificate, &key.ok_or(IdentityError::NoKey)?)
    }

    /// The certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// How it signs, the most preferred first.
    #[must_use]
    pub fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    /// What kind of key it has.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        self.kind
    }

    /// The key that signs our handshakes.
    #[must_use]
    pub fn signing_key(&self) -> &dyn SigningKey {
        &*self.key
    }

    /// The SHA-256 fingerprint, for the session description.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// For `Config`, which shares it.
    #[must_use]
    pub fn into_shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// An elliptic-curve key without its public half gets it from the certificate; all else stays as it is.
fn normalise(private_key: &[u8], public: &PublicKey<'_>) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    match PrivateKey::parse(private_key).map_err(IdentityError::Key)? {
        PrivateKey::Ec { curve, scalar, point: None } => Ok(ec_pkcs8(curve, scalar, public.bytes)),
        _ => Ok(Zeroizing::new(private_key.to_vec())),
    }
}

/// The DER `SubjectPublicKeyInfo` of a DER certificate, of version 1 or 3, whoever signed it.
///
/// # Errors
/// [`CertificateError::Malformed`] if it is not one whole certificate.
pub fn subject_public_key_info(certificate: &[u8]) -> Result<&[u8], CertificateError> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed.tbs_certificate.subject_pki.raw),
        _ => Err(CertificateError::Malformed),
    }
}

#[cfg(all(test, any(feature = "ring", feature = "rustcrypto", feature = "aws-lc-rs")))]
mod tests {
    use super::*;
    use crate::provider::test_providers;

    const SEC1: &str = include_str!("../tests/data/p256-sec1.pem");
    const WITHOUT_PUBLIC: &str = include_str!("../tests/data/p256-without-public.pem");
    const VERSION_1: &str = include_str!("../tests/data/p256-v1.pem");
    const RSA: &str = include_str!("../tests/data/rsa2048.pem");

    fn generated() -> (Vec<u8>, Vec<u8>) {
        let key = rcgen::KeyPair::generate().expect("a key pair");
        let certificate = rcgen::CertificateParams::default().self_signed(&key).expect("a certificate");
        (certificate.der().to_vec(), key.serialize_der())
    }

    #[test]
    fn every_provider_takes_der_and_each_form_of_pem() {
        let (certificate, key) = generated();
        for provider in test_providers() {
            assert!(Identity::from_der(&*provider, &certificate, &key).is_ok());
            for text in [SEC1, WITHOUT_PUBLIC, VERSION_1] {
                let identity = Identity::from_pem(&*provider, text);
                assert!(identity.is_ok(), "{}: {identity:?}", provider.name());
            }
        }
    }

    #[test]
    fn rsa_keys_are_taken_where_the_provider_signs_with_them() {
        for provider in test_providers() {
            let identity = Identity::from_pem(&*provider, RSA);
            match provider.name() {
                "rustcrypto" => {
                    assert_eq!(identity.err(), Some(IdentityError::Key(CryptoError::UnsupportedKey)));
                }
                _ => assert!(identity.is_ok(), "{identity:?}"),
            }
        }
    }

    #[test]
    fn a_key_that_is_not_behind_the_certificate_is_refused() {
        let (certificate, _) = generated();
        let (_, key) = generated();
        for provider in test_providers() {
            let error = Identity::from_der(&*provider, &certificate, &key).err();
            assert_eq!(error, Some(IdentityError::KeyMismatch), "{}", provider.name());
            let mixed = format!("{}{}", WITHOUT_PUBLIC, "");
            let key_only = mixed.split("-----BEGIN CERTIFICATE").next().expect("a first part");
            let certificate_only = &RSA[..RSA.find("-----BEGIN PRIVATE").expect("a key")];
            assert!(Identity::from_pem(&*provider, &format!("{key_only}{certificate_only}")).is_err());
        }
    }

    #[test]
    fn a_missing_half_is_named() {
        let provider = &test_providers()[0];
        assert_eq!(Identity::from_pem(&**provider, "").err(), Some(IdentityError::NoCertificate));
        let certificate = &SEC1[SEC1.find("-----BEGIN CERTIFICATE").expect("a certificate")..];
        assert_eq!(Identity::from_pem(&**provider, certificate).err(), Some(IdentityError::NoKey));
    }

    #[test]
    fn trailing_bytes_and_truncations_of_a_certificate_are_malformed() {
        let (mut certificate, _) = generated();
        for length in 0..certificate.len() {
            assert_eq!(subject_public_key_info(&certificate[..length]), Err(CertificateError::Malformed));
        }
        assert!(subject_public_key_info(&certificate).is_ok());
        certificate.push(0);
        assert_eq!(subject_public_key_info(&certificate), Err(CertificateError::Malformed));
    }
}
