//! `cargo xtask bench sctp`: two associations in one thread, no crypto, no network.
//!
//! Rows, for each size of message, number of streams and receive window: goodput, time and allocations for each
//! packet that the sender makes (its share of the acknowledgements included), and messages a second for the
//! small ones; instructions for each packet where it matters whether they grow with the window. The `limit` is what no
//! stack can avoid: two CRC32c and two copies of each packet, measured in the same rounds.
//!
//! Each subject is a process of its own: the allocator of one knows nothing of the others (`process.rs` says why). The
//! allocation counter stays on for all but usrsctp, which is C; it costs each of them a few nanoseconds an allocation.

mod cells;
mod child;
mod instructions;

use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;
use crc_fast::CrcAlgorithm;
use plywood_bench_harness::{Options, Report, Samples, Unit, alternate, pin};
use plywood_benches::sctp::{PairProcess, Transferred, usrsctp};

use cells::{Cell, MTU, cells};
use instructions::Counter;

const SUBJECTS: [&str; 6] = ["plywood", "rtc-sctp", "sctp-proto", "dcsctp", "usrsctp", "limit"];

/// What a warm pair needs for one packet.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    packets: u64,
    messages: u64,
    /// `None`: not counted.
    allocations: Option<u64>,
}

/// One subject in one cell: a round is a transfer over a pair that is warm; its result is in seconds.
trait Subject {
    fn round(&mut self) -> Option<f64>;
    fn cost(&self) -> Cost;
}

struct OutOfProcess {
    pair: Option<PairProcess>,
    cost: Cost,
}

impl OutOfProcess {
    /// `slower` divides the work of a round, for a subject that would take seconds for it.
    fn new(cell: Cell, command: Option<Command>, full: bool, slower: u64) -> Self {
        let messages = (cell.bytes(full) / slower).div_ceil(cell.message as u64);
        let mut pair = command.and_then(PairProcess::connect);
        // Warm: windows and buffers have grown.
        if pair.as_mut().is_some_and(|pair| pair.transfer(messages / 2 + 1).is_none()) {
            pair = None;
        }
        Self { pair, cost: Cost { messages, ..Cost::default() } }
    }
}

impl Subject for OutOfProcess {
    fn round(&mut self) -> Option<f64> {
        let Transferred { seconds, packets, allocations } =
            self.pair.as_mut()?.transfer(self.cost.messages)?;
        self.cost = Cost { packets, allocations, ..self.cost };
        Some(seconds)
    }

    fn cost(&self) -> Cost {
        self.cost
    }
}

/// Two checksums and two copies of each packet.
struct Limit(Cost);

impl Limit {
    fn new(cell: Cell, full: bool) -> Self {
        let packets = (cell.bytes(full) as f64 / (MTU - 28) as f64).ceil() as u64;
        Self(Cost { packets, messages: cell.bytes(full) / cell.message as u64, allocations: None })
    }
}

impl Subject for Limit {
    fn round(&mut self) -> Option<f64> {
        let source = vec![0x5A_u8; 1 << 20];
        let (mut packet, mut message) = (vec![0; MTU], vec![0; 1 << 20]);
        let mut at = 0;
        let start = Instant::now();
        for _ in 0..self.0.packets {
            packet.copy_from_slice(&source[at..at + MTU]);
            black_box(crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, black_box(&packet)));
            black_box(crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, black_box(&packet)));
            message[at..at + MTU].copy_from_slice(&packet);
            at = (at + MTU) % ((1 << 20) - MTU);
        }
        black_box(&message);
        Some(start.elapsed().as_secs_f64())
    }

    fn cost(&self) -> Cost {
        self.0
    }
}

fn make(name: &str, cell: Cell, program: Option<&PathBuf>, full: bool) -> Box<dyn Subject> {
    if name == "limit" {
        return Box::new(Limit::new(cell, full));
    }
    let command = match name {
        "usrsctp" => program.map(|program| usrsctp::command(program, &cell.setup())),
        _ => std::env::current_exe().ok().map(|program| {
            let mut command = Command::new(program);
            command.args(child::arguments(name, cell));
            command
        }),
    };
    let slower = match name {
        "sctp-proto" if cell.message < 1024 => 16,
        "sctp-proto" => 4,
        "dcsctp" => 32,
        "usrsctp" => 8,
        _ => 1,
    };
    Box::new(OutOfProcess::new(cell, command, full, slower))
}

fn measure(cell: Cell, options: &Options, program: Option<&PathBuf>, report: &mut Report) {
    let name = cell.name();
    let names: Vec<&str> = SUBJECTS
        .into_iter()
        .filter(|name| options.wants_subject(name) && (*name != "usrsctp" || program.is_some()))
        .collect();
    let mut made: Vec<Box<dyn Subject>> =
        names.iter().map(|name| make(name, cell, program, options.full)).collect();
    let mut rounds: Vec<Box<dyn FnMut() -> Option<f64> + '_>> = Vec::new();
    for subject in &mut made {
        rounds.push(Box::new(|| subject.round()));
    }
    let samples = alternate(options.rounds, &mut rounds);
    drop(rounds);
    for ((subject, samples), made) in names.into_iter().zip(&samples).zip(&made) {
        if samples.range().is_none() {
            report.note(format!("{name}: {subject} does not connect or does not deliver"));
            continue;
        }
        add_rows(cell, subject, made.cost(), samples, report);
    }
}

fn add_rows(cell: Cell, subject: &str, cost: Cost, samples: &Samples, report: &mut Report) {
    let name = cell.name();
    let bits = (cost.messages * cell.message as u64 * 8) as f64;
    let goodput = samples.map(|seconds| bits / seconds / 1e9);
    report.add(&format!("goodput-{name}"), subject, Unit::GigabitsPerSecond, &goodput);
    let per_packet = samples.map(|seconds| seconds * 1e9 / cost.packets.max(1) as f64);
    report.add(&format!("packet-{name}"), subject, Unit::NanosPerPacket, &per_packet);
    if subject == "limit" {
        return;
    }
    if cell.message <= 1024 {
        let rate = samples.map(|seconds| cost.messages as f64 / seconds / 1e6);
        report.add(&format!("messages-{name}"), subject, Unit::MillionsPerSecond, &rate);
    }
    if let Some(allocations) = cost.allocations {
        let per_packet = allocations as f64 / cost.packets.max(1) as f64;
        report.add(&format!("allocations-{name}"), subject, Unit::Count, &Samples::exact(per_packet));
    }
}

/// Ours in each window, the others in one cell.
fn count_instructions(cells: &[Cell], options: &Options, report: &mut Report) {
    let Some(counter) = Counter::find() else {
        report.note("instructions are left out: neither perf stat nor valgrind counts here");
        return;
    };
    report.note(format!("instructions are counted by {}", counter.name()));
    for cell in cells {
        for subject in ["plywood", "rtc-sctp", "sctp-proto", "dcsctp"] {
            let wanted = subject == "plywood" && (options.full || cell.message == 16 << 10);
            if !options.wants_subject(subject) || !(wanted || cell.is_reference()) {
                continue;
            }
            let row = format!("instructions-{}", cell.name());
            match counter.per_packet(subject, *cell) {
                Ok(count) => report.add(&row, subject, Unit::Count, &Samples::exact(count)),
                Err(error) => report.note(format!("{row}: {subject}: {error}")),
            }
        }
    }
}

fn main() -> Result<()> {
    let options = Options::from_command_line();
    if let Some(order) = &options.extra {
        return child::run(order);
    }
    let mut report = Report::new("sctp");
    report.note("dcsctp formats a log line with all bytes of each packet, whether anybody listens or not");
    let program = match usrsctp::compile() {
        Ok(program) => Some(program),
        Err(reason) => {
            report.note(format!("usrsctp is left out: {reason}"));
            None
        }
    };
    pin();
    let cells: Vec<Cell> =
        cells(options.full).into_iter().filter(|cell| options.wants(&cell.name())).collect();
    for cell in &cells {
        eprintln!("{} ..", cell.name());
        measure(*cell, &options, program.as_ref(), &mut report);
    }
    eprintln!("instructions ..");
    count_instructions(&cells, &options, &mut report);
    report.print();
    report.write_json(options.json.as_deref())
}
