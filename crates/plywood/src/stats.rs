//! What a connection can tell about itself.

use std::net::SocketAddr;

use crate::peer::plies::dtls::wire::codes::{CipherSuite, NamedGroup};
use crate::peer::plies::dtls::{Role, Version};
use crate::peer::plies::ice::CandidateKind;
use crate::peer::{ConnectionState, Stats};

/// A snapshot of one connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// ICE and DTLS taken together.
    pub state: ConnectionState,
    /// Our end of the pair that data goes over.
    pub local: Option<Endpoint>,
    /// The peer's end of it.
    pub remote: Option<Endpoint>,
    /// What was negotiated, once the peer is verified.
    pub dtls: Option<DtlsStats>,
    /// Whether both sides interleave messages (I-DATA, RFC 8260), once SCTP is up.
    pub interleaving: Option<bool>,
    /// Datagrams, bytes and messages, and every reason to discard one.
    pub peer: Stats,
    /// Driver: what the sockets did.
    pub sockets: SocketStats,
    /// Channels that are not closed.
    pub channels: usize,
}

/// One end of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// Host or reflexive, where known.
    pub kind: CandidateKind,
    /// Address and port.
    pub address: SocketAddr,
}

/// What DTLS negotiated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DtlsStats {
    /// Protocol version.
    pub version: Version,
    /// Cipher suite.
    pub suite: CipherSuite,
    /// Group of the key exchange: whether it is post-quantum.
    pub group: NamedGroup,
    /// Our role.
    pub role: Role,
}

/// System calls and their failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SocketStats {
    /// Batches handed to the kernel.
    pub batches_sent: u64,
    /// Times that the kernel's send buffer was full.
    pub send_blocked: u64,
    /// Batches that the kernel refused (no route, interface gone): lost, as on the wire.
    pub send_errors: u64,
    /// Reads that brought datagrams.
    pub reads: u64,
}
