//! ServerHello (RFC 5246 §7.4.1.3, RFC 8446 §4.1.3): the server's choice.

use plywood_octets::{Put, Reader};

use super::codes::CipherSuite;
use super::extension::Extensions;
use super::record::ProtocolVersion;
use crate::error::ParseError;

/// The server's choice.
///
/// ```text
/// +-----------+-----------+------------------+----------------+---------------+------------------+
/// | version 2 | random 32 | session_id 1+..  | cipher_suite 2 | compression 1 | extensions 2+..  |
/// +-----------+-----------+------------------+----------------+---------------+------------------+
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerHello {
    /// The version in 1.2; always 1.2 in 1.3.
    pub legacy_version: ProtocolVersion,
    /// Fresh; its last eight bytes may say that a newer version was possible (RFC 8446 §4.1.3).
    pub random: [u8; 32],
    /// Empty: the session cannot be resumed. At most 32 bytes.
    pub session_id: Vec<u8>,
    /// One of those offered.
    pub cipher_suite: CipherSuite,
    /// Must be 0.
    pub compression_method: u8,
    /// Answers to extensions offered.
    pub extensions: Extensions,
}

impl ServerHello {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// A [`ParseError`] for whatever is cut short, left over or there twice.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let legacy_version = ProtocolVersion(reader.u16()?);
        let random = reader.array()?;
        let session_id = reader.u8_prefixed()?.rest().to_vec();
        if session_id.len() > 32 {
            return Err(ParseError::InvalidLength { length: session_id.len() });
        }
        let cipher_suite = CipherSuite(reader.u16()?);
        let compression_method = reader.u8()?;
        let extensions = Extensions::parse(&mut reader)?;
        ParseError::require_end(&reader)?;
        Ok(Self { legacy_version, random, session_id, cipher_suite, compression_method, extensions })
    }

    /// Appends the body of the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u16(self.legacy_version.0);
        out.put_slice(&self.random);
        let length = out.begin_u8_length();
        out.put_slice(&self.session_id);
        length.finish(out);
        out.put_u16(self.cipher_suite.0);
        out.put_u8(self.compression_method);
        self.extensions.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_hello_round_trips_and_its_truncations_do_not() {
        let hello = ServerHello {
            legacy_version: ProtocolVersion::DTLS_1_2,
            random: [9; 32],
            session_id: vec![4],
            cipher_suite: CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            compression_method: 0,
            extensions: Extensions::new(),
        };
        let mut out = Vec::new();
        hello.encode(&mut out);
        assert_eq!(out[34..], [1, 4, 0xc0, 0x2b, 0]);
        assert_eq!(ServerHello::parse(&out), Ok(hello));
        for end in 0..out.len() {
            assert!(ServerHello::parse(&out[..end]).is_err());
        }
    }
}
