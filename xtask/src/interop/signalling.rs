//! The signalling server in the middle: carries descriptions and candidates, and can bend them.

use serde_json::{Value, json};

/// What the runner does to the signalling of one session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    /// Candidates travel inside the descriptions.
    pub(crate) full: bool,
    /// `a=setup` of the offer.
    pub(crate) offered_setup: Option<&'static str>,
    /// The type of the description whose fingerprint is made wrong.
    pub(crate) wrong_fingerprint: Option<&'static str>,
    /// Only candidates whose address is IPv6.
    pub(crate) only_ipv6: bool,
    /// The path loses so many of a thousand datagrams each way.
    pub(crate) lossy: Option<u64>,
}

/// The way of one direction.
#[derive(Debug, Default)]
pub(crate) struct Relay {
    held: Option<Value>,
    candidates: Vec<String>,
}

impl Relay {
    /// What goes to the other side because of this event; empty for an event that is not signalling.
    pub(crate) fn carry(&mut self, policy: &Policy, event: &Value) -> Vec<Value> {
        match event["type"].as_str().unwrap_or_default() {
            "offer" | "answer" => {
                let bent = bend(policy, event);
                if policy.full {
                    self.held = Some(bent);
                    self.candidates.clear();
                    Vec::new()
                } else {
                    vec![bent]
                }
            }
            "candidate" => {
                let line = event["candidate"].as_str().unwrap_or_default();
                if policy.only_ipv6 && !is_ipv6(line) {
                    return Vec::new();
                }
                if policy.full {
                    self.candidates.push(line.to_owned());
                    return Vec::new();
                }
                vec![event.clone()]
            }
            "end-of-candidates" if policy.full => self.complete().into_iter().collect(),
            "end-of-candidates" => vec![event.clone()],
            _ => Vec::new(),
        }
    }

    /// The held description with all candidates at its end.
    fn complete(&mut self) -> Option<Value> {
        let mut description = self.held.take()?;
        let mut sdp = description["sdp"].as_str().unwrap_or_default().to_owned();
        if !sdp.contains("a=end-of-candidates") {
            for candidate in self.candidates.drain(..) {
                // A peer may have written it into the description already.
                if !sdp.contains(&candidate) {
                    sdp += &format!("a={candidate}\r\n");
                }
            }
            sdp += "a=end-of-candidates\r\n";
        }
        description["sdp"] = json!(sdp);
        Some(description)
    }
}

/// The description as the other side will see it.
fn bend(policy: &Policy, description: &Value) -> Value {
    let kind = description["type"].as_str().unwrap_or_default();
    let sdp = description["sdp"].as_str().unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    for line in sdp.lines() {
        if policy.only_ipv6 && line.starts_with("a=candidate:") && !is_ipv6(line) {
            continue;
        }
        lines.push(match policy.offered_setup {
            Some(setup) if kind == "offer" && line.starts_with("a=setup:") => format!("a=setup:{setup}"),
            _ if policy.wrong_fingerprint == Some(kind) && line.starts_with("a=fingerprint:") => wrong(line),
            _ => line.to_owned(),
        });
    }
    json!({"type": kind, "sdp": lines.join("\r\n") + "\r\n"})
}

/// The same fingerprint with another first digit.
fn wrong(line: &str) -> String {
    let at = line.rfind(' ').map_or(0, |space| space + 1);
    let digit = if line[at..].starts_with('0') { "1" } else { "0" };
    format!("{}{digit}{}", &line[..at], &line[at + 1..])
}

/// `candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT ..`
fn is_ipv6(candidate: &str) -> bool {
    candidate.split(' ').nth(4).is_some_and(|address| address.contains(':'))
}

/// The value of an attribute, wherever in the description it stands.
pub(crate) fn attribute<'s>(sdp: &'s str, name: &str) -> Option<&'s str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

/// The largest message that the author of this description takes; 65536 if it does not say, `None` for no limit.
pub(crate) fn max_message_size(sdp: &str) -> Option<u64> {
    let said = attribute(sdp, "max-message-size").and_then(|value| value.parse().ok());
    said.map_or(Some(65536), |size: u64| (size != 0).then_some(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\na=setup:actpass\r\na=fingerprint:sha-256 0A:1B\r\na=ice-ufrag:abcd\r\na=max-message-size:262144\r\n";
    const V4: &str = "candidate:1 1 udp 2113937151 192.0.2.2 46195 typ host";
    const V6: &str = "candidate:2 1 udp 2113942271 fd00::2 40440 typ host";

    fn candidate(line: &str) -> Value {
        json!({"type": "candidate", "candidate": line, "sdpMid": "0"})
    }

    #[test]
    fn a_plain_relay_changes_nothing() {
        let mut relay = Relay::default();
        let offer = json!({"type": "offer", "sdp": OFFER});
        assert_eq!(relay.carry(&Policy::default(), &offer), [offer]);
        assert_eq!(relay.carry(&Policy::default(), &candidate(V4)), [candidate(V4)]);
        assert!(relay.carry(&Policy::default(), &json!({"type": "open"})).is_empty());
    }

    #[test]
    fn in_full_mode_the_description_waits_for_its_candidates() {
        let policy = Policy { full: true, ..Policy::default() };
        let mut relay = Relay::default();
        assert!(relay.carry(&policy, &json!({"type": "offer", "sdp": OFFER})).is_empty());
        assert!(relay.carry(&policy, &candidate(V4)).is_empty());
        let out = relay.carry(&policy, &json!({"type": "end-of-candidates"}));
        let sdp = out[0]["sdp"].as_str().unwrap();
        assert!(sdp.ends_with(&format!("a={V4}\r\na=end-of-candidates\r\n")), "{sdp}");
    }

    #[test]
    fn setup_and_fingerprint_are_bent_where_asked() {
        let policy =
            Policy { offered_setup: Some("active"), wrong_fingerprint: Some("offer"), ..Policy::default() };
        let out = Relay::default().carry(&policy, &json!({"type": "offer", "sdp": OFFER}));
        let sdp = out[0]["sdp"].as_str().unwrap();
        assert_eq!(attribute(sdp, "setup"), Some("active"));
        assert_eq!(attribute(sdp, "fingerprint"), Some("sha-256 1A:1B"));
        let answer = json!({"type": "answer", "sdp": OFFER});
        assert_eq!(Relay::default().carry(&policy, &answer), [answer]);
    }

    #[test]
    fn only_ipv6_lets_only_ipv6_through() {
        let policy = Policy { only_ipv6: true, ..Policy::default() };
        let mut relay = Relay::default();
        assert!(relay.carry(&policy, &candidate(V4)).is_empty());
        assert_eq!(relay.carry(&policy, &candidate(V6)).len(), 1);
    }

    #[test]
    fn an_absent_maximum_is_65536_and_zero_is_none() {
        assert_eq!(max_message_size(OFFER), Some(262_144));
        assert_eq!(max_message_size("v=0\r\n"), Some(65536));
        assert_eq!(max_message_size("a=max-message-size:0\r\n"), None);
    }
}
