//! The three controllers on a small model of a link, in virtual time: one bottleneck with a queue, equal
//! packets, one acknowledgement each. What this model lacks (SACKs, timers, streams) the association's own
//! tests and `cargo xtask bench sctp-net` have.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::testing::start;
use super::{Algorithm, CongestionController, Loss, Pacer, Parameters, Sampler, Stamp};

const PACKET: usize = 1200;

#[derive(Clone, Copy)]
struct Link {
    /// Mbit/s.
    rate: u64,
    round_trip: Duration,
    queue_packets: u32,
    /// Packets lost of 1000, at random.
    loss: u64,
}

impl Link {
    fn packet_time(self) -> Duration {
        Duration::from_nanos(PACKET as u64 * 8 * 1000 / self.rate)
    }

    fn bdp_packets(self) -> u32 {
        u32::try_from(self.round_trip.as_nanos() / self.packet_time().as_nanos()).unwrap()
    }
}

/// A packet in flight.
struct Flying {
    number: u64,
    stamp: Stamp,
    sent_at: Instant,
    repair: bool,
}

/// Who decides, and what it may.
#[derive(Debug, Clone, Copy)]
struct Kind {
    algorithm: Algorithm,
    standing_queue_limit: Option<Duration>,
}

/// With the defaults of [`Config`](crate::Config).
impl From<Algorithm> for Kind {
    fn from(algorithm: Algorithm) -> Self {
        Self { algorithm, standing_queue_limit: Some(ms(1000)) }
    }
}

/// One sender with endless data.
struct Flow {
    controller: Box<dyn CongestionController>,
    sampler: Sampler,
    pacer: Pacer,
    flying: VecDeque<Flying>,
    next: u64,
    recovery_end: Option<u64>,
    /// What left before this belongs to the last recovery.
    reduced_at: u64,
    /// Lost and not yet sent again; sent again and not yet there.
    missing: usize,
    repairing: usize,
    srtt: Option<Duration>,
    delivered: u64,
    deadline: Instant,
}

impl Flow {
    fn new(kind: Kind, now: Instant) -> Self {
        let parameters = Parameters {
            initial_packets: Some(10),
            standing_queue_limit: kind.standing_queue_limit,
            ..Parameters::new(PACKET)
        };
        Self {
            controller: kind.algorithm.controller(parameters),
            sampler: Sampler::new(now),
            pacer: Pacer::new(now, Duration::from_millis(1), 2 * PACKET),
            flying: VecDeque::new(),
            next: 0,
            recovery_end: None,
            reduced_at: 0,
            missing: 0,
            repairing: 0,
            srtt: None,
            delivered: 0,
            deadline: now + Duration::from_secs(1),
        }
    }

    fn in_flight(&self) -> usize {
        self.flying.len() * PACKET
    }

    /// The number of the packet that may leave now, or when to ask again.
    fn send(&mut self, now: Instant) -> Result<u64, Option<Instant>> {
        if self.in_flight() + PACKET > self.controller.cwnd() {
            return Err(None);
        }
        if let Some(at) = self.pacer.wait_until(now) {
            return Err(Some(at));
        }
        let stamp = self.sampler.stamp(now, self.in_flight());
        let number = self.next;
        self.next += 1;
        let repair = self.missing > 0;
        self.missing -= usize::from(repair);
        self.repairing += usize::from(repair);
        self.flying.push_back(Flying { number, stamp, sent_at: now, repair });
        self.pacer.on_sent(now, PACKET);
        self.controller.on_sent(now, PACKET, self.in_flight());
        Ok(number)
    }

    fn on_ack(&mut self, now: Instant, number: u64) {
        let prior_in_flight = self.in_flight();
        let Ok(at) = self.flying.binary_search_by_key(&number, |flying| flying.number) else { return };
        let acked = self.flying.remove(at).unwrap();
        self.delivered += PACKET as u64;
        self.sampler.acked(now, &acked.stamp, PACKET, true);
        let rtt = now - acked.sent_at;
        self.srtt = Some(self.srtt.map_or(rtt, |srtt| (srtt * 7 + rtt) / 8));
        self.deadline = now + (self.srtt.unwrap() * 3).max(Duration::from_millis(300));
        // Nothing overtakes here: three later ones acknowledged mean lost.
        let mut lost = 0;
        self.repairing -= usize::from(acked.repair);
        let mut event = false;
        while let Some(flying) = self.flying.pop_front_if(|flying| flying.number + 3 <= number) {
            lost += PACKET;
            self.missing += 1;
            self.repairing -= usize::from(flying.repair);
            event |= !flying.repair && flying.number >= self.reduced_at;
        }
        self.sampler.lost(lost);
        let repaired = self.missing == 0 && self.repairing == 0;
        if repaired && self.recovery_end.is_some_and(|end| number >= end) {
            self.recovery_end = None;
        }
        let mut sample = self.sampler.finish(now);
        sample.srtt = self.srtt;
        sample.prior_in_flight = prior_in_flight;
        sample.in_flight = self.in_flight();
        sample.cwnd_limited = prior_in_flight + PACKET > self.controller.cwnd();
        sample.in_recovery = self.recovery_end.is_some();
        self.controller.on_ack(now, &sample);
        if event && self.recovery_end.is_none() {
            self.recovery_end = Some(self.next);
            self.reduced_at = self.next;
            let in_flight = self.in_flight();
            let loss = Loss { lost_bytes: lost, in_flight, acked_bytes: PACKET, sent_at: acked.sent_at };
            self.controller.on_loss(now, &loss);
        }
        self.pacer.set_rate(now, self.controller.pacing_rate(), self.srtt);
    }

    fn on_timeout(&mut self, now: Instant) {
        self.controller.on_rto(now, self.in_flight());
        self.missing += self.flying.len();
        self.flying.clear();
        self.repairing = 0;
        self.recovery_end = None;
        self.deadline = now + Duration::from_secs(1);
    }
}

/// What came of it: each flow's share of the link in percent, the mean wait in the queue, and how many found it full.
#[derive(Debug)]
struct Outcome {
    shares: Vec<f64>,
    mean_wait: Duration,
    overflowed: u32,
}

/// The bottleneck: a queue, a rate, and losses behind it.
struct Bottleneck {
    link: Link,
    free_at: Instant,
    seed: u64,
    waited: Duration,
    passed: u32,
    overflowed: u32,
}

impl Bottleneck {
    /// When the acknowledgement of a packet sent now is back; `None` if either was lost.
    fn pass(&mut self, now: Instant) -> Option<Instant> {
        let wait = self.free_at.saturating_duration_since(now);
        if wait > self.link.packet_time() * self.link.queue_packets {
            self.overflowed += 1;
            return None;
        }
        self.waited += wait;
        self.passed += 1;
        self.free_at = self.free_at.max(now) + self.link.packet_time();
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.seed >> 33) % 1000 >= self.link.loss).then(|| self.free_at + self.link.round_trip)
    }
}

/// The flows on one link, and the acknowledgements on their way: (when, flow, packet).
struct Simulation {
    flows: Vec<Flow>,
    bottleneck: Bottleneck,
    acks: VecDeque<(Instant, usize, u64)>,
}

impl Simulation {
    /// Lets one flow do all that it may do now: when it wants to be asked again.
    fn drive(&mut self, index: usize, now: Instant) -> Option<Instant> {
        let flow = &mut self.flows[index];
        if flow.in_flight() > 0 && now >= flow.deadline {
            flow.on_timeout(now);
        }
        let at = loop {
            match flow.send(now) {
                Ok(number) => {
                    if flow.in_flight() == PACKET {
                        flow.deadline = now + Duration::from_secs(1);
                    }
                    self.acks.extend(self.bottleneck.pass(now).map(|at| (at, index, number)));
                }
                Err(at) => break at,
            }
        };
        let deadline = (flow.in_flight() > 0).then_some(flow.deadline);
        at.into_iter().chain(deadline).min()
    }
}

/// Runs flows that begin a second apart; shares count from `from` on.
fn run(link: Link, kinds: &[impl Copy + Into<Kind>], from: Duration, until: Duration) -> Outcome {
    let begin = start();
    let (free_at, waited) = (begin, Duration::ZERO);
    let bottleneck = Bottleneck { link, free_at, seed: 0x5EED, waited, passed: 0, overflowed: 0 };
    let flows = kinds.iter().map(|kind| Flow::new((*kind).into(), begin)).collect();
    let mut simulation = Simulation { flows, bottleneck, acks: VecDeque::new() };
    let mut before = vec![0; kinds.len()];
    let mut now = begin;
    while now < begin + until {
        let mut next = begin + until;
        for index in 0..kinds.len() {
            let first = begin + Duration::from_secs(index as u64);
            let at = if now < first { Some(first) } else { simulation.drive(index, now) };
            next = next.min(at.unwrap_or(next));
        }
        next = next.min(simulation.acks.front().map_or(next, |ack| ack.0));
        if now < begin + from && next >= begin + from {
            before = simulation.flows.iter().map(|flow| flow.delivered).collect();
        }
        now = next;
        while simulation.acks.front().is_some_and(|ack| ack.0 <= now) {
            let (_, index, number) = simulation.acks.pop_front().unwrap();
            simulation.flows[index].on_ack(now, number);
        }
    }
    let capacity = link.rate as f64 * 1e6 / 8.0 * (until - from).as_secs_f64();
    let share = |(flow, before): (&Flow, &u64)| (flow.delivered - before) as f64 / capacity * 100.0;
    let shares = simulation.flows.iter().zip(&before).map(share).collect();
    let Bottleneck { waited, passed, overflowed, .. } = simulation.bottleneck;
    Outcome { shares, mean_wait: waited / passed.max(1), overflowed }
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

const LONG: Link = Link { rate: 100, round_trip: ms(50), queue_packets: 520, loss: 0 };

/// One flow alone for half a minute, from the beginning.
fn alone(algorithm: Algorithm, link: Link) -> f64 {
    run(link, &[algorithm], Duration::ZERO, Duration::from_secs(30)).shares[0]
}

#[test]
fn a_clean_link_is_filled_by_all_three() {
    for algorithm in [Algorithm::NewReno, Algorithm::Cubic, Algorithm::Bbr] {
        for rate in [1, 10, 100] {
            for round_trip in [ms(1), ms(10), ms(50), ms(200)] {
                let mut link = Link { rate, round_trip, ..LONG };
                link.queue_packets = link.bdp_packets().max(20);
                let share = alone(algorithm, link);
                assert!(share > 85.0, "{algorithm:?} {rate} Mbit/s {round_trip:?}: {share}");
            }
        }
    }
}

#[test]
fn the_model_holds_on_where_packets_vanish() {
    assert!(alone(Algorithm::Bbr, Link { loss: 10, ..LONG }) > 80.0);
    assert!(alone(Algorithm::Bbr, Link { loss: 50, ..LONG }) > 70.0);
    assert!(alone(Algorithm::Bbr, Link { loss: 100, ..LONG }) > 50.0);
}

#[test]
fn reno_gets_what_its_law_says_and_cubic_more() {
    let link = Link { loss: 1, ..LONG };
    let reno = alone(Algorithm::NewReno, link);
    assert!((3.0..20.0).contains(&reno), "1200 / 50 ms * 1.22 / sqrt(0.001) = 7.4 Mbit/s: {reno}");
    let cubic = alone(Algorithm::Cubic, link);
    assert!(cubic > 1.1 * reno, "{cubic} {reno}");
}

#[test]
fn a_small_queue_and_a_deep_one_are_filled_too() {
    for algorithm in [Algorithm::Cubic, Algorithm::Bbr] {
        assert!(alone(algorithm, Link { queue_packets: 100, ..LONG }) > 80.0);
        assert!(alone(algorithm, Link { queue_packets: 5200, ..LONG }) > 85.0);
    }
}

#[test]
fn the_model_keeps_a_deep_queue_short() {
    let link = Link { queue_packets: 5200, ..LONG };
    let wait = |algorithm| run(link, &[algorithm], Duration::ZERO, Duration::from_secs(30)).mean_wait;
    assert!(wait(Algorithm::Bbr) < ms(40));
    assert!(wait(Algorithm::Bbr) < wait(Algorithm::Cubic) / 2);
}

#[test]
fn two_flows_share_a_link_whatever_they_are() {
    let kinds = [Algorithm::NewReno, Algorithm::Cubic, Algorithm::Bbr];
    for first in kinds {
        for second in kinds {
            let link = Link { rate: 20, queue_packets: 104, ..LONG };
            let outcome = run(link, &[first, second], Duration::from_secs(10), Duration::from_secs(70));
            assert!(outcome.shares.iter().sum::<f64>() > 85.0, "{first:?} {second:?} {outcome:?}");
            assert!(
                outcome.shares.iter().all(|share| *share > 50.0 / 3.0),
                "{first:?} {second:?} {outcome:?}"
            );
        }
    }
}

/// 1 Mbit/s, and a queue of two seconds.
const DEEP: Link = Link { rate: 1, round_trip: ms(50), queue_packets: 200, loss: 0 };
/// RFC 9438 to the letter.
const UNLIMITED: Kind = Kind { algorithm: Algorithm::Cubic, standing_queue_limit: None };

#[test]
fn cubic_does_not_search_for_the_end_of_a_queue_of_two_seconds() {
    for round_trip in [ms(1), ms(10), ms(50), ms(100), ms(200)] {
        let link = Link { round_trip, ..DEEP };
        let minute = |kind: Kind| run(link, &[kind], Duration::ZERO, Duration::from_secs(60));
        let limited = minute(Algorithm::Cubic.into());
        assert!(limited.overflowed == 0 && limited.shares[0] > 98.0, "{round_trip:?} {limited:?}");
        let unlimited = minute(UNLIMITED);
        assert!(unlimited.overflowed > 0 && unlimited.mean_wait > limited.mean_wait, "{unlimited:?}");
    }
}
