//! Time and randomness as values: what is decided by them has one answer in a test.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// Microseconds since 1970-01-01T00:00:00Z, as every engine stores them.
pub type Micros = i64;

/// One minute.
pub const MINUTE: Micros = 60 * 1_000_000;
/// One day of 24 hours.
pub const DAY: Micros = 24 * 60 * MINUTE;

/// Where the directory takes time and randomness from.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Micros + Send + Sync>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn system() -> Self {
        Self::from_fn(|| jiff::Timestamp::now().as_microsecond())
    }

    /// A clock that says what `now` says.
    pub fn from_fn(now: impl Fn() -> Micros + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now) }
    }

    /// The time, in microseconds since the epoch.
    #[must_use]
    pub fn now(&self) -> Micros {
        (self.now)()
    }

    /// A new id: UUID version 7, made of this clock's time. Nothing is ever ordered by it.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        let micros = self.now().max(0).unsigned_abs();
        let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
        let nanos = u32::try_from(rest * 1_000).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
