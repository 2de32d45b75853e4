//! Where virtual time begins, and seeds for the objects of a simulation.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use std::time::Instant;

/// The instant at which a simulation begins.
///
/// `Instant` has no constructor but the clock, so this reads it; only differences from the value matter,
/// and nothing else in layers or their tests reads a clock.
#[must_use]
pub fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the one place: virtual time needs some first instant")]
    Instant::now()
}

/// A seed for one object of the simulation numbered `seed`; each `who` gets an unrelated one.
#[must_use]
pub fn seed_for(seed: u64, who: u64) -> [u8; 32] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(who);
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_by_simulation_and_by_object_and_repeat() {
        assert_eq!(seed_for(1, 2), seed_for(1, 2));
        assert_ne!(seed_for(1, 2), seed_for(1, 3));
        assert_ne!(seed_for(1, 2), seed_for(2, 2));
    }
}
