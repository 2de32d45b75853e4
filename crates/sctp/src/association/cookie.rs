//! The State Cookie: the association in the peer's pocket until it proves that it can be reached.
//!
//! Problem: memory for each INIT would be memory for each attacker.
//! How: all that the association is made from goes into the cookie, with a MAC over it; COOKIE ECHO brings it back.
//! ```text
//!   "plysctp1" | made at | local tag, peer tag | tie tags | both initial TSNs | window, streams, capabilities | MAC
//! ```
//! The key never leaves this object, and no address, pointer or secret stands in the clear.
//! More: RFC 9260 §5.1.3, §5.1.5.

use crate::wire::init::{Capabilities, Init};
use hmac::{Hmac, KeyInit, Mac};
use plywood_octets::{Put, Reader, Truncated};
use sha2::Sha256;
use std::time::Duration;

const MAGIC: &[u8; 8] = b"plysctp1";
const MAC_BYTES: usize = 32;

/// What a cookie carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateCookie {
    /// Since the association object was made.
    pub(crate) made_at: Duration,
    pub(crate) local_tag: u32,
    pub(crate) local_initial_tsn: u32,
    /// The tags of the association that existed when the cookie was made; 0 if none.
    pub(crate) local_tie_tag: u32,
    pub(crate) remote_tie_tag: u32,
    /// The peer's INIT.
    pub(crate) remote: Init,
}

impl StateCookie {
    pub(crate) fn seal(&self, key: &[u8; 32]) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        out.put_slice(MAGIC);
        out.put_u64(u64::try_from(self.made_at.as_micros()).unwrap_or(u64::MAX));
        for word in [self.local_tag, self.local_initial_tsn, self.local_tie_tag, self.remote_tie_tag] {
            out.put_u32(word);
        }
        out.put_u32(self.remote.initiate_tag);
        out.put_u32(self.remote.a_rwnd);
        out.put_u16(self.remote.outbound_streams);
        out.put_u16(self.remote.inbound_streams);
        out.put_u32(self.remote.initial_tsn);
        let can = self.remote.capabilities;
        let bits =
            [can.interleaved_forward_tsn, can.forward_tsn, can.reconfig, can.interleaving, can.zero_checksum];
        out.put_u32(bits.iter().fold(0, |word, bit| word << 1 | u32::from(*bit)));
        let mac = mac(key, &out);
        out.put_slice(&mac.finalize().into_bytes());
        out
    }

    /// The cookie, if its MAC is ours.
    pub(crate) fn open(key: &[u8; 32], cookie: &[u8]) -> Option<Self> {
        let (body, tag) = cookie.split_at_checked(cookie.len().checked_sub(MAC_BYTES)?)?;
        mac(key, body).verify_slice(tag).ok()?;
        Self::parse(body).ok()
    }

    fn parse(body: &[u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(body);
        reader.array::<8>()?;
        let made_at = Duration::from_micros(reader.u64()?);
        let (local_tag, local_initial_tsn) = (reader.u32()?, reader.u32()?);
        let (local_tie_tag, remote_tie_tag) = (reader.u32()?, reader.u32()?);
        let mut remote = Init {
            initiate_tag: reader.u32()?,
            a_rwnd: reader.u32()?,
            outbound_streams: reader.u16()?,
            inbound_streams: reader.u16()?,
            initial_tsn: reader.u32()?,
            capabilities: Capabilities::default(),
        };
        let bits = reader.u32()?;
        remote.capabilities = Capabilities {
            interleaved_forward_tsn: bits & 16 != 0,
            forward_tsn: bits & 8 != 0,
            reconfig: bits & 4 != 0,
            interleaving: bits & 2 != 0,
            zero_checksum: bits & 1 != 0,
        };
        Ok(Self { made_at, local_tag, local_initial_tsn, local_tie_tag, remote_tie_tag, remote })
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(key: &[u8; 32], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie() -> StateCookie {
        let capabilities = Capabilities { forward_tsn: true, interleaving: true, ..Capabilities::default() };
        let remote = Init {
            initiate_tag: 5,
            a_rwnd: 6,
            outbound_streams: 7,
            inbound_streams: 8,
            initial_tsn: 9,
            capabilities,
        };
        StateCookie {
            made_at: Duration::from_micros(77),
            local_tag: 1,
            local_initial_tsn: 2,
            local_tie_tag: 3,
            remote_tie_tag: 4,
            remote,
        }
    }

    #[test]
    fn a_cookie_comes_back_as_it_was() {
        assert_eq!(StateCookie::open(&[1; 32], &cookie().seal(&[1; 32])), Some(cookie()));
    }

    #[test]
    fn a_cookie_with_any_bit_changed_is_refused() {
        let sealed = cookie().seal(&[1; 32]);
        for at in 0..sealed.len() * 8 {
            let mut forged = sealed.clone();
            forged[at / 8] ^= 1 << (at % 8);
            assert_eq!(StateCookie::open(&[1; 32], &forged), None, "bit {at}");
        }
        for length in 0..sealed.len() {
            assert_eq!(StateCookie::open(&[1; 32], &sealed[..length]), None);
        }
        assert_eq!(StateCookie::open(&[2; 32], &sealed), None);
    }
}
