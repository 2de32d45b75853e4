//! A tree as annotated hexadecimal, for people.

use crate::node::Node;
use std::fmt::Write;

/// Bytes that fit a line.
const PER_LINE: usize = 8;

/// One line a field: offset, bytes, name, value, meaning, reference.
///
/// ```text
/// 0000  00 01                    STUN Message Type: Binding request (..)  [RFC 8489 §5]
/// ```
#[must_use]
pub fn annotate(tree: &Node, datagram: &[u8]) -> String {
    let mut out = String::new();
    line(tree, datagram, 0, &mut out);
    out
}

fn line(node: &Node, datagram: &[u8], depth: usize, out: &mut String) {
    let mut bytes = String::new();
    if node.children.is_empty() {
        let range = datagram.get(node.range.clone()).unwrap_or_default();
        for byte in range.iter().take(PER_LINE) {
            let _ = write!(bytes, "{byte:02x} "); // a String takes everything
        }
        if range.len() > PER_LINE {
            bytes.push_str("..");
        }
    }
    let _ = write!(
        out,
        "{:04x}  {bytes:<26}  {:indent$}{}",
        node.range.start,
        "",
        node.field,
        indent = depth * 2
    );
    if !node.value.is_empty() {
        let _ = write!(out, ": {}", node.value);
    }
    if !node.meaning.is_empty() {
        let _ = write!(out, " ({})", node.meaning);
    }
    if !node.reference.is_empty() {
        let _ = write!(out, "  [{}]", node.reference);
    }
    out.push('\n');
    for child in &node.children {
        line(child, datagram, depth + 1, out);
    }
}
