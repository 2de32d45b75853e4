//! SCTP packets and chunks (RFC 9260, 3758, 6525, 8260), as they travel inside DTLS (RFC 8261).

use super::{dcep, named, root};
use crate::node::{Cursor, Node, Said, decimal, hex, hexadecimal, text};
use plywood_datachannel::wire::Ppid;

/// Names every byte of an SCTP packet: what a DTLS record of a data channel holds in the clear.
#[must_use]
pub fn sctp(bytes: &[u8]) -> Node {
    root("SCTP packet", "RFC 9260 §3", bytes, |c| {
        let section = "RFC 9260 §3.1";
        c.number(2, "Source Port Number", section, decimal("5000 by habit; inside DTLS it means nothing"));
        c.number(2, "Destination Port Number", section, decimal(""));
        c.number(4, "Verification Tag", section, |tag| {
            let meaning = if tag == 0 { "0: this holds an INIT" } else { "the receiver chose it" };
            (format!("{tag:#010x}"), meaning.into())
        });
        c.number(4, "Checksum", section, |sum| {
            let meaning = if sum == 0 { "0: trusts DTLS instead (RFC 9653)" } else { "CRC32c of the packet" };
            (format!("{sum:#010x}"), meaning.into())
        });
        while c.remaining() > 0 {
            chunk(c);
        }
    })
}

/// Type and length of the header at the front, for chunks and parameters alike.
fn length_of(c: &Cursor<'_>) -> usize {
    c.peek().get(2..4).map_or(0, |field| usize::from(field[0]) << 8 | usize::from(field[1]))
}

fn chunk(c: &mut Cursor<'_>) {
    let kind = c.peek().first().copied().unwrap_or(0);
    let flags = c.peek().get(1).copied().unwrap_or(0);
    let (name, reference) = chunk_name(kind);
    let length = length_of(c).max(4).min(c.remaining());
    let with_padding = length.next_multiple_of(4).min(c.remaining());
    c.group(with_padding, format!("{name} chunk"), reference, (String::new(), "".into()), |c| {
        c.number(1, "Chunk Type", "RFC 9260 §3.2", |kind| {
            let meaning = match kind >> 6 {
                0 => "unknown ones stop the packet",
                1 => "unknown ones stop the packet and are reported",
                2 => "unknown ones are skipped",
                _ => "unknown ones are skipped and reported",
            };
            (format!("{kind:#04x}"), meaning.into())
        });
        c.number(1, "Chunk Flags", reference, |flags| flags_of(kind, flags));
        c.number(2, "Chunk Length", "RFC 9260 §3.2", decimal("header included, padding not"));
        let value = length.saturating_sub(4).min(c.remaining());
        c.group(value, "Chunk Value", reference, (String::new(), "".into()), |c| {
            let _ = body(c, kind, flags, reference); // stops early where the chunk is cut short
        });
        c.padding(length, "RFC 9260 §3.2");
    });
}

fn flags_of(kind: u8, flags: u64) -> Said {
    let letters: &[(u64, &str)] = match kind {
        0 | 0x40 => &[
            (8, "I: acknowledge at once"),
            (4, "U: unordered"),
            (2, "B: first fragment"),
            (1, "E: last fragment"),
        ],
        6 | 14 => &[(1, "T: the tag is the sender's own")],
        _ => &[],
    };
    let set: Vec<&str> = letters.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
    (format!("{flags:#04x}"), set.join(", ").into())
}

fn body(c: &mut Cursor<'_>, kind: u8, flags: u8, reference: &'static str) -> Option<()> {
    match kind {
        0x00 => {
            data_header(c, reference)?;
            c.number(
                2,
                "Stream Sequence Number",
                reference,
                decimal("counts ordered messages of the stream"),
            )?;
            user_data(c, true, reference)
        }
        0x40 => {
            data_header(c, reference)?;
            c.number(2, "Reserved", reference, hexadecimal(""))?;
            c.number(4, "Message Identifier", reference, decimal("counts messages of the stream"))?;
            user_data(c, flags & 2 != 0, reference)
        }
        0x01 | 0x02 => init(c, reference),
        0x03 => sack(c),
        0x04 | 0x05 | 0x82 => items(c, &PARAMETERS),
        0x06 | 0x09 => items(c, &CAUSES),
        0x07 => c.number(4, "Cumulative TSN Ack", reference, decimal("all up to here has arrived")).map(drop),
        0x0a => {
            c.rest("Cookie", reference, "the state cookie, as the other side made it");
            Some(())
        }
        0xc0 => forward_tsn(c, 4, reference),
        0xc2 => forward_tsn(c, 8, reference),
        0x84 => {
            c.rest("Padding Data", reference, "makes a packet as large as a probe needs");
            Some(())
        }
        _ => {
            c.rest("Value", reference, "");
            Some(())
        }
    }
}

fn data_header(c: &mut Cursor<'_>, reference: &'static str) -> Option<()> {
    c.number(4, "TSN", reference, decimal("counts chunks of the association"))?;
    c.number(2, "Stream Identifier", reference, |id| {
        let whose =
            if id % 2 == 0 { "even: opened by the DTLS client" } else { "odd: opened by the DTLS server" };
        (id.to_string(), whose.into())
    })?;
    Some(())
}

/// The last number of the header and what follows it. Only the first fragment of an I-DATA message has the
/// PPID; the others count fragments in its place (RFC 8260 §2.1).
fn user_data(c: &mut Cursor<'_>, has_ppid: bool, reference: &'static str) -> Option<()> {
    if !has_ppid {
        c.number(4, "Fragment Sequence Number", reference, decimal("counts fragments of the message"))?;
        c.rest("User Data", "RFC 8831 §6.6", "a later part of a message");
        return Some(());
    }
    let ppid = c.number(4, "Payload Protocol Identifier", reference, |ppid| {
        let name = u32::try_from(ppid).ok().and_then(|ppid| Ppid(ppid).name());
        (ppid.to_string(), name.unwrap_or("").into())
    })?;
    let length = c.remaining();
    match Ppid(u32::try_from(ppid).unwrap_or(0)) {
        Ppid::DCEP if length > 0 => {
            c.group(length, "DCEP message", "RFC 8832 §5", (String::new(), "".into()), dcep::parts);
        }
        Ppid::STRING if length > 0 => {
            c.bytes(length, "User Data", "RFC 8831 §6.6", text("text"))?;
        }
        Ppid::STRING_EMPTY | Ppid::BINARY_EMPTY => {
            c.rest("User Data", "RFC 8831 §6.6", "stands for an empty message");
        }
        _ => c.rest("User Data", "RFC 8831 §6.6", "of the application"),
    }
    Some(())
}

fn init(c: &mut Cursor<'_>, reference: &'static str) -> Option<()> {
    c.number(4, "Initiate Tag", reference, |tag| {
        (format!("{tag:#010x}"), "every packet to the sender of this carries it".into())
    })?;
    c.number(
        4,
        "Advertised Receiver Window Credit",
        reference,
        decimal("bytes that the sender of this can hold"),
    )?;
    c.number(2, "Number of Outbound Streams", reference, decimal("wanted"))?;
    c.number(2, "Number of Inbound Streams", reference, decimal("at most"))?;
    c.number(4, "Initial TSN", reference, decimal("of its first DATA chunk"))?;
    items(c, &PARAMETERS)
}

fn sack(c: &mut Cursor<'_>) -> Option<()> {
    let section = "RFC 9260 §3.3.4";
    let cumulative = c.number(4, "Cumulative TSN Ack", section, decimal("all up to here has arrived"))?;
    c.number(4, "Advertised Receiver Window Credit", section, decimal("bytes of room left"))?;
    let gaps = c.number(2, "Number of Gap Ack Blocks", section, decimal(""))?;
    let duplicates = c.number(2, "Number of Duplicate TSNs", section, decimal(""))?;
    for _ in 0..gaps {
        let from_here =
            |offset: u64| (offset.to_string(), format!("TSN {}", (cumulative + offset) & 0xffff_ffff).into());
        c.number(2, "Gap Ack Block Start", section, from_here)?;
        c.number(2, "Gap Ack Block End", section, from_here)?;
    }
    for _ in 0..duplicates {
        c.number(4, "Duplicate TSN", section, decimal("arrived more than once"))?;
    }
    Some(())
}

fn forward_tsn(c: &mut Cursor<'_>, entry: usize, reference: &'static str) -> Option<()> {
    c.number(4, "New Cumulative TSN", reference, decimal("what is missing up to here was abandoned"))?;
    while c.remaining() > 0 {
        c.number(2, "Stream Identifier", reference, decimal(""))?;
        if entry == 4 {
            c.number(2, "Stream Sequence Number", reference, decimal("the highest one skipped"))?;
        } else {
            c.number(2, "Flags", reference, hexadecimal("1: unordered"))?;
            c.number(4, "Message Identifier", reference, decimal("the highest one skipped"))?;
        }
    }
    Some(())
}

/// What a list of type, length, value is made of.
struct List {
    name: fn(u16) -> (&'static str, &'static str),
    value: fn(&mut Cursor<'_>, u16) -> Option<()>,
}

const PARAMETERS: List = List { name: parameter_name, value: parameter };
const CAUSES: List = List { name: cause_name, value: cause };

fn items(c: &mut Cursor<'_>, list: &List) -> Option<()> {
    while c.remaining() >= 4 {
        let kind = u16::from_be_bytes([c.peek()[0], c.peek()[1]]);
        let length = length_of(c).max(4).min(c.remaining());
        let whole = length.next_multiple_of(4).min(c.remaining());
        let (name, reference) = (list.name)(kind);
        c.group(whole, name, reference, (String::new(), "".into()), |c| {
            c.number(2, "Type", reference, |kind| (format!("{kind:#06x}"), "".into()));
            c.number(2, "Length", reference, decimal("header included, padding not"));
            let body = length.saturating_sub(4).min(c.remaining());
            if body > 0 {
                c.group(body, "Value", reference, (String::new(), "".into()), |c| {
                    let _ = (list.value)(c, kind); // stops early where it is cut short
                });
            }
            c.padding(length, "RFC 9260 §3.2.1");
        });
    }
    Some(())
}

fn parameter(c: &mut Cursor<'_>, kind: u16) -> Option<()> {
    let section = "RFC 6525 §4";
    match kind {
        13 | 14 => {
            c.number(4, "Re-configuration Request Sequence Number", section, decimal("counts requests"))?;
            if kind == 13 {
                c.number(
                    4,
                    "Re-configuration Response Sequence Number",
                    section,
                    decimal("of the last request answered"),
                )?;
                c.number(
                    4,
                    "Sender's Last Assigned TSN",
                    section,
                    decimal("the reset waits until this arrived"),
                )?;
            }
            while c.remaining() >= 2 {
                c.number(2, "Stream Number", section, decimal("to be reset"))?;
            }
        }
        16 => {
            c.number(4, "Re-configuration Response Sequence Number", section, decimal("of the request"))?;
            c.number(4, "Result", section, |result| {
                let name = [
                    "nothing to do",
                    "performed",
                    "denied",
                    "wrong SSN",
                    "already in progress",
                    "bad sequence number",
                    "in progress",
                ];
                let name = usize::try_from(result).ok().and_then(|result| name.get(result).copied());
                (result.to_string(), name.unwrap_or("unknown").into())
            })?;
        }
        0x8008 => {
            while c.remaining() > 0 {
                c.number(1, "Chunk Type", "RFC 5061 §4.2.7", |kind| {
                    named(Some(chunk_name(u8::try_from(kind).unwrap_or(0)).0), kind)
                })?;
            }
        }
        _ => c.rest("Value", "", ""),
    }
    Some(())
}

fn cause(c: &mut Cursor<'_>, kind: u16) -> Option<()> {
    match kind {
        12 | 13 => {
            let length = c.remaining();
            c.bytes(length, "Reason", "RFC 9260 §3.3.10", text("for people"))?;
        }
        1 => {
            c.number(2, "Stream Identifier", "RFC 9260 §3.3.10.1", decimal(""))?;
            c.number(2, "Reserved", "RFC 9260 §3.3.10.1", hexadecimal(""))?;
        }
        _ => {
            let length = c.remaining();
            c.bytes(length, "Information", "RFC 9260 §3.3.10", |bytes| (hex(bytes), "".into()))?;
        }
    }
    Some(())
}

fn chunk_name(kind: u8) -> (&'static str, &'static str) {
    match kind {
        0x00 => ("DATA", "RFC 9260 §3.3.1"),
        0x01 => ("INIT", "RFC 9260 §3.3.2"),
        0x02 => ("INIT ACK", "RFC 9260 §3.3.3"),
        0x03 => ("SACK", "RFC 9260 §3.3.4"),
        0x04 => ("HEARTBEAT", "RFC 9260 §3.3.5"),
        0x05 => ("HEARTBEAT ACK", "RFC 9260 §3.3.6"),
        0x06 => ("ABORT", "RFC 9260 §3.3.7"),
        0x07 => ("SHUTDOWN", "RFC 9260 §3.3.8"),
        0x08 => ("SHUTDOWN ACK", "RFC 9260 §3.3.9"),
        0x09 => ("ERROR", "RFC 9260 §3.3.10"),
        0x0a => ("COOKIE ECHO", "RFC 9260 §3.3.11"),
        0x0b => ("COOKIE ACK", "RFC 9260 §3.3.12"),
        0x0c => ("ECNE", "RFC 9260 §3.3"),
        0x0d => ("CWR", "RFC 9260 §3.3"),
        0x0e => ("SHUTDOWN COMPLETE", "RFC 9260 §3.3.13"),
        0x0f => ("AUTH", "RFC 4895 §4.1"),
        0x40 => ("I-DATA", "RFC 8260 §2.1"),
        0x80 => ("ASCONF-ACK", "RFC 5061 §4.1.2"),
        0x82 => ("RE-CONFIG", "RFC 6525 §3.1"),
        0x84 => ("PAD", "RFC 4820 §3"),
        0xc0 => ("FORWARD TSN", "RFC 3758 §3.2"),
        0xc1 => ("ASCONF", "RFC 5061 §4.1.1"),
        0xc2 => ("I-FORWARD-TSN", "RFC 8260 §2.3.1"),
        _ => ("Unknown", "RFC 9260 §3.2"),
    }
}

fn parameter_name(kind: u16) -> (&'static str, &'static str) {
    match kind {
        1 => ("Heartbeat Info", "RFC 9260 §3.3.5"),
        5 => ("IPv4 Address", "RFC 9260 §3.3.2.1"),
        6 => ("IPv6 Address", "RFC 9260 §3.3.2.1"),
        7 => ("State Cookie", "RFC 9260 §3.3.3.1"),
        8 => ("Unrecognized Parameter", "RFC 9260 §3.3.3.1"),
        9 => ("Cookie Preservative", "RFC 9260 §3.3.2.1"),
        12 => ("Supported Address Types", "RFC 9260 §3.3.2.1"),
        13 => ("Outgoing SSN Reset Request", "RFC 6525 §4.1"),
        14 => ("Incoming SSN Reset Request", "RFC 6525 §4.2"),
        15 => ("SSN/TSN Reset Request", "RFC 6525 §4.3"),
        16 => ("Re-configuration Response", "RFC 6525 §4.4"),
        17 => ("Add Outgoing Streams Request", "RFC 6525 §4.5"),
        18 => ("Add Incoming Streams Request", "RFC 6525 §4.6"),
        0x8001 => ("Zero Checksum Acceptable", "RFC 9653 §4"),
        0x8008 => ("Supported Extensions", "RFC 5061 §4.2.7"),
        0xc000 => ("Forward-TSN-Supported", "RFC 3758 §3.1"),
        _ => ("Unknown parameter", "RFC 9260 §3.2.1"),
    }
}

fn cause_name(kind: u16) -> (&'static str, &'static str) {
    match kind {
        1 => ("Invalid Stream Identifier", "RFC 9260 §3.3.10.1"),
        2 => ("Missing Mandatory Parameter", "RFC 9260 §3.3.10.2"),
        3 => ("Stale Cookie", "RFC 9260 §3.3.10.3"),
        4 => ("Out of Resource", "RFC 9260 §3.3.10.4"),
        5 => ("Unresolvable Address", "RFC 9260 §3.3.10.5"),
        6 => ("Unrecognized Chunk Type", "RFC 9260 §3.3.10.6"),
        7 => ("Invalid Mandatory Parameter", "RFC 9260 §3.3.10.7"),
        8 => ("Unrecognized Parameters", "RFC 9260 §3.3.10.8"),
        9 => ("No User Data", "RFC 9260 §3.3.10.9"),
        10 => ("Cookie Received While Shutting Down", "RFC 9260 §3.3.10.10"),
        11 => ("Restart of an Association with New Addresses", "RFC 9260 §3.3.10.11"),
        12 => ("User-Initiated Abort", "RFC 9260 §3.3.10.12"),
        13 => ("Protocol Violation", "RFC 9260 §3.3.10.13"),
        _ => ("Unknown cause", "RFC 9260 §3.3.10"),
    }
}
