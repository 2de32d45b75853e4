//! Reads what a test binary prints: one line a test.
//!
//! ```text
//!  test association::tests::init_is_resent ... ok
//!  test slow_one ... ignored, a reason
//!  test wire::overflow - should panic ... FAILED
//! ```

use crate::report::Outcome;

/// One test, by the name that `cargo test` prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestLine {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    /// Why it was ignored, where the author said so.
    pub(crate) reason: String,
}

/// All tests in the output of a test binary or of `cargo test --doc`.
pub(crate) fn parse(output: &str) -> Vec<TestLine> {
    output.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<TestLine> {
    let (name, end) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let (outcome, reason) = if end == "ok" || end.starts_with("ok <") {
        (Outcome::Pass, "")
    } else if end == "FAILED" || end.starts_with("FAILED <") {
        (Outcome::Fail, "")
    } else {
        (Outcome::Skip, end.strip_prefix("ignored")?.trim_start_matches(", "))
    };
    Some(TestLine { name: plain(name).to_owned(), outcome, reason: reason.to_owned() })
}

/// The name without the remarks that the harness appends.
fn plain(name: &str) -> &str {
    [" - should panic", " - compile", " - compile fail"]
        .iter()
        .find_map(|remark| name.strip_suffix(remark))
        .unwrap_or(name)
}

/// What the binary printed about its failures.
pub(crate) fn failures(output: &str) -> &str {
    let start = output.find("\nfailures:\n").map_or(0, |at| at + 1);
    let end = output[start..].find("\ntest result:").map_or(output.len(), |at| start + at);
    output[start..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 4 tests
test wire::chunk::tests::a_short_chunk_is_refused ... ok
test every_seed ... ignored, only with --full
test wraps - should panic ... ok
test src/lib.rs - Reader (line 8) ... FAILED

failures:

---- src/lib.rs - Reader (line 8) stdout ----
seed 7

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn every_test_line_is_read() {
        let tests = parse(OUTPUT);
        let short: Vec<_> = tests.iter().map(|test| (test.name.as_str(), test.outcome)).collect();
        assert_eq!(
            short,
            [
                ("wire::chunk::tests::a_short_chunk_is_refused", Outcome::Pass),
                ("every_seed", Outcome::Skip),
                ("wraps", Outcome::Pass),
                ("src/lib.rs - Reader (line 8)", Outcome::Fail),
            ]
        );
        assert_eq!(tests[1].reason, "only with --full");
    }

    #[test]
    fn the_text_of_the_failures_is_kept_and_the_rest_is_not() {
        let text = failures(OUTPUT);
        assert!(text.starts_with("failures:") && text.ends_with("seed 7"), "{text}");
    }

    #[test]
    fn other_lines_that_begin_with_test_are_not_tests() {
        assert!(parse("test result: ok. 0 passed\ntest of something\n").is_empty());
    }
}
