//! `cargo xtask bogo --runner PATH`: BoringSSL's test runner against our DTLS.
//!
//! The runner is a Go program that can misbehave on command; it is not part of this repository. It starts one
//! process of our shim (conformance/bogo) a test and judges packets, alerts and exit codes.
//! ```text
//!  runner --starts--> shim --TCP, framed datagrams, virtual time--> runner      config.json: what is left out, and why
//! ```

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::report::{Outcome, Report, Row};
use crate::workspace;

/// Runs BoringSSL's runner against the shim.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The runner: a test binary made with `go test -c` in BoringSSL's ssl/test/runner.
    #[arg(long)]
    runner: Option<PathBuf>,
    /// The folder of the runner's own sources: it reads certificates and test data there. Default: where the
    /// runner is.
    #[arg(long)]
    runner_dir: Option<PathBuf>,
    /// Do not compare the names of errors, only what the peer sees: alerts, packets, the end.
    #[arg(long)]
    loose_errors: bool,
    /// Only tests whose names match (the runner's glob patterns, parted by `;`).
    #[arg(long)]
    test: Option<String>,
    /// Write the rows to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let Some(runner) = &options.runner else {
        eprintln!(
            "--runner PATH is needed: the test binary of BoringSSL's ssl/test/runner (made with `go test -c`)"
        );
        return Ok(ExitCode::from(2));
    };
    ensure!(runner.is_file(), "no runner at {}", runner.display());
    let folder = workspace::root().join("conformance/bogo");
    if !folder.join("Cargo.toml").is_file() {
        eprintln!("the shim does not exist yet (conformance/bogo; see docs/roadmap.md)");
        return Ok(ExitCode::from(2));
    }
    let shim = build_shim(&folder)?;
    let results = workspace::scratch("bogo")?.join("results.json");
    let runner = runner.canonicalize()?;
    let mut command = Command::new(&runner);
    command.current_dir(options.runner_dir.as_deref().or(runner.parent()).unwrap_or(Path::new("/")));
    command.arg("-shim-path").arg(shim).arg("-shim-config").arg(folder.join("config.json"));
    command.args(["-allow-unimplemented", "-pipe", "-num-workers", "2", "-idle-timeout", "5s"]);
    command.arg("-json-output").arg(&results);
    if options.loose_errors {
        command.arg("-loose-errors");
    }
    if let Some(pattern) = &options.test {
        command.args(["-test", pattern]);
    }
    let start = std::time::Instant::now();
    // Its exit code says less than its results: a failed test is a row.
    let _ = std::fs::remove_file(&results);
    let _ = command.status().context("cannot start the runner")?;
    let mut report = Report::default();
    let text = std::fs::read_to_string(&results).context("the runner wrote no results")?;
    let rows = rows(&serde_json::from_str(&text)?);
    let count = |outcome| rows.iter().filter(|row| row.result == outcome).count();
    let (passed, failed, excluded) = (count(Outcome::Pass), count(Outcome::Fail), count(Outcome::Skip));
    report.add("bogo", start.elapsed(), rows);
    report.print();
    println!("{passed} passed, {failed} failed, {excluded} excluded (by config.json, or not implemented)");
    report.write_json(options.json.as_deref())?;
    Ok(report.exit_code())
}

fn build_shim(folder: &Path) -> Result<PathBuf> {
    let target = workspace::target().join("tools");
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--manifest-path"]).arg(folder.join("Cargo.toml"));
    command.arg("--target-dir").arg(&target);
    ensure!(command.status()?.success(), "the shim does not compile (see above)");
    Ok(target.join("release/bogo_shim"))
}

/// The runner's results: `{"tests": {"NAME": {"actual": "PASS|FAIL|SKIP", ..}}}`.
fn rows(results: &Value) -> Vec<Row> {
    let Some(tests) = results["tests"].as_object() else { return Vec::new() };
    let row = |(name, test): (&String, &Value)| {
        let mut row = Row::pass("bogo", name.as_str());
        row.result = match test["actual"].as_str() {
            Some("PASS") => Outcome::Pass,
            Some("SKIP") => Outcome::Skip,
            _ => Outcome::Fail,
        };
        if row.result != Outcome::Pass {
            test["error"]
                .as_str()
                .unwrap_or("excluded by config.json, or not implemented")
                .clone_into(&mut row.reason);
        }
        row
    };
    tests.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_the_runner_become_rows() {
        let results = serde_json::json!({"tests": {
            "A": {"actual": "PASS"}, "B": {"actual": "SKIP"}, "C": {"actual": "FAIL", "error": "bad alert"},
        }});
        let outcomes: Vec<_> = rows(&results).into_iter().map(|row| (row.result, row.reason)).collect();
        assert_eq!(outcomes[0], (Outcome::Pass, String::new()));
        assert_eq!(outcomes[1].0, Outcome::Skip);
        assert_eq!(outcomes[2], (Outcome::Fail, "bad alert".to_owned()));
    }
}
