//! A connection that begins with the second hello: the first one was answered by a [`crate::CookieExchange`].
//!
//! ```text
//!   ClientHello seq 0, record n        HelloVerifyRequest or HelloRetryRequest seq 0, record n   (nobody's)
//!   ClientHello seq 1, record m        ServerHello                             seq 1, record m   (ours)
//! ```
//! Message and record numbers go on where the client stands, as nobody counted ours (RFC 6347 §4.2.1).

use std::time::Instant;

use super::Connection;
use crate::config::{Config, Role};
use crate::cookie::VerifiedHello;
use crate::dtls13;
use crate::reassembly::Message;
use crate::wire::HandshakeType;

impl Connection {
    /// A server's connection for a client that has shown that it receives at its address. `config` should be the
    /// one of the [`crate::CookieExchange`]; with another the handshake may fail, and says why.
    #[must_use]
    pub fn accept(config: Config, seed: [u8; 32], now: Instant, hello: VerifiedHello) -> Self {
        let mut connection = Self::new(config, seed, now);
        if connection.is_closed() || connection.role() != Role::Server {
            return connection;
        }
        let VerifiedHello { body, message_seq, record_sequence, retry } = hello;
        let engine = &mut connection.engine;
        engine.records.skip_to(record_sequence);
        engine.continue_at(message_seq);
        let message = Message { message_type: HandshakeType::CLIENT_HELLO, message_seq, epoch: 0, body };
        let Some(retry) = retry else {
            connection.handle_message(now, &message);
            return connection;
        };
        connection.begin_handshake(now);
        match dtls13::server::on_verified_hello(&mut connection.engine, now, &message, &retry) {
            Ok(phase) => connection.enter(phase),
            Err(error) => connection.fail(error),
        }
        connection
    }
}
