//! What two peers exchange before they can reach each other: descriptions and candidates, with W3C's names.

use crate::peer::SdpKind;

/// A description of one side (W3C `RTCSessionDescription`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// Offer or answer.
    pub kind: SdpKind,
    /// The text, lines ended by CRLF.
    pub sdp: String,
}

impl SessionDescription {
    /// An offer.
    #[must_use]
    pub fn offer(sdp: impl Into<String>) -> Self {
        Self { kind: SdpKind::Offer, sdp: sdp.into() }
    }

    /// An answer.
    #[must_use]
    pub fn answer(sdp: impl Into<String>) -> Self {
        Self { kind: SdpKind::Answer, sdp: sdp.into() }
    }
}

/// A candidate to be signalled, or one that was (W3C `RTCIceCandidateInit`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IceCandidateInit {
    /// `candidate:...`; the empty string says that no more will come.
    pub candidate: String,
    /// The media section by name.
    pub sdp_mid: Option<String>,
    /// The media section by position.
    pub sdp_m_line_index: Option<u16>,
    /// The ICE generation it belongs to; `None` for that of the newest remote description.
    pub username_fragment: Option<String>,
}

impl From<&str> for IceCandidateInit {
    fn from(candidate: &str) -> Self {
        Self { candidate: candidate.to_owned(), ..Self::default() }
    }
}

/// How a channel behaves (W3C `RTCDataChannelInit`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataChannelInit {
    /// Whether messages arrive in the order of sending. Default yes.
    pub ordered: bool,
    /// Give a message up after so many milliseconds. Not together with `max_retransmits`.
    pub max_packet_life_time: Option<u16>,
    /// Give a message up after so many repetitions. Not together with `max_packet_life_time`.
    pub max_retransmits: Option<u16>,
    /// A name that both applications understand; empty by default.
    pub protocol: String,
    /// Both sides make the channel themselves, under the same `id`: nothing is announced.
    pub negotiated: bool,
    /// The stream of a negotiated channel, 0 to 65534; ignored on others.
    pub id: Option<u16>,
    /// Weight beside the other channels (RFC 8831 §6.4): 128 below normal, 256 normal (default), 512 high, 1024 extra high.
    pub priority: u16,
}

impl Default for DataChannelInit {
    fn default() -> Self {
        Self {
            ordered: true,
            max_packet_life_time: None,
            max_retransmits: None,
            protocol: String::new(),
            negotiated: false,
            id: None,
            priority: 256,
        }
    }
}
