//! Ends: of channels, of connections, of handles; and that nothing is left behind.
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use std::net::UdpSocket;
use std::time::Duration;

use plywood::{ConnectionState, DataChannelInit, Error, Message, PeerEvent, ReadyState, SendError};
use support::{connected, introduce, next_channel, soon, strangers};

/// Where a connection listens.
async fn address(connection: &plywood::PeerConnection) -> std::net::SocketAddr {
    connection.stats().await.unwrap().local.unwrap().address
}

/// Waits until the port can be bound again: then the connection's socket is gone.
async fn is_free(address: std::net::SocketAddr) {
    soon("the port is free again", async {
        while UdpSocket::bind(address).is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn close_returns_when_the_sockets_are_closed() {
    let (alice, bob, ours, theirs) = connected(DataChannelInit::default()).await;
    let port = address(&alice).await;
    alice.close().await;
    UdpSocket::bind(port).unwrap();
    assert_eq!(ours.ready_state(), ReadyState::Closed);
    assert_eq!(ours.send("x").await, Err(SendError::Closed));
    assert!(matches!(alice.create_offer().await, Err(Error::Closed)));
    assert!(matches!(alice.stats().await, Err(Error::Closed)));
    alice.close().await; // again: harmless
    // The peer learns it from the network, in milliseconds.
    soon("the channel closes there", theirs.closed()).await;
    assert_eq!(soon("recv", theirs.recv()).await, None);
    soon("the connection ends there", async { while bob.next_event().await.is_some() {} }).await;
    assert_eq!(bob.connection_state(), ConnectionState::Closed);
}

#[tokio::test]
async fn dropping_every_handle_closes_and_frees_the_socket() {
    let (alice, bob, ours, theirs) = connected(DataChannelInit::default()).await;
    let port = address(&alice).await;
    drop(alice);
    // A channel keeps its connection.
    soon("send", ours.send("still")).await.unwrap();
    assert_eq!(soon("recv", theirs.recv()).await, Some(Message::from("still")));
    drop(ours);
    is_free(port).await;
    soon("the channel closes there", theirs.closed()).await;
    drop((bob, theirs));
}

#[tokio::test]
async fn tasks_end_with_their_connections() {
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    for _ in 0..5 {
        let (alice, bob, _ours, _theirs) = connected(DataChannelInit::default()).await;
        alice.close().await;
        drop(bob);
    }
    soon("tasks end", async {
        while tokio::runtime::Handle::current().metrics().num_alive_tasks() > before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_never_got_an_answer_closes() {
    let (alice, _bob) = strangers();
    let channel = alice.create_data_channel("t", DataChannelInit::default()).await.unwrap();
    alice.set_local_description(alice.create_offer().await.unwrap()).await.unwrap();
    soon("close", alice.close()).await;
    assert!(soon("opened", channel.opened()).await.is_err());
}

#[tokio::test]
async fn what_was_handed_over_before_close_still_arrives() {
    let (_alice, _bob, ours, theirs) = connected(DataChannelInit::default()).await;
    for i in 0..50_u8 {
        soon("send", ours.send(vec![i; 20_000])).await.unwrap();
    }
    ours.close();
    assert_eq!(ours.send("late").await, Err(SendError::Closed));
    for i in 0..50_u8 {
        assert_eq!(soon("recv", theirs.recv()).await.unwrap().as_bytes()[0], i);
    }
    assert_eq!(soon("recv", theirs.recv()).await, None);
    soon("closed", ours.closed()).await;
    soon("closed", theirs.closed()).await;
}

#[tokio::test]
async fn either_side_closes_a_channel_and_its_stream_is_used_again() {
    let (alice, bob, ours, theirs) = connected(DataChannelInit::default()).await;
    let stream = ours.stream_id().unwrap();
    theirs.close();
    soon("closed", ours.closed()).await;
    soon("closed", theirs.closed()).await;
    let next = alice.create_data_channel("next", DataChannelInit::default()).await.unwrap();
    soon("opened", next.opened()).await.unwrap();
    assert_eq!(next.stream_id(), Some(stream));
    let there = next_channel(&bob).await;
    soon("send", next.send("on the same stream")).await.unwrap();
    assert_eq!(soon("recv", there.recv()).await, Some(Message::from("on the same stream")));
}

#[tokio::test]
async fn dropping_a_channel_closes_it_on_the_other_side() {
    let (_alice, _bob, ours, theirs) = connected(DataChannelInit::default()).await;
    drop(ours);
    soon("closed", theirs.closed()).await;
}

#[tokio::test]
async fn a_channel_event_that_is_dropped_closes_the_channel() {
    let (alice, bob) = strangers();
    let ours = alice.create_data_channel("unwanted", DataChannelInit::default()).await.unwrap();
    introduce(&alice, &bob).await;
    drop(next_channel(&bob).await);
    soon("closed", ours.closed()).await;
}

#[tokio::test]
async fn the_end_is_told_once_and_last() {
    let (alice, bob, _ours, _theirs) = connected(DataChannelInit::default()).await;
    alice.close().await;
    let mut ends = 0;
    let mut last = None;
    while let Some(event) = soon("events", bob.next_event()).await {
        ends += usize::from(matches!(event, PeerEvent::Closed(_)));
        last = Some(event);
    }
    assert_eq!(ends, 1);
    assert!(matches!(last, Some(PeerEvent::Closed(_))), "{last:?}");
}
