//! What can be wrong with a description: the line, and why.

use crate::data::Setup;
use std::fmt;

/// A description was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1; 0 if it is about the description as a whole.
    pub line: usize,
    /// Why.
    pub reason: Reason,
}

impl ParseError {
    pub(crate) fn new(line: usize, reason: Reason) -> Self {
        Self { line, reason }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => self.reason.fmt(f),
            line => write!(f, "line {line}: {}", self.reason),
        }
    }
}

impl std::error::Error for ParseError {}

/// Why a description was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// More bytes than [`MAX_BYTES`](crate::MAX_BYTES).
    TooLong(usize),
    /// A line of more bytes than [`MAX_LINE_BYTES`](crate::MAX_LINE_BYTES).
    LineTooLong(usize),
    /// More sections than [`MAX_MEDIA`](crate::MAX_MEDIA).
    TooManyMedia,
    /// Not `letter=value` (RFC 8866 §5).
    NotALine,
    /// A letter that RFC 8866 does not define; such a description is ignored or refused (§5).
    UnknownType(char),
    /// NUL, or a carriage return inside a line (RFC 8866 §9).
    ControlCharacter,
    /// A description must have this line here (RFC 8866 §5).
    Expected(char),
    /// Not version 0.
    Version,
    /// `o=` has not its six fields.
    Origin,
    /// `m=` has not its four fields, or a port that is no port.
    Media,
    /// No section for data channels.
    NoDataSection,
    /// The data section was rejected: its port is 0.
    Rejected,
    /// The answer has no section where the offer had the data section.
    MissingSection(usize),
    /// The answer names the data section differently.
    MidMismatch,
    /// Two sections have the same `a=mid`.
    DuplicateMid,
    /// The data section needs this attribute.
    Missing(&'static str),
    /// The value of this attribute is malformed.
    Attribute(&'static str),
    /// No connection can follow from this role at this place (RFC 8842 §5).
    Setup(Setup),
    /// A candidate line is malformed.
    Candidate(CandidateError),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => write!(f, "a description of {bytes} bytes; {} at most", crate::MAX_BYTES),
            Self::LineTooLong(bytes) => {
                write!(f, "a line of {bytes} bytes; {} at most", crate::MAX_LINE_BYTES)
            }
            Self::TooManyMedia => write!(f, "more than {} m= sections", crate::MAX_MEDIA),
            Self::NotALine => write!(f, "not of the form letter=value"),
            Self::UnknownType(letter) => write!(f, "{letter:?} is no type of line"),
            Self::ControlCharacter => write!(f, "NUL or a stray carriage return"),
            Self::Expected(letter) => write!(f, "a {letter}= line is missing"),
            Self::Version => write!(f, "not version 0"),
            Self::Origin => write!(f, "o= needs a user, two numbers and an address of three words"),
            Self::Media => write!(f, "m= needs a kind, a port, a protocol and a format"),
            Self::NoDataSection => write!(f, "no section for data channels"),
            Self::Rejected => write!(f, "the section for data channels was rejected"),
            Self::MissingSection(index) => write!(f, "the answer has no section {index}"),
            Self::MidMismatch => write!(f, "the answer has another a=mid than the offer"),
            Self::DuplicateMid => write!(f, "two sections with the same a=mid"),
            Self::Missing(name) => write!(f, "the data section has no a={name}"),
            Self::Attribute(name) => write!(f, "a={name} is malformed"),
            Self::Setup(setup) => write!(f, "a=setup:{setup} cannot be used here"),
            Self::Candidate(error) => write!(f, "candidate: {error}"),
        }
    }
}

/// A candidate line is malformed (RFC 8839 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandidateError {
    /// The field that is missing or cannot be read.
    pub field: &'static str,
}

impl fmt::Display for CandidateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is missing or malformed", self.field)
    }
}

impl std::error::Error for CandidateError {}
