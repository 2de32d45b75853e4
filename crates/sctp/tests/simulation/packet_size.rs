//! RFC 8899: the packet size follows the path, up and down.

use crate::world::{IP_AND_UDP, World};
use plywood_sctp::{Config, PacketSizes, Ppid, Reliability, SendOptions, StreamId};
use plywood_simnet::{LinkConfig, Loss};
use std::time::Duration;

const SIZES: PacketSizes = PacketSizes { smallest: 548, base: 1172, largest: 1472 };

fn link(mtu_bytes: usize) -> LinkConfig {
    let mut link = LinkConfig::with_delay(Duration::from_millis(20));
    link.mtu_bytes = mtu_bytes;
    link
}

/// Both ends connected and looking for their size.
fn world(seed: u64, link: LinkConfig, sizes: PacketSizes) -> World {
    let mut world = World::new(seed, link, [Config::default(), Config::default()]);
    world.connect();
    assert!(
        world.run_until(Duration::from_secs(20), |world| world.ends.iter().all(|end| end.is_connected()))
    );
    for end in &mut world.ends {
        end.set_packet_sizes(world.now, sizes);
    }
    world
}

/// Sends `count` messages of 16 KiB and says how long they took; panics if they do not come.
fn transfer(world: &mut World, count: usize) -> Duration {
    let begin = world.now;
    let before = world.messages[1].len();
    for _ in 0..count {
        let data = vec![7; 16384].into();
        world.ends[0].send(world.now, StreamId(0), Ppid(53), data, SendOptions::default()).unwrap();
    }
    let done = world.run_until(Duration::from_secs(120), |world| world.messages[1].len() >= before + count);
    assert!(done, "{} of {count} came: {:?}", world.messages[1].len() - before, world.ends[0].stats());
    world.now - begin
}

fn packet_bytes(world: &World) -> usize {
    world.ends[0].packet_bytes().unwrap()
}

#[test]
fn the_size_rises_to_the_largest_in_two_round_trips() {
    let mut world = world(1, link(1500), SIZES);
    assert_eq!(packet_bytes(&world), SIZES.base, "the base is used until more is known");
    world.run_for(Duration::from_millis(100));
    assert_eq!(packet_bytes(&world), SIZES.largest);
    assert_eq!(world.probes, [1172, 1172, 1472, 1472], "the base, then the largest, at each end");
    world.run_for(Duration::from_secs(3600));
    assert_eq!(world.probes.len(), 4, "nothing more is asked");
}

#[test]
fn the_size_is_found_between_the_base_and_the_largest() {
    for mtu in [1300, 1380, 1420, 1492] {
        let mut world = world(2, link(mtu), SIZES);
        transfer(&mut world, 20);
        world.run_for(Duration::from_secs(60));
        let found = packet_bytes(&world);
        assert!(found <= mtu - IP_AND_UDP && found + 16 > mtu - IP_AND_UDP - 4, "{found} for {mtu}");
        transfer(&mut world, 20);
    }
}

#[test]
fn packets_of_a_larger_size_are_full_and_hold_chunks_of_the_base() {
    let mut world = world(3, link(9000), PacketSizes { largest: 8972, ..SIZES });
    world.run_for(Duration::from_millis(200));
    assert_eq!(packet_bytes(&world), 8972);
    transfer(&mut world, 50);
    let sent = world.ends[0].stats();
    let each = sent.bytes_sent / sent.packets_sent;
    assert!(each > 6000, "{each} bytes a packet");
}

#[test]
fn a_path_that_shrinks_is_noticed_and_everything_arrives() {
    for seed in 0..10 {
        let mut world = world(seed, link(1500), SIZES);
        transfer(&mut world, 20);
        assert_eq!(packet_bytes(&world), 1472);
        // More than the window holds, so that the path shrinks in the middle.
        let all = world.messages[1].len() + 100;
        for _ in 0..100 {
            let data = vec![9; 16384].into();
            world.ends[0].send(world.now, StreamId(0), Ppid(53), data, SendOptions::default()).unwrap();
        }
        world.run_for(Duration::from_millis(5));
        world.set_link(link(1280));
        let begin = world.now;
        assert!(world.run_until(Duration::from_secs(120), |world| world.messages[1].len() >= all));
        let took = world.now - begin;
        assert!(took < Duration::from_secs(3), "seed {seed}: {took:?}");
        assert!(packet_bytes(&world) <= 1280 - IP_AND_UDP);
        assert!(world.ends[0].stats().black_holes >= 1);
        world.run_for(Duration::from_secs(30));
        assert!(packet_bytes(&world) > 1172, "what still passes is found: {}", packet_bytes(&world));
    }
}

#[test]
fn a_path_that_widens_is_used_after_ten_minutes() {
    let mut world = world(5, link(1300), SIZES);
    world.run_for(Duration::from_secs(60));
    let narrow = packet_bytes(&world);
    assert!(narrow < 1300);
    world.set_link(link(1500));
    world.run_for(Duration::from_secs(500));
    assert_eq!(packet_bytes(&world), narrow);
    world.run_for(Duration::from_secs(200));
    assert_eq!(packet_bytes(&world), 1472);
}

#[test]
fn a_path_below_the_base_is_found_and_used() {
    let mut world = world(6, link(900), SIZES);
    // Before the base is confirmed no chunk is larger than the smallest size takes, so nothing is stuck.
    transfer(&mut world, 5);
    world.run_for(Duration::from_secs(60));
    let found = packet_bytes(&world);
    assert!((840..=872).contains(&found), "{found}");
    transfer(&mut world, 20);
}

#[test]
fn a_silence_of_seconds_is_not_taken_for_a_small_path() {
    let mut world = world(7, link(1500), SIZES);
    transfer(&mut world, 5);
    world.set_link(LinkConfig::cut());
    world.ends[0]
        .send(world.now, StreamId(0), Ppid(53), vec![1; 100_000].into(), SendOptions::default())
        .unwrap();
    world.run_for(Duration::from_secs(12));
    world.set_link(link(1500));
    world.run_for(Duration::from_secs(20));
    assert_eq!(packet_bytes(&world), 1472);
    assert_eq!(world.messages[1].last().unwrap().1.data.len(), 100_000);
}

#[test]
fn random_loss_does_not_keep_the_size_down() {
    let mut lossy = link(1500);
    lossy.loss = Loss::Random(0.05);
    let mut world = world(8, lossy, SIZES);
    transfer(&mut world, 60);
    world.run_for(Duration::from_secs(30));
    assert_eq!(packet_bytes(&world), 1472);
}

#[test]
fn a_lost_probe_is_no_congestion_and_no_failure() {
    let mut world = world(9, link(1300), SIZES);
    world.run_for(Duration::from_secs(60));
    let stats = world.ends[0].stats();
    assert!(stats.mtu_probes > 5);
    assert_eq!((stats.chunks_lost, stats.timeouts), (0, 0));
    assert!(world.ends[0].is_connected());
}

#[test]
fn a_new_path_begins_with_the_base_again() {
    let mut world = world(10, link(1500), SIZES);
    world.run_for(Duration::from_secs(1));
    assert_eq!(packet_bytes(&world), 1472);
    world.set_link(link(1400));
    for end in &mut world.ends {
        end.set_packet_sizes(world.now, SIZES);
    }
    assert_eq!(packet_bytes(&world), 1172);
    transfer(&mut world, 10);
    world.run_for(Duration::from_secs(30));
    assert!((1340..=1372).contains(&packet_bytes(&world)), "{}", packet_bytes(&world));
}

#[test]
fn partially_reliable_messages_survive_a_fall_of_the_size() {
    let mut world = world(11, link(1500), SIZES);
    world.run_for(Duration::from_secs(1));
    world.set_link(link(1228));
    let options = SendOptions { unordered: true, reliability: Reliability::MaxRetransmits(2) };
    for _ in 0..200 {
        let _ = world.ends[0].send(world.now, StreamId(1), Ppid(53), vec![1; 3000].into(), options);
        world.run_for(Duration::from_millis(20));
    }
    world.run_for(Duration::from_secs(5));
    assert!(world.messages[1].len() > 150, "{}", world.messages[1].len());
}
