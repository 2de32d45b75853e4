//! What handles ask of the task that owns the connection.
//!
//! The queue is unbounded, and yet bounded: a message holds permits of its channel while it waits here, a call that waits
//! for its answer is one entry of the task that waits, and consumed bytes are reported by the portion.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::channel::DataChannel;
use crate::description::{IceCandidateInit, SessionDescription};
use crate::error::Error;
use crate::peer::{ChannelConfig, ChannelId, Kind};
use crate::stats::ConnectionStats;

/// The way to the task. While one of these lives, the connection does.
pub(crate) type Commands = mpsc::UnboundedSender<Command>;

type Answer<T> = oneshot::Sender<Result<T, Error>>;

#[derive(Debug)]
pub(crate) enum Command {
    Send {
        id: ChannelId,
        kind: Kind,
        data: Bytes,
    },
    Consumed,
    CreateOffer(Answer<String>),
    CreateAnswer(Answer<String>),
    SetLocalDescription(SessionDescription, Answer<()>),
    SetRemoteDescription(SessionDescription, Answer<()>),
    LocalDescription(Answer<Option<SessionDescription>>),
    AddIceCandidate(IceCandidateInit, Answer<()>),
    RestartIce,
    CreateDataChannel(ChannelConfig, Answer<DataChannel>),
    CloseChannel(ChannelId),
    Stats(oneshot::Sender<ConnectionStats>),
    /// Answered when every socket is closed.
    Close(oneshot::Sender<()>),
}
