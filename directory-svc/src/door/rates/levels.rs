//! How full each bucket is.
//!
//! A bucket is the time at which it will be full again: each request takes it a little further off, and it
//! may be no further off than it takes to fill an empty one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Bucket, LimitsConfig};

/// The buckets that are not full.
#[derive(Debug)]
pub(super) struct Levels {
    /// How long one request takes to come back.
    each: Duration,
    /// How long an empty bucket takes to fill.
    filling: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    buckets: HashMap<Bucket, Level>,
    /// Those of which something was taken here that others have not been told of.
    untold: Vec<Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    full_at: Instant,
    untold: u32,
}

impl Levels {
    /// Buckets of so much; `None` where there is no rate to keep to.
    pub(super) fn new(config: LimitsConfig) -> Option<Self> {
        let each = Duration::from_secs(1).checked_div(config.rate)?.max(Duration::from_nanos(1));
        let filling = each.saturating_mul(config.burst.max(1));
        Some(Self { each, filling, state: Mutex::default() })
    }

    /// Takes one request out of a bucket. `is_told`: others are to be told of it.
    ///
    /// # Errors
    /// How long it takes until there is one.
    pub(super) fn take(&self, bucket: Bucket, is_told: bool) -> Result<(), Duration> {
        let now = Instant::now();
        let mut state = self.state();
        let State { buckets, untold } = &mut *state;
        let level = buckets.entry(bucket).or_insert(Level { full_at: now, untold: 0 });
        let full_at = level.full_at.max(now) + self.each;
        let early = full_at.saturating_duration_since(now + self.filling);
        if early > Duration::ZERO {
            return Err(early);
        }
        level.full_at = full_at;
        if is_told {
            if level.untold == 0 {
                untold.push(bucket);
            }
            level.untold = level.untold.saturating_add(1);
        }
        Ok(())
    }

    /// Takes out what others took, though it were more than there is: so deep in debt as each of so many
    /// `others` can have brought it, and no deeper.
    pub(super) fn take_for(&self, bucket: Bucket, count: u32, others: usize) {
        let now = Instant::now();
        let others = u32::try_from(others).unwrap_or(u32::MAX);
        let deepest = now + self.filling.saturating_mul(others.saturating_add(1));
        let mut state = self.state();
        let level = state.buckets.entry(bucket).or_insert(Level { full_at: now, untold: 0 });
        let full_at = level.full_at.max(now) + self.each.saturating_mul(count);
        level.full_at = full_at.min(deepest).max(level.full_at);
    }

    /// What was taken here since this was last asked.
    pub(super) fn untold(&self) -> Vec<(Bucket, u32)> {
        let mut state = self.state();
        let State { buckets, untold } = &mut *state;
        let taken = untold.drain(..).filter_map(|bucket| {
            let level = buckets.get_mut(&bucket)?;
            Some((bucket, std::mem::take(&mut level.untold)))
        });
        taken.collect()
    }

    /// Forgets the buckets that are full again.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.state().buckets.retain(|_, level| level.full_at > now || level.untold > 0);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;
    use uuid::Uuid;

    use super::*;
    use crate::ids::IntegrationId;

    const SECOND: Duration = Duration::from_secs(1);

    fn bucket(number: u128) -> Bucket {
        Bucket::Integration(IntegrationId::new(Uuid::from_u128(number)))
    }

    fn levels(rate: u32, burst: u32) -> Levels {
        Levels::new(LimitsConfig { rate, burst }).unwrap()
    }

    /// How many are taken at once.
    fn drained(levels: &Levels, number: u128) -> usize {
        std::iter::repeat_with(|| levels.take(bucket(number), true))
            .take_while(Result::is_ok)
            .count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_holds_a_burst_and_fills_at_its_rate() {
        let levels = levels(10, 20);
        assert_eq!(drained(&levels, 1), 20);
        assert_eq!(levels.take(bucket(1), true), Err(SECOND / 10));
        assert_eq!(drained(&levels, 2), 20, "another's is another's");
        advance(SECOND).await;
        assert_eq!(drained(&levels, 1), 10);
        advance(SECOND * 60).await;
        assert_eq!(drained(&levels, 1), 20, "and no more than a burst");
    }

    #[test]
    fn no_rate_is_no_bucket() {
        assert!(Levels::new(LimitsConfig { rate: 0, burst: 1 }).is_none());
        assert!(Levels::new(LimitsConfig { rate: u32::MAX, burst: u32::MAX }).is_some());
    }

    /// Seen to fail with what others took bounded by what is there.
    #[tokio::test(start_paused = true)]
    async fn what_others_took_is_missing_here_and_comes_back() {
        let levels = levels(10, 20);
        levels.take_for(bucket(1), 15, 1);
        assert_eq!(drained(&levels, 1), 5);
        levels.take_for(bucket(1), 10, 1);
        assert_eq!(levels.take(bucket(1), true), Err(SECOND + SECOND / 10), "it is in debt");
        advance(SECOND * 2).await;
        assert_eq!(drained(&levels, 1), 10);
        assert_eq!(levels.untold(), [(bucket(1), 15)], "each tells what it took itself");
        assert!(levels.untold().is_empty());
    }

    /// Seen to fail with no depth.
    #[tokio::test(start_paused = true)]
    async fn a_debt_is_as_deep_as_others_can_make_it() {
        let levels = levels(10, 20);
        levels.take_for(bucket(1), u32::MAX, 1);
        assert_eq!(levels.take(bucket(1), true), Err(SECOND * 2 + SECOND / 10), "one burst of one");
        levels.take_for(bucket(1), u32::MAX, 3);
        assert_eq!(levels.take(bucket(1), true), Err(SECOND * 6 + SECOND / 10));
        levels.take_for(bucket(1), 1, 0);
        assert_eq!(levels.take(bucket(1), true), Err(SECOND * 6 + SECOND / 10), "it stays");
    }

    #[tokio::test(start_paused = true)]
    async fn full_buckets_are_forgotten_once_they_are_told() {
        let levels = levels(10, 20);
        drained(&levels, 1);
        levels.sweep();
        advance(SECOND * 60).await;
        levels.sweep();
        assert_eq!(levels.untold(), [(bucket(1), 20)]);
        levels.sweep();
        assert!(levels.state().buckets.is_empty());
    }
}
