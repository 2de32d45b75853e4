//! States and stages as the outputs of every command name them.

use std::time::Duration;

use plywood::{ConnectionState, Stage};
use serde_json::{Value, json};

/// W3C's word for a state.
pub(crate) fn state(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::New => "new",
        ConnectionState::Connecting => "connecting",
        ConnectionState::Connected => "connected",
        ConnectionState::Disconnected => "disconnected",
        ConnectionState::Failed => "failed",
        ConnectionState::Closed => "closed",
    }
}

/// Milliseconds with a fraction.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// A stage of a timeline: time since the start, packets since the stage before.
pub(crate) fn stage(stage: &Stage) -> Value {
    json!({ "name": stage.name.as_str(), "ms": milliseconds(stage.at), "packets": stage.packets })
}
