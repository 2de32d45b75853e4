//! Any bytes as records and fragments: no parser panics, and what a parser takes it writes back alike.
#![no_main]

mod dtls;

use libfuzzer_sys::fuzz_target;
use plywood_dtls::wire::connection_id::Tls12CidHeader;
use plywood_dtls::wire::{Fragment, PlaintextHeader, UnifiedHeader};
use plywood_octets::Reader;

fuzz_target!(|data: &[u8]| check(data));

fn check(data: &[u8]) {
    if let Ok(header) = PlaintextHeader::parse(data) {
        assert_eq!(header.encode(), data[..PlaintextHeader::LENGTH]);
    }
    for id_length in [0, 4, 255] {
        if let Ok(header) = UnifiedHeader::parse(data, id_length) {
            let mut out = Vec::new();
            header.encode(&mut out);
            assert_eq!(out, data[..header.header_length]);
        }
        if let Ok(header) = Tls12CidHeader::parse(data, id_length) {
            let mut out = vec![0; Tls12CidHeader::LENGTH + id_length];
            header.encode(&mut out);
            assert_eq!(out, data[..out.len()]);
        }
    }
    let mut reader = Reader::new(data);
    while let Ok(fragment) = Fragment::parse(&mut reader) {
        let mut out = Vec::new();
        fragment.encode(&mut out);
        assert!(data.windows(out.len()).any(|window| window == out));
        for kind in 0..dtls::KINDS {
            dtls::message(kind, fragment.body);
        }
    }
}
