//! Generated messages: the same bytes in every implementation, without sending them beforehand.
//!
//! A block of 65536 bytes comes from xorshift32 seeded by the command; byte `k` of message `i` is byte
//! `(7919 i + k) mod 65536` of it (docs/peer-contract.md, "Generated payloads").

use bytes::Bytes;
use plywood::{Message, Text};

const BLOCK: usize = 65_536;
/// A prime, so that messages begin at all places of the block.
const STEP: usize = 7919;

/// Text or binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Printable ASCII.
    Text,
    /// All byte values.
    Binary,
}

impl Kind {
    /// As events name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

/// The block of one seed, twice in a row: every message of up to 64 KiB is a slice of it.
#[derive(Debug)]
pub(crate) struct Generator {
    kind: Kind,
    twice: Bytes,
}

impl Generator {
    pub(crate) fn new(seed: u32, kind: Kind) -> Self {
        let mut x = match seed ^ 0x9E37_79B9 {
            0 => 1, // zero is the fixed point of xorshift
            x => x,
        };
        let mut block: Vec<u8> = (0..BLOCK)
            .map(|_| {
                x ^= x << 13;
                x ^= x >> 17;
                x ^= x << 5;
                let [byte, ..] = x.to_le_bytes();
                match kind {
                    Kind::Binary => byte,
                    Kind::Text => 0x20 + byte % 95,
                }
            })
            .collect();
        block.extend_from_within(..);
        Self { kind, twice: Bytes::from(block) }
    }

    /// The bytes of message `index`.
    pub(crate) fn bytes(&self, index: usize, size: usize) -> Bytes {
        let start = index.wrapping_mul(STEP) % BLOCK;
        if size <= BLOCK {
            return self.twice.slice(start..start + size);
        }
        let mut data = Vec::with_capacity(size);
        while data.len() < size {
            let take = (size - data.len()).min(BLOCK);
            data.extend_from_slice(&self.twice[start..start + take]);
        }
        Bytes::from(data)
    }

    /// Message `index`.
    pub(crate) fn message(&self, index: usize, size: usize) -> Message {
        let bytes = self.bytes(index, size);
        match self.kind {
            Kind::Binary => Message::Binary(bytes),
            // ASCII only: it is UTF-8 at every cut.
            Kind::Text => Message::Text(Text::from_utf8(bytes).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;

    #[test]
    fn the_check_hash_of_binary_is_that_of_the_contract() {
        let bytes = Generator::new(42, Kind::Binary).bytes(0, 3000);
        assert_eq!(hash::of(&bytes), "42983876c86b8b2b4b07e726ab499a0091899bf8d7262c47dcd25215e55b4957");
    }

    #[test]
    fn the_check_hash_of_text_is_that_of_the_contract() {
        let bytes = Generator::new(1, Kind::Text).bytes(3, 70_000);
        assert_eq!(hash::of(&bytes), "6dff5f2e06e72fe0cd09c8ff0d613d100b847b74bcbeeae87bd7fd75dd2faee6");
    }

    #[test]
    fn the_seed_that_xors_to_zero_still_gives_bytes() {
        let bytes = Generator::new(0x9E37_79B9, Kind::Binary).bytes(0, 64);
        assert!(bytes.iter().any(|&byte| byte != 0));
    }

    #[test]
    fn messages_longer_than_the_block_wrap_around() {
        let generator = Generator::new(7, Kind::Binary);
        let long = generator.bytes(1, BLOCK + 10);
        assert_eq!(long[..10], long[BLOCK..]);
        assert_eq!(generator.bytes(1, 100), long[..100]);
    }
}
