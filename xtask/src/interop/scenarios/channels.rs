//! Channels: many at once, of every kind, named oddly, closed and opened again.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::super::matrix::Stage;
use super::super::payload::{Batch, Kind};
use super::super::session::End::{Answerer, Offerer};
use super::super::session::{BOTH, CONNECT, End, SOON, Session, ch};
use super::super::signalling::Policy;
use super::messages::transfer;

/// 32 in-band channels of all kinds of reliability, and four negotiated ones.
pub(crate) fn multi(stage: &mut Stage) -> Result<()> {
    stage.session(&[], &["--echo"], Policy::default(), |session| {
        let (early, late) = ([200, 201], [202, 203]);
        for id in early {
            session.command(Answerer, &negotiated("open-channel", id))?;
        }
        let mut channels: Vec<Value> = (0..32).map(kind_of_channel).collect();
        channels.extend(early.iter().chain(&late).map(|&id| negotiated("", id)));
        session.connect(&json!(channels))?;
        for wanted in &channels[..32] {
            let label = wanted["label"].as_str().unwrap_or_default();
            let (ours, theirs) = session.opened(Offerer, label, label)?;
            same_properties(session, wanted, &ours, &theirs)?;
            // Nothing is lost on this path: even an unreliable channel delivers.
            session.send(Offerer, label, Batch::one(Kind::Text, 300, 9))?;
        }
        for wanted in &channels[..32] {
            let label = wanted["label"].as_str().unwrap_or_default();
            session.arrives(Offerer, label, Batch::one(Kind::Text, 300, 9))?;
        }
        for id in late {
            session.command(Answerer, &negotiated("open-channel", id))?;
        }
        for id in early.iter().chain(&late) {
            let name = format!("n{id}");
            for end in BOTH {
                let open = session.expect(end, &format!("open of {name}"), CONNECT, |event| {
                    event["type"] == "open" && event["ch"] == name
                })?;
                ensure!(open["id"].is_null() || open["id"] == *id, "{name} has stream {}", open["id"]);
            }
            session.send(Offerer, &name, Batch::one(Kind::Binary, 1300, 10))?;
            session.arrives(Offerer, &name, Batch::one(Kind::Binary, 1300, 10))?;
        }
        Ok(())
    })
}

fn negotiated(command: &str, id: u16) -> Value {
    json!({"type": command, "ch": format!("n{id}"), "label": format!("n{id}"), "negotiated": true, "id": id})
}

fn kind_of_channel(index: u16) -> Value {
    let name = format!("c{index}");
    let mut channel = json!({"ch": name, "label": name, "protocol": format!("p{}", index % 3)});
    channel["ordered"] = json!(index.is_multiple_of(2));
    match index % 4 {
        1 => channel["maxRetransmits"] = json!(index),
        2 => channel["maxPacketLifeTime"] = json!(1000 + index),
        _ => {}
    }
    channel
}

/// The other end sees what was asked for, as far as it tells.
fn same_properties(session: &Session<'_>, wanted: &Value, ours: &Value, theirs: &Value) -> Result<()> {
    for (end, open) in [(Offerer, ours), (Answerer, theirs)] {
        for property in ["label", "protocol", "ordered", "maxRetransmits", "maxPacketLifeTime"] {
            let told = open.get(property);
            ensure!(
                told.is_none() || told == wanted.get(property).or(Some(&Value::Null)),
                "{} sees {property} {} of a channel made as {wanted}",
                session.name(end),
                open[property]
            );
        }
    }
    let differ = !ours["id"].is_null() && !theirs["id"].is_null() && ours["id"] != theirs["id"];
    ensure!(!differ, "one end says stream {}, the other {}", ours["id"], theirs["id"]);
    Ok(())
}

/// Both ends open channels at once; nobody takes an id of the other's parity.
pub(crate) fn in_band(stage: &mut Stage) -> Result<()> {
    stage.session(&[], &[], Policy::default(), |session| {
        for name in ["b1", "b2"] {
            session.command(Answerer, &json!({"type": "open-channel", "ch": name, "label": name}))?;
        }
        session.connect(&json!([{"ch": "a1", "label": "a1"}, {"ch": "a2", "label": "a2"}]))?;
        for (end, name) in [(Offerer, "a1"), (Offerer, "a2"), (Answerer, "b1"), (Answerer, "b2")] {
            let (_, theirs) = session.opened(end, name, name)?;
            session.ping_pong(end, name, &ch(&theirs), 20)?;
        }
        Ok(())
    })
}

/// Labels and protocols that are legal and unusual.
pub(crate) fn unicode(stage: &mut Stage) -> Result<()> {
    let long_label = "ж".repeat(2500);
    let long_protocol = "p".repeat(300);
    let names = [
        ("Привіт, світе", ""),
        ("数据通道", "协议"),
        ("🪵🪓", "🦀"),
        ("", ""),
        ("tab\tnewline\nbell\u{7}escape\u{1b}", "\u{1}"),
        (long_label.as_str(), long_protocol.as_str()),
    ];
    let channel = |(at, (label, protocol)): (usize, &(&str, &str))| json!({"ch": format!("u{at}"), "label": label, "protocol": protocol});
    stage.session(&[], &[], Policy::default(), |session| {
        session.connect(&json!(names.iter().enumerate().map(channel).collect::<Vec<_>>()))?;
        for (at, (label, protocol)) in names.iter().enumerate() {
            let (_, theirs) = session.opened(Offerer, &format!("u{at}"), label)?;
            ensure!(theirs["protocol"] == *protocol, "the protocol of channel {at} changed on its way");
            session.ping_pong(Offerer, &format!("u{at}"), &ch(&theirs), 30)?;
        }
        Ok(())
    })
}

/// Each end closes a channel of each; both see it, and the ids work again.
pub(crate) fn close_channel(stage: &mut Stage) -> Result<()> {
    stage.session(&[], &[], Policy::default(), |session| {
        session.connect(&json!([{"ch": "keep", "label": "keep"}]))?;
        session.opened(Offerer, "keep", "keep")?;
        for round in 0..2 {
            for (opener, closer) in
                [(Offerer, Offerer), (Offerer, Answerer), (Answerer, Answerer), (Answerer, Offerer)]
            {
                let name = format!("x{round}-{opener:?}-{closer:?}");
                session.command(opener, &json!({"type": "open-channel", "ch": name, "label": name}))?;
                let (_, theirs) = session.opened(opener, &name, &name)?;
                let theirs = ch(&theirs);
                session.ping_pong(opener, &name, &theirs, 40)?;
                let at_closer = if opener == closer { &name } else { &theirs };
                session.command(closer, &json!({"type": "close-channel", "ch": at_closer}))?;
                session.channel_closed(opener, &name, &theirs)?;
            }
            negotiated_round(session, round, BOTH[round % 2])?;
        }
        Ok(())
    })
}

/// Stream 77 by agreement, closed by one end, and the same stream again in the next round.
fn negotiated_round(session: &mut Session<'_>, round: usize, closer: End) -> Result<()> {
    let name = format!("n{round}");
    let channel = json!({"type": "open-channel", "ch": name, "label": "again", "negotiated": true, "id": 77});
    for end in BOTH {
        session.command(end, &channel)?;
    }
    for end in BOTH {
        session.expect(end, &format!("open of {name}"), SOON, |event| {
            event["type"] == "open" && event["ch"] == name
        })?;
    }
    session.ping_pong(Offerer, &name, &name, 50)?;
    session.command(closer, &json!({"type": "close-channel", "ch": name}))?;
    session.channel_closed(Offerer, &name, &name)
}

/// What was handed over before `close-channel` arrives, all of it.
pub(crate) fn close_flush(stage: &mut Stage) -> Result<()> {
    stage.session(&[], &[], Policy::default(), |session| {
        session.connect(&json!([{"ch": "keep", "label": "keep"}]))?;
        session.opened(Offerer, "keep", "keep")?;
        for (end, name) in [(Offerer, "f1"), (Answerer, "f2")] {
            session.command(end, &json!({"type": "open-channel", "ch": name, "label": name}))?;
            let (_, theirs) = session.opened(end, name, name)?;
            let theirs = ch(&theirs);
            let batch = Batch { kind: Kind::Binary, size: 16384, count: 50, seed: 60 };
            let receiver = end.other();
            session.command(receiver, &json!({"type": "sink", "ch": theirs, "count": batch.count}))?;
            session.expect(receiver, "sink-ready", SOON, |event| event["type"] == "sink-ready")?;
            session.send(end, name, batch)?;
            session.command(end, &json!({"type": "close-channel", "ch": name}))?;
            let done = session.expect(receiver, "sink-done", SOON, |event| {
                event["type"] == "sink-done" && event["ch"] == theirs
            })?;
            ensure!(done["sha256"] == batch.sha256(), "{} got other bytes", session.name(receiver));
            session.channel_closed(end, name, &theirs)?;
        }
        // The association lives on.
        session.command(Offerer, &json!({"type": "open-channel", "ch": "after", "label": "after"}))?;
        let (_, theirs) = session.opened(Offerer, "after", "after")?;
        transfer(
            session,
            Offerer,
            "after",
            &ch(&theirs),
            Batch { kind: Kind::Text, size: 1000, count: 20, seed: 61 },
        )
    })
}
