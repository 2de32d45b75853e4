//! `cargo xtask interop --suite dtls`: the DTLS layer alone with every other DTLS, and in browsers.
//!
//! ```text
//!  of Debian   openssl, gnutls, mbedtls, wolfssl, pion   over loopback    \
//!  crates      dimpl, rtc-dtls                           in virtual time   \ conformance/stacks
//!              wolfssl-sys                               over loopback     /
//!  heavy       boringssl (by name, or --full)            over loopback    /
//!  browsers    chromium, firefox                         the scenarios dtls-1.3 and dtls-1.2 of the browser suite
//! ```

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Options;
use crate::report::{Report, Row, Unavailable};
use crate::{install, process, workspace};

const SUITE: &str = "dtls";

/// Judges that need nothing but Debian's packages and little to compile: what `cargo xtask test` runs.
pub(crate) const QUICK: &[&str] = &["openssl", "gnutls", "mbedtls", "wolfssl", "pion"];
/// Judges that are crates; they compile in about two minutes.
const CRATES: &[&str] = &["dimpl", "rtc-dtls"];
/// A crate that builds a C library, in one minute more.
const WOLFSSL: &[&str] = &["wolfssl-sys"];
/// A C++ library that compiles for many minutes.
const HEAVY: &[&str] = &["boringssl"];
const BROWSERS: &[&str] = super::BROWSERS;

/// Everybody that can be named in `--peers`.
pub(crate) const PEERS: &[&str] = &[
    "openssl",
    "gnutls",
    "mbedtls",
    "wolfssl",
    "pion",
    "dimpl",
    "rtc-dtls",
    "wolfssl-sys",
    "boringssl",
    "chromium",
    "firefox",
];

/// The whole suite.
pub(super) fn run(options: &Options) -> Result<ExitCode> {
    for peer in &options.peers {
        ensure!(PEERS.contains(&peer.as_str()), "no peer {peer}; there are: {}", PEERS.join(", "));
    }
    ensure!(options.scenarios.is_empty(), "the scenarios of this suite are fixed; choose with --peers");
    let begin = Instant::now();
    let asked = |peer: &str| options.peers.iter().any(|asked| asked == peer);
    let all = options.peers.is_empty();
    let of = |peers: &[&'static str], by_default: bool| -> Vec<&'static str> {
        peers.iter().copied().filter(|peer| asked(peer) || all && by_default).collect()
    };
    let mut judges = of(QUICK, true);
    judges.extend(of(CRATES, true));
    judges.extend(of(WOLFSSL, true));
    judges.extend(of(HEAVY, options.full));
    let mut rows = if judges.is_empty() { Vec::new() } else { stacks(&judges)? };
    let browsers = of(BROWSERS, true);
    if !browsers.is_empty() {
        rows.extend(in_browsers(&browsers)?);
    }
    if all {
        let heavy = HEAVY.iter().filter(|_| !options.full);
        let said = "compiles a C++ library for many minutes: --full, or --peers boringssl";
        rows.extend(heavy.map(|judge| Row::skip(SUITE, *judge, said)));
    }
    let mut report = Report::default();
    report.add(SUITE, begin.elapsed(), rows);
    report.print();
    report.write_json(options.json.as_deref())?;
    Ok(report.exit_code())
}

/// The rows of `judges` from conformance/stacks. One that cannot be installed is a failure with its name.
pub(crate) fn stacks(judges: &[&'static str]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut ready = Vec::new();
    for judge in judges {
        match install::dtls_judge(judge) {
            Ok(()) => ready.push(*judge),
            Err(error) => rows.push(Row::fail(SUITE, *judge, format!("{error:#}"))),
        }
    }
    if ready.is_empty() {
        return Ok(rows);
    }
    let has = |group: &[&str]| ready.iter().any(|judge| group.contains(judge));
    let features = [("crates", has(CRATES)), ("wolfssl", has(WOLFSSL)), ("boringssl", has(HEAVY))];
    let features: Vec<&str> =
        features.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name).collect();
    let file = workspace::scratch("interop")?.join("dtls.json");
    let _ = std::fs::remove_file(&file);
    let mut command = workspace::cargo();
    let manifest = workspace::root().join("conformance/stacks/Cargo.toml");
    command.args(["run", "--release", "--quiet", "--locked", "--manifest-path"]).arg(manifest);
    command.args(["--features", &features.join(","), "--", "--peers", &ready.join(","), "--json"]).arg(&file);
    let status = process::show(&mut command, Duration::from_secs(40 * 60))?;
    let text = std::fs::read_to_string(&file).map_err(|_| Unavailable {
        judge: SUITE,
        reason: format!("conformance/stacks did not run ({status:?}); see above"),
    })?;
    let judged: Vec<Row> = serde_json::from_str(&text)?;
    rows.extend(judged);
    Ok(rows)
}

/// The two scenarios about DTLS of the browser suite, in a network of their own.
fn in_browsers(browsers: &[&'static str]) -> Result<Vec<Row>> {
    super::ready(browsers)?;
    let file = workspace::scratch("interop")?.join("dtls-browsers.json");
    let _ = std::fs::remove_file(&file);
    let mut command = Command::new(std::env::current_exe().context("where is this program?")?);
    command.args(["interop", "--suite", "browsers", "--scenarios", "dtls-1.3,dtls-1.2", "--peers"]);
    command.arg(browsers.join(",")).arg("--json").arg(&file);
    let status = process::show(&mut command, Duration::from_secs(20 * 60))?;
    let text = std::fs::read_to_string(&file).map_err(|_| Unavailable {
        judge: "browsers",
        reason: format!("the matrix did not run ({status:?}); see above"),
    })?;
    let mut rows: Vec<Row> = serde_json::from_str(&text)?;
    for row in &mut rows {
        SUITE.clone_into(&mut row.suite);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_belongs_to_one_group() {
        let groups = [QUICK, CRATES, WOLFSSL, HEAVY, BROWSERS].concat();
        assert_eq!(groups, PEERS);
    }
}
