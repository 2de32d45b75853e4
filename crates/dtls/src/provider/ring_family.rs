//! The provider for libraries that have ring's interface: ring, and AWS-LC's crate, which copied it.
//!
//! This file is compiled once for each, with `library` and the few functions where they differ taken from the
//! module that includes it.

use std::fmt;

use rand_core::CryptoRng;

use super::library::aead::quic::{self, HeaderProtectionKey};
use super::library::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use super::library::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey};
use super::library::{agreement, digest, rand};
use super::{NAME, agree, ecdsa_pair, hmac_key, hybrid_exchange, hybrid_respond, modulus_length, open, seal};
use crate::provider::private_key::{Curve, PrivateKey};
use crate::provider::public_key::{KeyKind, PublicKey};
use crate::provider::{
    Aead, AeadKey, CryptoError, Digest, Hash, HashContext, HmacKey, KeyExchange, NONCE_LENGTH, Provider,
    RSA_SIGNING_SCHEMES, RecordNumberKey, SharedSecret, SigningKey, TAG_LENGTH, VERIFY_SCHEMES,
    is_well_formed,
};
use crate::wire::codes::{NamedGroup, SignatureScheme};

const GROUPS: &[NamedGroup] =
    &[NamedGroup::X25519_MLKEM768, NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// The provider itself; without state.
#[derive(Debug)]
pub(in crate::provider) struct Family;

impl Provider for Family {
    fn name(&self) -> &'static str {
        NAME
    }

    fn aead(&self, algorithm: Aead, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        let algorithm = match algorithm {
            Aead::Aes128Gcm => &aead::AES_128_GCM,
            Aead::Aes256Gcm => &aead::AES_256_GCM,
            Aead::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        };
        let key = UnboundKey::new(algorithm, key).map_err(|_| CryptoError::InvalidKey)?;
        Ok(Box::new(RecordKey(LessSafeKey::new(key))))
    }

    fn record_number_key(
        &self,
        algorithm: Aead,
        key: &[u8],
    ) -> Result<Box<dyn RecordNumberKey>, CryptoError> {
        let algorithm = match algorithm {
            Aead::Aes128Gcm => &quic::AES_128,
            Aead::Aes256Gcm => &quic::AES_256,
            Aead::ChaCha20Poly1305 => &quic::CHACHA20,
        };
        let key = HeaderProtectionKey::new(algorithm, key).map_err(|_| CryptoError::InvalidKey)?;
        Ok(Box::new(NumberKey(key)))
    }

    fn hash(&self, algorithm: Hash) -> Box<dyn HashContext> {
        Box::new(Running(digest::Context::new(digest_algorithm(algorithm))))
    }

    fn hmac(&self, algorithm: Hash, key: &[u8]) -> Box<dyn HmacKey> {
        hmac_key(algorithm, key)
    }

    fn groups(&self) -> &'static [NamedGroup] {
        GROUPS
    }

    fn key_exchange(
        &self,
        group: NamedGroup,
        rng: &mut dyn CryptoRng,
    ) -> Result<Box<dyn KeyExchange>, CryptoError> {
        if group == NamedGroup::X25519_MLKEM768 {
            return hybrid_exchange(Box::new(Ephemeral::generate(NamedGroup::X25519)?), rng);
        }
        Ok(Box::new(Ephemeral::generate(group)?))
    }

    fn respond(
        &self,
        group: NamedGroup,
        peer_share: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        if group == NamedGroup::X25519_MLKEM768 {
            return hybrid_respond(peer_share, rng, |share, _| {
                Ephemeral::generate(NamedGroup::X25519)?.respond(share)
            });
        }
        Ephemeral::generate(group)?.respond(peer_share)
    }

    fn signing_key(&self, pkcs8: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        let key = match PrivateKey::parse(pkcs8)? {
            PrivateKey::Ec { curve, scalar, point } => {
                // The library checks that both halves belong together, and cannot compute the public one.
                let point = point.ok_or(CryptoError::UnsupportedKey)?;
                let (algorithm, schemes): (_, &[_]) = match curve {
                    Curve::P256 => (
                        &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
                        &[SignatureScheme::ECDSA_SECP256R1_SHA256],
                    ),
                    Curve::P384 => (
                        &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
                        &[SignatureScheme::ECDSA_SECP384R1_SHA384],
                    ),
                };
                let pair = ecdsa_pair(algorithm, scalar, point).ok_or(CryptoError::InvalidKey)?;
                Signer { key: Signing::Ecdsa(pair), schemes }
            }
            PrivateKey::Ed25519 { seed } => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| CryptoError::InvalidKey)?;
                Signer { key: Signing::Ed25519(pair), schemes: &[SignatureScheme::ED25519] }
            }
            PrivateKey::Rsa { pkcs1 } => {
                let pair = RsaKeyPair::from_der(pkcs1).map_err(|_| CryptoError::InvalidKey)?;
                Signer { key: Signing::Rsa(Box::new(pair)), schemes: RSA_SIGNING_SCHEMES }
            }
        };
        Ok(Box::new(key))
    }

    fn verify(
        &self,
        scheme: SignatureScheme,
        spki: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        let key = PublicKey::parse(spki)?;
        let algorithm = verification(key.kind, scheme).ok_or(CryptoError::UnsupportedScheme(scheme))?;
        UnparsedPublicKey::new(algorithm, key.bytes)
            .verify(message, signature)
            .map_err(|_| CryptoError::BadSignature)
    }

    fn verify_schemes(&self) -> &'static [SignatureScheme] {
        VERIFY_SCHEMES
    }
}

/// The algorithm for a key and a scheme; ECDSA takes either hash with either curve, as 1.2 allows.
fn verification(
    kind: KeyKind,
    scheme: SignatureScheme,
) -> Option<&'static dyn signature::VerificationAlgorithm> {
    Some(match (kind, scheme) {
        (KeyKind::P256, SignatureScheme::ECDSA_SECP256R1_SHA256) => &signature::ECDSA_P256_SHA256_ASN1,
        (KeyKind::P256, SignatureScheme::ECDSA_SECP384R1_SHA384) => &signature::ECDSA_P256_SHA384_ASN1,
        (KeyKind::P384, SignatureScheme::ECDSA_SECP256R1_SHA256) => &signature::ECDSA_P384_SHA256_ASN1,
        (KeyKind::P384, SignatureScheme::ECDSA_SECP384R1_SHA384) => &signature::ECDSA_P384_SHA384_ASN1,
        (KeyKind::Ed25519, SignatureScheme::ED25519) => &signature::ED25519,
        (KeyKind::Rsa, SignatureScheme::RSA_PSS_RSAE_SHA256) => &signature::RSA_PSS_2048_8192_SHA256,
        (KeyKind::Rsa, SignatureScheme::RSA_PSS_RSAE_SHA384) => &signature::RSA_PSS_2048_8192_SHA384,
        (KeyKind::Rsa, SignatureScheme::RSA_PSS_RSAE_SHA512) => &signature::RSA_PSS_2048_8192_SHA512,
        (KeyKind::Rsa, SignatureScheme::RSA_PKCS1_SHA256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (KeyKind::Rsa, SignatureScheme::RSA_PKCS1_SHA384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (KeyKind::Rsa, SignatureScheme::RSA_PKCS1_SHA512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}

struct RecordKey(LessSafeKey);

impl AeadKey for RecordKey {
    fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        aad: &[u8],
        payload_and_tag: &mut [u8],
    ) -> Result<(), CryptoError> {
        let (payload, room) =
            payload_and_tag.split_last_chunk_mut::<TAG_LENGTH>().ok_or(CryptoError::ProviderFailed)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        seal(&self.0, nonce, Aad::from(aad), payload, room).ok_or(CryptoError::ProviderFailed)
    }

    fn open_in_place(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        aad: &[u8],
        ciphertext_and_tag: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        open(&self.0, nonce, Aad::from(aad), ciphertext_and_tag).ok_or(CryptoError::BadRecord)
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordKey({:?})", self.0.algorithm())
    }
}

struct NumberKey(HeaderProtectionKey);

impl RecordNumberKey for NumberKey {
    fn mask(&self, sample: &[u8; 16]) -> [u8; 5] {
        self.0.new_mask(sample).expect("a sample of 16 bytes is what the algorithm asks for")
    }
}

impl fmt::Debug for NumberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NumberKey")
    }
}

fn digest_algorithm(hash: Hash) -> &'static digest::Algorithm {
    match hash {
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    }
}

struct Running(digest::Context);

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Running({:?})", self.0.algorithm())
    }
}

impl HashContext for Running {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn fork_finish(&self) -> Digest {
        Digest::new(self.0.clone().finish().as_ref())
    }

    fn clone_box(&self) -> Box<dyn HashContext> {
        Box::new(Self(self.0.clone()))
    }
}

/// A key pair of one plain group.
#[derive(Debug)]
struct Ephemeral {
    group: NamedGroup,
    private: agreement::EphemeralPrivateKey,
    public: agreement::PublicKey,
}

impl Ephemeral {
    fn generate(group: NamedGroup) -> Result<Self, CryptoError> {
        let algorithm = match group {
            NamedGroup::X25519 => &agreement::X25519,
            NamedGroup::SECP256R1 => &agreement::ECDH_P256,
            NamedGroup::SECP384R1 => &agreement::ECDH_P384,
            _ => return Err(CryptoError::UnsupportedGroup(group)),
        };
        let private = agreement::EphemeralPrivateKey::generate(algorithm, &rand::SystemRandom::new())
            .map_err(|_| CryptoError::ProviderFailed)?;
        let public = private.compute_public_key().map_err(|_| CryptoError::ProviderFailed)?;
        Ok(Self { group, private, public })
    }

    /// The library refuses points off the curve, and an X25519 result of zero.
    fn agree(self, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        if !is_well_formed(self.group, peer_share) {
            return Err(CryptoError::InvalidShare(self.group));
        }
        agree(self.private, peer_share).ok_or(CryptoError::InvalidShare(self.group))
    }

    fn respond(self, peer_share: &[u8]) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let share = self.public.as_ref().to_vec();
        Ok((share, self.agree(peer_share)?))
    }
}

impl KeyExchange for Ephemeral {
    fn group(&self) -> NamedGroup {
        self.group
    }

    fn public_share(&self) -> &[u8] {
        self.public.as_ref()
    }

    fn complete(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        self.agree(peer_share)
    }
}

#[derive(Debug)]
struct Signer {
    key: Signing,
    schemes: &'static [SignatureScheme],
}

#[derive(Debug)]
enum Signing {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl SigningKey for Signer {
    fn schemes(&self) -> &[SignatureScheme] {
        self.schemes
    }

    fn public_key(&self) -> &[u8] {
        match &self.key {
            Signing::Ecdsa(pair) => pair.public_key().as_ref(),
            Signing::Ed25519(pair) => pair.public_key().as_ref(),
            Signing::Rsa(pair) => pair.public_key().as_ref(),
        }
    }

    fn sign(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        _rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, CryptoError> {
        if !self.schemes.contains(&scheme) {
            return Err(CryptoError::UnsupportedScheme(scheme));
        }
        let rng = rand::SystemRandom::new();
        match &self.key {
            Signing::Ecdsa(pair) => {
                let signature = pair.sign(&rng, message).map_err(|_| CryptoError::ProviderFailed)?;
                Ok(signature.as_ref().to_vec())
            }
            Signing::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Signing::Rsa(pair) => {
                let padding: &dyn signature::RsaEncoding = match scheme {
                    SignatureScheme::RSA_PSS_RSAE_SHA256 => &signature::RSA_PSS_SHA256,
                    SignatureScheme::RSA_PSS_RSAE_SHA384 => &signature::RSA_PSS_SHA384,
                    SignatureScheme::RSA_PSS_RSAE_SHA512 => &signature::RSA_PSS_SHA512,
                    SignatureScheme::RSA_PKCS1_SHA256 => &signature::RSA_PKCS1_SHA256,
                    SignatureScheme::RSA_PKCS1_SHA384 => &signature::RSA_PKCS1_SHA384,
                    SignatureScheme::RSA_PKCS1_SHA512 => &signature::RSA_PKCS1_SHA512,
                    _ => return Err(CryptoError::UnsupportedScheme(scheme)),
                };
                let mut signature = vec![0; modulus_length(pair)];
                pair.sign(padding, &rng, message, &mut signature).map_err(|_| CryptoError::ProviderFailed)?;
                Ok(signature)
            }
        }
    }
}
