//! SDP (RFC 8866): the text model, and offers and answers for data channels as browsers write them.
//!
//! Problem: two peers that want a connection first exchange a page of text through somebody else. The text
//! has thirty years of history in it; of all that, a data-channel peer needs a dozen lines.
//! How: two levels. [`SessionDescription`] is any SDP as lines, in order, written back as read.
//! [`DataDescription`] is what the data section of it says: where the peer is (ICE), who it is
//! (fingerprint), who begins the DTLS handshake (setup), and how large a message may be.
//!
//! ```text
//!   v=0 o=- 42 2 IN IP4 127.0.0.1 s=- t=0 0      the session: numbers, no meaning for us
//!   a=group:BUNDLE 0                             sections that share one transport
//!   m=application 9 UDP/DTLS/SCTP webrtc-datachannel
//!   a=ice-ufrag, a=ice-pwd, a=candidate          RFC 8839: how to reach the peer
//!   a=fingerprint, a=setup                       RFC 8122, 8842: who it is, who is the DTLS client
//!   a=sctp-port, a=max-message-size              RFC 8841: the association inside
//! ```
//!
//! ```
//! use plywood_sdp::{DataDescription, SessionDescription, Setup};
//!
//! let ours = DataDescription {
//!     session_id: 42,
//!     ice_ufrag: "0KZg".into(),
//!     ice_pwd: "8Ie4F8/Q9YjX0FEtG3vu0VvU".into(),
//!     fingerprints: vec![("sha-256".into(), vec![0xab; 32])],
//!     max_message_size: Some(262_144),
//!     ..DataDescription::default()
//! };
//! let offer = ours.to_offer();
//!
//! // The other side:
//! let theirs = DataDescription::parse_offer(&offer)?;
//! assert_eq!((theirs.setup, theirs.sctp_port), (Setup::ActPass, 5000));
//! let answer = DataDescription { setup: Setup::Active, ..ours.clone() }.to_answer(&offer.parse()?);
//!
//! let accepted = DataDescription::parse_answer(&answer, &ours)?;
//! assert_eq!(accepted.setup, Setup::Active);
//! # let _: SessionDescription = answer.parse()?;
//! # Ok::<(), plywood_sdp::ParseError>(())
//! ```
//!
//! More: RFC 8866, 8839, 8841, 8842, 9143, 9429; docs/sdp.md.

mod candidate;
mod data;
mod error;
mod session;
mod write;

pub use candidate::{Address, CandidateKind, CandidateLine, TcpType, Transport};
pub use data::{DataDescription, SctpForm, Setup};
pub use error::{CandidateError, ParseError, ParseError as Error, Reason};
pub use session::{Line, MAX_BYTES, MAX_LINE_BYTES, MAX_MEDIA, Media, Origin, SessionDescription};
