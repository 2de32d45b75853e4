//! `cargo xtask bench sctp`: two associations in one thread, no crypto, no network.
//!
//! Rows, for each size of message, number of streams and receive window: goodput, time and allocations for each
//! packet that the sender makes (its share of the acknowledgements included), and messages a second for the
//! small ones. The `limit` is what no stack can avoid: two CRC32c and two copies of each packet, measured in
//! the same rounds. Cells whose message is larger than half the window do not exist: a stack may refuse such
//! messages.
//!
//! The allocation counter stays on for all subjects; it costs each of them a few nanoseconds an allocation.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use plywood_bench_harness::{Options, Report, Samples, Unit, allocations, alternate, pin};
use plywood_benches::sctp::memory::Pair;
use plywood_benches::sctp::{CUBIC, DcSctp, Endpoint, Plywood, RtcSctp, SctpProto, Setup};

/// The packets of all subjects are at most this long.
const MTU: usize = 1200;

/// One combination of what varies.
#[derive(Debug, Clone, Copy)]
struct Cell {
    message: usize,
    streams: u16,
    window: usize,
}

impl Cell {
    fn name(self) -> String {
        let plural = if self.streams == 1 { "" } else { "s" };
        format!("{}-{}stream{plural}-window{}", size(self.message), self.streams, size(self.window))
    }

    fn setup(self) -> Setup {
        Setup {
            mtu: MTU,
            window: self.window,
            send_queue: (2 * self.window).max(4 * self.message).max(1 << 20),
            streams: self.streams,
            message: self.message,
            seed: 1,
        }
    }

    /// Bytes of one round: enough to be measured, many windows, and not a second long for anyone.
    fn bytes(self, full: bool) -> u64 {
        let least = if full { 64 << 20 } else { 16 << 20 };
        let per_message = if self.message < 1024 { least / 8 } else { least };
        (per_message as u64).max(4 * self.window as u64)
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..1_048_576 => format!("{}KiB", bytes >> 10),
        _ => format!("{}MiB", bytes >> 20),
    }
}

fn cells(full: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for message in [64, 1 << 10, 16 << 10, 64 << 10, 1 << 20] {
        for streams in [1, 100] {
            for window in [64 << 10, 1 << 20, 16 << 20] {
                let telling =
                    full || streams == 1 && (window == 1 << 20 || message == 16 << 10) || message == 1 << 10;
                if message <= window / 2 && telling {
                    cells.push(Cell { message, streams, window });
                }
            }
        }
    }
    cells
}

/// What a warm pair needs for one packet.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    packets: u64,
    messages: u64,
    allocations: u64,
}

/// One subject in one cell: a round is a transfer over a pair that is warm.
struct Subject<E: Endpoint> {
    pair: Option<Pair<E>>,
    message: Bytes,
    messages: u64,
    cost: Cost,
}

impl<E: Endpoint> Subject<E> {
    /// `slower` divides the work of a round, for a subject that would take seconds for it.
    fn new(cell: Cell, kind: E::Kind, full: bool, slower: u64) -> Self {
        let message = Bytes::from(vec![0x5A; cell.message]);
        let messages = (cell.bytes(full) / slower).div_ceil(cell.message as u64);
        let mut pair = Pair::connect(&cell.setup(), kind);
        // Warm: windows and buffers have grown.
        if pair.as_mut().is_some_and(|pair| !pair.transfer(&message, messages / 2 + 1)) {
            pair = None;
        }
        Self { pair, message, messages, cost: Cost::default() }
    }

    /// Seconds for all messages.
    fn round(&mut self) -> Option<f64> {
        let pair = self.pair.as_mut()?;
        let before = pair.sent_packets;
        let (message, messages) = (&self.message, self.messages);
        let (mut seconds, mut arrived) = (0.0, false);
        let allocations = allocations(|| {
            let start = Instant::now();
            arrived = pair.transfer(message, messages);
            seconds = start.elapsed().as_secs_f64();
        });
        self.cost = Cost { packets: pair.sent_packets - before, messages, allocations };
        arrived.then_some(seconds)
    }
}

/// Two checksums and two copies of `packets` packets: seconds.
fn limit(packets: u64) -> f64 {
    let source = vec![0x5A_u8; 1 << 20];
    let (mut packet, mut message) = (vec![0; MTU], vec![0; 1 << 20]);
    let mut at = 0;
    let start = Instant::now();
    for _ in 0..packets {
        packet.copy_from_slice(&source[at..at + MTU]);
        black_box(crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, black_box(&packet)));
        black_box(crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, black_box(&packet)));
        message[at..at + MTU].copy_from_slice(&packet);
        at = (at + MTU) % ((1 << 20) - MTU);
    }
    black_box(&message);
    start.elapsed().as_secs_f64()
}

fn measure(cell: Cell, options: &Options, report: &mut Report) {
    let name = cell.name();
    let full = options.full;
    let mut ours = Subject::<Plywood>::new(cell, CUBIC, full, 1);
    let mut rtc = Subject::<RtcSctp>::new(cell, (), full, 1);
    let mut proto = Subject::<SctpProto>::new(cell, (), full, 1);
    let mut dc = Subject::<DcSctp>::new(cell, (), full, 16);
    let ideal_packets = (cell.bytes(full) as f64 / (MTU - 28) as f64).ceil();
    let names = ["plywood", "rtc-sctp", "sctp-proto", "dcsctp", "limit"];
    let mut subjects: Vec<Box<dyn FnMut() -> Option<f64> + '_>> = vec![
        Box::new(|| ours.round()),
        Box::new(|| rtc.round()),
        Box::new(|| proto.round()),
        Box::new(|| dc.round()),
        Box::new(|| Some(limit(ideal_packets as u64))),
    ];
    let samples = alternate(options.rounds, &mut subjects);
    drop(subjects);
    let messages = cell.bytes(full) / cell.message as u64;
    let ideal = Cost { packets: ideal_packets as u64, messages, allocations: 0 };
    let costs = [ours.cost, rtc.cost, proto.cost, dc.cost, ideal];
    for ((subject, samples), cost) in names.into_iter().zip(&samples).zip(costs) {
        if samples.range().is_none() {
            report.note(format!("{name}: {subject} does not connect or does not deliver"));
            continue;
        }
        let bits = (cost.messages * cell.message as u64 * 8) as f64;
        report.add(
            &format!("goodput-{name}"),
            subject,
            Unit::GigabitsPerSecond,
            &samples.map(|s| bits / s / 1e9),
        );
        let per_packet = samples.map(|seconds| seconds * 1e9 / cost.packets.max(1) as f64);
        report.add(&format!("packet-{name}"), subject, Unit::NanosPerPacket, &per_packet);
        if subject == "limit" {
            continue;
        }
        if cell.message <= 1024 {
            let rate = samples.map(|seconds| cost.messages as f64 / seconds / 1e6);
            report.add(&format!("messages-{name}"), subject, Unit::MillionsPerSecond, &rate);
        }
        let per_packet = cost.allocations as f64 / cost.packets.max(1) as f64;
        report.add(&format!("allocations-{name}"), subject, Unit::Count, &Samples::exact(per_packet));
    }
}

fn main() -> Result<()> {
    let options = Options::from_command_line();
    pin();
    let mut report = Report::new("sctp");
    report.note("dcsctp formats a log line with all bytes of each packet, whether anybody listens or not");
    report.note("usrsctp is left out: it is a C library with threads and sockets of its own");
    for cell in cells(options.full).into_iter().filter(|cell| options.wants(&cell.name())) {
        eprintln!("{} ..", cell.name());
        measure(cell, &options, &mut report);
    }
    report.print();
    report.write_json(options.json.as_deref())
}
