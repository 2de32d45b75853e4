//! Which of several working pairs carries data (RFC 8445 §8).
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use plywood_ice::{Event, Path, State};
use support::{World, address, ms};

fn two_addresses_each(seed: u8) -> World {
    let mut world = World::new(seed);
    for (agent, host) in [(0, 1), (1, 2)] {
        world.socket(agent, &format!("192.0.2.{host}:1000"));
        world.socket(agent, &format!("198.51.100.{host}:1000"));
    }
    world.signal();
    world
}

fn path(world: &World, agent: usize) -> Path {
    world.agents[agent].path().unwrap()
}

#[test]
fn the_path_is_usable_before_nomination() {
    let mut world = World::pair(1);
    world.run_until(ms(1000), World::has_paths);
    assert!(world.states().contains(&State::Connected));
}

#[test]
fn the_best_pair_is_nominated_and_both_agree() {
    let mut world = two_addresses_each(2);
    world.run_until(ms(2000), |world| world.both(State::Completed));
    assert_eq!(path(&world, 0).local, address("192.0.2.1:1000"));
    assert_eq!(path(&world, 0).remote, address("192.0.2.2:1000"));
    assert_eq!(path(&world, 1).remote, address("192.0.2.1:1000"));
}

#[test]
fn a_worse_pair_carries_data_until_the_best_has_had_its_time() {
    // The first network is dead: something worse is nominated when the wait is over, not 39.5 s later.
    let mut world = two_addresses_each(3);
    world.passes =
        |_, from, to| from.ip().to_string().starts_with("198") && to.ip().to_string().starts_with("198");
    let took = world.run_until(ms(5000), |world| world.both(State::Completed));
    assert!(took < ms(600), "{took:?}");
    assert_eq!(path(&world, 0).local, address("198.51.100.1:1000"));
    assert_eq!(path(&world, 0).remote, path(&world, 1).local);
}

#[test]
fn when_the_nominated_pair_dies_another_takes_over() {
    let mut world = two_addresses_each(4);
    world.run_until(ms(2000), |world| world.both(State::Completed));
    world.passes =
        |_, from, to| from.ip().to_string().starts_with("198") && to.ip().to_string().starts_with("198");
    world.run(ms(12_000));
    assert!(world.both(State::Completed), "{:?}", world.states());
    assert_eq!(path(&world, 0).remote, address("198.51.100.2:1000"));
    assert_eq!(path(&world, 1).remote, address("198.51.100.1:1000"));
    let states: Vec<_> =
        world.events[0].iter().filter(|(_, e)| matches!(e, Event::StateChanged(_))).collect();
    assert!(!states.iter().any(|(_, e)| *e == Event::StateChanged(State::Failed)));
}

#[test]
fn when_a_socket_goes_its_path_moves_to_another_pair() {
    let mut world = two_addresses_each(5);
    world.run(ms(2000));
    let (now, source) = (world.now, path(&world, 0).source);
    world.agents[0].remove_local(now, source);
    world.run(ms(15_000));
    assert!(world.has_paths());
    assert_ne!(path(&world, 0).source, source);
    assert_eq!(path(&world, 1).remote, path(&world, 0).local);
    assert!(world.both(State::Completed));
}

#[test]
fn when_the_last_socket_goes_the_agent_is_disconnected_and_then_fails() {
    let mut world = World::pair(6);
    world.run(ms(1000));
    let now = world.now;
    world.agents[0].remove_local(now, plywood_ice::LocalId(0));
    assert_eq!(world.agents[0].path(), None);
    assert_eq!(world.agents[0].state(), State::Disconnected);
    world.run(ms(29_000));
    assert_eq!(world.agents[0].state(), State::Disconnected);
    world.run(ms(15_000));
    assert_eq!(world.agents[0].state(), State::Failed);
}
