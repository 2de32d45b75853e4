//! What links do to datagrams, in virtual time.

use plywood_simnet::{DropReason, Fate, LinkConfig, Loss, Network, start};
use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

const MS: Duration = Duration::from_millis(1);

fn a() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 1000))
}
fn b() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], 2000))
}

/// A network with one configured direction.
fn one_way(seed: u64, config: LinkConfig) -> (Network, Instant) {
    let mut network = Network::new(seed);
    network.connect_one_way(a().ip(), b().ip(), config);
    (network, start())
}

/// Everything that arrives: (time since `begin`, first byte).
fn drain(network: &mut Network, begin: Instant) -> Vec<(Duration, u8)> {
    let mut seen = Vec::new();
    while let Some(at) = network.poll_timeout() {
        while let Some(delivery) = network.poll_delivery(at) {
            seen.push((delivery.at - begin, delivery.bytes.first().copied().unwrap_or(0)));
            network.recycle(delivery.bytes);
        }
    }
    seen
}

fn rough() -> LinkConfig {
    LinkConfig {
        delay: 20 * MS,
        jitter: 5 * MS,
        loss: Loss::Random(0.1),
        duplicate: 0.1,
        reorder: 0.1,
        corrupt: 0.1,
        rate_bits: Some(10_000_000),
        ..LinkConfig::default()
    }
}

#[test]
fn a_datagram_arrives_after_the_delay_and_not_before() {
    let (mut network, begin) = one_way(1, LinkConfig::with_delay(30 * MS));
    network.send(begin, a(), b(), b"x");
    assert_eq!(network.poll_timeout(), Some(begin + 30 * MS));
    assert_eq!(network.poll_delivery(begin + 29 * MS), None);
    let delivery = network.poll_delivery(begin + 31 * MS);
    assert!(
        delivery.is_some_and(|d| d.at == begin + 30 * MS && d.from == a() && d.to == b() && d.bytes == b"x")
    );
    assert_eq!(network.poll_timeout(), None);
}

#[test]
fn equal_seeds_give_equal_deliveries_and_other_seeds_others() {
    let run = |seed| {
        let (mut network, begin) = one_way(seed, rough());
        for i in 0..500u32 {
            network.send(begin + i * MS, a(), b(), &[u8::try_from(i % 251).unwrap_or(0); 100]);
        }
        drain(&mut network, begin)
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn the_rate_spaces_datagrams_and_the_queue_is_finite() {
    // 1000 bytes with headers at 1 Mbit/s take 8 ms; room for one more beside those on the wire.
    let config = LinkConfig { rate_bits: Some(1_000_000), queue_bytes: 2000, ..LinkConfig::default() };
    let (mut network, begin) = one_way(1, config);
    for i in 0..4u8 {
        network.send(begin, a(), b(), &[i; 972]);
    }
    assert_eq!(drain(&mut network, begin), [(8 * MS, 0), (16 * MS, 1)]);
    assert_eq!(network.stats().drops.of(DropReason::QueueFull), 2);
}

#[test]
fn jitter_keeps_the_order_and_reordering_breaks_it() {
    let jitter = LinkConfig { jitter: 50 * MS, ..LinkConfig::default() };
    let reorder = LinkConfig { reorder: 0.2, reorder_hold: 50 * MS, ..LinkConfig::default() };
    let order = |config| {
        let (mut network, begin) = one_way(3, config);
        for i in 0..200u8 {
            network.send(begin + u32::from(i) * MS, a(), b(), &[i]);
        }
        let seen: Vec<u8> = drain(&mut network, begin).into_iter().map(|(_, byte)| byte).collect();
        assert_eq!(seen.len(), 200);
        seen.is_sorted()
    };
    assert!(order(jitter));
    assert!(!order(reorder));
}

#[test]
fn random_and_bursty_loss_lose_the_share_they_are_asked_for() {
    let lost = |loss| {
        let (mut network, begin) = one_way(9, LinkConfig { loss, ..LinkConfig::default() });
        let mut runs = 0;
        let mut before = true;
        for _ in 0..20_000 {
            network.send(begin, a(), b(), b"x");
            let arrived = network.poll_delivery(begin).is_some();
            runs += u32::from(before && !arrived);
            before = arrived;
        }
        let lost = network.stats().drops.of(DropReason::Loss);
        (lost, f64::from(u32::try_from(lost).unwrap_or(0)) / f64::from(runs.max(1)))
    };
    let (random, random_run) = lost(Loss::Random(0.05));
    let (bursty, bursty_run) = lost(Loss::bursts(0.05, 8.0));
    assert!((800..1200).contains(&random), "{random}");
    assert!((700..1300).contains(&bursty), "{bursty}");
    assert!(random_run < 1.2, "{random_run}");
    assert!((6.0..10.0).contains(&bursty_run), "{bursty_run}");
    assert_eq!(lost(Loss::None).0, 0);
}

#[test]
fn a_copy_comes_right_behind_and_damage_is_one_bit() {
    let (mut network, begin) =
        one_way(2, LinkConfig { duplicate: 1.0, corrupt: 1.0, ..LinkConfig::default() });
    network.send(begin, a(), b(), &[0; 64]);
    let first = network.poll_delivery(begin).map(|d| d.bytes);
    let second = network.poll_delivery(begin).map(|d| d.bytes);
    let ones = first.iter().flatten().map(|byte| byte.count_ones()).sum::<u32>();
    assert_eq!(ones, 1);
    assert_eq!(first, second);
    assert_eq!((network.stats().duplicated, network.stats().corrupted), (1, 1));
}

#[test]
fn the_mtu_counts_ip_and_udp_headers() {
    let (mut network, begin) = one_way(1, LinkConfig { mtu_bytes: 1228, ..LinkConfig::default() });
    network.send(begin, a(), b(), &[1; 1200]);
    network.send(begin, a(), b(), &[2; 1201]);
    assert_eq!(drain(&mut network, begin), [(Duration::ZERO, 1)]);
    assert_eq!(network.stats().drops.of(DropReason::TooBig), 1);
}

#[test]
fn two_pairs_share_a_bottleneck_and_a_path_adds_its_links_up() {
    let begin = start();
    let mut network = Network::new(1);
    let access = network.add_link(LinkConfig::with_delay(2 * MS));
    let shared = network.add_link(LinkConfig { rate_bits: Some(1_000_000), ..LinkConfig::default() });
    let c = SocketAddr::from(([10, 0, 0, 3], 3000));
    network.route(a().ip(), b().ip(), &[access, shared]);
    network.route(c.ip(), b().ip(), &[shared]);
    network.send(begin, c, b(), &[3; 972]);
    network.send(begin, a(), b(), &[1; 972]);
    // C's datagram is on the wire until 8 ms; A's reaches the bottleneck at 2 ms and leaves it at 16 ms.
    assert_eq!(drain(&mut network, begin), [(8 * MS, 3), (16 * MS, 1)]);
    assert_eq!(network.link_stats(shared).map(|stats| stats.longest_queueing), Some(6 * MS));
}

#[test]
fn hosts_group_addresses_and_an_address_can_be_taken_down() {
    let begin = start();
    let mut network = Network::new(1);
    let v6: IpAddr = IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1]);
    let left = network.add_host("left", &[a().ip(), v6]);
    let right = network.add_host("right", &[b().ip()]);
    network.connect_hosts(left, right, LinkConfig::with_delay(MS));
    assert_eq!(network.host_name(v6), Some("left"));
    network.send(begin, SocketAddr::new(v6, 1), b(), &[6]);
    assert_eq!(drain(&mut network, begin), [(MS, 6)]);
    network.set_down(b().ip(), true);
    network.send(begin, a(), b(), &[1]);
    assert_eq!(drain(&mut network, begin), []);
    network.set_down(b().ip(), false);
    network.send(begin, a(), b(), &[2]);
    assert_eq!(drain(&mut network, begin), [(MS, 2)]);
}

#[test]
fn a_link_can_be_changed_while_datagrams_are_on_it() {
    let begin = start();
    let mut network = Network::new(1);
    let link = network.connect_one_way(a().ip(), b().ip(), LinkConfig::with_delay(10 * MS));
    network.send(begin, a(), b(), &[1]);
    network.set_link(link, LinkConfig::cut());
    network.send(begin, a(), b(), &[2]);
    assert_eq!(drain(&mut network, begin), [(10 * MS, 1)]);
}

#[test]
fn a_recording_tells_the_fate_of_each_datagram_and_is_bounded() {
    let begin = start();
    let mut network = Network::new(1);
    network.record(3);
    network.connect_one_way(a().ip(), b().ip(), LinkConfig::with_delay(MS));
    network.connect_one_way(b().ip(), a().ip(), LinkConfig::cut());
    network.send(begin, a(), b(), &[1]);
    network.send(begin, b(), a(), &[2]);
    network.send(begin, a(), b(), &[3, 3]);
    drain(&mut network, begin);
    let recording = network.recording();
    let fates: Vec<Fate> = recording.into_iter().flat_map(|r| r.records()).map(|r| r.fate).collect();
    assert_eq!(fates, [Fate::Delivered(begin + MS), Fate::Lost(DropReason::Loss)]);
    assert_eq!(recording.map(|r| r.left_out()), Some(1));
}
