//! Bytes between client and relay: ChannelData, and TURN's attributes and methods. No state, no time.

mod attribute;
mod channel_data;

pub use attribute::{
    AddressFamily, AttributeType, EvenPort, Lifetime, RequestedTransport, ReservationToken,
    decode_xor_address, encode_xor_address, method,
};
pub use channel_data::{ChannelData, ChannelDataMark, ChannelNumber, begin_channel_data};
