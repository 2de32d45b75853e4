//! One association, established, against a peer that says anything under the right tag at any time: no panic, no timer
//! in the past, no packet above the budget, memory within the window.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plywood_sctp::wire::init::{Capabilities, Init};
use plywood_sctp::wire::{ChunkType, put_chunk, put_header};
use plywood_sctp::{Association, Config, PacketSizes, Ppid, SendOptions, StreamId, fill_in_checksum};
use std::time::{Duration, Instant};

const BUDGET: usize = 1200;
/// What the association may hold: twice the hard bound, where holes are filled, and the chunk that passes it.
const MOST_HELD: usize = 81_000;

fuzz_target!(|data: &[u8]| run(data));

fn run(data: &[u8]) {
    let Some((&[options, tsn], chunks)) = data.split_first_chunk::<2>() else { return };
    let mut config = Config::default();
    config.interleaving = options & 1 != 0;
    config.receive_window_bytes = 20_000;
    config.max_reassembly_bytes = 40_000;
    config.max_unread_events = 32;
    config.initial_stream_numbers = (options & 2 != 0).then_some(u32::MAX - 3);
    config.initial_tsn = (options & 4 != 0).then_some(u32::MAX - u32::from(tsn));
    let mut now = Instant::now();
    let mut under_test = Association::new(config, [3; 32], now);
    let peer = Init {
        initiate_tag: 7,
        a_rwnd: 20_000,
        outbound_streams: 100,
        inbound_streams: 100,
        initial_tsn: 0,
        capabilities: Capabilities {
            forward_tsn: options & 8 == 0,
            reconfig: options & 16 == 0,
            interleaving: options & 1 != 0,
            interleaved_forward_tsn: options & 9 == 1,
            zero_checksum: false,
        },
    };
    // The tag that packets to it must carry stands in its own INIT.
    let own = under_test.init_chunk();
    let tag = u32::from_be_bytes([own[4], own[5], own[6], own[7]]);
    let mut init = Vec::new();
    peer.encode(&mut init);
    if under_test.connect_with(now, &init).is_err() {
        return;
    }
    if options & 32 != 0 {
        under_test.set_packet_sizes(now, PacketSizes { smallest: 500, base: 1000, largest: 1400 });
    }
    let mut rest = chunks;
    while let Some((&[kind, flags, length, time], after)) = rest.split_first_chunk::<4>() {
        let (value, after) = after.split_at(after.len().min(usize::from(length)));
        rest = after;
        now += Duration::from_millis(u64::from(time) * u64::from(time));
        let mut packet = Vec::new();
        put_header(&mut packet, 5000, 5000, tag);
        put_chunk(&mut packet, ChunkType(kind), flags, |out| out.extend_from_slice(value));
        fill_in_checksum(&mut packet);
        let _ = under_test.handle_datagram(now, &packet);
        let data = vec![flags; usize::from(length) * 20 + 1];
        let _ = under_test.send(
            now,
            StreamId(u16::from(kind % 8)),
            Ppid(53),
            data.into(),
            SendOptions::default(),
        );
        if kind == 0xff {
            let _ = under_test.reset_stream(now, StreamId(u16::from(flags)));
        }
        drain(&mut under_test, now, flags & 0x80 != 0);
    }
}

fn drain(end: &mut Association, now: Instant, reading: bool) {
    end.handle_timeout(now);
    let mut packet = Vec::new();
    for _ in 0..64 {
        packet.clear();
        if end.poll_probe(now, &mut packet).is_none() && end.poll_transmit(now, BUDGET, &mut packet).is_none()
        {
            break;
        }
        assert!(packet.len() <= 1400);
    }
    assert!(end.receive_held() <= MOST_HELD, "{}", end.receive_held());
    if reading {
        while end.poll_event().is_some() {}
        while let Some(message) = end.poll_message() {
            end.release(now, message.data.len());
        }
    }
    assert!(end.poll_timeout().is_none_or(|at| at > now), "a timer in the past");
}
