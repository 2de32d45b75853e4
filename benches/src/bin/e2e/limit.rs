//! The limit: the same bytes through nothing but what cannot be left out.
//!
//! ```text
//!   one thread   seal 1200-byte datagrams in place -> one system call for a batch (GSO)
//!   the other    one system call for batches (GRO) -> open in place, count
//! ```
//! Nobody acknowledges, orders or repeats: what the kernel drops because the receiver is slower is not counted.

use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::{Outcome, Work, pin_to_core};

const DATAGRAM: usize = 1200;
const TAG: usize = 16;
const HEADER: usize = 5;
/// What DTLS 1.3 (header, type, tag), SCTP and I-DATA leave of a datagram for the application.
const APPLICATION: usize = DATAGRAM - (HEADER + 1 + TAG) - 12 - 20;

fn key() -> Result<LessSafeKey> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16]).map_err(|_| anyhow!("no key"))?))
}

/// Moves about `work.bytes` of what would be application data.
pub(crate) fn run(work: Work) -> Result<Outcome> {
    let receiver = UdpSocket::bind("127.0.0.1:0")?;
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    crate::widen(&receiver)?;
    crate::widen(&sender)?;
    let destination = receiver.local_addr()?;
    let done = Arc::new(AtomicBool::new(false));
    let said = Arc::clone(&done);
    let thread = std::thread::spawn(move || {
        pin_to_core(1);
        let outcome = receive(&receiver, work);
        said.store(true, Ordering::Relaxed);
        outcome
    });
    pin_to_core(0);
    sender.set_nonblocking(false)?;
    let state = UdpSocketState::new(UdpSockRef::from(&sender))?;
    let segments = state.max_gso_segments().min(65_000 / DATAGRAM);
    let key = key()?;
    let source = vec![0x42; DATAGRAM];
    let mut batch = vec![0; segments * DATAGRAM];
    while !done.load(Ordering::Relaxed) {
        for datagram in batch.chunks_mut(DATAGRAM) {
            let plaintext = HEADER..DATAGRAM - TAG;
            datagram[plaintext.clone()].copy_from_slice(&source[plaintext.clone()]);
            let nonce = Nonce::assume_unique_for_key([0; 12]);
            let tag = key
                .seal_in_place_separate_tag(nonce, Aad::empty(), &mut datagram[plaintext])
                .map_err(|_| anyhow!("cannot seal"))?;
            datagram[DATAGRAM - TAG..].copy_from_slice(tag.as_ref());
        }
        let transmit = Transmit {
            destination,
            ecn: None,
            contents: &batch,
            segment_size: (segments > 1).then_some(DATAGRAM),
            src_ip: None,
        };
        // A full buffer is loss, as on any network.
        let _ = state.try_send(UdpSockRef::from(&sender), &transmit);
    }
    thread.join().map_err(|_| anyhow!("the receiving thread panicked"))?
}

fn receive(socket: &UdpSocket, work: Work) -> Result<Outcome> {
    let state = UdpSocketState::new(UdpSockRef::from(socket))?;
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let key = key()?;
    let mut buffer = vec![0; 4 << 16];
    let mut message = vec![0; DATAGRAM];
    let (mut bytes, mut began) = (0, None);
    while bytes < work.bytes {
        let mut metas = [RecvMeta::default(); 4];
        let mut slots = buffer.chunks_mut(1 << 16);
        let mut slices: [IoSliceMut<'_>; 4] =
            std::array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
        let count = state.recv(UdpSockRef::from(socket), &mut slices, &mut metas)?;
        began.get_or_insert_with(Instant::now);
        for (slot, meta) in buffer.chunks_mut(1 << 16).zip(&metas).take(count) {
            for datagram in slot[..meta.len].chunks_mut(meta.stride.max(1)) {
                let nonce = Nonce::assume_unique_for_key([0; 12]);
                let opened = key
                    .open_in_place(nonce, Aad::empty(), &mut datagram[HEADER..])
                    .map_err(|_| anyhow!("cannot open"))?;
                message[..opened.len()].copy_from_slice(opened);
                bytes += APPLICATION;
            }
        }
    }
    Ok(Outcome { bytes, elapsed: began.map_or(Duration::MAX, |began| began.elapsed()) })
}
