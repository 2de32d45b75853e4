//! What no DTLS can leave out: the cipher over the bytes, and the asymmetric operations of both ends.

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::agreement::EphemeralPrivateKey as AwsLcKey;
use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::{B32, DecapsulationKey768, EncapsulationKey768, Seed};
use ring::agreement::EphemeralPrivateKey as RingKey;

use crate::stack::{Group, Setup, Version, certificate};

/// One library of primitives, bare.
pub(crate) trait Bare: Sized {
    fn new(setup: Setup) -> Self;
    /// Seals and opens `records` payloads of `length` bytes in place, with two masks each in 1.3: seconds. `written`:
    /// each payload is first copied to where it is sealed, as by whoever hands packets to a record layer.
    fn records(&self, records: u64, length: usize, written: bool) -> f64;
    /// Two key generations, two agreements, two signatures, two verifications; with the hybrid group one ML-KEM
    /// key generation, encapsulation and decapsulation more.
    fn handshake(&self);
}

macro_rules! bare {
    ($name:ident, $library:ident, $seal:expr, $open:expr, $agree:expr, $signer:expr, $kem:expr) => {
        pub(crate) struct $name {
            setup: Setup,
            signer: $library::signature::EcdsaKeyPair,
        }

        impl Bare for $name {
            fn new(setup: Setup) -> Self {
                let (_, key) = certificate();
                Self { setup, signer: ($signer)(&key) }
            }

            fn records(&self, records: u64, length: usize, written: bool) -> f64 {
                use $library::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
                let key =
                    || LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16]).expect("16 bytes are a key"));
                let mask = || quic::HeaderProtectionKey::new(&quic::AES_128, &[8; 16]).expect("16 bytes");
                // Each side has its own keys, as in life. 1.3 seals the content type too.
                let (sealing, opening) = (key(), key());
                let (hiding, showing) = (mask(), mask());
                let is_13 = self.setup.version == Version::V13;
                let (aad_length, inner) = if is_13 { (5, length + 1) } else { (13, length) };
                let (payload, mut buffer) = (vec![0x5A; length], vec![0x5A; inner + 16]);
                let aad = [3; 13];
                let start = Instant::now();
                for number in 0..records {
                    if written {
                        buffer[..length].copy_from_slice(black_box(&payload));
                    }
                    let mut nonce = [9; 12];
                    nonce[4..].copy_from_slice(&number.to_be_bytes());
                    let (sealed, tag) = buffer.split_at_mut(inner);
                    let aad = || Aad::from(&aad[..aad_length]);
                    ($seal)(&sealing, Nonce::assume_unique_for_key(nonce), aad(), sealed, tag);
                    if is_13 {
                        black_box(hiding.new_mask(&buffer[..16]).expect("16 bytes"));
                        black_box(showing.new_mask(&buffer[..16]).expect("16 bytes"));
                    }
                    let nonce = Nonce::assume_unique_for_key(nonce);
                    ($open)(&opening, nonce, aad(), &mut buffer[..]);
                    black_box(&mut buffer);
                }
                start.elapsed().as_secs_f64()
            }

            fn handshake(&self) {
                use $library::agreement::{ECDH_P256, EphemeralPrivateKey, X25519};
                use $library::rand::SystemRandom;
                use $library::signature::{ECDSA_P256_SHA256_ASN1, KeyPair, UnparsedPublicKey};
                let rng = SystemRandom::new();
                let algorithm = match self.setup.group {
                    Group::P256 => &ECDH_P256,
                    Group::X25519 | Group::X25519MlKem768 => &X25519,
                };
                let pair = || {
                    let private = EphemeralPrivateKey::generate(algorithm, &rng).expect("a key");
                    let public = private.compute_public_key().expect("its public half");
                    (private, public)
                };
                let ((client, client_public), (server, server_public)) = (pair(), pair());
                black_box(($agree)(client, server_public.as_ref()));
                black_box(($agree)(server, client_public.as_ref()));
                if self.setup.group == Group::X25519MlKem768 {
                    black_box(($kem)());
                }
                // A hash of the messages behind 98 bytes of context: what 1.3 signs.
                let message = [6; 130];
                for _ in 0..2 {
                    let signature = self.signer.sign(&rng, &message).expect("a signature");
                    let public = self.signer.public_key().as_ref();
                    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public)
                        .verify(&message, signature.as_ref())
                        .expect("it verifies");
                }
            }
        }
    };
}

bare!(
    BareRing,
    ring,
    |key: &LessSafeKey, nonce, aad, payload: &mut [u8], tag: &mut [u8]| {
        let sealed = key.seal_in_place_separate_tag(nonce, aad, payload);
        tag.copy_from_slice(sealed.expect("it seals").as_ref());
    },
    |key: &LessSafeKey, nonce, aad, sealed: &mut [u8]| {
        key.open_in_place(nonce, aad, sealed).expect("it opens");
    },
    |private: RingKey, share: &[u8]| {
        let peer = ring::agreement::UnparsedPublicKey::new(private.algorithm(), share);
        ring::agreement::agree_ephemeral(private, &peer, |secret| secret[0]).expect("an agreement")
    },
    |key: &[u8]| {
        let rng = ring::rand::SystemRandom::new();
        let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        ring::signature::EcdsaKeyPair::from_pkcs8(algorithm, key, &rng).expect("a signing key")
    },
    || {
        let client = DecapsulationKey768::from_seed(Seed::from([5; 64]));
        let share = client.encapsulation_key().to_bytes();
        let server = EncapsulationKey768::new(&share).expect("a key");
        let (ciphertext, sent) = server.encapsulate_deterministic(&B32::from([4; 32]));
        (sent, client.decapsulate(&ciphertext))
    }
);

bare!(
    BareAwsLc,
    aws_lc_rs,
    // The calls that copy least: the tag goes to its place, and the plaintext is not moved to where it stands.
    |key: &LessSafeKey, nonce, aad, payload: &mut [u8], tag: &mut [u8]| {
        key.seal_in_place_scatter(nonce, aad, payload, &[], tag).expect("it seals");
    },
    |key: &LessSafeKey, nonce, aad, sealed: &mut [u8]| {
        let (ciphertext, tag) = sealed.split_last_chunk_mut::<16>().expect("a tag");
        key.open_in_place_separate_tag(nonce, aad, tag, ciphertext).expect("it opens");
    },
    |private: AwsLcKey, share: &[u8]| {
        let peer = aws_lc_rs::agreement::UnparsedPublicKey::new(private.algorithm(), share);
        aws_lc_rs::agreement::agree_ephemeral(private, peer, (), |secret| Ok(secret[0]))
            .expect("an agreement")
    },
    |key: &[u8]| {
        let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(algorithm, key).expect("a signing key")
    },
    || {
        use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
        let client = DecapsulationKey::generate(&ML_KEM_768).expect("a key");
        let share = client.encapsulation_key().expect("its public half");
        let share = share.key_bytes().expect("its bytes");
        let server = EncapsulationKey::new(&ML_KEM_768, share.as_ref()).expect("a key");
        let (ciphertext, sent) = server.encapsulate().expect("a ciphertext");
        (sent, client.decapsulate(Ciphertext::from(ciphertext.as_ref())).expect("a secret"))
    }
);
