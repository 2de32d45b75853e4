//! The server of 1.3, in the order of the flights (see the figure in the parent module).
//!
//! ```text
//!   on_client_hello --HelloRetryRequest--> AwaitRetriedHello --.
//!        `--ServerHello .. Finished----------------------------+--> AwaitCertificate
//!    --> AwaitCertificateVerify --> AwaitFinished --ACK--> Established
//! ```

use std::sync::Arc;
use std::time::Instant;

use subtle::ConstantTimeEq;

use super::established::Established;
use super::proof::{check_certificate, check_certificate_verify, check_finished};
use super::secrets::{Secrets, install_read, install_write};
use super::{
    APPLICATION_EPOCH, Agreed, Suite, choose_identity, decode, expect, groups, signed_content, suites,
};
use crate::config::{ClientAuthentication, Config, Role};
use crate::connection::{Engine, Phase};
use crate::connection_id;
use crate::cookie::Retry;
use crate::error::{HandshakeError, share_error};
use crate::hello::choose_srtp_profile;
use crate::identity::Identity;
use crate::key_schedule::ApplicationSecrets;
use crate::proof::{PeerCertificate, VerifiedPeer};
use crate::provider::{Digest, Hash, Provider};
use crate::reassembly::Message;
use crate::record_size_limit;
use crate::transcript::Transcript;
use crate::version::Version;
use crate::wire::certificate_verify::DigitallySigned;
use crate::wire::codes::{CipherSuite, NamedGroup, SignatureScheme};
use crate::wire::extension13::KeyShareEntry;
use crate::wire::{
    ClientHello, Extension, ExtensionType, Extensions, HandshakeType, ProtocolVersion, ServerHello,
    certificate13, hello_retry_request,
};

/// What the server waits for, once it has chosen 1.3.
#[derive(Debug)]
#[expect(clippy::enum_variant_names, reason = "each is named after the message that it waits for")]
pub(crate) enum State {
    AwaitRetriedHello(AwaitRetriedHello),
    AwaitCertificate(AwaitCertificate),
    AwaitCertificateVerify(AwaitCertificateVerify),
    AwaitFinished(AwaitFinished),
}

impl State {
    pub(crate) fn on_message(
        self,
        engine: &mut Engine,
        now: Instant,
        message: &Message,
    ) -> Result<Phase, HandshakeError> {
        let next = match self {
            Self::AwaitRetriedHello(state) => state.on_message(engine, now, message)?,
            Self::AwaitCertificate(state) => state.on_message(engine, message)?,
            Self::AwaitCertificateVerify(state) => state.on_message(engine, message)?,
            Self::AwaitFinished(state) => return state.on_message(engine, message).map(Phase::Established13),
        };
        Ok(Phase::server_13(next))
    }
}

/// The first hello: here the server chooses 1.3.
pub(crate) fn on_client_hello(
    engine: &mut Engine,
    now: Instant,
    message: &Message,
    hello: &ClientHello,
) -> Result<Phase, HandshakeError> {
    engine.choose_13();
    let choice = Choice::make(&engine.config, hello)?;
    engine.records.version = ProtocolVersion::DTLS_1_2;
    engine.heard(message);
    let provider = engine.config.provider.clone();
    let wants_cookie = engine.config.require_cookie;
    if choice.share.is_none() || wants_cookie {
        engine.transcript.start_13_with_retry(&*provider, choice.suite.hash);
        let state = say_hello_retry_request(engine, now, &choice, wants_cookie);
        return Ok(Phase::server_13(State::AwaitRetriedHello(state)));
    }
    engine.transcript.start_13(&*provider, choice.suite.hash);
    say_flight(engine, now, hello, &choice).map(Phase::server_13)
}

/// What the server takes of the client's offer.
#[derive(Debug)]
struct Choice<'a> {
    suite: Suite,
    identity: Arc<Identity>,
    scheme: SignatureScheme,
    group: NamedGroup,
    /// The client's share of the group, if it sent one.
    share: Option<KeyShareEntry<'a>>,
    srtp_profile: Option<u16>,
}

impl<'a> Choice<'a> {
    fn make(config: &Config, hello: &'a ClientHello) -> Result<Self, HandshakeError> {
        let decode = decode(HandshakeType::CLIENT_HELLO);
        let offer = &hello.extensions;
        let missing = HandshakeError::MissingExtension;
        if hello.compression_methods != [0] {
            return Err(HandshakeError::CompressionNotNull);
        }
        // RFC 9147 §5.3: the cookie of 1.3 is an extension.
        if !hello.cookie.is_empty() {
            return Err(HandshakeError::LegacyFieldNotEmpty(HandshakeType::CLIENT_HELLO));
        }
        let suite = suites(config).find(|suite| hello.cipher_suites.contains(&suite.id));
        let suite = suite.ok_or(HandshakeError::NoCommonCipherSuite)?;
        let schemes = offer.signature_algorithms().map_err(&decode)?;
        let schemes = schemes.ok_or(missing(ExtensionType::SIGNATURE_ALGORITHMS))?;
        if !offer.takes_x509().map_err(&decode)? {
            return Err(HandshakeError::CertificateTypeRefused);
        }
        let (identity, scheme) = choose_identity(config, &schemes)?;
        let offered = offer.supported_groups().map_err(&decode)?;
        let offered = offered.ok_or(missing(ExtensionType::SUPPORTED_GROUPS))?;
        let shares = offer.client_key_shares().map_err(&decode)?;
        let shares = shares.ok_or(missing(ExtensionType::KEY_SHARE))?;
        // RFC 8446 §4.2.8: a share of a group that is not offered.
        if let Some(stray) = shares.iter().find(|entry| !offered.contains(&entry.group)) {
            return Err(HandshakeError::GroupNotOffered(stray.group));
        }
        let mut common = groups(config);
        common.retain(|group| offered.contains(group));
        let share_of = |group: &NamedGroup| shares.iter().find(|entry| entry.group == *group).copied();
        // Of the groups that both know, one that needs no second hello.
        let (group, share) = match common.iter().find_map(share_of) {
            Some(entry) => (entry.group, Some(entry)),
            None => (common.first().copied().ok_or(HandshakeError::NoCommonGroup)?, None),
        };
        let srtp_profile = choose_srtp_profile(config, offer)?;
        Ok(Self { suite, identity, scheme, group, share, srtp_profile })
    }
}

/// Another group, a cookie, or both (RFC 8446 §4.1.4).
fn say_hello_retry_request(
    engine: &mut Engine,
    now: Instant,
    choice: &Choice<'_>,
    wants_cookie: bool,
) -> AwaitRetriedHello {
    let cookie = wants_cookie.then(|| engine.random().to_vec());
    let group = choice.share.is_none().then_some(choice.group);
    let request = hello_retry_request(choice.suite.id, group, cookie.as_deref());
    engine.begin_flight();
    engine.say(HandshakeType::SERVER_HELLO, |out| request.encode(out));
    engine.await_answer(now);
    AwaitRetriedHello { suite: choice.suite, group, cookie }
}

/// The same bytes for the same choice, so that a server without memory can write it again.
pub(crate) fn hello_retry_request(
    suite: CipherSuite,
    group: Option<NamedGroup>,
    cookie: Option<&[u8]>,
) -> ServerHello {
    let mut extensions = Extensions::new();
    extensions.push(Extension::selected_version(ProtocolVersion::DTLS_1_3));
    if let Some(group) = group {
        extensions.push(Extension::retry_group(group));
    }
    if let Some(cookie) = cookie {
        extensions.push(Extension::cookie(cookie));
    }
    server_hello(hello_retry_request::RANDOM, suite, extensions)
}

/// What a cookie has to remember of the first hello: the suite, its hash, and the group to be asked for.
pub(crate) fn retry_for(
    config: &Config,
    hello: &ClientHello,
) -> Result<(CipherSuite, Hash, Option<NamedGroup>), HandshakeError> {
    let choice = Choice::make(config, hello)?;
    let group = choice.share.is_none().then_some(choice.group);
    Ok((choice.suite.id, choice.suite.hash, group))
}

/// The hash by which a first hello counts (RFC 8446 §4.4.1).
pub(crate) fn hash_of_hello(provider: &dyn Provider, hash: Hash, body: &[u8]) -> Digest {
    let mut transcript = Transcript::default();
    transcript.add(HandshakeType::CLIENT_HELLO, 0, body);
    transcript.start_13(provider, hash);
    transcript.hash_13()
}

/// The second hello, where nothing but its cookie remembers the first: the transcript is restored, and the
/// handshake goes on as if we had been there.
pub(crate) fn on_verified_hello(
    engine: &mut Engine,
    now: Instant,
    message: &Message,
    retry: &Retry,
) -> Result<Phase, HandshakeError> {
    engine.choose_13();
    engine.records.version = ProtocolVersion::DTLS_1_2;
    let suite = suites(&engine.config).find(|suite| suite.id == retry.suite);
    let suite = suite.ok_or(HandshakeError::RetryIgnored)?;
    let provider = engine.config.provider.clone();
    engine.transcript.restore_13_with_retry(&*provider, suite.hash, &retry.first_hello);
    let mut request = Vec::new();
    hello_retry_request(retry.suite, retry.group, Some(&retry.cookie)).encode(&mut request);
    engine.transcript.add(HandshakeType::SERVER_HELLO, 0, &request);
    let state = AwaitRetriedHello { suite, group: retry.group, cookie: Some(retry.cookie.clone()) };
    state.on_message(engine, now, message).map(Phase::server_13)
}

fn server_hello(random: [u8; 32], suite: CipherSuite, extensions: Extensions) -> ServerHello {
    ServerHello {
        legacy_version: ProtocolVersion::DTLS_1_2,
        random,
        session_id: Vec::new(),
        cipher_suite: suite,
        compression_method: 0,
        extensions,
    }
}

/// The second hello.
#[derive(Debug)]
pub(crate) struct AwaitRetriedHello {
    suite: Suite,
    /// The group asked for.
    group: Option<NamedGroup>,
    /// The cookie that must come back.
    cookie: Option<Vec<u8>>,
}

impl AwaitRetriedHello {
    fn on_message(
        self,
        engine: &mut Engine,
        now: Instant,
        message: &Message,
    ) -> Result<State, HandshakeError> {
        const KIND: HandshakeType = HandshakeType::CLIENT_HELLO;
        expect(message, KIND)?;
        let hello = ClientHello::parse(&message.body).map_err(decode(KIND))?;
        if engine.config.versions.select(&hello)? != Version::Dtls13 {
            return Err(HandshakeError::RetryIgnored);
        }
        let choice = Choice::make(&engine.config, &hello)?;
        let cookie = hello.extensions.cookie().map_err(decode(KIND))?;
        let cookie_fits = match (&self.cookie, cookie) {
            (Some(ours), Some(theirs)) => bool::from(ours[..].ct_eq(theirs)),
            (None, None) => true,
            _ => false,
        };
        let group_fits = choice.share.is_some() && self.group.is_none_or(|group| group == choice.group);
        if choice.suite != self.suite || !cookie_fits || !group_fits {
            return Err(HandshakeError::RetryIgnored);
        }
        engine.heard(message);
        say_flight(engine, now, &hello, &choice)
    }
}

/// ServerHello, EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify, Finished.
fn say_flight(
    engine: &mut Engine,
    now: Instant,
    hello: &ClientHello,
    choice: &Choice<'_>,
) -> Result<State, HandshakeError> {
    let Choice { suite, ref identity, scheme, group, share, srtp_profile } = *choice;
    let share = share.ok_or(HandshakeError::RetryIgnored)?;
    engine.config.identity = identity.clone();
    let provider = engine.config.provider.clone();
    let answer = provider.respond(group, share.share, &mut engine.rng);
    let (answer, shared) = answer.map_err(share_error(group))?;
    let mut extensions = Extensions::new();
    extensions.push(Extension::selected_version(ProtocolVersion::DTLS_1_3));
    extensions.push(Extension::server_key_share(&KeyShareEntry { group, share: &answer }));
    let decode = decode(HandshakeType::CLIENT_HELLO);
    let limit = hello.extensions.record_size_limit().map_err(&decode)?;
    connection_id::answer(engine, hello.extensions.connection_id().map_err(&decode)?, &mut extensions);
    let random = engine.random();
    engine.begin_flight();
    engine.say(HandshakeType::SERVER_HELLO, |out| server_hello(random, suite.id, extensions).encode(out));
    let secrets = Secrets::derive(engine, suite, &shared, hello.random)?;

    let mut extensions = Extensions::new();
    if let Some(profile) = srtp_profile {
        extensions.push(Extension::use_srtp(&[profile], &[]));
    }
    record_size_limit::answer(engine, Version::Dtls13, limit, &mut extensions);
    engine.say(HandshakeType::ENCRYPTED_EXTENSIONS, |out| {
        certificate13::encode_encrypted_extensions(&extensions, out);
    });
    let asks = engine.config.client_authentication != ClientAuthentication::NotRequested;
    if asks {
        let schemes = engine.config.verify_schemes.clone();
        engine.say(HandshakeType::CERTIFICATE_REQUEST, |out| {
            certificate13::encode_certificate_request(&schemes, out);
        });
    }
    engine.say(HandshakeType::CERTIFICATE, |out| {
        certificate13::encode_certificate(Some(identity.certificate()), out);
    });
    let content = signed_content(Role::Server, &engine.transcript.hash_13());
    let signature = identity.signing_key().sign(scheme, &content, &mut engine.rng)?;
    engine.say(HandshakeType::CERTIFICATE_VERIFY, |out| {
        DigitallySigned { scheme, signature: &signature }.encode(out);
    });
    let verify_data = secrets.verify_data(engine, Role::Server);
    engine.say(HandshakeType::FINISHED, |out| out.extend_from_slice(&verify_data));
    let application = secrets.application(engine);
    install_write(engine, APPLICATION_EPOCH, &secrets.hkdf, suite, &application.server)?;
    engine.await_answer(now);
    let waiting = Waiting { agreed: Agreed { suite, group, srtp_profile }, secrets, application };
    Ok(if asks {
        State::AwaitCertificate(AwaitCertificate { waiting })
    } else {
        State::AwaitFinished(AwaitFinished { waiting, peer: None })
    })
}

/// What the server holds while the client proves itself.
#[derive(Debug)]
struct Waiting {
    agreed: Agreed,
    secrets: Secrets,
    application: ApplicationSecrets,
}

/// Who the client says it is. An empty list is refused, unless the configuration lets it in.
#[derive(Debug)]
pub(crate) struct AwaitCertificate {
    waiting: Waiting,
}

impl AwaitCertificate {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<State, HandshakeError> {
        let certificate = check_certificate(engine, message)?;
        let required = engine.config.client_authentication == ClientAuthentication::Required;
        if certificate.is_none() && required {
            return Err(HandshakeError::CertificateRequired);
        }
        // The client has all of our flight.
        engine.flight_was_answered();
        let waiting = self.waiting;
        Ok(match certificate {
            Some(certificate) => {
                State::AwaitCertificateVerify(AwaitCertificateVerify { waiting, certificate })
            }
            None => State::AwaitFinished(AwaitFinished { waiting, peer: None }),
        })
    }
}

/// The client holds the key of its certificate.
#[derive(Debug)]
pub(crate) struct AwaitCertificateVerify {
    waiting: Waiting,
    certificate: PeerCertificate,
}

impl AwaitCertificateVerify {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<State, HandshakeError> {
        let peer = check_certificate_verify(engine, message, self.certificate, Role::Client)?;
        Ok(State::AwaitFinished(AwaitFinished { waiting: self.waiting, peer: Some(peer) }))
    }
}

/// The end of the client's flight, and its ACK.
#[derive(Debug)]
pub(crate) struct AwaitFinished {
    waiting: Waiting,
    peer: Option<VerifiedPeer>,
}

impl AwaitFinished {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<Box<Established>, HandshakeError> {
        let Waiting { agreed, secrets, application } = self.waiting;
        let finished = check_finished(engine, message, &secrets, Role::Client)?;
        engine.flight_was_answered();
        engine.acks.send_now();
        install_read(engine, APPLICATION_EPOCH, &secrets.hkdf, agreed.suite, &application.client)?;
        Ok(Established::new(agreed, secrets.hkdf, application, Role::Server, self.peer, finished))
    }
}
