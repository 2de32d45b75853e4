//! Congestion control: how much may be on the way, and how fast it may leave.
//!
//! Problem: nobody tells a sender what the path can carry. It has to find out from two signs, which data was
//! acknowledged when and which was lost, and sending too much punishes every flow that shares the path.
//!
//! How: the association keeps the facts (which TSN left when, what a SACK newly acknowledged, what counts as
//! lost); a [`CongestionController`] turns them into a window and, if it has one, a rate. The calls come in
//! this order:
//!
//! ```text
//!                association                                     controller
//!   packet leaves ------------ on_sent(now, bytes, in_flight) -----> window used?
//!   SACK arrives:
//!     Sampler: what it says --- on_ack(now, RateSample) -----------> grow, or measure the path
//!     a gap is ripe ----------- on_loss(now, Loss), once a recovery > shrink
//!   T3-rtx expires ------------ on_rto(now, in_flight) -----------> start again from one packet
//!   it had been there after all on_spurious(now) -----------------> take the last shrinking back
//!   may I send? <-------------- cwnd(), pacing_rate() ------------- [`Pacer`] spreads a window over time
//! ```
//!
//! Three controllers share the trait, one file each: [`NewReno`] is RFC 9260 to the letter, [`Cubic`] with
//! HyStart++ is the default for long fat paths, and [`Bbr`] models the path's rate and delay instead of taking
//! each loss for a full queue, so that a lossy radio path still carries data. All lengths are in bytes, DATA
//! chunk headers and padding included (RFC 9260 §7.2).
//!
//! More: RFC 9260 §7.2; docs/congestion.md, which has the pictures of all three on the same links.

mod bbr;
mod cubic;
mod delivery_rate;
mod friendly;
mod hystart;
#[cfg(test)]
mod link_tests;
mod new_reno;
mod pacer;
mod prr;
mod standing_queue;

use std::fmt::{self, Debug};
use std::str::FromStr;
use std::time::{Duration, Instant};

pub use bbr::Bbr;
pub use cubic::Cubic;
pub use delivery_rate::{RateSample, Sampler, Stamp};
pub use new_reno::NewReno;
pub use pacer::Pacer;

/// What every controller must answer. One object serves one path of one association.
///
/// No method may allocate, and none may cost more than a few dozen instructions: `on_ack` runs for every SACK.
pub trait CongestionController: Debug + Send {
    /// A packet with `bytes` of DATA has left; `in_flight` counts it already.
    fn on_sent(&mut self, now: Instant, bytes: usize, in_flight: usize);

    /// A SACK newly acknowledged something. Comes before `on_loss` of the same SACK, as the note at the end of
    /// RFC 9260 §7.2.4 asks.
    fn on_ack(&mut self, now: Instant, sample: &RateSample);

    /// Losses were found and recovery begins: once an event, not once a packet. What is lost while recovery
    /// goes on is told by [`RateSample::lost_bytes`] only.
    fn on_loss(&mut self, now: Instant, loss: &Loss);

    /// T3-rtx expired: all that was outstanding counts as lost, recovery is left, `in_flight` is what was
    /// outstanding before.
    fn on_rto(&mut self, now: Instant, in_flight: usize);

    /// The last `on_loss` or `on_rto` was a mistake: the data had been late, not lost (RFC 4015, RFC 3522).
    fn on_spurious(&mut self, now: Instant);

    /// Nothing was sent for `rtos` retransmission timeouts (RFC 9260 §7.2.1, last rule). Call it before the
    /// first packet that ends the silence.
    fn on_idle(&mut self, now: Instant, rtos: u32);

    /// The path changed (another ICE pair): what was learned no longer holds (RFC 9260 §7.2.5.2).
    fn on_path_change(&mut self, now: Instant);

    /// The most DATA that one packet can carry has changed (RFC 9260 calls it PMDCS).
    fn set_max_data_bytes(&mut self, bytes: usize);

    /// How many bytes may be outstanding.
    fn cwnd(&self) -> usize;

    /// Where slow start ends; `usize::MAX` while nobody knows, or where the controller has no such notion.
    fn ssthresh(&self) -> usize;

    /// Bytes a second at which packets should leave; `None` while no round trip has been measured.
    fn pacing_rate(&self) -> Option<u64>;

    /// The name in statistics and traces.
    fn name(&self) -> &'static str;
}

/// Losses found from SACKs: the begin of one recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Bytes found lost so far in this event.
    pub lost_bytes: usize,
    /// Bytes outstanding when the loss was found, the lost ones not counted.
    pub in_flight: usize,
    /// Bytes that the SACK which told of the loss newly acknowledged; zero if a timer told.
    pub acked_bytes: usize,
    /// When the oldest of the lost packets left.
    pub sent_at: Instant,
}

/// What a controller starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// The most DATA that one packet can carry, chunk header and padding included (PMDCS).
    pub max_data_bytes: usize,
    /// Packets of the initial window; `None` is the rule of RFC 9260 §7.2.1 (4, or about 4400 bytes). More is a
    /// departure that RFC 6928 argues for: 10 packets fit the queue of any path that carries data channels.
    pub initial_packets: Option<u16>,
    /// Where packets wait longer than this [`Cubic`] grows no faster than Reno; `None` is RFC 9438 to the letter.
    pub standing_queue_limit: Option<Duration>,
}

impl Parameters {
    /// What the RFCs say, for packets of this size.
    #[must_use]
    pub const fn new(max_data_bytes: usize) -> Self {
        Self { max_data_bytes, initial_packets: None, standing_queue_limit: None }
    }

    /// The first window: `min(4 * PMDCS, max(2 * PMDCS, 4404))` unless a number of packets is set
    /// (RFC 9260 §7.2.1; the value for IPv4, 60 bytes above the one for IPv6).
    #[must_use]
    pub fn initial_window(&self) -> usize {
        let mdcs = self.max_data_bytes;
        match self.initial_packets {
            Some(packets) => usize::from(packets.max(1)) * mdcs,
            None => (4 * mdcs).min((2 * mdcs).max(4404)),
        }
    }
}

/// Which controller an association uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Algorithm {
    /// RFC 9260 §7.2 to the letter.
    NewReno,
    /// CUBIC with HyStart++ (RFC 9438, RFC 9406): the default, as in every operating system.
    #[default]
    Cubic,
    /// A model of the path, for lossy and long ones.
    Bbr,
}

impl Algorithm {
    /// A controller of this kind.
    #[must_use]
    pub fn controller(self, parameters: Parameters) -> Box<dyn CongestionController> {
        match self {
            Self::NewReno => Box::new(NewReno::new(parameters)),
            Self::Cubic => Box::new(Cubic::new(parameters)),
            Self::Bbr => Box::new(Bbr::new(parameters)),
        }
    }
}

/// A name that no controller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownAlgorithm;

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the congestion controllers are newreno, cubic and bbr")
    }
}

impl std::error::Error for UnknownAlgorithm {}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// By the names that [`CongestionController::name`] gives.
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        match name {
            "newreno" => Ok(Self::NewReno),
            "cubic" => Ok(Self::Cubic),
            "bbr" => Ok(Self::Bbr),
            _ => Err(UnknownAlgorithm),
        }
    }
}

/// `bytes` in `interval`, a second. Zero for an interval of zero: no rate can be told.
fn bytes_per_second(bytes: u64, interval: Duration) -> u64 {
    let nanos = interval.as_nanos();
    if nanos == 0 {
        return 0;
    }
    u64::try_from(u128::from(bytes) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_controller_is_found_by_the_name_it_gives() {
        let parameters = Parameters::new(1200);
        for algorithm in [Algorithm::NewReno, Algorithm::Cubic, Algorithm::Bbr] {
            assert_eq!(algorithm.controller(parameters).name().parse(), Ok(algorithm));
        }
        assert_eq!("tahoe".parse::<Algorithm>(), Err(UnknownAlgorithm));
    }
}

#[cfg(test)]
mod testing {
    use std::time::Instant;

    /// Where virtual time begins: any instant will do, for only differences count.
    #[expect(clippy::disallowed_methods, reason = "a starting point; nothing depends on its value")]
    pub(super) fn start() -> Instant {
        Instant::now()
    }
}
