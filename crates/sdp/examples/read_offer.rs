//! What a browser's offer says to a data-channel peer, and the answer.
#![expect(clippy::print_stdout, reason = "an example")]

use plywood_sdp::{CandidateLine, DataDescription, SessionDescription, Setup};

const OFFER: &str = "v=0
o=mozilla...THIS_IS_SDPARTA-99.0 5099389207604295937 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 07:07:15:AE
a=group:BUNDLE 0 1
a=ice-options:trickle
m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:977a5b5a
a=ice-pwd:480467d7108c7a21bb446780b2266fbd
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=candidate:0 1 UDP 2122187007 238dad7e-f7ee-4f8f-9c88-d4d2edd29b5d.local 53532 typ host
a=ice-pwd:480467d7108c7a21bb446780b2266fbd
a=ice-ufrag:977a5b5a
a=mid:1
a=setup:actpass
a=sctp-port:5000
a=max-message-size:1073741823
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session: SessionDescription = OFFER.parse()?;
    for (index, media) in session.media.iter().enumerate() {
        println!("section {index}: {} over {}, mid {:?}", media.kind, media.protocol, media.mid());
    }
    let offer = DataDescription::from_offer(&session)?;
    println!("\nThe data section is number {}.", offer.section);
    println!("  fingerprint  {:02X?} (here for the whole session)", offer.fingerprints);
    println!("  setup        {}: we may choose, and take active to save a round trip", offer.setup);
    println!("  largest message {:?} bytes", offer.max_message_size);
    for candidate in &offer.candidates {
        println!(
            "  candidate    {} port {}, mDNS: {}",
            candidate.address,
            candidate.port,
            candidate.is_mdns()
        );
    }

    let ours = DataDescription {
        session_id: 42,
        ice_ufrag: "0KZg".into(),
        ice_pwd: "8Ie4F8/Q9YjX0FEtG3vu0VvU".into(),
        fingerprints: vec![("sha-256".into(), vec![0x3f, 0x89, 0x00, 0xff])],
        setup: Setup::Active,
        max_message_size: Some(262_144),
        candidates: vec![CandidateLine::parse("candidate:1 1 udp 2113937151 192.0.2.2 46195 typ host")?],
        ..DataDescription::default()
    };
    println!("\nThe answer rejects what we do not do (port 0) and repeats nothing that we do not know:\n");
    print!("{}", ours.to_answer(&session).replace('\r', ""));

    let broken = OFFER.replace("actpass", "maybe");
    if let Err(error) = DataDescription::parse_offer(&broken) {
        println!("\nA broken offer is refused with its line: {error}");
    }
    Ok(())
}
