//! Every datagram of a run, with its fate: material for captures and for explaining a failure.

use crate::stats::DropReason;
use std::{net::SocketAddr, time::Instant};

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// Still on its way.
    InFlight,
    /// Handed out, at this instant.
    Delivered(Instant),
    /// Lost.
    Lost(DropReason),
}

/// One datagram as its sender wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it was sent.
    pub sent: Instant,
    /// The sender, as the sender sees itself.
    pub from: SocketAddr,
    /// The destination, as the sender sees it.
    pub to: SocketAddr,
    /// The bytes as sent; damage happens later.
    pub bytes: Vec<u8>,
    /// What became of the first copy.
    pub fate: Fate,
}

/// The datagrams of a run, up to a bound of bytes.
#[derive(Debug)]
pub struct Recording {
    records: Vec<Record>,
    bytes: usize,
    limit_bytes: usize,
    left_out: u64,
}

impl Recording {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { records: Vec::new(), bytes: 0, limit_bytes, left_out: 0 }
    }

    /// The datagrams in the order in which they were sent.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Datagrams that no longer fitted the bound.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(crate) fn add(
        &mut self,
        sent: Instant,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
    ) -> Option<usize> {
        if self.bytes + bytes.len() > self.limit_bytes {
            self.left_out += 1;
            return None;
        }
        self.bytes += bytes.len();
        self.records.push(Record { sent, from, to, bytes: bytes.to_vec(), fate: Fate::InFlight });
        Some(self.records.len() - 1)
    }

    pub(crate) fn settle(&mut self, record: usize, fate: Fate) {
        if let Some(record) = self.records.get_mut(record) {
            record.fate = fate;
        }
    }
}
