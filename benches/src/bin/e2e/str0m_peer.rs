//! str0m as its users run it: one thread and one plain socket a side, one datagram a system call.

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
        let address = socket.local_addr()?;
        let mut rtc = RtcConfig::new().set_sctp_max_buffered_amount(4 * 1024 * 1024).build(Instant::now());
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

    /// Waits for one datagram until `until`, then takes all that are there.
    fn wait(&mut self, until: Instant) -> Result<()> {
        let now = Instant::now();
        let timeout =
            until.saturating_duration_since(now).clamp(Duration::from_micros(50), Duration::from_millis(50));
        self.socket.set_read_timeout(Some(timeout))?;
        self.socket.set_nonblocking(false)?;
        let mut waited = false;
        for _ in 0..32 {
            match self.socket.recv_from(&mut self.buffer) {
                Ok((length, source)) => {
                    let contents = self.buffer[..length].try_into()?;
                    let receive =
                        Receive { proto: Protocol::Udp, source, destination: self.address, contents };
                    self.rtc.handle_input(Input::Receive(Instant::now(), receive))?;
                }
                Err(_) => break,
            }
            if !waited {
                waited = true;
                self.socket.set_nonblocking(true)?;
            }
        }
        self.rtc.handle_input(Input::Timeout(Instant::now()))?;
        Ok(())
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
