//! RFC 9260 §9: leaving with and without a good-bye.

use crate::support::{Net, PUPPET_TAG, Path, Puppet, packet, pattern};
use plywood_sctp::wire::cause::{CauseCode, put_cause};
use plywood_sctp::wire::{ChunkType, put_chunk};
use plywood_sctp::{Association, CloseReason, Config, Discard, Event, Ppid, SendError, StreamId};
use std::time::Duration;

fn closed(reason: CloseReason) -> Vec<Event> {
    vec![Event::Closed(reason)]
}

#[test]
fn a_shutdown_delivers_what_was_sent_first() {
    for seed in 0..20 {
        let path = Path { loss_per_mille: 100, jitter: Duration::from_millis(10), ..Path::default() };
        let mut net = Net::connected(seed, path, |_| Config::default());
        for number in 0..20 {
            net.send(0, 0, pattern(number, 5000));
        }
        net.ends[0].shutdown(net.now);
        let late = net.ends[0].send(net.now, StreamId(0), Ppid(51), "late".into(), Default::default());
        assert_eq!(late, Err(SendError::Closed));
        net.run_for(Duration::from_secs(300));
        assert_eq!(net.messages[1].len(), 20, "seed {seed}");
        assert_eq!(net.events[0].last(), Some(&Event::Closed(CloseReason::Shutdown)), "seed {seed}");
        assert!(net.ends[1].is_closed(), "seed {seed}");
    }
}

#[test]
fn both_sides_may_shut_down_at_once() {
    let mut net = Net::connected(1, Path::default(), |_| Config::default());
    net.ends[0].shutdown(net.now);
    net.ends[1].shutdown(net.now);
    net.run_for(Duration::from_secs(5));
    for end in 0..2 {
        assert_eq!(net.events[end], closed(CloseReason::Shutdown));
        assert_eq!(net.ends[end].poll_timeout(), None);
    }
}

#[test]
fn a_shutdown_that_nobody_answers_ends_all_the_same() {
    let mut net = Net::connected(2, Path::default(), |_| Config::default());
    net.filter = Some(Box::new(|_, _| true));
    net.ends[0].shutdown(net.now);
    net.run_for(Duration::from_secs(3600));
    assert_eq!(net.events[0], closed(CloseReason::PeerUnreachable));
}

#[test]
fn an_abort_tells_the_peer_the_reason_with_cause_12() {
    let mut net = Net::connected(3, Path::default(), |_| Config::default());
    net.ends[0].abort(net.now, "Close called");
    net.run_for(Duration::from_secs(1));
    assert_eq!(net.events[0], closed(CloseReason::Aborted));
    let reason = CloseReason::AbortedByPeer {
        cause: Some(CauseCode::USER_INITIATED_ABORT),
        reason: "Close called".to_owned(),
    };
    assert_eq!(net.events[1], closed(reason));
    assert_eq!(net.ends[1].handle_datagram(net.now, &[0; 16]), Err(Discard::Closed));
}

#[test]
fn what_was_received_can_be_polled_after_the_end() {
    let mut net = Net::connected(4, Path::default(), |_| Config::default());
    net.reading[1] = false;
    net.send(0, 0, "last words");
    net.run_for(Duration::from_secs(1));
    net.ends[0].abort(net.now, "");
    net.run_for(Duration::from_secs(1));
    assert!(net.ends[1].is_closed());
    assert_eq!(net.ends[1].poll_message().unwrap().data, "last words");
}

#[test]
fn an_abort_with_a_wrong_tag_ends_nothing() {
    let mut puppet = Puppet::connected(Config::default());
    let abort = |flags: u8| {
        move |out: &mut Vec<u8>| {
            put_chunk(out, ChunkType::ABORT, flags, |out| {
                put_cause(out, CauseCode::USER_INITIATED_ABORT, b"bye");
            });
        }
    };
    let (own, theirs) = (puppet.tag, PUPPET_TAG);
    // T says that the tag is the receiver's of the packet that is answered, so each tag fits one flag only.
    for (tag, flags) in [(0, 0), (own ^ 1, 0), (own, 1), (theirs, 0), (0, 1)] {
        let forged = packet(tag, abort(flags));
        assert_eq!(puppet.under_test.handle_datagram(puppet.now, &forged), Err(Discard::WrongTag));
        assert!(!puppet.under_test.is_closed());
    }
    assert_eq!(puppet.under_test.handle_datagram(puppet.now, &packet(theirs, abort(1))), Ok(()));
    assert!(puppet.under_test.is_closed());
}

#[test]
fn a_shutdown_complete_out_of_place_is_discarded() {
    let mut puppet = Puppet::connected(Config::default());
    let result =
        puppet.feed(|out| plywood_sctp::wire::simple::put_empty(out, ChunkType::SHUTDOWN_COMPLETE, 0));
    assert_eq!(result, Err(Discard::Unexpected));
    assert!(puppet.under_test.is_connected());
}

#[test]
fn a_shutdown_that_acknowledges_what_was_never_sent_is_discarded() {
    let mut puppet = Puppet::connected(Config::default());
    let tsn = puppet.their_tsn.wrapping_add(50);
    let result = puppet.feed(|out| plywood_sctp::wire::simple::put_shutdown(out, tsn));
    assert_eq!(result, Err(Discard::ImpossibleAcknowledgement));
    assert!(puppet.under_test.is_connected());
}

#[test]
fn a_send_queue_is_given_back_at_the_end() {
    let mut net = Net::connected(5, Path::default(), |_| Config::default());
    net.send(0, 0, pattern(1, 500_000));
    net.ends[0].abort(net.now, "");
    assert_eq!(net.ends[0].buffered_amount(StreamId(0)), 0);
    assert_eq!(net.ends[0].poll_timeout(), None);
}

/// Found by the lives of tests/simulation: what waited behind a reset was forgotten.
#[test]
fn what_is_held_back_behind_a_reset_leaves_when_the_peer_shuts_down() {
    let mut net = Net::connected(11, Path::default(), |_| Config::default());
    net.send(1, 3, pattern(1, 50_000));
    let now = net.now;
    net.ends[1].reset_stream(now, StreamId(3)).unwrap();
    net.send(1, 3, pattern(2, 5000));
    net.ends[0].shutdown(now);
    net.run_for(Duration::from_secs(60));
    assert_eq!(net.messages[0].len(), 2);
    assert!(net.ends.iter().all(Association::is_closed));
}

/// Found by the lives of tests/simulation: nothing was left to send, and nobody noticed.
#[test]
fn a_shutdown_goes_on_when_the_last_message_expires_in_the_queue() {
    let mut puppet = Puppet::new(Config::default());
    let mut init = crate::support::puppet_init();
    init.a_rwnd = 1500;
    puppet.handshake(&init);
    let now = puppet.now;
    let options = crate::support::max_lifetime(Duration::from_millis(10));
    puppet.under_test.send(now, StreamId(1), Ppid(53), vec![1; 1000].into(), Default::default()).unwrap();
    puppet.under_test.send(now, StreamId(2), Ppid(53), vec![2; 1000].into(), options).unwrap();
    puppet.under_test.shutdown(now);
    let _ = puppet.chunks();
    puppet.wait(Duration::from_millis(50));
    puppet.sack(1, 100_000, &[]).unwrap();
    assert!(puppet.chunks().contains(&ChunkType::SHUTDOWN.0));
}

/// RFC 3758 §3.5 A2: what was given up is no longer outstanding.
#[test]
fn a_shutdown_does_not_wait_for_the_end_of_what_was_given_up() {
    let mut puppet = Puppet::connected(Config::default());
    let now = puppet.now;
    let options = crate::support::max_lifetime(Duration::from_millis(10));
    puppet.under_test.send(now, StreamId(1), Ppid(53), "soon".into(), options).unwrap();
    assert_eq!(puppet.chunks(), [0]);
    puppet.wait(Duration::from_secs(5));
    assert!(puppet.chunks().contains(&0xc0), "FORWARD-TSN");
    puppet.under_test.shutdown(puppet.now);
    assert!(puppet.chunks().contains(&ChunkType::SHUTDOWN.0));
}

#[test]
fn a_shutdown_that_a_restart_of_the_peer_overtakes_goes_on() {
    for wait in [0, 15] {
        let mut net = Net::connected(8, Path::default(), |_| Config::default());
        net.send(0, 0, "lost with the peer");
        net.run_for(Duration::from_millis(wait));
        net.ends[0].shutdown(net.now);
        net.run_for(Duration::from_millis(1));
        net.wire.clear();
        net.ends[1] = Association::new(Config::default(), [99; 32], net.now);
        net.ends[1].connect(net.now);
        net.run_for(Duration::from_secs(30));
        let told = [Event::Restarted, Event::Closed(CloseReason::Shutdown)];
        assert!(net.events[0].ends_with(&told), "after {wait} ms: {:?}", net.events[0]);
        assert!(net.ends[1].is_closed());
    }
}
