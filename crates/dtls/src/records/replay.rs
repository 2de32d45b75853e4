//! The replay window (RFC 6347 §4.1.2.6): each record counts once.
//!
//! Problem: an attacker who can copy a datagram can send it again, and again.
//! How: the highest number seen, and one bit for each of the 64 up to it. Older ones are refused unseen.
//!
//! ```text
//!              highest - 63                      highest
//!   too old  |  1 0 1 1 ...             0 1 1 1  |  new
//! ```

/// Numbers that were seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReplayWindow {
    /// Bit 0 is `highest`, bit n is `highest - n`. Zero: nothing was seen yet.
    seen: u64,
    highest: u64,
}

impl ReplayWindow {
    /// Bits of the window; the RFC asks for 32 and prefers 64.
    const BITS: u64 = 64;

    /// Whether `sequence` was not seen, as far as one can tell.
    pub(crate) fn may_be_new(&self, sequence: u64) -> bool {
        match self.highest.checked_sub(sequence) {
            _ if self.seen == 0 => true,
            None => true,
            Some(age) if age >= Self::BITS => false,
            Some(age) => self.seen & (1 << age) == 0,
        }
    }

    /// The number that comes next if nothing is lost.
    pub(crate) fn expected(&self) -> u64 {
        if self.seen == 0 { 0 } else { self.highest + 1 }
    }

    /// Remembers `sequence`. Call it for authenticated records only.
    pub(crate) fn mark(&mut self, sequence: u64) {
        if self.seen == 0 {
            (self.seen, self.highest) = (1, sequence);
            return;
        }
        match self.highest.checked_sub(sequence) {
            Some(age) if age < Self::BITS => self.seen |= 1 << age,
            Some(_) => {}
            None => {
                let ahead = sequence - self.highest;
                self.seen = if ahead < Self::BITS { (self.seen << ahead) | 1 } else { 1 };
                self.highest = sequence;
            }
        }
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
        window.mark(100);
        assert!(window.may_be_new(99) && window.may_be_new(37));
        assert!(!window.may_be_new(36) && !window.may_be_new(0));
        window.mark(37);
        assert!(!window.may_be_new(37));
        window.mark((1 << 48) - 1);
        assert!(!window.may_be_new(100));
    }

    proptest! {
        #[test]
        fn nothing_is_taken_twice(numbers in proptest::collection::vec(0u64..200, 0..300)) {
            let (mut window, mut seen) = (ReplayWindow::default(), BTreeSet::new());
            for number in numbers {
                let new = window.may_be_new(number);
                prop_assert!(!(new && seen.contains(&number)));
                let highest = seen.last().copied().unwrap_or(0);
                prop_assert!(new || seen.contains(&number) || number + 64 <= highest);
                if new {
                    window.mark(number);
                    seen.insert(number);
                }
            }
        }
    }
}
