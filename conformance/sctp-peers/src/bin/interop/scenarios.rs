//! What plywood and a peer do together.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plywood_sctp_peers::{CUBIC, Endpoint, Plywood, Promise, Setup};

use crate::link::Link;

/// A scenario: its name, the loss of its link in thousandths, and what happens.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    loss_per_mille: u64,
    course: Course,
}

enum Course {
    Messages,
    Large,
    Partial(Promise),
    ResetBy(Side),
    ShutdownBy(Side),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Plywood,
    Peer,
}

const fn scenario(name: &'static str, loss_per_mille: u64, course: Course) -> Scenario {
    Scenario { name, loss_per_mille, course }
}

pub(crate) const ALL: &[Scenario] = &[
    scenario("messages", 0, Course::Messages),
    scenario("large", 20, Course::Large),
    scenario("retransmits-0", 50, Course::Partial(Promise::Retransmits(0))),
    scenario("retransmits-2", 50, Course::Partial(Promise::Retransmits(2))),
    scenario("lifetime", 50, Course::Partial(Promise::Lifetime(200))),
    scenario("reset-by-plywood", 20, Course::ResetBy(Side::Plywood)),
    scenario("reset-by-peer", 20, Course::ResetBy(Side::Peer)),
    scenario("shutdown-by-plywood", 0, Course::ShutdownBy(Side::Plywood)),
    scenario("shutdown-by-peer", 0, Course::ShutdownBy(Side::Peer)),
];

/// What both ends have in common; the largest message of any scenario is 64 KiB.
const SETUP: Setup = Setup {
    initiates: true,
    interleaving: None,
    mtu: 1172,
    window: 1 << 20,
    send_queue: 4 << 20,
    streams: 10,
    message: 65536,
    seed: 9,
};

/// Who sends INIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Plywood,
    Peer,
    Both,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Plywood, Self::Peer, Self::Both];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plywood => "plywood-initiates",
            Self::Peer => "peer-initiates",
            Self::Both => "both-initiate",
        }
    }
}

/// Lets plywood and a peer meet; which of them sends INIT, and whether the peer offers I-DATA.
pub(crate) fn play<P: Endpoint<Kind = ()>>(
    scenario: &Scenario,
    role: Role,
    interleaving: bool,
) -> Result<(), String> {
    let now = Instant::now();
    let ours = Setup { initiates: role != Role::Peer, interleaving: Some(true), ..SETUP };
    let theirs = Setup { initiates: role != Role::Plywood, interleaving: Some(interleaving), ..SETUP };
    let (ours, theirs) = (Plywood::new(now, &ours, CUBIC), P::new(now, &theirs, ()));
    let mut link = Link::new(now, ours, theirs, scenario.loss_per_mille);
    link.run_until(Duration::from_secs(30), |link| link.ours.is_connected() && link.theirs.is_connected())
        .map_err(|reason| format!("no connection: {reason}"))?;
    let used = [link.ours.interleaves(), link.theirs.interleaves()];
    if used != [interleaving; 2] {
        return Err(format!("plywood and the peer use I-DATA: {used:?}"));
    }
    match scenario.course {
        Course::Messages => messages(&mut link),
        Course::Large => large(&mut link),
        Course::Partial(promise) => partial(&mut link, promise),
        Course::ResetBy(side) => reset(&mut link, side),
        Course::ShutdownBy(side) => shutdown(&mut link, side),
    }
}

/// What each end received, by stream.
#[derive(Default)]
struct Received {
    ours: BTreeMap<u16, Vec<Vec<u8>>>,
    theirs: BTreeMap<u16, Vec<Vec<u8>>>,
}

impl Received {
    fn read<P: Endpoint>(&mut self, link: &mut Link<P>) {
        fn all(now: Instant, end: &mut impl Endpoint, received: &mut BTreeMap<u16, Vec<Vec<u8>>>) {
            let mut keep =
                |stream, message: &[u8]| received.entry(stream).or_default().push(message.to_vec());
            while end.recv(now, &mut keep).is_some() {}
        }
        all(link.now, &mut link.ours, &mut self.ours);
        all(link.now, &mut link.theirs, &mut self.theirs);
    }

    fn counts(&self) -> [usize; 2] {
        [&self.ours, &self.theirs].map(|side| side.values().map(Vec::len).sum())
    }
}

/// A message that says its number in its first bytes.
fn content(number: u32, length: usize) -> Bytes {
    let mut bytes = number.to_be_bytes().to_vec();
    let mut state = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while bytes.len() < length {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(length.max(4));
    bytes.into()
}

fn number(message: &[u8]) -> u32 {
    message.first_chunk().map_or(u32::MAX, |bytes| u32::from_be_bytes(*bytes))
}

/// All of `numbers`, as they were sent, in order.
fn in_order(messages: &[Vec<u8>], numbers: std::ops::Range<u32>, length: usize) -> Result<(), String> {
    let expected = numbers.len();
    if messages.len() != expected {
        return Err(format!("{} of {expected} messages", messages.len()));
    }
    match messages.iter().zip(numbers).find(|(message, number)| **message != content(*number, length)) {
        Some((message, expected)) => {
            Err(format!("message {expected} is {} of {} bytes", number(message), message.len()))
        }
        None => Ok(()),
    }
}

/// Small messages both ways on ten streams.
fn messages<P: Endpoint>(link: &mut Link<P>) -> Result<(), String> {
    for number in 0..100 {
        for stream in 0..10 {
            let message = content(number, 200);
            if !link.ours.send(link.now, stream, &message, Promise::Reliable) {
                return Err("plywood has no room".to_owned());
            }
            if !link.theirs.send(link.now, stream, &message, Promise::Reliable) {
                return Err("the peer has no room".to_owned());
            }
        }
    }
    let mut received = Received::default();
    link.run_until(Duration::from_secs(60), |link| {
        received.read(link);
        received.counts() == [1000, 1000]
    })?;
    for side in [&received.ours, &received.theirs] {
        for messages in side.values() {
            in_order(messages, 0..100, 200)?;
        }
    }
    Ok(())
}

/// Four MiB both ways at once.
fn large<P: Endpoint>(link: &mut Link<P>) -> Result<(), String> {
    const COUNT: u32 = 64;
    const LENGTH: usize = 65536;
    let mut next = [0; 2];
    let mut received = Received::default();
    link.run_until(Duration::from_secs(300), |link| {
        while next[0] < COUNT && link.ours.send(link.now, 1, &content(next[0], LENGTH), Promise::Reliable) {
            next[0] += 1;
        }
        while next[1] < COUNT && link.theirs.send(link.now, 1, &content(next[1], LENGTH), Promise::Reliable) {
            next[1] += 1;
        }
        received.read(link);
        received.counts() == [COUNT as usize; 2]
    })
    .map_err(|reason| format!("{reason}; {:?} of {COUNT} came", received.counts()))?;
    in_order(&received.ours[&1], 0..COUNT, LENGTH)?;
    in_order(&received.theirs[&1], 0..COUNT, LENGTH)
}

/// Messages that may be given up, then reliable ones: nothing stalls, nothing comes twice, nothing is changed.
fn partial<P: Endpoint>(link: &mut Link<P>, promise: Promise) -> Result<(), String> {
    let mut received = Received::default();
    for number in 0..200 {
        let message = content(number, 1500);
        let now = link.now;
        if !link.ours.send(now, 5, &message, promise) || !link.theirs.send(now, 5, &message, promise) {
            return Err(format!("message {number} was refused"));
        }
        let until = link.now + Duration::from_millis(20);
        link.run_until(Duration::from_millis(20), |link| {
            received.read(link);
            link.now >= until
        })?;
    }
    for number in 0..20 {
        let message = content(number, 1000);
        let now = link.now;
        if !link.ours.send(now, 6, &message, Promise::Reliable)
            || !link.theirs.send(now, 6, &message, Promise::Reliable)
        {
            return Err("no room for a reliable message".to_owned());
        }
    }
    link.run_until(Duration::from_secs(120), |link| {
        received.read(link);
        [&received.ours, &received.theirs].iter().all(|side| side.get(&6).is_some_and(|all| all.len() == 20))
    })
    .map_err(|reason| format!("behind abandoned messages: {reason}"))?;
    for (side, name) in [(&received.ours, "plywood"), (&received.theirs, "the peer")] {
        in_order(&side[&6], 0..20, 1000)?;
        let partial = side.get(&5).map(Vec::as_slice).unwrap_or_default();
        let mut numbers: Vec<u32> = partial.iter().map(|message| number(message)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.len() != partial.len() {
            return Err(format!("{name} received a message twice"));
        }
        if partial.iter().any(|message| *message != content(number(message), 1500)) {
            return Err(format!("{name} received a changed message"));
        }
        if numbers.len() < 120 {
            return Err(format!("{name} received {} of 200 only", numbers.len()));
        }
    }
    Ok(())
}

/// A stream is used, reset in both directions, and used again, three times.
fn reset<P: Endpoint>(link: &mut Link<P>, by: Side) -> Result<(), String> {
    let stream = 4;
    for round in 0..3u32 {
        let mut received = Received::default();
        let numbers = round * 10..round * 10 + 10;
        // A peer that has not finished the old reset refuses messages until then.
        let mut next = [numbers.start; 2];
        link.run_until(Duration::from_secs(60), |link| {
            while next[0] < numbers.end
                && link.ours.send(link.now, stream, &content(next[0], 3000), Promise::Reliable)
            {
                next[0] += 1;
            }
            while next[1] < numbers.end
                && link.theirs.send(link.now, stream, &content(next[1], 3000), Promise::Reliable)
            {
                next[1] += 1;
            }
            received.read(link);
            received.counts() == [10, 10]
        })
        .map_err(|reason| {
            format!("round {round}: {reason}, {:?} of 10 came, {next:?} were sent", received.counts())
        })?;
        in_order(&received.ours[&stream], numbers.clone(), 3000)?;
        in_order(&received.theirs[&stream], numbers, 3000)?;
        if by == Side::Plywood {
            link.ours.reset(link.now, stream);
        } else {
            link.theirs.reset(link.now, stream);
        }
        let rounds = round as usize + 1;
        link.run_until(Duration::from_secs(60), |link| {
            received.read(link);
            link.ours.resets_done == rounds && link.ours.resets_seen() >= rounds
        })
        .map_err(|reason| {
            let (done, seen, refused) = (link.ours.resets_done, link.ours.resets_seen(), link.ours.resets_refused);
            let theirs = link.theirs.resets_seen();
            format!("round {round}: {reason}; performed {done}, seen {seen}, refused {refused}, the peer saw {theirs}")
        })?;
        // Some peers answer our answer with another reset.
        let until = link.now + Duration::from_secs(3);
        link.run_until(Duration::from_secs(3), |link| {
            received.read(link);
            link.now >= until
        })?;
    }
    Ok(())
}

/// What was sent before is delivered, then both are closed.
fn shutdown<P: Endpoint>(link: &mut Link<P>, by: Side) -> Result<(), String> {
    for number in 0..20 {
        let sent = if by == Side::Plywood {
            link.ours.send(link.now, 2, &content(number, 10_000), Promise::Reliable)
        } else {
            link.theirs.send(link.now, 2, &content(number, 10_000), Promise::Reliable)
        };
        if !sent {
            return Err("no room".to_owned());
        }
    }
    let mut received = Received::default();
    if by == Side::Plywood {
        link.ours.shutdown(link.now);
    } else {
        // The peers end what is outstanding, and not what they have queued.
        link.run_until(Duration::from_secs(60), |link| {
            received.read(link);
            received.counts() == [20, 0]
        })?;
        link.theirs.shutdown(link.now);
    }
    link.run_until(Duration::from_secs(400), |link| {
        received.read(link);
        // Not every peer says that its own shutdown is over.
        link.ours.is_closed() && (link.theirs.is_closed() || by == Side::Peer)
    })
    .map_err(|reason| {
        format!("{reason}; closed: {} and {}", link.ours.is_closed(), link.theirs.is_closed())
    })?;
    let side = if by == Side::Plywood { &received.theirs } else { &received.ours };
    in_order(side.get(&2).map(Vec::as_slice).unwrap_or_default(), 0..20, 10_000)
}
