//! `cargo xtask interop`: every scenario with every peer, in both roles, and a reason for each hole.
//!
//! ```text
//!  outside: install judges, build plywood ----unshare----> inside: matrix (interop/matrix.rs)
//!                                                            |-- offerer  <-stdin/stdout-> one process
//!                                                            `-- answerer <-stdin/stdout-> one process
//! ```
//! A peer is a process that speaks docs/peer-contract.md; the runner carries their signalling and tells
//! them what to do.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::report::{Report, Unavailable};
use crate::{install, netns, process, workspace};

mod contract;
pub(crate) mod dtls;
mod lossy;
mod matrix;
mod payload;
mod scenarios;
mod session;
mod signalling;
pub(crate) mod stacks;

/// Runs scenarios between plywood and other implementations.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Which family of peers.
    #[arg(long, value_enum, default_value_t = Family::Browsers)]
    suite: Family,
    /// Only these peers, parted by commas.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Only these scenarios, parted by commas.
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<String>,
    /// The peer that meets all others; another one shows whether it is us or them.
    #[arg(long, default_value = "plywood")]
    subject: String,
    /// Long forms: 100 MiB transfers and every size in every scenario; in the suite dtls BoringSSL too.
    #[arg(long)]
    full: bool,
    /// Size of the `large` transfer each way; 100 with `--full`, 25 without.
    #[arg(long)]
    mib: Option<u32>,
    /// Write the rows to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// A family of peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Family {
    /// Chromium and Firefox.
    Browsers,
    /// Other implementations of SCTP: crates in one process, and libdatachannel.
    Stacks,
    /// Relays.
    Turn,
    /// DTLS alone.
    Dtls,
}

/// A whole other stack, whose SCTP is usrsctp.
pub(crate) const LIBDATACHANNEL: &str = "libdatachannel";

/// The peers of the family [`Family::Browsers`].
pub(crate) const BROWSERS: &[&str] = &["chromium", "firefox"];

impl Family {
    fn name(self) -> &'static str {
        match self {
            Self::Browsers => "browsers",
            Self::Stacks => "stacks",
            Self::Turn => "turn",
            Self::Dtls => "dtls",
        }
    }

    fn peers(self) -> &'static [&'static str] {
        match self {
            Self::Browsers => BROWSERS,
            Self::Dtls => dtls::PEERS,
            // docs/roadmap.md: they join with the chapters that need them.
            Self::Stacks | Self::Turn => &[],
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.suite == Family::Dtls {
        return dtls::run(options);
    }
    if options.suite == Family::Stacks {
        return stacks::run(options);
    }
    let peers = chosen_peers(options)?;
    if netns::inside() {
        return inside(options, &peers);
    }
    let mut all: Vec<&str> = peers.iter().map(String::as_str).collect();
    all.push(&options.subject);
    ready(&all)?;
    if all.contains(&"plywood") {
        build_plywood()?;
    }
    in_namespace()
}

/// This very command line once more, in a network namespace of its own.
fn in_namespace() -> Result<ExitCode> {
    let status = netns::enter()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Installs what these peers need.
pub(crate) fn ready(peers: &[&str]) -> Result<()> {
    install::namespace_tools()?;
    if peers.iter().any(|peer| BROWSERS.contains(peer)) {
        install::browsers(peers)?;
    }
    Ok(())
}

/// The `plywood` program in release mode: the folder names are Cargo's.
pub(crate) fn build_plywood() -> Result<PathBuf> {
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--package", "plywood-cli"]);
    let status = process::show(&mut command, Duration::from_secs(30 * 60))?;
    ensure!(status.is_some_and(|status| status.success()), "plywood-cli does not compile (see above)");
    Ok(plywood())
}

fn plywood() -> PathBuf {
    workspace::target().join("release/plywood")
}

fn inside(options: &Options, peers: &[String]) -> Result<ExitCode> {
    netns::furnish()?;
    let mut report = Report::default();
    let start = Instant::now();
    let rows = matrix::run(options, peers)?;
    report.add(options.suite.name(), start.elapsed(), rows);
    report.print();
    report.write_json(options.json.as_deref())?;
    Ok(report.exit_code())
}

fn chosen_peers(options: &Options) -> Result<Vec<String>> {
    let family = options.suite.peers();
    let reason =
        format!("no peer of the suite {} is in this tree yet (docs/roadmap.md)", options.suite.name());
    if family.is_empty() {
        return Err(Unavailable { judge: options.suite.name(), reason }.into());
    }
    if options.peers.is_empty() {
        return Ok(family.iter().map(|&peer| peer.to_owned()).collect());
    }
    for peer in &options.peers {
        ensure!(contract::known(peer), "no peer {peer}; there are: plywood, {}", family.join(", "));
    }
    Ok(options.peers.clone())
}

/// How a peer is started, before its flags.
fn command_of(peer: &str) -> Result<Command> {
    if BROWSERS.contains(&peer) {
        let mut command = Command::new("node");
        command.arg(workspace::root().join("conformance/browsers/peer.mjs")).args(["--browser", peer]);
        return Ok(command);
    }
    if peer == LIBDATACHANNEL {
        return Ok(stacks::peer());
    }
    ensure!(peer == "plywood", "no peer {peer}");
    let program = plywood();
    program.metadata().with_context(|| format!("{} was not built", program.display()))?;
    let mut command = Command::new(program);
    command.arg("peer");
    Ok(command)
}
