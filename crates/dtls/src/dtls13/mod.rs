//! The handshake of DTLS 1.3 (RFC 9147 §5, RFC 8446 §4), always with a key exchange and with certificates.
//!
//! Problem: two peers that know only a fingerprint of each other's certificate agree on keys in one round trip,
//! show nothing of themselves to anybody else, and repeat no more than what was lost.
//! How: the client guesses the group and sends its share at once; everything behind the hellos is encrypted.
//!
//! ```text
//!   Client                                         Server          what it proves
//!   ------                                         ------          --------------
//!   ClientHello + key_share  -------->
//!                            <--------  [HelloRetryRequest]        another group, or a cookie
//!   [ClientHello, again]     -------->
//!                                 ServerHello + key_share          (epoch 0)
//!                                   {EncryptedExtensions}          (epoch 2 from here)
//!                                    {CertificateRequest}
//!                                           {Certificate}          fingerprint
//!                                     {CertificateVerify}          holds the certificate's key
//!                            <--------         {Finished}          saw the same messages
//!   {Certificate}                                                  fingerprint
//!   {CertificateVerify}                                            holds the certificate's key
//!   {Finished}               -------->                             saw the same messages
//!                            <--------              [ACK]          (epoch 3 from here)
//!   [data]                   <------->             [data]
//!   [KeyUpdate]              -------->
//!                            <--------              [ACK]          the client goes on in epoch 4
//! ```
//!
//! `client.rs` and `server.rs` follow the figure from top to bottom; the checks on the right are in `crate::proof`, as
//! for 1.2; `established.rs` has what comes behind the handshake; `acks.rs` what is acknowledged, and
//! when. No session is resumed: tickets are acknowledged and forgotten.

use std::sync::Arc;

mod acks;
pub(crate) mod client;
mod established;
mod offer;
mod proof;
mod secrets;
pub(crate) mod server;

pub(crate) use self::acks::Acks;
pub(crate) use self::established::{Established, Update};
pub(crate) use self::offer::Offer;
use crate::config::{Config, Role};
use crate::error::{ConfigError, HandshakeError, decode};
use crate::identity::Identity;
use crate::provider::{Aead, Hash};
use crate::reassembly::Message;
use crate::wire::HandshakeType;
use crate::wire::codes::{CipherSuite, NamedGroup, SignatureScheme};

/// Epoch of the encrypted part of the handshake (RFC 9147 §6.1); epoch 1 would be early data.
pub(crate) const HANDSHAKE_EPOCH: u64 = 2;
/// Epoch of the first application keys.
pub(crate) const APPLICATION_EPOCH: u64 = 3;

/// A cipher suite of 1.3, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Suite {
    pub id: CipherSuite,
    pub aead: Aead,
    pub hash: Hash,
}

impl Suite {
    /// `None` for what is not a suite of 1.3 that we speak.
    fn new(id: CipherSuite) -> Option<Self> {
        match id {
            CipherSuite::TLS_AES_128_GCM_SHA256
            | CipherSuite::TLS_AES_256_GCM_SHA384
            | CipherSuite::TLS_CHACHA20_POLY1305_SHA256 => {
                Some(Self { id, aead: id.aead()?, hash: id.hash()? })
            }
            _ => None,
        }
    }
}

/// What the hellos agree on.
#[derive(Debug, Clone, Copy)]
struct Agreed {
    suite: Suite,
    group: NamedGroup,
    srtp_profile: Option<u16>,
}

/// The suites enabled, the most preferred first.
pub(crate) fn suites(config: &Config) -> impl Iterator<Item = Suite> {
    config.cipher_suites.iter().filter_map(|id| Suite::new(*id))
}

/// The groups enabled that the provider has, the most preferred first.
pub(crate) fn groups(config: &Config) -> Vec<NamedGroup> {
    let known = config.provider.groups();
    config.groups.iter().copied().filter(|group| known.contains(group)).collect()
}

/// Whether a configuration has what 1.3 needs.
pub(crate) fn validate(config: &Config) -> Result<(), ConfigError> {
    if suites(config).next().is_none() {
        return Err(ConfigError::NoSupportedCipherSuite);
    }
    if groups(config).is_empty() {
        return Err(ConfigError::NoSupportedGroup);
    }
    config.require_signer(signs)
}

/// Schemes that may sign a handshake; PKCS#1 v1.5 is for certificates only (RFC 8446 §4.2.3).
fn signs(scheme: SignatureScheme) -> bool {
    !matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
    )
}

/// The first of our identities that the peer can verify, and how it signs: our preference first.
fn choose_identity(
    config: &Config,
    peer: &[SignatureScheme],
) -> Result<(Arc<Identity>, SignatureScheme), HandshakeError> {
    let usable = |identity: &Arc<Identity>| {
        let mut ours = identity.schemes().iter().copied();
        Some((identity.clone(), ours.find(|scheme| signs(*scheme) && peer.contains(scheme))?))
    };
    config.identities().find_map(usable).ok_or(HandshakeError::NoCommonSignatureScheme)
}

/// What a CertificateVerify of `sender` signs (RFC 8446 §4.4.3): padding and context keep it apart from
/// whatever else the key may have signed.
fn signed_content(sender: Role, transcript_hash: &[u8]) -> Vec<u8> {
    let context: &[u8] = match sender {
        Role::Client => b"TLS 1.3, client CertificateVerify",
        Role::Server => b"TLS 1.3, server CertificateVerify",
    };
    [&[b' '; 64], context, &[0], transcript_hash].concat()
}

/// The message that a state waits for, in the epoch that it must have.
fn expect(message: &Message, expected: HandshakeType) -> Result<(), HandshakeError> {
    let received = message.message_type;
    if received != expected {
        return Err(HandshakeError::UnexpectedMessage { received, expected });
    }
    let plaintext = matches!(expected, HandshakeType::CLIENT_HELLO | HandshakeType::SERVER_HELLO);
    let epoch = if plaintext { 0 } else { HANDSHAKE_EPOCH };
    if message.epoch == epoch { Ok(()) } else { Err(HandshakeError::WrongEpoch(received)) }
}
