//! What BoringSSL ends a connection for, and the library drops and counts.
//!
//! Problem: anyone who can send to us can write a plaintext alert, or a record of garbage. BoringSSL gives up; the
//! library goes on, for a forged packet must not end a handshake (docs/bogo.md, "Dropped, and judged").
//! How: the library says why it dropped a record. The shim, an application, ends the connection by its own decision
//! with the alert and the name that the runner expects: what is judged is that the record was recognised, and why.

use plywood_dtls::Discard;
use plywood_dtls::wire::{Alert, AlertDescription, AlertLevel, PlaintextHeader};

use crate::labels;

/// The name and the alert of the end, if BoringSSL would end.
pub fn verdict(reason: Discard, record: &[u8], heard: bool) -> Option<(&'static str, AlertDescription)> {
    let unexpected = AlertDescription::UNEXPECTED_MESSAGE;
    Some(match reason {
        Discard::PlaintextApplicationData => (":UNEXPECTED_RECORD:", unexpected),
        Discard::UnexpectedChangeCipherSpec => (":BAD_CHANGE_CIPHER_SPEC:", unexpected),
        Discard::PlaintextHandshake => (":EXCESS_HANDSHAKE_DATA:", unexpected),
        Discard::MalformedFragment => (":BAD_HANDSHAKE_RECORD:", AlertDescription::DECODE_ERROR),
        Discard::ConflictingFragments => (":FRAGMENT_MISMATCH:", AlertDescription::ILLEGAL_PARAMETER),
        Discard::MessageTooLong => (":EXCESSIVE_MESSAGE_SIZE:", AlertDescription::ILLEGAL_PARAMETER),
        Discard::MalformedAck => (":DECODE_ERROR:", AlertDescription::DECODE_ERROR),
        Discard::PlaintextAlert => plaintext_alert(record.get(PlaintextHeader::LENGTH..)?, heard)?,
        _ => return None,
    })
}

/// `heard`: whether the peer said anything before.
fn plaintext_alert(body: &[u8], heard: bool) -> Option<(&'static str, AlertDescription)> {
    match Alert::parse(body) {
        Err(_) => Some((":BAD_ALERT:", AlertDescription::DECODE_ERROR)),
        Ok(Alert { level: AlertLevel::FATAL, description: AlertDescription::HANDSHAKE_FAILURE })
            if !heard =>
        {
            Some((":HANDSHAKE_FAILURE_ON_CLIENT_HELLO:", AlertDescription::CLOSE_NOTIFY))
        }
        Ok(Alert { level: AlertLevel::FATAL, description }) => {
            Some((labels::alert(description), AlertDescription::CLOSE_NOTIFY))
        }
        Ok(_) => None,
    }
}
