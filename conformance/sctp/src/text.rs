//! Chunk text: what a scenario writes for a packet.
//!
//! ```text
//!   SACK[flgs=0, cum_tsn=1, a_rwnd=..., gaps=[2:3], dups=[]]; DATA[flgs=BE, len=116, tsn=1, ..]
//!   `--' `-----'             `--------'  `--------'           |
//!   name  field               any value    range in a list    next chunk of the same packet
//! ```
//!
//! A node is a name with fields and nested nodes (parameters, causes); `...` alone means that more may follow.
//! A packet may also be raw bytes: `[0xc0, 0x00, 0x00, 0x04]`.

use std::fmt;

/// A name with brackets: a chunk, a parameter, a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) fields: Vec<(String, Value)>,
    pub(crate) nested: Vec<Self>,
    /// `...` stands among the items: more parameters may follow.
    pub(crate) open: bool,
}

/// What a field says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// `...`: whatever it is.
    Any,
    Number(u64),
    /// Anything that is not a number: flags, addresses, names of code points.
    Word(String),
    List(Vec<Self>),
    /// `{1,0}`
    Tuple(Vec<Self>),
    Node(Node),
}

/// A packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PacketText {
    Chunks(Vec<Node>),
    Raw(Vec<u8>),
}

/// Text that is not of this format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextError {
    at: usize,
    expected: &'static str,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} expected at character {}", self.expected, self.at)
    }
}

impl std::error::Error for TextError {}

impl Node {
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|field| field.0 == name).map(|field| &field.1)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        match self.field(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn list(&self, name: &str) -> &[Value] {
        match self.field(name) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }
}

/// Reads the text of a packet.
///
/// # Errors
/// Where it is not of the format, among others where it ends with a `;`: the rest of such a packet was lost.
pub(crate) fn parse(text: &str) -> Result<PacketText, TextError> {
    let mut reader = Reader { text: text.as_bytes(), at: 0 };
    let packet = if reader.peek() == Some(b'[') {
        let bytes = reader.list()?.into_iter().map(|value| match value {
            Value::Number(byte) => u8::try_from(byte).ok(),
            _ => None,
        });
        let bytes = bytes.collect::<Option<Vec<u8>>>().ok_or_else(|| reader.error("bytes"))?;
        PacketText::Raw(bytes)
    } else {
        let mut chunks = vec![reader.node()?];
        while reader.take(b';') {
            chunks.push(reader.node()?);
        }
        PacketText::Chunks(chunks)
    };
    if reader.peek().is_some() { Err(reader.error("the end")) } else { Ok(packet) }
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn error(&self, expected: &'static str) -> TextError {
        TextError { at: self.at, expected }
    }

    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), TextError> {
        if self.take(byte) { Ok(()) } else { Err(self.error(expected)) }
    }

    /// A run of characters that mean nothing to the format: `BE`, `0x1f`, `...`, `fe80::1`, `2:3`, `"a.b"`.
    fn word(&mut self) -> Result<String, TextError> {
        self.peek();
        let rest = &self.text[self.at..];
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.:-|\"()".contains(byte);
        let length = rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.error("a word"));
        }
        self.at += length;
        Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    fn node(&mut self) -> Result<Node, TextError> {
        let name = self.word()?;
        self.expect(b'[', "[")?;
        self.items(name)
    }

    /// After `NAME[`.
    fn items(&mut self, name: String) -> Result<Node, TextError> {
        let mut node = Node { name, fields: Vec::new(), nested: Vec::new(), open: false };
        while !self.take(b']') {
            let word = self.word()?;
            if word == "..." {
                node.open = true;
            } else if self.take(b'=') {
                let value = self.value()?;
                node.fields.push((word, value));
            } else {
                self.expect(b'[', "= or [")?;
                node.nested.push(self.items(word)?);
            }
            if !self.take(b',') && self.peek() != Some(b']') {
                return Err(self.error(", or ]"));
            }
        }
        Ok(node)
    }

    fn value(&mut self) -> Result<Value, TextError> {
        match self.peek() {
            Some(b'[') => self.list().map(Value::List),
            Some(b'{') => {
                self.at += 1;
                self.sequence(b'}').map(Value::Tuple)
            }
            _ => {
                let word = self.word()?;
                if self.take(b'[') {
                    return self.items(word).map(Value::Node);
                }
                Ok(value_of(&word))
            }
        }
    }

    fn list(&mut self) -> Result<Vec<Value>, TextError> {
        self.expect(b'[', "[")?;
        self.sequence(b']')
    }

    fn sequence(&mut self, end: u8) -> Result<Vec<Value>, TextError> {
        let mut values = Vec::new();
        while !self.take(end) {
            values.push(self.value()?);
            if !self.take(b',') && self.peek() != Some(end) {
                return Err(self.error(", or the end of a list"));
            }
        }
        Ok(values)
    }
}

fn value_of(word: &str) -> Value {
    if word == "..." {
        return Value::Any;
    }
    let number = match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => word.parse(),
    };
    number.map_or_else(|_| Value::Word(word.to_owned()), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(text: &str) -> Vec<Node> {
        match parse(text).unwrap() {
            PacketText::Chunks(chunks) => chunks,
            PacketText::Raw(_) => Vec::new(),
        }
    }

    #[test]
    fn bundled_chunks_with_lists_and_ranges_are_read() {
        let read =
            chunks("SACK[flgs=0, cum_tsn=1, a_rwnd=..., gaps=[2:3], dups=[1,1]]; DATA[flgs=BE, tsn=0x10]");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].field("a_rwnd"), Some(&Value::Any));
        assert_eq!(read[0].list("gaps"), [Value::Word("2:3".to_owned())]);
        assert_eq!(read[0].list("dups").len(), 2);
        assert_eq!(read[1].field("flgs"), Some(&Value::Word("BE".to_owned())));
        assert_eq!(read[1].number("tsn"), Some(16));
    }

    #[test]
    fn parameters_nest_and_three_dots_leave_a_node_open() {
        let read = chunks(
            "INIT_ACK[tag=2, UNRECOGNIZED_PARAMETER[params=[PARAMETER[type=0xc0cc, val=[0x01]]]], ...]",
        );
        assert!(read[0].open);
        let [Value::Node(inner)] = read[0].nested[0].list("params") else { panic!("one parameter") };
        assert_eq!(inner.number("type"), Some(0xc0cc));
    }

    #[test]
    fn tuples_and_raw_packets_are_read() {
        let read = chunks("I_FORWARD_TSN[cum_tsn=4, ids=[{1,0,2}, {0, 1, 0}]]");
        assert_eq!(read[0].list("ids").len(), 2);
        assert_eq!(parse("[0xc0, 0x00 ,0x00, 0x04]"), Ok(PacketText::Raw(vec![0xc0, 0, 0, 4])));
    }

    #[test]
    fn a_packet_whose_rest_was_lost_is_an_error() {
        assert!(parse("COOKIE_ACK[flgs=0];").is_err());
        assert!(parse("DATA[flgs=0").is_err());
        assert!(parse("DATA[flgs=0]]").is_err());
        assert!(parse("").is_err());
    }
}
