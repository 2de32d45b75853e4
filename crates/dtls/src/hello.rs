//! The ClientHello: one offer for every version that is enabled (RFC 9147 §5.3).
//!
//! ```text
//!   for both    suites of both, supported_groups, signature_algorithms, use_srtp, record_size_limit,
//!               connection_id, random
//!   for 1.2     extended_master_secret, renegotiation_info, ec_point_formats
//!   for 1.3     supported_versions, key_share
//! ```
//! Which version it becomes is the server's choice; the random and what is signed are the same in both.

use crate::config::Config;
use crate::connection::Engine;
use crate::connection_id;
use crate::dtls12;
use crate::dtls13::{self, Offer};
use crate::error::{HandshakeError, decode};
use crate::record_size_limit;
use crate::version::Version;
use crate::wire::{ClientHello, Extension, ExtensionType, Extensions, HandshakeType, ProtocolVersion};

/// What we offer, and the private halves of the key shares in it.
pub(crate) fn client_hello(engine: &mut Engine) -> Result<(ClientHello, Option<Offer>), HandshakeError> {
    let random = engine.random();
    let versions = engine.config.versions;
    let offer = if versions.v1_3 { Some(Offer::new(engine)?) } else { None };
    let config = &engine.config;
    let mut cipher_suites = Vec::new();
    let mut extensions = Extensions::new();
    if versions.v1_3 {
        cipher_suites.extend(dtls13::suites(config).map(|suite| suite.id));
    }
    if versions.v1_2 {
        cipher_suites.extend(dtls12::offered_suites(config));
        extensions.push(Extension::empty(ExtensionType::EXTENDED_MASTER_SECRET));
        extensions.push(Extension::initial_renegotiation_info());
        extensions.push(Extension::uncompressed_points());
    }
    let groups = if versions.v1_3 { dtls13::groups(config) } else { dtls12::groups(config) };
    let curves = if versions.v1_2 { dtls12::with_certificate_curve(config, &groups) } else { groups.clone() };
    extensions.push(Extension::supported_groups(&curves));
    extensions.push(Extension::signature_algorithms(&config.verify_schemes));
    if let Some(versions) = versions.offered() {
        extensions.push(Extension::supported_versions(&versions));
    }
    if let Some(offer) = &offer {
        extensions.push(offer.key_shares(&groups));
    }
    if !config.srtp_profiles.is_empty() {
        extensions.push(Extension::use_srtp(&config.srtp_profiles, &[]));
    }
    let newest = if versions.v1_3 { Version::Dtls13 } else { Version::Dtls12 };
    if let Some(limit) = record_size_limit::ours(engine, newest) {
        extensions.push(Extension::record_size_limit(limit));
    }
    connection_id::offer(engine, &mut extensions);
    let hello = ClientHello {
        legacy_version: ProtocolVersion::DTLS_1_2,
        random,
        session_id: Vec::new(),
        cookie: Vec::new(),
        cipher_suites,
        compression_methods: vec![0],
        extensions,
    };
    Ok((hello, offer))
}

/// The SRTP profile that a server chooses: of those that the client offers, the one that we prefer (RFC 5764 §4.1.1).
pub(crate) fn choose_srtp_profile(
    config: &Config,
    offered: &Extensions,
) -> Result<Option<u16>, HandshakeError> {
    let offered = offered.use_srtp().map_err(decode(HandshakeType::CLIENT_HELLO))?.unwrap_or_default();
    Ok(config.srtp_profiles.iter().copied().find(|profile| offered.profiles.contains(profile)))
}

/// The SRTP profile that the server chose: one, and one of ours (RFC 5764 §4.1.1).
pub(crate) fn accepted_srtp_profile(
    offered: &Extensions,
    answers: &Extensions,
    message: HandshakeType,
) -> Result<Option<u16>, HandshakeError> {
    let decode = decode(message);
    let Some(chosen) = answers.use_srtp().map_err(&decode)? else { return Ok(None) };
    let offered = offered.use_srtp().map_err(&decode)?.unwrap_or_default().profiles;
    match chosen.profiles[..] {
        // We offer no MKI, so an empty one is the only answer (RFC 5764 §4.1.3).
        [profile] if offered.contains(&profile) && chosen.mki.is_empty() => Ok(Some(profile)),
        _ => Err(HandshakeError::BadExtension(ExtensionType::USE_SRTP)),
    }
}
