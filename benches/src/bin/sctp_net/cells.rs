//! The links of the bench: a dozen telling ones, or the grid.

use std::time::Duration;

use plywood_benches::link::{Loss, Path, Scenario};
use plywood_benches::sctp::Setup;

/// The largest SCTP packet, and what of it is payload in bulk.
pub(crate) const MTU: usize = 1200;
const PAYLOAD: usize = MTU - 28;

/// Who needs more processor time for a run is cut.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

/// How long the queue is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Queue {
    /// `max(BDP, 20 packets)`.
    Bdp,
    /// Ten times that.
    Bloated,
}

/// One link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    megabits: u64,
    millis: u64,
    loss: Loss,
    queue: Queue,
}

impl Cell {
    const fn new(megabits: u64, millis: u64, loss: f64) -> Self {
        Self { megabits, millis, loss: Loss::Random(loss), queue: Queue::Bdp }
    }

    /// A link of 50 ms for two flows.
    pub(crate) const fn shared(megabits: u64, queue: Queue) -> Self {
        Self { queue, ..Self::new(megabits, 50, 0.0) }
    }

    /// `100mbit-50ms-loss1%`.
    pub(crate) fn name(self) -> String {
        let percent = self.loss.share() * 100.0;
        let bursty = if matches!(self.loss, Loss::Bursty(_)) { "-bursty" } else { "" };
        let bloat = if self.queue == Queue::Bloated { "-bloat" } else { "" };
        format!("{}mbit-{}ms-loss{percent}%{bursty}{bloat}", self.megabits, self.millis)
    }

    /// The same for people: `100 Mbit/s, 50 ms, 1 %`.
    pub(crate) fn title(self) -> String {
        let percent = self.loss.share() * 100.0;
        let bursty = if matches!(self.loss, Loss::Bursty(_)) { ", bursty" } else { "" };
        let bloat = if self.queue == Queue::Bloated { ", queue of 10 BDP" } else { "" };
        format!("{} Mbit/s, {} ms, {percent} %{bursty}{bloat}", self.megabits, self.millis)
    }

    pub(crate) fn path(self) -> Path {
        let round_trip = Duration::from_millis(self.millis);
        let mut path = Path { megabits: self.megabits, round_trip, queue_bytes: 0, loss: self.loss };
        let queue = path.bdp().max(20 * MTU);
        path.queue_bytes = if self.queue == Queue::Bloated { 10 * queue } else { queue };
        path
    }

    pub(crate) fn scenario(self) -> Scenario {
        let path = self.path();
        // Enough for the path and its queue, twice: windows are not what this bench is about.
        let window = (4 * (path.bdp() + path.queue_bytes)).clamp(1 << 20, 128 << 20);
        Scenario {
            path,
            setup: Setup {
                initiates: true,
                interleaving: None,
                mtu: MTU,
                window,
                send_queue: window,
                streams: 1,
                message: 16 << 10,
                seed: 7,
            },
            duration: Duration::from_secs(30),
            time_limit: TIME_LIMIT,
        }
    }

    /// Mbit/s of message bytes that the link could carry.
    pub(crate) fn ideal(self) -> f64 {
        self.megabits as f64 * PAYLOAD as f64 / MTU as f64
    }

    /// Packets vanish here.
    pub(crate) fn is_lossy(self) -> bool {
        self.loss.share() > 0.0
    }

    /// A few are drawn for the book.
    pub(crate) fn is_plotted(self) -> bool {
        self.megabits == 100 && self.millis == 50
    }
}

/// The dozen, or the grid.
pub(crate) fn cells(full: bool) -> Vec<Cell> {
    if !full {
        return vec![
            Cell::new(1, 50, 0.0),
            Cell::new(10, 10, 0.0),
            Cell::new(10, 50, 0.0),
            Cell::new(10, 50, 0.01),
            Cell::new(100, 10, 0.0),
            Cell::new(100, 50, 0.0),
            Cell::new(100, 50, 0.001),
            Cell::new(100, 50, 0.01),
            Cell { loss: Loss::Bursty(0.01), ..Cell::new(100, 50, 0.01) },
            Cell::new(100, 50, 0.05),
            Cell::new(100, 200, 0.0),
            Cell { queue: Queue::Bloated, ..Cell::new(100, 50, 0.0) },
        ];
    }
    let mut cells = Vec::new();
    for megabits in [1, 10, 100, 1000] {
        for millis in [1, 10, 50, 100, 200] {
            for loss in [0.0, 0.001, 0.01, 0.05] {
                cells.push(Cell::new(megabits, millis, loss));
                if loss > 0.0 {
                    cells.push(Cell { loss: Loss::Bursty(loss), ..Cell::new(megabits, millis, loss) });
                }
            }
            cells.push(Cell { queue: Queue::Bloated, ..Cell::new(megabits, millis, 0.0) });
        }
    }
    cells
}
