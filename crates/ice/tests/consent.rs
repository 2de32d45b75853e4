//! The right to send ends when nobody answers (RFC 7675).

mod support;

use plywood_ice::{Event, State};
use support::{World, address, ms};

#[test]
fn consent_checks_come_four_to_six_seconds_apart_and_not_in_step() {
    let mut world = World::pair(1);
    world.run(ms(1000));
    world.wire.clear();
    world.run(ms(120_000));
    let l = address("192.0.2.1:1000");
    let times: Vec<_> = world
        .wire
        .iter()
        .filter(|(_, from, _, bytes)| *from == l && bytes.starts_with(&[0, 1]))
        .map(|(at, ..)| *at)
        .collect();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() >= 18);
    assert!(gaps.iter().all(|gap| (ms(4000)..=ms(6000)).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap != gaps[0]), "randomised");
    assert!(world.both(State::Completed));
}

#[test]
fn each_consent_check_has_a_transaction_id_of_its_own_and_is_sent_once() {
    let mut world = World::pair(2);
    world.run(ms(1000));
    world.wire.clear();
    world.passes = |at, _, _| at < ms(1000);
    world.run(ms(25_000));
    let mut ids: Vec<_> = world.wire.iter().map(|(.., bytes)| bytes[8..20].to_vec()).collect();
    let sent = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), sent);
    assert!(sent >= 6);
}

#[test]
fn a_silent_peer_means_disconnected_after_seconds_and_failed_after_thirty() {
    let mut world = World::pair(3);
    world.run(ms(1000));
    world.passes = |at, _, _| at < ms(1000);
    world.run(ms(13_000));
    assert!(world.both(State::Disconnected));
    assert!(world.has_paths(), "consent still holds");
    world.run(ms(25_000));
    assert!(world.both(State::Failed));
    assert_eq!(world.agents[0].path(), None);
    let failed = world.events[0].iter().find(|(_, e)| *e == Event::StateChanged(State::Failed)).unwrap().0;
    // 30 s after the last answer, which came before the silence began.
    assert!(failed <= ms(31_000), "{failed:?}");
    let sent = world.wire.len();
    world.run(ms(60_000));
    assert_eq!(world.wire.len(), sent, "nothing is sent without consent");
}

#[test]
fn a_peer_that_comes_back_within_thirty_seconds_is_connected_again() {
    let mut world = World::pair(4);
    world.run(ms(1000));
    world.passes = |at, _, _| at < ms(1000) || at > ms(20_000);
    world.run(ms(15_000));
    assert!(world.both(State::Disconnected));
    world.run(ms(12_000));
    assert!(world.both(State::Completed), "{:?}", world.states());
}

#[test]
fn requests_of_the_peer_do_not_replace_its_answers() {
    // L hears R, but none of its own requests is ever answered: sending must stop all the same.
    let mut world = World::pair(5);
    world.run(ms(1000));
    world.passes = |at, from, _| at < ms(1000) || from.port() == 2000;
    world.run(ms(40_000));
    assert_eq!(world.agents[0].path(), None);
    assert_eq!(world.agents[0].state(), State::Failed);
}

#[test]
fn a_single_lost_consent_check_changes_nothing() {
    let mut world = World::pair(6);
    world.loss_percent = 10;
    world.run(ms(300_000));
    assert!(world.has_paths());
    assert!(!world.events.iter().flatten().any(|(_, e)| *e == Event::StateChanged(State::Failed)));
}
