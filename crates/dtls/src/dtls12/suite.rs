//! The cipher suites of 1.2 that we speak: ECDHE with an AEAD, nothing else.

use crate::config::Config;
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
pub(super) fn served(config: &Config) -> Vec<Suite> {
    let rsa = super::identity_is_rsa(config);
    config.cipher_suites.iter().filter_map(|id| Suite::new(*id)).filter(|suite| suite.rsa == rsa).collect()
}

/// Whether certificates with RSA keys can be verified.
pub(super) fn verifies_rsa(config: &Config) -> bool {
    config.provider.verify_schemes().contains(&SignatureScheme::RSA_PKCS1_SHA256)
}
