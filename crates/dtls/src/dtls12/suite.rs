//! The cipher suites of 1.2 that we speak: ECDHE with an AEAD, nothing else.

use crate::config::Config;
use crate::identity::Identity;
use crate::provider::public_key::KeyKind;
use crate::provider::{Aead, Hash};
use crate::wire::codes::{CipherSuite, SignatureScheme};

/// A suite, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suite {
    pub id: CipherSuite,
    /// Whether the server's certificate is RSA; else it is ECDSA.
    pub rsa: bool,
    pub aead: Aead,
    pub hash: Hash,
}

impl Suite {
    /// `None` for what is not a suite of 1.2 that we speak.
    pub(super) fn new(id: CipherSuite) -> Option<Self> {
        let rsa = match id {
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => false,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
            | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => true,
            _ => return None,
        };
        Some(Self { id, rsa, aead: id.aead()?, hash: id.hash()? })
    }
}

/// What a client offers: RSA too, if the provider can verify it.
pub(super) fn offered(config: &Config) -> Vec<Suite> {
    let rsa = verifies_rsa(config);
    let suites = config.cipher_suites.iter().filter_map(|id| Suite::new(*id));
    suites.filter(|suite| rsa || !suite.rsa).collect()
}

/// What a server chooses from: the suites of its own certificate's kind.
pub(super) fn served<'a>(config: &'a Config, identity: &Identity) -> impl Iterator<Item = Suite> + use<'a> {
    let rsa = identity.key_kind() == KeyKind::Rsa;
    config.cipher_suites.iter().filter_map(|id| Suite::new(*id)).filter(move |suite| suite.rsa == rsa)
}

/// Whether certificates with RSA keys can be verified.
pub(super) fn verifies_rsa(config: &Config) -> bool {
    let is_rsa = |scheme: &SignatureScheme| !matches!(scheme.0, 0x0403 | 0x0503 | 0x0603 | 0x0807 | 0x0808);
    config.verify_schemes.iter().any(is_rsa)
}
