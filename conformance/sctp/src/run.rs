//! One scenario, one association, virtual time.
//!
//! ```text
//!   in    the clock moves to the step (timers fire, what is sent is collected), the packet is fed in
//!   out   the next collected packet, or the first that a timer sends within the tolerance, must be this one
//!   api   the clock moves to the step, the call is made, its result compared
//! ```
//! Before a packet is fed in, and at the end, nothing may be left that the scenario did not ask for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plywood_sctp::{Association, CloseReason, Config, Event, StreamId};
use serde_json::{Map, Value};

use crate::application;
use crate::compare;
use crate::encode;
use crate::packet::{Chunk, Packet, seal};
use crate::scenario::{Kind, Scenario, Step, Time};
use crate::symbols::Symbols;
use crate::text::{self, PacketText};

/// What the scenarios assume of a packet: 1500 bytes less an IPv4 header.
const BUDGET: usize = 1480;

/// The state of a run.
pub(crate) struct Run {
    pub(crate) association: Association,
    pub(crate) now: Instant,
    /// When the step before was due.
    due: Instant,
    symbols: Symbols,
    sent: VecDeque<(Instant, Packet)>,
    /// The verification tag of the newest packet that was fed in.
    last_tag: u32,
    tolerance: Duration,
    /// Whether the association was asked for by `connect`.
    pub(crate) active: bool,
    pub(crate) shut_down: bool,
    pub(crate) connected: bool,
    pub(crate) closed: Option<CloseReason>,
    pub(crate) resets_done: Vec<StreamId>,
    pub(crate) resets_refused: Vec<StreamId>,
}

/// Runs a scenario; an error says in words which step failed and how.
pub(crate) fn run(scenario: &Scenario, steps: &[Step], config: Config) -> Result<(), String> {
    let now = Instant::now();
    let mut run = Run {
        association: Association::new(config, [7; 32], now),
        now,
        due: now,
        symbols: Symbols::default(),
        sent: VecDeque::new(),
        last_tag: 0,
        tolerance: scenario.tolerance(),
        active: false,
        shut_down: false,
        connected: false,
        closed: None,
        resets_done: Vec::new(),
        resets_refused: Vec::new(),
    };
    let mut swapped = None;
    for (index, step) in steps.iter().enumerate() {
        if swapped == Some(index) {
            continue;
        }
        let Err(difference) = run.step(step) else { continue };
        if run.ends_sooner(steps) {
            return Ok(());
        }
        if run.comes_after(step, steps.get(index + 1)) {
            swapped = Some(index + 1);
            continue;
        }
        return Err(format!("step {} {}: {difference}", index + 1, describe(&step.kind)));
    }
    run.nothing_left().map_err(|difference| format!("after the last step: {difference}"))
}

fn describe(kind: &Kind) -> String {
    match kind {
        Kind::In(text, _) => format!("in {text}"),
        Kind::Out(texts, _) => format!("out {}", texts.join(" or ")),
        Kind::Api(call) => format!("api {}", Value::Object(call.clone())),
        Kind::Other(what) => what.clone(),
    }
}

impl Run {
    /// The scenario ends with an ABORT, and here it is: a violation may be found before the reference finds it.
    fn ends_sooner(&mut self, steps: &[Step]) -> bool {
        let last = steps.iter().rev().map(Step::texts).find(|texts| !texts.is_empty());
        let Some(texts) = last else { return false };
        let Some((_, packet)) = self.sent.front().cloned() else { return false };
        packet.chunks.iter().any(|chunk| chunk.kind == 6)
            && texts.iter().any(|text| self.matches(text, &packet).is_ok())
    }

    /// Two packets of the same moment may leave in either order: the next step's is here, and this step's follows.
    fn comes_after(&mut self, step: &Step, next: Option<&Step>) -> bool {
        let Some(next @ Step { kind: Kind::Out(_, false), time: Time::Between(from, _) }) = next else {
            return false;
        };
        let both = matches!(step.kind, Kind::Out(_, false)) && from.is_zero();
        both && self.expect(step.time, next.texts(), false).is_ok() && self.step(&step.at_once()).is_ok()
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match &step.kind {
            Kind::In(text, option) => {
                self.advance_to(step.time);
                if !(text.starts_with("SACK") && self.only_new_data_left()) {
                    self.nothing_left()?;
                }
                self.feed(text, option.as_deref())
            }
            Kind::Out(texts, optional) => self.expect(step.time, texts, *optional),
            Kind::Api(call) => {
                self.advance_to(step.time);
                self.call(call)
            }
            Kind::Other(what) => Err(format!("no such step: {what}")),
        }
    }

    /// Makes a call, then collects what it sent.
    fn call(&mut self, call: &Map<String, Value>) -> Result<(), String> {
        if call.contains_key("nothing_sent") {
            return self.nothing_left();
        }
        let result = application::call(self, call);
        self.collect();
        result
    }

    /// A sender that holds small packets back (Nagle) sends them after the SACK that the scenario feeds in; RFC 8831
    /// §6.6 wants that off, and the same packets are here already.
    fn only_new_data_left(&self) -> bool {
        self.sent.iter().all(|(_, packet)| matches!(packet.chunks[0].kind, 0 | 0x40))
    }

    fn nothing_left(&self) -> Result<(), String> {
        match self.sent.front() {
            None => Ok(()),
            Some((at, packet)) => {
                let before = self.now.saturating_duration_since(*at);
                Err(format!("nobody expected {} (sent {before:?} before)", compare::describe(packet)))
            }
        }
    }

    fn advance_to(&mut self, time: Time) {
        if let Time::Between(from, _) = time {
            self.due += from;
        } else {
            self.due = self.now;
        }
        self.run_timers(self.due);
        self.now = self.now.max(self.due);
        self.due = self.now;
    }

    /// Lets timers fire up to `until`.
    fn run_timers(&mut self, until: Instant) {
        while let Some(at) = self.next_timer(until) {
            self.now = self.now.max(at);
            self.association.handle_timeout(self.now);
            self.collect();
        }
    }

    fn next_timer(&self, until: Instant) -> Option<Instant> {
        self.association.poll_timeout().filter(|at| *at <= until)
    }

    fn collect(&mut self) {
        let mut bytes = Vec::new();
        while self.association.poll_transmit(self.now, BUDGET, &mut bytes).is_some() {
            let packet = Packet::open(&bytes).unwrap_or_else(|reason| Packet {
                tag: 0,
                chunks: vec![Chunk { kind: 255, flags: 0, value: reason.into_bytes() }],
            });
            self.sent.push_back((self.now, packet));
            bytes.clear();
        }
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Connected => self.connected = true,
                Event::Closed(reason) => self.closed = Some(reason),
                Event::OutgoingStreamsReset { streams } => self.resets_done.extend(streams),
                Event::OutgoingResetRefused { streams } => self.resets_refused.extend(streams),
                _ => {}
            }
        }
    }

    fn feed(&mut self, text: &str, option: Option<&str>) -> Result<(), String> {
        let mut chunks = Vec::new();
        let mut is_init = false;
        match text::parse(text).map_err(|error| error.to_string())? {
            PacketText::Raw(bytes) => {
                if bytes.first() == Some(&1) {
                    self.symbols.note_init(bytes.get(4..).unwrap_or_default());
                }
                chunks = bytes;
            }
            PacketText::Chunks(nodes) => {
                is_init = nodes[0].name == "INIT";
                for node in &nodes {
                    encode::chunk(&mut chunks, node, &mut self.symbols)?;
                }
            }
        }
        let named = option.and_then(|option| option.strip_prefix("(tag=")?.strip_suffix(')')?.parse().ok());
        let tag = match named {
            Some(symbol) => self.symbols.tag(symbol),
            None if is_init => 0,
            None if chunks.first() == Some(&14) && chunks.get(1) == Some(&1) => self.symbols.peer_tag,
            None if chunks.first() == Some(&6) && chunks.get(1) == Some(&1) => self.symbols.peer_tag,
            None => self.symbols.local_tag(),
        };
        self.last_tag = tag;
        let packet = seal(tag, &chunks, option != Some("(bad_crc32c)"));
        // What it discards, it counts; the scenario says what must be sent.
        let _ = self.association.handle_datagram(self.now, &packet);
        self.collect();
        Ok(())
    }

    fn expect(&mut self, time: Time, texts: &[String], optional: bool) -> Result<(), String> {
        let (from, to) = match time {
            Time::Between(from, to) => (self.due + from, self.due + to + self.tolerance),
            Time::Any => (self.now, self.now + Duration::from_secs(120)),
        };
        while self.sent.is_empty() {
            let Some(at) = self.next_timer(to) else { break };
            self.now = self.now.max(at);
            self.association.handle_timeout(self.now);
            self.collect();
        }
        let Some((at, packet)) = self.sent.front().cloned() else {
            return if optional { Ok(()) } else { Err("nothing was sent".to_owned()) };
        };
        let early = from.saturating_duration_since(at);
        // A delayed acknowledgement may always come sooner (RFC 9260 §6.2 bounds only how late).
        let may_hurry = packet.chunks[0].kind == 3 && texts.iter().any(|text| text.starts_with("SACK"));
        if early > self.tolerance && time != Time::Any && !may_hurry {
            return if optional {
                Ok(())
            } else {
                Err(format!("sent {early:?} early: {}", compare::describe(&packet)))
            };
        }
        let late = at.saturating_duration_since(to);
        if !late.is_zero() {
            return Err(format!("sent {late:?} late: {}", compare::describe(&packet)));
        }
        let mut first = None;
        for text in texts {
            match self.matches(text, &packet) {
                Ok(rest) => {
                    self.sent.pop_front();
                    if !rest.is_empty() {
                        self.sent.push_front((at, Packet { tag: packet.tag, chunks: rest }));
                    }
                    self.now = self.now.max(at);
                    // Times count from when the scenario says that this was sent, or from when it was.
                    self.due = if time == Time::Any { self.now } else { from.max(at).max(self.due) };
                    self.now = self.now.max(self.due);
                    return Ok(());
                }
                Err(difference) => first = first.or(Some(difference)),
            }
        }
        if optional { Ok(()) } else { Err(first.unwrap_or_default()) }
    }

    /// Compares; chunks that the sender bundled behind those of the text are left for the next step, for the
    /// scenario's consecutive packets may always come as one (RFC 9260 §6.10).
    fn matches(&mut self, text: &str, packet: &Packet) -> Result<Vec<Chunk>, String> {
        match text::parse(text).map_err(|error| error.to_string())? {
            PacketText::Raw(_) => Err("raw bytes cannot be expected".to_owned()),
            PacketText::Chunks(nodes) => {
                let mut symbols = self.symbols.clone();
                let mut first = packet.clone();
                let rest = first.chunks.split_off(nodes.len().min(packet.chunks.len()));
                compare::packet(&nodes, &first, &mut symbols, self.last_tag)?;
                self.symbols = symbols;
                Ok(rest)
            }
        }
    }
}
