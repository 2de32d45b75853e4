//! Peers across, scenarios down: runs every cell and prints the table.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Instant;

use anyhow::{Result, ensure};

use super::Options;
use super::contract::{self, Incoming, Process};
use super::scenarios::{self, Scenario};
use super::session::Session;
use super::signalling::Policy;
use crate::report::{Outcome, Row};
use crate::workspace;

/// Who offers and who answers.
#[derive(Debug, Clone)]
struct Pair {
    offerer: String,
    answerer: String,
}

/// What a scenario works with: it asks for sessions between the two peers of its cell.
#[derive(Debug)]
pub(crate) struct Stage {
    offerer: String,
    answerer: String,
    /// Long forms.
    pub(crate) full: bool,
    /// Size of large transfers.
    pub(crate) mib: u32,
    idle: Vec<Process>,
    next_id: usize,
    sender: Sender<(usize, Incoming)>,
    receiver: Receiver<(usize, Incoming)>,
    log: String,
}

impl Stage {
    fn new(options: &Options) -> Self {
        let (sender, receiver) = mpsc::channel();
        Self {
            offerer: String::new(),
            answerer: String::new(),
            full: options.full,
            mib: options.mib.unwrap_or(if options.full { 100 } else { 25 }),
            idle: Vec::new(),
            next_id: 0,
            sender,
            receiver,
            log: String::new(),
        }
    }

    /// Whether plywood offers, and whether it answers.
    pub(crate) fn plywood_is(&self) -> (bool, bool) {
        (self.offerer == "plywood", self.answerer == "plywood")
    }

    /// Runs `script` over a fresh connection; the flags are those of the contract.
    pub(crate) fn session(
        &mut self,
        offerer_flags: &[&str],
        answerer_flags: &[&str],
        policy: Policy,
        script: impl FnOnce(&mut Session<'_>) -> Result<()>,
    ) -> Result<()> {
        let offerer = self.process(&self.offerer.clone(), offerer_flags)?;
        let answerer = self.process(&self.answerer.clone(), answerer_flags)?;
        let mut session = Session::new(offerer, answerer, &self.receiver, policy)?;
        let outcome = script(&mut session);
        let (processes, log) = session.finish();
        self.log += &log;
        for process in processes {
            // After a failure nothing is trusted any more: a fresh start for the next one.
            if contract::reusable(&process.name) && outcome.is_ok() {
                self.idle.push(process);
            } else if outcome.is_ok() {
                process.quit()?;
            }
        }
        outcome
    }

    /// An idle browser, reset, or a new process.
    fn process(&mut self, peer: &str, flags: &[&str]) -> Result<Process> {
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let launch: Vec<&String> = flags.iter().filter(|flag| contract::is_launch_flag(flag)).collect();
        let fits = |process: &Process| {
            process.name == peer && process.launch_flags.iter().eq(launch.iter().copied())
        };
        if let Some(at) = self.idle.iter().position(fits) {
            let mut process = self.idle.swap_remove(at);
            process.reset(&flags)?;
            return Ok(process);
        }
        self.next_id += 1;
        Process::start(peer, &flags, self.next_id, self.sender.clone())
    }
}

/// All cells; prints each as it ends, then the table.
pub(crate) fn run(options: &Options, peers: &[String]) -> Result<Vec<Row>> {
    let chosen: Vec<&Scenario> = scenarios::ALL
        .iter()
        .filter(|scenario| {
            options.scenarios.is_empty() || options.scenarios.iter().any(|name| name == scenario.name)
        })
        .collect();
    ensure!(!chosen.is_empty(), "no such scenario; there are: {}", scenarios::names());
    let mut rows = Vec::new();
    for peer in peers {
        let mut stage = Stage::new(options);
        for pair in pairs(&options.subject, peer) {
            for scenario in &chosen {
                rows.push(cell(&mut stage, options, &pair, scenario)?);
            }
        }
    }
    print_table(&rows, &chosen);
    Ok(rows)
}

/// Both roles; one pair where a peer meets itself.
fn pairs(subject: &str, peer: &str) -> Vec<Pair> {
    let pair = |offerer: &str, answerer: &str| Pair { offerer: offerer.into(), answerer: answerer.into() };
    let mut pairs = vec![pair(subject, peer), pair(peer, subject)];
    if subject == peer {
        pairs.pop();
    }
    pairs
}

fn cell(stage: &mut Stage, options: &Options, pair: &Pair, scenario: &Scenario) -> Result<Row> {
    let suite = options.suite.name();
    let column = format!("{}>{}", pair.offerer, pair.answerer);
    let case = format!("{column}/{}", scenario.name);
    stage.offerer.clone_from(&pair.offerer);
    stage.answerer.clone_from(&pair.answerer);
    stage.log.clear();
    if let Some(reason) = scenarios::known_hole(scenario.name, &pair.offerer, &pair.answerer) {
        return Ok(Row::skip(suite, case, reason));
    }
    let start = Instant::now();
    let outcome = (scenario.run)(stage);
    let seconds = start.elapsed().as_secs_f64();
    let log =
        workspace::scratch("interop")?.join(format!("{}-{}.log", column.replace('>', "-"), scenario.name));
    std::fs::write(&log, &stage.log)?;
    Ok(match outcome {
        Ok(()) => {
            println!("  {case}: pass ({seconds:.1} s)");
            Row::pass(suite, case)
        }
        Err(error) => {
            // Browsers that are left from it may be in any state.
            stage.idle.clear();
            println!("  {case}: FAIL ({seconds:.1} s) {error:#}");
            Row::fail(suite, case, format!("{error:#}\nlog: {}", log.display()))
        }
    })
}

/// `column/scenario` rows as a table: scenarios down, pairs across.
fn print_table(rows: &[Row], scenarios: &[&Scenario]) {
    let mut cells: BTreeMap<(&str, &str), Outcome> = BTreeMap::new();
    let mut columns: Vec<&str> = Vec::new();
    for row in rows {
        let Some((column, scenario)) = row.case.split_once('/') else { continue };
        if !columns.contains(&column) {
            columns.push(column);
        }
        cells.insert((column, scenario), row.result);
    }
    println!("{:<18} {}", "", columns.join("  "));
    for scenario in scenarios {
        let mut line = format!("{:<18}", scenario.name);
        for column in &columns {
            let mark = match cells.get(&(*column, scenario.name)) {
                Some(Outcome::Pass) => "ok",
                Some(Outcome::Fail) => "FAIL",
                Some(Outcome::Skip) => "skip",
                None => "",
            };
            line += &format!(" {mark:<width$} ", width = column.len());
        }
        println!("{}", line.trim_end());
    }
}
