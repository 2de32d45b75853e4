//! Wireshark's command-line program, another reader of the same file: what it shows decrypted.
//!
//! Skipped in words where there is no tshark; `PLYWOOD_REQUIRE_TSHARK=1` makes that a failure.

mod run;

use std::process::Command;

use plywood_dtls::Versions;

/// What tshark says of a file; `None` where there is none.
fn tshark(file: &std::path::Path, arguments: &[&str]) -> Option<String> {
    match Command::new("tshark").arg("-r").arg(file).args(arguments).output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => {
            assert!(std::env::var_os("PLYWOOD_REQUIRE_TSHARK").is_none(), "no tshark: {error}");
            eprintln!("not judged: no tshark on this machine");
            None
        }
    }
}

fn file(name: &str, versions: Versions) -> std::path::PathBuf {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, run::connection(versions).wire_only.to_bytes()).expect("the folder of the tests");
    path
}

#[test]
fn debians_tshark_opens_a_1_2_capture_with_the_keys_inside_down_to_sctp() {
    let path = file("dtls12.pcapng", Versions::ONLY_1_2);
    // It does not know by itself that SCTP is inside (RFC 8261): the port says so.
    let port = format!("dtls.port=={},sctp", run::PORTS[1]);
    let Some(said) = tshark(&path, &["-d", &port, "-V"]) else { return };
    assert!(said.contains("Handshake Type: Finished"), "the Finished is encrypted:\n{said}");
    assert!(said.contains("Stream Control Transmission Protocol"), "{said}");
    assert!(said.contains("INIT chunk"), "{said}");
}

#[test]
fn a_1_3_capture_is_judged_where_tshark_knows_the_version() {
    let path = file("dtls13.pcapng", Versions::ONLY_1_3);
    let port = format!("dtls.port=={},sctp", run::PORTS[1]);
    let Some(said) = tshark(&path, &["-d", &port, "-V"]) else { return };
    // Wireshark reads the unified header since 4.2 or so; Debian 12 has 4.0, which calls such records malformed.
    if said.contains("INIT chunk") {
        assert!(said.contains("Stream Control Transmission Protocol"), "{said}");
    } else {
        eprintln!("not judged: this tshark does not decrypt DTLS 1.3");
    }
}
