//! The client's room. What it will do: allocate, refresh, permit, bind channels (RFC 8656 §7-§12).

use crate::error::NotYet;
use std::{convert::Infallible, net::SocketAddr};

/// An allocation on a relay. It cannot be made yet, so it cannot exist.
#[derive(Debug)]
pub struct Client(Infallible);

impl Client {
    /// Asks for an allocation on `server`.
    ///
    /// # Errors
    /// Always [`NotYet`], until the client is there.
    pub fn new(_server: SocketAddr) -> Result<Self, NotYet> {
        Err(NotYet)
    }

    /// The relay.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        match self.0 {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_client_says_so() {
        assert_eq!(Client::new(([192, 0, 2, 1], 3478).into()).err(), Some(NotYet));
    }
}
