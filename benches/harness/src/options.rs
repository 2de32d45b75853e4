//! The command line that all benches share.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Parser;

/// Options of a bench. What a bench adds of its own, it reads from [`Options::extra`].
#[derive(Debug, Clone, Parser)]
pub struct Options {
    /// Write the rows to this file, as a JSON array.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// The whole grid instead of the telling cells.
    #[arg(long)]
    pub full: bool,
    /// Rounds per row; subjects take turns.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Only rows whose name contains this.
    #[arg(long)]
    pub only: Option<String>,
    /// Only these subjects, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub subjects: Vec<String>,
    /// Threads of a bench whose figures do not depend on them; all cores if not told.
    #[arg(long)]
    pub jobs: Option<NonZero<usize>>,
    /// Write plots (SVG) into this folder, where the bench has some.
    #[arg(long)]
    pub plots: Option<PathBuf>,
    /// A part of the bench that does not run by itself; its documentation names them.
    #[arg(long)]
    pub extra: Option<String>,
}

impl Options {
    /// Reads the command line; ends the program with a message where it is wrong.
    #[must_use]
    pub fn from_command_line() -> Self {
        Self::parse()
    }

    /// Is this row wanted?
    #[must_use]
    pub fn wants(&self, row: &str) -> bool {
        self.only.as_ref().is_none_or(|part| row.contains(part.as_str()))
    }

    /// Is this subject wanted?
    #[must_use]
    pub fn wants_subject(&self, subject: &str) -> bool {
        self.subjects.is_empty() || self.subjects.iter().any(|wanted| wanted == subject)
    }
}
