//! Every tunable of the agent, with its default and where that comes from.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// How an agent behaves. Bounds hold for one agent, before and after authentication alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Ta: time between two new ordinary checks. Default 50 ms (RFC 8445 §14.2).
    pub pacing: Duration,
    /// Time between a new check and a triggered or nominating one. Default 5 ms, the least that RFC 8445
    /// §14.2 allows all agents together: such a check answers a packet that has just proved its way.
    pub triggered_pacing: Duration,
    /// Least first retransmission wait of a check. Default 500 ms (RFC 8445 §14.3).
    pub initial_rto: Duration,
    /// How long a controlling agent waits for a better pair once one works. Default 200 ms (ours; RFC 8445
    /// §8.1.1 leaves it open). Data flows meanwhile.
    pub nomination_wait: Duration,
    /// Base interval of consent checks, each drawn from 0.8 to 1.2 of it. Default 5 s; under 5 s counts as
    /// 5 s, for the drawn value must not fall under 4 s (RFC 7675 §5.1).
    pub consent_interval: Duration,
    /// Silence after which sending must stop. Default 30 s; longer counts as 30 s (RFC 7675 §5.1).
    pub consent_timeout: Duration,
    /// Silence of the path after which the state is Disconnected and all pairs are tried again. Default 7 s:
    /// longer than the longest interval of consent checks, so that it takes several losses.
    pub disconnected_after: Duration,
    /// How long an agent without any pair left waits for one that may still come. Default 39.5 s
    /// (RFC 8863 §4: as long as one check may take).
    pub patience: Duration,
    /// How long the credentials of the generation before still count once a restart is done. Default 10 s (ours).
    pub previous_generation: Duration,
    /// Most local candidates. Default 32.
    pub max_local_candidates: usize,
    /// Most remote candidates of a generation, peer-reflexive ones included. Default 64.
    pub max_remote_candidates: usize,
    /// Most remote candidates on one IP address: an agent is no port scanner. Default 16.
    pub max_candidates_per_host: usize,
    /// Most candidate pairs. Default 100 (RFC 8445 §6.1.2.5).
    pub max_pairs: usize,
    /// Most answers waiting for [`poll_transmit`](crate::Agent::poll_transmit). Default 64.
    pub max_queued_responses: usize,
    /// Role switches allowed in one generation. Default 8: two honest agents need one.
    pub max_role_switches: u32,
    /// Which remote addresses are checked and answered at all.
    pub remote_addresses: RemoteAddressPolicy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pacing: Duration::from_millis(50),
            triggered_pacing: Duration::from_millis(5),
            initial_rto: Duration::from_millis(500),
            nomination_wait: Duration::from_millis(200),
            consent_interval: Duration::from_secs(5),
            consent_timeout: Duration::from_secs(30),
            disconnected_after: Duration::from_secs(7),
            patience: Duration::from_millis(39_500),
            previous_generation: Duration::from_secs(10),
            max_local_candidates: 32,
            max_remote_candidates: 64,
            max_candidates_per_host: 16,
            max_pairs: 100,
            max_queued_responses: 64,
            max_role_switches: 8,
            remote_addresses: RemoteAddressPolicy::default(),
        }
    }
}

/// Which remote addresses an agent talks to. Default: all that can be unicast, as browsers do.
///
/// Signalling decides where checks go, so a server whose signalling is open to strangers may want to keep
/// them away from its own network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RemoteAddressPolicy {
    /// Refuse 127.0.0.0/8 and ::1.
    pub refuse_loopback: bool,
    /// Refuse 169.254.0.0/16 and fe80::/10.
    pub refuse_link_local: bool,
    /// Refuse 10/8, 172.16/12, 192.168/16, 100.64/10 and fc00::/7.
    pub refuse_private: bool,
    /// Refuse the addresses where clouds serve machine metadata.
    pub refuse_metadata: bool,
}

impl RemoteAddressPolicy {
    /// Refuses all that is not a public address.
    #[must_use]
    pub fn public_only() -> Self {
        Self { refuse_loopback: true, refuse_link_local: true, refuse_private: true, refuse_metadata: true }
    }

    /// Whether packets may go to `ip`. IPv4-mapped IPv6 addresses are judged as the IPv4 address they hold.
    #[must_use]
    pub fn allows(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        if ip.is_unspecified() || ip.is_multicast() {
            return false;
        }
        match ip {
            IpAddr::V4(v4) => {
                let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
                !(v4.is_broadcast()
                    || self.refuse_loopback && v4.is_loopback()
                    || self.refuse_link_local && v4.is_link_local()
                    || self.refuse_private && (v4.is_private() || shared)
                    || self.refuse_metadata
                        && [[169, 254, 169, 254], [100, 100, 100, 200]].contains(&v4.octets()))
            }
            IpAddr::V6(v6) => {
                let metadata = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
                !(self.refuse_loopback && v6.is_loopback()
                    || self.refuse_link_local && v6.is_unicast_link_local()
                    || self.refuse_private && v6.is_unique_local()
                    || self.refuse_metadata && v6 == metadata)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_every_unicast_address_is_allowed() {
        let policy = RemoteAddressPolicy::default();
        for ip in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1", "192.0.2.1"] {
            assert!(policy.allows(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["0.0.0.0", "::", "224.0.0.251", "ff02::fb", "255.255.255.255", "::ffff:224.0.0.1"] {
            assert!(!policy.allows(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn public_only_refuses_inner_addresses_also_in_their_mapped_form() {
        let policy = RemoteAddressPolicy::public_only();
        let inner =
            ["127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "100.64.0.1", "169.254.169.254", "fc00::1"];
        for ip in inner {
            assert!(!policy.allows(ip.parse().unwrap()), "{ip}");
        }
        assert!(policy.allows("198.51.100.7".parse().unwrap()));
        assert!(policy.allows("2001:db8::7".parse().unwrap()));
    }
}
