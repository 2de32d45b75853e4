//! Writing offers and answers, in the order in which Chromium writes them.
//!
//! Problem: an answer must have as many sections as its offer, in the same order, whatever they are.
//! How: the data section is answered; each other section is rejected with port 0 and repeats only what
//! RFC 9429 §5.3.1 asks for: kind, protocol, formats and mid. Nothing that we do not know is ever echoed.

use crate::{
    candidate::{Address, CandidateKind, CandidateLine, Transport},
    data::{DataDescription, SctpForm, form, is_rejected},
    session::{Line, Media, Origin, SessionDescription},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{fmt::Write, net::IpAddr};

impl DataDescription {
    /// This as an offer with one section.
    #[must_use]
    pub fn to_offer(&self) -> String {
        let group = self.bundled.then_some(self.mid.as_str());
        let mut session = self.session(group);
        session.media.push(self.data_section(self.form, Some(&self.mid)));
        session.to_string()
    }

    /// This as the answer to `offer`: its data section gets our values under the offer's mid, every other
    /// section is rejected.
    #[must_use]
    pub fn to_answer(&self, offer: &SessionDescription) -> String {
        let data = offer.media.iter().position(|media| form(media).is_some() && !is_rejected(media));
        let mid = data.and_then(|index| offer.media[index].mid());
        let bundle = offer.bundle().unwrap_or_default();
        let mut session = self.session(mid.filter(|mid| bundle.contains(mid)));
        for (index, media) in offer.media.iter().enumerate() {
            let answer = match form(media) {
                Some(form) if data == Some(index) => self.answered_to(media).data_section(form, mid),
                _ => reject(media),
            };
            session.media.push(answer);
        }
        session.to_string()
    }

    /// Without what only an offer that has it too permits in its answer: `a=tls-id` (RFC 8842 §5.3) and a
    /// whole INIT.
    fn answered_to(&self, offer: &Media) -> Self {
        let mut answer = self.clone();
        answer.tls_id = answer.tls_id.filter(|_| offer.attribute("tls-id").is_some());
        answer.sctp_init = answer.sctp_init.filter(|_| offer.attribute("sctp-init").is_some());
        answer
    }

    fn session(&self, group: Option<&str>) -> SessionDescription {
        let origin = Origin {
            username: "-".to_owned(),
            session_id: self.session_id.to_string(),
            session_version: self.session_version.to_string(),
            network_type: "IN".to_owned(),
            address_type: "IP4".to_owned(),
            address: "127.0.0.1".to_owned(),
        };
        let mut lines = vec![Line::new('s', "-"), Line::new('t', "0 0")];
        if let Some(mid) = group {
            attribute(&mut lines, "group", format!("BUNDLE {mid}"));
        }
        if self.ice_lite {
            lines.push(Line::new('a', "ice-lite"));
        }
        SessionDescription { origin, lines, media: Vec::new() }
    }

    fn data_section(&self, form: SctpForm, mid: Option<&str>) -> Media {
        let (address, port) = self.default_address();
        let sctp_port = self.sctp_port.to_string();
        let mut media = match form {
            SctpForm::Current => Media::new("application", port, "UDP/DTLS/SCTP", &["webrtc-datachannel"]),
            SctpForm::Sctpmap => Media::new("application", port, "DTLS/SCTP", &[&sctp_port]),
        };
        let lines = &mut media.lines;
        let version = if address.is_ipv6() { "IP6" } else { "IP4" };
        lines.push(Line::new('c', format!("IN {version} {address}")));
        lines.extend(self.candidates.iter().map(|candidate| Line::new('a', candidate.to_string())));
        if self.end_of_candidates {
            lines.push(Line::new('a', "end-of-candidates"));
        }
        attribute(lines, "ice-ufrag", &self.ice_ufrag);
        attribute(lines, "ice-pwd", &self.ice_pwd);
        if !self.ice_options.is_empty() {
            attribute(lines, "ice-options", self.ice_options.join(" "));
        }
        for (name, value) in &self.fingerprints {
            attribute(lines, "fingerprint", format!("{name} {}", colon_hex(value)));
        }
        attribute(lines, "setup", self.setup.to_string());
        if let Some(mid) = mid {
            attribute(lines, "mid", mid);
        }
        match form {
            SctpForm::Current => attribute(lines, "sctp-port", sctp_port),
            SctpForm::Sctpmap => attribute(lines, "sctpmap", format!("{sctp_port} webrtc-datachannel 65535")),
        }
        if let Some(bytes) = self.max_message_size {
            attribute(lines, "max-message-size", bytes.to_string());
        }
        if let Some(id) = &self.tls_id {
            attribute(lines, "tls-id", id);
        }
        if let Some(init) = &self.sctp_init {
            attribute(lines, "sctp-init", STANDARD.encode(init));
        }
        media
    }

    /// What `c=` and `m=` show to peers without ICE: the candidate most likely to work (RFC 9429 §5.2.1), or
    /// 0.0.0.0 and the discard port while there is none.
    fn default_address(&self) -> (IpAddr, u16) {
        let usable = self.candidates.iter().filter_map(|candidate| match candidate.address {
            Address::Ip(address) if candidate.transport == Transport::Udp => {
                Some((rank(candidate), address, candidate.port))
            }
            _ => None,
        });
        usable
            .max_by_key(|(rank, ..)| *rank)
            .map_or((IpAddr::from([0, 0, 0, 0]), 9), |(_, address, port)| (address, port))
    }
}

fn rank(candidate: &CandidateLine) -> (u8, u32) {
    let kind = match candidate.kind {
        CandidateKind::Relayed => 3,
        CandidateKind::ServerReflexive => 2,
        CandidateKind::PeerReflexive | CandidateKind::Host => 1,
        CandidateKind::Other(_) => 0,
    };
    (kind, candidate.priority)
}

fn reject(media: &Media) -> Media {
    let formats: Vec<&str> = media.formats.iter().map(String::as_str).collect();
    let mut answer = Media::new(&media.kind, 0, &media.protocol, &formats);
    answer.lines.push(Line::new('c', "IN IP4 0.0.0.0"));
    answer.lines.push(Line::new('a', "inactive"));
    if let Some(mid) = media.mid() {
        attribute(&mut answer.lines, "mid", mid);
    }
    answer
}

fn attribute(lines: &mut Vec<Line>, name: &str, value: impl AsRef<str>) {
    lines.push(Line::new('a', format!("{name}:{}", value.as_ref())));
}

fn colon_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (index, byte) in bytes.iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        let _ = write!(text, "{colon}{byte:02X}"); // a String takes everything
    }
    text
}
