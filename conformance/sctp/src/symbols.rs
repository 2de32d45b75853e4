//! Numbers that the implementation chooses are symbols in a scenario.
//!
//! An INIT that it sends with `tag=1, tsn=1` means: whatever you chose, from now on called 1. TSNs count from
//! there: `tsn=2` is the chosen one plus 1, `cum_tsn=0` the chosen one less 1. The other side's numbers are
//! those of the scenario.

/// What the symbols of one association mean.
#[derive(Debug, Clone, Default)]
pub(crate) struct Symbols {
    /// Tags that the implementation chose: (symbol, tag), the newest last.
    tags: Vec<(u32, u32)>,
    /// The tag that the implementation chose for the association, and the newest that it offered in an INIT ACK,
    /// which becomes the association's with the COOKIE ECHO.
    local: u32,
    offered: u32,
    /// Live TSN less symbol.
    offset: u32,
    /// The tag that the other side chose for the association.
    pub(crate) peer_tag: u32,
    /// The tag of its newest INIT, which becomes the association's with its COOKIE ECHO.
    pub(crate) offered_tag: u32,
    /// The newest cookie from the implementation.
    pub(crate) cookie: Vec<u8>,
    /// The cookie given to it.
    pub(crate) given_cookie: Vec<u8>,
    /// The heartbeat information given to it.
    pub(crate) heartbeat: Vec<u8>,
}

impl Symbols {
    /// It sent an INIT or INIT ACK with these, which the scenario calls so (`None`: it does not care).
    pub(crate) fn learn(&mut self, tag: (Option<u64>, u32), tsn: (Option<u64>, u32)) {
        self.offered = tag.1;
        if self.local == 0 {
            self.local = tag.1;
        }
        if let (Some(symbol), live) = tag {
            let symbol = low(symbol);
            self.tags.retain(|known| known.0 != symbol);
            self.tags.push((symbol, live));
        }
        if let (Some(symbol), live) = tsn {
            self.offset = live.wrapping_sub(low(symbol));
        }
    }

    /// The tag of packets to the implementation.
    pub(crate) fn local_tag(&self) -> u32 {
        self.local
    }

    /// An INIT written byte by byte: its value.
    pub(crate) fn note_init(&mut self, value: &[u8]) {
        self.offered_tag = crate::packet::u32_at(value, 0);
    }

    /// The other side echoes the newest cookie: from here on both sides use the newest tags.
    pub(crate) fn accept_offers(&mut self) {
        self.peer_tag = self.offered_tag;
        self.local = self.offered;
    }

    /// A tag in a packet option.
    pub(crate) fn tag(&self, symbol: u64) -> u32 {
        let symbol = low(symbol);
        self.tags.iter().rev().find(|known| known.0 == symbol).map_or(symbol, |known| known.1)
    }

    /// A TSN, or request number, of the implementation's own.
    pub(crate) fn tsn(&self, symbol: u64) -> u32 {
        low(symbol).wrapping_add(self.offset)
    }
}

/// Scenario numbers are written with up to 32 bits.
pub(crate) fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}
