//! Rows: a table for people, JSON for machines.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::Samples;

/// The unit of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Unit {
    #[serde(rename = "Gbit/s")]
    GigabitsPerSecond,
    #[serde(rename = "Mbit/s")]
    MegabitsPerSecond,
    #[serde(rename = "ns/packet")]
    NanosPerPacket,
    #[serde(rename = "M/s")]
    MillionsPerSecond,
    #[serde(rename = "1/s")]
    PerSecond,
    #[serde(rename = "us")]
    Micros,
    #[serde(rename = "ms")]
    Millis,
    #[serde(rename = "KiB")]
    Kibibytes,
    #[serde(rename = "count")]
    Count,
}

impl Unit {
    fn text(self) -> &'static str {
        match self {
            Self::GigabitsPerSecond => "Gbit/s",
            Self::MegabitsPerSecond => "Mbit/s",
            Self::NanosPerPacket => "ns/packet",
            Self::MillionsPerSecond => "M/s",
            Self::PerSecond => "1/s",
            Self::Micros => "us",
            Self::Millis => "ms",
            Self::Kibibytes => "KiB",
            Self::Count => "count",
        }
    }
}

/// One figure of one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The bench: `sctp`.
    pub bench: String,
    /// What varies, in kebab-case: `goodput-64KiB-window1MiB`.
    pub row: String,
    /// `plywood`, a peer's name, or `limit`.
    pub subject: String,
    /// The median of the rounds.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
    /// The lowest round.
    pub min: f64,
    /// The highest round.
    pub max: f64,
}

/// All rows of one bench.
#[derive(Debug)]
pub struct Report {
    bench: String,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Report {
    /// An empty report of `bench`.
    #[must_use]
    pub fn new(bench: &str) -> Self {
        Self { bench: bench.to_owned(), rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row; nothing if there is no sample.
    pub fn add(&mut self, row: &str, subject: &str, unit: Unit, samples: &Samples) {
        let Some((min, value, max)) = samples.range() else { return };
        let (bench, row, subject) = (self.bench.clone(), row.to_owned(), subject.to_owned());
        self.rows.push(Row { bench, row, subject, value, unit, min, max });
    }

    /// Why a row has a hole, or what a reader must know of a subject.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The rows so far.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// One line a row name and unit, one column a subject, then the notes.
    pub fn print(&self) {
        let mut subjects: Vec<&str> = Vec::new();
        let mut lines: Vec<(&str, Unit)> = Vec::new();
        for row in &self.rows {
            if !subjects.contains(&row.subject.as_str()) {
                subjects.push(&row.subject);
            }
            if !lines.contains(&(row.row.as_str(), row.unit)) {
                lines.push((&row.row, row.unit));
            }
        }
        let width = lines.iter().map(|line| line.0.len()).max().unwrap_or(0);
        print!("{:width$} {:>9}", self.bench, "unit");
        for subject in &subjects {
            print!(" {subject:>16}");
        }
        println!();
        for (name, unit) in lines {
            print!("{name:width$} {:>9}", unit.text());
            for subject in &subjects {
                let found = self
                    .rows
                    .iter()
                    .find(|row| row.row == name && row.unit == unit && row.subject == *subject);
                print!(" {:>16}", found.map_or_else(|| "-".to_owned(), |row| brief(row.value)));
            }
            println!();
        }
        for note in &self.notes {
            println!("  {note}");
        }
    }

    /// Writes the rows as a JSON array.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_json(&self, file: Option<&Path>) -> Result<()> {
        let Some(file) = file else { return Ok(()) };
        let text = serde_json::to_string_pretty(&self.rows)?;
        std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
    }
}

/// The rows that [`Report::write_json`] wrote; none if there is no such file.
///
/// # Errors
/// The file holds something else.
pub fn read_json(file: &Path) -> Result<Vec<Row>> {
    let Ok(text) = std::fs::read_to_string(file) else { return Ok(Vec::new()) };
    serde_json::from_str(&text).with_context(|| format!("these are no rows: {}", file.display()))
}

/// Three digits that count.
fn brief(value: f64) -> String {
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_written_as_the_tools_expect_it() {
        let mut report = Report::new("sctp");
        let mut samples = Samples::exact(2.5);
        samples.push(2.0);
        samples.push(3.0);
        report.add("goodput-16KiB", "plywood", Unit::GigabitsPerSecond, &samples);
        assert_eq!(
            serde_json::to_string(&report.rows()[0]).unwrap(),
            r#"{"bench":"sctp","row":"goodput-16KiB","subject":"plywood","value":2.5,"unit":"Gbit/s","min":2.0,"max":3.0}"#
        );
    }

    #[test]
    fn a_subject_that_gave_up_has_no_row() {
        let mut report = Report::new("sctp");
        report.add("x", "peer", Unit::Count, &Samples::default());
        assert!(report.rows().is_empty());
    }

    #[test]
    fn values_are_brief() {
        assert_eq!([brief(1234.5), brief(12.34), brief(1.234), brief(0.0)], ["1234", "12.3", "1.23", "0.00"]);
    }
}
