//! What happens on one channel: commands in their order, and what comes in.
//!
//! Two tasks a channel, so that a long `send` holds up neither what is received nor other channels.

use plywood::{DataChannel, Message};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::output::Output;
use super::payload::{Generator, Kind};
use crate::hash;

/// Commands that wait on one channel at most.
const MAX_WAITING: usize = 65_536;

/// Something to be done in order.
#[derive(Debug)]
pub(crate) enum Job {
    /// Send this very message.
    Message(Message),
    /// Send generated messages, and tell when they are handed over.
    Generate { kind: Kind, size: usize, count: usize, seed: u32 },
    /// Close behind everything.
    Close,
}

/// Count instead of telling.
#[derive(Debug)]
struct Sink {
    count: u64,
}

/// A channel with its name and its two tasks.
#[derive(Debug)]
pub(crate) struct NamedChannel {
    jobs: mpsc::Sender<Job>,
    sinks: mpsc::Sender<Sink>,
    receiver: JoinHandle<()>,
}

impl NamedChannel {
    /// Starts the tasks of `channel`. One that the peer opened is open already: its caller has told so, for such
    /// channels are told in the order in which they arrive.
    pub(crate) fn start(name: String, channel: DataChannel, echo: bool, output: Output) -> Self {
        let (jobs, job_queue) = mpsc::channel(MAX_WAITING);
        let (sinks, sink_queue) = mpsc::channel(MAX_WAITING);
        tokio::spawn(work(name.clone(), channel.clone(), job_queue, output.clone()));
        let receiver = tokio::spawn(Receiver { name, channel, echo, output }.run(sink_queue));
        Self { jobs, sinks, receiver }
    }

    /// Queues a job.
    ///
    /// # Errors
    /// In words: too many wait.
    pub(crate) fn queue(&self, job: Job) -> Result<(), String> {
        self.jobs.try_send(job).map_err(|_| "too many commands wait on this channel".to_owned())
    }

    /// Counts the next `count` messages.
    ///
    /// # Errors
    /// In words: closed, or too many wait.
    pub(crate) fn sink(&self, count: u64) -> Result<(), String> {
        self.sinks.try_send(Sink { count }).map_err(|_| "the channel is closed".to_owned())
    }

    /// Waits until its end was told.
    pub(crate) async fn ended(&mut self) {
        if !self.receiver.is_finished() {
            // A task of ours that panicked has ended too.
            let _ = (&mut self.receiver).await;
        }
    }
}

async fn work(name: String, channel: DataChannel, mut jobs: mpsc::Receiver<Job>, output: Output) {
    while let Some(job) = jobs.recv().await {
        let result = match job {
            Job::Message(message) => channel.send(message).await,
            Job::Generate { kind, size, count, seed } => {
                generate(&name, &channel, &output, (kind, size, count, seed)).await
            }
            Job::Close => {
                channel.close();
                Ok(())
            }
        };
        if let Err(error) = result {
            let event = json!({ "type": "error", "where": "send", "ch": name, "message": error.to_string() });
            output.event(event).await;
        }
    }
}

async fn generate(
    name: &str,
    channel: &DataChannel,
    output: &Output,
    (kind, size, count, seed): (Kind, usize, usize, u32),
) -> Result<(), plywood::SendError> {
    let generator = Generator::new(seed, kind);
    let (mut bytes, mut hasher) = (0_u64, Sha256::new());
    for index in 0..count {
        let message = generator.message(index, size);
        hasher.update(message.as_bytes());
        bytes += message.len() as u64;
        channel.send(message).await?;
    }
    let sha256 = hash::finish(hasher);
    output
        .event(json!({ "type": "sent", "ch": name, "count": count, "bytes": bytes, "sha256": sha256 }))
        .await;
    Ok(())
}

/// That a channel can be used, and how it behaves.
pub(crate) fn open_event(name: &str, channel: &DataChannel) -> Value {
    json!({
        "type": "open",
        "ch": name,
        "id": channel.stream_id(),
        "label": channel.label(),
        "protocol": channel.protocol(),
        "ordered": channel.ordered(),
        "maxRetransmits": channel.max_retransmits(),
        "maxPacketLifeTime": channel.max_packet_life_time(),
        "negotiated": channel.negotiated(),
        "remote": channel.is_remote(),
    })
}

struct Receiver {
    name: String,
    channel: DataChannel,
    echo: bool,
    output: Output,
}

impl Receiver {
    async fn run(self, mut sinks: mpsc::Receiver<Sink>) {
        let opened = self.opened(&mut sinks).await;
        let Ok(waiting) = opened else { return };
        let mut running: Option<(Sink, u64, u64, Sha256)> = None;
        let mut queued: std::collections::VecDeque<Sink> = waiting.into();
        loop {
            while running.is_none()
                && let Some(sink) = queued.pop_front()
            {
                running = self.begin(sink).await;
            }
            tokio::select! {
                biased;
                Some(sink) = sinks.recv() => queued.push_back(sink),
                message = self.channel.recv() => {
                    let Some(message) = message else { break };
                    match &mut running {
                        None => self.tell(&message).await,
                        Some((sink, count, bytes, hasher)) => {
                            *count += 1;
                            *bytes += message.len() as u64;
                            hasher.update(message.as_bytes());
                            if *count == sink.count {
                                let (count, bytes) = (*count, *bytes);
                                let sha256 = running.take().map(|(.., hasher)| hash::finish(hasher));
                                self.sink_done(count, bytes, sha256).await;
                            }
                        }
                    }
                    if self.echo {
                        // Refused while closing: then there is nobody to hear it.
                        let _ = self.channel.send(message).await;
                    }
                }
            }
        }
        self.channel.closed().await;
        let id = self.channel.stream_id();
        self.output.event(json!({ "type": "channel-closed", "ch": self.name, "id": id })).await;
    }

    /// Waits for the channel, and tells that it is open. Sinks are taken meanwhile.
    async fn opened(&self, sinks: &mut mpsc::Receiver<Sink>) -> Result<Vec<Sink>, plywood::SendError> {
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                biased;
                Some(sink) = sinks.recv() => waiting.push(sink),
                opened = self.channel.opened() => {
                    opened?;
                    break;
                }
            }
        }
        if !self.channel.is_remote() {
            self.output.event(open_event(&self.name, &self.channel)).await;
        }
        Ok(waiting)
    }

    async fn begin(&self, sink: Sink) -> Option<(Sink, u64, u64, Sha256)> {
        self.output.event(json!({ "type": "sink-ready", "ch": self.name })).await;
        if sink.count == 0 {
            self.sink_done(0, 0, Some(hash::of(&[]))).await;
            return None;
        }
        Some((sink, 0, 0, Sha256::new()))
    }

    async fn sink_done(&self, count: u64, bytes: u64, sha256: Option<String>) {
        let event =
            json!({ "type": "sink-done", "ch": self.name, "count": count, "bytes": bytes, "sha256": sha256 });
        self.output.event(event).await;
    }

    async fn tell(&self, message: &Message) {
        let kind = match message {
            Message::Text(_) => "text",
            Message::Binary(_) => "binary",
        };
        self.output
            .event(json!({
                "type": "message",
                "ch": self.name,
                "id": self.channel.stream_id(),
                "kind": kind,
                "len": message.len(),
                "sha256": hash::of(message.as_bytes()),
            }))
            .await;
    }
}
