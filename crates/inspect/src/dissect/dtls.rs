//! DTLS records and what of the handshake travels in the clear (RFC 6347, RFC 9147, RFC 8446).

use super::{named, root};
use crate::node::{Cursor, Node, decimal, hex, hexadecimal, raw};
use plywood_dtls::wire::{
    AlertDescription, AlertLevel, ContentType, ExtensionType, HandshakeType, ProtocolVersion,
};

/// Names every byte of a datagram of DTLS records.
#[must_use]
pub fn dtls(bytes: &[u8]) -> Node {
    root("DTLS records", "RFC 6347 §4.1", bytes, |c| {
        while let Some(first) = c.peek().first() {
            let read = if first >> 5 == 0b001 { unified_record(c) } else { record(c) };
            if read.is_none() {
                break;
            }
        }
    })
}

/// A record with the 13-byte header: all of 1.2, and the plaintext of 1.3.
fn record(c: &mut Cursor<'_>) -> Option<()> {
    let section = "RFC 6347 §4.1";
    let header = c.peek();
    let kind = *header.first()?;
    let epoch = header.get(3..5).map_or(0, |epoch| u16::from(epoch[0]) << 8 | u16::from(epoch[1]));
    let length = header.get(11..13).map_or(0, |length| usize::from(length[0]) << 8 | usize::from(length[1]));
    let whole = (13 + length).min(c.remaining());
    let name = ContentType(kind).name().unwrap_or("unknown content");
    c.group(whole, "Record", section, (name.to_owned(), "".into()), |c| {
        c.number(1, "Content Type", section, |kind| {
            named(ContentType(u8::try_from(kind).unwrap_or(0)).name(), kind)
        });
        c.number(2, "Version", section, version);
        c.number(2, "Epoch", section, decimal("counts key changes; 0 is in the clear"));
        c.number(6, "Sequence Number", section, decimal("counts records of the epoch"));
        c.number(2, "Length", section, decimal("bytes of the fragment"));
        if epoch > 0 {
            c.rest("Encrypted fragment", section, "explicit nonce, ciphertext and tag");
        } else {
            plaintext(c, ContentType(kind));
        }
    });
    Some(())
}

/// What a record holds in the clear.
pub(super) fn plaintext(c: &mut Cursor<'_>, kind: ContentType) {
    match kind {
        ContentType::HANDSHAKE => while c.remaining() > 0 && fragment(c).is_some() {},
        ContentType::ALERT => {
            c.number(1, "Alert Level", "RFC 8446 §6", |level| {
                named(AlertLevel(u8::try_from(level).unwrap_or(0)).name(), level)
            });
            c.number(1, "Alert Description", "RFC 8446 §6", |code| {
                named(AlertDescription(u8::try_from(code).unwrap_or(0)).name(), code)
            });
        }
        ContentType::ACK => {
            let section = "RFC 9147 §7";
            c.number(2, "Record Numbers Length", section, decimal("bytes"));
            while c.remaining() >= 16 {
                c.group(16, "Record Number", section, (String::new(), "has arrived".into()), |c| {
                    c.number(8, "Epoch", section, decimal("all 64 bits of it"));
                    c.number(8, "Sequence Number", section, decimal(""));
                });
            }
        }
        _ => c.rest("Fragment", "RFC 6347 §4.1", ""),
    }
}

/// A record with the unified header of 1.3: the bits of its first byte say which fields follow.
fn unified_record(c: &mut Cursor<'_>) -> Option<()> {
    let section = "RFC 9147 §4";
    let first = *c.peek().first()?;
    let (wide, with_length) = (first & 8 != 0, first & 4 != 0);
    let length_at = if wide { 3 } else { 2 };
    let length = match c.peek().get(length_at..length_at + 2) {
        Some(field) if with_length && first & 0x10 == 0 => {
            length_at + 2 + (usize::from(field[0]) << 8 | usize::from(field[1]))
        }
        _ => c.remaining(),
    };
    let whole = length.min(c.remaining());
    c.group(whole, "Record", section, ("protected".to_owned(), "DTLS 1.3".into()), |c| {
        c.number(1, "Unified header", section, |bits| {
            let epoch = bits & 3;
            let said = format!(
                "connection id: {}, sequence number: {} bits, length: {}, epoch ends in {epoch}",
                if bits & 0x10 == 0 { "no" } else { "yes" },
                if bits & 8 == 0 { 8 } else { 16 },
                if bits & 4 == 0 { "no" } else { "yes" },
            );
            (format!("{bits:#010b}"), said.into())
        });
        if first & 0x10 != 0 {
            c.rest("Connection id and record", section, "the id's length was negotiated");
            return;
        }
        let width = if wide { 2 } else { 1 };
        c.number(
            width,
            "Sequence Number",
            section,
            hexadecimal("encrypted, with a mask from the ciphertext"),
        );
        if with_length {
            c.number(2, "Length", section, decimal("bytes of the encrypted record"));
        }
        c.rest("Encrypted record", section, "ciphertext and tag");
    });
    Some(())
}

/// A handshake message, or a part of one.
fn fragment(c: &mut Cursor<'_>) -> Option<()> {
    let section = "RFC 6347 §4.2.2";
    let header = c.peek().get(..12);
    let number = |at: usize, width: usize| {
        let field = header.and_then(|header| header.get(at..at + width)).unwrap_or_default();
        field.iter().fold(0usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let (kind, total, offset, length) = (number(0, 1), number(1, 3), number(6, 3), number(9, 3));
    let kind = HandshakeType(u8::try_from(kind).unwrap_or(0));
    let whole = if header.is_some() { (12 + length).min(c.remaining()) } else { c.remaining() };
    let name = kind.name().unwrap_or("unknown message");
    c.group(whole, "Handshake message", section, (name.to_owned(), "".into()), |c| {
        c.number(1, "Handshake Type", section, |code| named(kind.name(), code));
        c.number(3, "Length", section, decimal("of the whole message"));
        c.number(2, "Message Sequence", section, decimal("counts messages, not records"));
        c.number(3, "Fragment Offset", section, decimal("where this part begins"));
        c.number(3, "Fragment Length", section, decimal("of this part"));
        if offset > 0 || length < total {
            c.rest("Fragment", section, "a part of the message: put together first");
            return;
        }
        let body = c.remaining();
        if body > 0 {
            c.group(body, "Body", section, (String::new(), "".into()), |c| {
                let _ = message(c, kind); // stops early where it is cut short
            });
        }
    });
    Some(())
}

fn message(c: &mut Cursor<'_>, kind: HandshakeType) -> Option<()> {
    match kind {
        HandshakeType::CLIENT_HELLO => hello(c, true),
        HandshakeType::SERVER_HELLO => hello(c, false),
        HandshakeType::HELLO_VERIFY_REQUEST => {
            c.number(2, "Server Version", "RFC 6347 §4.2.1", version)?;
            prefixed(c, 1, "Cookie", "RFC 6347 §4.2.1", "to be sent back in the next ClientHello")
        }
        _ => {
            c.rest("Contents", "RFC 5246 §7.4", "");
            Some(())
        }
    }
}

fn hello(c: &mut Cursor<'_>, client: bool) -> Option<()> {
    let section = if client { "RFC 9147 §5.3" } else { "RFC 8446 §4.1.3" };
    c.number(2, "Legacy Version", section, version)?;
    c.bytes(32, "Random", section, raw("enters every key"))?;
    prefixed(c, 1, "Legacy Session ID", section, "")?;
    if client {
        prefixed(c, 1, "Legacy Cookie", section, "from a HelloVerifyRequest")?;
        prefixed(c, 2, "Cipher Suites", section, "two bytes each, the client's order")?;
        prefixed(c, 1, "Legacy Compression Methods", section, "only 0, no compression")?;
    } else {
        c.number(2, "Cipher Suite", section, |suite| (format!("{suite:#06x}"), "chosen".into()))?;
        c.number(1, "Legacy Compression Method", section, decimal("0"))?;
    }
    if c.remaining() == 0 {
        return Some(());
    }
    c.number(2, "Extensions Length", "RFC 8446 §4.2", decimal("bytes"))?;
    while c.remaining() >= 4 {
        extension(c);
    }
    Some(())
}

fn extension(c: &mut Cursor<'_>) {
    let section = "RFC 8446 §4.2";
    let header = c.peek();
    let kind = ExtensionType(u16::from_be_bytes([header[0], header[1]]));
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let whole = (4 + length).min(c.remaining());
    let name = kind.name().unwrap_or("unknown extension");
    c.group(whole, "Extension", section, (name.to_owned(), "".into()), |c| {
        c.number(2, "Extension Type", section, |code| named(kind.name(), code));
        c.number(2, "Length", section, decimal("bytes"));
        c.rest("Extension Data", section, "");
    });
}

/// A vector: its length in `width` bytes, and itself.
fn prefixed(
    c: &mut Cursor<'_>,
    width: usize,
    field: &'static str,
    section: &'static str,
    meaning: &'static str,
) -> Option<()> {
    let length = c.number(width, format!("{field} Length"), section, decimal("bytes"))?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > 0 {
        c.bytes(length, field, section, |bytes| (hex(bytes), meaning.into()))?;
    }
    Some(())
}

fn version(value: u64) -> crate::node::Said {
    named(ProtocolVersion(u16::try_from(value).unwrap_or(0)).name(), value)
}
