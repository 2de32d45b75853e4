//! `cargo xtask arrows`: who may depend on whom (docs/architecture.md, "The rooms").
//!
//! Problem: a layer that names its neighbour compiles well, and from then on nobody can use one without
//! the other. How: Cargo's own data is compared with the table below; what is not in it is forbidden.
//! ```text
//!  cli -> plywood -> peer -> sdp, ice, turn, dtls, sctp, datachannel -> octets
//!                            ice, turn -> stun -> octets          simnet: in tests only
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use cargo_metadata::{DependencyKind, Metadata, PackageId};

use crate::report::{Report, Row};
use crate::{process, workspace};

/// Checks the dependency arrows between the crates.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Write the rows to this file.
    #[arg(long)]
    json: Option<std::path::PathBuf>,
}

/// From a crate to those it may use. A crate that is not listed fails the check: draw its arrows here first.
const ARROWS: &[(&str, &[&str])] = &[
    ("octets", &[]),
    ("simnet", &[]),
    ("stun", &["octets"]),
    ("turn", &["octets", "stun"]),
    ("ice", &["octets", "stun"]),
    ("dtls", &["octets"]),
    ("sctp", &["octets"]),
    ("datachannel", &["octets"]),
    ("sdp", &["octets"]),
    ("peer", &["sdp", "ice", "turn", "dtls", "sctp", "datachannel", "octets"]),
    ("inspect", &["octets", "stun", "turn", "ice", "dtls", "sctp", "datachannel", "sdp"]),
    ("plywood", &["peer"]),
    ("cli", &["plywood", "peer", "turn", "stun", "inspect", "simnet"]),
];

/// What tests may use besides.
const ARROWS_IN_TESTS: &[(&str, &[&str])] =
    &[("peer", &["simnet", "inspect"]), ("plywood", &["simnet", "inspect"])];
const ARROWS_IN_ALL_TESTS: &[&str] = &["simnet"];

/// Asynchronous runtimes, and the only crates that may hold one.
const RUNTIMES: &[&str] = &["tokio", "async-std", "smol", "mio"];
const MAY_HOLD_A_RUNTIME: &[&str] = &["plywood", "cli", "xtask"];

/// The crates that must build without any feature and without the others' features.
const ALONE: &[&str] =
    &["octets", "simnet", "stun", "turn", "ice", "dtls", "sctp", "datachannel", "sdp", "peer", "inspect"];

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let start = Instant::now();
    let rows = rows(None)?;
    let mut report = Report::default();
    report.add("arrows", start.elapsed(), rows);
    report.print();
    report.write_json(options.json.as_deref())?;
    Ok(report.exit_code())
}

/// One row a crate: its arrows, and the runtimes in its tree.
pub(crate) fn rows(only: Option<&str>) -> Result<Vec<Row>> {
    let metadata = workspace::metadata()?;
    let mut rows = Vec::new();
    for package in workspace::members(&metadata, only)? {
        let from = short(package.name.as_str());
        let mut wrong = Vec::new();
        for dependency in &package.dependencies {
            if let Some(to) = ours(&dependency.name) {
                wrong.extend(forbidden(from, to, dependency.kind));
            }
        }
        if !MAY_HOLD_A_RUNTIME.contains(&from) {
            wrong.extend(runtimes_below(&metadata, &package.id));
        }
        rows.push(if wrong.is_empty() {
            Row::pass("arrows", from)
        } else {
            Row::fail("arrows", from, wrong.join("\n"))
        });
    }
    Ok(rows)
}

/// One row a layer: it compiles by itself with no features.
pub(crate) fn alone(only: Option<&str>) -> Result<Vec<Row>> {
    let metadata = workspace::metadata()?;
    let mut rows = Vec::new();
    for package in workspace::members(&metadata, only)? {
        let name = package.name.as_str();
        if !ALONE.contains(&short(name)) {
            continue;
        }
        let mut check = workspace::cargo();
        check.args(["check", "--quiet", "--no-default-features", "--package", name]);
        let captured = process::capture(&mut check, Duration::from_secs(900))?;
        rows.push(if captured.ok() {
            Row::pass("alone", name)
        } else {
            Row::fail("alone", name, captured.tail(30))
        });
    }
    Ok(rows)
}

/// Why this arrow may not be drawn, if it may not.
fn forbidden(from: &str, to: &str, kind: DependencyKind) -> Option<String> {
    let Some(allowed) = lookup(ARROWS, from) else {
        return Some(format!("{from} has no row in the table of arrows (xtask/src/arrows.rs)"));
    };
    let in_tests = kind == DependencyKind::Development
        && (ARROWS_IN_ALL_TESTS.contains(&to)
            || lookup(ARROWS_IN_TESTS, from).is_some_and(|row| row.contains(&to)));
    // A crate may name itself in its tests, to switch on its own features.
    let itself = from == to && kind == DependencyKind::Development;
    if allowed.contains(&to) || in_tests || itself {
        return None;
    }
    let only = if allowed.is_empty() { "nothing of ours".to_owned() } else { allowed.join(", ") };
    Some(format!("{from} -> {to} is not an arrow of this house; {from} may use: {only}"))
}

fn lookup(table: &[(&str, &'static [&'static str])], from: &str) -> Option<&'static [&'static str]> {
    table.iter().find(|(name, _)| *name == from).map(|(_, row)| *row)
}

/// `plywood-ice` is `ice`, `plywood` is `plywood`.
fn short(package: &str) -> &str {
    package.strip_prefix("plywood-").unwrap_or(package)
}

/// The short name, if the package is one of ours.
fn ours(package: &str) -> Option<&str> {
    (package == "plywood" || package.starts_with("plywood-")).then(|| short(package))
}

/// The runtimes that a crate or its tests would bring in, each with the way to it.
fn runtimes_below(metadata: &Metadata, root: &PackageId) -> Vec<String> {
    let Some(resolve) = &metadata.resolve else { return vec!["cargo metadata resolved nothing".to_owned()] };
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let name = |id: &PackageId| metadata.packages.iter().find(|p| p.id == *id).map(|p| p.name.to_string());
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([root]);
    let mut waiting: Vec<(&PackageId, String)> = vec![(root, name(root).unwrap_or_default())];
    while let Some((id, way)) = waiting.pop() {
        let Some(node) = nodes.get(id) else { continue };
        for dependency in &node.deps {
            // Development dependencies count for the crate itself, not for what is below it.
            let counts = dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind != DependencyKind::Development || id == root);
            if !counts || !seen.insert(&dependency.pkg) {
                continue;
            }
            let below = name(&dependency.pkg).unwrap_or_default();
            let way = format!("{way} -> {below}");
            if RUNTIMES.contains(&below.as_str()) {
                found.push(format!("an asynchronous runtime in a sans-IO crate: {way}"));
            } else {
                waiting.push((&dependency.pkg, way));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_never_name_each_other() {
        assert!(forbidden("sctp", "dtls", DependencyKind::Normal).is_some());
        assert!(forbidden("ice", "turn", DependencyKind::Normal).is_some());
        assert!(forbidden("octets", "stun", DependencyKind::Normal).is_some());
        assert!(forbidden("ice", "stun", DependencyKind::Normal).is_none());
    }

    #[test]
    fn the_simulated_network_is_for_tests_of_layers_only() {
        assert!(forbidden("sctp", "simnet", DependencyKind::Normal).is_some());
        assert!(forbidden("sctp", "simnet", DependencyKind::Development).is_none());
        assert!(forbidden("sctp", "dtls", DependencyKind::Development).is_some());
    }

    #[test]
    fn a_crate_without_a_row_is_told_to_draw_its_arrows() {
        assert!(forbidden("media", "octets", DependencyKind::Normal).unwrap().contains("no row"));
    }

    #[test]
    fn the_table_itself_points_down_only() {
        // Each row may name only crates whose own row stands above it.
        for (at, (from, row)) in ARROWS.iter().enumerate() {
            for to in *row {
                let place = ARROWS.iter().position(|(name, _)| name == to);
                assert!(place.is_some_and(|place| place < at), "{from} -> {to}");
            }
        }
    }
}
