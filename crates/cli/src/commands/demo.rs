//! `plywood demo`: the whole stack, end to end, on the machine it stands on.
//!
//! Two peers in one process exchange descriptions in memory and everything else as UDP over loopback; the
//! timeline shows what each ply needed, then bytes travel and are compared by hash.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use plywood::{
    Config, CongestionControl, DataChannel, DataChannelInit, PeerConnection, PeerEvent, Stage, StageName,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::serve;
use crate::{hash, size, words};

/// Bytes of one message: under what every browser takes.
const MESSAGE_BYTES: usize = 64 << 10;
/// A setup over loopback takes milliseconds; one that takes this long will not come.
const SETUP_PATIENCE: Duration = Duration::from_secs(20);

/// Two peers in this process, over loopback UDP.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stop after the transfer instead of serving the page.
    #[arg(long)]
    once: bool,
    /// How much to transfer.
    #[arg(long, default_value = "100MiB", value_parser = size::parse)]
    size: u64,
    /// How a sender finds its speed: cubic, newreno, or bbr (a model of the path, for lossy and long ones).
    #[arg(long, default_value = "cubic", value_name = "NAME")]
    congestion: CongestionControl,
    /// Print one JSON object instead of words.
    #[arg(long)]
    json: bool,
    /// Where to serve the page afterwards.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
}

/// What the demonstration found out.
struct Report {
    stages: Vec<Stage>,
    bytes: u64,
    sha256_sent: String,
    sha256_received: String,
    elapsed: Duration,
}

impl Report {
    fn ok(&self) -> bool {
        self.sha256_sent == self.sha256_received
    }

    /// Application bytes over time.
    fn goodput_mbit_s(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64().max(1e-9);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people; 2^53 bytes are out of reach")]
        let bits = self.bytes as f64 * 8.0;
        (bits / seconds / 1e3).round() / 1e3
    }

    fn to_json(&self) -> Value {
        json!({
            "ok": self.ok(),
            "stages": self.stages.iter().map(words::stage).collect::<Vec<_>>(),
            "bytes": self.bytes,
            "sha256": self.sha256_received,
            "goodput_mbit_s": self.goodput_mbit_s(),
        })
    }
}

/// Connects, transfers, compares; then serves.
///
/// # Errors
/// No runtime, a busy port, no connection, or bytes that changed on the way.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = super::runtime()?;
    runtime.block_on(async {
        // The port first: whoever cannot have it should not wait for the transfer to learn that.
        let server = if args.once { None } else { Some(serve::Server::bind(args.listen, &[]).await?) };
        let report = demonstrate(args).await?;
        if args.json {
            say(&report.to_json().to_string());
        }
        ensure!(
            report.ok(),
            "the bytes changed on the way: {} / {}",
            report.sha256_sent,
            report.sha256_received
        );
        match server {
            Some(server) => server.run(!args.json).await,
            None => Ok(()),
        }
    })
}

async fn demonstrate(args: &Args) -> anyhow::Result<Report> {
    if !args.json {
        say("plywood demo: two peers in this process, over UDP on 127.0.0.1\n");
        say(&format!("  {:<15} {:>11} {:>11} {:>9}", "stage", "at", "took", "packets"));
    }
    let config = Config { congestion: args.congestion, ..Config::loopback_only() };
    let (alice, bob) = (PeerConnection::new(&config)?, PeerConnection::new(&config)?);
    let setup = connect(&alice, &bob, !args.json);
    let (sender, receiver, stages) =
        tokio::time::timeout(SETUP_PATIENCE, setup).await.context("no connection after 20 seconds")??;
    let report = transfer(args, sender, receiver, stages).await?;
    if !args.json {
        let rate = report.goodput_mbit_s();
        say(&format!(
            "\n  {} in {:.2?}: {rate:.0} Mbit/s of goodput",
            size::display(report.bytes),
            report.elapsed
        ));
        say(&format!(
            "  SHA-256 sent     {}\n          received {}",
            report.sha256_sent, report.sha256_received
        ));
        say(if report.ok() { "  equal" } else { "  DIFFERENT" });
    }
    alice.close().await;
    bob.close().await;
    Ok(report)
}

/// Signalling in memory, candidates one by one, until both sides hold the channel.
async fn connect(
    alice: &PeerConnection,
    bob: &PeerConnection,
    show: bool,
) -> anyhow::Result<(DataChannel, DataChannel, Vec<Stage>)> {
    let sender = alice.create_data_channel("demo", DataChannelInit::default()).await?;
    let offer = alice.create_offer().await?;
    alice.set_local_description(offer.clone()).await?;
    bob.set_remote_description(offer).await?;
    let answer = bob.create_answer().await?;
    bob.set_local_description(answer.clone()).await?;
    alice.set_remote_description(answer).await?;

    let (mut stages, mut receiver) = (Vec::<Stage>::new(), None);
    while receiver.is_none() || stages.last().is_none_or(|stage| stage.name != StageName::ChannelOpen) {
        let (event, of_alice) = tokio::select! {
            event = alice.next_event() => (event, true),
            event = bob.next_event() => (event, false),
        };
        let other = if of_alice { bob } else { alice };
        match event.context("the connection ended")? {
            PeerEvent::IceCandidate(Some(candidate)) => other.add_ice_candidate(candidate).await?,
            PeerEvent::IceCandidate(None) => other.add_ice_candidate("").await?,
            PeerEvent::DataChannel(channel) => receiver = Some(channel),
            PeerEvent::Stage(stage) if of_alice => {
                if show {
                    say(&stage_line(stages.last(), &stage));
                }
                stages.push(stage);
            }
            PeerEvent::Closed(reason) => bail!("the connection failed: {reason}"),
            _ => {}
        }
    }
    let receiver = receiver.context("the peer saw no channel")?;
    Ok((sender, receiver, stages))
}

fn stage_line(before: Option<&Stage>, stage: &Stage) -> String {
    let took = stage.at.saturating_sub(before.map(|before| before.at).unwrap_or_default());
    let (at, took) = (words::milliseconds(stage.at), words::milliseconds(took));
    format!("  {:<15} {at:>8.2} ms {took:>8.2} ms {:>9}", stage.name.as_str(), stage.packets)
}

async fn transfer(
    args: &Args,
    sender: DataChannel,
    receiver: DataChannel,
    stages: Vec<Stage>,
) -> anyhow::Result<Report> {
    let bytes = args.size;
    let start = Instant::now();
    let sending = tokio::spawn(send_all(sender, bytes));
    let progress = progress_bar(bytes, args.json);
    let (mut received, mut hasher) = (0_u64, Sha256::new());
    while received < bytes {
        let message = receiver.recv().await.context("the channel closed before everything had arrived")?;
        hasher.update(message.as_bytes());
        received += message.len() as u64;
        progress.set_position(received);
    }
    let elapsed = start.elapsed();
    progress.finish_and_clear();
    // The sending side keeps its channel until here: closing it earlier would be fine, but is not shown.
    let (_sender, sha256_sent) = sending.await.context("the sender ended early")??;
    let sha256_received = hash::finish(hasher);
    Ok(Report { stages, bytes: received, sha256_sent, sha256_received, elapsed })
}

/// Sends a pattern in which no two messages are equal.
async fn send_all(channel: DataChannel, bytes: u64) -> anyhow::Result<(DataChannel, String)> {
    let mut hasher = Sha256::new();
    let pattern: Vec<u8> =
        (0_u32..).flat_map(|i| i.wrapping_mul(0x9E37_79B1).to_le_bytes()).take(MESSAGE_BYTES).collect();
    let mut sent = 0_u64;
    while sent < bytes {
        let len = usize::try_from(bytes - sent).unwrap_or(MESSAGE_BYTES).min(MESSAGE_BYTES);
        let mut message = pattern[..len].to_vec();
        for (place, byte) in message.iter_mut().zip(sent.to_le_bytes()) {
            *place = byte;
        }
        let message = Bytes::from(message);
        hasher.update(&message);
        channel.send(message).await?;
        sent += len as u64;
    }
    Ok((channel, hash::finish(hasher)))
}

fn progress_bar(bytes: u64, hidden: bool) -> ProgressBar {
    let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::new(bytes) };
    let style =
        ProgressStyle::with_template("  {bar:40} {bytes:>10} of {total_bytes}  {binary_bytes_per_sec}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn say(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_has_exactly_the_members_that_are_documented() {
        let report = Report {
            stages: vec![Stage { name: StageName::DtlsDone, at: Duration::from_micros(1500), packets: 6 }],
            bytes: 1_000_000,
            sha256_sent: "ab".to_owned(),
            sha256_received: "ab".to_owned(),
            elapsed: Duration::from_millis(8),
        };
        let expected = json!({
            "ok": true,
            "stages": [{ "name": "DTLS done", "ms": 1.5, "packets": 6 }],
            "bytes": 1_000_000,
            "sha256": "ab",
            "goodput_mbit_s": 1000.0,
        });
        assert_eq!(report.to_json(), expected);
    }
}
