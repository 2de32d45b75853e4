//! Whose turn it is to send (RFC 8260 §3).
//!
//! Problem: a stream with megabytes queued must not hold up one with a key stroke, and channels have priorities.
//! How: every stream with something to send has a key; the smallest is next. What the key is makes the scheduler:
//! ```text
//!   first come      the number of its oldest message
//!   round robin     a turn counter
//!   strict priority its priority, then a turn counter
//!   weighted fair   virtual time: bytes sent so far divided by the weight, never behind the clock of the others
//! ```
//! With DATA a turn is a message, for a message that was begun must be finished first (RFC 9260 §6.9). With I-DATA
//! a turn is a fragment. Streams that send much alike come back in the order in which they went: they stand in a row, and only
//! who comes with a smaller key than the last of it goes into a heap. Both are plain memory: no allocation a turn.
//! More: RFC 8260 §3.1 to §3.6; RFC 8831 §6.4 (priorities are weights); docs/sctp.md, "Schedulers".

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// How streams share the association.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Scheduler {
    /// Messages leave in the order in which they were sent (RFC 8260 §3.1).
    FirstCome,
    /// Streams take turns (RFC 8260 §3.2).
    RoundRobin,
    /// The highest priority goes first; equals take turns (RFC 8260 §3.4).
    Priority,
    /// Bytes are shared in proportion to the priorities (RFC 8260 §3.6). The default, as RFC 8831 §6.4 asks.
    #[default]
    WeightedFair,
}

/// The weight of a stream that was given none: W3C "low" is 256 (RFC 8831 §6.4: 128, 256, 512, 1024).
const DEFAULT_WEIGHT: u16 = 256;

/// What the scheduler keeps for a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    weight: u16,
    /// 2^32 / weight: a turn multiplies where it would divide.
    per_byte: u64,
    /// Number of the message that is next, over all streams.
    pub(crate) oldest: u64,
    /// Bytes sent in this turn.
    pub(crate) served: u64,
    virtual_time: u64,
}

impl Default for Share {
    fn default() -> Self {
        Self::with_priority(DEFAULT_WEIGHT)
    }
}

impl Share {
    fn with_priority(priority: u16) -> Self {
        let mut share = Self { weight: 0, per_byte: 0, oldest: 0, served: 0, virtual_time: 0 };
        share.set_priority(priority);
        share
    }

    /// Its weight from now on; 0 is the default.
    pub(crate) fn set_priority(&mut self, priority: u16) {
        self.weight = if priority == 0 { DEFAULT_WEIGHT } else { priority };
        self.per_byte = (1 << 32) / u64::from(self.weight);
    }
}

/// A stream and its key. Of equal keys the lower stream is first.
type Turn = (u64, u16);

/// The turns to come, smallest first.
#[derive(Debug, Default)]
struct ToCome {
    /// Those that came in order.
    row: VecDeque<Turn>,
    others: BinaryHeap<Reverse<Turn>>,
}

impl ToCome {
    #[inline]
    fn first(&self) -> Option<Turn> {
        let in_row = self.row.front().copied();
        match self.others.peek() {
            Some(&Reverse(other)) => Some(in_row.map_or(other, |first| first.min(other))),
            None => in_row,
        }
    }

    #[inline]
    fn push(&mut self, turn: Turn) {
        if self.row.back().is_none_or(|last| *last <= turn) {
            self.row.push_back(turn);
        } else {
            self.others.push(Reverse(turn));
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<Turn> {
        match (self.row.front(), self.others.peek()) {
            (Some(first), Some(Reverse(other))) if other < first => {
                self.others.pop().map(|Reverse(turn)| turn)
            }
            (Some(_), _) => self.row.pop_front(),
            (None, _) => self.others.pop().map(|Reverse(turn)| turn),
        }
    }

    fn retain(&mut self, keep: impl Fn(u16) -> bool) {
        self.row.retain(|(_, id)| keep(*id));
        self.others.retain(|Reverse((_, id))| keep(*id));
    }

    fn clear(&mut self) {
        self.row.clear();
        self.others.clear();
    }
}

/// The streams with something to send.
#[derive(Debug)]
pub(crate) struct Turns {
    scheduler: Scheduler,
    current: Option<Turn>,
    to_come: ToCome,
    turn: u64,
    /// The key of the last turn that ended: virtual time does not begin anew when nothing is left to send, or who sent
    /// much before would wait until all others have sent as much.
    clock: u64,
}

impl Turns {
    pub(crate) fn new(scheduler: Scheduler) -> Self {
        Self { scheduler, current: None, to_come: ToCome::default(), turn: 0, clock: 0 }
    }

    pub(crate) fn scheduler(&self) -> Scheduler {
        self.scheduler
    }

    #[inline]
    pub(crate) fn current(&self) -> Option<u16> {
        self.current.map(|(_, id)| id)
    }

    /// Whose turn is next, unless the current stream keeps its own.
    #[inline]
    pub(crate) fn next(&self) -> Option<u16> {
        self.to_come.first().map(|(_, id)| id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.current.is_none()
    }

    fn key(&mut self, share: &mut Share) -> u64 {
        self.turn += 1;
        match self.scheduler {
            Scheduler::FirstCome => share.oldest,
            Scheduler::RoundRobin => self.turn,
            Scheduler::Priority => (u64::from(0xffff - share.weight) << 48) | (self.turn & 0xffff_ffff_ffff),
            Scheduler::WeightedFair => {
                let clock = self.current.map_or(self.clock, |(key, _)| key);
                // In bytes / weight * 2^16.
                let cost = std::mem::take(&mut share.served).saturating_mul(share.per_byte) >> 16;
                share.virtual_time = share.virtual_time.saturating_add(cost).max(clock);
                share.virtual_time
            }
        }
    }

    /// A stream has something to send that had nothing.
    pub(crate) fn enter(&mut self, id: u16, share: &mut Share) {
        let key = self.key(share);
        if self.current.is_none() {
            self.current = Some((key, id));
        } else {
            self.to_come.push((key, id));
        }
    }

    /// The turn of the current stream is over; `share` is its own if it has more to send.
    #[inline]
    pub(crate) fn end_turn(&mut self, share: Option<&mut Share>) {
        let Some((key, id)) = self.current else { return };
        self.clock = key;
        let Some(share) = share else {
            self.current = self.to_come.pop();
            return;
        };
        let turn = (self.key(share), id);
        self.current = Some(turn);
        if self.to_come.first().is_some_and(|first| first < turn) {
            self.current = self.to_come.pop();
            self.to_come.push(turn);
        }
    }

    /// A stream has nothing to send any more, in turn or not.
    pub(crate) fn remove(&mut self, id: u16) {
        if let Some((key, _)) = self.current.filter(|(_, current)| *current == id) {
            self.clock = key;
            self.current = self.to_come.pop();
        } else {
            self.to_come.retain(|other| other != id);
        }
    }

    /// Streams from this one on have nothing to send any more.
    pub(crate) fn remove_from(&mut self, streams: u16) {
        self.to_come.retain(|id| id < streams);
        if let Some((_, current)) = self.current.filter(|(_, current)| *current >= streams) {
            self.remove(current);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.current = None;
        self.to_come.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn turns_come_smallest_first_whatever_the_order_they_came_in(
            steps in proptest::collection::vec((0..4_u8, 0..50_u64, any::<u8>()), 0..200),
        ) {
            let (mut waiting, mut model) = (ToCome::default(), BTreeSet::new());
            let mut clock = 0;
            for (step, ahead, id) in steps {
                let id = u16::from(id % 16);
                match step {
                    0 => prop_assert_eq!(waiting.pop(), model.pop_first()),
                    1 if ahead == 0 => {
                        waiting.retain(|other| other != id);
                        model.retain(|(_, other)| *other != id);
                    }
                    // A stream has one turn; most keys are behind those that came before.
                    _ if model.iter().all(|(_, other)| *other != id) => {
                        clock += u64::from(step == 2);
                        waiting.push((clock + ahead, id));
                        model.insert((clock + ahead, id));
                    }
                    _ => {}
                }
                prop_assert_eq!(waiting.first(), model.first().copied());
            }
        }
    }

    /// Bytes that each of three busy streams gets of 600 turns of 100 bytes.
    fn shares(scheduler: Scheduler, priorities: [u16; 3]) -> [u64; 3] {
        let mut turns = Turns::new(scheduler);
        let mut shares = priorities.map(Share::with_priority);
        for (id, share) in shares.iter_mut().enumerate() {
            share.oldest = id as u64;
            turns.enter(u16::try_from(id).unwrap(), share);
        }
        let mut sent = [0; 3];
        for number in 0..600 {
            let id = usize::from(turns.current().unwrap());
            sent[id] += 100;
            shares[id].served += 100;
            shares[id].oldest = 3 + number;
            turns.end_turn(Some(&mut shares[id]));
        }
        sent
    }

    #[test]
    fn round_robin_gives_equal_turns() {
        assert_eq!(shares(Scheduler::RoundRobin, [128, 256, 1024]), [20_000; 3]);
    }

    #[test]
    fn the_highest_priority_goes_first_and_equals_take_turns() {
        // The first came when it was alone, and keeps the turn that it had.
        assert_eq!(shares(Scheduler::Priority, [128, 256, 256]), [100, 30_000, 29_900]);
    }

    #[test]
    fn weights_share_bytes_in_proportion() {
        let [a, b, c] = shares(Scheduler::WeightedFair, [128, 256, 1024]);
        assert!(b.abs_diff(2 * a) < 400 && c.abs_diff(8 * a) < 1600, "{a} {b} {c}");
    }

    #[test]
    fn first_come_follows_the_order_of_messages() {
        let sent = shares(Scheduler::FirstCome, [128, 256, 1024]);
        assert!(sent.iter().all(|bytes| *bytes > 10_000), "{sent:?}");
    }

    #[test]
    fn silence_earns_no_credit() {
        let mut turns = Turns::new(Scheduler::WeightedFair);
        let mut busy = Share::default();
        turns.enter(1, &mut busy);
        for _ in 0..1000 {
            busy.served += 1000;
            turns.end_turn(Some(&mut busy));
        }
        let mut late = Share::default();
        turns.enter(2, &mut late);
        let mut of_late = 0;
        for _ in 0..10 {
            let id = turns.current().unwrap();
            of_late += u32::from(id == 2);
            let share = if id == 2 { &mut late } else { &mut busy };
            share.served += 1000;
            turns.end_turn(Some(share));
        }
        assert!((4..=6).contains(&of_late), "{of_late} of 10");
    }

    #[test]
    fn who_sent_much_before_an_idle_time_is_not_behind_after_it() {
        let mut turns = Turns::new(Scheduler::WeightedFair);
        let mut shares = [Share::default(); 2];
        turns.enter(0, &mut shares[0]);
        for _ in 0..1000 {
            shares[0].served += 1000;
            turns.end_turn(Some(&mut shares[0]));
        }
        shares[0].served += 1000;
        turns.end_turn(None);
        assert!(turns.is_empty());
        // The other one is the first that has something again.
        turns.enter(1, &mut shares[1]);
        turns.enter(0, &mut shares[0]);
        let mut of_first = 0;
        for _ in 0..10 {
            let id = turns.current().unwrap();
            of_first += u32::from(id == 0);
            shares[usize::from(id)].served += 1000;
            turns.end_turn(Some(&mut shares[usize::from(id)]));
        }
        assert!((4..=6).contains(&of_first), "{of_first} of 10");
    }

    #[test]
    fn a_stream_that_leaves_in_the_middle_is_forgotten() {
        let mut turns = Turns::new(Scheduler::RoundRobin);
        let mut shares = [Share::default(); 3];
        for (id, share) in shares.iter_mut().enumerate() {
            turns.enter(u16::try_from(id).unwrap(), share);
        }
        turns.remove(1);
        turns.remove(0);
        assert_eq!(turns.current(), Some(2));
        turns.end_turn(None);
        assert!(turns.is_empty());
    }
}
