//! One direction of a path: what it does to a datagram.
//!
//! Problem: the interesting faults of a network are few (a slow transmitter with a finite queue, loss alone
//! or in bursts, delay, copies, overtaking, damage, a size limit), and they act in a fixed order.
//! How: the queue is not a list but an instant, the time until which the transmitter is busy; what waits in
//! it is that time multiplied by the rate. So a datagram costs the same on a full queue as on an empty one.
//!
//! ```text
//!  datagram --> MTU --> queue --> transmitter --> loss --> damage --> delay + jitter --> (copy) --> out
//!               too big  full      len*8/rate               a bit     held back: reordered
//! ```

use crate::stats::{DropReason, LinkStats};
use rand_chacha::{ChaCha8Rng, rand_core::Rng};
use std::time::{Duration, Instant};

/// How a link loses datagrams, after they took their time on the transmitter.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Loss {
    /// It loses none.
    #[default]
    None,
    /// Each with this probability, independent of the others.
    Random(f64),
    /// Gilbert's two states: a good one without loss and a burst.
    Burst {
        /// Probability, at each datagram, that a burst begins.
        enter: f64,
        /// Probability, at each datagram, that the burst ends; the mean burst lasts `1 / leave` datagrams.
        leave: f64,
        /// Probability that a datagram of a burst is lost; 1 for plain Gilbert.
        loss: f64,
    },
}

impl Loss {
    /// Bursts of `length` datagrams in the mean that lose the share `rate` of all.
    #[must_use]
    pub fn bursts(rate: f64, length: f64) -> Self {
        let leave = 1.0 / length.max(1.0);
        let enter = if rate >= 1.0 { 1.0 } else { (leave * rate / (1.0 - rate)).clamp(0.0, 1.0) };
        Self::Burst { enter, leave, loss: 1.0 }
    }
}

/// What one direction of a path does. The default passes everything at once and untouched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkConfig {
    /// Propagation, one way.
    pub delay: Duration,
    /// Added to the delay, uniformly from zero to this. Order is kept, as in a queue.
    pub jitter: Duration,
    /// Loss after the transmitter.
    pub loss: Loss,
    /// Probability of a second copy, right behind the first.
    pub duplicate: f64,
    /// Probability that a datagram is held back while later ones pass.
    pub reorder: f64,
    /// The longest time it is held back; drawn uniformly.
    pub reorder_hold: Duration,
    /// Probability that one bit of the payload is flipped (a UDP checksum would catch most of these; a
    /// hostile network repairs it).
    pub corrupt: f64,
    /// Bits a second of the transmitter, counting IP and UDP headers; `None`: no limit.
    pub rate_bits: Option<u64>,
    /// Bytes that may wait for the transmitter, headers included; only with a rate.
    pub queue_bytes: usize,
    /// The longest IP packet, headers included: a UDP payload of 28 bytes less over IPv4, 48 over IPv6.
    pub mtu_bytes: usize,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: Loss::None,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_hold: Duration::from_millis(10),
            corrupt: 0.0,
            rate_bits: None,
            queue_bytes: 1 << 20,
            mtu_bytes: 65_575,
        }
    }
}

impl LinkConfig {
    /// A link that only delays.
    #[must_use]
    pub fn with_delay(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// A link that loses everything.
    #[must_use]
    pub fn cut() -> Self {
        Self { loss: Loss::Random(1.0), ..Self::default() }
    }

    /// The bandwidth-delay product of a round trip over two such links, in bytes; 0 without a rate.
    #[must_use]
    pub fn bandwidth_delay_product(&self) -> usize {
        let bits = u128::from(self.rate_bits.unwrap_or(0)) * self.delay.as_nanos() * 2 / 1_000_000_000;
        usize::try_from(bits / 8).unwrap_or(usize::MAX)
    }

    /// How long `bytes` keep the transmitter busy.
    fn serialisation(&self, bytes: usize) -> Duration {
        let Some(rate) = self.rate_bits else { return Duration::ZERO };
        let nanos = bytes as u128 * 8 * 1_000_000_000 / u128::from(rate.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// One direction of a path, at work.
#[derive(Debug)]
pub(crate) struct Link {
    config: LinkConfig,
    /// How long a full queue takes to drain.
    queue_time: Duration,
    busy_until: Option<Instant>,
    last_out: Option<Instant>,
    in_burst: bool,
    pub(crate) stats: LinkStats,
}

/// What became of a datagram on a link.
pub(crate) enum Passage {
    Lost(DropReason),
    Out { at: Instant, copy: bool, held: bool, flip_bit: Option<usize> },
}

impl Link {
    pub(crate) fn new(config: LinkConfig) -> Self {
        Self {
            queue_time: config.serialisation(config.queue_bytes),
            config,
            busy_until: None,
            last_out: None,
            in_burst: false,
            stats: LinkStats::default(),
        }
    }

    pub(crate) fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// Changes what the link does from now on; what is on its way stays so.
    pub(crate) fn set_config(&mut self, config: LinkConfig) {
        self.queue_time = config.serialisation(config.queue_bytes);
        self.config = config;
    }

    pub(crate) fn pass(
        &mut self,
        now: Instant,
        payload: usize,
        headers: usize,
        rng: &mut ChaCha8Rng,
    ) -> Passage {
        self.stats.entered += 1;
        let passage = self.transmit(now, payload + headers, rng);
        match passage {
            Ok(sent) => self.propagate(sent, payload, rng),
            Err(reason) => {
                self.stats.drops.count(reason);
                Passage::Lost(reason)
            }
        }
    }

    /// Up to the instant at which the last bit has left the transmitter.
    fn transmit(&mut self, now: Instant, wire: usize, rng: &mut ChaCha8Rng) -> Result<Instant, DropReason> {
        if wire > self.config.mtu_bytes {
            return Err(DropReason::TooBig);
        }
        let takes = self.config.serialisation(wire);
        let begin = self.busy_until.map_or(now, |busy| busy.max(now));
        let waits = begin.saturating_duration_since(now);
        if !waits.is_zero() && waits + takes > self.queue_time {
            return Err(DropReason::QueueFull);
        }
        let sent = begin + takes;
        self.busy_until = Some(sent);
        self.stats.wire_bytes += wire as u64;
        self.stats.longest_queueing = self.stats.longest_queueing.max(waits);
        self.stats.total_queueing += waits;
        if self.is_lost(rng) { Err(DropReason::Loss) } else { Ok(sent) }
    }

    fn is_lost(&mut self, rng: &mut ChaCha8Rng) -> bool {
        match self.config.loss {
            Loss::None => false,
            Loss::Random(probability) => chance(rng, probability),
            Loss::Burst { enter, leave, loss } => {
                self.in_burst = if self.in_burst { !chance(rng, leave) } else { chance(rng, enter) };
                self.in_burst && chance(rng, loss)
            }
        }
    }

    fn propagate(&mut self, sent: Instant, payload: usize, rng: &mut ChaCha8Rng) -> Passage {
        let mut at = sent + self.config.delay;
        if !self.config.jitter.is_zero() {
            at += self.config.jitter.mul_f64(unit(rng));
        }
        let held = chance(rng, self.config.reorder);
        if held {
            at += self.config.reorder_hold.mul_f64(unit(rng));
        } else {
            at = self.last_out.map_or(at, |last| last.max(at));
            self.last_out = Some(at);
        }
        let copy = chance(rng, self.config.duplicate);
        let flip_bit = (payload > 0 && chance(rng, self.config.corrupt)).then(|| below(rng, payload * 8));
        Passage::Out { at, copy, held, flip_bit }
    }
}

/// A number from 0 (included) to 1 (excluded).
pub(crate) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.next_u32()) / 4_294_967_296.0
}

/// True with `probability`; draws nothing for a certain outcome.
pub(crate) fn chance(rng: &mut ChaCha8Rng, probability: f64) -> bool {
    if probability <= 0.0 {
        false
    } else if probability >= 1.0 {
        true
    } else {
        unit(rng) < probability
    }
}

/// A number below `bound`, which is at least 1.
pub(crate) fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    let product = u128::from(rng.next_u64()) * bound as u128;
    usize::try_from(product >> 64).unwrap_or(0)
}
