//! Any bytes as records, fragments and messages: no parser panics, and what a parser takes it writes back alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plywood_dtls::wire::certificate::Certificate;
use plywood_dtls::wire::certificate_request::CertificateRequest;
use plywood_dtls::wire::certificate_verify::DigitallySigned;
use plywood_dtls::wire::client_key_exchange::ClientKeyExchange;
use plywood_dtls::wire::server_key_exchange::ServerKeyExchange;
use plywood_dtls::wire::{
    Alert, ClientHello, Fragment, HelloVerifyRequest, PlaintextHeader, ServerHello, UnifiedHeader,
};
use plywood_octets::Reader;

fuzz_target!(|data: &[u8]| check(data));

fn check(data: &[u8]) {
    if let Ok(header) = PlaintextHeader::parse(data) {
        assert_eq!(header.encode(), data[..PlaintextHeader::LENGTH]);
    }
    if let Ok(header) = UnifiedHeader::parse(data, 4) {
        let mut out = Vec::new();
        header.encode(&mut out);
        assert_eq!(out, data[..header.header_length]);
    }
    let mut reader = Reader::new(data);
    while let Ok(fragment) = Fragment::parse(&mut reader) {
        check_message(fragment.body);
    }
    check_message(data);
}

fn check_message(body: &[u8]) {
    let mut out = Vec::new();
    if let Ok(hello) = ClientHello::parse(body) {
        hello.encode(&mut out);
        assert_eq!(ClientHello::parse(&out), Ok(hello));
    }
    out.clear();
    if let Ok(hello) = ServerHello::parse(body) {
        hello.encode(&mut out);
        assert_eq!(ServerHello::parse(&out), Ok(hello));
    }
    out.clear();
    if let Ok(request) = HelloVerifyRequest::parse(body) {
        request.encode(&mut out);
        assert_eq!(out, body);
    }
    let _ = Alert::parse(body);
    let _ = Certificate::parse(body);
    let _ = CertificateRequest::parse(body);
    let _ = DigitallySigned::parse(body);
    let _ = ClientKeyExchange::parse(body);
    let _ = ServerKeyExchange::parse(body);
}
