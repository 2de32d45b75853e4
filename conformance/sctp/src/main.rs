//! `cargo xtask conformance sctp [FILE ...]`: packet scenarios fed to plywood-sctp in virtual time.
//!
//! A scenario says which packets go in, which must come out and when, and what the application calls. This
//! program interprets it: it has its own reader of chunk text, its own packet code and its own clock, so that a
//! mistake of the library cannot excuse itself. The format stands in README.md beside this crate.
//!
//! ```text
//!   scenarios/*.jsonl --> text --> encode --> packet --> Association --> packet --> compare --> pass / fail
//!                           |                                ^ clock, application
//!                           '--> applicability --> not applicable, by rule
//! ```

#![expect(clippy::print_stdout, reason = "a tool for people")]

mod applicability;
mod application;
mod codes;
mod compare;
mod configuration;
mod encode;
mod packet;
mod run;
mod scenario;
mod symbols;
mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use serde::Serialize;

use crate::scenario::Scenario;

/// Feeds packet scenarios to plywood-sctp.
#[derive(Debug, Parser)]
struct Options {
    /// Scenario files; without one, those that stand beside this program.
    files: Vec<PathBuf>,
    /// Write the rows to this file, as a JSON array.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Run those that do not apply too, and show where they differ: to see what a rule leaves out.
    #[arg(long)]
    all: bool,
    /// Only scenarios whose id contains this.
    #[arg(long)]
    only: Option<String>,
}

/// One scenario's end.
#[derive(Debug, Serialize)]
struct Row {
    suite: String,
    case: String,
    result: &'static str,
    reason: String,
}

fn judge(suite: &str, scenario: &Scenario, all: bool) -> Row {
    let (result, reason) = match scenario.steps() {
        Err(error) => ("fail", error),
        Ok(steps) => match applicability::reason(scenario, &steps).filter(|_| !all) {
            Some(reason) => ("skip", reason.to_owned()),
            None => match run::run(scenario, &steps, configuration::of(scenario, &steps)) {
                Ok(()) => ("pass", String::new()),
                Err(difference) => ("fail", difference),
            },
        },
    };
    Row { suite: suite.to_owned(), case: scenario.id.clone(), result, reason }
}

fn own_files() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    Ok(files)
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let files = if options.files.is_empty() { own_files()? } else { options.files };
    let mut rows = Vec::new();
    for file in files {
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let suite = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let scenarios = scenario::read(&text).with_context(|| file.display().to_string())?;
        for scenario in scenarios {
            if options.only.as_ref().is_none_or(|only| scenario.id.contains(only.as_str())) {
                let row = judge(&suite, &scenario, options.all);
                if row.result == "fail" {
                    println!("FAIL {} {} ({})\n     {}", row.suite, row.case, scenario.title, row.reason);
                }
                rows.push(row);
            }
        }
    }
    print_skipped(&rows);
    print_sums(&rows);
    if let Some(file) = options.json {
        let text = serde_json::to_string_pretty(&rows)?;
        std::fs::write(&file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    let failed = rows.iter().any(|row| row.result == "fail");
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What does not apply, by rule.
fn print_skipped(rows: &[Row]) {
    let mut reasons: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|row| row.result == "skip") {
        if !reasons.contains(&row.reason.as_str()) {
            reasons.push(&row.reason);
        }
    }
    for reason in reasons {
        println!("not applicable: {reason}");
        for row in rows.iter().filter(|row| row.reason == reason) {
            println!("     {} {}", row.suite, row.case);
        }
    }
}

fn print_sums(rows: &[Row]) {
    let mut suites: Vec<&str> = Vec::new();
    for row in rows {
        if !suites.contains(&row.suite.as_str()) {
            suites.push(&row.suite);
        }
    }
    println!("{:20} {:>7} {:>7} {:>15}", "suite", "passed", "failed", "not applicable");
    for suite in suites {
        let count =
            |result: &str| rows.iter().filter(|row| row.suite == suite && row.result == result).count();
        println!("{suite:20} {:>7} {:>7} {:>15}", count("pass"), count("fail"), count("skip"));
    }
}
