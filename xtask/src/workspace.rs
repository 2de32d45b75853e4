//! Where things stand: the root, the target folder, `cargo` and its metadata.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The root of the workspace, whatever the current folder is.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The target folder of the workspace.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A folder of this tool's own below the target folder; made if missing.
pub(crate) fn scratch(name: &str) -> Result<PathBuf> {
    let folder = target().join("xtask").join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// `cargo` of the toolchain that runs this tool, started at the root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // Set for this tool by `cargo run`; they would confuse a build script that reads them.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME"] {
        command.env_remove(name);
    }
    command
}

/// `cargo metadata` of the workspace, with dependencies resolved for every feature.
pub(crate) fn metadata() -> Result<Metadata> {
    MetadataCommand::new()
        .current_dir(root())
        .features(cargo_metadata::CargoOpt::AllFeatures)
        .exec()
        .context("cargo metadata failed")
}

/// The members of the workspace in alphabetical order, or the one that was asked for.
pub(crate) fn members<'m>(metadata: &'m Metadata, only: Option<&str>) -> Result<Vec<&'m Package>> {
    let mut members = metadata.workspace_packages();
    members.sort_by(|one, other| one.name.cmp(&other.name));
    if let Some(name) = only {
        members.retain(|package| package.name.as_str() == name);
        anyhow::ensure!(!members.is_empty(), "no package {name} in this workspace");
    }
    Ok(members)
}
