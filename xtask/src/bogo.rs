//! `cargo xtask bogo --runner PATH`: BoringSSL's test runner against our DTLS.
//!
//! The runner is a Go program that can misbehave on command; it is not part of this repository. It starts one
//! process of our shim (conformance/bogo) a test and judges packets, alerts and exit codes.
//! ```text
//!  runner --starts--> shim --TCP, framed datagrams, virtual time--> runner      config.json: what is left out, and why
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::report::{Outcome, Report, Row, Tally};
use crate::workspace;

/// Runs BoringSSL's runner against the shim.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The runner: BoringSSL's ssl/test/runner, as a program.
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
    /// Only the tests named in this file, one pattern a line: a set that is published.
    #[arg(long, conflicts_with = "test")]
    tests_from: Option<PathBuf>,
    /// Write the rows to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let Some(runner) = &options.runner else {
        eprintln!(
            "--runner PATH is needed: BoringSSL's ssl/test/runner as a program, which is not part of this project;\n\
             --runner-dir DIR names the folder with its data, if the program does not stand in it"
        );
        return Ok(ExitCode::from(2));
    };
    ensure!(runner.is_file(), "no runner at {}", runner.display());
    let runner = runner.canonicalize()?;
    let folder = workspace::root().join("conformance/bogo");
    let config = folder.join("config.json");
    let shim = build_shim(&folder)?;
    let results = workspace::scratch("bogo")?.join("results.json");
    let mut command = Command::new(&runner);
    command.current_dir(options.runner_dir.as_deref().or(runner.parent()).unwrap_or(Path::new("/")));
    command.arg("-shim-path").arg(shim).arg("-shim-config").arg(&config);
    command.args(["-allow-unimplemented", "-pipe", "-num-workers", "2", "-idle-timeout", "5s"]);
    command.arg("-json-output").arg(&results);
    if options.loose_errors {
        command.arg("-loose-errors");
    }
    if let Some(pattern) = options.patterns()? {
        command.args(["-test", &pattern]);
    }
    let start = std::time::Instant::now();
    // Its exit code and its words say less than its results: a failed test is a row.
    let _ = std::fs::remove_file(&results);
    let output = command.output().context("cannot start the runner")?;
    let Ok(text) = std::fs::read_to_string(&results) else {
        anyhow::bail!("the runner wrote no results: {}", tail(&output.stdout, &output.stderr));
    };
    let excluded = std::fs::read_to_string(&config).context("no config.json")?;
    let words = String::from_utf8_lossy(&output.stdout);
    let rows = rows(&serde_json::from_str(&text)?, &words);
    let mut report = Report::default();
    print_families(&rows);
    report.add("bogo", start.elapsed(), rows);
    print_failures(&report.rows);
    let excluded = exclusions(&serde_json::from_str(&excluded)?);
    println!("excluded by config.json:");
    for (pattern, reason) in &excluded {
        println!("  {pattern}: {reason}");
    }
    let Tally { passed, failed, skipped } = Tally::of(&report.rows);
    println!(
        "{passed} passed, {failed} failed, {skipped} not implemented, {} patterns excluded, in {:.0} s",
        excluded.len(),
        start.elapsed().as_secs_f64()
    );
    report.write_json(options.json.as_deref())?;
    Ok(report.exit_code())
}

impl Options {
    /// The runner's patterns: as given, or one a line of a file.
    fn patterns(&self) -> Result<Option<String>> {
        let Some(file) = &self.tests_from else { return Ok(self.test.clone()) };
        let text = std::fs::read_to_string(file).with_context(|| format!("no {}", file.display()))?;
        let names: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Ok(Some(names.join(";")))
    }
}

/// The last words of a runner that failed.
fn tail(stdout: &[u8], stderr: &[u8]) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
    let start = text.char_indices().rev().nth(600).map_or(0, |(at, _)| at);
    text[start..].trim().to_owned()
}

/// What a test is about: its name up to the second word, which is where variants begin.
fn family(case: &str) -> &str {
    let name = case.strip_prefix("AsDTLS-").unwrap_or(case);
    let end = name.match_indices('-').nth(usize::from(name.starts_with("DTLS-"))).map(|(at, _)| at);
    &name[..end.unwrap_or(name.len())]
}

/// One line a family that has more than a few tests or that did not pass; the rest in one.
fn print_families(rows: &[Row]) {
    const FEW: usize = 4;
    let mut families: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        families.entry(family(&row.case)).or_default().push(row);
    }
    println!("{:<48} {:>7} {:>7} {:>16}", "family", "passed", "failed", "not implemented");
    let line = |name: &str, tally: Tally| {
        println!("{name:<48} {:>7} {:>7} {:>16}", tally.passed, tally.failed, tally.skipped);
    };
    let mut others = Vec::new();
    for (name, rows) in families {
        let tally = Tally::of(rows.iter().copied());
        if tally.passed == rows.len() && rows.len() < FEW {
            others.extend(rows);
        } else {
            line(name, tally);
        }
    }
    line("families of fewer tests, all passed", Tally::of(others));
}

fn print_failures(rows: &[Row]) {
    for row in rows.iter().filter(|row| row.result != Outcome::Pass) {
        let word = if row.result == Outcome::Fail { "FAIL" } else { "not implemented" };
        println!("{word} {}", row.case);
        row.reason.lines().filter(|line| !line.trim().is_empty()).for_each(|line| println!("     {line}"));
    }
}

/// Pattern and reason of what `config.json` leaves out.
fn exclusions(config: &Value) -> Vec<(String, String)> {
    let Some(tests) = config["DisabledTests"].as_object() else { return Vec::new() };
    let reason = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    tests.iter().map(|(pattern, value)| (pattern.clone(), reason(value))).collect()
}

fn build_shim(folder: &Path) -> Result<PathBuf> {
    let target = workspace::target().join("tools");
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--manifest-path"]).arg(folder.join("Cargo.toml"));
    command.arg("--target-dir").arg(&target);
    ensure!(command.status()?.success(), "the shim does not compile (see above)");
    Ok(target.join("release/bogo_shim"))
}

/// The runner's results: `{"tests": {"NAME": {"actual": "PASS|FAIL|SKIP", ..}}}`; why a test failed stands in its words.
fn rows(results: &Value, words: &str) -> Vec<Row> {
    let Some(tests) = results["tests"].as_object() else { return Vec::new() };
    let row = |(name, test): (&String, &Value)| match test["actual"].as_str() {
        Some("PASS") => Row::pass("bogo", name.as_str()),
        Some("SKIP") => Row::skip("bogo", name.as_str(), "not implemented"),
        _ => Row::fail("bogo", name.as_str(), why(name, words)),
    };
    tests.iter().map(row).collect()
}

/// What the runner said under `FAILED (NAME)`, up to what it says of the next test.
fn why(name: &str, words: &str) -> String {
    let said = words.split_once(&format!("FAILED ({name})\n")).map_or("", |(_, said)| said);
    let next =
        |line: &&str| !["FAILED (", "PASSED (", "UNIMPLEMENTED ("].iter().any(|word| line.starts_with(word));
    let lines: Vec<_> =
        said.lines().take_while(next).map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_the_runner_become_rows_and_its_words_reasons() {
        let results = serde_json::json!({"tests": {
            "A": {"actual": "PASS"}, "B": {"actual": "SKIP"}, "C": {"actual": "FAIL"},
        }});
        let words = "PASSED (A)\nFAILED (C)\nbad alert\n\n\tgot: none\nUNIMPLEMENTED (B)\nmore\n";
        let outcomes: Vec<_> =
            rows(&results, words).into_iter().map(|row| (row.result, row.reason)).collect();
        assert_eq!(outcomes[0], (Outcome::Pass, String::new()));
        assert_eq!(outcomes[1].0, Outcome::Skip);
        assert_eq!(outcomes[2], (Outcome::Fail, "bad alert\ngot: none".to_owned()));
    }

    #[test]
    fn variants_of_a_test_are_one_family() {
        for (case, expected) in [
            ("DTLS-Retransmit-Client-Basic-TLS13", "DTLS-Retransmit"),
            ("Basic-Client-NoTicket-TLS12-Sync", "Basic"),
            ("AsDTLS-CurveTest-Client-P-256-TLS12", "CurveTest"),
            ("LargeMessage-DTLS", "LargeMessage"),
            ("Plain", "Plain"),
        ] {
            assert_eq!(family(case), expected);
        }
    }

    #[test]
    fn each_exclusion_of_our_configuration_has_a_reason() {
        let text = std::fs::read_to_string(workspace::root().join("conformance/bogo/config.json")).unwrap();
        let excluded = exclusions(&serde_json::from_str(&text).unwrap());
        assert!(!excluded.is_empty());
        assert!(excluded.iter().all(|(_, reason)| reason.len() > 10), "{excluded:?}");
    }
}
