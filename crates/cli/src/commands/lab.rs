//! `plywood lab`: a scenario on a simulated network.

mod scenario;
mod simulation;

use anyhow::Context as _;
use serde_json::json;

use crate::{size, words};
use scenario::{BUILT_IN, Scenario};
use simulation::{Outcome, Simulation};

/// Run a scenario on a simulated network, in virtual time.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A scenario by name, or a TOML file.
    #[arg(required_unless_present = "list")]
    scenario: Option<String>,
    /// Everything random comes from this number: equal seeds give equal runs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Name the scenarios that are part of the program.
    #[arg(long)]
    list: bool,
    /// Print one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// Runs the scenario and prints its timeline.
///
/// # Errors
/// No such scenario, or the run did not deliver everything.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.list {
        for (name, _) in BUILT_IN {
            say(&format!("{name:<12} {}", Scenario::load(name)?.about));
        }
        return Ok(());
    }
    let name = args.scenario.as_deref().context("which scenario? see --list")?;
    let scenario = Scenario::load(name)?;
    if !args.json {
        say(&format!("{name}, seed {}: {}\n", args.seed, scenario.about));
    }
    let mut simulation = Simulation::new(scenario, args.seed)?;
    let result = simulation.run();
    if args.json {
        say(&json(name, args.seed, &simulation, result.as_ref().ok()).to_string());
    } else {
        for note in &simulation.notes {
            say(&format!("{:>10.1} ms  {:<6} {}", words::milliseconds(note.at), note.host, note.what));
        }
    }
    let outcome =
        result.with_context(|| format!("scenario {name}, seed {} (replay with --seed)", args.seed))?;
    if !args.json {
        let Outcome { messages, bytes, took, datagrams, lost, duplicated } = outcome;
        say(&format!(
            "\n{messages} messages, {} in {:.2} s of virtual time; {datagrams} datagrams, {lost} lost, {duplicated} doubled",
            size::display(bytes),
            took.as_secs_f64(),
        ));
    }
    Ok(())
}

fn json(name: &str, seed: u64, simulation: &Simulation, outcome: Option<&Outcome>) -> serde_json::Value {
    let timeline: Vec<_> = simulation
        .notes
        .iter()
        .map(|note| json!({ "ms": words::milliseconds(note.at), "host": note.host, "what": note.what }))
        .collect();
    json!({
        "ok": outcome.is_some(),
        "scenario": name,
        "seed": seed,
        "timeline": timeline,
        "outcome": outcome.map(|outcome| json!({
            "messages": outcome.messages,
            "bytes": outcome.bytes,
            "ms": words::milliseconds(outcome.took),
            "datagrams": outcome.datagrams,
            "lost": outcome.lost,
            "duplicated": outcome.duplicated,
        })),
    })
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn say(line: &str) {
    println!("{line}");
}
