//! A pair of associations in a process of its own.
//!
//! Problem: what an allocator does depends on what was allocated before. In one process with others a subject was up to
//! twice as fast as alone, or a tenth slower, for their memory lay above its own and kept pages from going back.
//! How: a child for each subject, which connects a pair and then moves messages by order:
//! ```text
//!   bench --"N"-->  child         it moves N messages
//!         <--"done SECONDS PACKETS [ALLOCATIONS]"--
//! ```

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The child.
pub struct PairProcess {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What a transfer took.
#[derive(Debug, Clone, Copy)]
pub struct Transferred {
    /// Wall time.
    pub seconds: f64,
    /// Packets that the sender made.
    pub packets: u64,
    /// `None`: not counted.
    pub allocations: Option<u64>,
}

impl Transferred {
    /// Reads `done SECONDS PACKETS [ALLOCATIONS]`.
    #[must_use]
    pub fn parse(answer: &str) -> Option<Self> {
        let mut words = answer.strip_prefix("done ")?.split(' ');
        Some(Self {
            seconds: words.next()?.parse().ok()?,
            packets: words.next()?.parse().ok()?,
            allocations: words.next().and_then(|word| word.parse().ok()),
        })
    }
}

impl PairProcess {
    /// Starts `command` and waits until its pair is connected; `None` if that does not come.
    #[must_use]
    pub fn connect(mut command: Command) -> Option<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let (orders, answers) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let mut pair = Self { child, orders, answers };
        pair.answer()?.starts_with("ready").then_some(pair)
    }

    /// Moves messages; `None` if they do not arrive.
    pub fn transfer(&mut self, messages: u64) -> Option<Transferred> {
        writeln!(self.orders, "{messages}").ok()?;
        Transferred::parse(&self.answer()?)
    }

    fn answer(&mut self) -> Option<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }
}

impl Drop for PairProcess {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
