//! `cargo xtask`: everything the project does to itself.
//!
//! One file a subcommand; what several of them share stands beside them:
//! ```text
//!  test ---> arrows, cargo_tests, ledger, book, interop, fuzz     the judges, one suite each
//!  interop -> netns (a network of its own) -> interop/             two processes that speak docs/peer-contract.md
//!  all  ---> report (table, JSON rows, exit code), process (time limits), workspace (paths, cargo)
//! ```
#![expect(clippy::print_stdout, reason = "a program for people: its tables go to stdout")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod arrows;
mod bench;
mod bogo;
mod book;
mod cargo_tests;
mod conformance;
mod fuzz;
mod install;
mod interop;
mod ledger;
mod libtest;
mod netns;
mod process;
mod report;
mod test;
mod workspace;

/// Tests, judges, interop, fuzzing and benches of plywood.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Test(test::Options),
    Interop(interop::Options),
    Fuzz(fuzz::Options),
    Bench(bench::Options),
    Conformance(conformance::Options),
    Bogo(bogo::Options),
    Book(book::Options),
    Ledger(ledger::Options),
    Arrows(arrows::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Verb::Test(options) => test::run(&options),
        Verb::Interop(options) => interop::run(&options),
        Verb::Fuzz(options) => fuzz::run(&options),
        Verb::Bench(options) => bench::run(&options),
        Verb::Conformance(options) => conformance::run(&options),
        Verb::Bogo(options) => bogo::run(&options),
        Verb::Book(options) => book::run(&options),
        Verb::Ledger(options) => ledger::run(&options),
        Verb::Arrows(options) => arrows::run(&options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
