//! What every command ends with: a table for people, rows for machines, one exit code.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// How one case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Pass,
    Fail,
    Skip,
}

/// One case: what `--json` writes for every command but `bench`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) suite: String,
    pub(crate) case: String,
    pub(crate) result: Outcome,
    pub(crate) reason: String,
}

impl Row {
    pub(crate) fn pass(suite: &str, case: impl Into<String>) -> Self {
        Self::new(suite, case, Outcome::Pass, "")
    }

    pub(crate) fn fail(suite: &str, case: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(suite, case, Outcome::Fail, reason)
    }

    pub(crate) fn skip(suite: &str, case: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(suite, case, Outcome::Skip, reason)
    }

    fn new(suite: &str, case: impl Into<String>, result: Outcome, reason: impl Into<String>) -> Self {
        Self { suite: suite.to_owned(), case: case.into(), result, reason: reason.into() }
    }
}

/// A judge that could not be made ready here: a failure, unless `--allow-skip` names it.
#[derive(Debug)]
pub(crate) struct Unavailable {
    pub(crate) judge: &'static str,
    pub(crate) reason: String,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the judge `{}` cannot run here: {}", self.judge, self.reason)
    }
}

impl std::error::Error for Unavailable {}

/// How many of each.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    pub(crate) fn of<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Self {
        let mut tally = Self::default();
        for row in rows {
            match row.result {
                Outcome::Pass => tally.passed += 1,
                Outcome::Fail => tally.failed += 1,
                Outcome::Skip => tally.skipped += 1,
            }
        }
        tally
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// All rows of one run, and the time of each suite in the order in which they ran.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    times: Vec<(String, Duration)>,
}

impl Report {
    pub(crate) fn add(&mut self, suite: &str, time: Duration, rows: Vec<Row>) {
        self.times.push((suite.to_owned(), time));
        self.rows.extend(rows);
    }

    /// Failures with their reasons, then what was skipped and why, then a line a suite, then the sum.
    pub(crate) fn print(&self) {
        for row in self.rows.iter().filter(|row| row.result == Outcome::Fail) {
            println!("FAIL {} {}", row.suite, row.case);
            for line in row.reason.lines() {
                println!("     {line}");
            }
        }
        self.print_skipped();
        println!("{:<14} {:>8} {:>7} {:>7} {:>7}", "suite", "time", "passed", "failed", "skipped");
        for (suite, time) in &self.times {
            let tally = Tally::of(self.rows.iter().filter(|row| row.suite == *suite));
            println!(
                "{suite:<14} {:>7.1}s {:>7} {:>7} {:>7}",
                time.as_secs_f64(),
                tally.passed,
                tally.failed,
                tally.skipped
            );
        }
        println!("{}", Tally::of(&self.rows));
    }

    fn print_skipped(&self) {
        let mut skipped: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.result == Outcome::Skip) {
            skipped.entry((&row.suite, &row.reason)).or_default().push(&row.case);
        }
        for ((suite, reason), cases) in skipped {
            println!("SKIP {suite}: {} ({reason})", cases.join(", "));
        }
    }

    pub(crate) fn write_json(&self, file: Option<&Path>) -> Result<()> {
        let Some(file) = file else { return Ok(()) };
        let text = serde_json::to_string_pretty(&self.rows)?;
        std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        if Tally::of(&self.rows).failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_written_as_the_format_says() {
        let row = Row::skip("browsers", "firefox/offers/large", "no room");
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"suite":"browsers","case":"firefox/offers/large","result":"skip","reason":"no room"}"#
        );
    }

    #[test]
    fn one_failure_makes_the_exit_code_a_failure() {
        let mut report = Report::default();
        report.add("one", Duration::ZERO, vec![Row::pass("one", "a"), Row::skip("one", "b", "why")]);
        assert_eq!(format!("{:?}", report.exit_code()), format!("{:?}", ExitCode::SUCCESS));
        report.add("two", Duration::ZERO, vec![Row::fail("two", "a", "why")]);
        assert_eq!(format!("{:?}", report.exit_code()), format!("{:?}", ExitCode::FAILURE));
        assert_eq!(Tally::of(&report.rows).to_string(), "1 passed, 1 failed, 1 skipped");
    }
}
