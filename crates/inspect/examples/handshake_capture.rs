//! Writes a simulated DTLS handshake as a capture that opens decrypted: `.. --example handshake_capture FILE`.
#![expect(clippy::print_stdout, reason = "an example")]

#[path = "../tests/run/mod.rs"]
mod run;

use plywood_inspect::{annotate, dissect};

fn main() -> std::io::Result<()> {
    let run = run::handshake();
    for (number, datagram) in run.datagrams.iter().enumerate() {
        let tree = dissect(datagram);
        println!("datagram {number}, {} bytes, {} fields", datagram.len(), tree.leaves().len());
    }
    println!(
        "\nThe first one, to its last byte:\n{}",
        annotate(&dissect(&run.datagrams[0]), &run.datagrams[0])
    );
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(&path, run.capture.to_bytes())?;
        println!("{path} holds all of them and the keys.");
    }
    Ok(())
}
