//! Payloads that both ends can make from a number, and their hashes (docs/peer-contract.md, "Generated payloads").

use sha2::{Digest, Sha256};

/// Text or binary: what a message says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Binary,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

const BLOCK: usize = 65536;

/// One `send` of `count` generated messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) kind: Kind,
    pub(crate) size: usize,
    pub(crate) count: usize,
    pub(crate) seed: u32,
}

impl Batch {
    pub(crate) fn one(kind: Kind, size: usize, seed: u32) -> Self {
        Self { kind, size, count: 1, seed }
    }

    /// SHA-256 over all messages, one behind the other.
    pub(crate) fn sha256(&self) -> String {
        let block = block(self.seed, self.kind);
        let mut hash = Sha256::new();
        for index in 0..self.count {
            self.update(&mut hash, &block, index);
        }
        hex(&hash.finalize())
    }

    /// SHA-256 of each message.
    pub(crate) fn sha256_each(&self) -> Vec<String> {
        let block = block(self.seed, self.kind);
        let of = |index| {
            let mut hash = Sha256::new();
            self.update(&mut hash, &block, index);
            hex(&hash.finalize())
        };
        (0..self.count).map(of).collect()
    }

    fn update(&self, hash: &mut Sha256, block: &[u8], index: usize) {
        let mut at = index * 7919 % BLOCK;
        let mut left = self.size;
        while left > 0 {
            let run = left.min(BLOCK - at);
            hash.update(&block[at..at + run]);
            left -= run;
            at = 0;
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.size * self.count
    }
}

/// SHA-256 of some bytes, as hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A xorshift generator's low bytes; printable ones for text.
fn block(seed: u32, kind: Kind) -> Vec<u8> {
    let mut x = seed ^ 0x9E37_79B9;
    if x == 0 {
        x = 1;
    }
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        x.to_le_bytes()[0]
    };
    let byte = |byte: u8| match kind {
        Kind::Binary => byte,
        Kind::Text => 0x20 + byte % 95,
    };
    (0..BLOCK).map(|_| byte(next())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_those_of_the_contract() {
        assert_eq!(
            Batch::one(Kind::Binary, 3000, 42).sha256(),
            "42983876c86b8b2b4b07e726ab499a0091899bf8d7262c47dcd25215e55b4957"
        );
    }

    #[test]
    fn a_later_message_begins_elsewhere_in_the_block() {
        let block = block(1, Kind::Text);
        let message: Vec<u8> = (0..70000).map(|k| block[(3 * 7919 + k) % BLOCK]).collect();
        assert_eq!(sha256(&message), "6dff5f2e06e72fe0cd09c8ff0d613d100b847b74bcbeeae87bd7fd75dd2faee6");
    }

    #[test]
    fn an_empty_message_has_the_hash_of_nothing() {
        assert_eq!(Batch::one(Kind::Text, 0, 7).sha256(), sha256(b""));
    }
}
