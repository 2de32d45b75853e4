//! The default provider: assembler for records, hashes and curves; ML-KEM in pure Rust.
//!
//! `ring` cannot be seeded: X25519 and ECDH keys and ECDSA nonces come from the operating system, an exception
//! to the law that equal seeds give equal bytes. Whoever needs that law takes `rustcrypto`.

use std::sync::Arc;

use ::ring as library;
use library::aead::{Aad, LessSafeKey, Nonce};
use library::hmac;
use rand_core::CryptoRng;

use super::mlkem::{self, Hybrid};
use super::{CryptoError, Digest, Hash, HmacKey, KeyExchange, Provider, SharedSecret, hybrid::X25519_LENGTH};

#[allow(clippy::duplicate_mod, reason = "one file serves both libraries with this interface")]
#[path = "ring_family.rs"]
mod family;

const NAME: &str = "ring";

/// The provider over the crate `ring`.
#[must_use]
pub fn ring() -> Arc<dyn Provider> {
    Arc::new(family::Family)
}

#[inline]
fn seal(key: &LessSafeKey, nonce: Nonce, aad: Aad<&[u8]>, payload: &mut [u8], tag: &mut [u8]) -> Option<()> {
    let sealed = key.seal_in_place_separate_tag(nonce, aad, payload);
    // By reference: moved, the tag would be copied once for each type around it.
    tag.copy_from_slice(sealed.as_ref().ok()?.as_ref());
    Some(())
}

#[inline]
fn open(key: &LessSafeKey, nonce: Nonce, aad: Aad<&[u8]>, ciphertext_and_tag: &mut [u8]) -> Option<usize> {
    key.open_in_place(nonce, aad, ciphertext_and_tag).ok().map(|plaintext| plaintext.len())
}

fn hmac_key(hash: Hash, key: &[u8]) -> Box<dyn HmacKey> {
    let algorithm = match hash {
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha384 => hmac::HMAC_SHA384,
        Hash::Sha512 => hmac::HMAC_SHA512,
    };
    Box::new(MacKey(hmac::Key::new(algorithm, key)))
}

#[derive(Debug)]
struct MacKey(hmac::Key);

impl HmacKey for MacKey {
    fn sign(&self, parts: &[&[u8]]) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        Digest::new(context.sign().as_ref())
    }
}

fn agree(private: library::agreement::EphemeralPrivateKey, peer_share: &[u8]) -> Option<SharedSecret> {
    let peer = library::agreement::UnparsedPublicKey::new(private.algorithm(), peer_share);
    library::agreement::agree_ephemeral(private, &peer, |secret| SharedSecret::new(secret.to_vec())).ok()
}

#[expect(clippy::unnecessary_wraps, reason = "the other library's ML-KEM can fail here")]
fn hybrid_exchange(
    classic: Box<dyn KeyExchange>,
    rng: &mut dyn CryptoRng,
) -> Result<Box<dyn KeyExchange>, CryptoError> {
    Ok(Box::new(Hybrid::new(classic, rng)))
}

fn hybrid_respond(
    peer_share: &[u8],
    rng: &mut dyn CryptoRng,
    classic: impl FnOnce(&[u8; X25519_LENGTH], &mut dyn CryptoRng) -> Result<(Vec<u8>, SharedSecret), CryptoError>,
) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
    mlkem::respond(peer_share, rng, classic)
}

fn ecdsa_pair(
    algorithm: &'static library::signature::EcdsaSigningAlgorithm,
    scalar: &[u8],
    point: &[u8],
) -> Option<library::signature::EcdsaKeyPair> {
    let rng = library::rand::SystemRandom::new();
    library::signature::EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point, &rng).ok()
}

fn modulus_length(key: &library::signature::RsaKeyPair) -> usize {
    key.public().modulus_len()
}
