//! DTLS between the two: which version, which group, and that both ends say the same;
//! and whether SCTP above it interleaves messages.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::super::matrix::Stage;
use super::super::session::End::Offerer;
use super::super::session::{BOTH, End, SOON, Session, ch};
use super::super::signalling::Policy;
use crate::workspace;

/// What both offer first: today's browsers speak 1.3 with a post-quantum group.
pub(crate) fn dtls_13(stage: &mut Stage) -> Result<()> {
    let keys = workspace::scratch("interop")?.join("dtls-1.3.keys");
    let _ = std::fs::remove_file(&keys);
    let option = format!("keylog={}", keys.display());
    negotiated(stage, &["--opt", &option], "FEFC", Some("X25519_MLKEM768"))?;
    let lines = std::fs::read_to_string(&keys).context("plywood wrote no key log")?;
    for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"] {
        ensure!(lines.contains(label), "the key log has no {label}");
    }
    Ok(())
}

/// 1.2 where plywood speaks nothing else.
pub(crate) fn dtls_12(stage: &mut Stage) -> Result<()> {
    let keys = workspace::scratch("interop")?.join("dtls-1.2.keys");
    let _ = std::fs::remove_file(&keys);
    let option = format!("keylog={}", keys.display());
    negotiated(stage, &["--opt", "dtls=12", "--opt", &option], "FEFD", None)?;
    let lines = std::fs::read_to_string(&keys).context("plywood wrote no key log")?;
    ensure!(lines.contains("CLIENT_RANDOM "), "the key log has no CLIENT_RANDOM");
    ensure!(!lines.contains("TRAFFIC_SECRET"), "the key log has secrets of 1.3");
    Ok(())
}

/// Connects with these flags on plywood's side; the statistics of both ends must name the version.
fn negotiated(stage: &mut Stage, flags: &[&str], version: &str, group: Option<&str>) -> Result<()> {
    let (offers, answers) = stage.plywood_is();
    let of = |is_ours: bool| if is_ours { flags } else { &[][..] };
    stage.session(of(offers), of(answers), Policy::default(), |session| {
        session.connect(&json!([{"ch": "c1", "label": "safe"}]))?;
        let (_, theirs) = session.opened(Offerer, "c1", "safe")?;
        session.ping_pong(Offerer, "c1", &ch(&theirs), 90)?;
        let dtls = [statistics(session, BOTH[0])?, statistics(session, BOTH[1])?];
        for (end, dtls) in BOTH.into_iter().zip(&dtls) {
            ensure!(dtls["version"] == version, "{} says {dtls}", session.name(end));
            // Browsers' statistics have no word for the group; plywood's have, and two ends cannot differ in it.
            let ours = session.name(end) == "plywood";
            let agrees = |group| dtls["group"].as_str().map_or(!ours, |said| said == group);
            ensure!(group.is_none_or(agrees), "{} says {dtls}", session.name(end));
        }
        let suites = dtls.each_ref().map(|dtls| iana(dtls["cipher"].as_str().unwrap_or_default()));
        ensure!(suites[0] == suites[1], "the ends name different ciphers: {} and {}", suites[0], suites[1]);
        for end in BOTH {
            interleaves(session, end)?;
        }
        let client = session.dtls_client()?;
        for (end, dtls) in BOTH.into_iter().zip(&dtls) {
            let role = if end == client { "client" } else { "server" };
            ensure!(
                dtls["role"].as_str().is_none_or(|said| said == role),
                "{} says {dtls}",
                session.name(end)
            );
        }
        Ok(())
    })
}

/// Plywood interleaves messages with Firefox, which offers it.
fn interleaves(session: &mut Session<'_>, end: End) -> Result<()> {
    let other = session.name(end.other()).to_owned();
    if session.name(end) != "plywood" || other != "firefox" {
        return Ok(());
    }
    session.command(end, &json!({"type": "stats"}))?;
    let event = session.expect(end, "stats", SOON, |event| event["type"] == "stats")?;
    ensure!(event["interleaving"] == true, "with {other}, interleaving is {}", event["interleaving"]);
    Ok(())
}

/// The `dtls` part of an end's statistics; a browser fills it in a moment after it is connected.
fn statistics(session: &mut Session<'_>, end: End) -> Result<Value> {
    let begin = Instant::now();
    while begin.elapsed() < SOON {
        session.command(end, &json!({"type": "stats"}))?;
        let event = session.expect(end, "stats", SOON, |event| event["type"] == "stats")?;
        if event["dtls"]["version"].is_string() {
            return Ok(event["dtls"].clone());
        }
        session.linger(Duration::from_millis(200))?;
    }
    bail!("{} tells no DTLS version", session.name(end))
}

/// Names of suites as IANA has them: some browsers leave the first word out.
fn iana(name: &str) -> String {
    if name.starts_with("TLS_") { name.to_owned() } else { format!("TLS_{name}") }
}
