//! Opening, sending, closing: two sides that keep the rules.

mod link;

use bytes::Bytes;
use link::{Item, alone, named, pair, settle};
use plywood_datachannel::{
    ChannelConfig, ChannelError, ChannelId, Channels, Config, DtlsRole, Event, Kind, OpenError, Reliability,
    SendError,
};

#[test]
fn both_sides_know_the_same_properties_of_every_kind_of_channel() {
    let reliabilities = [
        Reliability::Reliable,
        Reliability::MaxRetransmits(0),
        Reliability::MaxRetransmits(65_535),
        Reliability::MaxPacketLifeTime(0),
        Reliability::MaxPacketLifeTime(65_535),
    ];
    let (mut client, mut server) = pair();
    let mut opened = Vec::new();
    for ordered in [true, false] {
        for reliability in reliabilities {
            let config = ChannelConfig {
                label: "имя 名字 🙂\u{0}".into(),
                protocol: "п".into(),
                ordered,
                reliability,
                priority: 0x0100,
                negotiated: None,
            };
            opened.push((client.open(config.clone()), config));
        }
    }
    settle(&mut client, &mut server);
    for (id, config) in opened {
        let there = client.channels.stream(id).and_then(|stream| server.channels.channel(stream));
        assert_eq!(there.and_then(|id| server.channels.config(id)), Some(&config));
    }
    assert_eq!((client.discards, server.discards), (vec![], vec![]));
}

#[test]
fn the_dtls_client_takes_even_ids_and_the_server_odd_ones_from_the_lowest() {
    let (mut client, mut server) = pair();
    let even: Vec<_> = (0..3)
        .map(|_| {
            let id = client.open(named(""));
            client.channels.stream(id)
        })
        .collect();
    let odd: Vec<_> = (0..3)
        .map(|_| {
            let id = server.open(named(""));
            server.channels.stream(id)
        })
        .collect();
    assert_eq!(even, [Some(0), Some(2), Some(4)]);
    assert_eq!(odd, [Some(1), Some(3), Some(5)]);
    settle(&mut client, &mut server);
    assert_eq!((client.discards, server.discards), (vec![], vec![]));
}

#[test]
fn channels_opened_before_the_role_is_known_get_their_ids_later_and_skip_negotiated_ones() {
    let mut channels = Channels::new(Config::default());
    let first = channels.open(named("first")).unwrap();
    let fixed = channels.open(ChannelConfig { negotiated: Some(1), ..named("fixed") }).unwrap();
    let second = channels.open(named("second")).unwrap();
    assert_eq!(channels.stream(first), None);
    assert_eq!(channels.stream(fixed), Some(1));
    channels.set_dtls_role(DtlsRole::Server);
    assert_eq!((channels.stream(first), channels.stream(second)), (Some(3), Some(5)));
    assert_eq!((channels.poll_outgoing(), channels.poll_event()), (None, None));
    channels.set_connected();
    let opens: Vec<u16> = std::iter::from_fn(|| channels.poll_outgoing()).map(|out| out.stream).collect();
    assert_eq!(opens, [3, 5]);
    assert!(channels.is_open(first) && channels.is_open(fixed) && channels.is_open(second));
}

#[test]
fn data_may_follow_the_open_at_once_and_is_ordered_until_something_comes_back() {
    let (mut client, mut server) = pair();
    let id = client.open(ChannelConfig { ordered: false, ..named("") });
    let early = client.channels.send(id, Kind::Binary, Bytes::from_static(b"1")).unwrap();
    assert!(!early.unordered);
    client.wire.push_back(Item::Message(early));
    settle(&mut client, &mut server);
    assert_eq!(server.received.len(), 1);
    let late = client.channels.send(id, Kind::Binary, Bytes::from_static(b"2")).unwrap();
    assert!(late.unordered);
    // Who accepted has received a message, the OPEN: its data needs no order.
    let there = server.received[0].id;
    assert!(server.channels.send(there, Kind::Binary, Bytes::from_static(b"3")).unwrap().unordered);
}

#[test]
fn a_first_message_counts_as_the_ack_and_a_later_ack_is_ignored() {
    let mut side = alone(DtlsRole::Client, Config { open_before_ack: false, ..Config::default() });
    let id = side.open(ChannelConfig { ordered: false, ..named("") });
    assert_eq!(side.channels.send(id, Kind::Text, Bytes::new()), Err(SendError::NotOpen(id)));
    assert!(side.inject(0, 51, b"hi").unwrap().is_some());
    assert_eq!(side.events, [Event::Opened { id, remote: false }, Event::Acknowledged { id }]);
    assert!(side.channels.send(id, Kind::Text, Bytes::from_static(b"x")).unwrap().unordered);
    assert!(side.inject(0, 50, &[2]).is_err());
    assert!(side.channels.is_open(id));
}

#[test]
fn negotiated_channels_open_without_dcep_and_send_unordered_at_once() {
    let (mut client, mut server) = pair();
    let config = ChannelConfig { negotiated: Some(200), ordered: false, ..named("n") };
    let here = client.open(config.clone());
    let there = server.open(config);
    assert!(client.wire.is_empty() && server.wire.is_empty());
    assert!(client.channels.send(here, Kind::Text, Bytes::from_static(b"x")).unwrap().unordered);
    client.send(here, Kind::Text, b"yes");
    settle(&mut client, &mut server);
    assert_eq!(server.events, [Event::Opened { id: there, remote: false }]);
    assert_eq!(server.received.len(), 1);
}

#[test]
fn an_id_in_use_or_out_of_range_and_names_too_long_are_typed_errors() {
    let (mut client, _) = pair();
    client.open(named("in band on 0"));
    let mut open = |config| client.channels.open(config).unwrap_err();
    assert_eq!(
        open(ChannelConfig { negotiated: Some(0), ..named("") }),
        OpenError::StreamInUse { stream: 0 }
    );
    assert_eq!(
        open(ChannelConfig { negotiated: Some(65_535), ..named("") }),
        OpenError::StreamOutOfRange { stream: 65_535 }
    );
    assert_eq!(open(named(&"x".repeat(65_536))), OpenError::LabelTooLong { bytes: 65_536 });
    assert_eq!(
        open(ChannelConfig { protocol: "é".repeat(32_768), ..named("") }),
        OpenError::ProtocolTooLong { bytes: 65_536 }
    );
}

#[test]
fn the_longest_label_and_protocol_arrive_whole() {
    let (mut client, mut server) = pair();
    let config = ChannelConfig { protocol: "名".repeat(21_845), ..named(&"x".repeat(65_535)) };
    client.open(config.clone());
    settle(&mut client, &mut server);
    let there = server.channels.channel(0);
    assert_eq!(there.and_then(|id| server.channels.config(id)), Some(&config));
}

#[test]
fn empty_messages_have_ppids_of_their_own_and_carry_one_zero_byte() {
    let (mut client, mut server) = pair();
    let id = client.open(named(""));
    for (kind, ppid) in [(Kind::Text, 56), (Kind::Binary, 57)] {
        let outgoing = client.channels.send(id, kind, Bytes::new()).unwrap();
        assert_eq!((outgoing.ppid, &outgoing.data[..]), (ppid, &[0][..]));
        client.wire.push_back(Item::Message(outgoing));
    }
    settle(&mut client, &mut server);
    let seen: Vec<_> = server.received.iter().map(|message| (message.kind, message.data.len())).collect();
    assert_eq!(seen, [(Kind::Text, 0), (Kind::Binary, 0)]);
    assert_eq!(client.channels.channel_stats(id).map(|s| (s.messages_sent, s.bytes_sent)), Some((2, 0)));
}

#[test]
fn the_peers_max_message_size_bounds_what_is_sent() {
    for (announced, limit) in
        [(None, 65_536), (Some(10), 10), (Some(0), 0), (Some(1_073_741_823), 1_073_741_823)]
    {
        let (mut client, _) = pair();
        client.channels.set_remote_max_message_size(announced);
        let id = client.open(named(""));
        let mut send = |bytes| client.channels.send(id, Kind::Binary, Bytes::from(vec![0; bytes]));
        if limit == 10 || limit == 65_536 {
            let bytes = usize::try_from(limit).unwrap();
            assert!(send(bytes).is_ok());
            assert_eq!(send(bytes + 1), Err(SendError::TooLarge { bytes: bytes + 1, limit }));
        } else {
            assert!(send(262_145).is_ok());
        }
    }
}

#[test]
fn a_close_ends_both_sides_delivers_what_was_sent_and_frees_the_id() {
    let (mut client, mut server) = pair();
    let id = client.open(named("a"));
    for _ in 0..50 {
        client.send(id, Kind::Binary, b"kept");
    }
    client.close(id);
    assert_eq!(client.channels.send(id, Kind::Binary, Bytes::new()), Err(SendError::Closing(id)));
    settle(&mut client, &mut server);
    assert_eq!(server.received.len(), 50);
    let there = server.received[0].id;
    assert_eq!(
        server.events,
        [
            Event::Opened { id: there, remote: true },
            Event::Closing { id: there },
            Event::Closed { id: there }
        ]
    );
    assert_eq!(client.events.last(), Some(&Event::Closed { id }));
    let again = client.open(named("b"));
    assert_eq!(client.channels.stream(again), Some(0));
    settle(&mut client, &mut server);
    assert_eq!(server.channels.channel(0).and_then(|id| server.channels.config(id)), Some(&named("b")));
    assert!(server.discards.is_empty());
}

#[test]
fn both_sides_may_close_at_once() {
    let (mut client, mut server) = pair();
    let id = client.open(named(""));
    settle(&mut client, &mut server);
    let there = server.channels.channel(0).unwrap();
    client.close(id);
    server.close(there);
    client.channels.close(id).unwrap(); // again: harmless
    assert_eq!((client.resets(), server.resets()), (vec![0], vec![0]));
    settle(&mut client, &mut server);
    assert_eq!(client.events.last(), Some(&Event::Closed { id }));
    assert_eq!(server.events.last(), Some(&Event::Closed { id: there }));
    assert!(client.channels.close(id).is_err());
}

#[test]
fn a_channel_closed_right_after_opening_reaches_the_peer_and_ends_there_too() {
    let (mut client, mut server) = pair();
    let id = client.open(named("brief"));
    client.close(id);
    settle(&mut client, &mut server);
    assert_eq!(client.events.last(), Some(&Event::Closed { id }));
    assert!(matches!(
        server.events[..],
        [Event::Opened { remote: true, .. }, Event::Closing { .. }, Event::Closed { .. }]
    ));
    assert_eq!(client.channels.channel(0), None);
}

#[test]
fn a_channel_closed_before_its_open_was_handed_out_never_reaches_the_peer() {
    let mut channels = Channels::new(Config::default());
    channels.set_dtls_role(DtlsRole::Client);
    channels.set_connected();
    let id = channels.open(named("")).unwrap();
    channels.close(id).unwrap();
    assert_eq!(channels.poll_outgoing(), None);
    assert_eq!(channels.poll_reset(), None);
    assert_eq!(channels.poll_event(), Some(Event::Closed { id }));
    assert_eq!(channels.poll_event(), None);
}

#[test]
fn a_new_open_may_overtake_the_answer_to_the_old_reset() {
    let (mut client, mut server) = pair();
    let id = client.open(named("old"));
    settle(&mut client, &mut server);
    client.close(id);
    let reset = client.wire.pop_front().unwrap();
    server.handle(reset);
    // The server performed the client's reset and asks for its own; its request arrives ..
    while let Some(item) = server.wire.pop_front() {
        client.handle(item);
    }
    // .. and the client's answer to it is late, while the id is used again.
    let answer = client.wire.pop_front().unwrap();
    assert!(matches!(answer, Item::Performed(0)));
    client.open(named("new"));
    settle(&mut client, &mut server);
    let there = server.channels.channel(0).unwrap();
    assert_eq!(server.channels.config(there), Some(&named("new")));
    server.handle(answer);
    assert!(server.channels.is_open(there));
    server.close(there);
    settle(&mut client, &mut server);
    assert_eq!(server.channels.channel(0), None);
    assert_eq!(client.channels.channel(0), None);
}

#[test]
fn a_reset_instead_of_the_ack_means_that_the_peer_refused() {
    let mut side = alone(DtlsRole::Client, Config::default());
    let id = side.open(named(""));
    side.handle(Item::Reset(0));
    assert!(side.events.contains(&Event::Error { id, error: ChannelError::Refused }));
    side.handle(Item::Performed(0));
    assert_eq!(side.events.last(), Some(&Event::Closed { id }));
    // The number can be used for another try (RFC 8832 §6).
    let again = side.open(named(""));
    assert_eq!(side.channels.stream(again), Some(0));
}

#[test]
fn a_reset_that_the_peer_refuses_ends_the_channel_and_burns_the_number() {
    let (mut client, mut server) = pair();
    let id = client.open(named(""));
    settle(&mut client, &mut server);
    client.close(id);
    client.channels.handle_outgoing_reset_refused(0);
    client.pump();
    assert!(client.events.contains(&Event::Error { id, error: ChannelError::ResetRefused }));
    let next = client.open(named(""));
    assert_eq!(client.channels.stream(next), Some(2));
}

#[test]
fn the_end_of_the_association_closes_every_channel_and_refuses_new_ones() {
    let (mut client, mut server) = pair();
    let id = client.open(named(""));
    settle(&mut client, &mut server);
    client.channels.handle_association_closed();
    client.pump();
    assert_eq!(client.events.last(), Some(&Event::Closed { id }));
    assert_eq!(client.channels.open(named("")), Err(OpenError::AssociationClosed));
    assert_eq!(client.channels.send(id, Kind::Text, Bytes::new()), Err(SendError::UnknownChannel(id)));
    let there = server.channels.channel(0).unwrap();
    server.channels.handle_association_failed();
    server.pump();
    let error = ChannelError::AssociationClosed;
    assert_eq!(server.events[1..], [Event::Error { id: there, error }, Event::Closed { id: there }]);
}

#[test]
fn channels_above_the_negotiated_number_of_streams_end_with_an_error() {
    let (mut client, _) = pair();
    let high = client.open(ChannelConfig { negotiated: Some(1000), ..named("") });
    let low = client.open(named(""));
    client.channels.set_stream_limit(16);
    client.pump();
    let error = ChannelError::StreamOutOfRange { streams: 16 };
    assert!(client.events.ends_with(&[Event::Error { id: high, error }, Event::Closed { id: high }]));
    assert!(client.channels.is_open(low));
    for _ in 0..7 {
        client.open(named(""));
    }
    assert_eq!(client.channels.open(named("")), Err(OpenError::NoStream));
}

#[test]
fn all_32768_even_ids_can_be_used_and_65535_never() {
    let mut channels = Channels::new(Config::default());
    channels.set_dtls_role(DtlsRole::Client);
    channels.set_connected();
    let ids: Vec<ChannelId> = (0..32_768).map(|_| channels.open(named("")).unwrap()).collect();
    assert_eq!(channels.stream(ids[32_767]), Some(65_534));
    assert_eq!(channels.open(named("")), Err(OpenError::NoStream));
    let mut server = Channels::new(Config::default());
    server.set_dtls_role(DtlsRole::Server);
    let odd = (0..).map_while(|_| server.open(named("")).ok()).count();
    assert_eq!(odd, 32_767);
}

#[test]
fn what_the_association_had_no_room_for_comes_again_before_any_data() {
    let mut channels = Channels::new(Config::default());
    channels.set_dtls_role(DtlsRole::Client);
    channels.set_connected();
    let id = channels.open(named("x")).unwrap();
    let open = channels.poll_outgoing().unwrap();
    channels.put_back(&open);
    assert_eq!(channels.send(id, Kind::Text, Bytes::new()), Err(SendError::NotOpen(id)));
    assert_eq!(channels.poll_outgoing(), Some(open));
    assert!(channels.send(id, Kind::Text, Bytes::new()).is_ok());
    let events: Vec<Event> = std::iter::from_fn(|| channels.poll_event()).collect();
    assert_eq!(events, [Event::Opened { id, remote: false }]);
}

#[test]
fn priorities_of_today_s_browsers_weigh_the_same() {
    let weight = |priority| ChannelConfig { priority, ..named("") }.scheduling_weight();
    assert_eq!((weight(0x0100), weight(0), weight(1024)), (256, 256, 1024)); // Chromium, Firefox, extra high
}
