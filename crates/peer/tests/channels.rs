//! Data channels over the whole stack: names, sizes, buffered amounts, weights, ids that are used again.
//! `crates/datachannel/tests/checklist.rs` says which item of the API's checklist stands where.
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use plywood_peer::plies::datachannel;
use plywood_peer::{ChannelConfig, ChannelId, Event, Kind, LocalId, Reliability, SdpKind, SendError};
use plywood_simnet::{LinkConfig, Loss};
use support::{ALICE, BOB, World, channel, config, payload, unordered};

fn link(milliseconds: u64) -> LinkConfig {
    LinkConfig::with_delay(Duration::from_millis(milliseconds))
}

fn bad_link() -> LinkConfig {
    LinkConfig {
        loss: Loss::Random(0.05),
        duplicate: 0.02,
        reorder: 0.1,
        jitter: Duration::from_millis(2),
        ..link(25)
    }
}

/// Offer and answer, each changed on its way to the other side.
fn exchange(world: &mut World, edit: impl Fn(String) -> String) {
    let now = world.now;
    let [alice, bob] = &mut world.sides;
    let offer = alice.peer.create_offer(now).unwrap();
    alice.peer.set_local_description(now, SdpKind::Offer, &offer).unwrap();
    let offer = edit(alice.peer.local_description().unwrap().sdp);
    bob.peer.set_remote_description(now, SdpKind::Offer, &offer).unwrap();
    let answer = bob.peer.create_answer(now).unwrap();
    bob.peer.set_local_description(now, SdpKind::Answer, &answer).unwrap();
    let answer = edit(bob.peer.local_description().unwrap().sdp);
    alice.peer.set_remote_description(now, SdpKind::Answer, &answer).unwrap();
}

/// The largest message that Alice's `send` takes.
fn limit(world: &mut World, id: ChannelId) -> Option<u64> {
    let now = world.now;
    match world.sides[ALICE].peer.send(now, id, Kind::Binary, Bytes::from(vec![0; 300_000])) {
        Err(SendError::Channel(datachannel::SendError::TooLarge { limit, .. })) => Some(limit),
        sent => {
            assert_eq!(sent, Ok(()));
            None
        }
    }
}

#[test]
fn the_peers_max_message_size_is_65536_where_absent_and_no_limit_where_0() {
    for (line, expected) in
        [("", Some(65_536)), ("a=max-message-size:1000\r\n", Some(1000)), ("a=max-message-size:0\r\n", None)]
    {
        let mut world = World::new(20, link(5));
        let id = world.sides[ALICE].peer.create_data_channel(world.now, channel("sized")).unwrap();
        for side in &mut world.sides {
            side.peer.add_local_host(world.now, LocalId(0), side.address).unwrap();
            side.peer.end_of_local_candidates(world.now);
        }
        exchange(&mut world, |sdp| sdp.replace("a=max-message-size:262144\r\n", line));
        let open = world.run_until(Duration::from_secs(10), |world| world.sides[ALICE].opened() == [id]);
        assert!(open);
        assert_eq!(limit(&mut world, id), expected, "{line}");
    }
}

#[test]
fn a_later_description_changes_the_largest_message() {
    let mut world = World::new(21, link(5));
    let (id, _) = world.connected(channel("sized"));
    assert_eq!(limit(&mut world, id), Some(262_144));
    exchange(&mut world, |sdp| sdp.replace("size:262144", "size:5000"));
    assert_eq!(limit(&mut world, id), Some(5000));
}

#[test]
fn an_open_with_the_longest_names_crosses_a_bad_network_though_its_channel_is_unreliable() {
    let mut world = World::new(22, bad_link());
    let config = ChannelConfig {
        label: "x".repeat(65_535),
        protocol: "名".repeat(21_845),
        ordered: false,
        reliability: Reliability::MaxRetransmits(0),
        ..ChannelConfig::default()
    };
    let (_, there) = world.connected(config.clone());
    assert_eq!(world.sides[BOB].peer.channel_config(there), Some(&config));
}

#[test]
fn messages_right_behind_an_open_are_never_lost_even_on_unordered_channels() {
    for seed in 0..6 {
        let mut world = World::new(seed, bad_link());
        world.connected(channel("first"));
        let now = world.now;
        for number in 0..10 {
            let config = unordered(&format!("{number}"));
            let id = world.sides[ALICE].peer.create_data_channel(now, config).unwrap();
            for text in ["a", "", "b"] {
                world.sides[ALICE].peer.send(now, id, Kind::Text, text.into()).unwrap();
            }
        }
        let all = world.run_until(Duration::from_secs(60), |world| {
            let bob = &world.sides[BOB];
            (0..10)
                .all(|number| bob.by_label(&number.to_string()).is_some_and(|id| bob.received(id).len() == 3))
        });
        assert!(all, "seed {seed}");
        assert_eq!(world.sides[BOB].peer.stats().discarded_messages, 0, "seed {seed}");
    }
}

#[test]
fn a_stream_is_used_again_and_again_on_a_bad_network() {
    for seed in 0..3 {
        let mut world = World::new(seed, bad_link());
        world.connected(channel("lasting"));
        let mut stream = None;
        for round in 0..8 {
            let (label, now) = (format!("round {round}"), world.now);
            let id = world.sides[ALICE].peer.create_data_channel(now, channel(&label)).unwrap();
            let number = world.sides[ALICE].peer.channel_stream(id);
            assert_eq!(number, *stream.get_or_insert(number), "the id is free again");
            for index in 0..3 {
                let data = payload(seed, index, 5000);
                world.sides[ALICE].peer.send(now, id, Kind::Binary, data).unwrap();
            }
            world.sides[ALICE].peer.close_data_channel(now, id).unwrap();
            let closed = |side: &support::Side| {
                side.events.iter().filter(|event| matches!(event, Event::ChannelClosed { .. })).count()
                    == round + 1
            };
            let done = world.run_until(Duration::from_secs(60), |world| world.sides.iter().all(closed));
            assert!(done, "seed {seed}, round {round}");
        }
        let lengths: Vec<usize> = world.sides[BOB].messages.values().map(Vec::len).collect();
        assert_eq!(lengths, [3; 8], "what was sent before a close arrives");
    }
}

fn lows(world: &World, wanted: ChannelId) -> usize {
    let events = &world.sides[ALICE].events;
    events.iter().filter(|event| **event == Event::BufferedAmountLow { id: wanted }).count()
}

/// Sends 200 kB at once; what is buffered when the low mark is told.
fn buffered_when_low(world: &mut World, id: ChannelId) -> usize {
    let now = world.now;
    for index in 0..4 {
        world.sides[ALICE].peer.send(now, id, Kind::Binary, payload(1, index, 50_000)).unwrap();
    }
    let before = lows(world, id);
    assert!(world.run_until(Duration::from_secs(30), |world| lows(world, id) > before));
    let buffered = world.sides[ALICE].peer.buffered_amount(id);
    world.run_for(Duration::from_secs(5));
    assert_eq!(lows(world, id), before + 1, "told once for each fall");
    buffered
}

#[test]
fn a_low_mark_can_be_set_before_the_connection_and_ends_with_its_channel() {
    let mut world = World::new(23, link(10));
    let id = world.sides[ALICE].peer.create_data_channel(world.now, channel("marked")).unwrap();
    world.sides[ALICE].peer.set_buffered_amount_low_threshold(id, 50_000);
    world.signal();
    assert!(world.run_until(Duration::from_secs(10), |world| world.sides[ALICE].opened() == [id]));
    let buffered = buffered_when_low(&mut world, id);
    assert!((1..=50_000).contains(&buffered), "{buffered}");

    let stream = world.sides[ALICE].peer.channel_stream(id);
    world.sides[ALICE].peer.close_data_channel(world.now, id).unwrap();
    let closed = |world: &mut World| world.sides[ALICE].saw(|event| *event == Event::ChannelClosed { id });
    assert!(world.run_until(Duration::from_secs(10), closed));
    let again = world.sides[ALICE].peer.create_data_channel(world.now, channel("unmarked")).unwrap();
    assert_eq!(world.sides[ALICE].peer.channel_stream(again), stream);
    assert_eq!(buffered_when_low(&mut world, again), 0);
}

#[test]
fn an_open_and_an_ack_that_leave_are_no_fall_of_the_buffered_amount() {
    let mut world = World::new(24, link(10));
    world.connected(channel("silent"));
    world.run_for(Duration::from_secs(1));
    for side in &world.sides {
        assert!(!side.saw(|event| matches!(event, Event::BufferedAmountLow { .. })));
    }
}

#[test]
fn the_buffered_amount_counts_bytes_of_messages_and_a_close_takes_nothing_away() {
    let mut world = World::new(25, link(10));
    let (id, there) = world.connected(channel("counted"));
    let now = world.now;
    for index in 0..4 {
        world.sides[ALICE].peer.send(now, id, Kind::Binary, payload(2, index, 50_000)).unwrap();
    }
    world.sides[ALICE].peer.send(now, id, Kind::Text, "äö".into()).unwrap();
    assert_eq!(world.sides[ALICE].peer.buffered_amount(id), 200_004);
    world.sides[ALICE].peer.close_data_channel(now, id).unwrap();
    assert_eq!(world.sides[ALICE].peer.buffered_amount(id), 200_004);
    let closed = |world: &mut World| world.sides[ALICE].saw(|event| *event == Event::ChannelClosed { id });
    assert!(world.run_until(Duration::from_secs(10), closed));
    assert_eq!(world.sides[BOB].received(there).len(), 5);
    assert_eq!(world.sides[ALICE].peer.buffered_amount(id), 0);
}

#[test]
fn priorities_of_channels_are_weights_on_the_wire() {
    let slow = LinkConfig { rate_bits: Some(4_000_000), queue_bytes: 50_000, ..link(10) };
    let mut world = World::new(26, slow);
    let weighted = |label: &str, priority| ChannelConfig { priority, ..channel(label) };
    world.connected(channel("first"));
    let now = world.now;
    let alice = &mut world.sides[ALICE].peer;
    let low = alice.create_data_channel(now, weighted("low", 128)).unwrap();
    let high = alice.create_data_channel(now, weighted("high", 1024)).unwrap();
    for index in 0..100 {
        for id in [low, high] {
            alice.send(now, id, Kind::Binary, payload(3, index, 10_000)).unwrap();
        }
    }
    let received = |world: &World, label: &str| {
        let bob = &world.sides[BOB];
        bob.by_label(label).map_or(0, |id| bob.received(id).len())
    };
    assert!(world.run_until(Duration::from_secs(60), |world| received(world, "high") == 100));
    let share = received(&world, "low");
    assert!((8..=18).contains(&share), "{share} of 100, where an eighth is due");
    let there = world.sides[BOB].by_label("high").unwrap();
    assert_eq!(world.sides[BOB].peer.channel_config(there).map(|config| config.priority), Some(1024));
}

#[test]
fn tiny_messages_that_nobody_reads_fill_the_window_with_what_they_cost() {
    let mut bob = config("bob");
    bob.sctp.receive_window_bytes = 256 << 10;
    let mut world = World::with_configs(40, link(5), config("alice"), bob);
    let (id, remote) = world.connected(channel("tiny"));
    world.sides[BOB].hold_messages = true;
    for _ in 0..20_000 {
        world.sides[ALICE].queue(id, Kind::Binary, Bytes::from_static(b"x"));
    }
    world.run_for(Duration::from_secs(10));
    world.sides[BOB].hold_messages = false;
    let mut waiting = 0;
    while let Some(message) = world.sides[BOB].peer.poll_message() {
        world.sides[BOB].peer.release(world.now, message.window_bytes);
        waiting += 1;
    }
    assert!(waiting > 1000 && waiting < 3000, "{waiting} messages in a window of 256 KiB");
    let rest = 20_000 - waiting;
    let all =
        world.run_until(Duration::from_secs(60), |world| world.sides[BOB].received(remote).len() == rest);
    assert!(all, "and the window opens again");
}

#[test]
fn a_channel_beyond_the_streams_of_the_association_ends_and_is_not_lost_in_silence() {
    let mut bob = config("bob");
    bob.sctp.inbound_streams = 4;
    let mut world = World::with_configs(41, link(5), config("alice"), bob);
    let now = world.now;
    let alice = &mut world.sides[ALICE].peer;
    let ids = ["a", "b", "c"].map(|label| alice.create_data_channel(now, channel(label)).unwrap());
    world.signal();
    let settled = world.run_until(Duration::from_secs(10), |world| {
        let closed = world.sides[ALICE].saw(|event| *event == Event::ChannelClosed { id: ids[2] });
        closed && world.sides[BOB].opened().len() == 2
    });
    assert!(settled, "{:?}", world.sides[ALICE].events);
    assert_eq!(world.sides[ALICE].opened(), ids[..2]);
    let one_more = world.sides[ALICE].peer.create_data_channel(world.now, channel("d"));
    assert_eq!(one_more, Err(datachannel::OpenError::NoStream));
}

/// The kernel takes many datagrams of one size at once; small messages that are not cut must not spoil that.
#[test]
fn a_backlog_of_small_or_large_messages_leaves_in_long_batches() {
    for size in [64, 1000, 16384] {
        let mut world = World::new(30, LinkConfig::with_delay(Duration::from_micros(200)));
        let (a, b) = world.connected(channel("bulk"));
        let count = 1_000_000 / size;
        for index in 0..count {
            world.sides[ALICE].queue(a, Kind::Binary, payload(30, index as u64, size));
        }
        world.longest_batch = 0;
        assert!(
            world.run_until(Duration::from_secs(60), |world| world.sides[BOB].received(b).len() == count)
        );
        assert!(world.longest_batch >= 40, "{size} B: {}", world.longest_batch);
    }
}
