//! SCTP packets as bytes: built and taken apart here, with nothing of the library's own wire code.
//!
//! ```text
//!    0                   1                   2                   3
//!   |      source port      |    destination port    |  RFC 9260 §3.1
//!   |                verification tag                |
//!   |                checksum (CRC32c)               |  computed with this field zero, least byte first
//!   | type | flags |     length     |  value, padded  |  §3.2, once a chunk
//! ```

use std::fmt::Write as _;

use crc_fast::CrcAlgorithm;

/// Both ends of every scenario.
pub(crate) const PORT: u16 = 5000;

/// One chunk, or one parameter or cause (their types have two bytes and no flags).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    /// The value, without header and padding.
    pub(crate) value: Vec<u8>,
}

/// A packet that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) tag: u32,
    pub(crate) chunks: Vec<Chunk>,
}

/// A parameter of a chunk, or a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) kind: u16,
    pub(crate) value: Vec<u8>,
}

/// Appends a chunk with this length field, whether it is true or not.
pub(crate) fn put_chunk(out: &mut Vec<u8>, kind: u8, flags: u8, length: u16, value: &[u8]) {
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
    pad(out);
}

/// Appends a parameter.
pub(crate) fn put_parameter(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&length_of(value).to_be_bytes());
    out.extend_from_slice(value);
    pad(out);
}

/// The length field for a value: it counts the header.
pub(crate) fn length_of(value: &[u8]) -> u16 {
    u16::try_from(value.len() + 4).unwrap_or(u16::MAX)
}

pub(crate) fn pad(out: &mut Vec<u8>) {
    while !out.len().is_multiple_of(4) {
        out.push(0);
    }
}

/// A packet around these chunks; `good` says whether its checksum is right.
pub(crate) fn seal(tag: u32, chunks: &[u8], good: bool) -> Vec<u8> {
    let mut packet = Vec::with_capacity(chunks.len() + 12);
    packet.extend_from_slice(&PORT.to_be_bytes());
    packet.extend_from_slice(&PORT.to_be_bytes());
    packet.extend_from_slice(&tag.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(chunks);
    let checksum = checksum(&packet) ^ u32::from(!good);
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
    packet
}

fn checksum(packet: &[u8]) -> u32 {
    let sum = crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, packet);
    u32::try_from(sum).unwrap_or(0)
}

impl Packet {
    /// Takes a packet apart; an error says what no receiver could accept.
    pub(crate) fn open(bytes: &[u8]) -> Result<Self, String> {
        let Some((header, mut rest)) = bytes.split_at_checked(12) else {
            return Err(format!("a packet of {} bytes", bytes.len()));
        };
        let ports = [u16_at(header, 0), u16_at(header, 2)];
        if ports != [PORT, PORT] {
            return Err(format!("ports {ports:?}"));
        }
        let mut zeroed = bytes.to_vec();
        zeroed[8..12].fill(0);
        if checksum(&zeroed).to_le_bytes() != header[8..12] {
            return Err("a wrong checksum".to_owned());
        }
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let Some((head, _)) = rest.split_at_checked(4) else {
                return Err("half a chunk header".to_owned());
            };
            let length = usize::from(u16_at(head, 2));
            let padded = length.next_multiple_of(4);
            let (kind, flags) = (head[0], head[1]);
            if length < 4 || rest.len() < padded {
                return Err(format!("chunk {kind} of length {length} with {} bytes left", rest.len()));
            }
            chunks.push(Chunk { kind, flags, value: rest[4..length].to_vec() });
            rest = &rest[padded..];
        }
        if chunks.is_empty() {
            return Err("a packet without a chunk".to_owned());
        }
        Ok(Self { tag: u32_at(header, 4), chunks })
    }
}

impl Chunk {
    /// Parameters or causes from `at` on.
    pub(crate) fn parameters(&self, at: usize) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        let mut rest = self.value.get(at..).unwrap_or_default();
        while rest.len() >= 4 {
            let length = usize::from(u16_at(rest, 2)).max(4);
            let value = rest.get(4..length).unwrap_or_default().to_vec();
            parameters.push(Parameter { kind: u16_at(rest, 0), value });
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        parameters
    }

    pub(crate) fn u32(&self, at: usize) -> u32 {
        u32_at(&self.value, at)
    }

    pub(crate) fn u16(&self, at: usize) -> u16 {
        u16_at(&self.value, at)
    }

    /// For people: the name, the flags and the first bytes.
    pub(crate) fn describe(&self) -> String {
        let name = crate::codes::chunk_name(self.kind).map_or_else(|| self.kind.to_string(), str::to_owned);
        let mut text = format!("{name}[flgs={:#x}, len={}", self.flags, self.value.len() + 4);
        for byte in self.value.iter().take(24) {
            let _ = write!(text, " {byte:02x}");
        }
        if self.value.len() > 24 {
            text.push_str(" ..");
        }
        text.push(']');
        text
    }
}

/// A big-endian number; zero past the end.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |field| u16::from_be_bytes([field[0], field[1]]))
}

/// A big-endian number; zero past the end.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) << 16 | u32::from(u16_at(bytes, at + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_packet_opens_and_a_spoilt_one_does_not() {
        let mut chunks = Vec::new();
        put_chunk(&mut chunks, 11, 0, 4, &[]);
        put_chunk(&mut chunks, 0x40, 3, 7, &[1, 2, 3]);
        let packet = Packet::open(&seal(7, &chunks, true)).unwrap();
        assert_eq!(packet.tag, 7);
        assert_eq!(packet.chunks[1], Chunk { kind: 0x40, flags: 3, value: vec![1, 2, 3] });
        assert_eq!(Packet::open(&seal(7, &chunks, false)), Err("a wrong checksum".to_owned()));
        assert!(Packet::open(&seal(7, &[], true)).is_err());
    }

    #[test]
    fn parameters_follow_each_other_with_padding() {
        let mut value = vec![0; 16];
        put_parameter(&mut value, 0x8008, &[0xc0]);
        put_parameter(&mut value, 7, &[1, 2, 3, 4]);
        let chunk = Chunk { kind: 1, flags: 0, value };
        let kinds: Vec<_> = chunk.parameters(16).into_iter().map(|parameter| parameter.kind).collect();
        assert_eq!(kinds, [0x8008, 7]);
    }
}
