//! Reading what is hostile, writing what is legal.
#![expect(clippy::unwrap_used, reason = "test code")]

use plywood_stun::wire::{
    AttributeType, Class, ErrorCode, MessageBuilder, MessageView, Method, TransactionId,
};
use plywood_stun::{AttributeError, BuildError, IntegrityError, IntegrityKey, ParseError};
use proptest::prelude::*;

const ID: TransactionId = TransactionId([5; 12]);

fn key() -> IntegrityKey {
    IntegrityKey::from_password("0123456789012345678901")
}

/// A message whose attributes are these bytes.
fn raw(attributes: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    bytes.extend(ID.0);
    bytes.extend(attributes);
    let length = u16::try_from(attributes.len()).unwrap();
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

fn request(out: &mut Vec<u8>) -> MessageBuilder<'_> {
    MessageBuilder::new(out, Class::Request, Method::BINDING, ID).bytes(AttributeType::USERNAME, b"a:b")
}

#[test]
fn what_is_not_stun_is_told_apart() {
    assert_eq!(MessageView::parse(&[0; 19]).unwrap_err(), ParseError::Short { length: 19 });
    let mut dtls = raw(&[]);
    dtls[0] = 22;
    assert!(MessageView::parse(&dtls).is_ok(), "22 is a method; the demultiplexer looks at the range");
    assert!(!MessageView::is_likely_stun(&dtls));
    dtls[0] = 0x80;
    assert_eq!(MessageView::parse(&dtls).unwrap_err(), ParseError::NotStun { first_byte: 0x80 });
    let mut cookie = raw(&[]);
    cookie[4] = 0;
    assert_eq!(MessageView::parse(&cookie).unwrap_err(), ParseError::MagicCookie { found: 0x0012_a442 });
}

#[test]
fn a_length_that_is_no_multiple_of_four_or_not_the_datagrams_is_refused() {
    let mut bytes = raw(&[0, 6, 0, 1, b'a', 0]);
    assert_eq!(MessageView::parse(&bytes).unwrap_err(), ParseError::Length { declared: 6, actual: 6 });
    bytes = raw(&[0x80, 0x22, 0, 0]);
    bytes[3] = 8;
    assert_eq!(MessageView::parse(&bytes).unwrap_err(), ParseError::Length { declared: 8, actual: 4 });
    bytes[3] = 0;
    assert_eq!(MessageView::parse(&bytes).unwrap_err(), ParseError::Length { declared: 0, actual: 4 });
}

#[test]
fn short_and_misaligned_attributes_are_refused() {
    for attributes in [&[0, 6, 0, 5, 1, 2, 3, 4][..], &[0, 6, 0xff, 0xff], &[0, 6, 0, 1]] {
        let error = MessageView::parse(&raw(attributes)).unwrap_err();
        assert!(matches!(error, ParseError::AttributeOverrun { offset: 20, .. }), "{error}");
    }
}

#[test]
fn an_empty_username_is_a_username() {
    let bytes = raw(&[0, 6, 0, 0]);
    assert_eq!(MessageView::parse(&bytes).unwrap().username(), Some(""));
}

#[test]
fn integrity_attributes_of_impossible_size_are_refused() {
    for (kind, length) in [(8u8, 16u8), (8, 24), (0x1c, 12), (0x1c, 36), (0x1c, 0)] {
        let mut attributes = vec![0, kind, 0, length];
        attributes.extend(vec![0; usize::from(length)]);
        let error = MessageView::parse(&raw(&attributes)).unwrap_err();
        assert_eq!(error, ParseError::IntegrityLength { attribute: kind.into(), length: length.into() });
    }
}

#[test]
fn what_follows_message_integrity_is_ignored_but_for_its_sha256_form_and_fingerprint() {
    let mut out = Vec::new();
    request(&mut out).integrity(&key()).finish().unwrap();
    // An attacker on the way appends USE-CANDIDATE and another USERNAME.
    out.extend([0, 0x25, 0, 0, 0, 6, 0, 4, b'e', b'v', b'i', b'l']);
    let length = u16::try_from(out.len() - 20).unwrap();
    out[2..4].copy_from_slice(&length.to_be_bytes());
    let message = MessageView::parse(&out).unwrap();
    message.verify(&key()).unwrap();
    assert_eq!(message.attribute(AttributeType::USE_CANDIDATE), None);
    assert_eq!(message.username(), Some("a:b"));
    assert_eq!(message.attributes().count(), 2);
}

#[test]
fn a_second_message_integrity_does_not_replace_the_first() {
    let mut out = Vec::new();
    request(&mut out).integrity(&key()).finish().unwrap();
    out.extend([0, 8, 0, 20]);
    out.extend([0; 20]);
    let length = u16::try_from(out.len() - 20).unwrap();
    out[2..4].copy_from_slice(&length.to_be_bytes());
    MessageView::parse(&out).unwrap().verify(&key()).unwrap();
}

#[test]
fn message_integrity_behind_its_sha256_form_does_not_count() {
    let mut out = Vec::new();
    request(&mut out).integrity_sha256(&key()).finish().unwrap();
    out.extend([0, 8, 0, 20]);
    out.extend([0; 20]);
    let length = u16::try_from(out.len() - 20).unwrap();
    out[2..4].copy_from_slice(&length.to_be_bytes());
    let message = MessageView::parse(&out).unwrap();
    message.verify_sha256(&key()).unwrap();
    assert_eq!(message.verify(&key()), Err(IntegrityError::Missing));
}

#[test]
fn both_integrity_forms_and_fingerprint_stand_together() {
    let mut out = Vec::new();
    request(&mut out).integrity(&key()).integrity_sha256(&key()).fingerprint().finish().unwrap();
    let message = MessageView::parse(&out).unwrap();
    message.verify(&key()).unwrap();
    message.verify_sha256(&key()).unwrap();
    assert!(message.has_fingerprint() && message.has_integrity());
    assert_eq!(message.attributes().count(), 4);
}

#[test]
fn a_wrong_fingerprint_and_anything_behind_a_right_one_are_refused() {
    let mut out = Vec::new();
    request(&mut out).fingerprint().finish().unwrap();
    let mut wrong = out.clone();
    *wrong.last_mut().unwrap() ^= 1;
    assert!(matches!(MessageView::parse(&wrong).unwrap_err(), ParseError::Fingerprint { .. }));
    // Right CRC over the longer length, but not last.
    let mut message = raw(&[]);
    message[3] = 12;
    let crc = crc32(&message) ^ 0x5354_554e;
    message.extend([0x80, 0x28, 0, 4]);
    message.extend(crc.to_be_bytes());
    message.extend([0x80, 0x22, 0, 0]);
    assert_eq!(MessageView::parse(&message).unwrap_err(), ParseError::AfterFingerprint { attribute: 0x8022 });
}

/// CRC-32 bit by bit: a second opinion.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn unknown_attributes_that_must_be_understood_are_listed_and_others_are_not() {
    let mut out = Vec::new();
    request(&mut out).flag(AttributeType(0x7abc)).flag(AttributeType(0xc057)).finish().unwrap();
    let message = MessageView::parse(&out).unwrap();
    let unknown: Vec<_> = message.unknown_required(&[AttributeType::USERNAME]).collect();
    assert_eq!(unknown, [AttributeType(0x7abc)]);
}

#[test]
fn error_codes_have_three_digits_between_300_and_699() {
    assert_eq!(ErrorCode::new(299, ""), Err(AttributeError::Code { code: 299 }));
    assert_eq!(ErrorCode::new(700, ""), Err(AttributeError::Code { code: 700 }));
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, Class::Error, Method::BINDING, ID)
        .error_code(ErrorCode::ROLE_CONFLICT)
        .unknown_attributes(&[AttributeType(1), AttributeType(2), AttributeType(3)])
        .finish()
        .unwrap();
    assert_eq!(out[20..28], [0, 9, 0, 17, 0, 0, 4, 87]);
    let message = MessageView::parse(&out).unwrap();
    assert_eq!(message.error_code().unwrap(), Some(ErrorCode::ROLE_CONFLICT));
    assert_eq!(message.attribute(AttributeType::UNKNOWN_ATTRIBUTES), Some(&[0, 1, 0, 2, 0, 3][..]));
    for value in [&[0, 0, 4, 100][..], &[0, 0, 2, 0], &[0, 0, 7, 0], &[0, 0, 4]] {
        let mut attributes = vec![0, 9, 0, u8::try_from(value.len()).unwrap()];
        attributes.extend(value);
        attributes.resize(8, 0);
        assert!(MessageView::parse(&raw(&attributes)).unwrap().error_code().is_err());
    }
}

#[test]
fn nothing_can_be_added_behind_integrity_and_a_failed_build_leaves_no_bytes() {
    let mut out = vec![1, 2, 3];
    let error = request(&mut out).integrity(&key()).u32(AttributeType::PRIORITY, 1).fingerprint().finish();
    assert_eq!(error, Err(BuildError::AfterIntegrity { attribute: 0x24 }));
    assert_eq!(out, [1, 2, 3]);
    let error = request(&mut out).bytes(AttributeType::SOFTWARE, &vec![0; 65_530]).finish();
    assert!(matches!(error, Err(BuildError::TooLong { .. })));
    assert_eq!(out, [1, 2, 3]);
}

#[test]
fn a_message_is_written_behind_what_the_buffer_holds() {
    let mut out = vec![9; 5];
    let length = request(&mut out).integrity(&key()).fingerprint().finish().unwrap();
    assert_eq!(out.len(), 5 + length);
    MessageView::parse(&out[5..]).unwrap().verify(&key()).unwrap();
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        if let Ok(message) = MessageView::parse(&bytes) {
            prop_assert!(message.attributes().count() <= bytes.len() / 4);
        }
    }

    #[test]
    fn arbitrary_attributes_never_panic(words in proptest::collection::vec(any::<[u8; 4]>(), 0..40)) {
        let bytes = raw(&words.concat());
        if let Ok(message) = MessageView::parse(&bytes) {
            let _ = (message.verify(&key()), message.verify_sha256(&key()), message.username());
            let _ = (message.xor_mapped_address(), message.error_code());
            prop_assert!(message.unknown_required(&[]).count() <= words.len());
        }
    }

    #[test]
    fn what_is_written_is_read_back(class in 0u16..4, method in 0u16..0x1000, id: [u8; 12], values in proptest::collection::vec((any::<u16>(), proptest::collection::vec(any::<u8>(), 0..50)), 0..10)) {
        let class = [Class::Request, Class::Indication, Class::Success, Class::Error][usize::from(class)];
        let special = [8, 0x1c, 0x8028];
        let values: Vec<_> = values.into_iter().filter(|(kind, _)| !special.contains(kind)).collect();
        let mut out = Vec::new();
        let mut builder = MessageBuilder::new(&mut out, class, Method::new(method), TransactionId(id));
        for (kind, value) in &values {
            builder = builder.bytes(AttributeType(*kind), value);
        }
        builder.integrity(&key()).fingerprint().finish().unwrap();
        let message = MessageView::parse(&out).unwrap();
        prop_assert_eq!(message.class(), class);
        prop_assert_eq!(message.method().number(), method);
        prop_assert_eq!(message.transaction_id(), TransactionId(id));
        prop_assert!(message.verify(&key()).is_ok());
        let read: Vec<_> = message.attributes().map(|a| (a.kind.0, a.value.to_vec())).take(values.len()).collect();
        prop_assert_eq!(read, values);
    }
}
