//! Every bound of the configuration, filled (LESSONS: candidate floods, scanning, queues).
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use plywood_ice::{Config, Discard, Event, LocalId, RemoteAddressPolicy, RemoteCandidateError};
use support::{World, address, candidate, ms};

use plywood_stun::IntegrityKey;
use plywood_stun::wire::{AttributeType, Class, MessageBuilder, Method, TransactionId};

fn request(world: &World, id: u8) -> Vec<u8> {
    let credentials = world.agents[0].local_credentials();
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, Class::Request, Method::BINDING, TransactionId([id; 12]))
        .bytes(AttributeType::USERNAME, format!("{}:peer", credentials.ufrag).as_bytes())
        .u64(AttributeType::ICE_CONTROLLED, 1)
        .u32(AttributeType::PRIORITY, 1)
        .integrity(&IntegrityKey::from_password(&credentials.pwd))
        .fingerprint()
        .finish()
        .unwrap();
    out
}

#[test]
fn a_flood_of_candidates_is_capped_and_announced() {
    let mut world = World::new(1);
    for n in 0..8 {
        world.socket(0, &format!("192.0.2.{}:1000", n + 1));
    }
    world.credentials();
    let limit = Config::default().max_remote_candidates;
    for n in 0..1000u32 {
        let remote = candidate(&format!("198.51.{}.{}:9", n / 250, n % 250 + 1), &n.to_string(), n);
        let result = world.agents[0].add_remote_candidate(world.now, remote);
        let expected =
            if (n as usize) < limit { Ok(()) } else { Err(RemoteCandidateError::TooMany { limit }) };
        assert_eq!(result, expected);
    }
    assert_eq!(world.agents[0].pairs().len(), Config::default().max_pairs);
    world.drain();
    let dropped = |event: &Event| matches!(event, Event::CandidatesDropped { count } if *count > 900);
    assert!(world.events[0].iter().any(|(_, event)| dropped(event)));
    // At most one new check every 50 ms, whatever came.
    world.run(ms(1000));
    assert!(world.agents[0].stats().checks_sent <= 21);
}

#[test]
fn a_full_check_list_keeps_its_best_pairs() {
    let mut world = World::with_config(2, Config { max_pairs: 4, ..Config::default() });
    world.socket(0, "192.0.2.1:1000");
    for n in 0..10u32 {
        let remote = candidate(&format!("198.51.100.{n}:9"), &n.to_string(), 100 + n);
        world.agents[0].add_remote_candidate(world.now, remote).unwrap();
    }
    let remotes: Vec<_> = world.agents[0].pairs().iter().map(|pair| pair.remote.to_string()).collect();
    assert_eq!(remotes, ["198.51.100.9:9", "198.51.100.8:9", "198.51.100.7:9", "198.51.100.6:9"]);
}

#[test]
fn one_host_cannot_be_scanned_port_by_port() {
    let mut world = World::new(3);
    world.socket(0, "192.0.2.1:1000");
    world.credentials();
    for port in 1..200 {
        let remote = candidate(&format!("198.51.100.7:{port}"), &port.to_string(), 1);
        let _ = world.agents[0].add_remote_candidate(world.now, remote);
    }
    world.run(ms(60_000));
    let mut ports: Vec<_> = world.wire.iter().map(|(_, _, to, _)| to.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), Config::default().max_candidates_per_host);
    assert!(world.wire.len() <= 7 * ports.len(), "seven packets a port at most");
}

#[test]
fn peer_reflexive_candidates_count_against_the_same_bounds() {
    let mut world = World::new(4);
    world.socket(0, "192.0.2.1:1000");
    let bytes = request(&world, 1);
    for port in 1..=1000u16 {
        let from = address(&format!("198.51.{}.7:{port}", port % 100));
        world.agents[0].handle_datagram(world.now, LocalId(0), from, &bytes).unwrap();
        world.drain();
    }
    assert!(world.agents[0].pairs().len() <= Config::default().max_remote_candidates);
    assert!(world.agents[0].stats().candidates_dropped >= 900);
}

#[test]
fn answers_wait_in_a_bounded_queue() {
    let mut world = World::new(5);
    world.socket(0, "192.0.2.1:1000");
    let bytes = request(&world, 1);
    let limit = Config::default().max_queued_responses;
    for n in 0..1000 {
        let result =
            world.agents[0].handle_datagram(world.now, LocalId(0), address("198.51.100.7:7"), &bytes);
        assert_eq!(result, if n < limit { Ok(()) } else { Err(Discard::ResponseQueueFull) });
    }
    let mut out = Vec::new();
    let answers = std::iter::from_fn(|| world.agents[0].poll_transmit(world.now, &mut out)).count();
    assert_eq!(answers, limit);
}

#[test]
fn a_peer_that_triggers_checks_without_end_costs_a_bounded_number_of_transactions() {
    // Its requests arrive, our checks are never answered.
    let mut world = World::new(6);
    world.socket(0, "192.0.2.1:1000");
    let peer = plywood_ice::Credentials { ufrag: "peer".to_owned(), pwd: "p".repeat(22) };
    world.agents[0].set_remote_credentials(world.now, peer).unwrap();
    for n in 0..2000u32 {
        let bytes = request(&world, u8::try_from(n % 250).unwrap());
        world.agents[0].handle_datagram(world.now, LocalId(0), address("198.51.100.7:7"), &bytes).unwrap();
        world.run(ms(10));
    }
    assert!(world.agents[0].stats().checks_sent <= 3, "{}", world.agents[0].stats().checks_sent);
}

#[test]
fn addresses_that_the_policy_refuses_are_neither_checked_nor_answered() {
    let config = Config { remote_addresses: RemoteAddressPolicy::public_only(), ..Config::default() };
    let mut world = World::with_config(7, config);
    world.socket(0, "192.0.2.1:1000");
    world.credentials();
    for ip in ["127.0.0.1", "10.0.0.1", "169.254.169.254"] {
        let result = world.agents[0].add_remote_candidate(world.now, candidate(&format!("{ip}:9"), "x", 1));
        assert_eq!(result, Err(RemoteCandidateError::Refused(ip.parse().unwrap())));
        let bytes = request(&world, 1);
        let from = address(&format!("{ip}:9"));
        let result = world.agents[0].handle_datagram(world.now, LocalId(0), from, &bytes);
        assert_eq!(result, Err(Discard::RefusedAddress(ip.parse().unwrap())));
    }
    world.run(ms(5000));
    assert!(world.wire.is_empty());
}

#[test]
fn events_nobody_takes_are_bounded() {
    let mut world = World::pair(8);
    for _ in 0..3000 {
        let now = world.now;
        world.agents[0].restart(now);
    }
    let events = std::iter::from_fn(|| world.agents[0].poll_event()).count();
    assert!(events <= 512);
}
