//! Two peers, the signalling between them, and what each has said so far.
//!
//! ```text
//!  scenario --command--> offerer                answerer <--command-- scenario
//!                          | offer, candidates --> relay --> |
//!                          | <-- relay <-- answer, candidates|
//!           <--expect----  events                     events  ----expect-->
//! ```
//! Nothing runs in the background: signalling is carried while a scenario waits for something.

use std::fmt::Write as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::contract::{self, Incoming, Process};
use super::lossy::Lossy;
use super::payload::{Batch, Kind};
use super::signalling::{self, Policy, Relay};

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Offerer,
    Answerer,
}

use End::{Answerer, Offerer};

/// Both, in the order of the arrays here.
pub(crate) const BOTH: [End; 2] = [Offerer, Answerer];

impl End {
    pub(crate) fn other(self) -> Self {
        match self {
            Offerer => Answerer,
            Answerer => Offerer,
        }
    }

    fn index(self) -> usize {
        match self {
            Offerer => 0,
            Answerer => 1,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Offerer => "offerer",
            Answerer => "answerer",
        }
    }
}

/// How long a connection may take: generous, for the machine may be busy.
pub(crate) const CONNECT: Duration = Duration::from_secs(30);
/// How long one small exchange over an open channel may take.
pub(crate) const SOON: Duration = Duration::from_secs(15);

#[derive(Debug)]
struct Side {
    process: Process,
    relay: Relay,
    /// Events in their order; those that a scenario has used are marked.
    events: Vec<(Value, bool)>,
}

/// One connection between two peers.
#[derive(Debug)]
pub(crate) struct Session<'m> {
    sides: [Side; 2],
    incoming: &'m Receiver<(usize, Incoming)>,
    policy: Policy,
    lossy: Option<Lossy>,
    start: Instant,
    log: String,
}

impl<'m> Session<'m> {
    /// Both processes were started or reset; waits for their `ready`.
    pub(crate) fn new(
        offerer: Process,
        answerer: Process,
        incoming: &'m Receiver<(usize, Incoming)>,
        policy: Policy,
    ) -> Result<Self> {
        let side = |process| Side { process, relay: Relay::default(), events: Vec::new() };
        let sides = [side(offerer), side(answerer)];
        let lossy = policy.lossy.map(Lossy::new).transpose()?;
        let mut session = Self { sides, incoming, policy, lossy, start: Instant::now(), log: String::new() };
        for end in BOTH {
            session.expect(end, "ready", CONNECT, |event| event["type"] == "ready")?;
            let side = &mut session.sides[end.index()];
            // What a browser said before it was reset belongs to another connection.
            if let Some(at) = side.events.iter().rposition(|(event, _)| event["type"] == "ready") {
                side.events.drain(..=at);
            }
        }
        Ok(session)
    }

    pub(crate) fn name(&self, end: End) -> &str {
        &self.sides[end.index()].process.name
    }

    /// The processes, for the next session, and the log of this one.
    pub(crate) fn finish(self) -> ([Process; 2], String) {
        (self.sides.map(|side| side.process), self.log)
    }

    /// Tells a peer to do something.
    pub(crate) fn command(&mut self, end: End, command: &Value) -> Result<()> {
        self.note(end, "<-", command);
        self.sides[end.index()].process.send(command)
    }

    /// Waits for an event that no scenario has used yet.
    pub(crate) fn expect(
        &mut self,
        end: End,
        what: &str,
        within: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + within;
        loop {
            let unused =
                self.sides[end.index()].events.iter_mut().find(|(event, used)| !used && wanted(event));
            if let Some((event, used)) = unused {
                *used = true;
                return Ok(event.clone());
            }
            if !self.step(deadline)? {
                bail!("{} ({}): no {what} within {within:?}", self.name(end), end.name());
            }
        }
    }

    /// All events of one end so far, used or not.
    pub(crate) fn events(&self, end: End) -> impl Iterator<Item = &Value> {
        self.sides[end.index()].events.iter().map(|(event, _)| event)
    }

    /// Carries signalling for a while, whatever comes.
    pub(crate) fn linger(&mut self, time: Duration) -> Result<()> {
        let deadline = Instant::now() + time;
        while self.step(deadline)? {}
        Ok(())
    }

    /// One event; `false` at the deadline.
    fn step(&mut self, deadline: Instant) -> Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        let (id, incoming) = match self.incoming.recv_timeout(left) {
            Ok(next) => next,
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => bail!("all peers are gone"),
        };
        let Some(from) = BOTH.into_iter().find(|end| self.sides[end.index()].process.id == id) else {
            return Ok(true); // of a process that served an earlier session
        };
        match incoming {
            Incoming::Event(event) => {
                self.note(from, "->", &event);
                self.take(from, event)?;
            }
            Incoming::Garbage(line) => bail!("{} wrote a line that is not JSON: {line}", self.name(from)),
            Incoming::End => bail!("{} ended by itself", self.name(from)),
        }
        Ok(true)
    }

    fn take(&mut self, from: End, event: Value) -> Result<()> {
        if event["type"] == "error" {
            let (place, message) = (&event["where"], &event["message"]);
            bail!("{} reports an error in {place}: {message}", self.name(from));
        }
        let onward = self.sides[from.index()].relay.carry(&self.policy, &event);
        self.sides[from.index()].events.push((event, false));
        for message in onward {
            let bent = match &self.lossy {
                Some(lossy) => lossy.bend(from.index(), &message),
                None => Some(message),
            };
            if let Some(message) = bent {
                self.command(from.other(), &message)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, end: End, arrow: &str, value: &Value) {
        let time = self.start.elapsed().as_secs_f64();
        let mut text = value.to_string();
        if text.len() > 2000 {
            let cut = (0..=2000).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            text.truncate(cut);
            text.push('…');
        }
        let _ = writeln!(self.log, "{time:9.3} {:<8} {arrow} {text}", end.name());
    }

    // What most scenarios do.

    /// Makes the channels at the offerer and waits until both ends are connected.
    pub(crate) fn connect(&mut self, channels: &Value) -> Result<()> {
        self.command(Offerer, &json!({"type": "create-offer", "channels": channels}))?;
        self.connected()
    }

    /// Waits until both ends say `connected`.
    pub(crate) fn connected(&mut self) -> Result<()> {
        for end in BOTH {
            self.expect(end, "state connected", CONNECT, |event| {
                event["type"] == "state" && event["state"] == "connected"
            })?;
        }
        self.check_roles()
    }

    /// The answer took the role that the offer left to it.
    fn check_roles(&self) -> Result<()> {
        let answer = self.answer()?;
        let setup = signalling::attribute(answer, "setup").context("the answer has no a=setup")?;
        let must = match self.policy.offered_setup {
            Some("active") => "passive",
            Some(_) | None => "active",
        };
        ensure!(setup == must, "the answer says a=setup:{setup} where it must say {must}");
        Ok(())
    }

    fn answer(&self) -> Result<&str> {
        self.description(Answerer, "answer").context("there was no answer")
    }

    /// The newest description of this type that an end wrote.
    pub(crate) fn description(&self, end: End, kind: &str) -> Option<&str> {
        let mut events: Vec<&Value> = self.events(end).collect();
        events.reverse();
        events.into_iter().find(|event| event["type"] == kind)?["sdp"].as_str()
    }

    /// Who is the DTLS client, by the answer: its channels have even ids (RFC 8832 §6).
    pub(crate) fn dtls_client(&self) -> Result<End> {
        let setup = signalling::attribute(self.answer()?, "setup").unwrap_or_default();
        Ok(if setup == "active" { Answerer } else { Offerer })
    }

    /// The largest message that both take, at most `wanted`.
    pub(crate) fn size_limit(&self) -> u64 {
        let of = |end, kind| self.description(end, kind).and_then(signalling::max_message_size);
        let limits = [of(Offerer, "offer"), of(Answerer, "answer")];
        limits.into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// Waits for a channel of our own to open, and for the other end's view of it. The two `open` events.
    pub(crate) fn opened(&mut self, end: End, ch: &str, label: &str) -> Result<(Value, Value)> {
        let ours = self.expect(end, &format!("open of {ch}"), CONNECT, |event| {
            event["type"] == "open" && event["ch"] == ch
        })?;
        let theirs = self.expect(end.other(), &format!("open of the other's {ch}"), CONNECT, |event| {
            event["type"] == "open" && event["remote"] == true && event["label"] == label
        })?;
        self.check_parity(end, &ours)?;
        Ok((ours, theirs))
    }

    /// Even stream ids for the channels of the DTLS client, odd for the server's.
    fn check_parity(&self, owner: End, open: &Value) -> Result<()> {
        let Some(id) = open["id"].as_u64() else { return Ok(()) };
        let even = self.dtls_client()? == owner;
        ensure!(
            id.is_multiple_of(2) == even,
            "{} opened stream {id}, which belongs to the other DTLS role",
            self.name(owner)
        );
        Ok(())
    }

    /// Sends one generated message and waits until it arrives, whole.
    pub(crate) fn deliver(&mut self, end: End, from: &str, to: &str, batch: Batch) -> Result<()> {
        self.send(end, from, batch)?;
        self.arrives(end.other(), to, batch)
    }

    /// Hands generated messages over.
    pub(crate) fn send(&mut self, end: End, ch: &str, batch: Batch) -> Result<()> {
        let Batch { kind, size, count, seed } = self.spoken(batch);
        let command = json!({"type": "send", "ch": ch, "kind": kind.name(), "size": size, "count": count, "seed": seed});
        self.command(end, &command)
    }

    /// Whether both ends send text, and tell it from bytes.
    pub(crate) fn speaks_text(&self) -> bool {
        BOTH.into_iter().all(|end| contract::speaks_text(self.name(end)))
    }

    /// What is sent of it: bytes, where one of the two knows nothing else.
    pub(crate) fn spoken(&self, batch: Batch) -> Batch {
        if self.speaks_text() { batch } else { Batch { kind: Kind::Binary, ..batch } }
    }

    /// The next message on `ch` is this one.
    pub(crate) fn arrives(&mut self, end: End, ch: &str, batch: Batch) -> Result<()> {
        let batch = self.spoken(batch);
        let what = format!("{} message of {} bytes on {ch}", batch.kind.name(), batch.size);
        let message = self.next_message(end, ch, &what)?;
        let found = (message["kind"].as_str(), message["len"].as_u64());
        let wanted = (Some(batch.kind.name()), u64::try_from(batch.size).ok());
        ensure!(found == wanted, "{}: {what}, but {found:?} arrived", self.name(end));
        ensure!(message["sha256"] == batch.sha256(), "{}: {what} arrived with other bytes", self.name(end));
        Ok(())
    }

    /// The next message on `ch`, whatever it is.
    pub(crate) fn next_message(&mut self, end: End, ch: &str, what: &str) -> Result<Value> {
        self.expect(end, what, SOON, |event| event["type"] == "message" && event["ch"] == ch)
    }

    /// A small message each way: the channel works.
    pub(crate) fn ping_pong(&mut self, end: End, ours: &str, theirs: &str, seed: u32) -> Result<()> {
        self.deliver(end, ours, theirs, Batch::one(Kind::Text, 100, seed))?;
        self.deliver(end.other(), theirs, ours, Batch::one(Kind::Binary, 2000, seed + 1))
    }

    /// Both ends tell the end of a channel.
    pub(crate) fn channel_closed(&mut self, end: End, ours: &str, theirs: &str) -> Result<()> {
        for (end, ch) in [(end, ours), (end.other(), theirs)] {
            self.expect(end, &format!("channel-closed of {ch}"), SOON, |event| {
                event["type"] == "channel-closed" && event["ch"] == ch
            })?;
        }
        Ok(())
    }
}

/// The name that a peer gave to a channel.
pub(crate) fn ch(open: &Value) -> String {
    open["ch"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::contract::scripted;
    use super::*;

    const READY: &str = r#"echo '{"type":"ready","impl":"scripted"}';"#;

    /// Two peers of shell, and what came of the script.
    fn play(
        offerer: &str,
        answerer: &str,
        script: impl FnOnce(&mut Session<'_>) -> Result<()>,
    ) -> Result<()> {
        let (sender, receiver) = mpsc::channel();
        let offerer = scripted(&format!("{READY} {offerer}"), 1, sender.clone());
        let answerer = scripted(&format!("{READY} {answerer}"), 2, sender);
        script(&mut Session::new(offerer, answerer, &receiver, Policy::default())?)
    }

    fn complaint(
        offerer: &str,
        answerer: &str,
        script: impl FnOnce(&mut Session<'_>) -> Result<()>,
    ) -> String {
        play(offerer, answerer, script).unwrap_err().to_string()
    }

    fn wait_for_nothing(session: &mut Session<'_>) -> Result<()> {
        session.expect(Offerer, "a miracle", Duration::from_secs(5), |_| false).map(drop)
    }

    #[test]
    fn an_offer_is_carried_to_the_other_end() {
        let offerer = r#"echo '{"type":"offer","sdp":"v=0"}'; read end"#;
        // The answerer echoes what it reads, so the offer comes back as its own event.
        play(offerer, "exec head -1", |session| {
            let offer = session.expect(Answerer, "the echo", SOON, |event| event["type"] == "offer")?;
            assert_eq!(offer["sdp"], "v=0\r\n");
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn a_line_that_is_not_json_fails_the_scenario() {
        let said = complaint("echo log line; read end", "read end", wait_for_nothing);
        assert_eq!(said, "scripted wrote a line that is not JSON: log line");
    }

    #[test]
    fn a_peer_that_dies_fails_the_scenario() {
        assert_eq!(complaint("exit 1", "read end", wait_for_nothing), "scripted ended by itself");
    }

    #[test]
    fn an_error_event_fails_the_scenario() {
        let error = r#"echo '{"type":"error","where":"send","message":"no channel"}'; read end"#;
        assert!(complaint(error, "read end", wait_for_nothing).contains("no channel"));
    }

    #[test]
    fn a_message_with_other_bytes_fails_the_scenario() {
        let message = r#"echo '{"type":"message","ch":"r1","kind":"text","len":1,"sha256":"00"}'; read end"#;
        let said = complaint("read end", message, |session| {
            session.arrives(Answerer, "r1", Batch::one(Kind::Text, 1, 1))
        });
        assert!(said.contains("arrived with other bytes"), "{said}");
    }

    #[test]
    fn an_answer_with_the_wrong_role_fails_the_scenario() {
        let connected = r#"echo '{"type":"state","state":"connected"}'; read end; read end"#;
        let answerer = format!(r#"echo '{{"type":"answer","sdp":"a=setup:passive"}}'; {connected}"#);
        let said = complaint(connected, &answerer, |session| session.connected());
        assert_eq!(said, "the answer says a=setup:passive where it must say active");
    }
}
