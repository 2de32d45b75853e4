//! `cargo xtask fuzz [TARGET] [SECONDS]`: libFuzzer over every parser and every state machine.
//!
//! fuzz/ has the layout of cargo-fuzz and works with it; but cargo-fuzz wants a nightly toolchain, and this
//! command gets along with the stable one that the project is built with: the coverage passes are LLVM's and
//! the address sanitizer is in the distribution, only their switches are held back.
//! ```text
//!  fuzz/fuzz_targets/NAME.rs    the target           fuzz/seeds/NAME/      first inputs, in git
//!  fuzz/dictionaries/NAME.dict  words of the format, fuzz/corpus/NAME/     what was found, not in git
//!                               or of the layer's    fuzz/artifacts/NAME/  inputs that failed
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::iter;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::report::{Outcome, Report, Row};
use crate::{install, process, workspace};

/// Fuzzes one target or all of them, some seconds each.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A target of fuzz/fuzz_targets; without it all take their turn.
    target: Option<String>,
    /// Seconds for each target.
    #[arg(default_value_t = 30)]
    seconds: u64,
    /// Name the targets and end.
    #[arg(long)]
    list: bool,
    /// Write the rows to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Switches that make rustc instrument for libFuzzer. They are for our own crates only: an engine that counts the
/// branches of big-number arithmetic spends most of its time there, and keeps inputs that differ in nothing else.
const INSTRUMENT: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-stack-depth",
    "-Zsanitizer=address",
    "-Cdebug-assertions",
];

#[derive(Deserialize)]
struct Manifest {
    package: Named,
    #[serde(default)]
    bin: Vec<Named>,
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.list {
        for target in targets()? {
            println!("{target}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    // `cargo xtask fuzz 60`: a number in the place of the target means all of them.
    let (target, seconds) = match options.target.as_deref().map(|word| (word, word.parse::<u64>())) {
        Some((_, Ok(seconds))) => (None, seconds),
        Some((name, Err(_))) => (Some(name), options.seconds),
        None => (None, options.seconds),
    };
    let start = Instant::now();
    let mut report = Report::default();
    let rows = rows(target, |_| seconds)?;
    report.add("fuzz", start.elapsed(), rows);
    report.print();
    report.write_json(options.json.as_deref())?;
    Ok(report.exit_code())
}

/// Builds, then runs each target for as many seconds as `seconds` says of its name, one target a core; a row a target.
pub(crate) fn rows(only: Option<&str>, seconds: impl Fn(&str) -> u64 + Sync) -> Result<Vec<Row>> {
    install::fuzzer()?;
    let mut targets = targets()?;
    if let Some(name) = only {
        targets.retain(|target| target == name);
        ensure!(!targets.is_empty(), "no fuzz target {name}; `cargo xtask fuzz --list` names them");
    }
    let mut rows = unlisted(&targets, only)?;
    let programs = build(&targets)?;
    let next = AtomicUsize::new(0);
    // Whoever is free takes the next target.
    let work = || -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let seconds = seconds(target);
            let row = run_target(&programs, target, seconds)?;
            let mark = if row.result == Outcome::Pass { &row.reason } else { "FOUND SOMETHING" };
            println!("  {target}: {mark} in {seconds} s");
            rows.push(row);
        }
        Ok(rows)
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    println!("  {} targets on {cores} cores", targets.len());
    thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            rows.extend(worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))??);
        }
        Ok(())
    })?;
    rows.sort_by(|a, b| a.case.cmp(&b.case));
    Ok(rows)
}

fn folder() -> PathBuf {
    workspace::root().join("fuzz")
}

fn manifest() -> Result<Manifest> {
    let text = fs::read_to_string(folder().join("Cargo.toml")).context("fuzz/Cargo.toml")?;
    Ok(toml::from_str(&text)?)
}

fn targets() -> Result<Vec<String>> {
    Ok(manifest()?.bin.into_iter().map(|bin| bin.name).collect())
}

impl Manifest {
    /// The targets and the plies that they call: what has a path.
    fn ours(&self) -> impl Iterator<Item = &str> {
        let plies = self.dependencies.iter().filter(|(_, how)| how.get("path").is_some());
        iter::once(self.package.name.as_str()).chain(plies.map(|(name, _)| name.as_str()))
    }
}

/// A target that fuzz/Cargo.toml forgets would never run: a failure.
fn unlisted(targets: &[String], only: Option<&str>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(folder().join("fuzz_targets"))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_target = path.extension().is_some_and(|extension| extension == "rs");
        if only.is_none() && is_target && !targets.contains(&name) {
            rows.push(Row::fail("fuzz", name, "it has no [[bin]] in fuzz/Cargo.toml"));
        }
    }
    Ok(rows)
}

/// Compiles the targets; the folder with their programs.
fn build(targets: &[String]) -> Result<PathBuf> {
    let host = host()?;
    let mut command = workspace::cargo();
    command.current_dir(folder()).args(["build", "--release", "--locked", "--target", &host]);
    command.args(targets.iter().flat_map(|target| ["--bin", target.as_str()]));
    command.arg("-Zprofile-rustflags");
    for package in manifest()?.ours() {
        let flags = INSTRUMENT.iter().map(|flag| format!("{flag:?}")).collect::<Vec<_>>().join(", ");
        command.arg("--config").arg(format!("profile.release.package.{package}.rustflags = [{flags}]"));
    }
    command.env("RUSTFLAGS", "--cfg fuzzing").env("RUSTC_BOOTSTRAP", "1");
    let output = folder().join("target");
    command.env("CARGO_TARGET_DIR", &output);
    let status = process::show(&mut command, Duration::from_secs(30 * 60))?;
    ensure!(status.is_some_and(|status| status.success()), "the fuzz targets do not compile (see above)");
    Ok(output.join(host).join("release"))
}

/// The triple of this machine: naming it keeps the switches away from build scripts.
fn host() -> Result<String> {
    let captured = process::capture(Command::new("rustc").arg("-vV"), Duration::from_secs(60))?;
    let line = captured.stdout.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc does not tell its host")?.to_owned())
}

fn run_target(programs: &Path, target: &str, seconds: u64) -> Result<Row> {
    let below = |kind: &str| folder().join(kind).join(target);
    for kind in ["corpus", "artifacts"] {
        fs::create_dir_all(below(kind))?;
    }
    let mut command = Command::new(programs.join(target));
    command.arg(below("corpus"));
    if below("seeds").is_dir() {
        command.arg(below("seeds"));
    }
    // Of its own, or of its layer.
    let layer = target.split('_').next().unwrap_or(target);
    let dictionary = |name: &str| folder().join("dictionaries").join(format!("{name}.dict"));
    if let Some(dictionary) = [target, layer].map(dictionary).into_iter().find(|path| path.is_file()) {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    command.arg(format!("-artifact_prefix={}/", below("artifacts").display()));
    command.arg(format!("-max_total_time={seconds}"));
    command.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    let captured = process::capture(&mut command, Duration::from_secs(seconds + 120))?;
    let summary = summary(&captured.stderr);
    let mut row = Row::pass("fuzz", target);
    if captured.ok() {
        row.reason = summary;
    } else {
        row.result = Outcome::Fail;
        row.reason = format!("{}\n{}", captured.ending(), captured.tail(30));
    }
    Ok(row)
}

/// `N runs, coverage N` from what libFuzzer prints.
fn summary(stderr: &str) -> String {
    let after = |line: &str, mark: &str| -> Option<String> {
        line.split_once(mark)?.1.split_whitespace().next().map(str::to_owned)
    };
    let runs = stderr.lines().rev().find_map(|line| after(line, "stat::number_of_executed_units:"));
    let coverage = stderr.lines().rev().find_map(|line| after(line, " cov: "));
    format!("{} runs, coverage {}", runs.unwrap_or_default(), coverage.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_path_is_ours() {
        let text = "[package]\nname = \"f\"\n[dependencies]\nbytes = \"1\"\nply = { path = \"../ply\" }\n";
        let manifest: Manifest = toml::from_str(text).unwrap();
        assert_eq!(manifest.ours().collect::<Vec<_>>(), ["f", "ply"]);
    }

    #[test]
    fn the_final_statistics_are_read() {
        let stderr = "#2\tINITED cov: 12 ft: 13 corp: 1/1b\n#99\tDONE   cov: 31 ft: 40 corp: 5/9b\nDone\n\
                      stat::number_of_executed_units: 99\n";
        assert_eq!(summary(stderr), "99 runs, coverage 31");
    }
}
