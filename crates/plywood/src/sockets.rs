//! All sockets of one connection, and the batch that the kernel would not take yet.

use std::net::SocketAddr;
use std::task::{Context, Poll};

use crate::error::NewError;
use crate::peer::{LocalId, Transmit};
use crate::socket::LocalSocket;
use crate::stats::SocketStats;

/// Addresses that one connection binds at most: each is a socket and a row of candidate pairs.
pub(crate) const MAX_SOCKETS: usize = 32;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The kernel has it (or refused it for good, which is a loss like any other).
    Done,
    /// The kernel's buffer is full: the rest is kept and goes first.
    Blocked,
}

/// The rest of a batch that waits for the kernel.
#[derive(Debug)]
struct Blocked {
    socket: usize,
    destination: SocketAddr,
    segment_size: usize,
    rest: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Sockets {
    list: Vec<LocalSocket>,
    blocked: Option<Blocked>,
    pub(crate) stats: SocketStats,
}

impl Sockets {
    /// Binds one socket for each address; `LocalId` is the position.
    ///
    /// # Errors
    /// [`NewError::NoAddress`], [`NewError::Bind`]
    pub(crate) fn bind(addresses: &[SocketAddr]) -> Result<Self, NewError> {
        if addresses.is_empty() {
            return Err(NewError::NoAddress);
        }
        let list = (0_u16..)
            .zip(addresses.iter().take(MAX_SOCKETS))
            .map(|(id, &address)| {
                LocalSocket::bind(LocalId(id), address).map_err(|source| NewError::Bind { address, source })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { list, blocked: None, stats: SocketStats::default() })
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = (LocalId, SocketAddr)> {
        self.list.iter().map(|socket| (socket.id, socket.address))
    }

    /// Datagrams that any of the sockets can send in one call.
    pub(crate) fn max_segments(&self) -> usize {
        self.list.iter().map(LocalSocket::max_segments).min().unwrap_or(1).max(1)
    }

    /// Ready when some socket may have datagrams, or when the batch that waits may go on.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ready = Poll::Pending;
        for socket in &self.list {
            if socket.poll_readable(cx).is_ready() {
                ready = Poll::Ready(());
            }
        }
        if let Some(socket) = self.blocked.as_ref().and_then(|blocked| self.list.get(blocked.socket))
            && socket.poll_writable(cx).is_ready()
        {
            ready = Poll::Ready(());
        }
        ready
    }

    /// One read of each socket.
    pub(crate) fn receive(&mut self, mut handle: impl FnMut(LocalId, SocketAddr, &mut [u8])) {
        for socket in &mut self.list {
            let id = socket.id;
            if socket.receive(|remote, datagram| handle(id, remote, datagram)) {
                self.stats.reads += 1;
            }
        }
    }

    /// Sends `batch`. Must not be called while a batch waits: see [`flush`](Self::flush).
    pub(crate) fn send(&mut self, transmit: Transmit, batch: &[u8]) -> Sent {
        let socket = usize::from(transmit.source.0);
        let taken = self.send_some(socket, transmit.destination, transmit.segment_size, batch);
        if taken == batch.len() {
            return Sent::Done;
        }
        self.stats.send_blocked += 1;
        self.blocked = Some(Blocked {
            socket,
            destination: transmit.destination,
            segment_size: transmit.segment_size,
            rest: batch[taken..].to_vec(),
        });
        Sent::Blocked
    }

    /// Tries the batch that waits again.
    pub(crate) fn flush(&mut self) -> Sent {
        let Some(mut blocked) = self.blocked.take() else { return Sent::Done };
        let taken = self.send_some(blocked.socket, blocked.destination, blocked.segment_size, &blocked.rest);
        if taken == blocked.rest.len() {
            return Sent::Done;
        }
        blocked.rest.drain(..taken);
        self.blocked = Some(blocked);
        Sent::Blocked
    }

    /// Waits until the batch that waits may go on; returns at once if there is none.
    pub(crate) async fn writable(&self) {
        if let Some(socket) = self.blocked.as_ref().and_then(|blocked| self.list.get(blocked.socket)) {
            // A socket that failed is writable in the sense that sending fails at once.
            let _ = socket.writable().await;
        }
    }

    /// Returns how many bytes are dealt with; fewer than all: the kernel's buffer is full.
    fn send_some(
        &mut self,
        socket: usize,
        destination: SocketAddr,
        segment_size: usize,
        batch: &[u8],
    ) -> usize {
        let Some(socket) = self.list.get(socket) else { return batch.len() };
        let mut at = 0;
        while at < batch.len() {
            // After a failure of segmentation offload the kernel gets one datagram at a time.
            let step = segment_size.max(1).saturating_mul(socket.max_segments());
            let end = batch.len().min(at + step);
            match socket.send(destination, &batch[at..end], segment_size) {
                Ok(()) => self.stats.batches_sent += 1,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return at,
                Err(error) => {
                    self.stats.send_errors += 1;
                    tracing::debug!(%destination, %error, "datagrams lost in the kernel");
                    if socket.max_segments() == 1 && end - at > segment_size {
                        continue; // that was how the kernel says that it cannot cut: once more, in pieces
                    }
                }
            }
            at = end;
        }
        at
    }
}
