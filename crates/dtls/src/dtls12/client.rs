//! The client of 1.2, in the order of the flights (see the figure in the parent module).
//!
//! ```text
//!   start --ClientHello--> AwaitServerHello --> AwaitCertificate --> AwaitServerKeyExchange
//!              HelloVerifyRequest: once more,      --> AwaitRequestOrDone --> AwaitServerHelloDone
//!              with the cookie                     --Certificate .. Finished--> AwaitFinished --> Established
//! ```

use std::sync::Arc;
use std::time::Instant;

use super::proof::{check_certificate, check_finished};
use super::secrets::Secrets;
use super::suite::Suite;
use super::{
    Agreed, Established, curve_of, decode, expect, groups, key_fits, require_uncompressed_points,
    with_certificate_curve,
};
use crate::config::Role;
use crate::connection::{Engine, Phase};
use crate::connection_id;
use crate::dtls13::{self, Offer};
use crate::error::{HandshakeError, share_error};
use crate::hello::{accepted_srtp_profile, client_hello};
use crate::identity::Identity;
use crate::proof::{PeerCertificate, VerifiedPeer};
use crate::provider::SharedSecret;
use crate::provider::public_key::KeyKind;
use crate::reassembly::Message;
use crate::record_size_limit;
use crate::version::Version;
use crate::wire::certificate::Certificate;
use crate::wire::certificate_request::{CertificateRequest, ECDSA_SIGN, RSA_SIGN};
use crate::wire::certificate_verify::DigitallySigned;
use crate::wire::client_key_exchange::ClientKeyExchange;
use crate::wire::codes::SignatureScheme;
use crate::wire::server_key_exchange::ServerKeyExchange;
use crate::wire::{ClientHello, Extensions, HandshakeType, HelloVerifyRequest, ProtocolVersion, ServerHello};

/// What the client waits for.
#[derive(Debug)]
#[expect(clippy::enum_variant_names, reason = "a state is named after the message that it waits for")]
pub(crate) enum State {
    AwaitServerHello(AwaitServerHello),
    AwaitCertificate(AwaitCertificate),
    AwaitServerKeyExchange(AwaitServerKeyExchange),
    AwaitRequestOrDone(AwaitRequestOrDone),
    AwaitServerHelloDone(AwaitServerHelloDone),
    AwaitFinished(AwaitFinished),
}

impl State {
    /// Flight 1.
    pub(crate) fn start(engine: &mut Engine, now: Instant) -> Result<Self, HandshakeError> {
        let (hello, offer) = client_hello(engine)?;
        engine.say(HandshakeType::CLIENT_HELLO, |out| hello.encode(out));
        engine.await_answer(now);
        Ok(Self::AwaitServerHello(AwaitServerHello { hello, offer, verifications: 0 }))
    }

    pub(crate) fn on_message(
        self,
        engine: &mut Engine,
        now: Instant,
        message: &Message,
    ) -> Result<Phase, HandshakeError> {
        let next = match self {
            Self::AwaitServerHello(state) => return state.on_message(engine, now, message),
            Self::AwaitCertificate(state) => state.on_message(engine, message)?,
            Self::AwaitServerKeyExchange(state) => state.on_message(engine, message)?,
            Self::AwaitRequestOrDone(state) => state.on_message(engine, now, message)?,
            Self::AwaitServerHelloDone(state) => state.on_message(engine, now, message)?,
            Self::AwaitFinished(state) => return state.on_message(engine, message).map(Phase::Established12),
        };
        Ok(Phase::Client12(next))
    }
}

/// Flights 2, 3, and the beginning of 4.
#[derive(Debug)]
pub(crate) struct AwaitServerHello {
    hello: ClientHello,
    /// What the hello offers for 1.3, if that is enabled.
    offer: Option<Offer>,
    /// How many HelloVerifyRequests were answered.
    verifications: u8,
}

/// A server changes the key of its cookies now and then, and says so by asking again (RFC 6347 §4.2.1). Anyone can
/// write the request, so not without end.
const MAX_VERIFICATIONS: u8 = 3;

impl AwaitServerHello {
    fn on_message(
        self,
        engine: &mut Engine,
        now: Instant,
        message: &Message,
    ) -> Result<Phase, HandshakeError> {
        if message.message_type == HandshakeType::HELLO_VERIFY_REQUEST
            && self.verifications < MAX_VERIFICATIONS
        {
            return self.on_hello_verify_request(engine, now, message).map(Phase::Client12);
        }
        expect(message, HandshakeType::SERVER_HELLO)?;
        let hello = ServerHello::parse(&message.body).map_err(decode(HandshakeType::SERVER_HELLO))?;
        match (engine.config.versions.accept(&hello)?, self.offer) {
            // A server that asked for verification as 1.2 does speaks 1.2 (RFC 9147 §5.3).
            (Version::Dtls13, Some(offer)) if self.verifications == 0 => {
                dtls13::client::on_first_server_hello(engine, now, message, self.hello, offer, &hello)
            }
            (Version::Dtls13, _) => Err(HandshakeError::NoCommonVersion { peer: ProtocolVersion::DTLS_1_3 }),
            (Version::Dtls12, _) => {
                on_server_hello(engine, message, &self.hello, &hello).map(Phase::Client12)
            }
        }
    }

    /// The same hello once more, with the cookie; the first one and the request do not count in the
    /// transcript (RFC 6347 §4.2.1). Its version says nothing.
    fn on_hello_verify_request(
        mut self,
        engine: &mut Engine,
        now: Instant,
        message: &Message,
    ) -> Result<State, HandshakeError> {
        expect(message, HandshakeType::HELLO_VERIFY_REQUEST)?;
        let request =
            HelloVerifyRequest::parse(&message.body).map_err(decode(HandshakeType::HELLO_VERIFY_REQUEST))?;
        self.hello.cookie = request.cookie;
        engine.begin_flight();
        engine.transcript.clear();
        engine.say(HandshakeType::CLIENT_HELLO, |out| self.hello.encode(out));
        engine.await_answer(now);
        Ok(State::AwaitServerHello(Self { verifications: self.verifications + 1, ..self }))
    }
}

/// The server chose 1.2.
fn on_server_hello(
    engine: &mut Engine,
    message: &Message,
    offered: &ClientHello,
    hello: &ServerHello,
) -> Result<State, HandshakeError> {
    let suite = Suite::new(hello.cipher_suite).filter(|suite| offered.cipher_suites.contains(&suite.id));
    let suite = suite.ok_or(HandshakeError::SuiteNotOffered(hello.cipher_suite))?;
    if hello.compression_method != 0 {
        return Err(HandshakeError::CompressionNotNull);
    }
    let srtp_profile = check_extensions(&offered.extensions, &hello.extensions)?;
    let kind = HandshakeType::SERVER_HELLO;
    record_size_limit::answered(engine, Version::Dtls12, &hello.extensions, kind)?;
    connection_id::answered(engine, &hello.extensions, kind)?;
    engine.records.version = ProtocolVersion::DTLS_1_2;
    engine.heard(message);
    let hellos = Hellos { suite, srtp_profile, client_random: offered.random, server_random: hello.random };
    Ok(State::AwaitCertificate(AwaitCertificate { hellos }))
}

/// A server may answer only what was asked (RFC 5246 §7.4.1.4). Gives back the SRTP profile.
fn check_extensions(offered: &Extensions, answers: &Extensions) -> Result<Option<u16>, HandshakeError> {
    let decode = decode(HandshakeType::SERVER_HELLO);
    for answer in answers.iter() {
        if !offered.contains(answer.extension_type) {
            return Err(HandshakeError::UnsolicitedExtension(answer.extension_type));
        }
    }
    if !answers.extended_master_secret().map_err(&decode)? {
        return Err(HandshakeError::NoExtendedMasterSecret);
    }
    // RFC 5746 §3.4: a server without it knows no secure renegotiation; as we never renegotiate, it may.
    if answers.renegotiation_info().map_err(&decode)?.is_some_and(|verify_data| !verify_data.is_empty()) {
        return Err(HandshakeError::BadRenegotiationInfo);
    }
    require_uncompressed_points(answers, HandshakeType::SERVER_HELLO)?;
    accepted_srtp_profile(offered, answers, HandshakeType::SERVER_HELLO)
}

/// What the hellos agreed on.
#[derive(Debug)]
pub(crate) struct Hellos {
    suite: Suite,
    srtp_profile: Option<u16>,
    client_random: [u8; 32],
    server_random: [u8; 32],
}

/// Flight 4: who the server says it is.
#[derive(Debug)]
pub(crate) struct AwaitCertificate {
    hellos: Hellos,
}

impl AwaitCertificate {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<State, HandshakeError> {
        let certificate = check_certificate(engine, message)?.ok_or(HandshakeError::NoCertificate)?;
        let kind = certificate.key_kind();
        if !key_fits(kind, self.hellos.suite.rsa) {
            return Err(HandshakeError::BadCertificate);
        }
        let named = with_certificate_curve(&engine.config, &groups(&engine.config));
        if let Some(curve) = curve_of(kind).filter(|curve| !named.contains(curve)) {
            return Err(HandshakeError::CurveNotOffered(curve));
        }
        engine.heard(message);
        Ok(State::AwaitServerKeyExchange(AwaitServerKeyExchange { hellos: self.hellos, certificate }))
    }
}

/// Flight 4: the server's share, signed with the key of its certificate.
#[derive(Debug)]
pub(crate) struct AwaitServerKeyExchange {
    hellos: Hellos,
    certificate: PeerCertificate,
}

impl AwaitServerKeyExchange {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<State, HandshakeError> {
        const KIND: HandshakeType = HandshakeType::SERVER_KEY_EXCHANGE;
        expect(message, KIND)?;
        let exchange = ServerKeyExchange::parse(&message.body).map_err(decode(KIND))?;
        let group = exchange.group;
        if !with_certificate_curve(&engine.config, &groups(&engine.config)).contains(&group) {
            return Err(HandshakeError::GroupNotOffered(group));
        }
        let Hellos { suite, srtp_profile, client_random, server_random } = self.hellos;
        let content = super::signed_params(&client_random, &server_random, exchange.params);
        let peer = self.certificate.prove_possession(
            &engine.config,
            KIND,
            &exchange.signed,
            &content,
            Version::Dtls12,
        )?;
        let provider = engine.config.provider.clone();
        let answer = provider.respond(group, exchange.share, &mut engine.rng);
        let (share, shared) = answer.map_err(share_error(group))?;
        engine.heard(message);
        let randoms = (client_random, server_random);
        let exchanged =
            Exchanged { agreed: Agreed { suite, group, srtp_profile }, randoms, peer, share, shared };
        Ok(State::AwaitRequestOrDone(AwaitRequestOrDone { exchanged }))
    }
}

/// What flight 5 is made of.
#[derive(Debug)]
pub(crate) struct Exchanged {
    agreed: Agreed,
    randoms: ([u8; 32], [u8; 32]),
    peer: VerifiedPeer,
    /// Our public share.
    share: Vec<u8>,
    shared: SharedSecret,
}

/// Flight 4: does the server want our certificate? WebRTC peers do, a TURN server over DTLS does not.
#[derive(Debug)]
pub(crate) struct AwaitRequestOrDone {
    exchanged: Exchanged,
}

impl AwaitRequestOrDone {
    fn on_message(
        self,
        engine: &mut Engine,
        now: Instant,
        message: &Message,
    ) -> Result<State, HandshakeError> {
        const KIND: HandshakeType = HandshakeType::CERTIFICATE_REQUEST;
        let Self { exchanged } = self;
        if message.message_type == HandshakeType::SERVER_HELLO_DONE {
            return AwaitServerHelloDone { exchanged, scheme: None }.on_message(engine, now, message);
        }
        expect(message, KIND)?;
        let request = CertificateRequest::parse(&message.body).map_err(decode(KIND))?;
        let (identity, scheme) = choose_identity(engine, &request)?;
        engine.config.identity = identity;
        engine.heard(message);
        Ok(State::AwaitServerHelloDone(AwaitServerHelloDone { exchanged, scheme: Some(scheme) }))
    }
}

/// The first of our identities that the server takes and can verify.
fn choose_identity(
    engine: &Engine,
    request: &CertificateRequest,
) -> Result<(Arc<Identity>, SignatureScheme), HandshakeError> {
    let mut error = HandshakeError::CertificateTypeRefused;
    for identity in engine.config.identities() {
        let kind = if identity.key_kind() == KeyKind::Rsa { RSA_SIGN } else { ECDSA_SIGN };
        if request.certificate_types.contains(&kind) {
            match super::signing_scheme(identity, &request.signature_schemes) {
                Some(scheme) => return Ok((identity.clone(), scheme)),
                None => error = HandshakeError::NoCommonSignatureScheme,
            }
        }
    }
    Err(error)
}

/// The end of flight 4, and flight 5.
#[derive(Debug)]
pub(crate) struct AwaitServerHelloDone {
    exchanged: Exchanged,
    /// How to sign our CertificateVerify; `None`: the server did not ask for a certificate.
    scheme: Option<SignatureScheme>,
}

impl AwaitServerHelloDone {
    fn on_message(
        self,
        engine: &mut Engine,
        now: Instant,
        message: &Message,
    ) -> Result<State, HandshakeError> {
        const KIND: HandshakeType = HandshakeType::SERVER_HELLO_DONE;
        expect(message, KIND)?;
        if !message.body.is_empty() {
            let error = crate::ParseError::TrailingBytes { count: message.body.len() };
            return Err(HandshakeError::Decode { message: KIND, error });
        }
        engine.heard(message);
        engine.begin_flight();
        let Exchanged { agreed, randoms, peer, share, shared } = self.exchanged;
        if self.scheme.is_some() {
            let identity = engine.config.identity.clone();
            engine.say(HandshakeType::CERTIFICATE, |out| {
                Certificate::encode(Some(identity.certificate()), out);
            });
        }
        engine.say(HandshakeType::CLIENT_KEY_EXCHANGE, |out| ClientKeyExchange { share: &share }.encode(out));
        let secrets = Secrets::derive(engine, agreed.suite, &shared, randoms);
        if let Some(scheme) = self.scheme {
            let content = engine.transcript.bytes_12().to_vec();
            let signature = super::sign(engine, scheme, &content)?;
            engine.say(HandshakeType::CERTIFICATE_VERIFY, |out| {
                DigitallySigned { scheme, signature: &signature }.encode(out);
            });
        }
        secrets.install(engine)?;
        engine.change_cipher_spec();
        let verify_data = secrets.verify_data(engine, Role::Client);
        engine.say(HandshakeType::FINISHED, |out| out.extend_from_slice(&verify_data));
        engine.await_answer(now);
        Ok(State::AwaitFinished(AwaitFinished { agreed, secrets, peer }))
    }
}

/// Flight 6.
#[derive(Debug)]
pub(crate) struct AwaitFinished {
    agreed: Agreed,
    secrets: Secrets,
    peer: VerifiedPeer,
}

impl AwaitFinished {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<Box<Established>, HandshakeError> {
        let finished = check_finished(engine, message, &self.secrets, Role::Server)?;
        engine.begin_flight();
        Ok(Established::new(self.agreed, self.secrets, Some(self.peer), finished))
    }
}
