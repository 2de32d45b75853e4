//! DCEP messages (RFC 8832 §5).

use super::{named, root};
use crate::node::{Cursor, Node, decimal, text};
use plywood_datachannel::wire::{ChannelType, MessageType};

/// Names every byte of a DCEP message.
#[must_use]
pub fn dcep(bytes: &[u8]) -> Node {
    root("DCEP message", "RFC 8832 §5", bytes, parts)
}

pub(super) fn parts(c: &mut Cursor<'_>) {
    let Some(kind) = c.number(1, "Message Type", "RFC 8832 §8.2.1", |kind| match kind {
        0x02 => ("DATA_CHANNEL_ACK".to_owned(), "the channel is agreed".into()),
        0x03 => ("DATA_CHANNEL_OPEN".to_owned(), "a channel is wanted on this stream".into()),
        other => named(None, other),
    }) else {
        return;
    };
    if kind == u64::from(MessageType::OPEN.0) {
        open(c);
    }
}

fn open(c: &mut Cursor<'_>) -> Option<()> {
    let section = "RFC 8832 §5.1";
    let kind = c.number(1, "Channel Type", section, |kind| {
        named(u8::try_from(kind).ok().and_then(|kind| ChannelType(kind).name()), kind)
    })?;
    c.number(2, "Priority", section, decimal("128 below normal, 256 normal, 512 high, 1024 extra high"))?;
    c.number(4, "Reliability Parameter", section, |value| {
        let meaning = match kind & 0x7f {
            1 => "retransmissions at most",
            2 => "milliseconds at most",
            _ => "ignored: the channel is reliable",
        };
        (value.to_string(), meaning.into())
    })?;
    let label = c.number(2, "Label Length", section, decimal("bytes"))?;
    let protocol = c.number(2, "Protocol Length", section, decimal("bytes"))?;
    let length = |length: u64| usize::try_from(length).unwrap_or(usize::MAX);
    if label > 0 {
        c.bytes(length(label), "Label", section, text("the channel's name"))?;
    }
    if protocol > 0 {
        c.bytes(length(protocol), "Protocol", section, text("the subprotocol"))?;
    }
    Some(())
}
