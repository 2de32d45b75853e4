//! What a scenario says: a path, and what travels over it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use plywood_simnet::{LinkConfig, Loss};
use serde::Deserialize;

/// Scenarios that are part of the program: name and text.
pub(super) const BUILT_IN: [(&str, &str); 1] = [("lossy", include_str!("../../../scenarios/lossy.toml"))];

/// A scenario file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Scenario {
    /// One sentence for people.
    pub(super) about: String,
    /// There and back, without queues.
    pub(super) round_trip_ms: f64,
    /// Each datagram is late by up to this much more.
    pub(super) jitter_ms: f64,
    /// Probability of loss, 0 to 1, each way.
    pub(super) loss: f64,
    /// Probability of a second copy.
    pub(super) duplicate: f64,
    /// Probability of being overtaken.
    pub(super) reorder: f64,
    /// Rate of the path; none: unlimited.
    pub(super) rate_mbit: Option<f64>,
    /// Messages on each channel, from left to right.
    pub(super) messages: u32,
    /// Size of each.
    pub(super) message_bytes: usize,
    /// Reliable channels, by turns ordered and unordered.
    pub(super) channels: u16,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            about: String::new(),
            round_trip_ms: 20.0,
            jitter_ms: 0.0,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            rate_mbit: None,
            messages: 16,
            message_bytes: 16_384,
            channels: 1,
        }
    }
}

impl Scenario {
    /// By name, or from a file.
    ///
    /// # Errors
    /// No such scenario; or what is wrong with the file, with its line.
    pub(super) fn load(name: &str) -> anyhow::Result<Self> {
        let text = match BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            Some((_, text)) => (*text).to_owned(),
            None => std::fs::read_to_string(name).with_context(|| {
                format!("{name} is neither a scenario (see --list) nor a file that can be read")
            })?,
        };
        Self::parse(&text).with_context(|| format!("scenario {name}"))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        for (what, value) in
            [("loss", scenario.loss), ("duplicate", scenario.duplicate), ("reorder", scenario.reorder)]
        {
            ensure!((0.0..=1.0).contains(&value), "{what} is a probability: 0 to 1, not {value}");
        }
        for (what, value) in [("round_trip_ms", scenario.round_trip_ms), ("jitter_ms", scenario.jitter_ms)] {
            ensure!((0.0..=60_000.0).contains(&value), "{what} is 0 to 60000, not {value}");
        }
        if let Some(rate) = scenario.rate_mbit {
            ensure!((0.001..=100_000.0).contains(&rate), "rate_mbit is 0.001 to 100000, not {rate}");
        }
        ensure!((1..=64).contains(&scenario.channels), "channels are 1 to 64");
        ensure!(scenario.message_bytes <= 262_144, "message_bytes is at most 262144");
        ensure!(scenario.messages <= 100_000, "messages are at most 100000");
        Ok(scenario)
    }

    /// One direction of the path.
    pub(super) fn link(&self) -> LinkConfig {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked by parse: 1000 to 10^11"
        )]
        let rate_bits = self.rate_mbit.map(|mbit| (mbit * 1e6) as u64);
        LinkConfig {
            delay: Duration::from_secs_f64(self.round_trip_ms / 2e3),
            jitter: Duration::from_secs_f64(self.jitter_ms / 1e3),
            loss: if self.loss == 0.0 { Loss::None } else { Loss::Random(self.loss) },
            duplicate: self.duplicate,
            reorder: self.reorder,
            rate_bits,
            ..LinkConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_scenario_parses_and_says_what_it_is() {
        for (name, text) in BUILT_IN {
            assert!(!Scenario::parse(text).unwrap().about.is_empty(), "{name}");
        }
    }

    #[test]
    fn wrong_files_are_refused_with_the_place() {
        let error = |text| format!("{:#}", Scenario::parse(text).unwrap_err());
        assert!(error("loss = 2.0").contains("probability"));
        assert!(error("about = 'x'\nlos = 0.1").contains("los"));
        assert!(error("messages = ").contains("line 1"));
        assert!(error("jitter_ms = nan").contains("jitter_ms"));
    }
}
