//! A path that loses every fiftieth datagram: what must arrive arrives, what may be lost may be.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::super::matrix::Stage;
use super::super::payload::{Batch, Kind};
use super::super::session::End::{Answerer, Offerer};
use super::super::session::{End, Session, ch};
use super::super::signalling::Policy;
use super::messages::transfer;

/// Lost of a thousand, each way.
const LOSS: u64 = 20;
/// Messages of a volley: of two fragments, so that halves can be missing.
const VOLLEY: Batch = Batch { kind: Kind::Binary, size: 1800, count: 100, seed: 0 };
/// Of a volley that may lose some; with two fragments at two per cent, 96 are to be expected.
const ENOUGH: usize = 75;

/// A channel beside the reliable, ordered one.
struct Sort {
    name: &'static str,
    ordered: bool,
    partial: Option<(&'static str, u32)>,
}

const SORTS: &[Sort] = &[
    Sort { name: "unordered", ordered: false, partial: None },
    Sort { name: "once", ordered: false, partial: Some(("maxRetransmits", 0)) },
    Sort { name: "thrice", ordered: true, partial: Some(("maxRetransmits", 2)) },
    Sort { name: "brief", ordered: false, partial: Some(("maxPacketLifeTime", 1500)) },
];

impl Sort {
    fn channel(&self) -> Value {
        let mut channel = json!({"ch": self.name, "label": self.name, "ordered": self.ordered});
        if let Some((kind, value)) = self.partial {
            channel[kind] = json!(value);
        }
        channel
    }
}

/// Large transfers both ways, then volleys on channels of every reliability, both ways at once.
pub(crate) fn lossy(stage: &mut Stage) -> Result<()> {
    let count = if stage.full { 400 } else { 64 };
    stage.session(&[], &[], Policy { lossy: Some(LOSS), ..Policy::default() }, |session| {
        let mut channels = vec![json!({"ch": "whole", "label": "whole"})];
        channels.extend(SORTS.iter().map(Sort::channel));
        session.connect(&json!(channels))?;
        let whole = ch(&session.opened(Offerer, "whole", "whole")?.1);
        let mut names = Vec::new();
        for sort in SORTS {
            names.push(ch(&session.opened(Offerer, sort.name, sort.name)?.1));
        }
        for (end, from, to) in [(Offerer, "whole", whole.as_str()), (Answerer, whole.as_str(), "whole")] {
            transfer(session, end, from, to, Batch { kind: Kind::Binary, size: 65536, count, seed: 5 })?;
        }
        for (seed, (sort, theirs)) in (100..).zip(SORTS.iter().zip(&names)) {
            session.send(Offerer, sort.name, Batch { seed, ..VOLLEY })?;
            session.send(Answerer, theirs, Batch { seed, ..VOLLEY })?;
        }
        // What is reliable comes however long it takes; what is given up is so by then.
        session.deliver(Offerer, "whole", &whole, Batch::one(Kind::Binary, 100, 7))?;
        session.deliver(Answerer, &whole, "whole", Batch::one(Kind::Binary, 100, 8))?;
        for (seed, (sort, theirs)) in (100..).zip(SORTS.iter().zip(&names)) {
            check(session, Answerer, theirs, sort, seed)?;
            check(session, Offerer, sort.name, sort, seed)?;
        }
        Ok(())
    })
}

/// A volley that arrived: nothing twice, nothing changed, in order where ordered, all of it where reliable.
fn check(session: &mut Session<'_>, end: End, ch: &str, sort: &Sort, seed: u32) -> Result<()> {
    let wanted = Batch { seed, ..VOLLEY }.sha256_each();
    let needed = if sort.partial.is_some() { ENOUGH } else { VOLLEY.count };
    for number in 0..needed {
        session.next_message(end, ch, &format!("message {number} of a volley on {}", sort.name))?;
    }
    if sort.partial.is_some() {
        session.linger(Duration::from_millis(300))?;
    }
    let is_message = |event: &&Value| event["type"] == "message" && event["ch"] == ch;
    let arrived: Vec<Option<usize>> = session
        .events(end)
        .filter(is_message)
        .map(|event| wanted.iter().position(|hash| event["sha256"] == *hash))
        .collect();
    let (who, name) = (session.name(end), sort.name);
    ensure!(arrived.iter().all(Option::is_some), "{who}: a changed message on {name}");
    let once: BTreeSet<&Option<usize>> = arrived.iter().collect();
    ensure!(once.len() == arrived.len(), "{who}: a message came twice on {name}");
    ensure!(!sort.ordered || arrived.is_sorted(), "{who}: messages out of order on {name}");
    Ok(())
}
