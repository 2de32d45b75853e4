//! What the DTLS targets share: identities, configurations, and the drivers of connections.
#![allow(dead_code, reason = "each target uses its part")]

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use plywood_dtls::provider::{self, Provider};
use plywood_dtls::wire::certificate::Certificate;
use plywood_dtls::wire::certificate_request::CertificateRequest;
use plywood_dtls::wire::certificate_verify::DigitallySigned;
use plywood_dtls::wire::client_key_exchange::ClientKeyExchange;
use plywood_dtls::wire::connection_id::{self, NewConnectionId, RequestConnectionId};
use plywood_dtls::wire::key_update::KeyUpdate;
use plywood_dtls::wire::server_key_exchange::ServerKeyExchange;
use plywood_dtls::wire::{
    Alert, ClientHello, Extensions, HelloVerifyRequest, ServerHello, ack, certificate13,
};
use plywood_dtls::{Config, Connection, ConnectionId, Identity, Role, Versions};

/// A provider that obeys its seed, and an identity with its fingerprint known to all: made once.
fn shared() -> &'static (Arc<dyn Provider>, Arc<Identity>) {
    static SHARED: OnceLock<(Arc<dyn Provider>, Arc<Identity>)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let provider = provider::rustcrypto();
        let certificate = include_bytes!("../../../crates/dtls/tests/data/a.cert.der");
        let key = include_bytes!("../../../crates/dtls/tests/data/a.key.der");
        let identity = Identity::from_der(&*provider, certificate, key).expect("our own test data");
        (provider, Arc::new(identity))
    })
}

/// A configuration; the bits of `options` choose versions and features.
pub fn config(role: Role, options: u8) -> Config {
    let (provider, identity) = shared();
    let known = vec![identity.fingerprint().clone()];
    let mut config = Config::new(role, identity.clone(), provider.clone(), known);
    config.versions = match options & 3 {
        0 => Versions::ONLY_1_2,
        1 => Versions::ONLY_1_3,
        _ => Versions::default(),
    };
    if options & 4 != 0 {
        config.connection_id = ConnectionId::new(if role == Role::Client { b"c" } else { b"server" });
    }
    if options & 8 != 0 {
        (config.mtu_bytes, config.record_size_limit) = (Config::MIN_MTU_BYTES, Some(64));
    }
    config.require_cookie = options & 16 != 0;
    config
}

/// Hands all records of a datagram to a connection; what was application data is pushed to `received`.
pub fn open(connection: &mut Connection, now: Instant, mut datagram: Vec<u8>, received: &mut Vec<Vec<u8>>) {
    let mut at = 0;
    while at < datagram.len() {
        let next = match connection.open_record(now, &mut datagram, at) {
            Ok(opened) => {
                if let Some(range) = opened.plaintext {
                    received.push(datagram[range].to_vec());
                }
                opened.next
            }
            Err(discarded) => discarded.next,
        };
        assert!(next > at && next <= datagram.len());
        at = next;
    }
    while let Some(data) = connection.poll_early_data() {
        received.push(data);
    }
}

/// One end driven by arbitrary datagrams at arbitrary times: no panic, no spinning timer, never connected.
///
/// The first byte chooses options. Each datagram stands behind three: its length, and how many tens of milliseconds
/// pass before it.
pub fn drive(role: Role, data: &[u8]) {
    let Some((&options, mut rest)) = data.split_first() else { return };
    let mut now = Instant::now();
    let mut connection = Connection::new(config(role, options), [7; 32], now);
    if options & 32 != 0 {
        connection.embed_flights(now, 200);
    }
    connection.start(now);
    let (mut out, mut received) = (Vec::new(), Vec::new());
    while let Some((&[l0, l1, wait], tail)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let (datagram, tail) = tail.split_at(length.min(tail.len()));
        rest = tail;
        now += Duration::from_millis(10 * u64::from(wait));
        connection.handle_timeout(now);
        assert!(connection.poll_timeout().is_none_or(|at| at > now));
        connection.note_embedded(datagram);
        open(&mut connection, now, datagram.to_vec(), &mut received);
        while connection.poll_transmit(now, &mut out).is_some() {
            out.clear();
        }
        let _ = connection.embedded_flight(now);
        while connection.poll_event().is_some() {}
        assert!(!connection.is_connected() && received.is_empty());
    }
}

/// How many kinds of message there are for [`message`].
pub const KINDS: u8 = 19;

/// One handshake message, alert, ACK or block of extensions: no panic, and what is taken is written back alike.
pub fn message(kind: u8, body: &[u8]) {
    let mut out = Vec::new();
    match kind % KINDS {
        0 => {
            if let Ok(hello) = ClientHello::parse(body) {
                extensions(&hello.extensions);
                hello.encode(&mut out);
                assert_eq!(ClientHello::parse(&out), Ok(hello));
            }
        }
        1 => {
            if let Ok(hello) = ServerHello::parse(body) {
                extensions(&hello.extensions);
                let _ = hello.is_hello_retry_request();
                hello.encode(&mut out);
                assert_eq!(ServerHello::parse(&out), Ok(hello));
            }
        }
        2 => {
            if let Ok(request) = HelloVerifyRequest::parse(body) {
                request.encode(&mut out);
                assert_eq!(out, body);
            }
        }
        3 => drop(Certificate::parse(body)),
        4 => drop(CertificateRequest::parse(body)),
        5 => drop(DigitallySigned::parse(body)),
        6 => drop(ClientKeyExchange::parse(body)),
        7 => drop(ServerKeyExchange::parse(body)),
        8 => drop(certificate13::parse_certificate(body)),
        9 => drop(certificate13::parse_certificate_request(body)),
        10 => {
            if let Ok(found) = certificate13::parse_encrypted_extensions(body) {
                extensions(&found);
                certificate13::encode_encrypted_extensions(&found, &mut out);
                assert_eq!(out, body);
            }
        }
        11 => {
            if let Ok(update) = KeyUpdate::parse(body) {
                assert_eq!(update.encode()[..], *body);
            }
        }
        12 => {
            if let Ok(new) = NewConnectionId::parse(body) {
                new.encode(&mut out);
                assert_eq!(out, body);
            }
        }
        13 => {
            if let Ok(request) = RequestConnectionId::parse(body) {
                assert_eq!(request.encode()[..], *body);
            }
        }
        14 => {
            if let Ok(found) = ack::Ack::parse(body) {
                let numbers: Vec<_> = found.numbers().collect();
                ack::Ack::encode(&numbers, &mut out);
                assert_eq!(out, body);
            }
        }
        15 => {
            if let Ok(alert) = Alert::parse(body) {
                assert_eq!(alert.encode()[..], *body);
            }
        }
        16 => {
            if let Ok(found) = Extensions::parse(&mut plywood_octets::Reader::new(body)) {
                extensions(&found);
            }
        }
        17 => drop(connection_id::of_datagram(body, body.first().copied().unwrap_or(0).into())),
        _ => {
            // A peer's certificate: a key that is read must not be able to panic when it verifies.
            let (provider, _) = shared();
            let schemes = provider.verify_schemes();
            let scheme = schemes[body.len() % schemes.len()];
            let (spki, signature) = body.split_at(body.len() / 2);
            let _ = provider.verify(scheme, spki, b"message", signature);
        }
    }
}

/// Every typed reader of every extension.
fn extensions(found: &Extensions) {
    let _ = found.supported_groups();
    let _ = found.signature_algorithms();
    let _ = found.supported_versions();
    let _ = found.selected_version();
    let _ = found.ec_point_formats();
    let _ = found.renegotiation_info();
    let _ = found.extended_master_secret();
    let _ = found.use_srtp();
    let _ = found.record_size_limit();
    let _ = found.connection_id();
    let _ = found.client_key_shares();
    let _ = found.server_key_share();
    let _ = found.retry_group();
    let _ = found.cookie();
}
