//! What the application is told about its connection.

use std::time::Duration;

use crate::channel::DataChannel;
use crate::description::IceCandidateInit;
use crate::peer::{CloseReason, ConnectionState, Path};

/// Something happened to a connection.
///
/// Events wait for [`next_event`](crate::PeerConnection::next_event) in a queue of
/// [`MAX_WAITING`](Self::MAX_WAITING); one that finds it full is dropped, and a channel dropped with it is closed. An application that
/// reads no events keeps its connection and its channels all the same: nothing waits for the reader.
#[derive(Debug)]
#[non_exhaustive]
pub enum PeerEvent {
    /// ICE and DTLS taken together.
    ConnectionState(ConnectionState),
    /// A candidate of ours to be signalled; `None`: no more of this generation.
    IceCandidate(Option<IceCandidateInit>),
    /// The peer opened a channel. Dropping it closes it.
    DataChannel(DataChannel),
    /// Data goes over this pair of addresses from now on.
    PathChanged(Path),
    /// A mark on the way to an open channel; each comes once.
    Stage(Stage),
    /// The end; nothing follows.
    Closed(CloseReason),
}

impl PeerEvent {
    /// Events that wait for the application at most.
    pub const MAX_WAITING: usize = 4096;
}

/// How far the setup has come, and what it cost: for timelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// What was reached.
    pub name: StageName,
    /// Time since the connection was made.
    pub at: Duration,
    /// Datagrams sent and received since the stage before.
    pub packets: u64,
}

/// The marks of a setup, in the order in which they are usually reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StageName {
    /// Every local candidate is known.
    Gathered,
    /// A pair of addresses answers.
    PairSelected,
    /// The peer is who its fingerprint says.
    DtlsDone,
    /// The association stands.
    SctpUp,
    /// The first channel can carry messages.
    ChannelOpen,
}

impl StageName {
    /// For people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gathered => "gathered",
            Self::PairSelected => "pair selected",
            Self::DtlsDone => "DTLS done",
            Self::SctpUp => "SCTP up",
            Self::ChannelOpen => "channel open",
        }
    }
}

impl std::fmt::Display for StageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
