//! Running the program, and talking to it line by line.
#![expect(clippy::panic, reason = "a test that hangs has to end")]
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

/// What takes this long hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The program, not started yet.
pub(crate) fn plywood(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plywood"));
    command.args(arguments).env("RUST_LOG", "warn");
    command
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    plywood(arguments).stdin(Stdio::null()).output().unwrap()
}

/// A running program whose lines are JSON. It is killed when the test ends.
pub(crate) struct Process {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    pub(crate) seen: Vec<Value>,
}

impl Process {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = plywood(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, lines, seen: Vec::new() }
    }

    pub(crate) fn write(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line.as_bytes()).unwrap();
        stdin.write_all(b"\n").unwrap();
        stdin.flush().unwrap();
    }

    pub(crate) fn command(&mut self, command: &Value) {
        self.write(&command.to_string());
    }

    /// The next line.
    pub(crate) fn next(&mut self) -> Value {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(error) => panic!("no more lines ({error}); so far {:#?}", self.seen),
        };
        let value: Value = serde_json::from_str(&line).unwrap();
        self.seen.push(value.clone());
        value
    }

    /// A line, if there is one already.
    pub(crate) fn try_next(&mut self) -> Option<Value> {
        let line = self.lines.recv_timeout(Duration::from_millis(5)).ok()?;
        let value: Value = serde_json::from_str(&line).unwrap();
        self.seen.push(value.clone());
        Some(value)
    }

    /// The next line of this type; others are passed over.
    pub(crate) fn wait(&mut self, kind: &str) -> Value {
        loop {
            let value = self.next();
            if value["type"] == kind {
                return value;
            }
        }
    }

    /// Closes its stdin and returns its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.stdin = None;
        let begun = std::time::Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            let _ = self.lines.recv_timeout(Duration::from_millis(10));
        }
        panic!("the process does not end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
