//! Instructions for each packet, counted from outside.
//!
//! Problem: time on a shared machine is noise, and whether the cost of a packet grows with the window shows in
//! instructions to the per cent.
//! How: this program runs itself twice, with one number of messages and with more of them, under a counter; the difference
//! is free of start and handshake.
//! ```text
//!   counter sctp --extra pair:..  told to move N messages      -> instructions, packets
//!   counter sctp --extra pair:..  told to move N + M messages  -> (difference) / (difference)
//! ```
//! The counter is `perf stat` where the machine lets it count (few virtual ones do), else valgrind. Valgrind's processor
//! has no AVX-512: checksums and copies take their AVX2 and SSE paths there, which are longer than what really runs.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use plywood_benches::sctp::Transferred;

use crate::cells::Cell;
use crate::child;

/// What counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    Perf,
    Valgrind,
}

impl Counter {
    /// The best that this machine has.
    pub(crate) fn find() -> Option<Self> {
        [Self::Perf, Self::Valgrind].into_iter().find(|counter| {
            let mut command = counter.command();
            command.arg("true");
            command.output().is_ok_and(|output| counter.read(&output.stderr).is_some())
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Perf => "perf stat (user instructions)",
            Self::Valgrind => "valgrind (cachegrind, whose processor has no AVX-512)",
        }
    }

    fn command(self) -> Command {
        let mut command;
        match self {
            Self::Perf => {
                command = Command::new("perf");
                command.args(["stat", "-x,", "-e", "instructions:u", "--"]);
            }
            Self::Valgrind => {
                command = Command::new("valgrind");
                command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
            }
        }
        command
    }

    /// The count in what the counter said.
    fn read(self, said: &[u8]) -> Option<u64> {
        let said = String::from_utf8_lossy(said);
        let number = match self {
            Self::Perf => {
                said.lines().find(|line| line.contains("instructions"))?.split(',').next()?.to_owned()
            }
            Self::Valgrind => {
                said.lines().rev().find_map(|line| line.split_once("I   refs:"))?.1.replace(',', "")
            }
        };
        number.trim().parse().ok()
    }

    /// Instructions for each packet that the sender makes, its share of the acknowledgements included.
    pub(crate) fn per_packet(self, subject: &str, cell: Cell) -> Result<f64> {
        // The window must be full, some times over; dcsctp is a hundred times slower than the others.
        let windows = if subject == "dcsctp" { 1 } else { 3 };
        let messages = ((windows * cell.window).max(1 << 20) / cell.message) as u64;
        let (few, few_packets) = self.run(subject, cell, messages)?;
        let (many, many_packets) = self.run(subject, cell, 2 * messages)?;
        let packets = many_packets.saturating_sub(few_packets).max(1);
        Ok(many.saturating_sub(few) as f64 / packets as f64)
    }

    fn run(self, subject: &str, cell: Cell, messages: u64) -> Result<(u64, u64)> {
        let mut command = self.command();
        command.arg(std::env::current_exe()?).args(child::arguments(subject, cell));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start the counter")?;
        // The child ends with its orders.
        writeln!(child.stdin.take().context("no stdin")?, "{messages}")?;
        let output = child.wait_with_output()?;
        let instructions = self.read(&output.stderr).context("the counter said nothing")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let transferred = said.lines().last().and_then(Transferred::parse).context("no packets")?;
        Ok((instructions, transferred.packets))
    }
}
