//! Equal configurations, seeds and inputs give equal bytes.

mod support;

use std::time::Duration;

use plywood_peer::Kind;
use plywood_simnet::{LinkConfig, Loss};
use support::{ALICE, BOB, World, channel, payload};

fn run(seed: u64) -> (Vec<u8>, Vec<u8>) {
    let link = LinkConfig {
        loss: Loss::Random(0.03),
        duplicate: 0.01,
        reorder: 0.02,
        ..LinkConfig::with_delay(Duration::from_millis(20))
    };
    let mut world = World::new(seed, link);
    for side in &mut world.sides {
        side.keep_sent = true;
    }
    let (a, b) = world.connected(channel("again"));
    for index in 0..10 {
        world.sides[ALICE].queue(a, Kind::Binary, payload(seed, index, 20_000));
    }
    assert!(world.run_until(Duration::from_secs(60), |world| world.sides[BOB].received(b).len() == 10));
    let now = world.now;
    world.sides[BOB].peer.close(now);
    world.run_for(Duration::from_secs(1));
    (std::mem::take(&mut world.sides[ALICE].sent), std::mem::take(&mut world.sides[BOB].sent))
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    let (first, second) = (run(42), run(42));
    assert!(first.0.len() > 200_000);
    assert!(first == second, "two runs of one seed differ");
}

#[test]
fn another_seed_sends_other_bytes() {
    assert!(run(42) != run(43));
}
