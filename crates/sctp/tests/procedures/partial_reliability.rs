//! RFC 3758 and RFC 7496: messages that are given up.

use crate::support::{Net, PUPPET_TSN, Path, Puppet, chunk_types, max_lifetime, max_retransmits, pattern};
use plywood_sctp::wire::forward_tsn::{Skipped, put_forward_tsn};
use plywood_sctp::{Config, Discard, Event, Ppid, Reliability, SendOptions, StreamId};
use std::time::Duration;

fn forward(puppet: &mut Puppet, offset: u32, skipped: &[(u16, u32)]) -> Result<(), Discard> {
    let skipped: Vec<_> =
        skipped.iter().map(|&(stream, number)| Skipped { stream, unordered: false, number }).collect();
    puppet.feed(|out| put_forward_tsn(out, false, PUPPET_TSN.wrapping_add(offset), &skipped))
}

#[test]
fn a_message_with_no_retransmits_is_sent_once_and_then_skipped() {
    let mut net = Net::connected(1, Path::default(), |_| Config::default());
    let mut first = true;
    net.filter = Some(Box::new(move |from, packet| {
        from == 0 && chunk_types(packet).contains(&0) && std::mem::take(&mut first)
    }));
    net.send_with(0, 0, "lost", max_retransmits(0));
    net.pump();
    net.send(0, 0, "kept");
    net.run_for(Duration::from_secs(5));
    assert_eq!(net.messages[1].iter().map(|m| &m.data[..]).collect::<Vec<_>>(), [b"kept"]);
    assert!(net.events[0].contains(&Event::MessageAbandoned { stream: StreamId(0) }));
}

#[test]
fn a_message_is_given_up_when_its_lifetime_is_over() {
    let mut net = Net::connected(2, Path::default(), |_| Config::default());
    net.filter = Some(Box::new(|from, _| from == 0));
    net.send_with(0, 0, "late", max_lifetime(Duration::from_millis(500)));
    net.run_for(Duration::from_secs(4));
    net.filter = None;
    net.send(0, 0, "kept");
    net.run_for(Duration::from_secs(20));
    assert_eq!(net.messages[1].iter().map(|m| &m.data[..]).collect::<Vec<_>>(), [b"kept"]);
}

#[test]
fn a_message_whose_time_passes_in_the_queue_leaves_no_trace() {
    let mut puppet = Puppet::connected(Config::default());
    let options = max_lifetime(Duration::from_millis(5));
    puppet.under_test.send(puppet.now, StreamId(0), Ppid(51), "late".into(), options).unwrap();
    puppet.now += Duration::from_millis(6);
    assert_eq!(puppet.chunks(), []);
    assert_eq!(puppet.under_test.buffered_amount(StreamId(0)), 0);
}

#[test]
fn a_large_message_given_up_in_the_middle_frees_both_sides() {
    for seed in 0..20 {
        let path = Path { loss_per_mille: 100, jitter: Duration::from_millis(5), ..Path::default() };
        let mut net = Net::connected(seed, path, |_| Config::default());
        for number in 0..10 {
            net.send_with(0, 0, pattern(number, 100_000), max_retransmits(0));
            net.send_with(0, 1, pattern(number, 100_000), max_lifetime(Duration::from_millis(50)));
        }
        net.send(0, 0, "end");
        net.send(0, 1, "end");
        let done = net.run_until(Duration::from_secs(200), |net| {
            net.messages[1].iter().filter(|message| message.data == "end").count() == 2
        });
        assert!(done, "seed {seed}");
        for message in net.messages[1].iter().filter(|message| message.data != "end") {
            let number = u64::from_be_bytes(*message.data.first_chunk().unwrap());
            assert_eq!(message.data, pattern(number, 100_000), "seed {seed}: whole or not at all");
        }
        net.run_for(Duration::from_secs(20));
        assert_eq!(net.ends[0].stats().in_flight_bytes, 0);
    }
}

#[test]
fn partial_reliability_over_a_bad_path_delivers_in_order_and_stalls_never() {
    for seed in 0..100 {
        let path = Path {
            loss_per_mille: 150,
            duplicate_per_mille: 50,
            jitter: Duration::from_millis(20),
            ..Path::default()
        };
        let mut config = Config::default();
        config.initial_tsn = Some(0xffff_fff8);
        let mut net = Net::connected(seed, path, |_| config.clone());
        for number in 0..60u64 {
            let unordered = number % 3 == 0;
            let reliability = match number % 4 {
                0 => Reliability::MaxRetransmits(0),
                1 => Reliability::MaxRetransmits(1),
                2 => Reliability::MaxLifetime(Duration::from_millis(100)),
                _ => Reliability::Reliable,
            };
            net.send_with(
                0,
                u16::from(unordered),
                pattern(number, 2500),
                SendOptions { unordered, reliability },
            );
        }
        net.run_for(Duration::from_secs(120));
        assert_eq!(net.ends[0].buffered_amount(StreamId(0)), 0, "seed {seed}");
        assert_eq!(net.ends[0].stats().in_flight_bytes, 0, "seed {seed}");
        let numbers = |stream: u16| -> Vec<u64> {
            let of_stream = net.messages[1].iter().filter(|message| message.stream == StreamId(stream));
            of_stream.map(|message| u64::from_be_bytes(*message.data.first_chunk().unwrap())).collect()
        };
        assert!(numbers(0).is_sorted(), "seed {seed}");
        let all: std::collections::BTreeSet<u64> = numbers(0).into_iter().chain(numbers(1)).collect();
        assert_eq!(all.len(), net.messages[1].len(), "seed {seed}: at most once");
        let missing: Vec<u64> = (0..60).filter(|n| n % 4 == 3 && !all.contains(n)).collect();
        assert!(missing.is_empty(), "seed {seed}: reliable ones arrive: {missing:?}");
    }
}

#[test]
fn a_forward_tsn_skips_what_is_missing_and_delivers_what_waited() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.data(1, 3, 0, 1, b"second").unwrap();
    assert!(puppet.under_test.poll_message().is_none());
    forward(&mut puppet, 0, &[(0, 0)]).unwrap();
    assert_eq!(puppet.under_test.poll_message().unwrap().data, "second");
    assert_eq!(puppet.chunks(), [0x03]);
}

#[test]
fn a_forward_tsn_drops_the_fragments_of_unordered_messages() {
    let mut puppet = Puppet::connected(Config::default());
    let window = |puppet: &mut Puppet| {
        let packet = std::iter::from_fn(|| puppet.poll()).last().unwrap();
        let packet = plywood_sctp::wire::Packet::parse(&packet).unwrap();
        let chunk = packet.chunks().next().unwrap();
        plywood_sctp::wire::sack::Sack::parse(&chunk).unwrap().a_rwnd
    };
    puppet.data(0, 3, 9, 0, b"x").unwrap();
    let _ = puppet.under_test.poll_message();
    puppet.under_test.release(puppet.now, 1);
    puppet.data(1, 8 | 4 | 2, 0, 0, &[1; 1000]).unwrap();
    puppet.data(3, 8 | 4, 0, 0, &[1; 1000]).unwrap();
    assert!(window(&mut puppet) <= (4 << 20) - 2000);
    forward(&mut puppet, 4, &[]).unwrap();
    assert_eq!(window(&mut puppet), 4 << 20, "no window is lost");
    puppet.data(5, 3, 0, 0, b"next").unwrap();
    assert_eq!(puppet.under_test.poll_message().unwrap().data, "next");
}

#[test]
fn a_forward_tsn_far_ahead_costs_no_walk() {
    let mut puppet = Puppet::connected(Config::default());
    for stream in 0..100 {
        let _ = puppet.data(u32::from(stream) * 2 + 1, 3, stream, 0, b"x");
    }
    forward(&mut puppet, (1 << 31) - 100, &[(0, 65535), (1, 0)]).unwrap();
    let offset = (1 << 31) - 99;
    puppet.data(offset, 3, 7, 1, b"after").unwrap();
    let last = std::iter::from_fn(|| puppet.under_test.poll_message()).last();
    assert_eq!(last.unwrap().data, "after");
}

#[test]
fn a_forward_tsn_that_is_old_is_answered_with_a_sack_and_changes_nothing() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.data(0, 3, 0, 0, b"x").unwrap();
    let _ = puppet.chunks();
    assert_eq!(forward(&mut puppet, 0, &[(0, 5)]), Err(Discard::OldAcknowledgement));
    assert_eq!(puppet.chunks(), [0x03]);
    puppet.data(1, 3, 0, 1, b"y").unwrap();
    assert_eq!(std::iter::from_fn(|| puppet.under_test.poll_message()).count(), 2);
}

#[test]
fn a_forward_tsn_that_was_not_agreed_is_reported_as_an_unknown_chunk() {
    let mut config = Config::default();
    config.partial_reliability = false;
    let mut puppet = Puppet::connected(config);
    assert!(forward(&mut puppet, 0, &[]).is_err());
    assert!(!puppet.under_test.is_closed());
    assert_eq!(puppet.chunks(), [0x09]);
}

#[test]
fn a_peer_without_forward_tsn_gets_every_message_reliably() {
    let mut net = Net::connected(5, Path { loss_per_mille: 200, ..Path::default() }, |end| {
        let mut config = Config::default();
        config.partial_reliability = end == 0;
        config
    });
    for number in 0..20 {
        net.send_with(0, 0, pattern(number, 2000), max_retransmits(0));
    }
    net.run_for(Duration::from_secs(100));
    assert_eq!(net.messages[1].len(), 20);
}

#[test]
fn an_ssn_below_what_was_skipped_is_not_delivered() {
    let mut puppet = Puppet::connected(Config::default());
    forward(&mut puppet, 3, &[(0, 3)]).unwrap();
    puppet.data(4, 3, 0, 2, b"old").unwrap();
    puppet.data(5, 3, 0, 4, b"new").unwrap();
    assert_eq!(puppet.under_test.poll_message().unwrap().data, "new");
    assert!(puppet.under_test.poll_message().is_none());
}

/// Found by the lives of tests/simulation: a tail loss probe is a repetition too.
#[test]
fn a_probe_repeats_nothing_that_may_not_be_sent_again() {
    for options in [max_retransmits(0), max_lifetime(Duration::from_millis(1))] {
        let mut net = Net::connected(31, Path::default(), |_| Config::default());
        for number in 0..20 {
            net.send(0, 0, pattern(number, 500));
        }
        net.run_for(Duration::from_secs(2));
        net.logging = true;
        net.filter = Some(Box::new(|from, _| from == 0));
        net.send_with(0, 1, pattern(7, 500), options);
        net.run_for(Duration::from_secs(5));
        let sent = net.log.iter().filter(|(from, p)| *from == 0 && chunk_types(p).contains(&0)).count();
        assert_eq!(sent, 1);
    }
}

#[test]
fn a_sack_with_holes_gives_up_what_is_past_its_time() {
    let mut puppet = Puppet::connected(Config::default());
    let now = puppet.now;
    // The second is cut to fill the first packet.
    let lifetime = max_lifetime(Duration::from_millis(100));
    for (stream, options, size) in [(1, lifetime, 1000), (2, Default::default(), 1100)] {
        puppet.under_test.send(now, StreamId(stream), Ppid(53), vec![1; size].into(), options).unwrap();
    }
    assert_eq!(puppet.chunks(), [0, 0, 0]);
    puppet.now += Duration::from_millis(200);
    puppet.sack(0, 100_000, &[(2, 3)]).unwrap();
    assert_eq!(puppet.chunks(), [0xc0], "not before a timeout, not after three reports: now");
}

/// RFC 3758 §3.5 C4: a stream that one FORWARD-TSN has no room to name is named by the next.
#[test]
fn messages_given_up_on_more_streams_than_a_forward_tsn_can_name_block_none() {
    for interleaving in [false, true] {
        let mut net = Net::connected(33, Path::default(), |_| {
            let mut config = Config::default();
            config.interleaving = interleaving;
            config
        });
        net.filter = Some(Box::new(|from, packet| from == 0 && chunk_types(packet).contains(&0)));
        for stream in 0..350 {
            net.send_with(0, stream, "lost", max_retransmits(0));
        }
        net.run_for(Duration::from_secs(5));
        net.filter = None;
        for stream in 0..350 {
            net.send(0, stream, "kept");
        }
        net.run_for(Duration::from_secs(30));
        let kept = net.messages[1].iter().filter(|message| message.data == "kept").count();
        assert_eq!(kept, 350, "interleaving {interleaving}");
    }
}
