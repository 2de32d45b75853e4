//! X25519MLKEM768: where the two halves stand (draft-ietf-tls-ecdhe-mlkem §3).
//!
//! ```text
//! client share   ML-KEM encapsulation key 1184 | X25519 32      1216 bytes
//! server share   ML-KEM ciphertext        1088 | X25519 32      1120 bytes
//! secret         ML-KEM                     32 | X25519 32        64 bytes
//! ```
//! An attacker must break both: the lattice and the curve. The key is checked before it is used (FIPS 203
//! §7.2), and an X25519 result of zero is refused (RFC 7748 §6.1); both end in `illegal_parameter`.

use super::{CryptoError, SharedSecret};
use crate::wire::codes::NamedGroup;

/// Bytes of an ML-KEM-768 encapsulation key.
pub(super) const ENCAPSULATION_KEY_LENGTH: usize = 1184;
/// Bytes of an ML-KEM-768 ciphertext.
pub(super) const CIPHERTEXT_LENGTH: usize = 1088;
/// Bytes of an X25519 share.
pub(super) const X25519_LENGTH: usize = 32;

/// What every wrong hybrid share comes to.
pub(super) const INVALID: CryptoError = CryptoError::InvalidShare(NamedGroup::X25519_MLKEM768);

/// Takes a client's share apart: encapsulation key, X25519.
pub(super) fn split_client_share(
    share: &[u8],
) -> Result<(&[u8; ENCAPSULATION_KEY_LENGTH], &[u8; X25519_LENGTH]), CryptoError> {
    split(share)
}

/// Takes a server's share apart: ciphertext, X25519.
pub(super) fn split_server_share(
    share: &[u8],
) -> Result<(&[u8; CIPHERTEXT_LENGTH], &[u8; X25519_LENGTH]), CryptoError> {
    split(share)
}

fn split<const N: usize>(share: &[u8]) -> Result<(&[u8; N], &[u8; X25519_LENGTH]), CryptoError> {
    let (kem, classic) = share.split_first_chunk::<N>().ok_or(INVALID)?;
    Ok((kem, classic.try_into().map_err(|_| INVALID)?))
}

/// One half after the other: a share, or (wiped on drop) the secret.
pub(super) fn join(kem: &[u8], classic: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(kem.len() + classic.len());
    joined.extend_from_slice(kem);
    joined.extend_from_slice(classic);
    joined
}

/// The secret of the whole.
pub(super) fn combine(kem: &[u8], classic: &SharedSecret) -> SharedSecret {
    SharedSecret::new(join(kem, classic.as_ref()))
}
