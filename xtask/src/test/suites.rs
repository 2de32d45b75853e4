//! The suites of `cargo xtask test`, in the order in which they run: quick and telling ones first.

use std::time::Duration;

use anyhow::{Context as _, Result};
use cargo_metadata::Metadata;

use super::Options;
use crate::report::{Outcome, Row, Unavailable};
use crate::{arrows, book, cargo_tests, conformance, fuzz, interop, ledger, process, workspace};

/// What a suite may look at.
#[derive(Debug)]
pub(crate) struct Context<'c> {
    pub(crate) options: &'c Options,
    pub(crate) metadata: &'c Metadata,
    /// Rows of the suites that ran before.
    pub(crate) before: &'c [Row],
}

impl Context<'_> {
    fn package(&self) -> Option<&str> {
        self.options.package.as_deref()
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Context<'_>) -> Result<Vec<Row>>,
    /// Judges the whole, not one package.
    whole: bool,
}

const fn suite(name: &'static str, run: fn(&Context<'_>) -> Result<Vec<Row>>) -> Suite {
    Suite { name, run, whole: false }
}

const fn whole(name: &'static str, run: fn(&Context<'_>) -> Result<Vec<Row>>) -> Suite {
    Suite { name, run, whole: true }
}

const SUITES: &[Suite] = &[
    suite("fmt", fmt),
    whole("locks", locks),
    suite("arrows", |context| arrows::rows(context.package())),
    suite("clippy", clippy),
    suite("alone", |context| arrows::alone(context.package())),
    suite("build", |context| {
        cargo_tests::build(context.metadata, context.package())?;
        Ok(vec![Row::pass("build", "all tests")])
    }),
    suite("unit", |context| run_kind(context, "unit")),
    suite("simulation", |context| run_kind(context, "simulation")),
    suite("doc", doc),
    suite("providers", providers),
    whole("benches", benches),
    suite("ledger", |context| ledger::rows_after(context.before, context.package())),
    suite("examples", examples),
    whole("book", |_| book::build()),
    whole("demo", demo),
    whole("dtls", |_| interop::dtls::stacks(interop::dtls::QUICK)),
    whole("stacks", |context| interop::stacks::rows(context.options.full)),
    whole("browsers", browsers),
    whole("packets", packets),
    whole("shim", shim),
    whole("fuzz", fuzz_minute),
];

/// The suites that this run should hold.
pub(crate) fn plan(options: &Options) -> Vec<Suite> {
    SUITES.iter().filter(|suite| options.package.is_none() || !suite.whole).copied().collect()
}

const COMPILE_LIMIT: Duration = Duration::from_secs(20 * 60);

/// One Cargo command as one row; its own output is shown as it comes.
fn cargo_row(suite: &str, case: &str, arguments: &[String]) -> Result<Row> {
    let status = process::show(workspace::cargo().args(arguments), COMPILE_LIMIT)?;
    Ok(if status.is_some_and(|status| status.success()) {
        Row::pass(suite, case)
    } else {
        Row::fail(suite, case, format!("cargo {} (see above)", arguments.join(" ")))
    })
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Workspaces beside the root's; those that are not there yet are left out.
const OTHER_WORKSPACES: &[&str] = &[
    "benches",
    "conformance/bogo",
    "conformance/libdatachannel",
    "conformance/sctp",
    "conformance/sctp-peers",
    "conformance/stacks",
    "docs/builder",
    "fuzz",
];

fn fmt(context: &Context<'_>) -> Result<Vec<Row>> {
    if let Some(name) = context.package() {
        return Ok(vec![cargo_row("fmt", name, &words(&format!("fmt --check --package {name}")))?]);
    }
    let mut rows = vec![cargo_row("fmt", "the workspace", &words("fmt --check --all"))?];
    for (folder, manifest) in other_manifests() {
        rows.push(cargo_row("fmt", folder, &words(&format!("fmt --check --manifest-path {manifest}")))?);
    }
    Ok(rows)
}

/// A change of the library's dependencies reaches the lock files of all workspaces that use it: one that was forgotten
/// fails here, in a second, and not where its judge would have been built.
fn locks(_context: &Context<'_>) -> Result<Vec<Row>> {
    let check = |(folder, manifest): (&str, String)| {
        let line = format!("update --quiet --workspace --locked --manifest-path {manifest}");
        cargo_row("locks", folder, &words(&line))
    };
    std::iter::once(("the workspace", "Cargo.toml".to_owned())).chain(other_manifests()).map(check).collect()
}

/// Folders and manifests of the other workspaces.
fn other_manifests() -> impl Iterator<Item = (&'static str, String)> {
    let manifests = OTHER_WORKSPACES.iter().map(|folder| (*folder, format!("{folder}/Cargo.toml")));
    manifests.filter(|(_, manifest)| workspace::root().join(manifest).is_file())
}

/// All targets with the features of the tests; then each provider of `dtls` as the only one.
fn clippy(context: &Context<'_>) -> Result<Vec<Row>> {
    let mut arguments = words("clippy --quiet --all-targets");
    arguments.extend(cargo_tests::selection(context.metadata, context.package())?);
    arguments.extend(words("-- --deny warnings"));
    let mut rows = vec![cargo_row("clippy", "all targets", &arguments)?];
    for provider in only_providers(context) {
        let line = format!(
            "clippy --quiet --package plywood-dtls --no-default-features --features {provider} -- --deny warnings"
        );
        rows.push(cargo_row("clippy", &format!("dtls with {provider} alone"), &words(&line))?);
    }
    Ok(rows)
}

/// The crypto providers that `dtls` declares, if it is among the packages of this run.
fn only_providers(context: &Context<'_>) -> Vec<String> {
    let members = workspace::members(context.metadata, context.package()).unwrap_or_default();
    let Some(dtls) = members.iter().find(|package| package.name.as_str() == "plywood-dtls") else {
        return Vec::new();
    };
    ["ring", "rustcrypto", "aws-lc-rs"]
        .into_iter()
        .filter(|name| dtls.features.contains_key(*name))
        .map(str::to_owned)
        .collect()
}

/// Unit tests stand in the crates, simulations in their `tests/`.
fn run_kind(context: &Context<'_>, kind: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for binary in cargo_tests::build(context.metadata, context.package())? {
        if binary.suite == kind {
            rows.extend(cargo_tests::run(&binary, context.options.full)?);
        }
    }
    Ok(rows)
}

/// The documentation builds without a warning, and its examples run.
fn doc(context: &Context<'_>) -> Result<Vec<Row>> {
    let mut arguments = words("doc --quiet --no-deps --document-private-items");
    arguments.extend(cargo_tests::selection(context.metadata, context.package())?);
    let status = process::show(
        workspace::cargo()
            .args(&arguments)
            .env("RUSTDOCFLAGS", "--deny warnings --allow rustdoc::private_intra_doc_links"),
        COMPILE_LIMIT,
    )?;
    let mut rows = vec![if status.is_some_and(|status| status.success()) {
        Row::pass("doc", "cargo doc")
    } else {
        Row::fail("doc", "cargo doc", "see above")
    }];
    rows.extend(cargo_tests::run_docs(context.metadata, context.package())?);
    Ok(rows)
}

/// The tests of `dtls` once more with every provider compiled in: each must pass the same suite.
fn providers(context: &Context<'_>) -> Result<Vec<Row>> {
    let providers = only_providers(context);
    if !providers.iter().any(|name| name == "aws-lc-rs") {
        return Ok(Vec::new());
    }
    let line =
        format!("test --quiet --package plywood-dtls --lib --tests --features {}", providers.join(","));
    Ok(vec![cargo_row("providers", &providers.join("+"), &words(&line))?])
}

/// The benches compile, and what they compute of their figures is right; they measure nothing here.
fn benches(context: &Context<'_>) -> Result<Vec<Row>> {
    let line = "test --quiet --workspace --manifest-path benches/Cargo.toml";
    let mut rows = vec![cargo_row("benches", "tests", &words(line))?];
    if context.options.full {
        let line =
            "clippy --quiet --workspace --all-targets --manifest-path benches/Cargo.toml -- --deny warnings";
        rows.push(cargo_row("benches", "clippy", &words(line))?);
    }
    Ok(rows)
}

/// Every example runs to its end: they need no network and print something.
fn examples(context: &Context<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, program) in cargo_tests::build_examples(context.metadata, context.package())? {
        let captured = process::capture(&mut std::process::Command::new(program), Duration::from_secs(60))?;
        rows.push(if !captured.ok() {
            Row::fail("examples", name, format!("{}\n{}", captured.ending(), captured.tail(20)))
        } else if captured.stdout.trim().is_empty() {
            Row::fail("examples", name, "it prints nothing that a reader could notice")
        } else {
            Row::pass("examples", name)
        });
    }
    Ok(rows)
}

/// `plywood demo --once --json`: two peers in one process, hash equal on both sides.
fn demo(_: &Context<'_>) -> Result<Vec<Row>> {
    let program = interop::build_plywood()?;
    let mut command = std::process::Command::new(program);
    let captured = process::capture(command.args(["demo", "--once", "--json"]), Duration::from_secs(120))?;
    let said: serde_json::Value = serde_json::from_str(captured.stdout.trim()).unwrap_or_default();
    Ok(vec![if captured.ok() && said["ok"] == true {
        Row::pass("demo", "plywood demo --once --json")
    } else {
        Row::fail(
            "demo",
            "plywood demo --once --json",
            format!("{}\n{}", captured.ending(), captured.tail(20)),
        )
    }])
}

/// The browser matrix, by this very program in a network namespace of its own.
fn browsers(context: &Context<'_>) -> Result<Vec<Row>> {
    let file = workspace::scratch("interop")?.join("browsers.json");
    let _ = std::fs::remove_file(&file);
    let program = std::env::current_exe().context("where is this program?")?;
    let mut command = std::process::Command::new(program);
    command.args(["interop", "--suite", "browsers", "--json"]).arg(&file);
    if context.options.full {
        command.arg("--full");
    }
    interop::ready(interop::BROWSERS)?;
    let status = process::show(&mut command, Duration::from_secs(60 * 60))?;
    let text = std::fs::read_to_string(&file).map_err(|_| Unavailable {
        judge: "browsers",
        reason: format!("the matrix did not run ({status:?}); see above"),
    })?;
    Ok(serde_json::from_str(&text)?)
}

/// The packet scenarios of SCTP, as `cargo xtask conformance sctp` runs them.
fn packets(_: &Context<'_>) -> Result<Vec<Row>> {
    let file = workspace::scratch("conformance")?.join("sctp.json");
    let _ = std::fs::remove_file(&file);
    let status = process::show(&mut conformance::command("sctp", Some(&file)), COMPILE_LIMIT)?;
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("the packet scenarios did not run ({status:?}); see above"))?;
    let rows: Vec<Row> = serde_json::from_str(&text)?;
    // What does not apply to a data channel was printed with its rule: it is no test that was left out.
    let applicable = rows.into_iter().filter(|row| row.result != Outcome::Skip);
    Ok(applicable
        .map(|row| Row { suite: "packets".to_owned(), case: format!("{}/{}", row.suite, row.case), ..row })
        .collect())
}

/// The shim for an outside runner, which is not here, compiles without a warning.
fn shim(_: &Context<'_>) -> Result<Vec<Row>> {
    let line = "clippy --quiet --all-targets --manifest-path conformance/bogo/Cargo.toml -- --deny warnings";
    Ok(vec![cargo_row("shim", "conformance/bogo", &words(line))?])
}

/// A minute for each target of the plies that say so, a few seconds for the rest: enough to see that it builds, runs,
/// and meets nothing at the surface.
fn fuzz_minute(context: &Context<'_>) -> Result<Vec<Row>> {
    let thorough = context.options.full;
    let has_a_minute = |target: &str| ["dtls_", "sctp_"].iter().any(|ply| target.starts_with(ply));
    fuzz::rows(None, |target| if thorough || has_a_minute(target) { 60 } else { 5 })
}
