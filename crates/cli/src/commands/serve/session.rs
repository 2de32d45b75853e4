//! One browser, one peer connection: what it is told, and what its channels do.
//!
//! A session writes what happens into a log; the WebSocket, or whoever asks over HTTP, reads it from there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plywood::{Config, ConnectionState, DataChannel, Message, PeerConnection, PeerEvent};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OwnedSemaphorePermit, watch};

use super::guard::random_hex;
use crate::words;

/// Entries that a log holds at most: then it is silent.
const MAX_LOG: usize = 512;
/// How long a browser may take to connect.
const SETUP_PATIENCE: Duration = Duration::from_secs(60);
/// Messages of a source, in bytes.
const SOURCE_MESSAGE_BYTES: usize = 64 << 10;
/// What a source sends at most for one request, in bytes.
const MAX_SOURCE_BYTES: u64 = 1 << 30;
/// How often a sink tells what it has.
const SINK_REPORT: Duration = Duration::from_millis(250);

/// What happened in a session, in order.
pub(super) type Log = watch::Receiver<Vec<Value>>;

/// Sessions that are open, by their unguessable names.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    logs: Mutex<BTreeMap<String, Log>>,
}

/// A session as its signalling sees it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) connection: PeerConnection,
    pub(super) log: Log,
}

impl Sessions {
    /// Makes a connection, and the task that looks after it until it ends.
    ///
    /// # Errors
    /// As [`PeerConnection::new`].
    pub(super) async fn start(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> anyhow::Result<Session> {
        // Loopback too: a browser on this machine may reach us there when a firewall closes every other way.
        let config = Config { loopback: true, ..Config::default() };
        let connection = PeerConnection::new(&config)?;
        let id = random_hex()?;
        let (log, reader) = watch::channel(Vec::new());
        self.logs.lock().await.insert(id.clone(), reader.clone());
        let (sessions, name, handle) = (Arc::clone(self), id.clone(), connection.clone());
        tokio::spawn(async move {
            look_after(&handle, &log).await;
            handle.close().await;
            sessions.logs.lock().await.remove(&name);
            drop(permit);
        });
        Ok(Session { id, connection, log: reader })
    }

    /// What happened in a session so far.
    pub(super) async fn log(&self, id: &str) -> Option<Vec<Value>> {
        self.logs.lock().await.get(id).map(|log| log.borrow().clone())
    }
}

/// Follows the events of a connection until it has ended, or never came to be.
async fn look_after(connection: &PeerConnection, log: &watch::Sender<Vec<Value>>) {
    let deadline = tokio::time::Instant::now() + SETUP_PATIENCE;
    let mut connected = false;
    loop {
        let event = tokio::select! {
            event = connection.next_event() => event,
            () = tokio::time::sleep_until(deadline), if !connected => {
                write(log, json!({ "type": "error", "message": "no connection within a minute: given up" }));
                return;
            }
        };
        let Some(event) = event else { return };
        match event {
            PeerEvent::ConnectionState(state) => {
                connected |= state == ConnectionState::Connected;
                let reason = connection.close_reason().map(|reason| reason.to_string());
                write(log, json!({ "type": "state", "state": words::state(state), "reason": reason }));
                if state == ConnectionState::Failed {
                    return; // a page that wants to go on connects anew
                }
            }
            PeerEvent::IceCandidate(Some(candidate)) => write(
                log,
                json!({
                    "type": "candidate",
                    "candidate": candidate.candidate,
                    "sdpMid": candidate.sdp_mid,
                    "sdpMLineIndex": candidate.sdp_m_line_index,
                    "usernameFragment": candidate.username_fragment,
                }),
            ),
            PeerEvent::IceCandidate(None) => write(log, json!({ "type": "end-of-candidates" })),
            PeerEvent::Stage(stage) => {
                let mut entry = words::stage(&stage);
                entry["type"] = json!("stage");
                write(log, entry);
            }
            PeerEvent::PathChanged(path) => write(
                log,
                json!({ "type": "path", "local": path.local.to_string(), "remote": path.remote.to_string() }),
            ),
            PeerEvent::DataChannel(channel) => {
                let (label, protocol) = (channel.label(), channel.protocol());
                let id = channel.stream_id();
                write(log, json!({ "type": "channel", "id": id, "label": label, "protocol": protocol }));
                tokio::spawn(serve_channel(channel));
            }
            _ => {}
        }
    }
}

fn write(log: &watch::Sender<Vec<Value>>, entry: Value) {
    log.send_if_modified(|log| {
        let room = log.len() < MAX_LOG;
        if room {
            log.push(entry);
        }
        room
    });
}

/// What a channel does is what its opener named as its protocol.
async fn serve_channel(channel: DataChannel) {
    // An error is the channel's end, and that is the end of this too.
    let _ = match channel.protocol() {
        "plywood.sink" => sink(&channel).await,
        "plywood.source" => source(&channel).await,
        _ => echo(&channel).await,
    };
}

async fn echo(channel: &DataChannel) -> Result<(), plywood::SendError> {
    while let Some(message) = channel.recv().await {
        channel.send(message).await?;
    }
    Ok(())
}

/// Takes everything, and tells four times a second how much that was.
async fn sink(channel: &DataChannel) -> Result<(), plywood::SendError> {
    let (mut bytes, mut messages) = (0_u64, 0_u64);
    let (mut start, mut reported) = (None::<Instant>, Instant::now());
    while let Some(message) = channel.recv().await {
        let now = Instant::now();
        let start = *start.get_or_insert(now);
        bytes += message.len() as u64;
        messages += 1;
        let asked = matches!(message, Message::Text(_)); // a text asks for the final count
        if asked || now.duration_since(reported) >= SINK_REPORT {
            reported = now;
            let ms = words::milliseconds(now.duration_since(start));
            let report = json!({ "bytes": bytes, "messages": messages, "ms": ms, "done": asked });
            channel.send(report.to_string()).await?;
        }
    }
    Ok(())
}

/// Sends as many bytes as a request names.
async fn source(channel: &DataChannel) -> Result<(), plywood::SendError> {
    let block = Bytes::from(vec![0x5a; SOURCE_MESSAGE_BYTES]);
    while let Some(request) = channel.recv().await {
        let wanted = request
            .as_text()
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .and_then(|request| request.get("bytes").and_then(Value::as_u64));
        let Some(wanted) = wanted.filter(|bytes| *bytes <= MAX_SOURCE_BYTES) else {
            let words = format!("ask with {{\"bytes\": N}}, N up to {MAX_SOURCE_BYTES}");
            channel.send(json!({ "error": words }).to_string()).await?;
            continue;
        };
        let mut left = wanted;
        while left > 0 {
            let len = usize::try_from(left).unwrap_or(SOURCE_MESSAGE_BYTES).min(SOURCE_MESSAGE_BYTES);
            channel.send(block.slice(..len)).await?;
            left -= len as u64;
        }
        channel.send(json!({ "done": true, "bytes": wanted }).to_string()).await?;
    }
    Ok(())
}
