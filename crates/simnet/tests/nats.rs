//! NATs by RFC 4787: who reaches whom.

use plywood_simnet::{Behaviour, DropReason, NatConfig, NatId, Network, PortAssignment, start};
use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

fn inner() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], 5000))
}
fn outer() -> IpAddr {
    IpAddr::from([203, 0, 113, 1])
}
fn server(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, host], port))
}

fn behind(config: NatConfig) -> (Network, NatId, Instant) {
    let mut network = Network::new(1);
    let nat = network.add_nat(outer(), config);
    network.put_behind(nat, inner().ip());
    (network, nat, start())
}

/// Sends and returns (source as seen, final destination), if it arrived.
fn pass(
    network: &mut Network,
    now: Instant,
    from: SocketAddr,
    to: SocketAddr,
) -> Option<(SocketAddr, SocketAddr)> {
    network.send(now, from, to, b"x");
    network.poll_delivery(now).map(|delivery| (delivery.from, delivery.to))
}

fn seen_by(network: &mut Network, now: Instant, to: SocketAddr) -> SocketAddr {
    pass(network, now, inner(), to).map(|(from, _)| from).expect("what goes out is not filtered")
}

#[test]
fn mapping_behaviour_decides_when_a_new_destination_gets_a_new_port() {
    let ports = |mapping| {
        let config = NatConfig { mapping, ports: PortAssignment::Sequential, ..NatConfig::full_cone() };
        let (mut network, _, now) = behind(config);
        [server(1, 1), server(1, 2), server(2, 1), server(1, 1)]
            .map(|to| seen_by(&mut network, now, to).port() - 40_000)
    };
    assert_eq!(ports(Behaviour::EndpointIndependent), [0, 0, 0, 0]);
    assert_eq!(ports(Behaviour::AddressDependent), [0, 0, 1, 0]);
    assert_eq!(ports(Behaviour::AddressAndPortDependent), [0, 1, 2, 0]);
}

#[test]
fn filtering_behaviour_decides_who_may_answer() {
    let admitted = |filtering| {
        let (mut network, _, now) = behind(NatConfig { filtering, ..NatConfig::full_cone() });
        let mapped = seen_by(&mut network, now, server(1, 1));
        [server(1, 1), server(1, 2), server(2, 1)].map(|from| pass(&mut network, now, from, mapped).is_some())
    };
    assert_eq!(admitted(Behaviour::EndpointIndependent), [true, true, true]);
    assert_eq!(admitted(Behaviour::AddressDependent), [true, true, false]);
    assert_eq!(admitted(Behaviour::AddressAndPortDependent), [true, false, false]);
}

#[test]
fn an_unmapped_port_and_a_private_address_are_out_of_reach() {
    let (mut network, _, now) = behind(NatConfig::full_cone());
    assert_eq!(pass(&mut network, now, server(1, 1), SocketAddr::new(outer(), 5000)), None);
    assert_eq!(pass(&mut network, now, server(1, 1), inner()), None);
    assert_eq!(network.stats().drops.of(DropReason::NatUnmapped), 1);
    assert_eq!(network.stats().drops.of(DropReason::NoRoute), 1);
}

#[test]
fn a_preserving_nat_keeps_the_port_unless_it_is_taken() {
    let (mut network, nat, now) = behind(NatConfig::full_cone());
    let neighbour = SocketAddr::from(([10, 0, 0, 3], 5000));
    network.put_behind(nat, neighbour.ip());
    assert_eq!(seen_by(&mut network, now, server(1, 1)).port(), 5000);
    let seen = pass(&mut network, now, neighbour, server(1, 1)).map(|(from, _)| from.port());
    assert_eq!(seen, Some(5001));
    // Neighbours reach each other without translation.
    assert_eq!(pass(&mut network, now, neighbour, inner()), Some((neighbour, inner())));
}

#[test]
fn hairpinning_is_refused_unless_configured() {
    for hairpinning in [false, true] {
        let (mut network, nat, now) = behind(NatConfig { hairpinning, ..NatConfig::full_cone() });
        let neighbour = SocketAddr::from(([10, 0, 0, 3], 6000));
        network.put_behind(nat, neighbour.ip());
        let mapped = seen_by(&mut network, now, server(1, 1));
        let reached = pass(&mut network, now, neighbour, mapped);
        assert_eq!(reached, hairpinning.then_some((SocketAddr::new(outer(), 6000), inner())));
    }
}

#[test]
fn a_mapping_lives_by_what_goes_out_and_dies_of_silence() {
    let minutes = Duration::from_mins;
    let (mut network, _, now) = behind(NatConfig::port_restricted());
    let mapped = seen_by(&mut network, now, server(1, 1));
    assert!(pass(&mut network, now + minutes(4), server(1, 1), mapped).is_some());
    // What came in did not refresh it (the default here).
    assert_eq!(pass(&mut network, now + minutes(6), server(1, 1), mapped), None);
    assert_eq!(network.stats().drops.of(DropReason::NatUnmapped), 1);
    assert_eq!(seen_by(&mut network, now + minutes(7), server(1, 1)), mapped);
}

#[test]
fn a_restarted_nat_forgets_and_random_ports_change() {
    let (mut network, nat, now) = behind(NatConfig::symmetric());
    let before = seen_by(&mut network, now, server(1, 1));
    assert_eq!(network.nat_mappings(nat), 1);
    network.restart_nat(nat);
    assert_eq!(pass(&mut network, now, server(1, 1), before), None);
    assert_ne!(seen_by(&mut network, now, server(1, 1)), before);
}

#[test]
fn mappings_are_bounded_and_expired_ones_make_room() {
    let config = NatConfig { max_mappings: 2, ..NatConfig::symmetric() };
    let (mut network, nat, now) = behind(config);
    for port in 1..=3 {
        network.send(now, inner(), server(1, port), b"x");
    }
    assert_eq!(network.nat_mappings(nat), 2);
    assert_eq!(network.stats().drops.of(DropReason::NatFull), 1);
    seen_by(&mut network, now + Duration::from_mins(6), server(1, 9));
}

#[test]
fn a_nat_behind_a_nat_translates_twice_both_ways() {
    let (mut network, home, now) = behind(NatConfig::port_restricted());
    let carrier_outer = IpAddr::from([192, 0, 2, 1]);
    let carrier = network.add_nat(carrier_outer, NatConfig::symmetric());
    network.put_behind(carrier, outer());
    let seen = seen_by(&mut network, now, server(1, 1));
    assert_eq!(seen.ip(), carrier_outer);
    assert_eq!(pass(&mut network, now, server(1, 1), seen), Some((server(1, 1), inner())));
    assert_eq!(pass(&mut network, now, server(1, 2), seen), None);
    assert_eq!((network.nat_mappings(home), network.nat_mappings(carrier)), (1, 1));
}

/// The table that every text on ICE prints: which pairs of NATs let two peers punch through, each knowing
/// the address of the other as a third party saw it.
#[test]
fn hole_punching_fails_only_against_a_symmetric_nat_with_a_port_filter() {
    let kinds = [
        NatConfig::full_cone(),
        NatConfig::address_restricted(),
        NatConfig::port_restricted(),
        NatConfig::symmetric(),
    ];
    let mut table = Vec::new();
    for left in kinds {
        let row: String = kinds.iter().map(|&right| if punches(left, right) { '+' } else { '-' }).collect();
        table.push(row);
    }
    assert_eq!(table, ["++++", "++++", "+++-", "++--"]);
}

fn punches(left: NatConfig, right: NatConfig) -> bool {
    let now = start();
    let mut network = Network::new(3);
    let peers = [SocketAddr::from(([10, 0, 1, 2], 5000)), SocketAddr::from(([10, 0, 2, 2], 6000))];
    for (i, config) in [left, right].into_iter().enumerate() {
        let nat = network.add_nat(IpAddr::from([203, 0, 113, u8::try_from(i).unwrap_or(0) + 1]), config);
        network.put_behind(nat, peers[i].ip());
    }
    let mapped = peers.map(|peer| pass(&mut network, now, peer, server(1, 3478)).map(|(from, _)| from));
    let [Some(left_mapped), Some(right_mapped)] = mapped else { return false };
    // Three rounds of checks; an address seen on an incoming check is answered (peer-reflexive).
    let mut targets = [right_mapped, left_mapped];
    let mut heard = [false; 2];
    for _ in 0..3 {
        for side in 0..2 {
            network.send(now, peers[side], targets[side], b"check");
        }
        while let Some(delivery) = network.poll_delivery(now) {
            let side = usize::from(delivery.to == peers[1]);
            heard[side] = true;
            targets[side] = delivery.from;
        }
    }
    heard == [true; 2]
}
