//! What varies: the size of messages, the number of streams, the receive window.

use plywood_benches::sctp::Setup;

/// The packets of all subjects are at most this long.
pub(crate) const MTU: usize = 1200;

/// One combination of what varies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) message: usize,
    pub(crate) streams: u16,
    pub(crate) window: usize,
}

impl Cell {
    pub(crate) fn name(self) -> String {
        let plural = if self.streams == 1 { "" } else { "s" };
        format!("{}-{}stream{plural}-window{}", size(self.message), self.streams, size(self.window))
    }

    pub(crate) fn setup(self) -> Setup {
        Setup {
            initiates: true,
            interleaving: None,
            mtu: MTU,
            window: self.window,
            send_queue: (2 * self.window).max(4 * self.message).max(1 << 20),
            streams: self.streams,
            message: self.message,
            seed: 1,
        }
    }

    /// Bytes of one round: many windows, so long that what a switch of processes costs is nothing, and not a second for most.
    pub(crate) fn bytes(self, full: bool) -> u64 {
        let least = if full { 128 << 20 } else { 64 << 20 };
        let per_message = if self.message < 1024 { least / 8 } else { least };
        (per_message as u64).max(4 * self.window as u64)
    }

    /// Instructions are counted for all subjects here, and for ours in each window.
    pub(crate) fn is_reference(self) -> bool {
        self.message == 16 << 10 && self.streams == 1 && self.window == 1 << 20
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..1_048_576 => format!("{}KiB", bytes >> 10),
        _ => format!("{}MiB", bytes >> 20),
    }
}

/// The grid, or its telling cells: each size and each number of streams at a window of 1 MiB, and 16 KiB at each window.
/// Cells whose message is larger than half the window do not exist: a stack may refuse such messages.
pub(crate) fn cells(full: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for message in [64, 1 << 10, 16 << 10, 64 << 10, 1 << 20] {
        for streams in [1, 100] {
            for window in [64 << 10, 1 << 20, 16 << 20] {
                let usual = window == 1 << 20 && (streams == 1 || message < 64 << 10);
                let flatness = message == 16 << 10 && streams == 1;
                let largest = message == 1 << 20 && streams == 1;
                if message <= window / 2 && (full || usual || flatness || largest) {
                    cells.push(Cell { message, streams, window });
                }
            }
        }
    }
    cells
}
