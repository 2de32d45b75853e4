//! `cargo xtask bench sctp-net`: goodput over simulated links, in virtual time.
//!
//! One ordered stream of 16 KiB messages for thirty seconds over one bottleneck (see [`plywood_benches::link`]).
//! Rows: `goodput-CELL` over the whole time and `later-CELL` from the tenth second on, `wait-CELL` the mean
//! time that packets stood in the queue. The `limit` is link x payload / packet size. A subject that has not
//! got through a cell in a minute of processor time (an idle machine's wall time) is cut: a note says so, and
//! `covered-CELL` says how far it came in virtual time; its goodput is that of the time until there.
//!
//! Then the tables of fairness: two flows of our own controllers on 20 Mbit/s, 50 ms, a queue of one BDP, and, as `deep-..`,
//! on 1 Mbit/s with a queue of two seconds; `share-A-before-B`, `share-B-after-A` and the Jain index `jain-A-B`.
//!
//! Then the head-of-line table (see [`hol`]): delays of small messages beside bulk, `hol-LINK-SCHEDULER-p95`.
//!
//! Cells with losses run with `--rounds` seeds, and rows are their medians; without losses nothing is left to chance.
//! Who has used a minute of processor time up gets no more of them: a note and `seeds-CELL` say how many there were, and
//! such a median is to be compared with those of the same seeds only.
//! `--full` runs the grid; `--plots DIR` draws cwnd, flight and goodput of a few cells; `--extra cells` names
//! the cells and ends; `--extra resume` keeps what the file of `--json` has already of the cells; `--extra book` runs
//! nothing, and puts the rows of that file into the tables of docs/congestion.md. `--jobs N` takes so many cores.

#![expect(clippy::print_stdout, reason = "benches print their tables")]

mod cells;
mod fairness;
mod grid;
mod hol;
mod plots;
mod tables;

use anyhow::{Context, Result};
use plywood_bench_harness::Options;

use crate::cells::Cell;

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
    if options.extra.as_deref() == Some("book") {
        return tables::write(options.json.as_deref().context("--json FILE: the rows to write")?);
    }
    let mut report = grid::measure(&cells, &options)?;
    if options.only.as_deref().is_none_or(|only| "fairness".contains(only)) {
        fairness::measure(&mut report);
    }
    if options.only.as_deref().is_none_or(|only| only.contains("hol")) {
        hol::measure(options.plots.as_deref(), &mut report)?;
    }
    report.print();
    report.write_json(options.json.as_deref())
}
