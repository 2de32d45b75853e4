//! What every handshake works with, whatever its version: numbers, queues, timers.
//!
//! Problem: flights, reassembly and records are the same for client and server, and nearly so for 1.2 and 1.3.
//! How: one struct that the state machines borrow. They decide what is said; this is how it is said.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use plywood_octets::Put;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::embedding::Embedding;
use crate::config::{Config, Role};
use crate::connection_id::Ids;
use crate::dtls13::{APPLICATION_EPOCH, Acks};
use crate::event::Event;
use crate::flight::{Flight, RetransmitTimer};
use crate::reassembly::{Message, Reassembly};
use crate::records::{RecordNumber, Records};
use crate::stats::Stats;
use crate::transcript::Transcript;
use crate::wire::ack::{self, Ack};
use crate::wire::{Alert, ContentType, HandshakeType, ProtocolVersion};

/// Shared machinery of the handshakes.
#[derive(Debug)]
pub(crate) struct Engine {
    pub config: Config,
    pub rng: ChaCha20Rng,
    pub records: Records,
    pub reassembly: Reassembly,
    pub transcript: Transcript,
    pub flight: Flight,
    pub timer: RetransmitTimer,
    /// What we acknowledge, in 1.3.
    pub acks: Acks,
    /// The handshake is given up then.
    pub give_up_at: Option<Instant>,
    /// When the flight was last begun to be sent.
    pub last_transmission: Option<Instant>,
    /// 1.3: part of our flight arrived; the rest is sent again then.
    pub rest_due: Option<Instant>,
    /// 1.3: until when records under the keys before the newest are read; `None`: the newest were not used yet.
    pub old_keys_until: Option<Instant>,
    /// Where somebody else carries what we say.
    pub embedding: Option<Embedding>,
    /// Connection ids beyond those in the records.
    pub ids: Ids,
    /// The newest protected record so far, and whether the last one was it (RFC 9146 §6).
    newest: Option<RecordNumber>,
    pub opened_newest: bool,
    pub events: VecDeque<Event>,
    pub stats: Stats,
    /// The epoch of what we say next.
    pub write_epoch: u64,
    next_message_seq: u16,
    is_13: bool,
    alerts: VecDeque<(u64, Alert)>,
}

/// How long stragglers under old keys are read once new ones are in use: twice the two minutes for which a packet may
/// live (RFC 9147 §4.2.1).
const OLD_KEYS_ARE_READ_FOR: Duration = Duration::from_mins(4);

/// No connection seals more records under one key, whatever it is told: the last of them must leave AES-GCM enough
/// for a whole key update (RFC 8446 §5.5).
const MOST_RECORDS_PER_KEY: u64 = 1 << 24;

/// A close_notify and a fatal alert: no more can be waiting.
const MAX_ALERTS: usize = 4;

impl Engine {
    pub(crate) fn new(mut config: Config, seed: [u8; 32]) -> Self {
        config.records_per_key = config.records_per_key.min(MOST_RECORDS_PER_KEY);
        Self {
            rng: ChaCha20Rng::from_seed(seed),
            records: Records::new(),
            reassembly: Reassembly::new(config.max_handshake_message_bytes, config.max_reassembly_bytes),
            transcript: Transcript::default(),
            flight: Flight::default(),
            timer: RetransmitTimer::new(config.initial_timeout, config.max_timeout),
            give_up_at: None,
            last_transmission: None,
            rest_due: None,
            old_keys_until: None,
            embedding: None,
            ids: Ids::default(),
            newest: None,
            opened_newest: false,
            events: VecDeque::new(),
            stats: Stats::default(),
            write_epoch: 0,
            next_message_seq: 0,
            is_13: false,
            acks: Acks::default(),
            alerts: VecDeque::new(),
            config,
        }
    }

    /// 32 fresh bytes for a hello.
    pub(crate) fn random(&mut self) -> [u8; 32] {
        let mut random = [0; 32];
        self.rng.fill_bytes(&mut random);
        random
    }

    /// 1.3 was chosen. Its records in the clear say 1.2 (RFC 9147 §4).
    pub(crate) fn choose_13(&mut self) {
        self.is_13 = true;
        self.records.version = ProtocolVersion::DTLS_1_2;
    }

    /// Whether 1.3 was chosen.
    pub(crate) fn is_13(&self) -> bool {
        self.is_13
    }

    /// The peer uses newer keys, and its stragglers had time enough.
    pub(crate) fn forget_old_keys(&mut self) {
        self.old_keys_until = None;
        self.records.drop_read_epochs_before(self.records.newest_read_epoch());
    }

    /// The peer answered, and we begin to answer: what either said before need not be said again.
    pub(crate) fn begin_flight(&mut self) {
        self.flight_was_answered();
        self.acks.clear();
    }

    /// Part of the peer's answer is there: it has all that we said (RFC 9147 §7.2).
    pub(crate) fn flight_was_answered(&mut self) {
        self.flight.clear();
        self.timer.stop();
        self.rest_due = None;
        if let Some(embedding) = &mut self.embedding {
            embedding.clear_pending();
        }
    }

    /// Whether somebody else carries the flight and repeats it.
    pub(crate) fn is_carried(&self) -> bool {
        self.embedding.as_ref().is_some_and(|embedding| embedding.is_pending() || self.flight.is_sending())
    }

    /// Adds a handshake message to the flight and to the transcript.
    pub(crate) fn say(&mut self, message_type: HandshakeType, write: impl FnOnce(&mut Vec<u8>)) {
        let mut body = Vec::new();
        write(&mut body);
        self.transcript.add(message_type, self.next_message_seq, &body);
        self.say_late(message_type, body);
    }

    /// Adds a handshake message that comes behind the handshake, and is in no transcript.
    pub(crate) fn say_late(&mut self, message_type: HandshakeType, body: Vec<u8>) {
        self.flight.push(self.write_epoch, message_type, self.next_message_seq, body);
        self.next_message_seq = self.next_message_seq.saturating_add(1);
    }

    /// 1.3: says the next message that waited, once nothing else waits for an ACK.
    pub(crate) fn say_waiting(&mut self, now: Instant) {
        if !self.flight.is_empty() || self.messages_are_exhausted() {
            return;
        }
        if let Some((message_type, body)) = self.ids.take_waiting() {
            self.say_late(message_type, body);
            self.await_answer(now);
        }
    }

    /// A record was opened: is it newer than all before it? The first under new keys shows that the peer will not
    /// need the old ones: until then its ACK may have been lost (RFC 9147 §8).
    #[inline]
    pub(crate) fn note_opened(&mut self, now: Instant, number: RecordNumber) {
        self.opened_newest = number.epoch > 0 && self.newest.is_none_or(|newest| number > newest);
        if self.opened_newest {
            let first_of_epoch = self.newest.is_none_or(|newest| number.epoch > newest.epoch);
            if first_of_epoch && number.epoch > APPLICATION_EPOCH {
                self.old_keys_until = now.checked_add(OLD_KEYS_ARE_READ_FOR);
            }
            self.newest = Some(number);
        }
    }

    /// Whether all message numbers are used; they never begin again (RFC 9147 §5.2).
    pub(crate) fn messages_are_exhausted(&self) -> bool {
        self.next_message_seq == u16::MAX
    }

    /// The message with this number was taken by a cookie exchange: the peer's next has the number behind it, and
    /// our next the same, as our answer to the message before it had its number too.
    pub(crate) fn continue_at(&mut self, message_seq: u16) {
        self.reassembly.begin_at(message_seq.saturating_add(1));
        self.next_message_seq = message_seq;
    }

    /// A line of an NSS key log, where one was asked for.
    pub(crate) fn log_secret(&mut self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        if !self.config.key_log {
            return;
        }
        let hex = |line: &mut String, bytes: &[u8]| {
            for byte in bytes {
                let _ = write!(line, "{byte:02x}"); // a String takes everything
            }
        };
        let mut line = format!("{label} ");
        hex(&mut line, client_random);
        line.push(' ');
        hex(&mut line, secret);
        self.events.push_back(Event::KeyLog(line));
    }

    /// Adds a ChangeCipherSpec: what follows it is said under the next epoch.
    pub(crate) fn change_cipher_spec(&mut self) {
        self.flight.push_change_cipher_spec(self.write_epoch);
        self.write_epoch += 1;
    }

    /// The flight is complete and wants an answer.
    pub(crate) fn await_answer(&mut self, now: Instant) {
        self.timer.start(now);
        self.last_transmission = Some(now);
    }

    /// A message of the peer counts.
    pub(crate) fn heard(&mut self, message: &Message) {
        self.transcript.add(message.message_type, message.message_seq, &message.body);
    }

    /// Sends the flight from its beginning.
    pub(crate) fn resend_flight(&mut self, now: Instant) {
        if self.is_carried() {
            return;
        }
        self.flight.rewind();
        self.rest_due = None;
        self.last_transmission = Some(now);
        self.stats.flights_resent += 1;
    }

    /// Queues an alert under the present epoch.
    pub(crate) fn alert(&mut self, alert: Alert) {
        if self.alerts.len() < MAX_ALERTS {
            self.alerts.push_back((self.write_epoch, alert));
        }
    }

    /// Appends one datagram: an ACK first, for it spares the peer a repetition; then the flight, then alerts.
    pub(crate) fn poll_transmit(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let start = out.len();
        let mtu = self.timer.datagram_bytes(self.config.mtu_bytes);
        if self.write_ack(mtu, out).is_none() {
            match self.flight.write_datagram(&mut self.records, &mut self.stats, mtu, out) {
                Ok(true) => {}
                Ok(false) => self.write_alert(out)?,
                Err(_) => {
                    // Only a broken AEAD gets here. Half a record must not leave; the timer tries again.
                    out.truncate(start);
                    return None;
                }
            }
        }
        self.stats.handshake_datagrams_sent += 1;
        Some(out.len() - start)
    }

    /// An ACK under the newest keys (RFC 9147 §7).
    fn write_ack(&mut self, mtu: usize, out: &mut Vec<u8>) -> Option<()> {
        let numbers = self.acks.take()?;
        let epoch = self.records.newest_write_epoch();
        let heard = self.acks.take_heard_bytes();
        // In the clear a server does not know whether its client is where it says: no answer is longer than what it answers.
        let unproven = epoch == 0 && self.config.role == Role::Server;
        let most = if unproven { mtu.min(heard) } else { mtu };
        let room = most.saturating_sub(self.records.overhead(epoch)).min(self.records.max_content(epoch));
        let room = room.saturating_sub(2) / ack::ENTRY_LENGTH;
        // Of too many the newest: the peer knows of the older ones, or will say them again.
        let numbers = &numbers[numbers.len().saturating_sub(room)..];
        if numbers.is_empty() {
            return None;
        }
        self.write_record(epoch, ContentType::ACK, out, |out| Ack::encode(numbers, out))
    }

    fn write_alert(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let (epoch, alert) = self.alerts.pop_front()?;
        self.write_record(epoch, ContentType::ALERT, out, |out| out.put_slice(&alert.encode()))
    }

    fn write_record(
        &mut self,
        epoch: u64,
        content_type: ContentType,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Option<()> {
        let mark = self.records.begin(epoch, out).ok()?;
        write(out);
        if self.records.finish(out, mark, content_type).is_err() {
            out.truncate(mark.start());
            return None;
        }
        self.stats.records_sent += 1;
        Some(())
    }

    /// Uses all message numbers.
    #[cfg(all(test, feature = "rustcrypto"))]
    pub(crate) fn exhaust_messages(&mut self) {
        self.next_message_seq = u16::MAX;
    }

    /// Takes the last message out of the flight, for a test that sends another one in its place.
    #[cfg(all(test, feature = "rustcrypto"))]
    pub(crate) fn take_last_of_flight(&mut self) -> Option<u16> {
        self.flight.pop()
    }
}
