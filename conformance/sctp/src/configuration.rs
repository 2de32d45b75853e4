//! The configuration that a scenario assumes: the RFC's own timers, nothing of ours that departs from it.

use std::time::Duration;

use plywood_sctp::Config;
use plywood_sctp::congestion::Algorithm;
use serde_json::Value;

use crate::scenario::{Kind, Scenario, Step};

/// The configuration for a scenario: defaults, its `cfg`, and the socket options that it sets.
pub(crate) fn of(scenario: &Scenario, steps: &[Step]) -> Config {
    let mut config = Config::default();
    config.congestion = Algorithm::NewReno;
    config.initial_packets = None;
    config.rto_initial = Duration::from_secs(1);
    config.rto_min = Duration::from_secs(1);
    config.sack_delay = Duration::from_millis(200);
    // RFC 9260 §6.2: a SACK for every second packet, always.
    config.early_packets = u64::MAX;
    config.heartbeat_interval = None;
    // RFC 9260 §7.2.4 and §6.3: three missing reports, or T3-rtx.
    config.time_based_loss_detection = false;
    config.tail_loss_probes = false;
    config.pacing = false;
    // A window of one size: no updates while it is tuned.
    config.initial_receive_window_bytes = config.receive_window_bytes;
    config.zero_checksum = false;
    config.interleaving = false;
    config.partial_reliability = scenario.setting("sysctl.pr_enable") != Some(0);
    let millis = |name| scenario.setting(name).map(Duration::from_millis);
    config.rto_initial = millis("sysctl.rto_initial").or(millis("rto_ms")).unwrap_or(config.rto_initial);
    config.rto_min = millis("sysctl.rto_min").or(millis("rto_ms")).unwrap_or(config.rto_min);
    config.initial_packets =
        scenario.setting("sysctl.initial_cwnd").and_then(|packets| u16::try_from(packets).ok());
    for step in steps {
        if let Kind::Api(call) = &step.kind
            && let Some(option) = call.get("set")
        {
            set(&mut config, option);
        }
    }
    config
}

fn set(config: &mut Config, option: &Value) {
    let name = option.get("opt").and_then(Value::as_str).unwrap_or_default();
    let value = option.get("val").and_then(Value::as_str).unwrap_or_default();
    let field = |name: &str| -> Option<u64> {
        let rest = &value[value.find(&format!("{name}="))? + name.len() + 1..];
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().filter(|number| *number > 0)
    };
    let millis = |name: &str| field(name).map(Duration::from_millis);
    match name {
        "SCTP_RTOINFO" => {
            config.rto_initial = millis("srto_initial").unwrap_or(config.rto_initial);
            config.rto_min = millis("srto_min").unwrap_or(config.rto_min);
            config.rto_max = millis("srto_max").unwrap_or(config.rto_max);
        }
        "SCTP_INITMSG" => {
            let streams = |name: &str| field(name).and_then(|count| u16::try_from(count).ok());
            config.outbound_streams = streams("sinit_num_ostreams").unwrap_or(config.outbound_streams);
            config.inbound_streams = streams("sinit_max_instreams").unwrap_or(config.inbound_streams);
            if let Some(attempts) = field("sinit_max_attempts") {
                config.max_init_retransmits = u32::try_from(attempts).unwrap_or(u32::MAX);
            }
        }
        "SCTP_INTERLEAVING_SUPPORTED" => config.interleaving = field("assoc_value") == Some(1),
        _ => {}
    }
}
