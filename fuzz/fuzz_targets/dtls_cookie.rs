//! A cookie exchange under arbitrary datagrams from arbitrary sources: bounded, no amplifier, and nobody gets in
//! who was not given a cookie.
#![no_main]

mod dtls;

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use plywood_dtls::{CookieAnswer, CookieExchange, CookieLimits, Role};

fuzz_target!(|data: &[u8]| check(data));

/// The first byte chooses options. Each datagram stands behind four: its source, its length, and the tens of
/// milliseconds that pass before it.
fn check(data: &[u8]) {
    let Some((&options, mut rest)) = data.split_first() else { return };
    let mut now = Instant::now();
    let limits = CookieLimits { max_pool_bytes: 8192, max_hello_bytes: 4096, ..CookieLimits::default() };
    let mut exchange = CookieExchange::new(dtls::config(Role::Server, options), limits, [3; 32], now);
    let mut received = [0; 256];
    let mut out = Vec::new();
    while let Some((&[source, l0, l1, wait], tail)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let (datagram, tail) = tail.split_at(length.min(tail.len()));
        rest = tail;
        now += Duration::from_millis(10 * u64::from(wait));
        received[usize::from(source)] += datagram.len();
        out.clear();
        match exchange.handle_datagram(now, &[source], datagram, &mut out) {
            CookieAnswer::Accept(_) => panic!("nobody was shown a cookie"),
            CookieAnswer::Send(length) => {
                assert_eq!(length, out.len());
                assert!(length <= 3 * received[usize::from(source)]);
                received[usize::from(source)] = 0;
            }
            CookieAnswer::Kept | CookieAnswer::Discarded(_) => assert!(out.is_empty()),
        }
        assert!(exchange.held_bytes() <= limits.max_pool_bytes);
        exchange.handle_timeout(now);
        assert!(exchange.poll_timeout().is_none_or(|at| at > now));
    }
}
