//! The hybrid group for providers without an ML-KEM of their own: the pure-Rust one, beside their X25519.
//!
//! Its randomness is the caller's generator in every case, so under `rustcrypto` the whole exchange follows
//! from the seed.

use std::fmt;

use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::{B32, DecapsulationKey768, EncapsulationKey768, Seed};
use rand_core::CryptoRng;
use zeroize::Zeroize;

use super::hybrid::{self, INVALID, X25519_LENGTH};
use super::{CryptoError, KeyExchange, SharedSecret};
use crate::wire::codes::NamedGroup;

/// The client's key pairs of X25519MLKEM768.
pub(super) struct Hybrid {
    kem: DecapsulationKey768,
    classic: Box<dyn KeyExchange>,
    share: Vec<u8>,
}

impl Hybrid {
    /// A new ML-KEM key pair beside the X25519 one given.
    pub(super) fn new(classic: Box<dyn KeyExchange>, rng: &mut dyn CryptoRng) -> Self {
        let mut seed = Seed::default();
        rng.fill_bytes(&mut seed);
        let kem = DecapsulationKey768::from_seed(seed);
        seed.zeroize();
        let share = hybrid::join(&kem.encapsulation_key().to_bytes(), classic.public_share());
        Self { kem, classic, share }
    }
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
        let mut kem = self.kem.decapsulate(ciphertext.into());
        let secret = hybrid::combine(&kem, &classic);
        kem.zeroize();
        Ok(secret)
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

/// The server's half: encapsulates to the client's key. `classic` answers the X25519 part.
pub(super) fn respond(
    peer_share: &[u8],
    rng: &mut dyn CryptoRng,
    classic: impl FnOnce(&[u8; X25519_LENGTH], &mut dyn CryptoRng) -> Result<(Vec<u8>, SharedSecret), CryptoError>,
) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
    let (key, peer_classic) = hybrid::split_client_share(peer_share)?;
    let key = EncapsulationKey768::new(key.into()).map_err(|_| INVALID)?;
    let (classic_share, classic_secret) = classic(peer_classic, rng).map_err(|_| INVALID)?;
    let mut message = B32::default();
    rng.fill_bytes(&mut message);
    let (ciphertext, mut kem) = key.encapsulate_deterministic(&message);
    message.zeroize();
    let secret = hybrid::combine(&kem, &classic_secret);
    kem.zeroize();
    Ok((hybrid::join(&ciphertext, &classic_share), secret))
}
