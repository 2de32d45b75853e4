//! The sending half: queues of messages, and the ring of chunks that are on the way.

pub(crate) mod chunk;
pub(crate) mod messages;
pub(crate) mod outstanding;
pub(crate) mod queues;
pub(crate) mod scheduler;
pub(crate) mod stream;
