//! Another path below: what was learned of the old one no longer holds.
//!
//! Problem: ICE moves the flow to another pair of addresses. A window of megabytes from a wire would flood a radio
//! link, a timeout of 300 ms would expire all the time on a satellite, and a window from a lossy link would crawl on
//! the wire.
//! How: window, pace, round trip and timeout begin anew. What is on the way stays outstanding, for the old path may
//! still deliver it; until that is settled, acknowledgements tell neither a round trip nor a rate.
//! ```text
//!   old path  1 2 3 4 5 |
//!                       | path_changed: cwnd = first window, RTO from what ICE measured
//!   new path            | 6 7 ..        ack of 1..5: data arrived, no samples     ack of 6: the first sample
//! ```
//! More: RFC 9260 §7.2.5.2, RFC 8831 §5, RFC 8261 §5; docs/congestion.md, "Another path".

use super::loss::Recovery;
use super::{Association, State};
use crate::congestion::Pacer;
use crate::rto::Rto;
use crate::timers::Timer;
use std::time::{Duration, Instant};

impl Association {
    /// The packets take another path from now on: congestion control, round trip and timeout begin anew, from
    /// `round_trip` if the layer below has measured one there. The packet size is
    /// [`set_packet_sizes`](Self::set_packet_sizes)'s.
    pub fn path_changed(&mut self, now: Instant, round_trip: Option<Duration>) {
        if self.ended {
            return;
        }
        tracing::debug!(?round_trip, "another path");
        self.congestion.on_path_change(now);
        self.pacer = Pacer::new(now, self.config.timer_granularity, self.config.pacing_batch_bytes);
        self.rto = Rto::new(&self.config);
        if let Some(round_trip) = round_trip {
            self.rto.on_sample(round_trip.max(Duration::from_micros(1)));
            self.acknowledging.minimum_round_trip = Some(round_trip);
        }
        self.sampler.path_changed(now);
        self.timers.stop(Timer::Pacing);
        // What the old path lost is not this one's congestion.
        self.recovery = Recovery::default();
        if self.state >= State::Established && self.outstanding.in_flight() > 0 {
            self.recovery.until = Some(self.outstanding.next() - 1);
            self.timers.set(Timer::T3Rtx, now + self.rto.current());
            // Its answer tells what of that has arrived, a round trip from now.
            self.on_probe_timeout(now);
        }
        self.update_gauges();
    }
}
