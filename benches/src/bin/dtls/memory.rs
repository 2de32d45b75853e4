//! Memory of a connected end: what the system says that a process grew by, C libraries included.
//!
//! Each subject has a process of its own (`--extra SUBJECT-VERSION`), for an allocator keeps what others freed.

use std::process::Command;

use anyhow::{Context, Result, bail};
use plywood_bench_harness::{Options, Report, Samples, Unit};

use crate::dimpl_peer::Dimpl;
use crate::openssl_peer::OpenSsl;
use crate::plywood::{AwsLc, Plywood, Ring};
use crate::rtc_peer::RtcDtls;
use crate::stack::{Group, Pair, Setup, Stack, Version};

const PAIRS: usize = 500;
const SUBJECTS: [&str; 5] = ["plywood", "plywood-aws-lc-rs", "dimpl", "rtc-dtls", "openssl"];

/// A row for each version.
pub(crate) fn all(options: &Options, report: &mut Report) -> Result<()> {
    for version in Version::ALL {
        let row = format!("memory-{}", version.name());
        if !options.wants(&row) {
            continue;
        }
        eprintln!("{row} ..");
        for subject in SUBJECTS.into_iter().filter(|subject| options.wants_subject(subject)) {
            let program = std::env::current_exe()?;
            let extra = format!("{subject}-{}", version.name());
            let output = Command::new(program).args(["--extra", &extra]).output()?;
            let text = String::from_utf8(output.stdout)?;
            if let Ok(kibibytes) = text.trim().parse() {
                report.add(&row, subject, Unit::Kibibytes, &Samples::exact(kibibytes));
            }
        }
    }
    Ok(())
}

/// The other side of `all`: prints KiB an end, or nothing where the subject does not have the version.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(crate) fn measure(extra: &str) -> Result<()> {
    let (subject, version) = extra.rsplit_once('-').context("SUBJECT-VERSION")?;
    let version = if version == "1.2" { Version::V12 } else { Version::V13 };
    let setup = Setup { version, group: Group::P256 };
    let kibibytes = match subject {
        "plywood" => grown::<Plywood<Ring>>(setup),
        "plywood-aws-lc-rs" => grown::<Plywood<AwsLc>>(setup),
        "dimpl" => grown::<Dimpl>(setup),
        "rtc-dtls" => grown::<RtcDtls>(setup),
        "openssl" => grown::<OpenSsl>(setup),
        _ => bail!("no subject {subject}"),
    };
    if let Some(kibibytes) = kibibytes {
        println!("{kibibytes:.2}");
    }
    Ok(())
}

fn grown<S: Stack>(setup: Setup) -> Option<f64> {
    let stack = S::new(setup)?;
    // What a first handshake loads and caches is not a connection's.
    let first = (0..4).map(|_| Pair::connect(&stack)).collect::<Option<Vec<_>>>()?;
    let before = resident()?;
    let pairs = (0..PAIRS).map(|_| Pair::connect(&stack)).collect::<Option<Vec<_>>>()?;
    let after = resident()?;
    drop((first, pairs));
    Some((after - before) / 1024.0 / (2 * PAIRS) as f64)
}

/// Resident bytes of this process.
fn resident() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = text.lines().find(|line| line.starts_with("Rss:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024.0)
}
