//! `--opt keylog=FILE`: DTLS secrets in NSS format, so that a packet analyser opens a capture of this connection.
//! Only who asks for it by name gets it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::time::Instant;

use anyhow::Context as _;
use plywood::peer::{Trace, TraceSink};

/// Appends to a file.
#[derive(Debug)]
pub(super) struct KeyLog(File);

impl KeyLog {
    /// Opens `path`, or makes it.
    ///
    /// # Errors
    /// The operating system's.
    pub(super) fn open(path: &str) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self(file.with_context(|| format!("cannot write the key log {path}"))?))
    }
}

impl TraceSink for KeyLog {
    fn record(&mut self, _now: Instant, trace: Trace<'_>) {
        if let Trace::KeyLog(line) = trace
            && let Err(error) = writeln!(self.0, "{line}")
        {
            tracing::warn!(%error, "key log not written");
        }
    }
}
