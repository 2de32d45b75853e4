//! From bytes to trees: one file a protocol.

mod dcep;
mod dtls;
mod sctp;
mod stun;

pub use dcep::dcep;
pub use dtls::dtls;
pub use sctp::sctp;
pub use stun::stun;

use crate::node::{Cursor, Node, Said, decimal};

/// Names every byte of a UDP datagram; its first byte says what it is (RFC 7983 §7, RFC 9443).
#[must_use]
pub fn dissect(datagram: &[u8]) -> Node {
    match datagram.first() {
        Some(0..=3) => stun(datagram),
        Some(20..=63) => dtls(datagram),
        Some(64..=79) => root("TURN ChannelData", "RFC 8656 §12.4", datagram, channel_data),
        Some(_) => root("Unknown datagram", "RFC 7983 §7", datagram, |_| {}),
        None => root("Empty datagram", "RFC 7983 §7", datagram, |_| {}),
    }
}

/// Names every byte of what a protected DTLS record held: handshake messages, an alert, an ACK.
pub(crate) fn record_content(kind: plywood_dtls::wire::ContentType, bytes: &[u8]) -> Node {
    root("Record content", "RFC 9147 §4", bytes, |c| dtls::plaintext(c, kind))
}

/// A tree over all of `bytes`.
fn root<'a>(
    field: &'static str,
    reference: &'static str,
    bytes: &'a [u8],
    inner: impl FnOnce(&mut Cursor<'a>),
) -> Node {
    let mut parts = Cursor::new(bytes, 0);
    inner(&mut parts);
    Node {
        range: 0..bytes.len(),
        field: field.into(),
        reference,
        value: format!("{} bytes", bytes.len()),
        meaning: "".into(),
        children: parts.finish(),
    }
}

fn channel_data(c: &mut Cursor<'_>) {
    const SECTION: &str = "RFC 8656 §12.4";
    c.number(2, "Channel Number", SECTION, |number| {
        (format!("{number:#06x}"), "stands for a peer bound by ChannelBind, 0x4000 to 0x4fff".into())
    });
    let Some(length) = c.number(2, "Length", SECTION, decimal("of the data, padding not counted")) else {
        return;
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(c.remaining());
    c.bytes(length, "Application Data", SECTION, |bytes| {
        (crate::node::hex(bytes), "what the peer sees".into())
    });
    c.padding(length, SECTION);
}

/// A code point: its name, or its number.
fn named(name: Option<&'static str>, number: u64) -> Said {
    match name {
        Some(name) => (name.to_owned(), format!("{number:#x}").into()),
        None => (format!("{number:#x}"), "not known here".into()),
    }
}
