//! usrsctp: the SCTP of FreeBSD in user space, from Debian, as a C program of its own (benches/usrsctp/pair.c).
//!
//! It is compiled when the bench starts, and left out by name where the library is not installed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::Setup;

/// A pair of sockets in a process of its own.
pub struct Usrsctp {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// The receive window that the library accepted.
    pub window: usize,
}

/// Compiles the program beside this one; why it could not.
pub fn compile() -> Result<std::path::PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("usrsctp/pair.c");
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = own.with_file_name("usrsctp-pair");
    let output = Command::new("cc")
        .args(["-O2", "-DINET", "-DINET6", "-o"])
        .args([&program, &source])
        .arg("-lusrsctp")
        .output()
        .map_err(|error| format!("no C compiler: {error}"))?;
    if output.status.success() {
        return Ok(program);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let reason = said.lines().find(|line| line.contains("error")).unwrap_or("it does not compile");
    Err(format!("is libusrsctp-dev installed? {reason}"))
}

impl Usrsctp {
    /// A connected pair.
    #[must_use]
    pub fn connect(program: &Path, setup: &Setup) -> Option<Self> {
        let numbers = [setup.mtu, setup.window, setup.message, usize::from(setup.streams)];
        let mut child = Command::new(program)
            .args(numbers.map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (orders, answers) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let mut pair = Self { child, orders, answers, window: 0 };
        pair.window = pair.answer()?.strip_prefix("ready ")?.parse().ok()?;
        Some(pair)
    }

    /// Moves messages: seconds and packets of the sender.
    pub fn transfer(&mut self, messages: u64) -> Option<(f64, u64)> {
        writeln!(self.orders, "{messages}").ok()?;
        let answer = self.answer()?;
        let (seconds, packets) = answer.strip_prefix("done ")?.split_once(' ')?;
        Some((seconds.parse().ok()?, packets.parse().ok()?))
    }

    fn answer(&mut self) -> Option<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }
}

impl Drop for Usrsctp {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
