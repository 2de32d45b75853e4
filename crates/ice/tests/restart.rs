//! A new generation beside a working one (RFC 8445 §9).

mod support;

use plywood_ice::{CommandError, Credentials, Event, State};
use support::{World, address, ms};

#[test]
fn a_restart_moves_to_new_credentials_without_losing_the_path() {
    for (seed, initiator) in [(1, 0), (2, 1)] {
        let mut world = World::pair(seed);
        world.run(ms(1000));
        let before = world.agents.each_ref().map(|agent| agent.local_credentials().clone());
        world.restart(initiator);
        assert!(world.has_paths(), "the old path goes on");
        assert_eq!(world.agents.each_ref().map(plywood_ice::Agent::generation), [1, 1]);
        for (agent, before) in world.agents.iter().zip(&before) {
            assert_ne!(agent.local_credentials().ufrag, before.ufrag);
            assert_ne!(agent.local_credentials().pwd, before.pwd);
        }
        let took = world.run_until(ms(2000), |world| {
            world.agents.iter().all(|agent| agent.path().is_some_and(|path| path.generation == 1))
        });
        assert!(took <= ms(60), "{took:?}");
        world.run(ms(60_000));
        assert!(world.both(State::Completed));
        assert!(world.has_paths());
    }
}

#[test]
fn candidates_are_announced_again_under_the_new_fragment() {
    let mut world = World::pair(3);
    world.run(ms(1000));
    world.events = [Vec::new(), Vec::new()];
    let now = world.now;
    world.agents[0].restart(now);
    world.drain();
    let ufrag = world.agents[0].local_credentials().ufrag.clone();
    let announced = world.events[0].iter().find_map(|(_, event)| match event {
        Event::LocalCandidate(candidate) => Some(candidate.clone()),
        _ => None,
    });
    assert_eq!(announced.unwrap().ufrag, Some(ufrag));
}

#[test]
fn checks_under_the_old_credentials_are_answered_until_the_new_pair_carries_data() {
    // L restarts, but its description is late: R must still be kept alive under the old ones, for long.
    let mut world = World::pair(4);
    world.run(ms(1000));
    let now = world.now;
    world.agents[0].restart(now);
    world.run(ms(60_000));
    assert!(world.has_paths());
    assert_eq!(world.agents[1].state(), State::Completed);
    assert_eq!(world.agents[0].path().unwrap().generation, 0);
    assert_eq!(world.agents[0].state(), State::Connected);
    world.credentials_to(1, 0);
    world.credentials_to(0, 1);
    world.candidates_to(0, 1);
    world.candidates_to(1, 0);
    world.run(ms(20_000));
    assert!(world.both(State::Completed));
    assert_eq!(world.agents[1].path().unwrap().generation, 1);
}

#[test]
fn data_is_taken_from_the_mix_of_old_and_new_that_chromium_makes_in_a_restart() {
    // The restarting side checks from a new socket, with our old fragment and its new one, before its
    // description has come; it may send data there at once.
    let mut world = World::pair(5);
    world.run(ms(1000));
    let now = world.now;
    let old = world.agents[1].local_credentials().clone();
    let from = address("192.0.2.1:5555");
    let source = plywood_ice::LocalId(0);
    let mut request = Vec::new();
    plywood_stun::wire::MessageBuilder::new(
        &mut request,
        plywood_stun::wire::Class::Request,
        plywood_stun::wire::Method::BINDING,
        plywood_stun::wire::TransactionId([1; 12]),
    )
    .bytes(plywood_stun::wire::AttributeType::USERNAME, format!("{}:newfragm", old.ufrag).as_bytes())
    .u64(plywood_stun::wire::AttributeType::ICE_CONTROLLING, u64::MAX)
    .flag(plywood_stun::wire::AttributeType::USE_CANDIDATE)
    .u32(plywood_stun::wire::AttributeType::PRIORITY, 1)
    .integrity(&plywood_stun::IntegrityKey::from_password(&old.pwd))
    .fingerprint()
    .finish()
    .unwrap();
    assert!(!world.agents[1].is_validated(source, from));
    world.agents[1].handle_datagram(now, source, from, &request).unwrap();
    let mut out = Vec::new();
    let answer = world.agents[1].poll_transmit(now, &mut out).unwrap();
    assert_eq!((answer.destination, &out[..2]), (from, &[1, 1][..]));
    assert!(world.agents[1].is_validated(source, from), "data from there is taken");
    assert_ne!(world.agents[1].path().unwrap().remote, from, "but none is sent there");
    // With the description applied, the same check leads to one of ours.
    let new = Credentials { ufrag: "newfragm".to_owned(), pwd: "n".repeat(24) };
    world.agents[1].set_remote_credentials(now, new).unwrap();
    world.agents[1].handle_datagram(now, source, from, &request).unwrap();
    out.clear();
    let destinations: Vec<_> =
        std::iter::from_fn(|| world.agents[1].poll_transmit(now, &mut out)).map(|t| t.destination).collect();
    assert_eq!(destinations, [from, from], "an answer and a check");
}

#[test]
fn a_failed_agent_works_again_after_a_restart() {
    let mut world = World::pair(6);
    world.passes = |at, _, _| at > ms(45_000);
    world.run(ms(50_000));
    assert!(world.both(State::Failed));
    world.restart(0);
    world.run(ms(1000));
    assert!(world.both(State::Completed), "{:?}", world.states());
}

#[test]
fn the_peers_old_credentials_are_no_answer_to_a_restart() {
    let mut world = World::pair(7);
    world.run(ms(1000));
    let (now, old) = (world.now, world.agents[1].local_credentials().clone());
    world.agents[0].restart(now);
    assert_eq!(world.agents[0].set_remote_credentials(now, old), Err(CommandError::StaleCredentials));
}

#[test]
fn consent_goes_on_for_the_old_path_during_a_restart() {
    let mut world = World::pair(8);
    world.run(ms(1000));
    let now = world.now;
    world.agents[0].restart(now);
    world.passes = |at, _, _| at < ms(1000);
    world.run(ms(40_000));
    assert_eq!(world.agents[0].path(), None, "sending stops 30 s after the last answer (RFC 7675 §5.1)");
}

#[test]
fn restarts_of_both_sides_many_times_keep_two_generations_at_most_and_end_connected() {
    let mut world = World::pair(9);
    for turn in 0..20 {
        world.run(ms(7 * turn));
        world.restart(usize::try_from(turn % 2).unwrap());
    }
    world.run(ms(20_000));
    assert!(world.both(State::Completed));
    assert_eq!(world.agents[0].generation(), 20);
}
