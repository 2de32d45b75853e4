//! A handshake of DTLS 1.2, flight by flight and record by record: `cargo run -p plywood-dtls --example handshake
//! --features rustcrypto`. No network: two connections in one process.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example")]

use std::sync::Arc;
use std::time::Instant;

use plywood_dtls::wire::{ContentType, Fragment, PlaintextHeader};
use plywood_dtls::{Config, Connection, Event, Identity, Role, Versions, provider};
use plywood_octets::Reader;

fn main() {
    let provider = provider::rustcrypto();
    let identity =
        |certificate: &[u8], key: &[u8]| Arc::new(Identity::from_der(&*provider, certificate, key).unwrap());
    let a = identity(include_bytes!("../tests/data/a.cert.der"), include_bytes!("../tests/data/a.key.der"));
    let b = identity(include_bytes!("../tests/data/b.cert.der"), include_bytes!("../tests/data/b.key.der"));
    println!("client's certificate  {}\nserver's certificate  {}", a.fingerprint(), b.fingerprint());
    let (client_knows, server_knows) = (vec![b.fingerprint().clone()], vec![a.fingerprint().clone()]);

    #[expect(clippy::disallowed_methods, reason = "the example stands where the driver would")]
    let now = Instant::now();
    let mut client_config = Config::new(Role::Client, a, provider.clone(), client_knows);
    client_config.versions = Versions::ONLY_1_2; // its flights can be read: 1.3 seals all but the hellos
    let mut server_config = Config::new(Role::Server, b, provider.clone(), server_knows);
    server_config.key_log = true;
    let mut client = Connection::new(client_config, [1; 32], now);
    let mut server = Connection::new(server_config, [2; 32], now);
    client.start(now);
    while carry("client", &mut client, &mut server, now) | carry("server", &mut server, &mut client, now) {}

    println!("\nEvery record was numbered once; the epoch rose behind ChangeCipherSpec. Now data:");
    let mut out = Vec::new();
    let mark = client.begin_record(&mut out).unwrap();
    out.extend_from_slice(b"hello");
    client.finish_record(&mut out, mark).unwrap();
    println!("  5 bytes became {}: header 13, explicit nonce 8, tag 16", out.len());
    println!("  {}", hex(&out));
    let opened = server.open_record(now, &mut out, 0).unwrap();
    println!("  opened in place: {:?}", std::str::from_utf8(&out[opened.plaintext.unwrap()]).unwrap());
}

/// Carries one flight, prints it, and says whether there was one.
fn carry(name: &str, from: &mut Connection, to: &mut Connection, now: Instant) -> bool {
    let mut datagram = Vec::new();
    let mut any = false;
    while let Some(length) = from.poll_transmit(now, &mut datagram) {
        println!("\n{name} sends a datagram of {length} bytes");
        any = true;
        let mut at = 0;
        while at < length {
            describe(&datagram[at..]);
            at = to.open_record(now, &mut datagram, at).unwrap().next;
        }
        datagram.clear();
    }
    while let Some(event) = to.poll_event() {
        match event {
            Event::KeyLog(line) => println!("  key log: {}..", &line[..40]),
            event => println!("  the other side: {event:?}"),
        }
    }
    any
}

fn describe(bytes: &[u8]) {
    let header = PlaintextHeader::parse(bytes).unwrap();
    let body = &bytes[PlaintextHeader::LENGTH..][..usize::from(header.length)];
    let what = match header.content_type {
        ContentType::HANDSHAKE if header.epoch == 0 => {
            let fragment = Fragment::parse(&mut Reader::new(body)).unwrap().header;
            let (from, count) = (fragment.fragment_offset, fragment.fragment_length);
            let kind = fragment.message_type;
            format!("{kind:?} number {}, bytes {from}+{count} of {}", fragment.message_seq, fragment.length)
        }
        other if header.epoch == 0 => format!("{other:?}"),
        other => format!("{other:?}, encrypted"),
    };
    println!("  epoch {} record {}: {what}", header.epoch, header.sequence);
    println!("    {}", hex(&bytes[..bytes.len().min(32)]));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
