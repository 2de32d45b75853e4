//! One data channel: what waits to be sent on it, and what is counted of what arrives.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;

use datachannel::{DataChannelHandler, RtcDataChannel};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Happening;
use crate::payload::{Batch, hex};

/// No more than this waits inside libdatachannel, bytes.
const QUEUED: usize = 1 << 20;

/// libdatachannel's end of a channel, which tells its events to `Ear`.
pub(crate) type Link = Box<RtcDataChannel<Ear>>;

/// Listens to one channel, on a thread of libdatachannel's.
pub(crate) struct Ear {
    pub(crate) name: String,
    pub(crate) out: Sender<Happening>,
}

impl Ear {
    fn tell(&self, what: News) {
        // Nobody listens while the process ends.
        let _ = self.out.send(Happening::Channel(self.name.clone(), what));
    }
}

impl DataChannelHandler for Ear {
    fn on_open(&mut self) {
        self.tell(News::Open);
    }

    fn on_closed(&mut self) {
        self.tell(News::Closed);
    }

    fn on_message(&mut self, message: &[u8]) {
        self.tell(News::Message(message.to_vec()));
    }

    fn on_buffered_amount_low(&mut self) {
        self.tell(News::Room);
    }
}

/// What happened to a channel.
pub(crate) enum News {
    Open,
    Closed,
    Room,
    Message(Vec<u8>),
}

/// What is to be done on a channel, in order.
pub(crate) enum Job {
    Send(Vec<u8>),
    Generate(Batch),
    Close,
}

struct Sink {
    left: u64,
    count: u64,
    bytes: usize,
    hash: Sha256,
}

/// A channel that exists.
pub(crate) struct Channel {
    name: String,
    link: Link,
    negotiated: bool,
    remote: bool,
    open: bool,
    jobs: VecDeque<Job>,
    sink: Option<Sink>,
}

impl Channel {
    pub(crate) fn new(name: String, mut link: Link, negotiated: bool, remote: bool) -> Self {
        // It only decides when we are told that there is room again.
        let _ = link.set_buffered_amount_low_threshold(QUEUED / 4);
        Self { name, link, negotiated, remote, open: false, jobs: VecDeque::new(), sink: None }
    }

    fn id(&self) -> usize {
        self.link.stream()
    }

    /// Takes a job behind those that wait. True: the channel is to be closed now.
    pub(crate) fn add(&mut self, job: Job) -> bool {
        self.jobs.push_back(job);
        self.work()
    }

    /// Counts and hashes the next messages instead of telling each.
    pub(crate) fn sink(&mut self, count: u64) {
        self.sink = Some(Sink { left: count, count, bytes: 0, hash: Sha256::new() });
        say(&json!({"type": "sink-ready", "ch": self.name}));
    }

    pub(crate) fn opened(&mut self) -> bool {
        self.open = true;
        let reliability = self.link.reliability();
        let (lifetime, retransmits) = (reliability.max_packet_life_time, reliability.max_retransmits);
        let timed = reliability.unreliable && lifetime > 0;
        let counted = reliability.unreliable && !timed;
        say(&json!({
            "type": "open", "ch": self.name, "id": self.id(), "label": self.link.label(),
            "protocol": self.link.protocol().unwrap_or_default(), "ordered": !reliability.unordered,
            "maxRetransmits": counted.then_some(retransmits), "maxPacketLifeTime": timed.then_some(lifetime),
            "negotiated": self.negotiated, "remote": self.remote,
        }));
        self.work()
    }

    /// Does what can be done now. True: the channel is to be closed now.
    pub(crate) fn work(&mut self) -> bool {
        while self.open && self.link.buffered_amount() < QUEUED {
            let Some(job) = self.jobs.pop_front() else { break };
            match job {
                Job::Close => return true,
                Job::Send(message) => self.hand_over(&message),
                Job::Generate(mut batch) => {
                    if let Some(message) = batch.message() {
                        self.hand_over(&message);
                        batch.sent(&message);
                        self.jobs.push_front(Job::Generate(batch));
                    } else {
                        let (count, bytes) = (batch.count, batch.bytes());
                        say(&json!({
                            "type": "sent", "ch": self.name, "count": count, "bytes": bytes, "sha256": batch.sha256(),
                        }));
                    }
                }
            }
        }
        // Who closes a channel that never opened need not wait for it.
        !self.open && matches!(self.jobs.front(), Some(Job::Close))
    }

    fn hand_over(&mut self, message: &[u8]) {
        if let Err(error) = self.link.send(message) {
            complain("send", &error);
        }
    }

    pub(crate) fn received(&mut self, message: &[u8]) {
        let Some(sink) = &mut self.sink else {
            say(&json!({
                "type": "message", "ch": self.name, "id": self.id(), "kind": "binary", "len": message.len(),
                "sha256": hex(Sha256::new_with_prefix(message)),
            }));
            return;
        };
        sink.hash.update(message);
        sink.bytes += message.len();
        sink.left -= 1;
        if sink.left == 0 {
            let (count, bytes, hash) = (sink.count, sink.bytes, hex(sink.hash.clone()));
            self.sink = None;
            say(
                &json!({"type": "sink-done", "ch": self.name, "count": count, "bytes": bytes, "sha256": hash}),
            );
        }
    }

    /// The last that is heard of a channel. Dropping our end of it closes it, behind what was handed over.
    pub(crate) fn end(self) {
        // One that never opened has no stream yet.
        let id = self.open.then(|| self.id());
        say(&json!({"type": "channel-closed", "ch": self.name, "id": id}));
    }
}

/// Writes an event.
#[expect(clippy::print_stdout, reason = "stdout is where the contract wants events")]
pub(crate) fn say(event: &Value) {
    println!("{event}");
}

/// Writes that a command failed.
pub(crate) fn complain(command: &str, error: &dyn std::fmt::Display) {
    say(&json!({"type": "error", "where": command, "message": error.to_string()}));
}
