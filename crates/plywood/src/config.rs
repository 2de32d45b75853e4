//! How a connection is made.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::certificate::Certificate;
use crate::peer::TraceSink;
use crate::peer::plies::dtls::Versions;
use crate::peer::plies::sctp::congestion::Algorithm as CongestionControl;

/// What the application may choose about a [`PeerConnection`](crate::PeerConnection).
///
/// ```
/// let config = plywood::Config { loopback: true, ..plywood::Config::default() };
/// assert!(config.bind.is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// Local addresses to use, and no others; port 0 means any free one. Default empty: every usable address of
    /// the machine, and loopback only if there is no other (RFC 8445 §5.1.1.1).
    pub bind: Vec<SocketAddr>,
    /// Whether loopback addresses are used beside the others. Default no.
    pub loopback: bool,
    /// Whether candidates that hide behind `UUID.local` are looked up by multicast DNS. Default yes; nothing is
    /// sent before the peer names one.
    pub resolve_mdns: bool,
    /// Who we are. Default: a new certificate for each connection, so that peers cannot link them.
    pub certificate: Option<Arc<Certificate>>,
    /// DTLS versions that may be negotiated. Default: all that are built.
    pub dtls_versions: Option<Versions>,
    /// Bytes of messages that wait in one channel, beyond the stack's own queue, before `send` waits. Default 1 MiB:
    /// enough to keep a fast path busy while the application sleeps a timer tick. At least 1.
    pub send_buffer_bytes: usize,
    /// Congestion control of what this side sends. Default CUBIC, as in every operating system; `Bbr` where packets
    /// vanish without a queue being full (radio, long paths), or where the queue must stay short.
    pub congestion: CongestionControl,
    /// Whether DTLS secrets go to the trace, so that captures can be decrypted. Default no.
    pub key_log: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: Vec::new(),
            loopback: false,
            resolve_mdns: true,
            certificate: None,
            dtls_versions: None,
            send_buffer_bytes: 1 << 20,
            congestion: CongestionControl::default(),
            key_log: false,
        }
    }
}

impl Config {
    /// IPv4 loopback alone, without multicast DNS: for two peers on one machine, and for tests.
    #[must_use]
    pub fn loopback_only() -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { bind: vec![any_port], resolve_mdns: false, ..Self::default() }
    }
}

/// Where a trace goes: see [`PeerConnection::with_trace`](crate::PeerConnection::with_trace).
pub type Trace = Box<dyn TraceSink>;
