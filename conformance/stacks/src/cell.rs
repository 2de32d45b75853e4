//! A cell of the matrix: who, in which role, which version, over which network.

use std::time::Duration;

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
    /// 1.3 alone without a post-quantum share: one datagram.
    Short,
    /// 1.3 alone to a judge that takes this group alone, of which we send no share: it has to ask for one.
    Retry(NamedGroup),
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
            Offer::Short => "-short".to_owned(),
            Offer::Retry(group) => format!("-retry-{group:?}").to_lowercase(),
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
            Offer::Group(group) | Offer::Retry(group) => Some(group),
            // Who has the hybrid group must not end up with another.
            Offer::Only => Some(HYBRID).filter(|hybrid| is_13(self.version) && judge.groups.contains(hybrid)),
            _ => None,
        };
        ensure!(group.is_none_or(|group| agreed.group == group), "agreed on {agreed}");
        if let Offer::Suite(suite) = self.offer {
            ensure!(agreed.suite == suite, "agreed on {agreed}");
        }
        Ok(())
    }
}

pub(crate) const HYBRID: NamedGroup = NamedGroup::X25519_MLKEM768;

/// Groups that everybody has.
pub(crate) const CURVES: &[NamedGroup] = &[NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
/// The same and the post-quantum one, which there is in 1.3 alone.
#[cfg(any(feature = "boringssl", feature = "wolfssl"))]
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
    /// Groups that it can be told to take alone in 1.3.
    pub(crate) retries: &'static [NamedGroup],
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
            let mut anywhere = vec![Offer::Only];
            if is_13(version) && role == Role::Client {
                anywhere.push(Offer::Short);
                anywhere.extend(judge.retries.iter().map(|group| Offer::Retry(*group)));
            }
            for offer in anywhere {
                cells.extend(Scenario::ALL.map(|scenario| cell(offer, scenario)));
            }
            let groups = judge.groups.iter().filter(|group| has(version, role, **group));
            let suites = judge.suites.iter().filter(|suite| is_13(version) == suite_is_13(**suite));
            let mut plain: Vec<Offer> = groups.map(|group| Offer::Group(*group)).collect();
            plain.extend(suites.map(|suite| Offer::Suite(*suite)));
            // A peer that also speaks 1.3 would choose it.
            if judge.versions == [Version::Dtls12] {
                plain.push(Offer::Both);
                plain.extend((role == Role::Client).then_some(Offer::BothShort));
            }
            cells.extend(plain.into_iter().map(|offer| cell(offer, Scenario::Plain)));
        }
    }
    cells
}

/// Whether there is a cell with this group alone. A client of 1.2 names with the groups the curves that the server's
/// key may be on (RFC 8422 §5.1.1), and all judges have keys on P-256.
fn has(version: Version, role: Role, group: NamedGroup) -> bool {
    is_13(version) || group != HYBRID && !(role == Role::Client && group == NamedGroup::SECP384R1)
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

/// With `DTLS_TRACE=1`, each datagram on stderr: its records by type, epoch, number and length, with the message of
/// those in the clear.
pub(crate) fn trace(at: Duration, to_us: bool, delivered: bool, datagram: &[u8]) {
    if std::env::var_os("DTLS_TRACE").is_none() {
        return;
    }
    let mut line = format!("{:>6} ms {} ", at.as_millis(), if to_us { "judge ->" } else { "plywood ->" });
    let mut rest = datagram;
    while let Some(header) = rest.get(..13).filter(|header| header[0] >> 5 != 1) {
        let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
        let message = rest.get(13).filter(|_| header[0] == 22 && header[4] == 0);
        let message = message.map_or(String::new(), |message| format!(" message {message}"));
        line += &format!("[{} e{} n{} {length}{message}] ", header[0], header[4], header[10]);
        rest = rest.get(13 + length..).unwrap_or_default();
    }
    eprintln!(
        "{line}{}{}",
        if rest.is_empty() { "" } else { "1.3 .. " },
        if delivered { "" } else { "LOST" }
    );
}
