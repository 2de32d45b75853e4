//! Every tunable of a peer connection that does not belong to one ply alone.

use std::sync::Arc;

use plywood_dtls::provider::Provider;
use plywood_dtls::{Identity, Versions};

/// How a peer connection behaves. Fields of the plies are reached through their own configurations.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Our certificate and its key (RFC 8827 §6.5).
    pub identity: Arc<Identity>,
    /// Who computes: ring, rustcrypto or aws-lc-rs.
    pub provider: Arc<dyn Provider>,
    /// DTLS versions to offer and accept. Default: all that are built.
    pub versions: Versions,
    /// Largest UDP payload that we send, in bytes. Default 1200: what every path is assumed to carry, as browsers do.
    pub mtu_bytes: usize,
    /// Largest UDP payload worth looking for, in bytes: packets then grow as far as the path lets them, and shrink with it
    /// (RFC 8899). Default `None`: `mtu_bytes` it is, as in browsers; the gain on a path of 1500 bytes is about one percent.
    pub largest_mtu_bytes: Option<usize>,
    /// What `a=max-message-size` announces, in bytes. Default 262144, as Chromium announces.
    pub max_message_size: u64,
    /// Datagrams kept that come before ICE has validated their address, or before the answer. Default 16: two
    /// flights of a fragmented ClientHello with their repetitions.
    pub early_datagrams: usize,
    /// Remote candidates kept that come before any description. Default 64.
    pub early_candidates: usize,
    /// Whether DTLS secrets are handed to the trace sink (NSS key log format). Default no.
    pub key_log: bool,
    /// ICE.
    pub ice: plywood_ice::Config,
    /// SCTP.
    pub sctp: plywood_sctp::Config,
    /// Data channels.
    pub channels: plywood_datachannel::Config,
}

impl Config {
    /// The defaults, with `identity` proving who we are and `provider` computing.
    #[must_use]
    pub fn new(identity: Arc<Identity>, provider: Arc<dyn Provider>) -> Self {
        Self {
            identity,
            provider,
            versions: Versions::default(),
            mtu_bytes: 1200,
            largest_mtu_bytes: None,
            max_message_size: 262_144,
            early_datagrams: 16,
            early_candidates: 64,
            key_log: false,
            ice: plywood_ice::Config::default(),
            sctp: plywood_sctp::Config::default(),
            channels: plywood_datachannel::Config::default(),
        }
    }
}
