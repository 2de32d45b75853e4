//! Each handshake message of 1.2 and 1.3, alerts, ACKs and extensions: the first byte says which.
#![no_main]

mod dtls;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((&kind, body)) = data.split_first() {
        dtls::message(kind, body);
    }
});
