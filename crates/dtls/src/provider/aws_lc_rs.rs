//! The provider for many handshakes: AWS-LC's X25519, P-256 and ML-KEM are the fastest of the three.
//!
//! It draws from the operating system, ML-KEM included: the caller's generator is not used. It needs a C
//! compiler to build, and is therefore never a default.

use std::fmt;
use std::sync::Arc;

use ::aws_lc_rs as library;
use library::aead::{Aad, LessSafeKey, Nonce};
use library::kem::{self, DecapsulationKey, EncapsulationKey, ML_KEM_768};
use rand_core::CryptoRng;

use super::hybrid::{self, INVALID, X25519_LENGTH};
use super::mac::hmac_key;
use super::{CryptoError, KeyExchange, Provider, SharedSecret, TAG_LENGTH};
use crate::wire::codes::NamedGroup;

#[allow(clippy::duplicate_mod, reason = "one file serves both libraries with this interface")]
#[path = "ring_family.rs"]
mod family;

const NAME: &str = "aws-lc-rs";

/// The provider over the crate `aws-lc-rs`.
#[must_use]
pub fn aws_lc_rs() -> Arc<dyn Provider> {
    Arc::new(family::Family)
}

/// The tag goes straight to its place.
#[inline]
fn seal(key: &LessSafeKey, nonce: Nonce, aad: Aad<&[u8]>, payload: &mut [u8], tag: &mut [u8]) -> Option<()> {
    key.seal_in_place_scatter(nonce, aad, payload, &[], tag).ok()
}

/// Through the call that moves nothing: the one for ciphertext and tag in one piece also moves the plaintext to
/// where it stands already.
#[inline]
fn open(key: &LessSafeKey, nonce: Nonce, aad: Aad<&[u8]>, ciphertext_and_tag: &mut [u8]) -> Option<usize> {
    let (ciphertext, tag) = ciphertext_and_tag.split_last_chunk_mut::<TAG_LENGTH>()?;
    key.open_in_place_separate_tag(nonce, aad, tag, ciphertext).ok().map(|plaintext| plaintext.len())
}

fn agree(private: library::agreement::EphemeralPrivateKey, peer_share: &[u8]) -> Option<SharedSecret> {
    let peer = library::agreement::UnparsedPublicKey::new(private.algorithm(), peer_share);
    library::agreement::agree_ephemeral(private, peer, (), |secret| Ok(SharedSecret::new(secret.to_vec())))
        .ok()
}

fn ecdsa_pair(
    algorithm: &'static library::signature::EcdsaSigningAlgorithm,
    scalar: &[u8],
    point: &[u8],
) -> Option<library::signature::EcdsaKeyPair> {
    library::signature::EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point).ok()
}

fn modulus_length(key: &library::signature::RsaKeyPair) -> usize {
    key.public_modulus_len()
}

/// The client's key pairs of X25519MLKEM768.
struct Hybrid {
    kem: DecapsulationKey,
    classic: Box<dyn KeyExchange>,
    share: Vec<u8>,
}

fn hybrid_exchange(
    classic: Box<dyn KeyExchange>,
    _rng: &mut dyn CryptoRng,
) -> Result<Box<dyn KeyExchange>, CryptoError> {
    let failed = |_| CryptoError::ProviderFailed;
    let kem = DecapsulationKey::generate(&ML_KEM_768).map_err(failed)?;
    let key = kem.encapsulation_key().map_err(failed)?;
    let share = hybrid::join(key.key_bytes().map_err(failed)?.as_ref(), classic.public_share());
    Ok(Box::new(Hybrid { kem, classic, share }))
}

impl KeyExchange for Hybrid {
    fn group(&self) -> NamedGroup {
        NamedGroup::X25519_MLKEM768
    }

    fn public_share(&self) -> &[u8] {
        &self.share
    }

    fn complete(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        let (ciphertext, classic) = hybrid::split_server_share(peer_share)?;
        let classic = self.classic.complete(classic).map_err(|_| INVALID)?;
        let kem = self.kem.decapsulate(kem::Ciphertext::from(&ciphertext[..])).map_err(|_| INVALID)?;
        Ok(hybrid::combine(kem.as_ref(), &classic))
    }

    fn component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((self.classic.group(), self.classic.public_share()))
    }

    fn complete_component(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        self.classic.complete(peer_share)
    }
}

impl fmt::Debug for Hybrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hybrid").finish_non_exhaustive()
    }
}

fn hybrid_respond(
    peer_share: &[u8],
    rng: &mut dyn CryptoRng,
    classic: impl FnOnce(&[u8; X25519_LENGTH], &mut dyn CryptoRng) -> Result<(Vec<u8>, SharedSecret), CryptoError>,
) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
    let (key, peer_classic) = hybrid::split_client_share(peer_share)?;
    let key = EncapsulationKey::new(&ML_KEM_768, key).map_err(|_| INVALID)?;
    let (classic_share, classic_secret) = classic(peer_classic, rng).map_err(|_| INVALID)?;
    let (ciphertext, kem) = key.encapsulate().map_err(|_| INVALID)?;
    Ok((hybrid::join(ciphertext.as_ref(), &classic_share), hybrid::combine(kem.as_ref(), &classic_secret)))
}
