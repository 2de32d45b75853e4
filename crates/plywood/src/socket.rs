//! One UDP socket per local address, read and written in batches.
//!
//! Problem: a system call for every 1200 bytes costs more than all the cryptography in them.
//! How: `quinn-udp` lets the kernel cut one large write into datagrams (GSO) and glue arriving ones together
//! (GRO). The default socket buffers (208 KiB on Linux) overflow under such bursts and the loss looks like a slow stack,
//! so they are raised, read back (the kernel caps them without a word), and the cap is said once.
//!
//! ```text
//!   send:  |segment|segment|segment|last|  -- one sendmsg -->  4 datagrams
//!   recv:  4 datagrams  -- one slot of one recvmmsg -->  |stride|stride|stride|last|
//! ```

use std::cell::Cell;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Once;
use std::task::{Context, Poll};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::peer::LocalId;

/// Buffers asked of the kernel, in bytes: some 60 ms at 1 Gbit/s, and dozens of whole batches.
const SOCKET_BUFFER_BYTES: usize = 8 << 20;
/// What a GRO batch can hold at most.
const SLOT_BYTES: usize = 64 << 10;
/// Batches taken by one system call.
const SLOTS: usize = 4;
/// Errors in a row after which a socket counts as lost (its interface went): more would only spin.
const MAX_ERRORS: u32 = 16;

/// The kernel's cap on socket buffers is said once a process.
static CAPPED: Once = Once::new();

thread_local! {
    // One receive and one send buffer a runtime thread, not a connection: an idle connection holds neither.
    // They are taken out while in use, never across an await.
    static RECEIVE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static SEND: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends this thread's send buffer, empty.
pub(crate) fn with_send_buffer<T>(body: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut buffer = SEND.take();
    buffer.clear();
    let result = body(&mut buffer);
    SEND.set(buffer);
    result
}

/// A socket that a connection owns alone.
#[derive(Debug)]
pub(crate) struct LocalSocket {
    pub(crate) id: LocalId,
    pub(crate) address: SocketAddr,
    io: UdpSocket,
    state: UdpSocketState,
    errors: u32,
}

impl LocalSocket {
    /// Binds `address` (port 0: any free one).
    ///
    /// # Errors
    /// The operating system's: the address is not ours, or the port is busy.
    pub(crate) fn bind(id: LocalId, address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        raise_buffers(&SockRef::from(&socket));
        socket.bind(&address.into())?;
        let io = UdpSocket::from_std(socket.into())?;
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        let address = io.local_addr()?;
        Ok(Self { id, address, io, state, errors: 0 })
    }

    /// Datagrams that one system call may send; falls to 1 when the kernel turns out not to cut them.
    pub(crate) fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Whether the socket has failed for good.
    pub(crate) fn is_lost(&self) -> bool {
        self.errors >= MAX_ERRORS
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_lost() {
            return Poll::Pending;
        }
        self.io.poll_recv_ready(cx).map(|_| ())
    }

    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.io.poll_send_ready(cx).map(|_| ())
    }

    /// Waits until the kernel takes more.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.io.writable().await
    }

    /// One read: hands each datagram that it got to `handle`, in place. Returns whether there was any.
    pub(crate) fn receive(&mut self, mut handle: impl FnMut(SocketAddr, &mut [u8])) -> bool {
        if self.is_lost() {
            return false;
        }
        let mut buffer = RECEIVE.take();
        buffer.resize(SLOT_BYTES * SLOTS, 0);
        let received = self.receive_into(&mut buffer, &mut handle);
        RECEIVE.set(buffer);
        match received {
            Ok(()) => self.errors = 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(error) => {
                self.errors += 1;
                if self.is_lost() {
                    tracing::warn!(address = %self.address, %error, "socket lost");
                }
            }
        }
        true
    }

    fn receive_into(
        &self,
        buffer: &mut [u8],
        handle: &mut impl FnMut(SocketAddr, &mut [u8]),
    ) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); SLOTS];
        let count = {
            let mut slots = buffer.chunks_mut(SLOT_BYTES);
            let mut slices: [IoSliceMut<'_>; SLOTS] =
                std::array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
            self.io.try_io(Interest::READABLE, || {
                self.state.recv(UdpSockRef::from(&self.io), &mut slices, &mut metas)
            })?
        };
        for (slot, meta) in buffer.chunks_mut(SLOT_BYTES).zip(&metas).take(count) {
            let stride = if meta.stride == 0 { meta.len.max(1) } else { meta.stride };
            let Some(filled) = slot.get_mut(..meta.len) else { continue };
            for datagram in filled.chunks_mut(stride) {
                handle(meta.addr, datagram);
            }
        }
        Ok(())
    }

    /// Hands `batch`, datagrams of `segment_size` and a last one that may be shorter, to the kernel.
    pub(crate) fn send(&self, destination: SocketAddr, batch: &[u8], segment_size: usize) -> io::Result<()> {
        let transmit = quinn_udp::Transmit {
            destination,
            ecn: None,
            contents: batch,
            segment_size: (segment_size < batch.len()).then_some(segment_size),
            src_ip: None,
        };
        self.io.try_io(Interest::WRITABLE, || self.state.try_send(UdpSockRef::from(&self.io), &transmit))
    }
}

fn raise_buffers(socket: &SockRef<'_>) {
    // Refusals are as good as caps: what counts is what is read back.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    let receive = socket.recv_buffer_size().unwrap_or(0);
    let send = socket.send_buffer_size().unwrap_or(0);
    if receive < SOCKET_BUFFER_BYTES || send < SOCKET_BUFFER_BYTES {
        CAPPED.call_once(|| {
            tracing::warn!(
                wanted_bytes = SOCKET_BUFFER_BYTES,
                receive_bytes = receive,
                send_bytes = send,
                "the kernel caps UDP socket buffers: raise net.core.rmem_max and net.core.wmem_max for full speed"
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback(id: u16) -> LocalSocket {
        LocalSocket::bind(LocalId(id), "127.0.0.1:0".parse().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_batch_arrives_as_the_datagrams_it_was_made_of() {
        let (sender, mut receiver) = (loopback(0), loopback(1));
        let batch: Vec<u8> = (0..3500_u32).map(|i| (i % 251) as u8).collect();
        let segments = sender.max_segments();
        if segments > 1 {
            sender.io.writable().await.unwrap();
            sender.send(receiver.address, &batch, 1000).unwrap();
        } else {
            for datagram in batch.chunks(1000) {
                sender.io.writable().await.unwrap();
                sender.send(receiver.address, datagram, 1000).unwrap();
            }
        }
        let mut got: Vec<Vec<u8>> = Vec::new();
        while got.len() < 4 {
            receiver.io.readable().await.unwrap();
            receiver.receive(|from, datagram| {
                assert_eq!(from, sender.address);
                got.push(datagram.to_vec());
            });
        }
        assert_eq!(got.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 1000, 1000, 500]);
        assert_eq!(got.concat(), batch);
    }

    #[tokio::test]
    async fn reading_an_empty_socket_says_so() {
        assert!(!loopback(0).receive(|_, _| {}));
    }

    #[tokio::test]
    async fn a_busy_port_is_refused() {
        let first = loopback(0);
        let error = LocalSocket::bind(LocalId(1), first.address).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
