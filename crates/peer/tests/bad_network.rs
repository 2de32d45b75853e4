//! Two peers on a bad network: everything reliable arrives exactly once, in order where ordered.
//!
//! 50 ms round trip, 5 % loss, reordering and duplication both ways; eight channels of mixed kinds; messages of
//! 0 to 256 KiB. `PLYWOOD_SEEDS=1000` runs more seeds, `PLYWOOD_SEED=7` replays one.
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use plywood_peer::{ChannelConfig, ChannelId, Kind};
use plywood_simnet::{LinkConfig, Loss, seed_for};
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng as _;
use support::{ALICE, BOB, World, below, channel, payload, unordered};

fn bad_link() -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(25),
        jitter: Duration::from_millis(2),
        loss: Loss::Random(0.05),
        duplicate: 0.02,
        reorder: 0.05,
        ..LinkConfig::default()
    }
}

fn seeds() -> Vec<u64> {
    if let Ok(seed) = std::env::var("PLYWOOD_SEED") {
        return vec![seed.parse().unwrap()];
    }
    let count = std::env::var("PLYWOOD_SEEDS").map_or(50, |count| count.parse().unwrap());
    (0..count).collect()
}

fn size(rng: &mut ChaCha12Rng) -> usize {
    let size = match below(rng, 10) {
        0 => 0,
        1..=4 => below(rng, 200),
        5..=7 => below(rng, 5_000),
        8 => below(rng, 60_000),
        _ => below(rng, 262_145),
    };
    usize::try_from(size).unwrap()
}

type Sent = BTreeMap<String, Vec<(Kind, Bytes)>>;

/// Eight channels, half of each side; every other one unordered.
fn open_channels(world: &mut World) -> Vec<(usize, ChannelId, ChannelConfig)> {
    (0..8)
        .map(|index| {
            let label = format!("channel {index}");
            let config = if index % 4 < 2 { channel(&label) } else { unordered(&label) };
            let side = index % 2;
            let id = world.sides[side].peer.create_data_channel(world.now, config.clone()).unwrap();
            (side, id, config)
        })
        .collect()
}

fn run(seed: u64) {
    let mut world = World::new(seed, bad_link());
    let channels = open_channels(&mut world);
    world.signal();
    let open = world
        .run_until(Duration::from_secs(60), |world| world.sides.iter().all(|side| side.opened().len() == 8));
    assert!(open, "not connected after {:?}", world.elapsed());

    let mut rng = ChaCha12Rng::from_seed(seed_for(seed, 99));
    let mut sent: [Sent; 2] = Default::default();
    let mut index = 0;
    for (opener, id, config) in &channels {
        for side in [ALICE, BOB] {
            let id = if side == *opener { *id } else { world.sides[side].by_label(&config.label).unwrap() };
            for _ in 0..3 {
                let data = payload(seed, index, size(&mut rng));
                index += 1;
                sent[side].entry(config.label.clone()).or_default().push((Kind::Binary, data.clone()));
                world.sides[side].queue(id, Kind::Binary, data);
            }
        }
    }
    let done = world.run_until(Duration::from_secs(600), |world| {
        [(ALICE, BOB), (BOB, ALICE)].iter().all(|(sender, receiver)| {
            let wanted: usize = sent[*sender].values().map(Vec::len).sum();
            world.sides[*receiver].messages.values().map(Vec::len).sum::<usize>() >= wanted
        })
    });
    assert!(done, "stalled after {:?}", world.elapsed());
    world.run_for(Duration::from_secs(5)); // whatever is delivered twice would come now
    for (sender, receiver) in [(ALICE, BOB), (BOB, ALICE)] {
        for (label, wanted) in &sent[sender] {
            let id = world.sides[receiver].by_label(label).unwrap_or_else(|| {
                let (_, id, _) = channels.iter().find(|(_, _, config)| config.label == *label).unwrap();
                *id
            });
            let mut got = world.sides[receiver].received(id).to_vec();
            let mut wanted = wanted.clone();
            if !world.sides[receiver].peer.channel_config(id).unwrap().ordered {
                got.sort_by(|a, b| a.1.cmp(&b.1));
                wanted.sort_by(|a, b| a.1.cmp(&b.1));
            }
            let lengths =
                |list: &[(Kind, Bytes)]| list.iter().map(|(_, data)| data.len()).collect::<Vec<_>>();
            assert_eq!(lengths(&got), lengths(&wanted), "{label}, to side {receiver}");
            assert!(got == wanted, "{label}, to side {receiver}: contents differ");
        }
    }
}

#[test]
fn everything_reliable_arrives_once_and_in_order() {
    for seed in seeds() {
        let result = std::panic::catch_unwind(|| run(seed));
        if let Err(panic) = result {
            eprintln!("seed {seed} failed; replay with PLYWOOD_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
