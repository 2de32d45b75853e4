//! Which scenarios apply to SCTP over DTLS, decided before they run: from their text, or by a table of those that are
//! against a rule themselves, each with the rule.

use crate::scenario::{Kind, Scenario, Step};

const NAGLE: &str = "its sender holds small packets back; RFC 8831 §6.6 wants that off";
const REPEATS: &str =
    "its sender repeats a chunk upon a SACK that reports no gap (against RFC 9260 §7.2.4, §6.3.3)";
const RULE_8260: &str = "sends DATA or FORWARD-TSN though both ends listed I-DATA: I-DATA must be used then, with I-FORWARD-TSN or without partial reliability, and FORWARD-TSN answered with ABORT (RFC 8260 §2.2.1, §2.3.1)";
const FRAGMENTS: &str = "fragments of one message carry different SSNs (against RFC 9260 §6.9), and what the receiver does is left open: here it is an ABORT, as in the neighbouring scenarios; this one keeps silent";
const WINDOW: &str = "two packets leave after T3-rtx although nothing but abandoned chunks was acknowledged since (against RFC 3758 §3.5 A2, RFC 9260 §7.2.3: one packet)";
const BROKEN: &str = "wants an ABORT for what is no whole chunk; RFC 9260 §6.10 has it dropped";

/// Scenarios that want what a rule forbids, or what the RFC leaves open and the reference decides otherwise.
const BY_ID: &[(&str, &str)] = &[
    (
        "sctp-as-tests/sctp-as-o-1-9-2",
        "a restart with another address must be refused, but below is one DTLS connection and no address is known (RFC 8261 §6.1)",
    ),
    (
        "sctp-rt-tests/sctp-rt-i-11-3",
        "repeats to a second address: below is one DTLS connection (RFC 8261 §6.1)",
    ),
    (
        "sctp-d-tests/sctp-d-v-8-9",
        "its window grows with the cumulative TSN only, as in RFC 4960; RFC 9260 §7.2.1 dropped that condition",
    ),
    ("forward-tsn/error-cases/forward-tsn-tlv-too-long", BROKEN),
    ("forward-tsn/error-cases/forward-tsn-tlv-too-short", BROKEN),
    ("i-forward-tsn/error-cases/i-forward-tsn-tlv-too-short", BROKEN),
    (
        "forward-tsn/receiver-side-implementation/receiver-side-implementation-11",
        "its peer uses SSN 1 again after skipping it (against RFC 3758 §3.5 C4, RFC 9260 §6.6)",
    ),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-1", WINDOW),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-1_2", WINDOW),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-1_3", WINDOW),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-2", WINDOW),
    ("forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-1", WINDOW),
    ("forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-2", WINDOW),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-7", REPEATS),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-9", NAGLE),
    ("forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-7", REPEATS),
    ("forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-9", NAGLE),
    (
        "forward-tsn/sender-side-implementation/shutdown-received-tests/ttl-policy/shutdown-4",
        "keeps a doubled RTO after a new round trip was measured (against RFC 9260 §6.3.1)",
    ),
    ("i-forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-6", NAGLE),
    ("i-forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-7", NAGLE),
    ("i-forward-tsn/handshake-with-i-forward-tsn/handshake-with-i-forward-tsn-9", RULE_8260),
    ("i-forward-tsn/handshake-with-i-forward-tsn/handshake-with-i-forward-tsn-14", RULE_8260),
    ("i-forward-tsn/receiver-side-implementation/packet-loss/ordered/ordered-packet-loss-5", RULE_8260),
];

/// Scenarios of this group end with an ABORT for contradicting fragments, or, where their text has none, in silence.
const CONTRADICTIONS: &str = "forward-tsn/error-cases/packet-loss/ordered/";

/// Why a scenario does not apply; `None` if it does.
pub(crate) fn reason(scenario: &Scenario, steps: &[Step]) -> Option<&'static str> {
    if let Some((_, reason)) = BY_ID.iter().find(|(id, _)| *id == scenario.id) {
        return Some(reason);
    }
    let wants_abort = steps.iter().flat_map(Step::texts).any(|text| text.starts_with("ABORT"));
    if scenario.id.starts_with(CONTRADICTIONS) && !wants_abort {
        return Some(FRAGMENTS);
    }
    steps.iter().find_map(|step| match &step.kind {
        Kind::Other(_) => Some("a packet from another address: below is one DTLS connection (RFC 8261 §6.1)"),
        Kind::Api(call) if call.contains_key("sctp_connectx") => {
            Some("several addresses of one peer: below is one DTLS connection (RFC 8261 §6.1)")
        }
        Kind::Api(_) | Kind::In(..) | Kind::Out(..) => None,
    })
}
