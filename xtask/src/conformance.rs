//! `cargo xtask conformance LAYER [FILE ...]`: packet scenarios fed to one layer in virtual time.
//!
//! The interpreter of a layer's scenarios stands under conformance/LAYER as a crate of its own; it gets the
//! files (or takes those beside it) and prints passed, failed and not applicable with reasons.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::workspace;

/// Runs the packet scenarios of a layer.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The layer, by the name of its folder under conformance/.
    layer: String,
    /// Scenario files; without one, those that stand with the interpreter.
    files: Vec<PathBuf>,
    /// Write the rows to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let manifest = manifest(&options.layer);
    if !manifest.is_file() {
        eprintln!(
            "there is no interpreter for {0} yet (conformance/{0}/Cargo.toml); docs/roadmap.md says what is planned",
            options.layer
        );
        return Ok(ExitCode::from(2));
    }
    let json = options.json.as_ref().map(std::path::absolute).transpose()?;
    let mut command = command(&options.layer, json.as_deref());
    for file in &options.files {
        command.arg(std::path::absolute(file)?);
    }
    let status = command.status().context("cannot start cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn manifest(layer: &str) -> PathBuf {
    workspace::root().join("conformance").join(layer).join("Cargo.toml")
}

/// The interpreter of `layer`, with its own scenario files until others are added; rows go to `json`.
pub(crate) fn command(layer: &str, json: Option<&Path>) -> Command {
    let mut command = workspace::cargo();
    command.args(["run", "--release", "--quiet", "--manifest-path"]).arg(manifest(layer)).arg("--");
    if let Some(file) = json {
        command.arg("--json").arg(file);
    }
    command
}
