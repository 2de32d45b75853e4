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
//! `--full` runs the grid; `--plots DIR` draws cwnd, flight and goodput of a few cells; `--extra cells` names
//! the cells and ends.

#![expect(clippy::print_stdout, reason = "benches print their tables")]

mod cells;
mod fairness;
mod plots;

use std::time::Duration;

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

fn measure(cell: Cell, options: &Options, report: &mut Report) -> Result<()> {
    let name = cell.name();
    let scenario = cell.scenario();
    for subject in SUBJECTS.into_iter().filter(|subject| options.wants_subject(subject)) {
        let outcome = run_subject(subject, &scenario);
        if outcome.cut {
            let covered = outcome.covered.as_secs_f64();
            report
                .note(format!("{name}: {subject} was cut at {covered:.1} s of virtual time after a minute"));
        }
        let flow = &outcome.flows[0];
        let add = |report: &mut Report, row: &str, unit, value| {
            report.add(&format!("{row}-{name}"), subject, unit, &Samples::exact(value));
        };
        add(report, "goodput", Unit::MegabitsPerSecond, flow.goodput);
        if outcome.covered > Duration::from_secs(11) {
            add(report, "later", Unit::MegabitsPerSecond, flow.later);
        }
        add(report, "wait", Unit::Millis, outcome.mean_wait.as_secs_f64() * 1e3);
        if let Some(folder) = options.plots.as_ref().filter(|_| cell.is_plotted()) {
            plots::draw(folder, &name, subject, flow, cell.ideal())?;
        }
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
    report.print();
    report.write_json(options.json.as_deref())
}
