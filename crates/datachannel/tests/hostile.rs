//! A peer that breaks the rules, and arbitrary ones.

mod link;

use bytes::Bytes;
use link::{Side, alone, named, pair, settle};
use plywood_datachannel::{
    ChannelConfig, ChannelError, Config, Discard, DtlsRole, Event, Kind, Reliability,
    wire::{ChannelType, Message, MessageType, Open, ParseError},
};
use proptest::prelude::*;

fn open_bytes(label: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Message::Open(Open::new(true, Reliability::Reliable, 0, label, "").expect("short names"))
        .encode(&mut out);
    out
}

fn server() -> Side {
    alone(DtlsRole::Server, Config::default())
}

#[test]
fn an_open_of_the_wrong_parity_is_refused_by_reset_without_an_ack() {
    let mut side = server();
    assert_eq!(side.inject(1, 50, &open_bytes("")), Err(Discard::WrongParity(1)));
    assert_eq!(side.resets(), [1]);
    assert_eq!(side.wire.len(), 1);
    assert!(side.events.is_empty());
}

#[test]
fn an_open_on_a_stream_in_use_closes_the_channel_there() {
    let mut side = server();
    side.inject(0, 50, &open_bytes("first")).unwrap();
    let id = side.channels.channel(0).unwrap();
    assert_eq!(side.inject(0, 50, &open_bytes("second")), Err(Discard::StreamInUse(0)));
    assert!(side.events.contains(&Event::Error { id, error: ChannelError::Peer(Discard::StreamInUse(0)) }));
    assert_eq!(side.resets(), [0]);
    // More of the same is dropped without further resets.
    assert_eq!(side.inject(0, 50, &open_bytes("third")), Err(Discard::Closing(0)));
    assert_eq!(side.resets(), [0]);
}

#[test]
fn ten_thousand_opens_at_once_are_accepted_up_to_the_bound_and_then_refused() {
    let mut side = alone(DtlsRole::Server, Config { max_channels: 1000, ..Config::default() });
    for stream in (0..20_000).step_by(2) {
        let accepted = side.inject(stream, 50, &open_bytes("x"));
        assert_eq!(accepted.is_ok(), stream < 2000, "{stream}");
    }
    assert_eq!(side.channels.ids().count(), 1000);
    assert_eq!(side.resets().len(), 9000);
    assert_eq!(side.channels.stats().discarded(Discard::TooManyChannels), 9000);
}

#[test]
fn names_of_the_peers_channels_are_bounded_together_and_closing_gives_room_back() {
    let mut side = alone(DtlsRole::Server, Config { max_remote_text_bytes: 100_000, ..Config::default() });
    let long = "x".repeat(65_535);
    side.inject(0, 50, &open_bytes(&long)).unwrap();
    assert_eq!(side.inject(2, 50, &open_bytes(&long)), Err(Discard::TooManyChannels));
    side.handle(link::Item::Reset(0));
    side.handle(link::Item::Performed(0));
    side.inject(4, 50, &open_bytes(&long)).unwrap();
}

#[test]
fn events_that_nobody_polls_stop_new_channels_of_the_peer() {
    let mut side = alone(DtlsRole::Server, Config { max_pending_events: 3, ..Config::default() });
    for stream in [0, 2, 4] {
        assert!(side.channels.handle_message(stream, 50, open_bytes("").into()).is_ok());
    }
    assert_eq!(side.channels.handle_message(6, 50, open_bytes("").into()), Err(Discard::TooManyChannels));
}

#[test]
fn an_open_that_is_not_well_formed_is_refused() {
    let good = open_bytes("label");
    let mut utf8 = good.clone();
    utf8[12] = 0xff;
    let mut kind = good.clone();
    kind[1] = 0x7f;
    let mut lengths = good.clone();
    lengths[9] = 200;
    let trailing = [&good[..], b"x"].concat();
    let mut side = server();
    let mut refused = |stream, bytes: &[u8]| match side.inject(stream, 50, bytes) {
        Err(Discard::Dcep(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(0, &utf8), ParseError::InvalidUtf8);
    assert_eq!(refused(2, &kind), ParseError::UnknownChannelType(ChannelType(0x7f)));
    assert!(matches!(refused(4, &lengths), ParseError::Truncated(_)));
    assert_eq!(refused(6, &trailing), ParseError::TrailingBytes(1));
    assert!(matches!(refused(8, &[]), ParseError::Truncated(_)));
    assert_eq!(refused(10, &[0xff]), ParseError::UnknownMessage(MessageType(0xff)));
    assert_eq!(side.resets(), [0, 2, 4, 6, 8, 10]);
}

#[test]
fn user_data_on_an_unused_stream_is_refused_once() {
    let mut side = server();
    assert_eq!(side.inject(4, 51, b"who?"), Err(Discard::UnusedStream(4)));
    assert_eq!(side.inject(4, 51, b"who?"), Err(Discard::Closing(4)));
    assert_eq!(side.resets(), [4]);
    // After both resets the stream is as new.
    side.handle(link::Item::Performed(4));
    side.handle(link::Item::Reset(4));
    assert!(side.inject(4, 50, &open_bytes("")).is_ok());
}

#[test]
fn an_ack_without_an_open_changes_nothing() {
    let mut side = server();
    assert_eq!(side.inject(0, 50, &[2]), Err(Discard::UnexpectedAck(0)));
    side.inject(0, 50, &open_bytes("")).unwrap();
    assert_eq!(side.inject(0, 50, &[2]), Err(Discard::UnexpectedAck(0)));
    let fixed = side.open(ChannelConfig { negotiated: Some(10), ..named("") });
    assert_eq!(side.inject(10, 50, &[2]), Err(Discard::UnexpectedAck(10)));
    assert!(side.channels.is_open(fixed) && side.resets().is_empty());
}

#[test]
fn text_that_is_not_utf_8_an_unknown_ppid_and_an_oversized_message_close_the_channel() {
    let config = Config { max_message_size: 10, ..Config::default() };
    for (ppid, bytes, discard) in [
        (51, &b"\xff"[..], Discard::InvalidUtf8),
        (55, b"x", Discard::UnsupportedPpid(55)),
        (0, b"x", Discard::UnsupportedPpid(0)),
        (53, b"eleven byte", Discard::TooLarge(11)),
    ] {
        let mut side = alone(DtlsRole::Server, config.clone());
        side.inject(0, 50, &open_bytes("")).unwrap();
        let id = side.channels.channel(0).unwrap();
        assert!(side.inject(0, 53, b"ten bytes!").is_ok());
        assert_eq!(side.inject(0, ppid, bytes), Err(discard));
        assert!(side.events.contains(&Event::Error { id, error: ChannelError::Peer(discard) }));
        assert_eq!(side.resets(), [0]);
    }
}

#[test]
fn whatever_an_empty_message_carries_it_is_empty() {
    let mut side = server();
    side.inject(0, 50, &open_bytes("")).unwrap();
    for (ppid, kind) in [(56, Kind::Text), (57, Kind::Binary)] {
        let received = side.inject(0, ppid, b"\xff\xff ignored").unwrap().unwrap();
        assert_eq!((received.kind, received.data), (kind, Bytes::new()));
    }
}

#[test]
fn deprecated_fragments_are_put_together_on_reliable_ordered_channels() {
    let mut side = server();
    side.inject(0, 50, &open_bytes("")).unwrap();
    // A character may be cut by a fragment boundary.
    assert_eq!(side.inject(0, 54, b"caf\xc3"), Ok(None));
    let text = side.inject(0, 51, b"\xa9").unwrap().unwrap();
    assert_eq!((text.kind, &text.data[..]), (Kind::Text, "café".as_bytes()));
    assert_eq!(side.inject(0, 52, b"ab"), Ok(None));
    assert_eq!(side.inject(0, 52, b"cd"), Ok(None));
    let binary = side.inject(0, 53, b"e").unwrap().unwrap();
    assert_eq!((binary.kind, &binary.data[..]), (Kind::Binary, &b"abcde"[..]));
}

#[test]
fn deprecated_fragments_of_mixed_kinds_on_partial_channels_or_over_the_bound_close_the_channel() {
    let mut side = alone(DtlsRole::Server, Config { max_partial_bytes: 10, ..Config::default() });
    let mut unreliable = open_bytes("");
    unreliable[1] = 0x01;
    side.inject(0, 50, &unreliable).unwrap();
    assert_eq!(side.inject(0, 52, b"x"), Err(Discard::Partial));
    for (stream, then) in [(2, 54), (4, 51), (6, 56)] {
        side.inject(stream, 50, &open_bytes("")).unwrap();
        side.inject(stream, 52, b"x").unwrap();
        assert_eq!(side.inject(stream, then, b"y"), Err(Discard::Partial), "{then}");
    }
    side.inject(8, 50, &open_bytes("")).unwrap();
    side.inject(10, 50, &open_bytes("")).unwrap();
    side.inject(8, 52, b"12345").unwrap();
    assert_eq!(side.inject(10, 52, b"123456"), Err(Discard::Partial));
    side.inject(8, 53, b"6").unwrap();
}

#[test]
fn a_message_on_a_closing_channel_is_dropped() {
    let (mut client, mut server) = pair();
    let id = client.open(named(""));
    settle(&mut client, &mut server);
    client.close(id);
    assert_eq!(client.inject(0, 51, b"late"), Err(Discard::Closing(0)));
    assert_eq!(client.inject(0, 50, &[2]), Err(Discard::Closing(0)));
}

#[test]
fn an_open_before_our_own_open_left_on_that_stream_ends_it() {
    let mut side = server();
    let id = side.channels.open(named("mine")).unwrap(); // stream 1, not handed out yet
    assert_eq!(side.channels.handle_message(1, 50, open_bytes("thief").into()), Err(Discard::StreamInUse(1)));
    side.pump();
    assert_eq!(side.events.last(), Some(&Event::Closed { id }));
    assert_eq!(side.resets(), [1]);
}

#[test]
fn a_message_before_the_role_is_known_is_dropped() {
    let mut channels = plywood_datachannel::Channels::new(Config::default());
    assert_eq!(channels.handle_message(0, 50, open_bytes("").into()), Err(Discard::NotConnected));
}

/// One step of an arbitrary run.
#[derive(Debug, Clone)]
enum Step {
    Open(bool, ChannelConfig),
    Send(bool, usize),
    Close(bool, usize),
    Deliver(bool, usize),
    Inject(bool, u16, u32, Vec<u8>),
}

fn step(hostile: bool) -> impl Strategy<Value = Step> {
    let open = (any::<bool>(), any::<bool>(), proptest::option::weighted(0.2, 8u16..12)).prop_map(
        |(side, ordered, negotiated)| Step::Open(side, ChannelConfig { ordered, negotiated, ..named("p") }),
    );
    let inject = (any::<bool>(), 0u16..12, 50u32..58, proptest::collection::vec(any::<u8>(), 0..20))
        .prop_map(|(side, stream, ppid, mut bytes)| {
            if bytes.len() > 12 && ppid == 50 {
                bytes[..2].copy_from_slice(&[3, 0x80]);
                bytes[8..12].copy_from_slice(&[0, 0, 0, 0]);
                bytes.truncate(12);
            }
            Step::Inject(side, stream, ppid, bytes)
        });
    prop_oneof![
        3 => open,
        4 => (any::<bool>(), any::<usize>()).prop_map(|(side, n)| Step::Send(side, n)),
        3 => (any::<bool>(), any::<usize>()).prop_map(|(side, n)| Step::Close(side, n)),
        8 => (any::<bool>(), 1usize..6).prop_map(|(side, n)| Step::Deliver(side, n)),
        u32::from(hostile) * 3 => inject,
    ]
}

fn run(steps: Vec<Step>) -> (Side, Side) {
    let (mut client, mut server) = pair();
    for step in steps {
        match step {
            Step::Open(side, config) => {
                let side = if side { &mut client } else { &mut server };
                // A negotiated channel on one side alone is a broken application: not here.
                if config.negotiated.is_none() {
                    let _ = side.channels.open(config);
                }
                side.pump();
            }
            Step::Send(side, n) => {
                let side = if side { &mut client } else { &mut server };
                let ids: Vec<_> = side.channels.ids().filter(|id| side.channels.is_open(*id)).collect();
                if let Some(id) = ids.get(n % ids.len().max(1)) {
                    side.send(*id, Kind::Text, b"text");
                }
            }
            Step::Close(side, n) => {
                let side = if side { &mut client } else { &mut server };
                let ids: Vec<_> = side.channels.ids().collect();
                if let Some(id) = ids.get(n % ids.len().max(1)) {
                    side.close(*id);
                }
            }
            Step::Deliver(to_client, n) => {
                let (from, to) =
                    if to_client { (&mut server, &mut client) } else { (&mut client, &mut server) };
                for item in from.wire.drain(..n.min(from.wire.len())) {
                    to.handle(item);
                }
            }
            Step::Inject(side, stream, ppid, bytes) => {
                let side = if side { &mut client } else { &mut server };
                let _ = side.inject(stream, ppid, &bytes);
            }
        }
    }
    settle(&mut client, &mut server);
    (client, server)
}

proptest! {
    #[test]
    fn two_sides_that_keep_the_rules_always_agree_in_the_end(
        steps in proptest::collection::vec(step(false), 0..120),
    ) {
        let (client, server) = run(steps);
        prop_assert!(client.discards.iter().chain(&server.discards).all(|d| matches!(d, Discard::Closing(_))),
            "{:?} {:?}", client.discards, server.discards);
        let streams = |side: &Side| -> Vec<_> {
            let mut streams: Vec<_> = side.channels.ids().map(|id| side.channels.stream(id)).collect();
            streams.sort_unstable();
            streams
        };
        prop_assert_eq!(streams(&client), streams(&server));
        prop_assert!(client.channels.ids().all(|id| client.channels.is_open(id)));
        prop_assert!(server.channels.ids().all(|id| server.channels.is_open(id)));
    }

    #[test]
    fn arbitrary_messages_never_panic_and_never_leave_a_channel_half_open(
        steps in proptest::collection::vec(step(true), 0..120),
    ) {
        let (client, server) = run(steps);
        for side in [&client, &server] {
            for id in side.channels.ids() {
                prop_assert!(side.channels.stream(id).is_some());
            }
            let opened = side.events.iter().filter(|e| matches!(e, Event::Opened { .. })).count() as u64;
            prop_assert_eq!(side.channels.stats().opened, opened);
        }
    }

    #[test]
    fn equal_calls_give_equal_bytes(steps in proptest::collection::vec(step(true), 0..60)) {
        let (a, b) = (run(steps.clone()), run(steps));
        prop_assert_eq!(format!("{:?}", a.0.events), format!("{:?}", b.0.events));
        prop_assert_eq!(format!("{:?}", a.1.received), format!("{:?}", b.1.received));
    }
}
