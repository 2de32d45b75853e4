//! `cargo xtask interop --suite stacks`: other implementations of SCTP, alone and in a whole other stack. The former are
//! part of `cargo xtask test`: they compile in a minute and play for seconds; the latter only with `--full`.
//!
//! ```text
//!  crates           dcsctp, sctp-proto, rtc-sctp   in one process and virtual time     conformance/sctp-peers
//!  a whole stack    libdatachannel, with usrsctp   the matrix, in a network of its own conformance/libdatachannel
//! ```

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{LIBDATACHANNEL, Options, scenarios};
use crate::report::{Report, Row, Unavailable};
use crate::{install, netns, process, workspace};

/// Implementations of SCTP that are crates.
const CRATES: &[&str] = &["dcsctp", "sctp-proto", "rtc-sctp"];
const MINUTES: Duration = Duration::from_secs(60);

/// The whole suite, or the peers that are named.
pub(super) fn run(options: &Options) -> Result<ExitCode> {
    if netns::inside() {
        return super::inside(options, &options.peers);
    }
    for peer in &options.peers {
        let known = CRATES.contains(&peer.as_str()) || peer == LIBDATACHANNEL;
        ensure!(known, "no peer {peer}; there are: {}, {LIBDATACHANNEL}", CRATES.join(", "));
    }
    if options.peers == [LIBDATACHANNEL] {
        install::libdatachannel()?;
        super::build_plywood()?;
        build()?;
        return super::in_namespace();
    }
    let asked = |peer: &str| options.peers.is_empty() || options.peers.iter().any(|asked| asked == peer);
    let crates: Vec<&str> = CRATES.iter().copied().filter(|peer| asked(peer)).collect();
    let (begin, mut report) = (Instant::now(), Report::default());
    let mut rows = in_process(&crates, &options.scenarios)?;
    let of_matrix = |name: &String| scenarios::ALL.iter().any(|scenario| scenario.name == name);
    if asked(LIBDATACHANNEL) && (options.scenarios.is_empty() || options.scenarios.iter().any(of_matrix)) {
        rows.extend(matrix(&options.scenarios, options.full)?);
    }
    report.add("stacks", begin.elapsed(), rows);
    report.print();
    report.write_json(options.json.as_deref())?;
    Ok(report.exit_code())
}

/// What `cargo xtask test` asks of them.
pub(crate) fn rows(full: bool) -> Result<Vec<Row>> {
    let mut rows = in_process(CRATES, &[])?;
    if full {
        rows.extend(matrix(&[], full)?);
    }
    Ok(rows)
}

/// The program of conformance/sctp-peers plays and prints its matrix. No network is used.
fn in_process(peers: &[&str], scenarios: &[String]) -> Result<Vec<Row>> {
    let manifest = workspace::root().join("conformance/sctp-peers/Cargo.toml");
    let mut command = workspace::cargo();
    command.args(["run", "--release", "--quiet", "--locked", "--manifest-path"]).arg(manifest);
    command.args(["--", "--peers", &peers.join(",")]);
    if !scenarios.is_empty() {
        command.args(["--scenarios", &scenarios.join(",")]);
    }
    rows_of(&mut command, "sctp-peers")
}

/// The matrix with libdatachannel, by this very program in a network namespace of its own.
fn matrix(scenarios: &[String], full: bool) -> Result<Vec<Row>> {
    let mut command = Command::new(std::env::current_exe().context("where is this program?")?);
    command.args(["interop", "--suite", "stacks", "--peers", LIBDATACHANNEL]);
    if !scenarios.is_empty() {
        command.args(["--scenarios", &scenarios.join(",")]);
    }
    if full {
        command.arg("--full");
    }
    rows_of(&mut command, LIBDATACHANNEL)
}

/// Runs a judge that takes `--json FILE`; what it wrote there.
fn rows_of(command: &mut Command, judge: &'static str) -> Result<Vec<Row>> {
    let file = workspace::scratch("interop")?.join(format!("{judge}.json"));
    let _ = std::fs::remove_file(&file);
    let status = process::show(command.arg("--json").arg(&file), 30 * MINUTES)?;
    let text = std::fs::read_to_string(&file)
        .map_err(|_| Unavailable { judge, reason: format!("it did not run ({status:?}); see above") })?;
    Ok(serde_json::from_str(&text)?)
}

/// libdatachannel and our end of it: a few minutes, once.
fn build() -> Result<()> {
    println!("  building libdatachannel, usrsctp and libjuice, if that was not done yet: a few minutes");
    let manifest = workspace::root().join("conformance/libdatachannel/Cargo.toml");
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--quiet", "--locked", "--manifest-path"]).arg(manifest);
    let status = process::show(&mut command, 20 * MINUTES)?;
    ensure!(status.is_some_and(|status| status.success()), "{LIBDATACHANNEL} does not compile (see above)");
    Ok(())
}

/// How that peer is started.
pub(super) fn peer() -> Command {
    let program = "conformance/libdatachannel/target/release/libdatachannel-peer";
    Command::new(workspace::root().join(program))
}
