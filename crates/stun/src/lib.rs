//! STUN (RFC 8489): messages, integrity, transactions; sans-IO.
//!
//! Problem: two hosts behind NATs do not know their own public addresses, and cannot trust a stranger's
//! packet that claims to tell them.
//! How: a request carries a random transaction id; the answer repeats it, says which address the request
//! seemed to come from, and both are sealed with an HMAC under a password that signalling carried.
//!
//! ```text
//!  client                                            server
//!    | Binding request   id=7a..  USERNAME  MI  FP     |
//!    |------------------------------------------------>| recomputes MI, looks at the source address
//!    |     Binding success id=7a..  XOR-MAPPED  MI  FP |
//!    |<------------------------------------------------|
//!    | no answer after RTO: the same bytes again, RTO doubled, Rc = 7 times (RFC 8489 §6.2.1)
//! ```
//!
//! - [`wire`]: [`MessageView`](wire::MessageView) reads a datagram in place,
//!   [`MessageBuilder`](wire::MessageBuilder) appends one to a buffer; neither allocates.
//! - [`IntegrityKey`]: a password with its HMAC key schedule computed once.
//! - [`ClientTransaction`]: when to send a request again, and when to give up.
//!
//! ```
//! use plywood_stun::IntegrityKey;
//! use plywood_stun::wire::{AttributeType, Class, MessageBuilder, MessageView, Method, TransactionId};
//!
//! let key = IntegrityKey::from_password("VOkJxbRl1RmTxUk/WvJxBt");
//! let mut out = Vec::new();
//! let length = MessageBuilder::new(&mut out, Class::Request, Method::BINDING, TransactionId([7; 12]))
//!     .bytes(AttributeType::USERNAME, b"evtj:h6vY")
//!     .u32(AttributeType::PRIORITY, 0x6e00_01ff)
//!     .integrity(&key)
//!     .fingerprint()
//!     .finish()?;
//! assert_eq!(length, out.len());
//!
//! let message = MessageView::parse(&out)?;
//! message.verify(&key)?;
//! assert_eq!(message.username(), Some("evtj:h6vY"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! More: RFC 8489 §5 (format), §6 (transactions), §14 (attributes); docs/stun.md.

mod error;
mod integrity;
mod transaction;
pub mod wire;

pub use error::{AttributeError, BuildError, IntegrityError, ParseError};
pub use integrity::IntegrityKey;
pub use transaction::{ClientTransaction, RetransmitTimers, Step};
