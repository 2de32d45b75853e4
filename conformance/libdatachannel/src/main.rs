//! libdatachannel as a peer of `cargo xtask interop --suite stacks`: one process, one peer connection.
//!
//! It speaks docs/peer-contract.md, in libdatachannel's own words of C behind the crate `datachannel`:
//! ```text
//!  stdin  --command--> main loop --> RtcPeerConnection, RtcDataChannel
//!  stdout <--event---- main loop <-- mpsc <-- callbacks on threads of libdatachannel
//! ```
//! What the crate does not offer, this peer cannot do: text messages (it sends binary ones, and does not tell what
//! arrived), statistics, an ICE restart.

mod channel;
mod payload;

use std::collections::BTreeMap;
use std::io::BufRead;
use std::process::ExitCode;
use std::sync::mpsc::{self, Sender};

use anyhow::{Context, Result, bail};
use datachannel::{
    ConnectionState, DataChannelInfo, DataChannelInit, GatheringState, IceCandidate, PeerConnectionHandler,
    Reliability, RtcConfig, RtcPeerConnection, SdpType, SessionDescription,
};
use serde_json::{Value, json};

use crate::channel::{Channel, Ear, Job, Link, News, complain, say};
use crate::payload::Batch;

/// What the main loop waits for.
pub(crate) enum Happening {
    Command(Value),
    EndOfCommands,
    Description(Box<SessionDescription>),
    Candidate(IceCandidate),
    Gathered,
    State(ConnectionState),
    /// A channel that the other side opened.
    Arrived(String, Link),
    Channel(String, News),
}

/// Listens to the connection, on threads of libdatachannel's.
struct Ears {
    out: Sender<Happening>,
    arrived: u32,
}

impl Ears {
    fn tell(&self, what: Happening) {
        // Nobody listens while the process ends.
        let _ = self.out.send(what);
    }

    fn newest(&self) -> String {
        format!("r{}", self.arrived)
    }
}

impl PeerConnectionHandler for Ears {
    type DCH = Ear;

    fn data_channel_handler(&mut self, _info: DataChannelInfo) -> Ear {
        self.arrived += 1;
        Ear { name: self.newest(), out: self.out.clone() }
    }

    fn on_description(&mut self, description: SessionDescription) {
        self.tell(Happening::Description(Box::new(description)));
    }

    fn on_candidate(&mut self, candidate: IceCandidate) {
        self.tell(Happening::Candidate(candidate));
    }

    fn on_gathering_state_change(&mut self, state: GatheringState) {
        if state == GatheringState::Complete {
            self.tell(Happening::Gathered);
        }
    }

    fn on_connection_state_change(&mut self, state: ConnectionState) {
        self.tell(Happening::State(state));
    }

    fn on_data_channel(&mut self, link: Link) {
        self.tell(Happening::Arrived(self.newest(), link));
    }
}

struct Peer {
    connection: Option<Box<RtcPeerConnection<Ears>>>,
    out: Sender<Happening>,
    channels: BTreeMap<String, Channel>,
    /// News of channels that have not arrived yet.
    early: Vec<(String, News)>,
    /// Candidates that came before the description they belong to.
    held: Option<Vec<IceCandidate>>,
    echo: bool,
}

impl Peer {
    fn new(flags: &Flags, out: Sender<Happening>) -> Result<Self> {
        let mut config = RtcConfig::new::<&str>(&[]).disable_auto_negotiation();
        if let Some(address) = &flags.bind {
            config = config.bind_address(address);
        }
        let connection = RtcPeerConnection::new(&config, Ears { out: out.clone(), arrived: 0 })?;
        Ok(Self {
            connection: Some(connection),
            out,
            channels: BTreeMap::new(),
            early: Vec::new(),
            held: Some(Vec::new()),
            echo: flags.echo,
        })
    }

    fn connection(&mut self) -> Result<&mut RtcPeerConnection<Ears>> {
        self.connection.as_deref_mut().context("the connection is closed")
    }

    fn command(&mut self, command: &Value) -> Result<()> {
        let name = || command["ch"].as_str().unwrap_or_default().to_owned();
        match command["type"].as_str().unwrap_or_default() {
            "create-offer" => {
                for channel in command["channels"].as_array().into_iter().flatten() {
                    self.open_channel(channel)?;
                }
                self.connection()?.set_local_description(SdpType::Offer)?;
            }
            "open-channel" => self.open_channel(command)?,
            "offer" | "answer" => self.description(command)?,
            "candidate" => self.candidate(command)?,
            "end-of-candidates" => {}
            "send" => {
                let job = job(command)?;
                self.add(&name(), job)?;
            }
            "close-channel" => self.add(&name(), Job::Close)?,
            "sink" => {
                let channel = self.channels.get_mut(&name()).context("no such channel")?;
                channel.sink(command["count"].as_u64().unwrap_or(1));
            }
            "stats" => say(&json!({"type": "stats", "dtls": {}})),
            "close" => self.close(),
            other => bail!("libdatachannel cannot {other}"),
        }
        Ok(())
    }

    fn open_channel(&mut self, command: &Value) -> Result<()> {
        let text = |name: &str| command[name].as_str().unwrap_or_default();
        let number = |name: &str| command[name].as_u64().and_then(|value| u32::try_from(value).ok());
        let mut reliability =
            Reliability { unordered: command["ordered"] == false, ..Reliability::default() };
        if let Some(lifetime) = number("maxPacketLifeTime") {
            reliability = reliability.unreliable().max_packet_life_time(lifetime);
        } else if let Some(retransmits) = number("maxRetransmits") {
            reliability = reliability.unreliable().max_retransmits(retransmits);
        }
        let mut init = DataChannelInit::default().reliability(reliability).protocol(text("protocol"));
        let negotiated = command["negotiated"] == true;
        if let Some(id) = command["id"].as_u64().filter(|_| negotiated) {
            init = init.negotiated().manual_stream().stream(u16::try_from(id)?);
        }
        let ear = Ear { name: text("ch").to_owned(), out: self.out.clone() };
        let link = self.connection()?.create_data_channel_ex(text("label"), ear, &init)?;
        self.enlist(text("ch"), link, negotiated, false);
        Ok(())
    }

    fn enlist(&mut self, name: &str, link: Link, negotiated: bool, remote: bool) {
        self.channels.insert(name.to_owned(), Channel::new(name.to_owned(), link, negotiated, remote));
        let (ours, others) = std::mem::take(&mut self.early).into_iter().partition(|(of, _)| of == name);
        self.early = others;
        let ours: Vec<(String, News)> = ours;
        for (name, news) in ours {
            self.news(name, news);
        }
    }

    fn description(&mut self, command: &Value) -> Result<()> {
        let description: SessionDescription = serde_json::from_value(command.clone())?;
        let is_offer = description.sdp_type == SdpType::Offer;
        let connection = self.connection()?;
        connection.set_remote_description(&description)?;
        if is_offer {
            connection.set_local_description(SdpType::Answer)?;
        }
        for candidate in self.held.take().into_iter().flatten() {
            self.connection()?.add_remote_candidate(&candidate)?;
        }
        Ok(())
    }

    fn candidate(&mut self, command: &Value) -> Result<()> {
        let text = |name: &str, default: &str| command[name].as_str().unwrap_or(default).to_owned();
        let candidate = IceCandidate { candidate: text("candidate", ""), mid: text("sdpMid", "0") };
        match &mut self.held {
            Some(held) => held.push(candidate),
            None => self.connection()?.add_remote_candidate(&candidate)?,
        }
        Ok(())
    }

    fn add(&mut self, name: &str, job: Job) -> Result<()> {
        if self.channels.get_mut(name).context("no such channel")?.add(job) {
            self.end(name);
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        if let Some(channel) = self.channels.remove(name) {
            channel.end();
        }
    }

    fn news(&mut self, name: String, news: News) {
        let Some(channel) = self.channels.get_mut(&name) else {
            self.early.push((name, news));
            return;
        };
        let ends = match news {
            News::Open => channel.opened(),
            News::Closed => true,
            News::Room => channel.work(),
            News::Message(message) => {
                channel.received(&message);
                self.echo && channel.add(Job::Send(message))
            }
        };
        if ends {
            self.end(&name);
        }
    }

    fn close(&mut self) {
        for name in self.channels.keys().cloned().collect::<Vec<String>>() {
            self.end(&name);
        }
        if self.connection.take().is_some() {
            say(&json!({"type": "state", "state": "closed"}));
        }
    }

    /// False: the end.
    fn happens(&mut self, happening: Happening) -> bool {
        match happening {
            Happening::EndOfCommands => return false,
            Happening::Command(command) if command["type"] == "quit" => return false,
            Happening::Command(command) => {
                if let Err(error) = self.command(&command) {
                    complain(command["type"].as_str().unwrap_or_default(), &format!("{error:#}"));
                }
            }
            Happening::Description(description) => match serde_json::to_value(&description) {
                Ok(description) => say(&description),
                Err(error) => complain("description", &error),
            },
            Happening::Candidate(IceCandidate { candidate, mid }) => {
                let candidate = candidate.trim_start_matches("a=");
                say(&json!({"type": "candidate", "candidate": candidate, "sdpMid": mid}));
            }
            Happening::Gathered => say(&json!({"type": "end-of-candidates"})),
            Happening::State(ConnectionState::New) => {}
            Happening::State(state) => {
                say(&json!({"type": "state", "state": format!("{state:?}").to_lowercase()}));
            }
            Happening::Arrived(name, link) => self.enlist(&name, link, false, true),
            Happening::Channel(name, news) => self.news(name, news),
        }
        true
    }
}

fn job(command: &Value) -> Result<Job> {
    if command["kind"] == "text" {
        bail!("the crate datachannel sends no text");
    }
    if let Some(hex) = command["hex"].as_str() {
        let bytes = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16));
        return Ok(Job::Send(bytes.collect::<Result<_, _>>()?));
    }
    Ok(Job::Generate(Batch::of(command).context("which message?")?))
}

#[derive(Default)]
struct Flags {
    echo: bool,
    bind: Option<String>,
}

/// What of the contract's flags can be obeyed; `None`: there is an unknown one.
fn flags() -> Option<Flags> {
    let (mut flags, mut arguments) = (Flags::default(), std::env::args().skip(1));
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--echo" => flags.echo = true,
            "--bind" => flags.bind = Some(arguments.next()?),
            "--opt" => drop(arguments.next()?),
            "--mdns" | "--loopback" => {}
            _ => return None,
        }
    }
    Some(flags)
}

fn main() -> Result<ExitCode> {
    let Some(flags) = flags() else { return Ok(ExitCode::from(2)) };
    let (out, happenings) = mpsc::channel();
    let mut peer = Peer::new(&flags, out.clone())?;
    say(&json!({"type": "ready", "impl": "libdatachannel"}));
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let command = serde_json::from_str(&line).unwrap_or_default();
            if out.send(Happening::Command(command)).is_err() {
                return;
            }
        }
        // Nobody may be listening any more, which is fine.
        let _ = out.send(Happening::EndOfCommands);
    });
    while let Ok(happening) = happenings.recv() {
        if !peer.happens(happening) {
            break;
        }
    }
    // Without any good-bye: what libdatachannel has open ends with the process.
    std::process::exit(0);
}
