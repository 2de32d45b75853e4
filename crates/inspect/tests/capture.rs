//! The capture of a simulated run is well-formed block by block.

use plywood_inspect::Capture;
use plywood_simnet::{LinkConfig, Network, start};
use std::{net::SocketAddr, time::Duration};

/// (type, body) of each block; asserts that both lengths of each agree.
fn blocks(file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    let mut found = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let length = number(at + 4) as usize;
        assert_eq!(length % 4, 0);
        assert_eq!(number(at + length - 4) as usize, length);
        found.push((number(at), file[at + 8..at + length - 4].to_vec()));
        at += length;
    }
    found
}

fn ones_complement(bytes: &[u8]) -> u32 {
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}

#[test]
fn keys_come_before_packets_and_headers_have_right_checksums() {
    let from: SocketAddr = "192.0.2.1:1000".parse().expect("an address");
    let to: SocketAddr = "192.0.2.2:2000".parse().expect("an address");
    let mut capture = Capture::new();
    capture.add_datagram(Duration::from_millis(1), from, to, b"odd");
    capture.add_key_log("CLIENT_RANDOM 00 11\n");
    let blocks = blocks(&capture.to_bytes());
    let kinds: Vec<u32> = blocks.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 10, 6]);
    assert_eq!(&blocks[2].1[..8], [0x4b, 0x53, 0x4c, 0x54, 20, 0, 0, 0]);
    let packet = &blocks[3].1[20..20 + 31];
    assert_eq!(ones_complement(&packet[..20]), 0xffff);
    let mut udp = packet[20..].to_vec();
    udp.extend_from_slice(&[0]); // pad
    let pseudo = [&packet[12..20], &[0, 17, 0, 11]].concat();
    assert_eq!(ones_complement(&[&pseudo[..], &udp].concat()), 0xffff);
}

#[test]
fn ipv6_and_bare_sctp_have_their_headers() {
    let mut capture = Capture::new();
    let from: SocketAddr = "[fd00::1]:1".parse().expect("an address");
    capture.add_datagram(Duration::ZERO, from, from, b"x");
    capture.add_sctp(Duration::ZERO, from.ip(), from.ip(), &[0; 12]);
    let blocks = blocks(&capture.to_bytes());
    assert_eq!(blocks.len(), 4); // no keys, no secrets block
    assert_eq!((blocks[2].1[20], blocks[2].1[26]), (0x60, 17));
    assert_eq!(blocks[3].1[26], 132);
}

#[test]
fn a_simulated_run_becomes_a_capture() {
    let begin = start();
    let (a, b) = (SocketAddr::from(([10, 0, 0, 1], 1)), SocketAddr::from(([10, 0, 0, 2], 2)));
    let mut network = Network::new(1);
    network.record(1 << 20);
    network.connect(a.ip(), b.ip(), LinkConfig::with_delay(Duration::from_millis(5)));
    for step in 0..3 {
        network.send(begin + Duration::from_millis(step), a, b, b"datagram");
    }
    let mut capture = Capture::new();
    for record in network.recording().map_or(&[][..], |recording| recording.records()) {
        capture.add_datagram(record.sent - begin, record.from, record.to, &record.bytes);
    }
    assert_eq!(blocks(&capture.to_bytes()).iter().filter(|(kind, _)| *kind == 6).count(), 3);
}
