//! Both agents believe to have the same role (RFC 8445 §7.3.1.1, §7.2.5.1).

mod support;

use plywood_ice::{Event, Role, State};
use support::{World, ms};

fn switches(world: &World) -> usize {
    let events = world.events.iter().flatten();
    events.filter(|(_, event)| matches!(event, Event::RoleChanged(_))).count()
}

#[test]
fn two_agents_of_one_role_end_with_one_of_each_and_one_pair() {
    for role in [Role::Controlling, Role::Controlled] {
        for seed in 0..40 {
            let mut world = World::new(seed);
            world.loss_percent = u32::from(seed % 4) * 5;
            world.agents[0].set_role(role);
            world.agents[1].set_role(role);
            world.socket(0, "192.0.2.1:1000");
            world.socket(1, "192.0.2.2:2000");
            world.signal();
            world.run_until(ms(30_000), |world| world.both(State::Completed));
            assert_ne!(world.agents[0].role(), world.agents[1].role(), "seed {seed}");
            assert!(switches(&world) <= 3, "seed {seed}: {} switches", switches(&world));
        }
    }
}

#[test]
fn when_only_one_side_sends_checks_the_conflict_is_settled_too() {
    // R learns L from its checks alone.
    for seed in 0..20 {
        let mut world = World::new(seed);
        world.agents[1].set_role(Role::Controlling);
        world.socket(0, "192.0.2.1:1000");
        world.socket(1, "192.0.2.2:2000");
        world.credentials();
        world.candidates_to(0, 1);
        world.run_until(ms(30_000), |world| world.both(State::Completed));
        assert_ne!(world.agents[0].role(), world.agents[1].role(), "seed {seed}");
    }
}
