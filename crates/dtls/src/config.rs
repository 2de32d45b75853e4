//! Every tunable: its unit, its default, and where the default comes from.

use std::sync::Arc;
use std::time::Duration;

use crate::error::ConfigError;
use crate::fingerprint::Fingerprint;
use crate::identity::Identity;
use crate::provider::Provider;
use crate::version::Versions;
use crate::wire::AlertDescription;
use crate::wire::codes::{CipherSuite, NamedGroup, SignatureScheme};
use crate::wire::connection_id::ConnectionId;

/// Which side of the handshake we are. WebRTC decides by `a=setup` (RFC 8842 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sends the first ClientHello (`a=setup:active`).
    Client,
    /// Waits for it (`a=setup:passive`).
    Server,
}

/// Which certificates of a peer are good enough. Possession of the key is proven in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PeerVerification {
    /// Those with a fingerprint of `Config::remote_fingerprints` (RFC 8122 §6.2): the only choice that is safe
    /// where nobody else looks at the certificate.
    #[default]
    Fingerprints,
    /// Every one. The owner judges [`crate::Connection::peer_certificate`] before it trusts a byte.
    AnyCertificate,
    /// None: the owner has decided against the peer already, and this is what the peer is told.
    Nobody(AlertDescription),
}

/// Whether a server wants to know its client. A client answers a request in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuthentication {
    /// A client without a certificate is refused, as WebRTC must (RFC 8827 §6.5).
    #[default]
    Required,
    /// A certificate is asked for, and must be good if it comes; a client without one is let in.
    Requested,
    /// None is asked for: any client is let in, as a server of the web does.
    NotRequested,
}

/// Everything that a connection needs to know beforehand. The seed is not part of it.
#[derive(Debug, Clone)]
pub struct Config {
    /// Client or server.
    pub role: Role,
    /// Our certificate and its key.
    pub identity: Arc<Identity>,
    /// Others that we would rather show, the most preferred first: the first that the peer can verify is shown. All
    /// their fingerprints have to be signalled. Default: none.
    pub preferred_identities: Vec<Arc<Identity>>,
    /// The crypto library.
    pub provider: Arc<dyn Provider>,
    /// The peer's certificate must have one of these; of several hash algorithms only the strongest that
    /// we know counts (RFC 8122 §5). With none, every peer is refused.
    pub remote_fingerprints: Vec<Fingerprint>,
    /// What the fingerprints decide. Default: everything.
    pub peer_verification: PeerVerification,
    /// What a server asks of its client. Default: a certificate, always.
    pub client_authentication: ClientAuthentication,
    /// Versions enabled. Default: 1.2 and 1.3.
    pub versions: Versions,
    /// Suites of 1.2 and 1.3, the most preferred first. Default: AES-128-GCM (what browsers put first and hardware
    /// does fastest), ChaCha20-Poly1305, AES-256-GCM, each with ECDSA, then with RSA.
    pub cipher_suites: Vec<CipherSuite>,
    /// Groups, the most preferred first; those that the provider lacks are left out. Default: the provider's. A client
    /// of 1.2 that names neither P-256 nor P-384 adds P-256: the list also says on which curves the server's key may be.
    pub groups: Vec<NamedGroup>,
    /// How the peer may sign, the most preferred first. Default: all that the provider verifies.
    pub verify_schemes: Vec<SignatureScheme>,
    /// SRTP profiles that are offered or accepted (RFC 5764 §4.1.2). Default: none.
    pub srtp_profiles: Vec<u16>,
    /// The largest datagram that a flight may use: UDP payload bytes. Default: 1200, as browsers do.
    pub mtu_bytes: usize,
    /// When a flight is sent again for the first time. Default: 1 s (RFC 6347 §4.2.4.1);
    /// [`crate::Connection::set_round_trip`] shortens it.
    pub initial_timeout: Duration,
    /// Where doubling the timeout stops. Default: 60 s (RFC 6347 §4.2.4.1).
    pub max_timeout: Duration,
    /// The handshake is given up when the timer of one flight expires for this time. Default: 13.
    pub max_timeouts: u32,
    /// The handshake is given up this long after it began, whatever the timers say. Default: 60 s, twice the
    /// time after which ICE consent is lost (RFC 7675 §5.1).
    pub handshake_timeout: Duration,
    /// The longest handshake message that is put together, in bytes. Default: 32 KiB: a certificate of a few
    /// hundred bytes and a ClientHello with a post-quantum share are far below.
    pub max_handshake_message_bytes: usize,
    /// Bytes of all incomplete handshake messages together. Default: 64 KiB.
    pub max_reassembly_bytes: usize,
    /// Bytes of records that come before their keys. Default: 8 KiB, a reordered flight.
    pub max_early_record_bytes: usize,
    /// Bytes of application data that come before the peer is verified. Default: 16 KiB.
    pub max_early_data_bytes: usize,
    /// 1.3: a server asks for a cookie before it does any work, so that the client shows that it receives at its
    /// address (RFC 9147 §5.1). Default: no; behind ICE the address is proven. The connection remembers that it asked;
    /// a server that stands alone puts a [`crate::CookieExchange`] before it, which remembers nothing.
    pub require_cookie: bool,
    /// The longest plaintext of a protected record that the peer may send (RFC 8449), at least 64 bytes; `None`: it is
    /// not told, and the peer's is not heard. Default: 2^14 + 1, the most that there is, as the peer can name its own
    /// limit only to who names one (RFC 8449 §4).
    pub record_size_limit: Option<u16>,
    /// What the peer writes in front of protected records, so that the connection is found although the address
    /// changed (RFC 9146, RFC 9147 §9); empty: we write the peer's and want none ourselves. `None`: none is agreed on.
    /// Default: none, as ICE finds connections.
    pub connection_id: Option<ConnectionId>,
    /// 1.3: after so many records under one key new keys are taken into use. Default: 2^23, about a third of
    /// what AES-GCM allows (RFC 8446 §5.5), so that the change is over long before that; 2^24 at most.
    pub records_per_key: u64,
    /// Whether [`crate::Event::KeyLog`] tells the secrets. Default: no.
    pub key_log: bool,
}

impl Config {
    /// No MTU may be smaller: the headers of one record and one byte of a message have to fit, with room for
    /// progress. IPv4 guarantees 576, BoGo tests with 256.
    pub const MIN_MTU_BYTES: usize = 128;

    /// A configuration with every default.
    #[must_use]
    pub fn new(
        role: Role,
        identity: Arc<Identity>,
        provider: Arc<dyn Provider>,
        remote_fingerprints: Vec<Fingerprint>,
    ) -> Self {
        let groups = provider.groups().to_vec();
        let verify_schemes = provider.verify_schemes().to_vec();
        Self {
            role,
            identity,
            preferred_identities: Vec::new(),
            provider,
            remote_fingerprints,
            peer_verification: PeerVerification::default(),
            client_authentication: ClientAuthentication::default(),
            versions: Versions::default(),
            cipher_suites: DEFAULT_CIPHER_SUITES.to_vec(),
            groups,
            verify_schemes,
            srtp_profiles: Vec::new(),
            mtu_bytes: 1200,
            initial_timeout: Duration::from_secs(1),
            max_timeout: Duration::from_mins(1),
            max_timeouts: 13,
            handshake_timeout: Duration::from_mins(1),
            max_handshake_message_bytes: 32 * 1024,
            max_reassembly_bytes: 64 * 1024,
            max_early_record_bytes: 8 * 1024,
            max_early_data_bytes: 16 * 1024,
            require_cookie: false,
            record_size_limit: Some((1 << 14) + 1),
            connection_id: None,
            records_per_key: 1 << 23,
            key_log: false,
        }
    }

    /// Our identities, in the order in which they are tried.
    pub(crate) fn identities(&self) -> impl Iterator<Item = &Arc<Identity>> {
        self.preferred_identities.iter().chain(std::iter::once(&self.identity))
    }

    /// At least one identity must have a key that may sign in a way that the version knows.
    pub(crate) fn require_signer(&self, signs: fn(SignatureScheme) -> bool) -> Result<(), ConfigError> {
        let mut schemes = self.identities().flat_map(|identity| identity.schemes().iter().copied());
        if schemes.any(signs) { Ok(()) } else { Err(ConfigError::UnusableIdentity) }
    }

    /// Whether a connection can work with this configuration. `Connection::new` asks too: one that cannot
    /// is closed from the beginning.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !self.versions.v1_2 && !self.versions.v1_3 {
            return Err(ConfigError::NoSupportedVersion);
        }
        if self.mtu_bytes < Self::MIN_MTU_BYTES {
            return Err(ConfigError::MtuTooSmall { mtu_bytes: self.mtu_bytes });
        }
        if let Some(bytes) = self.record_size_limit
            && bytes < crate::record_size_limit::SMALLEST
        {
            return Err(ConfigError::RecordSizeLimitTooSmall { bytes });
        }
        if self.versions.v1_3 {
            crate::dtls13::validate(self)?;
        }
        if self.versions.v1_2 {
            crate::dtls12::validate(self)?;
        }
        Ok(())
    }
}

const DEFAULT_CIPHER_SUITES: [CipherSuite; 9] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];
