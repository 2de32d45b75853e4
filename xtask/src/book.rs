//! `cargo xtask book`: the book in docs/, with the compliance chapters made from the ledger.
//!
//! The sources are copied into the target folder, the generated chapters are laid beside them and hung
//! below "Compliance" in SUMMARY.md; mdBook, a library in a workspace of its own, makes the pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::report::{Report, Row};
use crate::{ledger, process, workspace};

/// Builds the book of docs/ into target/book.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Write the rows to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// The line of SUMMARY.md below which the generated chapters hang.
const COMPLIANCE: &str = "(compliance/index.md)";

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let start = Instant::now();
    let mut report = Report::default();
    let rows = build()?;
    report.add("book", start.elapsed(), rows);
    report.print();
    report.write_json(options.json.as_deref())?;
    println!("{}", workspace::target().join("book/index.html").display());
    Ok(report.exit_code())
}

/// Links, then pages.
pub(crate) fn build() -> Result<Vec<Row>> {
    let sources = lay_out()?;
    let broken = broken_links(&sources)?;
    let mut rows = vec![if broken.is_empty() {
        Row::pass("book", "links")
    } else {
        Row::fail("book", "links", broken.join("\n"))
    }];
    let mut builder = workspace::cargo();
    builder.args([
        "run",
        "--quiet",
        "--locked",
        "--manifest-path",
        "docs/builder/Cargo.toml",
        "--target-dir",
    ]);
    builder
        .arg(workspace::target().join("tools"))
        .arg("--")
        .arg(&sources)
        .arg(workspace::target().join("book"));
    let captured = process::capture(&mut builder, Duration::from_secs(15 * 60))?;
    // mdBook reports a chapter that it cannot find, or a template that fails, as an error in its log.
    let clean = !captured.stderr.contains("ERROR");
    rows.push(if captured.ok() && clean {
        Row::pass("book", "pages")
    } else {
        Row::fail("book", "pages", captured.tail(20))
    });
    Ok(rows)
}

/// Copies docs/ and adds what is generated; the folder with book.toml.
fn lay_out() -> Result<PathBuf> {
    let folder = workspace::target().join("book-src");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let docs = workspace::root().join("docs");
    copy_tree(&docs, &folder)?;
    fs::create_dir_all(folder.join("compliance"))?;
    let chapters = ledger::chapters(&ledger::read()?);
    let mut entries = String::new();
    for chapter in &chapters {
        fs::write(folder.join("compliance").join(&chapter.file), &chapter.text)?;
        if chapter.file != "index.md" {
            entries += &format!("  - [{}](compliance/{})\n", chapter.title, chapter.file);
        }
    }
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).context("docs/SUMMARY.md")?;
    fs::write(folder.join("SUMMARY.md"), hang(&summary, &entries)?)?;
    Ok(folder)
}

/// Puts `entries` below the line of the compliance chapter.
fn hang(summary: &str, entries: &str) -> Result<String> {
    let at = summary.find(COMPLIANCE).context("SUMMARY.md has no chapter compliance/index.md")?;
    let end = summary[at..].find('\n').map_or(summary.len(), |line| at + line + 1);
    Ok(format!("{}{entries}{}", &summary[..end], &summary[end..]))
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        // The builder is a program, not a chapter.
        if entry.file_type()?.is_dir() {
            if name != "builder" {
                copy_tree(&entry.path(), &to.join(&name))?;
            }
        } else {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}

/// Links between chapters that lead nowhere, and chapters that SUMMARY.md forgets.
fn broken_links(folder: &Path) -> Result<Vec<String>> {
    let mut pages = Vec::new();
    collect_pages(folder, &mut pages)?;
    let mut broken = Vec::new();
    let mut in_summary = BTreeSet::new();
    for page in &pages {
        let text = fs::read_to_string(page)?;
        let name = page.strip_prefix(folder)?.display().to_string();
        for link in links(&text) {
            let target = page.parent().unwrap_or(folder).join(link);
            if !target.exists() {
                broken.push(format!("{name}: {link} leads nowhere"));
            }
            if name == "SUMMARY.md" {
                in_summary.insert(fs::canonicalize(&target).unwrap_or(target));
            }
        }
    }
    for page in &pages {
        let known = in_summary.contains(&fs::canonicalize(page)?);
        if !known && !page.ends_with("SUMMARY.md") {
            broken.push(format!("{} is no chapter of SUMMARY.md", page.strip_prefix(folder)?.display()));
        }
    }
    ensure!(!in_summary.is_empty(), "SUMMARY.md names no chapter");
    Ok(broken)
}

fn collect_pages(folder: &Path, pages: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_pages(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    Ok(())
}

/// Targets of relative Markdown links, outside code blocks and without their anchors.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        let mut rest = if in_code { "" } else { line };
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else { break };
            let target = rest[..end].split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.contains(' ') {
                found.push(target);
            }
            rest = &rest[end..];
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_links_are_found_outside_code() {
        let text = "see [one](a.md#part) and [two](https://example.org)\n```\n[no](b.md)\n```\n![p](c.svg)";
        assert_eq!(links(text), ["a.md", "c.svg"]);
    }

    #[test]
    fn generated_chapters_hang_below_compliance() {
        let summary = "- [A](a.md)\n- [Compliance](compliance/index.md)\n- [B](b.md)\n";
        let hung = hang(summary, "  - [RFC 1](compliance/rfc1.md)\n").unwrap();
        assert_eq!(
            hung,
            "- [A](a.md)\n- [Compliance](compliance/index.md)\n  - [RFC 1](compliance/rfc1.md)\n- [B](b.md)\n"
        );
    }
}
