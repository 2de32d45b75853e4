//! Where received messages are put: small ones side by side, large ones in buffers of their own, and both in memory that
//! is used again.
//!
//! Problem: an allocation for each small message costs as much as its copy, and giving a window of messages back lets the
//! allocator return pages that are faulted in again for the next. But memory that several messages share lives as long as
//! the last of them: a peer could have one byte of each slab kept, and so pin a hundred times what the window counts.
//! How: a slab that is full waits until the application has dropped all of its messages, and is then filled anew; so
//! does the buffer of a large message. All of them are bounded together; what is beyond is allocated for one message,
//! and freed with it.
//! ```text
//!   current  ......[msg][msg][msg]        filled from the right
//!   full     [mmmmmm] [m____m] [_____]    the front is asked: all dropped? then it is the next current.
//!                                         else it goes to the back; after some, a new slab is made, up to the bound
//!   large    [mmmmmmmmmmmmm] [________]   the same, for one message each
//! ```
//! More: docs/adr/0007-received-messages-use-memory-again.md; docs/sctp.md, "Receiving".

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// Larger messages share nothing: their copy outweighs what a buffer of their own costs.
const SMALL: usize = 2 << 10;
/// A slab, once there is much to put into it. The first are smaller: who gets a message now and then needs no more.
const SLAB: usize = 16 << 10;
/// How many of the full slabs are asked before a new one is made.
const TRIES: usize = 4;

/// Memory for messages; the default has none.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    /// What is left of the slab that is being filled.
    current: Option<BytesMut>,
    /// Full ones. Each lives as long as any of its messages, of which the handle here is none.
    full: VecDeque<BytesMut>,
    next_size: usize,
    /// Buffers of large messages, with their capacities.
    large: VecDeque<(usize, BytesMut)>,
    large_bytes: usize,
    /// For slabs, and as much for large messages.
    most_bytes: usize,
}

impl Arena {
    /// An arena of at most `bytes`, half of them for small messages.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { next_size: SMALL, most_bytes: bytes / 2, ..Self::default() }
    }

    /// A copy of `payload`.
    #[inline]
    pub(crate) fn copy(&mut self, payload: &[u8]) -> Bytes {
        if payload.len() > SMALL {
            return Bytes::copy_from_slice(payload);
        }
        match &mut self.current {
            Some(slab) if slab.capacity() >= payload.len() => put(slab, payload),
            _ => self.copy_into_next(payload),
        }
    }

    #[cold]
    fn copy_into_next(&mut self, payload: &[u8]) -> Bytes {
        let Some(mut slab) = self.next_slab() else { return Bytes::copy_from_slice(payload) };
        let copy = put(&mut slab, payload);
        self.full.extend(self.current.replace(slab));
        copy
    }

    /// A slab with room for any small message; `None` if all are pinned.
    fn next_slab(&mut self) -> Option<BytesMut> {
        for _ in 0..self.full.len().min(TRIES) {
            let mut oldest = self.full.pop_front()?;
            if oldest.try_reclaim(SLAB) {
                return Some(oldest);
            }
            // One of the small slabs of the beginning is given back.
            if !oldest.try_reclaim(SMALL) {
                self.full.push_back(oldest);
            }
        }
        if self.full.len() + 1 >= self.most_bytes / SLAB {
            return None;
        }
        let size = self.next_size;
        self.next_size = (2 * size).min(SLAB);
        Some(BytesMut::with_capacity(size))
    }

    /// An empty buffer of `bytes` or more, in which a large message is put together.
    pub(crate) fn buffer(&mut self, bytes: usize) -> BytesMut {
        for _ in 0..self.large.len().min(TRIES) {
            let Some((capacity, mut oldest)) = self.large.pop_front() else { break };
            if !oldest.try_reclaim(capacity) {
                self.large.push_back((capacity, oldest));
                continue;
            }
            // One that is free and of another size is given back.
            self.large_bytes -= capacity;
            if (bytes..=bytes.saturating_mul(2)).contains(&capacity) {
                return oldest;
            }
        }
        BytesMut::with_capacity(bytes)
    }

    /// The message that was put together in `buffer`. With its last byte dropped, the memory is free for another. One that
    /// is shorter than half of the buffer that its forerunner made us take is copied: the window counts a message's
    /// bytes, and whoever keeps it must not keep more than twice those.
    pub(crate) fn hand_out(&mut self, mut buffer: BytesMut) -> Bytes {
        let capacity = buffer.capacity();
        let message = if capacity > SMALL && buffer.len() < capacity / 2 {
            let message = self.copy(&buffer);
            buffer.clear();
            message
        } else if capacity <= SMALL || self.large_bytes + capacity > self.most_bytes {
            return buffer.freeze();
        } else {
            buffer.split().freeze()
        };
        if self.large_bytes + capacity > self.most_bytes {
            return message;
        }
        self.large_bytes += capacity;
        self.large.push_back((capacity, buffer));
        message
    }

    /// Gives back the memory in which no message is left.
    pub(crate) fn shrink(&mut self) {
        self.full.retain_mut(|slab| !slab.try_reclaim(SMALL));
        self.large.retain_mut(|(capacity, buffer)| !buffer.try_reclaim(*capacity));
        self.large_bytes = self.large.iter().map(|(capacity, _)| capacity).sum();
        self.next_size = SMALL;
    }
}

/// Copies `payload` to the end of what is left of `slab`, which has room for it. From the end, so that the slab's handle
/// stays where it is; and the part is split off before it is written: the reference count is atomic, and behind the
/// copy it would wait until that has left the processor.
#[inline]
fn put(slab: &mut BytesMut, payload: &[u8]) -> Bytes {
    let mut part = slab.split_off(slab.capacity() - payload.len());
    part.extend_from_slice(payload);
    part.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_are_dropped_make_room_for_others_without_an_allocation() {
        let mut arena = Arena::new(2 << 20);
        let mut fill = |messages: usize| {
            let fills = || (0..=u8::MAX).cycle().take(messages);
            let window: Vec<Bytes> = fills().map(|fill| arena.copy(&[fill; 1000])).collect();
            assert!(window.iter().zip(fills()).all(|(message, fill)| *message == [fill; 1000][..]));
        };
        for _ in 0..4 {
            fill(500);
        }
        let info = allocation_counter::measure(|| fill(500));
        assert!(info.count_total <= 1, "only the row of the test itself: {}", info.count_total);
    }

    #[test]
    fn pinned_slabs_are_bounded_and_what_comes_after_them_pins_only_itself() {
        let mut arena = Arena::new(2 << 20);
        let mut kept = Vec::new();
        // Who keeps one byte of each slab, and drops what stands beside it.
        let info = allocation_counter::measure(|| {
            for _ in 0..10_000 {
                kept.push(arena.copy(&[1]));
                for _ in 0..8 {
                    drop(arena.copy(&[2; SMALL]));
                }
            }
        });
        // A byte each, and what each costs beside it: a slab each would be 160 MB.
        let rows = kept.capacity() * size_of::<Bytes>();
        let most = (1 << 20) + rows as i64 + 10_000 * 64;
        assert!(info.bytes_current < most, "{} of {most}", info.bytes_current);
        assert!(kept.iter().all(|message| message[..] == [1]));
    }

    #[test]
    fn one_slab_that_is_kept_for_ever_does_not_hide_the_free_ones_behind_it() {
        let mut arena = Arena::new(2 << 20);
        let kept = arena.copy(&[7; SMALL]);
        let mut slabs = 0;
        for _ in 0..10_000 {
            drop(arena.copy(&[0; SMALL]));
            slabs = slabs.max(arena.full.len());
        }
        assert!(slabs <= 6, "{slabs}");
        assert_eq!(kept, [7; SMALL][..]);
    }

    /// A window of large messages, each put together from two pieces.
    fn large_messages(arena: &mut Arena, count: usize, bytes: usize) -> Vec<Bytes> {
        let message = |mut buffer: BytesMut| {
            buffer.extend_from_slice(&vec![3; bytes / 2]);
            buffer.extend_from_slice(&vec![4; bytes / 2]);
            buffer
        };
        (0..count)
            .map(|_| {
                let buffer = message(arena.buffer(bytes));
                arena.hand_out(buffer)
            })
            .collect()
    }

    #[test]
    fn the_buffers_of_large_messages_are_used_again_where_they_fit() {
        let mut arena = Arena::new(2 << 20);
        for size in [16 << 10, 16 << 10, 15 << 10, 64 << 10, 3 << 10] {
            for _ in 0..8 {
                let window = large_messages(&mut arena, 10, size);
                assert!(window.iter().all(|message| message.len() == size && message[size / 2] == 4));
            }
            let largest = arena.large.iter().map(|(capacity, _)| *capacity).max();
            assert!(largest <= Some(2 * size), "{size}: {largest:?}");
        }
    }

    #[test]
    fn large_messages_that_are_kept_pin_no_more_than_themselves() {
        let mut arena = Arena::new(2 << 20);
        let info = allocation_counter::measure(|| {
            drop(large_messages(&mut arena, 1000, 10_000));
            arena.shrink();
        });
        assert!(info.bytes_current < 20_000, "{}", info.bytes_current);
        let kept = large_messages(&mut arena, 1000, 10_000);
        assert!(arena.large_bytes <= 1 << 20);
        assert_eq!(kept.len(), 1000);
    }

    /// Else a peer that sends long messages and short ones in turn pins a long buffer for each short one that waits.
    #[test]
    fn a_short_message_does_not_keep_the_buffer_that_a_long_one_before_it_made() {
        let mut arena = Arena::new(2 << 20);
        let mut kept = Vec::new();
        let info = allocation_counter::measure(|| {
            for _ in 0..100 {
                let mut buffer = arena.buffer(256 << 10);
                buffer.extend_from_slice(&[5; 3000]);
                kept.push(arena.hand_out(buffer));
            }
        });
        assert!(info.bytes_current < 100 * 4000 + (1 << 20), "{}", info.bytes_current);
        assert!(kept.iter().all(|message| message[..] == [5; 3000]));
    }

    #[test]
    fn who_gets_a_message_now_and_then_holds_little() {
        let mut arena = Arena::new(2 << 20);
        let info = allocation_counter::measure(|| drop(arena.copy(b"hello")));
        assert!(info.bytes_max < 3000, "{}", info.bytes_max);
        for _ in 0..1000 {
            drop(arena.copy(&[0; 1000]));
        }
        arena.shrink();
        assert!(arena.full.is_empty());
    }
}
