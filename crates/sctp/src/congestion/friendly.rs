//! What a sender after Reno would have in flight: the least that the model claims beside others.
//!
//! Problem: a flow that begins in a queue which others keep full measures that queue as the path. Its probes meet
//! the full queue, and each time it yields, while a flow that grows until it loses takes what was left. At 10 Mbit/s
//! and 50 ms beside NewReno it was left with 1.5 Mbit/s; with this, 6.6.
//!
//! How: beside the model runs the window of a sender that only counts losses. A round without one adds about
//! half a packet, a round with one leaves 0.7: as much as Reno has at the same losses (RFC 9438 §4.3).
//!
//! ```text
//!   flight |      model yields          model: what it measured less what its bounds took
//!          |----.    .------.           window: from what was delivered, up by half a packet a round
//!          |.    '--'  ./   |
//!          | ''....''''      '---       the larger of both may be in flight, and at most 1.25 BDP of it (1 BDP
//!          |  window                    where no queue stands: alone on the path this changes nothing)
//! ```
//!
//! More: docs/congestion.md, "A model of the path".

/// Of a packet, hundredths: `3 * (1 - 0.7) / (1 + 0.7)` makes it as fast as Reno with 1 and a half.
const GROWTH: usize = 53;
/// Of the window, hundredths.
const BETA: usize = 70;

/// The window beside the model. Zero until Startup is over.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Friendly {
    window: usize,
}

impl Friendly {
    /// Startup is over; so much was delivered in its last round.
    pub(super) fn begin(&mut self, delivered: usize) {
        self.window = delivered;
    }

    /// A round without losses, in which there was always something to send.
    pub(super) fn grow(&mut self, packet: usize) {
        if self.window > 0 {
            self.window = self.window.saturating_add(packet * GROWTH / 100);
        }
    }

    /// A round with losses.
    pub(super) fn shrink(&mut self) {
        self.window = self.window / 100 * BETA;
    }

    /// No more than this is worth remembering.
    pub(super) fn cap(&mut self, most: usize) {
        self.window = self.window.min(most);
    }

    pub(super) fn window(self) -> usize {
        self.window
    }
}
