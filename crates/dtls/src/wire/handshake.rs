//! The handshake header and its fragments (RFC 6347 §4.2.2, RFC 9147 §5.2).
//!
//! Problem: a handshake message may be larger than a datagram, and datagrams are lost and reordered.
//! How: every fragment repeats type, total length and number of its message, and says where it belongs:
//!
//! ```text
//!  0               1               2               3
//! +---------------+---------------+---------------+---------------+
//! |   msg_type    |              length (of the whole message)    |
//! +---------------+---------------+---------------+---------------+
//! |          message_seq          |       fragment_offset ..      |
//! +---------------+---------------+---------------+---------------+
//! | .. offset     |              fragment_length                  |
//! +---------------+---------------+---------------+---------------+
//! ```

use plywood_octets::{Put, Reader};

use crate::error::ParseError;

registry! {
    /// What a handshake message is (RFC 5246 §7.4, RFC 8446 §4).
    HandshakeType(u8, "4") {
        /// "Renegotiate": refused.
        HELLO_REQUEST = 0,
        /// The client's offer.
        CLIENT_HELLO = 1,
        /// The server's choice.
        SERVER_HELLO = 2,
        /// "Show that you receive at your address" (RFC 6347 §4.2.1).
        HELLO_VERIFY_REQUEST = 3,
        /// A ticket for resumption.
        NEW_SESSION_TICKET = 4,
        /// 1.3: what the server answers to extensions, encrypted.
        ENCRYPTED_EXTENSIONS = 8,
        /// 1.3: "give me more connection ids of yours" (RFC 9147 §9).
        REQUEST_CONNECTION_ID = 9,
        /// 1.3: more connection ids of the sender (RFC 9147 §9).
        NEW_CONNECTION_ID = 10,
        /// Certificates of the sender.
        CERTIFICATE = 11,
        /// 1.2: the server's key share, signed.
        SERVER_KEY_EXCHANGE = 12,
        /// "Show me yours".
        CERTIFICATE_REQUEST = 13,
        /// 1.2: the server's flight ends here.
        SERVER_HELLO_DONE = 14,
        /// Proof that the sender holds the certificate's key.
        CERTIFICATE_VERIFY = 15,
        /// 1.2: the client's key share.
        CLIENT_KEY_EXCHANGE = 16,
        /// A MAC over all that was said.
        FINISHED = 20,
        /// 1.3: new application keys.
        KEY_UPDATE = 24,
    }
}

/// The header of one fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeHeader {
    /// What the message is.
    pub message_type: HandshakeType,
    /// Bytes of the whole message; 24 bits.
    pub length: u32,
    /// Number of the message in its direction.
    pub message_seq: u16,
    /// Where this fragment begins; 24 bits.
    pub fragment_offset: u32,
    /// Bytes of this fragment; 24 bits.
    pub fragment_length: u32,
}

impl HandshakeHeader {
    /// Whether the fragment holds the last byte of its message.
    #[must_use]
    pub fn ends_message(&self) -> bool {
        self.fragment_offset + self.fragment_length == self.length
    }

    /// Bytes of the header.
    pub const LENGTH: usize = 12;

    /// The header as it stands in front of the fragment.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1] = self.message_seq.to_be_bytes();
        let [_, o0, o1, o2] = self.fragment_offset.to_be_bytes();
        let [_, f0, f1, f2] = self.fragment_length.to_be_bytes();
        [self.message_type.0, l0, l1, l2, s0, s1, o0, o1, o2, f0, f1, f2]
    }
}

/// A fragment where it stands in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Where it belongs.
    pub header: HandshakeHeader,
    /// Its bytes: `fragment_length` of them.
    pub body: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Reads the next fragment of a record; a record may hold several.
    ///
    /// # Errors
    /// [`ParseError::Truncated`]; [`ParseError::FragmentPastEnd`] if it does not lie within its message.
    pub fn parse(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let header = HandshakeHeader {
            message_type: HandshakeType(reader.u8()?),
            length: reader.u24()?,
            message_seq: reader.u16()?,
            fragment_offset: reader.u24()?,
            fragment_length: reader.u24()?,
        };
        // Both are below 2^24: the sum cannot overflow.
        if header.fragment_offset + header.fragment_length > header.length {
            return Err(ParseError::FragmentPastEnd {
                offset: header.fragment_offset,
                fragment_length: header.fragment_length,
                length: header.length,
            });
        }
        let body = reader.bytes(header.fragment_length as usize)?;
        Ok(Self { header, body })
    }

    /// Appends header and bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_slice(&self.header.encode());
        out.put_slice(self.body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 14] = [
        1, // ClientHello
        0, 0, 4, // four bytes in all
        0, 3, // message 3
        0, 0, 1, // from byte 1
        0, 0, 2, // two bytes
        0xaa, 0xbb,
    ];

    #[test]
    fn a_fragment_says_where_it_belongs() {
        let fragment = Fragment::parse(&mut Reader::new(&BYTES)).unwrap();
        assert_eq!(fragment.header.message_type, HandshakeType::CLIENT_HELLO);
        assert_eq!((fragment.header.length, fragment.header.message_seq), (4, 3));
        assert_eq!((fragment.header.fragment_offset, fragment.body), (1, &[0xaa, 0xbb][..]));
        let mut out = Vec::new();
        fragment.encode(&mut out);
        assert_eq!(out, BYTES);
    }

    #[test]
    fn every_truncation_is_an_error() {
        for end in 0..BYTES.len() {
            assert!(Fragment::parse(&mut Reader::new(&BYTES[..end])).is_err());
        }
    }

    #[test]
    fn a_fragment_may_not_reach_past_its_message() {
        let mut bytes = BYTES;
        bytes[8] = 3; // offset 3 + 2 > 4
        assert_eq!(
            Fragment::parse(&mut Reader::new(&bytes)),
            Err(ParseError::FragmentPastEnd { offset: 3, fragment_length: 2, length: 4 })
        );
    }
}
