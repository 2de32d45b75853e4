//! The cookie exchange of a server that stands alone (RFC 6347 §4.2.1, RFC 9147 §5.1).
//!
//! Problem: a hello costs its sender one forged datagram, and the server a key exchange, a signature, memory for a
//! connection, and a flight ten times as long, sent to whoever was named as the source.
//! How: before anything is kept, the client shows that it receives at its address. The server sends a cookie and
//! forgets; all that it must know again stands in the cookie, under a MAC that only it can make.
//!
//! ```text
//!   Client                                    CookieExchange            Connection
//!   ClientHello               -------->       nothing is kept
//!                             <--------       HelloVerifyRequest (1.2) or HelloRetryRequest (1.3), one datagram
//!   ClientHello + cookie      -------->       MAC and age are right  -> accept(hello)
//!                             <--------                                 ServerHello ..
//!
//!   cookie of 1.2   key number 1 | MAC 16            MAC: address, version, random, session, suites, compression
//!   cookie of 1.3   key number 1 | suite 2 | group 2 | hash of the first hello | MAC 16    MAC: address, the rest
//! ```
//!
//! In 1.3 the first hello counts in the transcript by its hash, and the HelloRetryRequest can be written again
//! from the cookie (RFC 8446 §4.2.2, §4.4.1): so the transcript is whole although nobody remembered it.
//!
//! A hello with a post-quantum share does not fit one datagram. Its fragments wait in a pool that all sources
//! share: bounded, and emptied by time, so that it holds no connection's state (pool.rs).
//!
//! Behind ICE none of this is needed: the address is proven, and [`Connection::new`](crate::Connection::new) takes
//! the hello itself. More: docs/dtls.md, "Cookies".

mod pool;

use std::fmt;
use std::time::{Duration, Instant};

use plywood_octets::{Put, Reader};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use subtle::ConstantTimeEq;

use self::pool::Pool;
use crate::config::Config;
use crate::dtls13;
use crate::error::{Discard, HandshakeError, decode};
use crate::provider::{Hash, HmacKey, Provider};
use crate::stats::Stats;
use crate::version::Version;
use crate::wire::codes::{CipherSuite, NamedGroup};
use crate::wire::record::MAX_PLAINTEXT;
use crate::wire::{
    Alert, AlertDescription, ClientHello, ContentType, Fragment, HandshakeHeader, HandshakeType,
    HelloVerifyRequest, PlaintextHeader, ProtocolVersion,
};

/// What a [`CookieExchange`] may keep, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieLimits {
    /// How long a key makes cookies; one that it made is taken for as long again. Default: 60 s, the longest
    /// that a client waits between two hellos (RFC 6347 §4.2.4.1).
    pub key_lifetime: Duration,
    /// Bytes of hellos in fragments, from all sources together; each source counts for 1 KiB at least. Default:
    /// 256 KiB.
    pub max_pool_bytes: usize,
    /// How long fragments wait for their rest. Default: 1 s, when a client repeats its hello.
    pub fragment_lifetime: Duration,
    /// The longest hello, in bytes. Default: 8 KiB, four times that of a browser.
    pub max_hello_bytes: usize,
}

impl Default for CookieLimits {
    fn default() -> Self {
        Self {
            key_lifetime: Duration::from_mins(1),
            max_pool_bytes: 256 * 1024,
            fragment_lifetime: Duration::from_secs(1),
            max_hello_bytes: 8 * 1024,
        }
    }
}

/// What becomes of a datagram from a source without a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CookieAnswer {
    /// Part of a hello; the rest is awaited.
    Kept,
    /// Nothing of use.
    Discarded(Discard),
    /// One datagram of so many bytes was appended to the buffer: a cookie, or an alert. It is smaller than the
    /// hello was, or at most three times as long (RFC 9147 §5.1 leaves the figure open; it is that of RFC 9000 §8).
    Send(usize),
    /// The client receives at its address: make a connection with [`crate::Connection::accept`].
    Accept(VerifiedHello),
}

/// A hello whose cookie was right. Only a [`CookieExchange`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedHello {
    pub(crate) body: Vec<u8>,
    pub(crate) message_seq: u16,
    /// Where our record numbers go on (RFC 6347 §4.2.1).
    pub(crate) record_sequence: u64,
    /// What the cookie remembered, in 1.3.
    pub(crate) retry: Option<Retry>,
}

/// What a server of 1.3 must know again after its HelloRetryRequest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retry {
    pub suite: CipherSuite,
    /// The group that was asked for.
    pub group: Option<NamedGroup>,
    /// The hash of the first hello.
    pub first_hello: Vec<u8>,
    pub cookie: Vec<u8>,
}

/// Bytes of the MAC in a cookie: whoever wants to guess one must be able to send 2^128 hellos.
const MAC_LENGTH: usize = 16;
/// A client sends a second hello, and perhaps a third after a change of keys; not more.
const MAX_MESSAGE_SEQ: u16 = 8;
/// An answer is at most this many times as long as what it answers.
const MAX_AMPLIFICATION: usize = 3;

/// The MAC keys: one that makes cookies, and the one before it.
struct Keys {
    current: Box<dyn HmacKey>,
    previous: Box<dyn HmacKey>,
    /// Number of the current key.
    number: u8,
    since: Instant,
}

/// Gives out cookies and takes them back; keeps nothing of anybody but fragments for a second.
///
/// ```
/// # #[cfg(feature = "rustcrypto")] {
/// # use plywood_dtls::{Config, Connection, CookieAnswer, CookieExchange, CookieLimits, Identity, Role, provider};
/// # let provider = provider::rustcrypto();
/// # let certificate = include_bytes!("../tests/data/a.cert.der");
/// # let key = include_bytes!("../tests/data/a.key.der");
/// # let identity = Identity::from_der(&*provider, certificate, key).unwrap().into_shared();
/// # let known = vec![identity.fingerprint().clone()];
/// # #[allow(clippy::disallowed_methods, reason = "the example stands where the driver would")]
/// # let now = std::time::Instant::now();
/// # let config = |role| Config::new(role, identity.clone(), provider.clone(), known.clone());
/// # let mut client = Connection::new(config(Role::Client), [1; 32], now);
/// let mut exchange = CookieExchange::new(config(Role::Server), CookieLimits::default(), [2; 32], now);
/// client.start(now);
/// let server = loop {
///     let mut datagram = Vec::new();
///     client.poll_transmit(now, &mut datagram).expect("it says hello until it is let in");
///     let mut answer = Vec::new();
///     match exchange.handle_datagram(now, b"192.0.2.1:4000", &datagram, &mut answer) {
///         CookieAnswer::Kept => {}                        // a hello in two datagrams: the other one is to come
///         CookieAnswer::Send(_) => drop(client.open_record(now, &mut answer, 0)),
///         CookieAnswer::Accept(hello) => break Connection::accept(config(Role::Server), [3; 32], now, hello),
///         CookieAnswer::Discarded(reason) => panic!("{reason}"),
///     }
/// };
/// assert!(!server.is_closed() && exchange.held_bytes() == 0);
/// # }
/// ```
pub struct CookieExchange {
    config: Config,
    limits: CookieLimits,
    rng: ChaCha20Rng,
    keys: Keys,
    pool: Pool,
    stats: Stats,
}

impl fmt::Debug for CookieExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieExchange")
            .field("pool", &self.pool)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl CookieExchange {
    /// For connections with `config`, whose role must be that of a server. `seed` makes the MAC keys.
    #[must_use]
    pub fn new(config: Config, limits: CookieLimits, seed: [u8; 32], now: Instant) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let current = fresh_key(&*config.provider, &mut rng);
        let previous = fresh_key(&*config.provider, &mut rng);
        let pool = Pool::new(limits.max_pool_bytes, limits.max_hello_bytes, limits.fragment_lifetime);
        let keys = Keys { current, previous, number: 0, since: now };
        Self { config, limits, rng, keys, pool, stats: Stats::default() }
    }

    /// Looks at a datagram from `source` (its address and port, in any form that tells them apart), and appends an
    /// answer to `out` if there is one. Records behind a whole hello are not looked at.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: &[u8],
        datagram: &[u8],
        out: &mut Vec<u8>,
    ) -> CookieAnswer {
        self.handle_timeout(now);
        self.rotate(now);
        let answer = self.read(now, source, datagram, out);
        match &answer {
            CookieAnswer::Discarded(reason) => self.stats.count(*reason),
            CookieAnswer::Kept => {}
            CookieAnswer::Send(_) => self.stats.handshake_datagrams_sent += 1,
            CookieAnswer::Accept(_) => self.stats.records_received += 1,
        }
        answer
    }

    /// Forgets fragments that waited too long. Early and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.pool.expire(now);
    }

    /// When the oldest fragments are forgotten.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.pool.deadline()
    }

    /// Answers sent (`handshake_datagrams_sent`), hellos verified (`records_received`), and what was dropped.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Bytes held for all sources.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.pool.bytes()
    }

    fn rotate(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.keys.since);
        if age < self.limits.key_lifetime {
            return;
        }
        let mut fresh = || fresh_key(&*self.config.provider, &mut self.rng);
        // After a long silence the key before has nothing left that would be taken.
        let old = if age < self.limits.key_lifetime * 2 { None } else { Some(fresh()) };
        let before = std::mem::replace(&mut self.keys.current, fresh());
        self.keys.previous = old.unwrap_or(before);
        self.keys.number = self.keys.number.wrapping_add(1);
        self.keys.since = now;
    }

    /// The records of a datagram, up to the first whole hello.
    fn read(&mut self, now: Instant, source: &[u8], datagram: &[u8], out: &mut Vec<u8>) -> CookieAnswer {
        let mut reader = Reader::new(datagram);
        let mut answer = CookieAnswer::Discarded(Discard::Truncated);
        while !reader.is_empty() {
            let (header, body) = match read_record(&mut reader) {
                Ok(record) => record,
                Err(reason) => return CookieAnswer::Discarded(reason),
            };
            // RFC 8446 §4.2.2: a ChangeCipherSpec between the hellos is passed over, and so is all that is no hello.
            if header.content_type != ContentType::HANDSHAKE || header.epoch != 0 {
                answer = CookieAnswer::Discarded(Discard::NotAHello);
                continue;
            }
            let mut fragments = Reader::new(body);
            while !fragments.is_empty() {
                let Ok(fragment) = Fragment::parse(&mut fragments) else {
                    answer = CookieAnswer::Discarded(Discard::MalformedFragment);
                    break;
                };
                if fragment.header.message_type != HandshakeType::CLIENT_HELLO
                    || fragment.header.message_seq > MAX_MESSAGE_SEQ
                {
                    answer = CookieAnswer::Discarded(Discard::NotAHello);
                    continue;
                }
                match self.pool.insert(now, source, header.sequence, &fragment) {
                    Ok(Some(hello)) => return self.answer(source, hello, out),
                    Ok(None) => answer = CookieAnswer::Kept,
                    Err(reason) => answer = CookieAnswer::Discarded(reason),
                }
            }
        }
        answer
    }

    /// A whole hello: a cookie for it, or the end of the exchange.
    fn answer(&self, source: &[u8], hello: pool::Hello, out: &mut Vec<u8>) -> CookieAnswer {
        let Ok(parsed) = ClientHello::parse(&hello.body) else {
            return CookieAnswer::Discarded(Discard::MalformedHello);
        };
        let start = out.len();
        let checked = self.config.versions.select(&parsed).and_then(|version| match version {
            Version::Dtls12 => Ok(self.check_12(source, &parsed, &hello, out)),
            Version::Dtls13 => self.check_13(source, &parsed, &hello, out),
        });
        match checked {
            Ok(None) => {}
            Ok(Some(retry)) => {
                let pool::Hello { body, message_seq, record_sequence } = hello;
                return CookieAnswer::Accept(VerifiedHello {
                    body,
                    message_seq,
                    record_sequence,
                    retry: retry.0,
                });
            }
            // Whoever has nothing in common with us learns it in fewer bytes than it sent.
            Err(error) => write_alert(error.alert(), hello.record_sequence, out),
        }
        let length = out.len() - start;
        if length > MAX_AMPLIFICATION * hello.body.len() {
            out.truncate(start);
            return CookieAnswer::Discarded(Discard::MalformedHello);
        }
        CookieAnswer::Send(length)
    }

    /// 1.2: a cookie that is wrong or too old counts like none (RFC 6347 §4.2.1).
    fn check_12(
        &self,
        source: &[u8],
        parsed: &ClientHello,
        hello: &pool::Hello,
        out: &mut Vec<u8>,
    ) -> Option<Accepted> {
        let parameters = parameters_12(parsed);
        let mac = |key: &dyn HmacKey, number: u8| mac_12(key, number, source, &parameters);
        if let Some((&number, theirs)) = parsed.cookie.split_first()
            && let Some(key) = self.key(number)
            && bool::from(mac(key, number)[..].ct_eq(theirs))
        {
            return Some(Accepted(None));
        }
        let number = self.keys.number;
        let mut cookie = vec![number];
        cookie.put_slice(&mac(&*self.keys.current, number));
        // RFC 6347 §4.2.1: the version says nothing, and 1.0 is what every client takes.
        let request = HelloVerifyRequest { server_version: ProtocolVersion::DTLS_1_0, cookie };
        let write = |out: &mut Vec<u8>| request.encode(out);
        write_message(HandshakeType::HELLO_VERIFY_REQUEST, ProtocolVersion::DTLS_1_0, hello, write, out);
        None
    }

    /// 1.3: a wrong cookie ends the attempt, so that the client begins anew without one (RFC 9147 §5.1).
    fn check_13(
        &self,
        source: &[u8],
        parsed: &ClientHello,
        hello: &pool::Hello,
        out: &mut Vec<u8>,
    ) -> Result<Option<Accepted>, HandshakeError> {
        let cookie = parsed.extensions.cookie().map_err(decode(HandshakeType::CLIENT_HELLO))?;
        if let Some(cookie) = cookie {
            let retry = self.open_13(source, cookie).ok_or(HandshakeError::RetryIgnored)?;
            return Ok(Some(Accepted(Some(retry))));
        }
        let (suite, hash, group) = dtls13::server::retry_for(&self.config, parsed)?;
        let first_hello = dtls13::server::hash_of_hello(&*self.config.provider, hash, &hello.body);
        let number = self.keys.number;
        let mut cookie = vec![number];
        cookie.put_u16(suite.0);
        cookie.put_u16(group.map_or(0, |group| group.0));
        cookie.put_slice(&first_hello);
        let mac = mac_13(&*self.keys.current, source, &cookie);
        cookie.put_slice(&mac);
        let request = dtls13::server::hello_retry_request(suite, group, Some(&cookie));
        let write = |out: &mut Vec<u8>| request.encode(out);
        write_message(HandshakeType::SERVER_HELLO, ProtocolVersion::DTLS_1_2, hello, write, out);
        Ok(None)
    }

    /// What a cookie of ours remembers.
    fn open_13(&self, source: &[u8], cookie: &[u8]) -> Option<Retry> {
        let (content, theirs) = cookie.split_last_chunk::<MAC_LENGTH>()?;
        let mut reader = Reader::new(content);
        let key = self.key(reader.u8().ok()?)?;
        if !bool::from(mac_13(key, source, content)[..].ct_eq(theirs)) {
            return None;
        }
        // Ours: it holds what we wrote.
        let (suite, group) = (CipherSuite(reader.u16().ok()?), NamedGroup(reader.u16().ok()?));
        let group = (group != NamedGroup(0)).then_some(group);
        Some(Retry { suite, group, first_hello: reader.rest().to_vec(), cookie: cookie.to_vec() })
    }

    /// The key of this number, if its cookies are still taken.
    fn key(&self, number: u8) -> Option<&dyn HmacKey> {
        if number == self.keys.number {
            Some(&*self.keys.current)
        } else if number == self.keys.number.wrapping_sub(1) {
            Some(&*self.keys.previous)
        } else {
            None
        }
    }
}

/// A cookie was right; in 1.3, with what it remembers.
struct Accepted(Option<Retry>);

fn fresh_key(provider: &dyn Provider, rng: &mut ChaCha20Rng) -> Box<dyn HmacKey> {
    let mut key = zeroize::Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *key);
    provider.hmac(Hash::Sha256, &*key)
}

fn read_record<'a>(reader: &mut Reader<'a>) -> Result<(PlaintextHeader, &'a [u8]), Discard> {
    let header = reader.bytes(PlaintextHeader::LENGTH).map_err(|_| Discard::Truncated)?;
    let header = PlaintextHeader::parse(header).map_err(|_| Discard::Truncated)?;
    if !matches!(header.content_type, ContentType(20..=23)) {
        return Err(Discard::UnknownContentType);
    }
    let body = reader.bytes(usize::from(header.length)).map_err(|_| Discard::Truncated)?;
    if body.len() > MAX_PLAINTEXT {
        return Err(Discard::TooLong);
    }
    if !matches!(header.version, ProtocolVersion::DTLS_1_0 | ProtocolVersion::DTLS_1_2) {
        return Err(Discard::WrongVersion);
    }
    Ok((header, body))
}

/// What a client must say alike in both hellos (RFC 6347 §4.2.1).
fn parameters_12(hello: &ClientHello) -> Vec<u8> {
    let mut out = Vec::new();
    let plain =
        ClientHello { cookie: Vec::new(), extensions: crate::wire::Extensions::new(), ..hello.clone() };
    plain.encode(&mut out);
    out
}

/// The source stands behind its length, and both kinds begin with a byte of their own: no two inputs are alike.
fn mac_12(key: &dyn HmacKey, number: u8, source: &[u8], parameters: &[u8]) -> [u8; MAC_LENGTH] {
    shorten(&key.sign(&[&[12, number], &source.len().to_be_bytes(), source, parameters]))
}

fn mac_13(key: &dyn HmacKey, source: &[u8], content: &[u8]) -> [u8; MAC_LENGTH] {
    shorten(&key.sign(&[&[13], &source.len().to_be_bytes(), source, content]))
}

fn shorten(mac: &[u8]) -> [u8; MAC_LENGTH] {
    // SHA-256 gives twice as many.
    mac.first_chunk().copied().unwrap_or_default()
}

/// A message in one record, numbered like the hello that it answers: nobody counts for us (RFC 6347 §4.2.1).
fn write_message(
    message_type: HandshakeType,
    version: ProtocolVersion,
    hello: &pool::Hello,
    write: impl FnOnce(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let mut body = Vec::new();
    write(&mut body);
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let header = HandshakeHeader {
        message_type,
        length,
        message_seq: hello.message_seq,
        fragment_offset: 0,
        fragment_length: length,
    };
    let record = record_header(
        ContentType::HANDSHAKE,
        version,
        hello.record_sequence,
        HandshakeHeader::LENGTH + body.len(),
    );
    out.put_slice(&record);
    out.put_slice(&header.encode());
    out.put_slice(&body);
}

fn write_alert(description: AlertDescription, sequence: u64, out: &mut Vec<u8>) {
    let header = record_header(ContentType::ALERT, ProtocolVersion::DTLS_1_2, sequence, Alert::LENGTH);
    out.put_slice(&header);
    out.put_slice(&Alert::fatal(description).encode());
}

fn record_header(
    content_type: ContentType,
    version: ProtocolVersion,
    sequence: u64,
    length: usize,
) -> [u8; PlaintextHeader::LENGTH] {
    let length = u16::try_from(length).unwrap_or(u16::MAX); // our own messages are a few hundred bytes
    PlaintextHeader { content_type, version, epoch: 0, sequence, length }.encode()
}
