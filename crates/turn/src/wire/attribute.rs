//! TURN's attributes as values (RFC 8656 §18), and its methods (§17). STUN frames them.

use crate::error::ParseError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// TURN's methods (RFC 8656 §17), as numbers for a STUN message type.
pub mod method {
    /// Asks for an address.
    pub const ALLOCATE: u16 = 0x003;
    /// Keeps or gives back the allocation.
    pub const REFRESH: u16 = 0x004;
    /// Data to a peer; indications only.
    pub const SEND: u16 = 0x006;
    /// Data from a peer; indications only.
    pub const DATA: u16 = 0x007;
    /// Lets a peer's address in.
    pub const CREATE_PERMISSION: u16 = 0x008;
    /// Binds a number to a peer.
    pub const CHANNEL_BIND: u16 = 0x009;
}

/// The type of an attribute of TURN (RFC 8656 §18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u16);

impl AttributeType {
    /// A channel number and two reserved bytes.
    pub const CHANNEL_NUMBER: Self = Self(0x000c);
    /// Seconds.
    pub const LIFETIME: Self = Self(0x000d);
    /// A peer.
    pub const XOR_PEER_ADDRESS: Self = Self(0x0012);
    /// Data to or from a peer.
    pub const DATA: Self = Self(0x0013);
    /// The address that the relay lends.
    pub const XOR_RELAYED_ADDRESS: Self = Self(0x0016);
    /// IPv4 or IPv6.
    pub const REQUESTED_ADDRESS_FAMILY: Self = Self(0x0017);
    /// An even port, and the next one kept.
    pub const EVEN_PORT: Self = Self(0x0018);
    /// UDP, or (RFC 6062) TCP, between relay and peer.
    pub const REQUESTED_TRANSPORT: Self = Self(0x0019);
    /// No fragmentation between relay and peer.
    pub const DONT_FRAGMENT: Self = Self(0x001a);
    /// Names a port that was kept.
    pub const RESERVATION_TOKEN: Self = Self(0x0022);
    /// A second address of this family.
    pub const ADDITIONAL_ADDRESS_FAMILY: Self = Self(0x8000);
    /// Why one of two families was not given.
    pub const ADDRESS_ERROR_CODE: Self = Self(0x8001);
    /// An ICMP error that came back.
    pub const ICMP: Self = Self(0x8004);
}

fn exactly<const N: usize>(value: &[u8]) -> Result<[u8; N], ParseError> {
    value.try_into().map_err(|_| ParseError::Length { expected: N, found: value.len() })
}

/// LIFETIME (RFC 8656 §18.2): seconds that an allocation lives without a refresh; 0 ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(pub u32);

impl Lifetime {
    /// Reads the value.
    ///
    /// # Errors
    /// [`ParseError::Length`] unless it has 4 bytes.
    pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
        exactly(value).map(|bytes| Self(u32::from_be_bytes(bytes)))
    }

    /// The value.
    #[must_use]
    pub fn encode(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

/// REQUESTED-TRANSPORT (RFC 8656 §18.8): an IP protocol number and three reserved bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedTransport(pub u8);

impl RequestedTransport {
    /// UDP between relay and peer.
    pub const UDP: Self = Self(17);
    /// TCP between relay and peer (RFC 6062).
    pub const TCP: Self = Self(6);

    /// Reads the value.
    ///
    /// # Errors
    /// [`ParseError::Length`] unless it has 4 bytes.
    pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
        exactly::<4>(value).map(|bytes| Self(bytes[0]))
    }

    /// The value.
    #[must_use]
    pub fn encode(self) -> [u8; 4] {
        [self.0, 0, 0, 0]
    }
}

/// REQUESTED-ADDRESS-FAMILY and ADDITIONAL-ADDRESS-FAMILY (RFC 8656 §18.6, §18.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// 0x01.
    V4,
    /// 0x02.
    V6,
}

impl AddressFamily {
    /// Reads the value.
    ///
    /// # Errors
    /// [`ParseError`] unless it has 4 bytes and names a known family.
    pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
        match exactly::<4>(value)?[0] {
            1 => Ok(Self::V4),
            2 => Ok(Self::V6),
            family => Err(ParseError::Family(family)),
        }
    }

    /// The value.
    #[must_use]
    pub fn encode(self) -> [u8; 4] {
        let family = match self {
            Self::V4 => 1,
            Self::V6 => 2,
        };
        [family, 0, 0, 0]
    }
}

/// EVEN-PORT (RFC 8656 §18.7): one byte, of which the high bit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvenPort {
    /// Whether the next port is to be kept, for RTCP.
    pub reserve_next: bool,
}

impl EvenPort {
    /// Reads the value.
    ///
    /// # Errors
    /// [`ParseError::Length`] unless it has 1 byte.
    pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
        exactly::<1>(value).map(|[bits]| Self { reserve_next: bits & 0x80 != 0 })
    }

    /// The value.
    #[must_use]
    pub fn encode(self) -> [u8; 1] {
        [if self.reserve_next { 0x80 } else { 0 }]
    }
}

/// RESERVATION-TOKEN (RFC 8656 §18.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReservationToken(pub [u8; 8]);

impl ReservationToken {
    /// Reads the value.
    ///
    /// # Errors
    /// [`ParseError::Length`] unless it has 8 bytes.
    pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
        exactly(value).map(Self)
    }
}

/// The magic cookie of STUN (RFC 8489 §5).
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// What an address is XORed with: cookie, then transaction id (RFC 8489 §14.2).
fn mask(transaction_id: [u8; 12]) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE);
    mask[4..].copy_from_slice(&transaction_id);
    mask
}

/// Appends the value of XOR-PEER-ADDRESS or XOR-RELAYED-ADDRESS: the format of XOR-MAPPED-ADDRESS. IPv4
/// addresses mapped into IPv6 become IPv4.
pub fn encode_xor_address(address: SocketAddr, transaction_id: [u8; 12], out: &mut Vec<u8>) {
    let mask = mask(transaction_id);
    let port = address.port() ^ u16::from_be_bytes([MAGIC_COOKIE[0], MAGIC_COOKIE[1]]);
    let ip = address.ip().to_canonical();
    out.extend_from_slice(&[0, if ip.is_ipv4() { 1 } else { 2 }]);
    out.extend_from_slice(&port.to_be_bytes());
    match ip {
        IpAddr::V4(v4) => out.extend(v4.octets().iter().zip(mask).map(|(byte, mask)| byte ^ mask)),
        IpAddr::V6(v6) => out.extend(v6.octets().iter().zip(mask).map(|(byte, mask)| byte ^ mask)),
    }
}

/// Reads the value of XOR-PEER-ADDRESS or XOR-RELAYED-ADDRESS. The answer is canonical: an IPv4 address mapped
/// into IPv6 comes out as IPv4, so that a policy that looks at it cannot be led around.
///
/// # Errors
/// [`ParseError`] if the family is unknown or the length does not fit it.
pub fn decode_xor_address(value: &[u8], transaction_id: [u8; 12]) -> Result<SocketAddr, ParseError> {
    let mask = mask(transaction_id);
    let Some((&[_, family, high, low], bytes)) = value.split_first_chunk::<4>() else {
        return Err(ParseError::Length { expected: 8, found: value.len() });
    };
    let port = u16::from_be_bytes([high ^ MAGIC_COOKIE[0], low ^ MAGIC_COOKIE[1]]);
    let clear = |index: usize, byte: u8| byte ^ mask[index];
    let ip = match family {
        1 => {
            let mut octets: [u8; 4] = exactly(bytes)?;
            octets.iter_mut().enumerate().for_each(|(index, byte)| *byte = clear(index, *byte));
            IpAddr::V4(Ipv4Addr::from(octets))
        }
        2 => {
            let mut octets: [u8; 16] = exactly(bytes)?;
            octets.iter_mut().enumerate().for_each(|(index, byte)| *byte = clear(index, *byte));
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        family => return Err(ParseError::Family(family)),
    };
    Ok(SocketAddr::new(ip.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_of_fixed_length_are_read_back_and_other_lengths_refused() {
        assert_eq!(Lifetime::parse(&Lifetime(600).encode()), Ok(Lifetime(600)));
        assert_eq!(Lifetime::parse(&[0; 3]), Err(ParseError::Length { expected: 4, found: 3 }));
        let udp = RequestedTransport::UDP;
        assert_eq!((udp.encode(), RequestedTransport::parse(&[17, 9, 9, 9])), ([17, 0, 0, 0], Ok(udp)));
        assert_eq!(AddressFamily::parse(&AddressFamily::V6.encode()), Ok(AddressFamily::V6));
        assert_eq!(AddressFamily::parse(&[3, 0, 0, 0]), Err(ParseError::Family(3)));
        for reserve_next in [false, true] {
            let port = EvenPort { reserve_next };
            assert_eq!(EvenPort::parse(&port.encode()), Ok(port));
        }
        assert_eq!(ReservationToken::parse(&[7; 8]), Ok(ReservationToken([7; 8])));
        assert!(ReservationToken::parse(&[7; 9]).is_err());
    }

    /// The address and transaction of RFC 5769 §2.2.
    #[test]
    fn an_address_is_hidden_by_cookie_and_transaction_id() {
        let id = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let address: SocketAddr = "192.0.2.1:32853".parse().unwrap();
        let mut out = Vec::new();
        encode_xor_address(address, id, &mut out);
        assert_eq!(out, [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert_eq!(decode_xor_address(&out, id), Ok(address));
        assert!(decode_xor_address(&out[..7], id).is_err());
        assert_eq!(decode_xor_address(&[0, 9, 0, 0, 1, 2, 3, 4], id), Err(ParseError::Family(9)));
    }

    #[test]
    fn an_ipv4_address_inside_ipv6_comes_out_as_ipv4() {
        let id = [1; 12];
        let mut value = vec![0, 2, 0x21, 0x12];
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets();
        value.extend(mapped.iter().zip(mask(id)).map(|(byte, mask)| byte ^ mask));
        assert_eq!(decode_xor_address(&value, id), Ok(SocketAddr::from(([127, 0, 0, 1], 0))));
    }

    proptest! {
        #[test]
        fn every_address_is_read_back(ip: IpAddr, port: u16, id: [u8; 12]) {
            let mut out = Vec::new();
            encode_xor_address(SocketAddr::new(ip, port), id, &mut out);
            prop_assert_eq!(decode_xor_address(&out, id), Ok(SocketAddr::new(ip.to_canonical(), port)));
        }

        #[test]
        fn arbitrary_values_never_panic(value: Vec<u8>, id: [u8; 12]) {
            let _ = decode_xor_address(&value, id);
            let _ = (Lifetime::parse(&value), RequestedTransport::parse(&value), EvenPort::parse(&value));
            let _ = (AddressFamily::parse(&value), ReservationToken::parse(&value));
        }
    }
}
