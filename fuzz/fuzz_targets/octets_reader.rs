//! Any program of reads over any bytes: no read passes the end, and a plain one that fails moves nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plywood_octets::Reader;

fuzz_target!(|data: &[u8]| check(data));

/// The first byte says how many instructions follow, the rest is what they read.
fn check(data: &[u8]) {
    let Some((&count, rest)) = data.split_first() else { return };
    let (program, bytes) = rest.split_at(usize::from(count).min(rest.len()));
    let mut reader = Reader::new(bytes);
    for &instruction in program {
        let before = reader.remaining();
        let read = match instruction % 7 {
            0 => reader.u8().map(|_| 1),
            1 => reader.u16().map(|_| 2),
            2 => reader.u24().map(|_| 3),
            3 => reader.u32().map(|_| 4),
            4 => reader.u64().map(|_| 8),
            5 => reader.bytes(usize::from(instruction / 7)).map(<[u8]>::len),
            _ => reader.u16_prefixed().map(|inner| inner.remaining() + 2),
        };
        match read {
            Ok(length) => assert_eq!(reader.remaining() + length, before),
            Err(truncated) => {
                assert!(truncated.needed > truncated.available);
                // A prefixed read may have taken its length before it found the rest cut short.
                let moved = before - reader.remaining();
                assert!(moved == 0 || (moved == 2 && instruction % 7 == 6));
            }
        }
    }
}
