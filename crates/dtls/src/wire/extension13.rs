//! Extensions that only 1.3 has: key shares, the cookie, versions selected.
//!
//! ```text
//! key_share   ClientHello         length 2 | group 2 | length 2 | share ..  | next group ..
//!             ServerHello         group 2 | length 2 | share ..
//!             HelloRetryRequest   group 2
//! cookie      both                length 2 | 1 to 65535 bytes, sent back as they came
//! ```
//! More: RFC 8446 §4.2.8, §4.2.2, §4.2.1.

use plywood_octets::{Put, Reader};

use super::codes::NamedGroup;
use super::extension::{Extension, ExtensionType, Extensions};
use super::record::ProtocolVersion;
use crate::error::ParseError;

/// One group with a public share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyShareEntry<'a> {
    /// The group.
    pub group: NamedGroup,
    /// As the group encodes it, at least one byte.
    pub share: &'a [u8],
}

impl<'a> KeyShareEntry<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let group = NamedGroup(reader.u16()?);
        let share = reader.u16_prefixed()?.rest();
        if share.is_empty() { Err(ParseError::EmptyList) } else { Ok(Self { group, share }) }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.put_u16(self.group.0);
        let length = out.begin_u16_length();
        out.put_slice(self.share);
        length.finish(out);
    }
}

impl Extension {
    /// `key_share` of a ClientHello.
    #[must_use]
    pub fn client_key_shares(entries: &[KeyShareEntry<'_>]) -> Self {
        Self::new(ExtensionType::KEY_SHARE, |out| {
            let list = out.begin_u16_length();
            entries.iter().for_each(|entry| entry.encode(out));
            list.finish(out);
        })
    }

    /// `key_share` of a ServerHello.
    #[must_use]
    pub fn server_key_share(entry: &KeyShareEntry<'_>) -> Self {
        Self::new(ExtensionType::KEY_SHARE, |out| entry.encode(out))
    }

    /// `key_share` of a HelloRetryRequest: the group that the server wants.
    #[must_use]
    pub fn retry_group(group: NamedGroup) -> Self {
        Self::new(ExtensionType::KEY_SHARE, |out| out.put_u16(group.0))
    }

    /// `supported_versions` of a ServerHello or HelloRetryRequest.
    #[must_use]
    pub fn selected_version(version: ProtocolVersion) -> Self {
        Self::new(ExtensionType::SUPPORTED_VERSIONS, |out| out.put_u16(version.0))
    }

    /// `cookie`, of at least one byte.
    #[must_use]
    pub fn cookie(cookie: &[u8]) -> Self {
        Self::new(ExtensionType::COOKIE, |out| {
            let length = out.begin_u16_length();
            out.put_slice(cookie);
            length.finish(out);
        })
    }
}

impl Extensions {
    /// `key_share` of a ClientHello, if it is there; the list may be empty.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged, or a group comes twice (RFC 8446 §4.2.8).
    pub fn client_key_shares(&self) -> Result<Option<Vec<KeyShareEntry<'_>>>, ParseError> {
        let Some(data) = self.find(ExtensionType::KEY_SHARE) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let mut list = reader.u16_prefixed()?;
        ParseError::require_end(&reader)?;
        let mut entries: Vec<KeyShareEntry<'_>> = Vec::new();
        while !list.is_empty() {
            let entry = KeyShareEntry::parse(&mut list)?;
            if entries.iter().any(|known| known.group == entry.group) {
                return Err(ParseError::InvalidValue(u32::from(entry.group.0)));
            }
            // The groups that anybody offers fit many times; a list of thousands is an attack on the line above.
            if entries.len() == MAX_KEY_SHARES {
                return Err(ParseError::InvalidLength { length: data.len() });
            }
            entries.push(entry);
        }
        Ok(Some(entries))
    }

    /// `key_share` of a ServerHello, if it is there.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged.
    pub fn server_key_share(&self) -> Result<Option<KeyShareEntry<'_>>, ParseError> {
        let Some(data) = self.find(ExtensionType::KEY_SHARE) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let entry = KeyShareEntry::parse(&mut reader)?;
        ParseError::require_end(&reader)?;
        Ok(Some(entry))
    }

    /// `key_share` of a HelloRetryRequest, if it is there.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged.
    pub fn retry_group(&self) -> Result<Option<NamedGroup>, ParseError> {
        let Some(data) = self.find(ExtensionType::KEY_SHARE) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let group = NamedGroup(reader.u16()?);
        ParseError::require_end(&reader)?;
        Ok(Some(group))
    }

    /// `cookie`, if it is there.
    ///
    /// # Errors
    /// A [`ParseError`] if its content is damaged or empty.
    pub fn cookie(&self) -> Result<Option<&[u8]>, ParseError> {
        let Some(data) = self.find(ExtensionType::COOKIE) else { return Ok(None) };
        let mut reader = Reader::new(data);
        let cookie = reader.u16_prefixed()?.rest();
        ParseError::require_end(&reader)?;
        if cookie.is_empty() { Err(ParseError::EmptyList) } else { Ok(Some(cookie)) }
    }
}

/// More shares than any client has groups for.
const MAX_KEY_SHARES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn only(extension: Extension) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.push(extension);
        extensions
    }

    const X25519: KeyShareEntry<'_> = KeyShareEntry { group: NamedGroup::X25519, share: &[7; 32] };
    const P256: KeyShareEntry<'_> = KeyShareEntry { group: NamedGroup::SECP256R1, share: &[4; 65] };

    #[test]
    fn each_form_of_a_key_share_is_read_back() {
        let extensions = only(Extension::client_key_shares(&[X25519, P256]));
        assert_eq!(extensions.client_key_shares(), Ok(Some(vec![X25519, P256])));
        let extensions = only(Extension::server_key_share(&P256));
        assert_eq!(extensions.server_key_share(), Ok(Some(P256)));
        let extensions = only(Extension::retry_group(NamedGroup::X25519));
        assert_eq!(extensions.find(ExtensionType::KEY_SHARE), Some(&[0, 0x1d][..]));
        assert_eq!(extensions.retry_group(), Ok(Some(NamedGroup::X25519)));
    }

    #[test]
    fn a_group_may_come_once_and_a_share_is_never_empty() {
        let twice = only(Extension::client_key_shares(&[X25519, X25519]));
        assert_eq!(twice.client_key_shares(), Err(ParseError::InvalidValue(0x1d)));
        let empty = KeyShareEntry { group: NamedGroup::X25519, share: &[] };
        assert_eq!(only(Extension::server_key_share(&empty)).server_key_share(), Err(ParseError::EmptyList));
        assert_eq!(only(Extension::client_key_shares(&[])).client_key_shares(), Ok(Some(vec![])));
    }

    #[test]
    fn a_list_of_thousands_of_groups_is_refused() {
        let entries: Vec<_> =
            (0..2000).map(|group| KeyShareEntry { group: NamedGroup(group), share: &[1] }).collect();
        assert!(only(Extension::client_key_shares(&entries)).client_key_shares().is_err());
    }

    #[test]
    fn a_cookie_has_at_least_one_byte() {
        assert_eq!(only(Extension::cookie(&[1, 2])).cookie(), Ok(Some(&[1, 2][..])));
        assert_eq!(only(Extension::cookie(&[])).cookie(), Err(ParseError::EmptyList));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = Extension::client_key_shares(&[X25519, P256]).data;
        for end in 0..whole.len() {
            let cut = Extension { extension_type: ExtensionType::KEY_SHARE, data: whole[..end].to_vec() };
            assert!(only(cut).client_key_shares().is_err(), "{end}");
        }
    }
}
