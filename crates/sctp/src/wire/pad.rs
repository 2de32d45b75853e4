//! PAD: bytes without meaning, to make a packet as large as a path probe needs (RFC 4820 §3).
//! ```text
//! +---------------+---------------+-------------------------------+
//! |  type = 0x84  |   flags = 0   |            length             |
//! +---------------+---------------+-------------------------------+
//! |  zeros                                                        |
//! ```

use super::{CHUNK_HEADER_BYTES, ChunkType, put_chunk};

/// Appends a PAD chunk of `bytes` in all (at least four, at most 65535).
pub fn put_pad(out: &mut Vec<u8>, bytes: usize) {
    let fill = bytes.min(usize::from(u16::MAX)).saturating_sub(CHUNK_HEADER_BYTES);
    put_chunk(out, ChunkType::PAD, 0, |out| out.resize(out.len() + fill, 0));
}
