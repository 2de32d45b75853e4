//! `cargo xtask interop --suite stacks`: other implementations of SCTP with plywood-sctp in one process.
//!
//! They are crates, and stand in conformance/sctp-peers as a workspace of its own; its program plays the scenarios in
//! virtual time and prints the matrix. No network is used, so there is no namespace to enter.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::workspace;

/// Builds the program and lets it play.
pub(super) fn run(peers: &[String], scenarios: &[String], json: Option<&Path>) -> Result<ExitCode> {
    let manifest = workspace::root().join("conformance/sctp-peers/Cargo.toml");
    let mut command = workspace::cargo();
    command.args(["run", "--release", "--quiet", "--locked", "--manifest-path"]).arg(manifest).arg("--");
    for (flag, list) in [("--peers", peers), ("--scenarios", scenarios)] {
        if !list.is_empty() {
            command.arg(flag).arg(list.join(","));
        }
    }
    if let Some(file) = json {
        command.arg("--json").arg(std::path::absolute(file)?);
    }
    let status = command.status().context("cannot start cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
