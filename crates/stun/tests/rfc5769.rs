//! The test vectors of RFC 5769 and RFC 8489 appendix B, annotated.
#![expect(clippy::unwrap_used, reason = "test code")]

use plywood_stun::wire::{AttributeType, Class, MessageBuilder, MessageView, Method, TransactionId};
use plywood_stun::{IntegrityError, IntegrityKey, ParseError};

const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

/// RFC 5769 §2.1: a request with short-term credentials, padded with spaces.
const REQUEST: &str = "
    0001 0058 2112a442 b7e7a701bc34d686fa87dfae  Binding request, 88 bytes, cookie, transaction id
    8022 0010 5354554e207465737420636c69656e74   SOFTWARE 'STUN test client'
    0024 0004 6e0001ff                           PRIORITY
    8029 0008 932ff9b151263b36                   ICE-CONTROLLED, tie-breaker
    0006 0009 6576746a3a68367659 202020          USERNAME 'evtj:h6vY', three bytes of padding
    0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2   MESSAGE-INTEGRITY
    8028 0004 e57a3bcf                           FINGERPRINT";

/// RFC 5769 §2.2: the response, 192.0.2.1:32853.
const RESPONSE_V4: &str = "
    0101 003c 2112a442 b7e7a701bc34d686fa87dfae  Binding success
    8022 000b 7465737420766563746f72 20          SOFTWARE 'test vector'
    0020 0008 00 01 a147 e112a643                XOR-MAPPED-ADDRESS, IPv4
    0008 0014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7
    8028 0004 c07d4c96";

/// RFC 5769 §2.3: the response, [2001:db8:1234:5678:11:2233:4455:6677]:32853.
const RESPONSE_V6: &str = "
    0101 0048 2112a442 b7e7a701bc34d686fa87dfae
    8022 000b 7465737420766563746f72 20
    0020 0014 00 02 a147 0113a9faa5d3f179bc25f4b5bed2b9d9
    0008 0014 a382954e4be67bf11784c97c8292c275bfe3ed41
    8028 0004 c8fb0b4c";

/// RFC 5769 §2.4: long-term credentials; the key is MD5(user:realm:password). No FINGERPRINT.
const LONG_TERM: &str = "
    0001 0060 2112a442 78ad3433c6ad72c029da412e
    0006 0012 e3839ee38388e383aae38383e382afe382b9 0000    USERNAME, six katakana
    0015 001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341   NONCE
    0014 000b 6578616d706c652e6f7267 00                    REALM 'example.org'
    0008 0014 f67024656dd64a3e02b8e0712e85c9a28ca89666";
const LONG_TERM_KEY: &str = "e8ca7ad59d5eb0518e312911d2dab2a9";

/// RFC 8489 §B.1 as its erratum corrects it; the key is SHA-256(user:realm:password).
const SHA256: &str = "
    0001 0090 2112a442 78ad3433c6ad72c029da412e
    001e 0020 4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704    USERHASH
    0015 0029 6f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c394653547679363473 41 000000
    0014 000b 6578616d706c652e6f7267 00
    001d 0004 00020000                                     PASSWORD-ALGORITHM SHA-256
    001c 0020 b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65   MESSAGE-INTEGRITY-SHA256";
const SHA256_KEY: &str = "dd295a613b9058c3c23d6dc7165bda072304d989c9d0af3a8c7e184b4f9bb4a1";

/// Hex groups of each line, up to the first word that is none (the annotation).
fn bytes(text: &str) -> Vec<u8> {
    let is_hex = |word: &&str| word.len().is_multiple_of(2) && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.lines().flat_map(|line| line.split_whitespace().take_while(is_hex));
    let digits: String = words.collect();
    (0..digits.len() / 2).map(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap()).collect()
}

#[test]
fn the_sample_request_verifies_and_reads_as_written() {
    let bytes = bytes(REQUEST);
    let message = MessageView::parse(&bytes).unwrap();
    assert_eq!((message.class(), message.method()), (Class::Request, Method::BINDING));
    message.verify(&IntegrityKey::from_password(PASSWORD)).unwrap();
    assert_eq!(message.verify(&IntegrityKey::from_password("wrong")), Err(IntegrityError::Mismatch));
    assert!(message.has_fingerprint());
    assert_eq!(message.username(), Some("evtj:h6vY"));
    assert_eq!(message.attribute(AttributeType::SOFTWARE), Some(&b"STUN test client"[..]));
    let number = |kind| message.attributes().find(|attribute| attribute.kind == kind).unwrap();
    assert_eq!(number(AttributeType::PRIORITY).u32(), Ok(0x6e00_01ff));
    assert_eq!(number(AttributeType::ICE_CONTROLLED).u64(), Ok(0x932f_f9b1_5126_3b36));
    assert_eq!(message.attributes().count(), 6);
}

#[test]
fn the_sample_responses_carry_their_mapped_addresses() {
    for (sample, expected) in
        [(RESPONSE_V4, "192.0.2.1:32853"), (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        let bytes = bytes(sample);
        let message = MessageView::parse(&bytes).unwrap();
        assert_eq!(message.class(), Class::Success);
        message.verify(&IntegrityKey::from_password(PASSWORD)).unwrap();
        assert_eq!(message.xor_mapped_address().unwrap(), Some(expected.parse().unwrap()));
    }
}

#[test]
fn the_sample_with_long_term_credentials_verifies_under_the_derived_key() {
    let message_bytes = bytes(LONG_TERM);
    let message = MessageView::parse(&message_bytes).unwrap();
    message.verify(&IntegrityKey::from_key(&bytes(LONG_TERM_KEY))).unwrap();
    assert!(!message.has_fingerprint());
    assert_eq!(message.attribute(AttributeType::REALM), Some(&b"example.org"[..]));
}

#[test]
fn the_sample_with_sha256_verifies_and_its_misprinted_form_is_refused() {
    let mut sample = bytes(SHA256);
    let key = IntegrityKey::from_key(&bytes(SHA256_KEY));
    let message = MessageView::parse(&sample).unwrap();
    message.verify_sha256(&key).unwrap();
    assert_eq!(message.verify(&key), Err(IntegrityError::Missing));
    // The RFC's own text says 0x9c where 0x90 bytes follow.
    sample[3] = 0x9c;
    assert_eq!(MessageView::parse(&sample).unwrap_err(), ParseError::Length { declared: 0x9c, actual: 0x90 });
}

#[test]
fn every_truncation_of_every_sample_is_an_error() {
    for sample in [REQUEST, RESPONSE_V4, RESPONSE_V6, LONG_TERM, SHA256] {
        let bytes = bytes(sample);
        for length in 0..bytes.len() {
            assert!(MessageView::parse(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}

#[test]
fn every_changed_bit_of_the_sample_request_is_noticed() {
    let sample = bytes(REQUEST);
    let key = IntegrityKey::from_password(PASSWORD);
    for bit in 0..sample.len() * 8 {
        let mut changed = sample.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let intact = MessageView::parse(&changed)
            .is_ok_and(|message| message.verify(&key).is_ok() && message.has_fingerprint());
        assert!(!intact, "bit {bit}");
    }
}

#[test]
fn what_we_write_is_the_sample_but_for_its_padding() {
    let mut out = Vec::new();
    MessageBuilder::new(
        &mut out,
        Class::Request,
        Method::BINDING,
        TransactionId(*b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"),
    )
    .bytes(AttributeType::SOFTWARE, b"STUN test client")
    .u32(AttributeType::PRIORITY, 0x6e00_01ff)
    .u64(AttributeType::ICE_CONTROLLED, 0x932f_f9b1_5126_3b36)
    .bytes(AttributeType::USERNAME, b"evtj:h6vY")
    .integrity(&IntegrityKey::from_password(PASSWORD))
    .fingerprint()
    .finish()
    .unwrap();
    let sample = bytes(REQUEST);
    assert_eq!(out.len(), sample.len());
    // Up to the padding of USERNAME, which the sample fills with spaces and we, as RFC 8489 §14 asks, with zeros.
    assert_eq!(out[..73], sample[..73]);
    assert_eq!(out[73..76], [0, 0, 0]);
    MessageView::parse(&out).unwrap().verify(&IntegrityKey::from_password(PASSWORD)).unwrap();
}
