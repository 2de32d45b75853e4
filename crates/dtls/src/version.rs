//! Which version is spoken: decided here, once, for both roles.
//!
//! Problem: a browser's ClientHello offers 1.3 and 1.2 at once, and a middleman must not be able to talk two
//! peers that know 1.3 down to 1.2.
//! How:
//!
//! ```text
//!  ClientHello  legacy_version 1.2, supported_versions [1.3, 1.2]
//!     server:   supported_versions there? the best that both enable;  else legacy_version
//!               1.2 chosen, 1.3 enabled: the random ends with the downgrade sentinel
//!  ServerHello  legacy_version 1.2, [supported_versions 1.3]
//!     client:   1.2 chosen, 1.3 enabled, sentinel there: somebody cut 1.3 out of our hello
//! ```
//!
//! More: RFC 8446 §4.2.1, §4.1.3; RFC 9147 §5.3.

use crate::error::{HandshakeError, decode};
use crate::wire::{ClientHello, HandshakeType, ProtocolVersion, ServerHello};

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// RFC 6347.
    Dtls12,
    /// RFC 9147.
    Dtls13,
}

impl Version {
    /// The number on the wire.
    #[must_use]
    pub fn code(self) -> ProtocolVersion {
        match self {
            Self::Dtls12 => ProtocolVersion::DTLS_1_2,
            Self::Dtls13 => ProtocolVersion::DTLS_1_3,
        }
    }
}

/// The versions that are enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// RFC 6347.
    pub v1_2: bool,
    /// RFC 9147.
    pub v1_3: bool,
}

/// Both, as browsers do.
impl Default for Versions {
    fn default() -> Self {
        Self { v1_2: true, v1_3: true }
    }
}

impl Versions {
    /// 1.2 and nothing else.
    pub const ONLY_1_2: Self = Self { v1_2: true, v1_3: false };
    /// 1.3 and nothing else.
    pub const ONLY_1_3: Self = Self { v1_2: false, v1_3: true };

    /// What a ClientHello lists in `supported_versions`, the most preferred first; with nothing but 1.2 the
    /// extension is left out, as `legacy_version` says the same.
    pub(crate) fn offered(self) -> Option<Vec<ProtocolVersion>> {
        if !self.v1_3 {
            return None;
        }
        let mut offered = vec![ProtocolVersion::DTLS_1_3];
        if self.v1_2 {
            offered.push(ProtocolVersion::DTLS_1_2);
        }
        Some(offered)
    }

    /// The server's choice.
    pub(crate) fn select(self, hello: &ClientHello) -> Result<Version, HandshakeError> {
        let decode = decode(HandshakeType::CLIENT_HELLO);
        let Some(listed) = hello.extensions.supported_versions().map_err(decode)? else {
            // 1.2 or newer: versions count downwards from 0xfeff.
            let peer = hello.legacy_version;
            let knows_1_2 = peer <= ProtocolVersion::DTLS_1_2;
            return if self.v1_2 && knows_1_2 {
                Ok(Version::Dtls12)
            } else {
                Err(HandshakeError::NoCommonVersion { peer })
            };
        };
        // Numbers that we do not know, such as grease and TLS's own 0x0303, are passed over.
        if self.v1_3 && listed.contains(&ProtocolVersion::DTLS_1_3) {
            Ok(Version::Dtls13)
        } else if self.v1_2 && listed.contains(&ProtocolVersion::DTLS_1_2) {
            Ok(Version::Dtls12)
        } else {
            let peer = listed.first().copied().unwrap_or(hello.legacy_version);
            Err(HandshakeError::NoCommonVersion { peer })
        }
    }

    /// What the server chose, if we may live with it.
    pub(crate) fn accept(self, hello: &ServerHello) -> Result<Version, HandshakeError> {
        let decode = decode(HandshakeType::SERVER_HELLO);
        let selected = if self.v1_3 { hello.extensions.selected_version().map_err(decode)? } else { None };
        match selected {
            Some(ProtocolVersion::DTLS_1_3) => Ok(Version::Dtls13),
            Some(peer) => Err(HandshakeError::NoCommonVersion { peer }),
            None if hello.legacy_version != ProtocolVersion::DTLS_1_2 || !self.v1_2 => {
                Err(HandshakeError::NoCommonVersion { peer: hello.legacy_version })
            }
            None if self.v1_3 && hello.random.ends_with(&DOWNGRADE_TO_1_2) => Err(HandshakeError::Downgraded),
            None => Ok(Version::Dtls12),
        }
    }

    /// Marks a server's random when it answers 1.2 although it could do 1.3 (RFC 8446 §4.1.3).
    pub(crate) fn mark_downgrade(self, random: &mut [u8; 32]) {
        if self.v1_3 {
            random[24..].copy_from_slice(&DOWNGRADE_TO_1_2);
        }
    }
}

/// "DOWNGRD" and 1: the last eight bytes of the random (RFC 8446 §4.1.3).
const DOWNGRADE_TO_1_2: [u8; 8] = [0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x01];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codes::CipherSuite;
    use crate::wire::{Extension, Extensions};

    fn hello(legacy_version: u16, listed: Option<&[u16]>) -> ClientHello {
        let mut extensions = Extensions::new();
        if let Some(listed) = listed {
            let listed: Vec<_> = listed.iter().map(|version| ProtocolVersion(*version)).collect();
            extensions.push(Extension::supported_versions(&listed));
        }
        ClientHello {
            legacy_version: ProtocolVersion(legacy_version),
            random: [0; 32],
            session_id: vec![],
            cookie: vec![],
            cipher_suites: vec![CipherSuite(0xc02b)],
            compression_methods: vec![0],
            extensions,
        }
    }

    #[test]
    fn a_browser_that_offers_1_3_and_1_2_gets_the_best_that_we_enable() {
        // Firefox also lists TLS's own 0x0303.
        let browser = hello(0xfefd, Some(&[0xfefc, 0xfefd, 0x0303]));
        assert_eq!(Versions::ONLY_1_2.select(&browser), Ok(Version::Dtls12));
        assert_eq!(Versions::default().select(&browser), Ok(Version::Dtls13));
    }

    #[test]
    fn without_the_extension_the_legacy_version_counts() {
        assert_eq!(Versions::default().select(&hello(0xfefd, None)), Ok(Version::Dtls12));
        assert_eq!(Versions::default().select(&hello(0xfe00, None)), Ok(Version::Dtls12));
        assert_eq!(
            Versions::default().select(&hello(0xfdff, None)),
            Ok(Version::Dtls12),
            "a next major version"
        );
        let refused = HandshakeError::NoCommonVersion { peer: ProtocolVersion::DTLS_1_0 };
        assert_eq!(Versions::default().select(&hello(0xfeff, None)), Err(refused));
    }

    #[test]
    fn a_peer_that_speaks_only_1_3_is_told_so() {
        let refused = HandshakeError::NoCommonVersion { peer: ProtocolVersion::DTLS_1_3 };
        assert_eq!(Versions::ONLY_1_2.select(&hello(0xfefd, Some(&[0xfefc]))), Err(refused));
        assert_eq!(refused.alert(), crate::wire::AlertDescription::PROTOCOL_VERSION);
    }

    #[test]
    fn with_1_2_alone_the_random_carries_no_sentinel() {
        let mut random = [7; 32];
        Versions::ONLY_1_2.mark_downgrade(&mut random);
        assert_eq!(random, [7; 32]);
        Versions::default().mark_downgrade(&mut random);
        assert_ne!(random, [7; 32]);
    }
}
