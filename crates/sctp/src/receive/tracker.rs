//! Which TSNs have arrived (RFC 9260 §6.2).
//!
//! Problem: a SACK reports the cumulative TSN and the islands above it, and a hostile peer chooses both.
//! How: the cumulative index and a sorted row of ranges; data in order touches neither end of it. The number of
//! ranges is bounded, and nothing here ever counts from one TSN to another.
//! ```text
//!   cumulative        ranges
//!   .........|   ...[   ]...[ ]....[      ]
//!            '- first hole           highest
//! ```

use crate::numbers::wire;
use crate::wire::sack::GapBlock;
use std::collections::VecDeque;

/// Duplicates remembered for the next SACK.
const MAX_DUPLICATES: usize = 32;
/// A gap block's offsets have 16 bits.
const MAX_OFFSET: u64 = 65535;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The next in order.
    InOrder,
    /// New, above a hole, or filling a part of one.
    OutOfOrder,
    /// Seen before.
    Duplicate,
    /// Too far ahead, or one hole too many.
    OutOfReach,
}

#[derive(Debug, Clone)]
pub(crate) struct Tracker {
    cumulative: u64,
    /// Ends included, sorted, apart from each other and from the cumulative index.
    ranges: VecDeque<(u64, u64)>,
    max_ranges: usize,
    duplicates: Vec<u32>,
}

impl Tracker {
    /// Nothing has arrived; `first` is the index of the peer's initial TSN.
    pub(crate) fn new(first: u64, max_ranges: usize) -> Self {
        Self { cumulative: first - 1, ranges: VecDeque::new(), max_ranges, duplicates: Vec::new() }
    }

    pub(crate) fn cumulative(&self) -> u64 {
        self.cumulative
    }

    pub(crate) fn highest(&self) -> u64 {
        self.ranges.back().map_or(self.cumulative, |range| range.1)
    }

    pub(crate) fn has_gaps(&self) -> bool {
        !self.ranges.is_empty()
    }

    /// What `index` would be, without recording it.
    #[inline]
    pub(crate) fn classify(&self, index: u64) -> Arrival {
        if index == self.cumulative + 1 {
            return Arrival::InOrder;
        }
        if index <= self.cumulative {
            return Arrival::Duplicate;
        }
        if index - self.cumulative > MAX_OFFSET {
            return Arrival::OutOfReach;
        }
        let at = self.ranges.partition_point(|range| range.1 < index);
        if self.ranges.get(at).is_some_and(|range| range.0 <= index) {
            return Arrival::Duplicate;
        }
        let touches = self.ranges.get(at).is_some_and(|range| range.0 == index + 1)
            || at.checked_sub(1).is_some_and(|before| self.ranges[before].1 + 1 == index);
        if !touches && self.ranges.len() >= self.max_ranges {
            Arrival::OutOfReach
        } else {
            Arrival::OutOfOrder
        }
    }

    /// Records an index that [`Self::classify`] called new.
    #[inline]
    pub(crate) fn record(&mut self, index: u64) {
        if index == self.cumulative + 1 {
            self.cumulative = index;
            self.absorb();
            return;
        }
        let at = self.ranges.partition_point(|range| range.1 < index);
        let joins_next = self.ranges.get(at).is_some_and(|range| range.0 == index + 1);
        let joins_last = at.checked_sub(1).is_some_and(|before| self.ranges[before].1 + 1 == index);
        match (joins_last, joins_next) {
            (true, true) => {
                self.ranges[at - 1].1 = self.ranges[at].1;
                self.ranges.remove(at);
            }
            (true, false) => self.ranges[at - 1].1 = index,
            (false, true) => self.ranges[at].0 = index,
            (false, false) => self.ranges.insert(at, (index, index)),
        }
    }

    /// FORWARD-TSN: all up to `index` count as received (RFC 3758 §3.6).
    pub(crate) fn forward(&mut self, index: u64) {
        self.cumulative = self.cumulative.max(index);
        while self.ranges.front().is_some_and(|range| range.1 <= self.cumulative) {
            self.ranges.pop_front();
        }
        if let Some(front) = self.ranges.front_mut()
            && front.0 <= self.cumulative
        {
            self.cumulative = front.1;
            self.ranges.pop_front();
        }
        self.absorb();
    }

    fn absorb(&mut self) {
        while let Some(front) = self.ranges.front()
            && front.0 == self.cumulative + 1
        {
            self.cumulative = front.1;
            self.ranges.pop_front();
        }
    }

    /// Remembers a duplicate for the next SACK.
    pub(crate) fn note_duplicate(&mut self, tsn: u32) {
        if self.duplicates.len() < MAX_DUPLICATES {
            self.duplicates.push(tsn);
        }
    }

    pub(crate) fn duplicates(&self) -> &[u32] {
        &self.duplicates
    }

    pub(crate) fn clear_duplicates(&mut self) {
        self.duplicates.clear();
    }

    /// The ranges as gap blocks.
    pub(crate) fn gap_blocks(&self) -> impl Iterator<Item = GapBlock> {
        let offset = |index: u64| u16::try_from(index - self.cumulative).unwrap_or(u16::MAX);
        self.ranges.iter().map(move |range| GapBlock { start: offset(range.0), end: offset(range.1) })
    }

    pub(crate) fn gap_count(&self) -> usize {
        self.ranges.len()
    }

    pub(crate) fn cumulative_tsn(&self) -> u32 {
        wire(self.cumulative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tracker() -> Tracker {
        Tracker::new(101, 100)
    }

    #[test]
    fn a_hole_that_is_filled_joins_its_neighbours() {
        let mut t = tracker();
        for index in [101, 103, 105, 104] {
            assert_ne!(t.classify(index), Arrival::Duplicate);
            t.record(index);
        }
        assert_eq!(t.gap_blocks().collect::<Vec<_>>(), [GapBlock { start: 2, end: 4 }]);
        assert_eq!(t.classify(104), Arrival::Duplicate);
        t.record(102);
        assert_eq!((t.cumulative(), t.has_gaps()), (105, false));
    }

    #[test]
    fn a_tsn_that_no_gap_block_can_reach_is_out_of_reach() {
        assert_eq!(tracker().classify(100 + 65536), Arrival::OutOfReach);
        assert_eq!(tracker().classify(100 + 65535), Arrival::OutOfOrder);
    }

    #[test]
    fn forwarding_far_costs_as_much_as_the_ranges_held() {
        let mut t = tracker();
        t.record(110);
        t.record(5000);
        t.forward(100 + (1 << 31) - 1);
        assert_eq!((t.cumulative(), t.has_gaps()), (100 + (1 << 31) - 1, false));
    }

    #[test]
    fn forwarding_into_an_island_takes_all_of_it() {
        let mut t = tracker();
        for index in [105, 106, 107] {
            t.record(index);
        }
        t.forward(105);
        assert_eq!(t.cumulative(), 107);
    }

    #[test]
    fn the_number_of_holes_is_bounded() {
        let mut t = tracker();
        for i in 0..100 {
            t.record(103 + 2 * i);
        }
        assert_eq!(t.classify(103 + 200), Arrival::OutOfReach);
        assert_eq!(t.classify(104), Arrival::OutOfOrder);
    }

    proptest! {
        #[test]
        fn the_ranges_are_those_of_a_set(order in proptest::collection::vec(101u64..200, 0..200)) {
            let mut t = tracker();
            let mut set = std::collections::BTreeSet::new();
            for index in order {
                let arrival = t.classify(index);
                prop_assert_eq!(arrival == Arrival::Duplicate, !set.insert(index));
                if arrival != Arrival::Duplicate {
                    t.record(index);
                }
                let mut cumulative = 100;
                while set.contains(&(cumulative + 1)) {
                    cumulative += 1;
                }
                prop_assert_eq!(t.cumulative(), cumulative);
                let above = set.iter().filter(|i| **i > cumulative).count();
                let held: u64 = t.gap_blocks().map(|b| u64::from(b.end - b.start) + 1).sum();
                prop_assert_eq!(held, above as u64);
            }
        }
    }
}
