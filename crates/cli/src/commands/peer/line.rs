//! Lines that come in: one JSON object each.

use serde::Deserialize;

use super::payload::Kind;

/// Longest line that is read, in bytes: a hex message of the largest size is half a MiB.
pub(crate) const MAX_LINE_BYTES: u64 = 8 << 20;

/// A channel to be made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Channel {
    pub(crate) ch: String,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) protocol: String,
    #[serde(default = "yes")]
    pub(crate) ordered: bool,
    #[serde(default)]
    pub(crate) max_retransmits: Option<u16>,
    #[serde(default)]
    pub(crate) max_packet_life_time: Option<u16>,
    #[serde(default)]
    pub(crate) negotiated: bool,
    #[serde(default)]
    pub(crate) id: Option<u16>,
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

/// A message to send, or many.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Send {
    pub(crate) ch: String,
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) text: Option<String>,
    #[serde(default)]
    pub(crate) hex: Option<String>,
    #[serde(default)]
    pub(crate) size: usize,
    #[serde(default = "one")]
    pub(crate) count: usize,
    #[serde(default)]
    pub(crate) seed: u32,
}

/// A command or a piece of signalling.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum Line {
    Offer {
        sdp: String,
    },
    Answer {
        sdp: String,
    },
    #[serde(rename_all = "camelCase")]
    Candidate {
        candidate: String,
        #[serde(default)]
        sdp_mid: Option<String>,
        #[serde(default)]
        sdp_m_line_index: Option<u16>,
        #[serde(default)]
        username_fragment: Option<String>,
    },
    EndOfCandidates,
    CreateOffer {
        #[serde(default)]
        channels: Vec<Channel>,
    },
    OpenChannel(Channel),
    Send(Send),
    Sink {
        ch: String,
        count: u64,
    },
    CloseChannel {
        ch: String,
    },
    RestartIce,
    Stats,
    Close,
    Quit,
}

impl Line {
    /// The command's name, for errors.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Offer { .. } => "offer",
            Self::Answer { .. } => "answer",
            Self::Candidate { .. } => "candidate",
            Self::EndOfCandidates => "end-of-candidates",
            Self::CreateOffer { .. } => "create-offer",
            Self::OpenChannel(_) => "open-channel",
            Self::Send(_) => "send",
            Self::Sink { .. } => "sink",
            Self::CloseChannel { .. } => "close-channel",
            Self::RestartIce => "restart-ice",
            Self::Stats => "stats",
            Self::Close => "close",
            Self::Quit => "quit",
        }
    }
}

/// A line that is none: what it seems to be, and why it cannot be that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadLine {
    pub(crate) place: String,
    pub(crate) reason: String,
}

/// Parses one line; blank ones are nothing.
///
/// # Errors
/// [`BadLine`] in words.
pub(crate) fn parse(line: &[u8]) -> Result<Option<Line>, BadLine> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let value: serde_json::Value = serde_json::from_slice(line)
        .map_err(|error| BadLine { place: "json".to_owned(), reason: format!("not JSON: {error}") })?;
    let place = match value.get("type").and_then(serde_json::Value::as_str) {
        Some(name) => name.to_owned(),
        None => "json".to_owned(),
    };
    serde_json::from_value(value).map(Some).map_err(|error| BadLine { place, reason: error.to_string() })
}

/// Bytes of hexadecimal digits.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn hex(text: &str) -> Result<Vec<u8>, String> {
    if !text.len().is_multiple_of(2) {
        return Err("hex: an odd number of digits".to_owned());
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks(2)
        .map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.last()?)?))
        .collect::<Option<_>>()
        .ok_or_else(|| "hex: a character that is no hexadecimal digit".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_the_defaults_of_the_contract() {
        let line = parse(br#"{"type":"open-channel","ch":"c1"}"#).unwrap().unwrap();
        let Line::OpenChannel(channel) = line else { panic!("{line:?}") };
        assert!(channel.ordered && !channel.negotiated);
        assert_eq!((channel.label.as_str(), channel.id), ("", None));
    }

    #[test]
    fn unknown_members_do_not_matter() {
        let text = br#"{"type":"candidate","candidate":"","sdpMid":"0","sdpMLineIndex":0,"foo":1}"#;
        assert!(matches!(parse(text), Ok(Some(Line::Candidate { sdp_m_line_index: Some(0), .. }))));
    }

    #[test]
    fn bad_lines_say_what_and_why() {
        let bad = parse(b"{\"type\":").unwrap_err();
        assert_eq!(bad.place, "json");
        assert!(bad.reason.contains("column"), "{}", bad.reason);
        assert!(parse(br#"{"type":"dance"}"#).unwrap_err().reason.contains("dance"));
        let missing = parse(br#"{"type":"send","kind":"text"}"#).unwrap_err();
        assert_eq!((missing.place.as_str(), missing.reason.contains("ch")), ("send", true));
        assert!(parse(br#"{"sdp":"x"}"#).unwrap_err().reason.contains("type"));
        assert!(parse(b"[1]").is_err());
        assert!(parse(b"\xff").is_err());
        assert_eq!(parse(b" \r\n"), Ok(None));
    }

    #[test]
    fn hex_is_read_or_refused() {
        assert_eq!(hex("00fF"), Ok(vec![0, 255]));
        assert!(hex("0").is_err() && hex("zz").is_err() && hex("\u{e9}").is_err());
    }
}
