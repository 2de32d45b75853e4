//! What every bench needs: options, rounds that alternate, rows, allocation counts, a core of its own.
//!
//! Problem: figures of two programs compare only if both met the same machine. Clocks throttle, neighbours
//! wake up, caches are warm for whoever ran last.
//!
//! How: subjects take turns, round by round, and a row is the median with the least and the most:
//!
//! ```text
//!   round 1   plywood | peer A | peer B | limit        value  median of the rounds
//!   round 2   plywood | peer A | peer B | limit        min    the lowest round
//!   round 3   plywood | peer A | peer B | limit        max    the highest
//! ```
//!
//! Only ratios within one run mean something; the rows of the `limit` say what the machine could do then.

#![expect(clippy::print_stdout, reason = "benches print their tables")]

mod options;
mod report;
mod rounds;

pub use options::Options;
pub use report::{Report, Row, Unit, read_json};
pub use rounds::{Samples, alternate};

/// How many allocations `work` makes on this thread.
pub fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

/// Keeps this thread on the last core (the first takes most interrupts). Says so if the machine refuses.
pub fn pin() {
    let last = core_affinity::get_core_ids().and_then(|cores| cores.into_iter().next_back());
    if !last.is_some_and(core_affinity::set_for_current) {
        eprintln!("note: this machine does not let a bench choose its core; expect wider ranges");
    }
}
