//! Time and randomness as values: what is decided by them has one answer in a test.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// Microseconds since 1970-01-01T00:00:00Z, as every engine stores them.
pub type Micros = i64;

/// A second.
pub const SECOND: Micros = 1_000_000;
/// One minute.
pub const MINUTE: Micros = 60 * SECOND;
/// One hour.
pub const HOUR: Micros = 60 * MINUTE;
/// One day of 24 hours.
pub const DAY: Micros = 24 * HOUR;

/// Fills bytes with random bits.
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Where the directory takes time and randomness from.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Micros + Send + Sync>,
    fill: Arc<Fill>,
}

impl Clock {
    /// The machine's clock, and the system's generator of random bits.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn system() -> Self {
        Self::from_fn(|| jiff::Timestamp::now().as_microsecond())
    }

    /// A clock that says what `now` says, with the system's random bits.
    #[expect(clippy::disallowed_methods, reason = "the one place that takes random bits")]
    pub fn from_fn(now: impl Fn() -> Micros + Send + Sync + 'static) -> Self {
        let fill = |bytes: &mut [u8]| rand::Rng::fill_bytes(&mut rand::rng(), bytes);
        Self { now: Arc::new(now), fill: Arc::new(fill) }
    }

    /// The same clock with the random bits that `fill` fills in.
    #[must_use]
    pub fn with_random(self, fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self { fill: Arc::new(fill), ..self }
    }

    /// The time, in microseconds since the epoch.
    #[must_use]
    pub fn now(&self) -> Micros {
        (self.now)()
    }

    /// Random bytes, fit for secrets.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes
    }

    /// A new id: UUID version 7, made of this clock's time. Nothing is ever ordered by it.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        let millis = self.now().max(0).unsigned_abs() / 1_000;
        uuid::Builder::from_unix_timestamp_millis(millis, &self.random()).into_uuid()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
