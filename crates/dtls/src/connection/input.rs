//! What comes in: records to fragments, alerts and data; fragments to messages; messages to the handshake.
//!
//! ```text
//!   record, epoch 0   handshake -> reassembly      alert, data -> dropped: anyone can write them
//!   record, epoch 1   data -> application (queued until the peer is verified)
//!                     alert -> the end             handshake -> Finished; afterwards, its repetition
//!   no keys yet       kept, bounded, and opened once the keys are there
//! ```

use std::mem;
use std::time::Instant;

use plywood_octets::Reader;

use super::{Connection, Discarded, Opened, Phase};
use crate::config::Role;
use crate::dtls13;
use crate::error::{Discard, HandshakeError};
use crate::event::CloseReason;
use crate::flight::Acknowledged;
use crate::reassembly::{Inserted, Message};
use crate::records::{OpenedRecord, RecordNumber, Unopened};
use crate::wire::ack::Ack;
use crate::wire::{
    Alert, AlertDescription, AlertLevel, ContentType, Fragment, HandshakeHeader, HandshakeType,
    PlaintextHeader,
};

/// So many warnings are ignored.
const MAX_IGNORED_ALERTS: u8 = 4;

/// The peer's flight repeated asks for ours; but not more often than this part of the timeout, so that a
/// network that duplicates packets does not make us repeat everything.
const REPEAT_DIVISOR: u32 = 4;

/// What an ACK left out is sent again after this part of the timeout, so that several ACKs of one burst, or one that
/// overtook another, cause one repetition.
const REST_DIVISOR: u32 = 16;

impl Connection {
    /// Opens the record that begins at `at`, in place. Call with `at` 0, then with each `next`, until the end
    /// of the datagram; a record that is dropped does not drop its neighbours.
    ///
    /// # Errors
    /// [`Discarded`]: why this record was dropped, and where the next one begins.
    pub fn open_record(&mut self, now: Instant, datagram: &mut [u8], at: usize) -> Result<Opened, Discarded> {
        let end = datagram.len();
        // Whatever is dropped below says nothing of where the peer is.
        self.engine.opened_newest = false;
        if matches!(self.phase, Phase::Closed | Phase::Idle) {
            return self.discard(end, Discard::NotOpen);
        }
        if self.engine.old_keys_until.is_some_and(|until| until <= now) {
            self.engine.forget_old_keys();
        }
        match self.engine.records.open(datagram, at) {
            Ok(record) => {
                self.engine.note_opened(now, record.number);
                let bytes = datagram.get(record.plaintext.clone()).unwrap_or_default();
                self.handle_record(now, &record, bytes)
            }
            Err(Unopened::Early { next }) => {
                let record = datagram.get(at..next).unwrap_or_default();
                self.keep_early_record(record, next)
            }
            Err(Unopened::Discarded(discarded)) => {
                if discarded.reason == Discard::NotAuthentic && self.engine.records.is_integrity_exhausted() {
                    self.end(CloseReason::TooManyForgeries);
                }
                self.discard(discarded.next, discarded.reason)
            }
        }
    }

    fn discard(&mut self, next: usize, reason: Discard) -> Result<Opened, Discarded> {
        self.engine.stats.count(reason);
        Err(Discarded { next, reason })
    }

    #[inline]
    fn handle_record(
        &mut self,
        now: Instant,
        record: &OpenedRecord,
        bytes: &[u8],
    ) -> Result<Opened, Discarded> {
        let next = record.next;
        let encrypted = record.number.epoch > 0;
        if encrypted && self.engine.records.is_too_long(record) {
            self.fail(HandshakeError::RecordOverflow);
            return Ok(Opened { next, plaintext: None });
        }
        self.engine.stats.records_received += 1;
        let used = match (record.content_type, encrypted) {
            (ContentType::APPLICATION_DATA, true) => return self.handle_data(record, bytes),
            (ContentType::APPLICATION_DATA, false) => Err(Discard::PlaintextApplicationData),
            (ContentType::HANDSHAKE, true) if matches!(self.phase, Phase::Established12(_)) => {
                self.handle_late_handshake(now, bytes)
            }
            // RFC 8446 §5.4: nobody seals a handshake record with nothing in it.
            (ContentType::HANDSHAKE, true) if bytes.is_empty() && self.engine.is_13() => {
                self.fail(HandshakeError::UnexpectedRecordType(ContentType::HANDSHAKE.0));
                Ok(())
            }
            (ContentType::HANDSHAKE, _) => self.handle_fragments(now, record.number, bytes),
            // 1.2 has no ACKs: there it is a type like any other that nobody knows.
            (ContentType::ACK, true) if self.engine.is_13() => self.handle_ack(now, record.number, bytes),
            (ContentType::ACK, false) => self.handle_plaintext_ack(now, bytes),
            (ContentType::ALERT, true) => self.handle_alert(bytes),
            (ContentType::ALERT, false) => self.note_plaintext_alert(bytes),
            // It says nothing that the epoch of the next record does not say too; so one that is lost does no
            // harm, and one that is forged has no effect.
            (ContentType::CHANGE_CIPHER_SPEC, false) if bytes == [1] && !self.engine.is_13() => Ok(()),
            // Under keys of 1.3 none is sealed, and one that is ends the connection below (RFC 8446 §5).
            (ContentType::CHANGE_CIPHER_SPEC, under_keys) if !(under_keys && self.engine.is_13()) => {
                Err(Discard::UnexpectedChangeCipherSpec)
            }
            (ContentType(kind), true) => {
                self.fail(HandshakeError::UnexpectedRecordType(kind));
                Ok(())
            }
            (_, false) => Err(Discard::UnknownContentType),
        };
        match used {
            Ok(()) => Ok(Opened { next, plaintext: None }),
            Err(reason) => self.discard(next, reason),
        }
    }

    #[inline]
    fn handle_data(&mut self, record: &OpenedRecord, bytes: &[u8]) -> Result<Opened, Discarded> {
        let next = record.next;
        if self.engine.is_13() && record.number.epoch < dtls13::APPLICATION_EPOCH {
            self.fail(HandshakeError::DataUnderHandshakeKeys);
            return Ok(Opened { next, plaintext: None });
        }
        if self.is_connected() {
            self.engine.stats.application_bytes_received += bytes.len() as u64;
            if let Phase::Established13(established) = &mut self.phase {
                established.data_arrived();
            }
            return Ok(Opened { next, plaintext: Some(record.plaintext.clone()) });
        }
        self.keep_early_data(bytes, next)
    }

    fn keep_early_data(&mut self, bytes: &[u8], next: usize) -> Result<Opened, Discarded> {
        let kept = bytes.is_empty() || self.early_data.keep(bytes, self.engine.config.max_early_data_bytes);
        if kept { Ok(Opened { next, plaintext: None }) } else { self.discard(next, Discard::BufferFull) }
    }

    fn keep_early_record(&mut self, record: &[u8], next: usize) -> Result<Opened, Discarded> {
        if self.is_connected() {
            return self.discard(next, Discard::UnknownEpoch);
        }
        let kept = self.early_records.keep(record, self.engine.config.max_early_record_bytes);
        if kept { Ok(Opened { next, plaintext: None }) } else { self.discard(next, Discard::BufferFull) }
    }

    /// The keys are there: what came before them is opened now, each record once.
    fn open_early_records(&mut self, now: Instant) {
        let mut early = mem::take(&mut self.early_records);
        while let Some(mut record) = early.pop() {
            // Data among them is not connected yet, and is queued; a forged record is dropped and counted.
            if let Ok(Opened { plaintext: Some(range), next }) = self.open_record(now, &mut record, 0) {
                // The Finished stood before it among the early records. What does not fit is counted.
                let _ = self.keep_early_data(record.get(range).unwrap_or_default(), next);
            }
        }
    }

    /// An alert that the peer alone can have written.
    fn handle_alert(&mut self, bytes: &[u8]) -> Result<(), Discard> {
        let Ok(alert) = Alert::parse(bytes) else {
            self.fail(HandshakeError::MalformedAlert);
            return Ok(());
        };
        if !matches!(alert.level, AlertLevel::WARNING | AlertLevel::FATAL) {
            self.fail(HandshakeError::UnknownAlertLevel(alert.level.0));
            return Ok(());
        }
        match (alert.description, alert.level) {
            (AlertDescription::CLOSE_NOTIFY, _) => {
                // RFC 5246 §7.2.1: answered with the same, and pending data is given up.
                self.engine.alert(Alert::warning(AlertDescription::CLOSE_NOTIFY));
                self.end(CloseReason::Peer);
            }
            // 1.3: the level says nothing; every other alert but this one is the end (RFC 8446 §6).
            (AlertDescription::USER_CANCELED, _) if self.engine.is_13() => return self.ignore_alert(),
            (description, level) if level == AlertLevel::FATAL || self.engine.is_13() => {
                self.engine.flight.clear();
                self.end(CloseReason::PeerAlert(description));
            }
            _ => return self.ignore_alert(),
        }
        Ok(())
    }

    /// Warnings are ignored, but not for ever: a peer that sends nothing else wants our time.
    fn ignore_alert(&mut self) -> Result<(), Discard> {
        self.ignored_alerts += 1;
        if self.ignored_alerts > MAX_IGNORED_ALERTS {
            self.fail(HandshakeError::TooManyWarnings);
            return Ok(());
        }
        Err(Discard::IgnoredAlert)
    }

    fn note_plaintext_alert(&mut self, bytes: &[u8]) -> Result<(), Discard> {
        if let Ok(Alert { description, level: AlertLevel::FATAL }) = Alert::parse(bytes) {
            self.unauthenticated_alert = Some(description);
        }
        Err(Discard::PlaintextAlert)
    }

    /// Handshake records after the handshake: the peer's Finished again, or a renegotiation, which is refused.
    fn handle_late_handshake(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Discard> {
        let fragment = Fragment::parse(&mut Reader::new(bytes)).map_err(|_| Discard::MalformedFragment)?;
        let header = &fragment.header;
        let is_new = u32::from(header.message_seq) >= self.engine.reassembly.next_seq();
        match header.message_type {
            // Our final flight was lost. Only the peer can have sealed this, so nobody else makes us repeat it; once,
            // into however many fragments the peer cut it.
            HandshakeType::FINISHED if !is_new => {
                if self.role() == Role::Server && header.ends_message() && !self.engine.flight.is_empty() {
                    self.engine.resend_flight(now);
                }
                Ok(())
            }
            HandshakeType::HELLO_REQUEST | HandshakeType::CLIENT_HELLO => {
                if !mem::replace(&mut self.refused_renegotiation, true) {
                    self.engine.alert(Alert::warning(AlertDescription::NO_RENEGOTIATION));
                }
                Err(Discard::Renegotiation)
            }
            received if is_new => {
                self.fail(HandshakeError::HandshakeIsOver(received));
                Ok(())
            }
            _ => Err(Discard::Renegotiation),
        }
    }

    /// An ACK of what we said in the clear. Anyone can write one, so it is believed for one transmission only, until
    /// the peer confirms it under its keys, and not before the peer is known to speak 1.3.
    fn handle_plaintext_ack(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Discard> {
        let ack = Ack::parse(bytes).map_err(|_| Discard::MalformedAck)?;
        // RFC 9147 §7: what came under keys is acknowledged under keys.
        if ack.numbers().any(|number| number.epoch > 0) {
            return Err(Discard::MalformedAck);
        }
        if !self.engine.is_13() {
            return Err(Discard::PlaintextAck);
        }
        match self.engine.flight.acknowledge(false, ack.numbers()) {
            // A client that has our HelloRetryRequest repeats its own hello; a server may keep no state and no
            // timer, so a client goes on.
            Acknowledged::WholeByHearsay if self.role() == Role::Server => self.engine.timer.stop(),
            Acknowledged::Part => self.resend_rest(now),
            _ => {}
        }
        Ok(())
    }

    /// What the peer has need not be said again, and the rest is worth saying at once (RFC 9147 §7.2).
    fn handle_ack(&mut self, now: Instant, carrier: RecordNumber, bytes: &[u8]) -> Result<(), Discard> {
        let ack = Ack::parse(bytes).map_err(|_| Discard::MalformedAck)?;
        // Behind the handshake each direction counts its epochs for itself, so this holds during it only.
        let handshake = carrier.epoch < dtls13::APPLICATION_EPOCH;
        if handshake && ack.numbers().any(|number| number.epoch > carrier.epoch) {
            self.fail(HandshakeError::AckFromTheFuture);
            return Ok(());
        }
        let is_empty = ack.numbers().next().is_none();
        match self.engine.flight.acknowledge(true, ack.numbers()) {
            Acknowledged::Whole => {
                self.engine.timer.stop();
                self.engine.rest_due = None;
                self.engine.ids.on_acknowledged();
                if let Phase::Established13(established) = &mut self.phase
                    && let Err(error) = established.on_acknowledged(&mut self.engine)
                {
                    self.fail(error);
                }
            }
            Acknowledged::Part => self.resend_rest(now),
            Acknowledged::Nothing if is_empty => self.resend_rest(now),
            Acknowledged::Nothing | Acknowledged::WholeByHearsay => {}
        }
        Ok(())
    }

    /// The peer lacks a part of our flight.
    fn resend_rest(&mut self, now: Instant) {
        let engine = &mut self.engine;
        if engine.rest_due.is_none() && !engine.flight.is_empty() && !engine.flight.is_sending() {
            engine.rest_due = now.checked_add(engine.timer.timeout() / REST_DIVISOR);
        }
    }

    fn handle_fragments(&mut self, now: Instant, number: RecordNumber, bytes: &[u8]) -> Result<(), Discard> {
        let epoch = number.epoch;
        // Fragments that came before the version was known are acknowledged with those that follow.
        let was_13 = self.engine.is_13();
        let mut reader = Reader::new(bytes);
        let mut result = if bytes.is_empty() { Err(Discard::MalformedFragment) } else { Ok(()) };
        // RFC 9147 §7.1: a record is acknowledged as a whole, so not if a part of it was dropped.
        let mut whole = result;
        while !reader.is_empty() {
            let Ok(fragment) = Fragment::parse(&mut reader) else {
                result = Err(Discard::MalformedFragment);
                whole = result;
                break;
            };
            if epoch == 0 && is_said_by(self.role(), fragment.header.message_type) {
                result = Err(Discard::Reflected);
                whole = result;
                continue;
            }
            // RFC 5246 §7.4.1.1: ignored by a client that negotiates already; and anyone could have written it.
            if epoch == 0 && fragment.header.message_type == HandshakeType::HELLO_REQUEST {
                result = Err(Discard::Renegotiation);
                whole = result;
                continue;
            }
            match self.engine.reassembly.insert(epoch, &fragment) {
                Ok(Inserted::Kept) => self.next_flight_begins(epoch),
                Ok(Inserted::Old) if self.acknowledges_again(epoch) => {
                    self.engine.stats.duplicate_fragments += 1;
                }
                Ok(Inserted::Old) => self.peer_repeats(now, &fragment.header),
                // There was nothing in it to keep.
                Err(Discard::EmptyFragment) => result = Err(Discard::EmptyFragment),
                Err(reason) => {
                    result = Err(reason);
                    whole = result;
                }
            }
        }
        if whole.is_ok() {
            self.engine.acks.note(number, PlaintextHeader::LENGTH + bytes.len());
        }
        self.handle_messages(now);
        if was_13 && whole.is_ok() {
            self.schedule_ack(now, epoch);
        }
        result
    }

    /// Any part of the next flight says that ours is there (RFC 9147 §7.2). In the clear anyone could say it: then a
    /// client goes on, and a server, whose client repeats its hello if it must, waits but forgets nothing.
    fn next_flight_begins(&mut self, epoch: u64) {
        if self.is_connected() || !self.engine.is_13() {
            return;
        }
        if epoch == dtls13::HANDSHAKE_EPOCH {
            self.engine.flight_was_answered();
        } else if self.role() == Role::Server {
            self.engine.timer.stop();
        }
    }

    /// 1.3: whether what came again in this epoch is answered by an ACK alone: everything behind the handshake,
    /// and the client's last flight.
    fn acknowledges_again(&self, epoch: u64) -> bool {
        let behind = epoch >= dtls13::APPLICATION_EPOCH;
        matches!(self.phase, Phase::Established13(_)) && (behind || self.role() == Role::Server)
    }

    /// 1.3: what has come is acknowledged after a while (RFC 9147 §7.1). During the handshake that is part of a flight:
    /// if the rest comes, our answer makes the ACK unnecessary.
    fn schedule_ack(&mut self, now: Instant, epoch: u64) {
        if !self.is_connected() || self.acknowledges_again(epoch) {
            self.engine.acks.schedule(now);
        }
    }

    fn handle_messages(&mut self, now: Instant) {
        while let Some(message) = self.engine.reassembly.pop() {
            let newest = self.engine.records.newest_read_epoch();
            self.handle_message(now, &message);
            if self.engine.records.newest_read_epoch() > newest && !matches!(self.phase, Phase::Closed) {
                self.open_early_records(now);
            }
        }
    }

    /// The peer says again what we have answered: our answer was lost (RFC 6347 §4.2.4, figure 3).
    fn peer_repeats(&mut self, now: Instant, header: &HandshakeHeader) {
        self.engine.stats.duplicate_fragments += 1;
        let last_of_flight = u32::from(header.message_seq) + 1 == self.engine.reassembly.next_seq();
        let idle = !self.engine.flight.is_empty() && !self.engine.flight.is_sending();
        if !(last_of_flight && header.ends_message() && idle) {
            return;
        }
        // Whatever an ACK in the clear said, the peer waits for this.
        self.engine.flight.forget_hearsay();
        let pause = self.engine.timer.timeout() / REPEAT_DIVISOR;
        let since = self.engine.last_transmission.map(|last| now.saturating_duration_since(last));
        if since.is_none_or(|since| since >= pause) {
            self.engine.resend_flight(now);
            self.engine.timer.restart(now);
        }
    }

    /// Hands a message to the handshake. The phase is out of its place meanwhile: if the message breaks a rule
    /// the connection is closed anyway.
    pub(super) fn handle_message(&mut self, now: Instant, message: &Message) {
        tracing::trace!(message = ?message.message_type, seq = message.message_seq, "received");
        let was_connected = self.is_connected();
        if !was_connected {
            self.begin_handshake(now);
        }
        let result = match mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Client12(state) => state.on_message(&mut self.engine, now, message),
            Phase::Server12(state) => state.on_message(&mut self.engine, now, message),
            Phase::Client13(state) => state.on_message(&mut self.engine, now, message),
            Phase::Server13(state) => state.on_message(&mut self.engine, now, message),
            Phase::Established13(mut established) => {
                established.on_message(&mut self.engine, message).map(|()| Phase::Established13(established))
            }
            phase @ (Phase::Idle | Phase::Established12(_) | Phase::Closed) => Ok(phase),
        };
        match result {
            // A key update, a ticket: what was told once is not told again.
            Ok(phase) if was_connected => self.phase = phase,
            Ok(phase) => self.enter(phase),
            Err(error) => self.fail(error),
        }
    }
}

/// Whether only this side says a message: in the clear it comes from somebody who sends us our own flight back,
/// and one that did not would be no better.
fn is_said_by(role: Role, message_type: HandshakeType) -> bool {
    match role {
        Role::Client => message_type == HandshakeType::CLIENT_HELLO,
        Role::Server => matches!(
            message_type,
            HandshakeType::HELLO_REQUEST
                | HandshakeType::SERVER_HELLO
                | HandshakeType::HELLO_VERIFY_REQUEST
                | HandshakeType::SERVER_KEY_EXCHANGE
                | HandshakeType::CERTIFICATE_REQUEST
                | HandshakeType::SERVER_HELLO_DONE
        ),
    }
}
