//! A client driven by arbitrary datagrams at arbitrary times: no panic, no spinning timer, and never connected.
#![no_main]

use std::sync::Arc;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use plywood_dtls::{Config, Connection, Identity, Role, provider};

fuzz_target!(|data: &[u8]| check(data));

/// Each datagram stands behind two bytes: its length, and how many tens of milliseconds pass before it.
fn check(data: &[u8]) {
    let provider = provider::rustcrypto();
    let certificate = include_bytes!("../../crates/dtls/tests/data/a.cert.der");
    let key = include_bytes!("../../crates/dtls/tests/data/a.key.der");
    let Ok(identity) = Identity::from_der(&*provider, certificate, key) else { return };
    let known = vec![identity.fingerprint().clone()];
    let config = Config::new(Role::Client, Arc::new(identity), provider, known);
    let mut now = Instant::now();
    let mut connection = Connection::new(config, [7; 32], now);
    connection.start(now);
    let (mut rest, mut out) = (data, Vec::new());
    while let Some((&[length, wait], tail)) = rest.split_first_chunk() {
        let (datagram, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        now += Duration::from_millis(10 * u64::from(wait));
        connection.handle_timeout(now);
        assert!(connection.poll_timeout().is_none_or(|at| at > now));
        let mut datagram = datagram.to_vec();
        let mut at = 0;
        while at < datagram.len() {
            let next = match connection.open_record(now, &mut datagram, at) {
                Ok(opened) => {
                    assert!(opened.plaintext.is_none());
                    opened.next
                }
                Err(discarded) => discarded.next,
            };
            assert!(next > at && next <= datagram.len());
            at = next;
        }
        while connection.poll_transmit(now, &mut out).is_some() {
            out.clear();
        }
        while connection.poll_event().is_some() {}
        assert!(!connection.is_connected());
    }
}
