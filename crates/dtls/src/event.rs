//! What the owner of a connection is told.

use std::fmt;

use crate::error::{ConfigError, HandshakeError};
use crate::version::Version;
use crate::wire::AlertDescription;
use crate::wire::codes::{CipherSuite, NamedGroup};

/// Something that the owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The peer's Finished and fingerprint are verified: data may flow both ways.
    Connected {
        /// The version negotiated.
        version: Version,
        /// The cipher suite negotiated.
        suite: CipherSuite,
        /// The group of the key exchange.
        group: NamedGroup,
    },
    /// 1.3: the peer wants more of our connection ids: [`crate::Connection::provide_connection_ids`].
    ConnectionIdsRequested {
        /// How many; fewer, or none, are an answer too.
        count: u8,
    },
    /// A line for an NSS key log; only if `Config::key_log` asks for it.
    KeyLog(String),
    /// The connection is over. Comes once, and last.
    Closed(CloseReason),
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// `close` was called.
    Local,
    /// The peer sent close_notify: the orderly end.
    Peer,
    /// The peer sent a fatal alert, authenticated.
    PeerAlert(AlertDescription),
    /// The handshake broke a rule.
    Handshake(HandshakeError),
    /// The peer did not answer in time.
    TimedOut {
        /// How often the last flight was sent.
        transmissions: u32,
        /// An alert that came in the clear and was not believed, but may explain the silence.
        unauthenticated_alert: Option<AlertDescription>,
    },
    /// All 2^48 record numbers are used; 1.2 cannot change keys.
    NumbersExhausted,
    /// So many records failed to authenticate under one key that the next might be a successful forgery
    /// (RFC 9147 §4.5.3).
    TooManyForgeries,
    /// The configuration cannot work.
    Config(ConfigError),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("closed here"),
            Self::Peer => f.write_str("closed by the peer"),
            Self::PeerAlert(description) => write!(f, "the peer gave up: {description}"),
            Self::Handshake(error) => error.fmt(f),
            Self::TimedOut { transmissions, unauthenticated_alert } => {
                write!(f, "no answer after {transmissions} transmissions")?;
                match unauthenticated_alert {
                    Some(alert) => write!(f, "; an alert in the clear said {alert}"),
                    None => Ok(()),
                }
            }
            Self::NumbersExhausted => f.write_str("all record numbers are used"),
            Self::TooManyForgeries => f.write_str("too many forged records"),
            Self::Config(error) => error.fmt(f),
        }
    }
}
