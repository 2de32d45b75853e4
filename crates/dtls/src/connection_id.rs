//! Connection ids: reached although the address changed (RFC 9146, RFC 9147 §9).
//!
//! Problem: a connection is found by its addresses; a NAT that forgets, or a phone that changes networks, makes the
//! peer's next datagram a stranger's.
//! How: each side names an id, and the other writes it in front of every protected record. Who reads finds the
//! connection by it.
//!
//! ```text
//!   ClientHello  connection_id = c  ("write c to me"; empty: "I can write yours")
//!   ServerHello  connection_id = s
//!   client --- records with s ---> server            server --- records with c ---> client
//!
//!   1.2  25 | version | epoch | number | s | length | sealed( payload | real type )
//!   1.3  001 1 11EE   | s | number | length         | sealed( payload | real type )
//!
//!   1.3, later   RequestConnectionId(n) --->
//!                                       <--- NewConnectionId(ids, spare)
//! ```
//! In 1.2 an id lasts as long as the connection; in 1.3 spare ones are taken when the path changes, so that nobody
//! can tell by the id that it is the same peer (RFC 9147 §11).
//!
//! Whether to follow a peer to another address is not decided here: a datagram may be replayed from anywhere. What
//! RFC 9146 §6 asks of us is to tell whether a record was newer than all before it:
//! [`crate::Connection::opened_newest_record`].
//! More: docs/dtls.md, "Connection ids".

use std::collections::VecDeque;
use std::fmt;

use crate::connection::Engine;
use crate::error::{HandshakeError, decode};
use crate::event::Event;
use crate::reassembly::Message;
use crate::wire::connection_id::{ConnectionId, NewConnectionId, RequestConnectionId};
use crate::wire::{Extension, Extensions, HandshakeType};

/// Ids of the peer that are kept for later; more are forgotten (RFC 9147 §9).
const MAX_SPARE: usize = 8;
/// Ids of ours that a peer may use: each costs the owner a place in a table.
const MAX_OWN: usize = 16;

/// What is to be remembered of ids beyond those that records carry.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    /// Ids of the peer, not used yet.
    spare: VecDeque<ConnectionId>,
    /// Messages that wait until the flight before them is acknowledged.
    waiting: VecDeque<(HandshakeType, Vec<u8>)>,
    /// A NewConnectionId of ours waits for its ACK.
    new_is_outstanding: bool,
    /// A RequestConnectionId of ours waits for its answer.
    request_is_outstanding: bool,
    /// The peer asked for ids and got none yet.
    peer_waits: bool,
}

/// Why ids could not be given out, or asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionIdError {
    /// The connection is not up, speaks 1.2, or agreed on no ids in this direction.
    NotNegotiated,
    /// The same was done before and is not acknowledged, or answered, yet.
    Busy,
    /// An id that is not as long as the first one: records do not say where an id ends.
    WrongLength {
        /// Its bytes.
        length: usize,
    },
    /// More ids than a connection may have.
    TooMany,
}

impl fmt::Display for ConnectionIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNegotiated => f.write_str("no connection ids were agreed on"),
            Self::Busy => f.write_str("the one before is not acknowledged yet"),
            Self::WrongLength { length } => write!(f, "an id of {length} bytes, unlike the first"),
            Self::TooMany => f.write_str("too many ids for one connection"),
        }
    }
}

impl std::error::Error for ConnectionIdError {}

/// The client's offer: records with its id may come as soon as the server has read it.
pub(crate) fn offer(engine: &mut Engine, extensions: &mut Extensions) {
    if let Some(ours) = engine.config.connection_id.clone() {
        extensions.push(Extension::connection_id(&ours));
        engine.records.receive_with(ours);
    }
}

/// The server's answer to an offer, if it wants ids too.
pub(crate) fn answer(engine: &mut Engine, theirs: Option<ConnectionId>, extensions: &mut Extensions) {
    if let (Some(theirs), Some(ours)) = (theirs, engine.config.connection_id.clone()) {
        extensions.push(Extension::connection_id(&ours));
        engine.records.receive_with(ours);
        engine.records.send_with(theirs);
    }
}

/// What the server answered to our offer.
pub(crate) fn answered(
    engine: &mut Engine,
    answers: &Extensions,
    message: HandshakeType,
) -> Result<(), HandshakeError> {
    let theirs = answers.connection_id().map_err(decode(message))?;
    match theirs {
        Some(theirs) => engine.records.send_with(theirs),
        None => engine.records.receive_with(ConnectionId::default()),
    }
    Ok(())
}

/// More ids of the peer (RFC 9147 §9).
pub(crate) fn on_new(engine: &mut Engine, message: &Message) -> Result<(), HandshakeError> {
    const KIND: HandshakeType = HandshakeType::NEW_CONNECTION_ID;
    // Only who receives ids may give out more.
    if engine.records.send_id().is_empty() {
        return Err(HandshakeError::UnexpectedMessage {
            received: KIND,
            expected: HandshakeType::KEY_UPDATE,
        });
    }
    let decode = decode(KIND);
    let new = NewConnectionId::parse(&message.body).map_err(&decode)?;
    // An empty id would end what the hellos agreed on; one of none cannot be used at once.
    if new.ids.iter().any(ConnectionId::is_empty) || (new.immediate && new.ids.is_empty()) {
        return Err(decode(crate::ParseError::InvalidValue(0)));
    }
    engine.ids.request_is_outstanding = false;
    let mut new_ids = new.ids.into_iter();
    if new.immediate {
        engine.ids.spare.clear();
        engine.records.send_with(new_ids.next().unwrap_or_default());
    }
    let room = MAX_SPARE - engine.ids.spare.len();
    engine.ids.spare.extend(new_ids.take(room));
    Ok(())
}

/// The peer wants more of ours: the owner, who finds connections by them, makes them.
pub(crate) fn on_request(engine: &mut Engine, message: &Message) -> Result<(), HandshakeError> {
    const KIND: HandshakeType = HandshakeType::REQUEST_CONNECTION_ID;
    if engine.records.receive_ids().is_empty() {
        return Err(HandshakeError::UnexpectedMessage {
            received: KIND,
            expected: HandshakeType::KEY_UPDATE,
        });
    }
    let request = RequestConnectionId::parse(&message.body).map_err(decode(KIND))?;
    // One event until the owner has answered, whatever a peer asks for meanwhile.
    if !std::mem::replace(&mut engine.ids.peer_waits, true) {
        engine.events.push_back(Event::ConnectionIdsRequested { count: request.count });
    }
    Ok(())
}

impl Ids {
    /// Gives out more of ours; `length` is that of the first.
    pub(crate) fn provide(
        &mut self,
        own: &mut Vec<ConnectionId>,
        new: &[ConnectionId],
        immediate: bool,
    ) -> Result<(), ConnectionIdError> {
        let length = own.first().ok_or(ConnectionIdError::NotNegotiated)?.as_bytes().len();
        if self.new_is_outstanding {
            return Err(ConnectionIdError::Busy);
        }
        if let Some(odd) = new.iter().map(|id| id.as_bytes().len()).find(|other| *other != length) {
            return Err(ConnectionIdError::WrongLength { length: odd });
        }
        if own.len() + new.len() > MAX_OWN {
            return Err(ConnectionIdError::TooMany);
        }
        own.extend_from_slice(new);
        let mut body = Vec::new();
        NewConnectionId { ids: new.to_vec(), immediate: immediate && !new.is_empty() }.encode(&mut body);
        self.waiting.push_back((HandshakeType::NEW_CONNECTION_ID, body));
        self.new_is_outstanding = true;
        self.peer_waits = false;
        Ok(())
    }

    /// Asks the peer for more of its ids.
    pub(crate) fn request(&mut self, count: u8) -> Result<(), ConnectionIdError> {
        if self.request_is_outstanding {
            return Err(ConnectionIdError::Busy);
        }
        self.request_is_outstanding = true;
        let body = RequestConnectionId { count }.encode().to_vec();
        self.waiting.push_back((HandshakeType::REQUEST_CONNECTION_ID, body));
        Ok(())
    }

    /// The next id of the peer that was not used yet.
    pub(crate) fn take_spare(&mut self) -> Option<ConnectionId> {
        self.spare.pop_front()
    }

    /// How many of those there are.
    pub(crate) fn spare(&self) -> usize {
        self.spare.len()
    }

    /// The next message to be said, if nothing else waits for an ACK.
    pub(crate) fn take_waiting(&mut self) -> Option<(HandshakeType, Vec<u8>)> {
        self.waiting.pop_front()
    }

    /// All that was said is acknowledged.
    pub(crate) fn on_acknowledged(&mut self) {
        self.new_is_outstanding =
            self.waiting.iter().any(|(kind, _)| *kind == HandshakeType::NEW_CONNECTION_ID);
    }
}
