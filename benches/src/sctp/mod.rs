//! SCTP implementations, and what the benches do with them.
//!
//! Those that are crates stand behind one interface in conformance/sctp-peers, where the interop scenarios use them
//! too; usrsctp is a program of its own.

pub mod memory;
mod process;
pub mod usrsctp;

pub use plywood_sctp_peers::{
    BBR, CUBIC, DcSctp, Endpoint, Insight, NEW_RENO, Plywood, Promise, RtcSctp, SctpProto, Setup,
};

pub use self::process::{PairProcess, Transferred};
