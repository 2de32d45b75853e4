//! Rounds in which the subjects take turns.

/// What one subject scored, round by round.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// A value that needs no rounds: a count, or virtual time.
    #[must_use]
    pub fn exact(value: f64) -> Self {
        Self(vec![value])
    }

    /// Adds a round's score.
    pub fn push(&mut self, value: f64) {
        let at = self.0.partition_point(|other| *other < value);
        self.0.insert(at, value);
    }

    /// The lowest, the median and the highest; `None` before the first round.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64, f64)> {
        Some((*self.0.first()?, *self.0.get(self.0.len() / 2)?, *self.0.last()?))
    }

    /// Every score turned into another unit.
    #[must_use]
    pub fn map(&self, convert: impl Fn(f64) -> f64) -> Self {
        let mut mapped = Self::default();
        for value in &self.0 {
            mapped.push(convert(*value));
        }
        mapped
    }
}

/// Runs all subjects once a round, in turn; a subject that answers `None` leaves the contest.
pub fn alternate<'s>(rounds: usize, subjects: &mut [Box<dyn FnMut() -> Option<f64> + 's>]) -> Vec<Samples> {
    let mut samples = vec![Samples::default(); subjects.len()];
    let mut running = vec![true; subjects.len()];
    for _ in 0..rounds.max(1) {
        for (index, subject) in subjects.iter_mut().enumerate() {
            if running[index] {
                match subject() {
                    Some(value) => samples[index].push(value),
                    None => running[index] = false,
                }
            }
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_the_median_whatever_the_order() {
        let mut samples = Samples::default();
        for value in [5.0, 1.0, 3.0] {
            samples.push(value);
        }
        assert_eq!(samples.range(), Some((1.0, 3.0, 5.0)));
        assert_eq!(samples.map(|value| -value).range(), Some((-5.0, -3.0, -1.0)));
    }

    #[test]
    fn subjects_take_turns_and_may_give_up() {
        let turns = std::cell::RefCell::new(Vec::new());
        let mut subjects: Vec<Box<dyn FnMut() -> Option<f64> + '_>> = vec![
            Box::new(|| {
                turns.borrow_mut().push('a');
                Some(1.0)
            }),
            Box::new(|| {
                turns.borrow_mut().push('b');
                None
            }),
        ];
        let samples = alternate(3, &mut subjects);
        drop(subjects);
        assert_eq!(turns.into_inner(), ['a', 'b', 'a', 'a']);
        assert_eq!(samples[1].range(), None);
    }
}
