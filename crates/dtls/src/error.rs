//! What goes wrong, and who is to blame.
//!
//! Problem: "handshake failed" helps nobody. A reader of a log wants to know which rule was broken, by whom,
//! and what the other side was told; and a peer must not be able to end a connection with a bad packet.
//! How: four small enums, by consequence:
//!
//! ```text
//!   ParseError      bytes that are not what they claim to be
//!   Discard         a record or fragment dropped: nothing changed but a counter
//!   HandshakeError  the end, with an alert to the peer: rule(), blame(), alert()
//!   SealError, ExportError, ConfigError   a call of ours that could not be done
//! ```
//! Longer than most files: a table, one line a rule in each of rule(), blame(), alert().

use std::fmt;

use plywood_octets::{Reader, Truncated};

use crate::provider::CryptoError;
use crate::wire::codes::{CipherSuite, NamedGroup, SignatureScheme};
use crate::wire::{AlertDescription, ExtensionType, HandshakeType, ProtocolVersion};

/// Bytes that are not what they claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// A field reaches past the end.
    Truncated(Truncated),
    /// Bytes are left behind the last field.
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A length that the field cannot have.
    InvalidLength {
        /// The length found.
        length: usize,
    },
    /// A list that must hold something holds nothing.
    EmptyList,
    /// A number that the field cannot have.
    InvalidValue(u32),
    /// A number in a field of old that must hold zero now.
    NotZero(u32),
    /// An extension that came twice (RFC 5246 §7.4.1.4).
    DuplicateExtension(ExtensionType),
    /// An extension that must be there (RFC 8446 §9.2).
    MissingExtension(ExtensionType),
    /// An extension whose content is damaged; nothing else depends on it.
    DamagedExtension(ExtensionType),
    /// A fragment that does not lie within its message.
    FragmentPastEnd {
        /// Where the fragment begins.
        offset: u32,
        /// Its bytes.
        fragment_length: u32,
        /// Bytes of the message.
        length: u32,
    },
}

impl ParseError {
    /// Fails with [`ParseError::TrailingBytes`] unless everything was read.
    pub(crate) fn require_end(reader: &Reader<'_>) -> Result<(), Self> {
        if reader.is_empty() { Ok(()) } else { Err(Self::TrailingBytes { count: reader.remaining() }) }
    }
}

impl From<Truncated> for ParseError {
    fn from(truncated: Truncated) -> Self {
        Self::Truncated(truncated)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(truncated) => truncated.fmt(f),
            Self::TrailingBytes { count } => write!(f, "{count} bytes behind the last field"),
            Self::InvalidLength { length } => write!(f, "a field cannot be {length} bytes long"),
            Self::EmptyList => f.write_str("a list is empty that may not be"),
            Self::InvalidValue(value) => write!(f, "a field cannot hold {value}"),
            Self::NotZero(value) => write!(f, "a field that must be zero holds {value}"),
            Self::DuplicateExtension(kind) => write!(f, "extension {kind:?} came twice"),
            Self::MissingExtension(kind) => write!(f, "extension {kind:?} is missing"),
            Self::DamagedExtension(kind) => write!(f, "extension {kind:?} is damaged"),
            Self::FragmentPastEnd { offset, fragment_length, length } => {
                write!(f, "a fragment of {fragment_length} bytes at {offset} in a message of {length}")
            }
        }
    }
}

impl std::error::Error for ParseError {}

/// Why a record, or a part of one, was dropped. Nothing changed but the counter of the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Discard {
    /// The first byte is no record's, or the content type is unknown.
    UnknownContentType,
    /// The header or what it announces does not fit into the datagram.
    Truncated,
    /// More than a record may hold.
    TooLong,
    /// A version that is not ours.
    WrongVersion,
    /// An epoch whose keys we do not have, no longer have, or never will have.
    UnknownEpoch,
    /// A record number that was seen before, or is too old to tell (RFC 6347 §4.1.2.6).
    Replayed,
    /// The record does not authenticate.
    NotAuthentic,
    /// An alert in the clear: anyone can write one.
    PlaintextAlert,
    /// Application data in the clear.
    PlaintextApplicationData,
    /// A handshake fragment that cannot be read.
    MalformedFragment,
    /// Fragments of one message that disagree; two versions are kept, and the first to be whole counts.
    ConflictingFragments,
    /// A fragment of a message beyond what we buffer.
    FragmentTooFarAhead,
    /// A message longer than `Config::max_handshake_message_bytes`.
    MessageTooLong,
    /// A fragment without bytes, of a message that has some.
    EmptyFragment,
    /// The buffer for what came too early is full.
    BufferFull,
    /// A handshake message in the clear where the peer has keys: anyone can write one.
    PlaintextHandshake,
    /// A ChangeCipherSpec that is not one byte of value 1, or comes after the handshake.
    UnexpectedChangeCipherSpec,
    /// A handshake message after the handshake: renegotiation is refused.
    Renegotiation,
    /// An alert that is not two bytes, or says nothing that matters.
    IgnoredAlert,
    /// An ACK that cannot be read, or one in the clear of records that were not.
    MalformedAck,
    /// An ACK in the clear, before the peer is known to speak 1.3.
    PlaintextAck,
    /// A handshake message in the clear that only our own side says: somebody sent us our own flight back.
    Reflected,
    /// Before the cookie: something that is no ClientHello.
    NotAHello,
    /// Before the cookie: a ClientHello that cannot be read, or so short that an answer would amplify it.
    MalformedHello,
    /// A connection id that we did not give out, or none where we did (RFC 9146 §3, RFC 9147 §9).
    UnknownConnectionId,
    /// The connection is over, or has not begun.
    NotOpen,
}

impl Discard {
    /// All reasons, in the order of [`crate::Stats::discarded`].
    pub const ALL: [Self; 26] = [
        Self::UnknownContentType,
        Self::Truncated,
        Self::TooLong,
        Self::WrongVersion,
        Self::UnknownEpoch,
        Self::Replayed,
        Self::NotAuthentic,
        Self::PlaintextAlert,
        Self::PlaintextApplicationData,
        Self::MalformedFragment,
        Self::ConflictingFragments,
        Self::FragmentTooFarAhead,
        Self::MessageTooLong,
        Self::EmptyFragment,
        Self::BufferFull,
        Self::PlaintextHandshake,
        Self::UnexpectedChangeCipherSpec,
        Self::Renegotiation,
        Self::IgnoredAlert,
        Self::MalformedAck,
        Self::PlaintextAck,
        Self::Reflected,
        Self::NotAHello,
        Self::MalformedHello,
        Self::UnknownConnectionId,
        Self::NotOpen,
    ];

    /// The place of the reason in [`Discard::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownContentType => "not a DTLS record",
            Self::Truncated => "the record is cut short",
            Self::TooLong => "the record is too long",
            Self::WrongVersion => "the record has another version",
            Self::UnknownEpoch => "no keys for the record's epoch",
            Self::Replayed => "the record number was seen before",
            Self::NotAuthentic => "the record does not authenticate",
            Self::PlaintextAlert => "an alert in the clear",
            Self::PlaintextApplicationData => "application data in the clear",
            Self::MalformedFragment => "a handshake fragment is malformed",
            Self::ConflictingFragments => "fragments of one message disagree",
            Self::FragmentTooFarAhead => "a handshake message from too far ahead",
            Self::MessageTooLong => "a handshake message is too long",
            Self::EmptyFragment => "a handshake fragment is empty",
            Self::BufferFull => "the buffer for early records is full",
            Self::PlaintextHandshake => "a handshake message in the clear",
            Self::UnexpectedChangeCipherSpec => "an unexpected ChangeCipherSpec",
            Self::Renegotiation => "renegotiation is refused",
            Self::IgnoredAlert => "an alert that changes nothing",
            Self::MalformedAck => "an ACK is malformed",
            Self::PlaintextAck => "an ACK in the clear",
            Self::Reflected => "a message that only our own side says",
            Self::NotAHello => "a stranger that does not say hello",
            Self::MalformedHello => "a hello that cannot be read",
            Self::UnknownConnectionId => "a connection id that is not ours, or none",
            Self::NotOpen => "the connection is not open",
        })
    }
}

impl std::error::Error for Discard {}

/// Whose fault it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The peer broke a rule, or is not who it should be.
    Peer,
    /// Both keep the rules, but have nothing in common.
    Nobody,
    /// We failed.
    Us,
}

/// Why a handshake failed. Each is the end of the connection, and the peer is told by [`HandshakeError::alert`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A message that cannot be parsed.
    Decode {
        /// Which message.
        message: HandshakeType,
        /// What is wrong with it.
        error: ParseError,
    },
    /// A message that the state does not allow.
    UnexpectedMessage {
        /// What came.
        received: HandshakeType,
        /// What should have come.
        expected: HandshakeType,
    },
    /// A message in the clear that must be encrypted, or the reverse.
    WrongEpoch(HandshakeType),
    /// The peer offers, or chose, no version that we enabled.
    NoCommonVersion {
        /// The best that the peer named.
        peer: ProtocolVersion,
    },
    /// The server chose an old version although both know a newer one (RFC 8446 §4.1.3).
    Downgraded,
    /// Nothing common among the cipher suites.
    NoCommonCipherSuite,
    /// Nothing common among the groups.
    NoCommonGroup,
    /// Nothing common among the signature schemes.
    NoCommonSignatureScheme,
    /// The server chose a suite that we did not offer.
    SuiteNotOffered(CipherSuite),
    /// The server chose a group that we did not offer.
    GroupNotOffered(NamedGroup),
    /// The peer signed with a scheme that we did not offer, or that does not fit its suite.
    SchemeNotOffered(SignatureScheme),
    /// A compression other than none.
    CompressionNotNull,
    /// The peer does not list uncompressed points.
    NoUncompressedPoints,
    /// The peer lacks extended master secret, which we require (RFC 7627 §5.2).
    NoExtendedMasterSecret,
    /// A `renegotiation_info` that is not that of a first handshake (RFC 5746 §3.4, §3.6).
    BadRenegotiationInfo,
    /// A server's answer to an extension that we did not send.
    UnsolicitedExtension(ExtensionType),
    /// An extension with content that is not allowed.
    BadExtension(ExtensionType),
    /// An extension that must be there is not (RFC 8446 §9.2).
    MissingExtension(ExtensionType),
    /// 1.3: a field that only older versions use is not empty (RFC 9147 §5.3, §5.4).
    LegacyFieldNotEmpty(HandshakeType),
    /// A HelloRetryRequest that asks for nothing that we could change (RFC 8446 §4.1.4).
    PointlessRetry,
    /// The server asked twice to say hello again (RFC 8446 §4.1.4).
    SecondRetry,
    /// After a HelloRetryRequest, the hello is not what was asked for, or the ServerHello chose otherwise.
    RetryIgnored,
    /// An ACK names records that came after it (RFC 9147 §7.2).
    AckFromTheFuture,
    /// The client has no certificate for a server of 1.3 (RFC 8446 §4.4.2.4).
    CertificateRequired,
    /// The peer showed no certificate.
    NoCertificate,
    /// The peer's certificate cannot be read, or its key cannot be used.
    BadCertificate,
    /// The peer's certificate has none of the fingerprints that were signalled (RFC 8122 §6.2).
    FingerprintMismatch,
    /// The configuration refuses every peer, and says so with this alert.
    PeerRefused(AlertDescription),
    /// The peer does not want a certificate of our kind.
    CertificateTypeRefused,
    /// 1.2: the key of the server's certificate is on a curve that the client did not name (RFC 8422 §5.3).
    CurveNotOffered(NamedGroup),
    /// A key share that its group forbids.
    BadKeyShare(NamedGroup),
    /// A signature that does not verify.
    BadSignature {
        /// Where it stood.
        message: HandshakeType,
    },
    /// The MAC over the handshake differs: the two sides did not see the same messages.
    FinishedMismatch,
    /// An authenticated record with more than 2^14 bytes of plaintext.
    RecordOverflow,
    /// A handshake message behind the one that ended its keys (RFC 8446 §5.1, RFC 9147 §8).
    ExcessHandshakeData,
    /// A new message behind the handshake of 1.2, other than a wish to renegotiate.
    HandshakeIsOver(HandshakeType),
    /// An authenticated record of a type that we do not know; 0 is one without content (RFC 8446 §5.4).
    UnexpectedRecordType(u8),
    /// 1.3: application data under the keys of the handshake.
    DataUnderHandshakeKeys,
    /// An authenticated alert that is not two bytes.
    MalformedAlert,
    /// An authenticated alert that is neither warning nor fatal.
    UnknownAlertLevel(u8),
    /// Nothing but warnings comes.
    TooManyWarnings,
    /// 1.3: key updates without an end, or without data between them.
    TooManyKeyUpdates,
    /// Our own primitives failed.
    Crypto(CryptoError),
}

impl HandshakeError {
    /// What the peer is told.
    #[must_use]
    pub fn alert(&self) -> AlertDescription {
        match self {
            Self::Decode { error, .. } => match error {
                ParseError::InvalidValue(_) => AlertDescription::ILLEGAL_PARAMETER,
                ParseError::MissingExtension(_) => AlertDescription::MISSING_EXTENSION,
                _ => AlertDescription::DECODE_ERROR,
            },
            Self::UnexpectedMessage { .. }
            | Self::WrongEpoch(_)
            | Self::SecondRetry
            | Self::ExcessHandshakeData
            | Self::HandshakeIsOver(_)
            | Self::DataUnderHandshakeKeys
            | Self::UnexpectedRecordType(_)
            | Self::TooManyKeyUpdates => AlertDescription::UNEXPECTED_MESSAGE,
            Self::MalformedAlert | Self::TooManyWarnings => AlertDescription::DECODE_ERROR,
            Self::NoCommonVersion { .. } => AlertDescription::PROTOCOL_VERSION,
            Self::NoCommonCipherSuite
            | Self::NoCommonGroup
            | Self::NoCommonSignatureScheme
            | Self::NoExtendedMasterSecret
            | Self::BadRenegotiationInfo
            | Self::NoCertificate
            | Self::CertificateTypeRefused
            | Self::CurveNotOffered(_) => AlertDescription::HANDSHAKE_FAILURE,
            Self::Downgraded
            | Self::UnknownAlertLevel(_)
            | Self::SuiteNotOffered(_)
            | Self::GroupNotOffered(_)
            | Self::SchemeNotOffered(_)
            | Self::CompressionNotNull
            | Self::NoUncompressedPoints
            | Self::BadExtension(_)
            | Self::LegacyFieldNotEmpty(_)
            | Self::PointlessRetry
            | Self::RetryIgnored
            | Self::AckFromTheFuture
            | Self::BadKeyShare(_) => AlertDescription::ILLEGAL_PARAMETER,
            Self::MissingExtension(_) => AlertDescription::MISSING_EXTENSION,
            Self::CertificateRequired => AlertDescription::CERTIFICATE_REQUIRED,
            Self::UnsolicitedExtension(_) => AlertDescription::UNSUPPORTED_EXTENSION,
            Self::BadCertificate | Self::FingerprintMismatch => AlertDescription::BAD_CERTIFICATE,
            Self::BadSignature { .. } | Self::FinishedMismatch => AlertDescription::DECRYPT_ERROR,
            Self::PeerRefused(alert) => *alert,
            Self::RecordOverflow => AlertDescription::RECORD_OVERFLOW,
            Self::Crypto(_) => AlertDescription::INTERNAL_ERROR,
        }
    }

    /// Whose fault it was.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::NoCommonVersion { .. }
            | Self::NoCommonCipherSuite
            | Self::NoCommonGroup
            | Self::NoCommonSignatureScheme
            | Self::CertificateTypeRefused => Blame::Nobody,
            Self::Crypto(_) | Self::PeerRefused(_) => Blame::Us,
            _ => Blame::Peer,
        }
    }

    /// The rule that was broken.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Decode { message, .. } => match *message {
                HandshakeType::CLIENT_HELLO => "RFC 5246 §7.4.1.2",
                HandshakeType::SERVER_HELLO => "RFC 5246 §7.4.1.3",
                HandshakeType::HELLO_VERIFY_REQUEST => "RFC 6347 §4.2.1",
                HandshakeType::CERTIFICATE => "RFC 5246 §7.4.2",
                HandshakeType::SERVER_KEY_EXCHANGE => "RFC 8422 §5.4",
                HandshakeType::CERTIFICATE_REQUEST => "RFC 5246 §7.4.4",
                HandshakeType::SERVER_HELLO_DONE => "RFC 5246 §7.4.5",
                HandshakeType::CLIENT_KEY_EXCHANGE => "RFC 8422 §5.7",
                HandshakeType::CERTIFICATE_VERIFY => "RFC 5246 §7.4.8",
                HandshakeType::FINISHED => "RFC 5246 §7.4.9",
                HandshakeType::REQUEST_CONNECTION_ID | HandshakeType::NEW_CONNECTION_ID => "RFC 9147 §9",
                _ => "RFC 5246 §7.4",
            },
            Self::UnexpectedMessage { .. } => "RFC 5246 §7.3",
            Self::WrongEpoch(_) => "RFC 6347 §4.2.6",
            Self::NoCommonVersion { .. } => "RFC 8446 §4.2.1",
            Self::Downgraded => "RFC 8446 §4.1.3",
            Self::NoCommonCipherSuite | Self::SuiteNotOffered(_) | Self::CompressionNotNull => {
                "RFC 5246 §7.4.1.3"
            }
            Self::NoCommonGroup | Self::GroupNotOffered(_) => "RFC 8422 §5.1.1",
            Self::NoUncompressedPoints => "RFC 8422 §5.1.2",
            Self::NoCommonSignatureScheme | Self::SchemeNotOffered(_) => "RFC 5246 §7.4.1.4.1",
            Self::NoExtendedMasterSecret => "RFC 7627 §5.2",
            Self::BadRenegotiationInfo => "RFC 5746 §3.4",
            Self::UnsolicitedExtension(_) | Self::BadExtension(_) => "RFC 5246 §7.4.1.4",
            Self::MissingExtension(_) => "RFC 8446 §9.2",
            Self::LegacyFieldNotEmpty(_) => "RFC 9147 §5.3",
            Self::PointlessRetry | Self::SecondRetry | Self::RetryIgnored => "RFC 8446 §4.1.4",
            Self::AckFromTheFuture => "RFC 9147 §7.2",
            Self::CertificateRequired => "RFC 8446 §4.4.2.4",
            Self::NoCertificate => "RFC 5246 §7.4.6",
            Self::BadCertificate => "RFC 5246 §7.4.2",
            Self::FingerprintMismatch => "RFC 8122 §6.2",
            Self::CertificateTypeRefused => "RFC 5246 §7.4.4",
            Self::CurveNotOffered(_) => "RFC 8422 §5.3",
            Self::BadKeyShare(_) => "RFC 8422 §5.11",
            Self::BadSignature { .. } => "RFC 5246 §7.4.8",
            Self::FinishedMismatch => "RFC 5246 §7.4.9",
            Self::RecordOverflow => "RFC 5246 §6.2.3",
            Self::ExcessHandshakeData => "RFC 8446 §5.1",
            Self::HandshakeIsOver(_) => "RFC 5246 §7.4",
            Self::UnexpectedRecordType(_) => "RFC 8446 §5",
            Self::DataUnderHandshakeKeys => "RFC 9147 §6.1",
            Self::MalformedAlert | Self::UnknownAlertLevel(_) | Self::TooManyWarnings => "RFC 5246 §7.2",
            Self::TooManyKeyUpdates => "RFC 9147 §8",
            Self::Crypto(_) | Self::PeerRefused(_) => "RFC 5246 §7.2.2",
        }
    }
}

/// For `map_err`: a message that cannot be parsed.
pub(crate) fn decode(message: HandshakeType) -> impl Fn(ParseError) -> HandshakeError {
    move |error| HandshakeError::Decode { message, error }
}

/// A share that its group forbids is the peer's fault, everything else ours.
pub(crate) fn share_error(group: NamedGroup) -> impl Fn(CryptoError) -> HandshakeError {
    move |error| match error {
        CryptoError::InvalidShare(_) => HandshakeError::BadKeyShare(group),
        error => HandshakeError::Crypto(error),
    }
}

impl From<CryptoError> for HandshakeError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode { message, error } => write!(f, "{message:?}: {error}"),
            Self::UnexpectedMessage { received, expected } => {
                write!(f, "{received:?} came where {expected:?} should have come")
            }
            Self::WrongEpoch(message) => write!(f, "{message:?} came in the wrong epoch"),
            Self::NoCommonVersion { peer } => write!(f, "no common version; the peer named {peer:?}"),
            Self::Downgraded => f.write_str("somebody made the server choose an old version"),
            Self::NoCommonCipherSuite => f.write_str("no common cipher suite"),
            Self::NoCommonGroup => f.write_str("no common group"),
            Self::NoCommonSignatureScheme => f.write_str("no common signature scheme"),
            Self::SuiteNotOffered(suite) => write!(f, "the peer chose {suite:?}, which was not offered"),
            Self::GroupNotOffered(group) => write!(f, "the peer chose {group:?}, which was not offered"),
            Self::SchemeNotOffered(scheme) => write!(f, "the peer signed with {scheme:?}, not offered"),
            Self::CompressionNotNull => f.write_str("the peer wants compression"),
            Self::NoUncompressedPoints => f.write_str("the peer does not take uncompressed points"),
            Self::NoExtendedMasterSecret => f.write_str("the peer lacks extended master secret"),
            Self::BadRenegotiationInfo => f.write_str("renegotiation_info is not that of a first handshake"),
            Self::UnsolicitedExtension(kind) => write!(f, "the server answers {kind:?}, which was not sent"),
            Self::BadExtension(kind) => write!(f, "extension {kind:?} has content that is not allowed"),
            Self::MissingExtension(kind) => write!(f, "extension {kind:?} is missing"),
            Self::LegacyFieldNotEmpty(message) => write!(f, "{message:?} uses a field of older versions"),
            Self::PointlessRetry => f.write_str("the server wants the same hello again"),
            Self::SecondRetry => f.write_str("the server asks a second time to say hello again"),
            Self::RetryIgnored => f.write_str("what a HelloRetryRequest asked for was not kept to"),
            Self::AckFromTheFuture => f.write_str("an ACK names records that came after it"),
            Self::CertificateRequired => f.write_str("the client has no certificate"),
            Self::NoCertificate => f.write_str("the peer showed no certificate"),
            Self::BadCertificate => f.write_str("the peer's certificate cannot be used"),
            Self::FingerprintMismatch => f.write_str("the peer's certificate has another fingerprint"),
            Self::CertificateTypeRefused => f.write_str("the peer does not take certificates of our kind"),
            Self::PeerRefused(_) => f.write_str("the configuration refuses every peer"),
            Self::BadKeyShare(group) => write!(f, "the peer's share of {group:?} is not valid"),
            Self::BadSignature { message } => write!(f, "the signature in {message:?} does not verify"),
            Self::FinishedMismatch => f.write_str("the two sides did not see the same handshake"),
            Self::RecordOverflow => f.write_str("a record holds more than 2^14 bytes"),
            Self::ExcessHandshakeData => f.write_str("a handshake message stands behind the end of its keys"),
            Self::HandshakeIsOver(kind) => write!(f, "{kind:?} came after the handshake"),
            Self::UnexpectedRecordType(kind) => write!(f, "a record of type {kind} came"),
            Self::DataUnderHandshakeKeys => f.write_str("application data came under the handshake's keys"),
            Self::MalformedAlert => f.write_str("an alert is not two bytes"),
            Self::UnknownAlertLevel(level) => write!(f, "an alert has level {level}"),
            Self::TooManyWarnings => f.write_str("nothing but warnings comes"),
            Self::TooManyKeyUpdates => f.write_str("the peer changes its keys too often"),
            Self::CurveNotOffered(group) => write!(f, "{group:?} of the certificate was not offered"),
            Self::Crypto(error) => write!(f, "crypto: {error}"),
        }?;
        write!(f, " ({})", self.rule())
    }
}

impl std::error::Error for HandshakeError {}

/// Why a configuration cannot work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// None of the versions enabled is implemented.
    NoSupportedVersion,
    /// None of the cipher suites can be used with the versions enabled.
    NoSupportedCipherSuite,
    /// None of the groups is among the provider's.
    NoSupportedGroup,
    /// `record_size_limit` is below 64 (RFC 8449 §4).
    RecordSizeLimitTooSmall {
        /// The value found.
        bytes: u16,
    },
    /// The identity's key signs with no scheme that the version knows.
    UnusableIdentity,
    /// `mtu_bytes` is below [`crate::Config::MIN_MTU_BYTES`].
    MtuTooSmall {
        /// The value found.
        mtu_bytes: usize,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSupportedVersion => f.write_str("none of the enabled versions is implemented"),
            Self::NoSupportedCipherSuite => f.write_str("none of the cipher suites can be used"),
            Self::NoSupportedGroup => f.write_str("none of the groups is among the provider's"),
            Self::RecordSizeLimitTooSmall { bytes } => {
                write!(f, "a record size limit of {bytes} bytes is too small")
            }
            Self::UnusableIdentity => f.write_str("the identity's key signs with no usable scheme"),
            Self::MtuTooSmall { mtu_bytes } => write!(f, "an MTU of {mtu_bytes} bytes is too small"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Why application data could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// The peer is not verified yet.
    NotConnected,
    /// The connection is over.
    Closed,
    /// More than 2^14 bytes in one record.
    TooLong {
        /// Bytes behind the mark.
        length: usize,
    },
    /// All 2^48 record numbers are used; 1.2 cannot change keys.
    NumbersExhausted,
    /// The mark does not belong to this buffer.
    BadMark,
    /// The AEAD failed.
    Crypto(CryptoError),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("the peer is not verified yet"),
            Self::Closed => f.write_str("the connection is over"),
            Self::TooLong { length } => write!(f, "{length} bytes do not fit into a record"),
            Self::NumbersExhausted => f.write_str("all record numbers are used"),
            Self::BadMark => f.write_str("the mark does not belong to this buffer"),
            Self::Crypto(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SealError {}

/// Why no keying material could be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportError {
    /// The handshake is not complete.
    NotConnected,
    /// The context is longer than 65535 bytes (RFC 5705 §4).
    ContextTooLong,
    /// A label that TLS uses itself (RFC 5705 §4).
    ReservedLabel,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "the handshake is not complete",
            Self::ContextTooLong => "the context is longer than 65535 bytes",
            Self::ReservedLabel => "TLS uses this label itself",
        })
    }
}

impl std::error::Error for ExportError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_discard_stands_at_its_index() {
        for (index, reason) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index);
        }
    }
}
