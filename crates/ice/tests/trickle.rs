//! Candidates that come one by one (RFC 8838), and patience for them (RFC 8863).

mod support;

use plywood_ice::{LocalCandidateError, LocalId, RemoteCandidateError, State};
use support::{World, address, candidate, ms};

#[test]
fn candidates_may_come_in_any_order_after_and_before_credentials() {
    for order in 0..4 {
        let mut world = World::new(order);
        if order & 1 == 0 {
            world.credentials();
        }
        world.socket(0, "192.0.2.1:1000");
        world.run(ms(30));
        world.socket(1, "192.0.2.2:2000");
        if order & 2 == 0 {
            world.candidates_to(1, 0);
            world.run(ms(30));
            world.candidates_to(0, 1);
        } else {
            world.candidates_to(0, 1);
        }
        if order & 1 == 1 {
            world.credentials();
        }
        world.run(ms(2000));
        assert!(world.both(State::Completed), "order {order}: {:?}", world.states());
    }
}

#[test]
fn a_candidate_that_comes_thirty_seconds_late_still_connects() {
    let mut world = World::new(10);
    world.socket(0, "192.0.2.1:1000");
    world.credentials();
    world.agents[0].add_remote_candidate(world.now, candidate("198.51.100.9:9", "x", 5)).unwrap();
    world.run(ms(30_000));
    assert_eq!(world.agents[0].state(), State::Checking);
    world.socket(1, "192.0.2.2:2000");
    world.candidates_to(0, 1);
    world.run(ms(1000));
    assert!(world.both(State::Completed));
}

#[test]
fn an_agent_without_any_candidate_waits_patiently_and_then_fails() {
    // RFC 8863 §4: the other side may still find us.
    let mut world = World::new(11);
    world.socket(0, "192.0.2.1:1000");
    world.credentials();
    let now = world.now;
    world.agents[0].end_of_remote_candidates(now);
    world.run(ms(39_000));
    assert_eq!(world.agents[0].state(), State::Checking);
    world.run(ms(1000));
    assert_eq!(world.agents[0].state(), State::Failed);
}

#[test]
fn what_a_check_had_found_takes_on_what_signalling_says() {
    let mut world = World::new(12);
    world.socket(0, "192.0.2.1:1000");
    world.socket(1, "192.0.2.2:2000");
    world.credentials();
    world.candidates_to(0, 1);
    world.run(ms(2000));
    let before = world.agents[1].pairs()[0].priority;
    world.candidates_to(1, 0);
    assert_eq!(world.agents[1].pairs().len(), 1, "no second pair");
    assert!(world.agents[1].pairs()[0].priority > before, "host beats peer-reflexive");
    world.run(ms(20_000));
    assert!(world.both(State::Completed));
}

#[test]
fn a_candidate_of_another_generation_is_refused() {
    let mut world = World::pair(13);
    let mut stale = candidate("192.0.2.9:9", "x", 5);
    stale.ufrag = Some("other".to_owned());
    let result = world.agents[0].add_remote_candidate(world.now, stale);
    assert_eq!(result, Err(RemoteCandidateError::WrongGeneration));
}

#[test]
fn candidates_kept_for_an_unknown_peer_go_when_its_credentials_name_another_generation() {
    let mut world = World::new(14);
    world.socket(0, "192.0.2.1:1000");
    let mut stale = candidate("192.0.2.9:9", "x", 5);
    stale.ufrag = Some("other".to_owned());
    world.agents[0].add_remote_candidate(world.now, stale).unwrap();
    assert_eq!(world.agents[0].pairs().len(), 1);
    world.credentials();
    assert_eq!(world.agents[0].pairs().len(), 0);
}

#[test]
fn after_the_end_of_candidates_there_are_none() {
    let mut world = World::pair(15);
    let now = world.now;
    world.agents[0].end_of_local_candidates(now);
    world.agents[0].end_of_remote_candidates(now);
    let local = world.agents[0].add_local_host(now, LocalId(7), address("192.0.2.7:7"));
    assert_eq!(local, Err(LocalCandidateError::Ended));
    let remote = world.agents[0].add_remote_candidate(now, candidate("192.0.2.9:9", "x", 5));
    assert_eq!(remote, Err(RemoteCandidateError::Ended));
}

#[test]
fn wrong_candidates_are_errors_at_the_call() {
    let mut world = World::pair(16);
    let now = world.now;
    let agent = &mut world.agents[0];
    for at in ["0.0.0.0:1", "224.0.0.1:1", "192.0.2.1:0"] {
        let local = agent.add_local_host(now, LocalId(9), address(at));
        assert_eq!(local, Err(LocalCandidateError::Address(address(at))));
        let remote = agent.add_remote_candidate(now, candidate(at, "x", 1));
        assert_eq!(remote, Err(RemoteCandidateError::Address(address(at))));
    }
    let twice = agent.add_local_host(now, LocalId(0), address("192.0.2.8:1"));
    assert_eq!(twice, Err(LocalCandidateError::Duplicate));
    let mut rtcp = candidate("192.0.2.9:9", "x", 1);
    rtcp.component = 2;
    assert_eq!(agent.add_remote_candidate(now, rtcp), Err(RemoteCandidateError::Component(2)));
}
