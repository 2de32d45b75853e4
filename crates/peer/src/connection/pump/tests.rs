//! What no peer of ours does by itself: the layers below go on, and one of them begins anew.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plywood_datachannel::{ChannelConfig, ChannelId};
use plywood_dtls::{Identity, provider};
use plywood_sctp as sctp;
use plywood_simnet::{seed_for, start};

use crate::{CloseReason, Config, ConnectionState, Event, LocalId, PeerConnection, SdpKind};

/// Two peers on a path that takes 10 ms and loses nothing.
struct Pair {
    now: Instant,
    peers: [PeerConnection; 2],
    addresses: [SocketAddr; 2],
    events: [Vec<Event>; 2],
    flying: Vec<(usize, Vec<u8>)>,
}

impl Pair {
    fn new() -> Self {
        let now = start();
        let files: [(&[u8], &[u8]); 2] = [
            (
                include_bytes!("../../../tests/data/alice.cert.der"),
                include_bytes!("../../../tests/data/alice.key.der"),
            ),
            (
                include_bytes!("../../../tests/data/bob.cert.der"),
                include_bytes!("../../../tests/data/bob.key.der"),
            ),
        ];
        let addresses = ["10.0.0.1:5001".parse().unwrap(), "10.0.0.2:5002".parse().unwrap()];
        let mut seeds = 1_u64..;
        let peers = files.map(|(certificate, key)| {
            let identity = Identity::from_der(&*provider::rustcrypto(), certificate, key).unwrap();
            let config = Config::new(Arc::new(identity), provider::rustcrypto());
            PeerConnection::new(config, seed_for(1, seeds.next().unwrap()), now)
        });
        Self { now, peers, addresses, events: [Vec::new(), Vec::new()], flying: Vec::new() }
    }

    /// Offer and answer, with the candidates in them.
    fn introduce(&mut self) {
        let now = self.now;
        for (peer, address) in self.peers.iter_mut().zip(self.addresses) {
            peer.add_local_host(now, LocalId(0), address).unwrap();
            peer.end_of_local_candidates(now);
        }
        let [alice, bob] = &mut self.peers;
        let offer = alice.create_offer(now).unwrap();
        alice.set_local_description(now, SdpKind::Offer, &offer).unwrap();
        bob.set_remote_description(now, SdpKind::Offer, &alice.local_description().unwrap().sdp).unwrap();
        let answer = bob.create_answer(now).unwrap();
        bob.set_local_description(now, SdpKind::Answer, &answer).unwrap();
        alice.set_remote_description(now, SdpKind::Answer, &bob.local_description().unwrap().sdp).unwrap();
    }

    /// In steps of 10 ms: what left before arrives.
    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            for (index, peer) in self.peers.iter_mut().enumerate() {
                let mut batch = Vec::new();
                while let Some(transmit) = peer.poll_transmit(self.now, 8, &mut batch) {
                    self.flying
                        .extend(batch.chunks(transmit.segment_size).map(|bytes| (1 - index, bytes.to_vec())));
                    batch.clear();
                }
            }
            self.now += Duration::from_millis(10);
            for (to, mut datagram) in std::mem::take(&mut self.flying) {
                // What it discards, it counts.
                let _ = self.peers[to].handle_datagram(
                    self.now,
                    LocalId(0),
                    self.addresses[1 - to],
                    &mut datagram,
                );
            }
            for (peer, events) in self.peers.iter_mut().zip(&mut self.events) {
                peer.handle_timeout(self.now);
                events.extend(std::iter::from_fn(|| peer.poll_event()));
            }
        }
    }

    /// A channel of Alice's on both sides.
    fn connected(&mut self) -> [ChannelId; 2] {
        let config = ChannelConfig { label: "before".to_owned(), ..ChannelConfig::default() };
        self.peers[0].create_data_channel(self.now, config).unwrap();
        self.introduce();
        self.run_for(Duration::from_secs(2));
        let opened =
            |event: &Event| if let Event::ChannelOpened { id, .. } = event { Some(*id) } else { None };
        [0, 1].map(|index: usize| self.events[index].iter().find_map(opened).unwrap())
    }
}

#[test]
fn a_peer_that_lost_its_association_ends_the_connection_and_every_channel_by_name() {
    let mut pair = Pair::new();
    let [ours, _] = pair.connected();
    pair.events = [Vec::new(), Vec::new()];
    // Bob forgets his association, and nothing below it.
    let mut anew = sctp::Association::new(pair.peers[1].config.sctp.clone(), [9; 32], pair.now);
    anew.connect(pair.now);
    pair.peers[1].sctp = Some(anew);
    pair.run_for(Duration::from_secs(1));
    let told = [
        Event::ChannelClosed { id: ours },
        Event::ConnectionStateChanged(ConnectionState::Failed),
        Event::Closed(CloseReason::PeerRestarted),
    ];
    assert_eq!(pair.events[0], told);
    assert_eq!(pair.peers[1].state(), ConnectionState::Closed, "and he is told: {:?}", pair.events[1]);
}
