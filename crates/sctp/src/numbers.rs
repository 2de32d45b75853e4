//! Serial numbers: a 32-bit TSN on the wire is a 64-bit index inside.
//!
//! Problem: TSNs and SSNs wrap, and a comparison that forgets it works for the first 4 GiB only.
//! How: the wire form is turned into an [`u64`] index next to a known one at the edge, once; everything behind
//! the edge is plain arithmetic.
//! ```text
//!   wire   ... fffffffe ffffffff 00000000 00000001 ...
//!   index  ... 1fffffffe 1ffffffff 200000000 200000001 ...
//! ```
//! More: RFC 9260 §1.6 (serial number arithmetic), RFC 1982.

/// The index of an initial TSN. One turn is added so that "one before the first" never underflows.
#[must_use]
pub(crate) fn first_index(initial_tsn: u32) -> u64 {
    u64::from(initial_tsn) + (1 << 32)
}

/// The index nearest to `near` whose low 32 bits are `tsn`; distances of 2^31 and more count as behind.
#[must_use]
#[inline]
pub(crate) fn unwrap_near(near: u64, tsn: u32) -> u64 {
    let ahead = tsn.wrapping_sub(wire(near)).cast_signed();
    near.saturating_add_signed(i64::from(ahead))
}

/// The low 32 bits: what goes on the wire.
#[must_use]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the wire carries the low 32 bits by definition")]
pub(crate) fn wire(index: u64) -> u32 {
    index as u32
}

/// The index nearest to `near` whose low 16 bits are `ssn` (RFC 9260 §1.6 for 16-bit SSNs).
#[must_use]
#[inline]
pub(crate) fn unwrap_near_16(near: u64, ssn: u16) -> u64 {
    let ahead = ssn.wrapping_sub(wire_16(near)).cast_signed();
    near.saturating_add_signed(i64::from(ahead))
}

/// The low 16 bits: an SSN on the wire.
#[must_use]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the wire carries the low 16 bits by definition")]
pub(crate) fn wire_16(index: u64) -> u16 {
    index as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tsn_after_the_wrap_is_ahead() {
        let last = first_index(0xffff_ffff);
        assert_eq!(unwrap_near(last, 0), last + 1);
        assert_eq!(unwrap_near(last + 1, 0xffff_ffff), last);
        assert_eq!(wire(last + 1), 0);
    }

    #[test]
    fn half_the_space_away_counts_as_behind() {
        let near = first_index(0);
        assert_eq!(unwrap_near(near, 0x7fff_ffff), near + 0x7fff_ffff);
        assert_eq!(unwrap_near(near, 0x8000_0000), near - 0x8000_0000);
    }

    #[test]
    fn an_ssn_after_the_wrap_is_ahead() {
        assert_eq!(unwrap_near_16(0x1_ffff, 0), 0x2_0000);
        assert_eq!(unwrap_near_16(0x2_0000, 0xffff), 0x1_ffff);
    }
}
