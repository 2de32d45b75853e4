//! Head of line: what a small message waits for while another channel moves bulk.
//!
//! ```text
//!   channel 0   |==== 256 KiB ====|==== 256 KiB ====|==== ..        always more than a megabyte queued
//!   channel 1        . 100 B      .    .        .                   every 10 to 30 ms: how long until it is there?
//! ```
//!
//! One way takes half the round trip, at most the bottleneck's queue, and what the sender adds: the row `bound` is
//! those two, two packet times and 10 ms. With DATA a message that was begun must be finished first; with I-DATA the
//! scheduler may change its mind after each fragment.

use std::path::Path as File;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use plotters::prelude::{
    BLACK, ChartBuilder, Color, IntoDrawingArea, IntoLogRange, LineSeries, RGBColor, SVGBackend, WHITE,
};
use plywood_bench_harness::{Report, Samples, Unit};
use plywood_benches::link::{Loss, Path, Way};
use plywood_sctp::{Association, Config, Ppid, Scheduler, SendOptions, StreamId};

use crate::cells::MTU;

const BULK: StreamId = StreamId(0);
const SMALL: StreamId = StreamId(1);
const DURATION: Duration = Duration::from_secs(30);

/// Schedulers by the names in the rows, with and without I-DATA.
const VARIANTS: [(&str, Scheduler, bool); 8] = [
    ("weighted-idata", Scheduler::WeightedFair, true),
    ("priority-idata", Scheduler::Priority, true),
    ("round-robin-idata", Scheduler::RoundRobin, true),
    ("first-come-idata", Scheduler::FirstCome, true),
    ("weighted-data", Scheduler::WeightedFair, false),
    ("priority-data", Scheduler::Priority, false),
    ("round-robin-data", Scheduler::RoundRobin, false),
    ("first-come-data", Scheduler::FirstCome, false),
];

fn paths() -> [(&'static str, Path); 4] {
    let path = |megabits, millis, loss| {
        let round_trip = Duration::from_millis(millis);
        let path = Path { megabits, round_trip, queue_bytes: 0, loss: Loss::Random(loss) };
        Path { queue_bytes: path.bdp().max(20 * MTU), ..path }
    };
    [
        ("10mbit-50ms", path(10, 50, 0.0)),
        ("10mbit-50ms-loss1%", path(10, 50, 0.01)),
        ("100mbit-50ms", path(100, 50, 0.0)),
        ("2mbit-50ms", path(2, 50, 0.0)),
    ]
}

/// The delays of the small messages in order of size, and what the bulk channel moved, Mbit/s.
struct Outcome {
    delays: Vec<Duration>,
    bulk: f64,
}

impl Outcome {
    fn percentile(&self, percent: usize) -> f64 {
        let at = (self.delays.len() * percent).div_ceil(100).clamp(1, self.delays.len().max(1)) - 1;
        self.delays.get(at).map_or(f64::NAN, |delay| delay.as_secs_f64() * 1e3)
    }
}

struct Talk {
    ends: [Association; 2],
    ways: [Way<Vec<u8>>; 2],
    begin: Instant,
    delays: Vec<Duration>,
    bulk: usize,
}

impl Talk {
    fn new(path: Path, scheduler: Scheduler, interleaving: bool, begin: Instant) -> Self {
        let mut config = Config::default();
        config.scheduler = scheduler;
        config.interleaving = interleaving;
        let end = |seed: u8| Association::new(config.clone(), [seed; 32], begin);
        let mut ends = [end(1), end(2)];
        for end in &mut ends {
            end.set_minimum_round_trip(path.round_trip);
        }
        ends[0].connect(begin);
        // The bulk channel keeps the default, 256.
        ends[0].set_stream_priority(SMALL, 1024);
        let ways = [Way::new(path, 0x9E37_79B9_7F4A_7C15, begin), Way::new(path, 0xD1B5_4A32_D192_ED03, begin)];
        Self { ends, ways, begin, delays: Vec::new(), bulk: 0 }
    }

    fn since(&self, now: Instant) -> u64 {
        u64::try_from((now - self.begin).as_nanos()).unwrap_or(u64::MAX)
    }

    fn send_small(&mut self, now: Instant) {
        let mut data = vec![0; 100];
        data[..8].copy_from_slice(&self.since(now).to_be_bytes());
        let _ = self.ends[0].send(now, SMALL, Ppid(53), data.into(), SendOptions::default());
    }

    fn drive(&mut self, now: Instant, bulk: &Bytes) {
        for (from, way) in self.ways.iter_mut().enumerate() {
            while let Some((_, packet)) = way.arrival(now) {
                // What it discards, it counts.
                let _ = self.ends[1 - from].handle_datagram(now, &packet);
            }
        }
        for end in &mut self.ends {
            if end.poll_timeout().is_some_and(|at| at <= now) {
                end.handle_timeout(now);
            }
            while end.poll_event().is_some() {}
        }
        while let Some(message) = self.ends[1].poll_message() {
            self.ends[1].release(now, message.data.len());
            if message.stream == SMALL
                && let Some(sent) = message.data.first_chunk()
            {
                self.delays.push(Duration::from_nanos(self.since(now) - u64::from_be_bytes(*sent)));
            } else {
                self.bulk += message.data.len();
            }
        }
        if self.ends[0].is_connected() {
            while self.ends[0].buffered_amount(BULK) < 1 << 20 {
                if self.ends[0].send(now, BULK, Ppid(53), bulk.clone(), SendOptions::default()).is_err() {
                    break;
                }
            }
        }
        for (from, way) in self.ways.iter_mut().enumerate() {
            let mut packet = Vec::with_capacity(MTU);
            while self.ends[from].poll_transmit(now, MTU, &mut packet).is_some() {
                way.send(now, 0, std::mem::replace(&mut packet, Vec::with_capacity(MTU)));
            }
        }
    }

    fn next(&self) -> Option<Instant> {
        let timers = self.ends.iter().filter_map(Association::poll_timeout);
        timers.chain(self.ways.iter().filter_map(Way::next)).min()
    }
}

fn run(path: Path, scheduler: Scheduler, interleaving: bool) -> Outcome {
    let begin = Instant::now();
    let bulk = Bytes::from(vec![0x5A; 256 << 10]);
    let mut talk = Talk::new(path, scheduler, interleaving, begin);
    let (mut now, mut small_at, mut chance) = (begin, begin + Duration::from_secs(1), 1_u32);
    while now < begin + DURATION {
        if now >= small_at {
            talk.send_small(now);
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            small_at += Duration::from_micros(10_000 + u64::from(chance >> 16) % 20_000);
        }
        talk.drive(now, &bulk);
        let next = talk.next().map_or(small_at, |next| next.min(small_at));
        now = next.max(now + Duration::from_micros(1));
    }
    talk.delays.sort_unstable();
    Outcome { delays: talk.delays, bulk: talk.bulk as f64 * 8e-6 / DURATION.as_secs_f64() }
}

/// Base delay, the queue, two packet times and 10 ms.
fn bound(path: Path) -> f64 {
    let packet = path.transmission(MTU);
    let bound = path.round_trip / 2 + path.transmission(path.queue_bytes) + 2 * packet;
    (bound + Duration::from_millis(10)).as_secs_f64() * 1e3
}

/// Every scheduler, with and without I-DATA, on each path.
pub(crate) fn measure(plots: Option<&File>, report: &mut Report) -> Result<()> {
    for (link, path) in paths() {
        let mut curves = Vec::new();
        for (variant, scheduler, interleaving) in VARIANTS {
            eprintln!("hol {link} {variant} ..");
            let outcome = run(path, scheduler, interleaving);
            for percent in [50, 95, 100] {
                let row = format!("hol-{link}-{variant}-p{percent}");
                report.add(&row, "plywood", Unit::Millis, &Samples::exact(outcome.percentile(percent)));
            }
            let row = format!("hol-{link}-{variant}-p95");
            report.add(&row, "limit", Unit::Millis, &Samples::exact(bound(path)));
            let row = format!("hol-{link}-{variant}-bulk");
            report.add(&row, "plywood", Unit::MegabitsPerSecond, &Samples::exact(outcome.bulk));
            curves.push((variant, outcome));
        }
        if let Some(folder) = plots {
            draw(folder, link, bound(path), &curves)?;
        }
    }
    Ok(())
}

const COLOURS: [RGBColor; 8] = [
    RGBColor(0x1f, 0x77, 0xb4),
    RGBColor(0x2c, 0xa0, 0x2c),
    RGBColor(0x17, 0xbe, 0xcf),
    RGBColor(0x94, 0x67, 0xbd),
    RGBColor(0xff, 0x7f, 0x0e),
    RGBColor(0xd6, 0x27, 0x28),
    RGBColor(0xe3, 0x77, 0xc2),
    RGBColor(0x7f, 0x7f, 0x7f),
];

/// Which part of the small messages took at most how long: `folder/hol-LINK.svg`.
fn draw(folder: &File, link: &str, bound: f64, curves: &[(&str, Outcome)]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join(format!("hol-{}.svg", link.replace('%', "")));
    let root = SVGBackend::new(&file, (900, 420)).into_drawing_area();
    root.fill(&WHITE).map_err(|error| anyhow!("{error}"))?;
    let mut chart = ChartBuilder::on(&root)
        .caption(format!("100-byte messages beside bulk, {link}"), ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d((20.0..10_000.0).log_scale(), 0.0..100.0)
        .map_err(|error| anyhow!("{error}"))?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("one-way delay, ms")
        .y_desc("messages, %")
        .draw()
        .map_err(|error| anyhow!("{error}"))?;
    for ((variant, outcome), colour) in curves.iter().zip(COLOURS) {
        let count = outcome.delays.len().max(1) as f64;
        let points = outcome.delays.iter().enumerate().map(|(at, delay)| {
            ((delay.as_secs_f64() * 1e3).clamp(20.0, 10_000.0), (at + 1) as f64 / count * 100.0)
        });
        chart
            .draw_series(LineSeries::new(points.step_by(8), colour.stroke_width(2)))
            .map_err(|error| anyhow!("{error}"))?
            .label(*variant)
            .legend(move |(x, y)| plotters::element::PathElement::new([(x, y), (x + 16, y)], colour));
    }
    chart
        .draw_series(LineSeries::new([(bound, 0.0), (bound, 100.0)], BLACK.stroke_width(1)))
        .map_err(|error| anyhow!("{error}"))?
        .label("bound")
        .legend(|(x, y)| plotters::element::PathElement::new([(x, y), (x + 16, y)], BLACK));
    chart
        .configure_series_labels()
        .position(plotters::chart::SeriesLabelPosition::LowerRight)
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()
        .map_err(|error| anyhow!("{error}"))?;
    root.present().map_err(|error| anyhow!("{error}"))
}
