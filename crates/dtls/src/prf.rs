//! The pseudorandom function of DTLS 1.2, and the secrets made with it (RFC 5246 §5, §6.3, §8.1).
//!
//! Problem: one secret of the key exchange must become a master secret, six keys and two Finished values,
//! none of which tells anything about another.
//! How: HMAC is iterated over a label and a seed until enough bytes have come out.
//!
//! ```text
//!   A(0) = label | seed      A(i) = HMAC(secret, A(i-1))
//!   output = HMAC(secret, A(1) | label | seed) | HMAC(secret, A(2) | label | seed) | ...
//! ```
//! More: RFC 7627 §4 (extended master secret), RFC 5705 §4 (exporter); docs/dtls-crypto.md, "Keys of 1.2".

use zeroize::Zeroizing;

use crate::provider::{Aead, Hash, HmacKey, Provider};

/// Bytes of the Finished value (RFC 5246 §7.4.9).
pub const VERIFY_DATA_LENGTH: usize = 12;
/// Bytes of the master secret (RFC 5246 §8.1).
pub const MASTER_SECRET_LENGTH: usize = 48;

/// Fills `out` with PRF(secret, label, seed parts one after the other).
pub fn prf(provider: &dyn Provider, hash: Hash, secret: &[u8], label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    expand(&*provider.hmac(hash, secret), label, seed, out);
}

/// The master secret, bound to the whole handshake up to ClientKeyExchange (RFC 7627 §4).
#[must_use]
pub fn extended_master_secret(
    provider: &dyn Provider,
    hash: Hash,
    premaster: &[u8],
    session_hash: &[u8],
) -> MasterSecret {
    MasterSecret::derive(provider, hash, premaster, b"extended master secret", &[session_hash])
}

/// The master secret of a peer without RFC 7627, bound to the two randoms only (RFC 5246 §8.1).
#[must_use]
pub fn master_secret(
    provider: &dyn Provider,
    hash: Hash,
    premaster: &[u8],
    client_random: &[u8; 32],
    server_random: &[u8; 32],
) -> MasterSecret {
    MasterSecret::derive(provider, hash, premaster, b"master secret", &[client_random, server_random])
}

/// The secret behind a 1.2 connection, with its HMAC key prepared; wiped on drop.
#[derive(Debug)]
pub struct MasterSecret {
    bytes: Secret48,
    key: Box<dyn HmacKey>,
}

struct Secret48(Zeroizing<[u8; MASTER_SECRET_LENGTH]>);

impl std::fmt::Debug for Secret48 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl MasterSecret {
    fn derive(provider: &dyn Provider, hash: Hash, premaster: &[u8], label: &[u8], seed: &[&[u8]]) -> Self {
        let mut bytes = Zeroizing::new([0; MASTER_SECRET_LENGTH]);
        prf(provider, hash, premaster, label, seed, &mut *bytes);
        let key = provider.hmac(hash, &*bytes);
        Self { bytes: Secret48(bytes), key }
    }

    /// The secret of a connection that somebody else made.
    #[must_use]
    pub fn from_key_log(provider: &dyn Provider, hash: Hash, bytes: [u8; MASTER_SECRET_LENGTH]) -> Self {
        let bytes = Zeroizing::new(bytes);
        let key = provider.hmac(hash, &*bytes);
        Self { bytes: Secret48(bytes), key }
    }

    /// The 48 bytes, for a key log only.
    #[must_use]
    pub fn bytes(&self) -> &[u8; MASTER_SECRET_LENGTH] {
        &self.bytes.0
    }

    /// The keys of both directions (RFC 5246 §6.3). Mind that the server's random comes first here.
    #[must_use]
    pub fn key_block(&self, aead: Aead, client_random: &[u8; 32], server_random: &[u8; 32]) -> KeyBlock {
        let (key, iv) = (aead.key_length(), fixed_iv_length(aead));
        let mut bytes = Zeroizing::new(vec![0; 2 * (key + iv)]);
        expand(&*self.key, b"key expansion", &[server_random, client_random], &mut bytes);
        KeyBlock { bytes, key, iv }
    }

    /// What a client's or a server's Finished must contain (RFC 5246 §7.4.9).
    #[must_use]
    pub fn verify_data(&self, client: bool, transcript_hash: &[u8]) -> [u8; VERIFY_DATA_LENGTH] {
        let label: &[u8] = if client { b"client finished" } else { b"server finished" };
        let mut verify_data = [0; VERIFY_DATA_LENGTH];
        expand(&*self.key, label, &[transcript_hash], &mut verify_data);
        verify_data
    }

    /// Keying material for somebody else (RFC 5705 §4). No context and an empty one differ. A context is at
    /// most 65535 bytes; of a longer one nothing is exported and `false` comes back.
    pub fn export(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
        out: &mut [u8],
    ) -> bool {
        let Some(context) = context else {
            expand(&*self.key, label, &[client_random, server_random], out);
            return true;
        };
        let Ok(length) = u16::try_from(context.len()) else { return false };
        expand(&*self.key, label, &[client_random, server_random, &length.to_be_bytes(), context], out);
        true
    }
}

/// Bytes of the nonce that come from the key block: the rest of a GCM nonce stands in the record
/// (RFC 5288 §3), ChaCha20 takes all from here (RFC 7905 §2).
#[must_use]
pub fn fixed_iv_length(aead: Aead) -> usize {
    match aead {
        Aead::Aes128Gcm | Aead::Aes256Gcm => 4,
        Aead::ChaCha20Poly1305 => 12,
    }
}

/// `client key | server key | client IV | server IV`: AEAD suites have no MAC keys. Wiped on drop.
pub struct KeyBlock {
    bytes: Zeroizing<Vec<u8>>,
    key: usize,
    iv: usize,
}

impl KeyBlock {
    /// The key that the client seals with.
    #[must_use]
    pub fn client_key(&self) -> &[u8] {
        &self.bytes[..self.key]
    }
    /// The key that the server seals with.
    #[must_use]
    pub fn server_key(&self) -> &[u8] {
        &self.bytes[self.key..2 * self.key]
    }
    /// The fixed part of the client's nonces.
    #[must_use]
    pub fn client_iv(&self) -> &[u8] {
        &self.bytes[2 * self.key..2 * self.key + self.iv]
    }
    /// The fixed part of the server's nonces.
    #[must_use]
    pub fn server_iv(&self) -> &[u8] {
        &self.bytes[2 * self.key + self.iv..]
    }
}

impl std::fmt::Debug for KeyBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyBlock({} bytes)", self.bytes.len())
    }
}

/// At most this many parts make a seed: the exporter's two randoms, length and context.
const MOST_SEED_PARTS: usize = 4;

fn expand(key: &dyn HmacKey, label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    // parts = A(i), label, seed ...; without A(i) they make A(1).
    let mut parts: [&[u8]; 2 + MOST_SEED_PARTS] = [&[]; 2 + MOST_SEED_PARTS];
    parts[1] = label;
    for (part, seed) in parts[2..].iter_mut().zip(seed) {
        *part = seed;
    }
    let mut a = key.sign(&parts[1..]);
    for chunk in out.chunks_mut(a.len()) {
        let mut with_a = parts;
        with_a[0] = &a;
        let block = key.sign(&with_a);
        chunk.copy_from_slice(&block[..chunk.len()]);
        a = key.sign(&[&a]);
    }
}

#[cfg(all(test, any(feature = "ring", feature = "rustcrypto", feature = "aws-lc-rs")))]
mod tests {
    use super::*;
    use crate::provider::test_providers;

    /// The widely published check value of the SHA-256 PRF (an IETF mailing-list post of 2009, used by most
    /// implementations since).
    #[test]
    fn the_prf_gives_the_published_check_value() {
        let secret =
            [0x9b, 0xbe, 0x43, 0x6b, 0xa9, 0x40, 0xf0, 0x17, 0xb1, 0x76, 0x52, 0x84, 0x9a, 0x71, 0xdb, 0x35];
        let seed =
            [0xa0, 0xba, 0x9f, 0x93, 0x6c, 0xda, 0x31, 0x18, 0x27, 0xa6, 0xf7, 0x96, 0xff, 0xd5, 0x19, 0x8c];
        let expected = [
            0xe3, 0xf2, 0x29, 0xba, 0x72, 0x7b, 0xe1, 0x7b, 0x8d, 0x12, 0x26, 0x20, 0x55, 0x7c, 0xd4, 0x53,
            0xc2, 0xaa, 0xb2, 0x1d, 0x07, 0xc3, 0xd4, 0x95, 0x32, 0x9b, 0x52, 0xd4, 0xe6, 0x1e, 0xdb, 0x5a,
            0x6b, 0x30, 0x17, 0x91, 0xe9, 0x0d, 0x35, 0xc9, 0xc9, 0xa4, 0x6b, 0x4e, 0x14, 0xba, 0xf9, 0xaf,
            0x0f, 0xa0, 0x22, 0xf7, 0x07, 0x7d, 0xef, 0x17, 0xab, 0xfd, 0x37, 0x97, 0xc0, 0x56, 0x4b, 0xab,
            0x4f, 0xbc, 0x91, 0x66, 0x6e, 0x9d, 0xef, 0x9b, 0x97, 0xfc, 0xe3, 0x4f, 0x79, 0x67, 0x89, 0xba,
            0xa4, 0x80, 0x82, 0xd1, 0x22, 0xee, 0x42, 0xc5, 0xa7, 0x2e, 0x5a, 0x51, 0x10, 0xff, 0xf7, 0x01,
            0x87, 0x34, 0x7b, 0x66,
        ];
        for provider in test_providers() {
            let mut out = [0; 100];
            prf(&*provider, Hash::Sha256, &secret, b"test label", &[&seed[..7], &seed[7..]], &mut out);
            assert_eq!(out, expected, "{}", provider.name());
        }
    }

    #[test]
    fn the_key_block_is_cut_in_the_order_of_the_rfc() {
        for provider in test_providers() {
            let master = extended_master_secret(&*provider, Hash::Sha256, &[1; 32], &[2; 32]);
            let mut whole = [0; 40];
            let (client_random, server_random) = ([3; 32], [4; 32]);
            prf(
                &*provider,
                Hash::Sha256,
                master.bytes(),
                b"key expansion",
                &[&server_random, &client_random],
                &mut whole,
            );
            let block = master.key_block(Aead::Aes128Gcm, &client_random, &server_random);
            assert_eq!(block.client_key(), &whole[..16]);
            assert_eq!(block.server_key(), &whole[16..32]);
            assert_eq!(block.client_iv(), &whole[32..36]);
            assert_eq!(block.server_iv(), &whole[36..]);
        }
    }

    #[test]
    fn an_empty_exporter_context_differs_from_none() {
        for provider in test_providers() {
            let master = extended_master_secret(&*provider, Hash::Sha384, &[1; 32], &[2; 48]);
            let (mut with, mut without) = ([0; 20], [0; 20]);
            assert!(master.export(b"EXPORTER-x", None, &[3; 32], &[4; 32], &mut without));
            assert!(master.export(b"EXPORTER-x", Some(&[]), &[3; 32], &[4; 32], &mut with));
            assert_ne!(with, without);
            assert!(!master.export(b"EXPORTER-x", Some(&[0; 65536]), &[3; 32], &[4; 32], &mut with));
        }
    }
}
