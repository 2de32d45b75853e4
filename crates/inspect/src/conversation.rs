//! Whole conversations: each packet of a capture as its layers, opened with a key log where there is one.
//!
//! Problem: of a record in a capture one sees a header. The keys are in the key log, under the random of a
//! ClientHello that came many packets before.
//! How: read along. The hellos tell randoms and suite, the random finds the secrets, and each direction gets an
//! [`Eavesdropper`], which opens what the receiver opened.
//!
//! ```text
//!   ClientHello: random ---> key log: CLIENT_RANDOM ..              1.2: master secret, once ServerHello told the rest
//!   ServerHello: suite                *_TRAFFIC_SECRET ..           1.3: epochs 2 and 3 of each side
//!   record --Eavesdropper--> content --SCTP--> DATA --PPID 50--> DCEP, or the application
//! ```
//!
//! More: RFC 9147 §6.1 (epochs), RFC 8261 (SCTP over DTLS); docs/inspect.md.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use plywood_dtls::provider::Provider;
use plywood_dtls::wire::codes::CipherSuite;
use plywood_dtls::wire::{ContentType, HandshakeType};
use plywood_dtls::{Discard, Eavesdropper, Role};

use crate::node::Node;
use crate::pcapng::Packet;
use crate::summary::summary;

/// A packet, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The packet as it was on the wire.
    pub tree: Node,
    /// What its records held, as far as there are keys.
    pub opened: Vec<OpenedRecord>,
    /// Records that are protected and were not opened, with the reason.
    pub closed: Vec<&'static str>,
    /// Its layers in a line: `DTLS 1.3 data > SCTP DATA > DCEP DATA_CHANNEL_OPEN "chat"`.
    pub summary: String,
}

/// A record in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedRecord {
    /// The n-th record of its datagram, from 0.
    pub index: usize,
    /// Epoch and sequence number, all of it.
    pub number: (u64, u64),
    /// What it holds.
    pub content_type: &'static str,
    /// The content.
    pub plaintext: Vec<u8>,
    /// The content, named.
    pub tree: Node,
}

/// Reads a capture from its beginning; feed it every packet, in order.
#[derive(Debug)]
pub struct Conversations {
    provider: Arc<dyn Provider>,
    /// Label and client random to secret.
    secrets: BTreeMap<(String, [u8; 32]), Vec<u8>>,
    connections: BTreeMap<[SocketAddr; 2], Connection>,
}

/// Two addresses that speak DTLS.
#[derive(Debug)]
struct Connection {
    client: SocketAddr,
    client_random: [u8; 32],
    /// Once ServerHello told the suite.
    is_13: Option<bool>,
    /// What the client says, and the server.
    ears: [Eavesdropper; 2],
}

/// Connections that are followed at once; a longer capture loses sight of the first by address.
const MAX_CONNECTIONS: usize = 1024;

/// The random of a ServerHello that is a HelloRetryRequest (RFC 8446 §4.1.3): its first bytes tell it from any other.
const RETRY: [u8; 8] = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];

impl Conversations {
    /// With the lines of a TLS key log (the format of NSS); lines that are none are left out.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>, key_log: &str) -> Self {
        let mut secrets = BTreeMap::new();
        for line in key_log.lines() {
            let mut words = line.split_whitespace();
            let (Some(label), Some(random), Some(secret)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            if let (Some(random), Some(secret)) = (unhex(random), unhex(secret))
                && let Ok(random) = <[u8; 32]>::try_from(random)
            {
                secrets.insert((label.to_owned(), random), secret);
            }
        }
        Self { provider, secrets, connections: BTreeMap::new() }
    }

    /// How many secrets there are.
    #[must_use]
    pub fn secrets(&self) -> usize {
        self.secrets.len()
    }

    /// Names everything in the next packet.
    pub fn explain(&mut self, packet: &Packet) -> Explained {
        let tree =
            if packet.is_sctp { crate::sctp(&packet.payload) } else { crate::dissect(&packet.payload) };
        let is_dtls = !packet.is_sctp && matches!(packet.payload.first(), Some(20..=63));
        let (opened, closed) = if is_dtls { self.open(packet) } else { (Vec::new(), Vec::new()) };
        let summary = summary(&tree, &opened, &closed);
        Explained { tree, opened, closed, summary }
    }

    fn open(&mut self, packet: &Packet) -> (Vec<OpenedRecord>, Vec<&'static str>) {
        let (mut opened, mut closed) = (Vec::new(), Vec::new());
        let mut datagram = packet.payload.clone();
        let (mut at, mut index) = (0, 0);
        while at < datagram.len() {
            let Some(connection) = self.connection(packet) else { break };
            let direction = usize::from(packet.from != connection.client);
            match connection.ears[direction].open(&mut datagram, at) {
                Ok(record) => {
                    let plaintext = datagram.get(record.plaintext).unwrap_or_default().to_vec();
                    let number = (record.number.epoch, record.number.sequence);
                    if record.content_type == ContentType::HANDSHAKE {
                        self.overhear(packet, number.0, &plaintext);
                    }
                    if number.0 > 0 {
                        let tree = content(record.content_type, &plaintext);
                        let content_type = record.content_type.name().unwrap_or("unknown content");
                        opened.push(OpenedRecord { index, number, content_type, plaintext, tree });
                    }
                    at = record.next;
                }
                Err(discarded) => {
                    closed.push(match discarded.reason {
                        Discard::UnknownEpoch | Discard::WrongVersion => "no key for it",
                        Discard::Replayed => "seen before",
                        Discard::NotAuthentic => "does not authenticate",
                        _ => "not a whole record",
                    });
                    at = discarded.next.max(at + 1);
                }
            }
            index += 1;
        }
        (opened, closed)
    }

    /// The connection of a packet; a new one belongs to whoever speaks first, until a ClientHello says otherwise.
    fn connection(&mut self, packet: &Packet) -> Option<&mut Connection> {
        let mut key = [packet.from, packet.to];
        key.sort_unstable();
        if self.connections.len() >= MAX_CONNECTIONS && !self.connections.contains_key(&key) {
            self.connections.pop_first();
        }
        let provider = &self.provider;
        Some(self.connections.entry(key).or_insert_with(|| Connection::new(provider, packet.from)))
    }

    /// What a handshake record tells: randoms, suite, key updates.
    fn overhear(&mut self, packet: &Packet, epoch: u64, record: &[u8]) {
        let mut rest = record;
        while let Some(header) = rest.get(..12) {
            let length = number(&header[9..12]);
            let Some(body) = rest.get(12..12 + length) else { return };
            let is_beginning = number(&header[6..9]) == 0;
            let message = HandshakeType(header[0]);
            if is_beginning && epoch == 0 && message == HandshakeType::CLIENT_HELLO {
                self.client_hello(packet, body);
            } else if is_beginning && epoch == 0 && message == HandshakeType::SERVER_HELLO {
                self.server_hello(packet, body);
            } else if message == HandshakeType::KEY_UPDATE
                && let Some(connection) = self.connection(packet)
            {
                let direction = usize::from(packet.from != connection.client);
                // Keys that cannot be had leave the next records closed, which says it all.
                let _ = connection.ears[direction].update_keys();
            }
            rest = &rest[12 + length..];
        }
    }

    /// The random stands in the first 34 bytes, so the first fragment is enough.
    fn client_hello(&mut self, packet: &Packet, body: &[u8]) {
        let Some(random) = body.get(2..).and_then(|body| body.first_chunk::<32>()) else { return };
        let provider = self.provider.clone();
        let Some(connection) = self.connection(packet) else { return };
        if connection.is_13.is_some() && connection.client_random != *random {
            // The same two addresses begin anew.
            *connection = Connection::new(&provider, packet.from);
        }
        (connection.client, connection.client_random) = (packet.from, *random);
    }

    fn server_hello(&mut self, packet: &Packet, body: &[u8]) {
        let Some(random) = body.get(2..).and_then(|body| body.first_chunk::<32>()).copied() else { return };
        let session_id = body.get(34).copied().map_or(0, usize::from);
        let Some(suite) = body.get(35 + session_id..).and_then(|body| body.first_chunk::<2>()) else {
            return;
        };
        let suite = CipherSuite(u16::from_be_bytes(*suite));
        if random.starts_with(&RETRY) {
            return;
        }
        let Some(connection) = self.connection(packet) else { return };
        if connection.is_13.is_some() {
            return; // said again
        }
        let client_random = connection.client_random;
        let secret = |label: &str| self.secrets.get(&(label.to_owned(), client_random)).cloned();
        let master = secret("CLIENT_RANDOM");
        let traffic = [
            (0, 2, secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET")),
            (1, 2, secret("SERVER_HANDSHAKE_TRAFFIC_SECRET")),
            (0, 3, secret("CLIENT_TRAFFIC_SECRET_0")),
            (1, 3, secret("SERVER_TRAFFIC_SECRET_0")),
        ];
        let Some(connection) = self.connection(packet) else { return };
        // A secret that does not fit its suite opens nothing, and the records say so.
        if let Some(master) = master.and_then(|master| <[u8; 48]>::try_from(master).ok()) {
            for (ear, speaker) in connection.ears.iter_mut().zip([Role::Client, Role::Server]) {
                let _ = ear.add_master_secret(suite, master, [&client_random, &random], speaker);
            }
        }
        for (direction, epoch, secret) in traffic {
            if let (Some(secret), Some(ear)) = (secret, connection.ears.get_mut(direction)) {
                let _ = ear.add_traffic_secret(suite, epoch, &secret);
            }
        }
        connection.is_13 = Some(suite.0 >> 8 == 0x13);
    }
}

impl Connection {
    fn new(provider: &Arc<dyn Provider>, client: SocketAddr) -> Self {
        let ears = [(); 2].map(|()| Eavesdropper::new(provider.clone()));
        Self { client, client_random: [0; 32], is_13: None, ears }
    }
}

/// The content of a record, named.
fn content(content_type: ContentType, plaintext: &[u8]) -> Node {
    if content_type == ContentType::APPLICATION_DATA {
        return crate::sctp(plaintext);
    }
    crate::dissect::record_content(content_type, plaintext)
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
