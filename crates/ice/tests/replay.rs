//! Equal seeds and inputs give equal bytes; timers always move on.

mod support;

use std::time::Duration;

use support::{World, ms};

fn eventful_run(seed: u8) -> Vec<(Duration, Vec<u8>)> {
    let mut world = World::new(seed);
    (world.loss_percent, world.jitter, world.duplicate_percent) = (10, ms(20), 5);
    for (agent, host) in [(0, 1), (1, 2)] {
        world.socket(agent, &format!("192.0.2.{host}:1000"));
        world.socket(agent, &format!("[2001:db8::{host}]:1000"));
    }
    world.signal();
    world.run(ms(10_000));
    world.restart(0);
    world.run(ms(20_000));
    world.wire.into_iter().map(|(at, _, _, bytes)| (at, bytes)).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_the_same_times() {
    assert_eq!(eventful_run(1), eventful_run(1));
}

#[test]
fn another_seed_gives_other_bytes() {
    assert_ne!(eventful_run(1), eventful_run(2));
}

#[test]
fn an_idle_agent_wants_no_timeout() {
    let mut world = World::new(3);
    world.socket(0, "192.0.2.1:1000");
    world.drain();
    assert_eq!(world.agents[0].poll_timeout(), None);
}

#[test]
fn late_and_spurious_timeouts_are_harmless_and_timers_move_on() {
    for seed in 0..30 {
        let mut world = World::pair(seed);
        world.loss_percent = 40;
        for step in 0..400u64 {
            // Up to 2 s late, sometimes thrice at the same time, sometimes though nothing is due.
            let late = (step * u64::from(seed) * 37) % 2000;
            world.now += ms(late);
            let now = world.now;
            for agent in &mut world.agents {
                for _ in 0..3 {
                    agent.handle_timeout(now);
                    assert!(agent.poll_timeout().is_none_or(|at| at > now), "seed {seed} step {step}");
                }
            }
            world.run(ms(5));
        }
    }
}
