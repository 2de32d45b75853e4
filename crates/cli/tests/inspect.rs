//! `plywood inspect FILE`: a capture told packet by packet.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use plywood_inspect::Capture;

/// A Binding request and its twin, five milliseconds later.
fn file(name: &str) -> PathBuf {
    let request = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let (a, b) = (SocketAddr::from(([192, 0, 2, 1], 1000)), SocketAddr::from(([192, 0, 2, 2], 2000)));
    let mut capture = Capture::new();
    capture.add_datagram(Duration::ZERO, a, b, &request);
    capture.add_datagram(Duration::from_millis(5), b, a, &request);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, capture.to_bytes()).unwrap();
    path
}

fn inspect(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plywood")).arg("inspect").args(arguments).output().unwrap()
}

#[test]
fn a_capture_is_told_a_line_a_packet() {
    let path = file("two.pcapng");
    let output = inspect(&[path.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line = said.lines().nth(2).unwrap();
    assert!(line.contains("5.000  192.0.2.2:2000 > 192.0.2.1:1000"), "{said}");
    assert!(line.contains("20  STUN Binding request"), "{said}");
}

#[test]
fn one_packet_is_told_byte_by_byte_and_one_that_is_not_there_is_named() {
    let path = file("one.pcapng");
    let output = inspect(&[path.to_str().unwrap(), "--packet", "2"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("0004  21 12 a4 42") && said.contains("RFC 8489"), "{said}");
    let output = inspect(&[path.to_str().unwrap(), "--packet", "3"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("has packets 1 to 2, not 3"), "{said}");
}

#[test]
fn each_packet_is_one_object_for_a_script() {
    let path = file("json.pcapng");
    let output = inspect(&[path.to_str().unwrap(), "--json"]);
    let said = String::from_utf8(output.stdout).unwrap();
    let packets: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(packets.len(), 2);
    assert_eq!(packets[1]["from"], "192.0.2.2:2000");
    assert_eq!(packets[1]["tree"]["field"], "STUN message");
}

#[test]
fn the_examples_of_the_help_do_what_they_say() {
    let help = inspect(&["--help"]);
    let help = String::from_utf8(help.stdout).unwrap();
    let example = help.lines().find(|line| line.contains("a STUN request")).unwrap();
    let digits: Vec<_> = example.split_whitespace().skip(2).take(3).collect();
    let output = inspect(&digits);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("STUN message") && output.status.success(), "{digits:?}: {said}");
}

#[test]
fn a_file_that_is_not_there_is_said_to_be_none() {
    for name in ["no-such-file.pcapng", "/no/such/file"] {
        let output = inspect(&[name]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&format!("{name} is neither a file that can be read nor")), "{said}");
        assert!(!output.status.success());
    }
}
