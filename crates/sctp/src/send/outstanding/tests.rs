//! The ring of outstanding chunks, driven by hand.

use super::*;
use crate::send::messages;

fn send(outstanding: &mut Outstanding, now: Instant, packet: u64) {
    outstanding.push(Chunk {
        message: 0,
        packet,
        sent_at: now,
        stamp: Stamp::default(),
        offset: 0,
        fragment: 0,
        length: 100,
        transmissions: 1,
        state: ChunkState::InFlight,
        flags: 0,
    });
}

/// A message whose first chunk will be the first of all.
fn message(data: &Bytes) -> OutMessage {
    OutMessage { first: 10, last: 10, ..messages::tests::message(data) }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a starting point; nothing depends on its value")]
fn a_message_that_ends_early_or_is_given_up_gives_its_bytes_and_its_slot_back() {
    let now = Instant::now();
    let data = Bytes::from(vec![7; 1000]);
    let acknowledge = |outstanding: &mut Outstanding, cumulative| {
        let (mut sampler, mut acked) = (Sampler::new(now), Acked::default());
        outstanding.acknowledge_cumulative(now, cumulative, &mut sampler, &mut acked);
    };
    for acknowledged_before in [false, true] {
        let mut outstanding = Outstanding::new(10);
        let slot = outstanding.begin_message(message(&data));
        send(&mut outstanding, now, 1);
        if acknowledged_before {
            acknowledge(&mut outstanding, 10);
        }
        outstanding.end_early(slot);
        acknowledge(&mut outstanding, 10);
        assert!(data.is_unique() && outstanding.messages.next() == slot);
    }
    let mut outstanding = Outstanding::new(10);
    let slot = outstanding.begin_message(message(&data));
    send(&mut outstanding, now, 1);
    assert_eq!(outstanding.abandon(now, slot, Some(100)), Some(GivenUp { not_sent: Some((11, 900)) }));
    assert!(data.is_unique(), "before anything is acknowledged");
    assert_eq!(outstanding.abandon(now, slot, None), None);
    acknowledge(&mut outstanding, 11);
    assert_eq!(outstanding.messages.next(), slot);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a starting point; nothing depends on its value")]
fn the_oldest_transmission_is_a_first_one_or_a_repetition() {
    let now = Instant::now();
    let mut outstanding = Outstanding::new(10);
    let oldest =
        |outstanding: &mut Outstanding| outstanding.oldest().map(|(index, _, packet)| (index, packet));
    for packet in 1..=3 {
        send(&mut outstanding, now, packet);
    }
    assert_eq!(oldest(&mut outstanding), Some((10, 1)));
    outstanding.mark_lost(10);
    outstanding.mark_lost(12);
    assert_eq!(oldest(&mut outstanding), Some((11, 2)));
    // Sent again, and in the same packet something new.
    outstanding.resent(10, 4, now, Stamp::default());
    send(&mut outstanding, now, 4);
    outstanding.resent(12, 5, now, Stamp::default());
    for expected in [(11, 2), (10, 4), (13, 4), (12, 5)] {
        assert_eq!(oldest(&mut outstanding), Some(expected));
        outstanding.defer_oldest();
    }
    assert_eq!(oldest(&mut outstanding), None);
    // What was put off comes back when SACKs reach it, in that order.
    assert_eq!(outstanding.next_deferred(11), Some(11));
    assert_eq!(outstanding.next_deferred(13), Some(10));
    // T3-rtx forgets them all.
    outstanding.mark_all_lost();
    assert_eq!((oldest(&mut outstanding), outstanding.next_deferred(u64::MAX)), (None, None));
    outstanding.resent(13, 6, now, Stamp::default());
    assert_eq!(oldest(&mut outstanding), Some((13, 6)));
}
