//! What BoringSSL would print for our ends: the runner looks for these words on stderr.

use plywood_dtls::wire::{AlertDescription, ExtensionType, HandshakeType, ProtocolVersion};
use plywood_dtls::{CloseReason, ConfigError, HandshakeError, ParseError};

pub fn label(reason: &CloseReason, server: bool, chose_1_3: bool) -> &'static str {
    match reason {
        // BoringSSL's server of 1.2 takes a suite only if its group and its signature work too.
        CloseReason::Handshake(HandshakeError::NoCommonGroup | HandshakeError::NoCommonSignatureScheme)
            if server && !chose_1_3 =>
        {
            ":NO_SHARED_CIPHER:"
        }
        CloseReason::Handshake(HandshakeError::NoCertificate) if !server => ":DECODE_ERROR:",
        CloseReason::Handshake(HandshakeError::Decode {
            message: HandshakeType::CERTIFICATE,
            error: ParseError::EmptyList,
        }) if !server => ":PEER_DID_NOT_RETURN_A_CERTIFICATE:",
        CloseReason::Handshake(HandshakeError::CurveNotOffered(_)) if !server => ":BAD_ECC_CERT:",
        CloseReason::Handshake(HandshakeError::CompressionNotNull) if !server => {
            ":UNSUPPORTED_COMPRESSION_ALGORITHM:"
        }
        // Buffered in the clear, as BoringSSL sees it.
        CloseReason::Handshake(HandshakeError::WrongEpoch(HandshakeType::FINISHED)) => {
            ":EXCESS_HANDSHAKE_DATA:"
        }
        // A server that answered a HelloVerifyRequest's cookie with 1.3, which has none.
        CloseReason::Handshake(HandshakeError::NoCommonVersion { peer: ProtocolVersion::DTLS_1_3 })
            if !server =>
        {
            ":INVALID_MESSAGE:"
        }
        CloseReason::PeerAlert(description) => alert(*description),
        CloseReason::TimedOut { .. } => ":READ_TIMEOUT_EXPIRED:",
        CloseReason::Handshake(error) => handshake(error),
        CloseReason::Config(ConfigError::UnusableIdentity) => ":NO_COMMON_SIGNATURE_ALGORITHMS:",
        CloseReason::Config(ConfigError::NoSupportedVersion) => ":NO_SUPPORTED_VERSIONS_ENABLED:",
        CloseReason::NumbersExhausted => ":TOO_MANY_KEY_UPDATES:",
        CloseReason::TooManyForgeries => ":DECRYPTION_FAILED_OR_BAD_RECORD_MAC:",
        _ => ":CLOSED:",
    }
}

fn handshake(error: &HandshakeError) -> &'static str {
    match error {
        HandshakeError::Decode { message, error } => decode(*message, error),
        HandshakeError::SecondRetry
        | HandshakeError::WrongEpoch(_)
        | HandshakeError::UnexpectedMessage { .. } => ":UNEXPECTED_MESSAGE:",
        HandshakeError::NoCommonVersion { .. } => ":UNSUPPORTED_PROTOCOL:",
        HandshakeError::Downgraded => ":TLS13_DOWNGRADE:",
        HandshakeError::NoCommonCipherSuite => ":NO_SHARED_CIPHER:",
        HandshakeError::NoCommonGroup | HandshakeError::MissingExtension(ExtensionType::SUPPORTED_GROUPS) => {
            ":NO_SHARED_GROUP:"
        }
        HandshakeError::NoCommonSignatureScheme => ":NO_COMMON_SIGNATURE_ALGORITHMS:",
        HandshakeError::SuiteNotOffered(_) => ":WRONG_CIPHER_RETURNED:",
        HandshakeError::GroupNotOffered(_)
        | HandshakeError::RetryIgnored
        | HandshakeError::PointlessRetry => ":WRONG_CURVE:",
        HandshakeError::SchemeNotOffered(_) => ":WRONG_SIGNATURE_TYPE:",
        HandshakeError::CompressionNotNull => ":INVALID_COMPRESSION_LIST:",
        HandshakeError::UnsolicitedExtension(_) => ":UNEXPECTED_EXTENSION:",
        HandshakeError::BadExtension(ExtensionType::USE_SRTP) => ":BAD_SRTP_PROTECTION_PROFILE_LIST:",
        HandshakeError::BadExtension(_) | HandshakeError::NoUncompressedPoints => ":ERROR_PARSING_EXTENSION:",
        HandshakeError::LegacyFieldNotEmpty(_) | HandshakeError::AckFromTheFuture => ":DECODE_ERROR:",
        HandshakeError::CertificateRequired | HandshakeError::NoCertificate => {
            ":PEER_DID_NOT_RETURN_A_CERTIFICATE:"
        }
        HandshakeError::BadCertificate => ":WRONG_CERTIFICATE_TYPE:",
        HandshakeError::FingerprintMismatch | HandshakeError::PeerRefused(_) => ":CERTIFICATE_VERIFY_FAILED:",
        HandshakeError::CertificateTypeRefused => ":UNKNOWN_CERTIFICATE_TYPE:",
        HandshakeError::BadKeyShare(_) => ":BAD_ECPOINT:",
        HandshakeError::BadSignature { .. } => ":BAD_SIGNATURE:",
        HandshakeError::FinishedMismatch => ":DIGEST_CHECK_FAILED:",
        HandshakeError::RecordOverflow => ":DATA_LENGTH_TOO_LONG:",
        HandshakeError::ExcessHandshakeData => ":EXCESS_HANDSHAKE_DATA:",
        HandshakeError::HandshakeIsOver(_) | HandshakeError::DataUnderHandshakeKeys => ":UNEXPECTED_RECORD:",
        HandshakeError::UnexpectedRecordType(0) => ":DECRYPTION_FAILED_OR_BAD_RECORD_MAC:",
        HandshakeError::UnexpectedRecordType(_) => ":UNEXPECTED_RECORD:",
        HandshakeError::MalformedAlert => ":BAD_ALERT:",
        HandshakeError::UnknownAlertLevel(_) => ":UNKNOWN_ALERT_TYPE:",
        HandshakeError::TooManyWarnings => ":TOO_MANY_WARNING_ALERTS:",
        HandshakeError::TooManyKeyUpdates => ":TOO_MANY_KEY_UPDATES:",
        HandshakeError::CurveNotOffered(_) => ":WRONG_CURVE:",
        _ => ":HANDSHAKE_FAILURE:",
    }
}

fn decode(message: HandshakeType, error: &ParseError) -> &'static str {
    match (message, error) {
        (_, ParseError::DamagedExtension(_)) => ":ERROR_PARSING_EXTENSION:",
        (_, ParseError::DuplicateExtension(_)) => ":DUPLICATE_EXTENSION:",
        (_, ParseError::MissingExtension(_)) => ":MISSING_EXTENSION:",
        (HandshakeType::CLIENT_HELLO, ParseError::TrailingBytes { .. }) => ":CLIENTHELLO_PARSE_FAILED:",
        _ => ":DECODE_ERROR:",
    }
}

pub fn alert(description: AlertDescription) -> &'static str {
    match description.0 {
        10 => ":SSLV3_ALERT_UNEXPECTED_MESSAGE:",
        20 => ":SSLV3_ALERT_BAD_RECORD_MAC:",
        22 => ":TLSV1_ALERT_RECORD_OVERFLOW:",
        30 => ":SSLV3_ALERT_DECOMPRESSION_FAILURE:",
        40 => ":SSLV3_ALERT_HANDSHAKE_FAILURE:",
        42 => ":SSLV3_ALERT_BAD_CERTIFICATE:",
        46 => ":SSLV3_ALERT_CERTIFICATE_UNKNOWN:",
        47 => ":SSLV3_ALERT_ILLEGAL_PARAMETER:",
        50 => ":TLSV1_ALERT_DECODE_ERROR:",
        51 => ":TLSV1_ALERT_DECRYPT_ERROR:",
        70 => ":TLSV1_ALERT_PROTOCOL_VERSION:",
        80 => ":TLSV1_ALERT_INTERNAL_ERROR:",
        116 => ":TLSV1_ALERT_CERTIFICATE_REQUIRED:",
        _ => ":UNKNOWN_ALERT_TYPE:",
    }
}
