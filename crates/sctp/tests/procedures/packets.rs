//! RFC 9260 §6.9, §6.10: how packets are filled.

use crate::support::{Net, Path, Puppet, chunk_types, max_lifetime, pattern, puppet_init};
use plywood_sctp::wire::data::Data;
use plywood_sctp::wire::{ChunkType, Packet};
use plywood_sctp::{Config, Ppid, StreamId};
use std::time::Duration;

/// Lengths of the packets that leave while a backlog drains of messages whose sizes take turns.
fn lengths(sizes: &[usize], budget: usize) -> Vec<usize> {
    let mut config = Config::default();
    config.initial_packets = Some(200);
    config.pacing = false;
    config.initial_receive_window_bytes = 4 << 20;
    let mut net = Net::connected(1, Path { budget, ..Path::default() }, |_| config.clone());
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    let count = 400_000 / mean;
    for (number, size) in sizes.iter().cycle().take(count).enumerate() {
        net.send(0, 0, pattern(number as u64, *size));
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
    let alike = [600, 900, 1176, 1190, 5000, 16384, 16385, 65536].map(|size| vec![size]);
    let mixed = [vec![100, 101], vec![1000, 1004], vec![64, 300, 700], vec![1160, 1164], vec![1024, 16384]];
    for sizes in alike.iter().chain(&mixed) {
        for budget in [1200, 1199, 1180, 577] {
            // In the smallest, 900 bytes and more are cut anyhow.
            let lengths = lengths(sizes, budget);
            let short = lengths[..lengths.len() - 1].iter().filter(|length| **length != budget & !3).count();
            assert!(short == 0, "{sizes:?} B, budget {budget}: {short} of {} are short", lengths.len());
        }
    }
}

/// docs/adr/0006: the header of one more chunk costs more than the last fifth of a packet is worth.
#[test]
fn small_messages_of_one_length_are_not_cut_to_fill_a_packet() {
    for (size, a_packet) in [(64, 14), (100, 9), (1000, 1), (1024, 1), (1160, 1), (1164, 1)] {
        let whole = 12 + a_packet * (20 + usize::next_multiple_of(size, 4));
        let lengths = lengths(&[size], 1200);
        // The first may be cut, for nothing is known of the second, and some after it until one ends near a packet's end.
        let steady = lengths.iter().rev().skip(1).take_while(|length| **length == whole).count();
        assert!(steady + 130 > lengths.len(), "{size} B: {steady} of {} have {whole} bytes", lengths.len());
    }
}

/// What is cut off would fill a hole in this packet; but nothing follows that would fill the rest of the next.
#[test]
fn the_last_message_is_not_cut_to_fill_a_packet() {
    for length in 1100..=1164 {
        let mut net = Net::connected(1, Path { budget: 1200, ..Path::default() }, |_| Config::default());
        net.logging = true;
        net.send(0, 0, pattern(1, length));
        net.run_for(Duration::from_secs(1));
        assert_eq!(net.messages[1].len(), 1);
        let data = net.log.iter().filter(|(from, p)| *from == 0 && chunk_types(p).contains(&0)).count();
        assert_eq!(data, 1, "{length} B");
    }
}

#[test]
fn batches_of_packets_of_one_size_are_long() {
    for size in [64, 1024, 16384] {
        let lengths = lengths(&[size], 1200);
        let runs: Vec<usize> = lengths.chunk_by(|a, b| a == b).map(<[usize]>::len).collect();
        assert!(runs.iter().any(|run| *run >= 40), "{size} B: {runs:?}");
    }
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
            plywood_sctp::wire::simple::put_empty(out, ChunkType::COOKIE_ACK, 0);
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

#[test]
fn a_forward_tsn_beside_a_sack_that_fills_the_packet_is_in_the_next_one() {
    let mut puppet = Puppet::connected(Config::default());
    let once = crate::support::max_retransmits(0);
    puppet.under_test.send(puppet.now, StreamId(0), Ppid(53), "lost".into(), once).unwrap();
    assert_eq!(puppet.chunks(), [0x00]);
    puppet.wait(Duration::from_secs(3));
    for offset in 0..400 {
        puppet.data(2 * offset + 1, 3, 1, 0, b"x").unwrap();
    }
    let packets: Vec<_> = std::iter::from_fn(|| puppet.poll()).collect();
    assert!(packets.iter().all(|packet| packet.len() <= 1200));
    let chunks: Vec<_> = packets.iter().map(|packet| chunk_types(packet)).collect();
    assert_eq!(chunks, [[0x03], [0xc0]]);
}

#[test]
fn a_budget_larger_than_any_datagram_cuts_no_message_wrong() {
    for interleaving in [false, true] {
        let mut net = Net::connected(5, Path { budget: 1 << 20, ..Path::default() }, |_| {
            let mut config = Config::default();
            config.interleaving = interleaving;
            config
        });
        net.logging = true;
        net.send(0, 0, pattern(1, 300_000));
        net.run_for(Duration::from_secs(60));
        assert_eq!(net.messages[1].len(), 1);
        assert_eq!(net.messages[1][0].data, pattern(1, 300_000));
        assert!(net.log.iter().all(|(_, packet)| packet.len() <= 65535));
    }
}

/// RFC 9653 §5.2: what comes before the peer's word, and what a peer may have to find its association by.
#[test]
fn init_and_cookie_echo_carry_their_checksum_whatever_was_agreed() {
    let mut net = Net::new(6, Path::default(), |_| Config::default());
    net.logging = true;
    net.ends[0].connect(net.now);
    net.run_for(Duration::from_secs(1));
    net.send(0, 0, "x");
    net.run_for(Duration::from_secs(1));
    assert!(net.ends.iter().all(|end| end.capabilities().zero_checksum));
    let mut seen = [0; 2];
    for (_, packet) in &net.log {
        let kind = ChunkType(packet[12]);
        let checked = [ChunkType::INIT, ChunkType::COOKIE_ECHO];
        if let Some(at) = checked.iter().position(|checked| *checked == kind) {
            seen[at] += 1;
            assert!(plywood_sctp::checksum_is_valid(packet), "{kind:?}");
        }
    }
    assert_eq!(seen, [1, 1]);
    assert_eq!(net.log.last().unwrap().1[8..12], [0; 4], "and the rest has none");
}

/// RFC 9653 §4, §6: the parameter is eight bytes, and 1 stands for DTLS.
#[test]
fn zero_checksums_are_offered_for_dtls_and_sent_for_no_other_method() {
    let mut offers = Puppet::new(Config::default());
    offers.under_test.connect(offers.now);
    let init = offers.poll().unwrap();
    let offer = [0x80, 0x01, 0, 8, 0, 0, 0, 1];
    assert_eq!(init.windows(8).filter(|bytes| *bytes == offer).count(), 1);

    for (method, zero) in [(1, true), (0, false), (2, false)] {
        let mut puppet = Puppet::new(Config::default());
        let mut init = puppet_init();
        init.capabilities.zero_checksum = true;
        let mut theirs = crate::support::packet(0, |out| init.encode(out));
        let at = theirs.windows(8).position(|bytes| bytes == offer).unwrap();
        theirs[at + 7] = method;
        plywood_sctp::fill_in_checksum(&mut theirs);
        puppet.under_test.handle_datagram(puppet.now, &theirs).unwrap();
        let answer = puppet.poll().unwrap();
        let chunk = Packet::parse(&answer).unwrap().chunks().next().unwrap();
        let ack = plywood_sctp::wire::init::ReceivedInit::parse(&chunk).unwrap();
        puppet.tag = ack.init.initiate_tag;
        puppet.feed(|out| crate::support::put_cookie_echo(out, ack.cookie.unwrap())).unwrap();
        let cookie_ack = puppet.poll().unwrap();
        assert_eq!(cookie_ack[8..12] == [0; 4], zero, "method {method}");
        assert!(zero || plywood_sctp::checksum_is_valid(&cookie_ack));
    }
}

/// RFC 9653 §5.3: from the INIT or INIT ACK that offers it on, and not in an INIT.
#[test]
fn answers_without_a_checksum_are_accepted_where_it_was_offered() {
    for offered in [true, false] {
        let mut config = Config::default();
        config.zero_checksum = offered;
        let mut puppet = Puppet::new(config);
        puppet.under_test.connect(puppet.now);
        let init = puppet.poll().unwrap();
        let tag = u32::from_be_bytes(*init[16..].first_chunk().unwrap());
        let mut answer = crate::support::packet(tag, |out| {
            puppet_init().encode_ack(out, b"a cookie", std::iter::empty());
        });
        answer[8..12].fill(0);
        assert_eq!(puppet.under_test.handle_datagram(puppet.now, &answer).is_ok(), offered);
        assert_eq!(puppet.chunks().contains(&ChunkType::COOKIE_ECHO.0), offered);

        let mut config = Config::default();
        config.zero_checksum = offered;
        let mut puppet = Puppet::new(config);
        let mut init = crate::support::packet(0, |out| puppet_init().encode(out));
        init[8..12].fill(0);
        let unheard = puppet.under_test.handle_datagram(puppet.now, &init);
        assert_eq!(unheard, Err(plywood_sctp::Discard::BadChecksum));
        let cookie = puppet.init(&puppet_init());
        let mut echo = crate::support::packet(puppet.tag, |out| {
            crate::support::put_cookie_echo(out, &cookie);
        });
        echo[8..12].fill(0);
        assert_eq!(puppet.under_test.handle_datagram(puppet.now, &echo).is_ok(), offered);
    }
}

/// RFC 9653 §5.2: a packet out of the blue proves no word of the peer.
#[test]
fn the_answer_to_a_packet_out_of_the_blue_carries_its_checksum() {
    let mut puppet = Puppet::new(Config::default());
    let mut init = puppet_init();
    init.capabilities.zero_checksum = true;
    puppet.handshake(&init);
    puppet.under_test.abort(puppet.now, "gone");
    assert_eq!(puppet.chunks(), [ChunkType::ABORT.0]);
    let _ = puppet.data(0, 3, 0, 0, b"x");
    let answer = puppet.poll().unwrap();
    assert_eq!(chunk_types(&answer), [ChunkType::ABORT.0]);
    assert!(plywood_sctp::checksum_is_valid(&answer));
}

/// What joins a batch is not cut to fit in, and what does not fit is not begun: if its time passes, it leaves no trace.
#[test]
fn what_is_too_long_for_a_batch_of_shorter_packets_waits_for_one_of_its_own() {
    let mut puppet = Puppet::connected(Config::default());
    let (now, stream, mut out) = (puppet.now, StreamId(1), Vec::new());
    let short_lived = max_lifetime(Duration::from_millis(100));
    puppet.under_test.send(now, stream, Ppid(53), vec![1; 1000].into(), short_lived).unwrap();
    assert_eq!(puppet.under_test.poll_transmit_within(now, 1200, 400, &mut out), None);
    puppet.now += Duration::from_millis(200);
    assert_eq!(puppet.poll(), None, "its time passed, and no TSN was given to it");

    let now = puppet.now;
    for size in [300, 1000] {
        puppet.under_test.send(now, stream, Ppid(53), vec![2; size].into(), Default::default()).unwrap();
    }
    let joined = puppet.under_test.poll_transmit_within(now, 1200, 400, &mut out);
    assert_eq!((joined, out.len()), (Some(12 + 16 + 300), 328), "the first, and nothing of the second");
    assert_eq!(puppet.under_test.poll_transmit_within(now, 1200, 400, &mut out), None);
    assert_eq!(puppet.poll().map(|packet| packet.len()), Some(12 + 16 + 1000));
}
