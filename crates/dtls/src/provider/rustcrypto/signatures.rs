//! Signing with ECDSA and Ed25519, verifying those and RSA.
//!
//! RSA private keys are not used here: the crate's release on these traits is a candidate, and its private-key
//! operations have had timing trouble. Public-key operations have no secret to leak.

use std::fmt;

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use rand_core::CryptoRng;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{RsaPublicKey, pkcs1v15, pss};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::provider::private_key::{Curve, PrivateKey};
use crate::provider::public_key::{KeyKind, PublicKey};
use crate::provider::{CryptoError, SigningKey};
use crate::wire::codes::SignatureScheme;

/// As short as the other providers accept.
const LEAST_RSA_MODULUS_BYTES: usize = 256;

pub(super) fn signing_key(document: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
    let invalid = |_| CryptoError::InvalidKey;
    let (key, public) = match PrivateKey::parse(document)? {
        PrivateKey::Ec { curve: Curve::P256, scalar, point } => {
            let key = p256::ecdsa::SigningKey::from_slice(scalar).map_err(invalid)?;
            let public = key.verifying_key().to_sec1_bytes().to_vec();
            if point.is_some_and(|point| point != public) {
                return Err(CryptoError::InvalidKey);
            }
            (Signing::P256(key), public)
        }
        PrivateKey::Ec { curve: Curve::P384, scalar, point } => {
            let key = p384::ecdsa::SigningKey::from_slice(scalar).map_err(invalid)?;
            let public = key.verifying_key().to_sec1_bytes().to_vec();
            if point.is_some_and(|point| point != public) {
                return Err(CryptoError::InvalidKey);
            }
            (Signing::P384(key), public)
        }
        PrivateKey::Ed25519 { seed } => {
            let seed = seed.try_into().map_err(|_| CryptoError::InvalidKey)?;
            let key = ed25519_dalek::SigningKey::from_bytes(seed);
            let public = key.verifying_key().to_bytes().to_vec();
            (Signing::Ed25519(Box::new(key)), public)
        }
        PrivateKey::Rsa { .. } => return Err(CryptoError::UnsupportedKey),
    };
    Ok(Box::new(Signer { key, public }))
}

struct Signer {
    key: Signing,
    public: Vec<u8>,
}

enum Signing {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl SigningKey for Signer {
    fn schemes(&self) -> &[SignatureScheme] {
        match self.key {
            Signing::P256(_) => &[SignatureScheme::ECDSA_SECP256R1_SHA256],
            Signing::P384(_) => &[SignatureScheme::ECDSA_SECP384R1_SHA384],
            Signing::Ed25519(_) => &[SignatureScheme::ED25519],
        }
    }

    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn sign(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        _rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, CryptoError> {
        if !self.schemes().contains(&scheme) {
            return Err(CryptoError::UnsupportedScheme(scheme));
        }
        let failed = |_| CryptoError::ProviderFailed;
        match &self.key {
            Signing::P256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message).map_err(failed)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Signing::P384(key) => {
                let signature: p384::ecdsa::Signature = key.try_sign(message).map_err(failed)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Signing::Ed25519(key) => Ok(key.try_sign(message).map_err(failed)?.to_bytes().to_vec()),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("schemes", &self.schemes()).finish_non_exhaustive()
    }
}

pub(super) fn verify(
    scheme: SignatureScheme,
    spki: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let key = PublicKey::parse(spki)?;
    if !key.kind.fits_1_2(scheme) {
        return Err(CryptoError::UnsupportedScheme(scheme));
    }
    match key.kind {
        KeyKind::P256 | KeyKind::P384 => verify_ecdsa(&key, scheme, message, signature),
        KeyKind::Ed25519 => {
            let bytes = key.bytes.try_into().map_err(|_| CryptoError::InvalidPublicKey)?;
            let key =
                ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| CryptoError::InvalidPublicKey)?;
            let signature = ed25519_dalek::Signature::from_slice(signature);
            checked(signature.and_then(|signature| key.verify(message, &signature)))
        }
        KeyKind::Rsa => verify_rsa(key.bytes, scheme, message, signature),
    }
}

fn checked(result: Result<(), p256::ecdsa::signature::Error>) -> Result<(), CryptoError> {
    result.map_err(|_| CryptoError::BadSignature)
}

/// Either hash with either curve, as 1.2 allows.
fn verify_ecdsa(
    key: &PublicKey<'_>,
    scheme: SignatureScheme,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let (sha256, sha384);
    let hash: &[u8] = if scheme == SignatureScheme::ECDSA_SECP256R1_SHA256 {
        sha256 = Sha256::digest(message);
        &sha256
    } else {
        sha384 = Sha384::digest(message);
        &sha384
    };
    let invalid = |_| CryptoError::InvalidPublicKey;
    if key.kind == KeyKind::P256 {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key.bytes).map_err(invalid)?;
        let signature = p256::ecdsa::Signature::from_der(signature);
        checked(signature.and_then(|signature| key.verify_prehash(hash, &signature)))
    } else {
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key.bytes).map_err(invalid)?;
        let signature = p384::ecdsa::Signature::from_der(signature);
        checked(signature.and_then(|signature| key.verify_prehash(hash, &signature)))
    }
}

fn verify_rsa(
    key: &[u8],
    scheme: SignatureScheme,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let key = RsaPublicKey::from_pkcs1_der(key).map_err(|_| CryptoError::InvalidPublicKey)?;
    if key.size() < LEAST_RSA_MODULUS_BYTES {
        return Err(CryptoError::InvalidPublicKey);
    }
    let pss = || pss::Signature::try_from(signature);
    let pkcs1 = || pkcs1v15::Signature::try_from(signature);
    checked(match scheme {
        SignatureScheme::RSA_PSS_RSAE_SHA256 => {
            pss().and_then(|signature| pss::VerifyingKey::<Sha256>::new(key).verify(message, &signature))
        }
        SignatureScheme::RSA_PSS_RSAE_SHA384 => {
            pss().and_then(|signature| pss::VerifyingKey::<Sha384>::new(key).verify(message, &signature))
        }
        SignatureScheme::RSA_PSS_RSAE_SHA512 => {
            pss().and_then(|signature| pss::VerifyingKey::<Sha512>::new(key).verify(message, &signature))
        }
        SignatureScheme::RSA_PKCS1_SHA256 => pkcs1()
            .and_then(|signature| pkcs1v15::VerifyingKey::<Sha256>::new(key).verify(message, &signature)),
        SignatureScheme::RSA_PKCS1_SHA384 => pkcs1()
            .and_then(|signature| pkcs1v15::VerifyingKey::<Sha384>::new(key).verify(message, &signature)),
        SignatureScheme::RSA_PKCS1_SHA512 => pkcs1()
            .and_then(|signature| pkcs1v15::VerifyingKey::<Sha512>::new(key).verify(message, &signature)),
        _ => return Err(CryptoError::UnsupportedScheme(scheme)),
    })
}
