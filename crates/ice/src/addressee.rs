//! Whose check is it? For an endpoint that keeps many agents on one socket.

use plywood_stun::wire::{Class, MessageView};

/// The username fragment of the agent that a request is meant for: what stands before the colon of its
/// USERNAME (RFC 8445 §7.2.2). Nothing is authenticated by this; `None` for anything but a request with such a
/// name.
#[must_use]
pub fn destination_ufrag(datagram: &[u8]) -> Option<&str> {
    let message = MessageView::parse(datagram).ok()?;
    if message.class() != Class::Request {
        return None;
    }
    let (ours, _theirs) = message.username()?.split_once(':')?;
    Some(ours)
}
