//! Two agents find a way to each other.

mod support;

use plywood_ice::{CandidateKind, Event, PairState, Role, State};
use support::{World, address, ms};

#[test]
fn two_agents_with_one_address_each_complete_in_two_round_trips() {
    let mut world = World::pair(1);
    let took = world.run_until(ms(1000), World::has_paths);
    assert_eq!(took, ms(20), "one round trip");
    let took = world.run_until(ms(1000), |world| world.both(State::Completed));
    assert!(took <= ms(20), "nomination took {took:?} more");
    let path = world.agents[0].path().unwrap();
    assert_eq!(
        (path.local, path.remote, path.generation),
        (address("192.0.2.1:1000"), address("192.0.2.2:2000"), 0)
    );
}

#[test]
fn loopback_with_two_candidates_each_is_up_within_two_milliseconds() {
    let mut world = World::new(2);
    world.delay = std::time::Duration::from_micros(100);
    for (agent, port) in [(0, 1000), (1, 2000)] {
        world.socket(agent, &format!("127.0.0.1:{port}"));
        world.socket(agent, &format!("[::1]:{port}"));
    }
    world.signal();
    let took = world.run_until(ms(1000), World::has_paths);
    assert!(took <= ms(2), "{took:?}");
}

#[test]
fn the_first_check_goes_out_at_once_and_ordinary_ones_ta_apart() {
    let mut world = World::new(3);
    world.socket(0, "192.0.2.1:1000");
    world.credentials_to(0, 1);
    for n in 0..5 {
        let remote = support::candidate(&format!("198.51.100.{n}:9"), &n.to_string(), 1000 - n);
        world.agents[0].add_remote_candidate(world.now, remote).unwrap();
    }
    world.run(ms(240));
    let times: Vec<_> = world.wire.iter().map(|(at, ..)| *at).collect();
    assert_eq!(times, [ms(0), ms(50), ms(100), ms(150), ms(200)]);
    let order: Vec<_> = world.wire.iter().map(|(_, _, to, _)| to.to_string()).collect();
    assert_eq!(order[0], "198.51.100.0:9", "best pair first");
    assert_eq!(order[4], "198.51.100.4:9");
}

#[test]
fn a_peer_that_signals_no_candidates_is_learned_as_peer_reflexive() {
    // As browsers are, whose addresses hide behind names.
    let mut world = World::new(4);
    world.socket(0, "192.0.2.1:1000");
    world.socket(1, "192.0.2.2:2000");
    world.credentials();
    world.candidates_to(0, 1);
    let took = world.run_until(ms(1000), World::has_paths);
    assert!(took <= ms(40), "{took:?}");
    world.run_until(ms(1000), |world| world.both(State::Completed));
}

#[test]
fn a_check_before_the_answer_is_answered_and_its_pair_tried_once_the_answer_is_there() {
    // RFC 8445 §7.3: R offered, L answers with checks before R has L's description.
    let mut world = World::new(5);
    world.socket(0, "192.0.2.1:1000");
    world.socket(1, "192.0.2.2:2000");
    world.credentials_to(0, 1);
    world.candidates_to(0, 1);
    world.run_until(ms(1000), |world| world.agents[0].path().is_some());
    assert_eq!(world.agents[1].state(), State::New);
    assert!(world.agents[1].path().is_none());
    assert!(world.agents[1].is_checking(plywood_ice::LocalId(0), address("192.0.2.1:1000")));
    world.credentials_to(1, 0);
    let took = world.run_until(ms(1000), World::has_paths);
    assert_eq!(took, ms(20), "its check went out at once");
    world.run_until(ms(5000), |world| world.both(State::Completed));
}

#[test]
fn a_check_lost_in_a_filter_is_repeated_as_soon_as_the_other_side_opens_the_way() {
    // R's filter lets L's packets in only 100 ms later; L answers R at once.
    let mut world = World::pair(6);
    world.passes = |at, from, _| at >= ms(100) || from.port() != 1000;
    let took = world.run_until(ms(5000), World::has_paths);
    assert!(took < ms(700), "{took:?}");
}

#[test]
fn frozen_pairs_wait_for_one_of_their_kind() {
    let mut world = World::new(7);
    world.socket(0, "192.0.2.1:1000");
    world.credentials_to(0, 1);
    for n in 0..3u32 {
        let remote = support::candidate(&format!("198.51.100.1:{}", n + 1), "same", 1000 - n);
        world.agents[0].add_remote_candidate(world.now, remote).unwrap();
    }
    let states: Vec<_> = world.agents[0].pairs().iter().map(|pair| pair.state).collect();
    assert_eq!(states, [PairState::InProgress, PairState::Frozen, PairState::Frozen]);
    // When the first of them has failed, the next has its turn.
    world.run(ms(39_600));
    let states: Vec<_> = world.agents[0].pairs().iter().map(|pair| pair.state).collect();
    assert_eq!(states, [PairState::Failed, PairState::InProgress, PairState::Frozen]);
}

#[test]
fn data_is_taken_from_a_validated_pair_and_from_no_other() {
    let mut world = World::pair(8);
    let source = plywood_ice::LocalId(0);
    let remote = address("192.0.2.2:2000");
    assert!(!world.agents[0].is_validated(source, remote));
    assert!(world.agents[0].is_checking(source, remote));
    world.run(ms(100));
    assert!(world.agents[0].is_validated(source, remote));
    assert!(!world.agents[0].is_validated(source, address("192.0.2.2:2001")));
    assert!(!world.agents[0].is_validated(plywood_ice::LocalId(9), remote));
    let validated = Event::PairValidated { source, remote };
    assert_eq!(world.events[0].iter().filter(|(_, event)| *event == validated).count(), 1);
}

#[test]
fn ten_percent_loss_reordering_and_duplication_do_not_keep_agents_apart() {
    for seed in 0..60 {
        let mut world = World::new(seed);
        (world.loss_percent, world.jitter, world.duplicate_percent) = (10, ms(30), 10);
        for (agent, host) in [(0, 1), (1, 2)] {
            world.socket(agent, &format!("192.0.2.{host}:1000"));
            world.socket(agent, &format!("[2001:db8::{host}]:1000"));
        }
        world.signal();
        let took = world.run_until(ms(30_000), |world| world.both(State::Completed));
        assert!(took < ms(20_000), "seed {seed}: {took:?}");
        let [l, r] = world.agents.each_ref().map(|agent| agent.path().unwrap());
        assert_eq!((l.local, l.remote), (r.remote, r.local), "seed {seed}");
    }
}

#[test]
fn round_trips_are_measured_by_checks() {
    let mut world = World::pair(9);
    world.run(ms(100));
    assert_eq!(world.agents[0].round_trip(), Some(ms(20)));
    assert_eq!(world.agents[0].minimum_round_trip(), Some(ms(20)));
    world.delay = ms(50);
    world.run(ms(60_000));
    assert_eq!(world.agents[0].minimum_round_trip(), Some(ms(20)));
    assert!(world.agents[0].round_trip().unwrap() > ms(60));
}

#[test]
fn server_reflexive_and_relayed_candidates_of_the_peer_are_checked_too() {
    for kind in [CandidateKind::ServerReflexive, CandidateKind::Relayed] {
        let mut world = World::new(10);
        world.socket(0, "192.0.2.1:1000");
        world.socket(1, "192.0.2.2:2000");
        world.credentials();
        let mut remote = support::candidate("192.0.2.2:2000", "9", 1);
        remote.kind = kind;
        world.agents[0].add_remote_candidate(world.now, remote).unwrap();
        world.run_until(ms(1000), |world| world.both(State::Completed));
    }
}

#[test]
fn an_agent_nobody_answers_fails_once_its_patience_is_over() {
    let mut world = World::pair(11);
    world.passes = |_, _, _| false;
    world.run(ms(39_000));
    assert!(world.both(State::Checking));
    world.run(ms(2_000));
    assert!(world.both(State::Failed));
    assert_eq!(world.agents[0].poll_timeout(), None);
    let wire = world.wire.len();
    world.run(ms(60_000));
    assert_eq!(world.wire.len(), wire, "nothing is sent after the end");
    // Seven transmissions of one check each (RFC 8489 §6.2.1).
    assert_eq!(world.requests_from(address("192.0.2.1:1000")), 7);
}

#[test]
fn a_lite_peer_is_always_controlled() {
    let mut world = World::new(12);
    world.agents[1].set_remote_lite();
    assert_eq!(world.agents[1].role(), Role::Controlling);
}

#[test]
fn a_closed_agent_is_silent() {
    let mut world = World::pair(13);
    world.run(ms(100));
    let now = world.now;
    world.agents[0].close(now);
    let wire = world.requests_from(address("192.0.2.1:1000"));
    world.run(ms(60_000));
    assert_eq!(world.requests_from(address("192.0.2.1:1000")), wire);
    assert_eq!(world.agents[0].state(), State::Closed);
    assert_eq!(world.agents[0].path(), None);
    assert_eq!(world.agents[0].poll_timeout(), None);
    assert_eq!(world.agents[1].state(), State::Failed);
}
