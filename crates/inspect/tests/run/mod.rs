//! A DTLS connection over a simulated network, recorded with its keys.

use plywood_dtls::{Config, Connection, Event, Identity, Role, Versions, provider};
use plywood_inspect::Capture;
use plywood_simnet::{LinkConfig, Network, seed_for, start};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// What was sent, as datagrams and as a file.
#[allow(dead_code, reason = "each test looks at some of it")]
pub(crate) struct Run {
    pub(crate) datagrams: Vec<Vec<u8>>,
    /// With the SCTP packets in the clear beside the records that carried them.
    pub(crate) capture: Capture,
    /// The records alone.
    pub(crate) wire_only: Capture,
}

/// Where client and server are.
#[allow(dead_code, reason = "each test looks at some of it")]
pub(crate) const PORTS: [u16; 2] = [40_000, 50_000];

/// An INIT as an association sends it first.
const INIT: [u8; 32] = [
    0x13, 0x88, 0x13, 0x88, 0, 0, 0, 0, 0x9f, 0x8a, 0x08, 0x62, // ports 5000, tag 0, CRC32c
    1, 0, 0, 20, 0xca, 0xfe, 0xba, 0xbe, 0, 2, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1,
];

/// DATA with the DCEP message that opens the channel "chat".
const OPEN: [u8; 44] = [
    0x13, 0x88, 0x13, 0x88, 0xca, 0xfe, 0xba, 0xbe, 0, 0, 0,
    0, // ports 5000, tag, no checksum (RFC 9653)
    0, 3, 0, 32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 50, // DATA, whole; TSN 1, stream 0, SSN 0, PPID 50
    3, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, b'c', b'h', b'a', b't', // OPEN, reliable, label of 4 bytes
];

/// Handshake of 1.2, one SCTP packet from the client.
#[allow(dead_code, reason = "each test looks at some of it")]
pub(crate) fn handshake() -> Run {
    connection(Versions::ONLY_1_2) // most of it in the clear, to be named
}

/// Handshake, two SCTP packets from the client, close.
#[allow(clippy::too_many_lines, reason = "one loop, told from the beginning to the end")]
pub(crate) fn connection(versions: Versions) -> Run {
    let provider = provider::rustcrypto();
    let identity = || {
        let key = rcgen::generate_simple_self_signed(["plywood".to_owned()]).expect("a certificate");
        let pkcs8 = key.signing_key.serialize_der();
        Arc::new(Identity::from_der(&*provider, key.cert.der(), &pkcs8).expect("our own certificate"))
    };
    let (a, b, begin) = (identity(), identity(), start());
    let (of_a, of_b) = (a.fingerprint().clone(), b.fingerprint().clone());
    let connection = |role, identity, fingerprint, who| {
        let mut config = Config::new(role, identity, provider.clone(), vec![fingerprint]);
        config.versions = versions;
        config.key_log = true;
        Connection::new(config, seed_for(1, who), begin)
    };
    let mut ends = [connection(Role::Client, a, of_b, 1), connection(Role::Server, b, of_a, 2)];
    let addresses =
        [SocketAddr::from(([192, 0, 2, 1], PORTS[0])), SocketAddr::from(([192, 0, 2, 2], PORTS[1]))];
    let mut network = Network::new(1);
    network.record(1 << 20);
    network.set_default_link(LinkConfig::with_delay(Duration::from_millis(10)));
    let (mut capture, mut wire_only) = (Capture::new(), Capture::new());
    let mut now = begin;
    let (mut sent_data, mut closed) = (false, false);
    ends[0].start(now);
    for _ in 0..200 {
        for side in 0..2 {
            let mut out = Vec::new();
            while ends[side].poll_transmit(now, &mut out).is_some() {
                network.send(now, addresses[side], addresses[1 - side], &out);
                out.clear();
            }
            while let Some(event) = ends[side].poll_event() {
                if let Event::KeyLog(line) = event {
                    capture.add_key_log(&line);
                    wire_only.add_key_log(&line);
                }
            }
        }
        if ends[0].can_send() && !sent_data {
            sent_data = true;
            for packet in [&INIT[..], &OPEN] {
                let mut out = Vec::new();
                let mark = ends[0].begin_record(&mut out).expect("connected");
                out.extend_from_slice(packet);
                ends[0].finish_record(&mut out, mark).expect("connected");
                network.send(now, addresses[0], addresses[1], &out);
                capture.add_sctp(now - begin, addresses[0].ip(), addresses[1].ip(), packet);
            }
        } else if sent_data && ends[1].is_connected() && !closed {
            closed = true;
            now += Duration::from_millis(50); // behind the data
            ends[0].close(now);
            let mut out = Vec::new();
            while ends[0].poll_transmit(now, &mut out).is_some() {
                network.send(now, addresses[0], addresses[1], &out);
                out.clear();
            }
        }
        let Some(next) = network.poll_timeout() else { break };
        now = next;
        while let Some(mut delivery) = network.poll_delivery(now) {
            let side = usize::from(delivery.to == addresses[1]);
            let mut at = 0;
            while at < delivery.bytes.len() {
                at = ends[side].open_record(now, &mut delivery.bytes, at).map_or_else(|e| e.next, |o| o.next);
            }
        }
    }
    let records = network.recording().map_or(&[][..], |recording| recording.records());
    for record in records {
        for capture in [&mut capture, &mut wire_only] {
            capture.add_datagram(record.sent - begin, record.from, record.to, &record.bytes);
        }
    }
    Run { datagrams: records.iter().map(|record| record.bytes.clone()).collect(), capture, wire_only }
}
