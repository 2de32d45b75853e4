//! The association: all state of one peer, and the calls that move it.
//!
//! Problem: one object has to speak a dozen procedures that share a window, a packet and a clock.
//! How: this file has the fields, the dispatch and the calls of docs/seams.md; each procedure stands in a file of
//! its own under `association/`, and each larger piece of state in a type of its own.
//! ```text
//!   send() -> Queues -> Outstanding -> poll_transmit() ==> packets ==> handle_datagram() -> Tracker
//!                 window, pacing ^                                         |               Reassembly
//!                     SACKs -----'  <=========================== SACKs <---'        poll_message() -> release()
//! ```
//! More: RFC 9260; docs/sctp.md.

mod acknowledging;
mod bundling;
mod cookie;
mod data;
mod filling;
mod handshake;
mod heartbeat;
mod loss;
mod path_change;
mod path_mtu;
mod reset;
mod shutdown;
mod transmit;

use crate::checksum::{self, Crc};
use crate::config::Config;
use crate::congestion::{CongestionController, Pacer, Parameters, Sampler};
use crate::error::{Discard, ParseError, SendError};
use crate::event::{CloseReason, Event, Message, Ppid, SendOptions, StreamId};
use crate::numbers::first_index;
use crate::receive::reassembly::Reassembly;
use crate::receive::tracker::Tracker;
use crate::rto::Rto;
use crate::send::outstanding::Outstanding;
use crate::send::queues::Queues;
use crate::stats::Stats;
use crate::timers::{Timer, Timers};
use crate::wire::init::Capabilities;
use crate::wire::simple::{REFLECTED_TAG, put_empty};
use crate::wire::{ChunkType, Packet, RawChunk};
use acknowledging::Acknowledging;
use bytes::Bytes;
use loss::Recovery;
pub use path_mtu::PacketSizes;
use path_mtu::PathMtu;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use reset::Reconfiguration;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use transmit::Control;

/// PMDCS until the first packet tells the real budget: 1200 bytes of UDP less DTLS and SCTP headers.
const ASSUMED_DATA_BYTES: usize = 1140;

/// The states of RFC 9260 §4, figure 3. CLOSED before the handshake and after the end are told apart by `ended`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Closed,
    CookieWait,
    CookieEchoed,
    Established,
    ShutdownPending,
    ShutdownSent,
    ShutdownReceived,
    ShutdownAckSent,
}

/// An SCTP association over one DTLS connection.
#[derive(Debug)]
pub struct Association {
    config: Config,
    rng: ChaCha12Rng,
    epoch: Instant,
    cookie_key: [u8; 32],
    state: State,
    ended: bool,

    local_tag: u32,
    remote_tag: u32,
    local_initial_tsn: u32,
    remote_initial_tsn: u32,
    crc_in: Crc,
    capabilities: Capabilities,
    outbound_streams: u16,
    inbound_streams: u16,
    echoed_cookie: Vec<u8>,
    handshake_retries: u32,
    /// How often the peer found our COOKIE ECHO too late.
    stale_cookies: u32,
    /// When INIT or COOKIE ECHO left, if it left once.
    handshake_sent_at: Option<Instant>,

    queues: Queues,
    outstanding: Outstanding,
    recovery: Recovery,
    congestion: Box<dyn CongestionController>,
    sampler: Sampler,
    pacer: Pacer,
    rto: Rto,
    peer_a_rwnd: usize,
    /// The largest window that the peer announced in a SACK.
    peer_window_seen: usize,
    max_data_bytes: usize,
    /// The length of the message that was begun last.
    last_begun_bytes: usize,
    cwnd_limited: bool,
    last_data_at: Option<Instant>,
    error_count: u32,
    packet_number: u64,

    tracker: Tracker,
    reassembly: Reassembly,
    acknowledging: Acknowledging,
    reconfiguration: Reconfiguration,
    heartbeat: heartbeat::Heartbeat,
    path_mtu: PathMtu,

    control: Control,
    timers: Timers,
    events: VecDeque<Event>,
    stats: Stats,
}

impl Association {
    /// An association that waits for [`Self::connect`] or for the peer's INIT. Equal arguments and equal calls
    /// give equal packets.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32], now: Instant) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let mut cookie_key = [0; 32];
        rng.fill_bytes(&mut cookie_key);
        let local_tag = rng.next_u32().max(1);
        let local_initial_tsn = config.initial_tsn.unwrap_or_else(|| rng.next_u32());
        let parameters = Parameters {
            max_data_bytes: ASSUMED_DATA_BYTES,
            initial_packets: config.initial_packets,
            standing_queue_limit: config.standing_queue_limit,
        };
        Self {
            epoch: now,
            cookie_key,
            state: State::Closed,
            ended: false,
            local_tag,
            remote_tag: 0,
            local_initial_tsn,
            remote_initial_tsn: 0,
            crc_in: Crc::new(config.remote_port, config.local_port, local_tag),
            capabilities: Capabilities::default(),
            outbound_streams: config.outbound_streams,
            inbound_streams: config.inbound_streams,
            echoed_cookie: Vec::new(),
            handshake_retries: 0,
            stale_cookies: 0,
            handshake_sent_at: None,
            queues: Queues::new(
                config.stream_queue_bytes,
                config.total_queue_bytes,
                config.scheduler,
                config.initial_stream_numbers.unwrap_or(0),
            ),
            outstanding: Outstanding::new(first_index(local_initial_tsn)),
            recovery: Recovery::default(),
            congestion: config.congestion.controller(parameters),
            sampler: Sampler::new(now),
            pacer: Pacer::new(now, config.timer_granularity, config.pacing_batch_bytes),
            rto: Rto::new(&config),
            peer_a_rwnd: 0,
            peer_window_seen: 0,
            max_data_bytes: ASSUMED_DATA_BYTES,
            last_begun_bytes: 0,
            cwnd_limited: false,
            last_data_at: None,
            error_count: 0,
            packet_number: 0,
            tracker: Tracker::new(first_index(0), config.max_gaps),
            reassembly: Reassembly::new(config.message_arena_bytes),
            acknowledging: Acknowledging::new(now, &config),
            reconfiguration: Reconfiguration::new(local_initial_tsn),
            heartbeat: heartbeat::Heartbeat::default(),
            path_mtu: PathMtu::default(),
            control: Control::default(),
            timers: Timers::default(),
            events: VecDeque::new(),
            stats: Stats::default(),
            rng,
            config,
        }
    }

    /// Sends INIT. Both sides may, and in WebRTC both do; harmless unless the association is new.
    pub fn connect(&mut self, now: Instant) {
        if self.state == State::Closed && !self.ended {
            self.begin_handshake(now);
        }
    }

    /// Takes one packet.
    ///
    /// # Errors
    /// [`Discard`] says why the packet, or a chunk of it, was dropped; it is counted in [`Self::stats`]. Chunks
    /// beside a dropped one are processed.
    pub fn handle_datagram(&mut self, now: Instant, packet: &[u8]) -> Result<(), Discard> {
        self.stats.packets_received += 1;
        let gone = self.ended;
        let result = self.check(packet).and_then(|packet| self.process(now, &packet));
        if let Err(reason) = result {
            self.stats.count_discard(reason);
            if gone || (reason == Discard::WrongTag && self.state < State::Established && !self.ended) {
                self.answer_out_of_the_blue(packet);
            }
        }
        result
    }

    /// RFC 9260 §8.4: a packet for an association that does not exist, or no longer: a peer that still believes in it
    /// learns that it is gone. One with our own tag before the beginning is early, not lost. During the handshake only the
    /// SHUTDOWN ACK of an association before this one is answered (§8.5.1 E), for its peer answers no INIT before.
    #[cold]
    fn answer_out_of_the_blue(&mut self, packet: &[u8]) {
        let Ok(parsed) = Packet::parse(packet) else { return };
        let tag = parsed.header.verification_tag;
        let has = |kind: ChunkType| parsed.chunks().any(|chunk| chunk.kind == kind);
        let early = tag == self.local_tag && !self.ended && !has(ChunkType::SHUTDOWN_ACK);
        let unchecked = self.config.zero_checksum && parsed.header.checksum == [0; 4];
        if early || has(ChunkType::ABORT) || !(unchecked || checksum::is_valid(packet)) {
            return;
        }
        let handshaking = matches!(self.state, State::CookieWait | State::CookieEchoed);
        if handshaking && !has(ChunkType::SHUTDOWN_ACK) {
            return;
        }
        if has(ChunkType::SHUTDOWN_ACK) {
            self.reply(tag, |out| put_empty(out, ChunkType::SHUTDOWN_COMPLETE, REFLECTED_TAG));
        } else if ![
            ChunkType::SHUTDOWN_COMPLETE,
            ChunkType::COOKIE_ACK,
            ChunkType::ERROR,
            ChunkType::INIT,
            ChunkType::INIT_ACK,
            ChunkType::COOKIE_ECHO,
        ]
        .into_iter()
        .any(has)
        {
            self.reply(tag, |out| put_empty(out, ChunkType::ABORT, REFLECTED_TAG));
        }
    }

    /// Ports, tag and checksum (RFC 9260 §6.8, §8.5), cheapest first.
    fn check<'a>(&mut self, packet: &'a [u8]) -> Result<Packet<'a>, Discard> {
        if self.ended {
            return Err(Discard::Closed);
        }
        let parsed = Packet::parse(packet).map_err(Discard::Malformed)?;
        let header = &parsed.header;
        if header.source_port != self.config.remote_port || header.destination_port != self.config.local_port
        {
            return Err(Discard::WrongPorts);
        }
        let first = parsed.chunks().next().ok_or(Discard::Malformed(ParseError::NoChunk))?;
        self.check_tag(&parsed, &first)?;
        // RFC 9653 §5.3: from whoever may have heard our offer.
        let zero_is_fine = self.config.zero_checksum && first.kind != ChunkType::INIT;
        if header.checksum == [0; 4] && zero_is_fine {
            return Ok(parsed);
        }
        let valid = if header.verification_tag == self.crc_in.tag() {
            self.crc_in.over(parsed.rest) == header.checksum
        } else {
            checksum::is_valid(packet)
        };
        if valid { Ok(parsed) } else { Err(Discard::BadChecksum) }
    }

    /// RFC 9260 §8.5 and its exceptions in §8.5.1.
    fn check_tag(&self, packet: &Packet<'_>, first: &RawChunk<'_>) -> Result<(), Discard> {
        let tag = packet.header.verification_tag;
        match first.kind {
            // A: INIT is alone and has tag 0.
            ChunkType::INIT => {
                if tag == 0 && packet.is_single() {
                    Ok(())
                } else {
                    Err(Discard::MisplacedInit)
                }
            }
            // B and C: with the T bit the tag is the peer's, and only then.
            ChunkType::ABORT | ChunkType::SHUTDOWN_COMPLETE => {
                let expected =
                    if first.flags & REFLECTED_TAG == 0 { self.local_tag } else { self.remote_tag };
                if first.kind == ChunkType::SHUTDOWN_COMPLETE && !packet.is_single() {
                    return Err(Discard::MisplacedInit);
                }
                if tag == expected && tag != 0 { Ok(()) } else { Err(Discard::WrongTag) }
            }
            // §6.10: INIT ACK is alone, too.
            ChunkType::INIT_ACK if !packet.is_single() => Err(Discard::MisplacedInit),
            // D: COOKIE ECHO is checked against the cookie.
            ChunkType::COOKIE_ECHO => Ok(()),
            _ if tag == self.local_tag => Ok(()),
            _ => Err(Discard::WrongTag),
        }
    }

    fn process(&mut self, now: Instant, packet: &Packet<'_>) -> Result<(), Discard> {
        let mut result = Ok(());
        let mut data = false;
        let mut chunks = packet.chunks();
        for (place, chunk) in chunks.by_ref().enumerate() {
            let outcome = match chunk.kind {
                ChunkType::DATA | ChunkType::I_DATA => {
                    let outcome = self.on_data(now, &chunk);
                    data |= !matches!(outcome, Err(Discard::Unexpected));
                    outcome
                }
                ChunkType::INIT | ChunkType::INIT_ACK | ChunkType::SHUTDOWN_COMPLETE if place > 0 => {
                    Err(Discard::MisplacedInit)
                }
                ChunkType::SACK => self.on_sack(now, &chunk),
                kind => self.process_control(now, kind, &chunk, packet.header.verification_tag),
            };
            if let Err(reason) = outcome {
                if result.is_err() {
                    self.stats.count_discard(reason);
                }
                result = result.and(outcome);
                if reason == Discard::UnknownChunk && chunk.kind.when_unknown().stop {
                    break;
                }
                if matches!(reason, Discard::BadCookie | Discard::StaleCookie | Discard::WrongTag) {
                    break;
                }
            }
            if self.ended {
                break;
            }
        }
        if data && !self.ended {
            self.after_data_packet(now);
        }
        if let Some(error) = chunks.broken() {
            if result.is_err() {
                self.stats.count_discard(Discard::Malformed(error));
            }
            result = result.and(Err(Discard::Malformed(error)));
        }
        result
    }

    /// Kept out of line: its dozen procedures would take the registers from what nearly all packets are, data.
    #[inline(never)]
    fn process_control(
        &mut self,
        now: Instant,
        kind: ChunkType,
        chunk: &RawChunk<'_>,
        tag: u32,
    ) -> Result<(), Discard> {
        match kind {
            ChunkType::INIT => self.on_init(now, chunk),
            ChunkType::INIT_ACK => self.on_init_ack(now, chunk),
            ChunkType::COOKIE_ECHO => self.on_cookie_echo(now, chunk, tag),
            ChunkType::COOKIE_ACK => self.on_cookie_ack(now),
            ChunkType::HEARTBEAT => self.on_heartbeat(chunk),
            ChunkType::HEARTBEAT_ACK => self.on_heartbeat_ack(now, chunk),
            ChunkType::ABORT => self.on_abort(chunk),
            ChunkType::ERROR => self.on_error(now, chunk),
            ChunkType::SHUTDOWN => self.on_shutdown(now, chunk),
            ChunkType::SHUTDOWN_ACK => self.on_shutdown_ack(),
            ChunkType::SHUTDOWN_COMPLETE => self.on_shutdown_complete(),
            ChunkType::FORWARD_TSN | ChunkType::I_FORWARD_TSN => self.on_forward_tsn(now, chunk),
            ChunkType::RE_CONFIG => self.on_reconfig(now, chunk),
            ChunkType::PAD | ChunkType::ECNE | ChunkType::CWR => Ok(()),
            _ => {
                if kind.when_unknown().report {
                    self.control.report_unknown_chunk(chunk.whole);
                }
                Err(Discard::UnknownChunk)
            }
        }
    }

    /// Does what is due. Early, late and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        for timer in Timer::ALL {
            if !self.timers.take_expired(timer, now) {
                continue;
            }
            match timer {
                Timer::T1Init | Timer::T1Cookie => self.on_handshake_timeout(now, timer),
                Timer::T2Shutdown => self.on_shutdown_timeout(now),
                Timer::T5ShutdownGuard => self.give_up_on_peer(CloseReason::PeerUnreachable),
                Timer::T3Rtx => self.on_retransmission_timeout(now),
                Timer::Heartbeat => self.on_heartbeat_timeout(now),
                Timer::DelayedSack => self.acknowledging.now(),
                Timer::Reconfig => self.on_reconfig_timeout(now),
                Timer::Reordering => self.on_reordering_timeout(now),
                Timer::TailLossProbe => self.on_probe_timeout(now),
                Timer::PathProbe => self.on_path_probe_timeout(now),
                Timer::Pacing => {}
            }
        }
    }

    /// When [`Self::handle_timeout`] is due next; `None` if nothing is pending.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Queues a message without copying it.
    ///
    /// # Errors
    /// [`SendError`] says which rule or limit refused it; nothing was queued then.
    pub fn send(
        &mut self,
        now: Instant,
        stream: StreamId,
        ppid: Ppid,
        data: Bytes,
        options: SendOptions,
    ) -> Result<(), SendError> {
        if self.ended || self.state > State::Established {
            return Err(SendError::Closed);
        }
        if data.is_empty() {
            return Err(SendError::Empty);
        }
        if data.len() > self.config.max_message_bytes {
            return Err(SendError::TooLarge { limit: self.config.max_message_bytes });
        }
        if stream.0 >= self.outbound_streams {
            return Err(SendError::InvalidStream { streams: self.outbound_streams });
        }
        self.queues.push(now, stream.0, ppid.0, data, options)?;
        self.stats.messages_sent += 1;
        Ok(())
    }

    /// The next received message. Its bytes hold the receive window until [`Self::release`].
    #[inline]
    pub fn poll_message(&mut self) -> Option<Message> {
        let message = self.reassembly.poll()?;
        self.deliver_reset_events();
        Some(message)
    }

    /// The application is done with `bytes` of what it polled: the window opens again, and the peer hears of it
    /// if it was nearly closed.
    #[inline]
    pub fn release(&mut self, now: Instant, bytes: usize) {
        self.reassembly.release(bytes);
        self.after_release(now, bytes);
    }

    /// The application keeps `bytes` beside the messages that it polled, such as what a queue costs a message: they hold
    /// the window, too, until they are [released](Self::release).
    pub fn hold(&mut self, bytes: usize) {
        self.reassembly.hold(bytes);
    }

    /// The next event.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.note_read(&event);
        Some(event)
    }

    /// Counters and gauges.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Bytes queued on `stream` and not yet sent (W3C `bufferedAmount`).
    #[must_use]
    pub fn buffered_amount(&self, stream: StreamId) -> usize {
        self.queues.buffered(stream.0)
    }

    /// When `buffered_amount` of `stream` falls to `bytes`, [`Event::BufferedAmountLow`] says so. 0 at first.
    pub fn set_buffered_amount_low_threshold(&mut self, stream: StreamId, bytes: usize) {
        self.queues.set_low_threshold(stream.0, bytes);
    }

    /// The weight of `stream` against others (RFC 8831 §6.4).
    pub fn set_stream_priority(&mut self, stream: StreamId, priority: u16) {
        self.queues.streams.entry(stream.0).share.set_priority(priority);
    }

    /// The shortest round trip that another layer measured: a side that only receives measures none.
    pub fn set_minimum_round_trip(&mut self, round_trip: Duration) {
        self.acknowledging.minimum_round_trip = Some(round_trip);
    }

    /// Whether messages flow: after the handshake and before any shutdown.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state == State::Established
    }

    /// Whether the association has ended; what was received can still be polled.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ended
    }

    /// Whether nothing is left to be done for the peer: nothing is queued, on the way or being reset.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queues.is_empty() && self.outstanding.is_empty() && self.reconfiguration.is_idle()
    }

    /// Bytes of received messages, whole and in pieces, that are held for the application: what the receive window
    /// is less by, with a little for each item.
    #[must_use]
    pub fn receive_held(&self) -> usize {
        self.reassembly.held_bytes()
    }

    /// How many streams there are in both directions; only meaningful once connected.
    #[must_use]
    pub fn streams(&self) -> u16 {
        self.outbound_streams.min(self.inbound_streams)
    }

    /// What both sides can do; only meaningful once connected.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn set_state(&mut self, state: State) {
        tracing::debug!(from = ?self.state, to = ?state, "state");
        self.state = state;
    }

    /// The end: timers stop, queues are given back, one event says why.
    fn close(&mut self, reason: CloseReason) {
        if self.ended {
            return;
        }
        tracing::debug!(?reason, "closed");
        self.set_state(State::Closed);
        self.ended = true;
        self.timers.stop_all();
        self.queues.clear();
        self.outstanding = Outstanding::new(self.outstanding.next());
        self.control.clear_all_but_packets();
        self.events.push_back(Event::Closed(reason));
    }

    fn update_gauges(&mut self) {
        self.stats.cwnd_bytes = self.congestion.cwnd();
        self.stats.ssthresh_bytes = self.congestion.ssthresh();
        self.stats.in_flight_bytes = self.outstanding.in_flight();
        self.stats.peer_window_bytes = self.peer_window();
        self.stats.srtt = self.rto.srtt();
        self.stats.rto = self.rto.current();
    }

    /// Room in the peer's window, less what is on the way there.
    #[inline]
    fn peer_window(&self) -> usize {
        self.peer_a_rwnd.saturating_sub(self.outstanding.payload())
    }
}
