//! A queue in a row that is used again, for what is put in and taken out once a chunk.
//!
//! Problem: a `VecDeque` takes a value through memory. One that was just put together field by field is read again in
//! wider pieces, and waits until all of its fields have left the processor.
//! How: an index and a mask, so short that it is inlined everywhere, and each field is written where it stays.
//! ```text
//!   slots   [ . ][ . ][ a ][ b ][ c ][ . ][ . ][ . ]
//!                       front ->     len 3                 a power of two of them
//! ```

/// A first-in, first-out row of values.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    slots: Vec<Option<T>>,
    front: usize,
    len: usize,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), front: 0, len: 0 }
    }
}

impl<T> Ring<T> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slot of the value at `at` behind the front.
    #[inline]
    fn slot(&self, at: usize) -> usize {
        self.front.wrapping_add(at) & self.slots.len().wrapping_sub(1)
    }

    /// The value at `at` behind the front.
    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        if at < self.len { self.slots.get(self.slot(at))?.as_ref() } else { None }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        let slot = self.slot(at);
        if at < self.len { self.slots.get_mut(slot)?.as_mut() } else { None }
    }

    #[inline]
    pub(crate) fn front(&self) -> Option<&T> {
        self.get(0)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the value must not go through memory on its way: see above")]
    pub(crate) fn push_back(&mut self, value: T) -> &mut T {
        if self.len == self.slots.len() {
            self.grow();
        }
        let slot = self.slot(self.len);
        self.len += 1;
        self.slots[slot].insert(value)
    }

    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let slot = self.slot(0);
        let value = self.slots.get_mut(slot)?.take()?;
        self.front = self.slot(1);
        self.len -= 1;
        Some(value)
    }

    #[cold]
    fn grow(&mut self) {
        self.slots.rotate_left(self.front);
        self.front = 0;
        self.slots.resize_with((2 * self.slots.len()).max(4), || None);
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        let (wrapped, first) = self.slots.split_at(self.front);
        let first = &first[..self.len.min(first.len())];
        first.iter().chain(&wrapped[..self.len - first.len()]).flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let (wrapped, first) = self.slots.split_at_mut(self.front);
        let in_first = self.len.min(first.len());
        first[..in_first].iter_mut().chain(&mut wrapped[..self.len - in_first]).flatten()
    }
}

impl<T: Copy> Ring<T> {
    /// Takes `count` values out, at most all, without a look at them.
    #[inline]
    pub(crate) fn drop_front(&mut self, count: usize) {
        let count = count.min(self.len);
        self.front = self.slot(count);
        self.len -= count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn a_ring_does_what_a_queue_does(steps in proptest::collection::vec(any::<Option<String>>(), 0..200)) {
            let (mut ring, mut queue) = (Ring::default(), VecDeque::new());
            for step in steps {
                match step {
                    Some(value) => {
                        ring.push_back(value.clone());
                        queue.push_back(value);
                    }
                    None => prop_assert_eq!(ring.pop_front(), queue.pop_front()),
                }
                prop_assert_eq!(ring.len(), queue.len());
                prop_assert_eq!(ring.is_empty(), queue.is_empty());
                prop_assert_eq!(ring.front(), queue.front());
                prop_assert!(ring.iter().eq(&queue) && ring.iter().rev().eq(queue.iter().rev()));
                prop_assert!(ring.iter_mut().eq(queue.iter_mut()));
                for at in 0..=queue.len() {
                    prop_assert_eq!(ring.get(at), queue.get(at));
                    prop_assert_eq!(ring.get_mut(at), queue.get_mut(at));
                }
            }
        }
    }

    #[test]
    fn what_was_dropped_from_the_front_is_never_seen_again() {
        let mut ring = Ring::default();
        for round in 0..100 {
            for value in 0..7 {
                ring.push_back(10 * round + value);
            }
            ring.drop_front(5);
            assert_eq!(ring.len(), 2);
            assert!(ring.iter().eq(&[10 * round + 5, 10 * round + 6]));
            assert!(ring.iter_mut().eq(&mut [10 * round + 5, 10 * round + 6]));
            ring.drop_front(9);
            assert!(ring.is_empty() && ring.front().is_none() && ring.pop_front().is_none());
        }
    }

    #[test]
    fn what_is_taken_out_is_not_kept() {
        let value = bytes::Bytes::from(vec![7; 100]);
        let mut ring = Ring::default();
        ring.push_back(value.clone());
        assert!(!value.is_unique());
        drop(ring.pop_front());
        assert!(value.is_unique());
    }
}
