//! Flights: what we say in one go, and say again until it is answered (RFC 6347 §4.2.4).
//!
//! Problem: a handshake message that is lost must be sent again, perhaps over a path that takes smaller
//! datagrams; yet a record must never be numbered or sealed the same way twice.
//! How: a flight is kept as messages. Each transmission cuts them anew to the MTU of the day, and each record
//! gets a fresh number. An encrypted record takes as many fragments as fit: its header and tag are paid once.
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
//! In 1.3 the peer may acknowledge records: what they carried is not sent again. A log tells which bytes of which
//! message each record carried.
//!
//! Longer than most files: a third is tests, and cutting, numbering and acknowledging share the log of what was sent.
//!
//! The final flight of a 1.2 handshake has no timer: nobody answers it. It is sent again when the peer's Finished
//! comes again, also by a client that sends data without waiting for it (RFC 7918).
//! More: RFC 6347 §4.2.4, RFC 9147 §5.8; docs/dtls.md, "Flights".

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use plywood_octets::Put;

use crate::error::SealError;
use crate::records::{RecordNumber, Records};
use crate::stats::Stats;
use crate::wire::{ContentType, HandshakeHeader, HandshakeType, PlaintextHeader};

/// After so many timeouts in a row without an answer the path may be narrower than it claims to be
/// (RFC 6347 §4.1.1.1).
const TIMEOUTS_BEFORE_SMALL_DATAGRAMS: u32 = 2;
/// The datagrams that are tried then: what every IPv4 host must take, 576 bytes, less IPv4 and UDP headers.
const SMALL_DATAGRAM: usize = 548;
/// Datagrams are filled: a fragment that carries so little still saves its bytes in the next one.
const SMALLEST_FRAGMENT: usize = 1;

/// One message of a flight.
#[derive(Debug, Clone)]
struct Item {
    epoch: u64,
    content: Content,
    /// What the peer acknowledged: ranges of the body, in order, apart from each other.
    acked: Vec<Range<usize>>,
}

/// Which bytes of which message a record carried.
#[derive(Debug, Clone, Copy)]
struct Carried {
    number: RecordNumber,
    item: usize,
    start: usize,
    end: usize,
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
    /// The records sent last, oldest first.
    log: VecDeque<Carried>,
    /// What an ACK in the clear said is believed for one timeout: anyone could have written it.
    hearsay: Hearsay,
}

/// How far an ACK in the clear is believed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Hearsay {
    /// There was none, or the peer confirmed it under its keys.
    #[default]
    None,
    /// One came since the last timeout.
    Fresh,
    /// One transmission left out what it named. The next one does not.
    Used,
}

/// Records that an ACK may still name: several transmissions of a large flight to a small MTU.
const MAX_LOG: usize = 256;

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
        let content = Content::Handshake { message_type, message_seq, body };
        self.items.push(Item { epoch, content, acked: Vec::new() });
    }

    /// Appends a ChangeCipherSpec.
    pub(crate) fn push_change_cipher_spec(&mut self, epoch: u64) {
        self.items.push(Item { epoch, content: Content::ChangeCipherSpec, acked: Vec::new() });
    }

    /// Takes the last message out again and tells its number.
    #[cfg(all(test, feature = "rustcrypto"))]
    pub(crate) fn pop(&mut self) -> Option<u16> {
        match self.items.pop()?.content {
            Content::Handshake { message_seq, .. } => Some(message_seq),
            Content::ChangeCipherSpec => None,
        }
    }

    /// Leaves a message out, as a peer might that hopes nobody counts; those behind it move up.
    #[cfg(all(test, feature = "rustcrypto"))]
    pub(crate) fn leave_out(&mut self, kind: HandshakeType) {
        let is = |item: &Item| matches!(item.content, Content::Handshake { message_type, .. } if message_type == kind);
        let Some(at) = self.items.iter().position(is) else { return };
        self.items.remove(at);
        for item in &mut self.items[at..] {
            if let Content::Handshake { message_seq, .. } = &mut item.content {
                *message_seq -= 1;
            }
        }
    }

    /// Starts again, from the first byte that was not acknowledged.
    pub(crate) fn rewind(&mut self) {
        match self.hearsay {
            Hearsay::None => {}
            Hearsay::Fresh => self.hearsay = Hearsay::Used,
            Hearsay::Used => self.forget_hearsay(),
        }
        (self.item, self.offset) = (0, 0);
        self.skip_acked();
    }

    /// What was acknowledged in the clear is sent again after all.
    pub(crate) fn forget_hearsay(&mut self) {
        if std::mem::take(&mut self.hearsay) != Hearsay::None {
            self.items.iter_mut().filter(|item| item.epoch == 0).for_each(|item| item.acked.clear());
        }
    }

    /// The peer has these records (RFC 9147 §7.2). Tells what that means for the flight. `proven`: the ACK was
    /// authenticated.
    pub(crate) fn acknowledge(
        &mut self,
        proven: bool,
        numbers: impl Iterator<Item = RecordNumber>,
    ) -> Acknowledged {
        let mut news = false;
        if proven {
            // Whoever has these keys has the messages in the clear that led to them.
            self.hearsay = Hearsay::None;
        }
        for number in numbers {
            // One record carries several fragments.
            let items = &mut self.items;
            self.log.retain(|carried| {
                let named = carried.number == number;
                if let (true, Some(item)) = (named, items.get_mut(carried.item)) {
                    add_range(&mut item.acked, carried.start..carried.end);
                    news = true;
                }
                !named
            });
        }
        if news && !proven {
            self.hearsay = Hearsay::Fresh;
        }
        if !self.items.is_empty() && self.items.iter().all(Item::is_acked) {
            if !proven {
                self.skip_acked();
                return Acknowledged::WholeByHearsay;
            }
            self.clear();
            return Acknowledged::Whole;
        }
        self.skip_acked();
        if news { Acknowledged::Part } else { Acknowledged::Nothing }
    }

    /// Moves the cursor past what was acknowledged.
    fn skip_acked(&mut self) {
        while let Some(item) = self.items.get(self.item) {
            let acked = item.acked.iter().find(|range| range.contains(&self.offset));
            let Some(range) = acked else { return };
            self.offset = range.end;
            if self.offset == item.length() {
                (self.item, self.offset) = (self.item + 1, 0);
            }
        }
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
            Content::Handshake { .. } => {
                let epoch = item.epoch;
                let mut room = room.saturating_sub(overhead).min(records.max_content(epoch));
                let smallest = HandshakeHeader::LENGTH + self.rest().min(SMALLEST_FRAGMENT);
                if room < smallest {
                    if !first {
                        return Ok(false);
                    }
                    room = smallest;
                }
                let mark = records.begin(epoch, out)?;
                let logged = self.log.len();
                while self.write_fragment(epoch, &mut room, out) {
                    // In the clear each fragment has its own record, as old peers know it.
                    if epoch == 0 {
                        break;
                    }
                }
                let number = records.finish(out, mark, ContentType::HANDSHAKE)?;
                for carried in self.log.iter_mut().skip(logged) {
                    carried.number = number;
                }
                while self.log.len() > MAX_LOG {
                    self.log.pop_front();
                }
            }
        }
        Ok(true)
    }

    /// What is left of the message at the cursor, up to what was acknowledged.
    fn rest(&self) -> usize {
        let Some(item) = self.items.get(self.item) else { return 0 };
        let acked = item.acked.iter().find(|range| range.start > self.offset);
        acked.map_or(item.length(), |range| range.start) - self.offset
    }

    /// Appends the next fragment to a record of `epoch`, if it belongs there and `room` allows; the log learns
    /// its number when the record is sealed.
    fn write_fragment(&mut self, epoch: u64, room: &mut usize, out: &mut Vec<u8>) -> bool {
        let rest = self.rest();
        let Some(item) = self.items.get(self.item).filter(|item| item.epoch == epoch) else { return false };
        let Content::Handshake { message_type, message_seq, body } = &item.content else { return false };
        if *room < HandshakeHeader::LENGTH + rest.min(SMALLEST_FRAGMENT) {
            return false;
        }
        let count = rest.min(*room - HandshakeHeader::LENGTH);
        let (start, end) = (self.offset, self.offset + count);
        let header = HandshakeHeader {
            message_type: *message_type,
            length: u24(body.len()),
            message_seq: *message_seq,
            fragment_offset: u24(start),
            fragment_length: u24(count),
        };
        out.put_slice(&header.encode());
        out.put_slice(&body[start..end]);
        *room -= HandshakeHeader::LENGTH + count;
        let is_whole = end == body.len();
        self.log.push_back(Carried {
            number: RecordNumber { epoch, sequence: 0 },
            item: self.item,
            start,
            end,
        });
        (self.item, self.offset) = if is_whole { (self.item + 1, 0) } else { (self.item, end) };
        self.skip_acked();
        true
    }
}

/// What an ACK changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// It named no record of the flight that we did not know of.
    Nothing,
    /// The rest is worth sending at once.
    Part,
    /// Nothing needs to be sent again.
    Whole,
    /// The same, but anyone may have said so: the flight is kept.
    WholeByHearsay,
}

impl Item {
    fn length(&self) -> usize {
        match &self.content {
            Content::Handshake { body, .. } => body.len(),
            Content::ChangeCipherSpec => 0,
        }
    }

    fn is_acked(&self) -> bool {
        matches!(&self.acked[..], [range] if *range == (0..self.length()))
    }
}

/// Adds a range to ranges that are in order and apart from each other.
fn add_range(ranges: &mut Vec<Range<usize>>, mut new: Range<usize>) {
    ranges.retain(|range| {
        let apart = range.end < new.start || range.start > new.end;
        if !apart {
            new = new.start.min(range.start)..new.end.max(range.end);
        }
        apart
    });
    let at = ranges.partition_point(|range| range.start < new.start);
    ranges.insert(at, new);
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

    /// The current timeout. Whatever the configuration says, time must pass, or a driver would spin.
    pub(crate) fn timeout(&self) -> Duration {
        const SHORTEST: Duration = Duration::from_millis(1);
        self.initial.max(SHORTEST).saturating_mul(1 << self.timeouts.min(20)).min(self.max.max(SHORTEST))
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
    round_trip.saturating_mul(2).max(SHORTEST).min(configured)
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

    /// Numbers of the records in these datagrams, all of epoch 0.
    fn numbers(datagrams: &[Vec<u8>]) -> Vec<RecordNumber> {
        let mut numbers = Vec::new();
        for datagram in datagrams {
            let mut reader = Reader::new(datagram);
            while !reader.is_empty() {
                let header = PlaintextHeader::parse(reader.bytes(13).unwrap()).unwrap();
                reader.bytes(usize::from(header.length)).unwrap();
                numbers.push(RecordNumber { epoch: 0, sequence: header.sequence });
            }
        }
        numbers
    }

    #[test]
    fn what_was_acknowledged_is_not_sent_again() {
        let (mut flight, mut records) = (flight(&[300, 20]), Records::new());
        let sent = numbers(&datagrams(&mut flight, &mut records, 125));
        assert_eq!(sent.len(), 4, "three fragments of a hundred bytes, and the second message");
        let ack = [sent[1], sent[3]].into_iter();
        assert_eq!(flight.acknowledge(true, ack.clone()), Acknowledged::Part);
        assert_eq!(flight.acknowledge(true, ack), Acknowledged::Nothing);
        flight.rewind();
        let again = datagrams(&mut flight, &mut records, 1200);
        assert_eq!(again[0].len(), 2 * (25 + 100), "the first and the third hundred");
        let again = numbers(&again).into_iter();
        assert_eq!(flight.acknowledge(true, again), Acknowledged::Whole);
        assert!(flight.is_empty());
    }

    #[test]
    fn an_ack_in_the_clear_is_believed_for_one_transmission() {
        let (mut flight, mut records) = (flight(&[100, 100]), Records::new());
        let sent = numbers(&datagrams(&mut flight, &mut records, 130));
        assert_eq!(flight.acknowledge(false, sent[..1].iter().copied()), Acknowledged::Part);
        flight.rewind();
        assert_eq!(datagrams(&mut flight, &mut records, 130).len(), 1, "the second message");
        flight.rewind();
        let again = numbers(&datagrams(&mut flight, &mut records, 130));
        assert_eq!(again.len(), 2, "both: nobody who has keys has confirmed it");
        assert_eq!(flight.acknowledge(false, again.iter().copied()), Acknowledged::WholeByHearsay);
        flight.forget_hearsay();
        flight.rewind();
        assert_eq!(datagrams(&mut flight, &mut records, 130).len(), 2);
    }

    proptest! {
        #[test]
        fn whatever_part_is_acknowledged_the_rest_is_sent(
            bodies in proptest::collection::vec(1usize..800, 1..5), mtu in 60usize..300, choices: Vec<bool>,
        ) {
            let (mut flight, mut records) = (flight(&bodies), Records::new());
            let mut choices = choices.into_iter();
            for _ in 0..100 {
                let sent = numbers(&datagrams(&mut flight, &mut records, mtu));
                prop_assert!(!sent.is_empty());
                let acked = sent.into_iter().filter(|_| choices.next().unwrap_or(true));
                if flight.acknowledge(true, acked) == Acknowledged::Whole {
                    return Ok(());
                }
                flight.rewind();
            }
            prop_assert!(false, "the flight was never whole");
        }

        #[test]
        fn ranges_stay_in_order_and_apart(ranges in proptest::collection::vec((0usize..50, 1usize..10), 1..20)) {
            let mut merged = Vec::new();
            let mut bytes = std::collections::BTreeSet::new();
            for (start, length) in ranges {
                add_range(&mut merged, start..start + length);
                bytes.extend(start..start + length);
            }
            prop_assert!(merged.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert!(merged.into_iter().flatten().eq(bytes));
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
