//! The machine's OpenSSL, over in-memory datagrams. It has no DTLS 1.3.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::Instant;

use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslOptions, SslStream, SslVerifyMode, SslVersion};
use openssl::x509::X509;

use crate::stack::{Endpoint, Group, MTU, Setup, Stack, Version, certificate};

pub(crate) struct OpenSsl {
    contexts: [SslContext; 2],
}

impl Stack for OpenSsl {
    type End = OpenSslEnd;

    fn new(setup: Setup) -> Option<Self> {
        let group = match (setup.version, setup.group) {
            // It asks that the curve of a certificate is among the groups; the first one is taken.
            (Version::V12, Group::X25519) => "X25519:P-256",
            (Version::V12, Group::P256) => "P-256",
            _ => return None,
        };
        let context = || {
            let (certificate, key) = certificate();
            let mut context = SslContext::builder(SslMethod::dtls())?;
            context.set_certificate(&*X509::from_der(&certificate)?)?;
            context.set_private_key(&*PKey::private_key_from_der(&key)?)?;
            context.set_min_proto_version(Some(SslVersion::DTLS1_2))?;
            context.set_cipher_list("ECDHE-ECDSA-AES128-GCM-SHA256")?;
            context.set_groups_list(group)?;
            context.set_options(SslOptions::NO_QUERY_MTU | SslOptions::NO_TICKET);
            // Whose certificate it is, the owner checks by its fingerprint.
            context
                .set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, |_, _| true);
            Ok::<_, openssl::error::ErrorStack>(context.build())
        };
        Some(Self { contexts: [context().ok()?, context().ok()?] })
    }

    fn pair(&self, _now: Instant) -> (OpenSslEnd, OpenSslEnd) {
        let end = |index: usize| {
            let mut ssl = Ssl::new(&self.contexts[index]).expect("an SSL object");
            ssl.set_mtu(MTU as u32).expect("the MTU is accepted");
            match index {
                0 => ssl.set_connect_state(),
                _ => ssl.set_accept_state(),
            }
            let stream = SslStream::new(ssl, Datagrams::default()).expect("a stream");
            OpenSslEnd { stream, connected: false, plaintext: vec![0; 2048] }
        };
        (end(0), end(1))
    }
}

/// Datagrams waiting on either side of OpenSSL. Buffers go round, so that none is allocated for a record.
#[derive(Debug, Default)]
struct Datagrams {
    incoming: VecDeque<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
}

impl Read for Datagrams {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(datagram) = self.incoming.pop_front() else { return Err(io::ErrorKind::WouldBlock.into()) };
        let length = datagram.len().min(out.len());
        out[..length].copy_from_slice(&datagram[..length]);
        self.spare.push(datagram);
        Ok(length)
    }
}

impl Write for Datagrams {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut datagram = self.spare.pop().unwrap_or_default();
        datagram.clear();
        datagram.extend_from_slice(bytes);
        self.outgoing.push_back(datagram);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) struct OpenSslEnd {
    stream: SslStream<Datagrams>,
    connected: bool,
    plaintext: Vec<u8>,
}

impl OpenSslEnd {
    fn feed(&mut self, datagram: &[u8]) {
        let pipe = self.stream.get_mut();
        let mut buffer = pipe.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(datagram);
        pipe.incoming.push_back(buffer);
    }
}

impl Endpoint for OpenSslEnd {
    fn start(&mut self, _now: Instant) {
        self.connected = self.stream.do_handshake().is_ok();
    }

    fn transmit(&mut self, _now: Instant, out: &mut Vec<u8>) -> bool {
        let pipe = self.stream.get_mut();
        let Some(datagram) = pipe.outgoing.pop_front() else { return false };
        out.extend_from_slice(&datagram);
        pipe.spare.push(datagram);
        true
    }

    fn receive(&mut self, _now: Instant, datagram: &mut Vec<u8>) {
        self.feed(datagram);
        if !self.connected {
            self.connected = self.stream.do_handshake().is_ok();
        }
    }

    fn is_connected(&self) -> bool {
        self.connected
    }

    fn seal(&mut self, now: Instant, payload: &[u8], out: &mut Vec<u8>) {
        let _ = self.stream.ssl_write(payload);
        self.transmit(now, out);
    }

    fn open(&mut self, _now: Instant, datagram: &mut Vec<u8>) -> usize {
        self.feed(datagram);
        self.stream.ssl_read(&mut self.plaintext).unwrap_or(0)
    }
}
