//! The agent: fields, commands, the six calls. Each procedure has its file under `agent/`.

mod candidates;
mod checks;
mod consent;
mod nomination;
mod requests;
mod responses;
mod timeouts;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plywood_stun::IntegrityKey;
use plywood_stun::wire::{Class, MessageView, Method, TransactionId};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::pair::{Pair, PairKey};
use crate::session::{Purpose, Remote, Session};
use crate::{
    Candidate, CommandError, Config, Credentials, Discard, Event, LocalId, PairReport, Path, Role, State,
    Stats, Transmit,
};
use requests::Response;

/// Events kept for an owner that does not poll; one that drains as it should never has that many.
const MAX_EVENTS: usize = 512;

/// A local socket.
#[derive(Debug)]
struct Local {
    source: LocalId,
    candidate: Candidate,
}

/// A full ICE agent for one component (RFC 8445). See the crate's documentation for the loop around it.
#[derive(Debug)]
pub struct Agent {
    config: Config,
    rng: ChaCha12Rng,
    role: Role,
    tie_breaker: u64,
    locals: Vec<Local>,
    locals_added: u16,
    local_ended: bool,
    current: Session,
    /// The generation before a restart, until the new one carries data.
    previous: Option<Session>,
    previous_until: Option<Instant>,
    /// Addresses that proved to know our password but nothing else yet (a restart seen from one side).
    acquainted: VecDeque<PairKey>,
    path: Option<(u32, PairKey)>,
    disconnected: bool,
    /// When the agent last did what was due.
    driven_at: Instant,
    state: State,
    events: VecDeque<Event>,
    dropped: u64,
    responses: VecDeque<Response>,
    requests: VecDeque<(u32, TransactionId)>,
    last_check: Option<Instant>,
    stats: Stats,
}

impl Agent {
    /// A controlled agent of generation 0 without candidates. Equal seeds give equal bytes.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32], now: Instant) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let tie_breaker = rng.next_u64();
        let current = Session::new(0, new_credentials(&mut rng));
        Self {
            config,
            rng,
            role: Role::Controlled,
            tie_breaker,
            locals: Vec::new(),
            locals_added: 0,
            local_ended: false,
            current,
            previous: None,
            previous_until: None,
            acquainted: VecDeque::new(),
            path: None,
            disconnected: false,
            driven_at: now,
            state: State::New,
            events: VecDeque::new(),
            dropped: 0,
            responses: VecDeque::new(),
            requests: VecDeque::new(),
            last_check: None,
            stats: Stats::default(),
        }
    }

    /// Sets the role that signalling implies: the offerer controls (RFC 8445 §6.1.1).
    pub fn set_role(&mut self, role: Role) {
        if self.role != role {
            self.role = role;
            self.current.set_role(role);
        }
    }

    /// The role, which a conflict may have changed.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// For a lite peer: it never checks and is always controlled, so this agent controls (RFC 8445 §6.1.1).
    pub fn set_remote_lite(&mut self) {
        self.set_role(Role::Controlling);
    }

    /// Our credentials of the newest generation.
    #[must_use]
    pub fn local_credentials(&self) -> &Credentials {
        &self.current.local
    }

    /// The other side's credentials: the next generation, if they differ from those known (RFC 8445 §9).
    ///
    /// If this side has not restarted itself, it does so here: read
    /// [`local_credentials`](Self::local_credentials) afterwards.
    ///
    /// # Errors
    /// [`CommandError`]; nothing changed then.
    pub fn set_remote_credentials(
        &mut self,
        now: Instant,
        credentials: Credentials,
    ) -> Result<(), CommandError> {
        if self.state == State::Closed {
            return Err(CommandError::Closed);
        }
        if !credentials.is_legal() {
            return Err(CommandError::Credentials);
        }
        match &self.current.remote {
            Some(remote) if remote.credentials == credentials => return Ok(()),
            Some(_) => self.restart(now),
            None => {
                let before = self.previous.as_ref().and_then(|session| session.remote.as_ref());
                if before.is_some_and(|remote| remote.credentials == credentials) {
                    return Err(CommandError::StaleCredentials);
                }
            }
        }
        self.current.keep_only(&credentials.ufrag);
        let key = IntegrityKey::from_password(&credentials.pwd);
        self.current.remote = Some(Remote { credentials, key });
        self.current.fail_at = Some(now + self.config.patience);
        self.drive(now);
        Ok(())
    }

    /// Begins a new generation: new credentials, no remote candidates (RFC 8445 §9). Sockets and candidates
    /// stay, and data keeps its path until the new generation has nominated one.
    pub fn restart(&mut self, now: Instant) {
        if self.state == State::Closed {
            return;
        }
        let generation = self.current.generation + 1;
        let session = Session::new(generation, new_credentials(&mut self.rng));
        let mut old = std::mem::replace(&mut self.current, session);
        // Of the old generation only consent goes on (RFC 7675 §5.1).
        old.triggered.clear();
        old.checks.retain(|check| check.purpose == Purpose::Consent);
        if self.state == State::Failed {
            old.had_path = false;
            self.disconnected = false;
            self.set_state(State::New);
        }
        // The generation that carries data is the one to keep.
        if self.path.is_none_or(|(of, _)| of == old.generation) {
            self.previous = Some(old);
        }
        self.previous_until = None;
        self.local_ended = false;
        for index in 0..self.locals.len() {
            let Some(local) = self.locals.get_mut(index) else { continue };
            local.candidate.ufrag = Some(self.current.local.ufrag.clone());
            let candidate = local.candidate.clone();
            self.emit(Event::LocalCandidate(candidate));
        }
        tracing::debug!(generation, "restart");
        self.drive(now);
    }

    /// How often the agent restarted.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.current.generation
    }

    /// Takes a STUN datagram that came in on `source` from `remote`. Other protocols on the same socket are
    /// told apart before this call (RFC 7983).
    ///
    /// # Errors
    /// [`Discard`] says why it was dropped; it is counted too.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: LocalId,
        remote: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), Discard> {
        let result = self.receive(now, source, remote, datagram);
        if let Err(discard) = result {
            self.stats.count(discard);
        }
        self.drive(now);
        result
    }

    fn receive(
        &mut self,
        now: Instant,
        source: LocalId,
        remote: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), Discard> {
        if matches!(self.state, State::Closed | State::Failed) {
            return Err(Discard::Ended);
        }
        let local = self.local_address(source).ok_or(Discard::UnknownLocal)?;
        let key = PairKey { source, remote: crate::candidate::normalise(remote, local) };
        let message = MessageView::parse(datagram).map_err(Discard::Malformed)?;
        if message.method() != Method::BINDING {
            return Err(Discard::Method(message.method().number()));
        }
        match message.class() {
            Class::Request => self.handle_request(now, key, &message),
            Class::Success | Class::Error => self.handle_response(now, key, &message),
            Class::Indication => {
                // A keepalive (RFC 8445 §11): its arrival was its purpose.
                self.stats.indications_received += 1;
                Ok(())
            }
        }
    }

    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.drive(now);
    }

    /// Appends the next datagram to `out`.
    pub fn poll_transmit(&mut self, _now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        if let Some(response) = self.responses.pop_front() {
            return self.write_response(&response, out);
        }
        while let Some((generation, id)) = self.requests.pop_front() {
            if let Some(transmit) = self.write_request(generation, id, out) {
                return Some(transmit);
            }
        }
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.events.is_empty() && self.dropped > 0 {
            return Some(Event::CandidatesDropped { count: std::mem::take(&mut self.dropped) });
        }
        self.events.pop_front()
    }

    /// Where data goes. `None` before a pair works, and once sending must stop for lack of consent (RFC 7675).
    #[must_use]
    pub fn path(&self) -> Option<Path> {
        let (generation, _) = self.path?;
        let pair = self.path_pair()?;
        Some(Path { source: pair.key.source, local: pair.local, remote: pair.key.remote, generation })
    }

    /// Whether a check to there was answered, so that data from there may be taken, on any valid pair of the
    /// two newest generations. During a restart an address that proved to know our password counts too:
    /// the other side may have moved there before its description came.
    #[must_use]
    pub fn is_validated(&self, source: LocalId, remote: SocketAddr) -> bool {
        let Some(key) = self.key(source, remote) else { return false };
        self.sessions().any(|session| session.pair(key).is_some_and(|pair| pair.valid))
            || self.path.is_some() && self.acquainted.contains(&key)
    }

    /// Whether there is a pair for that address that may yet turn out valid: data from there may wait.
    #[must_use]
    pub fn is_checking(&self, source: LocalId, remote: SocketAddr) -> bool {
        let Some(key) = self.key(source, remote) else { return false };
        self.sessions().any(|session| session.pair(key).is_some_and(Pair::is_active))
            || self.acquainted.contains(&key)
    }

    /// Smoothed round trip of the path, from its checks.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.path_pair()?.smoothed_rtt
    }

    /// Least round trip of the path.
    #[must_use]
    pub fn minimum_round_trip(&self) -> Option<Duration> {
        self.path_pair()?.minimum_rtt
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The pairs of the newest generation, best first.
    #[must_use]
    pub fn pairs(&self) -> Vec<PairReport> {
        let mut pairs: Vec<_> = self.current.pairs.iter().map(Pair::report).collect();
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.priority));
        pairs
    }

    /// Ends the agent for good: nothing is sent or taken any more.
    pub fn close(&mut self, _now: Instant) {
        self.end();
        self.previous = None;
        self.current.pairs.clear();
        self.current.remote_candidates.clear();
        self.set_state(State::Closed);
    }

    /// Stops all that is under way.
    fn end(&mut self) {
        self.path = None;
        self.responses.clear();
        self.requests.clear();
        self.current.checks.clear();
        self.current.triggered.clear();
        self.previous = None;
        self.previous_until = None;
        self.acquainted.clear();
    }

    fn sessions(&self) -> impl Iterator<Item = &Session> {
        std::iter::once(&self.current).chain(self.previous.as_ref())
    }

    fn session(&self, generation: u32) -> Option<&Session> {
        self.sessions().find(|session| session.generation == generation)
    }

    fn session_mut(&mut self, generation: u32) -> Option<&mut Session> {
        if self.current.generation == generation {
            return Some(&mut self.current);
        }
        self.previous.as_mut().filter(|session| session.generation == generation)
    }

    fn path_pair(&self) -> Option<&Pair> {
        let (generation, key) = self.path?;
        self.session(generation)?.pair(key)
    }

    fn key(&self, source: LocalId, remote: SocketAddr) -> Option<PairKey> {
        let local = self.local_address(source)?;
        Some(PairKey { source, remote: crate::candidate::normalise(remote, local) })
    }

    fn local_address(&self, source: LocalId) -> Option<SocketAddr> {
        self.local_for(source).map(|candidate| candidate.address)
    }

    /// The one place that changes the state.
    fn set_state(&mut self, state: State) {
        if self.state != state {
            tracing::debug!(from = ?self.state, to = ?state, "ice state");
            self.state = state;
            self.emit(Event::StateChanged(state));
        }
    }

    fn emit(&mut self, event: Event) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Counts something that a bound left out.
    fn drop_candidate(&mut self) {
        self.stats.candidates_dropped += 1;
        self.dropped += 1;
    }
}

/// 8 and 24 ice-chars: 48 and 144 random bits, where RFC 8445 §5.3 asks for 24 and 128.
fn new_credentials(rng: &mut ChaCha12Rng) -> Credentials {
    let mut text = |length: usize| {
        const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bytes = [0; 24];
        rng.fill_bytes(&mut bytes);
        bytes
            .iter()
            .take(length)
            .map(|byte| char::from(ICE_CHARS[usize::from(byte & 63)]))
            .collect::<String>()
    };
    Credentials { ufrag: text(8), pwd: text(24) }
}
