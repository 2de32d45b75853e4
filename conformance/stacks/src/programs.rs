//! Judges that are programs: they get a socket of loopback, and we the other.
//!
//! ```text
//!   plywood <- network (loss, MTU) -> UDP 127.0.0.1 <-> program      its stdin: what it says to us
//!                                                                    its stdout: what it heard
//! ```

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use plywood_dtls::{Role, Version};

use crate::cell::{Abilities, Cell, HYBRID, Network, Offer, Scenario, trace};
use crate::subject::{Certificate, Subject};

/// What a program needs to know to take part in a cell.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) cell: &'a Cell,
    pub(crate) port: u16,
    /// A folder with `cert.pem` and `key.pem`.
    pub(crate) folder: &'a Path,
}

impl Start<'_> {
    /// Whether the program is the client.
    pub(crate) fn is_client(&self) -> bool {
        self.cell.role == Role::Server
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// UDP payload bytes, where the scenario limits them.
    pub(crate) fn mtu(&self) -> Option<usize> {
        (self.cell.scenario == Scenario::Mtu300).then(|| self.cell.scenario.mtu())
    }
}

const OURS: &[u8] = b"plywood says hello\n";
const THEIRS: &[u8] = b"peer says hello\n";
/// Long enough for a handshake that loses a third of its datagrams, with a timer of a second that doubles.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between our lines.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs a cell; what was agreed on, or why it failed.
pub(crate) fn run(cell: &Cell, judge: &Abilities, command: impl Fn(&Start<'_>) -> Command) -> Result<String> {
    let (ours, theirs) = (Certificate::generate()?, Certificate::generate()?);
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("cert.pem"), &theirs.pem)?;
    std::fs::write(folder.path().join("key.pem"), &theirs.key_pem)?;
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(10)))?;
    let is_server = cell.role == Role::Client;
    let port = if is_server { free_port()? } else { socket.local_addr()?.port() };
    let mut program = Program::start(command(&Start { cell, port, folder: folder.path() }))?;
    if is_server {
        // Nothing says when it listens; a hello that comes too early is repeated.
        thread::sleep(Duration::from_millis(100));
    }
    let subject = Subject::new(cell, &ours, &theirs, cell.seed(), Instant::now())?;
    let remote = is_server.then(|| SocketAddr::from(([127, 0, 0, 1], port)));
    let network = Network::new(cell.scenario, cell.seed());
    let mut wire =
        Wire { begin: Instant::now(), socket, remote, network, largest: 0, protected: String::new() };
    let outcome = talk(cell, judge, subject, &mut wire, &mut program);
    let said = program.end();
    outcome.with_context(|| format!("it said:\n{}", tail(&said)))
}

fn talk(
    cell: &Cell,
    judge: &Abilities,
    mut subject: Subject,
    wire: &mut Wire,
    program: &mut Program,
) -> Result<String> {
    let begin = Instant::now();
    let mut spoken = begin;
    let mut buffer = vec![0; 65536];
    loop {
        let now = Instant::now();
        if now.duration_since(begin) > PATIENCE {
            let we = if subject.agreed.is_some() { "connected" } else { "not connected" };
            bail!(
                "not done after {} s: we are {we}; of theirs in epoch 1 there came {}\nwe counted {:?}",
                PATIENCE.as_secs(),
                wire.protected,
                subject.stats()
            );
        }
        if let Some(datagram) = wire.receive(&mut buffer)? {
            subject.receive(now, datagram);
        }
        if subject.timeout().is_some_and(|due| due <= now) {
            subject.handle_timeout(now);
        }
        while let Some(datagram) = subject.transmit(now) {
            wire.send(&datagram);
        }
        if let Some(reason) = subject.closed {
            bail!("closed: {reason}");
        }
        let Some(agreed) = subject.agreed else { continue };
        if now.duration_since(spoken) >= PAUSE {
            spoken = now;
            program.say(THEIRS);
            if let Some(datagram) = subject.seal(OURS) {
                wire.send(&datagram);
            }
        }
        // An echo is both in one.
        let heard_echo = contains(&subject.received, OURS.trim_ascii_end());
        let heard_us = contains(&program.said(), OURS.trim_ascii_end());
        if heard_echo || heard_us && !subject.received.is_empty() {
            cell.judge(judge, agreed)?;
            if let Some(datagram) = subject.close(now) {
                wire.send(&datagram);
            }
            let millis = begin.elapsed().as_millis();
            return Ok(format!("{agreed}; largest datagram of theirs {}; {millis} ms", wire.largest));
        }
    }
}

/// The socket, and what the network does to it.
#[derive(Debug)]
struct Wire {
    begin: Instant,
    socket: UdpSocket,
    remote: Option<SocketAddr>,
    network: Network,
    largest: usize,
    /// Kinds of records under keys that came, told of a judge that fails (1.2).
    protected: String,
}

impl Wire {
    fn receive<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<&'b mut [u8]>> {
        let (length, from) = match self.socket.recv_from(buffer) {
            Ok(received) => received,
            // A program that does not listen yet refuses.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        if *self.remote.get_or_insert(from) != from {
            return Ok(None);
        }
        let datagram = &mut buffer[..length];
        let delivered = self.network.delivers(datagram);
        trace(self.begin.elapsed(), true, delivered, datagram);
        if !delivered {
            return Ok(None);
        }
        self.largest = self.largest.max(length);
        if datagram.get(4) == Some(&1) {
            let kind = match datagram[0] {
                22 => "handshake ",
                23 => "data ",
                _ => "other ",
            };
            if !self.protected.ends_with(kind) {
                self.protected.push_str(kind);
            }
        }
        Ok(Some(datagram))
    }

    fn send(&mut self, datagram: &[u8]) {
        let Some(remote) = self.remote else { return };
        let delivered = self.network.delivers(datagram);
        trace(self.begin.elapsed(), false, delivered, datagram);
        if delivered {
            // Refused like lost: it is repeated.
            let _ = self.socket.send_to(datagram, remote);
        }
    }
}

/// A running judge; it ends with us.
#[derive(Debug)]
struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    output: Arc<Mutex<Vec<u8>>>,
}

impl Program {
    fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let output = Arc::new(Mutex::new(Vec::new()));
        collect(child.stdout.take(), &output);
        collect(child.stderr.take(), &output);
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, output })
    }

    /// Writes to its stdin; one that has ended hears nothing.
    fn say(&mut self, line: &[u8]) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(line).and_then(|()| stdin.flush());
        }
    }

    fn said(&self) -> Vec<u8> {
        self.output.lock().map(|output| output.clone()).unwrap_or_default()
    }

    fn end(mut self) -> Vec<u8> {
        self.stdin = None;
        thread::sleep(Duration::from_millis(20));
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.said()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>, output: &Arc<Mutex<Vec<u8>>>) {
    let Some(mut pipe) = pipe else { return };
    let output = output.clone();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            if let Ok(mut output) = output.lock() {
                output.extend_from_slice(&buffer[..length]);
            }
        }
    });
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn tail(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

fn free_port() -> Result<u16> {
    Ok(UdpSocket::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// OpenSSL's `s_server` and `s_client`.
pub(crate) fn openssl(start: &Start<'_>) -> Command {
    let mut command = Command::new("openssl");
    let address = format!("127.0.0.1:{}", start.port);
    if start.is_client() {
        command.args(["s_client", "-connect", &address]);
    } else {
        // One that asks for a certificate and takes any.
        command.args(["s_server", "-accept", &address, "-Verify", "1"]);
    }
    command.args(["-dtls1_2", "-timeout", "-cert", &start.file("cert.pem"), "-key", &start.file("key.pem")]);
    if let Some(mtu) = start.mtu() {
        // Of the link: IPv4 and UDP headers count.
        command.args(["-mtu", &(mtu + 28).to_string()]);
    }
    command
}

/// GnuTLS's `gnutls-serv`, which echoes and asks for a cookie, and `gnutls-cli`.
pub(crate) fn gnutls(start: &Start<'_>) -> Command {
    let port = start.port.to_string();
    let (certificate, key) = (start.file("cert.pem"), start.file("key.pem"));
    let mut command = if start.is_client() {
        let mut command = Command::new("gnutls-cli");
        command.args(["--udp", "--insecure", "127.0.0.1", "--port", &port]);
        command
    } else {
        let mut command = Command::new("gnutls-serv");
        command.args(["--udp", "--echo", "--require-client-cert", "--port", &port]);
        command
    };
    command.args(["--x509certfile", &certificate, "--x509keyfile", &key]);
    if let Some(mtu) = start.mtu() {
        command.args(["--mtu", &mtu.to_string()]);
    }
    command
}

/// A judge of ours around a library: `PROGRAM client|server PORT CERT KEY MTU VERSION any|GROUP`.
pub(crate) fn small_program(program: &Path, start: &Start<'_>) -> Command {
    let mut command = Command::new(program);
    command.arg(if start.is_client() { "client" } else { "server" });
    command.args([start.port.to_string(), start.file("cert.pem"), start.file("key.pem")]);
    command.arg(start.mtu().unwrap_or(1200).to_string());
    command.arg(if start.cell.version == Version::Dtls13 { "1.3" } else { "1.2" });
    command.arg(match start.cell.offer {
        Offer::Retry(HYBRID) => "X25519MLKEM768",
        Offer::Retry(_) => "P-256",
        _ => "any",
    });
    command
}

/// Compiles a C program of `src/peers` with what comes behind it on the command line.
pub(crate) fn compile_c(program: &Path, source: &Path, libraries: &[&str]) -> Command {
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-Wall", "-Werror", "-o"]).arg(program).arg(source).args(libraries);
    compiler
}

/// Compiles a Go program of `src/peers` with the sources that Debian packages, and with nothing from a network.
pub(crate) fn compile_go(program: &Path, source: &Path, _: &[&str]) -> Command {
    let mut compiler = Command::new("go");
    compiler.args(["build", "-o"]).arg(program).arg(source);
    compiler.envs([
        ("GO111MODULE", "off"),
        ("GOPATH", "/usr/share/gocode"),
        ("GOFLAGS", ""),
        ("CGO_ENABLED", "0"),
    ]);
    compiler
}

/// How a program of `src/peers` is made: where it comes to stand, its source, what the judge needs besides.
pub(crate) type Compiler = fn(&Path, &Path, &[&str]) -> Command;

/// Compiles `src/peers/SOURCE` for the judge `name`.
pub(crate) fn compile(name: &str, source: &str, compiler: Compiler, needs: &[&str]) -> Result<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/peers").join(source);
    let program = std::env::current_exe()?.with_file_name(format!("judge-{name}-{}", std::process::id()));
    let mut compiler = compiler(&program, &file, needs);
    let output = compiler.output().with_context(|| format!("cannot compile {source}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.success(), "{source}: {}", tail(said.as_bytes()));
    // Another run may be using the one before: a name that is exchanged is never half written.
    let path = program.with_file_name(format!("judge-{name}"));
    std::fs::rename(&program, &path)?;
    Ok(path)
}
