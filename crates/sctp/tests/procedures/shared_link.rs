//! Flows that share a bottleneck: what each of them gets.

use bytes::Bytes;
use plywood_sctp::congestion::Algorithm;
use plywood_sctp::{Association, Config, Ppid, SendOptions, StreamId};
use plywood_simnet::{LinkConfig, Loss, Network, seed_for, start};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// The largest SCTP packet: 1200 bytes with the headers that the simulated link counts.
const BUDGET: usize = 1172;

struct Flow {
    ends: [Association; 2],
    addresses: [SocketAddr; 2],
    begin: Instant,
    delivered: usize,
}

/// Flows over one link there and one link back.
struct World {
    now: Instant,
    network: Network,
    flows: Vec<Flow>,
    message: Bytes,
    packet: Vec<u8>,
}

impl World {
    /// Each flow begins a second after the one before.
    fn new(seed: u64, link: LinkConfig, algorithms: &[Algorithm]) -> Self {
        let config = |algorithm: &Algorithm| {
            let mut config = Config::default();
            config.congestion = *algorithm;
            config
        };
        let configs: Vec<_> = algorithms.iter().map(config).collect();
        Self::with(seed, link, Duration::from_secs(1), &configs)
    }

    /// The same with other times and settings.
    fn with(seed: u64, link: LinkConfig, apart: Duration, configs: &[Config]) -> Self {
        let now = start();
        let mut network = Network::new(seed);
        let (there, back) = (network.add_link(link), network.add_link(link));
        let mut flows = Vec::new();
        for (index, config) in (0_u8..).zip(configs) {
            let ips = [1, 2].map(|net| IpAddr::from(Ipv4Addr::new(192, 0, net, index + 1)));
            for (name, ip) in ["sender", "receiver"].into_iter().zip(ips) {
                network.add_host(name, &[ip]);
            }
            network.route(ips[0], ips[1], &[there]);
            network.route(ips[1], ips[0], &[back]);
            let begin = now + apart * u32::from(index);
            let ends = [1, 2].map(|end| {
                let seed = seed_for(seed, end + 2 * u64::from(index));
                Association::new(config.clone(), seed, begin)
            });
            let addresses = ips.map(|ip| SocketAddr::new(ip, 5000));
            flows.push(Flow { ends, addresses, begin, delivered: 0 });
        }
        let message = Bytes::from(vec![0x5A; 16384]);
        Self { now, network, flows, message, packet: Vec::new() }
    }

    /// All that one flow has to do now.
    fn pump(&mut self, index: usize) {
        let flow = &mut self.flows[index];
        if self.now < flow.begin {
            return;
        }
        flow.ends[0].connect(self.now);
        for end in &mut flow.ends {
            if end.poll_timeout().is_some_and(|at| at <= self.now) {
                end.handle_timeout(self.now);
            }
            while end.poll_event().is_some() {}
        }
        while let Some(message) = flow.ends[1].poll_message() {
            flow.ends[1].release(self.now, message.data.len());
            flow.delivered += message.data.len();
        }
        while flow.ends[0].is_connected() && flow.ends[0].buffered_amount(StreamId(0)) < 500_000 {
            let (now, message) = (self.now, self.message.clone());
            flow.ends[0].send(now, StreamId(0), Ppid(53), message, SendOptions::default()).unwrap();
        }
        for from in 0..2 {
            while flow.ends[from].poll_transmit(self.now, BUDGET, &mut self.packet).is_some() {
                let [to, by] = [flow.addresses[1 - from], flow.addresses[from]];
                self.network.send(self.now, by, to, &self.packet);
                self.packet.clear();
            }
        }
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            for index in 0..self.flows.len() {
                self.pump(index);
            }
            let timers = |flow: &Flow| {
                let next = flow.ends.iter().filter_map(Association::poll_timeout).min();
                if self.now < flow.begin { Some(flow.begin) } else { next }
            };
            let timers = self.flows.iter().filter_map(timers).chain(self.network.poll_timeout());
            self.now = timers.min().unwrap_or(end).max(self.now).min(end);
            while let Some(delivery) = self.network.poll_delivery(self.now) {
                for flow in &mut self.flows {
                    if let Some(at) = flow.addresses.iter().position(|address| *address == delivery.to) {
                        // What comes late or twice is discarded.
                        let _ = flow.ends[at].handle_datagram(self.now, &delivery.bytes);
                    }
                }
                self.network.recycle(delivery.bytes);
            }
        }
    }

    /// What the flows delivered since the last call.
    fn take_delivered(&mut self) -> Vec<usize> {
        self.flows.iter_mut().map(|flow| std::mem::take(&mut flow.delivered)).collect()
    }
}

/// A link of so many Mbit/s whose queue holds one bandwidth-delay product, or 20 packets.
fn link(mbit: u64, round_trip: Duration, loss: Loss) -> LinkConfig {
    let rate_bits = Some(mbit * 1_000_000);
    let mut link = LinkConfig { delay: round_trip / 2, rate_bits, loss, ..LinkConfig::default() };
    link.queue_bytes = link.bandwidth_delay_product().max(24_000);
    link
}

/// Shares of 20 Mbit/s at 50 ms from the tenth second on, for so many seconds.
fn shares(algorithms: &[Algorithm], seconds: u64) -> Vec<usize> {
    let mut world = World::new(1, link(20, Duration::from_millis(50), Loss::None), algorithms);
    world.run_for(Duration::from_secs(10));
    world.take_delivered();
    world.run_for(Duration::from_secs(seconds));
    world.take_delivered()
}

/// Whoever begins first, and whatever the two are.
#[test]
fn each_of_two_flows_gets_a_third_of_what_it_gets_beside_its_own_kind() {
    let kinds = [Algorithm::NewReno, Algorithm::Cubic, Algorithm::Bbr];
    let own = kinds.map(|kind| shares(&[kind, kind], 25));
    for (first, own_first) in kinds.into_iter().zip(&own) {
        for (second, own_second) in kinds.into_iter().zip(&own) {
            if first == second {
                continue;
            }
            let got = shares(&[first, second], 25);
            assert!(3 * got[0] >= own_first[0], "{first:?} before {second:?}: {got:?} of {own_first:?}");
            assert!(3 * got[1] >= own_second[1], "{second:?} after {first:?}: {got:?} of {own_second:?}");
        }
    }
}

/// A burst of losses here ends when some packets have passed, and a sender that waits passes none.
#[test]
fn the_model_does_not_fall_silent_where_bursts_of_losses_outlast_its_flight() {
    for seed in 1..=5 {
        let loss = Loss::bursts(0.05, 5.0);
        let mut world = World::new(seed, link(10, Duration::from_millis(10), loss), &[Algorithm::Bbr]);
        for round in 0..3 {
            world.run_for(Duration::from_secs(10));
            let delivered = world.take_delivered();
            assert!(delivered[0] > 100_000, "seed {seed}, ten seconds number {round}: {delivered:?}");
        }
    }
}

/// A slow link whose queue is two seconds long.
fn deep_link() -> LinkConfig {
    LinkConfig { queue_bytes: 240_000, ..link(1, Duration::from_millis(50), Loss::None) }
}

/// CUBIC, as it is or as RFC 9438 has it.
fn cubic(limited: bool) -> Config {
    let mut config = Config::default();
    config.standing_queue_limit = config.standing_queue_limit.filter(|_| limited);
    config
}

#[test]
fn alone_in_a_deep_queue_cubic_leaves_the_rest_of_it_empty() {
    let lost = |limited| {
        let mut world = World::with(1, deep_link(), Duration::ZERO, &[cubic(limited)]);
        world.run_for(Duration::from_secs(10));
        world.take_delivered();
        for _ in 0..10 {
            world.run_for(Duration::from_secs(10));
            let kilobits = world.take_delivered()[0] * 8 / 10_000;
            assert!(kilobits > 925 || !limited, "95 % of 1 Mbit/s less headers: {kilobits}");
        }
        world.flows[0].ends[0].stats().chunks_lost
    };
    assert_eq!(lost(true), 0);
    assert!(lost(false) > 100, "what the limit is for");
}

/// The limit does not make CUBIC the victim of those who know none, whoever begins, and when. What NewReno gets beside
/// it is the law of CUBIC at a round trip of two seconds: no less than without a limit.
#[test]
fn beside_others_in_a_deep_queue_cubic_is_not_starved_for_its_limit() {
    let percent = |apart, configs: [Config; 2]| {
        let mut world = World::with(1, deep_link(), Duration::from_secs(apart), &configs);
        world.run_for(Duration::from_secs(60));
        world.take_delivered();
        world.run_for(Duration::from_secs(480));
        let delivered = world.take_delivered();
        [0, 1].map(|index: usize| delivered[index] * 100 / (delivered[0] + delivered[1]))
    };
    let mut reno = Config::default();
    reno.congestion = Algorithm::NewReno;
    for apart in [1, 30] {
        for first in [true, false] {
            for second in [true, false] {
                let got = percent(apart, [cubic(first), cubic(second)]);
                assert!(
                    got.iter().all(|percent| *percent >= 17),
                    "{first} {apart} s before {second}: {got:?}"
                );
            }
        }
        let [limited, unlimited] =
            [true, false].map(|limited| percent(apart, [cubic(limited), reno.clone()]));
        assert!(
            limited[0] >= 50 && limited[1] >= unlimited[1],
            "{apart} s before Reno: {limited:?}, {unlimited:?}"
        );
        let [limited, unlimited] =
            [true, false].map(|limited| percent(apart, [reno.clone(), cubic(limited)]));
        assert!(
            limited[1] >= 50 && limited[0] >= unlimited[0],
            "{apart} s after Reno: {limited:?}, {unlimited:?}"
        );
    }
}
