//! `cargo xtask ledger`: one row a rule of an RFC, and the tests that prove it.
//!
//! Problem: "conformant" is easily said. How: `conformance/ledger/rfcNNNN.toml` holds each rule in our own
//! words with its status; this checker fails on a row whose test does not exist or did not pass, on one
//! without a reason, and on one told twice; the book shows the result as a table an RFC.
//! More: conformance/ledger/README.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::report::{Report, Row};
use crate::{cargo_tests, workspace};

mod render;

pub(crate) use render::chapters;

/// Checks that the rows of conformance/ledger are well-formed and that their tests exist.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only the form; nothing is compiled.
    #[arg(long)]
    form: bool,
    /// Write the rows to this file.
    #[arg(long)]
    json: Option<std::path::PathBuf>,
}

/// The level of a rule (RFC 2119, RFC 8174).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Level {
    #[serde(rename = "MUST")]
    Must,
    #[serde(rename = "MUST NOT")]
    MustNot,
    #[serde(rename = "SHOULD")]
    Should,
    #[serde(rename = "SHOULD NOT")]
    ShouldNot,
    #[serde(rename = "MAY")]
    May,
}

/// What became of a rule here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    Done,
    NotDone,
    NotApplicable,
}

/// One rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) section: String,
    pub(crate) level: Level,
    pub(crate) text: String,
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) because: String,
    #[serde(default)]
    pub(crate) tests: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Rule>,
}

/// The rules by RFC (`rfc9260`), in the order of the files' rows.
pub(crate) type Ledger = BTreeMap<String, Vec<Rule>>;

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let start = Instant::now();
    let ledger = read()?;
    let known = if options.form { None } else { Some(existing_tests()?) };
    let rows =
        check(&ledger, |test| known.as_ref().is_none_or(|known| known.contains(test)), "does not exist");
    let mut report = Report::default();
    report.add("ledger", start.elapsed(), rows);
    report.print();
    report.write_json(options.json.as_deref())?;
    Ok(report.exit_code())
}

/// The check as part of `cargo xtask test`: the tests must have passed in this very run.
pub(crate) fn rows_after(before: &[Row], only: Option<&str>) -> Result<Vec<Row>> {
    let mut ledger = read()?;
    let nothing_ran = !before.iter().any(|row| row.suite == "unit" || row.suite == "simulation");
    if nothing_ran {
        let existing = existing_tests()?;
        return Ok(check(&ledger, |test| existing.contains(test), "does not exist"));
    }
    if let Some(package) = only {
        // Tests of other packages did not run: their rows are judged in the run of the whole.
        for rules in ledger.values_mut() {
            rules.retain(|rule| rule.tests.iter().all(|test| package_of(test) == package));
        }
    }
    let ran: BTreeSet<&str> = before
        .iter()
        .filter(|row| row.result == crate::report::Outcome::Pass)
        .map(|row| row.case.as_str())
        .collect();
    Ok(check(&ledger, |test| ran.contains(test), "did not run and pass"))
}

/// `plywood-sctp::tests/transfer::name` belongs to `plywood-sctp`.
fn package_of(test: &str) -> &str {
    test.split("::").next().unwrap_or(test)
}

/// All ledger files.
pub(crate) fn read() -> Result<Ledger> {
    let folder = workspace::root().join("conformance/ledger");
    let mut ledger = Ledger::new();
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            ledger.insert(name, read_file(&path)?);
        }
    }
    Ok(ledger)
}

fn read_file(path: &Path) -> Result<Vec<Rule>> {
    let text = std::fs::read_to_string(path)?;
    let file: File =
        toml::from_str(&text).with_context(|| format!("{} is not a ledger file", path.display()))?;
    Ok(file.rule)
}

fn existing_tests() -> Result<BTreeSet<String>> {
    let metadata = workspace::metadata()?;
    let mut names = BTreeSet::new();
    for binary in cargo_tests::build(&metadata, None)? {
        names.extend(cargo_tests::list(&binary)?);
    }
    Ok(names)
}

/// A row a rule. `proved` says whether a test counts; `otherwise` what is wrong with one that does not.
fn check(ledger: &Ledger, proved: impl Fn(&str) -> bool, otherwise: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for (file, rules) in ledger {
        for rule in rules {
            let mut wrong = form(file, rule);
            if !seen.insert(&rule.id) {
                wrong.push("this id stands on two rows".to_owned());
            }
            let missing = rule.tests.iter().filter(|test| !proved(test));
            wrong.extend(missing.map(|test| format!("the test {test} {otherwise}")));
            let case = format!("{file} {}", rule.id);
            rows.push(if wrong.is_empty() {
                Row::pass("ledger", case)
            } else {
                Row::fail("ledger", case, wrong.join("\n"))
            });
        }
    }
    rows
}

/// What is wrong with a row, whatever ran.
fn form(file: &str, rule: &Rule) -> Vec<String> {
    let mut wrong = Vec::new();
    let number = file.strip_prefix("rfc").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    // Drafts have no number yet; their files carry the draft's name.
    if !number && !file.starts_with("draft-") {
        wrong.push(format!("the file should be called rfcNNNN.toml or draft-NAME.toml, not {file}.toml"));
    }
    for (field, value) in [("id", &rule.id), ("section", &rule.section), ("text", &rule.text)] {
        if value.trim().is_empty() {
            wrong.push(format!("`{field}` is empty"));
        }
    }
    match rule.status {
        Status::Done if rule.tests.is_empty() => wrong.push("done, but no test proves it".to_owned()),
        Status::NotDone | Status::NotApplicable if rule.because.trim().is_empty() => {
            wrong.push("neither done nor explained: `because` is empty".to_owned());
        }
        Status::Done | Status::NotDone | Status::NotApplicable => {}
    }
    let nameless = rule.tests.iter().filter(|test| !test.contains("::"));
    wrong.extend(nameless.map(|test| format!("{test} is not package::path::name")));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Outcome;

    const FILE: &str = r#"
[[rule]]
id = "9260-6.3.3-E1"
section = "6.3.3"
level = "MUST"
text = "When T3-rtx expires, ssthresh is halved."
status = "done"
tests = ["plywood-sctp::timers::tests::ssthresh_is_halved"]

[[rule]]
id = "9260-6.4-1"
section = "6.4"
level = "SHOULD NOT"
text = "Paths are not switched lightly."
status = "not-applicable"
because = "there is one path: DTLS"
"#;

    fn ledger(text: &str) -> Ledger {
        let file: File = toml::from_str(text).unwrap();
        Ledger::from([("rfc9260".to_owned(), file.rule)])
    }

    #[test]
    fn a_rule_is_proved_by_tests_that_ran() {
        let rows = check(&ledger(FILE), |test| test.ends_with("ssthresh_is_halved"), "did not run");
        assert!(rows.iter().all(|row| row.result == Outcome::Pass), "{rows:?}");
    }

    #[test]
    fn a_test_that_did_not_run_fails_its_row() {
        let rows = check(&ledger(FILE), |_| false, "did not run");
        assert_eq!(rows[0].result, Outcome::Fail);
        assert!(rows[0].reason.contains("ssthresh_is_halved did not run"));
    }

    #[test]
    fn a_rule_that_is_not_done_says_why() {
        let silent = FILE.replace("because = \"there is one path: DTLS\"", "");
        let rows = check(&ledger(&silent), |_| true, "");
        assert_eq!(rows[1].result, Outcome::Fail);
    }

    #[test]
    fn done_without_a_test_is_not_done() {
        let unproved = FILE.replace("tests = [\"plywood-sctp::timers::tests::ssthresh_is_halved\"]", "");
        assert_eq!(check(&ledger(&unproved), |_| true, "")[0].result, Outcome::Fail);
    }

    #[test]
    fn an_id_stands_on_one_row_only() {
        let twice = format!("{FILE}{FILE}");
        let failed =
            check(&ledger(&twice), |_| true, "").iter().filter(|row| row.result == Outcome::Fail).count();
        assert_eq!(failed, 2);
    }

    #[test]
    fn unknown_fields_and_levels_are_refused() {
        assert!(toml::from_str::<File>(&FILE.replace("SHOULD NOT", "OUGHT TO")).is_err());
        assert!(toml::from_str::<File>(&FILE.replace("because", "why")).is_err());
    }
}
