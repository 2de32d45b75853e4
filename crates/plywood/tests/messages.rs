//! Messages: every size, both kinds, order, backpressure.
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use plywood::{Config, DataChannelInit, Message, PeerConnection, SendError, TrySendError};
use support::{connected, introduce, next_channel, pattern, soon, strangers};

#[tokio::test]
async fn messages_of_all_sizes_come_back_unchanged() {
    let (_alice, _bob, ours, theirs) = connected(DataChannelInit::default()).await;
    tokio::spawn(async move {
        while let Some(message) = theirs.recv().await {
            theirs.send(message).await.unwrap();
        }
    });
    for size in [0, 1, 2, 1100, 1199, 1200, 16_384, 65_535, 65_536, 262_144] {
        let binary = Message::from(pattern(size));
        let text = Message::from("\u{10FFFF}\u{0}\u{feff}x".repeat(size / 9));
        for message in [binary, text] {
            soon("send", ours.send(message.clone())).await.unwrap();
            let echoed = soon("echo", ours.recv()).await.unwrap();
            assert!(echoed == message, "{size} bytes came back as {}", echoed.len());
        }
    }
}

#[tokio::test]
async fn what_the_peer_does_not_take_is_refused_at_the_call() {
    let (_alice, _bob, ours, _theirs) = connected(DataChannelInit::default()).await;
    let error = ours.send(vec![0; 262_145]).await.unwrap_err();
    assert_eq!(error, SendError::TooLarge { len: 262_145, limit: 262_144 });
    let error = ours.try_send(vec![0; 262_145]).unwrap_err();
    assert!(matches!(error, TrySendError::Never(SendError::TooLarge { .. })));
}

#[tokio::test]
async fn a_sender_waits_for_a_receiver_that_does_not_read() {
    let (_alice, _bob, ours, theirs) = connected(DataChannelInit::default()).await;
    let message = Bytes::from(pattern(65_536));
    let mut sent = 0_usize;
    // Nobody reads: sooner or later nothing more is taken.
    while tokio::time::timeout(Duration::from_millis(500), ours.send(message.clone())).await.is_ok() {
        sent += 1;
        assert!(sent * message.len() < 256 << 20, "sending is not held up");
    }
    assert!(ours.buffered_amount() > 0);
    assert!(matches!(ours.try_send(message.clone()), Err(TrySendError::NotNow(_))));
    // Reading lets it go on, and nothing was lost.
    for _ in 0..sent {
        assert_eq!(soon("recv", theirs.recv()).await.unwrap().as_bytes(), message);
    }
    soon("send again", ours.send(message.clone())).await.unwrap();
    assert_eq!(soon("recv", theirs.recv()).await.unwrap().len(), message.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_mebibytes_arrive_in_order() {
    let (_alice, _bob, ours, theirs) = connected(DataChannelInit::default()).await;
    let sending = tokio::spawn(async move {
        for i in 0..512_u32 {
            let mut message = pattern(32_768);
            message[..4].copy_from_slice(&i.to_be_bytes());
            ours.send(message).await.unwrap();
        }
        ours
    });
    for i in 0..512_u32 {
        let message = soon("recv", theirs.recv()).await.unwrap();
        assert_eq!(message.len(), 32_768);
        assert_eq!(message.as_bytes()[..4], i.to_be_bytes());
    }
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn buffered_amount_falls_to_its_mark() {
    let (_alice, _bob, ours, theirs) = connected(DataChannelInit::default()).await;
    ours.set_buffered_amount_low_threshold(1000);
    for _ in 0..16 {
        soon("send", ours.send(pattern(65_536))).await.unwrap();
    }
    let reader = tokio::spawn(async move {
        for _ in 0..16 {
            theirs.recv().await.unwrap();
        }
    });
    soon("low", ours.buffered_amount_low()).await;
    assert!(ours.buffered_amount() <= 1000);
    soon("all", reader).await.unwrap();
}

#[tokio::test]
async fn a_channel_that_nobody_reads_does_not_stop_another_for_good() {
    let (alice, bob) = strangers();
    let busy = alice.create_data_channel("busy", DataChannelInit::default()).await.unwrap();
    let idle = alice.create_data_channel("idle", DataChannelInit::default()).await.unwrap();
    introduce(&alice, &bob).await;
    let (first, second) = (next_channel(&bob).await, next_channel(&bob).await);
    let (at_busy, at_idle) = if first.label() == "busy" { (first, second) } else { (second, first) };
    while tokio::time::timeout(Duration::from_millis(300), busy.send(pattern(65_536))).await.is_ok() {}
    // The window is full of what nobody reads. Dropping that channel discards it, and the other goes on.
    drop(at_busy);
    soon("send", idle.send("still here")).await.unwrap();
    assert_eq!(soon("recv", at_idle.recv()).await, Some(Message::from("still here")));
}

#[tokio::test]
async fn an_application_that_reads_no_events_keeps_its_connection() {
    let (alice, bob) = strangers();
    let init = DataChannelInit { negotiated: true, id: Some(1), ..DataChannelInit::default() };
    let ours = alice.create_data_channel("", init.clone()).await.unwrap();
    let theirs = bob.create_data_channel("", init).await.unwrap();
    introduce(&alice, &bob).await;
    for _ in 0..200 {
        soon("send", ours.send("x")).await.unwrap();
        assert!(soon("recv", theirs.recv()).await.is_some());
    }
}

#[tokio::test]
async fn a_tiny_send_buffer_still_lets_every_message_through() {
    let config = Config { send_buffer_bytes: 1, ..Config::loopback_only() };
    let (alice, bob) = (PeerConnection::new(&config).unwrap(), PeerConnection::new(&config).unwrap());
    let ours = alice.create_data_channel("tiny", DataChannelInit::default()).await.unwrap();
    introduce(&alice, &bob).await;
    let theirs = next_channel(&bob).await;
    for size in [0, 5, 100_000] {
        soon("send", ours.send(pattern(size))).await.unwrap();
        assert_eq!(soon("recv", theirs.recv()).await.unwrap().len(), size);
    }
}
