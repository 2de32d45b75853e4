//! RFC 9260 §8.3: is an idle path alive?

use crate::support::{Net, Path, Puppet, chunk_types};
use plywood_sctp::wire::ChunkType;
use plywood_sctp::wire::simple::put_heartbeat;
use plywood_sctp::{CloseReason, Config, Discard, Event};
use std::time::Duration;

#[test]
fn an_idle_association_sends_heartbeats_and_lives() {
    let mut net = Net::connected(1, Path::default(), |_| Config::default());
    net.logging = true;
    net.run_for(Duration::from_secs(600));
    assert!(net.ends.iter().all(plywood_sctp::Association::is_connected));
    let heartbeats = net.log.iter().filter(|(_, packet)| packet[12] == ChunkType::HEARTBEAT.0).count();
    assert!((25..=45).contains(&heartbeats), "{heartbeats}");
}

#[test]
fn a_peer_that_is_gone_is_noticed() {
    let mut net = Net::connected(2, Path::default(), |_| Config::default());
    net.filter = Some(Box::new(|_, _| true));
    net.run_for(Duration::from_secs(3600));
    assert_eq!(net.events[0], [Event::Closed(CloseReason::PeerUnreachable)]);
}

#[test]
fn an_answered_heartbeat_forgets_the_lost_ones() {
    let mut config = Config::default();
    config.max_retransmits = 2;
    let mut net = Net::connected(20, Path::default(), |_| config.clone());
    let mut acks = 0;
    net.filter = Some(Box::new(move |from, packet| {
        let is_ack = from == 1 && chunk_types(packet).contains(&ChunkType::HEARTBEAT_ACK.0);
        acks += u32::from(is_ack);
        is_ack && acks % 3 != 0 // two lost, one heard, again and again
    }));
    net.run_for(Duration::from_secs(3600));
    assert!(net.ends[0].is_connected());
}

#[test]
fn a_heartbeat_is_echoed_as_it_is() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.feed(|out| put_heartbeat(out, ChunkType::HEARTBEAT, b"what you want")).unwrap();
    let answer = puppet.poll().unwrap();
    assert_eq!(answer[12], ChunkType::HEARTBEAT_ACK.0);
    assert_eq!(&answer[20..33], b"what you want");
}

#[test]
fn a_heartbeat_ack_that_was_not_asked_for_is_discarded() {
    let mut puppet = Puppet::connected(Config::default());
    let forged = puppet.feed(|out| put_heartbeat(out, ChunkType::HEARTBEAT_ACK, &[0; 8]));
    assert_eq!(forged, Err(Discard::UnknownHeartbeat));
}

#[test]
fn a_flood_of_heartbeats_is_answered_by_few() {
    let mut puppet = Puppet::connected(Config::default());
    for _ in 0..1000 {
        puppet.feed(|out| put_heartbeat(out, ChunkType::HEARTBEAT, &[7; 1000])).unwrap();
    }
    assert!(puppet.chunks().len() <= 4);
}

#[test]
fn no_heartbeats_if_none_are_wanted() {
    let mut config = Config::default();
    config.heartbeat_interval = None;
    let net = Net::connected(3, Path::default(), |_| config.clone());
    assert_eq!(net.ends[0].poll_timeout(), None, "an idle association has no timer at all");
}

#[test]
fn a_heartbeat_too_large_to_be_answered_does_not_silence_the_next() {
    let mut puppet = Puppet::connected(Config::default());
    puppet.feed(|out| put_heartbeat(out, ChunkType::HEARTBEAT, &[7; 9000])).unwrap();
    assert_eq!(puppet.chunks(), []);
    puppet.feed(|out| put_heartbeat(out, ChunkType::HEARTBEAT, b"still there?")).unwrap();
    assert_eq!(puppet.chunks(), [ChunkType::HEARTBEAT_ACK.0]);
}
