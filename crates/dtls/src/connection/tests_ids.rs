//! What only a peer with the keys can do wrong about connection ids and record sizes.
#![expect(clippy::unwrap_used, reason = "test code")]

use plywood_octets::Put;

use super::test_support::{a_while_later, closed, connect, deliver, handle, now, record, settle};
use super::*;
use crate::error::ParseError;
use crate::version::Versions;
use crate::wire::HandshakeType;
use crate::wire::connection_id::{ConnectionId, NewConnectionId};

/// A client with id `client` and a server with id `server`, connected with each other.
fn connected(versions: Versions, client: Option<&[u8]>, server: Option<&[u8]>) -> (Connection, Connection) {
    let connection = |role, id: Option<&[u8]>| {
        let mut config = test_support::config(role, versions);
        config.connection_id = id.and_then(ConnectionId::new);
        config.record_size_limit = Some(500);
        Connection::new(config, [3; 32], now())
    };
    connect(connection(Role::Client, client), connection(Role::Server, server))
}

/// `from` says a message that its own rules would not let it say.
fn say(from: &mut Connection, to: &mut Connection, kind: HandshakeType, body: &[u8]) {
    from.engine.say_late(kind, body.to_vec());
    deliver(from, to);
    deliver(to, from);
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
            settle(client, server);
            a_while_later(client);
            a_while_later(server);
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
    let body = [&[7; 400][..], &[23], &[0; 100]].concat();
    let padded = record(&mut client, ContentType(0), &body);
    handle(&mut server, now(), padded);
    assert_eq!(closed(&mut server), Some(CloseReason::Handshake(HandshakeError::RecordOverflow)));
}

#[test]
fn what_is_dropped_is_not_the_newest_record() {
    for versions in [Versions::ONLY_1_2, Versions::ONLY_1_3] {
        let (mut client, mut server) = connected(versions, Some(b"c"), Some(b"s"));
        let genuine = record(&mut client, ContentType::APPLICATION_DATA, b"data");
        let mut forged = genuine.clone();
        forged[20] ^= 1;
        assert_eq!(handle(&mut server, now(), genuine), []);
        assert!(server.opened_newest_record());
        // It may come from anywhere, so it must not move the connection.
        assert_ne!(handle(&mut server, now(), forged), []);
        assert!(!server.opened_newest_record());
    }
}
