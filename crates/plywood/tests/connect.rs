//! Setting up: both roles, both ways of signalling, refusals.
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use plywood::{
    Config, ConnectionState, DataChannelInit, Error, IceCandidateInit, Message, NewError, PeerConnection,
    PeerEvent, ReadyState, SessionDescription, StageName,
};
use support::{connected, introduce, next_channel, soon, strangers};

#[tokio::test]
async fn two_peers_connect_and_the_stages_come_in_their_order() {
    use StageName::{ChannelOpen, DtlsDone, Gathered, PairSelected, SctpUp};
    let (alice, bob, _ours, _theirs) = connected(DataChannelInit::default()).await;
    soon("alice", alice.connected()).await.unwrap();
    soon("bob", bob.connected()).await.unwrap();
    let mut stages = Vec::new();
    while stages.last() != Some(&ChannelOpen) {
        if let PeerEvent::Stage(stage) = soon("stages", alice.next_event()).await.unwrap() {
            stages.push(stage.name);
        }
    }
    assert_eq!(stages, [Gathered, PairSelected, DtlsDone, SctpUp, ChannelOpen]);
}

#[tokio::test]
async fn candidates_that_trickle_before_and_after_the_answer_connect() {
    let (alice, bob) = strangers();
    let _channel = alice.create_data_channel("t", DataChannelInit::default()).await.unwrap();
    let offer = alice.create_offer().await.unwrap();
    assert!(!offer.sdp.contains("a=candidate"), "candidates trickle");
    alice.set_local_description(offer.clone()).await.unwrap();
    // Candidates of alice reach bob before her offer does.
    loop {
        match soon("candidates", alice.next_event()).await.unwrap() {
            PeerEvent::IceCandidate(Some(candidate)) => bob.add_ice_candidate(candidate).await.unwrap(),
            PeerEvent::IceCandidate(None) => break,
            _ => {}
        }
    }
    bob.set_remote_description(offer).await.unwrap();
    let answer = bob.create_answer().await.unwrap();
    bob.set_local_description(answer.clone()).await.unwrap();
    alice.set_remote_description(answer).await.unwrap();
    loop {
        match soon("candidates", bob.next_event()).await.unwrap() {
            PeerEvent::IceCandidate(Some(candidate)) => alice.add_ice_candidate(candidate).await.unwrap(),
            PeerEvent::IceCandidate(None) => break,
            _ => {}
        }
    }
    soon("connected", alice.connected()).await.unwrap();
}

#[tokio::test]
async fn both_sides_open_channels_before_they_are_introduced() {
    let (alice, bob) = strangers();
    let of_alice = alice.create_data_channel("from alice", DataChannelInit::default()).await.unwrap();
    let of_bob = bob.create_data_channel("from bob", DataChannelInit::default()).await.unwrap();
    introduce(&alice, &bob).await;
    let (at_alice, at_bob) = (next_channel(&alice).await, next_channel(&bob).await);
    assert_eq!((at_alice.label(), at_bob.label()), ("from bob", "from alice"));
    assert!(at_alice.is_remote() && !of_alice.is_remote());
    soon("send", of_bob.send("one")).await.unwrap();
    soon("send", of_alice.send("two")).await.unwrap();
    assert_eq!(soon("recv", at_alice.recv()).await, Some(Message::from("one")));
    assert_eq!(soon("recv", at_bob.recv()).await, Some(Message::from("two")));
    // The offerer was the DTLS server, so its streams are odd (RFC 8832 §6).
    assert_eq!(of_alice.stream_id().unwrap() % 2, 1);
    assert_eq!(of_bob.stream_id().unwrap() % 2, 0);
    assert_eq!(at_bob.stream_id(), of_alice.stream_id());
}

#[tokio::test]
async fn channel_properties_are_seen_by_the_other_side() {
    let init = DataChannelInit {
        ordered: false,
        max_retransmits: Some(3),
        protocol: "p\u{e9}".to_owned(),
        ..DataChannelInit::default()
    };
    let (_alice, _bob, _ours, theirs) = connected(init).await;
    assert!(!theirs.ordered());
    assert_eq!((theirs.max_retransmits(), theirs.max_packet_life_time()), (Some(3), None));
    assert_eq!((theirs.label(), theirs.protocol()), ("test", "p\u{e9}"));
    assert!(!theirs.negotiated());
}

#[tokio::test]
async fn negotiated_channels_open_on_both_sides_without_an_announcement() {
    let (alice, bob) = strangers();
    let init = DataChannelInit { negotiated: true, id: Some(200), ..DataChannelInit::default() };
    let at_alice = alice.create_data_channel("n", init.clone()).await.unwrap();
    let at_bob = bob.create_data_channel("n", init).await.unwrap();
    introduce(&alice, &bob).await;
    soon("send", at_alice.send("hi")).await.unwrap();
    assert_eq!(soon("recv", at_bob.recv()).await, Some(Message::from("hi")));
    assert_eq!((at_alice.stream_id(), at_alice.negotiated()), (Some(200), true));
}

#[tokio::test]
async fn a_wrong_fingerprint_fails_with_a_reason_and_opens_nothing() {
    let (alice, bob) = strangers();
    let ours = alice.create_data_channel("t", DataChannelInit::default()).await.unwrap();
    alice.set_local_description(alice.create_offer().await.unwrap()).await.unwrap();
    let offer = alice.local_description().await.unwrap().unwrap();
    bob.set_remote_description(offer).await.unwrap();
    bob.set_local_description(bob.create_answer().await.unwrap()).await.unwrap();
    let answer = bob.local_description().await.unwrap().unwrap().sdp;
    let forged: String = answer
        .split_inclusive("\r\n")
        .map(|line| match line.strip_prefix("a=fingerprint:sha-256 ") {
            Some(_) => format!("a=fingerprint:sha-256 {}\r\n", ["AB"; 32].join(":")),
            None => line.to_owned(),
        })
        .collect();
    alice.set_remote_description(SessionDescription::answer(forged)).await.unwrap();
    let error = soon("a failure", alice.connected()).await.unwrap_err();
    assert!(matches!(error, Error::Failed(Some(_))), "{error}");
    assert_eq!(alice.connection_state(), ConnectionState::Failed);
    assert!(alice.close_reason().is_some());
    assert!(soon("the channel's end", ours.opened()).await.is_err());
    assert_eq!(ours.ready_state(), ReadyState::Closed);
}

#[tokio::test]
async fn refusals_are_typed_and_change_nothing() {
    let (alice, _bob) = strangers();
    assert!(matches!(alice.create_answer().await, Err(Error::Negotiation(_))));
    let bad = SessionDescription::offer("v=0\r\nnonsense");
    assert!(matches!(alice.set_remote_description(bad).await, Err(Error::Negotiation(_))));
    assert!(matches!(alice.add_ice_candidate("candidate:what").await, Err(Error::Candidate(_))));
    let two =
        DataChannelInit { max_retransmits: Some(1), max_packet_life_time: Some(1), ..Default::default() };
    assert!(matches!(alice.create_data_channel("x", two).await, Err(Error::TwoReliabilities)));
    let idless = DataChannelInit { negotiated: true, ..Default::default() };
    assert!(matches!(alice.create_data_channel("x", idless).await, Err(Error::NegotiatedWithoutId)));
    let offer = alice.create_offer().await.unwrap();
    let altered = SessionDescription::offer(offer.sdp.replace("trickle", "trickled"));
    assert!(matches!(alice.set_local_description(altered).await, Err(Error::Negotiation(_))));
    alice.set_local_description(offer).await.unwrap();
}

#[tokio::test]
async fn candidates_that_cannot_be_used_are_skipped_without_an_error() {
    let (alice, bob) = strangers();
    let _channel = alice.create_data_channel("t", DataChannelInit::default()).await.unwrap();
    introduce(&alice, &bob).await;
    for candidate in [
        "candidate:2 1 TCP 2105458943 127.0.0.1 9 typ host tcptype active",
        "candidate:3 1 udp 1 127.0.0.1 5000 typ strange generation 0 ufrag zzzz network-cost 999",
        "candidate:4 1 udp 1 238dad7e-f7ee-4f8f-9c88-d4d2edd29b5d.local 5000 typ host",
    ] {
        alice.add_ice_candidate(IceCandidateInit::from(candidate)).await.unwrap();
    }
    soon("connected", alice.connected()).await.unwrap();
}

#[tokio::test]
async fn a_busy_port_is_said_with_its_address() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = Config { bind: vec![address], ..Config::loopback_only() };
    let error = PeerConnection::new(&config).unwrap_err();
    assert!(matches!(error, NewError::Bind { address: busy, .. } if busy == address));
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn outside_a_runtime_it_says_so() {
    assert!(matches!(PeerConnection::new(&Config::loopback_only()), Err(NewError::NoRuntime)));
}

#[tokio::test]
async fn an_ice_restart_keeps_the_connection_and_its_channels() {
    let (alice, bob, ours, theirs) = connected(DataChannelInit::default()).await;
    let before = alice.local_description().await.unwrap().unwrap().sdp;
    alice.restart_ice();
    introduce(&alice, &bob).await;
    let after = alice.local_description().await.unwrap().unwrap().sdp;
    let ufrag = |sdp: &str| sdp.lines().find(|line| line.starts_with("a=ice-ufrag:")).unwrap().to_owned();
    assert_ne!(ufrag(&before), ufrag(&after));
    for i in 0..20 {
        soon("send", ours.send(format!("{i}"))).await.unwrap();
        assert_eq!(soon("recv", theirs.recv()).await, Some(Message::from(format!("{i}"))));
    }
    soon("connected", alice.connected()).await.unwrap();
}

#[tokio::test]
async fn statistics_name_the_path_and_what_dtls_negotiated() {
    let (alice, bob, _ours, _theirs) = connected(DataChannelInit::default()).await;
    soon("bob", bob.connected()).await.unwrap();
    let stats = alice.stats().await.unwrap();
    assert!(stats.local.unwrap().address.ip().is_loopback());
    assert!(stats.remote.unwrap().address.ip().is_loopback());
    assert!(stats.dtls.is_some());
    assert_eq!(stats.interleaving, Some(true));
    assert!(stats.peer.datagrams_sent > 0 && stats.peer.datagrams_received > 0);
    assert_eq!(stats.channels, 1);
}
