//! `cargo xtask bench e2e`: one reliable, ordered channel over real loopback UDP, one thread and one core a side.
//!
//! Rows: goodput of 64 KiB messages (and, with `--full`, of 1 KiB and 16 KiB) at 1200-byte datagrams. Each subject is
//! run as its users run it: plywood through its tokio driver, str0m in the blocking loop of its examples. The time runs at the
//! receiver, from the first message to the last; setup is not in it. The `limit` seals, sends, receives and opens the same
//! datagrams, and does nothing else.

mod limit;
mod plywood_peer;
mod str0m_peer;

use std::net::UdpSocket;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Result;
use core_affinity::CoreId;
use plywood_bench_harness::{Options, Report, Unit, alternate};
use socket2::SockRef;

/// What a round has to move.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// Bytes of one message.
    message_bytes: usize,
    /// Bytes in all.
    bytes: usize,
    /// A subject that needs longer is cut, and scored by what it moved.
    limit: Duration,
}

/// What a round moved.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    bytes: usize,
    elapsed: Duration,
}

impl Outcome {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn megabits_per_second(self) -> f64 {
        self.bytes as f64 * 8.0 / self.elapsed.as_secs_f64() / 1e6
    }
}

/// The cores of the machine, read before any thread is bound to one: afterwards only that one would be seen.
static CORES: LazyLock<Vec<CoreId>> = LazyLock::new(|| core_affinity::get_core_ids().unwrap_or_default());

/// Keeps this thread on one core: the sender on the first, the receiver on the second.
fn pin_to_core(index: usize) {
    let core = CORES.get(index).copied();
    if !core.is_some_and(core_affinity::set_for_current) {
        eprintln!("note: no core {index} for this side; expect wider ranges");
    }
}

/// Large socket buffers, so that bursts are not lost before anyone could read them.
fn widen(socket: &UdpSocket) -> Result<()> {
    let socket = SockRef::from(socket);
    socket.set_recv_buffer_size(4 << 20)?;
    socket.set_send_buffer_size(4 << 20)?;
    Ok(())
}

fn score(subject: &str, outcome: Result<Outcome>) -> Option<f64> {
    match outcome {
        Ok(outcome) => Some(outcome.megabits_per_second()),
        Err(error) => {
            eprintln!("{subject}: {error:#}");
            None
        }
    }
}

fn main() -> Result<()> {
    let options = Options::from_command_line();
    LazyLock::force(&CORES);
    let mut report = Report::new("e2e");
    let sizes: &[(usize, &str)] = if options.full {
        &[(1 << 10, "1KiB"), (16 << 10, "16KiB"), (64 << 10, "64KiB")]
    } else {
        &[(64 << 10, "64KiB")]
    };
    for (message_bytes, name) in sizes {
        let row = format!("goodput-{name}-mtu1200");
        if !options.wants(&row) {
            continue;
        }
        let work = Work { message_bytes: *message_bytes, bytes: 256 << 20, limit: Duration::from_secs(15) };
        let mut names = Vec::new();
        let mut subjects: Vec<Box<dyn FnMut() -> Option<f64>>> = Vec::new();
        if options.wants_subject("plywood") {
            names.push("plywood");
            subjects.push(Box::new(move || score("plywood", plywood_peer::run(work))));
        }
        if options.wants_subject("str0m") {
            names.push("str0m");
            subjects.push(Box::new(move || score("str0m", str0m_peer::run(work))));
        }
        if options.wants_subject("limit") {
            names.push("limit");
            subjects.push(Box::new(move || score("limit", limit::run(work))));
        }
        let samples = alternate(options.rounds, &mut subjects);
        for (subject, samples) in names.iter().zip(&samples) {
            report.add(&row, subject, Unit::MegabitsPerSecond, samples);
        }
    }
    report.note("one thread and one core a side, loopback, 256 MiB a round");
    report.print();
    report.write_json(options.json.as_deref())
}
