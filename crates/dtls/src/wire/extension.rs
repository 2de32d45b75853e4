//! Extensions of the hellos (RFC 5246 §7.4.1.4, RFC 8446 §4.2).
//!
//! Problem: today's ClientHello carries a dozen extensions, in random order, some of them grease, and each
//! may come once only.
//! How: [`Extensions`] keeps all of them as they came. A typed reader stands here for each that we use.
//!
//! ```text
//! +----------------+----------------+
//! | type (16 bits) | length         | length bytes
//! +----------------+----------------+
//! ```

use std::collections::BTreeSet;

use plywood_octets::{Put, Reader};

use super::codes::{NamedGroup, SignatureScheme};
use super::record::ProtocolVersion;
use crate::error::ParseError;

registry! {
    /// What an extension is (IANA "TLS ExtensionType Values").
    ExtensionType(u16, "6") {
        /// RFC 6066 §3.
        SERVER_NAME = 0,
        /// RFC 8446 §4.2.7: groups for key exchange.
        SUPPORTED_GROUPS = 10,
        /// RFC 8422 §5.1.2: only uncompressed points are left.
        EC_POINT_FORMATS = 11,
        /// RFC 8446 §4.2.3.
        SIGNATURE_ALGORITHMS = 13,
        /// RFC 5764 §4.1.1: profiles for media.
        USE_SRTP = 14,
        /// RFC 7301.
        APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16,
        /// RFC 7627: the master secret depends on the whole handshake.
        EXTENDED_MASTER_SECRET = 23,
        /// RFC 8449.
        RECORD_SIZE_LIMIT = 28,
        /// RFC 7250 §3: kinds of certificates that the client takes of the server.
        SERVER_CERTIFICATE_TYPE = 20,
        /// RFC 5077.
        SESSION_TICKET = 35,
        /// RFC 8446 §4.2.1.
        SUPPORTED_VERSIONS = 43,
        /// RFC 8446 §4.2.2.
        COOKIE = 44,
        /// RFC 8446 §4.2.9.
        PSK_KEY_EXCHANGE_MODES = 45,
        /// RFC 8446 §4.2.4: names of those who may have signed.
        CERTIFICATE_AUTHORITIES = 47,
        /// RFC 8446 §4.2.8.
        KEY_SHARE = 51,
        /// RFC 9146.
        CONNECTION_ID = 54,
        /// RFC 5746: renegotiation is bound to the connection, or, empty, there was none.
        RENEGOTIATION_INFO = 0xff01,
    }
}

/// One extension, its content not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// What it is.
    pub extension_type: ExtensionType,
    /// Its content, at most 65535 bytes.
    pub data: Vec<u8>,
}

impl Extension {
    /// An extension with content written by `write`.
    pub fn new(extension_type: ExtensionType, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut data = Vec::new();
        write(&mut data);
        Self { extension_type, data }
    }

    /// An extension that says all by being there.
    #[must_use]
    pub fn empty(extension_type: ExtensionType) -> Self {
        Self { extension_type, data: Vec::new() }
    }

    /// `supported_groups`, the most preferred first.
    #[must_use]
    pub fn supported_groups(groups: &[NamedGroup]) -> Self {
        Self::new(ExtensionType::SUPPORTED_GROUPS, |out| {
            let list = out.begin_u16_length();
            groups.iter().for_each(|group| out.put_u16(group.0));
            list.finish(out);
        })
    }

    /// `signature_algorithms`, the most preferred first.
    #[must_use]
    pub fn signature_algorithms(schemes: &[SignatureScheme]) -> Self {
        Self::new(ExtensionType::SIGNATURE_ALGORITHMS, |out| {
            let list = out.begin_u16_length();
            schemes.iter().for_each(|scheme| out.put_u16(scheme.0));
            list.finish(out);
        })
    }

    /// `ec_point_formats` with the only format there is: uncompressed (RFC 8422 §5.1.2).
    #[must_use]
    pub fn uncompressed_points() -> Self {
        Self { extension_type: ExtensionType::EC_POINT_FORMATS, data: vec![1, 0] }
    }

    /// `renegotiation_info` of a first handshake: an empty verify-data (RFC 5746 §3.4).
    #[must_use]
    pub fn initial_renegotiation_info() -> Self {
        Self { extension_type: ExtensionType::RENEGOTIATION_INFO, data: vec![0] }
    }

    /// `supported_versions` of a ClientHello, the most preferred first.
    #[must_use]
    pub fn supported_versions(versions: &[ProtocolVersion]) -> Self {
        Self::new(ExtensionType::SUPPORTED_VERSIONS, |out| {
            let list = out.begin_u8_length();
            versions.iter().for_each(|version| out.put_u16(version.0));
            list.finish(out);
        })
    }

    /// `record_size_limit`: the longest plaintext that the sender takes (RFC 8449 §4).
    #[must_use]
    pub fn record_size_limit(bytes: u16) -> Self {
        Self::new(ExtensionType::RECORD_SIZE_LIMIT, |out| out.put_u16(bytes))
    }

    /// `use_srtp`: profiles and an MKI (RFC 5764 §4.1.1).
    #[must_use]
    pub fn use_srtp(profiles: &[u16], mki: &[u8]) -> Self {
        Self::new(ExtensionType::USE_SRTP, |out| {
            let list = out.begin_u16_length();
            profiles.iter().for_each(|profile| out.put_u16(*profile));
            list.finish(out);
            let length = out.begin_u8_length();
            out.put_slice(mki);
            length.finish(out);
        })
    }
}

/// The content of `use_srtp` (RFC 5764 §4.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UseSrtp {
    /// Protection profiles, the most preferred first; in a ServerHello exactly one.
    pub profiles: Vec<u16>,
    /// The master key identifier, usually empty.
    pub mki: Vec<u8>,
}

/// The extensions of one message, each type at most once, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    list: Vec<Extension>,
}

impl Extensions {
    /// No extensions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; a type that is there already is replaced.
    pub fn push(&mut self, extension: Extension) {
        match self.list.iter_mut().find(|known| known.extension_type == extension.extension_type) {
            Some(known) => *known = extension,
            None => self.list.push(extension),
        }
    }

    /// Adds one before all others; a type that is there already moves.
    pub(crate) fn push_first(&mut self, extension: Extension) {
        self.list.retain(|known| known.extension_type != extension.extension_type);
        self.list.insert(0, extension);
    }

    /// All, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Extension> {
        self.list.iter()
    }

    /// The content of one.
    #[must_use]
    pub fn find(&self, extension_type: ExtensionType) -> Option<&[u8]> {
        self.list.iter().find(|known| known.extension_type == extension_type).map(|known| &known.data[..])
    }

    /// Whether it is there.
    #[must_use]
    pub fn contains(&self, extension_type: ExtensionType) -> bool {
        self.find(extension_type).is_some()
    }

    /// Reads the block with its length in front. At the end of a message the block may be missing altogether
    /// (RFC 5246 §7.4.1.2).
    ///
    /// # Errors
    /// [`ParseError::Truncated`], [`ParseError::DuplicateExtension`].
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        if reader.is_empty() {
            return Ok(Self::new());
        }
        let mut block = reader.u16_prefixed()?;
        let mut seen = BTreeSet::new();
        let mut list = Vec::new();
        while !block.is_empty() {
            let extension_type = ExtensionType(block.u16()?);
            let data = block.u16_prefixed()?.rest().to_vec();
            if !seen.insert(extension_type) {
                return Err(ParseError::DuplicateExtension(extension_type));
            }
            list.push(Extension { extension_type, data });
        }
        Ok(Self { list })
    }

    /// Appends the block with its length; nothing if there are none.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if self.list.is_empty() {
            return;
        }
        let block = out.begin_u16_length();
        for extension in &self.list {
            out.put_u16(extension.extension_type.0);
            let length = out.begin_u16_length();
            out.put_slice(&extension.data);
            length.finish(out);
        }
        block.finish(out);
    }

    /// Whether the client can read the server's certificate: X.509 is meant where it does not say (RFC 7250 §4.1).
    ///
    /// # Errors
    /// A [`ParseError`] if the content is damaged.
    pub fn takes_x509(&self) -> Result<bool, ParseError> {
        const X509: u8 = 0;
        let Some(data) = self.find(ExtensionType::SERVER_CERTIFICATE_TYPE) else { return Ok(true) };
        let mut reader = Reader::new(data);
        let types = reader.u8_prefixed()?.rest();
        ParseError::require_end(&reader)?;
        Ok(types.contains(&X509))
    }

    /// Names mean nothing between self-signed peers, but a peer that writes them must do it well.
    ///
    /// # Errors
    /// [`ParseError::DamagedExtension`] for `server_name` (RFC 6066 §3) and `certificate_authorities`
    /// (RFC 8446 §4.2.4).
    pub(super) fn check_names(&self) -> Result<(), ParseError> {
        type Check = fn(&mut Reader<'_>) -> Result<(), ParseError>;
        const CHECKS: [(ExtensionType, Check); 2] =
            [(ExtensionType::SERVER_NAME, server_name), (ExtensionType::CERTIFICATE_AUTHORITIES, authority)];
        for (kind, check) in CHECKS {
            if let Some(data) = self.find(kind) {
                check_list(data, check).map_err(|_| ParseError::DamagedExtension(kind))?;
            }
        }
        Ok(())
    }

    /// `supported_groups`, if it is there.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged.
    pub fn supported_groups(&self) -> Result<Option<Vec<NamedGroup>>, ParseError> {
        self.u16_list(ExtensionType::SUPPORTED_GROUPS, NamedGroup)
    }

    /// `signature_algorithms`, if it is there.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged.
    pub fn signature_algorithms(&self) -> Result<Option<Vec<SignatureScheme>>, ParseError> {
        self.u16_list(ExtensionType::SIGNATURE_ALGORITHMS, SignatureScheme)
    }

    fn u16_list<T>(&self, kind: ExtensionType, wrap: fn(u16) -> T) -> Result<Option<Vec<T>>, ParseError> {
        let Some(data) = self.find(kind) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let list = parse_u16_list(reader.u16_prefixed()?, wrap)?;
        ParseError::require_end(&reader)?;
        Ok(Some(list))
    }

    /// `supported_versions` of a ClientHello, if it is there.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged.
    pub fn supported_versions(&self) -> Result<Option<Vec<ProtocolVersion>>, ParseError> {
        let Some(data) = self.find(ExtensionType::SUPPORTED_VERSIONS) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let list = parse_u16_list(reader.u8_prefixed()?, ProtocolVersion)?;
        ParseError::require_end(&reader)?;
        Ok(Some(list))
    }

    /// `supported_versions` of a ServerHello: the one version chosen.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged.
    pub fn selected_version(&self) -> Result<Option<ProtocolVersion>, ParseError> {
        let Some(data) = self.find(ExtensionType::SUPPORTED_VERSIONS) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let version = ProtocolVersion(reader.u16()?);
        ParseError::require_end(&reader)?;
        Ok(Some(version))
    }

    /// `ec_point_formats`, if it is there.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged.
    pub fn ec_point_formats(&self) -> Result<Option<&[u8]>, ParseError> {
        let Some(data) = self.find(ExtensionType::EC_POINT_FORMATS) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let formats = reader.u8_prefixed()?.rest();
        ParseError::require_end(&reader)?;
        if formats.is_empty() { Err(ParseError::EmptyList) } else { Ok(Some(formats)) }
    }

    /// The verify-data in `renegotiation_info`, if it is there; empty in a first handshake.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged.
    pub fn renegotiation_info(&self) -> Result<Option<&[u8]>, ParseError> {
        let Some(data) = self.find(ExtensionType::RENEGOTIATION_INFO) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let verify_data = reader.u8_prefixed()?.rest();
        ParseError::require_end(&reader)?;
        Ok(Some(verify_data))
    }

    /// Whether `extended_master_secret` is there.
    ///
    /// # Errors
    /// [`ParseError::TrailingBytes`] if it is not empty, as it must be (RFC 7627 §5.1).
    pub fn extended_master_secret(&self) -> Result<bool, ParseError> {
        match self.find(ExtensionType::EXTENDED_MASTER_SECRET) {
            None => Ok(false),
            Some([]) => Ok(true),
            Some(data) => Err(ParseError::TrailingBytes { count: data.len() }),
        }
    }

    /// `record_size_limit`, if it is there.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged; [`ParseError::InvalidValue`] below 64 (RFC 8449 §4).
    pub fn record_size_limit(&self) -> Result<Option<u16>, ParseError> {
        let Some(data) = self.find(ExtensionType::RECORD_SIZE_LIMIT) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let limit = reader.u16()?;
        ParseError::require_end(&reader)?;
        if limit < 64 { Err(ParseError::InvalidValue(u32::from(limit))) } else { Ok(Some(limit)) }
    }

    /// Profiles and MKI of `use_srtp`, if it is there (RFC 5764 §4.1.1).
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged.
    pub fn use_srtp(&self) -> Result<Option<UseSrtp>, ParseError> {
        let Some(data) = self.find(ExtensionType::USE_SRTP) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let profiles = parse_u16_list(reader.u16_prefixed()?, |profile| profile)?;
        let mki = reader.u8_prefixed()?.rest().to_vec();
        ParseError::require_end(&reader)?;
        Ok(Some(UseSrtp { profiles, mki }))
    }
}

/// A list of 16-bit numbers to the end of `reader`, at least one.
pub(super) fn parse_u16_list<T>(mut reader: Reader<'_>, wrap: fn(u16) -> T) -> Result<Vec<T>, ParseError> {
    if reader.is_empty() {
        return Err(ParseError::EmptyList);
    }
    let mut list = Vec::with_capacity(reader.remaining() / 2);
    while !reader.is_empty() {
        list.push(wrap(reader.u16()?));
    }
    Ok(list)
}

/// A list with a length of 16 bits in front, of at least one entry.
fn check_list(data: &[u8], entry: fn(&mut Reader<'_>) -> Result<(), ParseError>) -> Result<(), ParseError> {
    let mut reader = Reader::new(data);
    let mut list = reader.u16_prefixed()?;
    ParseError::require_end(&reader)?;
    if list.is_empty() {
        return Err(ParseError::EmptyList);
    }
    while !list.is_empty() {
        entry(&mut list)?;
    }
    Ok(())
}

/// A type and a name.
fn server_name(list: &mut Reader<'_>) -> Result<(), ParseError> {
    list.u8()?;
    authority(list)
}

/// A name that is not empty.
fn authority(list: &mut Reader<'_>) -> Result<(), ParseError> {
    if list.u16_prefixed()?.is_empty() { Err(ParseError::EmptyList) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_that_nobody_reads_must_be_well_formed() {
        let check = |kind, data: &[u8]| {
            let mut extensions = Extensions::new();
            extensions.push(Extension { extension_type: kind, data: data.to_vec() });
            extensions.check_names()
        };
        let (name, authorities) = (ExtensionType::SERVER_NAME, ExtensionType::CERTIFICATE_AUTHORITIES);
        assert_eq!(check(name, &[0, 4, 0, 0, 1, b'a']), Ok(()));
        assert_eq!(check(authorities, &[0, 3, 0, 1, 9]), Ok(()));
        for damaged in [&[][..], &[0, 0], &[0, 4, 0, 0, 1, b'a', 0], &[0, 3, 0, 0, 1], &[0, 2, 0, 0]] {
            assert_eq!(check(name, damaged), Err(ParseError::DamagedExtension(name)));
            assert_eq!(check(authorities, damaged), Err(ParseError::DamagedExtension(authorities)));
        }
    }

    use super::*;

    fn parse(bytes: &[u8]) -> Result<Extensions, ParseError> {
        Extensions::parse(&mut Reader::new(bytes))
    }

    #[test]
    fn an_extension_may_come_once() {
        assert_eq!(
            parse(&[0, 8, 0, 23, 0, 0, 0, 23, 0, 0]),
            Err(ParseError::DuplicateExtension(ExtensionType::EXTENDED_MASTER_SECRET))
        );
    }

    #[test]
    fn typed_readers_read_what_the_writers_write() {
        let mut extensions = Extensions::new();
        extensions.push(Extension::supported_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]));
        extensions.push(Extension::signature_algorithms(&[SignatureScheme::ECDSA_SECP256R1_SHA256]));
        extensions.push(Extension::uncompressed_points());
        extensions.push(Extension::initial_renegotiation_info());
        extensions.push(Extension::supported_versions(&[ProtocolVersion::DTLS_1_2]));
        extensions.push(Extension::use_srtp(&[1, 7], &[]));
        extensions.push(Extension::record_size_limit(64));
        extensions.push(Extension::empty(ExtensionType::EXTENDED_MASTER_SECRET));
        let mut out = Vec::new();
        extensions.encode(&mut out);
        let read = parse(&out).unwrap();
        assert_eq!(read, extensions);
        assert_eq!(read.supported_groups().unwrap().unwrap(), [NamedGroup::X25519, NamedGroup::SECP256R1]);
        assert_eq!(read.signature_algorithms().unwrap().unwrap(), [SignatureScheme::ECDSA_SECP256R1_SHA256]);
        assert_eq!(read.ec_point_formats().unwrap().unwrap(), [0]);
        assert_eq!(read.renegotiation_info().unwrap().unwrap(), []);
        assert_eq!(read.supported_versions().unwrap().unwrap(), [ProtocolVersion::DTLS_1_2]);
        assert_eq!(read.use_srtp().unwrap().unwrap().profiles, [1, 7]);
        assert_eq!(read.record_size_limit(), Ok(Some(64)));
        assert_eq!(read.extended_master_secret(), Ok(true));
        for end in 1..out.len() {
            assert!(parse(&out[..end]).is_err());
        }
    }

    #[test]
    fn a_record_size_limit_is_two_bytes_and_not_below_64() {
        let with = |data: &[u8]| {
            let mut extensions = Extensions::new();
            let extension_type = ExtensionType::RECORD_SIZE_LIMIT;
            extensions.push(Extension { extension_type, data: data.to_vec() });
            extensions.record_size_limit()
        };
        assert_eq!(with(&[0xff, 0xff]), Ok(Some(0xffff)), "a larger one may come with a later version");
        assert_eq!(with(&[0, 63]), Err(ParseError::InvalidValue(63)));
        assert!(with(&[64]).is_err());
        assert_eq!(with(&[1, 0, 0]), Err(ParseError::TrailingBytes { count: 1 }));
    }

    #[test]
    fn a_list_of_groups_is_neither_empty_nor_cut() {
        let with = |data: &[u8]| {
            let mut extensions = Extensions::new();
            extensions
                .push(Extension { extension_type: ExtensionType::SUPPORTED_GROUPS, data: data.to_vec() });
            extensions.supported_groups()
        };
        assert_eq!(with(&[0, 0]), Err(ParseError::EmptyList));
        assert!(with(&[0, 1, 0]).is_err());
        assert!(with(&[0, 2, 0]).is_err());
        assert_eq!(with(&[0, 2, 0, 29, 9]), Err(ParseError::TrailingBytes { count: 1 }));
    }
}
