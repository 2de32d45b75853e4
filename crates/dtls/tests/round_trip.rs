//! A path whose round trip is known: no loss waits a second for its repair, in either version.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Duration;

use plywood_dtls::{Versions, provider};
use support::{Pair, configs};

/// The link of the tests takes 10 ms in each direction.
const ROUND_TRIP: Duration = Duration::from_millis(20);

/// How long a handshake takes that loses datagram number `lost`, of either direction.
fn elapsed(versions: Versions, round_trip: Option<Duration>, lost: usize) -> Duration {
    let (mut client, mut server) = configs(&provider::rustcrypto());
    (client.versions, server.versions) = (versions, versions);
    let mut pair = Pair::new(client, server, 1);
    for end in [&mut pair.client, &mut pair.server] {
        if let Some(round_trip) = round_trip {
            end.connection.set_round_trip(round_trip);
        }
    }
    pair.start();
    let (mut count, deadline) = (0, pair.now + Duration::from_secs(10));
    while !pair.both_connected() {
        for to_server in [true, false] {
            let end = if to_server { &mut pair.client } else { &mut pair.server };
            for datagram in end.drain_transmit(pair.now) {
                if count != lost {
                    pair.send(to_server, &datagram);
                }
                count += 1;
            }
        }
        assert!(pair.step(deadline));
    }
    pair.elapsed()
}

#[test]
fn a_known_round_trip_repairs_any_loss_long_before_a_second() {
    for versions in [Versions::ONLY_1_2, Versions::ONLY_1_3] {
        for lost in 0..8 {
            let time = elapsed(versions, Some(ROUND_TRIP), lost);
            assert!(time < Duration::from_millis(200), "{versions:?}, datagram {lost}: {time:?}");
        }
    }
}

#[test]
fn without_it_the_first_repair_takes_the_second_of_the_rfc() {
    for versions in [Versions::ONLY_1_2, Versions::ONLY_1_3] {
        assert!(elapsed(versions, None, 0) > Duration::from_secs(1));
    }
}
