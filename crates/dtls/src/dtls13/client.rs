//! The client of 1.3, in the order of the flights (see the figure in the parent module).
//!
//! ```text
//!   (hello sent) --HelloRetryRequest: once more--> AwaitServerHello
//!        `--------------------ServerHello-----------------'-> AwaitEncryptedExtensions
//!    --> AwaitRequestOrCertificate --> AwaitCertificateVerify --> AwaitFinished
//!    --Certificate, CertificateVerify, Finished--> Established, until the ACK with a timer
//! ```

use std::time::Instant;

use super::established::Established;
use super::offer::Offer;
use super::proof::{check_certificate, check_certificate_verify, check_finished};
use super::secrets::{Secrets, install_read, install_write};
use super::{APPLICATION_EPOCH, Agreed, Suite, choose_identity, decode, expect, groups, signed_content};
use crate::config::Role;
use crate::connection::{Engine, Phase};
use crate::connection_id;
use crate::error::{HandshakeError, ParseError};
use crate::hello::accepted_srtp_profile;
use crate::proof::{PeerCertificate, VerifiedPeer};
use crate::reassembly::Message;
use crate::record_size_limit;
use crate::version::Version;
use crate::wire::certificate_verify::DigitallySigned;
use crate::wire::codes::SignatureScheme;
use crate::wire::{
    ClientHello, Extension, ExtensionType, Extensions, HandshakeType, ProtocolVersion, ServerHello,
    certificate13,
};

/// What the client waits for, once it knows that the server speaks 1.3.
#[derive(Debug)]
#[expect(clippy::enum_variant_names, reason = "each is named after the message that it waits for")]
pub(crate) enum State {
    AwaitServerHello(AwaitServerHello),
    AwaitEncryptedExtensions(AwaitEncryptedExtensions),
    AwaitRequestOrCertificate(AwaitRequestOrCertificate),
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
            Self::AwaitServerHello(state) => state.on_message(engine, message)?,
            Self::AwaitEncryptedExtensions(state) => state.on_message(engine, message)?,
            Self::AwaitRequestOrCertificate(state) => state.on_message(engine, message)?,
            Self::AwaitCertificateVerify(state) => state.on_message(engine, message)?,
            Self::AwaitFinished(state) => {
                return state.on_message(engine, now, message).map(Phase::Established13);
            }
        };
        Ok(Phase::client_13(next))
    }
}

/// The server's answer to the first hello: here the client learns that it speaks 1.3.
pub(crate) fn on_first_server_hello(
    engine: &mut Engine,
    now: Instant,
    message: &Message,
    hello: ClientHello,
    offer: Offer,
    answer: &ServerHello,
) -> Result<Phase, HandshakeError> {
    engine.choose_13();
    let suite = check_server_hello(&hello, answer)?;
    let provider = engine.config.provider.clone();
    if answer.is_hello_retry_request() {
        engine.transcript.start_13_with_retry(&*provider, suite.hash);
        engine.heard(message);
        return on_hello_retry_request(engine, now, hello, offer, suite, answer).map(Phase::client_13);
    }
    engine.transcript.start_13(&*provider, suite.hash);
    on_server_hello(engine, message, &hello, offer, suite, answer).map(Phase::client_13)
}

/// What ServerHello and HelloRetryRequest have in common.
fn check_server_hello(hello: &ClientHello, answer: &ServerHello) -> Result<Suite, HandshakeError> {
    if answer.legacy_version != ProtocolVersion::DTLS_1_2 {
        return Err(HandshakeError::NoCommonVersion { peer: answer.legacy_version });
    }
    // RFC 9147 §5: nothing is echoed.
    if !answer.session_id.is_empty() {
        return Err(HandshakeError::LegacyFieldNotEmpty(HandshakeType::SERVER_HELLO));
    }
    if answer.compression_method != 0 {
        let error = ParseError::NotZero(answer.compression_method.into());
        return Err(HandshakeError::Decode { message: HandshakeType::SERVER_HELLO, error });
    }
    let offered = hello.cipher_suites.contains(&answer.cipher_suite);
    let suite = Suite::new(answer.cipher_suite).filter(|_| offered);
    suite.ok_or(HandshakeError::SuiteNotOffered(answer.cipher_suite))
}

/// Only what was asked may be answered, and only in the message where it belongs (RFC 8446 §4.2).
fn check_allowed(
    hello: &ClientHello,
    answers: &Extensions,
    allowed: &[ExtensionType],
) -> Result<(), HandshakeError> {
    for answer in answers.iter() {
        let kind = answer.extension_type;
        // A cookie is never asked for: HelloRetryRequest is where it comes from (RFC 8446 §4.2).
        if !hello.extensions.contains(kind) && kind != ExtensionType::COOKIE {
            return Err(HandshakeError::UnsolicitedExtension(kind));
        }
        if !allowed.contains(&kind) {
            return Err(HandshakeError::BadExtension(kind));
        }
    }
    Ok(())
}

/// The same hello once more, with the cookie, or a share of the group that the server wants.
fn on_hello_retry_request(
    engine: &mut Engine,
    now: Instant,
    mut hello: ClientHello,
    mut offer: Offer,
    suite: Suite,
    answer: &ServerHello,
) -> Result<State, HandshakeError> {
    let decode = decode(HandshakeType::SERVER_HELLO);
    let answers = &answer.extensions;
    let allowed = [ExtensionType::SUPPORTED_VERSIONS, ExtensionType::KEY_SHARE, ExtensionType::COOKIE];
    check_allowed(&hello, answers, &allowed)?;
    let cookie = answers.cookie().map_err(&decode)?;
    let group = answers.retry_group().map_err(&decode)?;
    let groups = groups(&engine.config);
    // What the hello named counts (RFC 8446 §4.1.4); for 1.2 it may name a curve more than we prefer.
    let named = hello.extensions.supported_groups().map_err(&decode)?.unwrap_or_default();
    match group {
        Some(group) if !named.contains(&group) => return Err(HandshakeError::GroupNotOffered(group)),
        Some(group) if offer.has_share(group, &groups) => return Err(HandshakeError::PointlessRetry),
        Some(group) => {
            offer = Offer::for_group(engine, group)?;
            // One share, of that group (RFC 8446 §4.1.2): no component beside it.
            hello.extensions.push(offer.key_shares(&[group]));
        }
        None if cookie.is_none() => return Err(HandshakeError::PointlessRetry),
        None => {}
    }
    if let Some(cookie) = cookie {
        // First, so that it is in the first fragment: a server that keeps nothing of a client without a cookie
        // (RFC 9147 §5.1) then knows whether to keep this one, and the next.
        hello.extensions.push_first(Extension::cookie(cookie));
    }
    engine.begin_flight();
    engine.say(HandshakeType::CLIENT_HELLO, |out| hello.encode(out));
    engine.await_answer(now);
    Ok(State::AwaitServerHello(AwaitServerHello { hello, offer, suite, group }))
}

/// The end of the hellos, after a HelloRetryRequest.
#[derive(Debug)]
pub(crate) struct AwaitServerHello {
    hello: ClientHello,
    offer: Offer,
    /// The suite that the HelloRetryRequest chose.
    suite: Suite,
    /// The group that it chose, if it did.
    group: Option<crate::wire::codes::NamedGroup>,
}

impl AwaitServerHello {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<State, HandshakeError> {
        const KIND: HandshakeType = HandshakeType::SERVER_HELLO;
        expect(message, KIND)?;
        let answer = ServerHello::parse(&message.body).map_err(decode(KIND))?;
        if answer.is_hello_retry_request() {
            return Err(HandshakeError::SecondRetry);
        }
        if engine.config.versions.accept(&answer)? != Version::Dtls13 {
            return Err(HandshakeError::RetryIgnored);
        }
        let suite = check_server_hello(&self.hello, &answer)?;
        let share = answer.extensions.server_key_share().map_err(decode(KIND))?;
        let same_group = self.group.is_none() || share.map(|entry| entry.group) == self.group;
        if suite != self.suite || !same_group {
            return Err(HandshakeError::RetryIgnored);
        }
        on_server_hello(engine, message, &self.hello, self.offer, suite, &answer)
    }
}

/// The server's share: from here on everything is encrypted.
fn on_server_hello(
    engine: &mut Engine,
    message: &Message,
    hello: &ClientHello,
    offer: Offer,
    suite: Suite,
    answer: &ServerHello,
) -> Result<State, HandshakeError> {
    let allowed = [ExtensionType::SUPPORTED_VERSIONS, ExtensionType::KEY_SHARE, ExtensionType::CONNECTION_ID];
    check_allowed(hello, &answer.extensions, &allowed)?;
    if answer.extensions.contains(ExtensionType::COOKIE) {
        return Err(HandshakeError::BadExtension(ExtensionType::COOKIE));
    }
    let share = answer.extensions.server_key_share().map_err(decode(HandshakeType::SERVER_HELLO))?;
    let share = share.ok_or(HandshakeError::MissingExtension(ExtensionType::KEY_SHARE))?;
    let groups = groups(&engine.config);
    let shared = offer.complete(&share, &groups)?;
    connection_id::answered(engine, &answer.extensions, HandshakeType::SERVER_HELLO)?;
    engine.heard(message);
    // The server has our hello, but anyone could have written this: the timer goes on until something comes under
    // the keys that follow.
    let secrets = Secrets::derive(engine, suite, &shared, hello.random)?;
    let agreed = Agreed { suite, group: share.group, srtp_profile: None };
    let offered = hello.extensions.clone();
    Ok(State::AwaitEncryptedExtensions(AwaitEncryptedExtensions { agreed, secrets, offered }))
}

/// Answers to extensions, hidden from everybody else.
#[derive(Debug)]
pub(crate) struct AwaitEncryptedExtensions {
    agreed: Agreed,
    secrets: Secrets,
    offered: Extensions,
}

impl AwaitEncryptedExtensions {
    fn on_message(mut self, engine: &mut Engine, message: &Message) -> Result<State, HandshakeError> {
        const KIND: HandshakeType = HandshakeType::ENCRYPTED_EXTENSIONS;
        expect(message, KIND)?;
        let answers = certificate13::parse_encrypted_extensions(&message.body).map_err(decode(KIND))?;
        for answer in answers.iter() {
            let kind = answer.extension_type;
            // Groups come unasked: what the server would prefer the next time (RFC 8446 §4.2.7).
            if !self.offered.contains(kind) {
                return Err(HandshakeError::UnsolicitedExtension(kind));
            }
            let here =
                [ExtensionType::SUPPORTED_GROUPS, ExtensionType::USE_SRTP, ExtensionType::RECORD_SIZE_LIMIT];
            if !here.contains(&kind) {
                return Err(HandshakeError::BadExtension(kind));
            }
        }
        record_size_limit::answered(engine, Version::Dtls13, &answers, KIND)?;
        self.agreed.srtp_profile = accepted_srtp_profile(&self.offered, &answers, KIND)?;
        engine.heard(message);
        let Self { agreed, secrets, .. } = self;
        Ok(State::AwaitRequestOrCertificate(AwaitRequestOrCertificate { agreed, secrets, scheme: None }))
    }
}

/// Does the server want our certificate? WebRTC peers do, a TURN server over DTLS does not. Then its own.
#[derive(Debug)]
pub(crate) struct AwaitRequestOrCertificate {
    agreed: Agreed,
    secrets: Secrets,
    /// How to sign our CertificateVerify; `None`: the server did not ask, or not yet.
    scheme: Option<SignatureScheme>,
}

impl AwaitRequestOrCertificate {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<State, HandshakeError> {
        const KIND: HandshakeType = HandshakeType::CERTIFICATE_REQUEST;
        let Self { agreed, secrets, scheme } = self;
        if message.message_type == KIND && scheme.is_none() {
            expect(message, KIND)?;
            let schemes = certificate13::parse_certificate_request(&message.body).map_err(decode(KIND))?;
            let (identity, scheme) = choose_identity(&engine.config, &schemes)?;
            engine.config.identity = identity;
            engine.heard(message);
            let scheme = Some(scheme);
            return Ok(State::AwaitRequestOrCertificate(Self { agreed, secrets, scheme }));
        }
        // RFC 8446 §4.4.2.4: a server's list that is empty cannot be read.
        let error = ParseError::EmptyList;
        let empty = HandshakeError::Decode { message: HandshakeType::CERTIFICATE, error };
        let certificate = check_certificate(engine, message)?.ok_or(empty)?;
        Ok(State::AwaitCertificateVerify(AwaitCertificateVerify { agreed, secrets, scheme, certificate }))
    }
}

/// The server holds the key of its certificate.
#[derive(Debug)]
pub(crate) struct AwaitCertificateVerify {
    agreed: Agreed,
    secrets: Secrets,
    scheme: Option<SignatureScheme>,
    certificate: PeerCertificate,
}

impl AwaitCertificateVerify {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<State, HandshakeError> {
        let Self { agreed, secrets, scheme, certificate } = self;
        let peer = check_certificate_verify(engine, message, certificate, Role::Server)?;
        Ok(State::AwaitFinished(AwaitFinished { agreed, secrets, scheme, peer }))
    }
}

/// The end of the server's flight, and ours.
#[derive(Debug)]
pub(crate) struct AwaitFinished {
    agreed: Agreed,
    secrets: Secrets,
    scheme: Option<SignatureScheme>,
    peer: VerifiedPeer,
}

impl AwaitFinished {
    fn on_message(
        self,
        engine: &mut Engine,
        now: Instant,
        message: &Message,
    ) -> Result<Box<Established>, HandshakeError> {
        let Self { agreed, secrets, scheme, peer } = self;
        let finished = check_finished(engine, message, &secrets, Role::Server)?;
        let application = secrets.application(engine);
        engine.begin_flight();
        if let Some(scheme) = scheme {
            let identity = engine.config.identity.clone();
            engine.say(HandshakeType::CERTIFICATE, |out| {
                certificate13::encode_certificate(Some(identity.certificate()), out);
            });
            let content = signed_content(Role::Client, &engine.transcript.hash_13());
            let signature = identity.signing_key().sign(scheme, &content, &mut engine.rng)?;
            engine.say(HandshakeType::CERTIFICATE_VERIFY, |out| {
                DigitallySigned { scheme, signature: &signature }.encode(out);
            });
        }
        let verify_data = secrets.verify_data(engine, Role::Client);
        engine.say(HandshakeType::FINISHED, |out| out.extend_from_slice(&verify_data));
        // This flight has no answer but an ACK, and is repeated until that comes.
        engine.await_answer(now);
        let Secrets { hkdf, suite, .. } = secrets;
        install_read(engine, APPLICATION_EPOCH, &hkdf, suite, &application.server)?;
        install_write(engine, APPLICATION_EPOCH, &hkdf, suite, &application.client)?;
        Ok(Established::new(agreed, hkdf, application, Role::Client, Some(peer), finished))
    }
}
