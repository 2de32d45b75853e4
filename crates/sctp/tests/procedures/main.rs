//! Procedures of RFC 9260 and its extensions between two associations in virtual time, one file each.
#![expect(clippy::unwrap_used, reason = "test code")]

mod checklist;
mod flow_control;
mod goodput;
mod handshake;
mod heartbeat;
mod hostile;
mod interleaving;
mod loss;
mod packets;
mod partial_reliability;
mod path_change;
mod queues;
mod replay;
mod sack;
mod shared_link;
mod shutdown;
mod stream_agreement;
mod stream_reset;
mod support;
mod transfer;
mod wrap;
