//! Two connections that hand each other datagrams, and records of any content under their keys.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;

use plywood_octets::Put;

use super::*;
use crate::identity::Identity;
use crate::provider::rustcrypto;
use crate::version::Versions;
use crate::wire::{HandshakeHeader, HandshakeType};

const CERTIFICATE: &[u8] = include_bytes!("../../tests/data/a.cert.der");
const KEY: &[u8] = include_bytes!("../../tests/data/a.key.der");

#[expect(clippy::disallowed_methods, reason = "any instant will do as the start of virtual time")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Both sides have the same certificate.
pub(super) fn config(role: Role, versions: Versions) -> Config {
    let provider = rustcrypto();
    let identity = Arc::new(Identity::from_der(&*provider, CERTIFICATE, KEY).unwrap());
    let fingerprints = vec![identity.fingerprint().clone()];
    let mut config = Config::new(role, identity, provider, fingerprints);
    config.versions = versions;
    config
}

pub(super) fn connection(role: Role, versions: Versions) -> Connection {
    Connection::new(config(role, versions), [3; 32], now())
}

/// What a side has to say.
pub(super) fn datagrams(from: &mut Connection) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut out = Vec::new();
    while from.poll_transmit(now(), &mut out).is_some() {
        all.push(std::mem::take(&mut out));
    }
    all
}

/// Opens all records of a datagram, and tells why some were dropped.
pub(super) fn handle(to: &mut Connection, at: Instant, mut datagram: Vec<u8>) -> Vec<Discard> {
    let (mut next, mut discards) = (0, Vec::new());
    while next < datagram.len() {
        next = match to.open_record(at, &mut datagram, next) {
            Ok(opened) => opened.next,
            Err(discarded) => {
                discards.push(discarded.reason);
                discarded.next
            }
        };
    }
    discards
}

/// Takes over what one side has to say, and counts the datagrams.
pub(super) fn deliver(from: &mut Connection, to: &mut Connection) -> usize {
    let all = datagrams(from);
    let count = all.len();
    for datagram in all {
        handle(to, now(), datagram);
    }
    count
}

/// Until neither has anything to say.
pub(super) fn settle(a: &mut Connection, b: &mut Connection) {
    while deliver(a, b) + deliver(b, a) > 0 {}
}

/// As long as an ACK waits, and not as long as anything else does.
pub(super) fn a_while_later(connection: &mut Connection) {
    connection.handle_timeout(now() + Duration::from_millis(300));
}

/// A client and a server up to their last event.
pub(super) fn connect(mut client: Connection, mut server: Connection) -> (Connection, Connection) {
    client.start(now());
    settle(&mut client, &mut server);
    assert!(client.is_connected() && server.is_connected());
    while client.poll_event().is_some() || server.poll_event().is_some() {}
    (client, server)
}

pub(super) fn connected(versions: Versions) -> (Connection, Connection) {
    connect(connection(Role::Client, versions), connection(Role::Server, versions))
}

/// A record with any content, under the newest keys of `from`.
pub(super) fn record(from: &mut Connection, content_type: ContentType, body: &[u8]) -> Vec<u8> {
    let epoch = from.engine.records.newest_write_epoch();
    record_under(from, epoch, content_type, body)
}

pub(super) fn record_under(
    from: &mut Connection,
    epoch: u64,
    content_type: ContentType,
    body: &[u8],
) -> Vec<u8> {
    let mut out = Vec::new();
    let mark = from.engine.records.begin(epoch, &mut out).unwrap();
    out.put_slice(body);
    from.engine.records.finish(&mut out, mark, content_type).unwrap();
    out
}

/// Such a record, given to `to`.
pub(super) fn inject(
    from: &mut Connection,
    to: &mut Connection,
    content_type: ContentType,
    body: &[u8],
) -> Vec<Discard> {
    let record = record(from, content_type, body);
    handle(to, now(), record)
}

/// A whole handshake message in one fragment.
pub(super) fn message(kind: HandshakeType, message_seq: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    let header = HandshakeHeader {
        message_type: kind,
        length,
        message_seq,
        fragment_offset: 0,
        fragment_length: length,
    };
    [&header.encode()[..], body].concat()
}

/// How the connection ended, if it did.
pub(super) fn closed(connection: &mut Connection) -> Option<CloseReason> {
    std::iter::from_fn(|| connection.poll_event()).find_map(|event| match event {
        Event::Closed(reason) => Some(reason),
        _ => None,
    })
}
