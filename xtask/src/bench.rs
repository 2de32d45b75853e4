//! `cargo xtask bench NAME`: throughput beside other implementations and beside the physical limit.
//!
//! The benches are a workspace of their own (benches/), for their peers compile for minutes; each is a
//! program there, and this command only finds and starts it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::workspace;

/// Runs a bench; rows are written as `{"bench","row","subject","value","unit","min","max"}`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which bench; `--list` names them.
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// Name the benches and end.
    #[arg(long)]
    list: bool,
    /// The whole grid instead of the telling cells.
    #[arg(long)]
    full: bool,
    /// Write the rows to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Arguments for the bench itself, after `--`.
    #[arg(last = true)]
    rest: Vec<String>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    bin: Vec<Bin>,
}

#[derive(Deserialize)]
struct Bin {
    name: String,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let benches = benches()?;
    let Some(name) = options.name.as_ref().filter(|_| !options.list) else {
        for bench in benches {
            println!("{bench}");
        }
        return Ok(ExitCode::SUCCESS);
    };
    ensure!(benches.contains(name), "no bench {name}; there are: {}", benches.join(", "));
    let mut command = workspace::cargo();
    command.args(["run", "--release", "--manifest-path", "benches/Cargo.toml", "--bin", name, "--"]);
    if options.full {
        command.arg("--full");
    }
    if let Some(file) = &options.json {
        command.arg("--json").arg(std::path::absolute(file)?);
    }
    let status = command.args(&options.rest).status().context("cannot start cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The programs of benches/Cargo.toml.
fn benches() -> Result<Vec<String>> {
    let path = workspace::root().join("benches/Cargo.toml");
    ensure!(path.is_file(), "there are no benches yet (benches/Cargo.toml; see docs/roadmap.md)");
    let manifest: Manifest = toml::from_str(&std::fs::read_to_string(path)?)?;
    Ok(manifest.bin.into_iter().map(|bin| bin.name).collect())
}
