//! The replay window (RFC 6347 §4.1.2.6, RFC 9147 §4.5.1): each record counts once.
//!
//! Problem: an attacker who can copy a datagram can send it again, and again; and a network that takes two ways
//! delivers a burst of hundreds of datagrams behind the next one.
//! How: the highest number seen, and one bit for each of the 448 up to it. Older ones are refused unseen. The bits
//! stand in a ring of words, so that a step forward clears words and moves none.
//!
//! ```text
//!              highest - 447                     highest
//!   too old  |  1 0 1 1 ...             0 1 1 1  |  new
//! ```

/// Words of the ring. One of them is the word of `highest`, whose upper bits are still to come.
const WORDS: usize = 8;
/// Bits of a word.
const WORD_BITS: u64 = 64;

/// Numbers that were seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReplayWindow {
    /// Bit `n % 64` of word `n / 64 % WORDS` is number `n`.
    seen: [u64; WORDS],
    /// The number behind the highest seen. Zero: nothing was seen yet.
    next: u64,
}

impl ReplayWindow {
    /// Numbers of the window; RFC 6347 asks for 32 and prefers 64.
    const BITS: u64 = (WORDS as u64 - 1) * WORD_BITS;

    /// Whether `sequence` was not seen, as far as one can tell.
    #[inline]
    pub(crate) fn may_be_new(&self, sequence: u64) -> bool {
        if sequence >= self.next {
            return true;
        }
        let (word, bit) = Self::place(sequence);
        self.next - sequence <= Self::BITS && self.seen[word] & bit == 0
    }

    /// The number that comes next if nothing is lost.
    pub(crate) fn expected(&self) -> u64 {
        self.next
    }

    /// Remembers `sequence`. Call it for authenticated records only.
    #[inline]
    pub(crate) fn mark(&mut self, sequence: u64) {
        if sequence >= self.next {
            // Words that the window enters hold numbers of long ago.
            let (first, last) = (self.next.div_ceil(WORD_BITS), sequence / WORD_BITS);
            for entered in first..=last.min(first + WORDS as u64 - 1) {
                self.seen[Self::place(entered * WORD_BITS).0] = 0;
            }
            self.next = sequence + 1;
        } else if self.next - sequence > Self::BITS {
            return;
        }
        let (word, bit) = Self::place(sequence);
        self.seen[word] |= bit;
    }

    /// The word of a number, and its bit.
    #[inline]
    fn place(sequence: u64) -> (usize, u64) {
        let word = usize::try_from(sequence / WORD_BITS % WORDS as u64);
        (word.unwrap_or_default(), 1 << (sequence % WORD_BITS)) // below WORDS, so it fits
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_number_counts_once_and_old_ones_not_at_all() {
        let mut window = ReplayWindow::default();
        assert!(window.may_be_new(0));
        window.mark(0);
        assert!(!window.may_be_new(0));
        window.mark(500);
        assert!(window.may_be_new(499) && window.may_be_new(53));
        assert!(!window.may_be_new(52) && !window.may_be_new(0));
        window.mark(53);
        assert!(!window.may_be_new(53));
        window.mark((1 << 48) - 1);
        assert!(!window.may_be_new(500));
        assert!(window.may_be_new((1 << 48) - 2) && !window.may_be_new((1 << 48) - 1));
    }

    proptest! {
        #[test]
        fn nothing_is_taken_twice(numbers in proptest::collection::vec(0u64..2000, 0..300)) {
            let (mut window, mut seen) = (ReplayWindow::default(), BTreeSet::new());
            for number in numbers {
                let new = window.may_be_new(number);
                prop_assert!(!(new && seen.contains(&number)));
                let highest = seen.last().copied().unwrap_or(0);
                prop_assert!(new || seen.contains(&number) || number + 448 <= highest);
                if new {
                    window.mark(number);
                    seen.insert(number);
                }
            }
        }
    }
}
