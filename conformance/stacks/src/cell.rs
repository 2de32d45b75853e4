//! A cell of the matrix: who, in which role, which version, over which network.

use anyhow::{Result, ensure};
use plywood_dtls::wire::codes::NamedGroup;
use plywood_dtls::{Role, Version};

use crate::subject::Agreed;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Nothing.
    Plain,
    /// Three datagrams of ten are lost, each way.
    Loss,
    /// Datagrams over 300 bytes are lost, so every flight has to be cut small.
    Mtu300,
}

impl Scenario {
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Loss, Self::Mtu300];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Loss => "loss-30",
            Self::Mtu300 => "mtu-300",
        }
    }

    /// The largest datagram, UDP payload.
    pub(crate) fn mtu(self) -> usize {
        if self == Self::Mtu300 { 300 } else { 1200 }
    }
}

/// What our hello offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// The one version.
    Only,
    /// 1.3 too, with a post-quantum share, as browsers do: it takes two datagrams. 1.2 must come out.
    Both,
    /// 1.3 too, without: one datagram.
    BothShort,
}

/// One cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) peer: &'static str,
    /// Ours.
    pub(crate) role: Role,
    /// What must come out.
    pub(crate) version: Version,
    pub(crate) offer: Offer,
    pub(crate) scenario: Scenario,
}

impl Cell {
    /// `openssl/client/1.2/loss-30`: the role is ours.
    pub(crate) fn name(&self) -> String {
        let role = if self.role == Role::Client { "client" } else { "server" };
        let version = match (self.version, self.offer) {
            (Version::Dtls13, _) => "1.3",
            (_, Offer::Both) => "1.2-of-both",
            (_, Offer::BothShort) => "1.2-of-both-short",
            _ => "1.2",
        };
        format!("{}/{role}/{version}/{}", self.peer, self.scenario.name())
    }

    /// A number for the cell's loss and randomness.
    pub(crate) fn seed(&self) -> u64 {
        // FNV-1a
        self.name()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// Whether what was agreed on is what had to come out.
    pub(crate) fn judge(&self, agreed: Agreed) -> Result<()> {
        ensure!(agreed.version == self.version, "agreed on {agreed}");
        // Who has the hybrid group must not end up with another.
        let hybrid = self.peer == "boringssl" && self.version == Version::Dtls13;
        ensure!(!hybrid || agreed.group == NamedGroup::X25519_MLKEM768, "agreed on {agreed}");
        Ok(())
    }
}

/// The cells of a peer: roles, versions, scenarios.
pub(crate) fn cells(peer: &'static str, versions: &[Version]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for role in [Role::Client, Role::Server] {
        for &version in versions {
            for scenario in Scenario::ALL {
                cells.push(Cell { peer, role, version, offer: Offer::Only, scenario });
            }
        }
        // A peer that also speaks 1.3 would choose it.
        if versions != [Version::Dtls12] {
            continue;
        }
        let offers = if role == Role::Client { &[Offer::Both, Offer::BothShort][..] } else { &[Offer::Both] };
        for &offer in offers {
            cells.push(Cell { peer, role, version: Version::Dtls12, offer, scenario: Scenario::Plain });
        }
    }
    cells
}

/// Which datagrams arrive.
#[derive(Debug)]
pub(crate) struct Network {
    scenario: Scenario,
    state: u64,
}

impl Network {
    pub(crate) fn new(scenario: Scenario, seed: u64) -> Self {
        // Neighbouring seeds must not begin alike (the constant and the shifts are those of splitmix64).
        let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self { scenario, state: (mixed ^ mixed >> 31) | 1 }
    }

    /// Whether this one does.
    pub(crate) fn delivers(&mut self, datagram: &[u8]) -> bool {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let percent = (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % 100;
        match self.scenario {
            Scenario::Plain => true,
            Scenario::Loss => percent >= 30,
            Scenario::Mtu300 => datagram.len() <= self.scenario.mtu(),
        }
    }
}
