//! BoringSSL, what Chromium speaks: 1.2 and 1.3. It reads its own clock, so it has no timers here: where its
//! datagrams are lost, our repetitions bring them back, or not.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::Instant;

use anyhow::{Result, bail};
use boring::pkey::PKey;
use boring::ssl::{ErrorCode, Ssl, SslContext, SslMethod, SslStream, SslVerifyMode, SslVersion};
use boring::x509::X509;

use super::{Judge, is_13, is_client};
use crate::cell::Cell;
use crate::subject::Certificate;

/// Datagrams waiting on either side.
#[derive(Debug, Default)]
struct Datagrams {
    incoming: VecDeque<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
}

impl Read for Datagrams {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(datagram) = self.incoming.pop_front() else { return Err(io::ErrorKind::WouldBlock.into()) };
        let length = datagram.len().min(out.len());
        out[..length].copy_from_slice(&datagram[..length]);
        Ok(length)
    }
}

impl Write for Datagrams {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.push_back(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The adapter.
#[derive(Debug)]
pub(crate) struct BoringSsl {
    stream: SslStream<Datagrams>,
    is_client: bool,
    connected: bool,
    received: Vec<u8>,
}

impl BoringSsl {
    fn drive(&mut self) -> Result<()> {
        if !self.connected {
            let step = if self.is_client { self.stream.connect() } else { self.stream.accept() };
            match step {
                Ok(()) => self.connected = true,
                Err(error) if matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE) => {}
                Err(error) => bail!("it gave up: {error}"),
            }
        }
        let mut buffer = [0; 2048];
        while self.connected
            && let Ok(length @ 1..) = self.stream.read(&mut buffer)
        {
            self.received.extend_from_slice(&buffer[..length]);
        }
        Ok(())
    }
}

impl Judge for BoringSsl {
    fn new(cell: &Cell, certificate: &Certificate, _now: Instant) -> Result<Self> {
        let version = if is_13(cell) { SslVersion::DTLS1_3 } else { SslVersion::DTLS1_2 };
        let mut context = SslContext::builder(SslMethod::dtls())?;
        context.set_certificate(&*X509::from_der(&certificate.der)?)?;
        context.set_private_key(&*PKey::private_key_from_der(&certificate.key)?)?;
        context.set_min_proto_version(Some(version))?;
        context.set_max_proto_version(Some(version))?;
        context.set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, |_, _| true);
        let mut ssl = Ssl::new(&context.build())?;
        ssl.set_mtu(u32::try_from(cell.scenario.mtu())?)?;
        let stream = SslStream::new(ssl, Datagrams::default())?;
        let is_client = is_client(cell);
        let mut judge = Self { stream, is_client, connected: false, received: Vec::new() };
        judge.drive()?;
        Ok(judge)
    }

    fn receive(&mut self, _now: Instant, datagram: &[u8]) -> Result<()> {
        self.stream.get_mut().incoming.push_back(datagram.to_vec());
        self.drive()
    }

    fn transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        self.stream.get_mut().outgoing.pop_front()
    }

    fn is_connected(&self) -> bool {
        self.connected
    }

    fn send(&mut self, _now: Instant, data: &[u8]) {
        let _ = self.stream.write(data);
    }

    fn received(&self) -> &[u8] {
        &self.received
    }

    fn timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<()> {
        Ok(())
    }
}
