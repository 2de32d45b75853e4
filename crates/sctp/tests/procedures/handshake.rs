//! RFC 9260 §5: the four-way handshake, its collisions and its forgeries.

use crate::support::{
    Net, PUPPET_TAG, Path, Puppet, chunk_types, packet, pattern, puppet_init, put_cookie_echo,
};
use plywood_sctp::wire::cause::{CauseCode, put_cause};
use plywood_sctp::wire::simple::{put_empty, put_shutdown};
use plywood_sctp::wire::{ChunkType, Packet, put_chunk};
use plywood_sctp::{Association, CloseReason, Config, Discard, Event, Ppid, StreamId};
use std::time::Duration;

fn net(seed: u64) -> Net {
    Net::new(seed, Path::default(), |_| Config::default())
}

#[test]
fn both_sides_connect_when_both_send_init_at_once() {
    let mut net = net(1);
    net.ends[0].connect(net.now);
    net.ends[1].connect(net.now);
    net.run_for(Duration::from_millis(100));
    for end in 0..2 {
        assert_eq!(net.events[end], [Event::Connected]);
    }
}

#[test]
fn one_init_is_enough() {
    let mut net = net(2);
    net.ends[1].connect(net.now);
    net.run_for(Duration::from_millis(100));
    assert_eq!(net.events, [vec![Event::Connected], vec![Event::Connected]]);
}

#[test]
fn the_second_init_may_come_at_any_time() {
    for delay in 0..60 {
        let mut net = net(delay);
        net.ends[0].connect(net.now);
        net.run_for(Duration::from_millis(delay));
        net.ends[1].connect(net.now);
        net.run_for(Duration::from_secs(1));
        assert_eq!(net.events, [vec![Event::Connected], vec![Event::Connected]], "{delay} ms");
        net.send(0, 0, "a");
        net.send(1, 0, "b");
        net.run_for(Duration::from_secs(1));
        assert_eq!((net.messages[0].len(), net.messages[1].len()), (1, 1));
    }
}

#[test]
fn a_connection_is_always_made_over_a_bad_path() {
    for seed in 0..100 {
        let path = Path {
            loss_per_mille: 200,
            duplicate_per_mille: 200,
            jitter: Duration::from_millis(30),
            ..Path::default()
        };
        let mut net = Net::new(seed, path, |_| Config::default());
        net.ends[0].connect(net.now);
        net.ends[1].connect(net.now);
        net.send(0, 3, pattern(1, 3000));
        net.send(1, 3, pattern(2, 3000));
        let done = net.run_until(Duration::from_secs(300), |net| net.messages.iter().all(|m| m.len() == 1));
        assert!(done, "seed {seed}");
    }
}

#[test]
fn init_is_resent_when_t1_expires_and_given_up_in_the_end() {
    let mut net = net(3);
    net.filter = Some(Box::new(|_, _| true));
    net.logging = true;
    net.ends[0].connect(net.now);
    net.run_for(Duration::from_secs(600));
    assert_eq!(net.log.len(), 9, "the first and Max.Init.Retransmits");
    assert_eq!(net.events[0], [Event::Closed(CloseReason::HandshakeTimeout)]);
    assert_eq!(net.ends[0].poll_timeout(), None);
}

#[test]
fn a_lost_cookie_echo_is_sent_again_with_its_data() {
    let mut net = net(4);
    net.ends[0].connect(net.now);
    net.send(0, 0, "early");
    let mut dropped = 0;
    net.filter = Some(Box::new(move |from, packet| {
        let is_echo = from == 0 && chunk_types(packet)[0] == ChunkType::COOKIE_ECHO.0;
        dropped += u32::from(is_echo);
        is_echo && dropped == 1
    }));
    net.run_for(Duration::from_secs(5));
    assert_eq!(net.messages[1].len(), 1);
}

#[test]
fn an_init_lists_every_extension_that_we_have_and_asks_for_all_streams() {
    let net = net(29);
    let chunk = net.ends[0].init_chunk();
    assert_eq!(chunk[12..16], [0xff; 4], "65535 streams both ways");
    let at = chunk.windows(4).position(|bytes| bytes == [0x80, 0x08, 0, 8]).unwrap();
    let mut listed = chunk[at + 4..at + 8].to_vec();
    listed.sort_unstable();
    assert_eq!(listed, [0x40, 0x82, 0xc0, 0xc2], "I-DATA, RE-CONFIG, FORWARD-TSN, I-FORWARD-TSN");
}

#[test]
fn the_handshake_measures_the_first_round_trips() {
    let mut net = net(30);
    net.ends[0].connect(net.now);
    net.run_for(Duration::from_millis(100));
    let stats = net.ends[0].stats();
    assert_eq!((stats.srtt, stats.rto), (Some(Duration::from_millis(20)), Config::default().rto_min));
    assert_eq!(net.ends[1].stats().srtt, None, "who answers keeps no state to measure with");
}

#[test]
fn an_init_that_left_twice_is_not_measured() {
    let mut net = net(31);
    net.ends[0].connect(net.now);
    let mut inits = 0;
    net.filter = Some(Box::new(move |_, packet| {
        inits += u32::from(chunk_types(packet)[0] == ChunkType::INIT.0);
        inits == 1
    }));
    net.run_for(Duration::from_secs(3));
    // The COOKIE ECHO left once.
    assert_eq!(net.ends[0].stats().srtt, Some(Duration::from_millis(20)));
}

#[test]
fn a_first_message_that_is_lost_is_sent_again_long_before_a_second() {
    let mut net = net(32);
    net.ends[0].connect(net.now);
    net.run_for(Duration::from_millis(100));
    net.send(0, 0, "first");
    let mut lost = false;
    net.filter = Some(Box::new(move |from, _| from == 0 && !std::mem::replace(&mut lost, true)));
    net.run_for(Duration::from_millis(200));
    assert_eq!(net.messages[1].len(), 1);
}

#[test]
fn a_cookie_echo_that_nobody_answers_is_given_up_in_the_end() {
    let mut net = net(33);
    net.logging = true;
    net.ends[0].connect(net.now);
    net.filter = Some(Box::new(|_, packet| chunk_types(packet)[0] == ChunkType::COOKIE_ECHO.0));
    net.run_for(Duration::from_secs(600));
    let echoes = net.log.iter().filter(|(_, packet)| chunk_types(packet)[0] == ChunkType::COOKIE_ECHO.0);
    assert_eq!(echoes.count(), 9, "the first and Max.Init.Retransmits");
    assert_eq!(net.events[0], [Event::Closed(CloseReason::HandshakeTimeout)]);
    assert!(!net.events[1].contains(&Event::Connected));
}

#[test]
fn nothing_else_leaves_before_the_cookie_ack() {
    let mut net = net(34);
    net.logging = true;
    net.ends[0].connect(net.now);
    for number in 0..20 {
        net.send(0, 0, pattern(number, 1000));
    }
    net.filter = Some(Box::new(|from, packet| from == 1 && chunk_types(packet)[0] != ChunkType::INIT_ACK.0));
    net.run_for(Duration::from_secs(5));
    let firsts = net.log.iter().filter(|(from, _)| *from == 0).map(|(_, packet)| chunk_types(packet)[0]);
    let firsts: Vec<u8> = firsts.collect();
    assert!(firsts.len() > 3 && firsts[1..].iter().all(|first| *first == ChunkType::COOKIE_ECHO.0));
    // The ACK that was lost comes again for the COOKIE ECHO that does.
    net.filter = None;
    net.run_for(Duration::from_secs(60));
    assert_eq!(net.messages[1].len(), 20);
    assert!(net.events.iter().all(|events| events[0] == Event::Connected));
}

#[test]
fn a_repeated_init_is_the_same_and_either_init_ack_will_do() {
    for dropped in 0..2 {
        let mut net = net(35 + dropped);
        net.logging = true;
        net.ends[0].connect(net.now);
        let mut acks = 0;
        net.filter = Some(Box::new(move |_, packet| {
            let is_ack = chunk_types(packet)[0] == ChunkType::INIT_ACK.0;
            acks += u64::from(is_ack);
            is_ack && acks == 1 + dropped
        }));
        if dropped == 1 {
            // The first INIT ACK is a second late, and the second one, for the repeated INIT, is lost.
            net.path.delay = Duration::from_millis(600);
        }
        net.run_for(Duration::from_secs(10));
        assert_eq!(net.events, [vec![Event::Connected], vec![Event::Connected]], "{dropped}");
        let inits: Vec<_> =
            net.log.iter().filter(|(_, packet)| chunk_types(packet)[0] == ChunkType::INIT.0).collect();
        assert_eq!(inits.len(), 2);
        assert_eq!(inits[0], inits[1]);
    }
}

#[test]
fn a_shutdown_during_the_handshake_ends_it_at_once_and_once() {
    for milliseconds in [0, 15, 25, 35] {
        let mut net = net(40);
        net.ends[0].connect(net.now);
        net.run_for(Duration::from_millis(milliseconds));
        net.ends[0].shutdown(net.now);
        net.run_for(Duration::from_secs(120));
        assert_eq!(net.events[0], [Event::Closed(CloseReason::Shutdown)], "{milliseconds} ms");
        assert_eq!(net.ends[0].poll_timeout(), None);
        // The peer, if it came so far, is told that the association is gone.
        assert!(
            net.events[1].is_empty() || matches!(net.events[1][..], [Event::Connected, Event::Closed(_)])
        );
    }
}

#[test]
fn data_rides_behind_the_cookie_echo() {
    let mut net = net(5);
    net.logging = true;
    net.ends[0].connect(net.now);
    net.send(0, 0, "early");
    net.run_for(Duration::from_secs(1));
    assert!(net.log.iter().any(|(from, packet)| *from == 0 && chunk_types(packet) == [0x0a, 0x00]));
    assert_eq!(net.messages[1][0].data, "early");
}

#[test]
fn data_rides_behind_the_cookie_ack() {
    let mut net = net(6);
    net.logging = true;
    net.ends[0].connect(net.now);
    net.send(1, 0, "early");
    net.run_for(Duration::from_secs(1));
    assert!(net.log.iter().any(|(from, packet)| *from == 1 && chunk_types(packet) == [0x0b, 0x00]));
}

#[test]
fn the_side_that_answers_learns_the_window_from_the_init() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.send(puppet.now, StreamId(0), Ppid(53), pattern(1, 9000), Default::default()).unwrap();
    assert!(puppet.chunks().contains(&0));
    assert_eq!(puppet.under_test.poll_timeout().map(|_| ()), Some(()));
}

#[test]
fn an_unanswered_init_ack_costs_no_state() {
    let mut puppet = Puppet::new(Config::default());
    for _ in 0..1000 {
        puppet.init(&puppet_init());
    }
    assert_eq!(puppet.under_test.poll_timeout(), None);
    assert!(!puppet.under_test.is_connected());
}

#[test]
fn a_cookie_that_was_changed_is_refused() {
    let mut puppet = Puppet::new(Config::default());
    let mut cookie = puppet.init(&puppet_init());
    cookie[40] ^= 1;
    let result = puppet.feed(|out| put_cookie_echo(out, &cookie));
    assert_eq!(result, Err(Discard::BadCookie));
    assert!(!puppet.under_test.is_connected());
    assert_eq!(puppet.chunks(), []);
}

#[test]
fn a_cookie_under_another_tag_is_refused() {
    let mut puppet = Puppet::new(Config::default());
    let cookie = puppet.init(&puppet_init());
    puppet.tag ^= 1;
    assert_eq!(puppet.feed(|out| put_cookie_echo(out, &cookie)), Err(Discard::WrongTag));
}

#[test]
fn a_stale_cookie_is_answered_with_an_error() {
    let mut puppet = Puppet::new(Config::default());
    let cookie = puppet.init(&puppet_init());
    puppet.wait(Duration::from_secs(61));
    assert_eq!(puppet.feed(|out| put_cookie_echo(out, &cookie)), Err(Discard::StaleCookie));
    assert_eq!(puppet.chunks(), [ChunkType::ERROR.0]);
}

#[test]
fn a_duplicate_cookie_echo_is_acknowledged_again_and_changes_nothing() {
    let mut puppet = Puppet::new(Config::default());
    let cookie = puppet.init(&puppet_init());
    for round in 0..3 {
        assert_eq!(puppet.feed(|out| put_cookie_echo(out, &cookie)), Ok(()));
        assert_eq!(puppet.chunks(), [ChunkType::COOKIE_ACK.0]);
        let event = puppet.under_test.poll_event();
        assert_eq!(event, (round == 0).then_some(Event::Connected));
    }
}

#[test]
fn an_init_in_the_established_state_changes_nothing() {
    let mut puppet = Puppet::connected(Config::default());
    let tag = puppet.tag;
    let mut other = puppet_init();
    other.initiate_tag = 99;
    let _ = puppet.init(&other);
    assert_ne!(puppet.tag, tag, "a fresh tag for the answer");
    puppet.tag = tag;
    assert_eq!(puppet.data(0, 3, 0, 0, b"still here"), Ok(()));
    assert!(puppet.under_test.poll_message().is_some());
}

#[test]
fn a_peer_that_began_anew_restarts_the_association() {
    let mut net = Net::connected(8, Path::default(), |_| Config::default());
    net.send(0, 1, "before");
    net.run_for(Duration::from_secs(1));
    net.ends[1] = Association::new(Config::default(), [99; 32], net.now);
    net.wire.clear();
    net.events[0].clear();
    net.ends[1].connect(net.now);
    net.run_for(Duration::from_secs(1));
    assert_eq!(net.events[0], [Event::Restarted]);
    assert_eq!(net.events[1], [Event::Connected]);
    net.send(0, 1, "after");
    net.send(1, 1, "after");
    net.run_for(Duration::from_secs(1));
    assert_eq!(net.messages[0].last().unwrap().data, "after");
    assert_eq!(net.messages[1].last().unwrap().data, "after");
}

#[test]
fn a_reset_that_a_restart_of_the_peer_overtakes_is_asked_again() {
    let mut net = Net::connected(8, Path::default(), |_| Config::default());
    net.send(0, 1, "before");
    net.run_for(Duration::from_secs(1));
    let reset = |net: &mut Net| net.ends[0].reset_stream(net.now, StreamId(1));
    assert_eq!(reset(&mut net), Ok(()));
    net.send(0, 1, "behind the reset");
    net.ends[1] = Association::new(Config::default(), [99; 32], net.now);
    net.wire.clear();
    net.events[0].clear();
    net.ends[1].connect(net.now);
    net.run_for(Duration::from_secs(5));
    let done = Event::OutgoingStreamsReset { streams: vec![StreamId(1)] };
    assert_eq!(net.events[0].iter().filter(|event| **event == done).count(), 1, "{:?}", net.events[0]);
    assert_eq!(net.messages[1].last().unwrap().data, "behind the reset");
    assert_eq!(reset(&mut net), Ok(()), "and it can be reset again");
}

#[test]
fn an_init_with_company_or_with_a_tag_is_discarded() {
    let mut puppet = Puppet::new(Config::default());
    let company = packet(0, |out| {
        puppet_init().encode(out);
        put_empty(out, ChunkType::COOKIE_ACK, 0);
    });
    let tagged = packet(1, |out| puppet_init().encode(out));
    for bad in [company, tagged] {
        assert_eq!(puppet.under_test.handle_datagram(puppet.now, &bad), Err(Discard::MisplacedInit));
    }
    assert_eq!(puppet.chunks(), []);
}

/// RFC 9260 §6.10.
#[test]
fn an_init_ack_or_a_shutdown_complete_with_company_is_discarded() {
    let mut puppet = Puppet::new(Config::default());
    puppet.under_test.connect(puppet.now);
    let init = puppet.poll().unwrap();
    puppet.tag = u32::from_be_bytes(*init[16..].first_chunk().unwrap());
    let company = puppet.feed(|out| {
        puppet_init().encode_ack(out, b"a cookie", std::iter::empty());
        put_empty(out, ChunkType::COOKIE_ACK, 0);
    });
    assert_eq!((company, puppet.chunks()), (Err(Discard::MisplacedInit), vec![]));

    let mut puppet = Puppet::connected(Config::default());
    let peer_leaves = puppet.their_tsn.wrapping_sub(1);
    puppet.feed(|out| put_shutdown(out, peer_leaves)).unwrap();
    assert_eq!(puppet.chunks(), [ChunkType::SHUTDOWN_ACK.0]);
    let company = puppet.feed(|out| {
        put_empty(out, ChunkType::SHUTDOWN_COMPLETE, 0);
        put_empty(out, ChunkType::COOKIE_ACK, 0);
    });
    assert_eq!(company, Err(Discard::MisplacedInit));
    for (tag, flags) in [(puppet.tag, 1), (PUPPET_TAG, 0)] {
        let other = packet(tag, |out| put_empty(out, ChunkType::SHUTDOWN_COMPLETE, flags));
        assert_eq!(puppet.under_test.handle_datagram(puppet.now, &other), Err(Discard::WrongTag));
    }
    assert!(!puppet.under_test.is_closed());
    let reflected = packet(PUPPET_TAG, |out| put_empty(out, ChunkType::SHUTDOWN_COMPLETE, 1));
    assert_eq!(puppet.under_test.handle_datagram(puppet.now, &reflected), Ok(()));
    assert!(puppet.under_test.is_closed());
}

#[test]
fn an_init_with_a_zero_tag_is_discarded_in_silence() {
    let mut puppet = Puppet::new(Config::default());
    let bad = packet(0, |out| {
        puppet_init().encode(out);
        out[16..20].fill(0);
    });
    assert!(puppet.under_test.handle_datagram(puppet.now, &bad).is_err());
    assert_eq!(puppet.poll(), None);
}

#[test]
fn an_init_without_streams_is_refused_with_an_abort() {
    for field in [12, 14] {
        let mut puppet = Puppet::new(Config::default());
        let bad = packet(0, |out| {
            puppet_init().encode(out);
            out[12 + field..12 + field + 2].fill(0);
        });
        assert!(puppet.under_test.handle_datagram(puppet.now, &bad).is_err());
        let answer = puppet.poll().unwrap();
        assert_eq!(chunk_types(&answer), [ChunkType::ABORT.0]);
        let tag = Packet::parse(&answer).unwrap().header.verification_tag;
        assert_eq!(tag, PUPPET_TAG);
        assert!(!puppet.under_test.is_closed(), "an answer, not an end");
    }
}

/// RFC 9260 §3.3.2, §3.3.3: refused, and no state changes.
#[test]
fn a_window_below_1500_bytes_in_init_or_init_ack_is_refused() {
    for (a_rwnd, refused) in [(0, true), (1499, true), (1500, false)] {
        let mut small = puppet_init();
        small.a_rwnd = a_rwnd;
        let mut puppet = Puppet::new(Config::default());
        let init = packet(0, |out| small.encode(out));
        assert_eq!(puppet.under_test.handle_datagram(puppet.now, &init).is_err(), refused);
        let answer = puppet.poll().unwrap();
        assert_eq!(chunk_types(&answer)[0] == ChunkType::ABORT.0, refused);
        assert_eq!(Packet::parse(&answer).unwrap().header.verification_tag, PUPPET_TAG);

        let mut puppet = Puppet::new(Config::default());
        puppet.under_test.connect(puppet.now);
        let init = puppet.poll().unwrap();
        puppet.tag = u32::from_be_bytes(*init[16..].first_chunk().unwrap());
        let answer = puppet.feed(|out| small.encode_ack(out, b"a cookie", std::iter::empty()));
        assert_eq!(answer.is_err(), refused);
        let expected = if refused { ChunkType::ABORT } else { ChunkType::COOKIE_ECHO };
        assert_eq!(puppet.chunks(), [expected.0]);
        puppet.wait(Duration::from_secs(2));
        let repeated = if refused { ChunkType::INIT } else { ChunkType::COOKIE_ECHO };
        assert_eq!(puppet.chunks(), [repeated.0]);
    }
    let mut config = Config::default();
    config.receive_window_bytes = 1000;
    let mut puppet = Puppet::new(config);
    puppet.under_test.connect(puppet.now);
    let init = puppet.poll().unwrap();
    assert_eq!(u32::from_be_bytes(*init[20..].first_chunk().unwrap()), 1500, "and never announced");
}

#[test]
fn an_init_ack_without_a_cookie_ends_the_attempt() {
    let mut puppet = Puppet::new(Config::default());
    puppet.under_test.connect(puppet.now);
    let init = puppet.poll().unwrap();
    let chunk = Packet::parse(&init).unwrap().chunks().next().unwrap();
    puppet.tag = u32::from_be_bytes(*chunk.value.first_chunk().unwrap());
    let bad = packet(puppet.tag, |out| {
        puppet_init().encode(out);
        out[12] = ChunkType::INIT_ACK.0;
    });
    let _ = puppet.under_test.handle_datagram(puppet.now, &bad);
    assert_eq!(puppet.chunks(), [ChunkType::ABORT.0]);
    assert!(puppet.under_test.is_closed());
}

#[test]
fn two_inits_that_came_by_signalling_make_an_association_without_a_handshake() {
    let mut net = net(11);
    net.logging = true;
    let inits = [net.ends[0].init_chunk(), net.ends[1].init_chunk()];
    assert_eq!(inits[0], net.ends[0].init_chunk(), "the same each time");
    net.ends[0].connect_with(net.now, &inits[1]).unwrap();
    net.ends[1].connect_with(net.now, &inits[0]).unwrap();
    net.send(0, 0, "first flight");
    net.send(1, 0, "first flight");
    net.run_for(Duration::from_millis(15));
    assert_eq!((net.messages[0].len(), net.messages[1].len()), (1, 1));
    assert_eq!(net.events[0][0], Event::Connected);
    assert!(net.log.iter().all(|(_, packet)| chunk_types(packet)[0] != ChunkType::INIT.0));
}

#[test]
fn an_init_by_signalling_that_is_broken_changes_nothing() {
    let mut net = net(12);
    let init = net.ends[1].init_chunk();
    for length in 0..init.len() {
        assert!(net.ends[0].connect_with(net.now, &init[..length]).is_err(), "{length}");
    }
    assert!(!net.ends[0].is_connected());
    net.ends[0].connect(net.now);
    net.run_for(Duration::from_secs(1));
    assert!(net.ends[0].is_connected());
}

#[test]
fn the_init_of_a_browser_is_understood() {
    // a=sctp-init of Chromium: window 5 MiB, 65535 streams, FORWARD-TSN, RE-CONFIG, I-DATA and I-FORWARD-TSN.
    let chromium = [
        0x01, 0x00, 0x00, 0x20, 0xe1, 0x5f, 0x0e, 0xcf, 0x00, 0x50, 0x00, 0x00, 0xff, 0xff, 0xff,
        0xff, // fixed part
        0x8a, 0xa3, 0x6d, 0x9e, 0xc0, 0x00, 0x00, 0x04, 0x80, 0x08, 0x00, 0x08, 0x82, 0xc0, 0x40,
        0xc2, // extensions
    ];
    let mut net = net(13);
    net.ends[0].connect_with(net.now, &chromium).unwrap();
    let can = net.ends[0].capabilities();
    assert!(can.forward_tsn && can.reconfig && can.interleaving && !can.zero_checksum);
}

#[test]
fn a_packet_out_of_the_blue_is_answered_with_its_own_tag() {
    for (kind, answer) in [(ChunkType::HEARTBEAT, 0x06), (ChunkType::SHUTDOWN_ACK, 0x0e)] {
        let mut puppet = Puppet::new(Config::default());
        let stray = packet(77, |out| put_empty(out, kind, 0));
        assert_eq!(puppet.under_test.handle_datagram(puppet.now, &stray), Err(Discard::WrongTag));
        let reply = puppet.poll().unwrap();
        assert_eq!((reply[12], reply[13]), (answer, 1), "the T bit");
        assert_eq!(Packet::parse(&reply).unwrap().header.verification_tag, 77);
    }
    let mut puppet = Puppet::new(Config::default());
    let abort = packet(77, |out| put_empty(out, ChunkType::ABORT, 0));
    assert_eq!(puppet.under_test.handle_datagram(puppet.now, &abort), Err(Discard::WrongTag));
    assert_eq!(puppet.chunks(), []);
}

/// Each INIT ACK begins the count of repetitions anew, so another one has to end this.
#[test]
fn a_peer_that_finds_every_cookie_stale_is_given_up() {
    let mut puppet = Puppet::new(Config::default());
    puppet.under_test.connect(puppet.now);
    let mut rounds = 0;
    while let Some(init) = puppet.poll().filter(|packet| chunk_types(packet) == [ChunkType::INIT.0]) {
        rounds += 1;
        assert!(rounds < 20, "and again, and again");
        puppet.tag = u32::from_be_bytes(*init[16..].first_chunk().unwrap());
        puppet.feed(|out| puppet_init().encode_ack(out, b"a cookie", std::iter::empty())).unwrap();
        assert_eq!(puppet.chunks(), [ChunkType::COOKIE_ECHO.0]);
        let stale = |out: &mut Vec<u8>| put_cause(out, CauseCode::STALE_COOKIE, &[0, 0, 0, 9]);
        puppet.feed(|out| put_chunk(out, ChunkType::ERROR, 0, stale)).unwrap();
    }
    assert_eq!(puppet.under_test.poll_event(), Some(Event::Closed(CloseReason::HandshakeTimeout)));
}

/// RFC 9260 §5.2.4 A: as after an ABORT and a new handshake.
#[test]
fn a_restart_of_the_peer_forgets_the_silence_before_it() {
    let mut puppet = Puppet::connected(Config::default());
    let send = |puppet: &mut Puppet| {
        puppet.under_test.send(puppet.now, StreamId(0), Ppid(51), "x".into(), Default::default()).unwrap();
        let _ = puppet.chunks();
    };
    send(&mut puppet);
    while puppet.under_test.stats().timeouts < 10 {
        puppet.wait(Duration::from_secs(1));
        let _ = puppet.chunks();
    }
    let mut anew = puppet_init();
    anew.initiate_tag += 1;
    let cookie = puppet.init(&anew);
    puppet.feed(|out| put_cookie_echo(out, &cookie)).unwrap();
    let _ = puppet.chunks();
    send(&mut puppet);
    puppet.wait(Duration::from_secs(2));
    assert_eq!(puppet.under_test.stats().timeouts, 11, "the timeout is that of a new association");
    assert!(puppet.under_test.is_connected(), "one lost packet is no dead peer");
}

/// RFC 9260 §8.5.1 E: a peer in SHUTDOWN-ACK-SENT answers an INIT with SHUTDOWN ACK, under the tags of before.
#[test]
fn the_shutdown_ack_of_an_association_before_is_answered_during_the_handshake() {
    let mut puppet = Puppet::new(Config::default());
    puppet.under_test.connect(puppet.now);
    assert_eq!(puppet.chunks(), [ChunkType::INIT.0]);
    let before = packet(77, |out| put_empty(out, ChunkType::SHUTDOWN_ACK, 0));
    assert_eq!(puppet.under_test.handle_datagram(puppet.now, &before), Err(Discard::WrongTag));
    let answer = puppet.poll().unwrap();
    let parsed = Packet::parse(&answer).unwrap();
    let chunk = parsed.chunks().next().unwrap();
    assert_eq!(
        (parsed.header.verification_tag, chunk.kind, chunk.flags),
        (77, ChunkType::SHUTDOWN_COMPLETE, 1)
    );
    let other = packet(77, |out| put_empty(out, ChunkType::COOKIE_ACK, 0));
    let data = packet(77, |out| put_chunk(out, ChunkType::DATA, 3, |out| out.extend_from_slice(&[1; 20])));
    for early in [other, data] {
        assert_eq!(puppet.under_test.handle_datagram(puppet.now, &early), Err(Discard::WrongTag));
        assert_eq!(puppet.poll(), None, "the rest waits for the handshake");
    }
}
