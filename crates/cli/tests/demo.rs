//! `plywood demo` from the outside.
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use serde_json::Value;
use support::run;

#[test]
fn once_as_json_prints_exactly_the_documented_object() {
    let output = run(&["demo", "--once", "--json", "--size", "3MiB"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let members: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["bytes", "goodput_mbit_s", "ok", "sha256", "stages"]);
    assert_eq!((report["ok"].as_bool(), report["bytes"].as_u64()), (Some(true), Some(3 << 20)));
    assert_eq!(report["sha256"].as_str().unwrap().len(), 64);
    assert!(report["goodput_mbit_s"].as_f64().unwrap() > 0.0);
    let stages = report["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["gathered", "pair selected", "DTLS done", "SCTP up", "channel open"]);
    for stage in stages {
        let members: Vec<&str> = stage.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["ms", "name", "packets"]);
    }
}

#[test]
fn once_in_words_tells_the_timeline_and_that_the_hashes_are_equal() {
    let output = run(&["demo", "--once", "--size", "64k"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for words in ["gathered", "DTLS done", "channel open", "64 KiB", "equal"] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
}

#[test]
fn a_busy_port_is_said_in_words_and_the_exit_code_is_not_zero() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in ["demo", "serve"] {
        let output = run(&[command, "--listen", &address]);
        assert_eq!(output.status.code(), Some(1));
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("in use by another program") && words.contains("--listen"), "{words}");
    }
}

#[test]
fn unknown_flags_and_sizes_are_refused_with_exit_code_2() {
    assert_eq!(run(&["demo", "--twice"]).status.code(), Some(2));
    let output = run(&["demo", "--size", "many"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("number of bytes"));
    assert_eq!(run(&["dance"]).status.code(), Some(2));
}

#[test]
fn lab_tells_its_scenarios_and_replays_by_seed() {
    let list = run(&["lab", "--list"]);
    assert!(String::from_utf8(list.stdout).unwrap().starts_with("lossy"));
    let first = run(&["lab", "lossy", "--seed", "5", "--json"]);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert_eq!(first.stdout, run(&["lab", "lossy", "--seed", "5", "--json"]).stdout);
    let report: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(report["outcome"]["messages"], 128);
    let unknown = run(&["lab", "nowhere"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("--list"));
}

#[test]
fn inspect_names_the_bytes_of_a_packet() {
    let request = "00 01 00 00 21 12 a4 42 01 02 03 04 05 06 07 08 09 0a 0b 0c";
    let words = run(&["inspect", request]);
    assert!(words.status.success(), "{}", String::from_utf8_lossy(&words.stderr));
    assert!(String::from_utf8(words.stdout).unwrap().contains("Binding request"));
    let tree: Value = serde_json::from_slice(&run(&["inspect", request, "--json"]).stdout).unwrap();
    assert_eq!(tree["range"], serde_json::json!([0, 20]));
    assert_eq!(tree["children"][0]["value"], "Binding request");
    let open = "03 00 00 00 00 00 00 00 00 01 00 00 78"; // DCEP OPEN, label x
    let words = run(&["inspect", "--as", "dcep", open]);
    assert!(String::from_utf8(words.stdout).unwrap().contains("RFC 8832"));
}

#[test]
fn inspect_refuses_what_is_no_packet() {
    for (input, words) in [("xyz", "hex"), ("", "no packet")] {
        let output = run(&["inspect", input]);
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(words), "{told}");
    }
}
