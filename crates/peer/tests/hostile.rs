//! Forged, damaged, truncated, replayed and cross-wired datagrams change nothing but counters.
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_peer::{ConnectionState, Discard, Event, Kind, LocalId};
use plywood_simnet::{LinkConfig, seed_for};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};
use support::{ALICE, BOB, World, below, channel, payload};

fn link() -> LinkConfig {
    LinkConfig::with_delay(Duration::from_millis(5))
}

/// For every datagram on the path, one that an attacker made of it.
fn attacker(
    seed: u64,
) -> Box<dyn FnMut(&mut plywood_simnet::Network, std::time::Instant, &support::Attack<'_>)> {
    let mut rng = ChaCha12Rng::from_seed(seed_for(seed, 66));
    let mut seen: Vec<Vec<u8>> = Vec::new();
    Box::new(move |network, now, attack| {
        if seen.len() < 512 {
            seen.push(attack.bytes.to_vec());
        }
        let mut forged = attack.bytes.to_vec();
        let at = usize::try_from(below(&mut rng, forged.len() as u64)).unwrap();
        match below(&mut rng, 6) {
            0 => forged.truncate(at),
            1 => forged[at] ^= 1 << below(&mut rng, 8),
            2 => rng.fill_bytes(&mut forged[at..]),
            3 => forged = seen[usize::try_from(below(&mut rng, seen.len() as u64)).unwrap()].clone(), // replay
            4 => {
                forged = vec![0; 1 + at];
                rng.fill_bytes(&mut forged);
                forged[0] = [0, 1, 20, 21, 22, 23, 24, 26, 46, 47, 64, 200]
                    [usize::try_from(below(&mut rng, 12)).unwrap()];
            }
            // A plaintext alert: fatal handshake_failure.
            _ => forged = vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40],
        }
        // From the true source address: the attacker can spoof it.
        network.send(now, attack.from, attack.to, &forged);
        // And sent back to whoever said it; but not a plaintext handshake message: one that is complete, and wrong,
        // from the validated pair, is the one thing that may end a handshake (docs/architecture.md, "Laws").
        if attack.bytes[0] != 22 && below(&mut rng, 4) == 0 {
            network.send(now, attack.to, attack.from, attack.bytes);
        }
    })
}

#[test]
fn a_transfer_survives_an_attacker_from_the_first_datagram_on() {
    for seed in 0..20 {
        let mut world = World::new(seed, link());
        world.inject = Some(attacker(seed));
        let (a, b) = world.connected(channel("attacked"));
        for index in 0..30 {
            world.sides[ALICE].queue(a, Kind::Binary, payload(seed, index, 20_000));
            world.sides[BOB].queue(b, Kind::Binary, payload(seed, 100 + index, 20_000));
        }
        let done = world.run_until(Duration::from_secs(120), |world| {
            world.sides[BOB].received(b).len() >= 30 && world.sides[ALICE].received(a).len() >= 30
        });
        assert!(done, "seed {seed}: stalled; {:?}", world.sides[ALICE].peer.stats());
        for (index, (_, data)) in world.sides[BOB].received(b).iter().enumerate() {
            assert_eq!(*data, payload(seed, index as u64, 20_000), "seed {seed}, message {index}");
        }
        for side in &world.sides {
            assert_eq!(side.peer.state(), ConnectionState::Connected, "seed {seed}");
            assert!(!side.saw(|event| matches!(event, Event::Closed(_))), "seed {seed}");
            let stats = side.peer.stats();
            assert!(stats.discarded_dtls > 0, "the attack must have reached DTLS: {stats:?}");
            assert!(stats.discarded_ice + stats.discarded_unknown_protocol > 0, "and ICE: {stats:?}");
        }
    }
}

#[test]
fn datagrams_of_another_connection_change_nothing() {
    let mut other = World::new(500, link());
    for side in &mut other.sides {
        side.keep_sent = false;
    }
    let mut datagrams: Vec<Vec<u8>> = Vec::new();
    let (sender, receiver) = std::sync::mpsc::channel();
    other.inject = Some(Box::new(move |_, _, attack| sender.send(attack.bytes.to_vec()).unwrap()));
    other.connected(channel("other"));
    datagrams.extend(receiver.try_iter());

    let mut world = World::new(501, link());
    let (a, b) = world.connected(channel("ours"));
    let from = world.sides[ALICE].address;
    let now = world.now;
    for datagram in &datagrams {
        let mut copy = datagram.clone();
        let result = world.sides[BOB].peer.handle_datagram(now, LocalId(0), from, &mut copy);
        assert!(result.is_err(), "{datagram:02x?}");
    }
    world.sides[ALICE].queue(a, Kind::Binary, payload(1, 1, 1000));
    assert!(world.run_until(Duration::from_secs(5), |world| world.sides[BOB].received(b).len() == 1));
}

#[test]
fn dtls_from_an_address_that_ice_never_saw_is_discarded() {
    let mut world = World::new(502, link());
    world.connected(channel("ours"));
    let now = world.now;
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    let result = world.sides[BOB].peer.handle_datagram(
        now,
        LocalId(0),
        "10.0.0.66:6666".parse().unwrap(),
        &mut record,
    );
    assert_eq!(result, Err(Discard::NotValidated));
    assert_eq!(world.sides[BOB].peer.stats().discarded_not_validated, 1);
}

#[test]
fn early_datagrams_are_bounded() {
    let mut world = World::new(503, link());
    let now = world.now;
    let peer = &mut world.sides[ALICE].peer;
    peer.add_local_host(now, LocalId(0), "10.0.0.1:5001".parse().unwrap()).unwrap();
    let mut results = Vec::new();
    for _ in 0..100 {
        let mut record = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
        results.push(peer.handle_datagram(now, LocalId(0), "10.0.0.2:5002".parse().unwrap(), &mut record));
    }
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 16);
    assert_eq!(peer.stats().discarded_early, 84);
}
