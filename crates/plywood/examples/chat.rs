//! Two peers in one process say hello; every event of the offering one is printed.
//!
//! Notice: the description comes first and its candidates follow; DTLS takes most of the packets; the message travels
//! right behind the announcement of its channel.
#![expect(clippy::print_stdout, reason = "an example prints")]

use plywood::{Config, DataChannelInit, PeerConnection, PeerEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::loopback_only();
    let (alice, bob) = (PeerConnection::new(&config)?, PeerConnection::new(&config)?);
    let chat = alice.create_data_channel("chat", DataChannelInit::default()).await?;

    let offer = alice.create_offer().await?;
    println!("alice's offer:\n{}", offer.sdp);
    alice.set_local_description(offer.clone()).await?;
    bob.set_remote_description(offer).await?;
    let answer = bob.create_answer().await?;
    println!("bob's answer:\n{}", answer.sdp);
    bob.set_local_description(answer.clone()).await?;
    alice.set_remote_description(answer).await?;
    chat.try_send("too early").expect_err("the channel is not open yet");

    let echo = async {
        loop {
            match bob.next_event().await {
                Some(PeerEvent::IceCandidate(candidate)) => {
                    alice.add_ice_candidate(candidate.unwrap_or_default()).await?;
                }
                Some(PeerEvent::DataChannel(channel)) => {
                    let message = channel.recv().await.ok_or("no message")?;
                    channel.send(message).await?;
                    return Ok::<_, Box<dyn std::error::Error>>(channel);
                }
                Some(_) => {}
                None => return Err("bob's connection ended".into()),
            }
        }
    };
    let talk = async {
        chat.send("hello").await?;
        Ok::<_, Box<dyn std::error::Error>>(chat.recv().await)
    };
    let show = async {
        while let Some(event) = alice.next_event().await {
            match event {
                PeerEvent::Stage(stage) => {
                    println!("{:>10.2?}  {} ({} packets)", stage.at, stage.name, stage.packets);
                }
                PeerEvent::IceCandidate(candidate) => {
                    println!("candidate: {}", candidate.as_ref().map_or("no more", |c| c.candidate.as_str()));
                    // An error here would be a candidate that does not parse: ours do.
                    let _ = bob.add_ice_candidate(candidate.unwrap_or_default()).await;
                }
                _ => {}
            }
        }
    };
    tokio::select! {
        (channel, echoed) = async { tokio::join!(echo, talk) } => {
            println!("echoed over stream {:?}: {:?}", channel?.stream_id(), echoed?);
        }
        () = show => println!("alice's connection ended"),
    }
    alice.close().await;
    Ok(())
}
