//! The cells, one subject after the other, on all cores.
//!
//! Problem: the grid is 160 links for six subjects, some of which need a minute for one. Who runs that wants to see how
//! far it is, to look at what there is, and to go on tomorrow.
//!
//! How: a task is one subject on one link. Figures are of virtual time, so that tasks may run beside each other and
//! change nothing; each is printed when it is there, and the file of `--json` is written again with it:
//!
//! ```text
//!   tasks  cell 1 plywood | cell 2 plywood | .. | cell 1 rtc-sctp | ..      one thread a core takes the next
//!                                                                            |
//!   --json FILE <---- all rows so far <--------- (cell, subject) -> figures <'
//!        '------- `--extra resume` ------------->
//! ```

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use anyhow::Result;
use plywood_bench_harness::{Options, Report, Samples, Unit, read_json};
use plywood_benches::link::{Run, Scenario, processor_time, run};
use plywood_benches::sctp::{BBR, CUBIC, DcSctp, NEW_RENO, Plywood, RtcSctp, SctpProto};

use crate::cells::{Cell, TIME_LIMIT};
use crate::plots;

/// The subjects by the names in the rows.
const SUBJECTS: [&str; 6] = ["plywood", "plywood-newreno", "plywood-bbr", "rtc-sctp", "sctp-proto", "dcsctp"];

fn run_subject(subject: &str, scenario: &Scenario) -> Run {
    match subject {
        "plywood" => run::<Plywood>(scenario, &[CUBIC]),
        "plywood-newreno" => run::<Plywood>(scenario, &[NEW_RENO]),
        "plywood-bbr" => run::<Plywood>(scenario, &[BBR]),
        "rtc-sctp" => run::<RtcSctp>(scenario, &[()]),
        "sctp-proto" => run::<SctpProto>(scenario, &[()]),
        _ => run::<DcSctp>(scenario, &[()]),
    }
}

/// A subject that has taken this long in a cell gets no further seed there, and its figures say so: in bursts of losses
/// seeds differ by a factor of ten, and the first alone says nothing beside a median of nine.
const ENOUGH: Duration = Duration::from_secs(60);

/// What the runs of one subject in one cell showed.
#[derive(Debug, Default)]
struct Figures {
    goodput: Samples,
    later: Samples,
    wait: Samples,
    /// Virtual time after which it was cut.
    covered: Samples,
    /// How many seeds it got, if not all.
    seeds: Samples,
}

impl Figures {
    fn parts(&mut self) -> [(&'static str, Unit, &mut Samples); 5] {
        [
            ("goodput", Unit::MegabitsPerSecond, &mut self.goodput),
            ("later", Unit::MegabitsPerSecond, &mut self.later),
            ("wait", Unit::Millis, &mut self.wait),
            ("covered", Unit::Millis, &mut self.covered),
            ("seeds", Unit::Count, &mut self.seeds),
        ]
    }
}

/// Runs one subject in one cell, by seed.
fn measure_one(cell: Cell, subject: &str, options: &Options) -> Result<Figures> {
    let mut figures = Figures::default();
    let seeds = if cell.is_lossy() { options.rounds.max(1) } else { 1 };
    let begin = processor_time();
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
            plots::draw(folder, &cell.name(), subject, flow, cell.ideal())?;
        }
        if outcome.cut {
            figures.covered.push(outcome.covered.as_secs_f64() * 1e3);
        }
        if seed + 1 < seeds && (outcome.cut || processor_time().saturating_sub(begin) > ENOUGH) {
            figures.seeds.push((seed + 1) as f64);
            break;
        }
    }
    Ok(figures)
}

/// All that is known, by the numbers of cell and subject.
#[derive(Debug, Default)]
struct Known(BTreeMap<(usize, usize), Figures>);

impl Known {
    /// What an earlier run wrote.
    fn read(file: &Path, cells: &[Cell]) -> Result<Self> {
        let mut known = Self::default();
        for row in read_json(file)? {
            let Some((part, name)) = row.row.split_once('-') else { continue };
            let cell = cells.iter().position(|cell| cell.name() == name);
            let subject = SUBJECTS.iter().position(|subject| *subject == row.subject);
            let (Some(cell), Some(subject)) = (cell, subject) else { continue };
            let figures = known.0.entry((cell, subject)).or_default();
            if let Some((_, _, samples)) = figures.parts().into_iter().find(|known| known.0 == part) {
                [row.min, row.value, row.max].into_iter().for_each(|value| samples.push(value));
            }
        }
        Ok(known)
    }

    /// The rows, link by link.
    fn report(&mut self, cells: &[Cell]) -> Report {
        let mut report = Report::new("sctp-net");
        for (index, cell) in cells.iter().enumerate() {
            let name = cell.name();
            for ((_, subject), figures) in self.0.range_mut((index, 0)..(index + 1, 0)) {
                let subject = SUBJECTS[*subject];
                for (part, unit, samples) in figures.parts() {
                    report.add(&format!("{part}-{name}"), subject, unit, samples);
                }
                if let Some((_, seeds, _)) = figures.seeds.range() {
                    report.note(format!("{name}: {subject} got {seeds} seeds only, for the time they took"));
                }
                if let Some((_, covered, _)) = figures.covered.range() {
                    let (covered, limit) = (covered / 1e3, TIME_LIMIT.as_secs());
                    report.note(format!(
                        "{name}: {subject} was cut at {covered:.1} s of virtual time, after {limit} s"
                    ));
                }
            }
            let ideal = Samples::exact(cell.ideal());
            report.add(&format!("goodput-{name}"), "limit", Unit::MegabitsPerSecond, &ideal);
            report.add(&format!("later-{name}"), "limit", Unit::MegabitsPerSecond, &ideal);
        }
        report
    }
}

/// A cell and a subject, by their numbers.
type Task = (usize, usize);

/// Whoever is fast comes first, and those whose figures are known not at all.
fn tasks(cells: &[Cell], options: &Options, known: &Known) -> Vec<Task> {
    let subjects = (0..SUBJECTS.len()).filter(|subject| options.wants_subject(SUBJECTS[*subject]));
    let all = subjects.flat_map(|subject| (0..cells.len()).map(move |cell| (cell, subject)));
    all.filter(|task| !known.0.contains_key(task)).collect()
}

/// Takes the next task until none is left.
fn work(
    tasks: &[Task],
    next: &AtomicUsize,
    cells: &[Cell],
    options: &Options,
    done: &Sender<(Task, Result<Figures>)>,
) {
    while let Some(&task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
        let figures = measure_one(cells[task.0], SUBJECTS[task.1], options);
        if done.send((task, figures)).is_err() {
            break;
        }
    }
}

/// Runs all that is wanted; the rows.
pub(crate) fn measure(cells: &[Cell], options: &Options) -> Result<Report> {
    let resumed = options.json.as_deref().filter(|_| options.extra.as_deref() == Some("resume"));
    let mut known = resumed.map_or_else(|| Ok(Known::default()), |file| Known::read(file, cells))?;
    let tasks = tasks(cells, options, &known);
    let next = AtomicUsize::new(0);
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = options.jobs.map_or_else(cores, NonZero::get);
    std::thread::scope(|scope| {
        let (done, results) = channel();
        for _ in 0..threads {
            let (done, tasks, next) = (done.clone(), &tasks, &next);
            scope.spawn(move || work(tasks, next, cells, options, &done));
        }
        drop(done);
        for (count, ((cell, subject), figures)) in results.iter().enumerate() {
            let figures = figures?;
            let goodput = figures.goodput.range().map_or(0.0, |range| range.1);
            let (count, of, cut) = (count + 1, tasks.len(), figures.covered.range().is_some());
            let (name, subject_name) = (cells[cell].name(), SUBJECTS[subject]);
            let mark = if cut { ", cut" } else { "" };
            eprintln!("{count}/{of} {name} {subject_name}: {goodput:.3} Mbit/s{mark}");
            known.0.insert((cell, subject), figures);
            known.report(cells).write_json(options.json.as_deref())?;
        }
        anyhow::Ok(())
    })?;
    Ok(known.report(cells))
}
