//! Writes a simulated DTLS handshake as a capture that opens decrypted: `.. --example handshake_capture FILE [1.3]`.
#![expect(clippy::print_stdout, reason = "an example")]

#[path = "../tests/run/mod.rs"]
mod run;

use plywood_inspect::{annotate, dissect};

fn main() -> std::io::Result<()> {
    let is_13 = std::env::args().nth(2).is_some_and(|version| version == "1.3");
    let run = if is_13 { run::connection(plywood_dtls::Versions::ONLY_1_3) } else { run::handshake() };
    for (number, datagram) in run.datagrams.iter().enumerate() {
        let tree = dissect(datagram);
        println!("datagram {number}, {} bytes, {} fields", datagram.len(), tree.leaves().len());
    }
    println!(
        "\nThe first one, to its last byte:\n{}",
        annotate(&dissect(&run.datagrams[0]), &run.datagrams[0])
    );
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(&path, run.wire_only.to_bytes())?;
        println!("{path} holds all of them and the keys.");
    }
    Ok(())
}
