//! Reading capture files: pcapng, and the pcap that came before it.
//!
//! Problem: what was captured stands in blocks of either byte order, under link headers of many kinds.
//! How: blocks one after the other, then the headers of link, IP and UDP off the front.
//!
//! ```text
//!  pcapng: section header | interface | secrets | packet | packet ..   each: type, length, body, length
//!  packet: [Ethernet | loopback | "cooked" | none] IPv4 or IPv6 | UDP | datagram
//! ```
//!
//! More: draft-ietf-opsawg-pcapng, draft-ietf-opsawg-pcap; docs/inspect.md.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// A datagram out of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Since the first packet of the file.
    pub at: Duration,
    /// Who sent it; port 0 where the packet has none.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// Whether it is an SCTP packet right over IP, as [`crate::Capture::add_sctp`] writes it; else it is the
    /// payload of UDP.
    pub is_sctp: bool,
    /// What it holds.
    pub payload: Vec<u8>,
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptureFile {
    /// The datagrams, in order.
    pub packets: Vec<Packet>,
    /// Lines of a TLS key log out of decryption secrets blocks.
    pub key_log: String,
    /// Packets that are neither UDP nor SCTP, or fragments of IP.
    pub skipped: usize,
}

/// Why a file cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptureError {
    /// It begins neither like pcapng nor like pcap.
    NotACapture,
    /// It ends in the middle of the block that begins here.
    CutShort {
        /// Offset in the file.
        at: usize,
    },
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotACapture => f.write_str("neither a pcapng nor a pcap file"),
            Self::CutShort { at } => write!(f, "the file ends in the middle of the block at byte {at}"),
        }
    }
}

impl std::error::Error for CaptureError {}

const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Reads a file.
///
/// # Errors
/// [`CaptureError`]; what is inside of a packet never is an error.
pub fn read_capture(file: &[u8]) -> Result<CaptureFile, CaptureError> {
    let mut reader = Reader { little: true, ..Reader::default() };
    match file.first_chunk::<4>() {
        Some(&SECTION_HEADER) => reader.pcapng(file)?,
        Some([0xd4, 0xc3, 0xb2, 0xa1]) => reader.pcap(file, true, 1000)?,
        Some([0xa1, 0xb2, 0xc3, 0xd4]) => reader.pcap(file, false, 1000)?,
        Some([0x4d, 0x3c, 0xb2, 0xa1]) => reader.pcap(file, true, 1)?,
        Some([0xa1, 0xb2, 0x3c, 0x4d]) => reader.pcap(file, false, 1)?,
        _ => return Err(CaptureError::NotACapture),
    }
    Ok(reader.found)
}

/// What an interface block says.
#[derive(Debug, Clone, Copy)]
struct Interface {
    link_type: u16,
    /// Nanoseconds a tick; 0: finer than that.
    nanos_per_tick: u64,
}

#[derive(Debug, Default)]
struct Reader {
    little: bool,
    interfaces: Vec<Interface>,
    first: Option<u64>,
    found: CaptureFile,
}

impl Reader {
    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn length(&self, bytes: &[u8], at: usize) -> Option<usize> {
        usize::try_from(self.u32(bytes, at)?).ok()
    }

    fn pcapng(&mut self, file: &[u8]) -> Result<(), CaptureError> {
        let mut at = 0;
        while at < file.len() {
            let rest = &file[at..];
            if rest.starts_with(&SECTION_HEADER) {
                self.little = rest.get(8..12) == Some(&[0x4d, 0x3c, 0x2b, 0x1a]);
                self.interfaces.clear();
            }
            let length = self.length(rest, 4).filter(|length| *length >= 12 && length % 4 == 0);
            let whole = length.and_then(|length| rest.get(..length)).ok_or(CaptureError::CutShort { at })?;
            let body = &whole[8..whole.len() - 4];
            match self.u32(whole, 0) {
                Some(1) => self.interface(body),
                Some(6) => drop(self.enhanced_packet(body)),
                Some(10) => drop(self.secrets(body)),
                _ => {} // statistics, names, others
            }
            at += whole.len();
        }
        Ok(())
    }

    fn interface(&mut self, body: &[u8]) {
        let mut interface =
            Interface { link_type: self.u16(body, 0).unwrap_or(u16::MAX), nanos_per_tick: 1000 };
        let mut at = 8;
        while let (Some(code @ 1..), Some(length)) = (self.u16(body, at), self.u16(body, at + 2)) {
            if let (9, Some(&resolution @ ..=9)) = (code, body.get(at + 4)) {
                interface.nanos_per_tick = 10_u64.pow(u32::from(9 - resolution));
            }
            at += 4 + usize::from(length).next_multiple_of(4);
        }
        self.interfaces.push(interface);
    }

    fn enhanced_packet(&mut self, body: &[u8]) -> Option<()> {
        let interface = *self.interfaces.get(self.length(body, 0)?)?;
        let ticks = u64::from(self.u32(body, 4)?) << 32 | u64::from(self.u32(body, 8)?);
        let bytes = body.get(20..)?.get(..self.length(body, 12)?)?;
        self.packet(interface.link_type, ticks.saturating_mul(interface.nanos_per_tick), bytes);
        Some(())
    }

    fn secrets(&mut self, body: &[u8]) -> Option<()> {
        if self.u32(body, 0)? == 0x544c_534b {
            let lines = body.get(8..)?.get(..self.length(body, 4)?)?;
            self.found.key_log.push_str(&String::from_utf8_lossy(lines));
        }
        Some(())
    }

    fn pcap(&mut self, file: &[u8], little: bool, nanos: u64) -> Result<(), CaptureError> {
        self.little = little;
        let link_type = self.u16(file, if little { 20 } else { 22 }).unwrap_or(u16::MAX);
        let mut at = 24;
        while at < file.len() {
            let short = CaptureError::CutShort { at };
            let header = file.get(at..at + 16).ok_or(short)?;
            let (seconds, fraction) = (self.u32(header, 0), self.u32(header, 4));
            let length = self.length(header, 8).ok_or(short)?;
            let bytes = file.get(at + 16..).and_then(|rest| rest.get(..length)).ok_or(short)?;
            let seconds = u64::from(seconds.unwrap_or(0)) * 1_000_000_000;
            self.packet(link_type, seconds + u64::from(fraction.unwrap_or(0)) * nanos, bytes);
            at += 16 + length;
        }
        Ok(())
    }

    fn packet(&mut self, link_type: u16, nanos: u64, bytes: &[u8]) {
        let first = *self.first.get_or_insert(nanos);
        let at = Duration::from_nanos(nanos.saturating_sub(first));
        match behind_link(link_type, bytes).and_then(|ip| behind_ip(at, ip)) {
            Some(packet) => self.found.packets.push(packet),
            None => self.found.skipped += 1,
        }
    }
}

/// The IP packet in a frame of the link types that one meets.
fn behind_link(link_type: u16, bytes: &[u8]) -> Option<&[u8]> {
    match link_type {
        101 | 228 | 229 => Some(bytes),
        0 | 108 => bytes.get(4..),
        113 => bytes.get(16..),
        276 => bytes.get(20..),
        1 => match bytes.get(12..14)? {
            [0x81, 0x00] => bytes.get(18..), // a VLAN tag
            _ => bytes.get(14..),
        },
        _ => None,
    }
}

fn behind_ip(at: Duration, bytes: &[u8]) -> Option<Packet> {
    let word = |at: usize| Some(usize::from(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?)));
    let (from, to, protocol, payload): (IpAddr, IpAddr, u8, &[u8]) = match bytes.first()? >> 4 {
        4 => {
            if word(6)? & 0x3fff != 0 {
                return None; // a fragment
            }
            let address = |at: usize| Some(Ipv4Addr::from(*bytes.get(at..)?.first_chunk::<4>()?));
            let header = usize::from(bytes[0] & 15) * 4;
            let payload = bytes.get(header..word(2)?.min(bytes.len()))?;
            (address(12)?.into(), address(16)?.into(), *bytes.get(9)?, payload)
        }
        6 => {
            let address = |at: usize| Some(Ipv6Addr::from(*bytes.get(at..)?.first_chunk::<16>()?));
            let payload = bytes.get(40..(40 + word(4)?).min(bytes.len()))?;
            (address(8)?.into(), address(24)?.into(), *bytes.get(6)?, payload)
        }
        _ => return None,
    };
    let port = |at: usize| Some(u16::from_be_bytes(*payload.get(at..)?.first_chunk()?));
    match protocol {
        17 => Some(Packet {
            at,
            from: SocketAddr::new(from, port(0)?),
            to: SocketAddr::new(to, port(2)?),
            is_sctp: false,
            payload: payload.get(8..)?.to_vec(),
        }),
        132 => Some(Packet {
            at,
            from: SocketAddr::new(from, 0),
            to: SocketAddr::new(to, 0),
            is_sctp: true,
            payload: payload.to_vec(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written() -> Vec<u8> {
        let (a, b) = (SocketAddr::from(([192, 0, 2, 1], 1)), SocketAddr::from(([192, 0, 2, 2], 2)));
        let mut capture = crate::Capture::new();
        capture.add_key_log("CLIENT_RANDOM 00 11");
        capture.add_datagram(Duration::from_millis(3), a, b, b"first");
        capture.add_datagram(Duration::from_millis(5), b, a, b"second");
        capture.add_sctp(Duration::from_millis(7), a.ip(), b.ip(), &[0; 12]);
        capture.to_bytes()
    }

    #[test]
    fn what_we_write_is_read_back() {
        let read = read_capture(&written()).expect("a capture");
        assert_eq!(read.key_log, "CLIENT_RANDOM 00 11\n");
        assert_eq!(read.packets.len(), 3);
        assert_eq!(read.packets[1].payload, b"second");
        assert_eq!(read.packets[1].at, Duration::from_millis(2));
        assert_eq!(read.packets[0].to, SocketAddr::from(([192, 0, 2, 2], 2)));
        assert!(read.packets[2].is_sctp && read.skipped == 0);
    }

    #[test]
    fn a_file_that_is_cut_short_says_where() {
        let file = written();
        for length in 0..file.len() {
            // At the end of a block nothing is missing.
            if let Ok(read) = read_capture(&file[..length]) {
                assert!(read.packets.len() < 3);
            }
        }
        assert_eq!(read_capture(b"GIF89a.."), Err(CaptureError::NotACapture));
    }

    #[test]
    fn ethernet_and_the_older_format_are_read() {
        let ip = [
            &[0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2][..],
            &[0, 7, 0, 8, 0, 10, 0, 0, b'h', b'i'],
        ]
        .concat();
        let frame = [&[0; 12][..], &[8, 0], &ip].concat();
        let length = u32::try_from(frame.len()).expect("short").to_le_bytes();
        let file = [
            &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0][..],
            &[1, 0, 0, 0, 5, 0, 0, 0],
            &length,
            &length,
            &frame,
        ]
        .concat();
        let read = read_capture(&file).expect("a capture");
        assert_eq!((read.packets[0].payload.as_slice(), read.packets[0].from.port()), (&b"hi"[..], 7));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), how in 0..3) {
            let magic = [&SECTION_HEADER[..], &[0xd4, 0xc3, 0xb2, 0xa1], &[]][usize::try_from(how).unwrap_or(0)];
            bytes.splice(0..0, magic.iter().copied());
            let _ = read_capture(&bytes);
        }
    }
}
