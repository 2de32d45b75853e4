//! Builds the tests once and runs each binary by itself, so that every test is known by its package.
//!
//! `cargo test` prints names without packages; the ledger needs both. Cargo tells in JSON which binary it
//! made for which target, and a test binary needs nothing but its package's folder to run in.

use std::io::BufReader;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Artifact, Message, Metadata, TargetKind};

use crate::report::{Outcome, Row};
use crate::{libtest, process, workspace};

/// Longest time for one test binary; the simulations of `--full` take their time.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Tells simulations how many seeds to take instead of a sample; and anything else to be thorough.
const SEEDS: &str = "PLYWOOD_SEEDS";
const FULL: &str = "PLYWOOD_FULL";

/// A test binary, and what its tests are called in reports and in the ledger.
#[derive(Debug)]
pub(crate) struct Binary {
    /// `plywood-sctp` for tests inside the crate, `plywood-sctp::tests/transfer` for a file of `tests/`.
    pub(crate) prefix: String,
    pub(crate) suite: &'static str,
    executable: PathBuf,
    folder: PathBuf,
}

/// Features that tests need beside the default ones, where the package has them.
const TEST_FEATURES: &[(&str, &str)] = &[("plywood-dtls", "rustcrypto"), ("plywood-peer", "rustcrypto")];

/// `--features` for a build of everything (or of one package) with all that its tests need.
pub(crate) fn selection(metadata: &Metadata, only: Option<&str>) -> Result<Vec<String>> {
    let mut arguments = match only {
        Some(name) => vec!["--package".to_owned(), name.to_owned()],
        None => vec!["--workspace".to_owned()],
    };
    for package in workspace::members(metadata, only)? {
        for (name, feature) in TEST_FEATURES {
            if package.name.as_str() == *name && package.features.contains_key(*feature) {
                arguments.extend(["--features".to_owned(), format!("{name}/{feature}")]);
            }
        }
    }
    Ok(arguments)
}

/// Compiles all test binaries; an error if one does not compile.
pub(crate) fn build(metadata: &Metadata, only: Option<&str>) -> Result<Vec<Binary>> {
    let mut command = workspace::cargo();
    command.args([
        "test",
        "--no-run",
        "--lib",
        "--bins",
        "--tests",
        "--message-format=json-render-diagnostics",
    ]);
    command.args(selection(metadata, only)?);
    Ok(executables(command)?
        .into_iter()
        .filter(|artifact| artifact.profile.test)
        .filter_map(|artifact| binary(metadata, &artifact))
        .collect())
}

/// Compiles the examples and gives their names and programs.
pub(crate) fn build_examples(metadata: &Metadata, only: Option<&str>) -> Result<Vec<(String, PathBuf)>> {
    let mut command = workspace::cargo();
    command.args(["build", "--examples", "--message-format=json-render-diagnostics"]);
    command.args(selection(metadata, only)?);
    let mut examples = Vec::new();
    for artifact in executables(command)? {
        let is_example = artifact.target.kind.contains(&TargetKind::Example);
        let package = metadata.packages.iter().find(|package| package.id == artifact.package_id);
        if let (true, Some(package), Some(program)) = (is_example, package, &artifact.executable) {
            examples.push((format!("{}/{}", package.name, artifact.target.name), program.clone().into()));
        }
    }
    examples.sort();
    Ok(examples)
}

/// Runs a Cargo command that prints JSON messages; the artifacts that are programs.
fn executables(mut command: std::process::Command) -> Result<Vec<Artifact>> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let output = child.stdout.take().context("cargo has no stdout")?;
    let mut artifacts = Vec::new();
    for message in Message::parse_stream(BufReader::new(output)) {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.executable.is_some()
        {
            artifacts.push(artifact);
        }
    }
    ensure!(child.wait()?.success(), "it does not compile (see above)");
    Ok(artifacts)
}

fn binary(metadata: &Metadata, artifact: &Artifact) -> Option<Binary> {
    let package = metadata.packages.iter().find(|package| package.id == artifact.package_id)?;
    let in_tests_folder = artifact.target.kind.contains(&TargetKind::Test);
    Some(Binary {
        prefix: if in_tests_folder {
            format!("{}::tests/{}", package.name, artifact.target.name)
        } else {
            package.name.to_string()
        },
        suite: if in_tests_folder { "simulation" } else { "unit" },
        executable: artifact.executable.clone()?.into(),
        folder: package.manifest_path.parent()?.into(),
    })
}

/// Runs one binary: a row a test, and one for the binary itself if it died.
pub(crate) fn run(binary: &Binary, full: bool) -> Result<Vec<Row>> {
    let mut command = std::process::Command::new(&binary.executable);
    command.current_dir(&binary.folder).env("CARGO_MANIFEST_DIR", &binary.folder);
    if full {
        command.env(FULL, "1").env(SEEDS, "1000");
    }
    let captured = process::capture(&mut command, LIMIT)?;
    let mut rows = rows(binary.suite, &binary.prefix, &captured.stdout);
    let explained = rows.iter().any(|row| row.result == Outcome::Fail);
    if !captured.ok() && !explained {
        let reason = format!("{}\n{}", captured.ending(), captured.tail(30));
        rows.push(Row::fail(binary.suite, &binary.prefix, reason));
    }
    Ok(rows)
}

/// Doc tests of one package or of all.
pub(crate) fn run_docs(metadata: &Metadata, only: Option<&str>) -> Result<Vec<Row>> {
    let mut command = workspace::cargo();
    command.args(["test", "--doc", "--no-fail-fast"]).args(selection(metadata, only)?);
    let captured = process::capture(&mut command, LIMIT)?;
    let mut rows = rows("doc", "", &captured.stdout);
    // A package of programs alone has no library to test; Cargo calls that an error.
    let nothing_to_do = captured.stderr.contains("no library targets found");
    if !captured.ok() && !nothing_to_do && !rows.iter().any(|row| row.result == Outcome::Fail) {
        rows.push(Row::fail("doc", "cargo test --doc", captured.tail(30)));
    }
    Ok(rows)
}

/// The names of all tests of a binary, without running them.
pub(crate) fn list(binary: &Binary) -> Result<Vec<String>> {
    let mut command = std::process::Command::new(&binary.executable);
    command.current_dir(&binary.folder).args(["--list", "--format", "terse"]);
    let captured = process::capture(&mut command, Duration::from_secs(60))?;
    ensure!(captured.ok(), "{} --list: {}", binary.prefix, captured.ending());
    let names = captured.stdout.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(names.map(|name| format!("{}::{name}", binary.prefix)).collect())
}

fn rows(suite: &str, prefix: &str, output: &str) -> Vec<Row> {
    let tests = libtest::parse(output);
    let to_row = |test: &libtest::TestLine| {
        let case = if prefix.is_empty() { test.name.clone() } else { format!("{prefix}::{}", test.name) };
        match test.outcome {
            Outcome::Pass => Row::pass(suite, case),
            Outcome::Fail => Row::fail(suite, case, ""),
            Outcome::Skip if test.reason.is_empty() => Row::skip(suite, case, "ignored without a reason"),
            Outcome::Skip => Row::skip(suite, case, &test.reason),
        }
    };
    let mut rows: Vec<Row> = tests.iter().map(to_row).collect();
    // The text of all failures stands with the first one: the harness does not part them.
    if let Some(first) = rows.iter_mut().find(|row| row.result == Outcome::Fail) {
        libtest::failures(output).clone_into(&mut first.reason);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_known_by_package_and_path() {
        let output = "test wire::round_trip ... ok\ntest late ... ignored\n";
        let rows = rows("unit", "plywood-sctp", output);
        assert_eq!(rows[0].case, "plywood-sctp::wire::round_trip");
        assert_eq!((rows[1].result, rows[1].reason.as_str()), (Outcome::Skip, "ignored without a reason"));
    }
}
