//! A cell of the matrix: who, in which role, which version, over which network.

use anyhow::{Result, ensure};
use plywood_dtls::wire::codes::{CipherSuite, NamedGroup};
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
    /// The one version, and no other group.
    Group(NamedGroup),
    /// The one version, and no other suite.
    Suite(CipherSuite),
    /// The one version to a judge that takes P-256 alone, of which we send no share: it has to ask for one.
    Retry,
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
        let version = if self.version == Version::Dtls13 { "1.3" } else { "1.2" };
        let offer = match self.offer {
            Offer::Only => String::new(),
            Offer::Both => "-of-both".to_owned(),
            Offer::BothShort => "-of-both-short".to_owned(),
            Offer::Group(group) => format!("-{group:?}").to_lowercase(),
            Offer::Suite(suite) => format!("-{}", aead(suite)),
            Offer::Retry => "-retry".to_owned(),
        };
        format!("{}/{role}/{version}{offer}/{}", self.peer, self.scenario.name())
    }

    /// A number for the cell's loss and randomness.
    pub(crate) fn seed(&self) -> u64 {
        // FNV-1a
        self.name()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// Whether what was agreed on is what had to come out.
    pub(crate) fn judge(&self, judge: &Abilities, agreed: Agreed) -> Result<()> {
        ensure!(agreed.version == self.version, "agreed on {agreed}");
        let group = match self.offer {
            Offer::Group(group) => Some(group),
            Offer::Retry => Some(NamedGroup::SECP256R1),
            // Who has the hybrid group must not end up with another.
            _ => Some(HYBRID).filter(|hybrid| is_13(self.version) && judge.groups.contains(hybrid)),
        };
        ensure!(group.is_none_or(|group| agreed.group == group), "agreed on {agreed}");
        if let Offer::Suite(suite) = self.offer {
            ensure!(agreed.suite == suite, "agreed on {agreed}");
        }
        Ok(())
    }
}

const HYBRID: NamedGroup = NamedGroup::X25519_MLKEM768;

/// Groups that everybody has.
pub(crate) const CURVES: &[NamedGroup] = &[NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
/// The same and the post-quantum one, which there is in 1.3 alone.
pub(crate) const CURVES_AND_HYBRID: &[NamedGroup] =
    &[HYBRID, NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// The suites of 1.2 and 1.3 with AES-GCM; judges have an ECDSA key.
pub(crate) const AES_GCM: &[CipherSuite] = &[
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
];
/// And with ChaCha20.
pub(crate) const ALL_SUITES: &[CipherSuite] = &[
    AES_GCM[0],
    AES_GCM[1],
    AES_GCM[2],
    AES_GCM[3],
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];

/// What a judge has of what we have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abilities {
    pub(crate) versions: &'static [Version],
    pub(crate) groups: &'static [NamedGroup],
    pub(crate) suites: &'static [CipherSuite],
    /// Whether it can be told to take P-256 alone.
    pub(crate) retries: bool,
}

fn is_13(version: Version) -> bool {
    version == Version::Dtls13
}

/// Suites of 1.3 have numbers of their own (RFC 8446 §B.4).
fn suite_is_13(suite: CipherSuite) -> bool {
    suite.0 >> 8 == 0x13
}

/// The part of a suite that tells it from the others of its version.
fn aead(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS_AES_128_GCM_SHA256 | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => {
            "aes128-gcm"
        }
        CipherSuite::TLS_AES_256_GCM_SHA384 | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => {
            "aes256-gcm"
        }
        _ => "chacha20",
    }
}

/// The cells of a peer: roles, versions, scenarios; then, on a plain network, one group or one suite alone.
pub(crate) fn cells(peer: &'static str, judge: &Abilities) -> Vec<Cell> {
    let mut cells = Vec::new();
    for role in [Role::Client, Role::Server] {
        for &version in judge.versions {
            let cell = |offer, scenario| Cell { peer, role, version, offer, scenario };
            cells.extend(Scenario::ALL.map(|scenario| cell(Offer::Only, scenario)));
            let groups = judge.groups.iter().filter(|group| is_13(version) || **group != HYBRID);
            let suites = judge.suites.iter().filter(|suite| is_13(version) == suite_is_13(**suite));
            let mut offers: Vec<Offer> = groups.map(|group| Offer::Group(*group)).collect();
            offers.extend(suites.map(|suite| Offer::Suite(*suite)));
            if is_13(version) && judge.retries && role == Role::Client {
                offers.push(Offer::Retry);
            }
            // A peer that also speaks 1.3 would choose it.
            if judge.versions == [Version::Dtls12] {
                offers.push(Offer::Both);
                offers.extend((role == Role::Client).then_some(Offer::BothShort));
            }
            cells.extend(offers.into_iter().map(|offer| cell(offer, Scenario::Plain)));
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
