//! Packets that an attacker would send: nothing but counters may change, work and memory stay bounded.

use crate::support::{Net, PUPPET_TSN, Path, Puppet, Random, packet, pattern, puppet_init};
use plywood_sctp::wire::data::{Data, DataFlags};
use plywood_sctp::wire::i_data::IData;
use plywood_sctp::wire::{ChunkType, put_chunk};
use plywood_sctp::{CloseReason, Config, Discard, Event, Violation};
use proptest::prelude::*;
use std::time::Duration;

fn hex_rows(text: &str) -> Vec<Vec<u8>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            line.rsplit('\t').find(|field| field.len() > 3 && field.bytes().all(|b| b.is_ascii_hexdigit()))
        })
        .map(|hex| {
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
        })
        .collect()
}

fn corpus() -> Vec<Vec<u8>> {
    let files = [
        include_str!("../corpus/aiortc-packets.hex"),
        include_str!("../corpus/unit-test-bytes.hex"),
        include_str!("../corpus/usrsctp-connect-chunks.hex"),
        include_str!("../corpus/usrsctp-fragment-chunks.hex"),
        include_str!("../corpus/usrsctp-listen-packets.hex"),
    ];
    let rows: Vec<_> = files.iter().flat_map(|file| hex_rows(file)).collect();
    assert!(rows.len() > 150, "{}", rows.len());
    rows
}

/// Feeds `bytes` as a packet, and as chunks behind a right header.
fn attack(puppet: &mut Puppet, bytes: &[u8]) {
    let _ = puppet.under_test.handle_datagram(puppet.now, bytes);
    let _ = puppet.feed(|out| out.extend_from_slice(bytes));
    let _ = puppet.chunks();
    while puppet.under_test.poll_event().is_some() {}
    puppet.wait(Duration::from_millis(300));
    let _ = puppet.chunks();
}

#[test]
fn the_corpora_of_other_stacks_do_no_harm() {
    for row in corpus() {
        attack(&mut Puppet::new(Config::default()), &row);
        let mut config = Config::default();
        config.interleaving = true;
        for config in [Config::default(), config] {
            let mut puppet = Puppet::connected(config);
            attack(&mut puppet, &row);
        }
    }
}

#[test]
fn forged_packets_beside_a_transfer_change_nothing_but_counters() {
    let mut net = Net::connected(1, Path::default(), |_| Config::default());
    let mut random = Random(5);
    net.logging = true;
    for number in 0..20 {
        net.send(0, 0, pattern(number, 20_000));
    }
    for _ in 0..200 {
        net.run_for(Duration::from_millis(2));
        for _ in 0..5 {
            let at = usize::try_from(random.below(net.log.len() as u64)).unwrap();
            let (_, mut forged) = net.log[at].clone();
            match random.below(3) {
                0 => forged[4..8].copy_from_slice(&random.next().to_be_bytes()[..4]),
                1 => forged.truncate(usize::try_from(random.below(forged.len() as u64)).unwrap()),
                _ => forged[0] ^= 0x40,
            }
            let to = usize::try_from(random.below(2)).unwrap();
            let _ = net.ends[to].handle_datagram(net.now, &forged);
        }
    }
    net.run_for(Duration::from_secs(10));
    assert_eq!(net.messages[1].len(), 20);
    assert!(net.ends.iter().all(plywood_sctp::Association::is_connected));
    assert!(net.ends[0].stats().discarded_total() > 0);
}

#[test]
fn a_zero_length_chunk_does_not_loop() {
    let mut puppet = Puppet::connected(Config::default());
    for length in 0..4 {
        let result = puppet.feed(|out| out.extend_from_slice(&[0, 3, 0, length]));
        assert!(matches!(result, Err(Discard::Malformed(_))), "{result:?}");
    }
}

#[test]
fn data_without_user_data_ends_the_association_with_its_cause() {
    let mut puppet = Puppet::connected(Config::default());
    assert!(puppet.data(0, 3, 0, 0, b"").is_err());
    assert_eq!(puppet.chunks(), [ChunkType::ABORT.0]);
    assert_eq!(
        puppet.under_test.poll_event(),
        Some(Event::Closed(CloseReason::ProtocolViolation(Violation::NoUserData)))
    );
}

#[test]
fn fragments_that_contradict_each_other_end_the_association() {
    for (first, second) in [(2, 2), (2, 3), (0, 2)] {
        let mut puppet = Puppet::connected(Config::default());
        let result = puppet.data(0, first, 0, 0, b"a").and(puppet.data(1, second, 0, 1, b"b"));
        assert!(result.is_err(), "{first} {second}");
        assert!(puppet.under_test.is_closed());
    }
    let mut puppet = Puppet::connected(Config::default());
    let result = puppet.data(0, 2, 0, 0, b"a").and(puppet.data(1, 1, 5, 0, b"another stream"));
    assert!(result.is_err() && puppet.under_test.is_closed());
}

#[test]
fn data_for_a_stream_that_does_not_exist_is_acknowledged_and_reported() {
    let mut puppet = Puppet::connected(Config::default());
    assert_eq!(puppet.data(0, 3 | 8, 100, 0, b"x"), Err(Discard::InvalidStream));
    assert_eq!(puppet.chunks(), [ChunkType::SACK.0, ChunkType::ERROR.0]);
}

#[test]
fn data_far_outside_the_window_is_discarded() {
    let mut puppet = Puppet::connected(Config::default());
    assert_eq!(puppet.data(70_000, 3, 0, 0, b"x"), Err(Discard::OutsideWindow));
    assert_eq!(puppet.data(0x7fff_fff0, 3, 0, 0, b"x"), Err(Discard::OutsideWindow));
    assert_eq!(puppet.data(0x8fff_fff0, 3, 0, 0, b"x"), Err(Discard::Duplicate));
}

#[test]
fn i_data_is_refused_where_data_was_agreed() {
    let mut puppet = Puppet::connected(Config::default());
    let result =
        puppet.feed(|out| put_chunk(out, ChunkType::I_DATA, 3, |out| out.extend_from_slice(&[0; 20])));
    assert!(result.is_err() && puppet.under_test.is_closed());
    assert_eq!(puppet.chunks(), [ChunkType::ABORT.0]);
}

#[test]
fn unknown_chunks_are_treated_as_their_upper_bits_say() {
    for (kind, goes_on, reports) in
        [(0x3f, false, false), (0x7f, false, true), (0xbf, true, false), (0xff, true, true)]
    {
        let mut puppet = Puppet::connected(Config::default());
        let data =
            Data { flags: DataFlags(3 | 8), tsn: PUPPET_TSN, stream: 0, ssn: 0, ppid: 53, payload: b"x" };
        let result = puppet.feed(|out| {
            put_chunk(out, ChunkType(kind), 0, |out| out.extend_from_slice(b"unknown"));
            data.encode(out);
        });
        assert_eq!(result, Err(Discard::UnknownChunk));
        assert_eq!(puppet.under_test.poll_message().is_some(), goes_on, "{kind:#x}");
        assert_eq!(puppet.chunks().contains(&ChunkType::ERROR.0), reports, "{kind:#x}");
    }
}

#[test]
fn an_error_is_never_answered() {
    let mut puppet = Puppet::connected(Config::default());
    puppet
        .feed(|out| {
            put_chunk(out, ChunkType::ERROR, 0, |out| {
                plywood_sctp::wire::cause::put_cause(out, plywood_sctp::wire::cause::CauseCode(99), b"?");
            });
        })
        .unwrap();
    assert_eq!(puppet.chunks(), []);
}

#[test]
fn chunks_of_extensions_that_we_do_not_have_are_ignored_safely() {
    for kind in [
        ChunkType::ECNE,
        ChunkType::CWR,
        ChunkType::PAD,
        ChunkType(0x0f),
        ChunkType(0x80),
        ChunkType(0xc1),
        ChunkType(0x81),
    ] {
        let mut puppet = Puppet::connected(Config::default());
        let _ = puppet.feed(|out| put_chunk(out, kind, 0, |out| out.extend_from_slice(&[0; 8])));
        assert!(puppet.under_test.is_connected(), "{kind:?}");
    }
}

#[test]
fn fragments_backwards_are_put_together_at_a_bounded_cost() {
    let mut config = Config::default();
    config.receive_window_bytes = 16 << 20;
    config.max_gaps = 65535;
    let mut puppet = Puppet::connected(config);
    let count = 5000;
    for offset in (0..count).rev() {
        let flags = if offset == 0 { 2 } else { u8::from(offset == count - 1) };
        puppet.data(offset, flags, 0, 0, &offset.to_be_bytes()).unwrap();
    }
    let message = puppet.under_test.poll_message().unwrap();
    let expected: Vec<u8> = (0..count).flat_map(u32::to_be_bytes).collect();
    assert_eq!(message.data, expected);
}

#[test]
fn a_packet_with_a_wrong_tag_or_ports_is_discarded() {
    let mut puppet = Puppet::connected(Config::default());
    let data = |out: &mut Vec<u8>| {
        Data { flags: DataFlags(3), tsn: PUPPET_TSN, stream: 0, ssn: 0, ppid: 53, payload: b"x" }.encode(out);
    };
    for tag in [0, 1, puppet.tag ^ 1, crate::support::PUPPET_TAG] {
        let forged = packet(tag, data);
        assert_eq!(puppet.under_test.handle_datagram(puppet.now, &forged), Err(Discard::WrongTag));
    }
    let mut forged = packet(puppet.tag, data);
    forged[0] ^= 1;
    assert_eq!(puppet.under_test.handle_datagram(puppet.now, &forged), Err(Discard::WrongPorts));
    assert_eq!(puppet.under_test.stats().discarded(Discard::WrongTag), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        attack(&mut Puppet::new(Config::default()), &bytes);
        attack(&mut Puppet::connected(Config::default()), &bytes);
    }

    #[test]
    fn arbitrary_chunks_never_panic(
        chunks in proptest::collection::vec(
            (prop_oneof![0u8..16, Just(0x40), Just(0x82), Just(0x84), Just(0xc0), Just(0xc2), any::<u8>()],
             any::<u8>(), proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(3), any::<u8>()], 0..40)), 1..6),
        interleaving: bool,
    ) {
        let mut config = Config::default();
        config.interleaving = interleaving;
        let mut puppet = Puppet::new(config);
        let mut init = puppet_init();
        init.capabilities.interleaving = interleaving;
        init.initial_tsn = 0;
        puppet.handshake(&init);
        let _ = puppet.under_test.send(
            puppet.now, plywood_sctp::StreamId(0), plywood_sctp::Ppid(1), vec![1; 3000].into(), Default::default());
        let _ = puppet.chunks();
        for (kind, flags, value) in &chunks {
            let _ = puppet.feed(|out| put_chunk(out, ChunkType(*kind), *flags, |out| out.extend_from_slice(value)));
            let _ = puppet.chunks();
        }
        puppet.wait(Duration::from_secs(5));
        let _ = puppet.chunks();
    }
}

/// Two fragments for one place would be counted twice and never make a message.
#[test]
fn an_i_data_fragment_that_comes_twice_ends_the_association() {
    let fragments: [&[(u8, u32)]; 5] = [
        &[(0, 0), (2, 0)],                 // a first fragment beside a 0th that is not the first
        &[(0, 1), (0, 2), (0, 3), (0, 2)], // in the middle of what is there
        &[(0, 1), (0, 5), (0, 1)],         // where something begins
        &[(0, 4), (2, 0), (0, 1), (0, 2), (0, 3), (0, 4)], // in order, into what came before
        &[(0, 2), (1, 3), (0, 4)],         // behind the end
    ];
    for row in fragments {
        let mut puppet = Puppet::new(Config::default());
        let mut init = puppet_init();
        init.capabilities.interleaving = true;
        puppet.handshake(&init);
        let mut results = Vec::new();
        for (number, &(flags, fsn)) in row.iter().enumerate() {
            let data = IData {
                flags: DataFlags(flags),
                tsn: PUPPET_TSN + u32::try_from(number).unwrap(),
                stream: 1,
                mid: 0,
                ppid_or_fsn: fsn,
                payload: b"fragment",
            };
            results.push(puppet.feed(|out| data.encode(out)));
        }
        let last = results.pop().unwrap();
        assert!(results.iter().all(Result::is_ok), "{row:?}");
        assert_eq!(last, Err(Discard::Unexpected), "{row:?}");
        let violation = CloseReason::ProtocolViolation(Violation::Fragments);
        assert_eq!(puppet.under_test.poll_event(), Some(Event::Closed(violation)));
    }
}
