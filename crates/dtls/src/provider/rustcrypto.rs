//! The portable provider: pure Rust, no C, no assembler files, and every random byte is the caller's.
//!
//! Equal seeds give equal bytes here: X25519, ECDH and ML-KEM keys are drawn from the generator that is passed
//! in, and ECDSA nonces follow from key and message (RFC 6979). Simulations, replay and fuzzing rest on it.

use std::fmt;
use std::sync::Arc;

use rand_core::CryptoRng;
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use super::mac;
use super::mlkem::{self, Hybrid};
use super::{
    Aead, AeadKey, CryptoError, Digest, Hash, HashContext, HmacKey, KeyExchange, Provider, RecordNumberKey,
    SharedSecret, SigningKey,
};
use crate::wire::codes::{NamedGroup, SignatureScheme};

mod records;
mod signatures;

/// The provider over the RustCrypto and dalek crates.
#[must_use]
pub fn rustcrypto() -> Arc<dyn Provider> {
    Arc::new(RustCrypto)
}

#[derive(Debug)]
struct RustCrypto;

const GROUPS: &[NamedGroup] =
    &[NamedGroup::X25519_MLKEM768, NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

impl Provider for RustCrypto {
    fn name(&self) -> &'static str {
        "rustcrypto"
    }

    fn aead(&self, algorithm: Aead, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        records::aead(algorithm, key)
    }

    fn record_number_key(
        &self,
        algorithm: Aead,
        key: &[u8],
    ) -> Result<Box<dyn RecordNumberKey>, CryptoError> {
        records::record_number_key(algorithm, key)
    }

    fn hash(&self, algorithm: Hash) -> Box<dyn HashContext> {
        Box::new(match algorithm {
            Hash::Sha256 => Running::Sha256(sha2::Sha256::default()),
            Hash::Sha384 => Running::Sha384(sha2::Sha384::default()),
            Hash::Sha512 => Running::Sha512(sha2::Sha512::default()),
        })
    }

    fn hmac(&self, algorithm: Hash, key: &[u8]) -> Box<dyn HmacKey> {
        mac::hmac_key(algorithm, key)
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
            let classic = Ephemeral::generate(NamedGroup::X25519, rng)?;
            return Ok(Box::new(Hybrid::new(Box::new(classic), rng)));
        }
        Ok(Box::new(Ephemeral::generate(group, rng)?))
    }

    fn respond(
        &self,
        group: NamedGroup,
        peer_share: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        if group == NamedGroup::X25519_MLKEM768 {
            return mlkem::respond(peer_share, rng, |share, rng| {
                Ephemeral::generate(NamedGroup::X25519, rng)?.respond(share)
            });
        }
        Ephemeral::generate(group, rng)?.respond(peer_share)
    }

    fn signing_key(&self, pkcs8: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        signatures::signing_key(pkcs8)
    }

    fn verify(
        &self,
        scheme: SignatureScheme,
        spki: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        signatures::verify(scheme, spki, message, signature)
    }

    fn verify_schemes(&self) -> &'static [SignatureScheme] {
        super::VERIFY_SCHEMES
    }
}

#[derive(Clone)]
enum Running {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl HashContext for Running {
    fn update(&mut self, bytes: &[u8]) {
        use sha2::Digest as _;
        match self {
            Self::Sha256(context) => context.update(bytes),
            Self::Sha384(context) => context.update(bytes),
            Self::Sha512(context) => context.update(bytes),
        }
    }

    fn fork_finish(&self) -> Digest {
        use sha2::Digest as _;
        match self {
            Self::Sha256(context) => Digest::new(&context.clone().finalize()),
            Self::Sha384(context) => Digest::new(&context.clone().finalize()),
            Self::Sha512(context) => Digest::new(&context.clone().finalize()),
        }
    }

    fn clone_box(&self) -> Box<dyn HashContext> {
        Box::new(self.clone())
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Running")
    }
}

/// A key pair of one plain group; the private halves are wiped on drop by their crates.
struct Ephemeral {
    group: NamedGroup,
    private: Private,
    share: Vec<u8>,
}

enum Private {
    X25519(StaticSecret),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
}

impl Ephemeral {
    fn generate(group: NamedGroup, rng: &mut dyn CryptoRng) -> Result<Self, CryptoError> {
        let (private, share) = match group {
            NamedGroup::X25519 => {
                let key = StaticSecret::random_from_rng(rng);
                let share = x25519_dalek::PublicKey::from(&key).to_bytes().to_vec();
                (Private::X25519(key), share)
            }
            NamedGroup::SECP256R1 => {
                let key = draw::<32, _>(rng, |bytes| p256::SecretKey::from_slice(bytes).ok())?;
                let share = key.public_key().to_sec1_bytes().to_vec();
                (Private::P256(key), share)
            }
            NamedGroup::SECP384R1 => {
                let key = draw::<48, _>(rng, |bytes| p384::SecretKey::from_slice(bytes).ok())?;
                let share = key.public_key().to_sec1_bytes().to_vec();
                (Private::P384(key), share)
            }
            _ => return Err(CryptoError::UnsupportedGroup(group)),
        };
        Ok(Self { group, private, share })
    }

    fn agree(&self, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        let invalid = CryptoError::InvalidShare(self.group);
        if !super::is_well_formed(self.group, peer_share) {
            return Err(invalid);
        }
        let secret = match &self.private {
            Private::X25519(key) => {
                let peer: [u8; 32] = peer_share.try_into().map_err(|_| invalid)?;
                let secret = key.diffie_hellman(&x25519_dalek::PublicKey::from(peer));
                // A point of low order gives zero for every key (RFC 7748 §6.1).
                if !secret.was_contributory() {
                    return Err(invalid);
                }
                secret.as_bytes().to_vec()
            }
            Private::P256(key) => {
                let peer = p256::PublicKey::from_sec1_bytes(peer_share).map_err(|_| invalid)?;
                key.diffie_hellman(&peer).raw_secret_bytes().to_vec()
            }
            Private::P384(key) => {
                let peer = p384::PublicKey::from_sec1_bytes(peer_share).map_err(|_| invalid)?;
                key.diffie_hellman(&peer).raw_secret_bytes().to_vec()
            }
        };
        Ok(SharedSecret::new(secret))
    }

    fn respond(self, peer_share: &[u8]) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let secret = self.agree(peer_share)?;
        Ok((self.share, secret))
    }
}

/// Draws until the bytes are a scalar of the curve: the first draw but once in 2^32.
fn draw<const N: usize, K>(
    rng: &mut dyn CryptoRng,
    key: impl Fn(&[u8]) -> Option<K>,
) -> Result<K, CryptoError> {
    let mut bytes = Zeroizing::new([0; N]);
    for _ in 0..16 {
        rng.fill_bytes(&mut *bytes);
        if let Some(key) = key(&*bytes) {
            return Ok(key);
        }
    }
    Err(CryptoError::ProviderFailed) // not a generator of random bytes
}

impl KeyExchange for Ephemeral {
    fn group(&self) -> NamedGroup {
        self.group
    }

    fn public_share(&self) -> &[u8] {
        &self.share
    }

    fn complete(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        self.agree(peer_share)
    }
}

impl fmt::Debug for Ephemeral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ephemeral").field("group", &self.group).finish_non_exhaustive()
    }
}
