//! One message through a channel, byte by byte.
#![expect(clippy::print_stdout, reason = "an example")]

use plywood_turn::wire::{ChannelData, ChannelNumber, begin_channel_data, encode_xor_address};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let peer = "192.0.2.1:32853".parse()?;
    let mut address = Vec::new();
    encode_xor_address(peer, [7; 12], &mut address);
    println!("ChannelBind names the peer {peer} as XOR-PEER-ADDRESS {address:02x?}");
    println!("and the number for it as CHANNEL-NUMBER      {:02x?}\n", ChannelNumber::FIRST.to_attribute());

    let mut datagram = Vec::new();
    let mark = begin_channel_data(ChannelNumber::FIRST, &mut datagram);
    datagram.extend_from_slice(b"hello"); // a record would be sealed here, in place
    mark.finish(&mut datagram)?;
    println!("From then on data costs {} bytes: {datagram:02x?}", ChannelData::HEADER_BYTES);
    println!("   4000 the channel, 0005 the length; over TCP three bytes of padding would follow");

    let data = ChannelData::parse(&datagram)?;
    println!("The relay reads channel {:#x} and sends {:?} to the peer.", data.channel.number(), data.data);
    Ok(())
}
