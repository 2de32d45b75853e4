//! Two peers over loopback UDP, signalling in memory.
#![expect(clippy::panic, reason = "a test that hangs has to end")]
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::future::Future;
use std::time::Duration;

use plywood::{Config, DataChannel, DataChannelInit, PeerConnection, PeerEvent};

/// Everything here takes milliseconds; a test that takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// `future`, or a failure instead of a hang.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("nothing after {PATIENCE:?}: {what}"),
    }
}

/// Two peers that know each other's descriptions, candidates included.
pub(crate) async fn introduce(alice: &PeerConnection, bob: &PeerConnection) {
    alice.set_local_description(alice.create_offer().await.unwrap()).await.unwrap();
    bob.set_remote_description(alice.local_description().await.unwrap().unwrap()).await.unwrap();
    bob.set_local_description(bob.create_answer().await.unwrap()).await.unwrap();
    alice.set_remote_description(bob.local_description().await.unwrap().unwrap()).await.unwrap();
}

/// Two connections on loopback, not introduced yet.
pub(crate) fn strangers() -> (PeerConnection, PeerConnection) {
    let config = Config::loopback_only();
    (PeerConnection::new(&config).unwrap(), PeerConnection::new(&config).unwrap())
}

/// The next channel that the peer opened.
pub(crate) async fn next_channel(connection: &PeerConnection) -> DataChannel {
    soon("a channel of the peer", async {
        loop {
            if let PeerEvent::DataChannel(channel) = connection.next_event().await.unwrap() {
                return channel;
            }
        }
    })
    .await
}

/// Two connected peers, and both ends of one channel.
pub(crate) async fn connected(
    init: DataChannelInit,
) -> (PeerConnection, PeerConnection, DataChannel, DataChannel) {
    let (alice, bob) = strangers();
    let ours = alice.create_data_channel("test", init).await.unwrap();
    introduce(&alice, &bob).await;
    let theirs = next_channel(&bob).await;
    soon("our channel opens", ours.opened()).await.unwrap();
    (alice, bob, ours, theirs)
}

/// Bytes that differ from place to place and from size to size.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(31) ^ (i >> 8) ^ len).to_le_bytes()[0]).collect()
}
