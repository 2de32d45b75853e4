//! Messages of every size and kind, and large amounts of them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::super::matrix::Stage;
use super::super::payload::{Batch, Kind, sha256};
use super::super::session::End::{Answerer, Offerer};
use super::super::session::{End, SOON, Session, ch};
use super::super::signalling::Policy;

/// Around each boundary: empty, one, the MTU, a fragment, the 16-bit length, the default maximum.
const SIZES: &[usize] = &[0, 1, 1199, 1200, 16384, 65535, 65536, 262_144];
const FEW_SIZES: &[usize] = &[0, 1200, 65536];

/// Unicode that a careless copy breaks: a zero byte, a byte order mark, the last code point.
const TEXT: &str = "zero \u{0} bom \u{feff} last \u{10ffff} Київ 你好 🪵";

pub(crate) fn basic(stage: &mut Stage) -> Result<()> {
    stage.session(&[], &["--echo"], Policy::default(), |session| sizes(session, SIZES))?;
    // The same once more with the answerer speaking and the offerer as echo.
    stage.session(&["--echo"], &[], Policy::default(), |session| echo_from_answerer(session, SIZES))
}

pub(crate) fn full_sdp(stage: &mut Stage) -> Result<()> {
    let policy = Policy { full: true, ..Policy::default() };
    let chosen = if stage.full { SIZES } else { FEW_SIZES };
    stage.session(&[], &["--echo"], policy, |session| sizes(session, chosen))
}

pub(crate) fn role_active(stage: &mut Stage) -> Result<()> {
    with_setup(stage, "active")
}

pub(crate) fn role_passive(stage: &mut Stage) -> Result<()> {
    with_setup(stage, "passive")
}

/// The offer itself says who is the DTLS client; stream ids follow the role (RFC 8832 §6).
fn with_setup(stage: &mut Stage, setup: &'static str) -> Result<()> {
    let policy = Policy { offered_setup: Some(setup), ..Policy::default() };
    let chosen = if stage.full { SIZES } else { FEW_SIZES };
    stage.session(&[], &["--echo"], policy, |session| sizes(session, chosen))
}

/// The offerer's messages come back from an echoing answerer; then the answerer sends of its own accord.
fn sizes(session: &mut Session<'_>, sizes: &[usize]) -> Result<()> {
    session.connect(&json!([{"ch": "c1", "label": "first"}]))?;
    let (_, theirs) = session.opened(Offerer, "c1", "first")?;
    echoes(session, Offerer, "c1", &ch(&theirs), sizes)?;
    text(session, Offerer, "c1", &ch(&theirs))?;

    session.command(Answerer, &json!({"type": "open-channel", "ch": "d1", "label": "second"}))?;
    let (_, theirs) = session.opened(Answerer, "d1", "second")?;
    let limit = session.size_limit();
    for batch in batches(sizes, limit) {
        session.deliver(Answerer, "d1", &ch(&theirs), batch)?;
    }
    Ok(())
}

fn echo_from_answerer(session: &mut Session<'_>, sizes: &[usize]) -> Result<()> {
    session.connect(&json!([{"ch": "c1", "label": "first"}]))?;
    session.opened(Offerer, "c1", "first")?;
    session.command(Answerer, &json!({"type": "open-channel", "ch": "d1", "label": "second"}))?;
    let (_, theirs) = session.opened(Answerer, "d1", "second")?;
    echoes(session, Answerer, "d1", &ch(&theirs), sizes)?;
    text(session, Answerer, "d1", &ch(&theirs))
}

/// Each message arrives at the echoing end and comes back.
fn echoes(session: &mut Session<'_>, end: End, ours: &str, theirs: &str, sizes: &[usize]) -> Result<()> {
    let limit = session.size_limit();
    for batch in batches(sizes, limit) {
        session.deliver(end, ours, theirs, batch)?;
        session.arrives(end, ours, batch).context("as echo")?;
    }
    Ok(())
}

fn batches(sizes: &[usize], limit: u64) -> Vec<Batch> {
    let fits = sizes.iter().filter(|&&size| u64::try_from(size).is_ok_and(|size| size <= limit));
    let both = fits.flat_map(|&size| [(Kind::Text, size), (Kind::Binary, size)]);
    both.zip(1..).map(|((kind, size), seed)| Batch::one(kind, size, seed)).collect()
}

/// A given text arrives and comes back, to the last byte.
fn text(session: &mut Session<'_>, end: End, ours: &str, theirs: &str) -> Result<()> {
    if !session.speaks_text() {
        return Ok(());
    }
    session.command(end, &json!({"type": "send", "ch": ours, "kind": "text", "text": TEXT}))?;
    for (end, ch) in [(end.other(), theirs), (end, ours)] {
        let message = session.next_message(end, ch, "Unicode text")?;
        ensure!(
            message["sha256"] == sha256(TEXT.as_bytes()),
            "{}: the text changed on its way",
            session.name(end)
        );
    }
    Ok(())
}

/// `--mib` MiB in messages of 64 KiB each way, one hash over all.
pub(crate) fn large(stage: &mut Stage) -> Result<()> {
    let count = usize::try_from(stage.mib)? * 16;
    stage.session(&[], &[], Policy::default(), |session| {
        session.connect(&json!([{"ch": "c1", "label": "large"}]))?;
        let (_, theirs) = session.opened(Offerer, "c1", "large")?;
        let theirs = ch(&theirs);
        let size = 65536.min(usize::try_from(session.size_limit()).unwrap_or(usize::MAX));
        for (end, from, to, seed) in
            [(Offerer, "c1", theirs.as_str(), 5), (Answerer, theirs.as_str(), "c1", 6)]
        {
            let batch = Batch { kind: Kind::Binary, size, count, seed };
            transfer(session, end, from, to, batch)?;
        }
        Ok(())
    })
}

/// Many messages, counted and hashed by the receiver.
pub(crate) fn transfer(
    session: &mut Session<'_>,
    end: End,
    from: &str,
    to: &str,
    batch: Batch,
) -> Result<()> {
    let (receiver, batch) = (end.other(), session.spoken(batch));
    session.command(receiver, &json!({"type": "sink", "ch": to, "count": batch.count}))?;
    session
        .expect(receiver, "sink-ready", SOON, |event| event["type"] == "sink-ready" && event["ch"] == to)?;
    session.send(end, from, batch)?;
    // At 5 Mbit/s it would be hopeless; a busy machine gets at least half a minute.
    let patience = Duration::from_secs(30 + u64::try_from(batch.bytes() / 625_000)?);
    let done = session
        .expect(receiver, "sink-done", patience, |event| event["type"] == "sink-done" && event["ch"] == to)?;
    ensure!(
        done["sha256"] == batch.sha256(),
        "{}: {} bytes with another hash",
        session.name(receiver),
        done["bytes"]
    );
    session.expect(end, "sent", SOON, |event| event["type"] == "sent" && event["ch"] == from)?;
    Ok(())
}
