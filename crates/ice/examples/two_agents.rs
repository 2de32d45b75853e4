//! Two agents meet, one of them behind a filter. Run: `cargo run -p plywood-ice --example two_agents`
#![expect(clippy::print_stdout, reason = "an example shows")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plywood_ice::{Agent, Config, LocalId, Role, State};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[expect(clippy::disallowed_methods, reason = "virtual time needs one real instant to count from")]
    let base = Instant::now();
    let addresses: [SocketAddr; 2] = ["192.0.2.1:1000".parse()?, "192.0.2.2:2000".parse()?];
    let names = ["L", "R"];
    let mut agents =
        [Agent::new(Config::default(), [1; 32], base), Agent::new(Config::default(), [2; 32], base)];
    agents[0].set_role(Role::Controlling);
    for (agent, address) in agents.iter_mut().zip(addresses) {
        agent.add_local_host(base, LocalId(0), address)?;
    }
    // R never signals its address, as a browser hides it: L has to learn it from R's check.
    let candidates: Vec<_> = agents[0].local_candidates().cloned().collect();
    let credentials = agents.each_ref().map(|agent| agent.local_credentials().clone());
    agents[0].set_remote_credentials(base, credentials[1].clone())?;
    agents[1].set_remote_credentials(base, credentials[0].clone())?;
    for candidate in candidates {
        agents[1].add_remote_candidate(base, candidate)?;
    }

    // Every datagram takes one tick of 10 ms.
    let mut wire: Vec<(usize, Vec<u8>)> = Vec::new();
    for tick in 0..8u64 {
        let now = base + Duration::from_millis(10 * tick);
        for (from, bytes) in std::mem::take(&mut wire) {
            let _ = agents[1 - from].handle_datagram(now, LocalId(0), addresses[from], &bytes);
        }
        for me in [0, 1] {
            agents[me].handle_timeout(now);
            let mut out = Vec::new();
            while let Some(transmit) = agents[me].poll_transmit(now, &mut out) {
                let kind = if out.starts_with(&[0, 1]) { "request" } else { "success" };
                println!(
                    "{:3} ms  {} -> {}  {kind}, {} bytes",
                    10 * tick,
                    names[me],
                    transmit.destination,
                    transmit.len
                );
                wire.push((me, std::mem::take(&mut out)));
            }
            while let Some(event) = agents[me].poll_event() {
                println!("{:3} ms  {} says {event:?}", 10 * tick, names[me]);
            }
        }
    }
    println!("Notice: data may flow at the first PathChanged; nomination only confirms it.");
    assert!(agents.iter().all(|agent| agent.state() == State::Completed));
    Ok(())
}
