//! Numbers next to their wrap: TSN and request numbers of 32 bits, SSN of 16, MID of 32, at once and by themselves.
//! FSN cannot wrap in what we send: it would need a message of 2^32 fragments, and [`Config::max_message_bytes`] ends
//! long before; what a peer sends near it is only refused or kept.

use crate::support::{Net, Path, Puppet, max_retransmits, pattern, puppet_init, unordered};
use plywood_sctp::wire::data::DataFlags;
use plywood_sctp::wire::i_data::IData;
use plywood_sctp::{Config, Event, StreamId};
use std::time::Duration;

fn config(interleaving: bool, before: u32) -> Config {
    let mut config = Config::default();
    config.interleaving = interleaving;
    config.initial_tsn = Some(0u32.wrapping_sub(before));
    config.initial_stream_numbers = Some(0u32.wrapping_sub(before));
    config
}

fn bad_path() -> Path {
    Path { loss_per_mille: 50, duplicate_per_mille: 20, jitter: Duration::from_millis(10), ..Path::default() }
}

#[test]
fn messages_cross_the_wrap_of_every_number_in_order_and_once() {
    for interleaving in [false, true] {
        for before in [1, 2, 7, 20] {
            let mut net = Net::connected(before.into(), bad_path(), |_| config(interleaving, before));
            for number in 0..60 {
                net.send(0, 1, pattern(number, 2500));
                net.send_with(0, 2, pattern(number, 1500), unordered());
            }
            net.run_for(Duration::from_secs(60));
            let on = |stream: u16| -> Vec<_> {
                let all = net.messages[1].iter().filter(|message| message.stream == StreamId(stream));
                all.map(|message| message.data.clone()).collect()
            };
            let expected: Vec<_> = (0..60).map(|number| pattern(number, 2500)).collect();
            assert_eq!(on(1), expected, "I-DATA {interleaving}, {before} before the wrap");
            assert_eq!(on(2).len(), 60);
        }
    }
}

#[test]
fn messages_are_given_up_across_the_wrap() {
    for interleaving in [false, true] {
        for seed in 0..10 {
            let mut net = Net::connected(seed, bad_path(), |_| config(interleaving, 9));
            for number in 0..40 {
                net.send_with(0, 1, pattern(number, 1500), max_retransmits(0));
                net.send(0, 2, pattern(number, 100));
            }
            net.run_for(Duration::from_secs(60));
            let reliable = net.messages[1].iter().filter(|message| message.stream == StreamId(2)).count();
            assert_eq!(reliable, 40, "I-DATA {interleaving}, seed {seed}");
            assert!(net.ends[0].is_idle());
        }
    }
}

#[test]
fn resets_cross_the_wrap_of_their_numbers_and_streams_begin_at_0_again() {
    for interleaving in [false, true] {
        let mut net = Net::connected(3, bad_path(), |_| config(interleaving, 2));
        for round in 0..6 {
            for number in 0..5 {
                net.send(0, 1, pattern(round * 10 + number, 700));
            }
            let now = net.now;
            net.ends[0].reset_stream(now, StreamId(1)).unwrap();
            net.run_for(Duration::from_secs(20));
        }
        assert_eq!(net.messages[1].len(), 30);
        let resets =
            net.events[1].iter().filter(|event| matches!(event, Event::IncomingStreamsReset { .. })).count();
        assert_eq!(resets, 6);
    }
}

#[test]
fn fragments_with_numbers_next_to_the_wrap_are_kept_apart() {
    let mut puppet = Puppet::new(Config::default());
    let mut init = puppet_init();
    init.capabilities.interleaving = true;
    puppet.handshake(&init);
    for (offset, fsn) in [u32::MAX - 1, u32::MAX, 0, 1].into_iter().enumerate() {
        let tsn = 1000 + u32::try_from(offset).unwrap();
        let flags = DataFlags(if fsn == 1 { DataFlags::END } else { 0 });
        let _ = puppet.feed(|out| {
            IData { flags, tsn, stream: 1, mid: u32::MAX, ppid_or_fsn: fsn, payload: b"part" }.encode(out);
        });
    }
    assert_eq!(puppet.under_test.poll_message(), None, "no beginning, no message");
    assert!(puppet.under_test.is_connected());
}
