//! HMAC of the RustCrypto crates, for the providers whose own is missing or slow.
//!
//! AWS-LC's keeps and copies states with room for the largest hash there is, which costs it several times what the
//! hashing does, and a handshake of 1.3 makes eighty MACs; this one takes the same SHA instructions of the processor.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};

use super::{Digest, Hash, HmacKey};

/// A key for HMAC (RFC 2104) with `hash`.
pub(super) fn hmac_key(hash: Hash, key: &[u8]) -> Box<dyn HmacKey> {
    match hash {
        Hash::Sha256 => MacKey::<Hmac<sha2::Sha256>>::boxed(key),
        Hash::Sha384 => MacKey::<Hmac<sha2::Sha384>>::boxed(key),
        Hash::Sha512 => MacKey::<Hmac<sha2::Sha512>>::boxed(key),
    }
}

/// Cloned for each use: the padded key is hashed once. States are wiped on drop by their crate.
struct MacKey<M>(M);

impl<M: Mac + KeyInit + Clone + Send + 'static> MacKey<M> {
    fn boxed(key: &[u8]) -> Box<dyn HmacKey> {
        let key = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
        Box::new(Self(key))
    }
}

impl<M: Mac + Clone + Send> HmacKey for MacKey<M> {
    fn sign(&self, parts: &[&[u8]]) -> Digest {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        Digest::new(&mac.finalize().into_bytes())
    }
}

impl<M> fmt::Debug for MacKey<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::ZeroizeOnDrop;

    fn is_wiped<T: ZeroizeOnDrop>() {}

    /// It is a feature of the hash that does it, and without that nothing would fail.
    #[test]
    fn the_states_of_hashes_are_wiped_on_drop() {
        is_wiped::<sha2::Sha256>();
        is_wiped::<sha2::Sha384>();
        is_wiped::<sha2::Sha512>();
        let mac = hmac_key(Hash::Sha256, b"key").sign(&[b"message"]);
        assert_eq!(mac.len(), 32);
    }
}
