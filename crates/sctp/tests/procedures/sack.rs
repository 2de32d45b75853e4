//! RFC 9260 §6.2: when and what is acknowledged; §6.2.1: what is believed.

use crate::support::{Net, PUPPET_TSN, Path, Puppet, chunk_types, pattern};
use plywood_sctp::wire::sack::{GapBlock, Sack};
use plywood_sctp::wire::{ChunkType, Packet};
use plywood_sctp::{CloseReason, Config, Discard, Event, Ppid, StreamId, Violation};
use std::time::Duration;

#[test]
fn the_very_first_packet_is_acknowledged_at_once() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.data(0, 3, 0, 0, b"x").unwrap();
    assert_eq!(puppet.chunks(), [3]);
}

#[test]
fn the_second_packet_is_acknowledged_at_once_and_the_first_after_the_delay() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.data(0, 3, 0, 0, b"x").unwrap();
    assert_eq!(puppet.chunks(), [3]);
    puppet.data(1, 3, 0, 1, b"x").unwrap();
    assert_eq!(puppet.chunks(), []);
    puppet.data(2, 3, 0, 2, b"x").unwrap();
    assert_eq!(puppet.chunks(), [3]);
    puppet.data(3, 3, 0, 3, b"x").unwrap();
    assert_eq!(puppet.chunks(), []);
    puppet.wait(Duration::from_millis(20));
    assert_eq!(puppet.chunks(), [3]);
}

#[test]
fn the_i_bit_is_answered_at_once() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.data(0, 3 | 8, 0, 0, b"x").unwrap();
    assert_eq!(puppet.chunks(), [3]);
}

#[test]
fn a_hole_is_reported_at_once_with_its_blocks() {
    let mut puppet = Puppet::connected(Config::default());
    for offset in [0, 2, 3, 6] {
        puppet.data(offset, 3, 0, u16::try_from(offset).unwrap(), b"x").unwrap();
    }
    let packet = puppet.poll().unwrap();
    let packet = Packet::parse(&packet).unwrap();
    let chunk = packet.chunks().next().unwrap();
    let sack = Sack::parse(&chunk).unwrap();
    assert_eq!(sack.cumulative_tsn_ack, PUPPET_TSN);
    let blocks: Vec<_> = sack.gap_blocks().collect();
    assert_eq!(blocks, [GapBlock { start: 2, end: 3 }, GapBlock { start: 6, end: 6 }]);
}

#[test]
fn duplicates_are_reported_once_and_bounded() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.data(0, 3, 0, 0, b"x").unwrap();
    for _ in 0..1000 {
        assert_eq!(puppet.data(0, 3, 0, 0, b"x"), Err(Discard::Duplicate));
    }
    let packet = puppet.poll().unwrap();
    let packet = Packet::parse(&packet).unwrap();
    let chunk = packet.chunks().next().unwrap();
    let count = Sack::parse(&chunk).unwrap().duplicates().count();
    assert!((1..=32).contains(&count));
    assert_eq!(puppet.chunks(), []);
}

#[test]
fn a_batch_of_arrivals_is_answered_by_one_sack() {
    let mut puppet = Puppet::connected(Config::default());
    for (batch, size) in [1u32, 2, 40, 40, 64].into_iter().enumerate() {
        for _ in 0..size {
            let offset = u32::try_from(puppet.under_test.stats().data_chunks_received).unwrap();
            puppet.data(offset, 3, 0, u16::try_from(offset).unwrap(), b"x").unwrap();
        }
        assert_eq!(puppet.chunks(), [3], "batch {batch}");
    }
}

#[test]
fn in_bulk_the_rest_is_acknowledged_after_a_fraction_of_the_round_trip() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.set_minimum_round_trip(Duration::from_millis(8));
    for offset in 0..402u32 {
        puppet.data(offset, 3, 0, u16::try_from(offset).unwrap(), b"x").unwrap();
        let _ = puppet.chunks();
    }
    puppet.wait(Duration::from_millis(2));
    assert_eq!(puppet.chunks(), [3]);
}

fn sending(bytes: usize) -> (Puppet, u32) {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.send(puppet.now, StreamId(0), Ppid(53), pattern(1, bytes), Default::default()).unwrap();
    let count = u32::try_from(puppet.chunks().len()).unwrap();
    (puppet, count)
}

/// RFC 9260 §12.4: cumulatively or by a gap block.
#[test]
fn a_sack_for_what_was_never_sent_ends_the_association() {
    for (beyond, end) in [(1, None), (1_000_000, None), (0, Some(1)), (0, Some(60_000))] {
        let (mut puppet, sent) = sending(3000);
        let blocks: Vec<_> = end.map(|end| (1, end)).into_iter().collect();
        assert_eq!(puppet.sack(sent + beyond, 1000, &blocks), Err(Discard::ImpossibleAcknowledgement));
        assert_eq!(puppet.under_test.stats().sacks_received, 0);
        assert_eq!(puppet.chunks(), [ChunkType::ABORT.0]);
        let reason = CloseReason::ProtocolViolation(Violation::ImpossibleAcknowledgement);
        let last = std::iter::from_fn(|| puppet.under_test.poll_event()).last();
        assert_eq!(last, Some(Event::Closed(reason)));
    }
}

#[test]
fn a_sack_that_goes_backwards_is_discarded() {
    let (mut puppet, sent) = sending(3000);
    puppet.sack(sent, 100_000, &[]).unwrap();
    assert_eq!(puppet.sack(sent - 1, 0, &[]), Err(Discard::OldAcknowledgement));
    assert_eq!(puppet.under_test.stats().peer_window_bytes, 100_000);
}

#[test]
fn nonsense_in_gap_blocks_is_ignored() {
    let (mut puppet, _) = sending(100_000);
    for blocks in [&[(5, 2)][..], &[(0, 0)], &[(1, 3), (2, 2), (2, 3)], &[(65535, 1)]] {
        puppet.sack(0, 100_000, blocks).unwrap();
    }
    assert!(puppet.under_test.is_connected());
    let in_flight = puppet.under_test.stats().in_flight_bytes;
    assert!(in_flight < 1 << 20);
}

#[test]
fn more_gap_blocks_than_the_chunk_holds_are_a_malformed_chunk() {
    let (mut puppet, _) = sending(3000);
    let result = puppet.feed(|out| {
        plywood_sctp::wire::put_chunk(out, ChunkType::SACK, 0, |out| {
            out.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0]);
        });
    });
    assert!(matches!(result, Err(Discard::MalformedChunk(_))));
}

#[test]
fn a_storm_of_sacks_changes_nothing() {
    let (mut puppet, sent) = sending(4000);
    puppet.sack(1, 100_000, &[]).unwrap();
    let cwnd = puppet.under_test.stats().cwnd_bytes;
    for _ in 0..10_000 {
        puppet.sack(1, 100_000, &[(2, 2)]).unwrap();
    }
    assert!(puppet.under_test.stats().cwnd_bytes <= cwnd + 2 * 1200);
    puppet.sack(sent, 100_000, &[]).unwrap();
    assert_eq!(puppet.under_test.stats().in_flight_bytes, 0);
}

#[test]
fn a_peer_that_takes_gap_blocks_back_gets_the_data_again() {
    let (mut puppet, sent) = sending(4000);
    assert!(sent >= 4);
    puppet.sack(1, 100_000, &[(2, 3)]).unwrap();
    puppet.sack(1, 100_000, &[]).unwrap();
    puppet.wait(Duration::from_secs(2));
    let mut again = 0;
    for _ in 0..10 {
        let chunks = puppet.chunks();
        again += chunks.len();
        let acknowledged = 1 + u32::try_from(again).unwrap();
        if acknowledged <= sent {
            puppet.sack(acknowledged, 100_000, &[]).unwrap();
        }
    }
    assert!(again + 1 >= sent as usize, "{again} of {sent}");
}

#[test]
fn a_sack_rides_with_data() {
    let mut net = Net::connected(1, Path::default(), |_| Config::default());
    net.send(0, 0, "first");
    net.run_for(Duration::from_millis(100));
    net.logging = true;
    net.send(0, 0, "ping");
    net.run_for(Duration::from_millis(10));
    net.send(1, 0, "pong");
    net.run_for(Duration::from_millis(15));
    assert!(net.log.iter().any(|(from, packet)| *from == 1 && chunk_types(packet) == [3, 0]));
}
