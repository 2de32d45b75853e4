//! STUN messages and attributes (RFC 8489, RFC 8445, RFC 8656).

use super::root;
use crate::node::{Cursor, Node, Said, decimal, hex, hexadecimal, raw, text};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const MAGIC_COOKIE: u32 = 0x2112_a442;

/// Names every byte of a STUN message.
#[must_use]
pub fn stun(bytes: &[u8]) -> Node {
    root("STUN message", "RFC 8489 §5", bytes, |c| {
        let section = "RFC 8489 §5";
        c.number(2, "STUN Message Type", section, message_type);
        c.number(2, "Message Length", section, decimal("bytes behind the header, a multiple of 4"));
        c.number(4, "Magic Cookie", section, |cookie| {
            let right = cookie == u64::from(MAGIC_COOKIE);
            (
                format!("{cookie:#010x}"),
                if right { "tells STUN from older protocols" } else { "wrong" }.into(),
            )
        });
        let id = c
            .bytes(12, "Transaction ID", section, raw("random; the response repeats it"))
            .unwrap_or_default();
        while c.remaining() > 0 {
            attribute(c, id);
        }
    })
}

/// Two bits of class lie between the bits of the method.
fn message_type(value: u64) -> Said {
    let class = match (value >> 8 & 1, value >> 4 & 1) {
        (0, 0) => "request",
        (0, _) => "indication",
        (_, 0) => "success response",
        _ => "error response",
    };
    let method = value & 0xf | value >> 1 & 0x70 | value >> 2 & 0xf80;
    let name = match method {
        1 => "Binding",
        3 => "Allocate",
        4 => "Refresh",
        6 => "Send",
        7 => "Data",
        8 => "CreatePermission",
        9 => "ChannelBind",
        0xa => "Connect",
        0xb => "ConnectionBind",
        0xc => "ConnectionAttempt",
        _ => "unknown method",
    };
    (format!("{name} {class}"), format!("method {method:#05x}, class in bits 4 and 8").into())
}

fn attribute(c: &mut Cursor<'_>, transaction_id: &[u8]) {
    let header = c.peek();
    let kind =
        u16::from_be_bytes([header.first().copied().unwrap_or(0), header.get(1).copied().unwrap_or(0)]);
    let length = header.get(2..4).map_or(0, |field| usize::from(field[0]) << 8 | usize::from(field[1]));
    let whole = (4 + length.next_multiple_of(4)).min(c.remaining());
    let (name, reference) = name(kind);
    c.group(whole, name, reference, (String::new(), "".into()), |c| {
        c.number(2, "Type", "RFC 8489 §14", |kind| {
            let meaning = if kind < 0x8000 { "must be understood" } else { "may be ignored" };
            (format!("{kind:#06x}"), meaning.into())
        });
        c.number(2, "Length", "RFC 8489 §14", decimal("without the padding"));
        let length = length.min(c.remaining());
        value(c, kind, length, reference, transaction_id);
        c.padding(length, "RFC 8489 §14");
    });
}

fn value(c: &mut Cursor<'_>, kind: u16, length: usize, reference: &'static str, transaction_id: &[u8]) {
    match kind {
        0x0001 | 0x8023 | 0x802b | 0x802c => address(c, length, reference, None),
        0x0020 | 0x0012 | 0x0016 => address(c, length, reference, Some(transaction_id)),
        0x0009 if length >= 4 => error_code(c, length, reference),
        0x0006 | 0x0014 | 0x0015 | 0x8022 | 0x8003 => {
            let meaning =
                if kind == 0x0006 { "for ICE: the receiver's ufrag, a colon, the sender's" } else { "" };
            c.bytes(length, "Value", reference, text(meaning));
        }
        0x8028 if length == 4 => {
            c.number(4, "CRC-32", reference, hexadecimal("of all before it, XOR 0x5354554e"));
        }
        0x0024 if length == 4 => {
            c.number(4, "Priority", reference, |priority| {
                let kind = priority >> 24;
                (
                    priority.to_string(),
                    format!("type preference {kind}, if the pair becomes peer-reflexive").into(),
                )
            });
        }
        0x8029 | 0x802a if length == 8 => {
            c.number(8, "Tie-breaker", reference, hexadecimal("the larger keeps its role in a conflict"));
        }
        0x000d | 0xc001 if length == 4 => {
            let meaning = if kind == 0x000d { "seconds" } else { "the highest one wins" };
            c.number(4, "Value", reference, decimal(meaning));
        }
        _ if length > 0 => {
            let (field, meaning) = match kind {
                0x0008 => ("HMAC-SHA1", "over all before it, keyed with the password"),
                0x001c => ("HMAC-SHA256", "over all before it"),
                _ => ("Value", ""),
            };
            c.bytes(length, field, reference, raw(meaning));
        }
        _ => {}
    }
}

fn error_code(c: &mut Cursor<'_>, length: usize, reference: &'static str) {
    c.bytes(2, "Reserved", reference, raw(""));
    c.number(2, "Class and Number", reference, |code| {
        let number = (code >> 8 & 7) * 100 + (code & 0xff);
        (number.to_string(), "hundreds in the first byte".into())
    });
    c.bytes(length - 4, "Reason Phrase", reference, text("for people only"));
}

fn address(c: &mut Cursor<'_>, length: usize, reference: &'static str, key: Option<&[u8]>) {
    if length != 8 && length != 20 {
        c.bytes(length, "Value", reference, raw("an address of no known length"));
        return;
    }
    let mut mask = MAGIC_COOKIE.to_be_bytes().to_vec();
    mask.extend_from_slice(key.unwrap_or_default());
    let meaning = if key.is_some() {
        "XORed with cookie and transaction id: NATs cannot rewrite it"
    } else {
        "in the clear"
    };
    c.number(1, "Reserved", reference, hexadecimal(""));
    c.number(1, "Family", reference, |family| {
        let name = match family {
            1 => "IPv4".to_owned(),
            2 => "IPv6".to_owned(),
            other => format!("{other:#x}"),
        };
        (name, "".into())
    });
    c.number(2, "Port", reference, |port| {
        let clear = if key.is_some() { port ^ u64::from(MAGIC_COOKIE >> 16) } else { port };
        (clear.to_string(), meaning.into())
    });
    c.bytes(length - 4, "Address", reference, |bytes| {
        let keys = mask.iter().copied().chain(std::iter::repeat(0));
        let clear: Vec<u8> = bytes
            .iter()
            .zip(keys)
            .map(|(byte, mask)| if key.is_some() { byte ^ mask } else { *byte })
            .collect();
        (ip(&clear), meaning.into())
    });
}

fn ip(bytes: &[u8]) -> String {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        IpAddr::from(Ipv4Addr::from(v4)).to_string()
    } else if let Ok(v6) = <[u8; 16]>::try_from(bytes) {
        IpAddr::from(Ipv6Addr::from(v6)).to_string()
    } else {
        hex(bytes)
    }
}

fn name(kind: u16) -> (&'static str, &'static str) {
    match kind {
        0x0001 => ("MAPPED-ADDRESS", "RFC 8489 §14.1"),
        0x0006 => ("USERNAME", "RFC 8489 §14.3"),
        0x0008 => ("MESSAGE-INTEGRITY", "RFC 8489 §14.5"),
        0x0009 => ("ERROR-CODE", "RFC 8489 §14.8"),
        0x000a => ("UNKNOWN-ATTRIBUTES", "RFC 8489 §14.13"),
        0x000c => ("CHANNEL-NUMBER", "RFC 8656 §18.1"),
        0x000d => ("LIFETIME", "RFC 8656 §18.2"),
        0x0012 => ("XOR-PEER-ADDRESS", "RFC 8656 §18.3"),
        0x0013 => ("DATA", "RFC 8656 §18.4"),
        0x0014 => ("REALM", "RFC 8489 §14.9"),
        0x0015 => ("NONCE", "RFC 8489 §14.10"),
        0x0016 => ("XOR-RELAYED-ADDRESS", "RFC 8656 §18.5"),
        0x0017 => ("REQUESTED-ADDRESS-FAMILY", "RFC 8656 §18.6"),
        0x0018 => ("EVEN-PORT", "RFC 8656 §18.7"),
        0x0019 => ("REQUESTED-TRANSPORT", "RFC 8656 §18.8"),
        0x001a => ("DONT-FRAGMENT", "RFC 8656 §18.9"),
        0x001c => ("MESSAGE-INTEGRITY-SHA256", "RFC 8489 §14.6"),
        0x001d => ("PASSWORD-ALGORITHM", "RFC 8489 §14.12"),
        0x001e => ("USERHASH", "RFC 8489 §14.4"),
        0x0020 => ("XOR-MAPPED-ADDRESS", "RFC 8489 §14.2"),
        0x0022 => ("RESERVATION-TOKEN", "RFC 8656 §18.10"),
        0x0024 => ("PRIORITY", "RFC 8445 §16.1"),
        0x0025 => ("USE-CANDIDATE", "RFC 8445 §16.1"),
        0x8002 => ("PASSWORD-ALGORITHMS", "RFC 8489 §14.11"),
        0x8003 => ("ALTERNATE-DOMAIN", "RFC 8489 §14.16"),
        0x8022 => ("SOFTWARE", "RFC 8489 §14.14"),
        0x8023 => ("ALTERNATE-SERVER", "RFC 8489 §14.15"),
        0x8028 => ("FINGERPRINT", "RFC 8489 §14.7"),
        0x8029 => ("ICE-CONTROLLED", "RFC 8445 §16.1"),
        0x802a => ("ICE-CONTROLLING", "RFC 8445 §16.1"),
        0x802b => ("RESPONSE-ORIGIN", "RFC 5780 §7.3"),
        0x802c => ("OTHER-ADDRESS", "RFC 5780 §7.4"),
        0xc001 => ("NOMINATION", ""),
        0xc057 => ("GOOG-NETWORK-INFO", ""),
        0xc070 => ("DTLS-IN-STUN", ""),
        0xc071 => ("DTLS-IN-STUN-ACKNOWLEDGEMENT", ""),
        _ => ("Unknown attribute", "RFC 8489 §14"),
    }
}
