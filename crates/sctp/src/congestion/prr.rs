//! Proportional rate reduction: how a window shrinks while losses are repaired (RFC 6937).
//!
//! Problem: a loss cuts the window at once. A sender that simply obeys is silent until so much is acknowledged
//! that the flight fits, and then sends a burst; and if much was lost, it sends a burst of repairs first.
//!
//! How: for each byte that the receiver reports, send `ssthresh / flight at the loss` of a byte, so that the
//! flight reaches ssthresh at the end of recovery, evenly. If losses took it below, grow back as slow start
//! would, never faster than what was delivered:
//!
//! ```text
//!   flight  |\_                       proportional: 7 packets out for 10 delivered (CUBIC)
//!           |  \__                    below ssthresh: slow start up to it
//!  ssthresh |.....\_____________
//!           '------------------> delivered
//! ```
//!
//! More: RFC 6937 §3 (with the slow-start reduction bound); docs/congestion.md, "Recovery".

/// The state of one recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prr {
    /// RecoverFS: the flight when the loss was found, the lost bytes included.
    recover_flight: usize,
    ssthresh: usize,
    delivered: usize,
    sent: usize,
}

impl Prr {
    pub(super) fn new(recover_flight: usize, ssthresh: usize) -> Self {
        Self { recover_flight: recover_flight.max(1), ssthresh, delivered: 0, sent: 0 }
    }

    pub(super) fn on_sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// A SACK delivered `acked` bytes and left `in_flight`: the window until the next SACK.
    pub(super) fn on_ack(&mut self, acked: usize, in_flight: usize, packet: usize) -> usize {
        self.delivered = self.delivered.saturating_add(acked);
        let quota = if in_flight > self.ssthresh {
            let share =
                (self.delivered as u128 * self.ssthresh as u128).div_ceil(self.recover_flight as u128);
            usize::try_from(share).unwrap_or(usize::MAX).saturating_sub(self.sent)
        } else {
            let limit = self.delivered.saturating_sub(self.sent).max(acked).saturating_add(packet);
            (self.ssthresh - in_flight).min(limit)
        };
        in_flight.saturating_add(quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: usize = 1000;

    #[test]
    fn seven_leave_for_ten_delivered_and_the_flight_ends_at_ssthresh() {
        let mut prr = Prr::new(100 * PACKET, 70 * PACKET);
        let (mut in_flight, mut total) = (99 * PACKET, 0);
        for _ in 0..99 {
            in_flight -= PACKET;
            let window = prr.on_ack(PACKET, in_flight, PACKET);
            while in_flight + PACKET <= window {
                in_flight += PACKET;
                prr.on_sent(PACKET);
                total += 1;
            }
        }
        assert!((68..=70).contains(&total), "{total}");
        assert!((68 * PACKET..=70 * PACKET).contains(&in_flight), "{in_flight}");
    }

    #[test]
    fn after_heavy_losses_the_flight_grows_as_in_slow_start() {
        let mut prr = Prr::new(100 * PACKET, 50 * PACKET);
        // Ninety of a hundred lost: ten in flight.
        assert_eq!(prr.on_ack(PACKET, 9 * PACKET, PACKET), 11 * PACKET, "one delivered, two may leave");
    }

    #[test]
    fn the_window_never_passes_ssthresh_once_below_it() {
        let mut prr = Prr::new(100 * PACKET, 50 * PACKET);
        assert_eq!(prr.on_ack(40 * PACKET, 49 * PACKET, PACKET), 50 * PACKET);
    }
}
