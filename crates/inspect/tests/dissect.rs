//! Every byte of a datagram has one name, whatever it holds.

use plywood_inspect::{Node, annotate, dcep, dissect, sctp};
use proptest::prelude::*;

/// A Binding request of a browser, cut after its USERNAME and PRIORITY.
const CHECK: &[u8] = &[
    0x00, 0x01, 0x00, 0x1c, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, //
    0x00, 0x06, 0x00, 0x05, b'a', b':', b'b', b'c', b'd', 0, 0, 0, // USERNAME, padded
    0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x1e, 0xff, // PRIORITY
    0x00, 0x25, 0x00, 0x00, // USE-CANDIDATE
    0x80, 0x29, 0x00, 0x00, // ICE-CONTROLLED without its value
];

/// An OPEN in a DATA chunk, with a SACK before it.
const OPEN: &[u8] = &[
    0x13, 0x88, 0x13, 0x88, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, // common header
    0x03, 0, 0, 0x18, 0, 0, 0, 9, 0, 2, 0, 0, 0, 1, 0, 1, 0, 2, 0, 3, 0, 0, 0,
    7, // SACK, a gap, a duplicate
    0x00, 0x03, 0, 0x1d, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 50, // DATA, stream 2, PPID 50
    0x03, 0x80, 0x01, 0x00, 0, 0, 0, 0, 0, 1, 0, 0, b'x', 0, 0, 0, // OPEN "x", padded
];

fn assert_covered(tree: &Node, bytes: &[u8]) {
    let mut at = 0;
    for leaf in tree.leaves() {
        assert_eq!(leaf.range.start, at, "{leaf:?}\n{}", annotate(tree, bytes));
        at = leaf.range.end;
    }
    assert_eq!(at, bytes.len());
}

fn value<'a>(tree: &'a Node, field: &str) -> &'a str {
    tree.find(field).map_or("", |node| &node.value)
}

#[test]
fn a_connectivity_check_is_named_to_its_last_byte() {
    let tree = dissect(CHECK);
    assert_covered(&tree, CHECK);
    assert_eq!(value(&tree, "STUN Message Type"), "Binding request");
    assert_eq!(tree.find("USERNAME").map(|node| value(node, "Value")), Some("\"a:bcd\""));
    assert_eq!(value(&tree, "Priority"), "1845501695");
    assert!(tree.find("USE-CANDIDATE").is_some());
}

#[test]
fn a_xor_mapped_address_is_shown_in_the_clear() {
    // RFC 5769 §2.2: 192.0.2.1 port 32853.
    let mut response = vec![0x01, 0x01, 0, 12, 0x21, 0x12, 0xa4, 0x42];
    response.extend_from_slice(&[0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]);
    response.extend_from_slice(&[0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
    let tree = dissect(&response);
    assert_covered(&tree, &response);
    assert_eq!((value(&tree, "Address"), value(&tree, "Port")), ("192.0.2.1", "32853"));
}

#[test]
fn an_open_inside_sctp_is_named_to_its_last_byte() {
    let tree = sctp(OPEN);
    assert_covered(&tree, OPEN);
    assert_eq!(value(&tree, "Message Type"), "DATA_CHANNEL_OPEN");
    assert_eq!(value(&tree, "Channel Type"), "DATA_CHANNEL_RELIABLE_UNORDERED");
    assert_eq!(value(&tree, "Label"), "\"x\"");
    assert_eq!(tree.find("Gap Ack Block End").map(|node| node.meaning.as_ref()), Some("TSN 12"));
    assert_eq!(value(&tree, "Duplicate TSN"), "7");
}

#[test]
fn a_client_hello_and_a_protected_record_are_told_apart() {
    let mut hello = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 58];
    hello.extend_from_slice(&[1, 0, 0, 46, 0, 0, 0, 0, 0, 0, 0, 46, 0xfe, 0xfd]);
    hello.extend_from_slice(&[7; 32]);
    hello.extend_from_slice(&[0, 0, 0, 2, 0x13, 0x01, 1, 0, 0, 4, 0, 23, 0, 0]);
    hello[12] = u8::try_from(hello.len() - 13).unwrap_or(0);
    let body = u8::try_from(hello.len() - 25).unwrap_or(0);
    (hello[16], hello[24]) = (body, body);
    let protected = [0x2f, 0x12, 0x34, 0, 3, 9, 9, 9];
    let both = [&hello[..], &protected[..]].concat();
    let tree = dissect(&both);
    assert_covered(&tree, &both);
    assert_eq!(tree.children.len(), 2);
    assert!(tree.find("Random").is_some() && tree.find("Extension").is_some());
    assert_eq!(value(&tree, "Unified header"), "0b00101111");
}

#[test]
fn what_is_cut_short_says_which_field_and_by_how_much() {
    for bytes in [CHECK, OPEN] {
        for end in 0..bytes.len() {
            assert_covered(&dissect(&bytes[..end]), &bytes[..end]);
            assert_covered(&sctp(&bytes[..end]), &bytes[..end]);
        }
    }
    let tree = dcep(&[3, 0, 1]);
    let cut = tree.find("Cut short").map(|node| node.meaning.as_ref());
    assert_eq!(cut, Some("Priority needs 2 bytes, 1 are left"));
}

#[test]
fn annotated_hexadecimal_has_a_line_for_each_field() {
    let shown = annotate(&dcep(&[2]), &[2]);
    assert_eq!(
        shown,
        "0000                              DCEP message: 1 bytes  [RFC 8832 §5]\n\
         0000  02                            Message Type: DATA_CHANNEL_ACK (the channel is agreed)  [RFC 8832 §8.2.1]\n"
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_are_covered(mut bytes: Vec<u8>, first in 0u8..80) {
        if let Some(byte) = bytes.first_mut() {
            *byte = first;
        }
        assert_covered(&dissect(&bytes), &bytes);
        assert_covered(&sctp(&bytes), &bytes);
        assert_covered(&dcep(&bytes), &bytes);
    }

    #[test]
    fn damaged_packets_are_covered(at in 0usize..60, value: u8) {
        for sample in [CHECK, OPEN] {
            let mut bytes = sample.to_vec();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            assert_covered(&dissect(&bytes), &bytes);
            assert_covered(&sctp(&bytes), &bytes);
        }
    }
}
