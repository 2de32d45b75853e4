//! Two flows on one link: does each controller leave the other its share?

use std::time::Duration;

use plywood_bench_harness::{Report, Samples, Unit};
use plywood_benches::link::{Loss, Path, Scenario, run};
use plywood_benches::sctp::{BBR, CUBIC, NEW_RENO, Plywood, Setup};

use crate::cells::{MTU, TIME_LIMIT};

/// 20 Mbit/s, 50 ms, a queue of one BDP, no loss of its own, for two minutes.
fn scenario() -> Scenario {
    let round_trip = Duration::from_millis(50);
    let mut path = Path { megabits: 20, round_trip, queue_bytes: 0, loss: Loss::Random(0.0) };
    path.queue_bytes = path.bdp();
    Scenario {
        path,
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
        duration: Duration::from_secs(120),
        time_limit: TIME_LIMIT,
    }
}

/// Every pair of kinds, each kind beside itself included.
pub(crate) fn measure(report: &mut Report) {
    let kinds = [("newreno", NEW_RENO), ("cubic", CUBIC), ("bbr", BBR)];
    for (first_name, first) in kinds {
        for (second_name, second) in kinds {
            eprintln!("fairness {first_name} {second_name} ..");
            let outcome = run::<Plywood>(&scenario(), &[first, second]);
            let shares = [outcome.flows[0].later, outcome.flows[1].later];
            let sum: f64 = shares.iter().sum();
            let squares: f64 = shares.iter().map(|share| share * share).sum();
            let mut add =
                |row: String, unit, value| report.add(&row, "plywood", unit, &Samples::exact(value));
            add(format!("share-{first_name}-before-{second_name}"), Unit::MegabitsPerSecond, shares[0]);
            add(format!("share-{second_name}-after-{first_name}"), Unit::MegabitsPerSecond, shares[1]);
            add(
                format!("jain-{first_name}-{second_name}"),
                Unit::Count,
                sum * sum / (2.0 * squares).max(1e-9),
            );
            add(
                format!("wait-{first_name}-{second_name}"),
                Unit::Millis,
                outcome.mean_wait.as_secs_f64() * 1e3,
            );
        }
    }
}
