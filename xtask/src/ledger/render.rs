//! The ledger as chapters of the book: one page an RFC, and a page of sums before them.

use std::fmt::Write as _;

use super::{Ledger, Level, Rule, Status};

/// A generated chapter: file name below `compliance/`, title, Markdown.
#[derive(Debug)]
pub(crate) struct Chapter {
    pub(crate) file: String,
    pub(crate) title: String,
    pub(crate) text: String,
}

/// A page of sums, then a page an RFC.
pub(crate) fn chapters(ledger: &Ledger) -> Vec<Chapter> {
    let mut chapters = vec![overview(ledger)];
    for (file, rules) in ledger {
        let title = title(file);
        let mut text = format!(
            "# {title}\n\n| rule | level | what it asks | here | proved by |\n|---|---|---|---|---|\n"
        );
        for rule in rules {
            let _ = writeln!(text, "{}", row(rule));
        }
        chapters.push(Chapter { file: format!("{file}.md"), title, text });
    }
    chapters
}

fn overview(ledger: &Ledger) -> Chapter {
    let mut text = String::from(
        "# Compliance\n\nEach rule of an RFC that applies has a row: done and proved by a test that ran, or not \
         done with a reason.\nThese pages are made from `conformance/ledger/` when the book is built.\n\n\
         | document | done | not done | not applicable |\n|---|---|---|---|\n",
    );
    for (file, rules) in ledger {
        let count = |status| rules.iter().filter(|rule| rule.status == status).count();
        let _ = writeln!(
            text,
            "| [{}]({file}.md) | {} | {} | {} |",
            title(file),
            count(Status::Done),
            count(Status::NotDone),
            count(Status::NotApplicable)
        );
    }
    Chapter { file: "index.md".to_owned(), title: "Compliance".to_owned(), text }
}

/// `rfc9260` is "RFC 9260".
fn title(file: &str) -> String {
    file.strip_prefix("rfc").map_or_else(|| file.to_owned(), |number| format!("RFC {number}"))
}

fn row(rule: &Rule) -> String {
    let level = match rule.level {
        Level::Must => "MUST",
        Level::MustNot => "MUST NOT",
        Level::Should => "SHOULD",
        Level::ShouldNot => "SHOULD NOT",
        Level::May => "MAY",
    };
    let here = match rule.status {
        Status::Done if rule.because.is_empty() => "done".to_owned(),
        Status::Done => format!("done: {}", cell(&rule.because)),
        Status::NotDone => format!("**not done**: {}", cell(&rule.because)),
        Status::NotApplicable => format!("does not apply: {}", cell(&rule.because)),
    };
    let tests: Vec<String> = rule.tests.iter().map(|test| format!("`{test}`")).collect();
    format!(
        "| §{} {} | {level} | {} | {here} | {} |",
        cell(&rule.section),
        cell(&rule.id),
        cell(&rule.text),
        tests.join("<br>")
    )
}

/// Text that cannot break out of its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_becomes_one_line_of_the_table() {
        let rule = Rule {
            id: "9260-3.1-1".to_owned(),
            section: "3.1".to_owned(),
            level: Level::MustNot,
            text: "A | B\nis two lines".to_owned(),
            status: Status::NotDone,
            because: "later".to_owned(),
            tests: vec!["plywood-sctp::a".to_owned()],
        };
        assert_eq!(
            row(&rule),
            "| §3.1 9260-3.1-1 | MUST NOT | A \\| B is two lines | **not done**: later | `plywood-sctp::a` |"
        );
    }

    #[test]
    fn the_overview_counts_by_status() {
        let chapters = chapters(&Ledger::from([("rfc8831".to_owned(), Vec::new())]));
        assert!(chapters[0].text.contains("| [RFC 8831](rfc8831.md) | 0 | 0 | 0 |"));
        assert_eq!(chapters[1].file, "rfc8831.md");
    }
}
