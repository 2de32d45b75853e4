//! ClientHello (RFC 6347 §4.2.1, RFC 8446 §4.1.2): the client's offer, the same bytes for every version.

use plywood_octets::{Put, Reader};

use super::codes::CipherSuite;
use super::extension::{Extensions, parse_u16_list};
use super::record::ProtocolVersion;
use crate::error::ParseError;

/// The client's offer.
///
/// ```text
/// +-----------+-----------------------------+------------------+--------------+
/// | version 2 | random 32                   | session_id 1+..  | cookie 1+..  |
/// +-----------+-----------------------------+------------------+--------------+
/// | cipher_suites 2+2n   | compression_methods 1+n  | extensions 2+..           |
/// +----------------------+--------------------------+---------------------------+
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    /// 1.2 in every ClientHello of today; the truth is in `supported_versions`.
    pub legacy_version: ProtocolVersion,
    /// Fresh for every connection.
    pub random: [u8; 32],
    /// For resumption, which we do not do: echoed never, sent empty. At most 32 bytes.
    pub session_id: Vec<u8>,
    /// What a HelloVerifyRequest asked to have back. At most 255 bytes.
    pub cookie: Vec<u8>,
    /// Suites, the most preferred first.
    pub cipher_suites: Vec<CipherSuite>,
    /// Must hold 0, no compression.
    pub compression_methods: Vec<u8>,
    /// Everything else.
    pub extensions: Extensions,
}

impl ClientHello {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// A [`ParseError`] for whatever is cut short, left over, empty or there twice.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let legacy_version = ProtocolVersion(reader.u16()?);
        let random = reader.array()?;
        let session_id = reader.u8_prefixed()?.rest().to_vec();
        if session_id.len() > 32 {
            return Err(ParseError::InvalidLength { length: session_id.len() });
        }
        let cookie = reader.u8_prefixed()?.rest().to_vec();
        let cipher_suites = parse_u16_list(reader.u16_prefixed()?, CipherSuite)?;
        let compression_methods = reader.u8_prefixed()?.rest().to_vec();
        if compression_methods.is_empty() {
            return Err(ParseError::EmptyList);
        }
        let extensions = Extensions::parse(&mut reader)?;
        ParseError::require_end(&reader)?;
        extensions.check_names()?;
        Ok(Self {
            legacy_version,
            random,
            session_id,
            cookie,
            cipher_suites,
            compression_methods,
            extensions,
        })
    }

    /// Appends the body of the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u16(self.legacy_version.0);
        out.put_slice(&self.random);
        let length = out.begin_u8_length();
        out.put_slice(&self.session_id);
        length.finish(out);
        let length = out.begin_u8_length();
        out.put_slice(&self.cookie);
        length.finish(out);
        let length = out.begin_u16_length();
        self.cipher_suites.iter().for_each(|suite| out.put_u16(suite.0));
        length.finish(out);
        let length = out.begin_u8_length();
        out.put_slice(&self.compression_methods);
        length.finish(out);
        self.extensions.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::extension::{Extension, ExtensionType};

    fn hello() -> ClientHello {
        let mut extensions = Extensions::new();
        extensions.push(Extension::empty(ExtensionType::EXTENDED_MASTER_SECRET));
        ClientHello {
            legacy_version: ProtocolVersion::DTLS_1_2,
            random: [7; 32],
            session_id: vec![],
            cookie: vec![1, 2],
            cipher_suites: vec![CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256],
            compression_methods: vec![0],
            extensions,
        }
    }

    #[test]
    fn the_fields_stand_in_order() {
        let mut out = Vec::new();
        hello().encode(&mut out);
        let mut expected = vec![0xfe, 0xfd];
        expected.extend([7; 32]);
        expected.extend([
            0, // no session id
            2, 1, 2, // cookie
            0, 2, 0xc0, 0x2b, // one suite
            1, 0, // no compression
            0, 4, 0, 23, 0, 0, // one empty extension
        ]);
        assert_eq!(out, expected);
        assert_eq!(ClientHello::parse(&out), Ok(hello()));
    }

    #[test]
    fn every_truncation_is_an_error_but_the_one_before_the_extensions() {
        let mut out = Vec::new();
        hello().encode(&mut out);
        for end in 0..out.len() {
            assert_eq!(ClientHello::parse(&out[..end]).is_ok(), end == out.len() - 6, "{end}");
        }
    }

    #[test]
    fn bytes_behind_the_extensions_are_an_error() {
        let mut out = Vec::new();
        hello().encode(&mut out);
        out.push(0);
        assert_eq!(ClientHello::parse(&out), Err(ParseError::TrailingBytes { count: 1 }));
    }

    #[test]
    fn a_hello_with_every_suite_there_is_is_read() {
        let mut large = hello();
        large.cipher_suites = (0..32767).map(CipherSuite).collect();
        let mut out = Vec::new();
        large.encode(&mut out);
        assert_eq!(ClientHello::parse(&out).unwrap().cipher_suites.len(), 32767);
    }
}
