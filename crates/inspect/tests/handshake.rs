//! A real handshake, named to its last byte and captured with its keys.

mod run;

use plywood_inspect::dissect;

#[test]
fn every_byte_of_a_real_handshake_has_a_name_and_the_capture_its_keys() {
    let run = run::handshake();
    assert!(run.datagrams.len() >= 4, "{}", run.datagrams.len());
    for datagram in &run.datagrams {
        let tree = dissect(datagram);
        let covered: usize = tree.leaves().iter().map(|leaf| leaf.range.len()).sum();
        assert_eq!(covered, datagram.len());
        assert!(tree.find("Cut short").is_none() && tree.find("Trailing bytes").is_none(), "{tree:?}");
    }
    let first = dissect(&run.datagrams[0]);
    assert_eq!(first.find("Handshake Type").map(|node| node.value.as_str()), Some("CLIENT_HELLO"));
    let file = run.capture.to_bytes();
    let keys = file.windows(13).position(|text| text == b"CLIENT_RANDOM");
    let first_datagram = file.windows(run.datagrams[0].len()).position(|bytes| bytes == run.datagrams[0]);
    assert!(keys.is_some() && keys < first_datagram, "{keys:?} {first_datagram:?}");
}
