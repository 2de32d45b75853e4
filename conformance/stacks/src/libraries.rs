//! Judges that are crates: both ends in this process, in virtual time, so that loss costs none.
//!
//! ```text
//!   plywood --(10 ms, loss, MTU)--> judge        every cell with loss runs with many seeds
//!           <-(10 ms, loss, MTU)---
//! ```

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use plywood_dtls::{Role, Version};

use crate::cell::{self, Abilities, Cell, Network, Scenario};
use crate::subject::{Certificate, Subject};

pub(crate) mod dimpl_peer;
pub(crate) mod rtc_peer;

/// A judge: the other end of the connection.
pub(crate) trait Judge: Sized {
    /// Its end of `cell`.
    fn new(cell: &Cell, certificate: &Certificate, now: Instant) -> Result<Self>;
    /// A datagram came.
    fn receive(&mut self, now: Instant, datagram: &[u8]) -> Result<()>;
    /// What it sends next.
    fn transmit(&mut self, now: Instant) -> Option<Vec<u8>>;
    /// Whether its handshake is over.
    fn is_connected(&self) -> bool;
    /// Application data to us.
    fn send(&mut self, now: Instant, data: &[u8]);
    /// Application data from us so far.
    fn received(&self) -> &[u8];
    /// When it wants to be woken.
    fn timeout(&self) -> Option<Instant>;
    /// Wakes it.
    fn handle_timeout(&mut self, now: Instant) -> Result<()>;
}

/// Handshakes that a cell with loss stands for.
const SEEDS: u64 = 25;
const DELAY: Duration = Duration::from_millis(10);
/// Of virtual time.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);
const OURS: &[u8] = b"plywood says hello\n";
const THEIRS: &[u8] = b"peer says hello\n";

/// Runs a cell, with loss many times.
pub(crate) fn run<J: Judge>(cell: &Cell, judge: &Abilities) -> Result<String> {
    let seeds = if cell.scenario == Scenario::Loss { SEEDS } else { 1 };
    let mut said = String::new();
    let mut slowest = Duration::ZERO;
    for seed in 0..seeds {
        let (text, time) =
            once::<J>(cell, judge, cell.seed() + seed).with_context(|| format!("with seed {seed}"))?;
        (said, slowest) = (text, slowest.max(time));
    }
    let plural = if seeds == 1 { "" } else { "s" };
    Ok(format!("{said}; {seeds} handshake{plural}, slowest {} ms of virtual time", slowest.as_millis()))
}

fn once<J: Judge>(cell: &Cell, abilities: &Abilities, seed: u64) -> Result<(String, Duration)> {
    let (ours, theirs) = (Certificate::generate()?, Certificate::generate()?);
    let begin = Instant::now();
    let mut now = begin;
    let mut judge = J::new(cell, &theirs, now)?;
    let mut subject = Subject::new(cell, &ours, &theirs, seed, now)?;
    let mut network = Network::new(cell.scenario, seed);
    // In the order of arrival, for the delay is always the same: (when, to us, datagram).
    let mut flying: Vec<(Instant, bool, Vec<u8>)> = Vec::new();
    let (mut spoken, mut connected_after) = (now, None);
    // What is told of a judge that fails.
    let (mut largest, mut last) = (0, Vec::<u8>::new());
    loop {
        let mut sent: Vec<(bool, Vec<u8>)> = Vec::new();
        sent.extend(std::iter::from_fn(|| subject.transmit(now)).map(|datagram| (false, datagram)));
        sent.extend(std::iter::from_fn(|| judge.transmit(now)).map(|datagram| (true, datagram)));
        let both = judge.is_connected() && subject.agreed.is_some();
        if both && (now >= spoken + PAUSE || connected_after.is_none()) {
            connected_after.get_or_insert(now.duration_since(begin));
            spoken = now;
            judge.send(now, THEIRS);
            sent.extend(subject.seal(OURS).map(|datagram| (false, datagram)));
            sent.extend(std::iter::from_fn(|| judge.transmit(now)).map(|datagram| (true, datagram)));
        }
        for (_, datagram) in sent.iter().filter(|(to_us, _)| *to_us) {
            largest = largest.max(datagram.len());
            last.clone_from(datagram);
        }
        sent.retain(|(to_us, datagram)| {
            let delivered = network.delivers(datagram);
            cell::trace(now.duration_since(begin), *to_us, delivered, datagram);
            delivered
        });
        flying.extend(sent.into_iter().map(|(to_us, datagram)| (now + DELAY, to_us, datagram)));
        if let Some(reason) = subject.closed {
            bail!("we closed: {reason}; {}", told(&judge, largest, &last));
        }
        if let (Some(agreed), Some(time)) = (subject.agreed, connected_after)
            && subject.received.ends_with(THEIRS)
            && judge.received().ends_with(OURS)
        {
            cell.judge(abilities, agreed)?;
            return Ok((agreed.to_string(), time));
        }
        let arrival = flying.first().map(|(at, ..)| *at);
        let speak = both.then_some(spoken + PAUSE);
        let timeouts = [subject.timeout(), judge.timeout(), arrival, speak];
        let next = timeouts.into_iter().flatten().min().context("nobody waits for anything any more")?;
        now = next.max(now);
        if now.duration_since(begin) > PATIENCE {
            let we = if subject.agreed.is_some() { "connected" } else { "not connected" };
            bail!("not done after {} s: we are {we}; {}", PATIENCE.as_secs(), told(&judge, largest, &last));
        }
        deliver(&mut flying, now, &mut subject, &mut judge)?;
        if subject.timeout().is_some_and(|due| due <= now) {
            subject.handle_timeout(now);
        }
        if judge.timeout().is_some_and(|due| due <= now) {
            judge.handle_timeout(now).with_context(|| we_are(&subject))?;
        }
    }
}

/// Hands over what has arrived by now.
fn deliver<J: Judge>(
    flying: &mut Vec<(Instant, bool, Vec<u8>)>,
    now: Instant,
    subject: &mut Subject,
    judge: &mut J,
) -> Result<()> {
    while flying.first().is_some_and(|(at, ..)| *at <= now) {
        let (_, to_us, mut datagram) = flying.remove(0);
        if to_us {
            subject.receive(now, &mut datagram);
        } else {
            judge.receive(now, &datagram).with_context(|| we_are(subject))?;
        }
    }
    Ok(())
}

/// Where a judge stands, and what it said last: content type and epoch of the record.
fn told<J: Judge>(judge: &J, largest: usize, last: &[u8]) -> String {
    let state = if judge.is_connected() { "connected" } else { "not connected" };
    let last =
        last.get(..13).map_or(String::new(), |header| format!("type {}, epoch {}", header[0], header[4]));
    format!("the judge is {state}, its largest datagram was {largest}, its last record {last}")
}

fn we_are(subject: &Subject) -> &'static str {
    if subject.agreed.is_some() { "we are connected" } else { "we are not connected" }
}

/// Whether the judge is the client of the cell.
pub(crate) fn is_client(cell: &Cell) -> bool {
    cell.role == Role::Server
}

/// Whether the cell wants 1.3.
pub(crate) fn is_13(cell: &Cell) -> bool {
    cell.version == Version::Dtls13
}
