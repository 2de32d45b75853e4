//! Payloads that both ends can make from a number (docs/peer-contract.md, "Generated payloads").

use serde_json::Value;
use sha2::{Digest, Sha256};

const BLOCK: usize = 65536;

/// One `send` of generated messages.
pub(crate) struct Batch {
    block: Vec<u8>,
    size: usize,
    pub(crate) count: usize,
    made: usize,
    hash: Sha256,
}

impl Batch {
    /// What the command asks for, if it does.
    pub(crate) fn of(command: &Value) -> Option<Self> {
        let number = |name: &str| command[name].as_u64().and_then(|value| usize::try_from(value).ok());
        let seed = u32::try_from(command["seed"].as_u64()?).ok()?;
        let (size, count) = (number("size")?, number("count").unwrap_or(1));
        Some(Self { block: block(seed), size, count, made: 0, hash: Sha256::new() })
    }

    /// The message that is to be sent next.
    pub(crate) fn message(&self) -> Option<Vec<u8>> {
        let at = self.made * 7919 % BLOCK;
        (self.made < self.count).then(|| {
            self.block[at..].iter().chain(self.block.iter().cycle()).take(self.size).copied().collect()
        })
    }

    /// That message was sent.
    pub(crate) fn sent(&mut self, message: &[u8]) {
        self.hash.update(message);
        self.made += 1;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.size * self.count
    }

    pub(crate) fn sha256(&self) -> String {
        hex(self.hash.clone())
    }
}

/// A xorshift generator's low bytes.
fn block(seed: u32) -> Vec<u8> {
    let mut x = (seed ^ 0x9E37_79B9).max(1);
    let next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        x.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(BLOCK).collect()
}

/// A hash as the contract writes it.
pub(crate) fn hex(hash: Sha256) -> String {
    use std::fmt::Write as _;
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn payloads_are_those_of_the_contract() {
        let mut batch = Batch::of(&json!({"size": 3000, "count": 1, "seed": 42})).unwrap();
        let message = batch.message().unwrap();
        batch.sent(&message);
        assert_eq!(batch.sha256(), "42983876c86b8b2b4b07e726ab499a0091899bf8d7262c47dcd25215e55b4957");
        assert_eq!(batch.message(), None);
    }
}
