//! One timer a connection.
//!
//! The deadline moves with every acknowledgement. Moving the runtime's timer each time would take its lock
//! for every batch, so it is moved only towards now; when it fires too early it is set again.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

#[derive(Debug)]
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
    armed: Option<Instant>,
}

impl Timer {
    pub(crate) fn new(now: Instant) -> Self {
        Self { sleep: Box::pin(tokio::time::sleep_until(now.into())), armed: None }
    }

    /// Ready once `deadline` has come; never for `None`.
    pub(crate) fn poll(&mut self, deadline: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        loop {
            if self.armed.is_none_or(|armed| armed > deadline) {
                self.sleep.as_mut().reset(deadline.into());
                self.armed = Some(deadline);
            }
            match self.sleep.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if self.armed == Some(deadline) => {
                    self.armed = None;
                    return Poll::Ready(());
                }
                Poll::Ready(()) => self.armed = None,
            }
        }
    }
}

/// Time as the runtime sees it: a paused test clock counts too.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moved_away_is_not_reached_early() {
        let start = now();
        let mut timer = Timer::new(start);
        let at = |ms| Some(start + Duration::from_millis(ms));
        poll_fn(|cx| {
            assert!(timer.poll(at(10), cx).is_pending());
            Poll::Ready(())
        })
        .await;
        poll_fn(|cx| timer.poll(at(50), cx)).await;
        assert!(now() >= start + Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moved_nearer_is_reached_then() {
        let start = now();
        let mut timer = Timer::new(start);
        poll_fn(|cx| {
            assert!(timer.poll(Some(start + Duration::from_secs(60)), cx).is_pending());
            Poll::Ready(())
        })
        .await;
        poll_fn(|cx| timer.poll(Some(start + Duration::from_millis(5)), cx)).await;
        assert!(now() < start + Duration::from_secs(1));
    }
}
