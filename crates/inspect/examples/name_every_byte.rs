//! An OPEN in its SCTP packet, every byte named.
#![expect(clippy::print_stdout, reason = "an example")]

fn main() {
    let packet = [
        0x13, 0x88, 0x13, 0x88, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, // common header
        0x00, 0x03, 0, 0x20, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 50, // DATA, stream 2, PPID 50
        0x03, 0x80, 0x01, 0x00, 0, 0, 0, 0, 0, 4, 0, 0, b'c', b'h', b'a', b't', // OPEN "chat"
    ];
    let tree = plywood_inspect::sctp(&packet);
    print!("{}", plywood_inspect::annotate(&tree, &packet));
    println!(
        "\nNotice: the stream id is even, so the DTLS client opened the channel; and the flags say that one"
    );
    println!("chunk holds the whole message. Cut the packet, and the dissector says what is missing:\n");
    let cut = &packet[..packet.len() - 6];
    print!("{}", plywood_inspect::annotate(&plywood_inspect::sctp(cut), cut));
}
