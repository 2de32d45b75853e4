//! `plywood inspect`: a packet or a capture in, its bytes named.
//!
//! ```text
//!   inspect 000100..          one packet, byte by byte
//!   inspect FILE              a line a packet: time, who to whom, layers from the outside in
//!   inspect FILE --packet N   that packet byte by byte, and what its records held, if the keys are there
//! ```

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use plywood::peer::plies::dtls::provider;
use plywood_inspect::{CaptureFile, Conversations, Explained, Node, Packet};
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

/// Name every byte of a packet, or tell a capture packet by packet.
///
/// Each byte gets the name that the RFC gives it, where the RFC says so, its value, and what it means here. DTLS 1.2
/// and 1.3 are opened with a key log: the one inside a pcapng file, or one beside it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A capture (pcapng or pcap), or one packet in hexadecimal digits, where blanks and colons do not matter.
    /// Without it: a packet in digits from stdin.
    #[arg(value_name = "FILE|HEX")]
    input: Vec<String>,
    /// Of a capture: this packet, byte by byte; the first is 1.
    #[arg(long, value_name = "N")]
    packet: Option<usize>,
    /// DTLS secrets, as `plywood peer --opt keylog=FILE` and SSLKEYLOGFILE of browsers write them.
    #[arg(long, value_name = "FILE")]
    keylog: Option<PathBuf>,
    /// What the bytes are.
    #[arg(long = "as", value_enum, default_value = "datagram")]
    ply: Ply,
    /// Print one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  plywood inspect 0001000021 12a442 0102030405060708090a0b0c     a STUN request
  plywood inspect connection.pcapng                              what happened, a line a packet
  plywood inspect connection.pcapng --packet 7                   every byte of the seventh
  plywood inspect dump.pcap --keylog keys.txt --json             for a script: one JSON object a packet";

/// The longest capture that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Dissects one packet, or a capture.
///
/// # Errors
/// No packet, no hexadecimal digits, no capture, or no packet of that number in it.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let [path] = &args.input[..]
        && Path::new(path).is_file()
    {
        return capture(Path::new(path), args);
    }
    anyhow::ensure!(
        args.packet.is_none() && args.keylog.is_none(),
        "--packet and --keylog go with a capture file, and there is no such file"
    );
    let mut text = args.input.join(" ");
    if args.input.is_empty() {
        std::io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut text).context("cannot read stdin")?;
    }
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != ':').collect();
    anyhow::ensure!(
        digits.chars().all(|digit| digit.is_ascii_hexdigit()),
        "{text} is neither a file that can be read nor a packet in hexadecimal digits"
    );
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

fn capture(path: &Path, args: &Args) -> anyhow::Result<()> {
    let name = path.display();
    let size = path.metadata().with_context(|| format!("cannot read {name}"))?.len();
    anyhow::ensure!(size <= MAX_FILE_BYTES, "{name} has over {} MiB", MAX_FILE_BYTES >> 20);
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let file = plywood_inspect::read_capture(&bytes).with_context(|| name.to_string())?;
    let mut key_log = file.key_log.clone();
    if let Some(path) = &args.keylog {
        let lines = std::fs::read_to_string(path);
        key_log.push_str(&lines.with_context(|| format!("cannot read {}", path.display()))?);
    }
    let mut conversations = Conversations::new(provider::ring(), &key_log);
    let secrets = conversations.secrets();
    // All packets up to the one wanted: keys come from hellos long before.
    let explained: Vec<Explained> = file.packets.iter().map(|packet| conversations.explain(packet)).collect();
    if let Some(number) = args.packet {
        let index = number.checked_sub(1).filter(|index| *index < explained.len());
        let index =
            index.with_context(|| format!("{name} has packets 1 to {}, not {number}", explained.len()))?;
        return one(number, &file.packets[index], &explained[index], args.json);
    }
    if args.json {
        for (number, (packet, explained)) in (1..).zip(file.packets.iter().zip(&explained)) {
            say(&packet_json(number, packet, explained).to_string());
        }
    } else {
        say(&table(&file, &explained, secrets));
    }
    Ok(())
}

/// A line a packet.
fn table(file: &CaptureFile, explained: &[Explained], secrets: usize) -> String {
    let ends = |packet: &Packet| format!("{} > {}", packet.from, packet.to);
    let width = file.packets.iter().map(|packet| ends(packet).len()).max().unwrap_or(0);
    let mut out =
        format!("{:>5} {:>10}  {:<width$} {:>5}  layers, from the outside in\n", "", "ms", "who", "bytes");
    for (number, (packet, explained)) in (1..).zip(file.packets.iter().zip(explained)) {
        let millis = packet.at.as_secs_f64() * 1000.0;
        let (ends, length) = (ends(packet), packet.payload.len());
        // A String takes everything.
        let _ =
            writeln!(out, "{number:>5} {millis:>10.3}  {ends:<width$} {length:>5}  {}", explained.summary);
    }
    let opened: usize = explained.iter().map(|packet| packet.opened.len()).sum();
    let closed: usize = explained.iter().map(|packet| packet.closed.len()).sum();
    let _ = write!(out, "\n{} packets; {opened} DTLS records opened with {secrets} secrets", explained.len());
    if closed > 0 {
        let _ = write!(out, ", {closed} not (a key log beside the file: --keylog FILE)");
    }
    if file.skipped > 0 {
        let _ = write!(out, "; {} packets are neither UDP nor SCTP", file.skipped);
    }
    let _ = write!(out, "\n{{..}} was encrypted. Every byte of one packet: --packet N");
    out
}

/// One packet, byte by byte; behind it what its records held.
fn one(number: usize, packet: &Packet, explained: &Explained, json: bool) -> anyhow::Result<()> {
    if json {
        say(&packet_json(number, packet, explained).to_string());
        return Ok(());
    }
    say(&format!(
        "packet {number}, {:.3} ms, {} > {}, {} bytes: {}\n",
        packet.at.as_secs_f64() * 1000.0,
        packet.from,
        packet.to,
        packet.payload.len(),
        explained.summary
    ));
    say(plywood_inspect::annotate(&explained.tree, &packet.payload).trim_end());
    for record in &explained.opened {
        let (epoch, sequence) = record.number;
        say(&format!(
            "\nrecord {} of the datagram, decrypted: {}, epoch {epoch}, number {sequence}, {} bytes\n",
            record.index + 1,
            record.content_type,
            record.plaintext.len()
        ));
        say(plywood_inspect::annotate(&record.tree, &record.plaintext).trim_end());
    }
    for reason in &explained.closed {
        say(&format!("\na record stays closed: {reason}"));
    }
    Ok(())
}

fn packet_json(number: usize, packet: &Packet, explained: &Explained) -> Value {
    let opened = explained.opened.iter().map(|record| {
        json!({
            "record": record.index + 1,
            "epoch": record.number.0,
            "number": record.number.1,
            "content": record.content_type,
            "tree": as_json(&record.tree),
        })
    });
    json!({
        "packet": number,
        "ms": packet.at.as_secs_f64() * 1000.0,
        "from": packet.from,
        "to": packet.to,
        "bytes": packet.payload.len(),
        "summary": explained.summary,
        "tree": as_json(&explained.tree),
        "opened": opened.collect::<Vec<_>>(),
        "closed": explained.closed,
    })
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
