//! Marks of the setup: when each stage was reached first, and what it took.

use std::time::Instant;

use crate::event::{Stage, StageName};

#[derive(Debug)]
pub(crate) struct Timeline {
    start: Instant,
    packets: u64,
    reached: Vec<StageName>,
}

impl Timeline {
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, packets: 0, reached: Vec::new() }
    }

    /// A stage was reached when `packets` datagrams had been sent and received in all. `None`: not for the first time.
    pub(crate) fn reach(&mut self, now: Instant, name: StageName, packets: u64) -> Option<Stage> {
        if self.reached.contains(&name) {
            return None;
        }
        self.reached.push(name);
        let since = packets.saturating_sub(self.packets);
        self.packets = packets;
        Some(Stage { name, at: now.saturating_duration_since(self.start), packets: since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timer::now;

    #[test]
    fn a_stage_counts_the_packets_since_the_one_before_and_comes_once() {
        let start = now();
        let mut timeline = Timeline::new(start);
        assert_eq!(timeline.reach(start, StageName::PairSelected, 4).unwrap().packets, 4);
        assert_eq!(timeline.reach(start, StageName::DtlsDone, 10).unwrap().packets, 6);
        assert!(timeline.reach(start, StageName::PairSelected, 12).is_none());
    }
}
