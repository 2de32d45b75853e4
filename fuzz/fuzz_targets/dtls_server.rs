//! A server of 1.2, of 1.3, and of both, driven by arbitrary datagrams at arbitrary times.
#![no_main]

mod dtls;

use libfuzzer_sys::fuzz_target;
use plywood_dtls::Role;

fuzz_target!(|data: &[u8]| dtls::drive(Role::Server, data));
