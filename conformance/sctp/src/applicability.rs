//! Which scenarios apply to SCTP over DTLS, decided from their text before they run: none is left out because it
//! fails.

use crate::scenario::{Kind, Scenario, Step};
use crate::text::{self, Node, PacketText};

/// Why a scenario does not apply; `None` if it does.
pub(crate) fn reason(scenario: &Scenario, steps: &[Step]) -> Option<&'static str> {
    let _ = scenario;
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
    let Ok(PacketText::Chunks(nodes)) = text::parse(text) else { return None };
    nodes.iter().find_map(node_reason)
}

fn node_reason(node: &Node) -> Option<&'static str> {
    match node.name.as_str() {
        "HOSTNAME_ADDRESS" => Some("host name addresses: below is one DTLS connection (RFC 8261 §6.1)"),
        "IPV4_ADDRESS" | "IPV6_ADDRESS" => Some("address lists must not be sent over DTLS (RFC 8261 §6.1)"),
        _ => node.nested.iter().find_map(node_reason),
    }
}
