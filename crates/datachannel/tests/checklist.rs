//! What the API of data channels promises and what attackers of other stacks sent, item by item, and the test of each.
//!
//! | item | tests (in this folder, unless a path says otherwise) |
//! |---|---|
//! | defaults, labels and protocols of any legal length, equal labels | `checklist::a_channel_without_wishes_is_ordered_reliable_in_band_and_nameless`, `channels::an_id_in_use_or_out_of_range_and_names_too_long_are_typed_errors`, `..the_longest_label_and_protocol_arrive_whole`, crates/peer/tests/channels.rs `an_open_with_the_longest_names_..` |
//! | both reliabilities, an id without `negotiated` and the reverse | crates/plywood/tests/connect.rs `refusals_are_typed_and_change_nothing` |
//! | ids: by role, known late, around negotiated ones, of either parity, taken, out of range, exhausted | `channels::the_dtls_client_takes_even_ids_..`, `..channels_opened_before_the_role_is_known_..`, `..all_32768_even_ids_can_be_used_and_65535_never`, `..channels_above_the_negotiated_number_of_streams_..`, `checklist::negotiated_channels_may_have_any_id_of_either_parity` |
//! | DCEP: every type and value, priority, both ends agree | `channels::both_sides_know_the_same_properties_of_every_kind_of_channel`, `checklist::every_message_has_the_reliability_of_its_channel_..`, crates/peer/tests/channels.rs `priorities_of_channels_are_weights_on_the_wire` |
//! | send: before open, text, binary, empty, order, up to the limit and one byte more | `channels::a_first_message_counts_as_the_ack_..`, `..empty_messages_have_ppids_of_their_own_..`, `..the_peers_max_message_size_bounds_what_is_sent`, crates/plywood/tests/messages.rs `messages_of_all_sizes_come_back_unchanged` |
//! | buffered amount: by bytes of messages, not less for a close, low mark once for each fall | crates/peer/tests/channels.rs `the_buffered_amount_..`, `a_low_mark_..`, `an_open_and_an_ack_that_leave_..`, crates/plywood/tests/messages.rs `buffered_amount_falls_to_its_mark` |
//! | close: its states on both sides, nothing lost, after the end nothing more | `checklist::a_close_is_closing_and_closed_on_both_sides_without_an_error`, `..after_the_end_nothing_is_told_any_more`, `channels::a_close_ends_both_sides_..`, `..both_sides_may_close_at_once` |
//! | ondatachannel: opened before its first message, nothing lost behind the OPEN, none for negotiated ones | `channels::data_may_follow_the_open_at_once_..`, `..negotiated_channels_open_without_dcep_..`, crates/peer/tests/channels.rs `messages_right_behind_an_open_..` |
//! | ICE restart; max-message-size absent, 0, changed later | crates/peer/tests/connect.rs `an_ice_restart_..`, crates/peer/tests/channels.rs `the_peers_max_message_size_..`, `a_later_description_..` |
//! | attacks on DCEP: parity, open channel, lengths, UTF-8, ACK alone, unknown types, another PPID | `hostile::an_open_*`, `..an_ack_without_an_open_changes_nothing`, `checklist::dcep_under_another_ppid_is_user_data_and_user_data_under_50_is_broken_dcep` |
//! | attacks on messages: PPIDs old and unknown, empty with bytes, not UTF-8, too large | `hostile::text_that_is_not_utf_8_..`, `..whatever_an_empty_message_carries_it_is_empty`, `..deprecated_fragments_*`, `checklist::what_a_closed_channel_had_begun_frees_its_bytes` |
//! | attacks on ids: all of them, 65535, use before both resets | `checklist::every_id_of_the_peer_can_be_opened`, `..stream_65535_costs_nothing_and_is_not_answered`, `..a_number_is_free_only_after_both_directions_were_reset`, `..a_channel_closed_before_the_last_reset_..`, `..a_number_whose_reset_was_refused_is_never_used_again` |

mod link;

use link::{Item, alone, named, pair, settle};
use plywood_datachannel::wire::{Message, MessageType, Open, ParseError};
use plywood_datachannel::{
    ChannelConfig, ChannelError, ChannelId, CloseError, Config, Discard, DtlsRole, Event, Kind, Reliability,
};

fn open_bytes() -> Vec<u8> {
    let mut out = Vec::new();
    let open = Open::new(true, Reliability::Reliable, 0, "label", "").expect("short names");
    Message::Open(open).encode(&mut out);
    out
}

#[test]
fn a_channel_without_wishes_is_ordered_reliable_in_band_and_nameless() {
    let (mut client, mut server) = pair();
    // Equal names make two channels all the same.
    for _ in 0..2 {
        client.open(ChannelConfig::default());
    }
    settle(&mut client, &mut server);
    let configs: Vec<_> = server.channels.ids().filter_map(|id| server.channels.config(id)).collect();
    let expected = ChannelConfig {
        label: String::new(),
        protocol: String::new(),
        ordered: true,
        reliability: Reliability::Reliable,
        priority: 256,
        negotiated: None,
    };
    assert_eq!(configs, [&expected, &expected]);
}

#[test]
fn negotiated_channels_may_have_any_id_of_either_parity() {
    let (mut client, mut server) = pair();
    for stream in [0, 1, 65_533, 65_534] {
        for side in [&mut client, &mut server] {
            let id = side.open(ChannelConfig { negotiated: Some(stream), ..named("") });
            assert_eq!(side.channels.stream(id), Some(stream));
            side.send(id, Kind::Text, b"x");
        }
    }
    settle(&mut client, &mut server);
    assert_eq!((client.received.len(), server.received.len()), (4, 4));
    assert_eq!((client.discards, server.discards), (vec![], vec![]));
}

#[test]
fn every_message_has_the_reliability_of_its_channel_and_dcep_is_always_reliable() {
    let reliabilities = [
        Reliability::Reliable,
        Reliability::MaxRetransmits(0),
        Reliability::MaxRetransmits(7),
        Reliability::MaxPacketLifeTime(0),
        Reliability::MaxPacketLifeTime(250),
    ];
    for reliability in reliabilities {
        let (mut client, mut server) = pair();
        let here = client.open(ChannelConfig { reliability, ordered: false, ..named("") });
        let Some(Item::Message(open)) = client.wire.front().cloned() else { panic!("the OPEN") };
        assert_eq!((open.reliability, open.unordered), (Reliability::Reliable, false));
        client.send(here, Kind::Binary, b"x");
        settle(&mut client, &mut server);
        let there = server.channels.channel(0).unwrap();
        for (side, id) in [(&mut client, here), (&mut server, there)] {
            side.send(id, Kind::Text, b"x");
            let Some(Item::Message(message)) = side.wire.pop_back() else { panic!("a message") };
            assert_eq!((message.reliability, message.unordered), (reliability, true));
        }
    }
}

#[test]
fn a_close_is_closing_and_closed_on_both_sides_without_an_error() {
    let (mut client, mut server) = pair();
    let id = client.open(named(""));
    settle(&mut client, &mut server);
    let there = server.channels.channel(0).unwrap();
    client.close(id);
    assert_eq!(client.events.last(), Some(&Event::Closing { id }), "closed only when both ends are");
    settle(&mut client, &mut server);
    let opened = |id, remote| Event::Opened { id, remote };
    assert_eq!(
        client.events,
        [opened(id, false), Event::Acknowledged { id }, Event::Closing { id }, Event::Closed { id }]
    );
    let id = there;
    assert_eq!(server.events, [opened(id, true), Event::Closing { id }, Event::Closed { id }]);
}

#[test]
fn after_the_end_nothing_is_told_any_more() {
    let (mut client, mut server) = pair();
    let id = client.open(named("closed before"));
    let open = client.open(named("open"));
    settle(&mut client, &mut server);
    client.close(id);
    settle(&mut client, &mut server);
    client.channels.handle_association_failed();
    client.pump();
    let error = ChannelError::AssociationClosed;
    assert_eq!(
        client.events[client.events.len() - 2..],
        [Event::Error { id: open, error }, Event::Closed { id: open }]
    );
    let told = client.events.len();
    client.channels.handle_association_closed();
    client.channels.handle_incoming_reset(2);
    client.channels.handle_outgoing_reset(2);
    client.channels.set_connected();
    assert_eq!(client.channels.close(open), Err(CloseError::UnknownChannel(open)));
    assert_eq!(client.inject(2, 51, b"late"), Err(Discard::NotConnected));
    assert_eq!(client.events.len(), told);
    assert!(client.wire.is_empty());
}

#[test]
fn dcep_under_another_ppid_is_user_data_and_user_data_under_50_is_broken_dcep() {
    let mut side = alone(DtlsRole::Server, Config::default());
    for (stream, ppid) in [(0, 51), (2, 53), (4, 56)] {
        assert_eq!(side.inject(stream, ppid, &open_bytes()), Err(Discard::UnusedStream(stream)));
    }
    side.inject(6, 50, &open_bytes()).unwrap();
    let id = side.channels.channel(6).unwrap();
    assert_eq!(side.inject(6, 53, &open_bytes()).unwrap().unwrap().data, open_bytes());
    let broken = Discard::Dcep(ParseError::UnknownMessage(MessageType(b'h')));
    assert_eq!(side.inject(6, 50, b"hello"), Err(broken));
    assert_eq!(side.events.last(), Some(&Event::Closing { id }));
    assert_eq!(side.resets(), [0, 2, 4, 6]);
    let acks = side.wire.iter().filter(|item| matches!(item, Item::Message(_))).count();
    assert_eq!(acks, 1, "what is refused is not acknowledged");
}

#[test]
fn a_number_is_free_only_after_both_directions_were_reset() {
    for incoming_first in [true, false] {
        let mut side = alone(DtlsRole::Client, Config::default());
        let id = side.open(named("old"));
        side.inject(0, 50, &[2]).unwrap();
        side.close(id);
        let (reset, performed) = (Item::Reset(0), Item::Performed(0));
        let (first, second) = if incoming_first { (reset, performed) } else { (performed, reset) };
        side.handle(first);
        let other = side.open(named("meanwhile"));
        assert_eq!(side.channels.stream(other), Some(2));
        assert!(side.channels.open(ChannelConfig { negotiated: Some(0), ..named("") }).is_err());
        side.handle(second);
        let next = side.open(named("new"));
        assert_eq!(side.channels.stream(next), Some(0));
    }
}

#[test]
fn a_number_whose_reset_was_refused_is_never_used_again() {
    let mut side = alone(DtlsRole::Server, Config::default());
    assert_eq!(side.inject(0, 51, b"who?"), Err(Discard::UnusedStream(0)));
    side.channels.handle_outgoing_reset_refused(0);
    assert_eq!(side.inject(0, 50, &open_bytes()), Err(Discard::Closing(0)));
    assert_eq!(side.inject(0, 51, b"who?"), Err(Discard::Closing(0)));
    assert_eq!(side.resets(), [0], "asked for once");
    assert!(side.channels.open(ChannelConfig { negotiated: Some(0), ..named("") }).is_err());
}

#[test]
fn every_id_of_the_peer_can_be_opened() {
    let mut side = alone(DtlsRole::Server, Config::default());
    for stream in (0..=65_534).step_by(2) {
        side.inject(stream, 50, &open_bytes()).unwrap();
    }
    assert_eq!(side.channels.ids().count(), 32_768);
    let ours: Vec<ChannelId> = (0..32_767).map(|_| side.open(named(""))).collect();
    assert_eq!(side.channels.stream(ours[32_766]), Some(65_533));
}

#[test]
fn stream_65535_costs_nothing_and_is_not_answered() {
    let mut side = alone(DtlsRole::Client, Config::default());
    assert_eq!(side.inject(65_535, 50, &open_bytes()), Err(Discard::WrongParity(65_535)));
    assert_eq!(side.inject(65_535, 51, b"x"), Err(Discard::UnusedStream(65_535)));
    side.handle(Item::Reset(65_535));
    assert!(side.resets().is_empty() && side.events.is_empty());
    assert_eq!(side.channels.ids().count(), 0);
}

#[test]
fn what_a_closed_channel_had_begun_frees_its_bytes() {
    let mut side = alone(DtlsRole::Server, Config { max_partial_bytes: 10, ..Config::default() });
    for stream in [0, 2, 4] {
        side.inject(stream, 50, &open_bytes()).unwrap();
        // The bound holds for all channels together, and each one had it all for itself.
        side.inject(stream, 52, b"ten bytes.").unwrap();
        match stream {
            0 => {
                let id = side.channels.channel(0).unwrap();
                side.close(id);
            }
            2 => side.handle(Item::Reset(2)),
            _ => assert_eq!(side.inject(stream, 52, b"x"), Err(Discard::Partial)),
        }
    }
}

#[test]
fn a_channel_closed_before_the_last_reset_of_its_stream_is_answered_waits_for_that() {
    let mut channels = plywood_datachannel::Channels::new(Config::default());
    channels.set_dtls_role(DtlsRole::Server);
    assert_eq!(channels.handle_message(0, 50, open_bytes().into()), Ok(None));
    assert!(channels.poll_outgoing().is_some(), "the ACK");
    let first = channels.channel(0).unwrap();
    channels.close(first).unwrap();
    assert_eq!(channels.poll_reset(), Some(0));
    channels.handle_incoming_reset(0);
    // The peer performed our reset and uses the number again, which its lost answer would have said.
    assert_eq!(channels.handle_message(0, 50, open_bytes().into()), Ok(None));
    assert!(channels.poll_outgoing().is_some(), "the ACK");
    let second = channels.channel(0).unwrap();
    assert_ne!(first, second);
    channels.close(second).unwrap();
    assert_eq!(channels.poll_reset(), None, "one reset of a stream at a time");
    channels.handle_outgoing_reset(0);
    assert_eq!(channels.poll_reset(), Some(0));
    channels.handle_outgoing_reset(0);
    channels.handle_incoming_reset(0);
    assert_eq!(channels.channel(0), None);
    assert_eq!(std::iter::from_fn(|| channels.poll_event()).last(), Some(Event::Closed { id: second }));
}
