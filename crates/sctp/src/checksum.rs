//! CRC32c of a packet (RFC 9260 §6.8), at the speed of the library's one-shot call.
//!
//! Problem: the checksum covers its own field as zero. A packet that leaves is ours, and its field is zeroed in place;
//! one that arrives is borrowed. The library's incremental interface, which could step over the field, is twenty times
//! slower than its one call over one slice.
//! How: a CRC is linear. What the first twelve bytes add to the CRC of the bytes behind them depends on those twelve
//! (ports and tag: the same for the life of an association; the field: zero) and on *how many* bytes follow, not on which.
//! So that difference is found out once for each length, the slow way, and then the fast call and one XOR are enough.
//! ```text
//!  | ports 4 | tag 4 | 0 0 0 0 |  chunks ...................|
//!  '--- one XOR per length ----'  '--- one call per packet --'
//! ```
//! The same holds for the end. Where vectors are long the library takes blocks of 384 bytes, and up to 383 that are left in
//! steps of eight, each of which waits for the one before it. Most of a long rest is cut off: the processor goes through
//! it beside the blocks, and what the CRC of the front changes in that of the tail is looked up.
//! ```text
//!  | block 384 | block 384 | rest |   tail 192   |
//!  '---------- one call ----------'  '--- one ---'   CRC = CRC of the tail ^ shift(CRC of the front)
//! ```
//! More: RFC 9260 §6.8 and Appendix A; docs/performance.md, "Where a packet begins".

use crate::wire::COMMON_HEADER_BYTES;
use crc_fast::{CrcAlgorithm, Digest, crc32_iscsi};

/// The blocks in which the library goes through many bytes, and the boundary in memory from which it does.
const BLOCK_BYTES: usize = 384;
const BOUNDARY_BYTES: usize = 64;
/// What is cut off the end of a rest that is as long: 24 steps, about as many as the blocks take with what follows them.
const TAIL_BYTES: usize = 192;

/// The polynomial with its bits reflected (RFC 9260 Appendix A).
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// CRC32c of `bytes`.
#[inline]
fn crc32c(bytes: &[u8]) -> u32 {
    if rest_after_blocks(bytes) >= TAIL_BYTES && leaves_long_rests() {
        return of_front_and_tail(bytes);
    }
    crc32_iscsi(bytes)
}

/// Out of line, so that packets without a long rest have one call, as short as it is.
#[inline(never)]
fn of_front_and_tail(bytes: &[u8]) -> u32 {
    match bytes.split_last_chunk::<TAIL_BYTES>() {
        Some((front, tail)) => SHIFT.apply(crc32_iscsi(front)) ^ crc32_iscsi(tail),
        None => crc32_iscsi(bytes),
    }
}

/// Whether the library has the long vectors of x86-64 here: its other ways leave shorter rests.
#[inline]
fn leaves_long_rests() -> bool {
    #[cfg(target_arch = "x86_64")]
    let long =
        std::arch::is_x86_feature_detected!("avx512vl") && std::arch::is_x86_feature_detected!("vpclmulqdq");
    #[cfg(not(target_arch = "x86_64"))]
    let long = false;
    long
}

/// How many bytes do not go in blocks.
#[inline]
fn rest_after_blocks(bytes: &[u8]) -> usize {
    let before_boundary = bytes.as_ptr().addr().wrapping_neg() % BOUNDARY_BYTES;
    match bytes.len().checked_sub(before_boundary) {
        Some(length) if length >= BLOCK_BYTES => length % BLOCK_BYTES,
        _ => bytes.len(),
    }
}

/// What the CRC of a front changes in the CRC of the [`TAIL_BYTES`] behind it, for each value of each of its four bytes.
struct Shift([[u32; 256]; 4]);

static SHIFT: Shift = Shift::new();

impl Shift {
    /// A CRC goes on from that of a front as if its four bytes had been XORed into the first four of the tail.
    const fn new() -> Self {
        let mut table = [[0; 256]; 4];
        let mut bit = 0;
        while bit < 32 {
            let change = through_tail(1 << bit);
            let row = &mut table[bit / 8];
            // Linear: a value changes what this bit does, and what the value without it does.
            let highest = 1 << (bit % 8);
            let mut without = 0;
            while without < highest {
                row[highest + without] = row[without] ^ change;
                without += 1;
            }
            bit += 1;
        }
        Self(table)
    }

    #[inline]
    fn apply(&self, front: u32) -> u32 {
        let [a, b, c, d] = front.to_le_bytes().map(usize::from);
        let Self(table) = self;
        table[0][a] ^ table[1][b] ^ table[2][c] ^ table[3][d]
    }
}

/// What becomes of a difference by [`TAIL_BYTES`] of zeros, bit by bit.
const fn through_tail(mut difference: u32) -> u32 {
    let mut bit = 0;
    while bit < 8 * TAIL_BYTES {
        let carry = if difference & 1 == 1 { POLYNOMIAL } else { 0 };
        difference = (difference >> 1) ^ carry;
        bit += 1;
    }
    difference
}

/// Lengths for which a difference is kept: no datagram of a usual path is longer.
const REMEMBERED_BYTES: usize = 2048;

/// Checksums of packets with the same ports and verification tag, of which only the bytes behind the common header are
/// looked at.
#[derive(Debug, Clone)]
pub struct Crc {
    tag: u32,
    header: Digest,
    /// What the header adds, by length in words of four bytes; 0 is not known. At most 2 KiB.
    differences: Vec<u32>,
}

impl Crc {
    /// For a header with these ports and this verification tag.
    #[must_use]
    pub fn new(source_port: u16, destination_port: u16, tag: u32) -> Self {
        let mut header = [0; COMMON_HEADER_BYTES];
        header[..2].copy_from_slice(&source_port.to_be_bytes());
        header[2..4].copy_from_slice(&destination_port.to_be_bytes());
        header[4..8].copy_from_slice(&tag.to_be_bytes());
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(&header);
        Self { tag, header: digest, differences: Vec::new() }
    }

    /// The verification tag of these packets.
    #[must_use]
    pub fn tag(&self) -> u32 {
        self.tag
    }

    /// The checksum field of a packet whose bytes after the common header are `rest`.
    #[must_use]
    #[inline]
    pub fn over(&mut self, rest: &[u8]) -> [u8; 4] {
        let fast = crc32c(rest);
        let difference =
            if rest.len().is_multiple_of(4) { self.differences.get(rest.len() / 4) } else { None };
        match difference {
            Some(&known) if known != 0 => (fast ^ known).to_le_bytes(),
            _ => self.learn(rest, fast).to_le_bytes(),
        }
    }

    #[cold]
    #[expect(clippy::cast_possible_truncation, reason = "a CRC-32 fills the low 32 bits")]
    fn learn(&mut self, rest: &[u8], fast: u32) -> u32 {
        let mut digest = self.header;
        digest.update(rest);
        let checksum = digest.finalize() as u32;
        if rest.len().is_multiple_of(4) && rest.len() < REMEMBERED_BYTES {
            let words = rest.len() / 4;
            if self.differences.len() <= words {
                self.differences.resize(words + 1, 0);
            }
            self.differences[words] = checksum ^ fast;
        }
        checksum
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
#[inline]
pub fn fill_in(packet: &mut [u8]) {
    if packet.len() >= COMMON_HEADER_BYTES {
        packet[8..COMMON_HEADER_BYTES].fill(0);
        let checksum = crc32c(packet).to_le_bytes();
        packet[8..COMMON_HEADER_BYTES].copy_from_slice(&checksum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    fn packet(length: usize) -> Vec<u8> {
        (0..=u8::MAX).cycle().take(length).collect()
    }

    #[test]
    fn the_checksum_is_that_of_the_packet_with_its_field_as_zero() {
        let mut packet = packet(1200);
        fill_in(&mut packet);
        let field = packet[8..12].to_vec();
        packet[8..12].fill(0);
        assert_eq!(crc32_iscsi(&packet).to_le_bytes(), field[..]);
        packet[8..12].copy_from_slice(&field);
        assert!(is_valid(&packet));
        packet[700] ^= 1;
        assert!(!is_valid(&packet));
    }

    #[test]
    fn what_was_learnt_of_a_length_holds_for_other_packets_of_that_length() {
        let mut crc = Crc::new(0x0001, 0x0203, 0x0405_0607);
        for (length, seed) in
            [(1200, 0), (1200, 1), (28, 2), (1200, 3), (28, 4), (1201, 5), (1201, 6), (9000, 7)]
        {
            let mut packet = packet(length);
            packet[20] = seed;
            fill_in(&mut packet);
            assert_eq!(crc.over(&packet[12..]), packet[8..12], "{length}");
            packet[21] ^= 0x10;
            assert_ne!(crc.over(&packet[12..]), packet[8..12], "{length}");
        }
        assert!(crc.differences.len() <= REMEMBERED_BYTES / 4);
    }

    proptest! {
        #[test]
        fn the_fast_way_and_the_whole_packet_agree(
            mut packet in proptest::collection::vec(any::<u8>(), 12..3000),
            other in any::<u8>(),
        ) {
            let number = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
            let tag = u32::from(number(4)) << 16 | u32::from(number(6));
            let mut crc = Crc::new(number(0), number(2), tag);
            let last = packet.len() - 1;
            for byte in [packet[last], other] {
                if last >= 12 {
                    packet[last] = byte;
                }
                fill_in(&mut packet);
                prop_assert_eq!(&crc.over(&packet[12..])[..], &packet[8..12]);
            }
        }
    }

    #[test]
    fn a_cut_changes_no_checksum() {
        let bytes = packet(BOUNDARY_BYTES + 3 * BLOCK_BYTES);
        for place in 0..BOUNDARY_BYTES {
            for length in (0..3 * BLOCK_BYTES).step_by(7) {
                let bytes = &bytes[place..place + length];
                let whole = crc32_iscsi(bytes);
                assert_eq!(crc32c(bytes), whole, "{place} {length}");
                assert_eq!(of_front_and_tail(bytes), whole, "{place} {length}");
            }
        }
    }

    #[test]
    fn a_rest_is_what_no_block_covers() {
        let bytes = packet(2 * BOUNDARY_BYTES + 3 * BLOCK_BYTES);
        let begin = bytes.as_ptr().addr().wrapping_neg() % BOUNDARY_BYTES;
        let rest =
            |place: usize, length: usize| rest_after_blocks(&bytes[begin + place..begin + place + length]);
        assert_eq!(rest(0, 2 * BLOCK_BYTES + 5), 5);
        assert_eq!(rest(BOUNDARY_BYTES - 8, 8 + BLOCK_BYTES + 5), 5);
        assert_eq!(rest(BOUNDARY_BYTES - 8, BLOCK_BYTES), BLOCK_BYTES);
        assert_eq!(rest(1, 3), 3);
    }

    #[test]
    fn the_polynomial_is_crc32c() {
        assert_eq!(crc32_iscsi(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_packet_without_a_header_is_never_valid() {
        assert!(!is_valid(&[0; 11]));
        fill_in(&mut [0; 11]);
    }
}
