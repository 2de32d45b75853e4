//! `bogo_shim`: one DTLS connection that BoringSSL's test runner drives; see README.md.
//!
//! Problem: the runner judges a stack by misbehaving towards it, and wants to move its clock.
//! How: an argument parser (`options`), the runner's framing over TCP (`frames`), and a loop around the
//! sans-IO connection, whose time moves only when the runner says so.
//!
//! ```text
//!   runner --flags--> options --Config--> Connection <--datagrams, time--> frames --TCP--> runner
//!                                             `--reason of the end--> labels --stderr--> runner
//! ```

mod frames;
mod labels;
mod options;
mod verdict;

use std::collections::VecDeque;
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frames::{Frame, Runner};
use options::{Credential, Options, Unknown};
use plywood_dtls::provider::Provider;
use plywood_dtls::wire::codes::{NamedGroup, SignatureScheme};
use plywood_dtls::wire::{AlertDescription, HandshakeType, PlaintextHeader};
use plywood_dtls::{
    ClientAuthentication, CloseReason, Config, Connection, Discard, Event, Identity, PeerVerification, Role,
    Versions, provider,
};

/// The runner counts a test that ends so as not implemented.
const UNIMPLEMENTED: u8 = 89;
/// Nothing in a test takes so long: a deadline behind it counts as none.
const FAR: Duration = Duration::from_hours(24 * 365);
/// What BoringSSL starts with; the runner computes with it.
const INITIAL_TIMEOUT: Duration = Duration::from_millis(400);

/// A driver's timers are not exact: whatever is due so soon is done now. The runner tests it.
const TIMER_GRANULARITY: Duration = Duration::from_millis(10);
/// The runner has a certificate message of 50 certificates.
const MAX_MESSAGE: usize = 128 * 1024;

/// Whoever needs a certificate and was given none shows this one, which the runner never looks at.
const STAND_IN: &str = include_str!("stand_in.pem");

/// Why the shim stops early.
#[derive(Debug)]
enum Stop {
    Unimplemented(String),
    /// A label for the runner, and words for people.
    Failed(String),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(format!(":SYSCALL: {error}"))
    }
}

impl From<Unknown> for Stop {
    fn from(Unknown(what): Unknown) -> Self {
        Self::Unimplemented(what)
    }
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("-is-handshaker-supported") {
        println!("No");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Unimplemented(what)) => {
            eprintln!("not implemented: {what}");
            ExitCode::from(UNIMPLEMENTED)
        }
        Err(Stop::Failed(what)) => {
            eprintln!("{what}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Stop> {
    let options = Options::parse(std::env::args().skip(1))?;
    let (config, identities) = config(&options)?;
    let runner = Runner::connect(options.port, options.shim_id, options.ipv6)?;
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&options.shim_id.to_le_bytes());
    let now = Instant::now();
    let connection = Connection::new(config, seed, now);
    let mut shim = Shim {
        options,
        identities,
        runner,
        connection,
        now,
        received: VecDeque::new(),
        closed: None,
        heard: false,
        verdict: None,
    };
    let result = shim.run();
    let flushed = shim.flush();
    shim.runner.finish();
    result.and(flushed.or(Ok(()))) // a runner that is gone wants no more
}

/// An identity of files; `None` where none are named.
fn identity(provider: &dyn Provider, credential: &Credential) -> Result<Option<Arc<Identity>>, Stop> {
    let read = |file: &Option<String>| file.as_ref().map(fs::read_to_string).transpose();
    let pem = match (read(&credential.certificate_file)?, read(&credential.key_file)?) {
        (Some(certificate), Some(key)) => format!("{certificate}\n{key}"),
        (None, None) => return Ok(None),
        _ => return Err(Stop::Unimplemented("a certificate without a key".to_owned())),
    };
    let identity = Identity::from_pem(provider, &pem)
        .map_err(|error| Stop::Unimplemented(format!("this certificate and key: {error}")))?;
    Ok(Some(Arc::new(match &credential.signing_prefs[..] {
        [] => identity,
        prefs => identity.with_schemes(&prefs.iter().copied().map(SignatureScheme).collect::<Vec<_>>()),
    })))
}

/// The configuration, and who we can be: the credentials in their order.
fn config(options: &Options) -> Result<(Config, Vec<Arc<Identity>>), Stop> {
    let provider = provider::ring();
    let mut identities = Vec::new();
    for credential in options.credentials.iter().chain([&options.default_credential]) {
        identities.extend(identity(&*provider, credential)?);
    }
    if identities.is_empty() {
        let stand_in = Identity::from_pem(&*provider, STAND_IN);
        identities.push(Arc::new(stand_in.map_err(|error| Stop::Failed(error.to_string()))?));
    }
    let role = if options.server { Role::Server } else { Role::Client };
    let mut preferred = identities.clone();
    let Some(last) = preferred.pop() else { return Err(Stop::Failed("no identity".to_owned())) };
    let mut config = Config::new(role, last, provider, Vec::new());
    config.preferred_identities = preferred;
    if !options.verify_prefs.is_empty() {
        config.verify_schemes = options.verify_prefs.iter().copied().map(SignatureScheme).collect();
    }
    config.max_handshake_message_bytes = MAX_MESSAGE;
    config.max_reassembly_bytes = 2 * MAX_MESSAGE;
    config.client_authentication = if options.require_client_certificate {
        ClientAuthentication::Required
    } else if options.verify_peer {
        ClientAuthentication::Requested
    } else {
        ClientAuthentication::NotRequested
    };
    let verifies = options.verify_peer || options.require_client_certificate || options.custom_verification;
    config.peer_verification = if !(options.verify_fail && verifies) {
        PeerVerification::AnyCertificate
    } else if options.custom_verification {
        PeerVerification::Nobody(AlertDescription(46))
    } else {
        PeerVerification::Nobody(AlertDescription::HANDSHAKE_FAILURE)
    };
    let (v1_2, v1_3) = options.versions();
    config.versions = Versions { v1_2, v1_3 };
    config.initial_timeout = options.initial_timeout.unwrap_or(INITIAL_TIMEOUT);
    config.handshake_timeout = 100 * FAR;
    config.mtu_bytes = options.mtu.unwrap_or(config.mtu_bytes);
    if !options.groups.is_empty() {
        config.groups = options.groups.iter().copied().map(NamedGroup).collect();
    }
    // A hybrid alone leaves nothing for 1.2.
    let has_classic = config.groups.iter().any(|group| matches!(group.0, 23 | 24 | 29));
    config.versions.v1_2 &= has_classic;
    config.srtp_profiles.clone_from(&options.srtp_profiles);
    Ok((config, identities))
}

/// One test.
#[derive(Debug)]
struct Shim {
    options: Options,
    identities: Vec<Arc<Identity>>,
    runner: Runner,
    connection: Connection,
    /// Virtual time: the runner moves it.
    now: Instant,
    /// Application data that was not answered yet.
    received: VecDeque<Vec<u8>>,
    closed: Option<CloseReason>,
    /// Whether any record of the runner was used.
    heard: bool,
    /// What BoringSSL would have ended the connection for.
    verdict: Option<&'static str>,
}

impl Shim {
    fn run(&mut self) -> Result<(), Stop> {
        self.connection.start(self.now);
        self.flush()?;
        while !self.connection.is_connected() {
            self.check_open()?;
            if !self.step()? {
                return Err(Stop::Failed(":UNEXPECTED_EOF: during the handshake".to_owned()));
            }
        }
        self.check_expectations()?;
        if let Some(length) = self.options.export_length {
            self.export(length)?;
        }
        if self.options.shim_writes_first {
            self.send(b"hello")?;
        }
        if self.options.send_alert {
            self.connection.abort(AlertDescription(30));
            return Ok(());
        }
        if self.options.shim_shuts_down {
            self.connection.close(self.now);
            return Ok(());
        }
        self.echo()
    }

    /// Answers each record with its complement, until the peer closes.
    fn echo(&mut self) -> Result<(), Stop> {
        loop {
            if self.options.key_update_before_read && !self.connection.is_closed() {
                self.connection.update_keys(self.now, false);
                self.flush()?;
            }
            while self.received.is_empty() {
                if self.closed == Some(CloseReason::Peer) {
                    return Ok(());
                }
                self.check_open()?;
                if !self.step()? {
                    self.connection.close(self.now);
                    return Ok(());
                }
            }
            while let Some(mut data) = self.received.pop_front() {
                data.iter_mut().for_each(|byte| *byte ^= 0xff);
                if !self.connection.is_closed() {
                    self.send(&data)?;
                }
            }
        }
    }

    fn label(&self, reason: &CloseReason) -> &'static str {
        labels::label(reason, self.options.server, self.connection.chose_1_3())
    }

    fn check_open(&self) -> Result<(), Stop> {
        if let Some(label) = self.verdict {
            return Err(Stop::Failed(format!("{label} dropped by the library, ended by the shim")));
        }
        match &self.closed {
            Some(reason) => Err(Stop::Failed(format!("{} {reason}", self.label(reason)))),
            None => Ok(()),
        }
    }

    fn check_expectations(&self) -> Result<(), Stop> {
        let wrong = |what: &str| Err(Stop::Failed(format!("not the expected {what}")));
        let connection = &self.connection;
        let group = connection.group().map(|group| group.0);
        if self.options.expect_group.is_some_and(|expected| group != Some(expected)) {
            return wrong("group");
        }
        let version = connection.version().map(|version| version.code().0);
        if self.options.expect_version.is_some_and(|expected| version != Some(expected)) {
            return wrong("version");
        }
        let suite = connection.suite().map(|suite| suite.0);
        if self.options.expect_cipher.is_some_and(|expected| suite != Some(expected)) {
            return wrong("cipher suite");
        }
        let scheme = connection.peer_signature_scheme().map(|scheme| scheme.0);
        if self.options.expect_peer_scheme.is_some_and(|expected| scheme != Some(expected)) {
            return wrong("signature scheme");
        }
        if let Some(expected) = self.options.expect_credential {
            // -1 is the default one, which comes last.
            let expected = usize::try_from(expected).unwrap_or(self.options.credentials.len());
            let chosen = self.identities.iter().position(|ours| Arc::ptr_eq(ours, connection.identity()));
            if chosen != Some(expected) {
                return wrong("credential");
            }
        }
        Ok(()) // extended master secret: nothing connects without
    }

    fn export(&mut self, length: usize) -> Result<(), Stop> {
        let mut secret = vec![0; length];
        let context = self.options.use_export_context.then_some(self.options.export_context.as_bytes());
        self.connection
            .export_keying_material(&self.options.export_label, context, &mut secret)
            .map_err(|error| Stop::Failed(format!("export: {error}")))?;
        self.send(&secret)
    }

    /// One frame of the runner; false: it is gone.
    fn step(&mut self) -> Result<bool, Stop> {
        let Some(frame) = self.runner.receive()? else { return Ok(false) };
        match frame {
            Frame::Datagram(mut datagram) => self.handle_datagram(&mut datagram),
            Frame::TimePasses(duration) => {
                self.runner.acknowledge_time()?;
                self.now += duration;
                let soon = self.connection.poll_timeout().filter(|due| *due <= self.now + TIMER_GRANULARITY);
                self.connection.handle_timeout(soon.unwrap_or(self.now).max(self.now));
            }
            Frame::ExpectTimeout(expected) => {
                let until = |at: Instant| at.saturating_duration_since(self.now);
                let next = self.connection.poll_timeout().map(until).filter(|wait| *wait < FAR);
                if next != expected {
                    return Err(Stop::Failed(format!(
                        "the next timeout is in {next:?}, not in {expected:?}"
                    )));
                }
            }
            Frame::Mtu(bytes) => self.connection.set_mtu(bytes),
            Frame::InitialTimeout(timeout) => self.connection.set_initial_timeout(timeout),
        }
        self.flush()?;
        Ok(true)
    }

    fn handle_datagram(&mut self, datagram: &mut [u8]) {
        let mut at = 0;
        while at < datagram.len() {
            // A request for a cookie is no answer yet.
            const VERIFY_REQUEST: Option<&u8> = Some(&HandshakeType::HELLO_VERIFY_REQUEST.0);
            let answers = datagram.get(at + PlaintextHeader::LENGTH) != VERIFY_REQUEST;
            at = match self.connection.open_record(self.now, datagram, at) {
                Ok(opened) => {
                    self.heard |= answers;
                    if let Some(range) = opened.plaintext {
                        self.received.push_back(datagram.get(range).unwrap_or_default().to_vec());
                    }
                    opened.next
                }
                Err(discarded) => {
                    let record = datagram.get(at..discarded.next).unwrap_or_default();
                    self.judge(discarded.reason, record);
                    discarded.next
                }
            };
        }
        self.received.retain(|data| !data.is_empty());
        // The runner wants what overtook the handshake to be lost; datagrams may be.
        while self.connection.poll_early_data().is_some() {}
    }

    /// What BoringSSL ends a connection for, and the library drops.
    fn judge(&mut self, reason: Discard, record: &[u8]) {
        if let (Some((label, alert)), None) = (verdict::verdict(reason, record, self.heard), self.verdict) {
            self.verdict = Some(label);
            self.connection.abort(alert);
        }
    }

    fn send(&mut self, data: &[u8]) -> Result<(), Stop> {
        let failed = |error| Stop::Failed(format!("cannot send: {error}"));
        let mut datagram = Vec::with_capacity(data.len() + 64);
        let mark = self.connection.begin_record(&mut datagram).map_err(failed)?;
        datagram.extend_from_slice(data);
        self.connection.finish_record(&mut datagram, mark).map_err(failed)?;
        self.runner.send(&datagram)?;
        self.flush()
    }

    /// Sends what waits, and notes what happened.
    fn flush(&mut self) -> Result<(), Stop> {
        let mut datagram = Vec::new();
        while self.connection.poll_transmit(self.now, &mut datagram).is_some() {
            self.runner.send(&datagram)?;
            datagram.clear();
        }
        while let Some(event) = self.connection.poll_event() {
            if let Event::Closed(reason) = event {
                self.closed = Some(reason);
            }
        }
        Ok(())
    }
}
