//! Candidates: addresses that may or may not work (RFC 8445 §5.1).
//!
//! A candidate's priority says how good it would be if it worked (RFC 8445 §5.1.2.1):
//! ```text
//!   31      24 23                     8 7       0
//!  +----------+------------------------+---------+
//!  |   type   |    local preference    | 256 - c |   host 126, peer-reflexive 110,
//!  +----------+------------------------+---------+   server-reflexive 100, relayed 0
//! ```

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The driver's number for a local socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId(pub u16);

/// Username fragment and password of one agent in one generation (RFC 8445 §5.3).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Username fragment: 4 to 256 ice-chars.
    pub ufrag: String,
    /// Password: 22 to 256 ice-chars.
    pub pwd: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Whether lengths and characters are those of RFC 8839 §5.4.
    pub(crate) fn is_legal(&self) -> bool {
        let ice_chars =
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
        (4..=256).contains(&self.ufrag.len())
            && (22..=256).contains(&self.pwd.len())
            && ice_chars(&self.ufrag)
            && ice_chars(&self.pwd)
    }
}

/// How a candidate was found (RFC 8445 §5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    /// An address of the machine itself.
    Host,
    /// Learned from a check: an address that signalling did not know.
    PeerReflexive,
    /// What a STUN server saw.
    ServerReflexive,
    /// An address on a TURN server.
    Relayed,
}

impl CandidateKind {
    /// Type preference (RFC 8445 §5.1.2.2).
    fn preference(self) -> u32 {
        match self {
            Self::Host => 126,
            Self::PeerReflexive => 110,
            Self::ServerReflexive => 100,
            Self::Relayed => 0,
        }
    }
}

/// A candidate as data (RFC 8839 §5.1); its text form is the business of the SDP layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Equal for candidates that share type, base address, protocol and server (RFC 8445 §5.1.1.3).
    pub foundation: String,
    /// 1; other components are refused, since data needs only one.
    pub component: u16,
    /// See the figure above.
    pub priority: u32,
    /// Where packets for it go.
    pub address: SocketAddr,
    /// How it was found.
    pub kind: CandidateKind,
    /// The base or mapped address behind it, for diagnostics only.
    pub related: Option<SocketAddr>,
    /// The generation it belongs to, by username fragment (RFC 8838 §9).
    pub ufrag: Option<String>,
}

/// Priority by the recommended formula (RFC 8445 §5.1.2.1).
pub(crate) fn priority(kind: CandidateKind, local_preference: u16, component: u16) -> u32 {
    (kind.preference() << 24)
        | (u32::from(local_preference) << 8)
        | (256 - u32::from(component.clamp(1, 256))).min(255)
}

/// Whether a packet can go from one to the other (RFC 8445 §6.1.2.2): one family, and IPv6 link-local only
/// with its like.
pub(crate) fn can_pair(local: SocketAddr, remote: SocketAddr) -> bool {
    match (local.ip().to_canonical(), remote.ip().to_canonical()) {
        (IpAddr::V4(_), IpAddr::V4(_)) => true,
        (IpAddr::V6(local), IpAddr::V6(remote)) => {
            local.is_unicast_link_local() == remote.is_unicast_link_local()
        }
        _ => false,
    }
}

/// One spelling an address: the flow label is no part of it, and a link-local address that came through
/// signalling lacks the interface, which is that of the local address.
pub(crate) fn normalise(remote: SocketAddr, local: SocketAddr) -> SocketAddr {
    let SocketAddr::V6(mut remote) = remote else { return remote };
    remote.set_flowinfo(0);
    if let SocketAddr::V6(local) = local
        && remote.ip().is_unicast_link_local()
        && remote.scope_id() == 0
    {
        remote.set_scope_id(local.scope_id());
    }
    SocketAddr::V6(remote)
}

/// Whether two addresses mean the same place, whatever flow label or interface they were written with.
pub(crate) fn same_address(a: SocketAddr, b: SocketAddr) -> bool {
    a.ip() == b.ip() && a.port() == b.port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_has_the_recommended_form() {
        assert_eq!(priority(CandidateKind::Host, 65535, 1), 2_130_706_431);
        assert_eq!(priority(CandidateKind::PeerReflexive, 65535, 1), 0x6eff_ffff);
        assert_eq!(priority(CandidateKind::Relayed, 0, 256), 0);
    }

    #[test]
    fn families_never_mix_and_link_local_stays_with_its_like() {
        let pair = |a: &str, b: &str| can_pair(a.parse().unwrap(), b.parse().unwrap());
        assert!(pair("192.0.2.1:1", "127.0.0.1:1"));
        assert!(!pair("192.0.2.1:1", "[::1]:1"));
        assert!(pair("[2001:db8::1]:1", "[fd00::1]:1"));
        assert!(!pair("[2001:db8::1]:1", "[fe80::1]:1"));
        assert!(pair("[fe80::2]:1", "[fe80::1]:1"));
    }

    #[test]
    fn credentials_of_wrong_length_or_alphabet_are_illegal() {
        let legal =
            |ufrag: &str, pwd: &str| Credentials { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() }.is_legal();
        assert!(legal("abcd", "0123456789012345678901"));
        assert!(!legal("abc", "0123456789012345678901"));
        assert!(!legal("abcd", "012345678901234567890"));
        assert!(!legal("ab:d", "0123456789012345678901"));
        assert!(!legal(&"a".repeat(257), "0123456789012345678901"));
    }
}
