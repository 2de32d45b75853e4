//! A capture file (pcapng) with the keys of its connections inside.
//!
//! Problem: what a simulation or a test sent should open in a packet analyser, decrypted, without a word on
//! the command line; and simulated datagrams have neither IP headers nor an interface.
//! How: four kinds of block. IP and UDP headers are made up around each datagram. Key log lines go into a
//! decryption secrets block before the first packet, where analysers look for them.
//!
//! ```text
//!  section header | interface (raw IP, ns) | decryption secrets (TLS key log) | packet | packet | ..
//!  each block: type, length, body padded to 4 bytes, length again; numbers little-endian here
//! ```
//!
//! More: draft-ietf-opsawg-pcapng; docs/inspect.md.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// Datagrams and keys on their way into a file.
#[derive(Debug, Default)]
pub struct Capture {
    /// Blocks by time; written in its order, whatever the order of the calls.
    packets: Vec<(Duration, Vec<u8>)>,
    key_log: String,
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;
/// "TLSK" as a number: the secrets are lines of a TLS key log, also for DTLS.
const TLS_KEY_LOG: u32 = 0x544c_534b;
/// A packet begins with its IPv4 or IPv6 header.
const LINK_TYPE_RAW: u16 = 101;
const UDP: u8 = 17;
const SCTP: u8 = 132;

impl Capture {
    /// An empty capture.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a UDP datagram; `at` is the time since any fixed moment.
    pub fn add_datagram(&mut self, at: Duration, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let mut udp = Vec::with_capacity(8 + payload.len());
        udp.extend_from_slice(&from.port().to_be_bytes());
        udp.extend_from_slice(&to.port().to_be_bytes());
        udp.extend_from_slice(&length_u16(8 + payload.len()).to_be_bytes());
        udp.extend_from_slice(&[0, 0]);
        udp.extend_from_slice(payload);
        let sum = udp_checksum(from.ip(), to.ip(), &udp);
        udp[6..8].copy_from_slice(&sum.to_be_bytes());
        self.add_packet(at, from.ip(), to.ip(), UDP, &udp);
    }

    /// Adds an SCTP packet as if it travelled over IP by itself: what DTLS carried, in the clear.
    pub fn add_sctp(&mut self, at: Duration, from: IpAddr, to: IpAddr, packet: &[u8]) {
        self.add_packet(at, from, to, SCTP, packet);
    }

    /// Adds a line of a TLS key log, with or without its end of line.
    pub fn add_key_log(&mut self, line: &str) {
        self.key_log.push_str(line.trim_end());
        self.key_log.push('\n');
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut section = Vec::new();
        section.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes()); // byte order
        section.extend_from_slice(&[1, 0, 0, 0]); // version 1.0
        section.extend_from_slice(&u64::MAX.to_le_bytes()); // length not said
        block(&mut out, SECTION_HEADER, &section);
        let mut interface = Vec::new();
        interface.extend_from_slice(&LINK_TYPE_RAW.to_le_bytes());
        interface.extend_from_slice(&[0, 0, 0, 0, 0, 0]); // reserved; no limit of length
        interface.extend_from_slice(&[9, 0, 1, 0, 9, 0, 0, 0]); // if_tsresol: 10^-9 s
        interface.extend_from_slice(&[0, 0, 0, 0]); // end of options
        block(&mut out, INTERFACE_DESCRIPTION, &interface);
        if !self.key_log.is_empty() {
            let mut secrets = Vec::new();
            secrets.extend_from_slice(&TLS_KEY_LOG.to_le_bytes());
            secrets.extend_from_slice(&length_u32(self.key_log.len()).to_le_bytes());
            secrets.extend_from_slice(self.key_log.as_bytes());
            block(&mut out, DECRYPTION_SECRETS, &secrets);
        }
        let mut packets: Vec<&(Duration, Vec<u8>)> = self.packets.iter().collect();
        packets.sort_by_key(|(at, _)| *at);
        for (_, packet) in packets {
            out.extend_from_slice(packet);
        }
        out
    }

    fn add_packet(&mut self, at: Duration, from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) {
        let mut packet = ip_header(from, to, protocol, payload.len());
        packet.extend_from_slice(payload);
        let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        let mut body = Vec::with_capacity(20 + packet.len());
        body.extend_from_slice(&0u32.to_le_bytes()); // interface 0
        body.extend_from_slice(&high_half(nanos).to_le_bytes());
        body.extend_from_slice(&low_half(nanos).to_le_bytes());
        for _ in 0..2 {
            body.extend_from_slice(&length_u32(packet.len()).to_le_bytes()); // captured, original
        }
        body.extend_from_slice(&packet);
        let mut packet = Vec::new();
        block(&mut packet, ENHANCED_PACKET, &body);
        self.packets.push((at, packet));
    }
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padded = body.len().next_multiple_of(4);
    let length = length_u32(12 + padded).to_le_bytes();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&length);
    out.extend_from_slice(body);
    out.resize(out.len() + padded - body.len(), 0);
    out.extend_from_slice(&length);
}

fn ip_header(from: IpAddr, to: IpAddr, protocol: u8, payload: usize) -> Vec<u8> {
    if let (IpAddr::V4(from), IpAddr::V4(to)) = (from, to) {
        let mut header = vec![0x45, 0];
        header.extend_from_slice(&length_u16(20 + payload).to_be_bytes());
        header.extend_from_slice(&[0, 0, 0x40, 0, 64, protocol, 0, 0]); // do not fragment; 64 hops
        header.extend_from_slice(&from.octets());
        header.extend_from_slice(&to.octets());
        let sum = !fold(sum_of(&header));
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        return header;
    }
    let octets = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    let mut header = vec![0x60, 0, 0, 0];
    header.extend_from_slice(&length_u16(payload).to_be_bytes());
    header.extend_from_slice(&[protocol, 64]);
    header.extend_from_slice(&octets(from));
    header.extend_from_slice(&octets(to));
    header
}

fn udp_checksum(from: IpAddr, to: IpAddr, udp: &[u8]) -> u16 {
    let address = |address: IpAddr| match address {
        IpAddr::V4(v4) => sum_of(&v4.octets()),
        IpAddr::V6(v6) => sum_of(&v6.octets()),
    };
    let pseudo = address(from) + address(to) + u64::from(UDP) + udp.len() as u64;
    match !fold(pseudo + sum_of(udp)) {
        0 => u16::MAX, // 0 would mean that there is none
        sum => sum,
    }
}

/// The sum of 16-bit words of the Internet checksum (RFC 1071), not yet folded.
fn sum_of(bytes: &[u8]) -> u64 {
    bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u64::from)).sum()
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}

fn length_u16(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

fn length_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn high_half(value: u64) -> u32 {
    u32::try_from(value >> 32).unwrap_or(u32::MAX)
}

fn low_half(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap_or(u32::MAX)
}
