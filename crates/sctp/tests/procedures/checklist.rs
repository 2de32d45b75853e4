//! What attackers of other stacks sent, item by item, and the test that shows that it does nothing here.
//!
//! | item | tests (in this folder, unless a path says otherwise) |
//! |---|---|
//! | wrong tags, T bit, INIT alone | `hostile::a_packet_with_a_wrong_tag_or_ports_is_discarded`, `shutdown::an_abort_with_a_wrong_tag_ends_nothing`, `handshake::an_init_with_company_or_with_a_tag_is_discarded`, `checklist::an_abort_with_the_reflected_tag_bit_and_our_own_tag_ends_nothing` |
//! | cookies | `handshake::a_cookie_that_was_changed_is_refused`, `..a_stale_cookie_..`, `..a_cookie_under_another_tag_..`, `checklist::a_cookie_of_another_association_is_refused`, src/association/cookie.rs `a_cookie_with_any_bit_changed_is_refused` |
//! | lengths of chunks and parameters | `hostile::a_zero_length_chunk_does_not_loop`, `checklist::a_parameter_with_a_broken_length_makes_no_association`, `checklist::a_partial_chunk_is_dropped_and_those_before_it_count`, `hostile::arbitrary_bytes_never_panic` |
//! | unknown chunks and parameters; ERROR and ABORT are never answered | `hostile::unknown_chunks_are_treated_as_their_upper_bits_say`, `checklist::what_is_reported_of_unknown_parameters_is_bounded`, `hostile::an_error_is_never_answered` |
//! | DATA: empty, wrong stream, far outside, duplicates, contradictions, memory | `hostile::data_without_user_data_..`, `..data_for_a_stream_that_does_not_exist_..`, `..data_far_outside_the_window_..`, `sack::duplicates_are_reported_once_and_bounded`, `hostile::fragments_that_contradict_each_other_..`, `flow_control::a_message_larger_than_the_hard_bound_..` |
//! | SACK: never sent, backwards, crossed and reneging blocks, optimistic, storms | `sack::a_sack_for_what_was_never_sent_ends_the_association`, `..that_goes_backwards_..`, `..nonsense_in_gap_blocks_..`, `..more_gap_blocks_than_the_chunk_holds_..`, `..takes_gap_blocks_back_..`, `..a_storm_of_sacks_..` |
//! | FORWARD-TSN: old, far, never received, unordered, straddling, not agreed | `partial_reliability::a_forward_tsn_*`, `checklist::a_forward_tsn_with_many_entries_costs_what_is_held` |
//! | I-DATA with DATA, MID and FSN at the wrap, chunk 194 beside DATA | `hostile::i_data_is_refused_where_data_was_agreed`, `checklist::data_is_refused_where_i_data_was_agreed`, `checklist::an_i_forward_tsn_that_was_not_agreed_does_not_drop_the_data_beside_it`, `wrap::*` |
//! | RE-CONFIG: replays, wrong numbers, in progress, unknown streams, both at once, long lists, floods | `stream_reset::*`, `queues::resets_that_nobody_hears_of_are_put_off_and_not_forgotten` |
//! | HEARTBEAT: forged ACK, larger than the packet, floods; reserved chunks | `heartbeat::*`, `checklist::a_heartbeat_larger_than_a_packet_is_not_answered_beyond_it`, `hostile::chunks_of_extensions_that_we_do_not_have_are_ignored_safely` |
//! | zero checksums only where offered | `packets::checksums_are_sent_unless_both_sides_can_do_without`, `checklist::a_zero_checksum_that_we_did_not_offer_is_discarded` |
//! | small packets, close without an answer, INIT in ESTABLISHED, both INIT at once | `packets::a_budget_too_small_for_anything_writes_nothing`, `stream_reset::a_request_that_is_not_answered_is_repeated_..`, `handshake::an_init_in_the_established_state_changes_nothing`, `handshake::both_sides_connect_..` |
//! | DCEP, PPIDs, channel ids | crates/datachannel/tests/checklist.rs |
//!
//! What the unit tests of other stacks try was compared by name as well. Without a counterpart here, and why: moving an
//! association to another process (there is no such call), events for the life of each message (`Stats` and
//! `MessageAbandoned` tell instead), bounds on the burst of a repair (paced), callbacks that run inside a call (there are
//! none), several destination addresses. States of the shutdown are in conformance/sctp, scenario by scenario.

use crate::support::{PUPPET_TAG, PUPPET_TSN, Puppet, packet, puppet_init, put_cookie_echo, start};
use plywood_sctp::wire::data::{Data, DataFlags};
use plywood_sctp::wire::forward_tsn::{Skipped, put_forward_tsn};
use plywood_sctp::wire::i_data::IData;
use plywood_sctp::wire::simple::put_empty;
use plywood_sctp::wire::{ChunkType, put_chunk};
use plywood_sctp::{CloseReason, Config, Discard, Event, Violation};
use std::time::Duration;

#[test]
fn an_abort_with_the_reflected_tag_bit_and_our_own_tag_ends_nothing() {
    let mut puppet = Puppet::connected(Config::default());
    for (tag, flags) in [(puppet.tag, 1), (PUPPET_TAG, 0), (0, 0), (0, 1)] {
        let forged = packet(tag, |out| put_empty(out, ChunkType::ABORT, flags));
        assert_eq!(puppet.under_test.handle_datagram(puppet.now, &forged), Err(Discard::WrongTag));
    }
    assert!(puppet.under_test.is_connected());
}

#[test]
fn a_cookie_of_another_association_is_refused() {
    let mut other = Puppet::new(Config::default());
    let cookie = other.init(&puppet_init());
    let mut puppet = Puppet::connected(Config::default());
    // The same seed makes the same key, so another seed is another association.
    puppet.under_test = plywood_sctp::Association::new(Config::default(), [99; 32], puppet.now);
    let forged = packet(other.tag, |out| put_cookie_echo(out, &cookie));
    assert_eq!(puppet.under_test.handle_datagram(puppet.now, &forged), Err(Discard::BadCookie));
}

#[test]
fn a_parameter_with_a_broken_length_makes_no_association() {
    for parameter in [[0x80, 0x08, 0, 0], [0x80, 0x08, 0, 3], [0xc0, 0, 0, 200], [0, 5, 0xff, 0xff]] {
        let mut puppet = Puppet::new(Config::default());
        let init = packet(0, |out| {
            put_chunk(out, ChunkType::INIT, 0, |out| {
                out.extend_from_slice(&[0, 0, 0, 9, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 5]);
                out.extend_from_slice(&parameter);
            });
        });
        let result = puppet.under_test.handle_datagram(puppet.now, &init);
        assert!(matches!(result, Err(Discard::MalformedChunk(_))), "{result:?}");
        assert!(!puppet.chunks().contains(&ChunkType::INIT_ACK.0));
    }
}

#[test]
fn a_partial_chunk_is_dropped_and_those_before_it_count() {
    for broken in [&[0, 3, 0, 99, 1, 2][..], &[0, 3, 0, 0], &[0xc0, 0, 0, 3], &[9]] {
        let mut puppet = Puppet::connected(Config::default());
        let result = puppet.feed(|out| {
            let data =
                Data { flags: DataFlags(3), tsn: PUPPET_TSN, stream: 1, ssn: 0, ppid: 53, payload: b"whole" };
            data.encode(out);
            out.extend_from_slice(broken);
        });
        assert!(matches!(result, Err(Discard::Malformed(_))), "{result:?}");
        assert_eq!(puppet.under_test.poll_message().unwrap().data, "whole");
        assert_eq!(puppet.under_test.stats().discarded(result.unwrap_err()), 1);
    }
}

#[test]
fn an_init_before_a_partial_chunk_is_not_alone() {
    let mut puppet = Puppet::new(Config::default());
    let init = packet(0, |out| {
        puppet_init().encode(out);
        out.extend_from_slice(&[0, 3, 0, 99]);
    });
    let result = puppet.under_test.handle_datagram(puppet.now, &init);
    assert_eq!(result, Err(Discard::MisplacedInit));
}

#[test]
fn what_is_reported_of_unknown_parameters_is_bounded() {
    let mut puppet = Puppet::new(Config::default());
    let init = packet(0, |out| {
        put_chunk(out, ChunkType::INIT, 0, |out| {
            out.extend_from_slice(&[0, 0, 0, 9, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 5]);
            for _ in 0..1000 {
                out.extend_from_slice(&[0xc0, 0x77, 0, 8, 1, 2, 3, 4]);
            }
        });
    });
    puppet.under_test.handle_datagram(puppet.now, &init).unwrap();
    assert!(puppet.poll().unwrap().len() < 500);
}

#[test]
fn a_host_name_in_an_init_ack_ends_the_attempt() {
    let mut puppet = Puppet::new(Config::default());
    puppet.under_test.connect(puppet.now);
    let init = puppet.poll().unwrap();
    let tag = u32::from_be_bytes(*init[16..].first_chunk().unwrap());
    let answer = packet(tag, |out| {
        put_chunk(out, ChunkType::INIT_ACK, 0, |out| {
            out.extend_from_slice(&[0, 0, 0, 9, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 5]);
            out.extend_from_slice(&[0, 7, 0, 8, 1, 2, 3, 4]);
            out.extend_from_slice(&[0, 11, 0, 8, b'a', b'.', b'b', 0]);
        });
    });
    puppet.under_test.handle_datagram(puppet.now, &answer).unwrap();
    let abort = puppet.poll().unwrap();
    assert_eq!((abort[12], abort[17]), (ChunkType::ABORT.0, 5), "Unresolvable Address");
    assert_eq!(
        puppet.under_test.poll_event(),
        Some(Event::Closed(CloseReason::ProtocolViolation(Violation::Init)))
    );
}

/// Each entry costs what it skips: not a look at all that is held, 4000 times 4000 for each of these packets.
#[test]
fn a_forward_tsn_with_many_entries_costs_what_is_held() {
    for interleaved in [false, true] {
        let mut puppet = if interleaved { giving_up() } else { Puppet::connected(Config::default()) };
        for number in 0..4000 {
            let tsn = PUPPET_TSN + 1000 + 2 * number;
            let flags = DataFlags(0);
            let (stream, ppid, payload) = (3, 9, &b"x"[..]);
            let fed = if interleaved {
                let mid = 1 << 20;
                let data = IData { flags, tsn, stream, mid, ppid_or_fsn: 1 + 2 * number, payload };
                puppet.feed(|out| data.encode(out))
            } else {
                puppet.feed(|out| Data { flags, tsn, stream, ssn: 7000, ppid, payload }.encode(out))
            };
            assert_eq!(fed, Ok(()));
        }
        let begun = start();
        for packet in 0..50 {
            let number = |at: u32| (packet * 80 + at / 50) % 4000;
            let skipped: Vec<Skipped> =
                (0..4000).map(|at| Skipped { stream: 3, unordered: false, number: number(at) }).collect();
            puppet.feed(|out| put_forward_tsn(out, interleaved, PUPPET_TSN + packet, &skipped)).unwrap();
        }
        // The only clock in these tests, for time is what is tested.
        assert!(start() - begun < Duration::from_secs(10), "{:?}", start() - begun);
        assert!(puppet.under_test.is_connected());
    }
}

/// Interleaving, with I-FORWARD-TSN.
fn giving_up() -> Puppet {
    let mut puppet = Puppet::new(Config::default());
    let mut init = puppet_init();
    init.capabilities.interleaving = true;
    init.capabilities.interleaved_forward_tsn = true;
    puppet.handshake(&init);
    puppet
}

fn interleaving() -> Puppet {
    let mut puppet = Puppet::new(Config::default());
    let mut init = puppet_init();
    init.capabilities.interleaving = true;
    puppet.handshake(&init);
    puppet
}

#[test]
fn data_is_refused_where_i_data_was_agreed() {
    let mut puppet = interleaving();
    assert_eq!(puppet.data(0, 3, 0, 0, b"x"), Err(Discard::Unexpected));
    assert_eq!(puppet.chunks(), [ChunkType::ABORT.0]);
}

#[test]
fn a_forward_tsn_beside_i_data_ends_the_association() {
    let mut puppet = interleaving();
    let result = puppet.feed(|out| put_forward_tsn(out, false, PUPPET_TSN + 5, &[]));
    assert_eq!(result, Err(Discard::Unexpected));
    assert_eq!(puppet.chunks(), [ChunkType::ABORT.0]);
}

#[test]
fn without_i_forward_tsn_on_both_sides_i_data_is_reliable() {
    let puppet = interleaving();
    let agreed = puppet.under_test.capabilities();
    assert!(agreed.interleaving && !agreed.forward_tsn, "the peer listed I-DATA and FORWARD-TSN only");
}

#[test]
fn an_i_forward_tsn_that_was_not_agreed_does_not_drop_the_data_beside_it() {
    let mut puppet = Puppet::connected(Config::default());
    let result = puppet.feed(|out| {
        put_forward_tsn(out, true, PUPPET_TSN + 5, &[]);
        Data { flags: DataFlags(3), tsn: PUPPET_TSN, stream: 1, ssn: 0, ppid: 53, payload: b"beside" }
            .encode(out);
    });
    assert_eq!(result, Err(Discard::UnknownChunk));
    assert_eq!(puppet.under_test.poll_message().unwrap().data, "beside");
}

#[test]
fn a_heartbeat_larger_than_a_packet_is_not_answered_beyond_it() {
    let mut puppet = Puppet::connected(Config::default());
    puppet
        .feed(|out| put_chunk(out, ChunkType::HEARTBEAT, 0, |out| out.resize(out.len() + 9000, 7)))
        .unwrap();
    while let Some(answer) = puppet.poll() {
        assert!(answer.len() <= 1200);
    }
}

#[test]
fn a_zero_checksum_that_we_did_not_offer_is_discarded() {
    let mut config = Config::default();
    config.zero_checksum = false;
    let mut puppet = Puppet::connected(config);
    let mut data = packet(puppet.tag, |out| {
        Data { flags: DataFlags(3), tsn: PUPPET_TSN, stream: 1, ssn: 0, ppid: 53, payload: b"x" }.encode(out);
    });
    data[8..12].fill(0);
    assert_eq!(puppet.under_test.handle_datagram(puppet.now, &data), Err(Discard::BadChecksum));
}

#[test]
fn an_association_that_is_gone_says_so_to_a_peer_that_sends_no_checksums() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.abort(puppet.now, "gone");
    assert_eq!(puppet.chunks(), [ChunkType::ABORT.0]);
    let mut data = packet(puppet.tag, |out| {
        Data { flags: DataFlags(3), tsn: PUPPET_TSN, stream: 1, ssn: 0, ppid: 53, payload: b"x" }.encode(out);
    });
    data[8..12].fill(0);
    assert_eq!(puppet.under_test.handle_datagram(puppet.now, &data), Err(Discard::Closed));
    assert_eq!(puppet.chunks(), [ChunkType::ABORT.0]);
}

#[test]
fn a_pad_chunk_is_skipped_and_the_rest_is_processed() {
    let mut puppet = Puppet::connected(Config::default());
    puppet
        .feed(|out| {
            put_chunk(out, ChunkType::PAD, 0xff, |out| out.extend_from_slice(&[7; 100]));
            Data { flags: DataFlags(3), tsn: PUPPET_TSN, stream: 1, ssn: 0, ppid: 53, payload: b"behind" }
                .encode(out);
        })
        .unwrap();
    assert_eq!(puppet.under_test.poll_message().unwrap().data, "behind");
    assert!(!puppet.chunks().contains(&ChunkType::ERROR.0));
}

#[test]
fn padding_in_an_init_is_dropped_in_silence_and_does_not_make_the_cookie_larger() {
    let answer = |padding: usize| {
        let mut puppet = Puppet::new(Config::default());
        let init = packet(0, |out| {
            put_chunk(out, ChunkType::INIT, 0, |out| {
                out.extend_from_slice(&[0, 0, 0, 9, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 5]);
                if padding > 0 {
                    out.extend_from_slice(&[0x80, 0x05, 0, u8::try_from(padding + 4).unwrap()]);
                    out.resize(out.len() + padding, 0);
                }
            });
        });
        puppet.under_test.handle_datagram(puppet.now, &init).unwrap();
        puppet.poll().unwrap()
    };
    assert_eq!(answer(0), answer(200));
}

#[test]
fn a_probe_of_the_packet_size_is_a_heartbeat_and_padding_of_exactly_that_size() {
    let mut puppet = Puppet::connected(Config::default());
    let sizes = plywood_sctp::PacketSizes { smallest: 500, base: 1000, largest: 1400 };
    puppet.under_test.set_packet_sizes(puppet.now, sizes);
    for size in [1000, 1400] {
        let mut probe = Vec::new();
        assert_eq!(puppet.under_test.poll_probe(puppet.now, &mut probe), Some(size));
        assert_eq!(probe.len(), size);
        let parsed = plywood_sctp::wire::Packet::parse(&probe).unwrap();
        let chunks: Vec<_> = parsed.chunks().collect();
        assert_eq!((chunks[0].kind, chunks[1].kind), (ChunkType::HEARTBEAT, ChunkType::PAD));
        assert!(chunks[1].value.iter().all(|byte| *byte == 0));
        let echo = chunks[0].value.to_vec();
        assert_eq!(puppet.under_test.poll_probe(puppet.now, &mut Vec::new()), None, "one at a time");
        puppet
            .feed(|out| put_chunk(out, ChunkType::HEARTBEAT_ACK, 0, |out| out.extend_from_slice(&echo)))
            .unwrap();
        assert_eq!(puppet.under_test.packet_bytes(), Some(size));
    }
}
