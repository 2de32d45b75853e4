//! Which addresses of this machine a connection may use (RFC 8445 §5.1.1.1).
//!
//! Loopback is left out where anything else is there: it reaches nobody. IPv6 link-local addresses are left
//! out because a candidate line cannot carry the zone that they need.

use std::io;
use std::net::{IpAddr, SocketAddr};

use if_addrs::IfOperStatus;

/// The addresses to bind sockets to: `bind` as it stands, or all that are usable.
///
/// # Errors
/// What the operating system says when it cannot list its interfaces.
pub(crate) fn addresses(bind: &[SocketAddr], loopback: bool) -> io::Result<Vec<SocketAddr>> {
    if !bind.is_empty() {
        return Ok(bind.to_vec());
    }
    let interfaces = if_addrs::get_if_addrs()?;
    let up = interfaces
        .iter()
        .filter(|interface| matches!(interface.oper_status, IfOperStatus::Up | IfOperStatus::Unknown))
        .map(if_addrs::Interface::ip);
    Ok(choose(up, loopback).into_iter().map(|ip| SocketAddr::new(ip, 0)).collect())
}

fn choose(all: impl Iterator<Item = IpAddr>, loopback: bool) -> Vec<IpAddr> {
    let (mut local, mut others) = (Vec::new(), Vec::new());
    for ip in all {
        let list = if ip.is_loopback() { &mut local } else { &mut others };
        if is_usable(ip) && !list.contains(&ip) {
            list.push(ip);
        }
    }
    if loopback || others.is_empty() {
        others.extend(local);
    }
    others
}

fn is_usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => {
            !ip.is_unspecified()
                && !ip.is_multicast()
                && !ip.is_unicast_link_local()
                && ip.to_ipv4_mapped().is_none()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    #[test]
    fn loopback_is_used_only_if_asked_for_or_alone() {
        let all = ips(&["127.0.0.1", "::1", "192.0.2.1", "fe80::1", "2001:db8::1"]);
        assert_eq!(choose(all.clone().into_iter(), false), ips(&["192.0.2.1", "2001:db8::1"]));
        let with = ips(&["192.0.2.1", "2001:db8::1", "127.0.0.1", "::1"]);
        assert_eq!(choose(all.into_iter(), true), with);
        assert_eq!(choose(ips(&["127.0.0.1"]).into_iter(), false), ips(&["127.0.0.1"]));
    }

    #[test]
    fn an_address_of_two_interfaces_is_used_once() {
        assert_eq!(choose(ips(&["192.0.2.1", "192.0.2.1"]).into_iter(), false), ips(&["192.0.2.1"]));
    }
}
