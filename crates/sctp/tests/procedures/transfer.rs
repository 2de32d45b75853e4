//! Messages across good and bad paths: each exactly once, in order where ordered.

use crate::support::{Net, Path, Random, pattern, unordered};
use plywood_sctp::{Config, StreamId};
use std::time::Duration;

fn bad_path() -> Path {
    Path {
        delay: Duration::from_millis(25),
        loss_per_mille: 50,
        duplicate_per_mille: 20,
        jitter: Duration::from_millis(10),
        ..Path::default()
    }
}

/// Mixed sizes on 8 streams, both ways; even streams ordered, odd ones not.
fn transfer(seed: u64, path: Path, config: &Config, count: u64) {
    let mut net = Net::new(seed, path, |_| config.clone());
    net.ends[0].connect(net.now);
    net.ends[1].connect(net.now);
    let mut random = Random(seed);
    let sizes = [1, 5, 64, 1000, 1144, 1145, 2000, 16384, 40000];
    for number in 0..count {
        for from in 0..2 {
            let stream = u16::try_from(random.below(8)).unwrap();
            let size = sizes[usize::try_from(random.below(9)).unwrap()].max(8);
            let options = if stream % 2 == 0 { Default::default() } else { unordered() };
            net.send_with(from, stream, pattern(number << 8 | u64::from(stream), size), options);
        }
    }
    let done = net.run_until(Duration::from_secs(300), |net| {
        net.messages.iter().all(|messages| messages.len() as u64 >= count)
    });
    assert!(done, "seed {seed}: {} and {} of {count}", net.messages[0].len(), net.messages[1].len());
    net.run_for(Duration::from_secs(10));
    for messages in &net.messages {
        assert_eq!(messages.len() as u64, count, "seed {seed}: exactly once");
        for stream in 0..8 {
            let numbers: Vec<u64> = messages
                .iter()
                .filter(|message| message.stream == StreamId(stream))
                .map(|message| u64::from_be_bytes(*message.data.first_chunk().unwrap()))
                .collect();
            assert!(stream % 2 == 1 || numbers.is_sorted(), "seed {seed}: stream {stream} is ordered");
        }
        for message in messages {
            let number = u64::from_be_bytes(*message.data.first_chunk().unwrap());
            assert_eq!(message.data, pattern(number, message.data.len()), "seed {seed}");
        }
    }
}

#[test]
fn every_message_arrives_once_and_in_order_over_a_clean_path() {
    transfer(1, Path::default(), &Config::default(), 200);
}

#[test]
fn every_message_arrives_once_and_in_order_under_loss_reordering_and_duplication() {
    for seed in 0..40 {
        transfer(seed, bad_path(), &Config::default(), 30);
    }
}

#[test]
fn numbers_wrap_without_harm() {
    for seed in 0..10 {
        let mut config = Config::default();
        config.initial_tsn = Some(0xffff_fff0);
        transfer(seed, bad_path(), &config, 40);
    }
}

#[test]
fn a_small_window_slows_a_transfer_and_does_not_stop_it() {
    for seed in 0..10 {
        let mut config = Config::default();
        config.receive_window_bytes = 100_000;
        transfer(seed, bad_path(), &config, 30);
    }
}

#[test]
fn a_small_budget_works() {
    for budget in [80, 100, 300] {
        transfer(7, Path { budget, ..bad_path() }, &Config::default(), 10);
    }
}

#[test]
fn more_than_65536_messages_on_one_stream_wrap_the_ssn() {
    let mut net = Net::connected(3, Path::default(), |_| Config::default());
    let mut sent = 0u64;
    while net.messages[1].len() < 70_000 {
        while sent < 70_000 && net.ends[0].buffered_amount(StreamId(0)) < 100_000 {
            net.send(0, 0, sent.to_be_bytes().to_vec());
            sent += 1;
        }
        let end = net.now + Duration::from_secs(1);
        assert!(net.step(end), "stalled at {}", net.messages[1].len());
        assert!(net.ends[0].is_connected(), "{:?}", net.events);
    }
    for (number, message) in net.messages[1].iter().enumerate() {
        assert_eq!(message.data, (number as u64).to_be_bytes().to_vec());
    }
}
