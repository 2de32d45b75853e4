//! `plywood inspect`: a packet in, its bytes named.

use std::io::Read as _;

use anyhow::Context as _;

use super::peer::hex;

/// Longest input that is read, in bytes: a datagram is 64 KiB, in hexadecimal with blanks some four times that.
const MAX_INPUT_BYTES: u64 = 1 << 20;

/// Name every byte of a packet.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The packet in hexadecimal digits; blanks and colons do not matter. Without it: from stdin.
    hex: Option<String>,
    /// Print one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// Dissects one packet.
///
/// # Errors
/// No hexadecimal digits, or nothing that the dissector knows.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let text = match &args.hex {
        Some(text) => text.clone(),
        None => {
            let mut text = String::new();
            std::io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut text).context("cannot read stdin")?;
            text
        }
    };
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != ':').collect();
    let packet = hex(&digits).map_err(anyhow::Error::msg)?;
    anyhow::ensure!(!packet.is_empty(), "no packet: give its bytes in hexadecimal digits");
    let _ = args.json;
    anyhow::bail!("{} bytes read; the dissector is not built yet (docs/roadmap.md)", packet.len())
}
