//! What one ICE check costs: parse and verify it, and build it.
#![expect(clippy::unwrap_used, reason = "bench code")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plywood_stun::IntegrityKey;
use plywood_stun::wire::{AttributeType, Class, MessageBuilder, MessageView, Method, TransactionId};

fn build(out: &mut Vec<u8>, key: &IntegrityKey) {
    MessageBuilder::new(out, Class::Request, Method::BINDING, TransactionId([7; 12]))
        .bytes(AttributeType::USERNAME, b"evtjab12:h6vYcd34")
        .u64(AttributeType::ICE_CONTROLLING, 0x932f_f9b1_5126_3b36)
        .flag(AttributeType::USE_CANDIDATE)
        .u32(AttributeType::PRIORITY, 0x6e00_01ff)
        .integrity(key)
        .fingerprint()
        .finish()
        .unwrap();
}

fn messages(c: &mut Criterion) {
    let key = IntegrityKey::from_password("VOkJxbRl1RmTxUk/WvJxBt");
    let mut request = Vec::new();
    build(&mut request, &key);
    let mut group = c.benchmark_group("stun");
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse-verify-ice-request", |b| {
        b.iter(|| {
            let message = MessageView::parse(black_box(&request)).unwrap();
            message.verify(&key).unwrap();
            black_box(message.username());
        });
    });
    let mut out = Vec::with_capacity(256);
    group.bench_function("build-ice-request", |b| {
        b.iter(|| {
            out.clear();
            build(&mut out, black_box(&key));
        });
    });
    group.finish();
}

criterion_group!(benches, messages);
criterion_main!(benches);
