//! The process of one subject: `sctp --extra pair:SUBJECT:MESSAGE:STREAMS:WINDOW`, driven by lines.

use std::io::{BufRead, Write, stdin, stdout};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use plywood_bench_harness::allocations;
use plywood_benches::sctp::memory::Pair;
use plywood_benches::sctp::{CUBIC, DcSctp, Endpoint, Plywood, RtcSctp, SctpProto};

use crate::cells::Cell;

/// What makes this program the process of `subject`.
pub(crate) fn arguments(subject: &str, cell: Cell) -> [String; 2] {
    let Cell { message, streams, window } = cell;
    ["--extra".to_owned(), format!("pair:{subject}:{message}:{streams}:{window}")]
}

/// What that process does: connects a pair, then moves as many messages as each line says.
pub(crate) fn run(order: &str) -> Result<()> {
    let fields: Vec<&str> = order.split(':').collect();
    let ["pair", subject, message, streams, window] = fields[..] else {
        bail!("--extra wants pair:SUBJECT:MESSAGE:STREAMS:WINDOW");
    };
    let cell = Cell { message: message.parse()?, streams: streams.parse()?, window: window.parse()? };
    match subject {
        "plywood" => serve::<Plywood>(cell, CUBIC),
        "rtc-sctp" => serve::<RtcSctp>(cell, ()),
        "sctp-proto" => serve::<SctpProto>(cell, ()),
        "dcsctp" => serve::<DcSctp>(cell, ()),
        _ => bail!("no subject {subject}"),
    }
}

fn serve<E: Endpoint>(cell: Cell, kind: E::Kind) -> Result<()> {
    let message = Bytes::from(vec![0x5A; cell.message]);
    let mut pair = Pair::<E>::connect(&cell.setup(), kind).context("the pair does not connect")?;
    let mut out = stdout().lock();
    writeln!(out, "ready")?;
    out.flush()?;
    for line in stdin().lock().lines() {
        let messages = line?.trim().parse()?;
        let before = pair.sent_packets;
        let (mut seconds, mut arrived) = (0.0, false);
        let allocations = allocations(|| {
            let start = Instant::now();
            arrived = pair.transfer(&message, messages);
            seconds = start.elapsed().as_secs_f64();
        });
        if !arrived {
            bail!("the transfer got stuck");
        }
        writeln!(out, "done {seconds:.9} {} {allocations}", pair.sent_packets - before)?;
        out.flush()?;
    }
    Ok(())
}
