//! XOR-MAPPED-ADDRESS and its relatives (RFC 8489 §14.1, §14.2).
//!
//! Problem: some NATs rewrite every occurrence of an address that they see in a payload.
//! How: the address is XORed with the magic cookie (and, for IPv6, the transaction id), so they find none.
//! ```text
//!   0                   1                   2                   3
//!   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//!  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//!  |  zero         | family 1 / 2  |   port XOR cookie's top 16    |
//!  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//!  |   address (4 or 16 bytes) XOR cookie [, transaction id]       |
//!  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::header::{MAGIC_COOKIE, TransactionId};
use crate::AttributeError;

/// The value bytes of an XORed address, in a fixed buffer, and how many of them count.
pub(crate) fn encode_xor(address: SocketAddr, id: TransactionId) -> ([u8; 20], usize) {
    let mut value = [0u8; 20];
    let port = address.port() ^ 0x2112;
    value[2..4].copy_from_slice(&port.to_be_bytes());
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => {
            value[1] = 1;
            value[4..8].copy_from_slice(&(ip.to_bits() ^ MAGIC_COOKIE).to_be_bytes());
            (value, 8)
        }
        IpAddr::V6(ip) => {
            value[1] = 2;
            value[4..20].copy_from_slice(&(ip.to_bits() ^ mask(id)).to_be_bytes());
            (value, 20)
        }
    }
}

pub(crate) fn decode_xor(value: &[u8], id: TransactionId) -> Result<SocketAddr, AttributeError> {
    let wrong = AttributeError::Length { length: value.len() };
    let (head, address) = value.split_first_chunk::<4>().ok_or(wrong)?;
    let port = u16::from_be_bytes([head[2], head[3]]) ^ 0x2112;
    let ip = match head[1] {
        1 => {
            let bits = u32::from_be_bytes(address.try_into().map_err(|_| wrong)?);
            IpAddr::V4(Ipv4Addr::from_bits(bits ^ MAGIC_COOKIE))
        }
        2 => {
            let bits = u128::from_be_bytes(address.try_into().map_err(|_| wrong)?);
            IpAddr::V6(Ipv6Addr::from_bits(bits ^ mask(id)))
        }
        family => return Err(AttributeError::Family { family }),
    };
    Ok(SocketAddr::new(ip, port))
}

/// The 128 bits an IPv6 address is XORed with: cookie, then transaction id.
fn mask(id: TransactionId) -> u128 {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    bytes[4..].copy_from_slice(&id.0);
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_unknown_family_or_a_wrong_size_is_an_error() {
        let id = TransactionId([0; 12]);
        assert_eq!(decode_xor(&[0, 3, 0, 0, 1, 2, 3, 4], id), Err(AttributeError::Family { family: 3 }));
        assert_eq!(decode_xor(&[0, 1, 0, 0, 1, 2, 3], id), Err(AttributeError::Length { length: 7 }));
        assert_eq!(decode_xor(&[0, 2, 0, 0, 1, 2, 3, 4], id), Err(AttributeError::Length { length: 8 }));
        assert_eq!(decode_xor(&[0, 1], id), Err(AttributeError::Length { length: 2 }));
    }

    proptest! {
        #[test]
        fn addresses_come_back(v6: bool, bits: u128, port: u16, id: [u8; 12]) {
            let ip = if v6 { IpAddr::V6(Ipv6Addr::from_bits(bits)) } else {
                #[expect(clippy::cast_possible_truncation, reason = "the low bits are as random as any")]
                IpAddr::V4(Ipv4Addr::from_bits(bits as u32))
            };
            let address = SocketAddr::new(ip.to_canonical(), port);
            let (value, length) = encode_xor(address, TransactionId(id));
            prop_assert_eq!(decode_xor(&value[..length], TransactionId(id)), Ok(address));
        }
    }
}
