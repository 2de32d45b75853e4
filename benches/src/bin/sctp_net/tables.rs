//! The tables of the book, from the rows of a run.
//!
//! Problem: the grid is measured in parts, over days. A table is put together from what each part has, and a figure that
//! no part has again stays.
//!
//! How: a table stands between two marks, and rows of JSON replace its figures one by one:
//!
//! ```text
//!   <!-- grid -->
//!   | link | CUBIC | NewReno | ..          goodput-1mbit-1ms-loss0%  plywood  0.97
//!   | 1 Mbit/s, 1 ms, 0 % | 0.97 | - | ..       '--- this line, this column
//!   <!-- end -->
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use plywood_bench_harness::{Row, read_json};

use crate::cells::{Cell, cells};

const BOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/congestion.md");

/// The columns of goodput, and of what is told of our own three.
const SUBJECTS: [&str; 6] = ["plywood", "plywood-newreno", "plywood-bbr", "rtc-sctp", "sctp-proto", "dcsctp"];
const OWN: usize = 3;
const KINDS: [(&str, &str); 3] = [("newreno", "NewReno"), ("cubic", "CUBIC"), ("bbr", "model")];
/// The links of the head-of-line table by column, and the schedulers by line.
const HOL_LINKS: [&str; 4] = ["10mbit-50ms", "10mbit-50ms-loss1%", "100mbit-50ms", "2mbit-50ms"];
const SCHEDULERS: [(&str, &str); 4] = [
    ("weighted", "weighted fair"),
    ("priority", "strict priority"),
    ("round-robin", "round robin"),
    ("first-come", "first come"),
];

/// A line of a table: its title and its figures.
type Line = (String, Vec<Option<String>>);

/// Puts the rows of `file` into the book.
pub(crate) fn write(file: &Path) -> Result<()> {
    let rows = Rows(read_json(file)?);
    let mut book = std::fs::read_to_string(BOOK).with_context(|| format!("cannot read {BOOK}"))?;
    let dozen = cells(false).into_iter().map(|cell| rows.link(cell, true)).collect();
    let grid = cells(true).into_iter().map(|cell| rows.link(cell, false)).collect();
    let tables: [(&str, Vec<Line>); 5] = [
        ("dozen", dozen),
        ("fairness", rows.fairness("")),
        ("fairness-deep", rows.fairness("deep-")),
        ("hol", rows.head_of_line()),
        ("grid", grid),
    ];
    for (name, lines) in tables {
        book = replace(&book, name, &lines).with_context(|| format!("no table {name} in {BOOK}"))?;
    }
    std::fs::write(BOOK, book).with_context(|| format!("cannot write {BOOK}"))
}

/// The book with another table of this name; `None` if it has none.
fn replace(book: &str, name: &str, lines: &[Line]) -> Option<String> {
    let begin = format!("<!-- {name} -->\n");
    let (before, rest) = book.split_once(&begin)?;
    let (table, after) = rest.split_once("<!-- end -->")?;
    let mut old = table.lines();
    let head = [old.next()?, old.next()?].join("\n");
    let columns = head.lines().next()?.matches('|').count() - 2;
    let known: BTreeMap<&str, Vec<&str>> = old.filter_map(split).collect();
    let mut text = format!("{before}{begin}{head}\n");
    for (title, figures) in lines {
        let known = known.get(title.as_str());
        if known.is_none() && figures.iter().all(Option::is_none) {
            continue;
        }
        let figure = |column: usize| {
            let new = figures.get(column).and_then(Option::as_deref);
            new.or_else(|| known.and_then(|known| known.get(column).copied())).unwrap_or("-")
        };
        let figures: Vec<&str> = (0..columns).map(figure).collect();
        text += &format!("| {title} | {} |\n", figures.join(" | "));
    }
    Some(text + "<!-- end -->" + after)
}

/// The title of a line, and its figures.
fn split(line: &str) -> Option<(&str, Vec<&str>)> {
    let mut parts = line.trim_matches(|bar| bar == '|' || bar == ' ').split(" | ");
    Some((parts.next()?, parts.collect()))
}

struct Rows(Vec<Row>);

impl Rows {
    fn value(&self, row: &str, subject: &str) -> Option<f64> {
        self.0.iter().find(|known| known.row == row && known.subject == subject).map(|row| row.value)
    }

    /// Goodput of all, the ideal, then what our own have from the tenth second on, and how long packets waited.
    fn link(&self, cell: Cell, with_wait: bool) -> Line {
        let name = cell.name();
        let told = |part: &str, subject: &str| self.value(&format!("{part}-{name}"), subject);
        let goodput = |subject: &&str| {
            let mark = match (told("covered", subject), told("seeds", subject)) {
                (Some(_), _) => "*".to_owned(),
                (None, Some(seeds)) => format!(" ({seeds})"),
                (None, None) => String::new(),
            };
            told("goodput", subject).map(|value| brief(value) + &mark)
        };
        let mut figures: Vec<Option<String>> = SUBJECTS.iter().map(goodput).collect();
        figures.push(Some(brief(cell.ideal())).filter(|_| figures.iter().any(Option::is_some)));
        figures.extend(SUBJECTS[..OWN].iter().map(|subject| told("later", subject).map(brief)));
        if with_wait {
            let wait = |subject: &&str| told("wait", subject).map(|value| brief(value) + " ms");
            figures.extend(SUBJECTS[..OWN].iter().map(wait));
        }
        (cell.title(), figures)
    }

    fn fairness(&self, prefix: &str) -> Vec<Line> {
        let told = |row: String| self.value(&row, "plywood");
        let pair = |first: &str, second: &str| {
            let before = told(format!("{prefix}share-{first}-before-{second}"))?;
            let after = told(format!("{prefix}share-{second}-after-{first}"))?;
            let jain = told(format!("{prefix}jain-{first}-{second}"))?;
            let wait = told(format!("{prefix}wait-{first}-{second}"))?;
            let digits = if before + after < 2.0 { 2 } else { 1 };
            Some(format!("{before:.digits$} / {after:.digits$}, {jain:.2}, {wait:.0} ms"))
        };
        let line = |(first, title): (&str, &str)| {
            (title.to_owned(), KINDS.iter().map(|(second, _)| pair(first, second)).collect())
        };
        KINDS.into_iter().map(line).collect()
    }

    fn head_of_line(&self) -> Vec<Line> {
        let limit = |link: &str| self.value(&format!("hol-{link}-weighted-idata-p95"), "limit");
        let bound = HOL_LINKS.iter().map(|link| limit(link).map(|value| format!("**{}**", brief(value))));
        let mut lines = vec![("**bound**".to_owned(), bound.collect())];
        for (suffix, chunk) in [("idata", "I-DATA"), ("data", "DATA")] {
            for (scheduler, title) in SCHEDULERS {
                let delays = |link: &&str| {
                    let delay = |percent: u32| {
                        self.value(&format!("hol-{link}-{scheduler}-{suffix}-p{percent}"), "plywood")
                            .map(brief)
                    };
                    Some(format!("{} / {} / {}", delay(50)?, delay(95)?, delay(100)?))
                };
                lines.push((format!("{title}, {chunk}"), HOL_LINKS.iter().map(delays).collect()));
            }
        }
        lines
    }
}

/// Three digits that count, without zeros behind them.
fn brief(value: f64) -> String {
    let before = value.abs().max(1e-9).log10().floor() as i32;
    let digits = usize::try_from(2 - before).unwrap_or(0);
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use plywood_bench_harness::Unit;

    use super::*;

    #[test]
    fn three_digits_count() {
        assert_eq!(
            [0.064_81, 0.97, 9.0, 97.04, 137.2, 1039.4].map(brief),
            ["0.0648", "0.97", "9", "97", "137", "1039"]
        );
    }

    #[test]
    fn a_median_of_fewer_seeds_says_so() {
        let cell = cells(true)[1];
        let row = |part: &str, subject: &str, value: f64| Row {
            bench: "sctp-net".to_owned(),
            row: format!("{part}-{}", cell.name()),
            subject: subject.to_owned(),
            value,
            unit: Unit::MegabitsPerSecond,
            min: value,
            max: value,
        };
        let rows = Rows(vec![
            row("goodput", "plywood", 3.33),
            row("goodput", "sctp-proto", 3.65),
            row("seeds", "sctp-proto", 1.0),
        ]);
        let (_, figures) = rows.link(cell, false);
        assert_eq!([figures[0].as_deref(), figures[4].as_deref()], [Some("3.33"), Some("3.65 (1)")]);
    }

    #[test]
    fn a_figure_that_is_not_there_again_stays() {
        let book = "x\n<!-- t -->\n| link | A | B |\n|---|---|---|\n| one | 1 | 2* |\n<!-- end -->\ny\n";
        let lines = [
            ("one".to_owned(), vec![Some("3".to_owned()), None]),
            ("two".to_owned(), vec![None, Some("4".to_owned())]),
            ("three".to_owned(), vec![None, None]),
        ];
        let table = "x\n<!-- t -->\n| link | A | B |\n|---|---|---|\n| one | 3 | 2* |\n| two | - | 4 |\n<!-- end -->\ny\n";
        assert_eq!(replace(book, "t", &lines).as_deref(), Some(table));
        assert_eq!(replace(book, "u", &lines), None);
    }
}
