//! One peer process: commands in, events out, a JSON object a line (docs/peer-contract.md).

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{process, workspace};

/// What came from a peer, with the number of its process.
#[derive(Debug)]
pub(crate) enum Incoming {
    Event(Value),
    /// A line that is not JSON: against the contract.
    Garbage(String),
    End,
}

/// A running peer.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) id: usize,
    pub(crate) name: String,
    /// What it was started with and cannot change without a new start.
    pub(crate) launch_flags: Vec<String>,
    child: Child,
    stdin: Option<ChildStdin>,
}

/// Whether there is a peer of this name.
pub(crate) fn known(peer: &str) -> bool {
    peer == "plywood" || peer == super::LIBDATACHANNEL || super::BROWSERS.contains(&peer)
}

/// Whether it sends text, and tells which messages were text.
pub(crate) fn speaks_text(peer: &str) -> bool {
    peer != super::LIBDATACHANNEL
}

/// Browsers take seconds to start: they can serve another connection after a `reset` (an extension of theirs
/// beside the contract). Everybody else is one process a connection.
pub(crate) fn reusable(peer: &str) -> bool {
    super::BROWSERS.contains(&peer)
}

/// Flags that a browser must be launched with; the others belong to one connection.
pub(crate) fn is_launch_flag(flag: &str) -> bool {
    flag == "--mdns"
}

impl Process {
    /// Starts a peer; its events go to `events` with the number `id`.
    pub(crate) fn start(
        peer: &str,
        flags: &[String],
        id: usize,
        events: Sender<(usize, Incoming)>,
    ) -> Result<Self> {
        let mut command = super::command_of(peer)?;
        command.args(flags);
        let mut process = Self::spawn(peer, command, id, events)?;
        process.launch_flags = flags.iter().filter(|flag| is_launch_flag(flag)).cloned().collect();
        Ok(process)
    }

    fn spawn(peer: &str, mut command: Command, id: usize, events: Sender<(usize, Incoming)>) -> Result<Self> {
        let log = workspace::scratch("interop")?.join(format!("{peer}.stderr"));
        let stderr = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().with_context(|| format!("cannot start {peer}"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("a peer without stdout")?;
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let incoming = serde_json::from_str(&line).map_or(Incoming::Garbage(line), Incoming::Event);
                if events.send((id, incoming)).is_err() {
                    return;
                }
            }
            // Nobody may be listening any more, which is fine.
            let _ = events.send((id, Incoming::End));
        });
        Ok(Self { id, name: peer.to_owned(), launch_flags: Vec::new(), child, stdin })
    }

    /// Writes one command.
    pub(crate) fn send(&mut self, command: &Value) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the peer was told to quit")?;
        let line = format!("{command}\n");
        stdin
            .write_all(line.as_bytes())
            .with_context(|| format!("{} does not read its commands", self.name))?;
        stdin.flush()?;
        Ok(())
    }

    /// Makes a browser ready for another connection; `ready` follows.
    pub(crate) fn reset(&mut self, flags: &[String]) -> Result<()> {
        self.send(&json!({"type": "reset", "flags": flags}))
    }

    /// Tells it to quit and looks whether it does so in the time that the contract gives, and with what code.
    pub(crate) fn quit(mut self) -> Result<()> {
        self.send(&json!({"type": "quit"}))?;
        self.stdin = None;
        let patience = if reusable(&self.name) { 10 } else { 3 };
        let status = process::wait(&mut self.child, Duration::from_secs(patience))?;
        let status = status.with_context(|| format!("{} does not end within 2 s of `quit`", self.name))?;
        anyhow::ensure!(status.success(), "{} ended with {status} after `quit`", self.name);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of stdin is the request to end; the namespace ends what does not listen.
        self.stdin = None;
        if !matches!(process::wait(&mut self.child, Duration::from_secs(3)), Ok(Some(_))) {
            let _ = self.child.kill();
        }
    }
}

/// A peer made of a line of shell, to see what the runner says of peers that break the contract.
#[cfg(test)]
pub(crate) fn scripted(script: &str, id: usize, events: Sender<(usize, Incoming)>) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Process::spawn("scripted", command, id, events).unwrap()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn events_and_the_end_arrive_in_order() {
        let (sender, receiver) = mpsc::channel();
        let _peer = scripted(r#"echo '{"type":"ready"}'; echo oops"#, 4, sender);
        let next = || receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(matches!(next(), (4, Incoming::Event(event)) if event["type"] == "ready"));
        assert!(matches!(next(), (4, Incoming::Garbage(line)) if line == "oops"));
        assert!(matches!(next(), (4, Incoming::End)));
    }

    #[test]
    fn a_peer_that_does_not_quit_is_found_out() {
        let (sender, _receiver) = mpsc::channel();
        let error = scripted("exec sleep 60", 1, sender).quit().unwrap_err();
        assert!(error.to_string().contains("does not end"), "{error}");
    }

    #[test]
    fn a_peer_that_quits_with_an_error_is_found_out() {
        let (sender, _receiver) = mpsc::channel();
        let error = scripted("read line; exit 3", 1, sender).quit().unwrap_err();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
    }
}
