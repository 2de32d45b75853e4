//! Lives of associations, each made from one seed: what both ends want, and what the path does to it.
//!
//! Each has a bad path, some seconds of messages, resets, windows that close and silences, perhaps an end, and then a
//! time in which the path is only lossy. After it `checks` asks what must have come out.
//! `PLYWOOD_SEED=7` replays one, `PLYWOOD_SEEDS=10000` runs as many.

use crate::checks::{Sent, check};
use crate::world::World;
use bytes::Bytes;
use plywood_sctp::congestion::Algorithm;
use plywood_sctp::{
    Association, Config, Event, PacketSizes, Ppid, Reliability, Scheduler, SendError, SendOptions, StreamId,
};
use plywood_simnet::{LinkConfig, Loss};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// SplitMix64: equal seeds, equal lives.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn millis(&mut self, limit: u64) -> Duration {
        Duration::from_millis(self.below(limit))
    }
}

/// How the life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It does not: everything is delivered.
    Open,
    /// This end shuts down; all that was sent is delivered.
    Shutdown(usize),
    /// This end aborts.
    Abort(usize),
}

/// One life.
pub(crate) struct Life {
    pub(crate) world: World,
    pub(crate) random: Random,
    pub(crate) configs: [Config; 2],
    /// By sender and the number that the message begins with.
    pub(crate) sent: [BTreeMap<u64, Sent>; 2],
    next_number: u64,
    /// Resets that were asked for, by end and stream.
    pub(crate) resets: [Vec<u16>; 2],
    pub(crate) end: End,
    /// The longest that a datagram can be on the way.
    pub(crate) longest_way: Duration,
    /// Nobody ever stopped reading.
    pub(crate) always_read: bool,
}

fn config(random: &mut Random) -> Config {
    let mut config = Config::default();
    config.interleaving = random.chance(60);
    config.receive_window_bytes = random.pick(&[20_000, 100_000, 1 << 20, 4 << 20]);
    config.initial_receive_window_bytes = random.pick(&[8_000, 64_000, 512 << 10]);
    config.max_reassembly_bytes = 8 << 20;
    config.scheduler = random.pick(&[
        Scheduler::FirstCome,
        Scheduler::RoundRobin,
        Scheduler::Priority,
        Scheduler::WeightedFair,
    ]);
    config.congestion = random.pick(&[Algorithm::NewReno, Algorithm::Cubic, Algorithm::Bbr]);
    config.tail_loss_probes = random.chance(80);
    config.time_based_loss_detection = random.chance(80);
    config.pacing = random.chance(80);
    config.initial_tsn = random.chance(50).then(|| 0u32.wrapping_sub(random.pick(&[1, 3, 20, 100])));
    config.initial_stream_numbers = random.chance(50).then(|| 0u32.wrapping_sub(random.pick(&[1, 2, 5, 30])));
    config.stream_queue_bytes = random.pick(&[50_000, 2 << 20]);
    // A link that changes bits would be caught by DTLS; here the checksum has to.
    config.zero_checksum = false;
    config
}

fn bad_link(random: &mut Random) -> LinkConfig {
    let rate = random.pick(&[0.0, 0.01, 0.02, 0.05, 0.1, 0.2]);
    let mut link = LinkConfig::with_delay(random.millis(100));
    link.jitter = random.millis(20);
    link.loss = if random.chance(30) { Loss::bursts(rate, 4.0) } else { Loss::Random(rate) };
    link.duplicate = random.pick(&[0.0, 0.01, 0.1]);
    link.reorder = random.pick(&[0.0, 0.02, 0.1]);
    link.reorder_hold = random.millis(80);
    link.corrupt = random.pick(&[0.0, 0.0, 0.01, 0.03]);
    link.rate_bits = random.pick(&[None, Some(2_000_000), Some(20_000_000)]);
    link.queue_bytes = random.pick(&[10_000, 60_000]);
    link
}

impl Life {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut configs = [config(&mut random), config(&mut random)];
        // Both numbers of a stream begin where both ends agree that they do.
        configs[1].initial_stream_numbers = configs[0].initial_stream_numbers;
        let link = bad_link(&mut random);
        let queueing = link.rate_bits.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64((link.queue_bytes + 2000) as f64 * 8.0 / rate as f64)
        });
        let longest_way = link.delay + link.jitter + link.reorder_hold + queueing + Duration::from_millis(1);
        let mut world = World::new(seed, link, configs.clone());
        world.budget = random.pick(&[300, 1172, 1172, 1400, 9000]);
        if random.chance(30) {
            let sizes = PacketSizes { smallest: 548, base: 1172, largest: random.pick(&[1472, 8972]) };
            let mut link = link;
            link.mtu_bytes = random.pick(&[1280, 1400, 1500, 9000]);
            world.set_link(link);
            for end in &mut world.ends {
                end.set_packet_sizes(world.now, sizes);
            }
        }
        let end = match random.below(10) {
            0 => End::Abort(usize::from(random.chance(50))),
            1 | 2 => End::Shutdown(usize::from(random.chance(50))),
            _ => End::Open,
        };
        let (sent, resets) = ([BTreeMap::new(), BTreeMap::new()], [Vec::new(), Vec::new()]);
        Self { world, random, configs, sent, next_number: 0, resets, end, longest_way, always_read: true }
    }

    pub(crate) fn run(&mut self) {
        if self.random.chance(50) {
            self.world.connect();
        } else {
            self.world.ends[0].connect(self.world.now);
        }
        for _ in 0..self.random.below(60) + 20 {
            let time = self.random.millis(200);
            self.act();
            self.world.run_for(time);
        }
        self.world.reading = [true; 2];
        let mut link = self.world.link();
        (link.loss, link.corrupt) = (Loss::Random(0.02), 0.0);
        self.world.set_link(link);
        // A shutdown before the beginning has nothing to deliver.
        let both = |world: &World| world.ends.iter().all(Association::is_connected);
        assert!(self.world.run_until(Duration::from_secs(600), both), "no connection");
        let now = self.world.now;
        match self.end {
            End::Open => {}
            End::Shutdown(end) => self.world.ends[end].shutdown(now),
            End::Abort(end) => self.world.ends[end].abort(now, "enough"),
        }
        let quiet = self.world.run_until(Duration::from_secs(600), |world| {
            world.ends.iter().all(|end| end.is_closed() || (end.is_connected() && end.is_idle()))
        });
        // What was on its way when both fell silent, and a second copy of anything.
        self.world.run_for(Duration::from_secs(3));
        if !quiet && self.world.tracing {
            eprintln!("{:#?}", self.world.ends);
        }
        assert!(quiet, "no progress: {:?}", self.world.ends.each_ref().map(Association::stats));
    }

    fn act(&mut self) {
        let end = usize::from(self.random.chance(50));
        match self.random.below(20) {
            0..=12 => {
                for _ in 0..self.random.below(6) + 1 {
                    self.send(end);
                }
            }
            13 | 14 => {
                let stream = u16::try_from(self.random.below(8)).unwrap();
                if self.world.ends[end].reset_stream(self.world.now, StreamId(stream)).is_ok() {
                    self.resets[end].push(stream);
                }
            }
            15 => {
                // A window that closes: the application stops reading for a while.
                self.world.reading[end] = !self.world.reading[end];
                self.always_read = false;
            }
            16 => {
                let silence = self.random.millis(6000);
                let link = self.world.link();
                self.world.set_link(LinkConfig::cut());
                self.world.run_for(silence);
                self.world.set_link(link);
            }
            17 => {
                let priority = u16::try_from(self.random.below(1000)).unwrap();
                self.world.ends[end].set_stream_priority(StreamId(1), priority);
            }
            // The driver's timers are late, early or superfluous.
            18 => self.world.ends[end].handle_timeout(self.world.now),
            _ => {}
        }
    }

    fn send(&mut self, end: usize) {
        let random = &mut self.random;
        let stream = u16::try_from(random.below(8)).unwrap();
        let size = usize::try_from(match random.below(10) {
            0..=4 => random.below(100),
            5 | 6 => random.below(3000),
            7 | 8 => random.below(20_000),
            _ => random.below(100_000),
        })
        .unwrap();
        let reliability = match stream % 4 {
            2 => Reliability::MaxRetransmits(u32::try_from(random.below(4)).unwrap()),
            3 => Reliability::MaxLifetime(random.millis(3000)),
            _ => Reliability::Reliable,
        };
        let options = SendOptions { unordered: stream >= 4, reliability };
        let number = self.next_number;
        let data = content(number, size);
        let now = self.world.now;
        match self.world.ends[end].send(now, StreamId(stream), Ppid(53), data.clone(), options) {
            Ok(()) => {
                self.next_number += 1;
                self.sent[end].insert(number, Sent { at: now, stream, options, data });
            }
            Err(error) => {
                assert!(matches!(error, SendError::QueueFull { .. } | SendError::Closed), "{error}");
            }
        }
    }
}

/// A message that says its number, and whose other bytes follow from it.
fn content(number: u64, size: usize) -> Bytes {
    let mut random = Random(number);
    let mut bytes = number.to_be_bytes().to_vec();
    while bytes.len() < size {
        bytes.extend_from_slice(&random.next().to_be_bytes());
    }
    bytes.truncate(size.max(8));
    bytes.into()
}

fn live(seed: u64) -> u64 {
    let mut life = Life::new(seed);
    life.run();
    if std::env::var("PLYWOOD_SEED").is_ok() {
        eprintln!("{:?} {:?}\n{:?}", life.end, life.configs, life.world.link());
        for end in 0..2 {
            eprintln!("end {end}: {:?}", life.world.ends[end]);
        }
    }
    check(&life);
    life.world.digest
}

/// The seeds to run: those that the environment asks for, or a sample.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match number("PLYWOOD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PLYWOOD_SEEDS").unwrap_or(48),
    }
}

#[test]
fn a_life_delivers_what_it_promised_whatever_the_path_does() {
    let mut failed = Vec::new();
    for seed in seeds() {
        if std::panic::catch_unwind(|| live(seed)).is_err() {
            eprintln!("seed {seed} failed; replay with PLYWOOD_SEED={seed}");
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "seeds that failed: {failed:?}");
}

#[test]
fn equal_seeds_have_equal_lives() {
    for seed in 0..5 {
        assert_eq!(live(seed), live(seed), "seed {seed}");
    }
}

/// Used by `checks`: the events of one kind.
pub(crate) fn resets_in(events: &[Event], outgoing: bool) -> Vec<u16> {
    let streams = events.iter().filter_map(|event| match event {
        Event::OutgoingStreamsReset { streams } if outgoing => Some(streams),
        Event::IncomingStreamsReset { streams } if !outgoing => Some(streams),
        _ => None,
    });
    let mut all: Vec<u16> = streams.flatten().map(|stream| stream.0).collect();
    all.sort_unstable();
    all
}

/// For messages about a time in a life.
pub(crate) fn since(earlier: Instant, later: Instant) -> Duration {
    later.saturating_duration_since(earlier)
}
