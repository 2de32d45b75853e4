//! `cargo xtask interop --suite dtls`: plywood-dtls with every other DTLS that can be had, in both roles.
//!
//! Problem: two ends of one implementation share its errors.
//! How: each cell is a handshake, data both ways and a good-bye with somebody else's code; programs and C libraries
//! over loopback (programs.rs), crates in this process in virtual time (libraries.rs). A judge that cannot run is a
//! failure with its name, and a cell that cannot exist says why.
//!
//! ```text
//!   judge x our role x version x { plain, loss-30, mtu-300 }         ->  pass | fail | skip, with a reason
//!   judge x our role x version x { one group alone, one suite alone }
//! ```

#![expect(clippy::print_stdout, reason = "a program for people")]

mod cell;
#[cfg(feature = "crates")]
mod libraries;
mod programs;
mod subject;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Parser;
use plywood_dtls::wire::codes::NamedGroup;
use plywood_dtls::{Role, Version};
use serde::Serialize;

use crate::cell::{ALL_SUITES, Abilities, CURVES, Cell, Offer, Scenario, cells};

/// Runs plywood-dtls with other implementations.
#[derive(Debug, Parser)]
struct Options {
    /// Only these judges, parted by commas.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Only cells whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Run the cells too that a judge cannot pass.
    #[arg(long)]
    all: bool,
    /// Write the rows to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// How a cell is run.
type Run = Box<dyn Fn(&Cell, &Abilities) -> Result<String> + Send + Sync>;

/// An implementation that judges ours.
struct Judge {
    name: &'static str,
    abilities: Abilities,
    run: Run,
    /// Why a cell of it cannot be had.
    hole: fn(&Cell) -> Option<&'static str>,
}

/// 1.2, each group, each suite: what most judges have.
const ABILITIES_12: Abilities =
    Abilities { versions: &[Version::Dtls12], groups: CURVES, suites: ALL_SUITES, retries: &[] };
/// And 1.3 with a post-quantum group.
#[cfg(any(feature = "boringssl", feature = "wolfssl"))]
const ABILITIES_13: Abilities = Abilities {
    versions: &[Version::Dtls12, Version::Dtls13],
    groups: cell::CURVES_AND_HYBRID,
    suites: ALL_SUITES,
    retries: &[NamedGroup::SECP256R1, cell::HYBRID],
};

fn none(_: &Cell) -> Option<&'static str> {
    None
}

const NO_LONG_HELLO: &str =
    "its server does not put together a first ClientHello of two datagrams (RFC 6347 §4.2.3, RFC 9147 §5.5)";

fn mbedtls_hole(cell: &Cell) -> Option<&'static str> {
    match cell.offer {
        Offer::Both if cell.role == Role::Client => Some(NO_LONG_HELLO),
        Offer::Group(NamedGroup::X25519) if cell.role == Role::Client => {
            Some("its server prefers P-256, which has to be on offer for its certificate (RFC 8422 §5.1.1)")
        }
        _ => None,
    }
}

/// What wolfSSL 5.9.4 does not do: only a hello with the cookie may come in pieces (Dtls13AcceptFragmented).
#[cfg(feature = "wolfssl")]
fn wolfssl_13_hole(cell: &Cell) -> Option<&'static str> {
    let long_hello = matches!(cell.offer, Offer::Only | Offer::Group(cell::HYBRID));
    (cell.role == Role::Client && cell.version == Version::Dtls13 && long_hello).then_some(NO_LONG_HELLO)
}

/// What wolfSSL 5.5.4, as Debian builds it, does not do.
fn wolfssl_hole(cell: &Cell) -> Option<&'static str> {
    let we_are_client = cell.role == Role::Client;
    match (cell.scenario, cell.offer) {
        (Scenario::Mtu300, _) => Some("Debian's library is built without WOLFSSL_DTLS_MTU"),
        (_, Offer::Both) if we_are_client => Some(NO_LONG_HELLO),
        // DtlsShouldDrop and VerifyForDtlsMsgPoolSend in its internal.c.
        (Scenario::Loss, _) if we_are_client => Some(
            "once connected its server repeats its Finished only for our plaintext Certificate, and drops all plaintext \
             with the datagram that it comes in: one loss of its last flight is final (RFC 6347 §4.2.4; 5.9.4 passes)",
        ),
        _ => None,
    }
}

/// What comes behind a C program that uses the crate boring-sys' BoringSSL.
#[cfg(feature = "boringssl")]
const BORINGSSL: &[&str] = &[
    concat!("-I", env!("BORINGSSL_ROOT"), "/boringssl/include"),
    concat!(env!("BORINGSSL_ROOT"), "/build/libssl.a"),
    concat!(env!("BORINGSSL_ROOT"), "/build/libcrypto.a"),
    "-lstdc++",
    "-pthread",
];
/// And the crate wolfssl-sys' wolfSSL.
#[cfg(feature = "wolfssl")]
const WOLFSSL: &[&str] = &[
    // A file of the library compiled once more, and what it wants to be told.
    concat!(env!("CARGO_MANIFEST_DIR"), "/src/peers/wolfssl_dtls13.c"),
    "-DHAVE_CONFIG_H",
    "-DBUILDING_WOLFSSL",
    "-Wno-cpp",
    "-fwrapv",
    concat!("-I", env!("WOLFSSL_ROOT"), "/build"),
    concat!("-I", env!("WOLFSSL_ROOT"), "/include"),
    concat!("-I", env!("WOLFSSL_ROOT"), "/wolfssl-src"),
    concat!(env!("WOLFSSL_ROOT"), "/lib/libwolfssl.a"),
    "-lm",
    "-pthread",
];

/// All judges of this build.
fn judges() -> Vec<Judge> {
    let mut judges = vec![
        Judge {
            name: "openssl",
            abilities: ABILITIES_12,
            run: Box::new(|cell, judge| programs::run(cell, judge, programs::openssl)),
            hole: none,
        },
        Judge {
            name: "gnutls",
            abilities: ABILITIES_12,
            run: Box::new(|cell, judge| programs::run(cell, judge, programs::gnutls)),
            hole: none,
        },
        compiled(
            "mbedtls",
            ABILITIES_12,
            Source { file: "mbedtls.c", compiler: programs::compile_c, needs: MBEDTLS },
            mbedtls_hole,
        ),
        compiled(
            "wolfssl",
            ABILITIES_12,
            Source { file: "wolfssl.c", compiler: programs::compile_c, needs: &["-lwolfssl"] },
            wolfssl_hole,
        ),
        compiled(
            "pion",
            Abilities { suites: cell::AES_GCM, ..ABILITIES_12 },
            Source { file: "pion.go", compiler: programs::compile_go, needs: &[] },
            none,
        ),
    ];
    crates(&mut judges);
    #[cfg(feature = "wolfssl")]
    judges.push(compiled(
        "wolfssl-sys",
        ABILITIES_13,
        Source { file: "wolfssl.c", compiler: programs::compile_c, needs: WOLFSSL },
        wolfssl_13_hole,
    ));
    #[cfg(feature = "boringssl")]
    judges.push(compiled(
        "boringssl",
        ABILITIES_13,
        Source { file: "boringssl.c", compiler: programs::compile_c, needs: BORINGSSL },
        none,
    ));
    judges
}

const MBEDTLS: &[&str] = &["-lmbedtls", "-lmbedx509", "-lmbedcrypto"];

/// The judges that run in this process.
#[cfg(feature = "crates")]
fn crates(judges: &mut Vec<Judge>) {
    use libraries::{dimpl_peer::Dimpl, rtc_peer::RtcDtls};
    judges.push(Judge {
        name: "dimpl",
        abilities: Abilities {
            versions: &[Version::Dtls12, Version::Dtls13],
            retries: &[NamedGroup::SECP256R1],
            ..ABILITIES_12
        },
        run: Box::new(libraries::run::<Dimpl>),
        hole: none,
    });
    judges.push(Judge {
        name: "rtc-dtls",
        abilities: Abilities { suites: libraries::rtc_peer::SUITES, ..ABILITIES_12 },
        run: Box::new(libraries::run::<RtcDtls>),
        hole: |cell| {
            (cell.scenario == Scenario::Loss).then_some(
                "any handshake record that comes while it waits, our repetition among them, stops its timer for good \
                 (DTLSConn::wait): it repeats nothing any more (RFC 6347 §4.2.4)",
            )
        },
    });
}

#[cfg(not(feature = "crates"))]
fn crates(_: &mut Vec<Judge>) {}

/// A program of ours around a library.
struct Source {
    /// In `src/peers`.
    file: &'static str,
    compiler: programs::Compiler,
    /// What the compiler is told besides.
    needs: &'static [&'static str],
}

/// A judge that is such a program.
fn compiled(
    name: &'static str,
    abilities: Abilities,
    source: Source,
    hole: fn(&Cell) -> Option<&'static str>,
) -> Judge {
    let program = Mutex::new(None);
    let run = Box::new(move |cell: &Cell, judge: &Abilities| {
        let path = {
            // Compiled by whoever needs it first; the others wait.
            let mut program = program.lock().map_err(|_| anyhow::anyhow!("another cell panicked"))?;
            if program.is_none() {
                *program = Some(programs::compile(name, source.file, source.compiler, source.needs)?);
            }
            program.clone().unwrap_or_default()
        };
        programs::run(cell, judge, |start| programs::small_program(&path, start))
    });
    Judge { name, abilities, run, hole }
}

/// A row, as all commands of the project write them.
#[derive(Debug, Clone, Serialize)]
struct Row {
    suite: &'static str,
    case: String,
    result: &'static str,
    reason: String,
}

fn judge_cell(judge: &Judge, cell: &Cell, options: &Options) -> Row {
    let row = |result, reason| Row { suite: "dtls", case: cell.name(), result, reason };
    if let Some(reason) = (judge.hole)(cell).filter(|_| !options.all) {
        return row("skip", reason.to_owned());
    }
    let begin = Instant::now();
    let outcome = (judge.run)(cell, &judge.abilities);
    let seconds = begin.elapsed().as_secs_f64();
    match outcome {
        Ok(said) => {
            println!("  {:<42} pass {seconds:>5.1} s  {said}", cell.name());
            row("pass", said)
        }
        Err(error) => {
            println!("  {:<42} FAIL {seconds:>5.1} s  {error:#}", cell.name());
            row("fail", format!("{error:#}"))
        }
    }
}

/// Cells of one run wait for their timers most of the time: several at once.
const AT_ONCE: usize = 6;

fn all(judges: &[Judge], options: &Options) -> Vec<Row> {
    let wanted = |name: &str| options.peers.is_empty() || options.peers.iter().any(|peer| peer == name);
    let mut work: VecDeque<(usize, &Judge, Cell)> = VecDeque::new();
    for judge in judges.iter().filter(|judge| wanted(judge.name)) {
        for cell in cells(judge.name, &judge.abilities) {
            if options.only.as_ref().is_none_or(|part| cell.name().contains(part)) {
                work.push_back((work.len(), judge, cell));
            }
        }
    }
    let (work, rows) = (Mutex::new(work), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((index, judge, cell)) = work.lock().ok().and_then(|mut work| work.pop_front())
                    else {
                        return;
                    };
                    let row = judge_cell(judge, &cell, options);
                    if let Ok(mut rows) = rows.lock() {
                        rows.push((index, row));
                    }
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap_or_default();
    rows.sort_by_key(|(index, _)| *index);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let judges = judges();
    for peer in &options.peers {
        let names: Vec<&str> = judges.iter().map(|judge| judge.name).collect();
        ensure!(
            names.contains(&peer.as_str()),
            "no judge {peer} in this build; there are: {}",
            names.join(", ")
        );
    }
    let rows = all(&judges, &options);
    matrix(&rows);
    if let Some(file) = &options.json {
        std::fs::write(file, serde_json::to_string_pretty(&rows)? + "\n")?;
    }
    let failed = rows.iter().any(|row| row.result == "fail");
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Judges down, with our role and the version; scenarios across.
fn matrix(rows: &[Row]) {
    print!("\n{:<40}", "judge / our role / version");
    Scenario::ALL.iter().for_each(|scenario| print!(" {:<8}", scenario.name()));
    println!();
    let mut lines: Vec<&str> = Vec::new();
    for row in rows {
        let Some((line, _)) = row.case.rsplit_once('/') else { continue };
        if lines.contains(&line) {
            continue;
        }
        lines.push(line);
        print!("{line:<32}");
        for scenario in Scenario::ALL {
            let case = format!("{line}/{}", scenario.name());
            let found = rows.iter().find(|row| row.case == case);
            print!(" {:<8}", found.map_or("", |row| row.result));
        }
        println!();
    }
    for role in [Role::Client, Role::Server] {
        let role = format!("{role:?}").to_lowercase();
        let count = |result| {
            let of_role = |row: &&Row| row.case.split('/').nth(1) == Some(&role);
            rows.iter().filter(of_role).filter(|row| row.result == result).count()
        };
        println!("as {role}: {} passed, {} failed, {} skipped", count("pass"), count("fail"), count("skip"));
    }
}
