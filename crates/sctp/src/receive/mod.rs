//! The receiving half: which TSNs arrived, and the messages that they make.

pub(crate) mod arena;
pub(crate) mod reassembly;
pub(crate) mod tracker;
