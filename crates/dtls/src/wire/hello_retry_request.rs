//! HelloRetryRequest (RFC 8446 §4.1.4): "say hello again, with this cookie, or a share of that group".
//!
//! On the wire it is a ServerHello whose random is a constant; everything else has its usual place.

use super::server_hello::ServerHello;

/// SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
pub const RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

impl ServerHello {
    /// Whether this ServerHello is a HelloRetryRequest.
    #[must_use]
    pub fn is_hello_retry_request(&self) -> bool {
        self.random == RANDOM
    }
}

#[cfg(all(test, any(feature = "ring", feature = "rustcrypto", feature = "aws-lc-rs")))]
mod tests {
    use super::*;
    use crate::provider::{Hash, test_providers};

    #[test]
    fn the_constant_is_the_hash_of_the_name() {
        let mut context = test_providers()[0].hash(Hash::Sha256);
        context.update(b"HelloRetryRequest");
        assert_eq!(context.fork_finish().to_vec(), RANDOM);
    }
}
