//! Agents behind NATs of the simulated network.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use plywood_ice::{Agent, Candidate, CandidateKind, Config, LocalId, Role, State};
use plywood_simnet::{LinkConfig, NatConfig, Network, seed_for, start};

const INNER: [&str; 2] = ["10.0.0.2:1000", "10.1.0.2:2000"];
const OUTER: [&str; 2] = ["198.51.100.1", "198.51.100.2"];

/// Runs two agents behind the given NATs, each knowing the outer address that the other's NAT keeps for it.
fn connect(seed: u64, nats: [NatConfig; 2]) -> [State; 2] {
    let base = start();
    let mut network = Network::new(seed);
    network.set_default_link(LinkConfig::with_delay(Duration::from_millis(10)));
    let inner: [SocketAddr; 2] = INNER.map(|at| at.parse().unwrap());
    let outer: [IpAddr; 2] = OUTER.map(|ip| ip.parse().unwrap());
    let server: SocketAddr = "203.0.113.1:3478".parse().unwrap();
    for (name, ip) in ["L", "R", "server"].into_iter().zip([inner[0].ip(), inner[1].ip(), server.ip()]) {
        network.add_host(name, &[ip]);
    }
    for (side, nat) in nats.into_iter().enumerate() {
        let nat = network.add_nat(outer[side], nat);
        network.put_behind(nat, inner[side].ip());
    }
    // What a STUN server would see of each.
    for at in inner {
        network.send(base, at, server, b"seen");
    }
    let mut now = base + Duration::from_millis(100);
    let seen: Vec<_> =
        std::iter::from_fn(|| network.poll_delivery(now)).map(|delivery| delivery.from).collect();
    let mut agents = [0, 1].map(|side| Agent::new(Config::default(), seed_for(seed, side), now));
    agents[0].set_role(Role::Controlling);
    for side in [0, 1] {
        agents[side].add_local_host(now, LocalId(0), inner[side]).unwrap();
    }
    let credentials = agents.each_ref().map(|agent| agent.local_credentials().clone());
    for side in [0, 1] {
        agents[side].set_remote_credentials(now, credentials[1 - side].clone()).unwrap();
        let address = *seen.iter().find(|at| at.ip() == outer[1 - side]).unwrap();
        let (foundation, kind) = ("s".to_owned(), CandidateKind::ServerReflexive);
        let (priority, related, ufrag) = (100 << 24, None, None);
        let candidate = Candidate { foundation, component: 1, priority, address, kind, related, ufrag };
        agents[side].add_remote_candidate(now, candidate).unwrap();
    }
    let end = now + Duration::from_secs(30);
    while now < end && !agents.iter().all(|agent| agent.state() == State::Completed) {
        let mut out = Vec::new();
        for side in [0, 1] {
            while let Some(transmit) = agents[side].poll_transmit(now, &mut out) {
                network.send(now, inner[side], transmit.destination, &out);
                out.clear();
            }
        }
        let timers = agents.iter().filter_map(Agent::poll_timeout);
        now = timers.chain(network.poll_timeout()).min().map_or(end, |at| at.max(now));
        while let Some(delivery) = network.poll_delivery(now) {
            if let Some(side) = inner.iter().position(|at| *at == delivery.to) {
                let _ = agents[side].handle_datagram(now, LocalId(0), delivery.from, &delivery.bytes);
            }
        }
        for agent in &mut agents {
            agent.handle_timeout(now);
        }
    }
    agents.map(|agent| agent.state())
}

#[test]
fn two_agents_behind_port_restricted_nats_open_the_way_for_each_other() {
    for seed in 0..10 {
        let states = connect(seed, [NatConfig::port_restricted(), NatConfig::port_restricted()]);
        assert_eq!(states, [State::Completed, State::Completed], "seed {seed}");
    }
}

#[test]
fn a_symmetric_nat_is_passed_by_learning_its_new_port() {
    for seed in 0..10 {
        let states = connect(seed, [NatConfig::symmetric(), NatConfig::address_restricted()]);
        assert_eq!(states, [State::Completed, State::Completed], "seed {seed}");
    }
}
