//! Any session description, as lines (RFC 8866 §5).
//!
//! Problem: a description holds much that we do not know, and an answer must follow its sections.
//! How: only the lines that have structure for us are taken apart (`v=`, `o=`, `m=`); the others stay text, in
//! their order, so that writing gives back what was read, with CRLF. Lines may end in LF alone, and empty
//! lines are skipped: both occur. Sizes are bounded before anything is stored.
//!
//! More: RFC 8866 §5 and §9 (grammar); docs/sdp.md.

use crate::error::{ParseError, Reason};
use std::{fmt, str::FromStr};

/// The longest description, in bytes. An offer with much media has about 20 KiB.
pub const MAX_BYTES: usize = 256 * 1024;
/// The longest line, in bytes.
pub const MAX_LINE_BYTES: usize = 16 * 1024;
/// The most `m=` sections.
pub const MAX_MEDIA: usize = 256;

/// Where a line stood, from 1; 0 for a line of our own. What stands elsewhere is not different for that.
#[derive(Debug, Clone, Copy)]
struct Place(usize);

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

/// A line, `letter=value`. Lines are equal wherever they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The letter.
    pub kind: char,
    /// What stands behind `=`.
    pub value: String,
    number: Place,
}

impl Line {
    /// A line of our own.
    #[must_use]
    pub fn new(kind: char, value: impl Into<String>) -> Self {
        Self { kind, value: value.into(), number: Place(0) }
    }

    /// Where it stood, from 1; 0 for a line of our own.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number.0
    }

    /// The name and value of an `a=` line; the value is empty for a flag.
    #[must_use]
    pub fn attribute(&self) -> Option<(&str, &str)> {
        (self.kind == 'a').then(|| self.value.split_once(':').unwrap_or((&self.value, "")))
    }
}

/// The `o=` line (RFC 8866 §5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `-`, or a name that says who wrote this.
    pub username: String,
    /// A number, as text: the grammar does not bound it.
    pub session_id: String,
    /// A number that grows with each description of the session, as text.
    pub session_version: String,
    /// `IN`.
    pub network_type: String,
    /// `IP4` or `IP6`.
    pub address_type: String,
    /// An address; browsers write one that means nothing.
    pub address: String,
}

/// A section: an `m=` line (RFC 8866 §5.14) and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, `application`, ..
    pub kind: String,
    /// The port; 9 where ICE will find it, 0 where the section is rejected or only bundled.
    pub port: u16,
    /// How many ports, if the line says so.
    pub port_count: Option<u32>,
    /// `UDP/DTLS/SCTP`, ..
    pub protocol: String,
    /// Formats; `webrtc-datachannel` for data.
    pub formats: Vec<String>,
    /// The lines below it.
    pub lines: Vec<Line>,
    number: Place,
}

impl Media {
    /// A section of our own, without lines.
    #[must_use]
    pub fn new(kind: &str, port: u16, protocol: &str, formats: &[&str]) -> Self {
        Self {
            kind: kind.to_owned(),
            port,
            port_count: None,
            protocol: protocol.to_owned(),
            formats: formats.iter().map(|&format| format.to_owned()).collect(),
            lines: Vec::new(),
            number: Place(0),
        }
    }

    /// The line number of its `m=`.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number.0
    }

    /// The value of the first attribute of this name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        find(&self.lines, name).map(|(value, _)| value)
    }

    /// Its `a=mid`.
    #[must_use]
    pub fn mid(&self) -> Option<&str> {
        self.attribute("mid")
    }
}

/// A session description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// The `o=` line.
    pub origin: Origin,
    /// The lines behind it up to the first section: `s=`, `t=` and all others, in order.
    pub lines: Vec<Line>,
    /// The sections.
    pub media: Vec<Media>,
}

impl SessionDescription {
    /// Reads a description; the same as [`str::parse`].
    ///
    /// # Errors
    /// [`ParseError`] names the line and the reason.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        text.parse()
    }

    /// The value of the first session-level attribute of this name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        find(&self.lines, name).map(|(value, _)| value)
    }

    /// The mids of the first `a=group:BUNDLE` (RFC 9143 §5).
    #[must_use]
    pub fn bundle(&self) -> Option<Vec<&str>> {
        attributes(&self.lines, "group").find_map(|(value, _)| {
            let mut words = value.split_ascii_whitespace();
            (words.next() == Some("BUNDLE")).then(|| words.collect())
        })
    }
}

/// All attributes of a name: (value, line number).
pub(crate) fn attributes<'a, 'n>(
    lines: &'a [Line],
    name: &'n str,
) -> impl Iterator<Item = (&'a str, usize)> + use<'a, 'n> {
    lines.iter().filter_map(move |line| {
        let (found, value) = line.attribute()?;
        (found == name).then_some((value, line.number.0))
    })
}

/// The first attribute of a name: (value, line number).
pub(crate) fn find<'a>(lines: &'a [Line], name: &str) -> Option<(&'a str, usize)> {
    attributes(lines, name).next()
}

impl FromStr for SessionDescription {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_BYTES {
            return Err(ParseError::new(0, Reason::TooLong(text.len())));
        }
        let mut lines = text.split('\n').enumerate().filter_map(|(index, line)| {
            let line = line.strip_suffix('\r').unwrap_or(line);
            (!line.is_empty()).then(|| read_line(line, index + 1))
        });
        let version = expect('v', lines.next())?;
        if version.value != "0" {
            return Err(ParseError::new(version.number(), Reason::Version));
        }
        let origin = read_origin(&expect('o', lines.next())?)?;
        let mut session = Self { origin, lines: Vec::new(), media: Vec::new() };
        for line in lines {
            session.add(line?)?;
        }
        // RFC 8866 §5 wants t= too, but descriptions without it exist and lose nothing.
        if !session.lines.iter().any(|line| line.kind == 's') {
            return Err(ParseError::new(0, Reason::Expected('s')));
        }
        Ok(session)
    }
}

impl SessionDescription {
    fn add(&mut self, line: Line) -> Result<(), ParseError> {
        if line.kind == 'm' {
            if self.media.len() >= MAX_MEDIA {
                return Err(ParseError::new(line.number(), Reason::TooManyMedia));
            }
            self.media.push(read_media(&line)?);
        } else if matches!(line.kind, 'v' | 'o') {
            return Err(ParseError::new(line.number(), Reason::UnknownType(line.kind)));
        } else {
            let lines = self.media.last_mut().map_or(&mut self.lines, |media| &mut media.lines);
            lines.push(line);
        }
        Ok(())
    }
}

fn expect(kind: char, line: Option<Result<Line, ParseError>>) -> Result<Line, ParseError> {
    let line = line.ok_or(ParseError::new(0, Reason::Expected(kind)))??;
    if line.kind == kind { Ok(line) } else { Err(ParseError::new(line.number(), Reason::Expected(kind))) }
}

fn read_line(line: &str, number: usize) -> Result<Line, ParseError> {
    if line.len() > MAX_LINE_BYTES {
        return Err(ParseError::new(number, Reason::LineTooLong(line.len())));
    }
    if line.bytes().any(|byte| matches!(byte, 0 | b'\r')) {
        return Err(ParseError::new(number, Reason::ControlCharacter));
    }
    let mut chars = line.chars();
    let (Some(kind), Some('=')) = (chars.next(), chars.next()) else {
        return Err(ParseError::new(number, Reason::NotALine));
    };
    if !"vosiuepcbtrzkam".contains(kind) {
        return Err(ParseError::new(number, Reason::UnknownType(kind)));
    }
    Ok(Line { kind, value: chars.as_str().to_owned(), number: Place(number) })
}

fn read_origin(line: &Line) -> Result<Origin, ParseError> {
    let words: Vec<&str> = line.value.split_ascii_whitespace().collect();
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match words[..] {
        [username, id, version, network_type, address_type, address]
            if is_number(id) && is_number(version) =>
        {
            Ok(Origin {
                username: username.to_owned(),
                session_id: id.to_owned(),
                session_version: version.to_owned(),
                network_type: network_type.to_owned(),
                address_type: address_type.to_owned(),
                address: address.to_owned(),
            })
        }
        _ => Err(ParseError::new(line.number(), Reason::Origin)),
    }
}

fn read_media(line: &Line) -> Result<Media, ParseError> {
    let error = || ParseError::new(line.number(), Reason::Media);
    let mut words = line.value.split_ascii_whitespace();
    let (Some(kind), Some(port), Some(protocol)) = (words.next(), words.next(), words.next()) else {
        return Err(error());
    };
    let formats: Vec<String> = words.map(str::to_owned).collect();
    let (port, count) = port.split_once('/').map_or((port, None), |(port, count)| (port, Some(count)));
    if formats.is_empty() {
        return Err(error());
    }
    Ok(Media {
        kind: kind.to_owned(),
        port: number(port).ok_or_else(error)?,
        port_count: count.map(|count| number(count).ok_or_else(error)).transpose()?,
        protocol: protocol.to_owned(),
        formats,
        lines: Vec::new(),
        number: line.number,
    })
}

/// A decimal number without sign.
pub(crate) fn number<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { username, session_id, session_version, network_type, address_type, address } =
            &self.origin;
        write!(f, "v=0\r\n")?;
        write!(f, "o={username} {session_id} {session_version} {network_type} {address_type} {address}\r\n")?;
        write_lines(f, &self.lines)?;
        for media in &self.media {
            write!(f, "m={} {}", media.kind, media.port)?;
            if let Some(count) = media.port_count {
                write!(f, "/{count}")?;
            }
            write!(f, " {}", media.protocol)?;
            for format in &media.formats {
                write!(f, " {format}")?;
            }
            write!(f, "\r\n")?;
            write_lines(f, &media.lines)?;
        }
        Ok(())
    }
}

fn write_lines(f: &mut fmt::Formatter<'_>, lines: &[Line]) -> fmt::Result {
    lines.iter().try_for_each(|line| write!(f, "{}={}\r\n", line.kind, line.value))
}
