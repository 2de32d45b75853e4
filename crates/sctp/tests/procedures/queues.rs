//! Bounds on what waits to be sent, and who is told when room returns.

use crate::support::{Net, Path, Puppet, pattern};
use plywood_sctp::{Association, Config, Event, Ppid, SendError, SendOptions, StreamId};
use std::time::Duration;

fn config() -> Config {
    let mut config = Config::default();
    config.stream_queue_bytes = 50_000;
    config.total_queue_bytes = 100_000;
    config
}

fn fill(net: &mut Net, stream: u16) -> SendError {
    loop {
        let data = pattern(1, 5000);
        if let Err(error) =
            net.ends[0].send(net.now, StreamId(stream), Ppid(53), data, SendOptions::default())
        {
            return error;
        }
    }
}

#[test]
fn a_full_stream_is_refused_with_its_limit_and_told_when_room_returns() {
    let mut net = Net::connected(1, Path::default(), |_| config());
    assert_eq!(fill(&mut net, 0), SendError::QueueFull { limit: 50_000, stream: true });
    net.run_for(Duration::from_secs(2));
    assert_eq!(
        net.events[0],
        [Event::SendReady { stream: StreamId(0) }, Event::BufferedAmountLow { stream: StreamId(0) }]
    );
}

#[test]
fn all_streams_that_were_refused_for_the_total_are_told() {
    let mut net = Net::connected(2, Path::default(), |_| config());
    let mut refused = Vec::new();
    for stream in 0..5 {
        let error = fill(&mut net, stream);
        if error == (SendError::QueueFull { limit: 100_000, stream: false }) {
            refused.push(stream);
        }
    }
    assert!(refused.len() >= 3);
    net.run_for(Duration::from_secs(5));
    for stream in 0..5 {
        let ready = Event::SendReady { stream: StreamId(stream) };
        assert_eq!(net.events[0].iter().filter(|event| **event == ready).count(), 1, "stream {stream}");
    }
}

#[test]
fn many_tiny_messages_are_bounded_too() {
    let mut puppet = Puppet::connected(config());
    let mut count = 0;
    while puppet
        .under_test
        .send(puppet.now, StreamId(0), Ppid(53), "x".into(), SendOptions::default())
        .is_ok()
    {
        count += 1;
    }
    assert!(count < 1000);
}

#[test]
fn a_message_larger_than_a_queue_is_taken_if_the_queue_is_empty() {
    let mut net = Net::connected(3, Path::default(), |_| config());
    net.send(0, 0, pattern(1, 200_000));
    net.run_for(Duration::from_secs(10));
    assert_eq!(net.messages[1].len(), 1);
}

#[test]
fn wrong_use_is_a_typed_error() {
    let mut limited = config();
    limited.max_message_bytes = 1000;
    let mut puppet = Puppet::connected(limited);
    let mut send = |stream: u16, size: usize| {
        puppet.under_test.send(
            puppet.now,
            StreamId(stream),
            Ppid(53),
            vec![1; size].into(),
            SendOptions::default(),
        )
    };
    assert_eq!(send(0, 0), Err(SendError::Empty));
    assert_eq!(send(0, 1001), Err(SendError::TooLarge { limit: 1000 }));
    assert_eq!(send(100, 1), Err(SendError::InvalidStream { streams: 100 }));
    assert_eq!(send(65535, 1), Err(SendError::InvalidStream { streams: 100 }));
}

#[test]
fn the_buffered_amount_counts_what_was_not_sent() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.set_buffered_amount_low_threshold(StreamId(1), 100_000);
    puppet
        .under_test
        .send(puppet.now, StreamId(1), Ppid(53), pattern(1, 100_500), SendOptions::default())
        .unwrap();
    assert_eq!(puppet.under_test.buffered_amount(StreamId(1)), 100_500);
    assert!(puppet.poll().is_some());
    assert_eq!(puppet.under_test.buffered_amount(StreamId(1)), 100_500 - 1172);
    assert_eq!(puppet.under_test.poll_event(), Some(Event::BufferedAmountLow { stream: StreamId(1) }));
}

#[test]
fn no_stream_starves_behind_a_busy_one() {
    let mut net = Net::connected(4, Path::default(), |_| Config::default());
    for number in 0..100 {
        net.send(0, 0, pattern(number, 10_000));
    }
    net.send(0, 1, "small");
    net.run_for(Duration::from_millis(50));
    assert!(net.messages[1].iter().any(|message| message.data == "small"));
    assert!(net.messages[1].len() < 20);
}

#[test]
fn streams_refused_for_the_total_are_told_in_the_order_of_refusal() {
    let mut net = Net::connected(6, Path::default(), |_| config());
    fill(&mut net, 0);
    fill(&mut net, 1);
    for stream in [9, 3, 5] {
        fill(&mut net, stream);
    }
    net.run_for(Duration::from_secs(5));
    let told: Vec<u16> = net.events[0]
        .iter()
        .filter_map(|event| match event {
            Event::SendReady { stream } if stream.0 > 1 => Some(stream.0),
            _ => None,
        })
        .collect();
    assert_eq!(told, [9, 3, 5]);
}

#[test]
fn who_was_refused_is_told_when_a_restart_of_the_peer_empties_the_queue() {
    let mut net = Net::connected(7, Path::default(), |_| config());
    net.send(0, 0, pattern(1, 200_000));
    assert_eq!(fill(&mut net, 0), SendError::QueueFull { limit: 50_000, stream: true });
    net.run_for(Duration::from_millis(5));
    net.ends[1] = Association::new(config(), [99; 32], net.now);
    net.wire.clear();
    net.events[0].clear();
    net.ends[1].connect(net.now);
    net.run_for(Duration::from_secs(2));
    // The message that was begun is lost, and nothing else was queued.
    assert!(net.messages[1].is_empty());
    assert!(net.events[0].contains(&Event::SendReady { stream: StreamId(0) }));
}

#[test]
fn events_that_nobody_polls_are_bounded_and_what_is_dropped_is_counted() {
    let mut config = config();
    config.max_unread_events = 16;
    let mut puppet = Puppet::connected(config);
    while puppet.under_test.poll_event().is_some() {}
    let mut count = 0;
    for number in 0..200 {
        let options = crate::support::max_lifetime(Duration::ZERO);
        let now = puppet.now;
        if puppet.under_test.send(now, StreamId(number % 4), Ppid(53), vec![1; 100].into(), options).is_ok() {
            count += 1;
        }
        puppet.wait(Duration::from_millis(1));
        let _ = puppet.chunks();
    }
    let events: Vec<_> = std::iter::from_fn(|| puppet.under_test.poll_event()).collect();
    assert!(events.len() <= 16 + 2 * 4, "{} events", events.len());
    let told = events.iter().filter(|event| matches!(event, Event::MessageAbandoned { .. })).count() as u64;
    assert_eq!(told + puppet.under_test.stats().events_dropped, count);
    let low = events.iter().filter(|event| matches!(event, Event::BufferedAmountLow { .. })).count();
    assert_eq!(low, 4, "one of each stream");
}

#[test]
fn a_reset_is_refused_while_too_many_events_are_unread() {
    let mut config = config();
    config.max_unread_events = 1;
    let mut puppet = Puppet::new(config);
    puppet.handshake(&crate::support::puppet_init());
    let options = crate::support::max_lifetime(Duration::ZERO);
    let now = puppet.now;
    puppet.under_test.send(now, StreamId(1), Ppid(53), "x".into(), options).unwrap();
    let _ = puppet.chunks();
    let refused = puppet.under_test.reset_stream(puppet.now, StreamId(2));
    assert_eq!(refused, Err(plywood_sctp::ResetError::UnreadEvents { limit: 1 }));
    while puppet.under_test.poll_event().is_some() {}
    assert_eq!(puppet.under_test.reset_stream(puppet.now, StreamId(2)), Ok(()));
}

#[test]
fn resets_that_nobody_hears_of_are_put_off_and_not_forgotten() {
    use plywood_sctp::wire::reconfig::put_outgoing_reset;
    let mut config = config();
    config.max_unread_events = 40;
    let mut puppet = Puppet::connected(config);
    let streams: Vec<u16> = (0..15).collect();
    let last = crate::support::PUPPET_TSN - 1;
    let mut number = crate::support::PUPPET_TSN;
    let mut performed = 0;
    for _ in 0..50 {
        puppet.feed(|out| put_outgoing_reset(out, number, 0, last, &streams)).unwrap();
        let answer = puppet.poll().unwrap();
        match answer[27] {
            1 => {
                performed += 1;
                number += 1;
            }
            // In progress: the peer asks again with the same number.
            other => assert_eq!(other, 6),
        }
        while puppet.poll().is_some() {}
    }
    assert_eq!(performed, 2, "thirty streams of forty");
    while puppet.under_test.poll_event().is_some() {}
    puppet.feed(|out| put_outgoing_reset(out, number, 0, last, &streams)).unwrap();
    assert_eq!(puppet.poll().unwrap()[27], 1, "performed once there is room");
}
