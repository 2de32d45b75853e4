//! CRC32c of a packet (RFC 9260 §6.8), computed in one pass.
//!
//! Problem: the checksum covers its own field as zero, but a received packet is borrowed and cannot be zeroed.
//! How: the first twelve bytes are nearly constant: ports and tag stay the same for the life of an association,
//! and the checksum counts as zero. The state after them is computed once a direction, and each packet
//! continues from there over the remaining bytes, which is the fast path of the CRC library.
//! ```text
//!  | ports 4 | tag 4 | 0 0 0 0 |  chunks ...................|
//!  '----- cached state -------'  '- one call per packet ---'
//! ```
//! More: RFC 9260 §6.8 and Appendix A.

use crate::wire::COMMON_HEADER_BYTES;
use crc_fast::{CrcAlgorithm, Digest};

/// The CRC state behind one common header.
#[derive(Debug, Clone, Copy)]
pub struct Crc {
    tag: u32,
    digest: Digest,
}

impl Crc {
    /// The state behind a header with these ports and this verification tag.
    #[must_use]
    pub fn new(source_port: u16, destination_port: u16, tag: u32) -> Self {
        let mut header = [0; COMMON_HEADER_BYTES];
        header[..2].copy_from_slice(&source_port.to_be_bytes());
        header[2..4].copy_from_slice(&destination_port.to_be_bytes());
        header[4..8].copy_from_slice(&tag.to_be_bytes());
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(&header);
        Self { tag, digest }
    }

    /// The verification tag that this state stands behind.
    #[must_use]
    pub fn tag(&self) -> u32 {
        self.tag
    }

    /// The checksum field of a packet whose bytes after the common header are `rest`.
    #[must_use]
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a CRC-32 fills the low 32 bits")]
    pub fn over(&self, rest: &[u8]) -> [u8; 4] {
        let mut digest = self.digest;
        digest.update(rest);
        (digest.finalize() as u32).to_le_bytes()
    }
}

/// Whether the checksum of `packet` is right. Packets shorter than the common header never are.
#[must_use]
pub fn is_valid(packet: &[u8]) -> bool {
    let Some((header, rest)) = packet.split_first_chunk::<COMMON_HEADER_BYTES>() else { return false };
    let [s1, s2, d1, d2, t1, t2, t3, t4, checksum @ ..] = *header;
    let (source, destination) = (u16::from_be_bytes([s1, s2]), u16::from_be_bytes([d1, d2]));
    Crc::new(source, destination, u32::from_be_bytes([t1, t2, t3, t4])).over(rest) == checksum
}

/// Fills the checksum field of `packet` in. Packets shorter than the common header stay as they are.
pub fn fill_in(packet: &mut [u8]) {
    let Some((header, rest)) = packet.split_first_chunk_mut::<COMMON_HEADER_BYTES>() else { return };
    let [s1, s2, d1, d2, t1, t2, t3, t4, checksum @ ..] = header;
    let (source, destination) = (u16::from_be_bytes([*s1, *s2]), u16::from_be_bytes([*d1, *d2]));
    let tag = u32::from_be_bytes([*t1, *t2, *t3, *t4]);
    checksum.copy_from_slice(&Crc::new(source, destination, tag).over(rest));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cached_state_gives_the_checksum_of_the_whole_packet() {
        let mut packet: Vec<u8> = (0u8..=255).cycle().take(1200).collect();
        packet[8..12].fill(0);
        let whole = crc_fast::crc32_iscsi(&packet).to_le_bytes();
        fill_in(&mut packet);
        assert_eq!(packet[8..12], whole);
        assert!(is_valid(&packet));
        packet[700] ^= 1;
        assert!(!is_valid(&packet));
    }

    #[test]
    fn the_polynomial_is_crc32c() {
        assert_eq!(crc_fast::crc32_iscsi(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_packet_without_a_header_is_never_valid() {
        assert!(!is_valid(&[0; 11]));
        fill_in(&mut [0; 11]);
    }
}
