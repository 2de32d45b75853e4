//! The 20-byte header every message begins with.

use std::fmt;

/// Tells STUN from what else shares the port, and RFC 8489 from its forerunner (RFC 8489 §5).
pub const MAGIC_COOKIE: u32 = 0x2112_a442;

/// Bytes of the header.
pub(crate) const HEADER_LEN: usize = 20;

/// What kind of message it is (RFC 8489 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// The request was done.
    Success,
    /// The request was refused: ERROR-CODE says why.
    Error,
}

/// What is asked for (RFC 8489 §18.2); 12 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Method(u16);

impl Method {
    /// Binding: "which address do you see me at?" (RFC 8489 §2).
    pub const BINDING: Self = Self(0x001);

    /// A method by number; only the low 12 bits count.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number & 0x0fff)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// 96 random bits that tie an answer to its request (RFC 8489 §5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub [u8; 12]);

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionId(")?;
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

/// Folds class and method into the first 16 bits, whose class bits sit between the method's (RFC 8489 §5):
/// ```text
///   0 0 M11 M10 M9 M8 M7 C1 M6 M5 M4 C0 M3 M2 M1 M0
/// ```
pub(crate) fn message_type(class: Class, method: Method) -> u16 {
    let m = method.0;
    let c = match class {
        Class::Request => 0x0000,
        Class::Indication => 0x0010,
        Class::Success => 0x0100,
        Class::Error => 0x0110,
    };
    (m & 0x000f) | ((m & 0x0070) << 1) | ((m & 0x0f80) << 2) | c
}

/// The reverse of [`message_type`]; the two top bits are already known to be zero.
pub(crate) fn split_message_type(value: u16) -> (Class, Method) {
    let class = match (value & 0x0100 != 0, value & 0x0010 != 0) {
        (false, false) => Class::Request,
        (false, true) => Class::Indication,
        (true, false) => Class::Success,
        (true, true) => Class::Error,
    };
    (class, Method((value & 0x000f) | ((value >> 1) & 0x0070) | ((value >> 2) & 0x0f80)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_bits_sit_between_the_method_bits() {
        assert_eq!(message_type(Class::Request, Method::BINDING), 0x0001);
        assert_eq!(message_type(Class::Indication, Method::BINDING), 0x0011);
        assert_eq!(message_type(Class::Success, Method::BINDING), 0x0101);
        assert_eq!(message_type(Class::Error, Method::BINDING), 0x0111);
        assert_eq!(message_type(Class::Error, Method::new(0xfff)), 0x3fff);
    }

    #[test]
    fn every_type_splits_into_what_it_was_made_of() {
        for method in 0..0x1000 {
            for class in [Class::Request, Class::Indication, Class::Success, Class::Error] {
                let method = Method::new(method);
                assert_eq!(split_message_type(message_type(class, method)), (class, method));
            }
        }
    }
}
