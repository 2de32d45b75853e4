//! Retransmission and giving up (RFC 8489 §6.2.1).

use std::time::{Duration, Instant};

use plywood_stun::wire::TransactionId;
use plywood_stun::{ClientTransaction, RetransmitTimers, Step};

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "virtual time needs one real instant to count from")]
    Instant::now()
}

fn begin(now: Instant) -> ClientTransaction {
    ClientTransaction::new(TransactionId([1; 12]), RetransmitTimers::default(), now)
}

#[test]
fn a_request_is_sent_seven_times_at_the_times_of_the_rfc() {
    let base = start();
    let mut transaction = begin(base);
    let mut steps = Vec::new();
    while let Some(at) = transaction.poll_timeout() {
        assert_eq!(transaction.handle_timeout(at - Duration::from_millis(1)), None);
        let step = transaction.handle_timeout(at).unwrap();
        steps.push(((at - base).as_millis(), step));
    }
    let again = [500, 1500, 3500, 7500, 15_500, 31_500].map(|at| (at, Step::Retransmit));
    assert_eq!(steps[..6], again);
    assert_eq!(steps[6..], [(39_500, Step::GiveUp)]);
    assert_eq!(transaction.handle_timeout(base + Duration::from_secs(1000)), None);
}

#[test]
fn a_cancelled_request_is_not_sent_again_but_waits_as_long() {
    let base = start();
    let mut transaction = begin(base);
    transaction.cancel();
    assert_eq!(transaction.poll_timeout(), Some(base + Duration::from_millis(39_500)));
    assert_eq!(transaction.handle_timeout(base + Duration::from_millis(39_500)), Some(Step::GiveUp));
}

#[test]
fn only_a_request_sent_once_measures_the_round_trip() {
    let base = start();
    let mut transaction = begin(base);
    let later = base + Duration::from_millis(80);
    assert_eq!(transaction.round_trip(later), Some(Duration::from_millis(80)));
    transaction.handle_timeout(base + Duration::from_millis(500));
    assert_eq!(transaction.round_trip(base + Duration::from_millis(510)), None);
}

#[test]
fn a_late_timeout_makes_up_for_one_step_only() {
    let base = start();
    let mut transaction = begin(base);
    let late = base + Duration::from_secs(20);
    assert_eq!(transaction.handle_timeout(late), Some(Step::Retransmit));
    assert_eq!(transaction.handle_timeout(late), None);
    assert!(transaction.poll_timeout().unwrap() > late);
}
