//! A small deterministic network: flows that share one bottleneck, in virtual time.
//!
//! ```text
//!   sender 1 --.                                          .--> receiver 1
//!   sender 2 --+--> [queue, drop-tail] --rate--> loss ----+--> receiver 2
//!              '<-- half the round trip <--- rate, queue <'
//! ```
//!
//! Both directions have the same rate, queue and loss; only SCTP packets count, without the headers below them.
//! Equal seeds give equal losses whoever sends.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::sctp::{Endpoint, Insight, Promise, Setup};

/// How packets vanish.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// Each with this probability.
    Random(f64),
    /// In bursts of five on average, as often as makes this probability.
    Bursty(f64),
}

impl Loss {
    /// The part that is lost.
    #[must_use]
    pub fn share(self) -> f64 {
        match self {
            Self::Random(share) | Self::Bursty(share) => share,
        }
    }
}

/// One path.
#[derive(Debug, Clone, Copy)]
pub struct Path {
    /// The bottleneck, Mbit/s.
    pub megabits: u64,
    /// Round trip without a queue.
    pub round_trip: Duration,
    /// What the queue holds before it drops, bytes.
    pub queue_bytes: usize,
    /// Losses besides those.
    pub loss: Loss,
}

impl Path {
    /// Bandwidth times delay, bytes.
    #[must_use]
    pub fn bdp(&self) -> usize {
        usize::try_from(u128::from(self.megabits) * self.round_trip.as_micros() / 8).unwrap_or(usize::MAX)
    }

    /// How long the bottleneck needs for so many bytes.
    #[must_use]
    pub fn transmission(&self, bytes: usize) -> Duration {
        Duration::from_nanos(bytes as u64 * 8000 / self.megabits)
    }
}

/// One way of the path.
pub struct Way<P> {
    path: Path,
    seed: u64,
    in_burst: bool,
    free_at: Instant,
    flying: VecDeque<(Instant, usize, P)>,
    waited: Duration,
    passed: u32,
    longest_wait: Duration,
    overflowed: u64,
}

/// The mean length of a burst of losses, packets.
const BURST: f64 = 5.0;

impl<P: AsRef<[u8]>> Way<P> {
    /// An empty one; the seed decides what is lost.
    pub fn new(path: Path, seed: u64, now: Instant) -> Self {
        Self {
            path,
            seed,
            in_burst: false,
            free_at: now,
            flying: VecDeque::new(),
            waited: Duration::ZERO,
            passed: 0,
            longest_wait: Duration::ZERO,
            overflowed: 0,
        }
    }

    fn chance(&mut self) -> f64 {
        // xorshift64*: any generator will do, but always the same.
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        (self.seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn is_lost(&mut self) -> bool {
        let chance = self.chance();
        match self.path.loss {
            Loss::Random(share) => chance < share,
            Loss::Bursty(share) => {
                let enter = share / (BURST * (1.0 - share));
                self.in_burst = if self.in_burst { chance >= 1.0 / BURST } else { chance < enter };
                self.in_burst
            }
        }
    }

    /// Sends; a packet that does not arrive comes back.
    pub fn send(&mut self, now: Instant, flow: usize, packet: P) -> Option<P> {
        let wait = self.free_at.saturating_duration_since(now);
        let bytes = packet.as_ref().len();
        if wait > self.path.transmission(self.path.queue_bytes) {
            self.overflowed += 1;
            return Some(packet);
        }
        self.waited += wait;
        self.passed += 1;
        self.longest_wait = self.longest_wait.max(wait);
        self.free_at = self.free_at.max(now) + self.path.transmission(bytes);
        if self.is_lost() {
            return Some(packet);
        }
        self.flying.push_back((self.free_at + self.path.round_trip / 2, flow, packet));
        None
    }

    /// When the next packet arrives.
    pub fn next(&self) -> Option<Instant> {
        self.flying.front().map(|front| front.0)
    }

    /// What has arrived by now, first sent first: its flow and itself.
    pub fn arrival(&mut self, now: Instant) -> Option<(usize, P)> {
        let (_, flow, packet) = self.flying.pop_front_if(|front| front.0 <= now)?;
        Some((flow, packet))
    }
}

/// A moment of one flow, for plots.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Since the begin.
    pub at: Duration,
    /// Delivered since the moment before, Mbit/s.
    pub goodput: f64,
    /// What the sender tells.
    pub insight: Insight,
}

/// What one flow achieved.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Message bytes a second over the whole time, Mbit/s.
    pub goodput: f64,
    /// The same from the tenth second on.
    pub later: f64,
    /// Ten a second.
    pub moments: Vec<Moment>,
}

/// What a run showed.
#[derive(Debug, Clone)]
pub struct Run {
    /// One a flow.
    pub flows: Vec<Outcome>,
    /// How long packets waited in the queue towards the receivers, on average.
    pub mean_wait: Duration,
    /// And at most.
    pub longest_wait: Duration,
    /// How many found it full.
    pub overflowed: u64,
    /// Virtual time that the run covered; less than asked for if it was cut.
    pub covered: Duration,
    /// It took more processor time than it may.
    pub cut: bool,
}

/// What to run: flows of these kinds, each a second after the one before.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The path.
    pub path: Path,
    /// Both ends.
    pub setup: Setup,
    /// Virtual time.
    pub duration: Duration,
    /// Processor time after which it is cut.
    pub time_limit: Duration,
}

struct Flow<E: Endpoint> {
    sender: E,
    receiver: E,
    begin: Instant,
    delivered: u64,
    delivered_before: u64,
    delivered_at_ten: u64,
    moments: Vec<Moment>,
}

/// Flows on one path.
struct Network<E: Endpoint> {
    flows: Vec<Flow<E>>,
    forward: Way<E::Packet>,
    back: Way<E::Packet>,
    message: Bytes,
}

impl<E: Endpoint> Network<E> {
    /// Lets both ends of a flow do what they may now; the next time at which one of them wants to be asked.
    fn drive(&mut self, index: usize, now: Instant) -> Option<Instant> {
        let flow = &mut self.flows[index];
        if now < flow.begin {
            return Some(flow.begin);
        }
        for side in [&mut flow.sender, &mut flow.receiver] {
            if side.poll_timeout().is_some_and(|at| at <= now) {
                side.timeout(now);
            }
        }
        while let Some(length) = flow.receiver.recv(now, |_, message| message.len()) {
            flow.delivered += length as u64;
        }
        if flow.sender.is_connected() {
            while flow.sender.send(now, 0, &self.message, Promise::Reliable) {}
        }
        while let Some(packet) = flow.sender.poll_transmit(now) {
            if let Some(lost) = self.forward.send(now, index, packet) {
                flow.sender.recycle(lost);
            }
        }
        while let Some(packet) = flow.receiver.poll_transmit(now) {
            if let Some(lost) = self.back.send(now, index, packet) {
                flow.receiver.recycle(lost);
            }
        }
        // A timer that stays in the past must not stop the clock.
        let next = flow.sender.poll_timeout().into_iter().chain(flow.receiver.poll_timeout()).min();
        next.map(|at| at.max(now + Duration::from_micros(1)))
    }

    /// Hands over what has arrived by now; which flows that concerns.
    fn deliver(&mut self, now: Instant, touched: &mut Vec<usize>) {
        while let Some((index, packet)) = self.forward.arrival(now) {
            let flow = &mut self.flows[index];
            if let Some(packet) = flow.receiver.handle(now, packet) {
                flow.sender.recycle(packet);
            }
            touched.push(index);
        }
        while let Some((index, packet)) = self.back.arrival(now) {
            let flow = &mut self.flows[index];
            if let Some(packet) = flow.sender.handle(now, packet) {
                flow.receiver.recycle(packet);
            }
            touched.push(index);
        }
    }
}

const MOMENT: Duration = Duration::from_millis(100);
const WARM: Duration = Duration::from_secs(10);

/// How long this thread has run: what a run costs does not depend on who else keeps the machine busy. Where the
/// system does not tell, the time since the first call.
pub fn processor_time() -> Duration {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|told| told.split_whitespace().next()?.parse().ok());
    nanos.map_or_else(|| FIRST.elapsed(), Duration::from_nanos)
}

/// Runs flows of one implementation, of these kinds.
pub fn run<E: Endpoint>(scenario: &Scenario, kinds: &[E::Kind]) -> Run {
    let (begin, busy) = (Instant::now(), processor_time());
    let flow = |(index, kind): (usize, &E::Kind)| {
        let first = begin + Duration::from_secs(index as u64);
        let setup = Setup { seed: scenario.setup.seed + 10 * index as u64, ..scenario.setup };
        let mut sender = E::new(first, &setup, *kind);
        let other = Setup { initiates: false, seed: setup.seed + 1, ..setup };
        let mut receiver = E::new(first, &other, *kind);
        for side in [&mut sender, &mut receiver] {
            side.round_trip(scenario.path.round_trip);
        }
        Flow {
            sender,
            receiver,
            begin: first,
            delivered: 0,
            delivered_before: 0,
            delivered_at_ten: 0,
            moments: Vec::new(),
        }
    };
    let mut network = Network {
        flows: kinds.iter().enumerate().map(flow).collect::<Vec<Flow<E>>>(),
        forward: Way::new(scenario.path, 0x9E37_79B9_7F4A_7C15 ^ scenario.setup.seed, begin),
        back: Way::new(scenario.path, 0xD1B5_4A32_D192_ED03 ^ scenario.setup.seed, begin),
        message: Bytes::from(vec![0x5A; scenario.setup.message]),
    };
    let (end, mut now, mut moment) = (begin + scenario.duration, begin, begin + MOMENT);
    let mut wanted: Vec<Option<Instant>> = (0..kinds.len()).map(|index| network.drive(index, now)).collect();
    let (mut touched, mut steps, mut cut) = (Vec::new(), 0_u64, false);
    while now < end && !cut {
        let timers = wanted.iter().flatten().copied();
        let Some(next) = timers.chain(network.forward.next()).chain(network.back.next()).min() else { break };
        while moment <= next.min(end) {
            note_moment(&mut network, moment, begin);
            moment += MOMENT;
        }
        now = next;
        if now >= end {
            break;
        }
        touched.clear();
        network.deliver(now, &mut touched);
        touched.extend((0..kinds.len()).filter(|index| wanted[*index].is_some_and(|at| at <= now)));
        touched.sort_unstable();
        touched.dedup();
        for &index in &touched {
            wanted[index] = network.drive(index, now);
        }
        steps += 1;
        cut = steps.is_multiple_of(256)
            && begin.elapsed() > scenario.time_limit
            && processor_time().saturating_sub(busy) > scenario.time_limit;
    }
    conclude(&network, if cut { now - begin } else { scenario.duration }, cut)
}

fn note_moment<E: Endpoint>(network: &mut Network<E>, at: Instant, begin: Instant) {
    for flow in &mut network.flows {
        let goodput = (flow.delivered - flow.delivered_before) as f64 * 8e-6 / MOMENT.as_secs_f64();
        flow.delivered_before = flow.delivered;
        let insight = flow.sender.insight().unwrap_or_default();
        flow.moments.push(Moment { at: at - begin, goodput, insight });
        if at == begin + WARM {
            flow.delivered_at_ten = flow.delivered;
        }
    }
}

fn conclude<E: Endpoint>(network: &Network<E>, covered: Duration, cut: bool) -> Run {
    let rate = |bytes: u64, time: Duration| bytes as f64 * 8e-6 / time.as_secs_f64().max(1e-9);
    let outcome = |flow: &Flow<E>| Outcome {
        goodput: rate(flow.delivered, covered),
        later: rate(flow.delivered - flow.delivered_at_ten, covered.saturating_sub(WARM)),
        moments: flow.moments.clone(),
    };
    Run {
        flows: network.flows.iter().map(outcome).collect(),
        mean_wait: network.forward.waited / network.forward.passed.max(1),
        longest_wait: network.forward.longest_wait,
        overflowed: network.forward.overflowed,
        covered,
        cut,
    }
}
