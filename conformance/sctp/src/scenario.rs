//! Scenarios as they stand in a file: one JSON object a line.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

/// One scenario.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Scenario {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) cfg: Map<String, Value>,
    steps: Vec<Value>,
}

/// One step.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) time: Time,
    pub(crate) kind: Kind,
}

impl Step {
    /// What may be sent; empty for other steps.
    pub(crate) fn texts(&self) -> &[String] {
        match &self.kind {
            Kind::Out(texts, _) => texts,
            _ => &[],
        }
    }

    /// The same step without waiting.
    pub(crate) fn at_once(&self) -> Self {
        Self { time: Time::Between(Duration::ZERO, Duration::ZERO), kind: self.kind.clone() }
    }
}

/// When: seconds after the step before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Time {
    /// At any time (`*`).
    Any,
    /// Between these (`+0.1~+0.3`); the same twice for `+0.5`.
    Between(Duration, Duration),
}

/// What.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A packet for the implementation, with its option (`(tag=3)`, `(bad_crc32c)`).
    In(String, Option<String>),
    /// The implementation must send one of these now; or may, if the second is set.
    Out(Vec<String>, bool),
    /// A call of the application, with what it must return.
    Api(Map<String, Value>),
    /// What this format cannot say about a DTLS transport.
    Other(String),
}

/// Reads a file; lines that begin with `#` are comments.
pub(crate) fn read(text: &str) -> Result<Vec<Scenario>> {
    let lines =
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| serde_json::from_str(line).with_context(|| format!("line {}", number + 1)))
        .collect()
}

impl Scenario {
    /// The steps; an error names the first that is not of the format.
    pub(crate) fn steps(&self) -> Result<Vec<Step>, String> {
        self.steps.iter().map(|step| read_step(step).ok_or_else(|| format!("the step {step}"))).collect()
    }

    /// How far from its time a packet may leave.
    pub(crate) fn tolerance(&self) -> Duration {
        Duration::from_micros(self.cfg.get("tolerance_usecs").and_then(Value::as_u64).unwrap_or(4000))
    }

    /// A number of the configuration, whether written as a number or as text.
    pub(crate) fn setting(&self, name: &str) -> Option<u64> {
        let value = self.cfg.get(name)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }
}

fn read_step(step: &Value) -> Option<Step> {
    let step = step.as_array()?;
    let time = read_time(step.first()?.as_str()?)?;
    let what = step.get(2)?;
    let text = || what.as_str().map(str::to_owned);
    let kind = match step.get(1)?.as_str()? {
        "in" => Kind::In(text()?, step.get(3).and_then(Value::as_str).map(str::to_owned)),
        "out" => Kind::Out(vec![text()?], false),
        "out_optional" => Kind::Out(vec![text()?], true),
        "out_one_of" => {
            let choices = what.as_array()?.iter().map(|choice| choice.as_str().map(str::to_owned));
            Kind::Out(choices.collect::<Option<_>>()?, false)
        }
        "api" => Kind::Api(what.as_object()?.clone()),
        _ => Kind::Other(what.to_string()),
    };
    Some(Step { time, kind })
}

fn read_time(text: &str) -> Option<Time> {
    if text == "*" {
        return Some(Time::Any);
    }
    let seconds = |text: &str| Duration::try_from_secs_f64(text.trim_start_matches('+').parse().ok()?).ok();
    let (from, to) = text.split_once('~').unwrap_or((text, text));
    Some(Time::Between(seconds(from)?, seconds(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_all_forms() {
        let ms = Duration::from_millis;
        assert_eq!(read_time("+0.5"), Some(Time::Between(ms(500), ms(500))));
        assert_eq!(read_time("+0.1~+0.3"), Some(Time::Between(ms(100), ms(300))));
        assert_eq!(read_time("*"), Some(Time::Any));
        assert_eq!(read_time("soon"), None);
    }

    #[test]
    fn comments_and_empty_lines_are_skipped_and_a_bad_line_is_named() {
        let read =
            read("# no\n\n{\"id\":\"a\",\"steps\":[[\"+0.0\",\"in\",\"COOKIE_ACK[flgs=0]\"]]}\n").unwrap();
        assert_eq!(read[0].steps().unwrap().len(), 1);
        assert!(format!("{:#}", super::read("{}\n{").unwrap_err()).contains("line 1"));
    }
}
