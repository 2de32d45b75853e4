//! What a DTLS library must be able to do to take part: make a connected pair, seal, open.

use std::time::Instant;

/// The version of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// RFC 6347.
    V12,
    /// RFC 9147.
    V13,
}

impl Version {
    pub(crate) const ALL: [Self; 2] = [Self::V12, Self::V13];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
        }
    }
}

/// The group of a key exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    X25519,
    P256,
    X25519MlKem768,
}

impl Group {
    pub(crate) const ALL: [Self; 3] = [Self::X25519, Self::P256, Self::X25519MlKem768];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X25519 => "x25519",
            Self::P256 => "p256",
            Self::X25519MlKem768 => "x25519mlkem768",
        }
    }
}

/// What is agreed on beforehand. All subjects use AES-128-GCM with SHA-256 and ECDSA P-256 certificates on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setup {
    pub version: Version,
    pub group: Group,
}

/// The largest datagram of a flight.
pub(crate) const MTU: usize = 1200;

/// One side of a connection, fed with datagrams by the bench.
pub(crate) trait Endpoint {
    /// A client says hello.
    fn start(&mut self, now: Instant);
    /// Writes the next datagram that is waiting into `out`, which is empty.
    fn transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool;
    /// Takes a datagram of the handshake.
    fn receive(&mut self, now: Instant, datagram: &mut Vec<u8>);
    fn is_connected(&self) -> bool;
    /// One record with `payload` into `out`, which is empty.
    fn seal(&mut self, now: Instant, payload: &[u8], out: &mut Vec<u8>);
    /// Opens the record and tells how long the payload was.
    fn open(&mut self, now: Instant, datagram: &mut Vec<u8>) -> usize;
}

/// A library with its certificates loaded; `None` from `new` where it does not have this version or group.
pub(crate) trait Stack: Sized {
    type End: Endpoint;
    fn new(setup: Setup) -> Option<Self>;
    /// A client and a server that know each other's certificates.
    fn pair(&self, now: Instant) -> (Self::End, Self::End);
}

/// What a handshake sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub datagrams: u64,
    pub bytes: u64,
}

/// A connected pair.
pub(crate) struct Pair<E> {
    pub client: E,
    pub server: E,
    pub traffic: Traffic,
}

impl<E: Endpoint> Pair<E> {
    /// Carries datagrams, none lost, until both sides are connected and have nothing more to say.
    pub(crate) fn connect<S: Stack<End = E>>(stack: &S) -> Option<Self> {
        let now = Instant::now();
        let (client, server) = stack.pair(now);
        let mut pair = Self { client, server, traffic: Traffic::default() };
        let mut datagram = Vec::with_capacity(2048);
        pair.client.start(now);
        for _ in 0..10 {
            let mut quiet = true;
            for to_server in [true, false] {
                let (from, to) = match to_server {
                    true => (&mut pair.client, &mut pair.server),
                    false => (&mut pair.server, &mut pair.client),
                };
                datagram.clear();
                while from.transmit(now, &mut datagram) {
                    quiet = false;
                    pair.traffic.datagrams += 1;
                    pair.traffic.bytes += datagram.len() as u64;
                    to.receive(now, &mut datagram);
                    datagram.clear();
                }
            }
            if quiet {
                break;
            }
        }
        (pair.client.is_connected() && pair.server.is_connected()).then_some(pair)
    }
}

/// A self-signed ECDSA P-256 certificate and its PKCS#8 key, the same kind for all subjects.
pub(crate) fn certificate() -> (Vec<u8>, Vec<u8>) {
    let key = rcgen::KeyPair::generate().expect("a key pair of P-256");
    let made = rcgen::CertificateParams::default().self_signed(&key).expect("a certificate");
    (made.der().to_vec(), key.serialize_der())
}
