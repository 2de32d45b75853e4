//! RFC 9260 §6.1, §6.2: the window follows the application, and never closes for ever.

use crate::support::{Net, Path, Puppet, pattern};
use plywood_sctp::wire::Packet;
use plywood_sctp::wire::sack::Sack;
use plywood_sctp::{CloseReason, Config, Discard, Event, Ppid, StreamId};
use std::time::Duration;

fn small_window(bytes: usize) -> Config {
    let mut config = Config::default();
    config.receive_window_bytes = bytes;
    config
}

fn last_window(puppet: &mut Puppet) -> u32 {
    let packet = std::iter::from_fn(|| puppet.poll()).last().expect("a SACK");
    let packet = Packet::parse(&packet).unwrap();
    let sack = packet.chunks().find(|chunk| chunk.kind.0 == 3).expect("a SACK");
    Sack::parse(&sack).unwrap().a_rwnd
}

#[test]
fn a_reader_that_pauses_holds_the_sender_and_nothing_is_lost() {
    for seed in 0..20 {
        let path = Path { loss_per_mille: 30, jitter: Duration::from_millis(5), ..Path::default() };
        let mut net = Net::connected(seed, path, |_| small_window(50_000));
        net.reading[1] = false;
        for number in 0..60 {
            net.send(0, 0, pattern(number, 10_000));
        }
        net.run_for(Duration::from_secs(30));
        assert!(net.ends[0].buffered_amount(StreamId(0)) > 400_000, "seed {seed}: held back");
        assert!(net.ends[0].is_connected(), "seed {seed}: a closed window is not a dead peer");
        net.run_for(Duration::from_secs(600));
        assert!(net.ends[0].is_connected(), "seed {seed}");
        net.reading[1] = true;
        net.collect(1);
        net.run_for(Duration::from_secs(60));
        assert_eq!(net.messages[1].len(), 60, "seed {seed}");
    }
}

#[test]
fn a_window_that_opens_is_announced_at_once() {
    let mut puppet = Puppet::connected(small_window(10_000));
    for offset in 0..9 {
        puppet.data(offset, 3, 0, u16::try_from(offset).unwrap(), &[1; 1100]).unwrap();
    }
    assert!(last_window(&mut puppet) < 2000);
    while let Some(message) = puppet.under_test.poll_message() {
        puppet.under_test.release(puppet.now, message.data.len());
    }
    assert_eq!(last_window(&mut puppet), 10_000);
}

#[test]
fn a_polled_message_stays_in_the_window_until_it_is_released() {
    let mut puppet = Puppet::connected(small_window(10_000));
    puppet.data(0, 3 | 8, 0, 0, &[1; 1000]).unwrap();
    let message = puppet.under_test.poll_message().unwrap();
    assert_eq!(last_window(&mut puppet), 9000);
    puppet.under_test.release(puppet.now, message.data.len());
    puppet.data(1, 3 | 8, 0, 1, &[1; 1]).unwrap();
    assert!(last_window(&mut puppet) >= 9990);
}

#[test]
fn data_beyond_the_window_is_dropped_and_answered() {
    let mut puppet = Puppet::connected(small_window(5000));
    let mut results = Vec::new();
    for offset in 0..10 {
        results.push(puppet.data(offset, 3, 0, u16::try_from(offset).unwrap(), &[1; 1000]));
    }
    assert_eq!(results[9], Err(Discard::OutsideWindow));
    assert_eq!(last_window(&mut puppet), 0);
}

#[test]
fn a_closed_window_is_probed_with_one_chunk() {
    let mut puppet = Puppet::connected(Config::default());
    puppet
        .under_test
        .send(puppet.now, StreamId(0), Ppid(53), pattern(1, 20_000), Default::default())
        .unwrap();
    let sent = u32::try_from(puppet.chunks().len()).unwrap();
    puppet.sack(sent, 0, &[]).unwrap();
    assert_eq!(puppet.chunks(), [0x00], "one probe");
    for _ in 0..20 {
        puppet.wait(Duration::from_secs(61));
        assert_eq!(puppet.chunks(), [0x00], "and again when the timer expires");
        puppet.sack(sent, 0, &[]).unwrap();
        assert!(puppet.under_test.is_connected());
    }
    puppet.sack(sent + 1, 100_000, &[]).unwrap();
    assert!(!puppet.chunks().is_empty(), "the window opened");
}

#[test]
fn one_message_larger_than_the_window_still_arrives() {
    let mut net = Net::connected(1, Path::default(), |_| small_window(50_000));
    net.send(0, 0, pattern(1, 300_000));
    net.run_for(Duration::from_secs(60));
    assert_eq!(net.messages[1].len(), 1);
}

#[test]
fn a_message_larger_than_the_hard_bound_is_a_named_failure() {
    let mut net = Net::connected(2, Path::default(), |_| {
        let mut config = small_window(50_000);
        config.max_reassembly_bytes = 100_000;
        config
    });
    net.send(0, 0, pattern(1, 300_000));
    net.run_for(Duration::from_secs(60));
    assert_eq!(net.events[1], [Event::Closed(CloseReason::ReassemblyLimit { limit: 100_000 })]);
    assert!(net.ends[0].is_closed());
}

#[test]
fn tiny_messages_count_with_what_they_cost() {
    let mut puppet = Puppet::connected(small_window(100_000));
    let mut accepted = 0u32;
    while accepted < 10_000 && puppet.data(accepted, 3, 0, u16::try_from(accepted).unwrap(), b"x").is_ok() {
        accepted += 1;
    }
    assert!(accepted < 1000, "{accepted} messages of one byte in a window of 100000");
}

#[test]
fn what_fills_holes_stays_under_twice_the_hard_bound() {
    let mut config = small_window(50_000);
    config.max_reassembly_bytes = 100_000;
    // Whole messages that wait for the one before them, and those that wait for the application.
    for unordered in [0, 4] {
        let mut puppet = Puppet::connected(config.clone());
        puppet.data(1000, 3 | unordered, 0, 1001, b"far ahead").unwrap();
        let mut refused = 0;
        for offset in (1..1000).rev() {
            let ssn = u16::try_from(offset + 1).unwrap();
            refused += u32::from(puppet.data(offset, 3 | unordered, 0, ssn, &[1; 1000]).is_err());
        }
        assert!(refused > 700, "{refused} of 1000");
        assert!(puppet.under_test.receive_held() < 202_000, "{}", puppet.under_test.receive_held());
        assert!(puppet.under_test.is_connected());
    }
}
