//! RFC 6525: one stream ends, others go on.

use crate::support::{Net, PUPPET_TSN, Path, Puppet, pattern, puppet_init};
use plywood_sctp::wire::reconfig::{
    ReconfigParameter, ResetResult, parse_reconfig, put_outgoing_reset, put_response,
};
use plywood_sctp::wire::{ChunkType, Packet, put_chunk};
use plywood_sctp::{Config, Event, Ppid, ResetError, StreamId};
use std::time::Duration;

fn incoming(streams: &[u16]) -> Event {
    Event::IncomingStreamsReset { streams: streams.iter().copied().map(StreamId).collect() }
}

fn outgoing(streams: &[u16]) -> Event {
    Event::OutgoingStreamsReset { streams: streams.iter().copied().map(StreamId).collect() }
}

#[test]
fn a_stream_is_reset_after_its_data_and_used_again() {
    for seed in 0..30 {
        let path = Path { loss_per_mille: 100, jitter: Duration::from_millis(10), ..Path::default() };
        let mut net = Net::connected(seed, path, |_| Config::default());
        for round in 0..3 {
            for number in 0..5 {
                net.send(0, 4, pattern(number, 3000));
            }
            net.ends[0].reset_stream(net.now, StreamId(4)).unwrap();
            net.send(0, 4, "next");
            let done = net.run_until(Duration::from_secs(100), |net| net.events[0].contains(&outgoing(&[4])));
            assert!(done, "seed {seed} round {round}");
            assert_eq!(net.messages[1].len(), 5, "seed {seed}: all data before the reset");
            assert_eq!(net.events[1], [incoming(&[4])], "seed {seed}");
            let done = net.run_until(Duration::from_secs(100), |net| net.messages[1].len() == 6);
            assert!(done, "seed {seed} round {round}: what was sent meanwhile comes after it");
            net.messages[1].clear();
            net.events = [Vec::new(), Vec::new()];
        }
    }
}

#[test]
fn a_shutdown_waits_for_a_reset_and_delivers_what_is_held_back_behind_it() {
    for delay in [0, 5, 15, 30] {
        let mut net = Net::connected(1, Path::default(), |_| Config::default());
        net.send(0, 4, "before");
        net.ends[0].reset_stream(net.now, StreamId(4)).unwrap();
        net.send(0, 4, "behind");
        net.run_for(Duration::from_millis(delay));
        net.ends[0].shutdown(net.now);
        let done = net.run_until(Duration::from_secs(100), |net| net.ends.iter().all(|end| end.is_closed()));
        assert!(done, "after {delay} ms");
        let got: Vec<_> = net.messages[1].iter().map(|message| message.data.clone()).collect();
        assert_eq!(got, ["before", "behind"], "after {delay} ms");
    }
}

#[test]
fn both_sides_may_reset_the_same_stream_at_once() {
    let mut net = Net::connected(1, Path::default(), |_| Config::default());
    net.ends[0].reset_stream(net.now, StreamId(1)).unwrap();
    net.ends[1].reset_stream(net.now, StreamId(1)).unwrap();
    net.run_for(Duration::from_secs(2));
    for end in 0..2 {
        assert!(net.events[end].contains(&incoming(&[1])) && net.events[end].contains(&outgoing(&[1])));
    }
}

#[test]
fn the_event_waits_for_the_last_message_to_be_polled() {
    let mut net = Net::connected(2, Path::default(), |_| Config::default());
    net.reading[1] = false;
    net.send(0, 2, "one");
    net.send(0, 2, "two");
    net.ends[0].reset_stream(net.now, StreamId(2)).unwrap();
    net.run_for(Duration::from_secs(2));
    assert_eq!(net.events[1], []);
    assert!(net.ends[1].poll_message().is_some());
    assert_eq!(net.ends[1].poll_event(), None);
    assert!(net.ends[1].poll_message().is_some());
    assert_eq!(net.ends[1].poll_event(), Some(incoming(&[2])));
}

#[test]
fn a_reset_waits_until_the_data_is_acknowledged() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.send(puppet.now, StreamId(3), Ppid(51), "data".into(), Default::default()).unwrap();
    puppet.under_test.reset_stream(puppet.now, StreamId(3)).unwrap();
    assert_eq!(puppet.chunks(), [0x00]);
    puppet.sack(1, 100_000, &[]).unwrap();
    assert_eq!(puppet.chunks(), [0x82]);
}

/// What `pick` takes of the RE-CONFIG parameters in all packets that wait.
fn parameters<T>(puppet: &mut Puppet, pick: impl Fn(ReconfigParameter<'_>) -> Option<T>) -> Vec<T> {
    let packets: Vec<_> = std::iter::from_fn(|| puppet.poll()).collect();
    let mut picked = Vec::new();
    for packet in &packets {
        for chunk in Packet::parse(packet).unwrap().chunks().filter(|chunk| chunk.kind.0 == 0x82) {
            picked.extend(parse_reconfig(&chunk).unwrap().into_iter().flatten().filter_map(&pick));
        }
    }
    picked
}

fn answers(puppet: &mut Puppet) -> Vec<ResetResult> {
    parameters(puppet, |parameter| match parameter {
        ReconfigParameter::Response { result, .. } => Some(result),
        _ => None,
    })
}

fn request(puppet: &mut Puppet, number: u32, last: u32, streams: &[u16]) -> Vec<ResetResult> {
    let last = PUPPET_TSN.wrapping_add(last).wrapping_sub(1);
    puppet.feed(|out| put_outgoing_reset(out, PUPPET_TSN + number, 0, last, streams)).unwrap();
    answers(puppet)
}

#[test]
fn a_request_that_is_repeated_is_answered_as_before_and_performed_once() {
    let mut puppet = Puppet::connected(Config::default());
    assert_eq!(request(&mut puppet, 0, 0, &[5]), [ResetResult::PERFORMED]);
    assert_eq!(request(&mut puppet, 0, 0, &[5]), [ResetResult::PERFORMED]);
    assert_eq!(puppet.under_test.poll_event(), Some(incoming(&[5])));
    assert_eq!(puppet.under_test.poll_event(), None);
}

#[test]
fn a_request_with_a_wrong_number_is_refused() {
    let mut puppet = Puppet::connected(Config::default());
    assert_eq!(request(&mut puppet, 7, 0, &[5]), [ResetResult::BAD_SEQUENCE_NUMBER]);
    assert_eq!(puppet.under_test.poll_event(), None);
}

#[test]
fn a_request_for_a_stream_that_does_not_exist_is_refused() {
    let mut puppet = Puppet::connected(Config::default());
    assert_eq!(request(&mut puppet, 0, 0, &[100]), [ResetResult::WRONG_SSN]);
}

#[test]
fn a_reset_before_its_data_is_in_progress_until_the_data_comes() {
    let mut puppet = Puppet::connected(Config::default());
    assert_eq!(request(&mut puppet, 0, 1, &[5]), [ResetResult::IN_PROGRESS]);
    assert_eq!(puppet.under_test.poll_event(), None);
    puppet.data(0, 3, 5, 0, b"late").unwrap();
    assert!(puppet.under_test.poll_message().is_some());
    assert_eq!(puppet.under_test.poll_event(), Some(incoming(&[5])));
    assert_eq!(request(&mut puppet, 0, 1, &[5]), [ResetResult::PERFORMED]);
    assert_eq!(puppet.under_test.poll_event(), None, "performed once");
}

#[test]
fn an_empty_list_resets_all_streams() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.data(0, 3, 5, 0, b"a").unwrap();
    assert_eq!(request(&mut puppet, 0, 1, &[]), [ResetResult::PERFORMED]);
    assert!(puppet.under_test.poll_message().is_some());
    assert_eq!(puppet.under_test.poll_event(), Some(incoming(&[])));
    puppet.data(1, 3, 5, 0, b"b").unwrap();
    assert!(puppet.under_test.poll_message().is_some(), "SSNs start again at 0");
}

#[test]
fn a_request_that_is_not_answered_is_repeated_with_the_same_number() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.reset_stream(puppet.now, StreamId(3)).unwrap();
    let first = puppet.poll().unwrap();
    puppet.wait(Duration::from_secs(2));
    let second = puppet.poll().unwrap();
    assert_eq!(first, second);
}

#[test]
fn a_refused_reset_is_told_and_the_stream_stays_usable() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.reset_stream(puppet.now, StreamId(3)).unwrap();
    let _ = puppet.chunks();
    let number = puppet.their_tsn;
    puppet.feed(|out| put_response(out, number, ResetResult::DENIED)).unwrap();
    assert_eq!(
        puppet.under_test.poll_event(),
        Some(Event::OutgoingResetRefused { streams: vec![StreamId(3)] })
    );
    puppet.under_test.send(puppet.now, StreamId(3), Ppid(51), "x".into(), Default::default()).unwrap();
}

#[test]
fn a_reset_twice_is_a_typed_error() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.reset_stream(puppet.now, StreamId(3)).unwrap();
    let again = puppet.under_test.reset_stream(puppet.now, StreamId(3));
    assert_eq!(again, Err(ResetError::AlreadyResetting));
    let far = puppet.under_test.reset_stream(puppet.now, StreamId(100));
    assert_eq!(far, Err(ResetError::InvalidStream { streams: 100 }));
}

/// RFC 6525 §5.1.1.
#[test]
fn nothing_is_asked_of_a_peer_that_does_not_list_re_config() {
    let mut puppet = Puppet::new(Config::default());
    puppet.under_test.reset_stream(puppet.now, StreamId(3)).unwrap();
    let mut init = puppet_init();
    init.capabilities.reconfig = false;
    puppet.handshake(&init);
    let mut events = std::iter::from_fn(|| puppet.under_test.poll_event());
    let refused = Event::OutgoingResetRefused { streams: vec![StreamId(3)] };
    assert!(events.any(|event| event == refused), "asked before the handshake, refused after it");
    puppet.data(0, 3, 0, 0, b"x").unwrap();
    assert_eq!(puppet.chunks(), [0x03]);
    assert_eq!(puppet.under_test.reset_stream(puppet.now, StreamId(4)), Err(ResetError::NotSupported));
    puppet.wait(Duration::from_secs(20));
    assert!(!puppet.chunks().contains(&ChunkType::RE_CONFIG.0));
}

#[test]
fn a_reset_asked_for_before_the_handshake_is_requested_after_it() {
    let mut net = Net::new(3, Path::default(), |_| Config::default());
    assert_eq!(net.ends[0].reset_stream(net.now, StreamId(3)), Ok(()));
    net.send(0, 3, "behind the reset");
    net.ends[0].connect(net.now);
    net.run_for(Duration::from_secs(2));
    assert_eq!(net.events[0][..2], [Event::Connected, outgoing(&[3])]);
    assert_eq!(net.messages[1].len(), 1);
    assert!(net.ends[0].is_idle());
}

#[test]
fn request_numbers_wrap_without_harm() {
    let mut config = Config::default();
    config.initial_tsn = Some(0xffff_fffe);
    let mut net = Net::connected(3, Path::default(), |_| config.clone());
    for round in 0..5 {
        net.send(0, 4, "x");
        net.ends[0].reset_stream(net.now, StreamId(4)).unwrap();
        net.run_for(Duration::from_secs(1));
        assert_eq!(net.messages[1].len(), round + 1);
        assert_eq!(net.events[0].len(), (round + 1) * 2, "{:?}", net.events[0]);
    }
}

#[test]
fn a_flood_of_requests_is_answered_by_few_and_holds_no_memory() {
    let mut puppet = Puppet::connected(Config::default());
    for number in 0..10_000 {
        let _ = puppet.feed(|out| put_outgoing_reset(out, PUPPET_TSN + number, 0, PUPPET_TSN - 1, &[5]));
    }
    assert!(answers(&mut puppet).len() <= 4);
}

#[test]
fn add_streams_and_association_resets_are_denied() {
    for kind in [15u16, 17, 18] {
        let mut puppet = Puppet::connected(Config::default());
        puppet
            .feed(|out| {
                put_chunk(out, ChunkType::RE_CONFIG, 0, |out| {
                    let mut value = PUPPET_TSN.to_be_bytes().to_vec();
                    value.extend_from_slice(&[0, 1, 0, 0]);
                    plywood_sctp::wire::parameter::put_parameter(
                        out,
                        plywood_sctp::wire::parameter::ParameterType(kind),
                        &value,
                    );
                });
            })
            .unwrap();
        assert_eq!(answers(&mut puppet), [ResetResult::DENIED]);
    }
}

/// RFC 6525 §3.1 allows two requests in one chunk, and §5.2.1 wants the same answer when the chunk comes again.
#[test]
fn two_requests_in_one_chunk_that_come_again_are_answered_as_before() {
    let mut puppet = Puppet::connected(Config::default());
    let mut outgoing = Vec::new();
    put_outgoing_reset(&mut outgoing, PUPPET_TSN, 0, PUPPET_TSN - 1, &[5]);
    let incoming_request = [0, 14, 0, 10, 0, 0, 0, 0, 0, 6, 0, 0];
    for _ in 0..2 {
        puppet
            .feed(|out| {
                put_chunk(out, ChunkType::RE_CONFIG, 0, |out| {
                    out.extend_from_slice(&outgoing[4..]);
                    let start = out.len();
                    out.extend_from_slice(&incoming_request[..10]);
                    out[start + 4..start + 8].copy_from_slice(&(PUPPET_TSN + 1).to_be_bytes());
                });
            })
            .unwrap();
        assert_eq!(answers(&mut puppet), [ResetResult::PERFORMED, ResetResult::DENIED]);
    }
    assert_eq!(puppet.under_test.poll_event(), Some(incoming(&[5])));
    assert_eq!(puppet.under_test.poll_event(), None, "performed once");
    assert_eq!(request(&mut puppet, 2, 0, &[5]), [ResetResult::PERFORMED]);
}

/// Named anew each time, the last TSN would never be reached beside a busy stream with losses.
#[test]
fn a_request_that_is_repeated_names_the_same_last_tsn() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.under_test.reset_stream(puppet.now, StreamId(3)).unwrap();
    let last_tsn = |puppet: &mut Puppet| {
        parameters(puppet, |parameter| match parameter {
            ReconfigParameter::OutgoingReset { last_tsn, .. } => Some(last_tsn),
            _ => None,
        })
    };
    let first = last_tsn(&mut puppet);
    assert_eq!(first, [puppet.their_tsn.wrapping_sub(1)]);
    puppet.under_test.send(puppet.now, StreamId(1), Ppid(51), "busy".into(), Default::default()).unwrap();
    let _ = puppet.chunks();
    puppet.wait(Duration::from_secs(1));
    assert_eq!(last_tsn(&mut puppet), first);
}
