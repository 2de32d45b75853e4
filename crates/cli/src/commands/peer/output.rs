//! Lines that go out: one JSON object each, written at once.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// Lines that wait for a slow reader: then whoever has something to tell waits.
const MAX_WAITING: usize = 1024;

/// How long a reader that is behind may hold the end of the process up.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Entry {
    Line(Value),
    /// Everything before this is written.
    Flush(oneshot::Sender<()>),
}

/// The way to stdout. Clones write to the same.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    entries: mpsc::Sender<Entry>,
}

impl Output {
    /// Starts the thread that writes.
    pub(crate) fn start() -> Self {
        let (entries, mut queue) = mpsc::channel(MAX_WAITING);
        std::thread::spawn(move || {
            let mut stdout = std::io::stdout().lock();
            while let Some(entry) = queue.blocking_recv() {
                match entry {
                    Entry::Line(line) => {
                        let mut text = line.to_string();
                        text.push('\n');
                        if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
                            return; // nobody reads any more
                        }
                    }
                    Entry::Flush(done) => {
                        // Whoever asked may have lost patience.
                        let _ = done.send(());
                    }
                }
            }
        });
        Self { entries }
    }

    /// Waits until everything is written, but not for ever.
    pub(crate) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        let all = async {
            if self.entries.send(Entry::Flush(done)).await.is_ok() {
                // An error: the writer is gone, and so is the reader.
                let _ = written.await;
            }
        };
        let _ = tokio::time::timeout(LAST_PATIENCE, all).await;
    }

    /// Writes one event.
    pub(crate) async fn event(&self, event: Value) {
        // Refused only when nobody reads any more.
        let _ = self.entries.send(Entry::Line(event)).await;
    }

    /// Writes that a command failed.
    pub(crate) async fn error(&self, place: &str, line: u64, message: impl std::fmt::Display) {
        self.event(json!({ "type": "error", "where": place, "message": format!("line {line}: {message}") }))
            .await;
    }
}
