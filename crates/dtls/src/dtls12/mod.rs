//! The handshake of DTLS 1.2 (RFC 6347 §4.2, RFC 5246 §7.3), always with ECDHE and with both certificates.
//!
//! Problem: two peers that know only a fingerprint of each other's certificate agree on keys, and each proves
//! that it holds the key of its certificate and saw the same messages.
//! How: six flights; 2 and 3 only where the client must show that it receives at its address.
//!
//! ```text
//!   Client                                         Server          what it proves
//!   ------                                         ------          --------------
//!   ClientHello              -------->                             (flight 1)
//!                            <--------  [HelloVerifyRequest]       (flight 2)
//!   [ClientHello + cookie]   -------->                             (flight 3)
//!                                             ServerHello          (flight 4)
//!                                             Certificate          fingerprint
//!                                       ServerKeyExchange          holds the certificate's key
//!                                      CertificateRequest
//!                            <--------    ServerHelloDone
//!   Certificate                                                    fingerprint (flight 5)
//!   ClientKeyExchange
//!   CertificateVerify                                              holds the certificate's key
//!   {ChangeCipherSpec}
//!   Finished, encrypted      -------->                             saw the same messages
//!                                      {ChangeCipherSpec}
//!                            <--------  Finished, encrypted        saw the same messages (flight 6)
//! ```
//!
//! `client.rs` and `server.rs` follow the figure from top to bottom; the checks on the right are in `crate::proof`, and
//! each gives back a value that cannot be had otherwise; `secrets.rs` makes the keys.
//!
//! A HelloVerifyRequest is answered here, never sent: behind ICE the address is proven already. Where a server
//! stands alone `crate::cookie` sends it, before there is any state; its second hello is the first one here.

pub(crate) mod client;
mod proof;
mod secrets;
pub(crate) mod server;
mod suite;

use self::secrets::Secrets;
use self::suite::Suite;
use crate::config::{Config, Role};
use crate::connection::Engine;
use crate::error::{ConfigError, ExportError, HandshakeError, decode};
use crate::identity::Identity;
use crate::proof::{FinishedVerified, VerifiedPeer};
use crate::provider::public_key::KeyKind;
use crate::reassembly::Message;
use crate::wire::codes::{CipherSuite, NamedGroup, SignatureScheme};
use crate::wire::{Extensions, HandshakeType};

/// What is left of a handshake that succeeded. It cannot be made without the two proofs.
#[derive(Debug)]
pub(crate) struct Established {
    pub suite: CipherSuite,
    pub group: NamedGroup,
    pub srtp_profile: Option<u16>,
    /// `None` only where the configuration lets clients in without a certificate.
    pub peer: Option<VerifiedPeer>,
    secrets: Secrets,
}

impl Established {
    fn new(agreed: Agreed, secrets: Secrets, peer: Option<VerifiedPeer>, _: FinishedVerified) -> Box<Self> {
        let Agreed { suite, group, srtp_profile } = agreed;
        Box::new(Self { suite: suite.id, group, srtp_profile, peer, secrets })
    }

    /// RFC 5705 §4.
    pub(crate) fn export(
        &self,
        label: &str,
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        if secrets::RESERVED_LABELS.contains(&label) {
            return Err(ExportError::ReservedLabel);
        }
        if self.secrets.export(label, context, out) { Ok(()) } else { Err(ExportError::ContextTooLong) }
    }
}

/// What the hellos and the key exchange agree on.
#[derive(Debug, Clone, Copy)]
struct Agreed {
    suite: Suite,
    group: NamedGroup,
    srtp_profile: Option<u16>,
}

/// Whether a configuration has what 1.2 needs.
pub(crate) fn validate(config: &Config) -> Result<(), ConfigError> {
    let has_suite = match config.role {
        Role::Client => !suite::offered(config).is_empty(),
        Role::Server => config.identities().any(|ours| suite::served(config, ours).next().is_some()),
    };
    if !has_suite {
        return Err(ConfigError::NoSupportedCipherSuite);
    }
    if groups(config).is_empty() {
        return Err(ConfigError::NoSupportedGroup);
    }
    config.require_signer(signs)
}

/// The suites that a client offers.
pub(crate) fn offered_suites(config: &Config) -> impl Iterator<Item = CipherSuite> {
    suite::offered(config).into_iter().map(|suite| suite.id)
}

/// Groups that 1.2 can name in a ServerKeyExchange: hybrids came after it, and their shares do not fit.
pub(crate) fn groups(config: &Config) -> Vec<NamedGroup> {
    const CLASSIC: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
    let known = config.provider.groups();
    let usable = |group: &NamedGroup| CLASSIC.contains(group) && known.contains(group);
    config.groups.iter().copied().filter(usable).collect()
}

/// Schemes that our suites can be signed with: everything but Ed25519, which browsers do not take.
fn signs(scheme: SignatureScheme) -> bool {
    scheme != SignatureScheme::ED25519
}

/// The groups that a client of 1.2 names: they are also the curves on which the server's key may be (RFC 8422 §5.1.1),
/// and without one of those no server could show a certificate.
pub(crate) fn with_certificate_curve(config: &Config, groups: &[NamedGroup]) -> Vec<NamedGroup> {
    let mut named = groups.to_vec();
    let is_curve = |group: &NamedGroup| matches!(*group, NamedGroup::SECP256R1 | NamedGroup::SECP384R1);
    if !named.iter().any(is_curve) && config.provider.groups().contains(&NamedGroup::SECP256R1) {
        named.push(NamedGroup::SECP256R1);
    }
    named
}

/// The curve of a certificate's key, if it is on one that a client can name.
fn curve_of(kind: KeyKind) -> Option<NamedGroup> {
    match kind {
        KeyKind::P256 => Some(NamedGroup::SECP256R1),
        KeyKind::P384 => Some(NamedGroup::SECP384R1),
        KeyKind::Ed25519 | KeyKind::Rsa => None,
    }
}

/// The scheme that our key and the peer's list have in common, ours first.
fn signing_scheme(ours: &Identity, peer: &[SignatureScheme]) -> Option<SignatureScheme> {
    ours.schemes().iter().copied().find(|scheme| signs(*scheme) && peer.contains(scheme))
}

/// Signs with the key of our certificate.
fn sign(engine: &mut Engine, scheme: SignatureScheme, content: &[u8]) -> Result<Vec<u8>, HandshakeError> {
    let identity = engine.config.identity.clone();
    Ok(identity.signing_key().sign(scheme, content, &mut engine.rng)?)
}

/// What a ServerKeyExchange signs (RFC 8422 §5.4).
fn signed_params(client_random: &[u8; 32], server_random: &[u8; 32], params: &[u8]) -> Vec<u8> {
    [&client_random[..], server_random, params].concat()
}

/// Whether a certificate's key goes with how the suite authenticates.
fn key_fits(kind: KeyKind, rsa: bool) -> bool {
    match kind {
        KeyKind::Rsa => rsa,
        _ => !rsa,
    }
}

/// Checks extensions that both hellos share: uncompressed points, if formats are named at all.
fn require_uncompressed_points(
    extensions: &Extensions,
    message: HandshakeType,
) -> Result<(), HandshakeError> {
    match extensions.ec_point_formats().map_err(decode(message))? {
        Some(formats) if !formats.contains(&0) => Err(HandshakeError::NoUncompressedPoints),
        _ => Ok(()),
    }
}

/// The message that a state waits for, under the epoch that it must have.
fn expect(message: &Message, expected: HandshakeType) -> Result<(), HandshakeError> {
    let received = message.message_type;
    if received != expected {
        return Err(HandshakeError::UnexpectedMessage { received, expected });
    }
    // Finished is the first message under the new keys, and the only one.
    let epoch = u64::from(expected == HandshakeType::FINISHED);
    if message.epoch == epoch { Ok(()) } else { Err(HandshakeError::WrongEpoch(received)) }
}
