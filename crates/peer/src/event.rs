//! What the application is told.

use std::net::SocketAddr;

use plywood_datachannel::ChannelId;
use plywood_dtls::Version;
use plywood_dtls::wire::codes::CipherSuite;

use crate::connection::LocalId;
use crate::error::CloseReason;

/// ICE and DTLS taken together (W3C `RTCPeerConnectionState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectionState {
    /// Nothing has begun.
    New,
    /// Checks or handshakes run.
    Connecting,
    /// A pair answers and the peer is verified.
    Connected,
    /// The path stopped answering; it may come back.
    Disconnected,
    /// Given up; an ICE restart may still help if only the path failed.
    Failed,
    /// Closed by either side.
    Closed,
}

/// Where data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// Our socket.
    pub source: LocalId,
    /// Its address, as the peer was told.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
}

/// What happened. Events and messages are handed out in the order in which they arose: see
/// [`PeerConnection::poll_event`](crate::PeerConnection::poll_event).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// To be signalled to the peer: the value of an `a=candidate` line.
    LocalCandidate {
        /// `candidate:...`, without `a=`.
        candidate: String,
        /// The ICE generation that it belongs to.
        ufrag: String,
        /// The media section that it belongs to.
        mid: String,
    },
    /// No more candidates of this generation.
    EndOfLocalCandidates,
    /// A remote candidate hides its address behind a name. Resolve it and call
    /// [`add_resolved_candidate`](crate::PeerConnection::add_resolved_candidate); or forget it.
    ResolveCandidate {
        /// `UUID.local`.
        name: String,
        /// The candidate line to hand back with the address.
        candidate: String,
        /// The generation to hand back.
        ufrag: Option<String>,
    },
    /// ICE and DTLS taken together.
    ConnectionStateChanged(ConnectionState),
    /// Data goes over this pair from now on.
    PathChanged(Path),
    /// The DTLS handshake is complete and the fingerprint matches.
    DtlsConnected {
        /// Negotiated version.
        version: Version,
        /// Negotiated suite.
        suite: CipherSuite,
    },
    /// The SCTP association is up.
    SctpConnected,
    /// A channel can carry messages.
    ChannelOpened {
        /// The channel.
        id: ChannelId,
        /// Whether the peer opened it.
        remote: bool,
    },
    /// A channel begins to close; what is queued is still delivered.
    ChannelClosing {
        /// The channel.
        id: ChannelId,
    },
    /// A channel is closed on both sides.
    ChannelClosed {
        /// The channel.
        id: ChannelId,
    },
    /// A send was refused for a full queue, and there is room now.
    SendReady {
        /// The channel that was refused.
        id: ChannelId,
    },
    /// The buffered amount fell to the channel's low mark.
    BufferedAmountLow {
        /// The channel.
        id: ChannelId,
    },
    /// The peer announced more candidates than the bound; the rest is ignored.
    CandidatesDropped,
    /// The end; told once, nothing follows.
    Closed(CloseReason),
}
