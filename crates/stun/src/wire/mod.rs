//! The message format (RFC 8489 §5, §14): reading in place, writing to a buffer. No state, no time.

mod address;
mod attribute;
mod builder;
mod header;
mod message;

pub use attribute::{AttributeType, ErrorCode};
pub use builder::MessageBuilder;
pub use header::{Class, MAGIC_COOKIE, Method, TransactionId};
pub use message::{Attributes, MessageView, RawAttribute};
