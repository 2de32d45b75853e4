//! Child processes with a time limit.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What a process said, and how it ended.
#[derive(Debug)]
pub(crate) struct Captured {
    /// `None`: it was ended at its time limit.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Captured {
    /// Ended by itself with exit code 0.
    pub(crate) fn ok(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// How it ended, in words.
    pub(crate) fn ending(&self) -> String {
        self.status.map_or_else(|| "ended at its time limit".to_owned(), |status| status.to_string())
    }

    /// The last lines of what it said, for a report.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let all: Vec<&str> = self.stdout.lines().chain(self.stderr.lines()).collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// Runs `command` to its end or to `limit`, with an empty stdin.
pub(crate) fn capture(command: &mut Command, limit: Duration) -> Result<Captured> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = start(command)?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = wait(&mut child, limit)?;
    // A grandchild may hold the pipe open after its parent was ended: do not wait for it for ever.
    let patience = Duration::from_secs(if status.is_some() { 10 } else { 1 });
    Ok(Captured {
        status,
        stdout: stdout.recv_timeout(patience).unwrap_or_default(),
        stderr: stderr.recv_timeout(patience).unwrap_or_default(),
    })
}

/// Runs `command` to its end or to `limit`; what it says goes where ours goes.
pub(crate) fn show(command: &mut Command, limit: Duration) -> Result<Option<ExitStatus>> {
    command.stdin(Stdio::null());
    let mut child = start(command)?;
    wait(&mut child, limit)
}

/// Whether a program of this name can be started at all.
pub(crate) fn exists(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

fn start(command: &mut Command) -> Result<Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().with_context(|| format!("cannot start {program}"))
}

/// Reads a pipe to its end on a thread of its own.
fn drain(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        sender.send(String::from_utf8_lossy(&bytes).into_owned())
    });
    receiver
}

/// Waits for the end; `None` if the limit came first (the child is ended then).
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ended_at_its_time_limit() {
        let captured = capture(Command::new("sleep").arg("30"), Duration::from_millis(50)).unwrap();
        assert!(!captured.ok());
        assert_eq!(captured.ending(), "ended at its time limit");
    }

    #[test]
    fn both_streams_and_the_exit_code_are_kept() {
        let captured = capture(
            Command::new("sh").args(["-c", "echo one; echo two >&2; exit 3"]),
            Duration::from_secs(5),
        )
        .unwrap();
        assert_eq!((captured.stdout.as_str(), captured.stderr.as_str()), ("one\n", "two\n"));
        assert_eq!(captured.status.and_then(|status| status.code()), Some(3));
        assert_eq!(captured.tail(1), "two");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = capture(&mut Command::new("no-such-program-here"), Duration::from_secs(1)).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"));
    }
}
