//! Paths: restarted, of one family only, and behind names that nobody tells.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::super::matrix::Stage;
use super::super::payload::{Batch, Kind};
use super::super::session::End::{Answerer, Offerer};
use super::super::session::{BOTH, CONNECT, End, Session, ch};
use super::super::signalling::{self, Policy};

/// Each end restarts once; traffic goes on, the credentials change, both stay connected.
pub(crate) fn ice_restart(stage: &mut Stage) -> Result<()> {
    stage.session(&[], &[], Policy::default(), |session| {
        session.connect(&json!([{"ch": "c1", "label": "steady"}]))?;
        let (_, theirs) = session.opened(Offerer, "c1", "steady")?;
        let theirs = ch(&theirs);
        session.ping_pong(Offerer, "c1", &theirs, 70)?;
        for (end, seed) in [(Offerer, 71), (Answerer, 75)] {
            restart(session, end)?;
            for (round, seed) in (seed..seed + 4).enumerate() {
                session.ping_pong(Offerer, "c1", &theirs, seed)?;
                // Data must follow the path while it moves, not only before and after.
                session.linger(Duration::from_millis(if round < 3 { 150 } else { 1500 }))?;
            }
        }
        session.deliver(Offerer, "c1", &theirs, Batch::one(Kind::Binary, 65536, 80))?;
        still_connected(session)
    })
}

fn restart(session: &mut Session<'_>, end: End) -> Result<()> {
    let descriptions = |session: &Session<'_>| -> Vec<Option<String>> {
        let newest = |end, kind| {
            let sdp = session.description(end, kind)?;
            signalling::attribute(sdp, "ice-ufrag").map(str::to_owned)
        };
        BOTH.iter().map(|&end| newest(end, "offer").or_else(|| newest(end, "answer"))).collect()
    };
    let before = descriptions(session);
    let count =
        |session: &Session<'_>, at: End, kind: &str| session.events(at).filter(|e| e["type"] == kind).count();
    let answers = count(session, end.other(), "answer");
    // Answers of the first negotiation were never waited for: the next unused one may be old.
    session.command(end, &json!({"type": "restart-ice"}))?;
    while count(session, end.other(), "answer") == answers {
        session.expect(end.other(), "answer to the restart", CONNECT, |event| event["type"] == "answer")?;
    }
    let newest = |at: End, kind: &str| {
        session.description(at, kind).and_then(|sdp| signalling::attribute(sdp, "ice-ufrag"))
    };
    for (at, kind) in [(end, "offer"), (end.other(), "answer")] {
        let now = newest(at, kind).map(str::to_owned);
        ensure!(!before.contains(&now), "{} kept its ufrag over the restart", session.name(at));
    }
    Ok(())
}

fn still_connected(session: &Session<'_>) -> Result<()> {
    for end in BOTH {
        let last = session.events(end).filter(|event| event["type"] == "state").last();
        let state = last.map(|event| event["state"].clone()).unwrap_or_default();
        ensure!(state == "connected", "{} ends in the state {state}", session.name(end));
    }
    Ok(())
}

/// Only IPv6 candidates are signalled.
pub(crate) fn ipv6(stage: &mut Stage) -> Result<()> {
    let policy = Policy { only_ipv6: true, ..Policy::default() };
    stage.session(&[], &["--echo"], policy, small_echo)
}

/// Browsers as they come: their addresses are names, and the path is found from our side of it.
pub(crate) fn mdns(stage: &mut Stage) -> Result<()> {
    stage.session(&["--mdns"], &["--mdns", "--echo"], Policy::default(), |session| {
        small_echo(session)?;
        for end in BOTH {
            if !super::super::BROWSERS.contains(&session.name(end)) {
                continue;
            }
            let mut candidates = session.events(end).filter_map(|event| event["candidate"].as_str());
            ensure!(
                candidates.all(|candidate| candidate.contains(".local ")),
                "{} told an address although its names were to be hidden",
                session.name(end)
            );
        }
        Ok(())
    })
}

fn small_echo(session: &mut Session<'_>) -> Result<()> {
    session.connect(&json!([{"ch": "c1", "label": "small"}]))?;
    let (_, theirs) = session.opened(Offerer, "c1", "small")?;
    for (size, seed) in [(10, 90), (16384, 91)] {
        let batch = Batch::one(Kind::Binary, size, seed);
        session.deliver(Offerer, "c1", &ch(&theirs), batch)?;
        session.arrives(Offerer, "c1", batch)?;
    }
    Ok(())
}
