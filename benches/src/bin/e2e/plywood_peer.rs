//! plywood through its tokio driver, a single-threaded runtime a side.

use std::sync::mpsc;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use plywood::{Config, DataChannelInit, Message, PeerConnection, PeerEvent, SessionDescription};

use crate::{Outcome, Work, pin_to_core};

/// Sends `work.bytes` from one thread to another over loopback.
pub(crate) fn run(work: Work) -> Result<Outcome> {
    let (offer_to, offer_from) = mpsc::channel();
    let (answer_to, answer_from) = mpsc::channel();
    let receiver = std::thread::spawn(move || -> Result<Outcome> {
        pin_to_core(1);
        runtime()?.block_on(async move {
            let peer = PeerConnection::new(&Config::loopback_only())?;
            peer.set_remote_description(SessionDescription::offer(offer_from.recv()?)).await?;
            peer.set_local_description(peer.create_answer().await?).await?;
            answer_to.send(peer.local_description().await?.context("no answer")?.sdp)?;
            receive(&peer, work).await
        })
    });
    pin_to_core(0);
    runtime()?.block_on(async move {
        let peer = PeerConnection::new(&Config::loopback_only())?;
        let channel = peer.create_data_channel("bulk", DataChannelInit::default()).await?;
        peer.set_local_description(peer.create_offer().await?).await?;
        offer_to.send(peer.local_description().await?.context("no offer")?.sdp)?;
        peer.set_remote_description(SessionDescription::answer(answer_from.recv()?)).await?;
        let message = Bytes::from(vec![0x42; work.message_bytes]);
        for _ in 0..work.bytes.div_ceil(work.message_bytes) {
            channel.send(message.clone()).await?;
        }
        channel.recv().await.context("the receiver ended early")?;
        peer.close().await;
        Ok::<_, anyhow::Error>(())
    })?;
    receiver.join().map_err(|_| anyhow!("the receiving thread panicked"))?
}

async fn receive(peer: &PeerConnection, work: Work) -> Result<Outcome> {
    let channel = loop {
        let event = peer.next_event().await.context("closed before the channel came")?;
        if let PeerEvent::DataChannel(channel) = event {
            break channel;
        }
    };
    let mut bytes = channel.recv().await.context("no first message")?.len();
    let began = Instant::now();
    while bytes < work.bytes {
        bytes += channel.recv().await.context("closed before the last message")?.len();
    }
    let elapsed = began.elapsed();
    channel.send(Message::from("done")).await?;
    while peer.next_event().await.is_some() {}
    Ok(Outcome { bytes, elapsed })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
