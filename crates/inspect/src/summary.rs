//! A packet in a line: its layers from the outside in, parted by `>`.

use std::fmt::Write;

use crate::conversation::OpenedRecord;
use crate::node::Node;

/// `DTLS 1.2 CLIENT_HELLO`, `DTLS data > SCTP INIT`, `STUN Binding request`.
pub(crate) fn summary(tree: &Node, opened: &[OpenedRecord], closed: &[&str]) -> String {
    match tree.field.as_ref() {
        "DTLS records" => records(tree, opened, closed),
        "SCTP packet" => sctp(tree),
        _ => tree.find("STUN Message Type").map_or_else(
            || tree.field.to_string(),
            |kind| {
                let class =
                    if kind.meaning.is_empty() { String::new() } else { format!(" ({})", kind.meaning) };
                format!("STUN {}{class}", kind.value)
            },
        ),
    }
}

fn records(tree: &Node, opened: &[OpenedRecord], closed: &[&str]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut closed = closed.iter();
    for (index, record) in tree.children.iter().enumerate() {
        if let Some(opened) = opened.iter().find(|opened| opened.index == index) {
            words.push(opened_record(opened));
            continue;
        }
        let messages = handshake(record);
        if !messages.is_empty() {
            words.push(messages);
        } else if is_protected(record) {
            let reason = closed.next().copied().unwrap_or("no key for it");
            words.push(format!("protected record ({reason})"));
        } else {
            words.push(plaintext(record));
        }
    }
    format!("DTLS {}", words.join(" + "))
}

fn is_protected(record: &Node) -> bool {
    record.children.iter().any(|part| part.field.starts_with("Encrypted"))
}

/// An alert, a change of ciphers.
fn plaintext(record: &Node) -> String {
    let name = record.value.to_string();
    record.find("Alert Description").map_or(name.clone(), |alert| format!("{name} {}", alert.value))
}

/// The messages in a record: a fragment says which part it is.
fn handshake(record: &Node) -> String {
    let mut out = String::new();
    for message in record.children.iter().filter(|part| part.field == "Handshake message") {
        let number = |field| message.find(field).and_then(|node| node.value.parse::<u64>().ok()).unwrap_or(0);
        let (from, part, whole) = (number("Fragment Offset"), number("Fragment Length"), number("Length"));
        let separator = if out.is_empty() { "" } else { " + " };
        let _ = write!(out, "{separator}{}", message.value); // a String takes everything
        if part < whole {
            let _ = write!(out, " [{from}..{} of {whole}]", from + part);
        }
    }
    out
}

fn opened_record(opened: &OpenedRecord) -> String {
    match opened.tree.field.as_ref() {
        "SCTP packet" => format!("data > {}", sctp(&opened.tree)),
        _ => {
            let messages = handshake(&opened.tree);
            let said = if messages.is_empty() { plaintext(&opened.tree) } else { messages };
            let said = if said.is_empty() { opened.content_type } else { &said };
            format!("{{{said}}}")
        }
    }
}

fn sctp(tree: &Node) -> String {
    let chunks = tree.children.iter().filter(|part| part.field.ends_with(" chunk"));
    let words: Vec<String> = chunks.map(chunk).collect();
    format!("SCTP {}", if words.is_empty() { "nothing readable".to_owned() } else { words.join(" + ") })
}

fn chunk(node: &Node) -> String {
    let name = node.field.trim_end_matches(" chunk");
    let value = |field: &str| node.find(field).map(|node| node.value.as_str());
    let mut out = name.to_owned();
    if let Some(stream) = value("Stream Identifier") {
        let _ = write!(out, " stream {stream}");
    }
    if let Some(kind) = value("Message Type") {
        let _ = write!(out, " > DCEP {kind}");
        if let Some(label) = value("Label") {
            let _ = write!(out, " {label}");
        }
    } else if let Some(user) = node.find("User Data") {
        let ppid = node.find("Payload Protocol Identifier").map_or("", |ppid| ppid.meaning.as_ref());
        let _ = write!(out, " > {} bytes, {ppid}", user.range.len());
    } else if let Some(acknowledged) = value("Cumulative TSN Ack") {
        let _ = write!(out, " up to {acknowledged}");
    }
    out
}
