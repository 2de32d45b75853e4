//! How much strangers may ask for: sessions at a time, and new ones a second.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// Peer connections at a time.
const MAX_SESSIONS: usize = 32;
/// New sessions at once; then [`PER_SECOND`].
const BURST: f64 = 20.0;
/// New sessions a second.
const PER_SECOND: f64 = 4.0;

/// Why there is no new session now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    TooFast,
    TooMany,
}

impl Refused {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::TooFast => "too many new sessions at once; try again in a few seconds",
            Self::TooMany => "too many sessions are open; close one of the pages",
        }
    }
}

/// A bucket of tokens, and one permit a session.
#[derive(Debug)]
pub(super) struct Limits {
    sessions: Arc<Semaphore>,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + since * PER_SECOND).min(BURST);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

impl Default for Limits {
    fn default() -> Self {
        let bucket = Bucket { tokens: BURST, filled: Instant::now() };
        Self { sessions: Arc::new(Semaphore::new(MAX_SESSIONS)), bucket: Mutex::new(bucket) }
    }
}

impl Limits {
    /// The right to one session, as long as it is held.
    ///
    /// # Errors
    /// [`Refused`]
    pub(super) async fn admit(&self) -> Result<OwnedSemaphorePermit, Refused> {
        if !self.bucket.lock().await.take(Instant::now()) {
            return Err(Refused::TooFast);
        }
        Arc::clone(&self.sessions).try_acquire_owned().map_err(|_| Refused::TooMany)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_bucket_empties_and_fills_again() {
        let start = Instant::now();
        let mut bucket = Bucket { tokens: BURST, filled: start };
        assert_eq!((0..100).filter(|_| bucket.take(start)).count(), 20);
        assert!(!bucket.take(start + Duration::from_millis(100)));
        assert!(bucket.take(start + Duration::from_millis(400)));
    }

    #[tokio::test]
    async fn sessions_at_a_time_are_bounded() {
        let limits = Limits::default();
        let fast = Instant::now() + Duration::from_secs(3600);
        limits.bucket.lock().await.filled = fast; // not what is tested here
        limits.bucket.lock().await.tokens = 1e9;
        let held: Vec<_> =
            std::iter::repeat_with(|| Arc::clone(&limits.sessions).try_acquire_owned().unwrap())
                .take(MAX_SESSIONS)
                .collect();
        assert_eq!(limits.admit().await.unwrap_err(), Refused::TooMany);
        drop(held);
        assert!(limits.admit().await.is_ok());
    }
}
