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
    let port = format!("dtls.port=={},data", run::PORTS[1]);
    let Some(said) = tshark(&path, &["-d", &port, "-V", "-x"]) else { return };
    assert!(said.contains("Handshake Type: Finished"), "the Finished is encrypted:\n{said}");
    // tshark 4.0 cannot be told that SCTP is inside (RFC 8261), but shows what it decrypted: INIT, then DATA.
    assert!(
        said.contains("Decrypted DTLS (32 bytes)") && said.contains("Decrypted DTLS (44 bytes)"),
        "{said}"
    );
    assert!(said.contains("13 88 13 88 00 00 00 00 9f 8a 08 62 01 00 00 14"), "the SCTP INIT:\n{said}");
    assert!(said.contains("13 88 13 88 ca fe ba be 00 00 00 00 00 03 00 20"), "the SCTP DATA:\n{said}");
    // The same bytes as a packet of their own, as our captures can hold them: it names the chunks.
    let path = path.with_file_name("dtls12-sctp.pcapng");
    std::fs::write(&path, run::connection(Versions::ONLY_1_2).capture.to_bytes())
        .expect("the folder of the tests");
    let Some(said) = tshark(&path, &["-V"]) else { return };
    assert!(said.contains("INIT chunk") && said.contains("DATA chunk"), "{said}");
    assert!(said.contains("DATA_CHANNEL_OPEN") || said.contains("WebRTC Data Channel"), "{said}");
}

#[test]
fn a_1_3_capture_is_judged_where_tshark_knows_the_version() {
    let path = file("dtls13.pcapng", Versions::ONLY_1_3);
    let port = format!("dtls.port=={},data", run::PORTS[1]);
    let Some(said) = tshark(&path, &["-d", &port, "-V", "-x"]) else { return };
    // Debian 12 has 4.0, which does not know the unified header.
    if said.contains("Decrypted DTLS") {
        assert!(said.contains("13 88 13 88 00 00 00 00 9f 8a 08 62 01 00 00 14"), "the SCTP INIT:\n{said}");
    } else {
        eprintln!("not judged: this tshark does not decrypt DTLS 1.3");
    }
}
