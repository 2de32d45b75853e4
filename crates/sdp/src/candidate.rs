//! A candidate as text (RFC 8839 §5.1).
//!
//! ```text
//! candidate:3606188564 1 udp 2113937151 192.0.2.2 46195 typ host generation 0 ufrag 0KZg network-cost 999
//!           foundation | transport      address   port  kind      pairs of name and value, any number
//!              component   priority
//! ```
//!
//! Browsers hide host addresses behind names (`UUID.local`, mDNS), Firefox writes `UDP` in capitals and TCP
//! candidates (`tcptype active`, port 9), Chromium adds pairs of its own. All of it is kept as data; what can
//! be used is for ICE and the driver to say.

use crate::{error::CandidateError, session::number};
use std::{fmt, net::IpAddr, str::FromStr};

/// The transport of a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// `udp`, in any case.
    Udp,
    /// `tcp`, in any case (RFC 6544).
    Tcp,
    /// Another word.
    Other(String),
}

/// Where a candidate is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// An address.
    Ip(IpAddr),
    /// A name; only those that end in `.local` are ever looked up (over mDNS).
    Name(String),
}

/// What a candidate is (RFC 8445 §5.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CandidateKind {
    /// `host`.
    Host,
    /// `srflx`.
    ServerReflexive,
    /// `prflx`.
    PeerReflexive,
    /// `relay`.
    Relayed,
    /// Another word.
    Other(String),
}

/// Who connects, for TCP candidates (RFC 6544 §4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TcpType {
    /// It connects to us.
    Active,
    /// It waits.
    Passive,
    /// Both at once.
    SimultaneousOpen,
}

/// A candidate line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CandidateLine {
    /// Equal for candidates of one kind from one base and server; 1 to 32 characters.
    pub foundation: String,
    /// 1 for all that WebRTC does today.
    pub component: u16,
    /// The transport.
    pub transport: Transport,
    /// Higher is better.
    pub priority: u32,
    /// The address or name.
    pub address: Address,
    /// The port; 9 or 0 where there is none.
    pub port: u16,
    /// What it is.
    pub kind: CandidateKind,
    /// `raddr` and `rport`: its base, or how the relay saw us.
    pub related: Option<(Address, u16)>,
    /// `tcptype`.
    pub tcp_type: Option<TcpType>,
    /// The pairs that follow, known or not: `generation`, `ufrag`, `network-cost`, ..
    pub extensions: Vec<(String, String)>,
}

impl CandidateLine {
    /// Reads a line, with or without `a=` and `candidate:` before it.
    ///
    /// # Errors
    /// [`CandidateError`] names the first field that cannot be read.
    pub fn parse(text: &str) -> Result<Self, CandidateError> {
        let text = text.strip_prefix("a=").unwrap_or(text);
        let text = text.strip_prefix("candidate:").unwrap_or(text);
        let mut words = Words(text.split_ascii_whitespace());
        let foundation = words.next("foundation", |word| (word.len() <= 32).then(|| word.to_owned()))?;
        let component = words.next("component", |word| number(word).filter(|n| (1..=256).contains(n)))?;
        let transport = words.next("transport", |word| Some(Transport::from_word(word)))?;
        let priority = words.next("priority", number)?;
        let address = words.next("address", Address::from_word)?;
        let port = words.next("port", number)?;
        words.next("typ", |word| (word == "typ").then_some(()))?;
        let kind = words.next("typ", |word| Some(CandidateKind::from_word(word)))?;
        let mut line = Self {
            foundation,
            component,
            transport,
            priority,
            address,
            port,
            kind,
            related: None,
            tcp_type: None,
            extensions: Vec::new(),
        };
        line.read_pairs(words)?;
        Ok(line)
    }

    fn read_pairs(&mut self, mut words: Words<'_>) -> Result<(), CandidateError> {
        let mut related_address = None;
        while let Some(name) = words.0.next() {
            match name {
                "raddr" => related_address = Some(words.next("raddr", Address::from_word)?),
                "rport" => {
                    let port = words.next("rport", number)?;
                    self.related = related_address.take().map(|address| (address, port));
                }
                "tcptype" => self.tcp_type = Some(words.next("tcptype", TcpType::from_word)?),
                // A value may be empty (RFC 8839 §5.1), above all at the end of the line.
                _ => {
                    let value = words.0.next().unwrap_or_default();
                    self.extensions.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        Ok(())
    }

    /// The value of a pair.
    #[must_use]
    pub fn extension(&self, name: &str) -> Option<&str> {
        self.extensions.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Whether its address is a name that is looked up over mDNS.
    #[must_use]
    pub fn is_mdns(&self) -> bool {
        matches!(&self.address, Address::Name(name) if name.ends_with(".local"))
    }
}

impl FromStr for CandidateLine {
    type Err = CandidateError;

    fn from_str(text: &str) -> Result<Self, CandidateError> {
        Self::parse(text)
    }
}

struct Words<'a>(std::str::SplitAsciiWhitespace<'a>);

impl<'a> Words<'a> {
    fn next<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, CandidateError> {
        self.0.next().and_then(read).ok_or(CandidateError { field })
    }
}

impl Transport {
    fn from_word(word: &str) -> Self {
        match word {
            _ if word.eq_ignore_ascii_case("udp") => Self::Udp,
            _ if word.eq_ignore_ascii_case("tcp") => Self::Tcp,
            _ => Self::Other(word.to_owned()),
        }
    }
}

impl Address {
    fn from_word(word: &str) -> Option<Self> {
        if let Ok(address) = word.parse() {
            return Some(Self::Ip(address));
        }
        let is_name = word.len() <= 253
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
            && word.bytes().any(|byte| byte.is_ascii_alphabetic());
        is_name.then(|| Self::Name(word.to_owned()))
    }
}

impl CandidateKind {
    fn from_word(word: &str) -> Self {
        match word {
            "host" => Self::Host,
            "srflx" => Self::ServerReflexive,
            "prflx" => Self::PeerReflexive,
            "relay" => Self::Relayed,
            _ => Self::Other(word.to_owned()),
        }
    }
}

impl TcpType {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "active" => Some(Self::Active),
            "passive" => Some(Self::Passive),
            "so" => Some(Self::SimultaneousOpen),
            _ => None,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Other(word) => word,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for CandidateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relayed => "relay",
            Self::Other(word) => word,
        })
    }
}

impl fmt::Display for TcpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::SimultaneousOpen => "so",
        })
    }
}

/// Writes `candidate:..`, without `a=`.
impl fmt::Display for CandidateLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { foundation, component, transport, priority, address, port, kind, .. } = self;
        write!(f, "candidate:{foundation} {component} {transport} {priority} {address} {port} typ {kind}")?;
        if let Some((address, port)) = &self.related {
            write!(f, " raddr {address} rport {port}")?;
        }
        if let Some(tcp_type) = self.tcp_type {
            write!(f, " tcptype {tcp_type}")?;
        }
        self.extensions.iter().try_for_each(|(name, value)| write!(f, " {name} {value}"))
    }
}
