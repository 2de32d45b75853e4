//! Instructions for each packet, counted from outside.
//!
//! Problem: time on a shared machine is noise, and whether the cost of a packet grows with the window shows in
//! instructions to the per cent.
//! How: this program runs itself twice, with one number of messages and with more of them, under a counter; the difference
//! is free of start and handshake.
//! ```text
//!   counter sctp --extra count:SUBJECT:MESSAGE:STREAMS:WINDOW:N      -> instructions, packets
//!   counter sctp --extra count:SUBJECT:MESSAGE:STREAMS:WINDOW:N + M  -> (difference) / (difference)
//! ```
//! The counter is `perf stat` where the machine lets it count (few virtual ones do), else valgrind. Valgrind's processor
//! has no AVX-512: checksums and copies take their AVX2 and SSE paths there, which are longer than what really runs.

use std::process::Command;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use plywood_benches::sctp::memory::Pair;
use plywood_benches::sctp::{CUBIC, DcSctp, Endpoint, Plywood, RtcSctp, SctpProto};

use crate::cells::Cell;

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
        let Cell { message, streams, window } = cell;
        let mut command = self.command();
        command.arg(std::env::current_exe()?).arg("--extra");
        command.arg(format!("count:{subject}:{message}:{streams}:{window}:{messages}"));
        let output = command.output().context("cannot start the counter")?;
        let instructions = self.read(&output.stderr).context("the counter said nothing")?;
        let packets = String::from_utf8_lossy(&output.stdout).trim().parse().context("no packets")?;
        Ok((instructions, packets))
    }
}

/// What runs under the counter: the packets that were sent, on stdout.
pub(crate) fn counted(order: &str) -> Result<()> {
    let fields: Vec<&str> = order.split(':').collect();
    let ["count", subject, message, streams, window, messages] = fields[..] else {
        bail!("--extra wants count:SUBJECT:MESSAGE:STREAMS:WINDOW:MESSAGES");
    };
    let cell = Cell { message: message.parse()?, streams: streams.parse()?, window: window.parse()? };
    let messages = messages.parse()?;
    let packets = match subject {
        "plywood" => transfer::<Plywood>(cell, CUBIC, messages),
        "rtc-sctp" => transfer::<RtcSctp>(cell, (), messages),
        "sctp-proto" => transfer::<SctpProto>(cell, (), messages),
        "dcsctp" => transfer::<DcSctp>(cell, (), messages),
        _ => bail!("no subject {subject}"),
    };
    println!("{}", packets.context("the transfer got stuck")?);
    Ok(())
}

fn transfer<E: Endpoint>(cell: Cell, kind: E::Kind, messages: u64) -> Option<u64> {
    let message = Bytes::from(vec![0x5A; cell.message]);
    let mut pair = Pair::<E>::connect(&cell.setup(), kind)?;
    pair.transfer(&message, messages).then_some(pair.sent_packets)
}
