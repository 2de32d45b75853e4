//! A capture is read back, opened with the keys inside it, and the SCTP and DCEP in it are named.

mod run;

use plywood_dtls::{Versions, provider};
use plywood_inspect::{Conversations, Explained, read_capture};

fn explain(versions: Versions, with_keys: bool) -> Vec<Explained> {
    let file = read_capture(&run::connection(versions).wire_only.to_bytes()).expect("our own capture");
    let keys = if with_keys { file.key_log.as_str() } else { "" };
    let mut conversations = Conversations::new(provider::rustcrypto(), keys);
    file.packets.iter().map(|packet| conversations.explain(packet)).collect()
}

#[test]
fn both_versions_open_with_the_keys_in_the_capture_down_to_dcep() {
    for versions in [Versions::ONLY_1_2, Versions::ONLY_1_3] {
        let explained = explain(versions, true);
        let closed: Vec<_> = explained.iter().flat_map(|packet| &packet.closed).collect();
        assert!(closed.is_empty(), "{closed:?}");
        let summaries: Vec<&str> = explained.iter().map(|packet| packet.summary.as_str()).collect();
        assert!(summaries[0].starts_with("DTLS CLIENT_HELLO"), "{summaries:#?}");
        assert!(summaries.iter().any(|line| line.contains("FINISHED}")), "{summaries:#?}");
        assert!(summaries.contains(&"DTLS data > SCTP INIT"), "{summaries:#?}");
        let open = summaries.iter().find(|line| line.contains("DATA_CHANNEL_OPEN")).expect("a DCEP message");
        assert_eq!(*open, "DTLS data > SCTP DATA stream 0 > DCEP DATA_CHANNEL_OPEN \"chat\"");
        let inside = explained.iter().flat_map(|packet| &packet.opened);
        for record in inside {
            let covered: usize = record.tree.leaves().iter().map(|leaf| leaf.range.len()).sum();
            assert_eq!(covered, record.plaintext.len());
        }
        assert!(summaries.last().expect("packets").contains("CLOSE_NOTIFY"), "{summaries:#?}");
    }
}

#[test]
fn the_numbers_of_1_3_are_shown_whole() {
    let explained = explain(Versions::ONLY_1_3, true);
    let numbers: Vec<(u64, u64)> =
        explained.iter().flat_map(|packet| &packet.opened).map(|record| record.number).collect();
    assert!(
        numbers.contains(&(2, 0)) && numbers.contains(&(3, 0)) && numbers.contains(&(3, 1)),
        "{numbers:?}"
    );
}

#[test]
fn without_keys_a_record_says_so() {
    for versions in [Versions::ONLY_1_2, Versions::ONLY_1_3] {
        let explained = explain(versions, false);
        assert!(explained.iter().all(|packet| packet.opened.is_empty()));
        assert!(explained.iter().any(|packet| packet.summary.contains("protected record (no key for it)")));
    }
}

#[test]
fn keys_of_another_connection_open_nothing() {
    let file = read_capture(&run::connection(Versions::ONLY_1_3).wire_only.to_bytes()).expect("a capture");
    // The right random with wrong secrets: nothing authenticates.
    let wrong: String =
        file.key_log.lines().map(|line| format!("{}\n", line[..line.len() - 2].to_owned() + "00")).collect();
    let mut conversations = Conversations::new(provider::rustcrypto(), &wrong);
    let mut closed = 0;
    for packet in &file.packets {
        let explained = conversations.explain(packet);
        assert!(explained.opened.is_empty());
        closed += explained.closed.len();
    }
    assert!(closed > 3);
}
