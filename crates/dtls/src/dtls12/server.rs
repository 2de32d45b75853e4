//! The server of 1.2, in the order of the flights (see the figure in the parent module).
//!
//! ```text
//!   AwaitClientHello --ServerHello .. ServerHelloDone--> AwaitCertificate --> AwaitClientKeyExchange
//!        --> AwaitCertificateVerify --> AwaitFinished --ChangeCipherSpec, Finished--> Established
//! ```

use std::sync::Arc;
use std::time::Instant;

use super::proof::{check_certificate, check_finished};
use super::secrets::Secrets;
use super::suite::{self, Suite};
use super::{Agreed, Established, decode, expect, groups, require_uncompressed_points};
use crate::config::{ClientAuthentication, Role};
use crate::connection::{Engine, Phase};
use crate::connection_id;
use crate::dtls13;
use crate::error::{HandshakeError, share_error};
use crate::hello::choose_srtp_profile;
use crate::identity::Identity;
use crate::proof::{PeerCertificate, VerifiedPeer};
use crate::provider::KeyExchange;
use crate::reassembly::Message;
use crate::record_size_limit;
use crate::version::Version;
use crate::wire::certificate::Certificate;
use crate::wire::certificate_request::{CertificateRequest, ECDSA_SIGN, RSA_SIGN};
use crate::wire::certificate_verify::DigitallySigned;
use crate::wire::client_key_exchange::ClientKeyExchange;
use crate::wire::codes::{CipherSuite, NamedGroup, SignatureScheme};
use crate::wire::server_key_exchange::ServerKeyExchange;
use crate::wire::{
    ClientHello, Extension, ExtensionType, Extensions, HandshakeType, ProtocolVersion, ServerHello,
};

/// What the server waits for.
#[derive(Debug)]
#[expect(clippy::enum_variant_names, reason = "a state is named after the message that it waits for")]
pub(crate) enum State {
    AwaitClientHello,
    AwaitCertificate(AwaitCertificate),
    AwaitClientKeyExchange(AwaitClientKeyExchange),
    AwaitCertificateVerify(AwaitCertificateVerify),
    AwaitFinished(AwaitFinished),
}

impl State {
    pub(crate) fn new() -> Self {
        Self::AwaitClientHello
    }

    pub(crate) fn on_message(
        self,
        engine: &mut Engine,
        now: Instant,
        message: &Message,
    ) -> Result<Phase, HandshakeError> {
        let next = match self {
            Self::AwaitClientHello => return on_client_hello(engine, now, message),
            Self::AwaitCertificate(state) => state.on_message(engine, message)?,
            Self::AwaitClientKeyExchange(state) => state.on_message(engine, message)?,
            Self::AwaitCertificateVerify(state) => state.on_message(engine, message)?,
            Self::AwaitFinished(state) => return state.on_message(engine, message).map(Phase::Established12),
        };
        Ok(Phase::Server12(next))
    }
}

/// Flight 1, and the answer to it: flight 4.
fn on_client_hello(engine: &mut Engine, now: Instant, message: &Message) -> Result<Phase, HandshakeError> {
    const KIND: HandshakeType = HandshakeType::CLIENT_HELLO;
    expect(message, KIND)?;
    let hello = ClientHello::parse(&message.body).map_err(decode(KIND))?;
    match engine.config.versions.select(&hello)? {
        Version::Dtls12 => {}
        Version::Dtls13 => return dtls13::server::on_client_hello(engine, now, message, &hello),
    }
    let mut choice = Choice::make(engine, &hello)?;
    let (limit, id) = (hello.extensions.record_size_limit(), hello.extensions.connection_id());
    record_size_limit::answer(engine, Version::Dtls12, limit.map_err(decode(KIND))?, &mut choice.extensions);
    connection_id::answer(engine, id.map_err(decode(KIND))?, &mut choice.extensions);
    engine.records.version = ProtocolVersion::DTLS_1_2;
    engine.heard(message);
    say_flight_4(engine, now, &hello, choice).map(Phase::Server12)
}

/// What the server takes of the client's offer.
#[derive(Debug)]
struct Choice {
    agreed: Agreed,
    identity: Arc<Identity>,
    scheme: SignatureScheme,
    extensions: Extensions,
}

impl Choice {
    fn make(engine: &Engine, hello: &ClientHello) -> Result<Self, HandshakeError> {
        let decode = decode(HandshakeType::CLIENT_HELLO);
        let offer = &hello.extensions;
        if !hello.compression_methods.contains(&0) {
            return Err(HandshakeError::CompressionNotNull);
        }
        if !offer.extended_master_secret().map_err(&decode)? {
            return Err(HandshakeError::NoExtendedMasterSecret);
        }
        require_uncompressed_points(offer, HandshakeType::CLIENT_HELLO)?;
        if !offer.takes_x509().map_err(&decode)? {
            return Err(HandshakeError::CertificateTypeRefused);
        }
        let groups = offer.supported_groups().map_err(&decode)?;
        let group = choose_group(engine, groups.as_deref())?;
        let (identity, suite, scheme) = choose_identity(engine, hello, groups.as_deref())?;

        let mut extensions = Extensions::new();
        extensions.push(Extension::empty(ExtensionType::EXTENDED_MASTER_SECRET));
        let signal = hello.cipher_suites.contains(&CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV);
        match offer.renegotiation_info().map_err(&decode)? {
            Some(verify_data) if !verify_data.is_empty() => return Err(HandshakeError::BadRenegotiationInfo),
            None if !signal => {}
            _ => extensions.push(Extension::initial_renegotiation_info()),
        }
        if offer.contains(ExtensionType::EC_POINT_FORMATS) {
            extensions.push(Extension::uncompressed_points());
        }
        let srtp_profile = choose_srtp_profile(&engine.config, offer)?;
        if let Some(profile) = srtp_profile {
            extensions.push(Extension::use_srtp(&[profile], &[]));
        }
        Ok(Self { agreed: Agreed { suite, group, srtp_profile }, identity, scheme, extensions })
    }
}

/// The first of our identities that the client can verify, with the suite that goes with it.
fn choose_identity(
    engine: &Engine,
    hello: &ClientHello,
    groups: Option<&[NamedGroup]>,
) -> Result<(Arc<Identity>, Suite, SignatureScheme), HandshakeError> {
    let schemes = hello.extensions.signature_algorithms().map_err(decode(HandshakeType::CLIENT_HELLO))?;
    // RFC 5246 §7.4.1.4.1: without the extension it would be SHA-1, which we do not sign with.
    let schemes = schemes.unwrap_or_default();
    let usable = |identity: &Arc<Identity>| {
        let mut served = suite::served(&engine.config, identity);
        let suite = served.find(|suite| hello.cipher_suites.contains(&suite.id));
        let suite = suite.ok_or(HandshakeError::NoCommonCipherSuite)?;
        let scheme = super::signing_scheme(identity, &schemes);
        let scheme = scheme.ok_or(HandshakeError::NoCommonSignatureScheme)?;
        match (super::curve_of(identity.key_kind()), groups) {
            (Some(curve), Some(groups)) if !groups.contains(&curve) => {
                Err(HandshakeError::CurveNotOffered(curve))
            }
            _ => Ok((identity.clone(), suite, scheme)),
        }
    };
    let mut result = Err(HandshakeError::NoCommonCipherSuite);
    for identity in engine.config.identities() {
        result = usable(identity);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Our preference among the client's groups; a client that names none takes any (RFC 8422 §4).
fn choose_group(engine: &Engine, offered: Option<&[NamedGroup]>) -> Result<NamedGroup, HandshakeError> {
    let mut ours = groups(&engine.config).into_iter();
    ours.find(|group| offered.is_none_or(|offered| offered.contains(group)))
        .ok_or(HandshakeError::NoCommonGroup)
}

/// ServerHello, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone.
fn say_flight_4(
    engine: &mut Engine,
    now: Instant,
    hello: &ClientHello,
    choice: Choice,
) -> Result<State, HandshakeError> {
    let Choice { agreed, identity, scheme, extensions } = choice;
    engine.config.identity = identity.clone();
    let mut random = engine.random();
    engine.config.versions.mark_downgrade(&mut random);
    let server_hello = ServerHello {
        legacy_version: ProtocolVersion::DTLS_1_2,
        random,
        session_id: Vec::new(),
        cipher_suite: agreed.suite.id,
        compression_method: 0,
        extensions,
    };
    let provider = engine.config.provider.clone();
    let key_exchange = provider.key_exchange(agreed.group, &mut engine.rng)?;
    let mut params = Vec::new();
    ServerKeyExchange::encode_params(agreed.group, key_exchange.public_share(), &mut params);
    let content = super::signed_params(&hello.random, &random, &params);
    let signature = super::sign(engine, scheme, &content)?;

    engine.begin_flight();
    engine.say(HandshakeType::SERVER_HELLO, |out| server_hello.encode(out));
    engine.say(HandshakeType::CERTIFICATE, |out| Certificate::encode(Some(identity.certificate()), out));
    engine.say(HandshakeType::SERVER_KEY_EXCHANGE, |out| {
        out.extend_from_slice(&params);
        DigitallySigned { scheme, signature: &signature }.encode(out);
    });
    let asks = engine.config.client_authentication != ClientAuthentication::NotRequested;
    if asks {
        let rsa = suite::verifies_rsa(&engine.config);
        let request = CertificateRequest {
            certificate_types: if rsa { vec![ECDSA_SIGN, RSA_SIGN] } else { vec![ECDSA_SIGN] },
            signature_schemes: engine.config.verify_schemes.clone(),
        };
        engine.say(HandshakeType::CERTIFICATE_REQUEST, |out| request.encode(out));
    }
    engine.say(HandshakeType::SERVER_HELLO_DONE, |_| {});
    engine.await_answer(now);
    let randoms = (hello.random, random);
    let offer = Offer { agreed, randoms, key_exchange };
    Ok(if asks {
        State::AwaitCertificate(AwaitCertificate { offer })
    } else {
        State::AwaitClientKeyExchange(AwaitClientKeyExchange { offer, certificate: None })
    })
}

/// Our half of the key exchange.
#[derive(Debug)]
pub(crate) struct Offer {
    agreed: Agreed,
    randoms: ([u8; 32], [u8; 32]),
    key_exchange: Box<dyn KeyExchange>,
}

/// Flight 5: who the client says it is. An empty list is refused, unless the configuration lets it in.
#[derive(Debug)]
pub(crate) struct AwaitCertificate {
    offer: Offer,
}

impl AwaitCertificate {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<State, HandshakeError> {
        let certificate = check_certificate(engine, message)?;
        let required = engine.config.client_authentication == ClientAuthentication::Required;
        if certificate.is_none() && required {
            return Err(HandshakeError::NoCertificate);
        }
        engine.heard(message);
        Ok(State::AwaitClientKeyExchange(AwaitClientKeyExchange { offer: self.offer, certificate }))
    }
}

/// Flight 5: the client's share.
#[derive(Debug)]
pub(crate) struct AwaitClientKeyExchange {
    offer: Offer,
    certificate: Option<PeerCertificate>,
}

impl AwaitClientKeyExchange {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<State, HandshakeError> {
        const KIND: HandshakeType = HandshakeType::CLIENT_KEY_EXCHANGE;
        expect(message, KIND)?;
        let exchange = ClientKeyExchange::parse(&message.body).map_err(decode(KIND))?;
        let Offer { agreed, randoms, key_exchange } = self.offer;
        let shared = key_exchange.complete(exchange.share).map_err(share_error(agreed.group))?;
        engine.heard(message);
        let secrets = Secrets::derive(engine, agreed.suite, &shared, randoms);
        secrets.install(engine)?;
        let Some(certificate) = self.certificate else {
            return Ok(State::AwaitFinished(AwaitFinished { agreed, secrets, peer: None }));
        };
        Ok(State::AwaitCertificateVerify(AwaitCertificateVerify { agreed, secrets, certificate }))
    }
}

/// Flight 5: the client holds the key of its certificate.
#[derive(Debug)]
pub(crate) struct AwaitCertificateVerify {
    agreed: Agreed,
    secrets: Secrets,
    certificate: PeerCertificate,
}

impl AwaitCertificateVerify {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<State, HandshakeError> {
        const KIND: HandshakeType = HandshakeType::CERTIFICATE_VERIFY;
        expect(message, KIND)?;
        let signed = DigitallySigned::parse(&message.body).map_err(decode(KIND))?;
        let content = engine.transcript.bytes_12();
        let peer =
            self.certificate.prove_possession(&engine.config, KIND, &signed, content, Version::Dtls12)?;
        engine.heard(message);
        Ok(State::AwaitFinished(AwaitFinished {
            agreed: self.agreed,
            secrets: self.secrets,
            peer: Some(peer),
        }))
    }
}

/// The end of flight 5, and flight 6: the final one, without a timer.
#[derive(Debug)]
pub(crate) struct AwaitFinished {
    agreed: Agreed,
    secrets: Secrets,
    peer: Option<VerifiedPeer>,
}

impl AwaitFinished {
    fn on_message(self, engine: &mut Engine, message: &Message) -> Result<Box<Established>, HandshakeError> {
        let finished = check_finished(engine, message, &self.secrets, Role::Client)?;
        engine.heard(message);
        engine.begin_flight();
        engine.change_cipher_spec();
        let verify_data = self.secrets.verify_data(engine, Role::Server);
        engine.say(HandshakeType::FINISHED, |out| out.extend_from_slice(&verify_data));
        Ok(Established::new(self.agreed, self.secrets, self.peer, finished))
    }
}
