//! What must be true at the end of a life.

use crate::life::{End, Life, resets_in, since};
use bytes::Bytes;
use plywood_sctp::{CloseReason, Event, Reliability, SendOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// A message that `send` took.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) stream: u16,
    pub(crate) options: SendOptions,
    pub(crate) data: Bytes,
}

pub(crate) fn check(life: &Life) {
    for end in 0..2 {
        how_it_ended(life, end);
        deliveries(life, end);
        memory(life, end);
    }
    if life.end == End::Open {
        for end in 0..2 {
            resets(life, end);
        }
    }
}

fn how_it_ended(life: &Life, end: usize) {
    let closed: Vec<_> =
        life.world.events[end].iter().filter(|event| matches!(event, Event::Closed(_))).collect();
    let expected = match life.end {
        End::Open => {
            assert!(closed.is_empty(), "end {end} closed: {closed:?}");
            return;
        }
        // One whose peer has closed already may hear an ABORT where its SHUTDOWN ACK was lost.
        End::Shutdown(_) => {
            |reason: &CloseReason| matches!(reason, CloseReason::Shutdown | CloseReason::AbortedByPeer { .. })
        }
        End::Abort(_) => |reason: &CloseReason| {
            matches!(
                reason,
                CloseReason::Aborted | CloseReason::AbortedByPeer { .. } | CloseReason::HandshakeTimeout
            )
        },
    };
    assert!(closed.len() <= 1, "closed twice: {closed:?}");
    for event in closed {
        let Event::Closed(reason) = event else { continue };
        assert!(expected(reason), "end {end}: {reason:?} for {:?}", life.end);
    }
}

/// Each message at most once, as it was sent, in order where ordered; reliable ones all.
fn deliveries(life: &Life, to: usize) {
    let sent = &life.sent[1 - to];
    let mut arrived = BTreeSet::new();
    let mut newest: BTreeMap<u16, u64> = BTreeMap::new();
    for (at, message) in &life.world.messages[to] {
        let number = u64::from_be_bytes(*message.data.first_chunk().unwrap());
        let original = &sent[&number];
        assert_eq!(original.data, message.data, "message {number} was changed");
        assert_eq!(original.stream, message.stream.0, "message {number} is on another stream");
        assert!(arrived.insert(number), "message {number} arrived twice");
        if original.options.unordered {
            let Reliability::MaxLifetime(lifetime) = original.options.reliability else { continue };
            let took = since(original.at, *at);
            let most = lifetime + life.longest_way;
            assert!(
                !life.always_read || took <= most,
                "message {number} took {took:?}, its life was {lifetime:?}"
            );
        } else if let Some(before) = newest.insert(message.stream.0, number) {
            assert!(before < number, "message {number} came after {before} on {:?}", message.stream);
        }
    }
    if matches!(life.end, End::Abort(_)) {
        return;
    }
    let missing: Vec<_> = sent.iter().filter(|(number, _)| !arrived.contains(number)).collect();
    for (number, message) in &missing {
        let reliable = message.options.reliability == Reliability::Reliable;
        let (stream, bytes) = (message.stream, message.data.len());
        assert!(
            !reliable,
            "reliable message {number} of {bytes} bytes on stream {stream} to end {to} is missing"
        );
    }
    let abandoned = life.world.events[1 - to]
        .iter()
        .filter(|event| matches!(event, Event::MessageAbandoned { .. }))
        .count();
    assert!(missing.len() <= abandoned, "{} are missing, {abandoned} were given up", missing.len());
}

/// Each reset that was asked for was performed, on both sides.
fn resets(life: &Life, end: usize) {
    let mut asked = life.resets[end].clone();
    asked.sort_unstable();
    assert_eq!(asked, resets_in(&life.world.events[end], true), "resets performed, end {end}");
    assert_eq!(asked, resets_in(&life.world.events[1 - end], false), "resets heard of, end {}", 1 - end);
}

/// The window was kept, but for what fills holes and for one message that alone is larger than it.
fn memory(life: &Life, end: usize) {
    let config = &life.configs[end];
    let bound = config.receive_window_bytes.max(config.max_reassembly_bytes) + 100_000;
    assert!(life.world.most_held <= bound, "{} bytes were held", life.world.most_held);
    let stats = life.world.ends[end].stats();
    assert!(stats.in_flight_bytes <= config.max_outstanding_bytes);
}
