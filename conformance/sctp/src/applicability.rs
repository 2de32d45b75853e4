//! Which scenarios apply to SCTP over DTLS, decided before they run: from their text, or by a table of those that are
//! against a rule themselves, each with the rule.

use crate::encode::range;
use crate::packet::u16_at;
use crate::scenario::{Kind, Scenario, Step};
use crate::text::{self, Node, PacketText};

const NAGLE: &str = "its sender holds small packets back; RFC 8831 §6.6 wants that off";
const REPEATS: &str =
    "its sender repeats a chunk upon a SACK that reports no gap (against RFC 9260 §7.2.4, §6.3.3)";
const RULE_8260: &str =
    "its FORWARD-TSN or DATA comes where I-DATA was agreed (against RFC 8260 §2.1, §2.3.1)";
const FRAGMENTS: &str = "neighbouring fragments contradict each other (against RFC 9260 §6.9): here that ends the association at once";

const WINDOW: &str = "two packets leave after T3-rtx before any DATA was acknowledged (against RFC 9260 §7.2.1: one packet until then)";

const SWITCHED_OFF: &str = "an extension that is known and switched off is no unknown parameter (RFC 9260 §3.2.1), as its own INIT ACK has it";

/// Scenarios that want what a rule forbids, or leaves open and the reference decides otherwise.
const BY_ID: &[(&str, &str)] = &[
    (
        "sctp-rt-tests/sctp-rt-i-11-3",
        "repeats to a second address: below is one DTLS connection (RFC 8261 §5)",
    ),
    (
        "sctp-d-tests/sctp-d-v-8-9",
        "its window grows with the cumulative TSN only, as in RFC 4960; RFC 9260 §7.2.1 dropped that condition",
    ),
    (
        "forward-tsn/receiver-side-implementation/receiver-side-implementation-11",
        "its peer uses SSN 1 again after skipping it (against RFC 3758 §3.5 C4)",
    ),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-1", WINDOW),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-1_2", WINDOW),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-1_3", WINDOW),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-2", WINDOW),
    ("forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-1", WINDOW),
    ("forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-2", WINDOW),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-7", REPEATS),
    ("forward-tsn/sender-side-implementation/limited-retransmission/sender-side-implementation-9", REPEATS),
    ("forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-7", REPEATS),
    ("forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-9", REPEATS),
    (
        "forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-6",
        "shuts down before the peer has acknowledged the FORWARD-TSN (against RFC 9260 §9.2)",
    ),
    (
        "forward-tsn/sender-side-implementation/shutdown-received-tests/ttl-policy/shutdown-4",
        "keeps a doubled RTO after a new round trip was measured (against RFC 9260 §6.3.1)",
    ),
    ("i-forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-6", NAGLE),
    ("i-forward-tsn/sender-side-implementation/ttl-policy/sender-side-implementation-7", NAGLE),
    ("forward-tsn/handshake-with-forward-tsn/handshake-with-forward-tsn-3", SWITCHED_OFF),
    ("i-forward-tsn/handshake-with-i-forward-tsn/handshake-with-i-forward-tsn-3", SWITCHED_OFF),
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
        Kind::Other(_) => Some("a packet from another address: below is one DTLS connection (RFC 8261 §5)"),
        Kind::Api(call) if call.contains_key("sctp_connectx") => {
            Some("several addresses of one peer: below is one DTLS connection (RFC 8261 §5)")
        }
        Kind::Api(_) => None,
        Kind::In(text, _) => packet_reason(text),
        Kind::Out(texts, _) => texts.iter().find_map(|text| packet_reason(text)),
    })
}

fn packet_reason(text: &str) -> Option<&'static str> {
    match text::parse(text) {
        Ok(PacketText::Chunks(nodes)) => nodes.iter().find_map(node_reason),
        Ok(PacketText::Raw(bytes)) if bytes.first() != Some(&1) && !is_whole(&bytes) => Some(
            "a chunk that reaches past its packet is dropped (RFC 9260 §6.10), and here an ABORT is wanted",
        ),
        _ => None,
    }
}

/// Whether the bytes are whole chunks.
fn is_whole(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let length = usize::from(u16_at(bytes, 2));
        match bytes.get(length.next_multiple_of(4)..) {
            Some(rest) if length >= 4 => bytes = rest,
            _ => return false,
        }
    }
    true
}

fn node_reason(node: &Node) -> Option<&'static str> {
    if node.list("gaps").iter().any(|gap| range(gap).is_ok_and(|(start, _)| start == 0)) {
        return Some("a gap block cannot begin with 0, which is the cumulative TSN (RFC 9260 §3.3.4)");
    }
    match node.name.as_str() {
        "HOSTNAME_ADDRESS" => Some("host name addresses: below is one DTLS connection (RFC 8261 §6.1)"),
        "IPV4_ADDRESS" | "IPV6_ADDRESS" => Some("address lists must not be sent over DTLS (RFC 8261 §6.1)"),
        _ => node.nested.iter().find_map(node_reason),
    }
}
