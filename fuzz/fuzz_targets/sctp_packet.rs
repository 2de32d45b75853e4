//! Any bytes as a packet, and each chunk in it as what it says it is: no panic, no loop.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plywood_sctp::wire::cause::causes;
use plywood_sctp::wire::data::Data;
use plywood_sctp::wire::forward_tsn::ForwardTsn;
use plywood_sctp::wire::i_data::IData;
use plywood_sctp::wire::init::ReceivedInit;
use plywood_sctp::wire::parameter::Parameters;
use plywood_sctp::wire::reconfig::parse_reconfig;
use plywood_sctp::wire::sack::Sack;
use plywood_sctp::wire::simple::{heartbeat_info, shutdown_tsn};
use plywood_sctp::wire::{ChunkType, Packet, RawChunk};

fuzz_target!(|data: &[u8]| check(data));

fn check(data: &[u8]) {
    let Ok(packet) = Packet::parse(data) else { return };
    let mut length = 0;
    let mut chunks = packet.chunks();
    for chunk in chunks.by_ref() {
        length += chunk.whole.len().next_multiple_of(4);
        read(&chunk);
    }
    // Nothing is broken if, and only if, the chunks reach the end; the last may lack its padding.
    let broken = chunks.broken();
    assert_eq!(broken.is_none(), length >= packet.rest.len());
    assert_eq!(packet.chunks().broken(), broken);
}

fn read(chunk: &RawChunk<'_>) {
    if let Ok(data) = Data::parse(chunk) {
        let mut out = Vec::new();
        data.encode(&mut out);
        assert_eq!(out.len() % 4, 0);
    }
    let _ = IData::parse(chunk);
    if let Ok(init) = ReceivedInit::parse(chunk) {
        assert!(init.to_report().count() <= chunk.value.len());
    }
    if let Ok(sack) = Sack::parse(chunk) {
        assert!(sack.gap_blocks().len() + sack.duplicates().len() <= chunk.value.len());
    }
    if let Ok(forward) = ForwardTsn::parse(&RawChunk { kind: ChunkType::FORWARD_TSN, ..*chunk }) {
        let _ = forward.skipped().count();
    }
    if let Ok(forward) = ForwardTsn::parse(&RawChunk { kind: ChunkType::I_FORWARD_TSN, ..*chunk }) {
        let _ = forward.skipped().count();
    }
    let _ = (parse_reconfig(chunk), heartbeat_info(chunk), shutdown_tsn(chunk));
    let _ = (causes(chunk.value).count(), Parameters::new(chunk.value).count());
}
