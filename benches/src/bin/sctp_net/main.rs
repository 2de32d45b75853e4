//! `cargo xtask bench sctp-net`: goodput over simulated links, in virtual time.
//!
//! One ordered stream of 16 KiB messages for thirty seconds over one bottleneck (see [`plywood_benches::link`]).
//! Rows: `goodput-CELL` over the whole time and `later-CELL` from the tenth second on, `wait-CELL` the mean
//! time that packets stood in the queue. The `limit` is link x payload / packet size. A subject that has not
//! got through a cell in a minute of wall time is cut, and a note says so.
//!
//! Then the table of fairness: two flows of our own controllers on 20 Mbit/s, 50 ms, a queue of one BDP;
//! `share-A-beside-B` and the Jain index `jain-A-B`.
//!
//! Then the head-of-line table (see [`hol`]): delays of small messages beside bulk, `hol-LINK-SCHEDULER-p95`.
//!
//! Cells with losses run with `--rounds` seeds, and rows are their medians; without losses nothing is left to chance.
//! `--full` runs the grid; `--plots DIR` draws cwnd, flight and goodput of a few cells; `--extra cells` names
//! the cells and ends.

#![expect(clippy::print_stdout, reason = "benches print their tables")]

mod cells;
mod fairness;
mod hol;
mod plots;

use std::time::{Duration, Instant};

use anyhow::Result;
use plywood_bench_harness::{Options, Report, Samples, Unit};
use plywood_benches::link::{Run, Scenario, run};
use plywood_benches::sctp::{DcSctp, Plywood, RtcSctp, SctpProto};

use crate::cells::Cell;

/// The subjects by the names in the rows.
const SUBJECTS: [&str; 6] = ["plywood", "plywood-newreno", "plywood-bbr", "rtc-sctp", "sctp-proto", "dcsctp"];

fn run_subject(subject: &str, scenario: &Scenario) -> Run {
    use plywood_benches::sctp::{BBR, CUBIC, NEW_RENO};
    match subject {
        "plywood" => run::<Plywood>(scenario, &[CUBIC]),
        "plywood-newreno" => run::<Plywood>(scenario, &[NEW_RENO]),
        "plywood-bbr" => run::<Plywood>(scenario, &[BBR]),
        "rtc-sctp" => run::<RtcSctp>(scenario, &[()]),
        "sctp-proto" => run::<SctpProto>(scenario, &[()]),
        _ => run::<DcSctp>(scenario, &[()]),
    }
}

/// A subject that has taken this long in a cell gets no further seed there.
const ENOUGH: Duration = Duration::from_secs(5);

/// What the runs of one subject in one cell showed.
#[derive(Default)]
struct Figures {
    goodput: Samples,
    later: Samples,
    wait: Samples,
}

fn measure(cell: Cell, options: &Options, report: &mut Report) -> Result<()> {
    let name = cell.name();
    let seeds = if cell.is_lossy() { options.rounds.max(1) } else { 1 };
    for subject in SUBJECTS.into_iter().filter(|subject| options.wants_subject(subject)) {
        let (mut figures, wall) = (Figures::default(), Instant::now());
        for seed in 0..seeds {
            let mut scenario = cell.scenario();
            scenario.setup.seed += 100 * seed as u64;
            let outcome = run_subject(subject, &scenario);
            let flow = &outcome.flows[0];
            figures.goodput.push(flow.goodput);
            figures.wait.push(outcome.mean_wait.as_secs_f64() * 1e3);
            if outcome.covered > Duration::from_secs(11) {
                figures.later.push(flow.later);
            }
            if let Some(folder) = options.plots.as_ref().filter(|_| cell.is_plotted() && seed == 0) {
                plots::draw(folder, &name, subject, flow, cell.ideal())?;
            }
            if outcome.cut {
                let (covered, limit) = (outcome.covered.as_secs_f64(), scenario.wall_limit.as_secs());
                report.note(format!("{name}: {subject} was cut at {covered:.1} s of virtual time after {limit} s"));
                break;
            }
            if wall.elapsed() > ENOUGH {
                break;
            }
        }
        let mut add = |row: &str, unit, values: &Samples| {
            report.add(&format!("{row}-{name}"), subject, unit, values);
        };
        add("goodput", Unit::MegabitsPerSecond, &figures.goodput);
        add("later", Unit::MegabitsPerSecond, &figures.later);
        add("wait", Unit::Millis, &figures.wait);
    }
    let ideal = Samples::exact(cell.ideal());
    report.add(&format!("goodput-{name}"), "limit", Unit::MegabitsPerSecond, &ideal);
    report.add(&format!("later-{name}"), "limit", Unit::MegabitsPerSecond, &ideal);
    Ok(())
}

fn main() -> Result<()> {
    let options = Options::from_command_line();
    let cells: Vec<Cell> =
        cells::cells(options.full).into_iter().filter(|cell| options.wants(&cell.name())).collect();
    if options.extra.as_deref() == Some("cells") {
        for cell in cells {
            println!("{}", cell.name());
        }
        return Ok(());
    }
    let mut report = Report::new("sctp-net");
    for cell in cells {
        eprintln!("{} ..", cell.name());
        measure(cell, &options, &mut report)?;
    }
    if options.only.as_deref().is_none_or(|only| "fairness".contains(only)) {
        fairness::measure(&mut report);
    }
    if options.only.as_deref().is_none_or(|only| only.contains("hol")) {
        hol::measure(options.plots.as_deref(), &mut report)?;
    }
    report.print();
    report.write_json(options.json.as_deref())
}
