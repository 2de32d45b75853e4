//! The bytes of DTLS: no state, no time.

pub mod codes;
