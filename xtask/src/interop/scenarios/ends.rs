//! Ends: in order, and by force.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::super::matrix::Stage;
use super::super::session::End::{Answerer, Offerer};
use super::super::session::{BOTH, End, Session, ch};
use super::super::signalling::Policy;

/// One end closes; the other sees it at once instead of by silence.
pub(crate) fn close(stage: &mut Stage) -> Result<()> {
    for closer in BOTH {
        stage.session(&[], &[], Policy::default(), |session| {
            session.connect(&json!([{"ch": "c1", "label": "short"}]))?;
            let (_, theirs) = session.opened(Offerer, "c1", "short")?;
            let theirs = ch(&theirs);
            session.ping_pong(Offerer, "c1", &theirs, 95)?;
            session.command(closer, &json!({"type": "close"}))?;
            let other = closer.other();
            let name = if other == Offerer { "c1".to_owned() } else { theirs };
            session.expect(
                other,
                "channel-closed after the other's close",
                Duration::from_secs(12),
                |event| event["type"] == "channel-closed" && event["ch"] == name,
            )?;
            if session.name(other) == "plywood" {
                session.expect(other, "state closed or failed", Duration::from_secs(12), is_over)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn is_over(event: &Value) -> bool {
    event["type"] == "state" && (event["state"] == "closed" || event["state"] == "failed")
}

/// A description with a wrong fingerprint: no connection, nothing opens, and our end says why.
pub(crate) fn wrong_fingerprint(stage: &mut Stage) -> Result<()> {
    // The one who reads the bent description is the one who checks.
    for (bent, checker) in [("offer", Answerer), ("answer", Offerer)] {
        let policy = Policy { wrong_fingerprint: Some(bent), ..Policy::default() };
        stage.session(&[], &[], policy, |session| {
            session.command(Answerer, &json!({"type": "open-channel", "ch": "d1", "label": "never"}))?;
            let channels = json!([{"ch": "c1", "label": "never"}]);
            session.command(Offerer, &json!({"type": "create-offer", "channels": channels}))?;
            let failed = session.expect(checker, "state failed", Duration::from_secs(40), |event| {
                event["type"] == "state" && event["state"] == "failed"
            })?;
            session.linger(Duration::from_millis(500))?;
            never_opened(session, checker)?;
            if session.name(checker) == "plywood" {
                let reason = failed["reason"].as_str().unwrap_or_default();
                ensure!(reason.contains("fingerprint"), "plywood does not say why it failed: {failed}");
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn never_opened(session: &Session<'_>, checker: End) -> Result<()> {
    for end in BOTH {
        let open = session.events(end).find(|event| event["type"] == "open");
        ensure!(open.is_none(), "{} opened a channel over a wrong fingerprint", session.name(end));
    }
    let connected =
        session.events(checker).any(|event| event["type"] == "state" && event["state"] == "connected");
    ensure!(!connected, "{} was connected although it checked a wrong fingerprint", session.name(checker));
    Ok(())
}
