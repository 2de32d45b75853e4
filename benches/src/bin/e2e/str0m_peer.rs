//! str0m as its users run it: one thread and one plain socket a side, one datagram a system call.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::channel::ChannelId;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::{Outcome, Work, pin_to_core};

/// Sends `work.bytes` from one thread to another over loopback; the time runs from the first message to the last.
pub(crate) fn run(work: Work) -> Result<Outcome> {
    let (offer_to, offer_from) = mpsc::channel::<String>();
    let (answer_to, answer_from) = mpsc::channel::<String>();
    let receiver = std::thread::spawn(move || -> Result<Outcome> {
        pin_to_core(1);
        let mut side = Side::new()?;
        let offer = SdpOffer::from_sdp_string(&offer_from.recv()?)?;
        let answer = side.rtc.sdp_api().accept_offer(offer)?;
        answer_to.send(answer.to_sdp_string())?;
        side.receive(work)
    });
    pin_to_core(0);
    let mut side = Side::new()?;
    let mut change = side.rtc.sdp_api();
    let channel = change.add_channel("bulk".to_owned());
    let (offer, pending) = change.apply().context("an offer")?;
    offer_to.send(offer.to_sdp_string())?;
    let answer = SdpAnswer::from_sdp_string(&answer_from.recv()?)?;
    side.rtc.sdp_api().accept_answer(pending, answer)?;
    side.send(work, channel)?;
    receiver.join().map_err(|_| anyhow!("the receiving thread panicked"))?
}

struct Side {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    buffer: Vec<u8>,
}

impl Side {
    fn new() -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        crate::widen(&socket)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let mut rtc = RtcConfig::new().build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        Ok(Self { rtc, socket, address, buffer: vec![0; 2048] })
    }

    /// Drains what the connection has to say; the next deadline.
    fn drain(&mut self, mut on_event: impl FnMut(Event)) -> Result<Instant> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => return Ok(at),
                Output::Transmit(transmit) => {
                    // A full socket buffer is loss, as on any network.
                    let _ = self.socket.send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(event) => on_event(event),
            }
        }
    }

    /// Takes one datagram, waiting for it until `until`; its output has to be drained before the next. A system call
    /// to wait is spent only where nothing is there.
    fn wait(&mut self, until: Instant) -> Result<()> {
        let received = match self.socket.recv_from(&mut self.buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait_blocking(until)?,
            received => Some(received?),
        };
        let now = Instant::now();
        let Some((length, source)) = received else { return Ok(self.rtc.handle_input(Input::Timeout(now))?) };
        let contents = self.buffer[..length].try_into()?;
        let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
        self.rtc.handle_input(Input::Receive(now, receive))?;
        Ok(())
    }

    fn wait_blocking(&mut self, until: Instant) -> Result<Option<(usize, SocketAddr)>> {
        let left = until.saturating_duration_since(Instant::now());
        self.socket.set_nonblocking(false)?;
        let timeout = left.clamp(Duration::from_micros(50), Duration::from_millis(50));
        self.socket.set_read_timeout(Some(timeout))?;
        let received = self.socket.recv_from(&mut self.buffer);
        self.socket.set_nonblocking(true)?;
        match received {
            Ok(received) => Ok(Some(received)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn send(&mut self, work: Work, channel: ChannelId) -> Result<()> {
        let message = vec![0x42; work.message_bytes];
        let mut left = work.bytes;
        let mut open = false;
        let mut done = false;
        let deadline = Instant::now() + work.limit;
        while !done && Instant::now() < deadline {
            let at = self.drain(|event| match event {
                Event::ChannelOpen(..) => open = true,
                Event::ChannelData(_) => done = true, // the receiver says that it has everything
                _ => {}
            })?;
            let mut wrote = false;
            while open && left > 0 {
                let Some(mut bulk) = self.rtc.channel(channel) else { break };
                if !bulk.write(true, &message)? {
                    break;
                }
                wrote = true;
                left = left.saturating_sub(work.message_bytes);
            }
            if !wrote {
                self.wait(at)?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, work: Work) -> Result<Outcome> {
        let mut got = 0;
        let mut began = None;
        let mut last = None;
        let deadline = Instant::now() + work.limit;
        while got < work.bytes {
            if Instant::now() > deadline {
                break;
            }
            let at = self.drain(|event| {
                if let Event::ChannelData(data) = event {
                    began.get_or_insert_with(Instant::now);
                    got += data.data.len();
                    last = Some(data.id);
                }
            })?;
            if got < work.bytes {
                self.wait(at)?;
            }
        }
        let elapsed = began.map_or(Duration::MAX, |began| began.elapsed());
        if let Some(mut bulk) = last.and_then(|id| self.rtc.channel(id)) {
            bulk.write(true, b"done")?;
        }
        let end = Instant::now() + Duration::from_millis(50);
        while Instant::now() < end {
            let at = self.drain(|_| {})?;
            self.wait(at)?;
        }
        Ok(Outcome { bytes: got, elapsed })
    }
}
