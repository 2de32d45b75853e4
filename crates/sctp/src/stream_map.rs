//! State for each stream in use, found by its number in constant time.
//!
//! Problem: 65535 streams are agreed, a handful is used, and each chunk looks one up.
//! How: an index of two bytes a stream number, as long as the highest number in use, into a dense row.

/// What a stream begins with: the number of its first message, which is 0 but in tests next to the wrap.
pub(crate) trait FirstUse {
    fn starting_at(number: u32) -> Self;
}

#[derive(Debug, Clone)]
pub(crate) struct StreamMap<T> {
    first_number: u32,
    index: Vec<u16>,
    rows: Vec<T>,
    ids: Vec<u16>,
}

impl<T> Default for StreamMap<T> {
    fn default() -> Self {
        Self { first_number: 0, index: Vec::new(), rows: Vec::new(), ids: Vec::new() }
    }
}

impl<T: FirstUse> StreamMap<T> {
    pub(crate) fn starting_at(first_number: u32) -> Self {
        Self { first_number, ..Self::default() }
    }

    /// Streams that are used for the first time from now on begin with 0.
    pub(crate) fn forget_first_number(&mut self) {
        self.first_number = 0;
    }

    pub(crate) fn first_number(&self) -> u32 {
        self.first_number
    }

    #[inline]
    pub(crate) fn get(&self, stream: u16) -> Option<&T> {
        let slot = *self.index.get(usize::from(stream))?;
        self.rows.get(usize::from(slot).checked_sub(1)?)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, stream: u16) -> Option<&mut T> {
        let slot = *self.index.get(usize::from(stream))?;
        self.rows.get_mut(usize::from(slot).checked_sub(1)?)
    }

    /// The state of `stream`, made on first use. Number 65535 does not exist in WebRTC and shares with 65534.
    #[inline]
    pub(crate) fn entry(&mut self, stream: u16) -> &mut T {
        let stream = stream.min(u16::MAX - 1);
        let row = match self.index.get(usize::from(stream)) {
            Some(&slot) if slot > 0 => usize::from(slot) - 1,
            _ => self.make(stream),
        };
        &mut self.rows[row]
    }

    #[cold]
    fn make(&mut self, stream: u16) -> usize {
        let at = usize::from(stream);
        if self.index.len() <= at {
            self.index.resize(at + 1, 0);
        }
        self.rows.push(T::starting_at(self.first_number));
        self.ids.push(stream);
        self.index[at] = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        self.rows.len() - 1
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u16, &mut T)> {
        self.ids.iter().copied().zip(self.rows.iter_mut())
    }
}
