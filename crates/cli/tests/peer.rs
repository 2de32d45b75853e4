//! `plywood peer`: the contract, between two processes.
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use serde_json::{Value, json};
use support::{Process, run};

/// Starts two peers.
fn pair(right: &[&str]) -> (Process, Process) {
    let mut processes = [&[][..], right].map(|more| {
        let mut process = Process::start(&[&["peer", "--bind", "127.0.0.1"], more].concat());
        assert_eq!(process.next(), json!({ "type": "ready", "impl": "plywood" }));
        process
    });
    let right = std::mem::replace(&mut processes[1], Process::start(&["peer", "--bind", "127.0.0.1"]));
    let [left, _] = processes;
    (left, right)
}

/// Carries signalling between them until `done` says so.
fn carry(left: &mut Process, right: &mut Process, mut done: impl FnMut(&Process, &Process) -> bool) {
    let begun = std::time::Instant::now();
    while !done(left, right) {
        assert!(begun.elapsed() < support::PATIENCE, "left {:#?}\nright {:#?}", left.seen, right.seen);
        relay(left, right);
        relay(right, left);
    }
}

fn relay(from: &mut Process, to: &mut Process) {
    while let Some(line) = from.try_next() {
        let kind = line["type"].as_str().unwrap();
        if ["offer", "answer", "candidate", "end-of-candidates"].contains(&kind) {
            to.command(&line);
        }
    }
}

fn count(process: &Process, matches: impl Fn(&Value) -> bool) -> usize {
    process.seen.iter().filter(|line| matches(line)).count()
}

fn has(process: &Process, kind: &str) -> bool {
    count(process, |line| line["type"] == kind) > 0
}

fn is_state(line: &Value, state: &str) -> bool {
    line["type"] == "state" && line["state"] == state
}

#[test]
fn two_processes_connect_echo_and_close() {
    let (mut left, mut right) = pair(&["--echo"]);
    left.command(&json!({ "type": "create-offer", "channels": [
        { "ch": "c1", "label": "one", "protocol": "p" },
        { "ch": "c2", "ordered": false, "maxRetransmits": 2 },
    ] }));
    left.command(&json!({ "type": "send", "ch": "c1", "kind": "text", "text": "\u{0}\u{10FFFF}" }));
    left.command(&json!({ "type": "send", "ch": "c1", "kind": "binary", "hex": "" }));
    left.command(&json!({ "type": "send", "ch": "c1", "kind": "binary", "size": 3000, "seed": 42 }));
    left.command(
        &json!({ "type": "send", "ch": "c1", "kind": "binary", "size": 262_144, "seed": 1, "count": 3 }),
    );
    carry(&mut left, &mut right, |left, _| count(left, |line| line["type"] == "message") == 6);

    // The description first, then its candidates, then their end.
    let order: Vec<&str> = left
        .seen
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .filter(|kind| ["offer", "candidate", "end-of-candidates"].contains(kind))
        .collect();
    assert_eq!(order, ["offer", "candidate", "end-of-candidates"]);
    // Channels open before their first message, and once.
    let opened = left.seen.iter().find(|line| line["type"] == "open" && line["ch"] == "c2").unwrap();
    assert_eq!((&opened["ordered"], &opened["maxRetransmits"]), (&json!(false), &json!(2)));
    assert_eq!((&opened["maxPacketLifeTime"], &opened["remote"]), (&Value::Null, &json!(false)));
    let named: Vec<_> = right.seen.iter().filter(|line| line["type"] == "open").collect();
    assert_eq!((&named[0]["ch"], &named[0]["label"]), (&json!("r1"), &json!("one")));
    assert_eq!((&named[0]["protocol"], &named[0]["remote"]), (&json!("p"), &json!(true)));
    // Echoes, by length and hash.
    let echoes: Vec<_> = left.seen.iter().filter(|line| line["type"] == "message").collect();
    assert_eq!((&echoes[0]["kind"], &echoes[0]["len"]), (&json!("text"), &json!(5)));
    assert_eq!((&echoes[1]["kind"], &echoes[1]["len"]), (&json!("binary"), &json!(0)));
    let hash = "42983876c86b8b2b4b07e726ab499a0091899bf8d7262c47dcd25215e55b4957";
    assert_eq!(echoes[2]["sha256"], hash);
    assert!(count(&left, |line| line["type"] == "sent" && line["count"] == 3) == 1);

    left.command(&json!({ "type": "stats" }));
    let stats = left.wait("stats");
    assert_eq!(stats["remote"]["address"], "127.0.0.1");
    assert!(["FEFD", "FEFC"].contains(&stats["dtls"]["version"].as_str().unwrap()));
    assert_eq!(stats["dtls"]["role"], "server");
    assert_eq!(stats["interleaving"], true);

    left.command(&json!({ "type": "close-channel", "ch": "c2" }));
    assert_eq!(left.wait("channel-closed")["ch"], "c2");
    assert_eq!(right.wait("channel-closed")["ch"], "r2");

    // The end: every channel's, then the connection's, on both sides; and the processes stay.
    left.command(&json!({ "type": "close" }));
    for (process, channel) in [(&mut left, "c1"), (&mut right, "r1")] {
        assert_eq!(process.wait("channel-closed")["ch"], channel);
        let state = process.wait("state");
        assert_eq!(state["state"], "closed");
        process.command(&json!({ "type": "stats" }));
        assert_eq!(process.wait("error")["where"], "stats");
    }
    left.command(&json!({ "type": "quit" }));
    assert_eq!((left.end(), right.end()), (Some(0), Some(0)));
}

#[test]
fn sinks_count_and_hash_what_is_generated() {
    let (mut left, mut right) = pair(&[]);
    left.command(&json!({ "type": "create-offer", "channels": [{ "ch": "bulk" }] }));
    carry(&mut left, &mut right, |left, right| has(left, "open") && has(right, "open"));
    right.command(&json!({ "type": "sink", "ch": "r1", "count": 200 }));
    assert_eq!(right.wait("sink-ready")["ch"], "r1");
    left.command(
        &json!({ "type": "send", "ch": "bulk", "kind": "text", "size": 65_536, "count": 200, "seed": 9 }),
    );
    let (sent, received) = (left.wait("sent"), right.wait("sink-done"));
    assert_eq!(received["count"], 200);
    assert_eq!(received["bytes"], 200 * 65_536);
    assert_eq!(sent["sha256"], received["sha256"]);
    assert!(!has(&right, "message"));
}

#[test]
fn channels_open_from_both_sides_also_negotiated_and_before_the_offer() {
    let (mut left, mut right) = pair(&[]);
    right.command(&json!({ "type": "open-channel", "ch": "n", "negotiated": true, "id": 200 }));
    right.command(&json!({ "type": "open-channel", "ch": "early", "label": "from the answerer" }));
    let negotiated = json!({ "ch": "n", "negotiated": true, "id": 200 });
    left.command(&json!({ "type": "create-offer", "channels": [negotiated, { "ch": "c1" }] }));
    carry(&mut left, &mut right, |left, right| {
        let opens = |process: &Process| count(process, |line| line["type"] == "open");
        opens(left) == 3 && opens(right) == 3
    });
    assert!(count(&left, |line| line["label"] == "from the answerer" && line["remote"] == true) == 1);
    right.command(&json!({ "type": "send", "ch": "n", "kind": "text", "text": "hi" }));
    assert_eq!(left.wait("message")["ch"], "n");
}

#[test]
fn an_ice_restart_by_either_side_keeps_the_traffic() {
    let (mut left, mut right) = pair(&["--echo"]);
    left.command(&json!({ "type": "create-offer", "channels": [{ "ch": "c1" }] }));
    carry(&mut left, &mut right, |left, right| has(left, "open") && has(right, "open"));
    for round in 1..=2 {
        let first = if round == 1 { &mut left } else { &mut right };
        first.command(&json!({ "type": "restart-ice" }));
        carry(&mut left, &mut right, |left, right| {
            let ends = |process: &Process| count(process, |line| line["type"] == "end-of-candidates");
            ends(left) > round && ends(right) > round
        });
        left.command(&json!({ "type": "send", "ch": "c1", "kind": "text", "text": format!("{round}") }));
        carry(&mut left, &mut right, |left, _| count(left, |line| line["type"] == "message") == round);
    }
    assert_eq!(count(&left, |line| is_state(line, "failed") || is_state(line, "closed")), 0);
}

#[test]
fn lines_that_cannot_be_used_are_answered_with_line_and_reason() {
    let mut peer = Process::start(&["peer", "--bind", "127.0.0.1"]);
    assert_eq!(peer.wait("ready")["impl"], "plywood");
    let bad = [
        ("{\"type\":\"create-offer\"", "json", "not JSON"),
        ("", "", ""),
        ("nonsense", "json", "not JSON"),
        ("[]", "json", "line 4"),
        (r#"{"type":"dance"}"#, "dance", "dance"),
        (r#"{"type":"send","ch":"x","kind":"text"}"#, "send", "no channel"),
        (r#"{"type":"offer","sdp":"v=0\r\nfoo\r\n"}"#, "offer", "line"),
        (r#"{"type":"candidate","candidate":"candidate:oops"}"#, "candidate", ""),
        (r#"{"type":"answer","sdp":""}"#, "answer", ""),
        (r#"{"type":"open-channel","ch":"a","negotiated":true}"#, "open-channel", "id"),
        (
            r#"{"type":"open-channel","ch":"a","maxRetransmits":1,"maxPacketLifeTime":1}"#,
            "open-channel",
            "exclude",
        ),
    ];
    for (number, (line, place, reason)) in (1..).zip(bad) {
        peer.write(line);
        if line.is_empty() {
            continue; // blank lines are nothing
        }
        let error = peer.next();
        assert_eq!((error["type"].as_str(), error["where"].as_str()), (Some("error"), Some(place)), "{line}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("line {number}: ")), "{message}");
        assert!(message.contains(reason), "{message}");
    }
    peer.write(r#"{"type":"create-offer","channels":[{"ch":"c"}]}"#);
    assert!(peer.next()["sdp"].as_str().unwrap().starts_with("v=0\r\n"));
    peer.write(r#"{"type":"open-channel","ch":"c"}"#);
    assert!(peer.wait("error")["message"].as_str().unwrap().contains("in use"));
    assert_eq!(peer.end(), Some(0));
}

#[test]
fn flags_are_those_of_the_contract() {
    assert_eq!(run(&["peer", "--unknown"]).status.code(), Some(2));
    let mut peer = Process::start(&[
        "peer",
        "--echo",
        "--bind",
        "127.0.0.1",
        "--mdns",
        "--loopback",
        "--opt",
        "unknown=1",
        "--opt",
        "dtls=12",
        "--ice-server",
        "stun:127.0.0.1:3478",
    ]);
    assert_eq!(peer.wait("ready")["impl"], "plywood");
    assert_eq!(peer.end(), Some(0));
    assert_eq!(run(&["peer", "--relay-only"]).status.code(), Some(1));
}
