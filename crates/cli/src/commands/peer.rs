//! `plywood peer`: one peer connection, driven by JSON lines.
//!
//! ```text
//!   stdin --thread--> lines --.                    .--> events --thread--> stdout
//!                             v                    |
//!                     one loop: commands and events of the connection
//!                             |         ^
//!                             v         |
//!                     two tasks a channel: jobs in order; what comes in
//! ```
//! The loop carries a command out before it looks at the next event, so a description is written before the candidates
//! that follow it. More: docs/peer-contract.md.

mod channel;
mod key_log;
mod line;
mod options;
mod output;
mod payload;

use std::collections::BTreeMap;
use std::io::{BufRead as _, Read as _};
use std::time::Duration;

use anyhow::Context as _;
use plywood::peer::CandidateError;
use plywood::{
    ConnectionState, DataChannel, DataChannelInit, Error, IceCandidateInit, PeerConnection, PeerEvent,
    SessionDescription,
};
use serde_json::json;
use tokio::sync::mpsc;

use crate::words;
use channel::{Job, NamedChannel, open_event};
use line::{Channel, Line, Send};
use output::Output;

pub(crate) use line::hex;
pub(crate) use options::Args;

/// How long the ends of channels may take to be told before the end of the connection is.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Generated messages are made in memory: larger ones no peer takes anyway, in bytes.
const MAX_SIZE: usize = 64 << 20;

/// A line of stdin, with its number from 1.
type Numbered = (u64, Vec<u8>);

/// Runs until `quit` or the end of stdin.
///
/// # Errors
/// No runtime, no address, a busy port, an option that is not there.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.config()?;
    let runtime = super::runtime()?;
    let result = runtime.block_on(async {
        let connection = args.connect(&config)?;
        let output = Output::start();
        output.event(json!({ "type": "ready", "impl": "plywood" })).await;
        let session = Session {
            connection,
            output: output.clone(),
            echo: args.echo,
            channels: BTreeMap::new(),
            remote_count: 0,
            state: ConnectionState::New,
        };
        session.run(read_lines()).await;
        output.flush().await;
        Ok(())
    });
    // The end comes without a good-bye: sockets, tasks and the thread that reads stdin go with the process.
    runtime.shutdown_background();
    result
}

/// A thread of its own: reading stdin cannot be interrupted.
fn read_lines() -> mpsc::Receiver<Numbered> {
    let (lines, queue) = mpsc::channel(64);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        for number in 1.. {
            let mut line = Vec::new();
            let read = stdin.by_ref().take(line::MAX_LINE_BYTES).read_until(b'\n', &mut line);
            if !matches!(read, Ok(1..)) || lines.blocking_send((number, line)).is_err() {
                return;
            }
        }
    });
    queue
}

struct Session {
    connection: PeerConnection,
    output: Output,
    echo: bool,
    channels: BTreeMap<String, NamedChannel>,
    remote_count: u64,
    state: ConnectionState,
}

impl Session {
    async fn run(mut self, mut lines: mpsc::Receiver<Numbered>) {
        let mut events_left = true;
        loop {
            tokio::select! {
                line = lines.recv() => {
                    let Some((number, line)) = line else { return };
                    match line::parse(&line) {
                        Ok(None) => {}
                        Ok(Some(Line::Quit)) => return,
                        Ok(Some(command)) => self.command(number, command).await,
                        Err(bad) => self.output.error(&bad.place, number, bad.reason).await,
                    }
                }
                event = self.connection.next_event(), if events_left => match event {
                    Some(event) => self.event(event).await,
                    None => events_left = false,
                },
            }
        }
    }

    async fn command(&mut self, number: u64, command: Line) {
        let name = command.name();
        if let Err(message) = self.carry_out(command).await {
            self.output.error(name, number, format!("{message:#}")).await;
        }
    }

    async fn carry_out(&mut self, command: Line) -> anyhow::Result<()> {
        match command {
            Line::Offer { sdp } => self.answer(sdp).await,
            Line::Answer { sdp } => {
                Ok(self.connection.set_remote_description(SessionDescription::answer(sdp)).await?)
            }
            Line::Candidate { candidate, sdp_mid, sdp_m_line_index, username_fragment } => {
                let init = IceCandidateInit { candidate, sdp_mid, sdp_m_line_index, username_fragment };
                self.add_candidate(init).await
            }
            Line::EndOfCandidates => self.add_candidate(IceCandidateInit::from("")).await,
            Line::CreateOffer { channels } => {
                for channel in channels {
                    self.open(channel).await?;
                }
                self.offer().await
            }
            Line::OpenChannel(channel) => self.open(channel).await,
            Line::Send(send) => self.send(send),
            Line::Sink { ch, count } => self.channel(&ch)?.sink(count).map_err(anyhow::Error::msg),
            Line::CloseChannel { ch } => self.channel(&ch)?.queue(Job::Close).map_err(anyhow::Error::msg),
            Line::RestartIce => {
                self.connection.restart_ice();
                self.offer().await
            }
            Line::Stats => self.stats().await,
            Line::Close => {
                self.connection.close().await;
                Ok(())
            }
            Line::Quit => Ok(()), // the loop has seen it
        }
    }

    /// Candidates go on arriving while a connection ends; those cannot be used, and are skipped like others that
    /// cannot.
    async fn add_candidate(&self, init: IceCandidateInit) -> anyhow::Result<()> {
        match self.connection.add_ice_candidate(init).await {
            Err(Error::Closed | Error::Failed(_) | Error::Candidate(CandidateError::Closed)) => Ok(()),
            result => Ok(result?),
        }
    }

    async fn offer(&self) -> anyhow::Result<()> {
        let offer = self.connection.create_offer().await?;
        self.connection.set_local_description(offer.clone()).await?;
        self.output.event(json!({ "type": "offer", "sdp": offer.sdp })).await;
        Ok(())
    }

    async fn answer(&self, sdp: String) -> anyhow::Result<()> {
        self.connection.set_remote_description(SessionDescription::offer(sdp)).await?;
        let answer = self.connection.create_answer().await?;
        self.connection.set_local_description(answer.clone()).await?;
        self.output.event(json!({ "type": "answer", "sdp": answer.sdp })).await;
        Ok(())
    }

    async fn open(&mut self, channel: Channel) -> anyhow::Result<()> {
        anyhow::ensure!(!self.channels.contains_key(&channel.ch), "the name {:?} is in use", channel.ch);
        let init = DataChannelInit {
            ordered: channel.ordered,
            max_packet_life_time: channel.max_packet_life_time,
            max_retransmits: channel.max_retransmits,
            protocol: channel.protocol,
            negotiated: channel.negotiated,
            id: channel.id,
            ..DataChannelInit::default()
        };
        let made = self.connection.create_data_channel(&channel.label, init).await?;
        self.add(channel.ch, made);
        Ok(())
    }

    fn add(&mut self, name: String, channel: DataChannel) {
        let named = NamedChannel::start(name.clone(), channel, self.echo, self.output.clone());
        self.channels.insert(name, named);
    }

    fn channel(&self, name: &str) -> anyhow::Result<&NamedChannel> {
        self.channels.get(name).with_context(|| format!("there is no channel {name:?}"))
    }

    fn send(&self, send: Send) -> anyhow::Result<()> {
        let channel = self.channel(&send.ch)?;
        anyhow::ensure!(send.size <= MAX_SIZE, "messages of {} bytes are out of reach", send.size);
        let job = match (send.kind, send.text, send.hex) {
            (payload::Kind::Text, Some(text), None) => Job::Message(text.into()),
            (payload::Kind::Binary, None, Some(hex)) => {
                Job::Message(line::hex(&hex).map_err(anyhow::Error::msg)?.into())
            }
            (kind, None, None) => Job::Generate { kind, size: send.size, count: send.count, seed: send.seed },
            (kind, ..) => anyhow::bail!("`text` or `hex` does not fit kind {}", kind.as_str()),
        };
        channel.queue(job).map_err(anyhow::Error::msg)
    }

    async fn stats(&self) -> anyhow::Result<()> {
        let stats = self.connection.stats().await?;
        self.output.event(options::stats_event(&stats)).await;
        Ok(())
    }

    async fn event(&mut self, event: PeerEvent) {
        match event {
            PeerEvent::IceCandidate(Some(candidate)) => {
                self.output
                    .event(json!({
                        "type": "candidate",
                        "candidate": candidate.candidate,
                        "sdpMid": candidate.sdp_mid,
                        "sdpMLineIndex": candidate.sdp_m_line_index,
                        "usernameFragment": candidate.username_fragment,
                    }))
                    .await;
            }
            PeerEvent::IceCandidate(None) => self.output.event(json!({ "type": "end-of-candidates" })).await,
            PeerEvent::ConnectionState(state) => self.state(state).await,
            PeerEvent::DataChannel(channel) => {
                self.remote_count += 1;
                let name = format!("r{}", self.remote_count);
                self.output.event(open_event(&name, &channel)).await;
                self.add(name, channel);
            }
            _ => {}
        }
    }

    async fn state(&mut self, state: ConnectionState) {
        if std::mem::replace(&mut self.state, state) == state || state == ConnectionState::New {
            return;
        }
        let reason = self.connection.close_reason();
        if reason.is_some() {
            // The end: first every channel's, then the connection's.
            let all = async {
                for channel in self.channels.values_mut() {
                    channel.ended().await;
                }
            };
            let _ = tokio::time::timeout(LAST_WORDS, all).await;
        }
        let mut event = json!({ "type": "state", "state": words::state(state) });
        if let (Some(reason), Some(event)) = (reason, event.as_object_mut()) {
            event.insert("reason".to_owned(), json!(reason.to_string()));
        }
        self.output.event(event).await;
    }
}
