//! What the data section of a description says, and the rules for reading it.
//!
//! Problem: the same fact stands at different places. Firefox writes fingerprint and ICE options for the
//! whole session, Chromium for each section; a bundled section may lean on the first of its group; old peers
//! name the association on the `m=` line.
//! How: each attribute is looked up in the data section, then (if bundled) in the section that leads the
//! group, then at session level. What is missing has the default of its RFC, or is an error with its name.
//!
//! More: RFC 8841 (SCTP), RFC 8842 (DTLS), RFC 8839 (ICE), RFC 9143 (BUNDLE); docs/sdp.md.

use crate::{
    candidate::CandidateLine,
    error::{ParseError, Reason},
    session::{Line, Media, SessionDescription, attributes, find, number},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt;

/// Who begins the DTLS handshake (RFC 4145 §4, RFC 8842 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Who writes this sends the ClientHello.
    Active,
    /// Who writes this waits for one.
    Passive,
    /// Who answers may choose; in offers.
    ActPass,
    /// Not now. Of no use here.
    HoldConn,
}

impl Setup {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "active" => Some(Self::Active),
            "passive" => Some(Self::Passive),
            "actpass" => Some(Self::ActPass),
            "holdconn" => Some(Self::HoldConn),
            _ => None,
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
            Self::HoldConn => "holdconn",
        })
    }
}

/// How the association stands on the `m=` line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SctpForm {
    /// `UDP/DTLS/SCTP webrtc-datachannel` and `a=sctp-port` (RFC 8841).
    #[default]
    Current,
    /// `DTLS/SCTP 5000` and `a=sctpmap`, before the RFC.
    Sctpmap,
}

/// What a data-only peer says or hears in a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDescription {
    /// Numbers the session; 2^64-1 stands for anything larger.
    pub session_id: u64,
    /// Grows with each description of a session.
    pub session_version: u64,
    /// Names the section.
    pub mid: String,
    /// Which section of the description this is, from 0.
    pub section: usize,
    /// Whether the section is in a BUNDLE group.
    pub bundled: bool,
    /// How the `m=` line is written.
    pub form: SctpForm,
    /// The user name fragment, 4 to 256 characters.
    pub ice_ufrag: String,
    /// The password, 22 to 256 characters.
    pub ice_pwd: String,
    /// `trickle`, `renomination`, ..
    pub ice_options: Vec<String>,
    /// The peer only answers checks.
    pub ice_lite: bool,
    /// Hash name in lower case, and the value. At least one; whether one is usable is for DTLS to say.
    pub fingerprints: Vec<(String, Vec<u8>)>,
    /// Who begins the DTLS handshake.
    pub setup: Setup,
    /// The association's port, inside DTLS.
    pub sctp_port: u16,
    /// The longest message that this side takes, in bytes: absent means 65536, 0 any (RFC 8841 §6.1).
    pub max_message_size: Option<u64>,
    /// Candidates known so far.
    pub candidates: Vec<CandidateLine>,
    /// No more will follow.
    pub end_of_candidates: bool,
    /// A whole INIT chunk (SNAP); both sides must have one.
    pub sctp_init: Option<Vec<u8>>,
    /// Changes with each new DTLS association (RFC 8842 §4).
    pub tls_id: Option<String>,
}

impl Default for DataDescription {
    /// An offer's usual values, without credentials and fingerprint: those must be filled in.
    fn default() -> Self {
        Self {
            session_id: 0,
            session_version: 2,
            mid: "0".to_owned(),
            section: 0,
            bundled: true,
            form: SctpForm::Current,
            ice_ufrag: String::new(),
            ice_pwd: String::new(),
            ice_options: vec!["trickle".to_owned()],
            ice_lite: false,
            fingerprints: Vec::new(),
            setup: Setup::ActPass,
            sctp_port: 5000,
            max_message_size: None,
            candidates: Vec::new(),
            end_of_candidates: false,
            sctp_init: None,
            tls_id: None,
        }
    }
}

impl DataDescription {
    /// Reads the data section of an offer.
    ///
    /// # Errors
    /// [`ParseError`] names the line and the reason.
    pub fn parse_offer(text: &str) -> Result<Self, ParseError> {
        Self::from_offer(&SessionDescription::parse(text)?)
    }

    /// Reads the data section of an offer that was parsed already: the first one that is not rejected.
    ///
    /// # Errors
    /// [`ParseError`] names the line and the reason.
    pub fn from_offer(session: &SessionDescription) -> Result<Self, ParseError> {
        check_mids(session)?;
        let is_usable = |media: &&Media| form(media).is_some() && !is_rejected(media);
        let section = session
            .media
            .iter()
            .position(|media| is_usable(&media))
            .ok_or(ParseError::new(0, Reason::NoDataSection))?;
        let found = Section::new(session, section)?.read(Setup::Active)?;
        match found.setup {
            // Nothing can be connected with it (RFC 8842 §5.1).
            Setup::HoldConn => Err(ParseError::new(0, Reason::Setup(Setup::HoldConn))),
            Setup::Active | Setup::Passive | Setup::ActPass => Ok(found),
        }
    }

    /// Reads the answer to `offer`.
    ///
    /// # Errors
    /// [`ParseError`] names the line and the reason, such as [`Reason::Rejected`].
    pub fn parse_answer(text: &str, offer: &Self) -> Result<Self, ParseError> {
        let session = SessionDescription::parse(text)?;
        check_mids(&session)?;
        let media = session
            .media
            .get(offer.section)
            .ok_or(ParseError::new(0, Reason::MissingSection(offer.section)))?;
        if media.mid().is_some_and(|mid| mid != offer.mid) {
            return Err(ParseError::new(media.number(), Reason::MidMismatch));
        }
        if media.port == 0 {
            return Err(ParseError::new(media.number(), Reason::Rejected));
        }
        // Without the attribute, who answers waits (RFC 4145 §4).
        let mut answer = Section::new(&session, offer.section)?.read(Setup::Passive)?;
        answer.mid.clone_from(&offer.mid);
        let fits = match answer.setup {
            Setup::Active => matches!(offer.setup, Setup::ActPass | Setup::Passive),
            Setup::Passive => matches!(offer.setup, Setup::ActPass | Setup::Active),
            Setup::ActPass | Setup::HoldConn => false,
        };
        if fits { Ok(answer) } else { Err(ParseError::new(0, Reason::Setup(answer.setup))) }
    }
}

/// The form of a data section; `None` for any other section.
pub(crate) fn form(media: &Media) -> Option<SctpForm> {
    if media.kind != "application" {
        return None;
    }
    match media.protocol.as_str() {
        "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP" => {
            media.formats.iter().any(|format| format == "webrtc-datachannel").then_some(SctpForm::Current)
        }
        "DTLS/SCTP" => Some(SctpForm::Sctpmap),
        _ => None,
    }
}

/// Port 0 rejects a section, unless it only waits to be bundled (RFC 9143 §6).
pub(crate) fn is_rejected(media: &Media) -> bool {
    media.port == 0 && media.attribute("bundle-only").is_none()
}

fn check_mids(session: &SessionDescription) -> Result<(), ParseError> {
    let mut seen = Vec::new();
    for media in &session.media {
        if let Some((mid, line)) = find(&media.lines, "mid") {
            if seen.contains(&mid) {
                return Err(ParseError::new(line, Reason::DuplicateMid));
            }
            seen.push(mid);
        }
    }
    Ok(())
}

/// The data section with the places where its attributes may stand.
struct Section<'a> {
    session: &'a SessionDescription,
    media: &'a Media,
    index: usize,
    form: SctpForm,
    bundled: bool,
    /// The section that leads the BUNDLE group, if that is another.
    leader: Option<&'a Media>,
}

impl<'a> Section<'a> {
    fn new(session: &'a SessionDescription, index: usize) -> Result<Self, ParseError> {
        let media = session.media.get(index).ok_or(ParseError::new(0, Reason::MissingSection(index)))?;
        let form = form(media).ok_or(ParseError::new(media.number(), Reason::NoDataSection))?;
        let group = session.bundle().unwrap_or_default();
        let bundled = media.mid().is_some_and(|mid| group.contains(&mid));
        let leader = group
            .first()
            .filter(|_| bundled)
            .and_then(|mid| session.media.iter().find(|media| media.mid() == Some(mid)))
            .filter(|leader| !std::ptr::eq(*leader, media));
        Ok(Self { session, media, index, form, bundled, leader })
    }

    /// The lines to look at, the most specific first.
    fn levels(&self) -> impl Iterator<Item = &'a [Line]> {
        let leader = self.leader.map(|leader| &leader.lines[..]);
        [Some(&self.media.lines[..]), leader, Some(&self.session.lines[..])].into_iter().flatten()
    }

    fn find(&self, name: &'static str) -> Option<(&'a str, usize)> {
        self.levels().find_map(|lines| find(lines, name))
    }

    fn read(&self, default_setup: Setup) -> Result<DataDescription, ParseError> {
        let origin = &self.session.origin;
        let candidates = self.media_or_leader("candidate");
        Ok(DataDescription {
            session_id: origin.session_id.parse().unwrap_or(u64::MAX),
            session_version: origin.session_version.parse().unwrap_or(u64::MAX),
            mid: self.media.mid().unwrap_or("0").to_owned(),
            section: self.index,
            bundled: self.bundled,
            form: self.form,
            ice_ufrag: self.credential("ice-ufrag", 4)?,
            ice_pwd: self.credential("ice-pwd", 22)?,
            ice_options: self.ice_options(),
            ice_lite: self.session.attribute("ice-lite").is_some(),
            fingerprints: self.fingerprints()?,
            setup: self.setup()?.unwrap_or(default_setup),
            sctp_port: self.sctp_port()?,
            max_message_size: self.max_message_size()?,
            candidates: attributes(candidates, "candidate").map(read_candidate).collect::<Result<_, _>>()?,
            end_of_candidates: self.find("end-of-candidates").is_some(),
            sctp_init: self.media.attribute("sctp-init").and_then(|text| STANDARD.decode(text.trim()).ok()),
            tls_id: self.media.attribute("tls-id").map(str::to_owned),
        })
    }

    /// The lines of the section, or those of its leader if only they have the attribute.
    fn media_or_leader(&self, name: &'static str) -> &'a [Line] {
        match self.leader {
            Some(leader) if find(&self.media.lines, name).is_none() => &leader.lines,
            _ => &self.media.lines,
        }
    }

    fn credential(&self, name: &'static str, shortest: usize) -> Result<String, ParseError> {
        let missing = ParseError::new(self.media.number(), Reason::Missing(name));
        let (value, line) = self.find(name).ok_or(missing)?;
        let fits =
            (shortest..=256).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(value.to_owned()) } else { Err(ParseError::new(line, Reason::Attribute(name))) }
    }

    fn ice_options(&self) -> Vec<String> {
        let mut options: Vec<String> = Vec::new();
        for lines in self.levels() {
            for (value, _) in attributes(lines, "ice-options") {
                for word in value.split_ascii_whitespace() {
                    if !options.iter().any(|known| known == word) {
                        options.push(word.to_owned());
                    }
                }
            }
        }
        options
    }

    /// Those of the most specific level that has any (RFC 8122 §5).
    fn fingerprints(&self) -> Result<Vec<(String, Vec<u8>)>, ParseError> {
        for lines in self.levels() {
            let found: Vec<_> =
                attributes(lines, "fingerprint").map(read_fingerprint).collect::<Result<_, _>>()?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Err(ParseError::new(self.media.number(), Reason::Missing("fingerprint")))
    }

    fn setup(&self) -> Result<Option<Setup>, ParseError> {
        let Some((value, line)) = self.find("setup") else { return Ok(None) };
        let setup = Setup::from_word(value.trim());
        setup.map(Some).ok_or(ParseError::new(line, Reason::Attribute("setup")))
    }

    /// RFC 8841 §5.1 has no default; 5000 is what everybody means.
    fn sctp_port(&self) -> Result<u16, ParseError> {
        let (port, line) = match self.form {
            SctpForm::Current => match find(&self.media.lines, "sctp-port") {
                Some(found) => found,
                None => return Ok(5000),
            },
            SctpForm::Sctpmap => match self.media.formats.first() {
                Some(format) => (format.as_str(), self.media.number()),
                None => return Ok(5000),
            },
        };
        let error = ParseError::new(line, Reason::Attribute("sctp-port"));
        number(port.trim()).filter(|port| *port != 0).ok_or(error)
    }

    fn max_message_size(&self) -> Result<Option<u64>, ParseError> {
        let Some((value, line)) = find(&self.media.lines, "max-message-size") else { return Ok(None) };
        let value = value.trim();
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseError::new(line, Reason::Attribute("max-message-size")));
        }
        Ok(Some(value.parse().unwrap_or(u64::MAX)))
    }
}

fn read_candidate((value, line): (&str, usize)) -> Result<CandidateLine, ParseError> {
    CandidateLine::parse(value).map_err(|error| ParseError::new(line, Reason::Candidate(error)))
}

/// `sha-256 AB:CD:..`; the value may be in either case, the hash name too.
fn read_fingerprint((value, line): (&str, usize)) -> Result<(String, Vec<u8>), ParseError> {
    let error = || ParseError::new(line, Reason::Attribute("fingerprint"));
    let (name, digits) = value.trim().split_once(' ').ok_or_else(error)?;
    let bytes: Option<Vec<u8>> = digits.trim().split(':').map(hex_byte).collect();
    Ok((name.to_ascii_lowercase(), bytes.ok_or_else(error)?))
}

fn hex_byte(text: &str) -> Option<u8> {
    let is_byte = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_byte.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}
