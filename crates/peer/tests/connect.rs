//! From two descriptions to an open channel, and to the end.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use plywood_peer::{
    CloseReason, ConnectionState, Event, Kind, LocalCandidateError, LocalId, NegotiationError, SdpKind,
    SignalingState,
};
use plywood_simnet::LinkConfig;
use support::{ALICE, BOB, World, channel, config, payload};

fn link(milliseconds: u64) -> LinkConfig {
    LinkConfig::with_delay(Duration::from_millis(milliseconds))
}

#[test]
fn a_channel_opens_and_carries_both_kinds_both_ways() {
    let mut world = World::new(1, link(10));
    let (a, b) = world.connected(channel("first"));
    world.sides[ALICE].queue(a, Kind::Text, Bytes::from_static("häi".as_bytes()));
    world.sides[ALICE].queue(a, Kind::Text, Bytes::new());
    world.sides[BOB].queue(b, Kind::Binary, payload(1, 0, 100_000));
    world.sides[BOB].queue(b, Kind::Binary, Bytes::new());
    let done = world.run_until(Duration::from_secs(10), |world| {
        world.sides[BOB].received(b).len() == 2 && world.sides[ALICE].received(a).len() == 2
    });
    assert!(done);
    let expected = [(Kind::Text, Bytes::from_static("häi".as_bytes())), (Kind::Text, Bytes::new())];
    assert_eq!(world.sides[BOB].received(b), expected);
    let expected = [(Kind::Binary, payload(1, 0, 100_000)), (Kind::Binary, Bytes::new())];
    assert_eq!(world.sides[ALICE].received(a), expected);
}

#[test]
fn a_connection_takes_few_round_trips_from_the_answer_on() {
    let mut world = World::new(2, link(50));
    world.connected(channel("quick"));
    // LESSONS: check 1, DTLS 1.2 2, SCTP 2, DCEP 1; each a round trip of 100 ms.
    assert!(world.elapsed() <= Duration::from_millis(650), "{:?}", world.elapsed());
}

#[test]
fn data_that_was_released_lets_a_slow_reader_receive_everything() {
    let mut world = World::new(3, link(5));
    let (a, b) = world.connected(channel("slow"));
    world.sides[BOB].hold_messages = true;
    for index in 0..40 {
        world.sides[ALICE].queue(a, Kind::Binary, payload(3, index, 200_000));
    }
    world.run_for(Duration::from_secs(20));
    assert!(!world.sides[ALICE].backlog.is_empty(), "a reader that does not read must stop the sender");
    world.sides[BOB].hold_messages = false;
    let done = world.run_until(Duration::from_secs(60), |world| world.sides[BOB].received(b).len() == 40);
    assert!(done, "{} of 40", world.sides[BOB].received(b).len());
}

#[test]
fn packets_grow_as_far_as_the_path_lets_them() {
    let mut link = link(10);
    link.mtu_bytes = 1400;
    let looks_for_more = |name| {
        let mut config = config(name);
        config.largest_mtu_bytes = Some(1472);
        config
    };
    let mut world = World::with_configs(9, link, looks_for_more("alice"), looks_for_more("bob"));
    world.largest_datagram = 1472;
    let (a, b) = world.connected(channel("wide"));
    world.run_for(Duration::from_secs(30));
    // 28 bytes of IP and UDP; the search ends within 16 bytes of what passes.
    let found = world.sides[ALICE].peer.sctp().unwrap().packet_bytes().unwrap();
    let overhead = world.sides[ALICE].peer.dtls().unwrap().record_overhead();
    assert!((1400 - 28 - 20..=1400 - 28).contains(&(found + overhead)), "{found} + {overhead}");
    let before = world.sides[ALICE].peer.stats().datagrams_sent;
    world.sides[ALICE].queue(a, Kind::Binary, payload(9, 0, 200_000));
    assert!(world.run_until(Duration::from_secs(10), |world| world.sides[BOB].received(b).len() == 1));
    let datagrams = world.sides[ALICE].peer.stats().datagrams_sent - before;
    assert!(datagrams < 200_000 / 1200, "{datagrams} datagrams of more than 1200 bytes");
}

#[test]
fn closing_tells_the_other_side_at_once() {
    let mut world = World::new(4, link(10));
    let (_, b) = world.connected(channel("brief"));
    let before = world.now;
    let now = world.now;
    world.sides[ALICE].peer.close(now);
    let told = world.run_until(Duration::from_secs(5), |world| {
        world.sides[BOB].saw(|event| matches!(event, Event::Closed(CloseReason::Remote)))
    });
    assert!(told);
    assert!(world.now - before < Duration::from_millis(100));
    assert!(world.sides[BOB].saw(|event| *event == Event::ChannelClosed { id: b }));
    assert!(world.sides[ALICE].saw(|event| matches!(event, Event::Closed(CloseReason::Local))));
    assert_eq!(world.sides[BOB].peer.state(), ConnectionState::Closed);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.sides[ALICE].peer.poll_timeout(), None, "a closed connection has no timers");
    assert_eq!(world.sides[BOB].peer.poll_timeout(), None);
}

#[test]
fn a_channel_closes_on_both_sides_and_its_stream_is_used_again() {
    let mut world = World::new(5, link(10));
    let (a, b) = world.connected(channel("one"));
    let stream = world.sides[ALICE].peer.channel_stream(a).unwrap();
    let now = world.now;
    world.sides[ALICE].queue(a, Kind::Text, Bytes::from_static(b"last words"));
    world.settle();
    world.sides[ALICE].peer.close_data_channel(now, a).unwrap();
    let closed = world.run_until(Duration::from_secs(5), |world| {
        world.sides[ALICE].saw(|event| *event == Event::ChannelClosed { id: a })
            && world.sides[BOB].saw(|event| *event == Event::ChannelClosed { id: b })
    });
    assert!(closed, "{:?}", world.sides[BOB].events);
    assert_eq!(world.sides[BOB].received(b).len(), 1, "what was queued before the close arrives");
    let now = world.now;
    let again = world.sides[ALICE].peer.create_data_channel(now, channel("two")).unwrap();
    let opened = world.run_until(Duration::from_secs(5), |world| world.sides[BOB].by_label("two").is_some());
    assert!(opened);
    assert_eq!(world.sides[ALICE].peer.channel_stream(again), Some(stream));
}

#[test]
fn both_sides_open_channels_at_once() {
    let mut world = World::new(6, link(10));
    for index in 0..16 {
        for side in [ALICE, BOB] {
            let config = channel(&format!("{side}-{index}"));
            let now = world.now;
            world.sides[side].peer.create_data_channel(now, config).unwrap();
        }
    }
    world.signal();
    let done = world
        .run_until(Duration::from_secs(10), |world| world.sides.iter().all(|side| side.opened().len() == 32));
    assert!(done);
}

#[test]
fn a_wrong_fingerprint_never_opens_and_says_why() {
    let mut world = World::new(7, link(10));
    // Bob's description promises Mallory's certificate.
    world.sides[BOB].peer.create_data_channel(world.now, channel("never")).unwrap();
    for side in &mut world.sides {
        side.peer.add_local_host(world.now, LocalId(0), side.address).unwrap();
        side.peer.end_of_local_candidates(world.now);
    }
    let now = world.now;
    let offer = world.sides[ALICE].peer.create_offer(now).unwrap();
    world.sides[ALICE].peer.set_local_description(now, SdpKind::Offer, &offer).unwrap();
    let offer = world.sides[ALICE].peer.local_description().unwrap().sdp;
    world.sides[BOB].peer.set_remote_description(now, SdpKind::Offer, &offer).unwrap();
    let answer = world.sides[BOB].peer.create_answer(now).unwrap();
    world.sides[BOB].peer.set_local_description(now, SdpKind::Answer, &answer).unwrap();
    let answer = world.sides[BOB].peer.local_description().unwrap().sdp;
    let (bob, mallory) = (support::identity("bob"), support::identity("mallory"));
    let altered = answer.replace(&bob.fingerprint().to_string(), &mallory.fingerprint().to_string());
    assert_ne!(answer, altered, "{answer}");
    world.sides[ALICE].peer.set_remote_description(now, SdpKind::Answer, &altered).unwrap();
    let failed = world.run_until(Duration::from_secs(40), |world| {
        world.sides[ALICE].saw(|event| matches!(event, Event::Closed(CloseReason::Dtls(_))))
    });
    assert!(failed, "{:?}", world.sides[ALICE].events);
    assert_eq!(world.sides[ALICE].peer.state(), ConnectionState::Failed);
    assert!(!world.sides[ALICE].saw(|event| matches!(event, Event::ChannelOpened { .. })));
    assert!(
        !world.sides[ALICE].saw(|event| *event == Event::ConnectionStateChanged(ConnectionState::Connected))
    );
}

#[test]
fn an_ice_restart_changes_credentials_and_traffic_goes_on() {
    for (offerer, answerer) in [(ALICE, BOB), (BOB, ALICE)] {
        let mut world = World::new(8, link(10));
        let (a, b) = world.connected(channel("lasting"));
        let before = world.sides[BOB].peer.ice().local_credentials().ufrag.clone();
        world.sides[offerer].peer.restart_ice();
        world.exchange(offerer, answerer);
        assert_ne!(world.sides[BOB].peer.ice().local_credentials().ufrag, before);
        for index in 0..20 {
            world.sides[ALICE].queue(a, Kind::Binary, payload(8, index, 10_000));
        }
        let done = world.run_until(Duration::from_secs(10), |world| world.sides[BOB].received(b).len() == 20);
        assert!(done);
        world.run_for(Duration::from_secs(40));
        assert_eq!(world.sides[ALICE].peer.state(), ConnectionState::Connected);
        assert_eq!(world.sides[BOB].peer.state(), ConnectionState::Connected);
    }
}

/// Alice's host moves to another address on a link of 300 ms, with megabytes on the way.
#[test]
fn a_change_of_path_begins_congestion_control_anew_and_nothing_is_lost() {
    let mut world = World::new(12, link(10));
    let now = world.now;
    let a = world.sides[ALICE].peer.create_data_channel(now, channel("moving")).unwrap();
    for side in &mut world.sides {
        side.peer.add_local_host(now, LocalId(0), side.address).unwrap();
    }
    world.exchange(ALICE, BOB);
    let open =
        world.run_until(Duration::from_secs(60), |world| world.sides[BOB].by_label("moving").is_some());
    assert!(open);
    let b = world.sides[BOB].by_label("moving").unwrap();
    for index in 0..400 {
        world.sides[ALICE].queue(a, Kind::Binary, payload(12, index, 60_000));
    }
    world.run_for(Duration::from_millis(400));
    let stats = world.sides[ALICE].peer.sctp().unwrap().stats().clone();
    assert!(stats.cwnd_bytes > 500_000, "{}", stats.cwnd_bytes);
    assert!(stats.srtt.unwrap() < Duration::from_millis(100));

    let elsewhere: SocketAddr = "10.0.0.3:5003".parse().unwrap();
    let bob = world.sides[BOB].address.ip();
    world.network.set_down(world.sides[ALICE].address.ip(), true);
    world.network.connect(elsewhere.ip(), bob, link(150));
    let now = world.now;
    let alice = &mut world.sides[ALICE];
    (alice.address, alice.local) = (elsewhere, LocalId(1));
    alice.events.clear();
    alice.peer.remove_local(now, LocalId(0));
    alice.peer.restart_ice();
    let offer = alice.peer.create_offer(now).unwrap();
    alice.peer.set_local_description(now, SdpKind::Offer, &offer).unwrap();
    alice.peer.add_local_host(now, LocalId(1), elsewhere).unwrap();
    world.answer(ALICE, BOB);
    let moved = world.run_until(Duration::from_secs(5), |world| {
        world.sides[ALICE].saw(|event| matches!(event, Event::PathChanged(_)))
    });
    assert!(moved);
    let stats = world.sides[ALICE].peer.sctp().unwrap().stats().clone();
    assert!(stats.cwnd_bytes <= 12_000, "{}", stats.cwnd_bytes);
    assert_eq!(stats.ssthresh_bytes, usize::MAX);
    // What ICE measured there, if it has: never the old path's.
    assert!(stats.srtt.is_none_or(|srtt| srtt >= Duration::from_millis(300)), "{:?}", stats.srtt);
    let done = world.run_until(Duration::from_secs(60), |world| world.sides[BOB].received(b).len() == 400);
    assert!(done, "{} of 400", world.sides[BOB].received(b).len());
}

#[test]
fn a_close_is_told_also_if_a_timer_comes_before_the_last_poll() {
    let mut world = World::new(14, link(10));
    world.connected(channel("closing"));
    let now = world.now;
    world.sides[ALICE].peer.close(now);
    world.sides[ALICE].peer.handle_timeout(now);
    world.run_for(Duration::from_secs(1));
    assert!(world.sides[BOB].saw(|event| *event == Event::Closed(CloseReason::Remote)));
}

/// A new network: its socket comes with the restart, the old one goes, and candidates end twice, once a generation.
#[test]
fn after_a_restart_more_sockets_are_taken_until_the_candidates_end_again() {
    let elsewhere: SocketAddr = "10.0.0.3:5003".parse().unwrap();
    // Before and after the description is set; the peer's restart allows it, too.
    for (early, mover) in [(true, ALICE), (false, ALICE), (false, BOB)] {
        let mut world = World::new(13, link(10));
        let (a, b) = world.connected(channel("moving"));
        let (now, other) = (world.now, 1 - mover);
        let other_address = world.sides[other].address.ip();
        world.network.connect(elsewhere.ip(), other_address, link(10));
        let add = |world: &mut World| world.sides[mover].peer.add_local_host(now, LocalId(1), elsewhere);
        assert_eq!(add(&mut world), Err(LocalCandidateError::Ended), "this generation is complete");

        world.sides[mover].events.clear();
        world.sides[ALICE].peer.restart_ice();
        let offer = world.sides[ALICE].peer.create_offer(now).unwrap();
        if early {
            assert_eq!(add(&mut world), Ok(()));
        }
        world.sides[ALICE].peer.set_local_description(now, SdpKind::Offer, &offer).unwrap();
        if mover == BOB {
            world.sides[BOB].peer.set_remote_description(now, SdpKind::Offer, &offer).unwrap();
        }
        if !early {
            assert_eq!(add(&mut world), Ok(()));
        }
        let peer = &mut world.sides[mover].peer;
        assert!(!peer.local_candidates_ended());
        peer.remove_local(now, LocalId(0));
        peer.end_of_local_candidates(now);
        peer.end_of_local_candidates(now);
        assert!(peer.local_candidates_ended());
        (world.sides[mover].address, world.sides[mover].local) = (elsewhere, LocalId(1));
        world.answer(ALICE, BOB);
        let again: SocketAddr = "10.0.0.4:5004".parse().unwrap();
        let late = world.sides[mover].peer.add_local_host(now, LocalId(2), again);
        assert_eq!(late, Err(LocalCandidateError::Ended));

        let (sender, channel, receiver, received) = (mover, [a, b][mover], other, [a, b][other]);
        world.sides[sender].queue(channel, Kind::Text, Bytes::from_static(b"from elsewhere"));
        let done = world
            .run_until(Duration::from_secs(5), |world| !world.sides[receiver].received(received).is_empty());
        assert!(done, "{early} {mover}");
        let ends = world.sides[mover].events.iter().filter(|event| **event == Event::EndOfLocalCandidates);
        assert_eq!(ends.count(), 1);
        assert_eq!(world.sides[mover].peer.path().unwrap().local, elsewhere);
    }
}

#[test]
fn silence_of_the_network_disconnects_and_then_fails() {
    let mut world = World::new(9, link(10));
    world.connected(channel("cut"));
    world.network.set_down(world.sides[BOB].address.ip(), true);
    let down = world.run_until(Duration::from_secs(30), |world| {
        world.sides[ALICE].peer.state() == ConnectionState::Disconnected
    });
    assert!(down);
    let failed = world.run_until(Duration::from_secs(60), |world| {
        world.sides[ALICE].peer.state() == ConnectionState::Failed
    });
    assert!(failed);
}

#[test]
fn descriptions_out_of_turn_are_refused_and_change_nothing() {
    let mut world = World::new(10, link(1));
    let now = world.now;
    let peer = &mut world.sides[ALICE].peer;
    assert!(matches!(peer.create_answer(now), Err(NegotiationError::WrongState { .. })));
    assert!(matches!(
        peer.set_remote_description(now, SdpKind::Answer, "v=0\r\n"),
        Err(NegotiationError::WrongState { .. })
    ));
    assert!(matches!(
        peer.set_remote_description(now, SdpKind::Offer, "nonsense"),
        Err(NegotiationError::Sdp(_))
    ));
    let offer = peer.create_offer(now).unwrap();
    let altered = offer.replace("5000", "5001");
    assert_eq!(peer.set_local_description(now, SdpKind::Offer, &altered), Err(NegotiationError::Altered));
    assert_eq!(peer.signaling_state(), SignalingState::Stable);
    peer.set_local_description(now, SdpKind::Offer, &offer).unwrap();
    assert_eq!(peer.signaling_state(), SignalingState::HaveLocalOffer);
}

#[test]
fn candidates_that_trickle_before_during_and_after_the_descriptions_connect() {
    let mut world = World::new(11, link(10));
    let now = world.now;
    world.sides[ALICE].peer.create_data_channel(now, channel("trickled")).unwrap();
    let offer = world.sides[ALICE].peer.create_offer(now).unwrap();
    world.sides[ALICE].peer.set_local_description(now, SdpKind::Offer, &offer).unwrap();
    world.sides[ALICE].peer.add_local_host(now, LocalId(0), world.sides[ALICE].address).unwrap();
    world.sides[ALICE].peer.end_of_local_candidates(now);
    world.settle();
    let line = world.sides[ALICE]
        .events
        .iter()
        .find_map(|event| match event {
            Event::LocalCandidate { candidate, ufrag, .. } => Some((candidate.clone(), ufrag.clone())),
            _ => None,
        })
        .unwrap();
    // Before the description, with its generation named.
    world.sides[BOB].peer.add_ice_candidate(now, &line.0, Some(&line.1)).unwrap();
    world.sides[BOB]
        .peer
        .add_ice_candidate(now, "candidate:7 1 tcp 1 10.0.0.9 9 typ host tcptype active", None)
        .unwrap();
    world.sides[BOB].peer.set_remote_description(now, SdpKind::Offer, &offer).unwrap();
    let answer = world.sides[BOB].peer.create_answer(now).unwrap();
    world.sides[BOB].peer.set_local_description(now, SdpKind::Answer, &answer).unwrap();
    world.sides[ALICE].peer.set_remote_description(now, SdpKind::Answer, &answer).unwrap();
    // Bob never signals a candidate: Alice learns his address as peer-reflexive.
    world.sides[BOB].peer.add_local_host(now, LocalId(0), world.sides[BOB].address).unwrap();
    let open =
        world.run_until(Duration::from_secs(5), |world| world.sides[BOB].by_label("trickled").is_some());
    assert!(open);
    assert_eq!(world.sides[BOB].peer.stats().candidates_skipped, 1);
}
