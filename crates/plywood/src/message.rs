//! What travels over a channel: text or bytes.

use bytes::Bytes;

use crate::peer::Kind;

/// One message, as W3C's `send()` takes it and `onmessage` hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// UTF-8 text.
    Text(Text),
    /// Anything else.
    Binary(Bytes),
}

/// Text in a shared buffer: cloning it copies nothing, and it was checked to be UTF-8 when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Bytes);

impl Text {
    /// Takes `bytes` if they are UTF-8.
    ///
    /// # Errors
    /// The position of the first byte that is not.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, std::str::Utf8Error> {
        std::str::from_utf8(&bytes)?;
        Ok(Self(bytes))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Every constructor has checked this; the check is a fraction of the cost of having received the bytes.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The bytes behind it.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl Message {
    /// Length in bytes; of the UTF-8 form for text.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// The payload, whatever its kind.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => &text.0,
            Self::Binary(bytes) => bytes,
        }
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            Self::Binary(_) => None,
        }
    }

    /// The payload without copying it.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.0,
            Self::Binary(bytes) => bytes,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }

    /// `data` of kind text was checked by the data channel layer.
    pub(crate) fn received(kind: Kind, data: Bytes) -> Self {
        match kind {
            Kind::Text => Self::Text(Text(data)),
            Kind::Binary => Self::Binary(data),
        }
    }
}

impl From<Text> for Message {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<&'static [u8]> for Message {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Binary(Bytes::from_static(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_utf8_is_refused_with_its_position() {
        let error = Text::from_utf8(Bytes::from_static(b"ab\xff")).unwrap_err();
        assert_eq!(error.valid_up_to(), 2);
    }

    #[test]
    fn length_of_text_counts_bytes_not_characters() {
        assert_eq!(Message::from("\u{10FFFF}").len(), 4);
        assert!(Message::from("").is_empty());
        assert_eq!(Message::from("plain").as_text(), Some("plain"));
        assert_eq!(Message::from(vec![1, 2]).as_text(), None);
    }
}
