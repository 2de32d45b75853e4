//! SHA-256 as hexadecimal text.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The hash of what was fed, in lower-case hexadecimal digits.
pub(crate) fn finish(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The hash of `bytes`.
pub(crate) fn of(bytes: &[u8]) -> String {
    finish(Sha256::new_with_prefix(bytes))
}
