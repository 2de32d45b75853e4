//! RFC 9260 §5.1.1: each direction has as many streams as its sender asks for and its receiver takes.

use crate::support::{Net, Path, Puppet, puppet_init};
use bytes::Bytes;
use plywood_sctp::wire::cause::{CauseCode, put_cause};
use plywood_sctp::wire::simple::put_empty;
use plywood_sctp::wire::{ChunkType, put_chunk};
use plywood_sctp::{Association, Config, Discard, Event, Ppid, StreamId};
use std::time::Duration;

#[test]
fn the_number_of_streams_is_the_smaller_of_both() {
    let mut net = Net::new(9, Path::default(), |end| {
        let mut config = Config::default();
        config.inbound_streams = if end == 0 { 10 } else { 65535 };
        config
    });
    net.ends[0].connect(net.now);
    net.run_for(Duration::from_secs(1));
    let refused = net.ends[1].send(net.now, StreamId(10), Ppid(51), "x".into(), Default::default());
    assert_eq!(refused, Err(plywood_sctp::SendError::InvalidStream { streams: 10 }));
    net.send(0, 60000, "x");
    net.run_for(Duration::from_secs(1));
    assert_eq!(net.messages[1].len(), 1);
}

/// RFC 9260 §5.1.1: also what rides behind the COOKIE ECHO, and what is left of an association before a restart.
#[test]
fn what_was_queued_on_streams_that_the_peer_does_not_take_never_leaves() {
    for restart in [false, true] {
        let mut few = Config::default();
        few.inbound_streams = 10;
        let mut net =
            Net::new(
                9,
                Path::default(),
                |end| {
                    if end == 1 && !restart { few.clone() } else { Config::default() }
                },
            );
        if restart {
            net.ends[0].connect(net.now);
            net.run_for(Duration::from_secs(1));
        }
        // More than leaves at once: what is on the way is lost with the peer, what was not begun is kept.
        for id in [60000, 2, 100].into_iter().cycle().take(15) {
            net.send(0, id, vec![1; 10_000]);
        }
        for id in [5, 50_000] {
            assert_eq!(net.ends[0].reset_stream(net.now, StreamId(id)), Ok(()));
        }
        if restart {
            net.ends[1] = Association::new(few, [99; 32], net.now);
            net.wire.clear();
            net.events[0].clear();
            net.ends[1].connect(net.now);
        } else {
            net.ends[0].connect(net.now);
        }
        net.run_for(Duration::from_secs(5));
        let told = |event: Event| net.events[0].iter().filter(|other| **other == event).count();
        for id in [60000, 100] {
            assert_eq!(
                told(Event::MessageAbandoned { stream: StreamId(id) }),
                1,
                "{restart} {:?}",
                net.events[0]
            );
        }
        assert_eq!(
            told(Event::OutgoingResetRefused { streams: vec![StreamId(50_000)] }),
            1,
            "{:?}",
            net.events[0]
        );
        assert_eq!(
            told(Event::OutgoingStreamsReset { streams: vec![StreamId(5)] }),
            1,
            "{:?}",
            net.events[0]
        );
        assert_eq!(net.ends[1].stats().discarded(Discard::InvalidStream), 0, "{restart}");
        assert_eq!(net.messages[1].len(), if restart { 4 } else { 5 });
        assert!(net.ends[0].is_idle());
    }
}

/// What rode behind the first COOKIE ECHO was begun on a stream that the second INIT ACK no longer has (RFC 9260 §5.1.1).
#[test]
fn a_message_begun_on_a_stream_that_the_next_init_ack_lacks_is_over_with_what_was_sent() {
    let mut puppet = Puppet::new(Config::default());
    let data = Bytes::from(vec![7; 10_000]);
    let sent = puppet.under_test.send(puppet.now, StreamId(50), Ppid(53), data.clone(), Default::default());
    assert_eq!(sent, Ok(()));
    puppet.under_test.connect(puppet.now);
    for inbound_streams in [100, 10] {
        let init = puppet.poll().expect("INIT");
        puppet.tag = u32::from_be_bytes([init[16], init[17], init[18], init[19]]);
        puppet.their_tsn = u32::from_be_bytes([init[28], init[29], init[30], init[31]]);
        let mut answer = puppet_init();
        answer.inbound_streams = inbound_streams;
        let taken = puppet.feed(|out| answer.encode_ack(out, b"a cookie", std::iter::empty()));
        assert_eq!(taken, Ok(()));
        assert_eq!(puppet.chunks(), [ChunkType::COOKIE_ECHO.0, ChunkType::DATA.0]);
        if inbound_streams == 100 {
            let stale = |out: &mut Vec<u8>| put_cause(out, CauseCode::STALE_COOKIE, &[0, 0, 0, 9]);
            assert_eq!(puppet.feed(|out| put_chunk(out, ChunkType::ERROR, 0, stale)), Ok(()));
        }
    }
    assert_eq!(puppet.under_test.poll_event(), Some(Event::MessageAbandoned { stream: StreamId(50) }));
    assert_eq!(puppet.feed(|out| put_empty(out, ChunkType::COOKIE_ACK, 0)), Ok(()));
    assert_eq!(puppet.under_test.poll_event(), Some(Event::Connected));
    assert!(!data.is_unique(), "until the peer has acknowledged what was sent");
    assert_eq!(puppet.sack(1, 100_000, &[]), Ok(()));
    assert!(puppet.under_test.is_idle() && data.is_unique());
}
