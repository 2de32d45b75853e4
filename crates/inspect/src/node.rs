//! A named range of bytes, and the cursor that names them.

use std::{borrow::Cow, ops::Range};

/// A range of bytes with its name and meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands in the datagram.
    pub range: Range<usize>,
    /// The name in the RFC.
    pub field: Cow<'static, str>,
    /// Where the RFC defines it, such as `RFC 9260 §3.3.1`.
    pub reference: &'static str,
    /// The value, in the form that reads best; empty for a mere group.
    pub value: String,
    /// What the value means.
    pub meaning: Cow<'static, str>,
    /// The parts, in order; if there are any, they cover the range.
    pub children: Vec<Self>,
}

impl Node {
    /// The nodes without children, in the order of their bytes.
    #[must_use]
    pub fn leaves(&self) -> Vec<&Self> {
        if self.children.is_empty() {
            return vec![self];
        }
        self.children.iter().flat_map(Self::leaves).collect()
    }

    /// The first node of this name, at any depth.
    #[must_use]
    pub fn find(&self, field: &str) -> Option<&Self> {
        if self.field == field {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(field))
    }
}

/// Value and meaning of a field.
pub(crate) type Said = (String, Cow<'static, str>);

/// Names bytes from the front; whatever it is asked, it never leaves a byte without a name.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    /// Where `bytes` stands in the datagram.
    base: usize,
    at: usize,
    nodes: Vec<Node>,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8], base: usize) -> Self {
        Self { bytes, base, at: 0, nodes: Vec::new() }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn peek(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The next bytes under a name. `None`, with a node that says so, if fewer are left.
    pub(crate) fn bytes(
        &mut self,
        length: usize,
        field: impl Into<Cow<'static, str>>,
        reference: &'static str,
        say: impl FnOnce(&'a [u8]) -> Said,
    ) -> Option<&'a [u8]> {
        let field = field.into();
        let Some(bytes) = self.peek().get(..length) else {
            self.cut(&field, length);
            return None;
        };
        let (value, meaning) = say(bytes);
        self.push(length, field, reference, value, meaning, Vec::new());
        Some(bytes)
    }

    /// The next number of up to 8 bytes, most significant byte first.
    pub(crate) fn number(
        &mut self,
        width: usize,
        field: impl Into<Cow<'static, str>>,
        reference: &'static str,
        say: impl FnOnce(u64) -> Said,
    ) -> Option<u64> {
        let bytes = self.bytes(width, field, reference, |bytes| say(number_of(bytes)))?;
        Some(number_of(bytes))
    }

    /// The next bytes as a group of parts that `inner` names.
    pub(crate) fn group(
        &mut self,
        length: usize,
        field: impl Into<Cow<'static, str>>,
        reference: &'static str,
        said: Said,
        inner: impl FnOnce(&mut Self),
    ) {
        let field = field.into();
        let Some(bytes) = self.peek().get(..length) else {
            self.cut(&field, length);
            return;
        };
        let mut parts = Self::new(bytes, self.base + self.at);
        inner(&mut parts);
        let children = parts.finish();
        self.push(length, field, reference, said.0, said.1, children);
    }

    /// Padding up to the next multiple of 4, if it is there.
    pub(crate) fn padding(&mut self, length: usize, reference: &'static str) {
        let padding = (4 - length % 4) % 4;
        let padding = padding.min(self.remaining());
        if padding > 0 {
            self.bytes(padding, "Padding", reference, |_| {
                (String::new(), "fills up to a multiple of 4 bytes".into())
            });
        }
    }

    /// All that is left.
    pub(crate) fn rest(&mut self, field: &'static str, reference: &'static str, meaning: &'static str) {
        let length = self.remaining();
        if length > 0 {
            self.bytes(length, field, reference, |bytes| (hex(bytes), meaning.into()));
        }
    }

    /// The parts; bytes without a name get one.
    pub(crate) fn finish(mut self) -> Vec<Node> {
        self.rest("Trailing bytes", "", "behind the end of what could be read");
        self.nodes
    }

    fn cut(&mut self, field: &str, needed: usize) {
        let (available, at) = (self.remaining(), self.base + self.at);
        let node = Node {
            range: at..at + available,
            field: "Cut short".into(),
            reference: "",
            value: String::new(),
            meaning: format!("{field} needs {needed} bytes, {available} are left").into(),
            children: Vec::new(),
        };
        self.at = self.bytes.len();
        self.nodes.push(node);
    }

    fn push(
        &mut self,
        length: usize,
        field: Cow<'static, str>,
        reference: &'static str,
        value: String,
        meaning: Cow<'static, str>,
        children: Vec<Node>,
    ) {
        let at = self.base + self.at;
        self.nodes.push(Node { range: at..at + length, field, reference, value, meaning, children });
        self.at += length;
    }
}

fn number_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A number in decimal.
pub(crate) fn decimal(meaning: &'static str) -> impl FnOnce(u64) -> Said {
    move |value| (value.to_string(), meaning.into())
}

/// A number in hexadecimal.
pub(crate) fn hexadecimal(meaning: &'static str) -> impl FnOnce(u64) -> Said {
    move |value| (format!("{value:#x}"), meaning.into())
}

/// Bytes in hexadecimal.
pub(crate) fn raw(meaning: &'static str) -> impl FnOnce(&[u8]) -> Said {
    move |bytes| (hex(bytes), meaning.into())
}

/// Bytes as text.
pub(crate) fn text(meaning: &'static str) -> impl FnOnce(&[u8]) -> Said {
    move |bytes| (format!("{:?}", String::from_utf8_lossy(bytes)), meaning.into())
}

/// The first bytes, and how many there are if not all are shown.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let shown: String = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > 16 { format!("{shown}.. ({} bytes)", bytes.len()) } else { shown }
}
