//! Two associations over a simulated network in virtual time: whole lives under everything that a path can do.
#![expect(clippy::unwrap_used, reason = "test code")]

mod checks;
mod life;
mod packet_size;
mod world;
