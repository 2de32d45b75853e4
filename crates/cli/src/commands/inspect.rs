//! `plywood inspect`: a packet in, its bytes named.

use std::io::Read as _;

use anyhow::Context as _;
use plywood_inspect::Node;
use serde_json::{Value, json};

use super::peer::hex;

/// Longest input that is read, in bytes: a datagram is 64 KiB, in hexadecimal with blanks some four times that.
const MAX_INPUT_BYTES: u64 = 1 << 20;

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Ply {
    /// A UDP datagram: its first byte decides (RFC 9443).
    Datagram,
    Stun,
    Dtls,
    /// What a DTLS record of a data channel holds in the clear.
    Sctp,
    /// A message of the data channel establishment protocol.
    Dcep,
}

/// Name every byte of a packet.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The packet in hexadecimal digits; blanks and colons do not matter. Without it: from stdin.
    hex: Option<String>,
    /// What the bytes are.
    #[arg(long = "as", value_enum, default_value = "datagram")]
    ply: Ply,
    /// Print one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// Dissects one packet.
///
/// # Errors
/// No packet, or no hexadecimal digits.
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
    let tree = match args.ply {
        Ply::Datagram => plywood_inspect::dissect(&packet),
        Ply::Stun => plywood_inspect::stun(&packet),
        Ply::Dtls => plywood_inspect::dtls(&packet),
        Ply::Sctp => plywood_inspect::sctp(&packet),
        Ply::Dcep => plywood_inspect::dcep(&packet),
    };
    if args.json {
        say(&as_json(&tree).to_string());
    } else {
        say(plywood_inspect::annotate(&tree, &packet).trim_end());
    }
    Ok(())
}

fn as_json(node: &Node) -> Value {
    json!({
        "range": [node.range.start, node.range.end],
        "field": node.field,
        "reference": node.reference,
        "value": node.value,
        "meaning": node.meaning,
        "children": node.children.iter().map(as_json).collect::<Vec<_>>(),
    })
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn say(line: &str) {
    println!("{line}");
}
