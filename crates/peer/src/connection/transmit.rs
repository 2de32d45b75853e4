//! Datagrams out: a batch at a time, each byte written once.
//!
//! Problem: a system call and a copy for every 1200 bytes is what makes other stacks slow.
//! How: SCTP writes its packet behind a reserved record header, DTLS seals it in place, and up to
//! `max_segments` records of one size follow each other in the caller's buffer, ready for UDP segmentation
//! offload. A shorter one ends the batch. STUN and handshake flights are batches of one.
//!
//! ```text
//!   out: |hdr|  SCTP packet  |tag|hdr|  SCTP packet  |tag|hdr| SCTP packet |tag|
//!        '---- segment_size -----'---- segment_size -----'---- shorter: last --'
//! ```
//! More: docs/peer.md, "The way out".

use std::time::Instant;

use super::{Closing, PeerConnection, Transmit};
use crate::event::Path;
use crate::trace::{Direction, Trace};

/// Bursts stay under what one UDP datagram could be, which is also the kernel's bound for a batch.
const MAX_BATCH_BYTES: usize = 65_000;

/// What is left for UDP of the 576 bytes that every IPv4 host takes (RFC 791 §3.1).
const SMALLEST_DATAGRAM: usize = 548;

impl PeerConnection {
    /// Appends one batch of at most `max_segments` datagrams to `out`; `None` when there is nothing to send.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        max_segments: usize,
        out: &mut Vec<u8>,
    ) -> Option<Transmit> {
        let transmit = self.next_batch(now, max_segments.max(1), out)?;
        let datagrams = transmit.len.div_ceil(transmit.segment_size.max(1)) as u64;
        self.stats.datagrams_sent += datagrams;
        self.stats.batches_sent += 1;
        self.stats.bytes_sent += transmit.len as u64;
        if let Some(trace) = &mut self.trace {
            let batch = &out[out.len() - transmit.len..];
            for bytes in batch.chunks(transmit.segment_size.max(1)) {
                let (source, remote) = (transmit.source, transmit.destination);
                trace.record(now, Trace::Datagram { direction: Direction::Out, source, remote, bytes });
            }
        }
        Some(transmit)
    }

    fn next_batch(&mut self, now: Instant, max_segments: usize, out: &mut Vec<u8>) -> Option<Transmit> {
        if self.closing == Closing::No
            && let Some(check) = self.agent.poll_transmit(now, out)
        {
            let source = super::LocalId(check.source.0);
            let (destination, len) = (check.destination, check.len);
            return Some(Transmit { source, destination, segment_size: len, len });
        }
        let path = self.path?;
        if self.closing == Closing::No
            && let Some(flight) = self.dtls_datagram(now, path, out)
        {
            return Some(flight);
        }
        if let Some(probe) = self.mtu_probe(now, path, out) {
            return Some(probe);
        }
        if let Some(batch) = self.sctp_batch(now, path, max_segments, out) {
            self.drain_sctp(now);
            return Some(batch);
        }
        self.closing_datagram(now, path, out)
    }

    fn dtls_datagram(&mut self, now: Instant, path: Path, out: &mut Vec<u8>) -> Option<Transmit> {
        let len = self.dtls.as_mut()?.poll_transmit(now, out)?;
        Some(Transmit { source: path.source, destination: path.remote, segment_size: len, len })
    }

    fn sctp_batch(
        &mut self,
        now: Instant,
        path: Path,
        max_segments: usize,
        out: &mut Vec<u8>,
    ) -> Option<Transmit> {
        let (Some(dtls), Some(sctp)) = (&mut self.dtls, &mut self.sctp) else { return None };
        if !dtls.can_send() {
            return None;
        }
        let start = out.len();
        let base = || self.config.mtu_bytes.saturating_sub(dtls.record_overhead());
        let budget = sctp.packet_bytes().unwrap_or_else(base);
        let (mut segment_size, mut limit) = (0, budget);
        for _ in 0..max_segments {
            let record_start = out.len();
            let Ok(mark) = dtls.begin_record(out) else { break };
            let packet_start = out.len();
            let Some(packet_len) = sctp.poll_transmit_within(now, budget, limit, out) else {
                out.truncate(record_start); // nothing to say: no record number is used
                break;
            };
            if let Some(trace) = &mut self.trace {
                let packet = &out[packet_start..packet_start + packet_len];
                trace.record(now, Trace::Sctp { direction: Direction::Out, packet });
            }
            if dtls.finish_record(out, mark).is_err() {
                out.truncate(record_start);
                break;
            }
            let record_len = out.len() - record_start;
            if segment_size == 0 {
                segment_size = record_len;
                // What follows must not be larger than the first; one sent under a larger budget goes alone.
                limit = packet_len;
            }
            let last = record_len < segment_size || packet_len > budget;
            if last || out.len() - start + segment_size > MAX_BATCH_BYTES {
                break;
            }
        }
        let len = out.len() - start;
        (len > 0).then_some(Transmit { source: path.source, destination: path.remote, segment_size, len })
    }

    /// Begins to look for the packet size, on a new association or a new path, if the configuration wants one larger
    /// than what every path carries.
    pub(super) fn look_for_packet_size(&mut self, now: Instant) {
        let (Some(dtls), Some(sctp)) = (&self.dtls, &mut self.sctp) else { return };
        let Some(largest) = self.config.largest_mtu_bytes else { return };
        let packet = |datagram_bytes: usize| datagram_bytes.saturating_sub(dtls.record_overhead());
        let base = self.config.mtu_bytes;
        let sizes = plywood_sctp::PacketSizes {
            smallest: packet(base.min(SMALLEST_DATAGRAM)),
            base: packet(base),
            largest: packet(largest),
        };
        sctp.set_packet_sizes(now, sizes);
    }

    /// A packet that may be too large for the path: never in a batch with others.
    fn mtu_probe(&mut self, now: Instant, path: Path, out: &mut Vec<u8>) -> Option<Transmit> {
        let (Some(dtls), Some(sctp)) = (&mut self.dtls, &mut self.sctp) else { return None };
        if !sctp.is_probe_due() || !dtls.can_send() {
            return None;
        }
        let start = out.len();
        let mark = dtls.begin_record(out).ok()?;
        if sctp.poll_probe(now, out).is_none() || dtls.finish_record(out, mark).is_err() {
            out.truncate(start);
            return None;
        }
        let len = out.len() - start;
        Some(Transmit { source: path.source, destination: path.remote, segment_size: len, len })
    }

    /// After the last SCTP packet of a connection that ends: close_notify, once.
    fn closing_datagram(&mut self, now: Instant, path: Path, out: &mut Vec<u8>) -> Option<Transmit> {
        if self.closing != Closing::Flushing {
            return None;
        }
        if let Some(dtls) = &mut self.dtls {
            dtls.close(now);
        }
        let last = self.dtls_datagram(now, path, out);
        if last.is_none() {
            self.closing = Closing::Done;
        }
        last
    }
}
