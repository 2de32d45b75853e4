//! Flights: what we say in one go, and say again until it is answered (RFC 6347 §4.2.4).
//!
//! Problem: a handshake message that is lost must be sent again, perhaps over a path that takes smaller
//! datagrams; yet a record must never be numbered or sealed the same way twice.
//! How: a flight is kept as messages. Each transmission cuts them anew to the MTU of the day, and each record
//! gets a fresh number.
//!
//! ```text
//!            +-----------+ flight queued  +----------+ all records out  +----------+
//!            | PREPARING |--------------->| SENDING  |----------------->| WAITING  |
//!            +-----------+                +----------+                  +----------+
//!                  ^                        ^  timer, or the peer         |     |
//!                  |                        |  repeats its own flight     |     | the peer's next flight
//!                  |                        `-----------------------------'     |
//!                  `------------------------------------------------------------'
//! ```
//!
//! The final flight of a handshake has no timer: nobody answers it. It is sent again when the peer's Finished
//! comes again, and forgotten when the peer shows that it has arrived.
//! More: RFC 6347 §4.2.4, RFC 9147 §5.8; docs/dtls.md, "Flights".

use std::time::{Duration, Instant};

use plywood_octets::Put;

use crate::error::SealError;
use crate::records::Records;
use crate::stats::Stats;
use crate::wire::{ContentType, HandshakeHeader, HandshakeType, PlaintextHeader};

/// After so many timeouts in a row without an answer the path may be narrower than it claims to be
/// (RFC 6347 §4.1.1.1).
const TIMEOUTS_BEFORE_SMALL_DATAGRAMS: u32 = 2;
/// The datagrams that are tried then: what every IPv4 host must take, 576 bytes, less IPv4 and UDP headers.
const SMALL_DATAGRAM: usize = 548;
/// A fragment is not worth a header if it carries less, unless it is the end of a message.
const SMALLEST_FRAGMENT: usize = 16;

/// One message of a flight.
#[derive(Debug, Clone)]
struct Item {
    epoch: u64,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Handshake { message_type: HandshakeType, message_seq: u16, body: Vec<u8> },
    ChangeCipherSpec,
}

/// The flight that was said last.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    items: Vec<Item>,
    /// The next byte to be sent: an item, and an offset into its body.
    item: usize,
    offset: usize,
}

impl Flight {
    /// Begins a new flight: the one before was answered.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether there is nothing to say again.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether a transmission is under way.
    pub(crate) fn is_sending(&self) -> bool {
        self.item < self.items.len()
    }

    /// Appends a handshake message.
    pub(crate) fn push(&mut self, epoch: u64, message_type: HandshakeType, message_seq: u16, body: Vec<u8>) {
        self.items.push(Item { epoch, content: Content::Handshake { message_type, message_seq, body } });
    }

    /// Appends a ChangeCipherSpec.
    pub(crate) fn push_change_cipher_spec(&mut self, epoch: u64) {
        self.items.push(Item { epoch, content: Content::ChangeCipherSpec });
    }

    /// Takes the last message out again and tells its number.
    #[cfg(all(test, feature = "rustcrypto"))]
    pub(crate) fn pop(&mut self) -> Option<u16> {
        match self.items.pop()?.content {
            Content::Handshake { message_seq, .. } => Some(message_seq),
            Content::ChangeCipherSpec => None,
        }
    }

    /// Starts from the first message again.
    pub(crate) fn rewind(&mut self) {
        (self.item, self.offset) = (0, 0);
    }

    /// Appends one datagram of at most `mtu` bytes: as many records as fit. `false`: nothing is left.
    pub(crate) fn write_datagram(
        &mut self,
        records: &mut Records,
        stats: &mut Stats,
        mtu: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, SealError> {
        let start = out.len();
        while self.is_sending() {
            let room = mtu.saturating_sub(out.len() - start);
            if !self.write_record(records, room, out.len() == start, out)? {
                break;
            }
            stats.records_sent += 1;
        }
        Ok(out.len() > start)
    }

    /// Appends the next record if `room` allows; the `first` of a datagram is written in any case, so that a
    /// transmission always comes to its end.
    fn write_record(
        &mut self,
        records: &mut Records,
        room: usize,
        first: bool,
        out: &mut Vec<u8>,
    ) -> Result<bool, SealError> {
        let Some(item) = self.items.get(self.item) else { return Ok(false) };
        let overhead = records.overhead(item.epoch);
        match &item.content {
            Content::ChangeCipherSpec => {
                if overhead + 1 > room && !first {
                    return Ok(false);
                }
                let mark = records.begin(item.epoch, out)?;
                out.put_u8(1);
                records.finish(out, mark, ContentType::CHANGE_CIPHER_SPEC)?;
                self.item += 1;
            }
            Content::Handshake { message_type, message_seq, body } => {
                let rest = body.len() - self.offset;
                let headers = overhead + HandshakeHeader::LENGTH;
                if !first && room < headers + rest.min(SMALLEST_FRAGMENT) {
                    return Ok(false);
                }
                let budget = room.saturating_sub(headers);
                let count = rest.min(budget.max(1));
                let mark = records.begin(item.epoch, out)?;
                out.put_slice(
                    &HandshakeHeader {
                        message_type: *message_type,
                        length: u24(body.len()),
                        message_seq: *message_seq,
                        fragment_offset: u24(self.offset),
                        fragment_length: u24(count),
                    }
                    .encode(),
                );
                out.put_slice(&body[self.offset..self.offset + count]);
                records.finish(out, mark, ContentType::HANDSHAKE)?;
                self.offset += count;
                if self.offset == body.len() {
                    (self.item, self.offset) = (self.item + 1, 0);
                }
            }
        }
        Ok(true)
    }
}

/// Our own messages are far below 2^24 bytes.
fn u24(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

const _: () = assert!(PlaintextHeader::LENGTH + HandshakeHeader::LENGTH + 32 < crate::Config::MIN_MTU_BYTES);

/// The retransmission timer (RFC 6347 §4.2.4.1): initial value, doubling, cap.
#[derive(Debug)]
pub(crate) struct RetransmitTimer {
    initial: Duration,
    max: Duration,
    started: Option<Instant>,
    /// How often it expired since the flight was new.
    timeouts: u32,
}

impl RetransmitTimer {
    pub(crate) fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max, started: None, timeouts: 0 }
    }

    /// Starts for a new flight.
    pub(crate) fn start(&mut self, now: Instant) {
        self.timeouts = 0;
        self.started = Some(now);
    }

    /// Starts again without a change of the timeout: the flight was repeated because the peer asked.
    pub(crate) fn restart(&mut self, now: Instant) {
        if self.started.is_some() {
            self.started = Some(now);
        }
    }

    /// The flight was answered, or needs no answer.
    pub(crate) fn stop(&mut self) {
        self.started = None;
    }

    /// Expired: the next timeout is twice as long.
    pub(crate) fn back_off(&mut self, now: Instant) {
        self.timeouts += 1;
        self.started = Some(now);
    }

    /// How often it expired since the flight was new.
    pub(crate) fn timeouts(&self) -> u32 {
        self.timeouts
    }

    /// Changes the initial value. A running timer is rescaled and keeps its back-off.
    pub(crate) fn set_initial(&mut self, initial: Duration) {
        self.initial = initial;
    }

    /// The current timeout.
    pub(crate) fn timeout(&self) -> Duration {
        self.initial.saturating_mul(1 << self.timeouts.min(20)).min(self.max)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.started?.checked_add(self.timeout())
    }

    /// The largest datagram that should be tried now, given what the path claims.
    pub(crate) fn datagram_bytes(&self, mtu: usize) -> usize {
        if self.timeouts >= TIMEOUTS_BEFORE_SMALL_DATAGRAMS { mtu.min(SMALL_DATAGRAM) } else { mtu }
    }
}

/// The initial timeout for a path whose round trip is known: twice the round trip, for the peer also needs
/// time to sign and verify, and never less than 50 ms, where browsers begin.
pub(crate) fn initial_timeout(round_trip: Duration, configured: Duration) -> Duration {
    const SHORTEST: Duration = Duration::from_millis(50);
    (round_trip * 2).max(SHORTEST).min(configured)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plywood_octets::Reader;
    use proptest::prelude::*;

    fn flight(bodies: &[usize]) -> Flight {
        let mut flight = Flight::default();
        for (seq, length) in bodies.iter().enumerate() {
            let seq = u16::try_from(seq).unwrap();
            let body = (0..*length).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
            flight.push(0, HandshakeType::CERTIFICATE, seq, body);
        }
        flight
    }

    fn datagrams(flight: &mut Flight, records: &mut Records, mtu: usize) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let mut out = Vec::new();
            if !flight.write_datagram(records, &mut Stats::default(), mtu, &mut out).unwrap() {
                return all;
            }
            assert!(out.len() <= mtu, "{} > {mtu}", out.len());
            all.push(out);
        }
    }

    #[test]
    fn small_messages_share_a_datagram() {
        let (mut flight, mut records) = (flight(&[10, 20, 0]), Records::new());
        let sent = datagrams(&mut flight, &mut records, 1200);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].len(), 3 * 25 + 30);
    }

    #[test]
    fn the_headers_of_an_empty_message_count_too() {
        // 11 bytes and their headers fill 36 of 60: the 25 of an empty message do not fit behind them.
        let (mut flight, mut records) = (flight(&[11, 0]), Records::new());
        let sizes: Vec<_> = datagrams(&mut flight, &mut records, 60).iter().map(Vec::len).collect();
        assert_eq!(sizes, [36, 25]);
    }

    #[test]
    fn a_second_transmission_uses_fresh_record_numbers_and_the_mtu_of_the_day() {
        let (mut flight, mut records) = (flight(&[300]), Records::new());
        assert_eq!(datagrams(&mut flight, &mut records, 1200).len(), 1);
        flight.rewind();
        let again = datagrams(&mut flight, &mut records, 200);
        assert_eq!(again.len(), 2);
        assert_eq!(PlaintextHeader::parse(&again[1]).unwrap().sequence, 2);
    }

    proptest! {
        #[test]
        fn every_byte_is_sent_once_whatever_the_mtu(bodies in proptest::collection::vec(0usize..3000, 1..6), mtu in 60usize..1500) {
            let (mut flight, mut records) = (flight(&bodies), Records::new());
            let mut sent = vec![0; bodies.len()];
            for datagram in datagrams(&mut flight, &mut records, mtu) {
                let mut reader = Reader::new(&datagram);
                while !reader.is_empty() {
                    let header = PlaintextHeader::parse(reader.bytes(13).unwrap()).unwrap();
                    let mut body = Reader::new(reader.bytes(usize::from(header.length)).unwrap());
                    let fragment = crate::wire::Fragment::parse(&mut body).unwrap();
                    let seq = usize::from(fragment.header.message_seq);
                    prop_assert_eq!(sent[seq], fragment.header.fragment_offset as usize);
                    sent[seq] += fragment.body.len();
                }
            }
            prop_assert_eq!(sent, bodies);
        }
    }

    #[test]
    fn the_timeout_doubles_up_to_its_cap_and_follows_the_round_trip() {
        let now = plywood_simnet_start();
        let mut timer = RetransmitTimer::new(Duration::from_millis(400), Duration::from_secs(60));
        timer.start(now);
        let mut expected = 400;
        for _ in 0..7 {
            assert_eq!(timer.timeout(), Duration::from_millis(expected));
            timer.back_off(now);
            expected *= 2;
        }
        timer.back_off(now);
        assert_eq!(timer.timeout(), Duration::from_secs(60));
        timer.start(now);
        timer.back_off(now);
        timer.set_initial(Duration::from_millis(250));
        assert_eq!(timer.deadline(), Some(now + Duration::from_millis(500)));
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start of virtual time")]
    fn plywood_simnet_start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_known_round_trip_shortens_the_first_timeout_but_never_lengthens_it() {
        let configured = Duration::from_secs(1);
        let with = |ms| initial_timeout(Duration::from_millis(ms), configured).as_millis();
        assert_eq!((with(1), with(40), with(100), with(3000)), (50, 80, 200, 1000));
    }
}
