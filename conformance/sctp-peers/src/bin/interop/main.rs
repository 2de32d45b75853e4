//! `cargo xtask interop --suite stacks`: plywood-sctp and other implementations in one process.
//!
//! Each meets plywood-sctp over a lossy link in virtual time, with either side or both sending INIT, with DATA and,
//! where the peer can, with I-DATA.
//!
//! ```text
//!   scenarios --> link (10 ms, loss) --> plywood-sctp
//!                                   '--> the crate NAME, by its adapter in src/NAME.rs
//! ```

#![expect(clippy::print_stdout, reason = "a tool for people")]

mod link;
mod scenarios;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use plywood_sctp_peers::{DcSctp, RtcSctp, SctpProto};
use serde::Serialize;

use crate::scenarios::{Role, Scenario, play};

/// Plays scenarios between plywood-sctp and its peers.
#[derive(Debug, Parser)]
struct Options {
    /// Only these peers, parted by commas.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Only these scenarios, parted by commas.
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<String>,
    /// Write the rows to this file, as a JSON array.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Row {
    suite: &'static str,
    case: String,
    result: &'static str,
    reason: String,
}

/// A peer by name.
struct Peer {
    name: &'static str,
    /// It can do I-DATA.
    interleaves: bool,
    play: fn(&Scenario, Role, bool) -> Result<(), String>,
}

const PEERS: &[Peer] = &[
    Peer { name: "dcsctp", interleaves: true, play: play::<DcSctp> },
    Peer { name: "sctp-proto", interleaves: false, play: play::<SctpProto> },
    Peer { name: "rtc-sctp", interleaves: false, play: play::<RtcSctp> },
];

/// Failures that are the peer's, skipped only if they happen: (peer, scenario, role if only one, why).
const KNOWN: &[(&str, &str, Option<Role>, &str)] = &[
    ("rtc-sctp", "reset-by-plywood", None, NOT_REPEATED),
    ("rtc-sctp", "reset-by-peer", None, NOT_REPEATED),
];

const NOT_REPEATED: &str =
    "its request to reset a stream is not repeated when the packet is lost (RFC 6525 §5.1.1)";

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let wanted = |list: &[String], name: &str| list.is_empty() || list.iter().any(|other| other == name);
    let mut rows = Vec::new();
    println!(
        "{:12} {:7} {:22} plywood-initiates   peer-initiates    both-initiate",
        "peer", "kind", "scenario"
    );
    for peer in PEERS.iter().filter(|peer| wanted(&options.peers, peer.name)) {
        for interleaving in [false, true] {
            if interleaving && !peer.interleaves {
                continue;
            }
            for scenario in scenarios::ALL.iter().filter(|scenario| wanted(&options.scenarios, scenario.name))
            {
                let data = if interleaving { "i-data" } else { "data" };
                print!("{:12} {data:7} {:22}", peer.name, scenario.name);
                for role in Role::ALL {
                    let row = judge(peer, scenario, role, interleaving);
                    print!(" {:>16}", row.result);
                    rows.push(row);
                }
                println!();
            }
        }
    }
    for row in rows.iter().filter(|row| row.result != "pass") {
        println!("{} {}: {}", row.result, row.case, row.reason);
    }
    if let Some(file) = options.json {
        let text = serde_json::to_string_pretty(&rows)?;
        std::fs::write(&file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    let count = |result: &str| rows.iter().filter(|row| row.result == result).count();
    println!("{} passed, {} failed, {} skipped", count("pass"), count("fail"), count("skip"));
    Ok(if count("fail") == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn judge(peer: &Peer, scenario: &Scenario, role: Role, interleaving: bool) -> Row {
    let data = if interleaving { "i-data" } else { "data" };
    let case = format!("{}/{data}/{}/{}", peer.name, scenario.name, role.name());
    let known = KNOWN.iter().find(|(known, name, only, _)| {
        *known == peer.name && *name == scenario.name && only.is_none_or(|only| only == role)
    });
    let (result, reason) = match ((peer.play)(scenario, role, interleaving), known) {
        (Ok(()), _) => ("pass", String::new()),
        (Err(reason), Some((.., why))) => ("skip", format!("{why} ({reason})")),
        (Err(reason), None) => ("fail", reason),
    };
    Row { suite: "stacks", case, result, reason }
}
