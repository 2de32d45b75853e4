//! One channel from OPEN to both resets, byte by byte.
#![expect(clippy::print_stdout, reason = "an example")]

use bytes::Bytes;
use plywood_datachannel::{
    ChannelConfig, Channels, Config, DtlsRole, Kind, Outgoing, Reliability, wire::Ppid,
};

fn show(who: &str, out: &Outgoing) {
    let name = Ppid(out.ppid).name().unwrap_or("?");
    let order = if out.unordered { "unordered" } else { "ordered" };
    println!("{who} stream {} PPID {} ({name}), {order}, {:?}", out.stream, out.ppid, out.reliability);
    println!("   {:02x?}", &out.data[..]);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut client = Channels::new(Config::default());
    let mut server = Channels::new(Config::default());
    let id = client.open(ChannelConfig {
        label: "chat".into(),
        ordered: false,
        reliability: Reliability::MaxRetransmits(3),
        ..ChannelConfig::default()
    })?;
    println!("Opened before anything is known, the channel has stream {:?}.", client.stream(id));
    client.set_dtls_role(DtlsRole::Client);
    server.set_dtls_role(DtlsRole::Server);
    client.set_connected();
    println!("The DTLS client takes even numbers: {:?}.\n", client.stream(id));

    let open = client.poll_outgoing().ok_or("an OPEN")?;
    show("client ->", &open);
    println!(
        "   03 OPEN, 81 unordered with limited retransmissions, 0100 priority, 00000003, lengths 4 and 0\n"
    );
    server.handle_message(open.stream, open.ppid, open.data)?;

    println!("Data need not wait for the ACK, but stays ordered so that it cannot overtake the OPEN:");
    let early = client.send(id, Kind::Text, Bytes::from_static(b"hi"))?;
    show("client ->", &early);
    server.handle_message(early.stream, early.ppid, early.data)?;

    let ack = server.poll_outgoing().ok_or("an ACK")?;
    show("server ->", &ack);
    client.handle_message(ack.stream, ack.ppid, ack.data)?;

    println!("\nFrom the ACK on, the channel is what OPEN said. An empty message is one zero byte:");
    show("client ->", &client.send(id, Kind::Text, Bytes::new())?);

    client.close(id)?;
    let stream = client.poll_reset().ok_or("a reset")?;
    println!("\nclient resets outgoing stream {stream}; the server answers with its own reset:");
    server.handle_incoming_reset(stream);
    client.handle_outgoing_reset(stream);
    let back = server.poll_reset().ok_or("a reset")?;
    client.handle_incoming_reset(back);
    server.handle_outgoing_reset(back);
    while let Some(event) = client.poll_event() {
        println!("   client: {event:?}");
    }
    while let Some(event) = server.poll_event() {
        println!("   server: {event:?}");
    }
    Ok(())
}
