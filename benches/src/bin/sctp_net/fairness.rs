//! Two flows on one link: does each controller leave the other its share?

use std::time::Duration;

use plywood_bench_harness::{Report, Samples, Unit};
use plywood_benches::link::{Scenario, run};
use plywood_benches::sctp::{BBR, CUBIC, NEW_RENO, Plywood, Setup};

use crate::cells::{Cell, MTU, Queue, TIME_LIMIT};

/// What the rows begin with, Mbit/s, the queue and the time. Losses are those of the queue only.
type Link = (&'static str, u64, Queue, Duration);

/// A queue of one BDP for two minutes, and one of two seconds for ten: round trips are forty times as long there.
const LINKS: [Link; 2] =
    [("", 20, Queue::Bdp, Duration::from_secs(120)), ("deep-", 1, Queue::Bloated, Duration::from_secs(600))];

fn scenario((_, megabits, queue, duration): Link) -> Scenario {
    Scenario {
        path: Cell::shared(megabits, queue).path(),
        setup: Setup {
            initiates: true,
            interleaving: None,
            mtu: MTU,
            window: 4 << 20,
            send_queue: 1 << 20,
            streams: 1,
            message: 16 << 10,
            seed: 7,
        },
        duration,
        time_limit: TIME_LIMIT,
    }
}

/// Every pair of kinds, each kind beside itself included, on both links.
pub(crate) fn measure(report: &mut Report) {
    for link in LINKS {
        measure_link(link, report);
    }
}

fn measure_link(link: Link, report: &mut Report) {
    let prefix = link.0;
    let kinds = [("newreno", NEW_RENO), ("cubic", CUBIC), ("bbr", BBR)];
    for (first_name, first) in kinds {
        for (second_name, second) in kinds {
            eprintln!("fairness {prefix}{first_name} {second_name} ..");
            let outcome = run::<Plywood>(&scenario(link), &[first, second]);
            let shares = [outcome.flows[0].later, outcome.flows[1].later];
            let sum: f64 = shares.iter().sum();
            let squares: f64 = shares.iter().map(|share| share * share).sum();
            let mut add =
                |row: String, unit, value| report.add(&row, "plywood", unit, &Samples::exact(value));
            add(
                format!("{prefix}share-{first_name}-before-{second_name}"),
                Unit::MegabitsPerSecond,
                shares[0],
            );
            add(
                format!("{prefix}share-{second_name}-after-{first_name}"),
                Unit::MegabitsPerSecond,
                shares[1],
            );
            add(
                format!("{prefix}jain-{first_name}-{second_name}"),
                Unit::Count,
                sum * sum / (2.0 * squares).max(1e-9),
            );
            add(
                format!("{prefix}wait-{first_name}-{second_name}"),
                Unit::Millis,
                outcome.mean_wait.as_secs_f64() * 1e3,
            );
        }
    }
}
