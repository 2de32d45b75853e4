//! RFC 9260 §6.9, §6.10: how packets are filled.

use crate::support::{Net, Path, Puppet, chunk_types, pattern};
use plywood_sctp::wire::Packet;
use plywood_sctp::wire::data::Data;
use plywood_sctp::{Config, Ppid, StreamId};
use std::time::Duration;

/// Lengths of the packets that leave while a backlog of `size`-byte messages drains.
fn lengths(size: usize, budget: usize) -> Vec<usize> {
    let mut config = Config::default();
    config.initial_packets = Some(200);
    config.pacing = false;
    let mut net = Net::connected(1, Path { budget, ..Path::default() }, |_| config.clone());
    let count = 400_000 / size;
    for number in 0..count {
        net.send(0, 0, pattern(number as u64, size));
    }
    net.logging = true;
    net.run_for(Duration::from_secs(30));
    assert_eq!(net.messages[1].len(), count);
    net.log
        .iter()
        .filter(|(from, p)| *from == 0 && chunk_types(p).contains(&0))
        .map(|(_, p)| p.len())
        .collect()
}

#[test]
fn on_a_backlog_every_packet_is_exactly_the_budget() {
    for size in [100, 999, 1152, 1156, 1160, 1164, 1172, 5000, 16384, 16385, 65536] {
        for budget in [1200, 1199, 1180, 577] {
            let lengths = lengths(size, budget);
            let short = lengths[..lengths.len() - 1].iter().filter(|length| **length != budget & !3).count();
            assert!(short == 0, "{size} B, budget {budget}: {short} of {} are short", lengths.len());
        }
    }
}

#[test]
fn batches_of_full_packets_are_long() {
    let lengths = lengths(16384, 1200);
    let runs: Vec<usize> = lengths.chunk_by(|a, b| a == b).map(<[usize]>::len).collect();
    assert!(runs[0] >= 40, "{runs:?}");
}

#[test]
fn small_messages_share_a_packet() {
    let mut puppet = Puppet::connected(Config::default());
    for _ in 0..10 {
        puppet
            .under_test
            .send(puppet.now, StreamId(0), Ppid(53), "small".into(), Default::default())
            .unwrap();
    }
    assert_eq!(chunk_types(&puppet.poll().unwrap()), [0; 10]);
    assert_eq!(puppet.poll(), None);
}

#[test]
fn a_packet_never_passes_the_budget() {
    for budget in 60..200 {
        let path = Path { budget, loss_per_mille: 100, ..Path::default() };
        let mut net = Net::connected(1, path, |_| Config::default());
        net.logging = true;
        net.send(0, 0, pattern(1, 5000));
        net.send(1, 0, pattern(1, 5000));
        net.ends[0].reset_stream(net.now, StreamId(9)).unwrap();
        net.run_for(Duration::from_secs(200));
        assert!(net.log.iter().all(|(_, packet)| packet.len() <= budget));
        assert_eq!(net.messages[1].len(), 1, "budget {budget}");
    }
}

#[test]
fn a_budget_too_small_for_anything_writes_nothing() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.send(puppet.now, StreamId(0), Ppid(53), "x".into(), Default::default()).unwrap();
    for budget in 0..40 {
        let mut out = vec![1, 2, 3];
        assert_eq!(puppet.under_test.poll_transmit(puppet.now, budget, &mut out), None);
        assert_eq!(out, [1, 2, 3]);
    }
}

#[test]
fn a_chunk_sent_under_a_larger_budget_goes_alone_under_a_smaller_one() {
    let mut net = Net::connected(3, Path::default(), |_| Config::default());
    net.filter = Some(Box::new(|from, _| from == 0));
    net.send(0, 0, pattern(1, 3000));
    net.run_for(Duration::from_millis(100));
    net.filter = None;
    net.path.budget = 600;
    net.run_for(Duration::from_secs(20));
    assert_eq!(net.messages[1].len(), 1);
}

#[test]
fn what_stands_in_the_buffer_before_stays() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.send(puppet.now, StreamId(2), Ppid(53), "payload".into(), Default::default()).unwrap();
    let mut out = b"record header".to_vec();
    let length = puppet.under_test.poll_transmit(puppet.now, 1200, &mut out).unwrap();
    let (before, packet) = out.split_at(13);
    assert_eq!((before, packet.len()), (&b"record header"[..], length));
    let packet = Packet::parse(packet).unwrap();
    let chunk = packet.chunks().next().unwrap();
    assert_eq!(Data::parse(&chunk).unwrap().payload, b"payload");
}

#[test]
fn checksums_are_sent_unless_both_sides_can_do_without() {
    for (ours, theirs) in [(true, true), (true, false), (false, true)] {
        let mut net = Net::connected(4, Path::default(), |end| {
            let mut config = Config::default();
            config.zero_checksum = if end == 0 { ours } else { theirs };
            config
        });
        net.logging = true;
        net.send(0, 0, "x");
        net.run_for(Duration::from_secs(1));
        assert_eq!(net.messages[1].len(), 1);
        let zero = net.log.iter().any(|(_, packet)| packet[8..12] == [0; 4]);
        assert_eq!(zero, ours && theirs);
    }
}

#[test]
fn a_wrong_checksum_is_discarded_also_where_zero_is_accepted() {
    for zero_checksum in [true, false] {
        let mut config = Config::default();
        config.zero_checksum = zero_checksum;
        let mut puppet = Puppet::connected(config);
        let good = crate::support::packet(puppet.tag, |out| {
            plywood_sctp::wire::simple::put_empty(out, plywood_sctp::wire::ChunkType::COOKIE_ACK, 0);
        });
        let mut bad = good;
        bad[8] ^= 1;
        let result = puppet.under_test.handle_datagram(puppet.now, &bad);
        assert_eq!(result, Err(plywood_sctp::Discard::BadChecksum));
        bad[8..12].fill(0);
        let result = puppet.under_test.handle_datagram(puppet.now, &bad);
        assert_eq!(result == Err(plywood_sctp::Discard::BadChecksum), !zero_checksum);
    }
}
