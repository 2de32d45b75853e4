//! Flags of `plywood peer`, and its statistics as the contract spells them.

use std::net::{IpAddr, SocketAddr};

use clap::Args as ClapArgs;
use plywood::peer::plies::dtls::{Role, Versions};
use plywood::peer::plies::ice::CandidateKind;
use plywood::{Config, CongestionControl, ConnectionStats, Endpoint, PeerConnection};
use serde_json::{Value, json};

use super::key_log::KeyLog;

/// Commands come in on stdin and events go out on stdout: one JSON object a line.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Send each message back on its channel.
    #[arg(long)]
    pub(crate) echo: bool,
    /// `stun:HOST:PORT` or `turn:HOST:PORT,USER,PASSWORD`; not used yet (docs/roadmap.md).
    #[arg(long = "ice-server", value_name = "URL[,USER,PASS]")]
    ice_servers: Vec<String>,
    /// Use relay candidates only: not built yet, so the command ends in words.
    #[arg(long)]
    relay_only: bool,
    /// Use this local address, and no others but those named likewise.
    #[arg(long, value_name = "ADDR", value_parser = parse_bind)]
    bind: Vec<SocketAddr>,
    /// Accepted for browsers' sake: hidden addresses are looked up in any case.
    #[arg(long)]
    mdns: bool,
    /// Use 127.0.0.1 and ::1 too.
    #[arg(long)]
    loopback: bool,
    /// `dtls=12` or `dtls=13` forces a version, `keylog=FILE` writes DTLS secrets, `congestion=bbr` (or newreno, cubic)
    /// chooses the controller; other keys are ignored.
    #[arg(long = "opt", value_name = "K=V")]
    options: Vec<String>,
}

fn parse_bind(text: &str) -> Result<SocketAddr, String> {
    let ip = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
    ip.or_else(|_| text.parse()).map_err(|_| "neither an IP address nor ADDRESS:PORT".to_owned())
}

impl Args {
    /// The configuration that the flags ask for.
    ///
    /// # Errors
    /// What is asked for and not there, in words.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        anyhow::ensure!(!self.relay_only, "relay candidates are not built yet (docs/roadmap.md)");
        for server in &self.ice_servers {
            let url = server.split(',').next().unwrap_or_default();
            tracing::warn!(url, "ICE servers are not used yet (docs/roadmap.md)");
        }
        let dtls_versions = match self.option("dtls") {
            None => None,
            Some("12" | "1.2") => Some(Versions { v1_2: true, v1_3: false }),
            Some("13" | "1.3") => Some(Versions { v1_2: false, v1_3: true }),
            Some(other) => anyhow::bail!("--opt dtls={other}: the versions are 12 and 13"),
        };
        Ok(Config {
            bind: self.bind.clone(),
            loopback: self.loopback,
            dtls_versions,
            congestion: self.option("congestion").map_or(Ok(CongestionControl::default()), str::parse)?,
            key_log: self.option("keylog").is_some(),
            ..Config::default()
        })
    }

    /// Makes the connection.
    ///
    /// # Errors
    /// As [`PeerConnection::new`].
    pub(crate) fn connect(&self, config: &Config) -> anyhow::Result<PeerConnection> {
        match self.option("keylog") {
            None => Ok(PeerConnection::new(config)?),
            Some(path) => Ok(PeerConnection::with_trace(config, Box::new(KeyLog::open(path)?))?),
        }
    }

    /// The value of `--opt KEY=..`; of several the last.
    fn option(&self, key: &str) -> Option<&str> {
        let pairs = self.options.iter().rev().filter_map(|option| option.split_once('='));
        pairs.into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

/// The `stats` event.
pub(crate) fn stats_event(stats: &ConnectionStats) -> Value {
    let dtls = stats.dtls.as_ref().map(|dtls| {
        json!({
            "version": format!("{:04X}", dtls.version.code().0),
            "cipher": format!("{:?}", dtls.suite),
            "group": format!("{:?}", dtls.group),
            "role": match dtls.role { Role::Client => "client", Role::Server => "server" },
        })
    });
    json!({
        "type": "stats",
        "local": stats.local.map(endpoint),
        "remote": stats.remote.map(endpoint),
        "dtls": dtls,
        "interleaving": stats.interleaving,
    })
}

fn endpoint(endpoint: Endpoint) -> Value {
    let kind = match endpoint.kind {
        CandidateKind::Host => "host",
        CandidateKind::PeerReflexive => "prflx",
        CandidateKind::ServerReflexive => "srflx",
        CandidateKind::Relayed => "relay",
    };
    json!({
        "type": kind,
        "address": endpoint.address.ip().to_string(),
        "port": endpoint.address.port(),
        "protocol": "udp",
    })
}
