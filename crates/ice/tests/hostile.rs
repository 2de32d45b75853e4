//! What an attacker or a broken peer may try (LESSONS §4, "STUN, ICE").
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use plywood_ice::{Agent, Config, Credentials, Discard, LocalId, Role, State};
use plywood_stun::IntegrityKey;
use plywood_stun::wire::{
    AttributeType, Class, ErrorCode, MessageBuilder, MessageView, Method, TransactionId,
};
use proptest::prelude::*;
use support::{World, address, ms, start};

const SOURCE: LocalId = LocalId(0);

struct Forge<'a> {
    username: String,
    key: &'a str,
    role: AttributeType,
    tie_breaker: u64,
    use_candidate: bool,
    extra: Option<AttributeType>,
}

impl Forge<'_> {
    fn request(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut message =
            MessageBuilder::new(&mut out, Class::Request, Method::BINDING, TransactionId([9; 12]))
                .bytes(AttributeType::USERNAME, self.username.as_bytes())
                .u64(self.role, self.tie_breaker)
                .u32(AttributeType::PRIORITY, 7);
        if self.use_candidate {
            message = message.flag(AttributeType::USE_CANDIDATE);
        }
        if let Some(extra) = self.extra {
            message = message.bytes(extra, &[1, 2, 3]);
        }
        message.integrity(&IntegrityKey::from_password(self.key)).fingerprint().finish().unwrap();
        out
    }
}

/// A request to agent `to` as its peer would write it.
fn genuine(world: &World, to: usize) -> (String, Credentials, Credentials) {
    let ours = world.agents[to].local_credentials().clone();
    let theirs = world.agents[1 - to].local_credentials().clone();
    (format!("{}:{}", ours.ufrag, theirs.ufrag), ours, theirs)
}

#[test]
fn use_candidate_is_not_obeyed_by_the_controlling_side() {
    let mut world = World::new(1);
    world.socket(0, "192.0.2.1:1000");
    world.socket(1, "192.0.2.2:2000");
    world.credentials();
    let (username, ours, _) = genuine(&world, 0);
    let forge = Forge {
        username,
        key: &ours.pwd,
        role: AttributeType::ICE_CONTROLLED,
        tie_breaker: 1,
        use_candidate: true,
        extra: None,
    };
    let from = address("192.0.2.2:2000");
    world.agents[0].handle_datagram(world.now, SOURCE, from, &forge.request()).unwrap();
    // Its own check is answered, but nominated it is only by a check of ours with USE-CANDIDATE.
    world.run_until(ms(1000), |world| world.agents[0].path().is_some());
    assert_eq!(world.agents[0].state(), State::Connected);
}

#[test]
fn use_candidate_may_come_before_our_own_check_was_answered() {
    // Browsers nominate in their first check.
    let mut world = World::new(2);
    world.socket(0, "192.0.2.1:1000");
    world.socket(1, "192.0.2.2:2000");
    world.credentials();
    let (username, ours, _) = genuine(&world, 1);
    let forge = Forge {
        username,
        key: &ours.pwd,
        role: AttributeType::ICE_CONTROLLING,
        tie_breaker: 1,
        use_candidate: true,
        extra: Some(AttributeType(0xc057)),
    };
    let from = address("192.0.2.1:1000");
    world.agents[1].handle_datagram(world.now, SOURCE, from, &forge.request()).unwrap();
    world.run_until(ms(1000), |world| world.agents[1].state() == State::Completed);
}

#[test]
fn requests_with_a_wrong_password_or_fragment_change_nothing() {
    let mut world = World::pair(3);
    world.run(ms(1000));
    let before = world.agents[0].pairs();
    let discarded = world.agents[0].stats().discarded();
    let (username, ours, _) = genuine(&world, 0);
    let attempt = |username: String, key: &str| {
        let role = AttributeType::ICE_CONTROLLED;
        Forge { username, key, role, tie_breaker: u64::MAX, use_candidate: true, extra: None }.request()
    };
    let from = address("203.0.113.66:6");
    let cases = [
        (attempt(username.clone(), "wrong password, wrong one"), Discard::Integrity),
        (attempt("nobody:peer".to_owned(), &ours.pwd), Discard::UnknownUfrag),
        (attempt("nocolon".to_owned(), &ours.pwd), Discard::Username),
    ];
    for (bytes, expected) in cases {
        assert_eq!(world.agents[0].handle_datagram(world.now, SOURCE, from, &bytes), Err(expected));
    }
    assert_eq!(world.agents[0].handle_datagram(world.now, LocalId(5), from, &[]), Err(Discard::UnknownLocal));
    let mut out = Vec::new();
    assert_eq!(world.agents[0].poll_transmit(world.now, &mut out), None, "no answer to strangers");
    assert_eq!(world.agents[0].pairs(), before);
    assert_eq!(world.agents[0].role(), Role::Controlling);
    assert_eq!(world.agents[0].stats().discarded(), discarded + 4);
}

#[test]
fn an_unknown_attribute_that_must_be_understood_gets_error_420_and_no_pair() {
    let mut world = World::new(4);
    world.socket(0, "192.0.2.1:1000");
    world.credentials();
    let (username, ours, _) = genuine(&world, 0);
    let forge = Forge {
        username,
        key: &ours.pwd,
        role: AttributeType::ICE_CONTROLLED,
        tie_breaker: 1,
        use_candidate: false,
        extra: Some(AttributeType(0x7abc)),
    };
    let result =
        world.agents[0].handle_datagram(world.now, SOURCE, address("192.0.2.2:2000"), &forge.request());
    assert_eq!(result, Err(Discard::UnknownRequired));
    let mut out = Vec::new();
    world.agents[0].poll_transmit(world.now, &mut out).unwrap();
    let answer = MessageView::parse(&out).unwrap();
    answer.verify(&IntegrityKey::from_password(&ours.pwd)).unwrap();
    assert_eq!(answer.error_code().unwrap().unwrap().code(), 420);
    assert_eq!(answer.attribute(AttributeType::UNKNOWN_ATTRIBUTES), Some(&[0x7a, 0xbc][..]));
    assert!(world.agents[0].pairs().is_empty());
}

fn without_priority<'o>(out: &'o mut Vec<u8>, username: &str, key: &IntegrityKey) -> MessageBuilder<'o> {
    MessageBuilder::new(out, Class::Request, Method::BINDING, TransactionId([9; 12]))
        .bytes(AttributeType::USERNAME, username.as_bytes())
        .integrity(key)
}

#[test]
fn a_request_without_priority_gets_error_400_and_one_without_fingerprint_nothing() {
    let mut world = World::new(11);
    world.socket(0, "192.0.2.1:1000");
    world.credentials();
    let (username, ours, _) = genuine(&world, 0);
    let key = IntegrityKey::from_password(&ours.pwd);
    let from = address("192.0.2.2:2000");
    let mut bytes = Vec::new();
    without_priority(&mut bytes, &username, &key).finish().unwrap();
    let result = world.agents[0].handle_datagram(world.now, SOURCE, from, &bytes);
    assert_eq!(result, Err(Discard::Fingerprint));
    let mut out = Vec::new();
    assert_eq!(world.agents[0].poll_transmit(world.now, &mut out), None);
    bytes.clear();
    without_priority(&mut bytes, &username, &key).fingerprint().finish().unwrap();
    let result = world.agents[0].handle_datagram(world.now, SOURCE, from, &bytes);
    assert_eq!(result, Err(Discard::Priority));
    world.agents[0].poll_transmit(world.now, &mut out).unwrap();
    assert_eq!(MessageView::parse(&out).unwrap().error_code().unwrap(), Some(ErrorCode::BAD_REQUEST));
    assert!(world.agents[0].pairs().is_empty());
}

#[test]
fn unknown_optional_attributes_are_ignored() {
    for extra in [0xc057, 0xc001, 0xc070, 0xc071, 0x8022] {
        let mut world = World::new(5);
        world.socket(0, "192.0.2.1:1000");
        world.credentials();
        let (username, ours, _) = genuine(&world, 0);
        let role = AttributeType::ICE_CONTROLLED;
        let extra = Some(AttributeType(extra));
        let forge = Forge { username, key: &ours.pwd, role, tie_breaker: 1, use_candidate: false, extra };
        let from = address("192.0.2.2:2000");
        assert_eq!(world.agents[0].handle_datagram(world.now, SOURCE, from, &forge.request()), Ok(()));
    }
}

#[test]
fn a_peer_that_answers_every_check_with_487_cannot_make_us_switch_roles_for_ever() {
    let mut world = World::new(6);
    world.socket(0, "192.0.2.1:1000");
    world.socket(1, "192.0.2.2:2000");
    world.credentials();
    world.candidates_to(0, 1);
    let key = IntegrityKey::from_password(&world.agents[1].local_credentials().pwd.clone());
    let peer = address("192.0.2.2:2000");
    for _ in 0..1000 {
        let mut out = Vec::new();
        while world.agents[0].poll_transmit(world.now, &mut out).is_some() {
            let id = MessageView::parse(&out).unwrap().transaction_id();
            let mut answer = Vec::new();
            MessageBuilder::new(&mut answer, Class::Error, Method::BINDING, id)
                .error_code(ErrorCode::ROLE_CONFLICT)
                .integrity(&key)
                .fingerprint()
                .finish()
                .unwrap();
            let _ = world.agents[0].handle_datagram(world.now, SOURCE, peer, &answer);
            out.clear();
        }
        world.now += ms(10);
        let now = world.now;
        world.agents[0].handle_timeout(now);
    }
    assert_eq!(world.agents[0].stats().role_switches, u64::from(Config::default().max_role_switches));
}

#[test]
fn an_answer_from_another_address_validates_nothing() {
    let mut world = World::pair(7);
    let key = IntegrityKey::from_password(&world.agents[1].local_credentials().pwd.clone());
    let mut out = Vec::new();
    world.agents[0].poll_transmit(world.now, &mut out).unwrap();
    let id = MessageView::parse(&out).unwrap().transaction_id();
    let mut answer = Vec::new();
    MessageBuilder::new(&mut answer, Class::Success, Method::BINDING, id)
        .xor_mapped_address(address("192.0.2.1:1000"))
        .integrity(&key)
        .fingerprint()
        .finish()
        .unwrap();
    let elsewhere = address("192.0.2.3:2000");
    let result = world.agents[0].handle_datagram(world.now, SOURCE, elsewhere, &answer);
    assert_eq!(result, Err(Discard::Asymmetric));
    assert_eq!(world.agents[0].path(), None);
    assert!(!world.agents[0].is_validated(SOURCE, elsewhere));
}

#[test]
fn a_forged_answer_does_not_end_the_check() {
    let mut world = World::pair(8);
    let mut out = Vec::new();
    world.agents[0].poll_transmit(world.now, &mut out).unwrap();
    let id = MessageView::parse(&out).unwrap().transaction_id();
    for (class, key) in [(Class::Success, Some("wrong password, wrong one")), (Class::Error, None)] {
        let mut answer = Vec::new();
        let mut message = MessageBuilder::new(&mut answer, class, Method::BINDING, id)
            .xor_mapped_address(address("192.0.2.1:1000"))
            .error_code(ErrorCode::UNAUTHENTICATED);
        if let Some(key) = key {
            message = message.integrity(&IntegrityKey::from_password(key));
        }
        message.fingerprint().finish().unwrap();
        let result = world.agents[0].handle_datagram(world.now, SOURCE, address("192.0.2.2:2000"), &answer);
        assert_eq!(result, Err(Discard::Integrity));
    }
    world.run(ms(2000));
    assert!(world.both(State::Completed));
}

#[test]
fn a_repeated_answer_is_an_answer_to_nothing() {
    let mut world = World::pair(9);
    world.run(ms(1000));
    let answers: Vec<_> = world
        .wire
        .iter()
        .filter(|(_, _, to, bytes)| to.port() == 1000 && bytes.starts_with(&[1, 1]))
        .cloned()
        .collect();
    for (_, from, _, bytes) in answers {
        let result = world.agents[0].handle_datagram(world.now, SOURCE, from, &bytes);
        assert_eq!(result, Err(Discard::UnknownTransaction));
    }
}

#[test]
fn every_changed_bit_of_a_genuine_request_is_noticed() {
    let mut world = World::new(10);
    world.socket(0, "192.0.2.1:1000");
    world.credentials();
    let (username, ours, _) = genuine(&world, 0);
    let role = AttributeType::ICE_CONTROLLED;
    let forge = Forge { username, key: &ours.pwd, role, tie_breaker: 1, use_candidate: false, extra: None };
    let genuine = forge.request();
    for bit in 0..genuine.len() * 8 {
        let mut bytes = genuine.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let result = world.agents[0].handle_datagram(world.now, SOURCE, address("192.0.2.2:2000"), &bytes);
        assert!(result.is_err(), "bit {bit}");
    }
    assert!(world.agents[0].pairs().is_empty());
}

fn agent() -> (Agent, Credentials) {
    let now = start();
    let mut agent = Agent::new(Config::default(), [3; 32], now);
    agent.add_local_host(now, SOURCE, address("192.0.2.1:1000")).unwrap();
    let peer = Credentials { ufrag: "peer".to_owned(), pwd: "p".repeat(22) };
    agent.set_remote_credentials(now, peer).unwrap();
    let credentials = agent.local_credentials().clone();
    (agent, credentials)
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_the_agent(datagrams in proptest::collection::vec(any::<Vec<u8>>(), 0..20)) {
        let (mut agent, _) = agent();
        for bytes in datagrams {
            prop_assert!(agent.handle_datagram(start(), SOURCE, address("192.0.2.2:2000"), &bytes).is_err());
        }
    }

    #[test]
    fn arbitrary_authentic_messages_never_panic_the_agent(
        messages in proptest::collection::vec((0u8..4, any::<[u8; 12]>(), proptest::collection::vec((prop_oneof![
            Just(0x24u16), Just(0x25), Just(0x8029), Just(0x802a), Just(0x20), Just(9), any::<u16>()], any::<Vec<u8>>()), 0..6), 0u16..4, 0u64..100_000), 0..30)
    ) {
        let (mut agent, ours) = agent();
        let mut now = start();
        let mut out = Vec::new();
        for (class, id, attributes, port, wait) in messages {
            let (class, key) = match class {
                0 => (Class::Request, ours.pwd.as_str()),
                1 => (Class::Indication, ours.pwd.as_str()),
                2 => (Class::Success, "pppppppppppppppppppppp"),
                _ => (Class::Error, "pppppppppppppppppppppp"),
            };
            let mut bytes = Vec::new();
            let mut message = MessageBuilder::new(&mut bytes, class, Method::BINDING, TransactionId(id))
                .bytes(AttributeType::USERNAME, format!("{}:peer", ours.ufrag).as_bytes());
            for (kind, value) in attributes {
                message = message.bytes(AttributeType(kind), &value);
            }
            message.integrity(&IntegrityKey::from_password(key)).fingerprint().finish().unwrap();
            let _ = agent.handle_datagram(now, SOURCE, address(&format!("192.0.2.2:{}", 2000 + port)), &bytes);
            while agent.poll_transmit(now, &mut out).is_some() { out.clear(); }
            while agent.poll_event().is_some() {}
            now += ms(wait);
            agent.handle_timeout(now);
            prop_assert!(agent.poll_timeout().is_none_or(|at| at > now));
        }
    }
}
