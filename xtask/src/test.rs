//! `cargo xtask test`: everything that decides whether the tree is good, but the long matrices.
//!
//! ```text
//!  fmt - locks - arrows - clippy - alone - build - unit - simulation - doc - providers - benches - ledger     the code
//!  examples - book - demo - dtls - stacks - browsers - packets - shim - fuzz                        the whole
//! ```
//! Each suite is timed; browsers play in a network of their own. A judge that cannot run here fails by name unless `--allow-skip` names it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::report::{Report, Row, Unavailable};
use crate::workspace;

mod suites;

/// Runs formatter, lints, tests, judges; installs what the judges need.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only this package; judges of the whole (book, browsers, fuzz) are left out.
    #[arg(short, long)]
    pub(crate) package: Option<String>,
    /// Every seed and every scenario, longer fuzzing.
    #[arg(long)]
    pub(crate) full: bool,
    /// Lets a judge be absent: browsers, book, fuzz or namespace (repeatable).
    #[arg(long, value_name = "NAME")]
    allow_skip: Vec<String>,
    /// Only these suites, by the names of the table (repeatable).
    #[arg(long, value_name = "NAME")]
    suite: Vec<String>,
    /// Write the rows to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let metadata = workspace::metadata()?;
    workspace::members(&metadata, options.package.as_deref())?;
    let mut plan = suites::plan(options);
    for name in &options.suite {
        anyhow::ensure!(plan.iter().any(|suite| suite.name == *name), "no suite is called {name}");
    }
    plan.retain(|suite| options.suite.is_empty() || options.suite.iter().any(|name| name == suite.name));

    let mut report = Report::default();
    for suite in plan {
        println!("== {}", suite.name);
        let start = Instant::now();
        let rows = (suite.run)(&suites::Context { options, metadata: &metadata, before: &report.rows });
        let rows = rows.unwrap_or_else(|error| vec![row_of_error(suite.name, &error, &options.allow_skip)]);
        report.add(suite.name, start.elapsed(), rows);
    }
    println!();
    report.print();
    report.write_json(options.json.as_deref())?;
    Ok(report.exit_code())
}

/// A suite that could not even run: allowed by name, or a failure.
fn row_of_error(suite: &str, error: &anyhow::Error, allowed: &[String]) -> Row {
    let Some(judge) = error.downcast_ref::<Unavailable>() else {
        return Row::fail(suite, suite, format!("{error:#}"));
    };
    if allowed.iter().any(|name| name == judge.judge || name == suite) {
        Row::skip(suite, suite, format!("allowed: {error}"))
    } else {
        Row::fail(suite, suite, format!("{error}\n(`--allow-skip {}` lets it be absent)", judge.judge))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Outcome;

    fn absent() -> anyhow::Error {
        Unavailable { judge: "browsers", reason: "no rights for a namespace".to_owned() }.into()
    }

    #[test]
    fn an_absent_judge_is_a_failure_by_name() {
        let row = row_of_error("browsers", &absent(), &[]);
        assert_eq!(row.result, Outcome::Fail);
        assert!(row.reason.contains("--allow-skip browsers"));
    }

    #[test]
    fn an_absent_judge_is_skipped_where_it_was_named() {
        let row = row_of_error("browsers", &absent(), &["browsers".to_owned()]);
        assert_eq!(row.result, Outcome::Skip);
    }

    #[test]
    fn any_other_error_stays_a_failure() {
        let row = row_of_error("book", &anyhow::anyhow!("broken"), &["book".to_owned()]);
        assert_eq!(row.result, Outcome::Fail);
    }
}
