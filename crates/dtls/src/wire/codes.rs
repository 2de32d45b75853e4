//! Code points that name algorithms: cipher suites, groups, signature schemes, hashes.
//!
//! Problem: a hello lists dozens of numbers, most of them unknown to us, and all of them must survive being
//! read, logged and compared.
//! How: each registry is a newtype over its number, with constants for the values that we use or that a
//! reader will meet in captures of browsers. Unknown values are ordinary values without a name.
//! More: RFC 8446 §4.2.3 (schemes), §4.2.7 (groups), §B.4 (suites); RFC 5246 §7.4.1.4.1 (hashes).

use crate::provider::{Aead, Hash};

/// Declares a registry: the newtype, its constants, and the names that `Debug` prints.
macro_rules! registry {
    ($(#[$doc:meta])* $type:ident($number:ty, $width:literal) { $($(#[$entry:meta])* $name:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub $number);

        impl $type {
            $($(#[$entry])* pub const $name: Self = Self($value);)*

            /// The name of the constant, if the value has one here.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!(stringify!($type), "({:#0", $width, "x})"), self.0),
                }
            }
        }
    };
}

registry! {
    /// A cipher suite. In 1.2 it names key exchange, authentication, AEAD and hash; in 1.3 the last two only.
    CipherSuite(u16, "6") {
        /// DTLS 1.3 (RFC 8446 §B.4).
        TLS_AES_128_GCM_SHA256 = 0x1301,
        /// DTLS 1.3.
        TLS_AES_256_GCM_SHA384 = 0x1302,
        /// DTLS 1.3.
        TLS_CHACHA20_POLY1305_SHA256 = 0x1303,
        /// DTLS 1.2 (RFC 5289 §3.2).
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02b,
        /// DTLS 1.2.
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02c,
        /// DTLS 1.2, with an RSA certificate on the server.
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xc02f,
        /// DTLS 1.2, with an RSA certificate on the server.
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xc030,
        /// DTLS 1.2 (RFC 7905 §2), with an RSA certificate on the server.
        TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca8,
        /// DTLS 1.2 (RFC 7905 §2).
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca9,
        /// Not a suite but a signal: "I know secure renegotiation" (RFC 5746 §3.3).
        TLS_EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff,
        /// Not a suite but a signal: "I retried with a lower version" (RFC 7507 §2).
        TLS_FALLBACK_SCSV = 0x5600,
    }
}

registry! {
    /// A key-exchange group (RFC 8446 §4.2.7).
    NamedGroup(u16, "6") {
        /// NIST P-256; shares are uncompressed points of 65 bytes.
        SECP256R1 = 0x0017,
        /// NIST P-384; shares are uncompressed points of 97 bytes.
        SECP384R1 = 0x0018,
        /// NIST P-521; named for captures, not offered.
        SECP521R1 = 0x0019,
        /// Curve25519 (RFC 7748); shares of 32 bytes.
        X25519 = 0x001d,
        /// Curve448; named for captures, not offered.
        X448 = 0x001e,
        /// P-256 with ML-KEM-768; named for captures, not offered.
        SECP256R1_MLKEM768 = 0x11eb,
        /// ML-KEM-768 with X25519: the post-quantum default of browsers (1216 and 1120 bytes).
        X25519_MLKEM768 = 0x11ec,
        /// P-384 with ML-KEM-1024; named for captures, not offered.
        SECP384R1_MLKEM1024 = 0x11ed,
    }
}

registry! {
    /// How a handshake message was signed (RFC 8446 §4.2.3). In 1.2 the two bytes are a hash and a signature
    /// algorithm (RFC 5246 §7.4.1.4.1), and an ECDSA scheme then says nothing about the curve.
    SignatureScheme(u16, "6") {
        /// RSASSA-PKCS1-v1_5; in 1.3 only inside certificates.
        RSA_PKCS1_SHA256 = 0x0401,
        /// RSASSA-PKCS1-v1_5 with SHA-384.
        RSA_PKCS1_SHA384 = 0x0501,
        /// RSASSA-PKCS1-v1_5 with SHA-512.
        RSA_PKCS1_SHA512 = 0x0601,
        /// SHA-1 signatures are named so that they can be refused by name.
        RSA_PKCS1_SHA1 = 0x0201,
        /// SHA-1 signatures are named so that they can be refused by name.
        ECDSA_SHA1 = 0x0203,
        /// ECDSA with SHA-256; in 1.3 on P-256 only.
        ECDSA_SECP256R1_SHA256 = 0x0403,
        /// ECDSA with SHA-384; in 1.3 on P-384 only.
        ECDSA_SECP384R1_SHA384 = 0x0503,
        /// ECDSA with SHA-512; named for captures, not offered.
        ECDSA_SECP521R1_SHA512 = 0x0603,
        /// RSASSA-PSS with a plain RSA key.
        RSA_PSS_RSAE_SHA256 = 0x0804,
        /// RSASSA-PSS with a plain RSA key.
        RSA_PSS_RSAE_SHA384 = 0x0805,
        /// RSASSA-PSS with a plain RSA key.
        RSA_PSS_RSAE_SHA512 = 0x0806,
        /// Ed25519 (RFC 8032).
        ED25519 = 0x0807,
    }
}

registry! {
    /// A hash by its number in TLS 1.2 (RFC 5246 §7.4.1.4.1); `a=fingerprint` lines use its text name
    /// (RFC 8122 §5).
    HashAlgorithm(u8, "4") {
        /// Broken; named so that it can be ignored by name.
        MD5 = 1,
        /// Broken; named so that it can be ignored by name.
        SHA1 = 2,
        /// Not used by anyone; known, not supported.
        SHA224 = 3,
        /// What every browser sends.
        SHA256 = 4,
        /// 48 bytes.
        SHA384 = 5,
        /// 64 bytes.
        SHA512 = 6,
    }
}

impl CipherSuite {
    /// The AEAD that protects records under this suite; `None` for suites that we do not speak.
    #[must_use]
    pub fn aead(self) -> Option<Aead> {
        match self {
            Self::TLS_AES_128_GCM_SHA256
            | Self::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | Self::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => Some(Aead::Aes128Gcm),
            Self::TLS_AES_256_GCM_SHA384
            | Self::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
            | Self::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => Some(Aead::Aes256Gcm),
            Self::TLS_CHACHA20_POLY1305_SHA256
            | Self::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
            | Self::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => Some(Aead::ChaCha20Poly1305),
            _ => None,
        }
    }

    /// The hash of the transcript and of all key derivation; `None` for suites that we do not speak.
    #[must_use]
    pub fn hash(self) -> Option<Hash> {
        match self.aead()? {
            Aead::Aes256Gcm => Some(Hash::Sha384),
            Aead::Aes128Gcm | Aead::ChaCha20Poly1305 => Some(Hash::Sha256),
        }
    }
}

impl HashAlgorithm {
    /// The name in `a=fingerprint` lines, in lower case (RFC 8122 §5).
    #[must_use]
    pub fn text_name(self) -> Option<&'static str> {
        match self {
            Self::MD5 => Some("md5"),
            Self::SHA1 => Some("sha-1"),
            Self::SHA224 => Some("sha-224"),
            Self::SHA256 => Some("sha-256"),
            Self::SHA384 => Some("sha-384"),
            Self::SHA512 => Some("sha-512"),
            _ => None,
        }
    }

    /// The hash of that name; upper and lower case are the same (RFC 8122 §5).
    #[must_use]
    pub fn from_text_name(name: &str) -> Option<Self> {
        [Self::MD5, Self::SHA1, Self::SHA224, Self::SHA256, Self::SHA384, Self::SHA512]
            .into_iter()
            .find(|hash| hash.text_name().is_some_and(|known| known.eq_ignore_ascii_case(name)))
    }

    /// What a provider computes for it; `None` if it is too weak to identify a certificate.
    #[must_use]
    pub fn hash(self) -> Option<Hash> {
        match self {
            Self::SHA256 => Some(Hash::Sha256),
            Self::SHA384 => Some(Hash::Sha384),
            Self::SHA512 => Some(Hash::Sha512),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_print_their_name_and_unknown_ones_their_number() {
        assert_eq!(format!("{:?}", NamedGroup(0x11ec)), "X25519_MLKEM768");
        assert_eq!(format!("{:?}", NamedGroup(0x0a0a)), "NamedGroup(0x0a0a)");
        assert_eq!(format!("{:?}", HashAlgorithm(9)), "HashAlgorithm(0x09)");
    }

    #[test]
    fn only_the_256_bit_aes_suites_use_sha_384() {
        assert_eq!(CipherSuite(0xc02c).hash(), Some(Hash::Sha384));
        assert_eq!(CipherSuite(0x1303).hash(), Some(Hash::Sha256));
        assert_eq!(CipherSuite::TLS_FALLBACK_SCSV.aead(), None);
    }

    #[test]
    fn hash_names_ignore_case() {
        assert_eq!(HashAlgorithm::from_text_name("SHA-256"), Some(HashAlgorithm::SHA256));
        assert_eq!(HashAlgorithm::from_text_name("sha256"), None);
    }
}
