//! An agent driven by arbitrary calls and by a peer that knows the passwords: no panic, no timer in the past.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use plywood_ice::{Agent, Candidate, CandidateKind, Config, Credentials, LocalId, Role};
use plywood_stun::IntegrityKey;
use plywood_stun::wire::{AttributeType, Class, MessageBuilder, Method, TransactionId};

fn message(agent: &Agent, class: Class, id: u8, body: &[u8]) -> Vec<u8> {
    let ours = agent.local_credentials();
    let peer = "pppppppppppppppppppppp";
    let key = if class == Class::Request { ours.pwd.as_str() } else { peer };
    let mut out = Vec::new();
    let mut builder = MessageBuilder::new(&mut out, class, Method::BINDING, TransactionId([id; 12]))
        .bytes(AttributeType::USERNAME, format!("{}:peer", ours.ufrag).as_bytes());
    for chunk in body.chunks(10) {
        if let [a, b, value @ ..] = chunk {
            builder = builder.bytes(AttributeType(u16::from_be_bytes([*a, *b])), value);
        }
    }
    let _ = builder.integrity(&IntegrityKey::from_password(key)).fingerprint().finish();
    out
}

fn run(bytes: &[u8]) {
    let mut now = Instant::now();
    let mut agent = Agent::new(Config::default(), [7; 32], now);
    let _ = agent.add_local_host(now, LocalId(0), ([192, 0, 2, 1], 1000).into());
    let mut out = Vec::new();
    for call in bytes.chunks(24) {
        let [code, a, b, body @ ..] = call else { return };
        let remote = ([192, 0, 2, a % 4], 2000 + u16::from(b % 4)).into();
        let class = [Class::Request, Class::Success, Class::Error, Class::Indication][usize::from(code % 4)];
        match code % 16 {
            0..4 => {
                let datagram = message(&agent, class, *a, body);
                let _ = agent.handle_datagram(now, LocalId(0), remote, &datagram);
            }
            4 => drop(agent.handle_datagram(now, LocalId(0), remote, body)),
            5 => {
                let ufrag = if *a % 2 == 0 { "peer" } else { "next" }.to_owned();
                let _ = agent.set_remote_credentials(now, Credentials { ufrag, pwd: "p".repeat(22) });
            }
            6 => {
                let (foundation, priority) = (a.to_string(), u32::from(*b) << 24);
                let (kind, related, ufrag) = (CandidateKind::Host, None, None);
                let candidate =
                    Candidate { foundation, component: 1, priority, address: remote, kind, related, ufrag };
                let _ = agent.add_remote_candidate(now, candidate);
            }
            7 => agent.restart(now),
            8 => agent.set_role(if *a % 2 == 0 { Role::Controlling } else { Role::Controlled }),
            9 => agent.remove_local(now, LocalId(u16::from(a % 2))),
            10 => drop(agent.add_local_host(
                now,
                LocalId(u16::from(a % 4)),
                ([192, 0, 2, 10 + a % 4], 1000).into(),
            )),
            11 => agent.end_of_remote_candidates(now),
            _ => now += Duration::from_millis(u64::from(*a) * u64::from(*b)),
        }
        agent.handle_timeout(now);
        while agent.poll_transmit(now, &mut out).is_some() {
            out.clear();
        }
        while agent.poll_event().is_some() {}
        assert!(agent.poll_timeout().is_none_or(|at| at > now), "a timer in the past");
    }
}

fuzz_target!(|bytes: &[u8]| run(bytes));
