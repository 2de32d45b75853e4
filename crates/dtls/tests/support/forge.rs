//! Records and handshake messages written by hand: what an attacker, or a careless peer, could send.

use plywood_dtls::wire::codes::{CipherSuite, NamedGroup, SignatureScheme};
use plywood_dtls::wire::{
    ClientHello, ContentType, Extension, ExtensionType, Extensions, Fragment, HandshakeHeader, HandshakeType,
    PlaintextHeader, ProtocolVersion,
};
use plywood_octets::Reader;

pub fn record(content_type: ContentType, epoch: u16, sequence: u64, body: &[u8]) -> Vec<u8> {
    let header = PlaintextHeader {
        content_type,
        version: ProtocolVersion::DTLS_1_2,
        epoch,
        sequence,
        length: u16::try_from(body.len()).unwrap(),
    };
    [&header.encode()[..], body].concat()
}

/// Bytes `from..to` of a message, in a record of epoch 0.
pub fn fragment(kind: HandshakeType, message_seq: u16, body: &[u8], from: usize, to: usize) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap();
    let header = HandshakeHeader {
        message_type: kind,
        length: number(body.len()),
        message_seq,
        fragment_offset: number(from),
        fragment_length: number(to - from),
    };
    let mut out = Vec::new();
    Fragment { header, body: &body[from..to] }.encode(&mut out);
    record(ContentType::HANDSHAKE, 0, u64::from(message_seq) + 1000 + from as u64, &out)
}

/// A whole message in a record of epoch 0.
pub fn message(kind: HandshakeType, message_seq: u16, body: &[u8]) -> Vec<u8> {
    fragment(kind, message_seq, body, 0, body.len())
}

/// The fragments in datagrams of epoch 0, each in a record of its own.
pub fn fragments(datagrams: &[Vec<u8>]) -> Vec<(HandshakeHeader, Vec<u8>)> {
    let mut found = vec![];
    for datagram in datagrams {
        let mut reader = Reader::new(datagram);
        while !reader.is_empty() {
            let header = PlaintextHeader::parse(reader.bytes(PlaintextHeader::LENGTH).unwrap()).unwrap();
            let mut body = Reader::new(reader.bytes(usize::from(header.length)).unwrap());
            let fragment = Fragment::parse(&mut body).unwrap();
            found.push((fragment.header, fragment.body.to_vec()));
        }
    }
    found
}

/// A ClientHello of 1.2 that a server of ours takes.
pub fn client_hello() -> ClientHello {
    let mut extensions = Extensions::new();
    extensions.push(Extension::empty(ExtensionType::EXTENDED_MASTER_SECRET));
    extensions.push(Extension::initial_renegotiation_info());
    extensions.push(Extension::supported_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]));
    extensions.push(Extension::uncompressed_points());
    extensions.push(Extension::signature_algorithms(&[SignatureScheme::ECDSA_SECP256R1_SHA256]));
    ClientHello {
        legacy_version: ProtocolVersion::DTLS_1_2,
        random: [7; 32],
        session_id: vec![],
        cookie: vec![],
        cipher_suites: vec![CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256],
        compression_methods: vec![0],
        extensions,
    }
}

/// A ClientHello in the manner of a browser: 1.3 and 1.2 at once, with a post-quantum share; over 1400 bytes.
pub fn browser_client_hello() -> ClientHello {
    let mut hello = client_hello();
    let suites =
        [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014, 0x009c];
    hello.cipher_suites = suites.map(CipherSuite).to_vec();
    let groups = [0x11ec, 0x001d, 0x0017, 0x0018].map(NamedGroup);
    hello.extensions.push(Extension::supported_groups(&groups));
    let versions = [ProtocolVersion::DTLS_1_3, ProtocolVersion::DTLS_1_2, ProtocolVersion(0x0303)];
    hello.extensions.push(Extension::supported_versions(&versions));
    hello.extensions.push(Extension::use_srtp(&[1, 8, 7], &[]));
    hello.extensions.push(Extension::new(ExtensionType::PSK_KEY_EXCHANGE_MODES, |out| out.extend([1, 1])));
    hello.extensions.push(Extension::new(ExtensionType::KEY_SHARE, |out| {
        out.extend(u16::try_from(4 + 1216 + 4 + 32).unwrap().to_be_bytes());
        out.extend([0x11, 0xec, 0x04, 0xc0]);
        out.extend([0x5a; 1216]);
        out.extend([0x00, 0x1d, 0x00, 0x20]);
        out.extend([0x09; 32]);
    }));
    // Grease (RFC 8701), and something nobody knows.
    hello.extensions.push(Extension::empty(ExtensionType(0x0a0a)));
    hello.extensions.push(Extension { extension_type: ExtensionType(0xfe7a), data: vec![1, 2, 3] });
    hello
}

pub fn encode(hello: &ClientHello) -> Vec<u8> {
    let mut out = Vec::new();
    hello.encode(&mut out);
    out
}
