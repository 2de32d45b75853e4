//! A path that loses datagrams: a relay that stands in for each peer at the other.
//!
//! Problem: a kernel without netem cannot lose packets, and neither peer should know that some are lost.
//! How: candidates are the only way by which the two find each other, and the runner carries them. Of each peer the
//! first IPv4 candidate goes on, with the address of a socket here; the others do not.
//! ```text
//!              tells A                        tells B
//!   offerer A --------> runner --A' for A--> answerer B
//!       ^                 A'  <-----------------'
//!       |                  |  lost: some of 1000, by a generator that begins alike in each session
//!       `------ B' <-------'          (a datagram that came to A' leaves from B', and the other way round)
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

/// One peer: where it really is, and the socket that the other one takes for it.
#[derive(Debug, Clone)]
struct StandIn {
    socket: Arc<UdpSocket>,
    real: Arc<OnceLock<SocketAddr>>,
}

/// A lossy path; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Lossy {
    sides: [StandIn; 2],
    over: Arc<AtomicBool>,
}

impl Lossy {
    /// Two sockets, and a thread for each direction.
    pub(crate) fn new(per_mille: u64) -> Result<Self> {
        let address = own_address();
        let stand_in = || -> Result<StandIn> {
            let socket = UdpSocket::bind((address, 0))?;
            // A thread that waits looks whether it is over ten times a second.
            socket.set_read_timeout(Some(Duration::from_millis(100)))?;
            Ok(StandIn { socket: Arc::new(socket), real: Arc::default() })
        };
        let (sides, over) = ([stand_in()?, stand_in()?], Arc::new(AtomicBool::new(false)));
        for (at, seed) in [(0, 0x9E37_79B9), (1, 0x7F4A_7C15)] {
            let (to, from) = (sides[at].clone(), sides[1 - at].clone());
            let over = Arc::clone(&over);
            thread::spawn(move || relay(&to, &from.socket, per_mille, seed, &over));
        }
        Ok(Self { sides, over })
    }

    /// The message of peer `of` as the other one shall see it; `None`: not at all.
    pub(crate) fn bend(&self, of: usize, message: &Value) -> Option<Value> {
        let mut bent = message.clone();
        if let Some(line) = message["candidate"].as_str() {
            bent["candidate"] = json!(self.candidate(of, line)?);
        }
        if let Some(sdp) = message["sdp"].as_str() {
            let lines = sdp.lines().filter_map(|line| {
                if line.starts_with("a=candidate:") {
                    self.candidate(of, line)
                } else {
                    Some(line.to_owned())
                }
            });
            bent["sdp"] = json!(lines.collect::<Vec<String>>().join("\r\n") + "\r\n");
        }
        Some(bent)
    }

    /// `candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT ..` with another address.
    fn candidate(&self, of: usize, line: &str) -> Option<String> {
        let mut fields: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let real = SocketAddr::new(fields.get(4)?.parse().ok()?, fields.get(5)?.parse().ok()?);
        let is_usable = real.is_ipv4() && fields[2].eq_ignore_ascii_case("udp") && fields.get(7)? == "host";
        let side = &self.sides[of];
        if !is_usable || *side.real.get_or_init(|| real) != real {
            return None;
        }
        let stand_in = side.socket.local_addr().ok()?;
        fields[4] = stand_in.ip().to_string();
        fields[5] = stand_in.port().to_string();
        Some(fields.join(" "))
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// The address of this machine from which packets leave, if it has one.
fn own_address() -> IpAddr {
    let probe = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // Nothing is sent: connecting only asks the routes. RFC 5737 §3: the address is nobody's.
        socket.connect((Ipv4Addr::new(198, 51, 100, 1), 9))?;
        Ok(socket.local_addr()?.ip())
    };
    probe().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn relay(to: &StandIn, from: &UdpSocket, per_mille: u64, seed: u64, over: &AtomicBool) {
    let (mut datagram, mut random) = ([0; 65536], seed);
    while !over.load(Ordering::Relaxed) {
        let Ok((length, _)) = to.socket.recv_from(&mut datagram) else { continue };
        random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        let Some(real) = to.real.get().filter(|_| (random >> 33) % 1000 >= per_mille) else { continue };
        // What the kernel does not take is lost too.
        let _ = from.send_to(&datagram[..length], real);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lossy: &Lossy, of: usize, line: &str) -> Option<SocketAddr> {
        let bent = lossy.bend(of, &json!({"type": "candidate", "candidate": line}))?;
        let fields: Vec<&str> = bent["candidate"].as_str()?.split(' ').collect();
        Some(SocketAddr::new(fields[4].parse().ok()?, fields[5].parse().ok()?))
    }

    /// A peer, and where the other one believes it to be.
    fn peer(lossy: &Lossy, of: usize) -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind((own_address(), 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let address = socket.local_addr().unwrap();
        let line = format!("candidate:1 1 udp 1 {} {} typ host", address.ip(), address.port());
        let stand_in = told(lossy, of, &line).unwrap();
        assert_ne!(stand_in, address);
        (socket, stand_in)
    }

    #[test]
    fn each_peer_sees_the_other_at_its_stand_in() {
        let lossy = Lossy::new(0).unwrap();
        let ((a, a_seen), (b, b_seen)) = (peer(&lossy, 0), peer(&lossy, 1));
        a.send_to(b"to b", b_seen).unwrap();
        let mut datagram = [0; 16];
        let (length, from) = b.recv_from(&mut datagram).unwrap();
        assert_eq!((&datagram[..length], from), (&b"to b"[..], a_seen));
        b.send_to(b"to a", a_seen).unwrap();
        let (length, from) = a.recv_from(&mut datagram).unwrap();
        assert_eq!((&datagram[..length], from), (&b"to a"[..], b_seen));
    }

    #[test]
    fn only_the_first_ipv4_host_candidate_of_a_peer_is_told() {
        let lossy = Lossy::new(0).unwrap();
        assert_eq!(told(&lossy, 0, "candidate:2 1 udp 2 fd00::2 40440 typ host"), None);
        assert!(told(&lossy, 0, "candidate:1 1 UDP 1 192.0.2.2 46195 typ host").is_some());
        assert_eq!(told(&lossy, 0, "candidate:3 1 udp 1 192.0.2.3 46195 typ host"), None);
    }

    #[test]
    fn about_as_many_are_lost_as_were_asked_for() {
        let lossy = Lossy::new(200).unwrap();
        let ((a, _), (b, b_seen)) = (peer(&lossy, 0), peer(&lossy, 1));
        let mut datagram = [0; 16];
        let arrived = (0..200).filter(|_| {
            a.send_to(b"?", b_seen).unwrap();
            // Wait for it, so that no buffer overflows: a few milliseconds are enough here.
            b.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            b.recv_from(&mut datagram).is_ok()
        });
        let arrived = arrived.count();
        assert!((120..200).contains(&arrived), "{arrived} of 200");
    }
}
