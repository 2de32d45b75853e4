//! `cargo xtask bench dtls`: two ends in one thread, no network.
//!
//! | row | what | limit |
//! |---|---|---|
//! | `records-VERSION-PROVIDER` | 1200 bytes sealed by the client, opened by the server | the bare cipher over them, in place; in 1.3 with the two record-number masks; `limit-written`: each payload first copied into place, which is SCTP's work and not the record layer's |
//! | `handshakes-VERSION-GROUP-PROVIDER` | both ends, new objects to connected, both with certificates | both ends' key generations, agreements, signatures, verifications |
//! | `datagrams-..`, `bytes-..` | what such a handshake sends, UDP payload | |
//! | `memory-VERSION` | resident memory of a connected end | |
//! | `allocations-record-VERSION` | allocations for a record, both ends | |
//!
//! Subjects take turns; only ratios within one run mean something. A peer stands in the rows of the provider
//! that it uses: dimpl over aws-lc-rs, rtc-dtls over ring; OpenSSL, a library of its own, beside aws-lc-rs.

#![expect(clippy::expect_used, reason = "a bench that cannot set itself up has nothing to say")]

mod dimpl_peer;
mod limits;
mod memory;
mod openssl_peer;
mod plywood;
mod rtc_peer;
mod stack;

use std::time::Instant;

use anyhow::Result;
use plywood_bench_harness::{Options, Report, Samples, Unit, allocations, alternate, pin};

use crate::dimpl_peer::Dimpl;
use crate::limits::{Bare, BareAwsLc, BareRing};
use crate::openssl_peer::OpenSsl;
use crate::plywood::{AwsLc, Plywood, Ring};
use crate::rtc_peer::RtcDtls;
use crate::stack::{Endpoint, Group, Pair, Setup, Stack, Traffic, Version};

/// Bytes of a record's payload: a full SCTP packet of a data channel.
const PAYLOAD: usize = 1200;

/// A subject: its name, and how it is measured.
struct Subject {
    name: &'static str,
    round: Box<dyn FnMut() -> Option<f64>>,
}

/// Seconds for one record, sealed and opened.
fn record_subject<S: Stack>(name: &'static str, setup: Setup, records: u64) -> Option<Subject>
where
    S::End: 'static,
{
    let mut pair = Pair::connect(&S::new(setup)?)?;
    let (payload, mut datagram) = (vec![0x5A; PAYLOAD], Vec::with_capacity(2048));
    let round = Box::new(move || transfer(&mut pair, &payload, &mut datagram, records));
    Some(Subject { name, round })
}

/// Seals and opens; `None` if not all bytes came out.
fn transfer<E: Endpoint>(
    pair: &mut Pair<E>,
    payload: &[u8],
    datagram: &mut Vec<u8>,
    records: u64,
) -> Option<f64> {
    let start = Instant::now();
    let mut bytes = 0;
    for _ in 0..records {
        datagram.clear();
        pair.client.seal(start, payload, datagram);
        bytes += pair.server.open(start, datagram) as u64;
    }
    let seconds = start.elapsed().as_secs_f64();
    (bytes == records * payload.len() as u64).then_some(seconds / records as f64)
}

/// Seconds for one handshake.
fn handshake_subject<S: Stack + 'static>(
    name: &'static str,
    setup: Setup,
    handshakes: u32,
) -> Option<Subject> {
    let stack = S::new(setup)?;
    let round = Box::new(move || {
        let start = Instant::now();
        for _ in 0..handshakes {
            Pair::connect(&stack)?;
        }
        Some(start.elapsed().as_secs_f64() / f64::from(handshakes))
    });
    Some(Subject { name, round })
}

/// Runs the subjects and reports `convert` of their seconds.
fn contest(
    row: &str,
    subjects: Vec<Option<Subject>>,
    options: &Options,
    report: &mut Report,
    unit: Unit,
    convert: impl Fn(f64) -> f64,
) {
    if !options.wants(row) {
        return;
    }
    eprintln!("{row} ..");
    let wanted = subjects.into_iter().flatten().filter(|subject| options.wants_subject(subject.name));
    let (names, mut rounds): (Vec<_>, Vec<_>) = wanted.map(|subject| (subject.name, subject.round)).unzip();
    for (name, samples) in names.into_iter().zip(alternate(options.rounds, &mut rounds)) {
        if samples.range().is_none() {
            report.note(format!("{row}: {name} did not deliver"));
        }
        report.add(row, name, unit, &samples.map(&convert));
    }
}

fn records<B: Bare + 'static>(
    provider: &str,
    setup: Setup,
    peers: Vec<Option<Subject>>,
    options: &Options,
    report: &mut Report,
) {
    let records = if options.full { 400_000 } else { 100_000 };
    let limit = |name, written| {
        let bare = B::new(setup);
        let round = Box::new(move || Some(bare.records(records, PAYLOAD, written) / records as f64));
        Some(Subject { name, round })
    };
    let limits = [limit("limit", false), limit("limit-written", true)];
    let subjects = peers.into_iter().chain(limits).collect();
    let row = format!("records-{}-{provider}", setup.version.name());
    let gigabits = |seconds: f64| (PAYLOAD * 8) as f64 / seconds / 1e9;
    contest(&row, subjects, options, report, Unit::GigabitsPerSecond, gigabits);
}

fn all_records(options: &Options, report: &mut Report) {
    let count = if options.full { 400_000 } else { 100_000 };
    for version in Version::ALL {
        // rtc-dtls agrees on P-256 only; the group does not matter to records.
        let setup = Setup { version, group: Group::P256 };
        let peers = vec![
            record_subject::<Plywood<Ring>>("plywood", setup, count),
            record_subject::<RtcDtls>("rtc-dtls", setup, count),
        ];
        records::<BareRing>("ring", setup, peers, options, report);
        let peers = vec![
            record_subject::<Plywood<AwsLc>>("plywood", setup, count),
            record_subject::<Dimpl>("dimpl", setup, count),
            record_subject::<OpenSsl>("openssl", setup, count),
        ];
        records::<BareAwsLc>("aws-lc-rs", setup, peers, options, report);
    }
}

fn handshakes<B: Bare + 'static>(
    provider: &str,
    setup: Setup,
    peers: Vec<Option<Subject>>,
    options: &Options,
    report: &mut Report,
) {
    let bare = B::new(setup);
    let count = handshakes_a_round(options);
    let round = Box::new(move || {
        let start = Instant::now();
        (0..count).for_each(|_| bare.handshake());
        Some(start.elapsed().as_secs_f64() / f64::from(count))
    });
    let subjects = peers.into_iter().chain([Some(Subject { name: "limit", round })]).collect();
    let row = format!("handshakes-{}-{}-{provider}", setup.version.name(), setup.group.name());
    contest(&row, subjects, options, report, Unit::PerSecond, f64::recip);
}

fn handshakes_a_round(options: &Options) -> u32 {
    if options.full { 2000 } else { 300 }
}

fn all_handshakes(options: &Options, report: &mut Report) {
    let count = handshakes_a_round(options);
    for setup in setups() {
        let peers = vec![
            handshake_subject::<Plywood<Ring>>("plywood", setup, count),
            handshake_subject::<RtcDtls>("rtc-dtls", setup, count),
        ];
        handshakes::<BareRing>("ring", setup, peers, options, report);
        let peers = vec![
            handshake_subject::<Plywood<AwsLc>>("plywood", setup, count),
            handshake_subject::<Dimpl>("dimpl", setup, count),
            handshake_subject::<OpenSsl>("openssl", setup, count),
        ];
        handshakes::<BareAwsLc>("aws-lc-rs", setup, peers, options, report);
    }
}

/// All combinations that exist.
fn setups() -> impl Iterator<Item = Setup> {
    let all = Version::ALL.into_iter().flat_map(|version| Group::ALL.map(|group| Setup { version, group }));
    all.filter(|setup| *setup != Setup { version: Version::V12, group: Group::X25519MlKem768 })
}

/// What a handshake sends, and what records allocate: counts, the same in every round.
fn counts<S: Stack>(name: &'static str, setup: Setup, options: &Options, report: &mut Report) {
    let (version, group) = (setup.version.name(), setup.group.name());
    let wanted = ["datagrams", "bytes", "allocations-record"].iter().any(|part| options.wants(part));
    if !wanted || !options.wants_subject(name) {
        return;
    }
    let Some(mut pair) = S::new(setup).and_then(|stack| Pair::connect(&stack)) else { return };
    let Traffic { datagrams, bytes } = pair.traffic;
    report.add(&format!("datagrams-{version}-{group}"), name, Unit::Count, &Samples::exact(datagrams as f64));
    report.add(&format!("bytes-{version}-{group}"), name, Unit::Count, &Samples::exact(bytes as f64));
    // What OpenSSL allocates in C is not counted, so nothing is said of it.
    if setup.group == Group::P256 && name != "openssl" {
        let (payload, mut datagram) = (vec![0x5A; PAYLOAD], Vec::with_capacity(2048));
        transfer(&mut pair, &payload, &mut datagram, 100); // buffers have grown
        let count = allocations(|| {
            transfer(&mut pair, &payload, &mut datagram, 1000);
        });
        let row = format!("allocations-record-{version}");
        report.add(&row, name, Unit::Count, &Samples::exact(count as f64 / 1000.0));
    }
}

fn main() -> Result<()> {
    let options = Options::from_command_line();
    if let Some(subject) = &options.extra {
        return memory::measure(subject);
    }
    pin();
    let mut report = Report::new("dtls");
    all_records(&options, &mut report);
    all_handshakes(&options, &mut report);
    for setup in setups() {
        counts::<Plywood<Ring>>("plywood", setup, &options, &mut report);
        counts::<Dimpl>("dimpl", setup, &options, &mut report);
        counts::<RtcDtls>("rtc-dtls", setup, &options, &mut report);
        counts::<OpenSsl>("openssl", setup, &options, &mut report);
    }
    memory::all(&options, &mut report)?;
    report.note("memory: resident bytes of 500 connected pairs in a process of their own, for one end");
    report.print();
    report.write_json(options.json.as_deref())
}
