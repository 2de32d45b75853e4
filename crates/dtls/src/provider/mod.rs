//! Cryptographic primitives, from somebody else, behind one small trait.
//!
//! Problem: the protocol is ours, the primitives are not, and no single library suits everybody. One is the
//! fastest at records, another at key exchange, a third has no assembler and obeys a seed.
//! How: handshake and record code ask a [`Provider`] for exactly what DTLS needs:
//!
//! ```text
//!   Provider --aead, record_number_key--> AeadKey, RecordNumberKey     one a direction and epoch
//!            --hash, hmac---------------> HashContext, HmacKey         transcript, key schedule
//!            --key_exchange, respond----> KeyExchange, SharedSecret    one a handshake
//!            --signing_key--------------> SigningKey                   one an Identity, kept
//!            --verify-------------------> yes or no                    one a peer
//! ```
//!
//! | provider      | feature     | randomness of keys and signatures | for |
//! |---------------|-------------|-----------------------------------|-----|
//! | `ring`        | default     | operating system                  | everyday use |
//! | `rustcrypto`  | additive    | the caller's generator only       | simulation, replay, fuzzing, wasm |
//! | `aws-lc-rs`   | additive    | operating system                  | most handshakes a second |
//!
//! More: docs/dtls-crypto.md; RFC 5116 (AEAD), RFC 8446 §4.2.7 (groups), §4.2.3 (signatures).

use std::fmt;
use std::ops::Deref;

use rand_core::CryptoRng;
use zeroize::{Zeroizing, optimization_barrier};

use crate::wire::codes::{NamedGroup, SignatureScheme};

#[cfg(feature = "aws-lc-rs")]
mod aws_lc_rs;
pub(crate) mod der;
#[cfg(any(feature = "ring", feature = "rustcrypto", feature = "aws-lc-rs"))]
mod hybrid;
#[cfg(any(feature = "rustcrypto", feature = "aws-lc-rs"))]
mod mac;
#[cfg(any(feature = "ring", feature = "rustcrypto"))]
mod mlkem;
pub(crate) mod private_key;
pub mod public_key;
#[cfg(feature = "ring")]
mod ring;
#[cfg(feature = "rustcrypto")]
mod rustcrypto;

#[cfg(feature = "aws-lc-rs")]
pub use self::aws_lc_rs::aws_lc_rs;
#[cfg(feature = "ring")]
pub use self::ring::ring;
#[cfg(feature = "rustcrypto")]
pub use self::rustcrypto::rustcrypto;

/// Bytes of an authentication tag, the same for all three AEADs (RFC 5116 §5.1, RFC 8439 §2.8).
pub const TAG_LENGTH: usize = 16;
/// Bytes of a nonce, the same for all three AEADs.
pub const NONCE_LENGTH: usize = 12;

/// Whether a share of a plain group has the only legal form: 32 bytes, or an uncompressed point
/// (RFC 8446 §4.2.8.2; the readers of some libraries take other forms too).
#[cfg(any(feature = "ring", feature = "rustcrypto", feature = "aws-lc-rs"))]
fn is_well_formed(group: NamedGroup, share: &[u8]) -> bool {
    match group {
        NamedGroup::X25519 => share.len() == 32,
        NamedGroup::SECP256R1 => share.len() == 65 && share[0] == 4,
        NamedGroup::SECP384R1 => share.len() == 97 && share[0] == 4,
        _ => false,
    }
}

/// What all three verify, the most preferred first.
#[cfg(any(feature = "ring", feature = "rustcrypto", feature = "aws-lc-rs"))]
const VERIFY_SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// What an RSA key signs with, where a provider has RSA.
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
const RSA_SIGNING_SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// The AEADs of our cipher suites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aead {
    /// AES-128-GCM (RFC 5116 §5.1).
    Aes128Gcm,
    /// AES-256-GCM (RFC 5116 §5.2).
    Aes256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305,
}

impl Aead {
    /// Bytes of a key, for records and for record numbers alike.
    #[must_use]
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }
}

/// The hash functions of our cipher suites and of certificate fingerprints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes; for fingerprints only, no suite uses it.
    Sha512,
}

impl Hash {
    /// Bytes of a digest.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// Why a primitive refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CryptoError {
    /// A key that we were given, of the wrong length or form.
    InvalidKey,
    /// A private key of a kind that this provider cannot sign with.
    UnsupportedKey,
    /// A group that is not among [`Provider::groups`].
    UnsupportedGroup(NamedGroup),
    /// A scheme that is not supported, or that does not go with the key.
    UnsupportedScheme(SignatureScheme),
    /// A share of wrong length, off its curve, of low order, or not reduced: `illegal_parameter`.
    InvalidShare(NamedGroup),
    /// A public key in a certificate that cannot be used: `unsupported_certificate`.
    InvalidPublicKey,
    /// A signature that does not verify: `decrypt_error`.
    BadSignature,
    /// A record that does not authenticate.
    BadRecord,
    /// The provider failed at what should not fail, such as drawing randomness.
    ProviderFailed,
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidKey => f.write_str("the key has a wrong length or form"),
            Self::UnsupportedKey => f.write_str("this provider cannot sign with such a key"),
            Self::UnsupportedGroup(group) => write!(f, "the provider does not have group {group:?}"),
            Self::UnsupportedScheme(scheme) => write!(f, "{scheme:?} is not supported with this key"),
            Self::InvalidShare(group) => write!(f, "the peer's share of {group:?} is not valid"),
            Self::InvalidPublicKey => f.write_str("the certificate's public key cannot be used"),
            Self::BadSignature => f.write_str("the signature does not verify"),
            Self::BadRecord => f.write_str("the record does not authenticate"),
            Self::ProviderFailed => f.write_str("the crypto provider failed"),
        }
    }
}

impl std::error::Error for CryptoError {}

/// The primitives of one library. Building one costs nothing: no self-tests, no tables.
pub trait Provider: fmt::Debug + Send + Sync {
    /// A short name for logs and reports.
    fn name(&self) -> &'static str;

    /// A key that seals or opens records.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] if `key` is not [`Aead::key_length`] bytes.
    fn aead(&self, algorithm: Aead, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError>;

    /// A key that hides record numbers in DTLS 1.3 (RFC 9147 §4.2.3).
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] if `key` is not [`Aead::key_length`] bytes.
    fn record_number_key(&self, algorithm: Aead, key: &[u8])
    -> Result<Box<dyn RecordNumberKey>, CryptoError>;

    /// A running hash, for transcripts and fingerprints.
    fn hash(&self, algorithm: Hash) -> Box<dyn HashContext>;

    /// A MAC key, for key derivation, Finished and cookies. Any key length is legal.
    fn hmac(&self, algorithm: Hash, key: &[u8]) -> Box<dyn HmacKey>;

    /// Groups for key exchange, the most preferred first.
    fn groups(&self) -> &'static [NamedGroup];

    /// The client's half of a key exchange (in 1.2, either side's).
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedGroup`], or [`CryptoError::ProviderFailed`] without randomness.
    fn key_exchange(
        &self,
        group: NamedGroup,
        rng: &mut dyn CryptoRng,
    ) -> Result<Box<dyn KeyExchange>, CryptoError>;

    /// The server's half in one step: given the client's share, our own share and the secret. For a hybrid
    /// group this encapsulates.
    ///
    /// # Errors
    /// [`CryptoError::InvalidShare`] for a share that the group forbids, else as for `key_exchange`.
    fn respond(
        &self,
        group: NamedGroup,
        peer_share: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(Vec<u8>, SharedSecret), CryptoError>;

    /// A private key, parsed once. `pkcs8` is a PKCS#8 (RFC 5958) document, or for elliptic curves an
    /// `ECPrivateKey` (RFC 5915).
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] if it cannot be read, [`CryptoError::UnsupportedKey`] if it can but not used.
    fn signing_key(&self, pkcs8: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError>;

    /// Whether `signature` of `message` was made by the key in `spki`, a DER `SubjectPublicKeyInfo`. ECDSA
    /// schemes name a hash only, as in 1.2; 1.3 also asks [`public_key::KeyKind::fits_1_3`].
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`] if not; [`CryptoError::UnsupportedScheme`] and
    /// [`CryptoError::InvalidPublicKey`] if that cannot be told.
    fn verify(
        &self,
        scheme: SignatureScheme,
        spki: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError>;

    /// Schemes that `verify` knows, the most preferred first.
    fn verify_schemes(&self) -> &'static [SignatureScheme];
}

/// Seals or opens the records of one direction and epoch, in place.
pub trait AeadKey: fmt::Debug + Send {
    /// Encrypts what stands before the last 16 bytes, where it stands, and writes the tag into those. (A tag that
    /// is handed back by value is copied four times over, at awkward offsets: 5 % of a record.)
    ///
    /// # Errors
    /// [`CryptoError::ProviderFailed`] if the payload is longer than the AEAD allows, or there is no room for a tag.
    fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        aad: &[u8],
        payload_and_tag: &mut [u8],
    ) -> Result<(), CryptoError>;

    /// Decrypts what stands before the tag, and gives back its length. On failure the bytes are worthless.
    ///
    /// # Errors
    /// [`CryptoError::BadRecord`] if the tag does not fit, or there is no room for one.
    fn open_in_place(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        aad: &[u8],
        ciphertext_and_tag: &mut [u8],
    ) -> Result<usize, CryptoError>;
}

/// Computes the mask over the record number (RFC 9147 §4.2.3).
pub trait RecordNumberKey: fmt::Debug + Send {
    /// The first five bytes of the mask for a record whose ciphertext begins with `sample`; a record number
    /// uses one or two of them.
    fn mask(&self, sample: &[u8; 16]) -> [u8; 5];
}

/// A hash over what has come so far.
pub trait HashContext: fmt::Debug + Send {
    /// Appends `bytes`.
    fn update(&mut self, bytes: &[u8]);
    /// The digest up to here; the context goes on.
    fn fork_finish(&self) -> Digest;
    /// A copy that goes its own way.
    fn clone_box(&self) -> Box<dyn HashContext>;
}

impl Clone for Box<dyn HashContext> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// A MAC key with its padding hashed already.
pub trait HmacKey: fmt::Debug + Send {
    /// HMAC (RFC 2104) over the parts, one after the other.
    fn sign(&self, parts: &[&[u8]]) -> Digest;
}

/// A key pair waiting for the peer's share.
pub trait KeyExchange: fmt::Debug + Send {
    /// The group that it was made for.
    fn group(&self) -> NamedGroup;
    /// What the peer must see.
    fn public_share(&self) -> &[u8];
    /// Combines with the peer's share; the key pair is used up.
    ///
    /// # Errors
    /// [`CryptoError::InvalidShare`] for a share that the group forbids.
    fn complete(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError>;
    /// A plain group whose share comes for free with this hybrid one, so that a hello can offer both for the
    /// price of one key pair: group and share.
    fn component(&self) -> Option<(NamedGroup, &[u8])> {
        None
    }
    /// Like `complete`, where the peer chose the `component`.
    ///
    /// # Errors
    /// [`CryptoError::InvalidShare`]; [`CryptoError::UnsupportedGroup`] where there is no component.
    fn complete_component(self: Box<Self>, _peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        Err(CryptoError::UnsupportedGroup(self.group()))
    }
}

/// A private key that signs handshakes.
pub trait SigningKey: fmt::Debug + Send + Sync {
    /// Schemes that it signs with, the most preferred first.
    fn schemes(&self) -> &[SignatureScheme];
    /// The public key: the content of the bit string in a `SubjectPublicKeyInfo`.
    fn public_key(&self) -> &[u8];
    /// Signs `message`; ECDSA signatures are DER (RFC 8446 §4.2.3).
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedScheme`] for one that is not among `schemes`, [`CryptoError::ProviderFailed`]
    /// without randomness.
    fn sign(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, CryptoError>;
}

/// A digest or MAC of up to 64 bytes, on the stack; wiped on drop, for a MAC may be a key.
#[derive(Clone)]
pub struct Digest {
    bytes: [u8; 64],
    length: usize,
}

impl Digest {
    /// The first 64 bytes of `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let length = bytes.len().min(64);
        let mut digest = Self { bytes: [0; 64], length };
        digest.bytes[..length].copy_from_slice(&bytes[..length]);
        digest
    }

    /// `length` zero bytes (at most 64): the input that stands where a key schedule has no secret.
    #[must_use]
    pub fn zeros(length: usize) -> Self {
        Self { bytes: [0; 64], length: length.min(64) }
    }

    /// To write it where it stands.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }
}

impl Deref for Digest {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({} bytes)", self.length)
    }
}

impl Drop for Digest {
    fn drop(&mut self) {
        self.bytes = [0; 64];
        optimization_barrier(&self.bytes); // sixty-four stores, one a byte, take longer than a hash
    }
}

/// The result of a key exchange; wiped on drop, never printed.
pub struct SharedSecret(Zeroizing<Vec<u8>>);

impl SharedSecret {
    /// Takes over `bytes`.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl AsRef<[u8]> for SharedSecret {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedSecret({} bytes)", self.0.len())
    }
}

/// Every provider that this build has, for tests.
#[cfg(test)]
pub(crate) fn test_providers() -> Vec<std::sync::Arc<dyn Provider>> {
    vec![
        #[cfg(feature = "ring")]
        ring(),
        #[cfg(feature = "rustcrypto")]
        rustcrypto(),
        #[cfg(feature = "aws-lc-rs")]
        aws_lc_rs(),
    ]
}
