//! RFC 8260: I-DATA and I-FORWARD-TSN where both sides offer it.

use crate::support::{Net, Path, max_retransmits, pattern, raw_chunk_types};
use plywood_sctp::{Config, Scheduler, StreamId};
use std::time::Duration;

fn config(_: usize) -> Config {
    let mut config = Config::default();
    config.interleaving = true;
    config
}

#[test]
fn i_data_is_used_if_both_sides_offer_it() {
    for (ours, theirs) in [(true, true), (true, false), (false, true)] {
        let mut net = Net::connected(1, Path::default(), |end| {
            let mut config = Config::default();
            config.interleaving = if end == 0 { ours } else { theirs };
            config
        });
        net.logging = true;
        net.send(0, 0, pattern(1, 5000));
        net.run_for(Duration::from_secs(1));
        assert_eq!(net.messages[1].len(), 1);
        assert_eq!(net.log.iter().any(|(_, p)| raw_chunk_types(p).contains(&0x40)), ours && theirs);
        assert_eq!(net.log.iter().any(|(_, p)| raw_chunk_types(p).contains(&0x00)), !(ours && theirs));
    }
}

#[test]
fn a_small_message_overtakes_a_large_one() {
    let mut net = Net::connected(2, Path::default(), config);
    net.send(0, 0, pattern(1, 500_000));
    net.run_for(Duration::from_millis(5));
    net.send(0, 1, "small");
    net.run_until(Duration::from_secs(10), |net| net.messages[1].len() == 2);
    assert!(net.messages[1][0].data == "small");
}

#[test]
fn interleaved_messages_arrive_whole_under_loss() {
    for seed in 0..30 {
        let path = Path {
            loss_per_mille: 80,
            duplicate_per_mille: 30,
            jitter: Duration::from_millis(10),
            ..Path::default()
        };
        let mut net = Net::connected(seed, path, config);
        for number in 0..60 {
            net.send(0, u16::try_from(number % 6).unwrap(), pattern(number, 7000));
        }
        net.run_for(Duration::from_secs(100));
        assert_eq!(net.messages[1].len(), 60, "seed {seed}");
        for stream in 0..6 {
            let of_stream = net.messages[1].iter().filter(|message| message.stream == StreamId(stream));
            assert!(of_stream.map(|m| u64::from_be_bytes(*m.data.first_chunk().unwrap())).is_sorted());
        }
        for message in &net.messages[1] {
            let number = u64::from_be_bytes(*message.data.first_chunk().unwrap());
            assert_eq!(message.data, pattern(number, 7000), "seed {seed}");
        }
    }
}

#[test]
fn interleaved_messages_are_given_up_with_i_forward_tsn() {
    for seed in 0..30 {
        let path = Path { loss_per_mille: 150, jitter: Duration::from_millis(10), ..Path::default() };
        let mut net = Net::connected(seed, path, config);
        net.logging = true;
        for number in 0..40 {
            net.send_with(0, u16::try_from(number % 4).unwrap(), pattern(number, 6000), max_retransmits(0));
        }
        for stream in 0..4 {
            net.send(0, stream, "end");
        }
        let done = net.run_until(Duration::from_secs(200), |net| {
            net.messages[1].iter().filter(|message| message.data == "end").count() == 4
        });
        assert!(done, "seed {seed}: {:?} {:?}", net.events[0].last(), net.events[1].last());
        assert!(net.log.iter().any(|(_, p)| raw_chunk_types(p).contains(&0xc2)), "seed {seed}");
        assert!(!net.log.iter().any(|(_, p)| raw_chunk_types(p).contains(&0xc0)), "seed {seed}");
        assert!(net.ends.iter().all(plywood_sctp::Association::is_connected), "seed {seed}");
    }
}

/// The 95th percentile of the one-way delay of 100-byte messages beside bulk on 10 Mbit/s with 25 ms one way and a
/// queue of 62.5 kB, over twenty seconds, in milliseconds.
fn ninety_fifth(scheduler: Scheduler, interleaving: bool) -> u128 {
    let path =
        Path { delay: Duration::from_millis(25), bottleneck: Some((1_250_000, 62_500)), ..Path::default() };
    let mut net = Net::connected(6, path, |_| {
        let mut config = Config::default();
        config.interleaving = interleaving;
        config.scheduler = scheduler;
        config
    });
    net.ends[0].set_stream_priority(StreamId(1), 1024);
    let begin = net.now;
    let (mut sent, mut delays) = (std::collections::VecDeque::new(), Vec::new());
    for number in 0..500 {
        while net.ends[0].buffered_amount(StreamId(0)) < 600_000 {
            net.send(0, 0, pattern(number, 262_144));
        }
        net.send(0, 1, pattern(number, 100));
        sent.push_back(net.now);
        let until = begin + Duration::from_millis(40 * number + number * 7 % 20);
        while net.step(until) {
            for _ in net.messages[1].drain(..).filter(|message| message.stream == StreamId(1)) {
                delays.push(net.now - sent.pop_front().unwrap());
            }
        }
    }
    delays.sort_unstable();
    delays[delays.len() * 95 / 100].as_millis()
}

#[test]
fn beside_bulk_small_messages_wait_for_the_queue_two_packets_and_10_ms_at_most() {
    // 25 ms of path, 50 ms of queue, two packets of 0.96 ms, 10 ms.
    for scheduler in [Scheduler::WeightedFair, Scheduler::Priority] {
        let delay = ninety_fifth(scheduler, true);
        assert!(delay <= 25 + 50 + 2 + 10, "{scheduler:?}: {delay} ms");
    }
    let without = ninety_fifth(Scheduler::WeightedFair, false);
    assert!(without > 150, "what it cures: {without} ms");
}

/// Longest time that each of 18 small messages took beside bulk once slow start was over, in milliseconds.
fn latency(scheduler: Scheduler, interleaving: bool) -> u128 {
    let path = Path { bottleneck: Some((1_250_000, 30_000)), ..Path::default() };
    let mut net = Net::connected(5, path, |_| {
        let mut config = Config::default();
        config.interleaving = interleaving;
        config.scheduler = scheduler;
        config
    });
    net.ends[0].set_stream_priority(StreamId(1), 1024);
    net.ends[0].set_stream_priority(StreamId(0), 128);
    let mut worst = 0;
    for number in 0..20 {
        while net.ends[0].buffered_amount(StreamId(0)) < 600_000 {
            net.send(0, 0, pattern(number, 250_000));
        }
        net.run_for(Duration::from_millis(97));
        let begin = net.now;
        net.send(0, 1, "small");
        assert!(net.run_until(Duration::from_secs(60), |net| {
            let arrived = net.messages[1].iter().any(|message| message.data == "small");
            net.messages[1].retain(|message| message.data != "small");
            arrived
        }));
        // The first messages meet slow start, which fills the queue of the bottleneck and then loses packets.
        if number >= 5 {
            worst = worst.max((net.now - begin).as_millis());
        }
    }
    worst
}

#[test]
fn a_small_message_of_higher_priority_waits_for_packets_and_not_for_messages() {
    // 10 ms of path, at most 24 ms of queue at the bottleneck, and two packets.
    for scheduler in [Scheduler::WeightedFair, Scheduler::Priority] {
        let worst = latency(scheduler, true);
        assert!(worst <= 10 + 24 + 10, "{scheduler:?}: {worst} ms");
    }
    let first_come = latency(Scheduler::FirstCome, true);
    let without = latency(Scheduler::Priority, false);
    assert!(first_come > 300 && without > 100, "what it cures: {first_come} ms, {without} ms");
}

#[test]
fn streams_that_take_turns_do_not_fill_the_window_with_beginnings() {
    let mut net = Net::connected(7, Path::default(), |end| {
        let mut config = config(end);
        config.receive_window_bytes = 512 << 10;
        config.max_reassembly_bytes = 512 << 10;
        config
    });
    // Together twelve times the window.
    for stream in 0..100 {
        net.send(0, stream, pattern(u64::from(stream), 64 << 10));
    }
    net.run_until(Duration::from_secs(60), |net| net.messages[1].len() == 100);
    assert_eq!(net.messages[1].len(), 100);
    let discarded = net.ends[1].stats().discarded(plywood_sctp::Discard::OutsideWindow);
    assert_eq!(discarded, 0);
}

/// What a stream sent while it was alone is neither credit nor debt when another one comes.
#[test]
fn a_stream_that_was_alone_for_long_shares_evenly_with_one_that_comes() {
    for interleaving in [true, false] {
        for scheduler in [Scheduler::WeightedFair, Scheduler::RoundRobin, Scheduler::Priority] {
            let path = Path { bottleneck: Some((1_250_000, 30_000)), ..Path::default() };
            let mut net = Net::connected(9, path, |_| {
                let mut config = Config::default();
                config.interleaving = interleaving;
                config.scheduler = scheduler;
                config.stream_queue_bytes = 8 << 20;
                config
            });
            for number in 0..400 {
                net.send(0, 0, pattern(number, 10_000));
            }
            net.run_for(Duration::from_secs(1));
            net.messages[1].clear();
            for number in 0..200 {
                net.send(0, 1, pattern(number, 10_000));
            }
            net.run_for(Duration::from_secs(1));
            let of =
                |stream| net.messages[1].iter().filter(|message| message.stream == StreamId(stream)).count();
            let (alone, late) = (of(0), of(1));
            assert!(late > 30 && alone.abs_diff(late) <= 10, "{scheduler:?}: {alone} and {late}");
        }
    }
}
