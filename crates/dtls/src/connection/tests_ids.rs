//! What only a peer with the keys can do wrong about connection ids and record sizes.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;

use plywood_octets::Put;

use super::*;
use crate::error::ParseError;
use crate::identity::Identity;
use crate::provider::rustcrypto;
use crate::version::Versions;
use crate::wire::HandshakeType;
use crate::wire::connection_id::{ConnectionId, NewConnectionId};

const CERTIFICATE: &[u8] = include_bytes!("../../tests/data/a.cert.der");
const KEY: &[u8] = include_bytes!("../../tests/data/a.key.der");

#[expect(clippy::disallowed_methods, reason = "any instant will do as the start of virtual time")]
fn now() -> Instant {
    Instant::now()
}

fn carry(from: &mut Connection, to: &mut Connection) -> usize {
    let (mut count, mut out) = (0, Vec::new());
    while let Some(length) = from.poll_transmit(now(), &mut out) {
        let mut at = 0;
        while at < length {
            at =
                to.open_record(now(), &mut out, at).map_or_else(|dropped| dropped.next, |opened| opened.next);
        }
        out.clear();
        count += 1;
    }
    count
}

/// A client with id `client` and a server with id `server`, connected with each other.
fn connected(versions: Versions, client: Option<&[u8]>, server: Option<&[u8]>) -> (Connection, Connection) {
    let provider = rustcrypto();
    let identity = Arc::new(Identity::from_der(&*provider, CERTIFICATE, KEY).unwrap());
    let fingerprints = vec![identity.fingerprint().clone()];
    let connection = |role, id: Option<&[u8]>| {
        let mut config = Config::new(role, identity.clone(), provider.clone(), fingerprints.clone());
        config.versions = versions;
        config.connection_id = id.and_then(ConnectionId::new);
        config.record_size_limit = Some(500);
        Connection::new(config, [3; 32], now())
    };
    let (mut client, mut server) = (connection(Role::Client, client), connection(Role::Server, server));
    client.start(now());
    while carry(&mut client, &mut server) + carry(&mut server, &mut client) > 0 {}
    assert!(client.is_connected() && server.is_connected());
    while client.poll_event().is_some() || server.poll_event().is_some() {}
    (client, server)
}

fn closed(connection: &mut Connection) -> Option<CloseReason> {
    std::iter::from_fn(|| connection.poll_event()).find_map(|event| match event {
        Event::Closed(reason) => Some(reason),
        _ => None,
    })
}

/// `from` says a message that its own rules would not let it say.
fn say(from: &mut Connection, to: &mut Connection, kind: HandshakeType, body: &[u8]) {
    from.engine.say_late(kind, body.to_vec());
    carry(from, to);
    carry(to, from);
}

fn list(ids: &[&[u8]], immediate: bool) -> Vec<u8> {
    let ids = ids.iter().map(|id| ConnectionId::new(id).unwrap()).collect();
    let mut body = Vec::new();
    NewConnectionId { ids, immediate }.encode(&mut body);
    body
}

const NEW: HandshakeType = HandshakeType::NEW_CONNECTION_ID;
const REQUEST: HandshakeType = HandshakeType::REQUEST_CONNECTION_ID;

fn unexpected(received: HandshakeType) -> Option<CloseReason> {
    let error = HandshakeError::UnexpectedMessage { received, expected: HandshakeType::KEY_UPDATE };
    assert_eq!(error.alert(), AlertDescription::UNEXPECTED_MESSAGE);
    Some(CloseReason::Handshake(error))
}

#[test]
fn messages_about_ids_are_fatal_where_none_were_agreed_on() {
    for (kind, body) in [(NEW, list(&[b"x"], false)), (REQUEST, vec![1])] {
        let (mut client, mut server) = connected(Versions::ONLY_1_3, None, None);
        say(&mut client, &mut server, kind, &body);
        assert_eq!(closed(&mut server), unexpected(kind));
        assert_eq!(closed(&mut client), Some(CloseReason::PeerAlert(AlertDescription::UNEXPECTED_MESSAGE)));
    }
}

#[test]
fn who_receives_without_an_id_gives_out_none_and_who_sends_without_asks_for_none() {
    let (mut client, mut server) = connected(Versions::ONLY_1_3, Some(b""), Some(b"s"));
    say(&mut client, &mut server, NEW, &list(&[b"x"], false));
    assert_eq!(closed(&mut server), unexpected(NEW));
    let (mut client, mut server) = connected(Versions::ONLY_1_3, Some(b""), Some(b"s"));
    say(&mut server, &mut client, REQUEST, &[1]);
    assert_eq!(closed(&mut client), unexpected(REQUEST));
}

#[test]
fn new_ids_that_cannot_be_used_are_refused() {
    for body in [list(&[], true), list(&[b""], false), list(&[b"x", b""], true)] {
        let (mut client, mut server) = connected(Versions::ONLY_1_3, Some(b"c"), Some(b"s"));
        say(&mut server, &mut client, NEW, &body);
        let error = HandshakeError::Decode { message: NEW, error: ParseError::InvalidValue(0) };
        assert_eq!(error.alert(), AlertDescription::ILLEGAL_PARAMETER);
        assert_eq!(closed(&mut client), Some(CloseReason::Handshake(error)));
    }
    for (kind, body) in [(NEW, vec![0, 9, 1]), (REQUEST, vec![])] {
        let (mut client, mut server) = connected(Versions::ONLY_1_3, Some(b"c"), Some(b"s"));
        say(&mut server, &mut client, kind, &body);
        let reason = closed(&mut client);
        assert!(
            matches!(reason, Some(CloseReason::Handshake(HandshakeError::Decode { .. }))),
            "{kind:?}: {reason:?}"
        );
    }
}

#[test]
fn ids_without_end_fill_no_memory_and_requests_without_end_ask_once() {
    let (mut client, mut server) = connected(Versions::ONLY_1_3, Some(b"c"), Some(b"s"));
    for round in 0..100_u8 {
        let many: Vec<[u8; 1]> = (0..100).map(|byte| [byte ^ round]).collect();
        let many: Vec<&[u8]> = many.iter().map(|id| &id[..]).collect();
        say(&mut server, &mut client, NEW, &list(&many, round % 2 == 0));
        assert!(client.spare_connection_ids() <= 8);
        client.engine.records.send_with(ConnectionId::new(b"s").unwrap());
        say(&mut server, &mut client, REQUEST, &[255]);
    }
    assert!(client.is_connected());
    let events: Vec<_> = std::iter::from_fn(|| client.poll_event()).collect();
    assert_eq!(events, [Event::ConnectionIdsRequested { count: 255 }]);
}

#[test]
fn connected_is_told_once_whatever_comes_behind_the_handshake() {
    let (mut client, mut server) = connected(Versions::ONLY_1_3, None, None);
    client.update_keys(now(), true);
    // ACKs wait a little, in case that more is to be acknowledged.
    let settle = |client: &mut Connection, server: &mut Connection| {
        for _ in 0..3 {
            while carry(client, server) + carry(server, client) > 0 {}
            let later = now() + Duration::from_millis(300);
            client.handle_timeout(later);
            server.handle_timeout(later);
        }
    };
    settle(&mut client, &mut server);
    say(&mut server, &mut client, HandshakeType::NEW_SESSION_TICKET, b"ticket");
    settle(&mut client, &mut server);
    assert_eq!((client.poll_event(), server.poll_event()), (None, None));
    assert_eq!((client.poll_timeout(), server.poll_timeout()), (None, None));
}

#[test]
fn in_1_2_messages_about_ids_are_unknown_and_the_end() {
    let (mut client, mut server) = connected(Versions::ONLY_1_2, Some(b"c"), Some(b"s"));
    say(&mut client, &mut server, NEW, &list(&[b"x"], true));
    let error = HandshakeError::HandshakeIsOver(NEW);
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(error)));
}

#[test]
fn a_record_longer_than_we_said_ends_the_connection() {
    for (versions, inner_type) in [(Versions::ONLY_1_2, 0), (Versions::ONLY_1_3, 1)] {
        for (length, is_legal) in [(500 - inner_type, true), (501 - inner_type, false)] {
            let (mut client, mut server) = connected(versions, None, None);
            // The client forgets what the server told it.
            client.engine.records.limit_plaintext(500, 1 << 14);
            let mut out = Vec::new();
            let mark = client.begin_record(&mut out).unwrap();
            out.put_slice(&vec![7; length]);
            client.finish_record(&mut out, mark).unwrap();
            let opened = server.open_record(now(), &mut out, 0).unwrap();
            assert_eq!(opened.plaintext.is_some(), is_legal, "{versions:?} {length}");
            let expected = (!is_legal).then_some(CloseReason::Handshake(HandshakeError::RecordOverflow));
            assert_eq!(closed(&mut server), expected);
        }
    }
}

#[test]
fn padding_counts_under_the_limit_too() {
    let (mut client, mut server) = connected(Versions::ONLY_1_3, None, None);
    client.engine.records.limit_plaintext(500, 1 << 14);
    let mut out = Vec::new();
    let mark = client.engine.records.begin(client.engine.write_epoch, &mut out).unwrap();
    out.put_slice(&[7; 400]);
    out.put_slice(&[23]);
    out.put_slice(&[0; 100]);
    client.engine.records.finish(&mut out, mark, ContentType(0)).unwrap();
    server.open_record(now(), &mut out, 0).unwrap();
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(HandshakeError::RecordOverflow)));
}
