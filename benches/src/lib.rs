//! What the benches of one layer share: the peers behind one interface, and the network they meet on.

pub mod link;
pub mod sctp;
