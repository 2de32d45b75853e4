//! Two associations over a link that loses, repeats and changes packets, driven by arbitrary calls: no panic, no
//! timer in the past, no packet above the budget.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plywood_sctp::{Association, Config, Ppid, Reliability, SendOptions, StreamId, fill_in_checksum};
use std::time::{Duration, Instant};

const BUDGET: usize = 1200;

fuzz_target!(|data: &[u8]| run(data));

struct Link {
    now: Instant,
    ends: [Association; 2],
    waiting: [Vec<Vec<u8>>; 2],
}

fn run(data: &[u8]) {
    let Some((&[options, tsn], calls)) = data.split_first_chunk::<2>() else { return };
    let mut config = Config::default();
    config.interleaving = options & 1 != 0;
    config.zero_checksum = options & 2 != 0;
    config.receive_window_bytes = 20_000;
    config.max_reassembly_bytes = 40_000;
    config.initial_tsn = (options & 4 != 0).then_some(u32::MAX - u32::from(tsn));
    let now = Instant::now();
    let ends = [Association::new(config.clone(), [1; 32], now), Association::new(config, [2; 32], now)];
    let mut link = Link { now, ends, waiting: [Vec::new(), Vec::new()] };
    link.ends[0].connect(now);
    for call in calls.chunks(4) {
        let [code, a, b, c] = call else { return };
        link.call(*code, *a, *b, *c);
        link.drain();
    }
}

impl Link {
    fn call(&mut self, code: u8, a: u8, b: u8, c: u8) {
        let end = usize::from(code >> 7);
        let stream = StreamId(u16::from(a % 8));
        match code & 0x0f {
            0 => self.ends[end].connect(self.now),
            1 | 2 => {
                let reliability = match c % 3 {
                    0 => Reliability::Reliable,
                    1 => Reliability::MaxRetransmits(u32::from(c / 3 % 3)),
                    _ => Reliability::MaxLifetime(Duration::from_millis(u64::from(c))),
                };
                let options = SendOptions { unordered: c & 0x80 != 0, reliability };
                let data = vec![b; usize::from(b) * 50 + 1];
                let _ = self.ends[end].send(self.now, stream, Ppid(53), data.into(), options);
            }
            3 => drop(self.ends[end].reset_stream(self.now, stream)),
            4 => self.ends[end].release(self.now, usize::from(a) * 256),
            5 if a == 0 => self.ends[end].shutdown(self.now),
            6 if a == 0 => self.ends[end].abort(self.now, "fuzz"),
            7 => self.now += Duration::from_millis(u64::from(a) * u64::from(b)),
            8 => drop(self.waiting[end].pop()),
            9 => self.change(end, a, b, c),
            10 => {
                if let Some(packet) = self.waiting[end].first().cloned() {
                    self.waiting[end].push(packet);
                }
            }
            _ => {
                let take = usize::from(a % 4) + 1;
                for _ in 0..take.min(self.waiting[end].len()) {
                    let packet = self.waiting[end].remove(0);
                    let _ = self.ends[1 - end].handle_datagram(self.now, &packet);
                }
            }
        }
    }

    /// Changes one byte behind the tag and makes the checksum right again.
    fn change(&mut self, end: usize, a: u8, b: u8, c: u8) {
        if let Some(packet) = self.waiting[end].first_mut() {
            let at = 12 + usize::from(u16::from_be_bytes([a, b])) % packet.len().saturating_sub(12).max(1);
            if let Some(byte) = packet.get_mut(at) {
                *byte ^= c;
            }
            fill_in_checksum(packet);
        }
    }

    fn drain(&mut self) {
        for (end, waiting) in self.ends.iter_mut().zip(&mut self.waiting) {
            end.handle_timeout(self.now);
            for _ in 0..64 {
                let mut packet = Vec::new();
                let Some(length) = end.poll_transmit(self.now, BUDGET, &mut packet) else { break };
                assert!(length == packet.len() && length <= BUDGET);
                if waiting.len() < 64 {
                    waiting.push(packet);
                }
            }
            while end.poll_event().is_some() {}
            while end.poll_message().is_some() {}
            assert!(end.poll_timeout().is_none_or(|at| at > self.now), "a timer in the past");
        }
    }
}
